/* SPDX-License-Identifier: Apache-2.0 */
/* Walks the tree of a file along the rows. */
#include "common/config/schema.h"

#include <stdarg.h>

enum { MAX_TEXT = 400 };

/* The rows are one flat table for people; these are its levels. */
struct section {
    struct child {
        const struct row *row;
        struct pm_str name; /* the last part of its path; points into it */
        struct child *next;
    } * first, *last;
};

static void add_to_section(struct load *l, const struct row *row)
{
    const char *dot = strrchr(row->path, '.');
    struct pm_str parent = dot ? pm_str_n(row->path, (size_t)(dot - row->path)) : PM_STR("");
    struct section *s = pm_map_get(&l->sections, parent);
    struct child *c = PM_ARENA_NEW(l->scratch, struct child);

    if (!s) {
        s = PM_ARENA_NEW(l->scratch, struct section);
        pm_map_put(&l->sections, parent, s);
    }
    *c = (struct child){.row = row, .name = pm_str(dot ? dot + 1 : row->path)};
    if (s->last)
        s->last->next = c;
    else
        s->first = c;
    s->last = c;
}

void load_init(struct load *l, struct pm_arena *scratch, struct pm_arena *keep)
{
    *l = (struct load){.scratch = scratch, .keep = keep};
    pm_diags_init(&l->diags, scratch);
    pm_map_init(&l->key_by_hash);
    pm_map_init(&l->sections);
    for (size_t i = 0; i < schema_n_rows; i++)
        add_to_section(l, &schema_rows[i]);
}

void load_fini(struct load *l)
{
    pm_map_fini(&l->key_by_hash);
    pm_map_fini(&l->sections);
}

static const struct child *rows_below(const struct load *l, const char *path)
{
    const struct section *s = pm_map_get(&l->sections, pm_str(path));

    return s ? s->first : NULL;
}

static bool is_plain(struct pm_str name)
{
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '.' || name.p[i] == ' ' || name.p[i] == '"')
            return false;
    }
    return name.n > 0;
}

static void print_path(const struct load *l, struct pm_buf *out)
{
    for (size_t i = 0; i < l->depth && i < LOAD_MAX_PATH; i++) {
        struct pm_str name = pm_str_cut(l->path[i], 0, 80);
        const char *quote = is_plain(name) ? "" : "\"";
        pm_buf_addf(out, "%s%s%.*s%s", i ? "." : "", quote, PM_FMT(name), quote);
    }
}

bool load_fail(struct load *l, struct pm_place at, const char *fmt, ...)
{
    char text[MAX_TEXT];
    struct pm_buf path;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    pm_buf_init(&path, 4096);
    print_path(l, &path);
    pm_diag(&l->diags, at, "%s%s%s", path.p ? path.p : "", path.n ? ": " : "", text);
    pm_buf_fini(&path);
    return false;
}

void load_push(struct load *l, struct pm_str name)
{
    if (l->depth < LOAD_MAX_PATH)
        l->path[l->depth] = name;
    l->depth++;
}

void load_pop(struct load *l)
{
    l->depth--;
}

bool load_is_map(struct load *l, const struct pm_yaml *node)
{
    if (node->type == PM_YAML_MAP || node->type == PM_YAML_NULL)
        return true;
    return load_fail(l, node->at, "must be a mapping, not %s", pm_yaml_type_name(node->type));
}

/* The row of a member, or NULL. *obj moves to the object that it is in. */
static const struct row *find(const struct load *l, const char *path, struct pm_str key, void **obj)
{
    for (const struct child *c = rows_below(l, path); c; c = c->next) {
        if (pm_str_is(c->name, "+")) {
            void *inner = (char *)*obj + c->row->at;
            const struct row *found = find(l, c->row->of, key, &inner);
            if (found) {
                *obj = inner;
                return found;
            }
        } else if (pm_str_eq(c->name, key) || pm_str_is(c->name, "*")) {
            return c->row;
        }
    }
    return NULL;
}

static void suggest(const struct load *l, struct nearest *n, const char *path)
{
    for (const struct child *c = rows_below(l, path); c; c = c->next) {
        if (pm_str_is(c->name, "+"))
            suggest(l, n, c->row->of);
        else
            nearest_try(n, c->name);
    }
}

static bool read_items(struct load *l, const struct row *row, void *first, size_t size,
                       const struct pm_yaml *node)
{
    struct pm_buf wrong;
    struct row one = *row;
    bool ok = true;
    size_t i = 0;

    one.at = 0;
    pm_buf_init(&wrong, MAX_TEXT);
    for (const struct pm_yaml *m = node->first; m; m = m->next, i++) {
        pm_buf_reset(&wrong);
        if (m->type != PM_YAML_TEXT)
            ok = load_fail(l, m->at, "must be text, not %s", pm_yaml_type_name(m->type));
        else if (!value_read(l->keep, &one, (char *)first + i * size, m->text, &wrong))
            ok = load_fail(l, m->at, "%s", wrong.p);
    }
    pm_buf_fini(&wrong);
    return ok;
}

