/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/provider/dialect.h"

#define USUAL_PATHS                                                                                \
    .chat_path = "/chat/completions", .completions_path = "/completions",                          \
    .embeddings_path = "/embeddings"
#define SAMPLING "temperature top_p presence_penalty frequency_penalty"
#define OPENAI_SAMPLING SAMPLING " logit_bias logprobs top_logprobs"
#define OPENAI_ALLOWED                                                                             \
    "store metadata prediction modalities audio verbosity web_search_options service_tier "        \
    "prompt_cache_key prompt_cache_options prompt_cache_retention safety_identifier moderation "   \
    "functions function_call"
#define OPENAI_MESSAGE "name refusal audio function_call"

/* The words by model follow OpenAI's model pages; effort `none` brings the sampling members back.
 */
static const struct model_rule openai_rules[] = {
    {"gpt-*-chat* gpt-chat*", .max_field = MAX_COMPLETION_TOKENS, .efforts = ""},
    {"*-search-preview*", .refused = OPENAI_SAMPLING, .efforts = ""},
    {"o3* o4*", .refused = OPENAI_SAMPLING " stop", .efforts = "low medium high",
     .max_field = MAX_COMPLETION_TOKENS, .system_as_developer = true},
    {"o1*", .refused = OPENAI_SAMPLING, .efforts = "low medium high",
     .max_field = MAX_COMPLETION_TOKENS, .system_as_developer = true},
    {"gpt-5-pro*", .refused = OPENAI_SAMPLING, .efforts = "high",
     .max_field = MAX_COMPLETION_TOKENS, .system_as_developer = true},
    {"gpt-5 gpt-5-*", .refused = OPENAI_SAMPLING, .efforts = "minimal low medium high",
     .max_field = MAX_COMPLETION_TOKENS, .system_as_developer = true},
    {"gpt-5.1 gpt-5.1-2*", .refused = "presence_penalty frequency_penalty logit_bias",
     .refused_thinking = "temperature top_p logprobs top_logprobs",
     .efforts = "none low medium high", .max_field = MAX_COMPLETION_TOKENS,
     .system_as_developer = true},
    {"gpt-5.6* gpt-6*", .refused = "presence_penalty frequency_penalty logit_bias",
     .refused_thinking = "temperature top_p logprobs top_logprobs",
     .efforts = "none low medium high xhigh max", .max_field = MAX_COMPLETION_TOKENS,
     .system_as_developer = true},
    {"gpt-5.*", .refused = "presence_penalty frequency_penalty logit_bias",
     .refused_thinking = "temperature top_p logprobs top_logprobs",
     .efforts = "none low medium high xhigh", .max_field = MAX_COMPLETION_TOKENS,
     .system_as_developer = true},
    {"gpt-* chatgpt-* ft:gpt-*", .efforts = ""},
    {NULL},
};

static const struct model_rule xai_rules[] = {
    {"*non-reasoning*", .efforts = ""},
    {"grok-4 grok-4-0* grok-4-fast* grok-4-1-fast* grok-code*",
     .refused = "stop presence_penalty frequency_penalty", .efforts = ""},
    {"grok-3-mini*", .refused = "stop presence_penalty frequency_penalty", .efforts = "low high"},
    {"grok-2* grok-3*", .efforts = ""},
    {"*", .refused = "stop presence_penalty frequency_penalty"},
    {NULL},
};

static const struct model_rule deepseek_rules[] = {
    {"deepseek-v4*", .refused_thinking = "temperature top_p", .history = HISTORY_CONTENT_ALWAYS},
    {NULL},
};

static const struct model_rule moonshot_rules[] = {
    {"kimi-k2.6* kimi-k2.7*", .refused = SAMPLING " n", .efforts = "",
     .history = HISTORY_CONTENT_ALWAYS, .required_as_auto = true},
    {"kimi-k2.*", .refused = SAMPLING " n", .efforts = "", .history = HISTORY_CONTENT_ALWAYS},
    {"kimi-k2-thinking*", .reasoning = REASONING_DROP, .history = HISTORY_CONTENT_ALWAYS},
    {"kimi-k3*", .reasoning = REASONING_EFFORT, .efforts = "low medium=high high xhigh=max max",
     .history = HISTORY_CONTENT_ALWAYS},
    {"moonshot-* kimi-k2*", .reasoning = REASONING_DROP},
    {NULL},
};

static const struct model_rule alibaba_rules[] = {
    {"qwq* qvq* *-omni*", .stream_only = true},
    {NULL},
};

