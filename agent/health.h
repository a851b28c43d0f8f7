/* SPDX-License-Identifier: Apache-2.0 */
/* What this agent has seen of each endpoint: uptime, breaker, cool-down, latency and throughput,
 * as the routing engine takes it (struct pm_health) and as the endpoints API shows it.
 * One object, loop thread only. Time is a monotonic clock in milliseconds and always an argument.
 * Memory per endpoint is taken at its first outcome. Nothing here fails; out of memory aborts.
 *
 * Endpoints are given by pointer, not by index: a relay may end on an older table than the one
 * in use now, and its outcome still counts for the endpoint of the same model id and tag. */
#ifndef AGENT_HEALTH_H
#define AGENT_HEALTH_H

#include "common/route/health.h"
#include "common/route/table.h"

struct health_limits {
    uint32_t breaker_failures; /* in a row, until the breaker opens */
    uint32_t breaker_open_ms; /* first time; doubles with each failed probe, with jitter */
};

enum health_class {
    HEALTH_OK,
    HEALTH_FAILED, /* 401, 402, 404, 5xx, connection, time-out, cut or empty answer */
    HEALTH_NOT_COUNTED, /* 400, 413, 429, region, client gone: says nothing of its uptime */
};

struct health_outcome {
    enum health_class cls;
    bool probe; /* what health_probe_begin said for this attempt */
    bool cools; /* it asked us to wait (429) */
    int64_t retry_after_ms; /* how long; -1: not said */
    /* Of HEALTH_OK only: a fast error is never a fast answer. -1: not known. */
    int64_t first_token_ms; /* from sending to the first content; of streams */
    int64_t output_tokens;
    int64_t total_ms; /* of every class: from sending to the end */
};

/* For GET /models/{author}/{slug}/endpoints. Uptime is negative where there were no requests. */
struct health_report {
    float uptime_5m, uptime_30m, uptime_1d; /* percent */
    bool has_latency, has_throughput;
    struct pm_quantiles latency_s; /* last 30 minutes */
    struct pm_quantiles tokens_per_s;
};

struct health;
struct health *health_new(struct health_limits limits, uint64_t seed);
void health_free(struct health *h); /* NULL is fine */
void health_set_limits(struct health *h, struct health_limits limits);
/* The table in use from now on (a reference is taken). State is carried over by model id and
 * endpoint tag; what the new table does not have is forgotten. */
void health_use_table(struct health *h, struct pm_table *t);

void health_outcome(struct health *h, const struct pm_endpoint *e, const struct health_outcome *o,
                    uint64_t now_ms);
/* Asked as an attempt starts. True: the breaker is half-open and this attempt is its one probe;
 * its outcome must follow, with `probe` set. False: an ordinary attempt. */
bool health_probe_begin(struct health *h, const struct pm_endpoint *e, uint64_t now_ms);

/* [n_endpoints] of the table in use, valid until the next call of any function here. Cheap: only
 * what changed is computed again. While a probe is in flight the endpoint shows as OPEN. */
const struct pm_health *health_view(struct health *h, uint64_t now_ms);
void health_report(struct health *h, const struct pm_endpoint *e, uint64_t now_ms,
                   struct health_report *out);
size_t health_bytes(const struct health *h); /* heap in use, for metrics */

#endif
