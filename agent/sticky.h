/* SPDX-License-Identifier: Apache-2.0 */
/* Where conversations went, so that the next turn finds the provider's prompt cache warm.
 * A bounded map from (tenant, model, conversation) to an endpoint; entries end after an idle time,
 * and the one unused for longest makes room. Endpoints are remembered by model id and tag, so a
 * new table changes nothing for those it still has. One object, loop thread only; time is a
 * monotonic clock in milliseconds and an argument. Never fails; out of memory aborts. */
#ifndef AGENT_STICKY_H
#define AGENT_STICKY_H

#include "common/route/call.h"

#define STICKY_ENTRIES 4096
#define STICKY_IDLE_MS (10 * 60 * 1000)

struct sticky;
struct sticky *sticky_new(size_t max_entries, uint32_t idle_ms);
void sticky_free(struct sticky *s); /* NULL is fine */

/* The key of a call: its session if it has one, else its conversation; the model is the first one
 * asked for, as the client wrote it. 0: this call has nothing to stick by. */
uint64_t sticky_key(struct pm_str tenant, const struct pm_call *call);
/* NULL if there is none, it is too old, or the table no longer has it. Does not refresh it. */
const struct pm_endpoint *sticky_find(struct sticky *s, uint64_t key, const struct pm_table *t,
                                      uint64_t now_ms);
/* After a success; key 0 does nothing. The caller checks pm_decision.sticky_allowed, and for calls
 * without session_explicit that the answer read from the provider's cache. */
void sticky_set(struct sticky *s, uint64_t key, const struct pm_endpoint *e, uint64_t now_ms);
size_t sticky_count(const struct sticky *s); /* entries held, for metrics */

#endif
