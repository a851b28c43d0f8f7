/* SPDX-License-Identifier: Apache-2.0 */
#include "common/route/route.h"

static const struct {
    const char *name, *text, *excluded_by;
} reasons[PM_R_COUNT] = {
    [PM_R_KEPT] = {"kept", "in its usual place", NULL},

    [PM_R_DISABLED] = {"disabled", "disabled in the configuration", NULL},
    [PM_R_PROTOCOL] = {"protocol", "this agent does not speak its protocol", NULL},
    [PM_R_OPERATION] = {"operation", "not for this kind of request", NULL},
    [PM_R_VARIANT] = {"variant", "not a free endpoint", NULL},
    [PM_R_TIER] = {"tier", "another service tier", NULL},
    [PM_R_NO_CREDENTIAL] = {"no_credential", "no key for it", NULL},
    [PM_R_BYOK_REQUIRED] = {"byok_required", "only with the caller's own key", NULL},

    [PM_R_MODEL_POLICY] = {"model_policy", "model not allowed by the policy", NULL},
    [PM_R_NOT_ALLOWED] = {"not_allowed", "not in `only`", "allowed_providers"},
    [PM_R_IGNORED] = {"ignored", "in `ignore`", "allowed_providers"},
    [PM_R_REGION] = {"region", "outside the allowed regions", "data_region"},
    [PM_R_TRAINING] = {"training", "may train on prompts", "data_policy:training"},
    [PM_R_RETENTION] = {"retention", "keeps prompts", "data_policy:zdr"},
    [PM_R_DISTILLABLE] = {"distillable", "its author does not allow distillation", NULL},
    [PM_R_QUANTIZATION] = {"quantization", "quantization not asked for", "quantization"},
    [PM_R_MAX_PRICE] = {"max_price", "price above max_price", "max_price"},
    [PM_R_UNKNOWN_PRICE] = {"unknown_price", "price unknown", "max_price"},

    [PM_R_MODALITY] = {"modality", "does not take or give this kind of content", NULL},
    [PM_R_PARAMETERS] = {"parameters", "lacks a parameter of the request", "require_parameters"},
    [PM_R_TOOLS] = {"tools", "no tool use", "require_parameters"},
    [PM_R_STRUCTURED] = {"structured_outputs", "no structured output", "require_parameters"},
    [PM_R_CONTEXT] = {"context", "context too short", "context_length"},
    [PM_R_MAX_OUTPUT] = {"max_output", "cannot write that many tokens", NULL},
    [PM_R_NO_FALLBACK] = {"no_fallback", "allow_fallbacks is false", NULL},

    [PM_R_MOVED_FIRST_BYOK] = {"byok", "first: own key", NULL},
    [PM_R_MOVED_FIRST_PRIVATE] = {"private", "first: private", NULL},
    [PM_R_MOVED_FIRST_STICKY] = {"sticky", "first: the conversation is cached there", NULL},
    [PM_R_MOVED_FIRST_ORDER] = {"order", "first: named in `order`", NULL},
    [PM_R_HALF_OPEN] = {"half_open", "in its usual place: its breaker is half-open", NULL},
    [PM_R_MOVED_BACK_THROUGHPUT] = {"throughput", "back: below preferred_min_throughput", NULL},
    [PM_R_MOVED_BACK_LATENCY] = {"latency", "back: above preferred_max_latency", NULL},
    [PM_R_MOVED_BACK_DEGRADED] = {"degraded", "back: uptime below 95 %", NULL},
    [PM_R_MOVED_BACK_COOLING] = {"cooling", "back: it asked us to wait", NULL},
    [PM_R_MOVED_BACK_OUTAGE] = {"outage", "back: failures in the last 30 seconds", NULL},
    [PM_R_MOVED_BACK_DOWN] = {"down", "back: uptime below 80 %", NULL},
    [PM_R_MOVED_BACK_BREAKER] = {"breaker_open", "last: its breaker is open", NULL},
    [PM_R_MOVED_BACK_KEY] = {"bad_key", "last: its key was refused", NULL},
};

static const char *const strategies[] = {
    [PM_STRATEGY_DIRECT] = "direct", [PM_STRATEGY_ALIAS] = "alias",
    [PM_STRATEGY_LATEST] = "latest", [PM_STRATEGY_FALLBACK] = "fallback",
    [PM_STRATEGY_FREE] = "free",
};

const char *pm_reason_name(enum pm_reason r)
{
    return r < PM_R_COUNT ? reasons[r].name : "";
}

const char *pm_reason_text(enum pm_reason r)
{
    return r < PM_R_COUNT ? reasons[r].text : "";
}

const char *pm_reason_excluded_by(enum pm_reason r)
{
    return r < PM_R_COUNT ? reasons[r].excluded_by : NULL;
}

const char *pm_strategy_name(enum pm_strategy s)
{
    return s < PM_COUNT(strategies) ? strategies[s] : "";
}
