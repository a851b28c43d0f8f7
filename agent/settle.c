/* SPDX-License-Identifier: Apache-2.0 */
/* The bill of a call and its record. */
#include "agent/relay.h"

static const char *const operation_names[] = {
    [PM_OP_CHAT] = "chat",
    [PM_OP_COMPLETION] = "completion",
    [PM_OP_EMBEDDING] = "embedding",
};

static struct spool_begin begin_of(const struct relay *r, const struct pm_endpoint *first)
{
    return (struct spool_begin){
        .id = pm_str(r->id),
        .unix_ms = r->began_unix_ms,
        .model = r->req.call.n_models ? r->req.call.models[0] : first->model->id,
        .key = r->key ? r->key->name : PM_NSTR,
        .policy = r->policy ? r->policy->name : PM_NSTR,
        .provider = first->provider->slug,
        .endpoint = first->tag,
        .app = r->req.title,
        .origin = r->req.referer,
        .user = r->req.user,
        .session = r->req.call.session,
        .operation = pm_str(operation_names[r->op]),
        .stream = r->req.call.stream,
        .bound_nano = r->bound_nano,
        .prompt_tokens = r->req.call.prompt_tokens,
    };
}

/* The most this call can cost at the dearest endpoint it may reach; -1 if one has no price. */
static int64_t bound_of(const struct relay *r)
{
    int64_t bound = 0;

    for (size_t i = 0; i < r->decision.n_attempts; i++) {
        const struct pm_endpoint *e = r->decision.attempts[i].endpoint;
        int64_t out = r->req.call.max_tokens ? r->req.call.max_tokens : e->max_output;
        if (!r->req.call.max_tokens && r->policy && r->policy->default_max_output)
            out = PM_MIN(out ? out : INT64_MAX, r->policy->default_max_output);
        if (!e->price.known)
            return -1;
        bound = PM_MAX(bound, pm_price_bound(&e->price, r->req.call.prompt_tokens, out));
    }
    return bound;
}

bool settle_begin(struct relay *r, const struct pm_attempt_plan *first)
{
    struct spool_begin b;

    r->bound_nano = bound_of(r);
    b = begin_of(r, first->endpoint);
    return spool_append_begin(r->agent->spool, &b) != 0;
}

/* Providers that say nothing of usage, and answers that were cut: a guess is marked as one. */
static void estimate_usage(struct relay *r)
{
    if (r->usage.present || !r->has_output)
        return;
    r->usage.estimated = true;
    r->usage.prompt = r->req.call.prompt_tokens;
    r->usage.completion = (int64_t)(r->text_bytes / 4) + 1;
}

static bool nothing_was_made(const struct relay *r)
{
    return r->op != PM_OP_EMBEDDING && !r->has_output && r->usage.completion == 0 &&
           (r->finish == FINISH_NONE || r->finish == FINISH_ERROR);
}

void settle_price(struct relay *r)
{
    const struct attempt_log *last = relay_last(r);
    const struct pm_endpoint *e = last ? last->plan->endpoint : NULL;
    bool whole = last && last->failure.cls == FAIL_NONE;
    bool left = last && last->failure.cls == FAIL_CLIENT_GONE;

    r->cost = (struct pm_cost){0};
    r->price_unknown = false;
    r->upstream_cost_nano = -1;
    if (!e)
        return;
    estimate_usage(r);
    if (r->usage.has_provider_cost) {
        r->cost.total_nano = r->cost.completion_nano = r->usage.provider_cost_nano;
    } else if (e->price.known) {
        r->cost = pm_price_of_usage(&e->price, &r->usage);
    } else {
        r->price_unknown = true;
        return;
    }
    r->upstream_cost_nano = r->cost.total_nano;
    /* Only what the client got is billed: a whole answer, or the part it took before it left. An
     * own key is billed by the provider. */
    if (!(whole || (left && r->has_output)) || nothing_was_made(r) || r->finish == FINISH_ERROR ||
        !last->plan->credential || last->plan->credential->byok)
        r->cost = (struct pm_cost){0};
}

