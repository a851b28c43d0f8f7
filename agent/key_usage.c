/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/key_usage.h"

#include "common/clock.h"
#include "common/map.h"
#include "pointsman/v1/usage.pb-c.h"

#define PIECE 50 /* records per turn: well under a millisecond */
#define DAY_MS 86400000

struct window {
    int64_t since; /* number of the day, week or month it counts */
    int64_t nano;
};
struct spend {
    int64_t total;
    struct window day, week, month;
};
struct entry {
    char *key;
    struct spend own, byok;
};

struct key_usage {
    struct pm_map by_key;
    struct spool_reader *reader; /* NULL: caught up */
    uint64_t until_seq;
};

static int64_t day_of(int64_t unix_ms)
{
    return unix_ms / DAY_MS;
}

static int64_t week_of(int64_t unix_ms)
{
    return (day_of(unix_ms) + 3) / 7; /* day 0 was a Thursday */
}

static int64_t month_of(int64_t unix_ms)
{
    time_t t = (time_t)(unix_ms / 1000);
    struct tm tm;

    gmtime_r(&t, &tm);
    return (int64_t)tm.tm_year * 12 + tm.tm_mon;
}

/* Records come nearly in order; one that is older than its window counts only in the total. */
static void window_add(struct window *w, int64_t number, int64_t nano)
{
    if (number > w->since)
        *w = (struct window){number, 0};
    if (number == w->since)
        w->nano += nano;
}

static int64_t window_get(const struct window *w, int64_t number)
{
    return w->since == number ? w->nano : 0;
}

void key_usage_add(struct key_usage *u, struct pm_str key, bool byok, int64_t nano, int64_t unix_ms)
{
    struct entry *e;
    struct spend *s;

    if (!key.n || nano <= 0)
        return;
    e = pm_map_get(&u->by_key, key);
    if (!e) {
        e = pm_xcalloc(1, sizeof(*e));
        e->key = pm_xstrndup(key);
        pm_map_put(&u->by_key, pm_str(e->key), e);
    }
    s = byok ? &e->byok : &e->own;
    s->total += nano;
    window_add(&s->day, day_of(unix_ms), nano);
    window_add(&s->week, week_of(unix_ms), nano);
    window_add(&s->month, month_of(unix_ms), nano);
}

static struct key_spend spend_at(const struct spend *s, int64_t now)
{
    return (struct key_spend){
        .total = s->total,
        .day = window_get(&s->day, day_of(now)),
        .week = window_get(&s->week, week_of(now)),
        .month = window_get(&s->month, month_of(now)),
    };
}

void key_usage_get(const struct key_usage *u, struct pm_str key, int64_t now, struct key_spend *own,
                   struct key_spend *byok)
{
    const struct entry *e = pm_map_get(&u->by_key, key);

    *own = e ? spend_at(&e->own, now) : (struct key_spend){0};
    *byok = e ? spend_at(&e->byok, now) : (struct key_spend){0};
}

static void read_record(struct key_usage *u, struct pm_str bytes)
{
    Pointsman__V1__UsageRecord *r =
        pointsman__v1__usage_record__unpack(NULL, bytes.n, (const uint8_t *)bytes.p);

    if (!r)
        return;
    key_usage_add(u, pm_str(r->call ? r->call->key : ""), r->byok,
                  r->byok ? r->upstream_cost_nano_usd : r->cost_nano_usd,
                  r->call ? r->call->begun_unix_ms : 0);
    pointsman__v1__usage_record__free_unpacked(r, NULL);
}

bool key_usage_catch_up(struct key_usage *u)
{
    struct spool_entry e;

    for (int i = 0; u->reader && i < PIECE; i++) {
        if (!spool_reader_next(u->reader, &e) || e.seq > u->until_seq) {
            spool_reader_free(u->reader);
            u->reader = NULL;
        } else if (e.kind == SPOOL_USAGE_RECORD && !e.repeated) {
            read_record(u, e.bytes);
        }
    }
    return u->reader != NULL;
}

struct key_usage *key_usage_new(struct spool *s)
{
    struct key_usage *u = pm_xcalloc(1, sizeof(*u));

    pm_map_init(&u->by_key);
    u->until_seq = spool_stats(s).last_seq;
    u->reader = spool_reader_new(s, 0);
    return u;
}

void key_usage_free(struct key_usage *u)
{
    struct pm_str key;
    void *value;
    size_t i = 0;

    if (!u)
        return;
    spool_reader_free(u->reader);
    while (pm_map_next(&u->by_key, &i, &key, &value)) {
        struct entry *e = value;
        free(e->key);
        free(e);
    }
    pm_map_fini(&u->by_key);
    free(u);
}
