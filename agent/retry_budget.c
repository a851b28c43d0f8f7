/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/retry_budget.h"

void retry_budget_init(struct retry_budget *b, uint32_t percent, uint32_t floor_per_s)
{
    *b = (struct retry_budget){.percent = percent, .floor_per_s = floor_per_s};
}

/* Empties the slots of the seconds that have passed since the newest. */
static void advance(struct retry_budget *b, uint64_t now_ms)
{
    uint64_t now = now_ms / 1000;

    if (now > b->second + RETRY_BUDGET_SECONDS)
        b->second = now - RETRY_BUDGET_SECONDS;
    while (b->second < now) {
        b->second++;
        memset(&b->slots[b->second % RETRY_BUDGET_SECONDS], 0, sizeof(b->slots[0]));
    }
}

void retry_budget_first(struct retry_budget *b, uint64_t now_ms)
{
    advance(b, now_ms);
    b->slots[b->second % RETRY_BUDGET_SECONDS].first++;
}

bool retry_budget_take(struct retry_budget *b, uint64_t now_ms)
{
    uint64_t first = 0, more = 0;

    advance(b, now_ms);
    for (size_t i = 0; i < RETRY_BUDGET_SECONDS; i++) {
        first += b->slots[i].first;
        more += b->slots[i].more;
    }
    if (more >= first * b->percent / 100 + (uint64_t)b->floor_per_s * RETRY_BUDGET_SECONDS)
        return false;
    b->slots[b->second % RETRY_BUDGET_SECONDS].more++;
    return true;
}