static void fill_attempts(const struct relay *r, struct spool_attempt *out)
{
    for (size_t i = 0; i < r->n_log; i++) {
        const struct attempt_log *l = &r->log[i];
        const struct pm_credential *c = l->plan->credential;
        out[i] = (struct spool_attempt){
            .provider = l->plan->endpoint->provider->slug,
            .endpoint = l->plan->endpoint->tag,
            .credential = c ? c->name : PM_NSTR,
            .upstream_id = l->upstream_id,
            .status = l->status,
            .outcome = l->failure.cls == FAIL_NONE ? PM_STR("ok")
                                                   : pm_str(failure_rule(l->failure.cls)->name),
            .who = pm_str(end_who_name(l->who)),
            .phase = pm_str(end_phase_name(l->phase)),
            .started_ms = l->started_ms,
            .first_token_ms = l->first_token_ms,
            .ended_ms = l->ended_ms,
            .byok = c ? c->byok : true,
            .code = l->failure.code,
        };
    }
}

static void count_usage(const struct relay *r, const struct pm_endpoint *e)
{
    struct metrics *m = r->agent->metrics;
    const struct {
        struct pm_str kind;
        int64_t n;
    } rows[] = {
        {PM_STR_INIT("prompt"), r->usage.prompt},
        {PM_STR_INIT("completion"), r->usage.completion},
        {PM_STR_INIT("cached"), r->usage.cached},
        {PM_STR_INIT("cache_write"), r->usage.cache_write},
        {PM_STR_INIT("reasoning"), r->usage.reasoning},
    };

    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        if (rows[i].n > 0)
            *metrics_counter(m, METRIC_TOKENS, e->provider->slug, e->model->id, rows[i].kind) +=
                (uint64_t)rows[i].n;
    }
    if (r->cost.total_nano > 0)
        *metrics_counter(m, METRIC_COST_NANO_USD, e->provider->slug, e->model->id) +=
            (uint64_t)r->cost.total_nano;
    if (r->first_token_ms >= 0)
        metrics_observe(metrics_histogram(m, METRIC_FIRST_TOKEN_SECONDS, e->provider->slug),
                        (uint64_t)r->first_token_ms * 1000);
}

bool settle_write(struct relay *r, enum spool_status status, unsigned client_status)
{
    const struct attempt_log *last = relay_last(r);
    const struct pm_endpoint *e = last ? last->plan->endpoint : NULL;
    bool answered = e && (status == SPOOL_OK || r->has_output);
    struct spool_settled s = {
        .begin = begin_of(r, r->decision.attempts[0].endpoint),
        .status = status,
        .finish = pm_str(finish_name(r->finish)),
        .native_finish = r->native_finish,
        .usage = r->usage,
        .cost = r->cost,
        .upstream_cost_nano = r->upstream_cost_nano,
        .price_unknown = r->price_unknown,
        .first_token_ms = r->first_token_ms,
        .total_ms = relay_ms(r),
        .n_attempts = r->n_log,
        .client_status = client_status,
    };
    struct spool_attempt *attempts = PM_ARENA_ARRAY(&r->arena, struct spool_attempt, r->n_log);

    fill_attempts(r, attempts);
    s.attempts = attempts;
    if (answered) {
        s.model = e->model->id;
        s.provider = e->provider->slug;
        s.endpoint = e->tag;
        s.byok = last->plan->credential ? last->plan->credential->byok : true;
    }
    if (spool_append_settled(r->agent->spool, &s) == 0)
        return false;
    if (!answered)
        return true;
    count_usage(r, e);
    key_usage_add(r->agent->key_usage, s.begin.key, s.byok,
                  s.byok ? s.upstream_cost_nano : s.cost.total_nano, s.begin.unix_ms);
    return true;
}
