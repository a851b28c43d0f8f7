/* SPDX-License-Identifier: Apache-2.0 */
/* From a request to what is said, and which form it takes. */
#include "tests/simulator/answer.h"

#include "tests/simulator/schema.h"

enum { DEFAULT_WORDS = 20, DEFAULT_REASONING = 5 };

static void put_error(const struct sim_request *r, const struct sim_error *e, uint64_t id,
                      struct plan *p)
{
    struct pm_buf b;

    pm_buf_init(&b, 65536);
    sim_error_write(r->dialect, e, id, &b);
    plan_body(p, e->status, "application/json", pm_buf_view(&b));
    pm_buf_fini(&b);
}

void sim_answer_bad_body(const struct sim_request *r, uint64_t id, struct plan *p)
{
    struct sim_error e = {400,  "bad_body", "invalid_request_error",
                          NULL, NULL,       "We could not parse the JSON body of your request."};
    put_error(r, &e, id, p);
}

static void put_retry_after(const struct sim_fault *f, int64_t now_ms, struct plan *p)
{
    if (f->retry_after.n)
        plan_header(p, "Retry-After: %.*s", PM_FMT(f->retry_after));
    if (f->retry_after_ms >= 0)
        plan_header(p, "retry-after-ms: %lld", (long long)f->retry_after_ms);
    if (f->retry_after_date >= 0) {
        time_t at = (time_t)(now_ms / 1000 + f->retry_after_date);
        struct tm tm;
        char text[64];
        gmtime_r(&at, &tm);
        strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        plan_header(p, "Retry-After: %s", text);
    }
}

/* The error that a fault names, or that its status stands for. */
static struct sim_error error_of(const struct sim_request *r, const struct sim_fault *f)
{
    struct sim_error e;

    if (f->error.n && sim_error_named(r->dialect, f->error, &e))
        return e;
    return sim_error_for_status(r->dialect, f->status);
}

static void put_html(unsigned status, struct plan *p)
{
    plan_body(p, status, "text/html; charset=UTF-8",
              PM_STR("<!DOCTYPE html>\n<html><head><title>Attention required</title></head>"
                     "<body><h1>Error</h1><p>The edge could not reach the origin.</p>"
                     "</body></html>\n"));
}

static void put_huge(const struct sim_fault *f, struct plan *p)
{
    struct pm_buf b;

    pm_buf_init(&b, 256u << 20);
    pm_buf_lit(&b, "{\"error\":{\"type\":\"server_error\",\"code\":null,\"message\":\"");
    if (pm_buf_reserve(&b, f->bytes)) {
        memset(b.p + b.n, 'x', f->bytes);
        b.n += f->bytes;
    }
    pm_buf_lit(&b, "\"}}");
    plan_body(p, f->status, "application/json", pm_buf_view(&b));
    pm_buf_fini(&b);
}

/* Faults that take the answer's place. */
static bool put_fault(const struct sim_request *r, const struct sim_fault *f, uint64_t id,
                      int64_t now_ms, struct plan *p)
{
    struct sim_error e = error_of(r, f);

    if (sim_fault_has(f, F_STATUS) && f->body.p) {
        plan_body(p, f->status, "application/json", f->body);
    } else if (sim_fault_has(f, F_HTML)) {
        put_html(f->status, p);
    } else if (sim_fault_has(f, F_HUGE_ERROR)) {
        put_huge(f, p);
    } else if (sim_fault_has(f, F_STATUS) || sim_fault_has(f, F_ERROR)) {
        put_error(r, &e, id, p);
        if (sim_fault_has(f, F_STATUS))
            p->status = f->status;
    } else if (sim_fault_has(f, F_ERROR_200)) {
        put_error(r, &e, id, p);
        p->status = 200;
    } else {
        return false;
    }
    if (f->content_type.n)
        p->content_type = pm_arena_str(p->a, f->content_type);
    put_retry_after(f, now_ms, p);
    return true;
}

