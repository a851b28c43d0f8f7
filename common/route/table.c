/* SPDX-License-Identifier: Apache-2.0 */
#include "common/route/table.h"

#include <stdlib.h>

#include "common/route/build.h"

static const char *const param_names[PM_P_COUNT] = {
    [PM_P_TEMPERATURE] = "temperature",
    [PM_P_TOP_P] = "top_p",
    [PM_P_TOP_K] = "top_k",
    [PM_P_MIN_P] = "min_p",
    [PM_P_TOP_A] = "top_a",
    [PM_P_FREQUENCY_PENALTY] = "frequency_penalty",
    [PM_P_PRESENCE_PENALTY] = "presence_penalty",
    [PM_P_REPETITION_PENALTY] = "repetition_penalty",
    [PM_P_MAX_TOKENS] = "max_tokens",
    [PM_P_MAX_COMPLETION_TOKENS] = "max_completion_tokens",
    [PM_P_LOGIT_BIAS] = "logit_bias",
    [PM_P_LOGPROBS] = "logprobs",
    [PM_P_TOP_LOGPROBS] = "top_logprobs",
    [PM_P_PREDICTION] = "prediction",
    [PM_P_SEED] = "seed",
    [PM_P_RESPONSE_FORMAT] = "response_format",
    [PM_P_STRUCTURED_OUTPUTS] = "structured_outputs",
    [PM_P_STOP] = "stop",
    [PM_P_TOOLS] = "tools",
    [PM_P_TOOL_CHOICE] = "tool_choice",
    [PM_P_PARALLEL_TOOL_CALLS] = "parallel_tool_calls",
    [PM_P_INCLUDE_REASONING] = "include_reasoning",
    [PM_P_REASONING] = "reasoning",
    [PM_P_REASONING_EFFORT] = "reasoning_effort",
    [PM_P_WEB_SEARCH_OPTIONS] = "web_search_options",
    [PM_P_VERBOSITY] = "verbosity",
    [PM_P_MODALITIES] = "modalities",
};

static const char *const protocol_names[PM_PROTO_COUNT] = {
    [PM_PROTO_OPENAI] = "openai", [PM_PROTO_ANTHROPIC] = "anthropic",
    [PM_PROTO_GEMINI] = "gemini", [PM_PROTO_BEDROCK] = "bedrock",
    [PM_PROTO_VERTEX] = "vertex",
};

/* By bit position. */
static const char *const quant_names[] = {"unknown", "int4", "int8",  "fp4",  "mxfp4", "nvfp4",
                                          "fp6",     "fp8",  "mxfp8", "fp16", "bf16",  "fp32"};

const char *pm_param_name(enum pm_param p)
{
    return p < PM_P_COUNT ? param_names[p] : "";
}

enum pm_param pm_param_from(struct pm_str name)
{
    enum pm_param p = 0;

    while (p < PM_P_COUNT && !pm_str_is(name, param_names[p]))
        p++;
    return p;
}

const char *pm_protocol_name(enum pm_protocol p)
{
    return p < PM_PROTO_COUNT ? protocol_names[p] : "";
}

bool pm_protocol_from(struct pm_str name, enum pm_protocol *out)
{
    for (enum pm_protocol p = 0; p < PM_PROTO_COUNT; p++) {
        if (pm_str_is(name, protocol_names[p])) {
            *out = p;
            return true;
        }
    }
    return false;
}

const char *pm_quant_name(enum pm_quant q)
{
    for (size_t i = 0; i < PM_COUNT(quant_names); i++) {
        if (q == (enum pm_quant)(1U << i))
            return quant_names[i];
    }
    return "";
}

uint32_t pm_quant_from(struct pm_str name)
{
    for (size_t i = 0; i < PM_COUNT(quant_names); i++) {
        if (pm_str_is(name, quant_names[i]))
            return 1U << i;
    }
    return 0;
}

uint32_t pm_quants_widen(uint32_t mask)
{
    if (mask & PM_Q_FP4)
        mask |= PM_Q_MXFP4 | PM_Q_NVFP4;
    if (mask & PM_Q_FP8)
        mask |= PM_Q_MXFP8;
    return mask;
}

bool pm_slug_covers(struct pm_str slug, struct pm_str tag)
{
    if (slug.n > tag.n || (slug.n < tag.n && tag.p[slug.n] != '/'))
        return false;
    return slug.n > 0 && strncasecmp(slug.p, tag.p, slug.n) == 0;
}

struct pm_table *pm_table_new(void)
{
    return pm_table_finish(pm_table_build_new());
}

struct pm_table *pm_table_ref(struct pm_table *t)
{
    __atomic_add_fetch(&t->refs, 1, __ATOMIC_RELAXED);
    return t;
}

void pm_table_unref(struct pm_table *t)
{
    /* Release and acquire: whoever frees sees what all others did with it. */
    if (!t || __atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    pm_map_fini(&t->model_by_id);
    pm_map_fini(&t->provider_by_slug);
    pm_map_fini(&t->alias_by_name);
    pm_map_fini(&t->preset_by_name);
    pm_map_fini(&t->policy_by_name);
    pm_arena_fini(&t->arena);
    free(t);
}

const struct pm_model *pm_table_model(const struct pm_table *t, struct pm_str id)
{
    return pm_map_get(&t->model_by_id, id);
}
