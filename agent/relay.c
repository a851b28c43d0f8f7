/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/relay.h"

#include "agent/identify.h"
#include "common/log.h"

#define ARENA_STEP 4096
#define OFF_LOOP_BYTES (256u << 10) /* larger bodies are read by a thread of the pool */
#define SETTLE_HOLD_MS 30000 /* how long the end of an answer waits for the disk */

#define TO(s) (1u << (s))
static const unsigned moves[RELAY_NSTATES] = {
    [RELAY_READING] = TO(RELAY_CHOOSING) | TO(RELAY_FINISHED),
    [RELAY_CHOOSING] = TO(RELAY_WAITING) | TO(RELAY_SETTLING) | TO(RELAY_FINISHED),
    [RELAY_WAITING] =
        TO(RELAY_CHOOSING) | TO(RELAY_COMMITTED) | TO(RELAY_SETTLING) | TO(RELAY_FINISHED),
    [RELAY_COMMITTED] = TO(RELAY_SETTLING) | TO(RELAY_FINISHED),
    [RELAY_SETTLING] = TO(RELAY_FINISHED),
    [RELAY_FINISHED] = 0,
};

bool relay_may_go(enum relay_state from, enum relay_state to)
{
    return moves[from] & TO(to);
}

void relay_set_state(struct relay *r, enum relay_state to)
{
    if (!relay_may_go(r->state, to))
        abort(); /* our own logic is wrong, and money hangs on it */
    r->state = to;
}

const char *end_who_name(enum end_who w)
{
    static const char *const names[] = {"nobody", "client", "provider",
                                        "agent",  "policy", "deadline"};
    return names[w];
}

const char *end_phase_name(enum end_phase p)
{
    static const char *const names[] = {"queue",       "connect", "head",
                                        "first_token", "stream",  "done"};
    return names[p];
}

int64_t relay_ms(const struct relay *r)
{
    return (int64_t)(uv_now(r->agent->loop) - r->began_ms);
}

const struct attempt_log *relay_last(const struct relay *r)
{
    return r->n_log ? &r->log[r->n_log - 1] : NULL;
}

/* ---- life ---- */

static void relay_free(struct relay *r)
{
    struct agent *a = r->agent;

    if (r->prev)
        r->prev->next = r->next;
    else
        a->relays = r->next;
    if (r->next)
        r->next->prev = r->prev;
    a->n_relays--;
    if (a->n_relays == 0)
        uv_timer_stop(&a->tick);
    front_writer_free(r->writer);
    for (size_t i = 0; i < r->n_caller_keys; i++)
        explicit_bzero((char *)r->caller_keys[i].p, r->caller_keys[i].n);
    a->body_bytes -= r->body_charged;
    pm_buf_fini(&r->body);
    pm_buf_fini(&r->held);
    pm_arena_fini(&r->arena);
    snapshot_unref(r->snap);
    free(r);
}

static void log_call(const struct relay *r, enum spool_status status, unsigned client_status)
{
    const struct attempt_log *last = relay_last(r);
    enum pm_level level = status == SPOOL_OK || status == SPOOL_CANCELLED ? PM_INFO : PM_WARN;

    pm_log(level, "call", KV_C("id", r->id),
           KV_S("model", r->req.call.n_models ? r->req.call.models[0] : PM_NSTR),
           KV_S("provider", last ? last->plan->endpoint->provider->slug : PM_NSTR),
           KV_I("status", client_status), KV_C("who", end_who_name(last ? last->who : WHO_AGENT)),
           KV_C("phase", end_phase_name(last ? last->phase : PHASE_QUEUE)),
           KV_I("attempts", r->n_log), KV_I("first_token_ms", r->first_token_ms),
           KV_I("total_ms", relay_ms(r)), KV_I("prompt_tokens", r->usage.prompt),
           KV_I("completion_tokens", r->usage.completion),
           KV_I("cost_nano_usd", r->cost.total_nano));
}