/* What a provider would refuse by itself. */
static bool put_refusal(const struct sim_request *r, uint64_t id, struct plan *p)
{
    struct sim_error e = {400, "unknown", "invalid_request_error", NULL, NULL, NULL};

    if ((!r->key.n && !(r->dialect->habits & HABIT_NO_KEY)) ||
        pm_str_icontains(r->key, PM_STR("invalid"))) {
        if (!sim_error_named(r->dialect, PM_STR("auth"), &e))
            e = sim_error_for_status(r->dialect, 401);
    } else if (r->op == SIM_MODELS) {
        return false;
    } else if (r->op == SIM_UNKNOWN || pm_str_icontains(r->model, PM_STR("missing"))) {
        e = sim_error_for_status(r->dialect, 404);
    } else if (r->bad_tool_id) {
        sim_error_named(r->dialect, PM_STR("tool_id"), &e);
    } else if (r->n_unknown && (r->dialect->known || r->dialect->refused)) {
        e.status = r->dialect->error == ERR_MISTRAL ? 422 : 400;
        e.message = pm_arena_fmt(p->a, "Unrecognized request argument supplied: %.*s",
                                 PM_FMT(r->unknown[0]))
                        .p;
    } else if ((r->dialect->habits & HABIT_REFUSES_MAX_TOKENS) &&
               pm_str_starts(r->model, PM_STR("gpt-5")) &&
               pm_json_get(r->body, "max_tokens").type != PM_JNONE) {
        e.code = "unsupported_parameter";
        e.param = "max_tokens";
        e.message = "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
                    "'max_completion_tokens' instead.";
    } else {
        return false;
    }
    put_error(r, &e, id, p);
    return true;
}

static void put_models(const struct sim_request *r, struct plan *p)
{
    struct pm_str left = pm_str(r->dialect->models);
    struct pm_buf b;

    pm_buf_init(&b, 65536);
    pm_buf_lit(&b, "{\"object\":\"list\",\"data\":[");
    for (bool first = true; left.n; first = false) {
        ptrdiff_t space = pm_str_find(left, ' ');
        size_t n = space >= 0 ? (size_t)space : left.n;
        pm_buf_addf(&b, "%s{\"id\":\"%.*s\",\"object\":\"model\",\"created\":1760000000,",
                    first ? "" : ",", PM_FMT(pm_str_cut(left, 0, n)));
        pm_buf_addf(&b, "\"owned_by\":\"%s\"%s}", r->dialect->name,
                    r->dialect->error == ERR_NUMERIC ? ",\"max_model_len\":32768" : "");
        left = pm_str_cut(left, n + 1, left.n);
    }
    pm_buf_lit(&b, "]}");
    plan_body(p, 200, "application/json", pm_buf_view(&b));
    pm_buf_fini(&b);
}

static struct pm_str sample_of(struct pm_jval schema, struct pm_arena *a)
{
    struct pm_buf b;
    struct pm_str s;

    pm_buf_init(&b, 8u << 20);
    sim_schema_sample(schema, &b);
    s = pm_arena_str(a, pm_buf_view(&b));
    pm_buf_fini(&b);
    return s;
}

/* The i-th tool that is a function, counted round and round; PM_JNONE if there is none. */
static struct pm_jval tool_at(const struct sim_request *r, size_t i)
{
    struct pm_jval tool, function, found = {0};
    struct pm_jiter it = pm_json_iter(r->tools);
    size_t n = 0;

    while (pm_json_item(&it, &tool))
        n += pm_json_get(tool, "function").type == PM_JOBJ;
    if (!n)
        return found;
    i %= n;
    it = pm_json_iter(r->tools);
    while (pm_json_item(&it, &tool)) {
        function = pm_json_get(tool, "function");
        if (function.type != PM_JOBJ)
            continue;
        if (r->tool_name.n ? pm_str_eq(pm_json_body(pm_json_get(function, "name")), r->tool_name)
                           : i-- == 0)
            return function;
    }
    return found;
}

