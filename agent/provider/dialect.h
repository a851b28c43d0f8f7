/* SPDX-License-Identifier: Apache-2.0 */
/* What is particular about one provider that speaks the OpenAI protocol: data, not code
 * (provider-protocols §6). Rows live in dialect.c; `providers.X.dialect` in the configuration
 * names one. Immutable, any thread.
 * Lists are words with single spaces between them; NULL is an empty list. */
#ifndef AGENT_PROVIDER_DIALECT_H
#define AGENT_PROVIDER_DIALECT_H

#include "common/route/table.h"

enum dialect_auth { AUTH_BEARER, AUTH_API_KEY_HEADER /* api-key: K */, AUTH_NONE };
/* Which of max_tokens and max_completion_tokens goes out. In a model rule MAX_BOTH means: as the
 * dialect says. */
enum dialect_max { MAX_BOTH /* as the client wrote it */, MAX_TOKENS, MAX_COMPLETION_TOKENS };
enum dialect_stream_usage { USAGE_BY_OPTION /* stream_options.include_usage */, USAGE_ALWAYS };
/* How `reasoning` and `reasoning_effort` are said (provider-protocols §6.15). In a model rule
 * REASONING_UNSAID means: as the dialect says; in a dialect: they are left out. */
enum dialect_reasoning {
    REASONING_UNSAID = 0,
    REASONING_DROP,
    REASONING_EFFORT, /* reasoning_effort: the word */
    REASONING_THINKING, /* thinking {type}, + reasoning_effort where there are words for it */
    REASONING_ENABLE, /* enable_thinking, thinking_budget */
    REASONING_GROQ, /* reasoning_effort + reasoning_format */
    REASONING_TEMPLATE, /* chat_template_kwargs, + reasoning_effort */
    REASONING_OPENROUTER /* reasoning as it is */
};
/* How earlier reasoning goes back in assistant messages. In a model rule HISTORY_DROP means: as
 * the dialect says. */
enum dialect_history {
    HISTORY_DROP = 0,
    HISTORY_REASONING, /* member `reasoning` */
    HISTORY_CONTENT, /* member `reasoning_content` */
    HISTORY_CONTENT_ALWAYS, /* the same, and "" where there was none */
    HISTORY_THINKING_PART, /* content parts of type `thinking` (Mistral) */
    HISTORY_KEEP /* all forms, as they are */
};

/* What some models of a provider want otherwise. */
struct model_rule {
    const char *match; /* globs of the provider's model names; NULL: end of the rules */
    const char *refused; /* members these do not take, besides the dialect's */
    const char *refused_thinking; /* the same, unless thinking is switched off */
    const char *efforts; /* instead of the dialect's; "": they take no word. NULL: the dialect's */
    enum dialect_reasoning reasoning;
    enum dialect_history history;
    enum dialect_max max_field;
    bool system_as_developer;
    bool required_as_auto; /* tool_choice: required is refused */
    bool stream_only; /* answers only as a stream */
};

struct dialect {
    const char *name;
    const char *aliases; /* other names for it */
    const char *display; /* provider name when the configuration gives none */
    enum dialect_auth auth;
    const char *chat_path; /* after base_url: "/chat/completions"; {model} stands for the name */
    const char *completions_path;
    const char *embeddings_path;
    enum dialect_max max_field;
    enum dialect_stream_usage stream_usage;
    enum dialect_reasoning reasoning;
    /* Accepted words; others go to the next lower one, or to the lowest. "medium=high" names
     * another target. NULL: all words. */
    const char *efforts;
    enum dialect_history history;
    const char *history_member; /* a member added where reasoning goes back, or NULL */
    bool completion_excludes_reasoning; /* xAI */
    bool passes_openrouter_fields; /* OpenRouter as an upstream: provider, ... stay */
    bool strict; /* unknown members are refused: send only what it knows */
    const char *allowed; /* members it takes beyond the common set */
    const char *refused; /* members of the common set it does not take */
    const char *message_members; /* of a strict one: of a message, beyond the common ones */
    const char *user_as; /* what `user` is called; NULL: it is left out */
    const char *seed_as; /* what `seed` is called; NULL: seed */
    const char *prefill; /* member to set in a last message of the assistant, or NULL */
    bool developer_as_system; /* knows no role `developer` */
    bool takes_cache_control; /* cache_control in message parts and tools */
    bool no_message_name; /* messages[].name is refused */
    bool tool_message_name; /* tool messages need the name of their function (Mistral) */
    bool ids_nine_alnum; /* Mistral tool-call ids */
    bool mistral_parts; /* image_url as text, file as document_url */
    bool plain_schemas; /* tool schemas without $schema, and no type beside anyOf (Moonshot) */
    bool cancel_stops_billing; /* a closed connection ends the generation (§4.5) */
    const struct model_rule *rules; /* the first that matches holds; NULL: none */
};

/* NULL if there is none of that name. */
const struct dialect *dialect_find(struct pm_str name);
/* Walks all rows, for --help and tests; NULL past the end. */
const struct dialect *dialect_at(size_t i);
/* What holds for a model, by the provider's name for it. Never NULL: an empty rule if no row
 * matches. */
const struct model_rule *dialect_rule(const struct dialect *d, struct pm_str upstream_model);
/* True if one of the words of the list is this one. */
bool dialect_lists(const char *words, struct pm_str word);

#endif
