/* SPDX-License-Identifier: Apache-2.0 */
/* The routing engine: a pure function from a call, a table and what is known of health to the
 * ordered list of attempts, with the reason for every endpoint that was kept, moved or dropped.
 * No clock, no I/O, no globals, no randomness but `seed`: the same input gives the same bytes on
 * every machine, which is what `explain`, replay and the dry run of a change rest on.
 * Rules: OpenRouter's routing (models, `provider` object, balance), as README.md beside this says.
 */
#ifndef PM_ROUTE_H
#define PM_ROUTE_H

#include "common/error.h"
#include "common/json.h"
#include "common/route/call.h"
#include "common/route/health.h"

/* Why an endpoint is not among the attempts, or stands elsewhere than its price would put it.
 * The dropping ones are in the order in which they are looked at: an endpoint's reason is the
 * first that holds, and the answer to "nothing left" is that of the endpoint that came furthest. */
enum pm_reason {
    PM_R_KEPT = 0,
    /* dropped: what it is */
    PM_R_DISABLED,
    PM_R_PROTOCOL,
    PM_R_OPERATION,
    PM_R_VARIANT /* :free */,
    PM_R_TIER,
    PM_R_NO_CREDENTIAL,
    PM_R_BYOK_REQUIRED,
    /* dropped: what is allowed */
    PM_R_MODEL_POLICY,
    PM_R_NOT_ALLOWED /* only */,
    PM_R_IGNORED,
    PM_R_REGION,
    PM_R_TRAINING,
    PM_R_RETENTION /* zdr */,
    PM_R_DISTILLABLE,
    PM_R_QUANTIZATION,
    PM_R_MAX_PRICE,
    PM_R_UNKNOWN_PRICE,
    /* dropped: what it can do */
    PM_R_MODALITY,
    PM_R_PARAMETERS,
    PM_R_TOOLS,
    PM_R_STRUCTURED,
    PM_R_CONTEXT,
    PM_R_MAX_OUTPUT,
    PM_R_NO_FALLBACK,
    /* kept, but moved */
    PM_R_MOVED_FIRST_BYOK,
    PM_R_MOVED_FIRST_PRIVATE,
    PM_R_MOVED_FIRST_STICKY,
    PM_R_MOVED_FIRST_ORDER,
    PM_R_HALF_OPEN /* in its usual place: this call may be the probe of its breaker */,
    PM_R_MOVED_BACK_THROUGHPUT,
    PM_R_MOVED_BACK_LATENCY,
    PM_R_MOVED_BACK_DEGRADED,
    PM_R_MOVED_BACK_COOLING,
    PM_R_MOVED_BACK_OUTAGE,
    PM_R_MOVED_BACK_DOWN,
    PM_R_MOVED_BACK_BREAKER,
    PM_R_MOVED_BACK_KEY,
    PM_R_COUNT
};
const char *pm_reason_name(enum pm_reason r); /* "max_price", for machines */
const char *pm_reason_text(enum pm_reason r); /* "price above max_price", for people */
/* OpenRouter's `excluded_by` word ("data_policy:zdr", "max_price", ...); NULL if it has none. */
const char *pm_reason_excluded_by(enum pm_reason r);

struct pm_note {
    const struct pm_endpoint *endpoint;
    enum pm_reason reason;
    int32_t rank; /* place among the attempts, from 0; -1: dropped */
    uint32_t model; /* which of the decision's models, from 0 */
};

struct pm_attempt_plan {
    const struct pm_endpoint *endpoint;
    const struct pm_credential *credential; /* NULL: the key came with the request */
    uint32_t model; /* which of the decision's models */
};

enum pm_strategy {
    PM_STRATEGY_DIRECT,
    PM_STRATEGY_ALIAS,
    PM_STRATEGY_LATEST, /* ~author/family-latest */
    PM_STRATEGY_FALLBACK, /* several models were asked for */
    PM_STRATEGY_FREE
};
const char *pm_strategy_name(enum pm_strategy s);

#define PM_ROUTE_MODELS (PM_MAX_MODELS * 4) /* what aliases and presets may make of them */

/* Why there is nothing to try. */
enum pm_no_route {
    PM_ROUTED = 0,
    PM_NO_MODEL, /* 400 "<id> is not a valid model ID" */
    PM_TOO_MANY_MODELS, /* 400 "'models' array must have 3 items or fewer." */
    PM_NO_PRESET, /* 400 */
    PM_NO_ENDPOINT, /* 404, 403 or 400 by the rule that excluded the last: see status */
};

struct pm_decision {
    enum pm_no_route failed;
    unsigned status; /* HTTP status for the client when failed */
    const char *error_type; /* "invalid_request", "not_found", ... (openrouter-api §8.2) */
    struct pm_str message; /* in the words that clients match on (openrouter-api §8.4) */
    /* §8.3 code: "model_not_found", "constraint_filtered", ...; PM_NSTR where none fits */
    struct pm_str availability;
    const char *excluded_by[PM_R_COUNT]; /* distinct, n_excluded_by of them */
    size_t n_excluded_by;
    enum pm_strategy strategy;
    const struct pm_model *models[PM_ROUTE_MODELS]; /* resolved, in order */
    size_t n_models;
    struct pm_attempt_plan *attempts;
    size_t n_attempts;
    struct pm_note *notes; /* one for every endpoint of every model asked for */
    size_t n_notes;
    const struct pm_preset *preset; /* whose members the request takes where it has none */
    struct pm_prefs prefs; /* as they held in the end: policy, preset, alias, suffix, request */
    bool sticky_allowed; /* a success may be remembered for the conversation */
    struct pm_str warnings[8]; /* e.g. ":exacto is ignored", for metadata */
    size_t n_warnings;
};

struct pm_route_input {
    const struct pm_call *call;
    const struct pm_table *table;
    const struct pm_policy *policy; /* the tenant's; NULL: the table's default */
    const struct pm_health *health; /* [table->n_endpoints]; NULL: nothing known */
    const struct pm_cred_health *creds; /* [table->n_credentials]; NULL: nothing known */
    const bool *cred_present; /* [table->n_credentials]: the secret was found; NULL: all were */
    uint32_t protocols; /* bits 1 << enum pm_protocol that this agent speaks */
    const struct pm_provider **caller_keys; /* providers for which the request brought a key */
    size_t n_caller_keys;
    const struct pm_endpoint *sticky; /* where this conversation went before, or NULL */
    uint64_t seed;
};

/* Fills *d; all it holds lives in `a` or in the table. It cannot fail but for memory (aborts):
 * "no route" is an answer. */
void pm_route(const struct pm_route_input *in, struct pm_arena *a, struct pm_decision *d);

/* Reads a `provider` object (validated JSON). Unknown keys and wrong types are PM_EINVAL with
 * the member's name, as OpenRouter's schema has it. */
bool pm_prefs_from_json(struct pm_jval provider, struct pm_arena *a, struct pm_prefs *out,
                        struct pm_error *err);

/* A model id in its parts: [~]author/slug[:variant][@preset/name]. */
struct pm_model_ref {
    struct pm_str id, variant, preset; /* PM_NSTR if absent */
    bool latest; /* ~ */
};
struct pm_model_ref pm_model_ref(struct pm_str text);

/* A table for people: one line per endpoint, best first, with the reason. */
bool pm_explain_text(const struct pm_decision *d, const struct pm_route_input *in,
                     struct pm_buf *out);
/* The same as one JSON object, byte for byte the same for the same input. */
bool pm_explain_json(const struct pm_decision *d, const struct pm_route_input *in,
                     struct pm_buf *out);

#endif
