/* SPDX-License-Identifier: Apache-2.0 */
/* The top-level members of a request that this router knows: their types, and the parameter that
 * routing sees in them. Others pass through unread. Immutable, any thread. */
#ifndef AGENT_FRONT_MEMBERS_H
#define AGENT_FRONT_MEMBERS_H

#include "common/json.h"
#include "common/route/table.h"

/* In the order of their names, which is how they are found. */
enum front_member {
    MEMBER_AUDIO,
    MEMBER_BEST_OF,
    MEMBER_CACHE_CONTROL,
    MEMBER_DEBUG,
    MEMBER_DIMENSIONS,
    MEMBER_ECHO,
    MEMBER_ENCODING_FORMAT,
    MEMBER_FREQUENCY_PENALTY,
    MEMBER_FUNCTION_CALL,
    MEMBER_FUNCTIONS,
    MEMBER_IMAGE_CONFIG,
    MEMBER_INCLUDE_REASONING,
    MEMBER_INPUT,
    MEMBER_INPUT_TYPE,
    MEMBER_LOGIT_BIAS,
    MEMBER_LOGPROBS,
    MEMBER_MAX_COMPLETION_TOKENS,
    MEMBER_MAX_TOKENS,
    MEMBER_MESSAGES,
    MEMBER_METADATA,
    MEMBER_MIN_P,
    MEMBER_MODALITIES,
    MEMBER_MODEL,
    MEMBER_MODELS,
    MEMBER_N,
    MEMBER_PARALLEL_TOOL_CALLS,
    MEMBER_PLUGINS,
    MEMBER_PREDICTION,
    MEMBER_PRESENCE_PENALTY,
    MEMBER_PRESET,
    MEMBER_PROMPT,
    MEMBER_PROMPT_CACHE_KEY,
    MEMBER_PROMPT_CACHE_OPTIONS,
    MEMBER_PROVIDER,
    MEMBER_REASONING,
    MEMBER_REASONING_EFFORT,
    MEMBER_REPETITION_PENALTY,
    MEMBER_RESPONSE_FORMAT,
    MEMBER_ROUTE,
    MEMBER_SAFETY_IDENTIFIER,
    MEMBER_SEED,
    MEMBER_SERVICE_TIER,
    MEMBER_SESSION_ID,
    MEMBER_STOP,
    MEMBER_STORE,
    MEMBER_STREAM,
    MEMBER_STREAM_OPTIONS,
    MEMBER_STRUCTURED_OUTPUTS,
    MEMBER_SUFFIX,
    MEMBER_TEMPERATURE,
    MEMBER_TOOL_CHOICE,
    MEMBER_TOOLS,
    MEMBER_TOP_A,
    MEMBER_TOP_K,
    MEMBER_TOP_LOGPROBS,
    MEMBER_TOP_P,
    MEMBER_TRACE,
    MEMBER_TRANSFORMS,
    MEMBER_USAGE,
    MEMBER_USER,
    MEMBER_VERBOSITY,
    MEMBER_WEB_SEARCH_OPTIONS,
    MEMBER_COUNT
};

struct front_member_row {
    struct pm_str name;
    uint16_t types; /* bits 1 << enum pm_jtype; null is always fine and means absent */
    uint8_t param; /* enum pm_param; PM_P_COUNT if it is none */
};
const struct front_member_row *front_member_row(enum front_member m);
/* MEMBER_COUNT if the name is not one of them. */
enum front_member front_member_find(struct pm_str name);
/* "must be a string or an array", for a type that is not in `types`. */
bool front_member_misfit(const char *name, unsigned types, struct pm_error *err);

#define TYPE_BOOL (1u << PM_JTRUE | 1u << PM_JFALSE)
#define TYPE_NUM (1u << PM_JNUM)
#define TYPE_STR (1u << PM_JSTR)
#define TYPE_OBJ (1u << PM_JOBJ)
#define TYPE_ARR (1u << PM_JARR)

#endif
