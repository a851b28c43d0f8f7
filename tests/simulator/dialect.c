/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulator/dialect.h"

/* clang-format off */
#define OPENAI_MEMBERS                                                                             \
    "model messages prompt input max_tokens max_completion_tokens temperature top_p n stream "     \
    "stream_options stop presence_penalty frequency_penalty logit_bias logprobs top_logprobs "     \
    "user seed tools tool_choice parallel_tool_calls response_format reasoning_effort verbosity "  \
    "modalities audio prediction web_search_options moderation store metadata service_tier "       \
    "prompt_cache_key prompt_cache_options prompt_cache_retention safety_identifier functions "    \
    "function_call dimensions encoding_format suffix echo best_of"
#define MISTRAL_MEMBERS                                                                            \
    "model messages prompt input max_tokens temperature top_p n stream stop presence_penalty "     \
    "frequency_penalty random_seed tools tool_choice parallel_tool_calls response_format "         \
    "prediction safe_prompt prompt_mode reasoning_effort metadata suffix min_tokens "              \
    "output_dimension output_dtype encoding_format"

static const struct sim_dialect rows[] = {
    {.name = "openai", .error = ERR_OPENAI, .usage = USAGE_CHUNK, .reasoning = REASON_HIDDEN,
     .habits = HABIT_REFUSES_MAX_TOKENS, .models = "gpt-5.1 gpt-5-mini gpt-4o text-embedding-3-small",
     .known = OPENAI_MEMBERS},
    {.name = "azure", .error = ERR_AZURE, .usage = USAGE_CHUNK, .reasoning = REASON_HIDDEN,
     .habits = HABIT_PROMPT_FILTER | HABIT_API_KEY | HABIT_REFUSES_MAX_TOKENS,
     .models = "gpt-5.1 gpt-4o text-embedding-3-small", .known = OPENAI_MEMBERS},
    {.name = "xai", .error = ERR_XAI, .usage = USAGE_CHUNK, .reasoning = REASON_CONTENT,
     .habits = HABIT_WHOLE_TOOLS | HABIT_NO_TOOL_INDEX | HABIT_EXCLUDES_REASONING,
     .models = "grok-4.3 grok-4.5"},
    {.name = "deepseek", .error = ERR_OPENAI, .usage = USAGE_FINISH, .cached = CACHED_HIT_MISS,
     .reasoning = REASON_CONTENT, .habits = HABIT_USAGE_ALWAYS | HABIT_COMMENTS,
     .models = "deepseek-chat deepseek-reasoner"},
    {.name = "moonshotai", .error = ERR_MOONSHOT, .usage = USAGE_CHOICE, .cached = CACHED_TOP,
     .reasoning = REASON_CONTENT, .habits = HABIT_USAGE_ALWAYS | HABIT_NO_SPACE,
     .models = "kimi-k2.6 kimi-k3"},
    {.name = "alibaba", .error = ERR_DASHSCOPE, .usage = USAGE_CHUNK, .reasoning = REASON_CONTENT,
     .models = "qwen3.7-max qwen3.8-plus text-embedding-v4"},
    {.name = "mistral", .error = ERR_MISTRAL, .usage = USAGE_FINISH, .cached = CACHED_NUM,
     .reasoning = REASON_PARTS,
     .habits = HABIT_USAGE_ALWAYS | HABIT_FLOATS_ONLY | HABIT_NINE_ALNUM | HABIT_WHOLE_TOOLS,
     .length_word = "model_length", .models = "mistral-large-latest magistral-medium mistral-embed",
     .known = MISTRAL_MEMBERS},
    {.name = "groq", .error = ERR_GROQ, .usage = USAGE_X_GROQ, .reasoning = REASON_PLAIN,
     .habits = HABIT_USAGE_ALWAYS, .models = "llama-3.3-70b-versatile openai/gpt-oss-120b",
     .refused = "logprobs top_logprobs logit_bias"},
    {.name = "together", .error = ERR_OPENAI, .usage = USAGE_CHUNK, .cached = CACHED_NONE,
     .reasoning = REASON_PLAIN, .stop_word = "eos", .models = "meta-llama/Llama-4-Maverick"},
    {.name = "fireworks", .error = ERR_FIREWORKS, .usage = USAGE_CHUNK,
     .reasoning = REASON_CONTENT, .models = "accounts/fireworks/models/kimi-k2p6"},
    {.name = "vllm", .error = ERR_NUMERIC, .usage = USAGE_CHUNK, .reasoning = REASON_PLAIN,
     .habits = HABIT_NO_KEY, .models = "support-7b-ft"},
    {.name = "llamacpp", .error = ERR_LLAMACPP, .usage = USAGE_CHUNK, .cached = CACHED_NONE,
     .reasoning = REASON_CONTENT, .habits = HABIT_NO_KEY | HABIT_TIMINGS | HABIT_FLOATS_ONLY,
     .models = "local.gguf"},
    {.name = "ollama", .error = ERR_OLLAMA, .usage = USAGE_CHUNK, .cached = CACHED_NONE,
     .reasoning = REASON_PLAIN, .habits = HABIT_NO_KEY | HABIT_ROLE_REPEATED | HABIT_WHOLE_TOOLS,
     .models = "llama3.2:3b"},
    {.name = "openrouter", .error = ERR_OPENROUTER, .usage = USAGE_CHUNK,
     .reasoning = REASON_DETAILS,
     .habits = HABIT_USAGE_ALWAYS | HABIT_COMMENTS | HABIT_TAKES_ROUTING,
     .models = "openai/gpt-5.1 anthropic/claude-sonnet-4.6"},
};
static const struct sim_dialect generic = {
    .name = "generic", .error = ERR_OPENAI, .usage = USAGE_CHUNK, .reasoning = REASON_CONTENT,
    .habits = HABIT_NO_KEY, .models = "sim-small sim-large",
};
/* clang-format on */

const struct sim_dialect *sim_dialect_find(struct pm_str name)
{
    for (size_t i = 0; i < PM_COUNT(rows); i++)
        if (pm_str_is(name, rows[i].name))
            return &rows[i];
    return &generic;
}
