/* SPDX-License-Identifier: Apache-2.0 */
/* What the client hears when no endpoint is left: the words that clients match on, by the rule
 * that dropped the endpoint which came furthest, and then every rule with what it dropped. */
#include "common/route/steps.h"

#define MOST_NAMES 8 /* endpoints listed for each rule; the notes have them all */
#define MOST_TEXT 4096

static const struct rule {
    const char *availability, *error_type, *sentence;
    unsigned status;
    bool names_models; /* the sentence ends with the models */
} rules[PM_R_COUNT] = {
    [PM_R_KEPT] = {"no_endpoints", "not_found", "No endpoints found for", 404, true},
    [PM_R_DISABLED] = {"no_endpoints", "not_found", "No endpoints found for", 404, true},
    [PM_R_PROTOCOL] = {"no_endpoints", "not_found", "No endpoints found for", 404, true},
    [PM_R_OPERATION] = {"wrong_endpoint", "invalid_request", "This path does not serve the model",
                        400, true},
    [PM_R_VARIANT] = {"no_endpoints", "not_found", "No free endpoints found for", 404, true},
    [PM_R_TIER] = {"constraint_filtered", "not_found",
                   "No endpoints found of this service tier for", 404, true},
    [PM_R_NO_CREDENTIAL] = {"no_endpoints", "not_found", "No endpoints found for", 404, true},
    [PM_R_BYOK_REQUIRED] = {"no_endpoints", "not_found", "No endpoints found for", 404, true},

    [PM_R_MODEL_POLICY] = {NULL, "permission_denied", "The policy does not allow the model", 403,
                           true},
    [PM_R_NOT_ALLOWED] = {"constraint_filtered", "not_found",
                          "No allowed providers are available for the selected model.", 404, false},
    [PM_R_IGNORED] = {"constraint_filtered", "not_found",
                      "No allowed providers are available for the selected model.", 404, false},
    [PM_R_REGION] = {"region_restricted", "permission_denied",
                     "No endpoints found in the allowed regions for", 403, true},
    [PM_R_TRAINING] = {"privacy_restricted", "not_found",
                       "No endpoints found matching your data policy (Training).", 404, false},
    [PM_R_RETENTION] = {"privacy_restricted", "not_found",
                        "No endpoints found matching your data policy (Zero data retention).", 404,
                        false},
    [PM_R_DISTILLABLE] = {"constraint_filtered", "not_found",
                          "No endpoints found that allow distillation of", 404, true},
    [PM_R_QUANTIZATION] = {"constraint_filtered", "not_found",
                           "No endpoints found with the requested quantizations for", 404, true},
    [PM_R_MAX_PRICE] = {"constraint_filtered", "not_found",
                        "No endpoints found within max_price for", 404, true},
    [PM_R_UNKNOWN_PRICE] = {"constraint_filtered", "not_found",
                            "No endpoints found with a known price for", 404, true},

    [PM_R_MODALITY] = {"constraint_filtered", "not_found",
                       "No endpoints found that support the input and output modalities of this "
                       "request.",
                       404, false},
    [PM_R_PARAMETERS] = {"constraint_filtered", "not_found",
                         "No endpoints found that support all parameters of this request.", 404,
                         false},
    [PM_R_TOOLS] = {"constraint_filtered", "not_found", "No endpoints found that support tool use.",
                    404, false},
    [PM_R_STRUCTURED] = {"constraint_filtered", "not_found",
                         "No endpoints found that support structured output.", 404, false},
    [PM_R_CONTEXT] = {NULL, "context_length_exceeded", NULL, 400, false},
    [PM_R_MAX_OUTPUT] = {NULL, "max_tokens_exceeded", NULL, 400, false},
    [PM_R_NO_FALLBACK] = {"constraint_filtered", "not_found",
                          "No allowed providers are available for the selected model.", 404, false},
};

static enum pm_reason furthest(const struct pm_decision *d)
{
    enum pm_reason r = PM_R_KEPT;

    for (size_t i = 0; i < d->n_notes; i++)
        r = PM_MAX(r, d->notes[i].reason);
    return r;
}

static void collect_excluded_by(struct pm_decision *d)
{
    for (size_t i = 0; i < d->n_notes; i++) {
        const char *word = pm_reason_excluded_by(d->notes[i].reason);
        size_t j = 0;
        while (j < d->n_excluded_by && word && strcmp(d->excluded_by[j], word) != 0)
            j++;
        if (word && j == d->n_excluded_by)
            d->excluded_by[d->n_excluded_by++] = word;
    }
}

