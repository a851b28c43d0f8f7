/* SPDX-License-Identifier: Apache-2.0 */
/* What the simulator understands of a request: the facts that its answer is a function of.
 * All slices borrow the body, the target or the arena. */
#ifndef SIM_REQUEST_H
#define SIM_REQUEST_H

#include "common/arena.h"
#include "common/http1.h"
#include "common/json.h"
#include "tests/simulator/dialect.h"

enum sim_op { SIM_CHAT, SIM_COMPLETIONS, SIM_EMBEDDINGS, SIM_MODELS, SIM_UNKNOWN };
const char *sim_op_name(enum sim_op op);

struct sim_request {
    enum sim_op op;
    const struct sim_dialect *dialect;
    struct pm_str dialect_name; /* as the path had it */
    struct pm_str model;
    struct pm_str key; /* what authenticated, without "Bearer "; PM_NSTR */
    struct pm_jval body; /* PM_JNONE if there is none */
    bool stream, include_usage, wants_reasoning, base64, logprobs;
    uint32_t n; /* choices */
    int64_t max_tokens; /* -1: not said */
    uint32_t dimensions;
    struct pm_jval inputs; /* of embeddings */
    struct pm_jval tools; /* PM_JNONE: none, or tool_choice forbids them */
    struct pm_str tool_name; /* the one that tool_choice names; PM_NSTR */
    struct pm_jval schema; /* of response_format json_schema */
    bool json_object;
    bool after_tool; /* the last message is a tool's */
    bool bad_tool_id; /* a tool-call id that this dialect refuses */
    struct pm_str user_text; /* text of the last user message, unescaped */
    uint32_t prompt_tokens;
    struct pm_str unknown[8]; /* members that the dialect does not know */
    size_t n_unknown;
};

/* `/dialect/.../chat/completions` → what is asked of whom. */
void sim_request_target(struct sim_request *r, struct pm_str target);
/* False with the reason if the body is no JSON object. */
bool sim_request_read(struct sim_request *r, struct pm_str body, struct pm_arena *a,
                      struct pm_error *err);
/* The number after `word:` in the last user message, or `other`. */
uint32_t sim_request_marker(const struct sim_request *r, const char *word, uint32_t other);
/* The text after `say:` to the end of the last user message; PM_NSTR if it has none. */
struct pm_str sim_request_say(const struct sim_request *r);

#endif
