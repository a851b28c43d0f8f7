/* SPDX-License-Identifier: Apache-2.0 */
#include "common/config/config.h"

#include <errno.h>
#include <stdlib.h>

#include "common/catalogue/catalogue.h"
#include "common/config/entries.h"

#define MAX_FILE_BYTES (16ULL << 20)
#define MAX_TREE_BYTES (256ULL << 20)

/* Later ones refer to earlier ones, wherever they stand in the file. */
static const char *const sections[] = {"agent",   "catalogue", "providers", "models",
                                       "aliases", "presets",   "policies",  "keys"};

static bool is_section(struct pm_str key)
{
    for (size_t i = 0; i < PM_COUNT(sections); i++) {
        if (pm_str_is(key, sections[i]))
            return true;
    }
    return false;
}

static void check_agent(struct load *l, const struct pm_agent_config *a)
{
    const struct pm_place whole = {0};

    if (a->spool_max_bytes < 2 * a->spool_segment_bytes)
        load_fail(l, whole, "agent.spool.max must be at least twice agent.spool.segment");
    if (a->max_memory_bytes < a->max_body_bytes)
        load_fail(l, whole, "agent.limits.memory must be at least agent.limits.body");
    if (a->listen_port != 0 && a->listen_port == a->probe_port)
        load_fail(l, whole, "agent.listen.port and agent.probes.port must differ");
}

static void read_tree(struct load *l, struct pm_config *c, const struct pm_yaml *root)
{
    struct catalogue_entry catalogue = {0};
    struct pm_error err;

    schema_defaults(l, "catalogue", &catalogue);
    for (size_t i = 0; i < PM_COUNT(sections); i++) {
        const struct pm_yaml *m = pm_yaml_get(root, sections[i]);
        bool is_agent = strcmp(sections[i], "agent") == 0;
        bool is_catalogue = strcmp(sections[i], "catalogue") == 0;

        l->keep = is_agent ? &c->arena : pm_table_arena(l->build);
        if (m)
            schema_read_member(l, "", is_catalogue ? (void *)&catalogue : (void *)c, m);
        if (is_catalogue && catalogue.builtin && !pm_catalogue_add(l->build, &err))
            pm_diag(&l->diags, (struct pm_place){0}, "%s", err.text);
    }
    for (const struct pm_yaml *m = root->first; m; m = m->next) {
        if (!is_section(m->key))
            schema_read_member(l, "", c, m);
    }
    check_agent(l, &c->agent);
}

static void print_findings(const struct load *l, const char *name, struct pm_config_errors *errs)
{
    if (!errs)
        return;
    errs->n += l->diags.n;
    if (errs->text)
        pm_diags_print(&l->diags, name, errs->text);
}

struct pm_config *pm_config_parse(const char *name, struct pm_str yaml,
                                  struct pm_config_errors *errs)
{
    struct pm_config *c = pm_xcalloc(1, sizeof(*c));
    struct pm_arena scratch;
    const struct pm_yaml *root;
    struct load l;

    pm_arena_init(&c->arena, 4096, SIZE_MAX);
    pm_arena_init(&scratch, 64 << 10, MAX_TREE_BYTES);
    load_init(&l, &scratch, &c->arena);
    l.build = pm_table_build_new();
    schema_defaults(&l, "agent", c);
    root = pm_yaml_parse(yaml, &scratch, &l.diags);
    if (root && load_is_map(&l, root))
        read_tree(&l, c, root);
    print_findings(&l, name, errs);
    if (l.diags.n == 0) {
        c->table = pm_table_finish(l.build);
    } else {
        pm_table_build_free(l.build);
        pm_config_free(c);
        c = NULL;
    }
    load_fini(&l);
    pm_arena_fini(&scratch);
    return c;
}

static void file_error(struct pm_config_errors *errs, const char *path, const char *what)
{
    if (!errs)
        return;
    errs->n++;
    if (errs->text)
        pm_buf_addf(errs->text, "%s: %s\n", path, what);
}

struct pm_config *pm_config_load(const char *path, struct pm_config_errors *errs)
{
    struct pm_config *c = NULL;
    FILE *f = fopen(path, "rbe");
    struct pm_buf text;
    size_t got;

    pm_buf_init(&text, MAX_FILE_BYTES);
    if (!f) {
        file_error(errs, path, strerror(errno));
        goto done;
    }
    do {
        if (!pm_buf_reserve(&text, 64 << 10)) {
            file_error(errs, path, "larger than 16 MiB");
            goto done;
        }
        got = fread(text.p + text.n, 1, 64 << 10, f);
        text.n += got;
    } while (got > 0);
    if (ferror(f)) {
        file_error(errs, path, strerror(errno));
        goto done;
    }
    c = pm_config_parse(path, pm_buf_view(&text), errs);
done:
    pm_buf_fini(&text);
    if (f)
        fclose(f);
    return c;
}

void pm_config_free(struct pm_config *c)
{
    if (!c)
        return;
    pm_table_unref(c->table);
    pm_arena_fini(&c->arena);
    free(c);
}
