/* SPDX-License-Identifier: Apache-2.0 */
/* Whether JSON has the members that clients' schemas demand (openrouter-api §1, §10, appendix A).
 * A shape is a table of paths; "[]" goes into every item of an array. What a table does not name
 * is tolerated, as it is by the clients. */
#ifndef PM_TESTS_SHAPES_H
#define PM_TESTS_SHAPES_H

#include "tests/check.h"

#include "common/json.h"

/* What stands at a path: s text, i integer, n number, b true or false, o object, a array;
 * ? it may be absent where its parent is there, 0 it may be null. */
struct shape {
    const char *path, *kind;
};

static inline bool shape_fits(struct pm_jval v, const char *kind)
{
    int64_t n;

    switch (kind[0]) {
    case 's':
        return v.type == PM_JSTR;
    case 'i':
        return pm_json_i64(v, &n);
    case 'n':
        return v.type == PM_JNUM;
    case 'b':
        return v.type == PM_JTRUE || v.type == PM_JFALSE;
    case 'o':
        return v.type == PM_JOBJ;
    default:
        return v.type == PM_JARR;
    }
}

static inline void shape_check(struct pm_jval v, struct pm_str path, const struct shape *row,
                               struct pm_str json)
{
    struct pm_jiter it;
    struct pm_str key;
    struct pm_jval val = {PM_JNONE, PM_NSTR};
    ptrdiff_t dot;
    bool list;

    if (v.type == PM_JNONE || v.type == PM_JNULL) /* judged by the row of the parent */
        return;
    dot = pm_str_find(path, '.');
    key = dot < 0 ? path : pm_str_cut(path, 0, (size_t)dot);
    list = key.n > 2 && key.p[key.n - 1] == ']';
    if (list)
        key.n -= 2;
    it = pm_json_iter(v);
    for (struct pm_str name; pm_json_member(&it, &name, &val) && !pm_str_eq(name, key);)
        val = (struct pm_jval){PM_JNONE, PM_NSTR};
    if (dot < 0 && !list) {
        if ((val.type == PM_JNONE && !strchr(row->kind, '?')) ||
            (val.type == PM_JNULL && !strchr(row->kind, '0')) ||
            (val.type > PM_JNULL && !shape_fits(val, row->kind)))
            fail_msg("%s is not %s in\n%.*s", row->path, row->kind, PM_FMT(json));
        return;
    }
    path = pm_str_cut(path, (size_t)dot + 1, path.n);
    if (!list) {
        shape_check(val, path, row, json);
        return;
    }
    it = pm_json_iter(val);
    while (val.type == PM_JARR && pm_json_item(&it, &v))
        shape_check(v, path, row, json);
}

#define assert_shape(json, rows) shape_assert(json, rows, PM_COUNT(rows))

static inline void shape_assert(struct pm_str json, const struct shape *rows, size_t n)
{
    struct pm_jval root;

    if (!pm_json_ok(json, &root) || root.type != PM_JOBJ)
        fail_msg("not a JSON object: %.*s", PM_FMT(json));
    for (size_t i = 0; i < n; i++)
        shape_check(root, pm_str(rows[i].path), &rows[i], json);
}

#define SHAPE_USAGE                                                                                \
    {"usage", "o?"}, {"usage.prompt_tokens", "i"}, {"usage.completion_tokens", "i"},               \
        {"usage.total_tokens", "i"}, {"usage.cost", "n?"}, {"usage.is_byok", "b?"},                \
        {"usage.prompt_tokens_details", "o?"}, {"usage.prompt_tokens_details.cached_tokens", "i"}, \
        {"usage.prompt_tokens_details.cache_write_tokens", "i?"},                                  \
        {"usage.prompt_tokens_details.audio_tokens", "i?"},                                        \
        {"usage.completion_tokens_details", "o?"},                                                 \
        {"usage.completion_tokens_details.reasoning_tokens", "i"}, {"usage.cost_details", "o?"},   \
        {"usage.cost_details.upstream_inference_cost", "n?0"},                                     \
        {"usage.cost_details.upstream_inference_prompt_cost", "n"},                                \
    {                                                                                              \
        "usage.cost_details.upstream_inference_completions_cost", "n"                              \
    }

