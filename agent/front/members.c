/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/front/members.h"

#define NONE PM_P_COUNT

static const struct front_member_row rows[MEMBER_COUNT] = {
    [MEMBER_AUDIO] = {PM_STR_INIT("audio"), TYPE_OBJ, NONE},
    [MEMBER_BEST_OF] = {PM_STR_INIT("best_of"), TYPE_NUM, NONE},
    [MEMBER_CACHE_CONTROL] = {PM_STR_INIT("cache_control"), TYPE_OBJ, NONE},
    [MEMBER_DEBUG] = {PM_STR_INIT("debug"), TYPE_OBJ, NONE},
    [MEMBER_DIMENSIONS] = {PM_STR_INIT("dimensions"), TYPE_NUM, NONE},
    [MEMBER_ECHO] = {PM_STR_INIT("echo"), TYPE_BOOL, NONE},
    [MEMBER_ENCODING_FORMAT] = {PM_STR_INIT("encoding_format"), TYPE_STR, NONE},
    [MEMBER_FREQUENCY_PENALTY] = {PM_STR_INIT("frequency_penalty"), TYPE_NUM,
                                  PM_P_FREQUENCY_PENALTY},
    [MEMBER_FUNCTION_CALL] = {PM_STR_INIT("function_call"), TYPE_STR | TYPE_OBJ, NONE},
    [MEMBER_FUNCTIONS] = {PM_STR_INIT("functions"), TYPE_ARR, NONE},
    [MEMBER_IMAGE_CONFIG] = {PM_STR_INIT("image_config"), TYPE_OBJ, NONE},
    [MEMBER_INCLUDE_REASONING] = {PM_STR_INIT("include_reasoning"), TYPE_BOOL,
                                  PM_P_INCLUDE_REASONING},
    [MEMBER_INPUT] = {PM_STR_INIT("input"), TYPE_STR | TYPE_ARR, NONE},
    [MEMBER_INPUT_TYPE] = {PM_STR_INIT("input_type"), TYPE_STR, NONE},
    [MEMBER_LOGIT_BIAS] = {PM_STR_INIT("logit_bias"), TYPE_OBJ, PM_P_LOGIT_BIAS},
    [MEMBER_LOGPROBS] = {PM_STR_INIT("logprobs"), TYPE_BOOL | TYPE_NUM, PM_P_LOGPROBS},
    [MEMBER_MAX_COMPLETION_TOKENS] = {PM_STR_INIT("max_completion_tokens"), TYPE_NUM,
                                      PM_P_MAX_COMPLETION_TOKENS},
    [MEMBER_MAX_TOKENS] = {PM_STR_INIT("max_tokens"), TYPE_NUM, PM_P_MAX_TOKENS},
    [MEMBER_MESSAGES] = {PM_STR_INIT("messages"), TYPE_ARR, NONE},
    [MEMBER_METADATA] = {PM_STR_INIT("metadata"), TYPE_OBJ, NONE},
    [MEMBER_MIN_P] = {PM_STR_INIT("min_p"), TYPE_NUM, PM_P_MIN_P},
    [MEMBER_MODALITIES] = {PM_STR_INIT("modalities"), TYPE_ARR, PM_P_MODALITIES},
    [MEMBER_MODEL] = {PM_STR_INIT("model"), TYPE_STR, NONE},
    [MEMBER_MODELS] = {PM_STR_INIT("models"), TYPE_ARR, NONE},
    [MEMBER_N] = {PM_STR_INIT("n"), TYPE_NUM, NONE},
    [MEMBER_PARALLEL_TOOL_CALLS] = {PM_STR_INIT("parallel_tool_calls"), TYPE_BOOL,
                                    PM_P_PARALLEL_TOOL_CALLS},
    [MEMBER_PLUGINS] = {PM_STR_INIT("plugins"), TYPE_ARR, NONE},
    [MEMBER_PREDICTION] = {PM_STR_INIT("prediction"), TYPE_OBJ, PM_P_PREDICTION},
    [MEMBER_PRESENCE_PENALTY] = {PM_STR_INIT("presence_penalty"), TYPE_NUM, PM_P_PRESENCE_PENALTY},
    [MEMBER_PRESET] = {PM_STR_INIT("preset"), TYPE_STR, NONE},
    [MEMBER_PROMPT] = {PM_STR_INIT("prompt"), TYPE_STR | TYPE_ARR, NONE},
    [MEMBER_PROMPT_CACHE_KEY] = {PM_STR_INIT("prompt_cache_key"), TYPE_STR, NONE},
    [MEMBER_PROMPT_CACHE_OPTIONS] = {PM_STR_INIT("prompt_cache_options"), TYPE_OBJ, NONE},
    [MEMBER_PROVIDER] = {PM_STR_INIT("provider"), TYPE_OBJ, NONE},
    [MEMBER_REASONING] = {PM_STR_INIT("reasoning"), TYPE_OBJ, PM_P_REASONING},
    [MEMBER_REASONING_EFFORT] = {PM_STR_INIT("reasoning_effort"), TYPE_STR, PM_P_REASONING_EFFORT},
    [MEMBER_REPETITION_PENALTY] = {PM_STR_INIT("repetition_penalty"), TYPE_NUM,
                                   PM_P_REPETITION_PENALTY},
    [MEMBER_RESPONSE_FORMAT] = {PM_STR_INIT("response_format"), TYPE_OBJ, PM_P_RESPONSE_FORMAT},
    [MEMBER_ROUTE] = {PM_STR_INIT("route"), TYPE_STR, NONE},
    [MEMBER_SAFETY_IDENTIFIER] = {PM_STR_INIT("safety_identifier"), TYPE_STR, NONE},
    [MEMBER_SEED] = {PM_STR_INIT("seed"), TYPE_NUM, PM_P_SEED},
    [MEMBER_SERVICE_TIER] = {PM_STR_INIT("service_tier"), TYPE_STR, NONE},
    [MEMBER_SESSION_ID] = {PM_STR_INIT("session_id"), TYPE_STR, NONE},
    [MEMBER_STOP] = {PM_STR_INIT("stop"), TYPE_STR | TYPE_ARR, PM_P_STOP},
    [MEMBER_STORE] = {PM_STR_INIT("store"), TYPE_BOOL, NONE},
    [MEMBER_STREAM] = {PM_STR_INIT("stream"), TYPE_BOOL, NONE},
    [MEMBER_STREAM_OPTIONS] = {PM_STR_INIT("stream_options"), TYPE_OBJ, NONE},
    [MEMBER_STRUCTURED_OUTPUTS] = {PM_STR_INIT("structured_outputs"), TYPE_BOOL,
                                   PM_P_STRUCTURED_OUTPUTS},
    [MEMBER_SUFFIX] = {PM_STR_INIT("suffix"), TYPE_STR, NONE},
    [MEMBER_TEMPERATURE] = {PM_STR_INIT("temperature"), TYPE_NUM, PM_P_TEMPERATURE},
    [MEMBER_TOOL_CHOICE] = {PM_STR_INIT("tool_choice"), TYPE_STR | TYPE_OBJ, PM_P_TOOL_CHOICE},
    [MEMBER_TOOLS] = {PM_STR_INIT("tools"), TYPE_ARR, PM_P_TOOLS},
    [MEMBER_TOP_A] = {PM_STR_INIT("top_a"), TYPE_NUM, PM_P_TOP_A},
    [MEMBER_TOP_K] = {PM_STR_INIT("top_k"), TYPE_NUM, PM_P_TOP_K},
    [MEMBER_TOP_LOGPROBS] = {PM_STR_INIT("top_logprobs"), TYPE_NUM, PM_P_TOP_LOGPROBS},
    [MEMBER_TOP_P] = {PM_STR_INIT("top_p"), TYPE_NUM, PM_P_TOP_P},
    [MEMBER_TRACE] = {PM_STR_INIT("trace"), TYPE_OBJ, NONE},
    [MEMBER_TRANSFORMS] = {PM_STR_INIT("transforms"), TYPE_ARR, NONE},
    [MEMBER_USAGE] = {PM_STR_INIT("usage"), TYPE_OBJ, NONE},
    [MEMBER_USER] = {PM_STR_INIT("user"), TYPE_STR, NONE},
    [MEMBER_VERBOSITY] = {PM_STR_INIT("verbosity"), TYPE_STR, PM_P_VERBOSITY},
    [MEMBER_WEB_SEARCH_OPTIONS] = {PM_STR_INIT("web_search_options"), TYPE_OBJ,
                                   PM_P_WEB_SEARCH_OPTIONS},
};

