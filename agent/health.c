/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/health.h"

#include <stdlib.h>

#include "agent/health_window.h"
#include "common/random.h"

#define NEVER UINT64_MAX
#define TICK_MS (30 * 1000) /* how often what was measured is looked at again */
#define OUTAGE_TICK_MS (5 * 1000) /* while there were failures in the last 30 seconds */
#define COOLING_MS (5 * 1000) /* for who does not say how long */
#define LONGEST_COOLING_MS (10 * 60 * 1000)
#define LONGEST_OPEN_MS (5 * 60 * 1000)
#define MOST_DOUBLINGS 6
#define RATIO_REQUESTS 20 /* in 30 seconds, half of which failed: the breaker opens too */
#define UPTIME_REQUESTS 100 /* in 5 minutes, below which an uptime says nothing */

#define QUANTILES_EACH_UNTIL 100 /* answers */
#define QUANTILES_EVERY_MS 100

struct seen {
    uint64_t answers; /* good ones, ever */
    uint64_t quantiles_ms; /* when they were reckoned last */
    struct window window;
    enum pm_breaker breaker;
    uint32_t failures; /* in a row */
    uint32_t opened; /* times in a row, without a success between */
    bool probing;
    uint64_t opened_ms, open_until_ms;
    uint64_t cool_until_ms;
    uint64_t due_ms; /* when the view changes without an outcome */
};

struct health {
    struct health_limits limits;
    struct pm_table *table;
    struct pm_health *view; /* by endpoint */
    struct seen **seen; /* by endpoint; NULL: no outcome yet */
    size_t n_seen;
    uint64_t due_ms; /* the earliest of all */
    uint64_t random;
};

struct health *health_new(struct health_limits limits, uint64_t seed)
{
    struct health *h = pm_xcalloc(1, sizeof(*h));

    h->limits = limits;
    h->due_ms = NEVER;
    h->random = seed;
    return h;
}

static void drop_table(struct health *h)
{
    for (size_t i = 0; h->table && i < h->table->n_endpoints; i++)
        free(h->seen[i]);
    free(h->seen);
    free(h->view);
    pm_table_unref(h->table);
}

void health_free(struct health *h)
{
    if (!h)
        return;
    drop_table(h);
    free(h);
}

void health_set_limits(struct health *h, struct health_limits limits)
{
    h->limits = limits;
}

/* Where t has e, which may be of another table; n_endpoints if nowhere. */
static size_t find(const struct pm_table *t, const struct pm_endpoint *e)
{
    const struct pm_model *m;

    if (e->index < t->n_endpoints && t->endpoints[e->index] == e)
        return e->index;
    m = pm_table_model(t, e->model->id);
    for (size_t i = 0; m && i < m->n_endpoints; i++) {
        if (pm_str_eq(m->endpoints[i]->tag, e->tag))
            return m->endpoints[i]->index;
    }
    return t->n_endpoints;
}

void health_use_table(struct health *h, struct pm_table *t)
{
    struct health next = *h;

    next.table = pm_table_ref(t);
    next.view = pm_xcalloc(t->n_endpoints, sizeof(*next.view));
    next.seen = pm_xcalloc(t->n_endpoints, sizeof(struct seen *));
    next.n_seen = 0;
    for (size_t i = 0; h->table && i < h->table->n_endpoints; i++) {
        size_t to = h->seen[i] ? find(t, h->table->endpoints[i]) : t->n_endpoints;
        if (to == t->n_endpoints || next.seen[to])
            continue;
        next.seen[to] = h->seen[i];
        next.view[to] = h->view[i];
        next.n_seen++;
        h->seen[i] = NULL;
    }
    drop_table(h);
    *h = next;
}

static struct seen *seen_of(struct health *h, const struct pm_endpoint *e, size_t *at)
{
    *at = h->table ? find(h->table, e) : 0;
    return h->table && *at < h->table->n_endpoints ? h->seen[*at] : NULL;
}

static void breaker_open(struct health *h, struct seen *s, uint64_t now_ms)
{
    uint64_t open_ms = (uint64_t)h->limits.breaker_open_ms << PM_MIN(s->opened, MOST_DOUBLINGS);

    open_ms = PM_MIN(open_ms, LONGEST_OPEN_MS);
    /* A fifth more or less, so that agents do not probe in step. */
    open_ms = open_ms * 4 / 5 + pm_random_below(&h->random, open_ms * 2 / 5 + 1);
    s->breaker = PM_BREAKER_OPEN;
    s->opened++;
    s->opened_ms = now_ms;
    s->open_until_ms = now_ms + open_ms;
}

