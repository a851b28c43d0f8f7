/* SPDX-License-Identifier: Apache-2.0 */
/* What the client gets: the head at the commit, chunks, comments, the end, errors. */
#include "agent/relay.h"
#include "common/log.h"

#define COMMENT_EVERY_MS 15000
#define ERROR_MAX (256u << 10)
#define METADATA_MAX (1u << 20)
#define MAX_PREVIOUS 16

static const struct pm_str processing = PM_STR_INIT(": POINTSMAN PROCESSING\n\n");

/* ---- streams ---- */

static void send_head(struct relay *r)
{
    const struct pm_header headers[] = {
        {PM_STR("Cache-Control"), PM_STR("no-cache")},
        {PM_STR("X-Accel-Buffering"), PM_STR("no")},
        {PM_STR("X-Generation-Id"), pm_str(r->id)},
    };

    http_stream_begin(r->http,
                      &(struct http_reply){.status = 200,
                                           .content_type = "text/event-stream; charset=utf-8",
                                           .headers = headers,
                                           .n_headers = PM_COUNT(headers)});
    r->head_sent = true;
}

static void note_events(struct relay *r, const struct chunk *c)
{
    for (size_t i = 0; i < c->n; i++) {
        const struct event *e = &c->ev[i];
        switch (e->kind) {
        case EV_TEXT:
        case EV_REASONING:
        case EV_REFUSAL:
        case EV_TOOL_ARGS:
            r->text_bytes += e->text.n;
            r->has_output |= e->text.n > 0;
            break;
        case EV_TOOL_START:
        case EV_MEDIA:
            r->has_output = true;
            break;
        case EV_FINISH:
            r->finish = e->finish;
            r->native_finish = pm_str_n(r->native_text, PM_MIN(e->native.n, RELAY_TEXT_MAX));
            if (r->native_finish.n)
                memcpy(r->native_text, e->native.p, r->native_finish.n);
            break;
        case EV_USAGE:
            r->usage = *e->usage;
            break;
        default:
            break;
        }
    }
}

bool relay_chunk(struct relay *r, const struct chunk *c)
{
    note_events(r, c);
    if (r->first_token_ms < 0 && chunk_is_meaningful(c))
        r->first_token_ms = relay_ms(r);
    if (!r->req.call.stream)
        return front_collect(r->writer, c);
    if (!r->http)
        return false;
    if (r->state == RELAY_COMMITTED)
        return front_write_chunk(r->writer, c, http_stream_buf(r->http));
    if (!front_write_chunk(r->writer, c, &r->held))
        return false;
    if (!chunk_is_meaningful(c))
        return true;
    relay_set_state(r, RELAY_COMMITTED);
    if (!r->head_sent)
        send_head(r);
    http_stream_write(r->http, pm_buf_view(&r->held));
    pm_buf_fini(&r->held);
    return true;
}

void answer_flush(struct relay *r)
{
    if (!r->head_sent)
        return;
    if (r->http)
        http_stream_flush(r->http);
    if (r->comment_at_ms)
        r->comment_at_ms = uv_now(r->agent->loop) + COMMENT_EVERY_MS;
}

/* A client that waits long is told that we live. With the first comment 200 is with the client,
 * and a later failure can only be told inside the stream; falling over is still possible. */
void answer_comment(struct relay *r, uint64_t now)
{
    r->comment_at_ms = now + COMMENT_EVERY_MS;
    if (!r->http || r->state == RELAY_SETTLING || r->state == RELAY_FINISHED)
        return;
    if (!r->head_sent)
        send_head(r);
    http_stream_write(r->http, processing);
    http_stream_flush(r->http);
}

/* ---- what the client asked to know of the routing ---- */

/* Empty unless X-OpenRouter-Metadata asked for it. */
static struct pm_str metadata_of(struct relay *r, bool succeeded)
{
    const struct attempt_log *last = relay_last(r);
    struct front_attempt *attempts;
    struct front_trace t = {
        .decision = &r->decision,
        .requested = r->req.call.n_models ? r->req.call.models[0] : PM_NSTR,
        .region = r->snap->config->agent.region,
        .n_attempts = r->n_log,
        .succeeded = succeeded,
        .is_byok = last && (!last->plan->credential || last->plan->credential->byok),
        .generation_ms = last ? relay_ms(r) : -1,
    };
    struct pm_str text = PM_NSTR;
    struct pm_buf out;