const struct front_member_row *front_member_row(enum front_member m)
{
    return &rows[m];
}

static int compare(struct pm_str a, struct pm_str b)
{
    const int c = memcmp(a.p, b.p, PM_MIN(a.n, b.n));

    return c ? c : (a.n > b.n) - (a.n < b.n);
}

enum front_member front_member_find(struct pm_str name)
{
    size_t low = 0, high = MEMBER_COUNT;

    while (low < high) {
        const size_t middle = (low + high) / 2;
        const int c = compare(name, rows[middle].name);

        if (c == 0)
            return (enum front_member)middle;
        if (c < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return MEMBER_COUNT;
}

bool front_member_misfit(const char *name, unsigned types, struct pm_error *err)
{
    static const struct {
        unsigned bits;
        const char *text;
    } words[] = {{TYPE_BOOL, "true or false"},
                 {TYPE_NUM, "a number"},
                 {TYPE_STR, "a string"},
                 {TYPE_OBJ, "an object"},
                 {TYPE_ARR, "an array"}};
    const char *text[2] = {NULL, NULL};
    size_t n = 0;

    for (size_t i = 0; i < PM_COUNT(words) && n < PM_COUNT(text); i++) {
        if (types & words[i].bits)
            text[n++] = words[i].text;
    }
    if (n == 2)
        return pm_fail(err, PM_EINVAL, "%s: must be %s or %s", name, text[0], text[1]);
    return pm_fail(err, PM_EINVAL, "%s: must be %s", name, text[0]);
}
