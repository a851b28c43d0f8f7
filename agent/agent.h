/* SPDX-License-Identifier: Apache-2.0 */
/* The sidecar as one object: what its parts share. Made by main.c, loop thread only.
 * A request walks through it in one direction: server → api → relay → attempt → upstream, and back
 * through codec, front and server; settle writes what it cost. */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "agent/health.h"
#include "agent/key_usage.h"
#include "agent/keystate.h"
#include "agent/metrics.h"
#include "agent/retry_budget.h"
#include "agent/server.h"
#include "agent/snapshot.h"
#include "agent/spool.h"
#include "agent/sticky.h"

struct relay;

struct agent {
    uv_loop_t *loop;
    const char *config_path;
    struct snapshot *now; /* what new requests begin on */
    struct upstream *upstream;
    struct server *api, *probes;
    struct spool *spool;
    struct metrics *metrics;
    struct key_usage *key_usage;
    struct health *health;
    struct keystate *keystate;
    struct sticky *sticky;
    struct retry_budget retry_budget;
    uint64_t body_bytes; /* held by all requests together */
    struct relay *relays;
    size_t n_relays;
    struct relay *gone; /* their clients left; relay_sweep ends them */
    uv_timer_t sweep;
    uv_timer_t tick; /* looks at the relays' deadlines while there are any */
    uv_timer_cb on_tick;
    uv_timer_t housekeeping; /* log flush and gauges, once a second */
    bool draining, reloading;
    uint64_t drain_until_ms;
    unsigned closing_parts; /* of agent_stop, not closed yet */
    void (*stopped)(struct agent *a);
    uint64_t began_ns;
};

/* A new agent on this configuration, which it takes over. NULL and *err on failure. */
struct agent *agent_new(uv_loop_t *loop, const char *config_path, struct pm_config *config,
                        struct pm_error *err);
/* Reads the file again, off the loop, and swaps it in. A bad file changes nothing and is logged. */
void agent_reload(struct agent *a);
/* Stops accepting, lets running calls end for drain_ms, then cuts them; `stopped` when all is
 * written and closed. A second call cuts at once. */
void agent_stop(struct agent *a, void (*stopped)(struct agent *a));
void agent_free(struct agent *a);

#endif
