/* SPDX-License-Identifier: Apache-2.0 */
/* The error envelope (openrouter-api §8.1 to §8.4). */
#include "agent/front/front.h"

#include "common/json_out.h"

#define MAX_RAW_BYTES 2048 /* of the provider's own text */
#define MAX_NAMED_ENDPOINTS 64
#define DOCS_URL "docs/errors.md#"

static const struct {
    unsigned status;
    const char *error_type;
} types[] = {
    {400, "invalid_request"},
    {401, "authentication"},
    {402, "payment_required"},
    {403, "permission_denied"},
    {404, "not_found"},
    {405, "invalid_request"},
    {408, "timeout"},
    {412, "precondition_failed"},
    {413, "payload_too_large"},
    {422, "unprocessable"},
    {429, "rate_limit_exceeded"},
    {500, "server"},
    {502, "provider_unavailable"},
    {503, "provider_overloaded"},
    {504, "timeout"},
    {524, "timeout"},
    {529, "provider_overloaded"},
};

const char *front_error_type(unsigned status)
{
    for (size_t i = 0; i < PM_COUNT(types); i++) {
        if (types[i].status == status)
            return types[i].error_type;
    }
    return status < 500 ? "invalid_request" : "unmapped";
}

/* Asking again later may help. */
static bool is_retryable(struct pm_str code)
{
    return pm_str_is(code, "temporarily_unavailable") || pm_str_is(code, "capacity_exhausted");
}

/* The first rule that has a public word, with its text. */
static void write_constraint(struct pm_jout *o, const struct pm_decision *d)
{
    for (size_t i = 0; i < d->n_notes; i++) {
        const enum pm_reason reason = d->notes[i].reason;
        const char *field = pm_reason_excluded_by(reason);

        if (d->notes[i].rank >= 0 || !field)
            continue;
        pm_jout_open(o, "constraint", '{');
        pm_jout_cstr(o, "field", field);
        pm_jout_cstr(o, "detail", pm_reason_text(reason));
        pm_jout_close(o, '}');
        return;
    }
}

static void write_availability(struct pm_jout *o, const struct front_error *e)
{
    const struct pm_decision *d = e->decision;
    const struct pm_str code = d && d->availability.n ? d->availability : e->availability;
    char url[128];

    if (code.n == 0)
        return;
    pm_jout_open(o, "availability", '{');
    pm_jout_str(o, "code", code);
    pm_jout_bool(o, "retryable", e->retryable || is_retryable(code));
    pm_jout_open(o, "requested_models", '[');
    for (size_t i = 0; i < e->n_requested_models; i++)
        pm_jout_str(o, NULL, e->requested_models[i]);
    pm_jout_close(o, ']');
    if (e->retry_after_ms >= 0)
        pm_jout_i64(o, "retry_after", (e->retry_after_ms + 999) / 1000);
    if (d && d->n_excluded_by) {
        pm_jout_open(o, "excluded_by", '[');
        for (size_t i = 0; i < d->n_excluded_by; i++)
            pm_jout_cstr(o, NULL, d->excluded_by[i]);
        pm_jout_close(o, ']');
        write_constraint(o, d);
    }
    snprintf(url, sizeof(url), DOCS_URL "%.*s", PM_FMT(code));
    pm_jout_cstr(o, "docs_url", url);
    pm_jout_close(o, '}');
}

/* Why each endpoint was left out: what a caller needs to find the rule to change. */
static void write_excluded(struct pm_jout *o, const struct pm_decision *d)
{
    size_t n = 0;

    for (size_t i = 0; d && d->failed && i < d->n_notes && n < MAX_NAMED_ENDPOINTS; i++) {
        const struct pm_note *note = &d->notes[i];

        if (note->rank >= 0 || !note->endpoint)
            continue;
        if (n++ == 0)
            pm_jout_open(o, "excluded_endpoints", '[');
        pm_jout_open(o, NULL, '{');
        pm_jout_str(o, "model", note->endpoint->model->id);
        pm_jout_str(o, "endpoint", note->endpoint->tag);
        pm_jout_cstr(o, "reason", pm_reason_name(note->reason));
        pm_jout_cstr(o, "text", pm_reason_text(note->reason));
        pm_jout_close(o, '}');
    }
    if (n)
        pm_jout_close(o, ']');
}

static void write_previous(struct pm_jout *o, const struct front_error *e)
{
    if (e->n_previous == 0)
        return;
    pm_jout_open(o, "previous_errors", '[');
    for (size_t i = 0; i < e->n_previous; i++) {
        pm_jout_open(o, NULL, '{');
        pm_jout_str(o, "provider", e->previous[i].provider);
        pm_jout_str_or_null(o, "code", e->previous[i].code);
        pm_jout_i64(o, "status", e->previous[i].status);
        pm_jout_close(o, '}');
    }
    pm_jout_close(o, ']');
}

bool front_write_error(const struct front_error *e, struct pm_buf *out)
{
    /* What went wrong inside is for the log, not for callers. */
    const bool internal = e->status == 500;
    const char *type = e->error_type                            ? e->error_type
                       : e->decision && e->decision->error_type ? e->decision->error_type
                                                                : front_error_type(e->status);
    struct pm_jout o = {.b = out};

    pm_jout_open(&o, NULL, '{');
    pm_jout_open(&o, "error", '{');
    pm_jout_i64(&o, "code", e->status);
    pm_jout_str(&o, "message", internal ? PM_STR("Internal Server Error") : e->message);
    pm_jout_open(&o, "metadata", '{');
    pm_jout_cstr(&o, "error_type", internal ? "server" : type);
    if (!internal) {
        if (e->provider_name.n)
            pm_jout_str(&o, "provider_name", e->provider_name);
        if (e->provider_code.n)
            pm_jout_str(&o, "provider_code", e->provider_code);
        if (e->raw.n)
            pm_jout_str(&o, "raw", pm_str_cut(e->raw, 0, MAX_RAW_BYTES));
        write_previous(&o, e);
        write_excluded(&o, e->decision);
    }
    pm_jout_close(&o, '}');
    if (!internal)
        write_availability(&o, e);
    pm_jout_close(&o, '}');
    if (!internal && e->metadata.n)
        pm_jout_raw(&o, "openrouter_metadata", e->metadata);
    pm_jout_close(&o, '}');
    return !out->failed;
}