static const struct model_rule mistral_rules[] = {
    {"magistral*", .reasoning = REASONING_DROP}, /* always thinks */
    {NULL},
};

static const struct model_rule groq_rules[] = {
    {"openai/gpt-oss*", .efforts = "low medium high", .reasoning = REASONING_EFFORT},
    {"qwen/*", .efforts = "none minimal=default low=default medium=default high=default "
                          "xhigh=default max=default default"},
    {"*", .reasoning = REASONING_DROP},
    {NULL},
};

static const struct dialect rows[] = {
    {
        .name = "openai",
        .display = "OpenAI",
        USUAL_PATHS,
        .reasoning = REASONING_EFFORT,
        .strict = true,
        .allowed = OPENAI_ALLOWED,
        .message_members = OPENAI_MESSAGE,
        .user_as = "user",
        .cancel_stops_billing = true,
        .rules = openai_rules,
    },
    {
        /* base_url https://RESOURCE.openai.azure.com/openai/v1 */
        .name = "azure",
        .display = "Azure",
        .auth = AUTH_API_KEY_HEADER,
        USUAL_PATHS,
        .reasoning = REASONING_EFFORT,
        .strict = true,
        .allowed = OPENAI_ALLOWED,
        .message_members = OPENAI_MESSAGE,
        .user_as = "user",
        .cancel_stops_billing = true,
        .rules = openai_rules,
    },
    {
        /* base_url https://RESOURCE.openai.azure.com */
        .name = "azure-classic",
        .display = "Azure",
        .auth = AUTH_API_KEY_HEADER,
        .chat_path = "/openai/deployments/{model}/chat/completions?api-version=2024-10-21",
        .completions_path = "/openai/deployments/{model}/completions?api-version=2024-10-21",
        .embeddings_path = "/openai/deployments/{model}/embeddings?api-version=2024-10-21",
        .reasoning = REASONING_EFFORT,
        .strict = true,
        .allowed = OPENAI_ALLOWED,
        .message_members = OPENAI_MESSAGE,
        .user_as = "user",
        .cancel_stops_billing = true,
        .rules = openai_rules,
    },
    {
        .name = "xai",
        .display = "xAI",
        USUAL_PATHS,
        .max_field = MAX_COMPLETION_TOKENS,
        .reasoning = REASONING_EFFORT,
        .efforts = "none low medium high xhigh",
        .completion_excludes_reasoning = true,
        .allowed = "web_search_options search_parameters deferred prompt_cache_key",
        .user_as = "user",
        .cancel_stops_billing = true,
        .rules = xai_rules,
    },
    {
        .name = "deepseek",
        .display = "DeepSeek",
        USUAL_PATHS,
        .max_field = MAX_TOKENS,
        .reasoning = REASONING_THINKING,
        .efforts = "low medium=high high xhigh=max max",
        .refused = "seed presence_penalty frequency_penalty logit_bias n parallel_tool_calls",
        .developer_as_system = true,
        .cancel_stops_billing = true,
        .rules = deepseek_rules,
    },
    {
        .name = "moonshotai",
        .aliases = "moonshot kimi",
        .display = "Moonshot AI",
        USUAL_PATHS,
        .max_field = MAX_COMPLETION_TOKENS,
        .reasoning = REASONING_THINKING,
        .efforts = "",
        .allowed = "prompt_cache_key",
        .refused = "logit_bias logprobs top_logprobs seed",
        .prefill = "partial",
        .developer_as_system = true,
        .plain_schemas = true,
        .rules = moonshot_rules,
    },
    {
        .name = "alibaba",
        .aliases = "dashscope qwen",
        .display = "Alibaba",
        USUAL_PATHS,
        .max_field = MAX_TOKENS,
        .reasoning = REASONING_ENABLE,
        .history = HISTORY_CONTENT,
        .history_member = "\"preserve_thinking\":true",
        .refused = "frequency_penalty logit_bias",
        .developer_as_system = true,
        .takes_cache_control = true,
        .rules = alibaba_rules,
    },
    {
        .name = "mistral",
        .display = "Mistral",
        .chat_path = "/chat/completions",
        .completions_path = "/fim/completions",
        .embeddings_path = "/embeddings",
        .max_field = MAX_TOKENS,
        .stream_usage = USAGE_ALWAYS,
        .reasoning = REASONING_EFFORT,
        .efforts = "none minimal=high low=high medium=high high",
        .history = HISTORY_THINKING_PART,
        .strict = true,
        .allowed = "prediction metadata random_seed safe_prompt prompt_mode min_tokens "
                   "output_dimension output_dtype",
        .refused = "logit_bias logprobs top_logprobs dimensions echo best_of",
        .message_members = "prefix",
        .seed_as = "random_seed",
        .prefill = "prefix",
        .developer_as_system = true,
        .tool_message_name = true,
        .ids_nine_alnum = true,
        .mistral_parts = true,
        .rules = mistral_rules,
    },
    {
        .name = "groq",
        .display = "Groq",
        USUAL_PATHS,
        .max_field = MAX_COMPLETION_TOKENS,
        .stream_usage = USAGE_BY_OPTION,
        .reasoning = REASONING_GROQ,
        .history = HISTORY_REASONING,
        .strict = true,
        .allowed = "service_tier metadata search_settings documents citation_options "
                   "compound_custom disable_tool_validation reasoning_format functions "
                   "function_call",
        .refused = "logit_bias logprobs top_logprobs n",
        .user_as = "user",
        .no_message_name = true,
        .rules = groq_rules,
    },
    {
        .name = "together",
        .display = "Together",
        USUAL_PATHS,
        .max_field = MAX_TOKENS,
        .reasoning = REASONING_EFFORT,
        .efforts = "low medium high",
        .developer_as_system = true,
        .cancel_stops_billing = true,
    },
    {
        .name = "fireworks",
        .display = "Fireworks",
        USUAL_PATHS,
        .max_field = MAX_TOKENS,
        .reasoning = REASONING_EFFORT,
        .efforts = "none low medium high",
        .allowed = "prompt_cache_key service_tier prediction metadata",
        .user_as = "user",
        .developer_as_system = true,
        .cancel_stops_billing = true,
    },
    {
        .name = "vllm",
        .display = "vLLM",
        USUAL_PATHS,
        .reasoning = REASONING_TEMPLATE,
        .efforts = "low medium high",
        .history = HISTORY_REASONING,
        .user_as = "user",
        .developer_as_system = true,
        .cancel_stops_billing = true,
    },
    {
        .name = "llamacpp",
        .aliases = "llama.cpp llama-cpp",
        .display = "llama.cpp",
        USUAL_PATHS,
        .reasoning = REASONING_TEMPLATE,
        .efforts = "",
        .history = HISTORY_CONTENT,
        .developer_as_system = true,
        .cancel_stops_billing = true,
    },
    {
        .name = "ollama",
        .display = "Ollama",
        USUAL_PATHS,
        .max_field = MAX_TOKENS,
        .reasoning = REASONING_EFFORT,
        .efforts = "none low medium high max",
        .history = HISTORY_REASONING,
        .developer_as_system = true,
        .cancel_stops_billing = true,
    },
    {
        .name = "openrouter",
        .display = "OpenRouter",
        USUAL_PATHS,
        .reasoning = REASONING_OPENROUTER,
        .history = HISTORY_KEEP,
        .passes_openrouter_fields = true,
        .user_as = "user",
        .takes_cache_control = true,
        .cancel_stops_billing = true,
    },
    {
        /* Any other server of this protocol: nothing is known, so little is changed. */
        .name = "compatible",
        .aliases = "generic",
        .display = "Custom",
        USUAL_PATHS,
        .reasoning = REASONING_EFFORT,
        .user_as = "user",
        .cancel_stops_billing = true,
    },
};

