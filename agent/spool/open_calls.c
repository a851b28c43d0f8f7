/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that began and have not settled: where their entries are, in memory and, at the head
 * of every segment, on disk; so that finding them at start takes the last segment only, and no
 * segment goes that they need. */
#include "agent/spool/internal.h"

#include "common/clock.h"
#include "common/log.h"

static void use(struct spool *s, uint64_t at)
{
    struct segment_info *g = at ? spool_segment(s, place_number(at)) : NULL;

    if (g)
        g->refs++;
}

static void release(struct spool *s, uint64_t at)
{
    struct segment_info *g = at ? spool_segment(s, place_number(at)) : NULL;

    if (g)
        g->refs--;
}

void open_call_begin(struct spool *s, struct pm_str id, uint64_t at)
{
    struct open_call *c = pm_map_get(&s->open, id);

    use(s, at);
    if (c) {
        release(s, c->begun);
        c->begun = at;
        return;
    }
    c = pm_xmalloc(sizeof(*c) + id.n + 1);
    memcpy(c + 1, id.n ? id.p : "", id.n);
    *c = (struct open_call){.begun = at, .id = {(const char *)(c + 1), id.n}};
    pm_map_put(&s->open, c->id, c);
}

void open_call_attempt(struct spool *s, struct pm_str id, uint64_t at)
{
    struct open_call *c = pm_map_get(&s->open, id);

    if (!c)
        return;
    release(s, c->attempt);
    c->attempt = at;
    use(s, at);
}

void open_call_settle(struct spool *s, struct pm_str id)
{
    struct open_call *c = pm_map_del(&s->open, id);

    if (!c)
        return;
    release(s, c->begun);
    release(s, c->attempt);
    s->orphans -= c->orphan;
    free(c);
}

void open_calls_free(struct spool *s)
{
    struct pm_str id;
    void *c;

    for (size_t i = 0; pm_map_next(&s->open, &i, &id, &c);)
        free(c);
    pm_map_fini(&s->open);
}

void open_calls_checkpoint(struct spool *s)
{
    const size_t most = s->current.size / 4 / sizeof(struct checkpoint_row);
    struct checkpoint_row *rows;
    struct pm_str id;
    size_t room, n = 0;
    void *value;

    /* An entry cannot be empty, so that a row of zeros stands for "no call". */
    rows = (struct checkpoint_row *)(void *)segment_room(&s->current, &room);
    rows[0] = (struct checkpoint_row){0};
    for (size_t i = 0; n < most && pm_map_next(&s->open, &i, &id, &value);) {
        const struct open_call *c = value;

        rows[n++] = (struct checkpoint_row){c->begun, c->attempt};
    }
    segment_publish(&s->current, s->next_seq++, SEGMENT_CHECKPOINT,
                    n < s->open.n ? ENTRY_PARTIAL : 0, PM_MAX(n, 1) * sizeof(*rows));
}

/* Moves what stands at *at to the current segment. */
static bool carry_entry(struct spool *s, uint64_t *at)
{
    struct scan c = {.fd = -1};
    struct scan_entry e;
    uint64_t to = 0;
    bool ok = true;

    if (!spool_read_place(s, *at, &c, &e))
        s->damaged++;
    else
        ok = spool_append_raw(s, e.kind, ENTRY_REPEATED, e.payload, &to) != 0;
    scan_close(&c);
    if (!ok)
        return false;
    release(s, *at);
    *at = to;
    use(s, to);
    return true;
}

void open_calls_carry(struct spool *s, uint32_t number, size_t most)
{
    struct pm_str id;
    void *value;

    for (size_t i = 0; most && pm_map_next(&s->open, &i, &id, &value);) {
        struct open_call *c = value;
        const bool begun = place_number(c->begun) == number;
        const bool attempt = place_number(c->attempt) == number;

        if ((begun && !carry_entry(s, &c->begun)) || (attempt && !carry_entry(s, &c->attempt)))
            return;
        most -= begun || attempt;
    }
}

static void interrupted_attempt(struct spool_attempt *a)
{
    a->outcome = PM_STR("interrupted");
    a->who = PM_STR("agent");
    a->ended_ms = -1;
}

/* What is known of an orphan, from its own entries. */
static bool settle_orphan(struct spool *s, const struct open_call *call)
{
    struct scan begun = {.fd = -1}, again = {.fd = -1};
    struct scan_entry e;
    struct record_attempt last;
    struct spool_attempt attempts[2] = {0};
    struct spool_settled r = {0};
    bool ok;

    if (!spool_read_place(s, call->begun, &begun, &e) || e.kind != SPOOL_CALL_BEGUN ||
        !record_get_begun(e.payload, &r.begin))
        s->damaged++;
    r.begin.id = call->id;
    attempts[0].provider = r.provider = r.begin.provider;
    attempts[0].endpoint = r.endpoint = r.begin.endpoint;
    attempts[0].first_token_ms = -1;
    interrupted_attempt(&attempts[0]);
    r.attempts = attempts;
    r.n_attempts = 1;
    if (spool_read_place(s, call->attempt, &again, &e) && e.kind == SPOOL_CALL_ATTEMPT &&
        record_get_attempt(e.payload, &last)) {
        /* Of the first nothing more is known than that another followed. */
        attempts[0].outcome = PM_NSTR;
        attempts[0].who = PM_NSTR;
        attempts[1] = last.attempt;
        interrupted_attempt(&attempts[1]);
        r.provider = last.attempt.provider;
        r.endpoint = last.attempt.endpoint;
        r.n_attempts = 2;
    }
    r.status = SPOOL_INTERRUPTED;
    r.upstream_cost_nano = r.first_token_ms = r.total_ms = -1;
    r.found_unix_ms = pm_unix_ms();
    ok = spool_append_settled(s, &r) != 0; /* frees the call */
    scan_close(&begun);
    scan_close(&again);
    return ok;
}

void open_calls_settle_orphans(struct spool *s)
{
    struct open_call **orphans;
    struct pm_str id;
    size_t n = 0;
    void *value;

    if (!s->orphans)
        return;
    orphans = pm_xcalloc(s->orphans, sizeof(struct open_call *));
    for (size_t i = 0; pm_map_next(&s->open, &i, &id, &value);) {
        struct open_call *c = value;

        if (c->orphan)
            orphans[n++] = c;
    }
    for (size_t i = 0; i < n && settle_orphan(s, orphans[i]); i++)
        continue;
    free(orphans);
}
