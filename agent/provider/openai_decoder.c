/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what providers of the OpenAI protocol answer, with all that they do differently
 * (provider-protocols §1.5, §2.4). An answer that broke off, or that never began, is an error. */
#include "agent/provider/openai_decoder.h"

#include "agent/provider/openai.h"
#include "agent/provider/usage.h"

#define ERROR_BODY_MAX (64u << 10)

/* ---- what is given out ---- */

static struct event *add_event(struct decoder *d)
{
    struct event *e;

    if (d->n_events == MAX_EVENTS) {
        d->too_much = true;
        d->n_events--;
    }
    if (d->n_events == d->cap_events) {
        d->cap_events = d->cap_events ? d->cap_events * 2 : 8;
        d->events = pm_xrealloc(d->events, d->cap_events * sizeof(*d->events));
    }
    e = &d->events[d->n_events++];
    *e = (struct event){0};
    return e;
}

struct event *decoder_emit(struct decoder *d, enum event_kind kind, uint32_t choice)
{
    struct event *e;

    if (!d->started) {
        d->started = true;
        add_event(d)->kind = EV_START;
    }
    e = add_event(d);
    e->kind = kind;
    e->choice = choice;
    return e;
}

static bool give(struct decoder *d, const struct chunk *c)
{
    d->meaningful |= chunk_is_meaningful(c);
    if (!d->fn(d->ctx, c))
        d->ended = true;
    return !d->ended;
}

static bool give_failure(struct decoder *d, const struct failure *f)
{
    const struct event e = {.kind = EV_ERROR, .failure = f};

    if (!d->ended)
        give(d, &(struct chunk){.ev = &e, .n = 1});
    d->ended = true;
    return false;
}

bool decoder_fail(struct decoder *d, enum failure_class cls, const char *message)
{
    const struct failure f = {
        .cls = cls, .upstream_status = 200, .retry_after_ms = -1, .message = pm_str(message)};

    return give_failure(d, &f);
}

/* An error that came with status 200. */
static bool fail_with_body(struct decoder *d, struct pm_str body)
{
    const struct failure_input in = {.status = 200, .body = pm_str_cut(body, 0, ERROR_BODY_MAX)};
    struct failure f;

    failure_classify(d->dialect, &in, &d->scratch, &f);
    return give_failure(d, &f);
}

/* ---- one chunk, or a whole answer ---- */

struct top {
    struct pm_jval id, object, model, choices, usage, error, x_groq, timings, data;
    struct pm_jval message, detail;
};

/* The members of the top level but for `choices`. */
static void take_top(struct top *t, struct pm_str key, struct pm_jval val)
{
    static const struct {
        struct pm_str name;
        size_t offset;
    } names[] = {
        {PM_STR_INIT("id"), offsetof(struct top, id)},
        {PM_STR_INIT("object"), offsetof(struct top, object)},
        {PM_STR_INIT("model"), offsetof(struct top, model)},
        {PM_STR_INIT("usage"), offsetof(struct top, usage)},
        {PM_STR_INIT("error"), offsetof(struct top, error)},
        {PM_STR_INIT("x_groq"), offsetof(struct top, x_groq)},
        {PM_STR_INIT("timings"), offsetof(struct top, timings)},
        {PM_STR_INIT("data"), offsetof(struct top, data)},
        {PM_STR_INIT("message"), offsetof(struct top, message)},
        {PM_STR_INIT("detail"), offsetof(struct top, detail)},
    };

    for (size_t i = 0; i < PM_COUNT(names); i++) {
        if (pm_str_eq(key, names[i].name)) {
            *(struct pm_jval *)(void *)((char *)t + names[i].offset) = val;
            break;
        }
    }
}

/* At the value of `choices`, which is moved past. */
static bool read_choices(struct decoder *d, struct pm_jiter *it, struct pm_jval *choices)
{
    struct pm_jiter inner = pm_json_enter(it);
    bool ok = true;

    for (uint32_t i = 0; ok && pm_json_more(&inner); i++)
        ok = decoder_read_choice(d, &inner, i);
    *choices = pm_json_leave(it, &inner);
    return ok;
}

/* One walk over the text: choices are read on the way. */
static bool read_root(struct decoder *d, struct pm_jval root, struct top *t)
{
    struct pm_jiter it = pm_json_iter(root);
    struct pm_str key;

    while (pm_json_name(&it, &key)) {
        if (pm_json_type(&it) != PM_JARR || !pm_str_eq(key, PM_STR("choices"))) {
            take_top(t, key, pm_json_take(&it));
            continue;
        }
        d->verbatim &= t->choices.type == PM_JNONE;
        d->id = pm_json_body(t->id);
        if (!read_choices(d, &it, &t->choices))
            return false;
    }
    return true;
}

