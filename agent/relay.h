/* SPDX-License-Identifier: Apache-2.0 */
/* One call, from its request to its settled record: which endpoint is tried next, when the answer
 * is committed, how it ends. One per HTTP request, loop thread only.
 *
 *   reading → choosing → waiting → committed → settling → finished
 *                 ↑__________|  (before the commit a failure goes to the next attempt)
 * A call that is in the spool ends through settling from wherever it is.
 *
 * Ownership: a relay owns its arena, its request body, its attempt and its writer; it borrows the
 * HTTP request until it has answered or the client is gone. It ends on the snapshot on which it
 * began. It frees itself at the end, never inside a callback of its attempt.
 *
 * relay.c walks the states, choose.c picks the next attempt, attempt.c makes one try, answer.c
 * writes to the client, settle.c writes the bill. */
#ifndef AGENT_RELAY_H
#define AGENT_RELAY_H

#include "agent/agent.h"
#include "agent/front/front.h"
#include "common/clock.h"

enum relay_state {
    RELAY_READING, /* the body is being understood */
    RELAY_CHOOSING, /* between attempts */
    RELAY_WAITING, /* an attempt is under way, the client has seen no content */
    RELAY_COMMITTED, /* content has gone to the client: no other provider from here on */
    RELAY_SETTLING, /* all is said but the end of a good answer; the record is not written yet */
    RELAY_FINISHED,
    RELAY_NSTATES
};
/* True if the table of moves allows it. */
bool relay_may_go(enum relay_state from, enum relay_state to);

/* Who ended an attempt, and in which phase: the first cause wins. */
enum end_who { WHO_NOBODY, WHO_CLIENT, WHO_PROVIDER, WHO_AGENT, WHO_POLICY, WHO_DEADLINE };
enum end_phase {
    PHASE_QUEUE,
    PHASE_CONNECT,
    PHASE_HEAD,
    PHASE_FIRST_TOKEN,
    PHASE_STREAM,
    PHASE_DONE
};
const char *end_who_name(enum end_who w);
const char *end_phase_name(enum end_phase p);

/* What is kept of each attempt, for the next choice, the error answer and the record. */
struct attempt_log {
    const struct pm_attempt_plan *plan;
    struct failure failure; /* cls FAIL_NONE: it succeeded */
    enum end_who who;
    enum end_phase phase;
    unsigned status;
    int64_t started_ms, first_token_ms, ended_ms; /* from the relay's begin; -1: never */
    struct pm_str upstream_id;
};

struct attempt;

/* Arena of a call: what its peers make us take, and beside it what we take ourselves, which is
 * bounded and must never fail for what they took. */
#define RELAY_ARENA_PEERS (64u << 20)
#define RELAY_ARENA_OURS (32u << 20)
#define RELAY_TEXT_MAX 256 /* of ids and reasons that a provider gives */

struct relay {
    struct agent *agent;
    struct relay *prev, *next;
    struct snapshot *snap;
    struct http_request *http; /* NULL: the client is gone, or has its whole answer */
    struct pm_arena arena;
    struct pm_buf body;
    uint64_t body_charged;
    enum relay_state state;
    enum pm_operation op;
    char id[PM_GENERATION_ID_LEN + 1];
    uint64_t began_ms; /* monotonic */
    int64_t began_unix_ms;

    const struct pm_client_key *key; /* NULL: none was asked for */
    const struct pm_policy *policy;
    const struct pm_provider **caller_providers; /* the request brought keys for these */
    struct pm_str *caller_keys;
    size_t n_caller_keys;

    struct front_headers headers;
    struct front_request req;
    struct pm_str user; /* the end user as providers may know him: a hash; PM_NSTR if none */
    struct pm_error read_error;
    uv_work_t work; /* a large body is read off the loop */
    bool working, work_ok;
    struct pm_decision decision;
    uint64_t sticky_key;
    int64_t bound_nano;

