/* SPDX-License-Identifier: Apache-2.0 */
/* What is particular about one provider that speaks the OpenAI protocol: data, not code
 * (provider-protocols §6). Rows live in dialect.c; `providers.X.dialect` in the configuration
 * names one. Immutable, any thread. */
#ifndef AGENT_PROVIDER_DIALECT_H
#define AGENT_PROVIDER_DIALECT_H

#include "common/route/table.h"

enum dialect_auth { AUTH_BEARER, AUTH_API_KEY_HEADER /* api-key: K */, AUTH_NONE };
enum dialect_max { MAX_TOKENS, MAX_COMPLETION_TOKENS, MAX_BOTH };
enum dialect_stream_usage { USAGE_BY_OPTION /* stream_options.include_usage */, USAGE_ALWAYS };
/* How `reasoning` and `reasoning_effort` are said (provider-protocols §6.15). */
enum dialect_reasoning {
    REASONING_EFFORT, /* reasoning_effort: the word */
    REASONING_THINKING, /* thinking {type}, + reasoning_effort */
    REASONING_ENABLE, /* enable_thinking, thinking_budget */
    REASONING_GROQ, /* reasoning_effort + reasoning_format */
    REASONING_TEMPLATE, /* chat_template_kwargs */
    REASONING_OPENROUTER, /* reasoning as it is */
    REASONING_DROP
};

struct dialect {
    const char *name;
    const char *display; /* provider name when the configuration gives none */
    enum dialect_auth auth;
    const char *chat_path; /* after base_url: "/chat/completions" */
    const char *completions_path;
    const char *embeddings_path;
    enum dialect_max max_field;
    enum dialect_stream_usage stream_usage;
    enum dialect_reasoning reasoning;
    const char *efforts; /* accepted words, space separated; others are rounded down */
    bool completion_excludes_reasoning; /* xAI */
    bool keeps_reasoning_history; /* wants reasoning_content back in the history */
    bool passes_openrouter_fields; /* OpenRouter as an upstream: provider, models, ... stay */
    bool strict; /* unknown members are refused: send only what it knows */
    const char *allowed; /* members it takes beyond the common set, space separated */
    const char *refused; /* members of the common set it does not take */
    bool system_as_developer_for_reasoning;
    bool ids_nine_alnum; /* Mistral tool-call ids */
    bool cancel_stops_billing; /* a closed connection ends the generation (§4.5) */
};

/* NULL if there is none of that name. */
const struct dialect *dialect_find(struct pm_str name);
/* Walks all rows, for --help and tests; NULL past the end. */
const struct dialect *dialect_at(size_t i);

#endif
