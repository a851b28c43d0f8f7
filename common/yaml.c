/* SPDX-License-Identifier: Apache-2.0 */
#include "common/yaml.h"

#include <yaml.h>

#include "common/map.h"

struct reader {
    yaml_parser_t parser;
    struct pm_arena *arena;
    struct pm_diags *diags;
    struct pm_str text;
    struct pm_yaml *open[PM_YAML_MAX_DEPTH]; /* from the root down */
    size_t depth;
    struct pm_str key; /* of the member whose value comes next; p == NULL: a key comes next */
    struct pm_place key_at;
    struct pm_yaml *root;
};

static struct pm_place place(yaml_mark_t m)
{
    return (struct pm_place){(uint32_t)m.line + 1, (uint32_t)m.column + 1};
}

/* Of a byte that the scanner never reached, because it is no UTF-8. */
static struct pm_place place_of_byte(struct pm_str text, size_t offset)
{
    struct pm_place at = {1, 1};

    for (size_t i = 0; i < offset && i < text.n; i++) {
        at.col++;
        if (text.p[i] == '\n')
            at = (struct pm_place){at.line + 1, 1};
    }
    return at;
}

/* The commonest slip, which libyaml calls a character that cannot start any token. */
static bool is_tab(struct pm_str text, struct pm_place at)
{
    size_t i = 0;

    for (uint32_t line = 1; line < at.line && i < text.n; i++)
        line += text.p[i] == '\n';
    for (uint32_t col = 1; col < at.col && i < text.n && text.p[i] <= ' '; col++)
        i++;
    return i < text.n && text.p[i] == '\t';
}

static bool syntax_error(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    struct pm_place at = place(p->problem_mark);
    const char *problem = p->problem ? p->problem : "not YAML";

    if (p->error == YAML_READER_ERROR)
        at = place_of_byte(r->text, p->problem_offset);
    else if (p->error == YAML_SCANNER_ERROR && is_tab(r->text, at))
        return pm_diag(r->diags, at, "a tab; lines are indented with spaces");
    if (p->context && p->context_mark.line != p->problem_mark.line)
        return pm_diag(r->diags, at, "%s, %s that began in line %zu", problem, p->context,
                       p->context_mark.line + 1);
    return pm_diag(r->diags, at, "%s%s%s", problem, p->context ? ", " : "",
                   p->context ? p->context : "");
}

static bool is_null(struct pm_str s)
{
    return s.n == 0 || pm_str_is(s, "~") || pm_str_is(s, "null") || pm_str_is(s, "Null") ||
           pm_str_is(s, "NULL");
}

static bool copy(struct reader *r, struct pm_place at, const yaml_event_t *e, struct pm_str *out)
{
    size_t n = e->data.scalar.length;
    char *p = pm_arena_try(r->arena, n + 1);

    if (!p)
        return pm_diag(r->diags, at, "the file is too large");
    memcpy(p, e->data.scalar.value, n);
    *out = pm_str_n(p, n);
    return true;
}

/* A node under the innermost open one; NULL when the memory for the file is used up. */
static struct pm_yaml *add(struct reader *r, enum pm_yaml_type type, struct pm_place at)
{
    struct pm_yaml *parent = r->depth ? r->open[r->depth - 1] : NULL;
    struct pm_yaml *n = pm_arena_try(r->arena, sizeof(*n));

    if (!n) {
        pm_diag(r->diags, at, "the file is too large");
        return NULL;
    }
    *n = (struct pm_yaml){.type = type, .at = at, .key = r->key, .key_at = r->key_at};
    r->key = PM_NSTR;
    if (!parent) {
        r->root = n;
        return n;
    }
    if (parent->last)
        parent->last->next = n;
    else
        parent->first = n;
    parent->last = n;
    parent->n++;
    return n;
}

static bool expects_key(const struct reader *r)
{
    return r->depth && r->open[r->depth - 1]->type == PM_YAML_MAP && !r->key.p;
}

static bool on_scalar(struct reader *r, const yaml_event_t *e, struct pm_place at)
{
    bool quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    struct pm_str text;
    struct pm_yaml *n;

    if (!copy(r, at, e, &text))
        return false;
    if (expects_key(r)) {
        r->key = text;
        r->key_at = at;
        return true;
    }
    n = add(r, !quoted && is_null(text) ? PM_YAML_NULL : PM_YAML_TEXT, at);
    if (!n)
        return false;
    n->text = text;
    n->quoted = quoted;
    return true;
}

