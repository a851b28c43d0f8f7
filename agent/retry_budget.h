/* SPDX-License-Identifier: Apache-2.0 */
/* How many attempts beyond the first may still be made: a share of the first attempts of the last
 * ten seconds, with a floor so that a quiet pod can fall back too. Keeps an outage from becoming
 * a storm. Embedded by its owner, loop thread only; time is a monotonic clock in milliseconds and
 * an argument. Nothing fails. */
#ifndef AGENT_RETRY_BUDGET_H
#define AGENT_RETRY_BUDGET_H

#include "common/base.h"

#define RETRY_BUDGET_SECONDS 10

struct retry_budget {
    uint32_t percent, floor_per_s;
    uint64_t second; /* the newest slot's */
    struct {
        uint32_t first, more;
    } slots[RETRY_BUDGET_SECONDS];
};

void retry_budget_init(struct retry_budget *b, uint32_t percent, uint32_t floor_per_s);
void retry_budget_first(struct retry_budget *b, uint64_t now_ms); /* a call's first attempt */
bool retry_budget_take(struct retry_budget *b, uint64_t now_ms); /* false: do not try again */

#endif