    if (!r->req.metadata)
        return text;
    attempts = PM_ARENA_ARRAY(&r->arena, struct front_attempt, r->n_log);
    for (size_t i = 0; i < r->n_log; i++)
        attempts[i] = (struct front_attempt){r->log[i].plan->endpoint, r->log[i].status};
    t.attempts = attempts;
    pm_buf_init(&out, METADATA_MAX);
    if (front_write_metadata(&t, &out))
        text = pm_arena_str(&r->arena, pm_buf_view(&out));
    pm_buf_fini(&out);
    return text;
}

/* ---- the whole answer ---- */

static struct front_bill bill_of(struct relay *r)
{
    const struct attempt_log *last = relay_last(r);
    const struct pm_credential *c = last->plan->credential;

    return (struct front_bill){
        .usage = &r->usage,
        .cost = r->price_unknown ? NULL : &r->cost,
        .metadata = metadata_of(r, true),
        .upstream_cost_nano = !c || c->byok ? r->upstream_cost_nano : -1,
    };
}

bool answer_prepare(struct relay *r)
{
    struct front_bill bill = bill_of(r);

    if (r->req.call.stream) /* the end mark waits in `held` until the record is in the spool */
        return front_write_end(r->writer, &bill, &r->held);
    return front_write_body(r->writer, &bill, &r->held);
}

void answer_end(struct relay *r)
{
    struct http_request *http = r->http;
    const struct pm_header headers[] = {{PM_STR("X-Generation-Id"), pm_str(r->id)}};

    if (!http)
        return;
    if (r->req.call.stream && !r->head_sent)
        send_head(r);
    r->http = NULL;
    if (!r->req.call.stream) {
        http_reply(http, &(struct http_reply){.status = 200,
                                              .body = pm_buf_view(&r->held),
                                              .headers = headers,
                                              .n_headers = PM_COUNT(headers)});
        return;
    }
    http_stream_write(http, pm_buf_view(&r->held));
    http_stream_end(http, false);
}

/* ---- errors ---- */

void answer_error(struct relay *r, const struct front_error *e)
{
    struct http_request *http = r->http;
    char seconds[24];
    struct pm_header headers[3] = {{PM_STR("X-Generation-Id"), pm_str(r->id)}};
    size_t n = 1;
    struct pm_buf body;

    if (!http)
        return;
    r->http = NULL;
    pm_buf_init(&body, ERROR_MAX);
    front_write_error(e, &body);
    if (e->retry_after_ms >= 0) {
        snprintf(seconds, sizeof(seconds), "%lld", (long long)(e->retry_after_ms + 999) / 1000);
        headers[n++] = (struct pm_header){PM_STR("Retry-After"), pm_str(seconds)};
    } else if (e->status >= 500 && e->n_previous > 1) {
        /* Every provider was tried: three tries of the client would only multiply the load. */
        headers[n++] = (struct pm_header){PM_STR("x-should-retry"), PM_STR("false")};
    }
    http_reply(http, &(struct http_reply){.status = e->status,
                                          .body = pm_buf_view(&body),
                                          .headers = headers,
                                          .n_headers = n});
    pm_buf_fini(&body);
}

void answer_no_route(struct relay *r)
{
    const struct pm_decision *d = &r->decision;

    answer_error(r, &(struct front_error){.status = d->status,
                                          .message = d->message,
                                          .error_type = d->error_type,
                                          .decision = d,
                                          .retry_after_ms = -1,
                                          .metadata = metadata_of(r, false),
                                          .requested_models = r->req.call.models,
                                          .n_requested_models = r->req.call.n_models});
}

static bool is_transient(enum failure_class c)
{
    return c == FAIL_CONNECT || c == FAIL_TIMEOUT || c == FAIL_OVERLOADED || c == FAIL_EMPTY ||
           c == FAIL_TRUNCATED || c == FAIL_PROTOCOL || c == FAIL_RATE_LIMIT;
}

/* What all attempts together mean (openrouter-api §8.3): all asked us to wait → 429, all failed
 * in passing → 503, else the last one's own words. */