/* The largest context (or output) among the endpoints that were too small. */
static int64_t largest(const struct pm_decision *d, enum pm_reason why)
{
    int64_t most = 0;

    for (size_t i = 0; i < d->n_notes; i++) {
        const struct pm_endpoint *e = d->notes[i].endpoint;
        if (d->notes[i].reason == why)
            most = PM_MAX(most, why == PM_R_CONTEXT ? e->context : e->max_output);
    }
    return most;
}

static void say_too_long(const struct pm_route_run *r, struct pm_buf *b)
{
    const struct pm_call *call = r->in->call;
    int64_t sum;

    if (__builtin_add_overflow(call->prompt_tokens, call->max_tokens, &sum))
        sum = INT64_MAX;
    pm_buf_addf(b,
                "This endpoint's maximum context length is %lld tokens. However, you requested "
                "about %lld tokens (%lld of text input, %lld in the output). Please reduce the "
                "length of either one.",
                (long long)largest(r->d, PM_R_CONTEXT), (long long)sum,
                (long long)call->prompt_tokens, (long long)call->max_tokens);
}

static void say_models(const struct pm_decision *d, struct pm_buf *b)
{
    for (size_t i = 0; i < d->n_models; i++)
        pm_buf_addf(b, "%s%.*s", i ? ", " : " ", PM_FMT(d->models[i]->id));
    pm_buf_ch(b, '.');
}

/* The tools that no endpoint has, or the choice among them that none can be told. */
static const char *tools_sentence(const struct pm_route_run *r)
{
    for (size_t i = 0; i < r->d->n_notes; i++) {
        const struct pm_note *n = &r->d->notes[i];
        if (n->reason == PM_R_TOOLS && (n->endpoint->params & PM_PBIT(PM_P_TOOLS)))
            return "No endpoints found that support the provided 'tool_choice' value.";
    }
    return rules[PM_R_TOOLS].sentence;
}

static void say_rule(const struct pm_route_run *r, enum pm_reason why, struct pm_buf *b)
{
    if (why == PM_R_CONTEXT) {
        say_too_long(r, b);
    } else if (why == PM_R_MAX_OUTPUT) {
        pm_buf_addf(b, "max_tokens is too large: %lld. This model writes at most %lld tokens.",
                    (long long)r->in->call->max_tokens, (long long)largest(r->d, why));
    } else {
        pm_buf_cstr(b, why == PM_R_TOOLS ? tools_sentence(r) : rules[why].sentence);
        if (rules[why].names_models)
            say_models(r->d, b);
    }
}

/* " (azure, azure/eu: not in `only`; openai: no key for it)" */
static void say_all(const struct pm_decision *d, struct pm_buf *b)
{
    const char *before = " (";

    for (enum pm_reason why = PM_R_KEPT + 1; why < PM_R_COUNT; why++) {
        size_t n = 0;
        for (size_t i = 0; i < d->n_notes; i++) {
            const struct pm_endpoint *e = d->notes[i].endpoint;
            if (d->notes[i].reason != why || ++n > MOST_NAMES)
                continue;
            pm_buf_addf(b, "%s%.*s", n == 1 ? before : ", ", PM_FMT(e->tag));
            if (d->n_models > 1)
                pm_buf_addf(b, " of %.*s", PM_FMT(e->model->id));
        }
        if (n > MOST_NAMES)
            pm_buf_addf(b, " and %zu more", n - MOST_NAMES);
        if (n == 0)
            continue;
        pm_buf_addf(b, ": %s", pm_reason_text(why));
        before = "; ";
    }
    if (d->n_notes)
        pm_buf_ch(b, ')');
}

static bool all_are(const struct pm_decision *d, enum pm_reason why)
{
    size_t i = 0;

    while (i < d->n_notes && d->notes[i].reason == why)
        i++;
    return i == d->n_notes;
}

void pm_route_refuse(struct pm_route_run *r)
{
    struct pm_decision *d = r->d;
    enum pm_reason why = furthest(d);
    struct pm_buf b;

    d->failed = PM_NO_ENDPOINT;
    d->status = rules[why].status;
    d->error_type = rules[why].error_type;
    d->availability = pm_str(rules[why].availability);
    collect_excluded_by(d);
    pm_buf_init(&b, MOST_TEXT);
    say_rule(r, why, &b);
    if (!(why == PM_R_CONTEXT && all_are(d, why)))
        say_all(d, &b);
    d->message = pm_arena_str(r->arena, pm_buf_view(&b));
    pm_buf_fini(&b);
}
