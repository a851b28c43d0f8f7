/* SPDX-License-Identifier: Apache-2.0 */
/* Which provider keys are set aside, and until when: a key that was refused or has no quota is
 * tried only after all others until its time is over. One object, loop thread only; time is a
 * monotonic clock in milliseconds and an argument. Never fails; out of memory aborts.
 * Credentials are given by pointer, for the reason that health.h gives. */
#ifndef AGENT_KEYSTATE_H
#define AGENT_KEYSTATE_H

#include "common/route/health.h"
#include "common/route/table.h"

struct keystate;
struct keystate *keystate_new(void);
void keystate_free(struct keystate *k); /* NULL is fine */
/* The table in use from now on (a reference is taken). A key keeps its state if name, source and
 * reference are the same. */
void keystate_use_table(struct keystate *k, struct pm_table *t);

/* At least `least_ms` (failure_rule.key_cooldown_ms), longer if the provider said so;
 * retry_after_ms -1: not said. A later end never becomes an earlier one. cred NULL (the key came
 * with the request) is fine and does nothing. */
void keystate_set_aside(struct keystate *k, const struct pm_credential *cred, uint32_t least_ms,
                        int64_t retry_after_ms, uint64_t now_ms);
/* It worked, or its secret was read anew: use it as before. */
void keystate_clear(struct keystate *k, const struct pm_credential *cred);

/* [n_credentials] of the table in use, valid until the next call of any function here. */
const struct pm_cred_health *keystate_view(struct keystate *k, uint64_t now_ms);

#endif