static void count_call(struct relay *r, unsigned client_status)
{
    static const struct pm_str ops[] = {
        [PM_OP_CHAT] = PM_STR_INIT("chat"),
        [PM_OP_COMPLETION] = PM_STR_INIT("completion"),
        [PM_OP_EMBEDDING] = PM_STR_INIT("embedding"),
    };
    struct metrics *m = r->agent->metrics;
    const char status[3] = {(char)('0' + client_status / 100 % 10),
                            (char)('0' + client_status / 10 % 10),
                            (char)('0' + client_status % 10)};

    ++*metrics_counter(m, METRIC_REQUESTS, ops[r->op], pm_str_n(status, sizeof(status)));
    metrics_observe(metrics_histogram(m, METRIC_REQUEST_SECONDS, ops[r->op]),
                    (uint64_t)relay_ms(r) * 1000);
}

/* The last step: everything is answered and written. */
static void relay_finish(struct relay *r, enum spool_status status, unsigned client_status)
{
    relay_set_state(r, RELAY_FINISHED);
    count_call(r, client_status);
    log_call(r, status, client_status);
    if (!r->gone) /* else the sweep frees it */
        relay_free(r);
}

/* ---- the end of a call ---- */

/* Writes the record. While the disk refuses it, relay_tick comes back, for a while: a good answer
 * is not ended before, of any other the client has been told already. */
static void relay_settle(struct relay *r)
{
    uint64_t now = uv_now(r->agent->loop);

    if (settle_write(r, r->settle_as, r->client_status)) {
        if (r->settle_as == SPOOL_OK)
            answer_end(r);
        relay_finish(r, r->settle_as, r->client_status);
        return;
    }
    if (!r->settle_until_ms) {
        r->settle_until_ms = now + SETTLE_HOLD_MS;
        pm_log(PM_ERROR, "spool refuses records, calls are held", KV_C("id", r->id));
    }
    if (now < r->settle_until_ms)
        return;
    pm_log(PM_ERROR, "record of a call was not written", KV_C("id", r->id));
    if (r->settle_as == SPOOL_OK) {
        r->settle_as = SPOOL_FAILED;
        r->client_status = answer_unsettled(r);
    }
    relay_finish(r, r->settle_as, r->client_status);
}

static void relay_end(struct relay *r, enum spool_status as, unsigned client_status)
{
    r->settle_as = as;
    r->client_status = client_status;
    if (!r->begun) {
        relay_finish(r, as, client_status);
        return;
    }
    if (r->state != RELAY_SETTLING)
        relay_set_state(r, RELAY_SETTLING);
    relay_settle(r);
}

void relay_give_up(struct relay *r)
{
    unsigned status = answer_failed(r);

    relay_end(r, SPOOL_FAILED, status);
}

static void remember_conversation(struct relay *r)
{
    const struct pm_endpoint *e = relay_last(r)->plan->endpoint;

    if (!r->decision.sticky_allowed || !r->sticky_key)
        return;
    if (!r->req.call.session_explicit &&
        !(r->usage.cached > 0 && e->price.cache_read != PM_PRICE_NONE &&
          e->price.cache_read < e->price.input))
        return;
    sticky_set(r->agent->sticky, r->sticky_key, e, uv_now(r->agent->loop));
}

void relay_succeed(struct relay *r)
{
    relay_set_state(r, RELAY_SETTLING);
    settle_price(r);
    if (!answer_prepare(r)) {
        r->log[r->n_log - 1].failure = (struct failure){.cls = FAIL_INTERNAL, .retry_after_ms = -1};
        settle_price(r); /* what the client does not get is not billed */
        relay_give_up(r);
        return;
    }
    remember_conversation(r);
    relay_end(r, SPOOL_OK, 200);
}

/* The attempt under way ends here and now, for a reason of ours or of the client's. */
static void cut_attempt(struct relay *r, enum failure_class cls, enum end_who who)
{
    const struct failure f = {.cls = cls, .retry_after_ms = -1};
    const enum end_phase phase = attempt_phase(r->attempt);

    attempt_cancel(r->attempt);
    choose_note(r, &f, who, phase);
}

