/* SPDX-License-Identifier: Apache-2.0 */
#include "common/sse.h"

void pm_sse_init(struct pm_sse *s, size_t max_event, pm_sse_fn *fn, void *ctx)
{
    *s = (struct pm_sse){.fn = fn, .ctx = ctx};
    pm_buf_init(&s->line, max_event);
    pm_buf_init(&s->data, max_event);
    pm_buf_init(&s->type, max_event);
}

void pm_sse_fini(struct pm_sse *s)
{
    pm_buf_fini(&s->line);
    pm_buf_fini(&s->data);
    pm_buf_fini(&s->type);
}

/* Moves a slice of the chunk into b, where it outlives the chunk. */
static bool keep(struct pm_buf *b, struct pm_str *slice)
{
    if (slice->n == 0)
        slice->p = "";
    if (slice->n == 0 || slice->p == b->p)
        return true;
    pm_buf_reset(b);
    if (!pm_buf_str(b, *slice))
        return false;
    *slice = pm_buf_view(b);
    return true;
}

static bool add_data(struct pm_sse *s, struct pm_str value)
{
    if (!s->has_data) {
        s->has_data = true;
        s->event.data = value;
        return true;
    }
    if (s->event.data.n == 0)
        pm_buf_reset(&s->data);
    if (!keep(&s->data, &s->event.data) || !pm_buf_ch(&s->data, '\n') ||
        !pm_buf_str(&s->data, value))
        return false;
    s->event.data = pm_buf_view(&s->data);
    return true;
}

static bool dispatch(struct pm_sse *s)
{
    const struct pm_sse_event ev = s->event;
    const bool has_data = s->has_data;

    s->event = (struct pm_sse_event){0};
    s->has_data = false;
    return !has_data || s->fn(s->ctx, &ev);
}

/* A whole line without its end. */
static bool take_line(struct pm_sse *s, struct pm_str line)
{
    const struct pm_str bom = PM_STR("\xef\xbb\xbf");
    struct pm_str name = line, value = PM_STR("");
    ptrdiff_t colon;

    if (!s->began && pm_str_starts(line, bom))
        name = line = pm_str_cut(line, bom.n, line.n);
    s->began = true;
    if (line.n == 0)
        return dispatch(s);
    colon = pm_str_find(line, ':');
    if (colon >= 0) {
        name = pm_str_cut(line, 0, (size_t)colon);
        value = pm_str_cut(line, (size_t)colon + 1, line.n);
        if (value.n && value.p[0] == ' ')
            value = pm_str_cut(value, 1, value.n);
    }
    if (colon == 0)
        return s->fn(s->ctx, &(struct pm_sse_event){.data = value, .comment = true});
    if (pm_str_eq(name, PM_STR("data")))
        return add_data(s, value);
    if (pm_str_eq(name, PM_STR("event")))
        s->event.type = value;
    return true;
}

/* The bytes up to `to` end a line that may have begun in the chunks before. */
static bool end_line(struct pm_sse *s, const char *from, const char *to)
{
    struct pm_str line = pm_str_n(from, (size_t)(to - from));

    if (s->line.n) {
        if (!pm_buf_str(&s->line, line))
            return false;
        line = pm_buf_view(&s->line);
        /* Its bytes stay where they are until the rest of this chunk is kept. */
        s->line.n = 0;
    }
    return line.n <= s->line.max && take_line(s, line);
}

/* The next c at or after p, when `last` is where the one before was. Every byte is searched once,
 * however many lines there are. */
static const char *next_at(const char *last, const char *p, const char *end, char c)
{
    if (last && last >= p)
        return last;
    p = memchr(p, c, (size_t)(end - p));
    return p ? p : end;
}

static bool feed(struct pm_sse *s, const char *p, const char *end)
{
    const char *lf = NULL, *cr = NULL;

    if (s->after_cr && *p == '\n')
        p++;
    s->after_cr = false;
    while (p < end) {
        const char *stop;

        lf = next_at(lf, p, end, '\n');
        cr = next_at(cr, p, end, '\r');
        stop = PM_MIN(lf, cr);
        if (stop == end)
            break;
        if (!end_line(s, p, stop))
            return false;
        p = stop + 1;
        if (stop == cr) {
            if (p == end)
                s->after_cr = true;
            else if (*p == '\n')
                p++;
        }
    }
    return keep(&s->data, &s->event.data) && keep(&s->type, &s->event.type) &&
           (p == end || pm_buf_add(&s->line, p, (size_t)(end - p)));
}

bool pm_sse_feed(struct pm_sse *s, const char *p, size_t n)
{
    if (n && !s->stopped)
        s->stopped = !feed(s, p, p + n);
    return !s->stopped;
}

bool pm_sse_end(struct pm_sse *s)
{
    if (!s->stopped)
        s->stopped = (s->line.n && !end_line(s, "", "")) || !dispatch(s);
    return !s->stopped;
}
