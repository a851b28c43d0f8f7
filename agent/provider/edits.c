/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/provider/edits.h"

#define FIRST_EDITS 16

void edits_init(struct edits *e, struct pm_arena *a, struct pm_str text)
{
    *e = (struct edits){.a = a, .text = text};
}

static bool grow(struct edits *e)
{
    const size_t cap = e->cap ? e->cap * 2 : FIRST_EDITS;
    struct pm_edit *v = pm_arena_try(e->a, cap * sizeof(*v));

    if (!v) {
        e->failed = true;
        return false;
    }
    if (e->n)
        memcpy(v, e->v, e->n * sizeof(*v));
    e->v = v;
    e->cap = cap;
    return true;
}

static void add(struct edits *e, const char *at, size_t del, struct pm_str ins)
{
    if (e->failed || (e->n == e->cap && !grow(e)))
        return;
    e->v[e->n++] = (struct pm_edit){(size_t)(at - e->text.p), del, ins};
}

void edits_replace(struct edits *e, struct pm_str old, struct pm_str with)
{
    add(e, old.p, old.n, with);
}

void edits_insert(struct edits *e, const char *at, struct pm_str what)
{
    add(e, at, 0, what);
}

struct pm_str edits_join(struct edits *e, const struct pm_str *parts, size_t n)
{
    size_t total = 0;
    char *p;

    for (size_t i = 0; i < n; i++)
        total += parts[i].n;
    p = pm_arena_try(e->a, total + 1);
    if (!p) {
        e->failed = true;
        return PM_NSTR;
    }
    total = 0;
    for (size_t i = 0; i < n; i++) {
        if (parts[i].n)
            memcpy(p + total, parts[i].p, parts[i].n);
        total += parts[i].n;
    }
    return pm_str_n(p, total);
}

static bool is_plain(struct pm_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        const unsigned char c = (unsigned char)s.p[i];

        if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
            return false;
    }
    return true;
}

struct pm_str edits_quote(struct edits *e, struct pm_str utf8)
{
    struct pm_str s = PM_NSTR;
    struct pm_buf b;

    if (is_plain(utf8))
        return EDITS_JOIN(e, PM_STR("\""), utf8, PM_STR("\""));
    pm_buf_init(&b, utf8.n * 6 + 16);
    if (pm_json_quote(&b, utf8))
        s = EDITS_JOIN(e, pm_buf_view(&b));
    pm_buf_fini(&b);
    return s;
}

struct edit_walk edit_walk(struct edits *e, struct pm_jval container)
{
    return (struct edit_walk){.e = e, .close = container.raw.p + container.raw.n - 1};
}

/* A run of cut elements goes with the comma before it, or after it where nothing is before. */
static void flush(struct edit_walk *w, const char *next)
{
    const char *from = w->kept_end ? w->kept_end : w->cut_from;
    const char *to = w->kept_end || !next ? w->cut_to : next;

    if (w->cut_from)
        add(w->e, from, (size_t)(to - from), PM_NSTR);
    w->cut_from = NULL;
}

void edit_keep(struct edit_walk *w, struct pm_str element)
{
    flush(w, element.p);
    w->kept_end = element.p + element.n;
}

void edit_cut(struct edit_walk *w, struct pm_str element)
{
    if (!w->cut_from)
        w->cut_from = element.p;
    w->cut_to = element.p + element.n;
}

static void comma(struct edit_walk *w)
{
    flush(w, NULL);
    if (w->kept_end)
        add(w->e, w->close, 0, PM_STR(","));
    w->kept_end = w->close;
}

void edit_add(struct edit_walk *w, struct pm_str element)
{
    comma(w);
    add(w->e, w->close, 0, element);
}

void edit_add_member(struct edit_walk *w, struct pm_str name, struct pm_str value)
{
    comma(w);
    add(w->e, w->close, 0, PM_STR("\""));
    add(w->e, w->close, 0, name);
    add(w->e, w->close, 0, PM_STR("\":"));
    add(w->e, w->close, 0, value);
}

void edit_end(struct edit_walk *w)
{
    flush(w, NULL);
}