static void breaker_tick(struct seen *s, uint64_t now_ms)
{
    if (s->breaker == PM_BREAKER_OPEN && now_ms >= s->open_until_ms)
        s->breaker = PM_BREAKER_HALF_OPEN;
}

static bool fails_too_often(const struct health *h, struct seen *s, uint64_t now_ms)
{
    struct tally t = window_tally(&s->window, RING_30S, now_ms);

    if (h->limits.breaker_failures == 0) /* there is no breaker */
        return false;
    return s->failures >= h->limits.breaker_failures ||
           (t.ok + t.failed >= RATIO_REQUESTS && t.failed >= t.ok);
}

/* An attempt that began before the breaker opened says nothing of the endpoint since. */
static void breaker_outcome(struct health *h, struct seen *s, const struct health_outcome *o,
                            uint64_t now_ms)
{
    bool since = o->total_ms >= 0 && now_ms >= s->opened_ms + (uint64_t)o->total_ms;

    breaker_tick(s, now_ms);
    if (o->probe)
        s->probing = false;
    if (o->cls == HEALTH_OK) {
        s->failures = 0;
        if (o->probe || since) {
            s->breaker = PM_BREAKER_CLOSED;
            s->opened = 0;
        }
    } else if (o->cls == HEALTH_FAILED) {
        s->failures++;
        if (s->breaker == PM_BREAKER_CLOSED ? fails_too_often(h, s, now_ms)
                                            : o->probe || (since && s->breaker != PM_BREAKER_OPEN))
            breaker_open(h, s, now_ms);
    }
}

bool health_probe_begin(struct health *h, const struct pm_endpoint *e, uint64_t now_ms)
{
    size_t at;
    struct seen *s = seen_of(h, e, &at);

    if (!s)
        return false;
    breaker_tick(s, now_ms);
    if (s->breaker != PM_BREAKER_HALF_OPEN || s->probing)
        return false;
    s->probing = true;
    h->view[at].breaker = PM_BREAKER_OPEN; /* to all others */
    return true;
}

static enum pm_uptime uptime_of(struct tally t)
{
    uint64_t all = (uint64_t)t.ok + t.failed;

    if (all < UPTIME_REQUESTS)
        return PM_UPTIME_UNKNOWN;
    if (t.ok * 100ULL >= all * 95)
        return PM_UPTIME_NORMAL;
    return t.ok * 100ULL >= all * 80 ? PM_UPTIME_DEGRADED : PM_UPTIME_DOWN;
}

static uint64_t next_tick(uint64_t now_ms, uint64_t every_ms)
{
    return (now_ms / every_ms + 1) * every_ms;
}

static uint64_t due(const struct seen *s, const struct pm_health *v, struct tally t30s,
                    struct tally t5m, uint64_t now_ms)
{
    uint64_t at = NEVER;

    if (t30s.failed)
        at = next_tick(now_ms, OUTAGE_TICK_MS);
    else if (t5m.ok + t5m.failed || v->latency_s.p50 > 0 || v->tokens_per_s.p50 > 0)
        at = next_tick(now_ms, TICK_MS);
    if (s->breaker == PM_BREAKER_OPEN)
        at = PM_MIN(at, s->open_until_ms);
    if (v->cooling)
        at = PM_MIN(at, s->cool_until_ms);
    return at;
}

/* One answer more among many moves no quantile: they are not reckoned anew for each. */
static bool quantiles_due(struct seen *s, uint64_t now_ms)
{
    if (s->answers < QUANTILES_EACH_UNTIL || now_ms - s->quantiles_ms >= QUANTILES_EVERY_MS) {
        s->quantiles_ms = now_ms;
        return true;
    }
    return false;
}

