/* SPDX-License-Identifier: Apache-2.0 */
/* One try on one endpoint: request, timers, decoder, and one word at its end. */
#include "agent/relay.h"
#include "common/log.h"

#define ERROR_BODY_MAX (64u << 10)
/* After the finish reason and no further byte for this long, the answer is taken as whole: some
 * servers keep the connection open behind their last event. */
#define AFTER_FINISH_MS 2000

struct attempt {
    struct relay *relay;
    const struct pm_attempt_plan *plan;
    const struct dialect *dialect;
    const struct codec *codec;
    struct transfer *transfer;
    struct decoder *decoder;
    enum end_phase phase;
    bool streamed; /* asked of the provider */
    bool probe, got_first, got_id, failed, ended;
    bool refused; /* a chunk could not be passed on */
    bool paused;
    unsigned status;
    uint64_t started_ms, last_ms; /* monotonic; last_ms: the last byte */
    uint64_t paused_since_ms;
    int64_t first_token_ms;
    struct failure failure;
    struct failure_input answer; /* what is known of an error answer; body is error_body */
    struct pm_buf error_body;
};

static const struct pm_agent_config *config_of(const struct attempt *t)
{
    return &t->relay->snap->config->agent;
}

enum end_phase attempt_phase(const struct attempt *t)
{
    if (t->phase == PHASE_CONNECT && t->transfer && transfer_sent(t->transfer))
        return PHASE_HEAD;
    return t->phase;
}

/* ---- the end ---- */

static void attempt_free(struct attempt *t)
{
    if (t->codec && t->decoder)
        t->codec->decoder_free(t->decoder);
    pm_buf_fini(&t->error_body);
    free(t);
}

static enum health_class health_class_of(const struct failure *f)
{
    if (!f)
        return HEALTH_OK;
    return failure_rule(f->cls)->hurts_endpoint ? HEALTH_FAILED : HEALTH_NOT_COUNTED;
}

static void tell_health(struct attempt *t, const struct failure *f)
{
    struct agent *a = t->relay->agent;
    uint64_t now = uv_now(a->loop);
    const struct failure_rule *rule = f ? failure_rule(f->cls) : NULL;
    struct health_outcome o = {
        .cls = health_class_of(f),
        .probe = t->probe,
        .cools = rule && rule->cools_endpoint,
        .retry_after_ms = f ? f->retry_after_ms : -1,
        .first_token_ms = f || !t->streamed ? -1 : t->first_token_ms,
        .output_tokens = f || !t->relay->usage.present ? -1 : t->relay->usage.completion,
        .total_ms = (int64_t)(now - t->started_ms),
    };

    health_outcome(a->health, t->plan->endpoint, &o, now);
    if (rule && rule->hurts_key)
        keystate_set_aside(a->keystate, t->plan->credential, rule->key_cooldown_ms,
                           f->retry_after_ms, now);
    else if (!f)
        keystate_clear(a->keystate, t->plan->credential);
}

/* The one way out, but for attempt_cancel. */
static void attempt_end(struct attempt *t, const struct failure *f, enum end_who who)
{
    struct relay *r = t->relay;
    struct attempt_log *log = &r->log[r->n_log - 1];
    const enum end_phase phase = f ? attempt_phase(t) : PHASE_DONE;
    struct failure copy;

    if (t->ended)
        return;
    t->ended = true;
    if (t->transfer)
        transfer_cancel(t->transfer);
    t->transfer = NULL;
    log->status = t->status;
    log->first_token_ms =
        t->got_first ? (int64_t)(t->started_ms - r->began_ms) + t->first_token_ms : -1;
    tell_health(t, f);
    if (f)
        copy = *f;
    r->attempt = NULL;
    attempt_free(t);
    relay_attempt_ended(r, f ? &copy : NULL, who, phase);
}