/* The client left: the provider is told to stop, what was used is written down. */
static void relay_gone(struct relay *r)
{
    r->gone = false; /* it is in no list any more */
    if (r->state == RELAY_FINISHED) {
        relay_free(r);
        return;
    }
    if (r->attempt)
        cut_attempt(r, FAIL_CLIENT_GONE, WHO_CLIENT);
    settle_price(r);
    relay_end(r, SPOOL_CANCELLED, 499);
}

void relay_sweep(struct agent *a)
{
    while (a->gone) {
        struct relay *r = a->gone;
        a->gone = r->next_gone;
        relay_gone(r);
    }
}

static void on_sweep(uv_timer_t *t)
{
    relay_sweep(t->data);
}

static void on_client_gone(struct http_request *http)
{
    struct relay *r = http->user;

    r->http = NULL;
    r->gone = true;
    if (r->working)
        return; /* its thread is not done with it; on_worked ends it */
    r->next_gone = r->agent->gone;
    r->agent->gone = r;
    uv_timer_start(&r->agent->sweep, on_sweep, 0, 0);
}

static void on_client_drained(struct http_request *http)
{
    struct relay *r = http->user;

    if (r->attempt)
        attempt_resume(r->attempt);
}

void relay_tick(struct relay *r, uint64_t now)
{
    if (r->gone || r->working)
        return;
    if (r->comment_at_ms && now >= r->comment_at_ms)
        answer_comment(r, now);
    if (r->gone) /* the comment has found out */
        return;
    if (r->state == RELAY_SETTLING) {
        relay_settle(r);
    } else if (r->state == RELAY_CHOOSING && r->retry_at_ms && now >= r->retry_at_ms) {
        r->retry_at_ms = 0;
        if (!choose_again(r))
            relay_give_up(r);
    } else if (r->attempt) {
        attempt_tick(r->attempt, now);
    }
}

void relay_cut(struct relay *r)
{
    if (r->working || r->gone)
        return;
    if (r->state == RELAY_SETTLING) {
        r->settle_until_ms = uv_now(r->agent->loop);
        relay_settle(r);
        return;
    }
    if (r->attempt) {
        cut_attempt(r, FAIL_SHUTDOWN, WHO_AGENT);
        settle_price(r);
    }
    relay_give_up(r);
}

/* ---- the beginning ---- */

static void relay_route(struct relay *r)
{
    struct agent *a = r->agent;
    uint64_t now = uv_now(a->loop);
    struct pm_route_input in = {
        .call = &r->req.call,
        .table = r->snap->table,
        .policy = r->policy,
        .cred_present = secrets_present(r->snap->secrets),
        .protocols = codec_protocols(),
        .caller_keys = r->caller_providers,
        .n_caller_keys = r->n_caller_keys,
    };

    /* On a table that was replaced meanwhile the indexes no longer fit: route without health. */
    if (r->snap == a->now) {
        in.health = health_view(a->health, now);
        in.creds = keystate_view(a->keystate, now);
    }
    r->sticky_key = r->policy && r->policy->sticky_off
                        ? 0
                        : sticky_key(r->key ? r->key->name : PM_NSTR, &r->req.call);
    in.sticky = r->sticky_key ? sticky_find(a->sticky, r->sticky_key, in.table, now) : NULL;
    in.seed = pm_random_u64();
    pm_route(&in, &r->arena, &r->decision);
}