static bool on_open(struct reader *r, enum pm_yaml_type type, struct pm_place at)
{
    struct pm_yaml *n;

    if (expects_key(r))
        return pm_diag(r->diags, at, "a key must be plain text");
    if (r->depth == PM_YAML_MAX_DEPTH)
        return pm_diag(r->diags, at, "nested more than %d deep", PM_YAML_MAX_DEPTH);
    n = add(r, type, at);
    if (!n)
        return false;
    r->open[r->depth++] = n;
    return true;
}

/* The first of several members of one name stays. */
static void drop_duplicates(struct reader *r, struct pm_yaml *map)
{
    struct pm_map seen;
    struct pm_yaml *kept = map->first;

    pm_map_init(&seen);
    for (struct pm_yaml *m = map->first; m; m = m->next) {
        const struct pm_yaml *before = pm_map_get(&seen, m->key);
        if (before) {
            pm_diag(r->diags, m->key_at, "duplicate key \"%.*s\", first in line %u",
                    (int)PM_MIN(m->key.n, 80), m->key.p, before->key_at.line);
            kept->next = m->next;
            map->n--;
            continue;
        }
        pm_map_put(&seen, m->key, m);
        kept = m;
    }
    map->last = kept;
    pm_map_fini(&seen);
}

static bool has_anchor_or_tag(const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_ALIAS_EVENT:
        return true;
    case YAML_SCALAR_EVENT:
        return e->data.scalar.anchor || e->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT:
        return e->data.sequence_start.anchor || e->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT:
        return e->data.mapping_start.anchor || e->data.mapping_start.tag;
    default:
        return false;
    }
}

static bool on_event(struct reader *r, const yaml_event_t *e)
{
    struct pm_place at = place(e->start_mark);

    if (has_anchor_or_tag(e))
        return pm_diag(r->diags, at, "anchors, aliases and tags are not supported");
    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (r->root)
            return pm_diag(r->diags, at, "more than one document in the file");
        return true;
    case YAML_SCALAR_EVENT:
        return on_scalar(r, e, at);
    case YAML_SEQUENCE_START_EVENT:
        return on_open(r, PM_YAML_SEQ, at);
    case YAML_MAPPING_START_EVENT:
        return on_open(r, PM_YAML_MAP, at);
    case YAML_MAPPING_END_EVENT:
        if (r->open[r->depth - 1]->n > 1)
            drop_duplicates(r, r->open[r->depth - 1]);
        r->depth--;
        return true;
    case YAML_SEQUENCE_END_EVENT:
        r->depth--;
        return true;
    default:
        return true;
    }
}

struct pm_yaml *pm_yaml_parse(struct pm_str text, struct pm_arena *a, struct pm_diags *d)
{
    struct reader r = {.arena = a, .diags = d, .text = text};
    bool ok = false, end = false;
    yaml_event_t event;

    if (!yaml_parser_initialize(&r.parser)) {
        pm_diag(d, (struct pm_place){0}, "out of memory");
        return NULL;
    }
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text.p, text.n);
    while (!end) {
        if (!yaml_parser_parse(&r.parser, &event)) {
            syntax_error(&r);
            goto done;
        }
        end = event.type == YAML_STREAM_END_EVENT;
        ok = on_event(&r, &event);
        yaml_event_delete(&event);
        if (!ok)
            goto done;
    }
    if (!r.root)
        ok = add(&r, PM_YAML_NULL, (struct pm_place){1, 1}) != NULL;
done:
    yaml_parser_delete(&r.parser);
    return ok && end ? r.root : NULL;
}

const struct pm_yaml *pm_yaml_get(const struct pm_yaml *m, const char *key)
{
    const struct pm_yaml *v = m->type == PM_YAML_MAP ? m->first : NULL;

    while (v && !pm_str_is(v->key, key))
        v = v->next;
    return v;
}

const char *pm_yaml_type_name(enum pm_yaml_type t)
{
    static const char *const names[] = {
        [PM_YAML_NULL] = "nothing",
        [PM_YAML_TEXT] = "a single value",
        [PM_YAML_SEQ] = "a list",
        [PM_YAML_MAP] = "a mapping",
    };

    return names[t];
}
