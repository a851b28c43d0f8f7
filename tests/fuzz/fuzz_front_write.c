/* SPDX-License-Identifier: Apache-2.0 */
/* The input is a list of events, cut into chunks. Whatever they are, the stream is whole events of
 * valid JSON on one line each, and the answer in one piece is valid JSON. */
#include "agent/front/front.h"
#include "common/sse.h"
#include "tests/fuzz/must.h"

#define MAX_EVENTS 64

struct input {
    const uint8_t *p, *end;
};

static uint8_t take(struct input *in)
{
    return in->p < in->end ? *in->p++ : 0;
}

/* The body of a JSON string, from a list or made of the input's bytes. */
static struct pm_str take_body(struct input *in, struct pm_arena *a)
{
    static const struct pm_str texts[] = {PM_STR_INIT(""), PM_STR_INIT("{\\\"a\\\":1}"),
                                          PM_STR_INIT("\\n\\u0000\\ud800"),
                                          PM_STR_INIT("\xc3\xa9")};
    const uint8_t kind = take(in);
    char *copy;

    if (kind < 128)
        return texts[kind % PM_COUNT(texts)];
    copy = pm_arena_alloc(a, 16);
    for (int i = 0; i < 16; i++) {
        const char c = (char)(take(in) & 0x7f);
        copy[i] = (char)(c < 0x20 || c == '"' || c == '\\' ? 'x' : c);
    }
    return pm_str_n(copy, kind % 16);
}

/* A JSON value of that kind of bracket, from a list or out of the input itself. */
static struct pm_str take_json(struct input *in, char bracket)
{
    static const struct pm_str objects[] = {
        PM_STR_INIT("{}"), PM_STR_INIT("{\"type\":\"reasoning.text\",\"text\":\"t\",\"index\":0}"),
        PM_STR_INIT("{\"type\":\"reasoning.text\",\"signature\":\"s\",\"index\":0}"),
        PM_STR_INIT("{\"content\":[ 1 ],\r\n\"data\":\"QUJD\"}"),
        PM_STR_INIT("{\"content\":null,\"data\":[\n]}")};
    static const struct pm_str arrays[] = {PM_STR_INIT("[]"), PM_STR_INIT("[1,\n{\"a\":2}]")};
    const uint8_t kind = take(in);
    const struct pm_str own = {(const char *)in->p,
                               PM_MIN((size_t)kind % 64, (size_t)(in->end - in->p))};
    struct pm_jval root;

    if (kind >= 128 && own.n && own.p[0] == bracket && pm_json_ok(own, &root)) {
        in->p += own.n;
        return root.raw;
    }
    return bracket == '{' ? objects[kind % PM_COUNT(objects)] : arrays[kind % PM_COUNT(arrays)];
}

static void take_media(struct input *in, struct event *e)
{
    static const struct {
        struct pm_str name;
        char bracket;
    } media[] = {{PM_STR_INIT("audio"), '{'},
                 {PM_STR_INIT("images"), '['},
                 {PM_STR_INIT("annotations"), '['},
                 {PM_STR_INIT("logprobs"), '{'},
                 {PM_STR_INIT("other"), '['}};
    const size_t i = take(in) % PM_COUNT(media);

    e->name = media[i].name;
    e->text = take_json(in, media[i].bracket);
}

static struct event take_event(struct input *in, struct pm_arena *a)
{
    static const struct failure failure = {.cls = FAIL_TRUNCATED};
    static const struct pm_usage usage = {.prompt = 1};
    const uint8_t where = take(in);
    struct event e = {.kind = (enum event_kind)(take(in) % (EV_ERROR + 1)),
                      .choice = where % 16 < 14 ? where % 4 : where * 7u,
                      .tool = where / 16 % 4,
                      .failure = &failure,
                      .usage = &usage};

    if (e.kind == EV_MEDIA) {
        take_media(in, &e);
    } else if (e.kind == EV_REASONING_DETAIL) {
        e.text = take_json(in, '{');
    } else {
        e.text = take_body(in, a);
        e.id = e.name = e.native = e.text;
        e.finish = (enum finish)(where % (FINISH_ERROR + 1));
    }
    return e;
}

static bool check_event(void *ctx, const struct pm_sse_event *e)
{
    struct pm_jval root;
    size_t *n = ctx;

    ++*n;
    if (pm_str_is(e->data, "[DONE]"))
        return true;
    must(!memchr(e->data.p, '\n', e->data.n));
    must(pm_json_ok(e->data, &root) && root.type == PM_JOBJ);
    must(pm_str_is(pm_json_get(root, "id").raw, "\"gen-1\""));
    must(pm_json_get(root, "choices").type == PM_JARR);
    return true;
}

static void check_stream(struct pm_str text)
{
    struct pm_sse s;
    size_t n = 0;

    must(text.n >= 2 && memcmp(text.p + text.n - 2, "\n\n", 2) == 0);
    pm_sse_init(&s, 1 << 24, check_event, &n);
    must(pm_sse_feed(&s, text.p, text.n) && pm_sse_end(&s));
    must(n >= 2);
    pm_sse_fini(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct pm_usage usage = {.prompt = 3};
    static const struct pm_cost cost = {.total_nano = 7};
    static const struct front_bill bill = {
        .usage = &usage, .cost = &cost, .upstream_cost_nano = -1};
    static const struct front_stamp stamp = {.generation_id = PM_STR_INIT("gen-1"),
                                             .model = PM_STR_INIT("m"),
                                             .provider = PM_STR_INIT("P")};
    struct input in = {data, data + size};
    const uint8_t flags = take(&in);
    struct front_request r = {
        .call = {.op = flags & 1 ? PM_OP_CHAT : PM_OP_COMPLETION, .stream = true},
        .exclude_reasoning = (flags & 2) != 0};
    struct front_writer *stream = front_writer_new(&r, &stamp), *body;
    struct event ev[MAX_EVENTS];
    struct pm_arena a;
    struct pm_buf out;
    struct pm_jval root;
    bool whole = true;

    r.call.stream = false;
    body = front_writer_new(&r, &stamp);
    pm_arena_init(&a, 4096, 1 << 24);
    pm_buf_init(&out, 1 << 24);
    while (in.p < in.end) {
        struct chunk c = {.ev = ev, .n = take(&in) % MAX_EVENTS};

        for (size_t i = 0; i < c.n; i++)
            ev[i] = take_event(&in, &a);
        must(front_write_chunk(stream, &c, &out));
        whole = whole && front_collect(body, &c);
    }
    if (flags & 4)
        must(front_write_stream_error(stream, &(struct failure){.cls = FAIL_TIMEOUT},
                                      PM_STR("gone"), &out));
    must(front_write_end(stream, &bill, &out));
    check_stream(pm_buf_view(&out));
    if (whole) {
        pm_buf_reset(&out);
        must(front_write_body(body, &bill, &out));
        must(pm_json_ok(pm_buf_view(&out), &root));
    }
    pm_buf_fini(&out);
    pm_arena_fini(&a);
    front_writer_free(stream);
    front_writer_free(body);
    return 0;
}