static void relay_read(struct relay *r, bool ok)
{
    if (!ok) {
        unsigned status = r->read_error.code == PM_EINTERNAL ? 500 : 400;
        answer_error(r, &(struct front_error){.status = status,
                                              .message = pm_str(r->read_error.text),
                                              .retry_after_ms = -1});
        relay_end(r, SPOOL_FAILED, status);
        return;
    }
    r->user = identify_user(r);
    relay_set_state(r, RELAY_CHOOSING);
    relay_route(r);
    if (r->decision.failed != PM_ROUTED) {
        answer_no_route(r);
        relay_end(r, SPOOL_FAILED, r->decision.status);
        return;
    }
    if (!settle_begin(r, &r->decision.attempts[0])) {
        answer_error(r, &(struct front_error){
                            .status = 503,
                            .message = PM_STR("The usage record of this call cannot be written"),
                            .retryable = true,
                            .retry_after_ms = 1000});
        relay_end(r, SPOOL_FAILED, 503);
        return;
    }
    r->begun = true;
    if (r->req.call.stream && r->snap->config->agent.comment_after_ms)
        r->comment_at_ms = r->began_ms + r->snap->config->agent.comment_after_ms;
    choose_next(r);
}

static bool read_body(struct relay *r)
{
    bool ok = front_read(r->op, pm_str_n(r->body.p, r->body.n), &r->headers, &r->arena, &r->req,
                         &r->read_error);

    r->arena.max = RELAY_ARENA_PEERS + RELAY_ARENA_OURS;
    return ok;
}

static void on_work(uv_work_t *w)
{
    struct relay *r = w->data;

    r->work_ok = read_body(r);
}

static void on_worked(uv_work_t *w, int status)
{
    struct relay *r = w->data;

    r->working = false;
    if (r->gone)
        relay_gone(r);
    else
        relay_read(r, status == 0 && r->work_ok);
}

static struct relay *relay_new(struct agent *a, struct http_request *http, enum pm_operation op)
{
    struct relay *r = pm_xcalloc(1, sizeof(*r));

    r->agent = a;
    r->http = http;
    r->op = op;
    r->snap = snapshot_ref(a->now);
    r->began_ms = uv_now(a->loop);
    r->began_unix_ms = pm_unix_ms();
    r->first_token_ms = -1;
    r->upstream_cost_nano = -1;
    pm_arena_init(&r->arena, ARENA_STEP, RELAY_ARENA_PEERS);
    pm_buf_init(&r->held, CODEC_MAX_BODY * 2);
    pm_generation_id(r->id, r->began_unix_ms);
    http->user = r;
    http->on_gone = on_client_gone;
    http->on_drain = on_client_drained;
    http_take_body(http, &r->body, &r->body_charged);
    r->next = a->relays;
    if (r->next)
        r->next->prev = r;
    a->relays = r;
    if (a->n_relays++ == 0)
        uv_timer_start(&a->tick, a->on_tick, RELAY_TICK_MS, RELAY_TICK_MS);
    return r;
}

/* A copy: the record is written even when the connection with its head is gone. */
static struct pm_str keep_header(struct relay *r, const struct pm_http1_head *h, const char *name)
{
    struct pm_str v = pm_http1_header(h, name);

    return v.p ? pm_arena_str(&r->arena, v) : v;
}

void relay_start(struct agent *a, struct http_request *http, enum pm_operation op)
{
    struct relay *r = relay_new(a, http, op);
    const struct pm_http1_head *h = http->head;
    struct front_error refusal = {.retry_after_ms = -1};

    if (!identify(r, h, &refusal)) {
        answer_error(r, &refusal);
        relay_end(r, SPOOL_FAILED, refusal.status);
        return;
    }
    r->headers = (struct front_headers){
        .session_id = keep_header(r, h, "x-session-id"),
        .metadata = keep_header(r, h, "x-openrouter-metadata"),
        .referer = keep_header(r, h, "http-referer"),
        .title = keep_header(r, h, "x-openrouter-title"),
    };
    if (!r->headers.title.p)
        r->headers.title = keep_header(r, h, "x-title");
    if (r->body.n <= OFF_LOOP_BYTES) {
        relay_read(r, read_body(r));
        return;
    }
    r->working = true;
    r->work.data = r;
    if (uv_queue_work(a->loop, &r->work, on_work, on_worked) != 0) {
        r->working = false;
        pm_fail(&r->read_error, PM_EINTERNAL, "the request could not be read");
        relay_read(r, false);
    }
}
