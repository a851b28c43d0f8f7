/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/front/front.h"

#include "common/json_out.h"

#define MAX_LISTED 128 /* endpoints; a decision may hold every one there is */

static const struct pm_endpoint *selected_of(const struct front_trace *t)
{
    return t->succeeded && t->n_attempts ? t->attempts[t->n_attempts - 1].endpoint : NULL;
}

/* An endpoint may be planned more than once, with another key each time. */
static bool is_first_plan(const struct pm_decision *d, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (d->attempts[k].endpoint == d->attempts[i].endpoint)
            return false;
    }
    return true;
}

static size_t n_available(const struct pm_decision *d)
{
    size_t n = 0;

    for (size_t i = 0; i < d->n_notes; i++)
        n += d->notes[i].rank >= 0;
    return n;
}

static void write_names(struct pm_jout *o, const struct pm_endpoint *e)
{
    pm_jout_str(o, "provider", e->provider->name);
    pm_jout_str(o, "model", e->model->id);
}

static void write_attempts(struct pm_jout *o, const struct front_trace *t)
{
    pm_jout_open(o, "attempts", '[');
    for (size_t i = 0; i < t->n_attempts; i++) {
        pm_jout_open(o, NULL, '{');
        write_names(o, t->attempts[i].endpoint);
        pm_jout_i64(o, "status", t->attempts[i].status);
        pm_jout_close(o, '}');
    }
    pm_jout_close(o, ']');
}

static void write_available(struct pm_jout *o, const struct front_trace *t)
{
    const struct pm_decision *d = t->decision;
    const struct pm_endpoint *selected = selected_of(t);
    const size_t n = PM_MIN(d->n_attempts, (size_t)MAX_LISTED);

    pm_jout_open(o, "endpoints", '{');
    pm_jout_i64(o, "total", (int64_t)d->n_notes);
    pm_jout_open(o, "available", '[');
    for (size_t i = 0; i < n; i++) {
        if (!is_first_plan(d, i))
            continue;
        pm_jout_open(o, NULL, '{');
        write_names(o, d->attempts[i].endpoint);
        pm_jout_bool(o, "selected", d->attempts[i].endpoint == selected);
        pm_jout_close(o, '}');
    }
    pm_jout_close(o, ']');
    pm_jout_close(o, '}');
}

/* The same words as in `explain`. */
static void write_reasons(struct pm_jout *o, const struct pm_decision *d)
{
    pm_jout_open(o, "pointsman", '{');
    pm_jout_open(o, "endpoints", '[');
    for (size_t i = 0; i < PM_MIN(d->n_notes, (size_t)MAX_LISTED); i++) {
        const struct pm_note *note = &d->notes[i];

        pm_jout_open(o, NULL, '{');
        pm_jout_str(o, "model", note->endpoint->model->id);
        pm_jout_str(o, "endpoint", note->endpoint->tag);
        pm_jout_str(o, "provider", note->endpoint->provider->name);
        if (note->rank >= 0)
            pm_jout_i64(o, "attempt", note->rank + 1);
        else
            pm_jout_null(o, "attempt");
        pm_jout_cstr(o, "reason", pm_reason_name(note->reason));
        pm_jout_cstr(o, "text", pm_reason_text(note->reason));
        pm_jout_close(o, '}');
    }
    pm_jout_close(o, ']');
    pm_jout_open(o, "warnings", '[');
    for (size_t i = 0; i < d->n_warnings; i++)
        pm_jout_str(o, NULL, d->warnings[i]);
    pm_jout_close(o, ']');
    pm_jout_close(o, '}');
}

bool front_write_metadata(const struct front_trace *t, struct pm_buf *out)
{
    const struct pm_decision *d = t->decision;
    const struct pm_endpoint *selected = selected_of(t);
    struct pm_jout o = {.b = out};
    char summary[256];

    snprintf(summary, sizeof(summary), "available=%zu, selected=%.*s", n_available(d),
             PM_FMT(selected ? selected->provider->name : PM_STR("none")));
    pm_jout_open(&o, NULL, '{');
    pm_jout_str(&o, "requested", t->requested);
    pm_jout_cstr(&o, "strategy", pm_strategy_name(d->strategy));
    pm_jout_str_or_null(&o, "region", t->region);
    pm_jout_cstr(&o, "summary", summary);
    pm_jout_i64(&o, "attempt", (int64_t)t->n_attempts);
    pm_jout_bool(&o, "is_byok", t->is_byok);
    write_attempts(&o, t);
    write_available(&o, t);
    pm_jout_open(&o, "pipeline", '[');
    pm_jout_close(&o, ']');
    if (t->generation_ms >= 0)
        pm_jout_i64(&o, "generation_time", t->generation_ms);
    write_reasons(&o, d);
    pm_jout_close(&o, '}');
    return !out->failed;
}
