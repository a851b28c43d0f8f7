/* SPDX-License-Identifier: Apache-2.0 */
/* The reference page, from the rows that read the file. */
#include "common/config/schema.h"

static bool is_section(const struct row *row)
{
    return strchr(row->path, '.') == NULL;
}

/* The shared rows of one path are a section of their own: "<key>.env". */
static bool opens_shared(const struct row *row, const struct row *before)
{
    size_t n = strcspn(row->path, ".");

    return row->path[0] == '<' && (!before || strncmp(before->path, row->path, n + 1) != 0);
}

/* "<key>" is headed and linked as "key". */
static void add_shared_name(struct pm_buf *out, const char *path)
{
    pm_buf_str(out, pm_str_n(path + 1, strcspn(path, ">") - 1));
}

/* Shorter than what an error says: the page explains units and decimals once. */
static const char *const types[] = {
    [ROW_OBJECT] = "mapping",
    [ROW_INCLUDE] = "mapping",
    [ROW_NAMED] = "mapping of names",
    [ROW_ENTRY] = "mapping",
    [ROW_CUSTOM] = "mapping",
    [ROW_BOOL] = "true, false",
    [ROW_NOT] = "true, false",
    [ROW_PORT] = "number, 0 to 65535",
    [ROW_U32] = "number",
    [ROW_COUNT] = "number",
    [ROW_TIME] = "time",
    [ROW_SIZE] = "size",
    [ROW_DATE] = "date",
    [ROW_TEXT] = "text",
    [ROW_TEXTS] = "list of text",
    [ROW_USD_MTOK] = "USD per million tokens",
    [ROW_USD_UNIT] = "USD",
    [ROW_USD] = "USD",
};

static void add_type(struct pm_buf *out, const struct row *row)
{
    const char *form = row->form ? row->form : types[row->kind];

    if (row->kind == ROW_BITS || row->kind == ROW_BITS64)
        pm_buf_lit(out, "list of ");
    if (row->words)
        value_words(row->words, ", ", out);
    else if (form)
        pm_buf_cstr(out, form);
    if (row->of) {
        pm_buf_lit(out, ": see [");
        add_shared_name(out, row->of);
        pm_buf_lit(out, "](#");
        add_shared_name(out, row->of);
        pm_buf_lit(out, ")");
    }
    if (row->max) {
        pm_buf_lit(out, ", ");
        value_range(row, out);
    }
}

/* All of a shared path stands at this level. */
static void add_included(struct pm_buf *out, const struct row *row)
{
    pm_buf_lit(out, "| all of [");
    add_shared_name(out, row->of);
    pm_buf_lit(out, "](#");
    add_shared_name(out, row->of);
    pm_buf_addf(out, ") | | | %s |\n", row->text);
}

static void add_row(struct pm_buf *out, const struct row *row)
{
    struct pm_str path = pm_str(row->path);

    if (row->path[0] == '<')
        path = pm_str_cut(path, (size_t)pm_str_find(path, '.') + 1, path.n);
    pm_buf_addf(out, "| `%.*s` | ", PM_FMT(path));
    add_type(out, row);
    pm_buf_addf(out, " | %s%s%s | %s |\n", row->deflt ? "`" : "", row->deflt ? row->deflt : "",
                row->deflt ? "`" : "", row->text);
}

static void add_table_head(struct pm_buf *out)
{
    pm_buf_lit(out, "| key | value | default | meaning |\n|---|---|---|---|\n");
}

bool pm_config_reference(struct pm_buf *out)
{
    const struct row *before = NULL;

    pm_buf_lit(out,
               "# Configuration\n\n"
               "One YAML tree. Maps are keyed by name; `*` stands for any name. Unknown keys, "
               "duplicate keys and wrong\nvalues are errors with their line. Times are written "
               "with a unit (`500ms`, `5s`, `10m`, `1h`), sizes too (`64KiB`, `4MiB`), prices in "
               "USD\nper million tokens as exact decimals. Secrets stand only as references.\n");
    for (size_t i = 0; i < schema_n_rows; i++) {
        const struct row *row = &schema_rows[i];
        if (is_section(row)) {
            pm_buf_addf(out, "\n## %s\n\n%s\n\n", row->path, row->text);
            add_table_head(out);
        } else {
            if (opens_shared(row, before)) {
                pm_buf_lit(out, "\n### ");
                add_shared_name(out, row->path);
                pm_buf_lit(out, "\n\n");
                add_table_head(out);
            }
            if (strcmp(strrchr(row->path, '.'), ".+") == 0)
                add_included(out, row);
            else
                add_row(out, row);
        }
        before = row;
    }
    return !out->failed;
}
