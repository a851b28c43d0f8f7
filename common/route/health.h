/* SPDX-License-Identifier: Apache-2.0 */
/* How an endpoint does, as the routing engine sees it: plain values, made by whoever measures
 * (an agent from its own calls, the control plane from all agents). Pure data. */
#ifndef PM_ROUTE_HEALTH_H
#define PM_ROUTE_HEALTH_H

#include "common/base.h"

enum pm_breaker { PM_BREAKER_CLOSED, PM_BREAKER_OPEN, PM_BREAKER_HALF_OPEN };
enum pm_uptime { PM_UPTIME_UNKNOWN, PM_UPTIME_NORMAL, PM_UPTIME_DEGRADED, PM_UPTIME_DOWN };

struct pm_quantiles {
    float p50, p75, p90, p99;
}; /* 0: too little data */

/* One per endpoint, by pm_endpoint.index. Zero bytes mean: nothing known, all well. */
struct pm_health {
    enum pm_breaker breaker; /* OPEN: only if nothing else; HALF_OPEN: one probe may go */
    bool outage; /* significant failures in the last 30 s */
    bool cooling; /* asked us to wait (429 with Retry-After) */
    enum pm_uptime uptime; /* needs 100 requests: >= 95 %, >= 80 %, less */
    float error_rate; /* 0..1 over the same window, to pick the least bad */
    struct pm_quantiles latency_s; /* to the first token, 5 minutes */
    struct pm_quantiles tokens_per_s;
};

/* One per credential, by pm_credential.index. */
struct pm_cred_health {
    bool bad; /* refused or out of quota until its cool-down ends */
};

#endif
