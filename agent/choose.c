/* SPDX-License-Identifier: Apache-2.0 */
/* Between the attempts of a call: what a failure allows next, and starting it. */
#include "agent/relay.h"
#include "common/log.h"

#define MAX_WAIT_FOR_RETRY_MS                                                                      \
    2000 /* a Retry-After up to this is waited for when nothing is left                            \
          */

/* May plan j follow the failure of the last attempt? */
static bool may_follow(const struct relay *r, const struct attempt_log *last, size_t j)
{
    const struct failure_rule *rule = failure_rule(last->failure.cls);
    const struct pm_attempt_plan *a = last->plan, *b = &r->decision.attempts[j];

    if (a->model != b->model)
        return rule->next_model;
    if (a->endpoint == b->endpoint)
        return (rule->hurts_key || rule->cools_endpoint) && a->credential != b->credential;
    if (rule->hurts_key && a->credential && a->credential == b->credential)
        return false;
    if (rule->larger_window)
        return b->endpoint->context > a->endpoint->context;
    if (last->failure.parameter && r->n_log == 1)
        return true; /* what one provider does not know, another may take: one more try */
    return rule->next_endpoint;
}

static const struct pm_attempt_plan *next_plan(struct relay *r)
{
    const struct attempt_log *last = relay_last(r);

    for (size_t j = r->next_plan; j < r->decision.n_attempts; j++) {
        if (!last || may_follow(r, last, j)) {
            r->next_plan = j + 1;
            return &r->decision.attempts[j];
        }
    }
    return NULL;
}

/* Nothing else is left: is it worth asking the same endpoint once more, and when? */
static bool retry_same(struct relay *r)
{
    const struct attempt_log *last = relay_last(r);
    const struct failure_rule *rule = failure_rule(last->failure.cls);
    int64_t wait = last->failure.retry_after_ms;

    if (r->retried_same)
        return false;
    if (rule->cools_endpoint && wait < 0)
        return false;
    if (!rule->retry_same && !rule->cools_endpoint)
        return false;
    if (wait > MAX_WAIT_FOR_RETRY_MS)
        return false;
    r->retried_same = true;
    r->retry_at_ms =
        uv_now(r->agent->loop) + (uint64_t)PM_MAX(wait, 0) + 50 + pm_random_u64() % 200;
    return true;
}

static void prepare_writer(struct relay *r, const struct pm_attempt_plan *plan)
{
    const struct front_stamp stamp = {
        .generation_id = pm_str(r->id),
        .created = r->began_unix_ms / 1000,
        .model = plan->endpoint->model->id,
        .provider = plan->endpoint->provider->name,
        .is_byok = plan->credential ? plan->credential->byok : true,
    };

    front_writer_free(r->writer);
    r->writer = front_writer_new(&r->req, &stamp);
    pm_buf_reset(&r->held);
    r->usage = (struct pm_usage){0};
    r->finish = FINISH_NONE;
    r->native_finish = PM_NSTR;
    r->text_bytes = 0;
    r->has_output = false;
    r->first_token_ms = -1;
}

void choose_note(struct relay *r, const struct failure *f, enum end_who who, enum end_phase phase)
{
    struct attempt_log *last = &r->log[r->n_log - 1];
    const struct pm_endpoint *e = last->plan->endpoint;
    const char *outcome = f ? failure_rule(f->cls)->name : "ok";

    last->failure = f ? *f : (struct failure){0};
    last->who = who;
    last->phase = phase;
    last->ended_ms = relay_ms(r);
    ++*metrics_counter(r->agent->metrics, METRIC_ATTEMPTS, e->provider->slug, pm_str(outcome),
                       pm_str(end_phase_name(phase)), pm_str(end_who_name(who)));
    if (f)
        pm_log(f->cls == FAIL_CLIENT_GONE ? PM_INFO : PM_WARN, "attempt failed", KV_C("id", r->id),
               KV_S("endpoint", e->tag), KV_S("model", e->model->id), KV_C("class", outcome),
               KV_I("status", last->status), KV_C("who", end_who_name(who)),
               KV_C("phase", end_phase_name(phase)), KV_S("code", f->code),
               KV_I("attempt", r->n_log), KV_I("ms", last->ended_ms));
}

/* False: this plan could not even start; its failure is noted. */
static bool start_plan(struct relay *r, const struct pm_attempt_plan *plan)
{
    struct failure f;
    struct spool_attempt more = {.provider = plan->endpoint->provider->slug,
                                 .endpoint = plan->endpoint->tag,
                                 .credential = plan->credential ? plan->credential->name : PM_NSTR,
                                 .started_ms = relay_ms(r),
                                 .first_token_ms = -1,
                                 .ended_ms = -1};

    prepare_writer(r, plan);
    if (r->n_log && spool_append_attempt(r->agent->spool, pm_str(r->id), &more) == 0)
        pm_log(PM_ERROR, "spool refused an attempt", KV_C("id", r->id));
    relay_set_state(r, RELAY_WAITING);
    if (attempt_start(r, plan, &f))
        return true;
    choose_note(r, &f, WHO_AGENT, PHASE_QUEUE);
    relay_set_state(r, RELAY_CHOOSING);
    return false;
}

/* Walks the plan until an attempt is under way, a retry is set, or nothing is left. */
void choose_next(struct relay *r)
{
    struct agent *a = r->agent;
    uint64_t now = uv_now(a->loop);

    for (;;) {
        const struct pm_attempt_plan *plan;
        if (r->n_log >= r->snap->config->agent.max_attempts)
            break;
        plan = next_plan(r);
        if (!plan && !(r->n_log && retry_same(r)))
            break;
        if (r->n_log == 0) {
            retry_budget_first(&a->retry_budget, now);
        } else if (!retry_budget_take(&a->retry_budget, now)) {
            ++*metrics_counter(a->metrics, METRIC_RETRY_BUDGET_EXHAUSTED, PM_NSTR);
            r->retry_at_ms = 0;
            break;
        } else {
            ++*metrics_counter(a->metrics, METRIC_FALLBACKS,
                               pm_str(failure_rule(relay_last(r)->failure.cls)->name));
        }
        if (!plan || start_plan(r, plan))
            return;
    }
    relay_give_up(r);
}

void relay_attempt_ended(struct relay *r, const struct failure *f, enum end_who who,
                         enum end_phase phase)
{
    choose_note(r, f, who, phase);
    if (r->gone)
        return; /* relay_sweep writes the record and ends it */
    if (!f) {
        relay_succeed(r);
        return;
    }
    if (r->state == RELAY_COMMITTED) {
        settle_price(r);
        relay_give_up(r);
        return;
    }
    relay_set_state(r, RELAY_CHOOSING);
    choose_next(r);
}

bool choose_again(struct relay *r)
{
    return start_plan(r, relay_last(r)->plan);
}
