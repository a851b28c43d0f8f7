/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/health_window.h"

#define GROWTH 1.22F
#define LEAST_SAMPLES 5 /* fewer say nothing of a quantile */
#define LATENCY_UNIT_MS 10.0F /* the first bucket ends here: 10 ms … 110 s */

static const struct {
    uint32_t period_ms, n_slots, slot_size, at;
} rings[RING_COUNT] = {
#define RING(period, member)                                                                       \
    {                                                                                              \
        period, PM_COUNT(((struct window *)0)->member), sizeof(((struct window *)0)->member[0]),   \
            offsetof(struct window, member)                                                        \
    }
    [RING_30S] = RING(5 * 1000, t30s),
    [RING_5M] = RING(60 * 1000, t5m),
    [RING_30M] = RING(5 * 60 * 1000, t30m),
    [RING_1D] = RING(3 * 3600 * 1000, t1d),
    [RING_LATENCY_5M] = RING(150 * 1000, latency_5m),
    [RING_LATENCY_30M] = RING(15 * 60 * 1000, latency_30m),
    [RING_RATE_5M] = RING(150 * 1000, rate_5m),
    [RING_RATE_30M] = RING(15 * 60 * 1000, rate_30m),
#undef RING
};

/* Clears what is older than the window. The slot of now. */
static void *advance(struct window *w, enum window_ring ring, uint64_t now_ms)
{
    uint32_t now = (uint32_t)(now_ms / rings[ring].period_ms), n = rings[ring].n_slots;
    char *slots = (char *)w + rings[ring].at;
    uint32_t *newest = &w->newest[ring];

    if (now > *newest + n)
        *newest = now - n;
    while (*newest < now) {
        ++*newest;
        memset(slots + *newest % n * rings[ring].slot_size, 0, rings[ring].slot_size);
    }
    return slots + *newest % n * rings[ring].slot_size;
}

void window_count(struct window *w, bool ok, uint64_t now_ms)
{
    for (enum window_ring ring = RING_30S; ring <= RING_1D; ring++) {
        struct tally *t = advance(w, ring, now_ms);
        if (ok)
            t->ok++;
        else
            t->failed++;
    }
}

static void sketch_add(struct sketch *s, float v)
{
    float end = 1;
    size_t i = 0;

    while (v > end && i < SKETCH_BUCKETS - 1) {
        end *= GROWTH;
        i++;
    }
    if (s->n[i] == UINT8_MAX) {
        for (size_t j = 0; j < SKETCH_BUCKETS; j++)
            s->n[j] /= 2;
    }
    s->n[i]++;
}

void window_latency(struct window *w, int64_t ms, uint64_t now_ms)
{
    sketch_add(advance(w, RING_LATENCY_5M, now_ms), (float)ms / LATENCY_UNIT_MS);
    sketch_add(advance(w, RING_LATENCY_30M, now_ms), (float)ms / LATENCY_UNIT_MS);
}

void window_rate(struct window *w, double tokens_per_s, uint64_t now_ms)
{
    sketch_add(advance(w, RING_RATE_5M, now_ms), (float)tokens_per_s);
    sketch_add(advance(w, RING_RATE_30M, now_ms), (float)tokens_per_s);
}

struct tally window_tally(struct window *w, enum window_ring ring, uint64_t now_ms)
{
    struct tally sum = {0};
    const struct tally *t;

    advance(w, ring, now_ms);
    t = (const struct tally *)(const void *)((const char *)w + rings[ring].at);
    for (size_t i = 0; i < rings[ring].n_slots; i++) {
        sum.ok += t[i].ok;
        sum.failed += t[i].failed;
    }
    return sum;
}

/* One pass over the buckets; the quantiles are taken in rising order. */
static void quantiles(const uint32_t *n, uint32_t sum, float unit, float *out)
{
    static const float shares[] = {0.5F, 0.75F, 0.9F, 0.99F};
    float before = 0, begin = 0, end = 1;
    size_t i = 0;

    for (size_t q = 0; q < PM_COUNT(shares); q++) {
        float want = shares[q] * (float)sum;
        while (i < SKETCH_BUCKETS - 1 && before + (float)n[i] < want) {
            before += (float)n[i++];
            begin = end;
            end *= GROWTH;
        }
        out[q] = (begin + (end - begin) * (want - before) / (float)n[i]) * unit;
    }
}

bool window_quantiles(struct window *w, enum window_ring ring, uint64_t now_ms,
                      struct pm_quantiles *out)
{
    bool latency = ring == RING_LATENCY_5M || ring == RING_LATENCY_30M;
    uint32_t n[SKETCH_BUCKETS] = {0}, sum = 0;
    const struct sketch *s;
    float q[4];

    *out = (struct pm_quantiles){0};
    advance(w, ring, now_ms);
    s = (const struct sketch *)(const void *)((const char *)w + rings[ring].at);
    for (size_t i = 0; i < SKETCH_BUCKETS; i++) {
        for (size_t slot = 0; slot < rings[ring].n_slots; slot++)
            n[i] += s[slot].n[i];
        sum += n[i];
    }
    if (sum < LEAST_SAMPLES)
        return false;
    quantiles(n, sum, latency ? LATENCY_UNIT_MS / 1000 : 1, q);
    *out = (struct pm_quantiles){q[0], q[1], q[2], q[3]};
    return true;
}