bool dialect_lists(const char *words, struct pm_str word)
{
    if (!words || word.n == 0)
        return false;
    for (const char *p = words;;) {
        const char *end = strchrnul(p, ' ');

        if ((size_t)(end - p) == word.n && memcmp(p, word.p, word.n) == 0)
            return true;
        if (!*end)
            return false;
        p = end + 1;
    }
}

const struct dialect *dialect_find(struct pm_str name)
{
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        if (pm_str_is(name, rows[i].name) || dialect_lists(rows[i].aliases, name))
            return &rows[i];
    }
    return NULL;
}

const struct dialect *dialect_at(size_t i)
{
    return i < PM_COUNT(rows) ? &rows[i] : NULL;
}

static bool matches_any(const char *globs, struct pm_str name)
{
    for (const char *p = globs;;) {
        const char *end = strchrnul(p, ' ');

        if (pm_str_glob(name, pm_str_n(p, (size_t)(end - p))))
            return true;
        if (!*end)
            return false;
        p = end + 1;
    }
}

const struct model_rule *dialect_rule(const struct dialect *d, struct pm_str upstream_model)
{
    static const struct model_rule none;

    for (const struct model_rule *r = d->rules; r && r->match; r++) {
        if (matches_any(r->match, upstream_model))
            return r;
    }
    return &none;
}
