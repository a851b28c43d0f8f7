/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator's own account of what it served: the truth against which a bill is held.
 * One record per request but for `bench-` models, which only count in the totals.
 * The newest 100,000 records are kept. One owner, one thread. */
#ifndef SIM_ACCOUNT_H
#define SIM_ACCOUNT_H

#include "tests/simulator/answer.h"

enum sim_outcome {
    SIM_OPEN,
    SIM_COMPLETE, /* a good answer, all of it in the kernel */
    SIM_FAULT, /* an error, or an answer that a fault cut */
    SIM_CLIENT_CLOSED /* the client went away before its end */
};

struct sim_record {
    uint64_t id; /* the answer's id is chatcmpl-sim-ID */
    struct pm_str dialect, model, op, key, unknown, fault; /* owned by the record */
    char *texts;
    bool stream;
    unsigned status;
    struct sim_usage usage; /* of the whole answer, were it sent */
    bool answered;
    uint32_t tokens_sent;
    uint64_t bytes_sent;
    enum sim_outcome outcome;
    int64_t started_unix_ms;
    uint64_t started_ms; /* monotonic */
    int64_t first_ms, ended_ms, closed_ms; /* since the start; -1: never */
};

struct sim_account;
/* file: where each ended record is appended as a line of JSON; NULL: nowhere. NULL if it cannot
 * be opened. */
struct sim_account *sim_account_new(const char *file);
void sim_account_free(struct sim_account *a);
void sim_account_reset(struct sim_account *a); /* ids go on */

/* A new record; valid until the next call of this function for the 100,000th time. */
struct sim_record *sim_account_begin(struct sim_account *a, const struct sim_request *r,
                                     const struct sim_fault *f);
struct sim_record *sim_account_get(struct sim_account *a, uint64_t id); /* NULL if it is gone */
void sim_account_end(struct sim_account *a, struct sim_record *r, enum sim_outcome outcome);
/* A request that gets no record: only the totals. */
void sim_account_count(struct sim_account *a, struct pm_str dialect, struct pm_str model,
                       const struct sim_usage *u, enum sim_outcome outcome);

/* [{...}, ...] of records from id `since` on; one id only if `only` is not 0. */
void sim_account_list(struct sim_account *a, uint64_t since, uint64_t only, struct pm_buf *out);
/* {"dialect/model":{"requests":…}, ...} */
void sim_account_totals(struct sim_account *a, struct pm_buf *out);

#endif