void attempt_cancel(struct attempt *t)
{
    struct health_outcome o = {.cls = HEALTH_NOT_COUNTED,
                               .probe = t->probe,
                               .retry_after_ms = -1,
                               .first_token_ms = -1,
                               .output_tokens = -1};
    struct attempt_log *log = &t->relay->log[t->relay->n_log - 1];

    log->status = t->status;
    log->first_token_ms =
        t->got_first ? (int64_t)(t->started_ms - t->relay->began_ms) + t->first_token_ms : -1;
    t->ended = true;
    health_outcome(t->relay->agent->health, t->plan->endpoint, &o, uv_now(t->relay->agent->loop));
    if (t->transfer)
        transfer_cancel(t->transfer);
    t->relay->attempt = NULL;
    attempt_free(t);
}

static void attempt_fail(struct attempt *t, enum failure_class cls, enum end_who who,
                         const char *message)
{
    struct failure f = {.cls = cls,
                        .upstream_status = t->status,
                        .retry_after_ms = -1,
                        .message = pm_arena_str(&t->relay->arena, pm_str(message))};

    attempt_end(t, &f, who);
}

/* ---- the provider's answer ---- */

/* A copy of a provider's text, which may be as long as it likes. */
static struct pm_str keep_text(struct relay *r, struct pm_str s)
{
    return s.n ? pm_arena_str(&r->arena, pm_str_cut(s, 0, RELAY_TEXT_MAX)) : PM_NSTR;
}

static bool on_chunk(void *ctx, const struct chunk *c)
{
    struct attempt *t = ctx;
    struct relay *r = t->relay;

    for (size_t i = 0; i < c->n; i++) {
        if (c->ev[i].kind == EV_ERROR) {
            t->failed = true;
            t->failure = *c->ev[i].failure;
            t->failure.message = pm_arena_str(&r->arena, t->failure.message);
            t->failure.code = keep_text(r, t->failure.code);
            return false;
        }
        if (c->ev[i].kind == EV_START && c->ev[i].id.n && !t->got_id) {
            t->got_id = true; /* better known to the provider's support than a request id */
            r->log[r->n_log - 1].upstream_id = keep_text(r, c->ev[i].id);
        }
    }
    if (!t->got_first && chunk_is_meaningful(c)) {
        t->got_first = true;
        t->first_token_ms = (int64_t)(uv_now(r->agent->loop) - t->started_ms);
        t->phase = PHASE_STREAM;
    }
    t->refused |= !relay_chunk(r, c);
    return !t->refused;
}

static bool on_head(void *ctx, const struct transfer_head *h)
{
    struct attempt *t = ctx;
    struct relay *r = t->relay;

    t->last_ms = uv_now(r->agent->loop);
    t->status = h->status;
    t->phase = PHASE_FIRST_TOKEN;
    if (h->request_id.n)
        r->log[r->n_log - 1].upstream_id = keep_text(r, h->request_id);
    if (h->status < 200 || h->status > 299) {
        t->answer = (struct failure_input){
            .status = h->status,
            .content_type = pm_arena_str(&r->arena, h->content_type),
            .retry_after = h->retry_after.p ? pm_arena_str(&r->arena, h->retry_after) : PM_NSTR,
            .retry_after_ms =
                h->retry_after_ms.p ? pm_arena_str(&r->arena, h->retry_after_ms) : PM_NSTR,
        };
        return true;
    }
    t->decoder =
        t->codec->decoder_new(t->dialect, r->op, t->streamed, h->content_type, on_chunk, t);
    return true;
}

static enum transfer_verdict on_data(void *ctx, const char *p, size_t n)
{
    struct attempt *t = ctx;
    struct relay *r = t->relay;
    bool go;