static void call_tools(struct sim_answer *w, struct plan *p)
{
    const struct sim_request *r = w->r;
    uint32_t n = PM_MIN(sim_request_marker(r, "calls", 1), SIM_MAX_CALLS);
    bool nine = (r->dialect->habits & HABIT_NINE_ALNUM) != 0;

    for (uint32_t i = 0; i < n; i++) {
        struct pm_jval function = tool_at(r, i);
        struct sim_call *call = &w->calls[w->n_calls];
        if (function.type != PM_JOBJ)
            return;
        call->name = pm_json_body(pm_json_get(function, "name"));
        call->args = sample_of(pm_json_get(function, "parameters"), p->a);
        call->id = nine
                       ? pm_arena_fmt(p->a, "sim%04llu%02u", (unsigned long long)(w->id % 10000), i)
                       : pm_arena_fmt(p->a, "call_sim%llu_%u", (unsigned long long)w->id, i);
        w->n_calls++;
    }
}

static uint32_t count_fragments(struct pm_str text)
{
    uint32_t n = 0;

    while (text.n) {
        text = pm_str_cut(text, sim_fragment(text), text.n);
        n++;
    }
    return n;
}

/* What is said, and what it counts. */
static void compose(struct sim_answer *w, struct plan *p)
{
    const struct sim_request *r = w->r;
    struct pm_str say = sim_request_say(r);
    uint32_t tokens = 0;

    w->finish = "stop";
    if (say.n) {
        w->text = say;
    } else if (r->tools.type == PM_JARR && !r->after_tool) {
        call_tools(w, p);
    } else if (r->schema.type == PM_JOBJ) {
        w->text = sample_of(r->schema, p->a);
    } else if (r->json_object) {
        w->text = PM_STR("{\"lorem\": \"ipsum\", \"n\": 7}");
    }
    if (r->wants_reasoning)
        w->reasoning_words = sim_request_marker(r, "think", DEFAULT_REASONING);
    if (w->n_calls) {
        w->finish = "tool_calls";
        for (size_t i = 0; i < w->n_calls; i++)
            tokens += 1 + count_fragments(w->calls[i].args);
    } else if (w->text.n) {
        tokens = count_fragments(w->text);
    } else {
        w->words = sim_request_marker(r, "words",
                                      r->max_tokens >= 0 ? (uint32_t)PM_MIN(r->max_tokens, 1000000)
                                                         : DEFAULT_WORDS);
        tokens = w->words;
        if (r->max_tokens >= 0 && r->max_tokens < DEFAULT_WORDS)
            w->finish = "length";
    }
    w->usage = (struct sim_usage){
        .prompt = r->prompt_tokens,
        .cached = r->prompt_tokens >= 128 ? r->prompt_tokens / 128 * 64 : 0,
        .completion = (tokens + w->reasoning_words) * r->n,
        .reasoning = w->reasoning_words * r->n,
    };
    if (r->dialect->error == ERR_DASHSCOPE && r->prompt_tokens >= 128)
        w->usage.cache_write = r->prompt_tokens / 8;
}

/* The event that tells of an error inside a stream. */
static struct pm_str error_event(const struct sim_request *r, const struct sim_fault *f,
                                 uint64_t id, struct plan *p)
{
    struct sim_error e = error_of(r, f);
    struct pm_buf b;
    struct pm_str s;

    pm_buf_init(&b, 65536);
    pm_buf_lit(&b, "data: ");
    sim_error_write(r->dialect, &e, id, &b);
    pm_buf_lit(&b, "\n\n");
    s = pm_arena_str(p->a, pm_buf_view(&b));
    pm_buf_fini(&b);
    return s;
}

