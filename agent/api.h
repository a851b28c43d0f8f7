/* SPDX-License-Identifier: Apache-2.0 */
/* The local API: one table of methods and paths, each also under /api. Decides who may ask what,
 * hands inference to relays and answers the rest itself. Loop thread only. */
#ifndef AGENT_API_H
#define AGENT_API_H

#include "agent/agent.h"

/* For server_new; the context is the struct agent. */
extern const struct server_ops api_ops;
/* Probes and metrics, for the second port: /live, /ready, /metrics. */
extern const struct server_ops probe_ops;

#endif
