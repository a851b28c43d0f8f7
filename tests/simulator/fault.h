/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong, and when: rules given as JSON, and a random share of requests.
 * Each kind is a bit, so that one fault can combine several (slow and with CRLF and cut).
 * One owner, one thread. */
#ifndef SIM_FAULT_H
#define SIM_FAULT_H

#include "tests/simulator/request.h"

enum fault_kind {
    /* Instead of the answer, or before its head. */
    F_STATUS, /* status, with that dialect's own body for it */
    F_ERROR, /* error: a named one of errors.c */
    F_HTML, /* an HTML page, with `status` or 200 */
    F_HUGE_ERROR, /* an error body of `bytes` */
    F_ERROR_200, /* the error's body under status 200 */
    F_STALL_HEAD, /* nothing, for ever */
    F_SLOW_HEAD, /* nothing for `ms` */
    F_SLOW_HEAD_BYTES, /* each byte of the head after `ms` */
    F_CUT_HEAD, /* FIN without a byte */
    F_RESET_HEAD, /* RST without a byte */
    F_HALF_HEAD, /* FIN inside the head */
    F_GARBAGE, /* random bytes for a head */
    F_NOT_HTTP, /* the greeting of another protocol */
    F_INTERIM, /* 100 and 103 before the head */
    /* Between head and first content. */
    F_STALL_BODY,
    F_SLOW_FIRST, /* `ms` */
    F_EMPTY_BODY, /* a good end at once */
    F_NO_CHOICES,
    F_ROLE_ONLY, /* a stream with no content and no finish */
    F_ERROR_FIRST, /* the first event is the error */
    F_OTHER_KIND, /* JSON for a stream, a stream for JSON */
    /* After `after` pieces of content (half of a body that is not a stream). */
    F_CUT,
    F_RESET,
    F_STALL,
    F_ERROR_MID,
    F_GARBAGE_MID, /* an event that is no JSON */
    F_BAD_CHUNK, /* a chunk size that is no number */
    F_PAUSE, /* `ms`, once */
    F_SLOW_TOKENS, /* `ms` before each piece */
    /* Form. */
    F_WRONG_LENGTH, /* Content-Length off by `delta` */
    F_FINISH, /* finish reason: `reason` */
    F_NO_FINISH,
    F_NO_DONE,
    F_AFTER_DONE, /* data after [DONE] */
    F_USAGE_ABSENT,
    F_USAGE_EVERY, /* cumulative, in every chunk */
    F_USAGE_CHOICE,
    F_USAGE_X_GROQ,
    F_USAGE_FINISH,
    F_USAGE_NULL, /* `usage: null` in every chunk but the last */
    F_TOOLS_INDEX0,
    F_TOOLS_NO_INDEX,
    F_TOOLS_WHOLE,
    F_ARGS_OBJECT,
    F_ROLE_REPEATED,
    F_NULL_MEMBERS,
    F_CRLF,
    F_COMMENTS,
    F_NO_SPACE,
    F_BOM,
    F_SPLIT, /* every byte is a write of its own */
    F_CLOSE, /* Connection: close */
    F_KINDS
};
#define F_BIT(kind) (UINT64_C(1) << (kind))
const char *sim_fault_name(enum fault_kind kind);

struct sim_fault {
    uint64_t kinds; /* F_BIT of each; 0: none */
    unsigned status; /* default 503 */
    struct pm_str error, reason, retry_after, body, content_type;
    int64_t retry_after_ms; /* -1: no such header */
    int64_t retry_after_date; /* seconds from now, as an HTTP date; -1: no */
    uint32_t ms, after, bytes;
    int64_t delta;
};

static inline bool sim_fault_has(const struct sim_fault *f, enum fault_kind kind)
{
    return (f->kinds & F_BIT(kind)) != 0;
}

struct sim_faults;
struct sim_faults *sim_faults_new(void);
void sim_faults_free(struct sim_faults *f);
void sim_faults_reset(struct sim_faults *f);
/* [{"match":{"dialect","model","op","key","message","stream","nth"},
 *   "fault":{"kind": K or [K, ...], ...}, "times": N}, ...]. Replaces the rules, or adds to them.
 * False with the reason; the rules then are as before. */
bool sim_faults_script(struct sim_faults *f, struct pm_str json, bool add, struct pm_error *err);
/* {"rate":0..1, "seed":N, "kinds":[...], "dialects":[...], "ms":..., ...} */
bool sim_faults_random(struct sim_faults *f, struct pm_str json, struct pm_error *err);
/* The fault of this request: the first rule that matches, else the draw. kinds = 0 if none.
 * Texts in *out live until the next change of the rules. */
void sim_faults_pick(struct sim_faults *f, const struct sim_request *r, struct sim_fault *out);

#endif
