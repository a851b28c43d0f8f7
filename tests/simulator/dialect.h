/* SPDX-License-Identifier: Apache-2.0 */
/* How each provider that the simulator plays words its answers. Rows live in dialect.c.
 * Immutable, any thread. */
#ifndef SIM_DIALECT_H
#define SIM_DIALECT_H

#include "common/base.h"

enum error_shape {
    ERR_OPENAI, /* {error:{message,type,param,code}} */
    ERR_XAI, /* {code,error} */
    ERR_MOONSHOT, /* {error:{message,type}} */
    ERR_DASHSCOPE, /* as OpenAI, and id, request_id beside it */
    ERR_MISTRAL, /* {object:"error",message,type,param,code} on top level */
    ERR_GROQ, /* {error:{message,type,code}} */
    ERR_FIREWORKS, /* {error:"text"} for 4xx, as OpenAI otherwise */
    ERR_NUMERIC, /* vLLM: as OpenAI with code = status */
    ERR_LLAMACPP, /* {error:{code:status,message,type}} */
    ERR_OLLAMA, /* as OpenAI with param and code null */
    ERR_AZURE, /* {error:{code:"status",message}} */
    ERR_OPENROUTER /* {error:{code:status,message,metadata}} */
};

/* Where the usage of a stream stands. */
enum usage_place {
    USAGE_CHUNK, /* a last chunk with `choices: []` */
    USAGE_FINISH, /* beside the finish reason */
    USAGE_CHOICE, /* inside choices[0] */
    USAGE_X_GROQ /* x_groq.usage of the finish chunk */
};

enum reasoning_form { REASON_HIDDEN, REASON_CONTENT, REASON_PLAIN, REASON_PARTS, REASON_DETAILS };

/* Habits that a dialect always has; as faults (fault.h) any dialect can be given them. */
enum dialect_habit {
    HABIT_USAGE_ALWAYS = 1 << 0, /* sent without stream_options, which it may not know */
    HABIT_PROMPT_FILTER = 1 << 1, /* first chunk without choices, as Azure sends it */
    HABIT_WHOLE_TOOLS = 1 << 2, /* a tool call is one delta */
    HABIT_NO_TOOL_INDEX = 1 << 3,
    HABIT_ROLE_REPEATED = 1 << 4,
    HABIT_COMMENTS = 1 << 5, /* a comment line before the first event */
    HABIT_NO_SPACE = 1 << 6, /* "data:{" */
    HABIT_FLOATS_ONLY = 1 << 7, /* embeddings ignore encoding_format: base64 */
    HABIT_NINE_ALNUM = 1 << 8, /* tool-call ids are nine letters or digits, in and out */
    HABIT_EXCLUDES_REASONING = 1 << 9, /* completion_tokens without reasoning tokens */
    HABIT_NO_KEY = 1 << 10, /* serves callers without a key */
    HABIT_API_KEY = 1 << 11, /* takes `api-key: K` as well */
    HABIT_TIMINGS = 1 << 12, /* llama.cpp: `timings` in the last chunk */
    HABIT_REFUSES_MAX_TOKENS = 1 << 13, /* of reasoning models: wants max_completion_tokens */
    HABIT_TAKES_ROUTING = 1 << 14 /* OpenRouter: `provider`, `models`, ... are its own */
};

enum cached_place {
    CACHED_DETAILS, /* prompt_tokens_details.cached_tokens */
    CACHED_TOP, /* usage.cached_tokens */
    CACHED_HIT_MISS, /* prompt_cache_hit_tokens and prompt_cache_miss_tokens */
    CACHED_NUM, /* num_cached_tokens */
    CACHED_NONE
};

struct sim_dialect {
    const char *name; /* first segment of the path */
    enum error_shape error;
    enum usage_place usage;
    enum cached_place cached;
    enum reasoning_form reasoning;
    unsigned habits;
    const char *stop_word; /* finish reason of a natural end */
    const char *length_word;
    const char *models; /* what /models lists, space separated */
    const char *known; /* request members it takes, space separated; NULL: any */
    const char *refused; /* request members it answers 400 for; NULL: none */
};

/* The row of that name; a generic OpenAI server for any other. Never NULL. */
const struct sim_dialect *sim_dialect_find(struct pm_str name);

#endif
