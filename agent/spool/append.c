/* SPDX-License-Identifier: Apache-2.0 */
/* The way of an entry into the current segment, and from one segment to the next. */
#include "agent/spool/internal.h"

#include "common/clock.h"

/* A message and how it is written. */
struct source {
    uint16_t kind, flags;
    record_put_fn *put;
    const void *message;
};

struct segment_info *spool_segment(struct spool *s, uint32_t number)
{
    for (size_t i = s->n_segments; i > 0; i--) {
        if (s->segments[i - 1].number == number)
            return &s->segments[i - 1];
    }
    return NULL;
}

void spool_add_segment(struct spool *s, const struct segment_info *info)
{
    if (s->n_segments == s->cap_segments) {
        s->cap_segments = s->cap_segments ? 2 * s->cap_segments : 16;
        s->segments = pm_xrealloc(s->segments, s->cap_segments * sizeof(*s->segments));
    }
    s->segments[s->n_segments++] = *info;
}

bool spool_rotate(struct spool *s)
{
    struct segment_info info;

    if (!s->next.map)
        return false;
    if (s->current.map) {
        struct retired *r = pm_xmalloc(sizeof(*r));

        *r = (struct retired){s->current, s->next_seq++, s->retired};
        s->retired = r;
        s->segments[s->n_segments - 1].bytes = segment_full_size(&s->current);
    }
    s->current = s->next;
    s->next.map = NULL;
    info = (struct segment_info){
        .number = s->current.number,
        .salt = s->current.salt,
        .first_seq = s->next_seq,
        .made_unix_ms = pm_unix_ms(),
        .bytes = s->current.size,
    };
    spool_add_segment(s, &info);
    segment_begin(&s->current, info.first_seq, info.made_unix_ms);
    open_calls_checkpoint(s);
    s->folder_dirty = true;
    keeper_dirty(s);
    keeper_prepare(s);
    return true;
}

/* While the disk is full, a call that would begin leaves the last of the room to the records of
 * those that run. */
static size_t kept_back(const struct spool *s, const struct source *src)
{
    return src->kind == SPOOL_CALL_BEGUN && !s->next.map ? s->current.size / 8 : 0;
}

static uint64_t append(struct spool *s, const struct source *src, uint64_t *at)
{
    for (int tries = 0; tries < 2; tries++) {
        if (s->current.map) {
            size_t room, n, keep = kept_back(s, src);
            char *p = segment_room(&s->current, &room);

            n = room > keep ? src->put(p, room - keep, src->message) : 0;
            if (n) {
                *at = place(s->current.number,
                            segment_publish(&s->current, s->next_seq, src->kind, src->flags, n));
                keeper_dirty(s);
                return s->next_seq++;
            }
        }
        if (!spool_rotate(s))
            break;
    }
    s->errors++;
    keeper_prepare(s);
    return 0;
}

uint64_t spool_append_begin(struct spool *s, const struct spool_begin *b)
{
    const struct source src = {SPOOL_CALL_BEGUN, 0, record_put_begun, b};
    uint64_t at, seq = append(s, &src, &at);

    if (seq)
        open_call_begin(s, b->id, at);
    return seq;
}

uint64_t spool_append_attempt(struct spool *s, struct pm_str id, const struct spool_attempt *a)
{
    const struct record_attempt message = {id, *a};
    const struct source src = {SPOOL_CALL_ATTEMPT, 0, record_put_attempt, &message};
    uint64_t at, seq = append(s, &src, &at);

    if (seq)
        open_call_attempt(s, id, at);
    return seq;
}

uint64_t spool_append_settled(struct spool *s, const struct spool_settled *r)
{
    const struct source src = {SPOOL_USAGE_RECORD, 0, record_put_settled, r};
    uint64_t at, seq = append(s, &src, &at);

    if (seq) {
        segment_index(&s->current, segment_hash(r->begin.id), place_at(at));
        open_call_settle(s, r->begin.id); /* which may own the id */
    }
    return seq;
}

static size_t put_raw(char *dst, size_t room, const void *message)
{
    const struct pm_str *payload = message;

    if (payload->n > room)
        return 0;
    memcpy(dst, payload->p, payload->n);
    return payload->n;
}

uint64_t spool_append_raw(struct spool *s, uint16_t kind, uint16_t flags, struct pm_str payload,
                          uint64_t *at)
{
    const struct source src = {kind, flags, put_raw, &payload};

    return append(s, &src, at);
}
