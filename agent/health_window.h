/* SPDX-License-Identifier: Apache-2.0 */
/* What one endpoint did of late: counts and sketches in rings of slots that rotate with time.
 * A window of n slots sees between n-1 and n of them. Fixed size, no allocation; loop thread only.
 */
#ifndef AGENT_HEALTH_WINDOW_H
#define AGENT_HEALTH_WINDOW_H

#include "common/route/health.h"

struct tally {
    uint32_t ok, failed;
};

/* How often a measure fell into each bucket. A bucket's upper end is 1.22 times its lower one, so
 * that they span 1 to 10,000 with an error below a tenth. A full counter halves all of its sketch:
 * the shape is what counts. */
#define SKETCH_BUCKETS 48
struct sketch {
    uint8_t n[SKETCH_BUCKETS];
};

enum window_ring {
    RING_30S,
    RING_5M,
    RING_30M,
    RING_1D,
    RING_LATENCY_5M,
    RING_LATENCY_30M,
    RING_RATE_5M,
    RING_RATE_30M,
    RING_COUNT
};

struct window {
    uint32_t newest[RING_COUNT]; /* number of the newest slot: time divided by its period */
    struct tally t30s[6], t5m[5], t30m[6], t1d[8];
    struct sketch latency_5m[2], latency_30m[2], rate_5m[2], rate_30m[2];
};

/* Times are monotonic milliseconds; later calls never have an earlier one. */
void window_count(struct window *w, bool ok, uint64_t now_ms);
void window_latency(struct window *w, int64_t ms, uint64_t now_ms);
void window_rate(struct window *w, double tokens_per_s, uint64_t now_ms);

/* Only for RING_30S to RING_1D. */
struct tally window_tally(struct window *w, enum window_ring ring, uint64_t now_ms);
/* Only for the sketches: seconds, or tokens per second. False, and zeros: too little data. */
bool window_quantiles(struct window *w, enum window_ring ring, uint64_t now_ms,
                      struct pm_quantiles *out);

#endif
