/* SPDX-License-Identifier: Apache-2.0 */
/* What each client key has spent, for GET /key: total, and in the current UTC day, week (from
 * Monday) and month. Counted as calls settle; after a start the spool's records are read again in
 * small pieces, so that the start waits for nothing. The truth over all agents is the ledger's.
 * Loop thread only. */
#ifndef AGENT_KEY_USAGE_H
#define AGENT_KEY_USAGE_H

#include "agent/spool.h"

struct key_spend { /* nano-dollars */
    int64_t total, day, week, month;
};
struct key_usage;
/* Reads what the spool has up to now; the spool must outlive it. */
struct key_usage *key_usage_new(struct spool *s);
void key_usage_free(struct key_usage *u); /* NULL is fine */
void key_usage_add(struct key_usage *u, struct pm_str key, bool byok, int64_t nano,
                   int64_t unix_ms);
/* A piece of the reading again; false when it is done. Call it from a timer. */
bool key_usage_catch_up(struct key_usage *u);
void key_usage_get(const struct key_usage *u, struct pm_str key, int64_t now_unix_ms,
                   struct key_spend *own, struct key_spend *byok);

#endif