/* A body of exactly n bytes, or the least that it can be. */
static void bench_body(const struct sim_answer *w, uint64_t n, struct plan *p)
{
    static const char end[] = "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":10,"
                              "\"completion_tokens\":5,\"total_tokens\":15}}";
    struct pm_buf b;

    pm_buf_init(&b, 64u << 20);
    pm_buf_ch(&b, '{');
    sim_answer_stamp(w, "chat.completion", &b);
    pm_buf_lit(&b, "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"");
    if (n > b.n + sizeof(end) - 1 && pm_buf_reserve(&b, n)) {
        size_t fill = n - b.n - (sizeof(end) - 1);
        memset(b.p + b.n, 'x', fill);
        b.n += fill;
    }
    pm_buf_cstr(&b, end);
    plan_body(p, 200, "application/json", pm_buf_view(&b));
    pm_buf_fini(&b);
}

/* Models for benchmarks: `bench-N` (a body of N bytes), `bench-stream-N` (N events),
 * `bench-events-N` (each a write of its own), `bench-slow-N` (one each second). */
static void bench(struct sim_answer *w, struct plan *p)
{
    static const struct {
        struct pm_str prefix;
        uint32_t wait_ms;
        bool stream, alone;
    } kinds[] = {
        {PM_STR_INIT("bench-stream-"), 0, true, false},
        {PM_STR_INIT("bench-events-"), 0, true, true},
        {PM_STR_INIT("bench-slow-"), 1000, true, false},
        {PM_STR_INIT("bench-"), 0, false, false},
    };
    struct pm_str model = w->r->model;
    uint64_t n = 0;
    size_t i = 0;

    while (!pm_str_starts(model, kinds[i].prefix))
        i++;
    if (!pm_str_u64(pm_str_cut(model, kinds[i].prefix.n, model.n), &n))
        n = 300;
    if (!kinds[i].stream) {
        w->usage = (struct sim_usage){.prompt = 10, .completion = 5};
        bench_body(w, PM_MIN(n, 32u << 20), p);
        return;
    }
    w->words = (uint32_t)PM_MIN(n, 100000000);
    w->usage.completion = w->words;
    sim_answer_stream(w, p);
    p->alone = kinds[i].alone;
    for (size_t k = 0; k < p->n; k++)
        if (p->pieces[k].content)
            p->pieces[k].wait_ms = kinds[i].wait_ms;
}

static void put_chat(const struct sim_request *r, const struct sim_fault *f, uint64_t id,
                     int64_t now_ms, struct plan *p, struct sim_outline *out)
{
    struct sim_answer *w = PM_ARENA_NEW(p->a, struct sim_answer);
    bool stream = r->stream != sim_fault_has(f, F_OTHER_KIND);

    *w = (struct sim_answer){.r = r, .f = f, .id = id, .created = now_ms / 1000};
    compose(w, p);
    if (pm_str_starts(r->model, PM_STR("bench-")))
        bench(w, p);
    else if (stream)
        sim_answer_stream(w, p);
    else
        sim_answer_whole(w, p);
    if (sim_fault_has(f, F_ERROR_FIRST)) {
        p->n = 0;
        plan_add(p, error_event(r, f, id, p));
    }
    out->usage = w->usage;
}

void sim_answer_plan(const struct sim_request *r, const struct sim_fault *f, uint64_t id,
                     int64_t now_ms, struct plan *p, struct sim_outline *out)
{
    struct pm_str note = PM_NSTR;

    memset(out, 0, sizeof(*out));
    plan_header(p, "X-Request-Id: req_sim_%llu", (unsigned long long)id);
    if (!put_fault(r, f, id, now_ms, p) && !put_refusal(r, id, p)) {
        out->answered = !sim_fault_has(f, F_ERROR_FIRST);
        if (r->op == SIM_MODELS)
            put_models(r, p);
        else if (r->op == SIM_EMBEDDINGS)
            sim_answer_embeddings(r, id, p, &out->usage);
        else
            put_chat(r, f, id, now_ms, p, out);
    }
    if (sim_fault_has(f, F_ERROR_MID))
        note = error_event(r, f, id, p);
    plan_break(p, f, note);
}