static void judge(const struct relay *r, struct front_error *e)
{
    const struct failure *last = &relay_last(r)->failure;
    const struct failure_rule *rule = failure_rule(last->cls);
    bool all_limited = true, all_transient = true;

    for (size_t i = 0; i < r->n_log; i++) {
        const struct failure *f = &r->log[i].failure;
        all_limited &= f->cls == FAIL_RATE_LIMIT;
        all_transient &= is_transient(f->cls);
        if (f->retry_after_ms >= 0 &&
            (e->retry_after_ms < 0 || f->retry_after_ms < e->retry_after_ms))
            e->retry_after_ms = f->retry_after_ms;
    }
    e->status = rule->client_status;
    e->error_type = rule->error_type;
    if (all_limited) {
        e->status = 429;
        e->availability = PM_STR("capacity_exhausted");
        e->retryable = true;
    } else if (all_transient) {
        if (r->n_log > 1) {
            e->status = 503;
            e->error_type = "provider_overloaded";
        }
        e->availability = PM_STR("temporarily_unavailable");
        e->retryable = true;
    } else {
        e->retry_after_ms = -1;
    }
    if (last->cls == FAIL_AUTH && !relay_last(r)->plan->credential)
        e->status = 401; /* the key that the client brought */
}

/* The client's own mistake is told in the provider's words; of ours it hears no detail. */
static struct pm_str message_for(const struct failure *f)
{
    switch (f->cls) {
    case FAIL_CONTEXT_LENGTH:
    case FAIL_CONTENT_POLICY:
    case FAIL_INVALID_REQUEST:
        return f->message.n ? f->message : PM_STR("Provider returned error");
    case FAIL_AUTH:
    case FAIL_QUOTA:
        return PM_STR("The provider refused the configured key");
    case FAIL_TIMEOUT:
        return PM_STR("The provider did not answer in time");
    case FAIL_SHUTDOWN:
        return PM_STR("This agent is stopping");
    case FAIL_TRUNCATED:
        return PM_STR("The provider ended its answer half-way");
    default:
        return PM_STR("Provider returned error");
    }
}

static void fill_previous(const struct relay *r, struct front_error *e)
{
    e->previous = PM_ARENA_ARRAY((struct pm_arena *)&r->arena, struct front_previous, MAX_PREVIOUS);
    for (size_t i = 0; i < r->n_log && e->n_previous < MAX_PREVIOUS; i++) {
        const struct attempt_log *l = &r->log[i];
        e->previous[e->n_previous++] = (struct front_previous){
            .provider = l->plan->endpoint->provider->name,
            .code = pm_str(failure_rule(l->failure.cls)->name),
            .status = l->status,
        };
    }
}

static void stream_failure(struct relay *r, const struct failure *f)
{
    struct http_request *http = r->http;

    if (!http)
        return;
    r->http = NULL;
    /* No end mark: the error is the last thing in the stream. */
    front_write_stream_error(r->writer, f, message_for(f), http_stream_buf(http));
    /* The framing is whole, so the connection lives on: closed unannounced, it would take with it
     * the next request that the client has already sent. */
    http_stream_end(http, false);
}

unsigned answer_failed(struct relay *r)
{
    static const struct failure stopping = {.cls = FAIL_SHUTDOWN, .retry_after_ms = -1};
    const struct attempt_log *last = relay_last(r);
    const struct failure *f = last ? &last->failure : &stopping;
    struct front_error e = {.retry_after_ms = -1};

    if (last && f->cls == FAIL_NONE) { /* whole, but it could not be written */
        static const struct failure ours = {.cls = FAIL_INTERNAL, .retry_after_ms = -1};
        f = &ours;
    }
    if (r->head_sent) {
        stream_failure(r, f);
        return 200;
    }
    if (!last) {
        e.status = 503;
        e.retryable = true;
        e.retry_after_ms = 1000;
    } else if (f->cls == FAIL_INTERNAL) {
        e.status = 500;
    } else {
        judge(r, &e);
        fill_previous(r, &e);
        e.provider_name = last->plan->endpoint->provider->name;
        e.provider_code = f->code;
        if (f->cls != FAIL_AUTH && f->cls != FAIL_QUOTA)
            e.raw = f->message;
    }
    if (e.status != 500)
        e.metadata = metadata_of(r, false);
    e.message = message_for(f);
    e.requested_models = r->req.call.models;
    e.n_requested_models = r->req.call.n_models;
    answer_error(r, &e);
    return e.status;
}

unsigned answer_unsettled(struct relay *r)
{
    static const struct failure f = {.cls = FAIL_INTERNAL, .retry_after_ms = -1};

    if (r->head_sent) {
        stream_failure(r, &f);
        return 200;
    }
    answer_error(r, &(struct front_error){
                        .status = 503,
                        .message = PM_STR("The usage record of this call cannot be written"),
                        .retryable = true,
                        .retry_after_ms = 1000});
    return 503;
}