static bool is_error(struct pm_jval v)
{
    return v.type == PM_JOBJ || v.type == PM_JTRUE || (v.type == PM_JSTR && v.raw.n > 2);
}

/* True if it is an error by one of the many shapes that errors have. */
static bool says_error(const struct top *t)
{
    if (is_error(t->error))
        return true;
    if (t->choices.type == PM_JARR || t->data.type == PM_JARR)
        return false;
    return pm_str_is(t->object.raw, "\"error\"") || t->message.type == PM_JSTR ||
           t->detail.type == PM_JSTR || t->detail.type == PM_JARR;
}

static void read_usage(struct decoder *d, const struct top *t)
{
    struct pm_usage u = {0};
    bool said = usage_read(d->dialect, t->usage, &u);

    if (!said && t->x_groq.type == PM_JOBJ)
        said = usage_read(d->dialect, pm_json_get(t->x_groq, "usage"), &u);
    if (t->timings.type == PM_JOBJ) {
        usage_read_timings(t->timings, &u);
        said = u.present;
    }
    if (said) {
        d->usage = u;
        d->usage_is_new = true;
    }
}

/* What follows from the members around the choices. */
static bool read_rest(struct decoder *d, const struct top *t)
{
    if (d->choice_error.type == PM_JOBJ)
        return fail_with_body(d, d->choice_error.raw);
    if (d->gave_up)
        return decoder_fail(d, FAIL_BAD_GENERATION, "the provider gave the answer up half-way");
    d->id = pm_json_body(t->id);
    d->model = pm_json_body(t->model);
    if (d->op == PM_OP_EMBEDDING && t->data.type == PM_JARR && t->data.raw.n > 2) {
        struct event *e = decoder_emit(d, EV_MEDIA, 0);

        e->name = PM_STR("data");
        e->text = t->data.raw;
    }
    read_usage(d, t);
    if (d->usage_is_new)
        decoder_emit(d, EV_USAGE, 0)->usage = &d->usage;
    if (d->n_events > 0 && d->events[0].kind == EV_START) {
        d->events[0].id = d->id;
        d->events[0].name = d->model;
    }
    if (d->too_much)
        return decoder_fail(d, FAIL_PROTOCOL, "one piece of the answer holds too much");
    return true;
}

static void begin_chunk(struct decoder *d, bool whole)
{
    d->n_events = 0;
    d->whole = whole;
    d->verbatim = true;
    d->too_much = d->gave_up = false;
    d->usage_is_new = false;
    d->choice_error = (struct pm_jval){0};
    d->id = d->model = PM_NSTR;
    if (d->scratch.used > 0)
        pm_arena_reset(&d->scratch);
}

static bool take_json(struct decoder *d, struct pm_str text, bool whole)
{
    struct top t = {0};
    struct pm_jval root;

    if (!pm_json_ok(text, &root))
        return decoder_fail(d, FAIL_PROTOCOL, "what came is not JSON");
    if (root.type == PM_JARR)
        return fail_with_body(d, text);
    if (root.type != PM_JOBJ)
        return decoder_fail(d, FAIL_PROTOCOL, "what came is no JSON object");
    begin_chunk(d, whole);
    if (!read_root(d, root, &t))
        return false;
    if (says_error(&t))
        return fail_with_body(d, text);
    if (t.x_groq.type == PM_JOBJ && is_error(pm_json_get(t.x_groq, "error")))
        return fail_with_body(d, t.x_groq.raw);
    if (!read_rest(d, &t))
        return false;
    if (d->n_events == 0)
        return true;
    /* An event of several lines cannot go on as one line. */
    if (!whole)
        d->verbatim &= t.choices.raw.n > 0 && !memchr(t.choices.raw.p, '\n', t.choices.raw.n);
    return give(d, &(struct chunk){.ev = d->events,
                                   .n = d->n_events,
                                   .raw = text,
                                   .choices = t.choices.raw,
                                   .verbatim = d->verbatim,
                                   .whole = whole});
}

