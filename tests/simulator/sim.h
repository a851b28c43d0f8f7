/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator as one object, and its connections. One thread. */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <uv.h>

#include "tests/simulator/account.h"

struct sim {
    uv_loop_t *loop;
    uv_tcp_t listener;
    struct sim_faults *faults;
    struct sim_account *account;
    struct conn *conns; /* all that are open */
    size_t n_conns;
    uint64_t n_accepted, n_requests, n_bench;
};

/* Listens; false with the reason. *port is what it got. */
bool sim_listen(struct sim *s, const char *address, uint16_t *port, struct pm_error *err);
/* Closes the listener and all connections; the loop then runs empty. */
void sim_stop(struct sim *s);

/* Requests under /_sim/: scripts, account, statistics. Fills the plan. */
void sim_admin(struct sim *s, struct pm_str method, struct pm_str target, struct pm_str body,
               struct plan *p);

#endif