#define SHAPE_METADATA                                                                             \
    {"openrouter_metadata", "o?"}, {"openrouter_metadata.attempt", "i"},                           \
        {"openrouter_metadata.attempts", "a?"}, {"openrouter_metadata.attempts[].model", "s"},     \
        {"openrouter_metadata.attempts[].provider", "s"},                                          \
        {"openrouter_metadata.attempts[].status", "i"}, {"openrouter_metadata.endpoints", "o"},    \
        {"openrouter_metadata.endpoints.total", "i"},                                              \
        {"openrouter_metadata.endpoints.available", "a"},                                          \
        {"openrouter_metadata.endpoints.available[].model", "s"},                                  \
        {"openrouter_metadata.endpoints.available[].provider", "s"},                               \
        {"openrouter_metadata.endpoints.available[].selected", "b"},                               \
        {"openrouter_metadata.generation_time", "i?"}, {"openrouter_metadata.is_byok", "b"},       \
        {"openrouter_metadata.pipeline", "a?"}, {"openrouter_metadata.region", "s0"},              \
        {"openrouter_metadata.requested", "s"}, {"openrouter_metadata.strategy", "s"},             \
    {                                                                                              \
        "openrouter_metadata.summary", "s"                                                         \
    }

static const struct shape shape_chunk[] PM_UNUSED = {
    {"id", "s"},
    {"object", "s"},
    {"created", "i"},
    {"model", "s"},
    {"choices", "a"},
    {"choices[].index", "i"},
    {"choices[].finish_reason", "s0"},
    {"choices[].logprobs", "o?0"},
    {"choices[].delta", "o"},
    {"choices[].delta.role", "s?"},
    {"choices[].delta.content", "s?0"},
    {"choices[].delta.refusal", "s?0"},
    {"choices[].delta.reasoning", "s?0"},
    {"choices[].delta.reasoning_details", "a?"},
    {"choices[].delta.reasoning_details[].type", "s"},
    {"choices[].delta.audio", "o?"},
    {"choices[].delta.tool_calls", "a?"},
    {"choices[].delta.tool_calls[].index", "i"},
    {"choices[].delta.tool_calls[].id", "s?"},
    {"choices[].delta.tool_calls[].type", "s?"},
    {"choices[].delta.tool_calls[].function", "o?"},
    {"choices[].delta.tool_calls[].function.name", "s?"},
    {"choices[].delta.tool_calls[].function.arguments", "s?"},
    {"system_fingerprint", "s?"},
    {"service_tier", "s?0"},
    {"error", "o?"},
    {"error.code", "i"},
    {"error.message", "s"},
    {"error.metadata", "o?"},
    {"error.metadata.error_type", "s"},
    SHAPE_USAGE,
    SHAPE_METADATA,
};

static const struct shape shape_result[] PM_UNUSED = {
    {"id", "s"},
    {"object", "s"},
    {"created", "i"},
    {"model", "s"},
    {"choices", "a"},
    {"choices[].index", "i"},
    {"choices[].finish_reason", "s0"},
    {"choices[].logprobs", "o?0"},
    {"choices[].message", "o"},
    {"choices[].message.role", "s"},
    {"choices[].message.content", "s?0"},
    {"choices[].message.refusal", "s?0"},
    {"choices[].message.reasoning", "s?0"},
    {"choices[].message.reasoning_details", "a?"},
    {"choices[].message.reasoning_details[].type", "s"},
    {"choices[].message.audio", "o?"},
    {"choices[].message.images", "a?"},
    {"choices[].message.tool_calls", "a?"},
    {"choices[].message.tool_calls[].id", "s"},
    {"choices[].message.tool_calls[].type", "s"},
    {"choices[].message.tool_calls[].function", "o"},
    {"choices[].message.tool_calls[].function.name", "s"},
    {"choices[].message.tool_calls[].function.arguments", "s"},
    {"system_fingerprint", "s0"},
    {"service_tier", "s?0"},
    SHAPE_USAGE,
    SHAPE_METADATA,
};

#endif