static bool read_list(struct load *l, const struct row *row, void *obj, const struct pm_yaml *node)
{
    void *at = (char *)obj + row->at;
    struct pm_str *texts;

    if (node->type != PM_YAML_SEQ)
        return load_fail(l, node->at, "must be a list, not %s", pm_yaml_type_name(node->type));
    if (row->kind == ROW_BITS || row->kind == ROW_BITS64) {
        memset(at, 0, row->kind == ROW_BITS ? sizeof(uint32_t) : sizeof(uint64_t));
        return read_items(l, row, at, 0, node);
    }
    texts = PM_ARENA_ARRAY(l->keep, struct pm_str, node->n);
    if (!read_items(l, row, texts, sizeof(*texts), node))
        return false;
    *(struct pm_str **)at = texts;
    *(size_t *)((char *)obj + row->n_at) = node->n;
    return row->hook ? row->hook(l, row, obj, node) : true;
}

static bool read_scalar(struct load *l, const struct row *row, void *obj,
                        const struct pm_yaml *node)
{
    struct pm_buf wrong;
    bool ok;

    pm_buf_init(&wrong, MAX_TEXT);
    if (node->type != PM_YAML_TEXT) {
        value_describe(row, &wrong);
        ok = load_fail(l, node->at, "must be %s, not %s", wrong.p, pm_yaml_type_name(node->type));
    } else {
        ok = value_read(l->keep, row, obj, node->text, &wrong) ||
             load_fail(l, node->at, "%s", wrong.p);
    }
    pm_buf_fini(&wrong);
    return ok;
}

static bool read_row(struct load *l, const struct row *row, void *obj, const struct pm_yaml *node)
{
    switch (row->kind) {
    case ROW_OBJECT:
    case ROW_NAMED:
        return schema_read(l, row->path, obj, node);
    case ROW_INCLUDE:
        return schema_read(l, row->of, (char *)obj + row->at, node);
    case ROW_ENTRY:
    case ROW_CUSTOM:
        return row->hook(l, row, obj, node);
    case ROW_BITS:
    case ROW_BITS64:
    case ROW_TEXTS:
        return read_list(l, row, obj, node);
    default:
        return read_scalar(l, row, obj, node);
    }
}

bool schema_read_member(struct load *l, const char *path, void *obj, const struct pm_yaml *member)
{
    const struct row *row = find(l, path, member->key, &obj);
    struct nearest near;
    char hint[128];
    bool ok;

    load_push(l, member->key);
    if (row) {
        ok = read_row(l, row, obj, member);
    } else {
        near = nearest_to(member->key);
        suggest(l, &near, path);
        ok = load_fail(l, member->key_at, "unknown key%s", nearest_hint(&near, hint, sizeof(hint)));
    }
    load_pop(l);
    return ok;
}

bool schema_read(struct load *l, const char *path, void *obj, const struct pm_yaml *node)
{
    bool ok = true;

    if (!load_is_map(l, node))
        return false;
    for (const struct pm_yaml *m = node->first; m; m = m->next)
        ok &= schema_read_member(l, path, obj, m);
    return ok;
}

static void apply_default(struct load *l, const struct row *row, void *obj)
{
    struct pm_str rest = pm_str(row->deflt), word;
    struct pm_buf wrong;
    ptrdiff_t blank;

    pm_buf_init(&wrong, MAX_TEXT);
    do {
        blank = pm_str_find(rest, ' ');
        word = blank < 0 ? rest : pm_str_cut(rest, 0, (size_t)blank);
        rest = pm_str_cut(rest, word.n + 1, rest.n);
        if (!value_read(l->keep, row, obj, word, &wrong))
            load_fail(l, (struct pm_place){0}, "default of %s: %s", row->path, wrong.p);
    } while (blank >= 0);
    pm_buf_fini(&wrong);
}

void schema_defaults(struct load *l, const char *path, void *obj)
{
    for (const struct child *c = rows_below(l, path); c; c = c->next) {
        const struct row *row = c->row;
        if (row->kind == ROW_OBJECT)
            schema_defaults(l, row->path, obj);
        else if (row->kind == ROW_INCLUDE)
            schema_defaults(l, row->of, (char *)obj + row->at);
        else if (row->deflt)
            apply_default(l, row, obj);
    }
}
