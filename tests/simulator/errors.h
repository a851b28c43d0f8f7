/* SPDX-License-Identifier: Apache-2.0 */
/* The error bodies of real providers, as seen on the wire (status, type, code and text). */
#ifndef SIM_ERRORS_H
#define SIM_ERRORS_H

#include "common/buf.h"
#include "tests/simulator/dialect.h"

struct sim_error {
    unsigned status;
    const char *name; /* how a script names it */
    const char *type, *code, *param; /* NULL: null in the body */
    const char *message;
};

/* What that dialect says for a status; always something. */
struct sim_error sim_error_for_status(const struct sim_dialect *d, unsigned status);
/* context_length, content_policy, quota, rate_limit, auth, ...: false if there is none. */
bool sim_error_named(const struct sim_dialect *d, struct pm_str name, struct sim_error *out);
/* The JSON body in the dialect's shape. */
void sim_error_write(const struct sim_dialect *d, const struct sim_error *e, uint64_t id,
                     struct pm_buf *b);

#endif