    if (r->head_sent && r->http && http_queued(r->http) > HTTP_QUEUE_HIGH) {
        t->paused = true;
        t->paused_since_ms = uv_now(r->agent->loop);
        return TRANSFER_PAUSE;
    }
    t->last_ms = uv_now(r->agent->loop);
    if (!t->decoder) { /* an error answer: keep the beginning */
        size_t room = ERROR_BODY_MAX - t->error_body.n;
        pm_buf_add(&t->error_body, p, PM_MIN(n, room));
        return n > room ? TRANSFER_STOP : TRANSFER_GO;
    }
    go = t->codec->decoder_feed(t->decoder, p, n);
    answer_flush(r);
    return go && !r->gone ? TRANSFER_GO : TRANSFER_STOP;
}

static void on_error_answer(struct attempt *t)
{
    struct failure f = {.cls = FAIL_OVERLOADED, .retry_after_ms = -1};

    t->answer.body = pm_buf_view(&t->error_body);
    t->answer.now_unix_ms = pm_unix_ms();
    failure_classify(t->dialect, &t->answer, &t->relay->arena, &f);
    f.upstream_status = t->status;
    attempt_end(t, &f, WHO_PROVIDER);
}

static void on_transfer_failed(struct attempt *t, const struct transfer_end *end)
{
    switch (end->kind) {
    case END_CONNECT:
    case END_TLS:
        attempt_fail(t, FAIL_CONNECT, WHO_PROVIDER, end->what);
        break;
    case END_TIMEOUT:
        attempt_fail(t, FAIL_TIMEOUT, WHO_DEADLINE, end->what);
        break;
    case END_PROTOCOL:
        attempt_fail(t, FAIL_PROTOCOL, WHO_PROVIDER, end->what);
        break;
    case END_INTERNAL:
        attempt_fail(t, FAIL_INTERNAL, WHO_AGENT, end->what);
        break;
    default: /* cut before its head */
        attempt_fail(t, FAIL_CONNECT, WHO_PROVIDER, end->what);
        break;
    }
}

/* The decoder has the last word: it knows whether what came was an answer. */
static void attempt_conclude(struct attempt *t, bool clean)
{
    if (!t->failed && !t->refused)
        t->codec->decoder_end(t->decoder, clean);
    answer_flush(t->relay);
    if (t->relay->gone)
        return; /* the flush has found out: the sweep ends this */
    if (t->failed)
        attempt_end(t, &t->failure, WHO_PROVIDER);
    else if (t->refused)
        attempt_fail(t, FAIL_INTERNAL, WHO_AGENT, "the answer could not be passed on");
    else
        attempt_end(t, NULL, WHO_NOBODY);
}

static void on_done(void *ctx, const struct transfer_end *end)
{
    struct attempt *t = ctx;

    t->transfer = NULL; /* it is over and not ours any more */
    if (t->relay->gone)
        return; /* the sweep ends this: it was the client, not the provider */
    if (t->phase == PHASE_CONNECT && end->sent)
        t->phase = PHASE_HEAD;
    if (t->status >= 200 && !t->decoder)
        on_error_answer(t);
    else if (t->decoder)
        attempt_conclude(t, end->kind == END_CLEAN);
    else
        on_transfer_failed(t, end);
}

/* ---- the beginning ---- */

static struct pm_str caller_key_of(const struct relay *r, const struct pm_provider *p)
{
    for (size_t i = 0; i < r->n_caller_keys; i++) {
        if (r->caller_providers[i] == p)
            return r->caller_keys[i];
    }
    return PM_NSTR;
}

static void log_begin(struct relay *r, const struct pm_attempt_plan *plan)
{
    if (r->n_log == r->log_room) {
        size_t room = r->log_room ? r->log_room * 2 : 4;
        struct attempt_log *more = PM_ARENA_ARRAY(&r->arena, struct attempt_log, room);
        if (r->n_log)
            memcpy(more, r->log, r->n_log * sizeof(*more));
        r->log = more;
        r->log_room = room;
    }
    r->log[r->n_log++] = (struct attempt_log){
        .plan = plan, .started_ms = relay_ms(r), .first_token_ms = -1, .ended_ms = -1};
}

