/* SPDX-License-Identifier: Apache-2.0 */
/* A provider's bytes through decoder and front. Whatever came in, what goes out is whole events of
 * valid JSON; and an answer that was good is good, with the same words, when it is read again. */
#include "agent/front/front.h"
#include "common/sse.h"
#include "tests/fuzz/must.h"

static const struct front_stamp stamp = {
    .generation_id = PM_STR_INIT("gen-1"), .model = PM_STR_INIT("m"), .provider = PM_STR_INIT("P")};

struct passage {
    struct front_writer *w;
    struct pm_buf *out; /* NULL: in one piece */
    struct pm_buf *words; /* what it said, all choices in the order of their coming */
    bool chat, failed;
};

static bool on_chunk(void *ctx, const struct chunk *c)
{
    struct passage *p = ctx;

    for (size_t i = 0; i < c->n; i++) {
        const struct event *e = &c->ev[i];

        if (e->kind == EV_ERROR) {
            p->failed = true;
            if (p->out)
                must(front_write_stream_error(p->w, e->failure, PM_STR("gone"), p->out));
            return false;
        }
        if (e->kind == EV_TEXT || (e->kind == EV_TOOL_ARGS && p->chat))
            pm_buf_str(p->words, e->text);
    }
    if (!p->out) {
        p->failed |= !front_collect(p->w, c);
        return !p->failed;
    }
    must(front_write_chunk(p->w, c, p->out));
    return true;
}

/* False: they hold an error. */
static bool pass(struct pm_str bytes, enum pm_operation op, bool stream, struct pm_buf *out,
                 struct pm_buf *words)
{
    static const struct pm_usage usage = {.prompt = 1};
    static const struct front_bill bill = {.usage = &usage, .upstream_cost_nano = -1};
    const struct front_request r = {.call = {.op = op, .stream = stream}};
    struct passage p = {front_writer_new(&r, &stamp), stream ? out : NULL, words, op == PM_OP_CHAT,
                        false};
    struct decoder *d =
        codec_openai.decoder_new(dialect_find(PM_STR("openai")), op, stream, PM_NSTR, on_chunk, &p);

    codec_openai.decoder_feed(d, bytes.p, bytes.n);
    codec_openai.decoder_end(d, true);
    codec_openai.decoder_free(d);
    if (!p.failed)
        must(stream ? front_write_end(p.w, &bill, out) : front_write_body(p.w, &bill, out));
    front_writer_free(p.w);
    return !p.failed;
}

static bool check_event(void *ctx, const struct pm_sse_event *e)
{
    struct pm_jval root;

    (void)ctx;
    must(!memchr(e->data.p, '\n', e->data.n));
    must(pm_str_is(e->data, "[DONE]") || (pm_json_ok(e->data, &root) && root.type == PM_JOBJ));
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct pm_str bytes = {(const char *)data + 1, size ? size - 1 : 0};
    struct pm_buf stream, body, words, again;
    struct pm_buf *bufs[] = {&stream, &body, &words, &again};
    enum pm_operation op;
    struct pm_jval root;
    struct pm_sse s;

    if (size == 0)
        return 0;
    op = data[0] % 2 ? PM_OP_COMPLETION : PM_OP_CHAT;
    for (size_t i = 0; i < PM_COUNT(bufs); i++)
        pm_buf_init(bufs[i], 1 << 26);
    if (pass(bytes, op, true, &stream, &words)) {
        must(pass(pm_buf_view(&stream), op, false, &body, &again));
        must(pm_str_eq(pm_buf_view(&words), pm_buf_view(&again)));
        must(pm_json_ok(pm_buf_view(&body), &root));
    }
    pm_sse_init(&s, 1 << 26, check_event, NULL);
    must(pm_sse_feed(&s, stream.p, stream.n) && pm_sse_end(&s));
    pm_sse_fini(&s);
    pm_buf_reset(&body);
    pm_buf_reset(&again);
    if (pass(bytes, op, false, &body, &again))
        must(pm_json_ok(pm_buf_view(&body), &root));
    for (size_t i = 0; i < PM_COUNT(bufs); i++)
        pm_buf_fini(bufs[i]);
    return 0;
}
