/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/provider/request_members.h"

/* Sorted by length, then by name, which is how they are found. */
static const struct request_member rows[] = {
    {PM_STR_INIT("n"), GROUP_COMMON, M_PLAIN, PM_P_COUNT},
    {PM_STR_INIT("echo"), GROUP_COMMON, M_PLAIN, PM_P_COUNT},
    {PM_STR_INIT("seed"), GROUP_COMMON, M_SEED, PM_P_SEED},
    {PM_STR_INIT("stop"), GROUP_COMMON, M_PLAIN, PM_P_STOP},
    {PM_STR_INIT("user"), GROUP_CODED, M_USER, PM_P_COUNT},
    {PM_STR_INIT("audio"), GROUP_EXTRA, M_PLAIN, PM_P_COUNT},
    {PM_STR_INIT("debug"), GROUP_ROUTER, M_PLAIN, PM_P_COUNT},
    {PM_STR_INIT("input"), GROUP_COMMON, M_PLAIN, PM_P_COUNT},
    {PM_STR_INIT("min_p"), GROUP_OTHER, M_PLAIN, PM_P_MIN_P},
    {PM_STR_INIT("model"), GROUP_CODED, M_MODEL, PM_P_COUNT},
    {PM_STR_INIT("route"), GROUP_OWN, M_PLAIN, PM_P_COUNT},
    {PM_STR_INIT("store"), GROUP_EXTRA, M_PLAIN, PM_P_COUNT},
    {PM_STR_INIT("tools"), GROUP_COMMON, M_TOOLS, PM_P_TOOLS},
    {PM_STR_INIT("top_a"), GROUP_ROUTER, M_PLAIN, PM_P_COUNT},
    {PM_STR_INIT("top_k"), GROUP_OTHER, M_PLAIN, PM_P_TOP_K},
    {PM_STR_INIT("top_p"), GROUP_COMMON, M_PLAIN, PM_P_TOP_P},
    {PM_STR_INIT("trace"), GROUP_ROUTER, M_PLAIN, PM_P_COUNT},
    {PM_STR_INIT("usage"), GROUP_ROUTER, M_PLAIN, PM_P_COUNT},
    {PM_STR_INIT("models"), GROUP_OWN, M_PLAIN, PM_P_COUNT},
    {PM_STR_INIT("preset"), GROUP_OWN, M_PLAIN, PM_P_COUNT},
    {PM_STR_INIT("prompt"), GROUP_COMMON, M_PLAIN, PM_P_COUNT},
    {PM_STR_INIT("stream"), GROUP_CODED, M_STREAM, PM_P_COUNT},
    {PM_STR_INIT("suffix"), GROUP_COMMON, M_PLAIN, PM_P_COUNT},
    {PM_STR_INIT("best_of"), GROUP_COMMON, M_PLAIN, PM_P_COUNT},
    {PM_STR_INIT("plugins"), GROUP_ROUTER, M_PLAIN, PM_P_COUNT},
    {PM_STR_INIT("logprobs"), GROUP_COMMON, M_PLAIN, PM_P_LOGPROBS},
    {PM_STR_INIT("messages"), GROUP_CODED, M_MESSAGES, PM_P_COUNT},
    {PM_STR_INIT("metadata"), GROUP_EXTRA, M_PLAIN, PM_P_COUNT},
    {PM_STR_INIT("provider"), GROUP_CODED, M_PROVIDER, PM_P_COUNT},
    {PM_STR_INIT("thinking"), GROUP_OTHER, M_NATIVE_REASONING, PM_P_COUNT},
    {PM_STR_INIT("functions"), GROUP_EXTRA, M_PLAIN, PM_P_COUNT},
    {PM_STR_INIT("reasoning"), GROUP_CODED, M_REASONING, PM_P_COUNT},
    {PM_STR_INIT("verbosity"), GROUP_EXTRA, M_PLAIN, PM_P_VERBOSITY},
    {PM_STR_INIT("dimensions"), GROUP_COMMON, M_PLAIN, PM_P_COUNT},
    {PM_STR_INIT("logit_bias"), GROUP_COMMON, M_PLAIN, PM_P_LOGIT_BIAS},
    {PM_STR_INIT("max_tokens"), GROUP_CODED, M_MAX_TOKENS, PM_P_COUNT},
    {PM_STR_INIT("modalities"), GROUP_EXTRA, M_PLAIN, PM_P_MODALITIES},
    {PM_STR_INIT("moderation"), GROUP_EXTRA, M_PLAIN, PM_P_COUNT},
    {PM_STR_INIT("prediction"), GROUP_EXTRA, M_PLAIN, PM_P_PREDICTION},
    {PM_STR_INIT("session_id"), GROUP_ROUTER, M_PLAIN, PM_P_COUNT},
    {PM_STR_INIT("transforms"), GROUP_ROUTER, M_PLAIN, PM_P_COUNT},
    {PM_STR_INIT("temperature"), GROUP_COMMON, M_PLAIN, PM_P_TEMPERATURE},
    {PM_STR_INIT("tool_choice"), GROUP_COMMON, M_TOOL_CHOICE, PM_P_TOOL_CHOICE},
    {PM_STR_INIT("image_config"), GROUP_ROUTER, M_PLAIN, PM_P_COUNT},
    {PM_STR_INIT("service_tier"), GROUP_EXTRA, M_SERVICE_TIER, PM_P_COUNT},
    {PM_STR_INIT("top_logprobs"), GROUP_COMMON, M_PLAIN, PM_P_TOP_LOGPROBS},
    {PM_STR_INIT("cache_control"), GROUP_ROUTER, M_PLAIN, PM_P_COUNT},
    {PM_STR_INIT("function_call"), GROUP_EXTRA, M_PLAIN, PM_P_COUNT},
    {PM_STR_INIT("stream_options"), GROUP_CODED, M_STREAM_OPTIONS, PM_P_COUNT},
    {PM_STR_INIT("enable_thinking"), GROUP_OTHER, M_NATIVE_REASONING, PM_P_COUNT},
    {PM_STR_INIT("encoding_format"), GROUP_COMMON, M_PLAIN, PM_P_COUNT},
    {PM_STR_INIT("response_format"), GROUP_COMMON, M_RESPONSE_FORMAT, PM_P_RESPONSE_FORMAT},
    {PM_STR_INIT("thinking_budget"), GROUP_OTHER, M_NATIVE_REASONING, PM_P_COUNT},
    {PM_STR_INIT("presence_penalty"), GROUP_COMMON, M_PLAIN, PM_P_PRESENCE_PENALTY},
    {PM_STR_INIT("prompt_cache_key"), GROUP_EXTRA, M_PLAIN, PM_P_COUNT},
    {PM_STR_INIT("reasoning_effort"), GROUP_CODED, M_REASONING_EFFORT, PM_P_COUNT},
    {PM_STR_INIT("reasoning_format"), GROUP_OTHER, M_NATIVE_REASONING, PM_P_COUNT},
    {PM_STR_INIT("frequency_penalty"), GROUP_COMMON, M_PLAIN, PM_P_FREQUENCY_PENALTY},
    {PM_STR_INIT("include_reasoning"), GROUP_CODED, M_INCLUDE_REASONING, PM_P_COUNT},
    {PM_STR_INIT("safety_identifier"), GROUP_EXTRA, M_PLAIN, PM_P_COUNT},
    {PM_STR_INIT("repetition_penalty"), GROUP_OTHER, M_PLAIN, PM_P_REPETITION_PENALTY},
    {PM_STR_INIT("structured_outputs"), GROUP_ROUTER, M_PLAIN, PM_P_COUNT},
    {PM_STR_INIT("web_search_options"), GROUP_EXTRA, M_PLAIN, PM_P_WEB_SEARCH_OPTIONS},
    {PM_STR_INIT("parallel_tool_calls"), GROUP_COMMON, M_PLAIN, PM_P_PARALLEL_TOOL_CALLS},
    {PM_STR_INIT("chat_template_kwargs"), GROUP_OTHER, M_NATIVE_REASONING, PM_P_COUNT},
    {PM_STR_INIT("prompt_cache_options"), GROUP_EXTRA, M_PLAIN, PM_P_COUNT},
    {PM_STR_INIT("max_completion_tokens"), GROUP_CODED, M_MAX_COMPLETION_TOKENS, PM_P_COUNT},
    {PM_STR_INIT("prompt_cache_retention"), GROUP_EXTRA, M_PLAIN, PM_P_COUNT},
    {PM_STR_INIT("stop_server_tools_when"), GROUP_ROUTER, M_PLAIN, PM_P_COUNT},
};

static int compare(struct pm_str a, struct pm_str b)
{
    if (a.n != b.n)
        return a.n < b.n ? -1 : 1;
    return memcmp(a.p, b.p, a.n);
}

const struct request_member *request_member(struct pm_str name)
{
    static const struct request_member other = {.param = PM_P_COUNT};
    size_t from = 0, to = PM_COUNT(rows);

    while (from < to && name.n > 0) {
        const size_t middle = (from + to) / 2;
        const int c = compare(name, rows[middle].name);

        if (c == 0)
            return &rows[middle];
        if (c < 0)
            to = middle;
        else
            from = middle + 1;
    }
    return &other;
}

const struct request_member *request_member_at(size_t i)
{
    return i < PM_COUNT(rows) ? &rows[i] : NULL;
}