    size_t next_plan; /* index in decision.attempts */
    struct attempt_log *log;
    size_t n_log, log_room;
    struct attempt *attempt; /* under way, or NULL */
    bool retried_same, begun; /* begun: its beginning is in the spool */
    uint64_t retry_at_ms; /* when to try again; 0: no delayed retry */
    struct relay *next_gone; /* in agent.gone */
    bool gone; /* the client left; ended soon, outside of every callback: hands off */

    struct front_writer *writer;
    struct pm_buf held; /* streamed bytes before the commit */
    bool head_sent; /* 200 is with the client, maybe with comments only */
    uint64_t comment_at_ms; /* next keep-alive comment; 0: none */
    struct pm_usage usage;
    enum finish finish;
    struct pm_str native_finish;
    char native_text[RELAY_TEXT_MAX];
    uint64_t text_bytes; /* of the answer, for an estimate where the provider tells no usage */
    bool has_output;
    int64_t first_token_ms;
    struct pm_cost cost;
    bool price_unknown;
    int64_t upstream_cost_nano;
    enum spool_status settle_as; /* while settling */
    unsigned client_status;
    uint64_t settle_until_ms; /* the spool refuses: till when to try; 0: it does not */
};

/* Ends the relays whose clients left. Called from the loop, never from inside a callback. */
void relay_sweep(struct agent *a);
/* Begins a call; the request is answered later, whatever happens. */
void relay_start(struct agent *a, struct http_request *http, enum pm_operation op);
/* Deadlines, delayed retries, comments. Called by the agent's tick for every relay. */
void relay_tick(struct relay *r, uint64_t now_ms);
#define RELAY_TICK_MS 100
/* The agent is stopping and will not wait: end it with what there is. */
void relay_cut(struct relay *r);

/* ---- between the relay's own files ---- */

/* attempt.c → relay.c. A failure before the commit chooses anew; NULL: a whole answer. */
void relay_attempt_ended(struct relay *r, const struct failure *f, enum end_who who,
                         enum end_phase phase);
/* attempt.c → answer.c: one chunk of the answer. False: the client cannot be written to. */
bool relay_chunk(struct relay *r, const struct chunk *c);
void relay_set_state(struct relay *r, enum relay_state to);
int64_t relay_ms(const struct relay *r); /* since its begin */
const struct attempt_log *relay_last(const struct relay *r);

void relay_succeed(struct relay *r); /* the answer is whole: price it, settle it, end */
void relay_give_up(struct relay *r); /* nothing is left to try */

/* choose.c */
/* Walks the plan until an attempt is under way, a retry is set, or nothing is left. */
void choose_next(struct relay *r);
/* The last plan once more. False: it could not start. */
bool choose_again(struct relay *r);
/* How the last attempt ended, into its log, the metrics and the log line. f NULL: well. */
void choose_note(struct relay *r, const struct failure *f, enum end_who who, enum end_phase phase);

/* answer.c */
void answer_flush(struct relay *r);
void answer_comment(struct relay *r, uint64_t now_ms);
/* Writes the whole answer, to be sent by answer_end. False: it could not be written. */
bool answer_prepare(struct relay *r);
void answer_end(struct relay *r); /* after the record is in the spool */
/* Tells the client what the log of attempts says; returns the HTTP status of it. */
unsigned answer_failed(struct relay *r);
void answer_no_route(struct relay *r); /* what the decision says */
unsigned answer_unsettled(struct relay *r); /* the disk did not take the record */
void answer_error(struct relay *r, const struct front_error *e);

/* settle.c */
bool settle_begin(struct relay *r, const struct pm_attempt_plan *first);
void settle_price(struct relay *r);
/* False: the disk refused; the caller holds the end of the answer back and tries again. */
bool settle_write(struct relay *r, enum spool_status status, unsigned client_status);

/* attempt.c */
bool attempt_start(struct relay *r, const struct pm_attempt_plan *plan, struct failure *f);
void attempt_resume(struct attempt *t); /* the client reads again */
void attempt_cancel(struct attempt *t); /* no word of it comes after this; frees it */
void attempt_tick(struct attempt *t, uint64_t now_ms);
enum end_phase attempt_phase(const struct attempt *t); /* where it is now */

#endif