static void refresh(struct health *h, size_t at, uint64_t now_ms)
{
    struct seen *s = h->seen[at];
    struct pm_health *v = &h->view[at];
    struct tally t30s = window_tally(&s->window, RING_30S, now_ms);
    struct tally t5m = window_tally(&s->window, RING_5M, now_ms);
    float all = (float)t5m.ok + (float)t5m.failed;

    breaker_tick(s, now_ms);
    v->breaker = s->probing ? PM_BREAKER_OPEN : s->breaker;
    v->outage = t30s.failed >= 2 && t30s.failed * 3ULL >= t30s.ok; /* a quarter of them */
    v->cooling = now_ms < s->cool_until_ms;
    v->uptime = uptime_of(t5m);
    v->error_rate = all > 0 ? (float)t5m.failed / all : 0;
    if (quantiles_due(s, now_ms)) {
        window_quantiles(&s->window, RING_LATENCY_5M, now_ms, &v->latency_s);
        window_quantiles(&s->window, RING_RATE_5M, now_ms, &v->tokens_per_s);
    }
    s->due_ms = due(s, v, t30s, t5m, now_ms);
    h->due_ms = PM_MIN(h->due_ms, s->due_ms);
}

const struct pm_health *health_view(struct health *h, uint64_t now_ms)
{
    uint64_t earliest = NEVER;

    if (now_ms < h->due_ms)
        return h->view;
    for (size_t i = 0; h->table && i < h->table->n_endpoints; i++) {
        if (!h->seen[i])
            continue;
        if (h->seen[i]->due_ms <= now_ms)
            refresh(h, i, now_ms);
        earliest = PM_MIN(earliest, h->seen[i]->due_ms);
    }
    h->due_ms = earliest;
    return h->view;
}

static void cool(struct seen *s, const struct health_outcome *o, uint64_t now_ms)
{
    uint64_t wait = o->retry_after_ms < 0 ? COOLING_MS : (uint64_t)o->retry_after_ms;

    wait = PM_MIN(wait, LONGEST_COOLING_MS);
    s->cool_until_ms = PM_MAX(s->cool_until_ms, now_ms + wait);
}

void health_outcome(struct health *h, const struct pm_endpoint *e, const struct health_outcome *o,
                    uint64_t now_ms)
{
    size_t at;
    struct seen *s = seen_of(h, e, &at);

    if (!h->table || at == h->table->n_endpoints)
        return;
    if (!s) {
        s = h->seen[at] = pm_xcalloc(1, sizeof(*s));
        h->n_seen++;
    }
    s->answers += o->cls == HEALTH_OK;
    if (o->cls != HEALTH_NOT_COUNTED)
        window_count(&s->window, o->cls == HEALTH_OK, now_ms);
    if (o->cls == HEALTH_OK && o->first_token_ms >= 0)
        window_latency(&s->window, o->first_token_ms, now_ms);
    if (o->cls == HEALTH_OK && o->output_tokens > 0 && o->total_ms > 0)
        window_rate(&s->window, (double)o->output_tokens * 1000 / (double)o->total_ms, now_ms);
    if (o->cools)
        cool(s, o, now_ms);
    breaker_outcome(h, s, o, now_ms);
    refresh(h, at, now_ms);
}

static float percent(struct tally t)
{
    double all = (double)t.ok + (double)t.failed;

    return all > 0 ? (float)((double)t.ok * 100 / all) : -1;
}

void health_report(struct health *h, const struct pm_endpoint *e, uint64_t now_ms,
                   struct health_report *out)
{
    size_t at;
    struct seen *s = seen_of(h, e, &at);

    *out = (struct health_report){.uptime_5m = -1, .uptime_30m = -1, .uptime_1d = -1};
    if (!s)
        return;
    out->uptime_5m = percent(window_tally(&s->window, RING_5M, now_ms));
    out->uptime_30m = percent(window_tally(&s->window, RING_30M, now_ms));
    out->uptime_1d = percent(window_tally(&s->window, RING_1D, now_ms));
    out->has_latency = window_quantiles(&s->window, RING_LATENCY_30M, now_ms, &out->latency_s);
    out->has_throughput = window_quantiles(&s->window, RING_RATE_30M, now_ms, &out->tokens_per_s);
}

size_t health_bytes(const struct health *h)
{
    size_t n = h->table ? h->table->n_endpoints : 0;

    return sizeof(*h) + n * (sizeof(*h->view) + sizeof(struct seen *)) +
           h->n_seen * sizeof(struct seen);
}
