/* SPDX-License-Identifier: Apache-2.0 */
/* Reading back: one entry by its place, a record by its id, and all of them in order. */
#include "agent/spool/internal.h"

/* Segments without an index on disk that are read whole for one id; each may cost the loop two
 * milliseconds. */
#define WHOLE_SEGMENTS 2
#define CLOCK_SLACK_MS 2000

uint32_t spool_segment_end(const struct spool *s, const struct segment_info *info)
{
    if (s->current.map && s->current.number == info->number)
        return s->current.end;
    return (uint32_t)PM_MIN(info->bytes, UINT32_MAX);
}

static bool scan_segment(struct spool *s, const struct segment_info *info, struct scan *c)
{
    return scan_open(c, s->dirfd, info->number, info->salt, info->first_seq,
                     spool_segment_end(s, info));
}

bool spool_read_place(struct spool *s, uint64_t at, struct scan *c, struct scan_entry *e)
{
    const struct segment_info *info = at ? spool_segment(s, place_number(at)) : NULL;

    return info && scan_segment(s, info, c) && scan_at(c, place_at(at), e);
}

/* Which record is looked for. */
struct wanted {
    struct pm_str id;
    struct pm_str key; /* whose calls may be seen; PM_NSTR: all */
};

static bool print_if(const struct scan_entry *e, const struct wanted *w, struct pm_buf *out)
{
    struct spool_attempt attempts[RECORD_ATTEMPTS_MAX];
    struct spool_settled r;

    return e->kind == SPOOL_USAGE_RECORD && pm_str_eq(record_id(e->kind, e->payload), w->id) &&
           record_get_settled(e->payload, &r, attempts) &&
           (!w->key.p || pm_str_eq(w->key, r.begin.key)) && generation_print(&r, out);
}

/* When the call of this id began; false: it does not say. */
static bool id_time(struct pm_str id, int64_t *unix_ms)
{
    const struct pm_str prefix = PM_STR("gen-");
    uint64_t seconds;

    if (!pm_str_starts(id, prefix) ||
        !pm_str_u64(pm_str_cut(id, prefix.n, prefix.n + 10), &seconds))
        return false;
    *unix_ms = (int64_t)seconds * 1000;
    return true;
}

/* The first segment that may hold the record: the one in use when the call began. */
static size_t first_to_search(const struct spool *s, struct pm_str id)
{
    size_t i = s->n_segments;
    int64_t began;

    if (!id_time(id, &began))
        return 0;
    while (i > 1 && s->segments[i - 1].made_unix_ms > began - CLOCK_SLACK_MS)
        i--;
    return i ? i - 1 : 0;
}

/* The rows of an index, newest first. */
static bool search_rows(struct scan *c, const char *rows, size_t n, const struct wanted *w,
                        struct pm_buf *out)
{
    const uint32_t hash = segment_hash(w->id);
    bool found = false;

    while (n-- > 0 && !found) {
        struct index_row row;
        struct scan_entry e;

        memcpy(&row, rows + n * sizeof(row), sizeof(row));
        found = row.hash == hash && scan_at(c, row.at, &e) && print_if(&e, w, out);
    }
    return found;
}

/* In one segment that is open as c. *whole: how many may still be read from end to end. */
static bool search(struct spool *s, const struct segment_info *info, struct scan *c,
                   const struct wanted *w, int *whole, struct pm_buf *out)
{
    struct scan_entry e;
    bool found = false;

    if (s->current.map && s->current.number == info->number)
        return search_rows(c, (const char *)s->current.index, s->current.records, w, out);
    if (scan_index(c, &e)) {
        struct pm_buf rows;

        pm_buf_init(&rows, SEGMENT_BYTES_MAX);
        pm_buf_str(&rows, e.payload); /* reading entries takes the buffer of c */
        found = search_rows(c, rows.p, rows.n / sizeof(struct index_row) - 1, w, out);
        pm_buf_fini(&rows);
        return found;
    }
    while (*whole > 0 && !found && scan_next(c, &e))
        found = print_if(&e, w, out);
    --*whole;
    return found;
}

bool spool_generation_json(struct spool *s, struct pm_str id, struct pm_str key, struct pm_buf *out)
{
    const struct wanted w = {id, key};
    const size_t first = first_to_search(s, id);
    int whole = WHOLE_SEGMENTS;
    bool found = false;

    if (pm_map_get(&s->open, id))
        return false;
    for (size_t i = s->n_segments; i > first && !found; i--) {
        const struct segment_info *info = &s->segments[i - 1];
        struct scan c;

        found = scan_segment(s, info, &c) && search(s, info, &c, &w, &whole, out);
        scan_close(&c);
    }
    return found;
}

struct spool_reader {
    struct spool *spool;
    uint64_t next_seq;
    uint32_t number; /* of the segment being read; 0: none yet */
    struct scan scan;
};

struct spool_reader *spool_reader_new(struct spool *s, uint64_t from_seq)
{
    struct spool_reader *r = pm_xmalloc(sizeof(*r));

    *r = (struct spool_reader){.spool = s, .next_seq = from_seq, .scan = {.fd = -1}};
    return r;
}

void spool_reader_free(struct spool_reader *r)
{
    if (!r)
        return;
    scan_close(&r->scan);
    free(r);
}

/* The segment to read after number `after`: the last that begins at or before the next sequence,
 * or else the first that is there. */
static const struct segment_info *following(const struct spool_reader *r)
{
    const struct spool *s = r->spool;
    const struct segment_info *found = NULL;

    for (size_t i = 0; i < s->n_segments; i++) {
        const struct segment_info *g = &s->segments[i];

        if (g->number > r->number && (!found || g->first_seq <= r->next_seq))
            found = g;
    }
    return found;
}

bool spool_reader_next(struct spool_reader *r, struct spool_entry *out)
{
    struct spool *s = r->spool;

    for (;;) {
        const struct segment_info *info;
        struct scan_entry e;

        while (r->scan.fd >= 0 && scan_next(&r->scan, &e)) {
            if (e.seq < r->next_seq)
                continue;
            r->next_seq = e.seq + 1;
            if (e.kind > SPOOL_USAGE_RECORD)
                continue;
            *out = (struct spool_entry){e.seq, e.kind, (e.flags & ENTRY_REPEATED) != 0, e.payload};
            return true;
        }
        /* It may have grown since it was opened. */
        info = r->number ? spool_segment(s, r->number) : NULL;
        if (info && r->scan.fd >= 0 && spool_segment_end(s, info) > r->scan.limit) {
            scan_extend(&r->scan, spool_segment_end(s, info));
            continue;
        }
        info = following(r);
        if (!info)
            return false;
        scan_close(&r->scan);
        r->number = info->number;
        if (!scan_segment(s, info, &r->scan))
            r->scan.fd = -1;
    }
}
