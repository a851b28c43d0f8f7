/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/provider/tool_calls.h"

#include "common/map.h"

#define HELD_MAX (8u << 20)

static void json_end_take(struct json_end *e, char c)
{
    if (e->in_string) {
        if (e->escaped)
            e->escaped = false;
        else if (c == '\\')
            e->escaped = true;
        else if (c == '"')
            e->in_string = false;
        return;
    }
    if (c == '"') {
        e->in_string = true;
    } else if (c == '{' || c == '[') {
        e->depth++;
    } else if ((c == '}' || c == ']') && e->depth > 0) {
        e->depth--;
        e->done |= e->depth == 0;
    }
}

/* body is a JSON string body: it holds whole escapes only. Of \uXXXX only ASCII can matter. */
static void json_end_feed(struct json_end *e, struct pm_str body)
{
    const char *p = body.p, *end = p + body.n;

    while (p < end) {
        char c = *p++;

        if (c == '\\' && p < end) {
            c = *p++;
            if (c == 'u' && end - p >= 4) {
                const bool ascii = p[0] == '0' && p[1] == '0' && p[2] < '8';

                c = ascii ? (char)((p[2] - '0') << 4 | (p[3] <= '9' ? p[3] - '0' : (p[3] & 7) + 9))
                          : 'u';
                p += 4;
            } else if (c != '"' && c != '\\') {
                c = ' ';
            }
        }
        json_end_take(e, c);
    }
}

static bool is_text(const char *have, struct pm_str s)
{
    return pm_str_is(s, have);
}

static struct tool_call *add(struct tool_calls *t, const struct tool_delta *d)
{
    struct tool_call *c;

    if (t->n == TOOL_CALLS_MAX)
        return NULL;
    if (!t->v || t->n == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 4;
        t->v = pm_xrealloc(t->v, t->cap * sizeof(*t->v));
    }
    c = &t->v[t->n++];
    *c = (struct tool_call){.id = pm_xstrdup(""), .name = pm_xstrdup(""), .index = d->index};
    pm_buf_init(&c->held, HELD_MAX);
    return c;
}

/* The same id with a name again is another call where it has another index, or where the first one
 * is complete: some providers give all calls of an answer one id. */
static bool repeats_id(const struct tool_call *c, const struct tool_delta *d)
{
    if (d->name.n == 0)
        return false;
    return (d->index >= 0 && c->index >= 0 && c->index != d->index) ||
           (c->args.done && d->args.n > 0);
}

static struct tool_call *by_id(const struct tool_calls *t, const struct tool_delta *d)
{
    for (size_t i = t->n; i > 0 && d->id.n > 0; i--) {
        struct tool_call *c = &t->v[i - 1];

        if (is_text(c->id, d->id))
            return repeats_id(c, d) ? NULL : c;
    }
    return NULL;
}

static struct tool_call *by_index(const struct tool_calls *t, int64_t index)
{
    for (size_t i = t->n; i > 0 && index >= 0; i--) {
        if (t->v[i - 1].index == index)
            return &t->v[i - 1];
    }
    return NULL;
}

/* True if a delta with the index of c cannot belong to it. */
static bool is_another(const struct tool_call *c, const struct tool_delta *d)
{
    const bool new_id = d->id.n > 0 && c->id[0] && !is_text(c->id, d->id);

    if (new_id)
        return c->args.done ||
               (d->name.n > 0 && c->started && (!c->has_args || !is_text(c->name, d->name)));
    return d->name.n > 0 && c->started && c->args.done && d->args.n > 0;
}

struct tool_call *tool_calls_find(struct tool_calls *t, const struct tool_delta *d)
{
    struct tool_call *last = t->n ? &t->v[t->n - 1] : NULL, *c;

    if (d->id.n > TOOL_ID_MAX || d->name.n > TOOL_ID_MAX)
        return NULL;
    c = by_id(t, d);
    if (c)
        return c;
    if (d->index >= 0) {
        c = by_index(t, d->index);
        return c && !is_another(c, d) ? c : add(t, d);
    }
    /* No index: a name or an id begins a call, unless the last one still waits for it. */
    if (last && d->name.n > 0 && !last->started && (d->id.n == 0 || !last->id[0]))
        return last;
    if (d->id.n > 0 || d->name.n > 0 || !last)
        return add(t, d);
    return last;
}

static bool id_is_taken(const struct tool_calls *t, const struct tool_call *self)
{
    for (size_t i = 0; i < t->n; i++) {
        if (&t->v[i] != self && t->v[i].started && strcmp(t->v[i].id, self->id) == 0)
            return true;
    }
    return false;
}

/* An id of our own, the same for the same answer: "call_" and 22 letters or digits. */
static void make_id(struct tool_call *c, struct pm_str seed, uint32_t number)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    char id[] = "call_0000000000000000000000";
    uint64_t h[2] = {pm_hash_stable(seed) + number, pm_hash_stable(pm_str(c->name))};

    h[1] ^= h[0] * UINT64_C(0x9e3779b97f4a7c15);
    h[0] = pm_hash_stable(pm_str_n((const char *)h, sizeof(h)));
    for (size_t i = 0; i < 22; i++) {
        id[5 + i] = digits[h[i / 11] % 62];
        h[i / 11] /= 62;
    }
    free(c->id);
    c->id = pm_xstrdup(id);
}

static void set_text(char **field, struct pm_str s)
{
    if ((*field)[0] || s.n == 0)
        return;
    free(*field);
    *field = pm_xstrndup(s);
}

bool tool_call_take(struct tool_calls *t, struct tool_call *c, const struct tool_delta *d,
                    struct pm_str seed, bool *begins)
{
    *begins = false;
    if (c->index < 0)
        c->index = d->index;
    if (!c->started) {
        set_text(&c->id, d->id);
        set_text(&c->name, d->name);
        *begins = c->name[0] != '\0';
    }
    if (d->args.n > 0) {
        c->has_args = true;
        json_end_feed(&c->args, d->args);
        if (!c->started && !*begins && !pm_buf_str(&c->held, d->args))
            return false;
    }
    if (*begins) {
        c->started = true;
        c->number = t->n_started++;
        if (!c->id[0] || id_is_taken(t, c))
            make_id(c, seed, c->number);
    }
    return true;
}

void tool_calls_fini(struct tool_calls *t)
{
    for (size_t i = 0; i < t->n; i++) {
        free(t->v[i].id);
        free(t->v[i].name);
        pm_buf_fini(&t->v[i].held);
    }
    free(t->v);
    *t = (struct tool_calls){0};
}