/* What it makes of a client's body must leave us our part of the arena. */
static bool write_request(struct attempt *t, const struct request_in *in, struct request_out *out,
                          struct pm_error *err)
{
    struct pm_arena *a = &t->relay->arena;
    const size_t max = a->max;
    bool ok;

    a->max = RELAY_ARENA_PEERS;
    ok = t->codec->write_request(t->dialect, in, a, out, err);
    a->max = max;
    return ok;
}

bool attempt_start(struct relay *r, const struct pm_attempt_plan *plan, struct failure *f)
{
    static const struct transfer_ops ops = {on_head, on_data, on_done};
    const struct pm_provider *p = plan->endpoint->provider;
    struct pm_error err = {0};
    struct request_out out = {0};
    struct target *target;
    struct attempt *t = pm_xcalloc(1, sizeof(*t));
    const struct request_in in = {
        .body = r->req.body,
        .root = r->req.root,
        .members = r->req.members,
        .n_members = r->req.n_members,
        .call = &r->req.call,
        .endpoint = plan->endpoint,
        .preset = r->decision.preset,
        .prefs = &r->decision.prefs,
        .user = r->user,
        .drop_unsupported = !r->decision.prefs.require_parameters,
    };

    log_begin(r, plan);
    t->relay = r;
    t->plan = plan;
    t->codec = codec_for(p->protocol);
    t->dialect = dialect_find(p->dialect);
    t->phase = PHASE_CONNECT;
    t->started_ms = t->last_ms = uv_now(r->agent->loop);
    pm_buf_init(&t->error_body, ERROR_BODY_MAX);
    if (!t->dialect || !t->codec || !write_request(t, &in, &out, &err)) {
        *f = (struct failure){.cls = FAIL_INVALID_REQUEST,
                              .retry_after_ms = -1,
                              .message = pm_arena_str(&r->arena, pm_str(err.text))};
        attempt_free(t);
        return false;
    }
    t->streamed = out.stream;
    t->probe = health_probe_begin(r->agent->health, plan->endpoint, t->started_ms);
    target = snapshot_target(r->snap, p, plan->credential, out.path, caller_key_of(r, p));
    t->transfer = transfer_new(target, &ops, t);
    target_unref(target);
    for (size_t i = 0; i < out.n_headers; i++)
        transfer_header(t->transfer, out.headers[i].name, out.headers[i].value);
    transfer_body(t->transfer, r->req.body, out.edits, out.n_edits);
    r->attempt = t;
    transfer_start(t->transfer);
    return true;
}

void attempt_resume(struct attempt *t)
{
    uint64_t now = uv_now(t->relay->agent->loop);

    if (!t->paused || !t->transfer)
        return;
    t->paused = false;
    t->last_ms = now; /* the silence was ours */
    transfer_resume(t->transfer);
}

void attempt_tick(struct attempt *t, uint64_t now)
{
    const struct pm_agent_config *c = config_of(t);
    uint64_t silent = now - t->last_ms;

    if (t->paused)
        return; /* the client is slow, not the provider; the server's write timer bounds it */
    if (c->total_ms && now - t->started_ms >= c->total_ms) {
        attempt_fail(t, FAIL_TIMEOUT, WHO_DEADLINE, "the answer took longer than the total limit");
        return;
    }
    if (t->relay->finish != FINISH_NONE && t->streamed && silent >= AFTER_FINISH_MS && t->decoder) {
        attempt_conclude(t, true);
        return;
    }
    if (t->streamed && !t->got_first) {
        if (c->first_token_ms && now - t->started_ms >= c->first_token_ms)
            attempt_fail(t, FAIL_TIMEOUT, WHO_DEADLINE, "no first token in time");
    } else if ((t->streamed || t->phase >= PHASE_FIRST_TOKEN) && c->token_idle_ms &&
               silent >= c->token_idle_ms) {
        attempt_fail(t, FAIL_TIMEOUT, WHO_DEADLINE, "the provider fell silent in its answer");
    }
}