static bool on_event(void *ctx, const struct pm_sse_event *ev)
{
    struct decoder *d = ctx;
    struct pm_str data;

    if (ev->comment || d->done_mark)
        return true;
    data = pm_str_trim(ev->data);
    if (pm_str_is(data, "[DONE]")) {
        d->done_mark = true;
        return true;
    }
    if (pm_str_is(ev->type, "error"))
        return fail_with_body(d, data);
    if (data.n == 0 || pm_str_is(ev->type, "ping"))
        return true;
    return take_json(d, data, false);
}

/* ---- the interface ---- */

static struct decoder *decoder_new(const struct dialect *d, enum pm_operation op, bool stream,
                                   struct pm_str content_type, chunk_fn *fn, void *ctx)
{
    struct decoder *new = pm_xcalloc(1, sizeof(*new));

    (void)stream; /* what came says more than what was asked for */
    new->dialect = d;
    new->op = op;
    new->fn = fn;
    new->ctx = ctx;
    new->says_html = pm_str_icontains(content_type, PM_STR("text/html"));
    new->says_json = pm_str_icontains(content_type, PM_STR("json"));
    pm_sse_init(&new->sse, CODEC_MAX_EVENT, on_event, new);
    pm_buf_init(&new->body, CODEC_MAX_BODY);
    pm_arena_init(&new->scratch, 4096, CODEC_MAX_EVENT);
    return new;
}

/* Blanks and a byte order mark before the answer say nothing. */
static bool is_padding(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\xef' || c == '\xbb' ||
           c == '\xbf';
}

/* The first byte that says anything decides how the rest is read: JSON comes where a stream was
 * asked for, and streams come labelled as JSON. False: it is a page for people. */
static bool find_form(struct decoder *d, char first)
{
    const bool field = first == 'd' || first == 'e' || first == 'i' || first == 'r' || first == ':';

    if (first == '<' || (d->says_html && first != '{' && first != '['))
        return decoder_fail(d, FAIL_OVERLOADED, "a page came instead of an answer");
    d->form = first == '{' || first == '[' || (d->says_json && !field) ? FORM_BODY : FORM_SSE;
    return true;
}

static bool decoder_feed(struct decoder *d, const char *p, size_t n)
{
    while (d->form == FORM_UNKNOWN && n > 0 && is_padding(*p)) {
        p++;
        n--;
    }
    if (d->ended || n == 0)
        return !d->ended;
    if (d->form == FORM_UNKNOWN && !find_form(d, *p))
        return false;
    if (d->form == FORM_BODY)
        return pm_buf_add(&d->body, p, n) ||
               decoder_fail(d, FAIL_PROTOCOL, "the answer is too large");
    if (d->done_mark)
        return true;
    if (!pm_sse_feed(&d->sse, p, n) && !d->ended)
        decoder_fail(d, FAIL_PROTOCOL, "one event of the stream is too large");
    return !d->ended;
}

/* Every choice that began has its finish reason. */
static bool is_complete(const struct decoder *d)
{
    bool any = false;

    for (size_t i = 0; i < d->n_choices; i++) {
        if (d->choices[i].begun && !d->choices[i].finished)
            return false;
        any |= d->choices[i].finished;
    }
    return any || (d->op == PM_OP_EMBEDDING && d->meaningful);
}

static void decoder_end(struct decoder *d, bool clean)
{
    if (d->ended)
        return;
    if (d->form == FORM_SSE && !d->done_mark && !pm_sse_end(&d->sse) && !d->ended)
        decoder_fail(d, FAIL_PROTOCOL, "one event of the stream is too large");
    if (d->form == FORM_BODY) {
        struct pm_jval root;

        if (!clean && !pm_json_ok(pm_buf_view(&d->body), &root))
            decoder_fail(d, FAIL_TRUNCATED, "the answer broke off");
        else
            take_json(d, pm_buf_view(&d->body), true);
    }
    if (d->ended || is_complete(d))
        return;
    if (d->meaningful)
        decoder_fail(d, FAIL_TRUNCATED, "the answer broke off");
    else
        decoder_fail(d, FAIL_EMPTY, "the answer is empty");
}

static void decoder_free(struct decoder *d)
{
    if (!d)
        return;
    pm_sse_fini(&d->sse);
    pm_buf_fini(&d->body);
    pm_arena_fini(&d->scratch);
    for (size_t i = 0; i < d->n_choices; i++)
        tool_calls_fini(&d->choices[i].tools);
    free(d->choices);
    free(d->events);
    free(d);
}

const struct codec codec_openai = {
    .name = "openai",
    .write_request = openai_write_request,
    .decoder_new = decoder_new,
    .decoder_feed = decoder_feed,
    .decoder_end = decoder_end,
    .decoder_free = decoder_free,
};
