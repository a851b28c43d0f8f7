/* SPDX-License-Identifier: Apache-2.0 */
/* Recorded provider streams through decoder and front: what goes out is what strict clients take,
 * and read back it says the same as what came in. */
#include "tests/check.h"

#include "agent/front/front.h"
#include "common/sse.h"
#include "tests/shapes.h"

#include <errno.h>

#define S(text) PM_STR_INIT(text)

static const struct front_stamp stamp = {
    .generation_id = S("gen-1"), .created = 1766000000, .model = S("a/b"), .provider = S("Acme")};

/* One answer on its way through. */
struct passage {
    struct front_writer *w;
    struct pm_buf *out; /* NULL: in one piece */
    struct pm_usage usage;
    bool failed;
};

static bool on_chunk(void *ctx, const struct chunk *c)
{
    struct passage *p = ctx;

    for (size_t i = 0; i < c->n; i++) {
        if (c->ev[i].kind == EV_USAGE)
            p->usage = *c->ev[i].usage;
        if (c->ev[i].kind == EV_ERROR) {
            p->failed = true;
            if (p->out)
                assert_true(
                    front_write_stream_error(p->w, c->ev[i].failure, PM_STR("it failed"), p->out));
            return false;
        }
    }
    return p->out ? front_write_chunk(p->w, c, p->out) : front_collect(p->w, c);
}

/* The provider's bytes as the client gets them. False: they hold an error. */
static bool pass(struct pm_str bytes, enum pm_operation op, bool stream, struct pm_buf *out)
{
    const struct front_request r = {.call = {.op = op, .stream = stream}};
    struct passage p = {.w = front_writer_new(&r, &stamp), .out = stream ? out : NULL};
    const struct codec *codec = codec_for(PM_PROTO_OPENAI);
    struct decoder *d =
        codec->decoder_new(dialect_find(PM_STR("openai")), op, stream, PM_NSTR, on_chunk, &p);
    const struct front_bill bill = {.usage = &p.usage, .upstream_cost_nano = -1};

    pm_buf_init(out, 1 << 20);
    for (size_t at = 0; at < bytes.n; at += 11) {
        const struct pm_str piece = pm_str_cut(bytes, at, at + 11);

        if (!codec->decoder_feed(d, piece.p, piece.n))
            break;
    }
    codec->decoder_end(d, true);
    codec->decoder_free(d);
    if (!p.failed)
        assert_true(stream ? front_write_end(p.w, &bill, out) : front_write_body(p.w, &bill, out));
    front_writer_free(p.w);
    return !p.failed;
}

/* What a strict client keeps count of. */
struct client {
    enum pm_operation op;
    size_t n;
    bool role[8], finished[8];
    int64_t tools[8];
    bool usage, done, error;
};

static int64_t number(struct pm_jval v)
{
    int64_t n = -1;

    assert_true(pm_json_i64(v, &n));
    return n;
}

static void take_tool(struct client *c, int64_t choice, struct pm_jval tool)
{
    const int64_t index = number(pm_json_get(tool, "index"));
    const struct pm_jval function = pm_json_get(tool, "function");

    assert_in_range(index, 0, c->tools[choice]); /* dense */
    assert_int_equal(pm_json_get(function, "arguments").type, PM_JSTR);
    if (index < c->tools[choice]) {
        assert_int_equal(pm_json_get(tool, "id").type, PM_JNONE);
        assert_int_equal(pm_json_get(function, "name").type, PM_JNONE);
        return;
    }
    c->tools[choice]++;
    assert_true(pm_json_get(tool, "id").raw.n > 2);
    assert_str(pm_json_get(tool, "type").raw, "\"function\"");
    assert_true(pm_json_get(function, "name").raw.n > 2);
}

static void take_choice(struct client *c, struct pm_jval choice)
{
    const int64_t index = number(pm_json_get(choice, "index"));
    const struct pm_jval delta = pm_json_get(choice, "delta");
    struct pm_jiter it = pm_json_iter(pm_json_get(delta, "tool_calls"));
    struct pm_jval tool;

    assert_in_range(index, 0, 7);
    if (c->op == PM_OP_CHAT) {
        assert_int_equal(pm_json_get(delta, "role").type, c->role[index] ? PM_JNONE : PM_JSTR);
        c->role[index] = true;
    } else {
        assert_int_equal(pm_json_get(choice, "text").type, PM_JSTR);
        c->role[index] = true;
    }
    while (pm_json_item(&it, &tool))
        take_tool(c, index, tool);
    c->finished[index] |= pm_json_get(choice, "finish_reason").type == PM_JSTR;
}

static bool take_event(void *ctx, const struct pm_sse_event *e)
{
    struct client *c = ctx;
    struct pm_jval root, choice;
    struct pm_jiter it;

    assert_false(c->done || c->error || e->comment);
    if (pm_str_is(e->data, "[DONE]")) {
        c->done = true;
        return true;
    }
    c->n++;
    if (c->op == PM_OP_CHAT)
        assert_shape(e->data, shape_chunk);
    assert_true(pm_json_ok(e->data, &root));
    assert_str(pm_json_get(root, "id").raw, "\"gen-1\"");
    assert_str(pm_json_get(root, "model").raw, "\"a/b\"");
    assert_str(pm_json_get(root, "object").raw,
               c->op == PM_OP_CHAT ? "\"chat.completion.chunk\"" : "\"text_completion\"");
    assert_int_equal(number(pm_json_get(root, "created")), 1766000000);
    c->error = pm_json_get(root, "error").type != PM_JNONE;
    assert_false(c->usage); /* it is the last */
    c->usage = pm_json_get(root, "usage").type != PM_JNONE;
    it = pm_json_iter(pm_json_get(root, "choices"));
    while (pm_json_item(&it, &choice))
        take_choice(c, choice);
    return true;
}

static void check_stream(struct pm_str text, enum pm_operation op, bool good)
{
    struct client c = {.op = op};
    struct pm_sse s;

    pm_sse_init(&s, 1 << 20, take_event, &c);
    assert_true(pm_sse_feed(&s, text.p, text.n) && pm_sse_end(&s));
    pm_sse_fini(&s);
    assert_true(c.n > 0);
    assert_int_equal(c.done, good);
    assert_int_equal(c.usage, good);
    assert_int_equal(c.error, !good);
    for (size_t i = 0; i < PM_COUNT(c.role); i++)
        assert_true(c.finished[i] || !c.role[i]);
}

/* The provider's own finish word is all that a second reading cannot know. */
static void drop_native(struct pm_buf *b)
{
    static const char key[] = ",\"native_finish_reason\":\"";
    char *at;

    while ((at = strstr(b->p, key))) {
        char *end = strchr(at + sizeof(key) - 1, '"') + 1;

        memmove(at, end, (size_t)(b->p + b->n - end) + 1);
        b->n -= (size_t)(end - at);
    }
}

static void check_bytes(struct pm_str bytes, enum pm_operation op)
{
    struct pm_buf body, stream, again, cut, third;
    const bool good = pass(bytes, op, true, &stream);

    check_stream(pm_buf_view(&stream), op, good);
    assert_int_equal(pass(bytes, op, false, &body), good);
    if (good) {
        if (op == PM_OP_CHAT)
            assert_shape(pm_buf_view(&body), shape_result);
        assert_true(pass(pm_buf_view(&stream), op, false, &again));
        drop_native(&body);
        drop_native(&again);
        assert_str(pm_buf_view(&again), body.p);
        /* The whole answer, cut into a stream, and put together again. */
        assert_true(pass(pm_buf_view(&body), op, true, &cut));
        check_stream(pm_buf_view(&cut), op, true);
        assert_true(pass(pm_buf_view(&cut), op, false, &third));
        drop_native(&third);
        assert_str(pm_buf_view(&third), body.p);
        pm_buf_fini(&third);
        pm_buf_fini(&cut);
        pm_buf_fini(&again);
    }
    pm_buf_fini(&body);
    pm_buf_fini(&stream);
}

static void recorded_streams_say_the_same_on_the_other_side(void **state)
{
    static const char *const files[] = {
        "chat-tools.sse",
        "chat-comments-between.sse",
        "chat-crlf-nofinalnewline.sse",
        "chat-error-only.sse",
        "chat-midstream-error.sse",
        "bad-chat-index.sse",
        "bad-chat-no-finish.sse",
        "bad-chat-no-role.sse",
        "bad-chat-toolindex1.sse",
        "upstream/deepseek-reasoning.sse",
        "upstream/groq-usage.sse",
        "upstream/xai-usage.sse",
        "upstream/openai-content-and-finish-same-chunk.sse",
        "upstream/openai-midstream-error.sse",
        "upstream/openai-truncated.sse",
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(files); i++) {
        static char text[1 << 16];
        char path[512];
        size_t n;
        FILE *f;

        snprintf(path, sizeof(path), "%s/golden/%s", PM_TEST_DATA, files[i]);
        f = fopen(path, "rb");
        if (!f)
            fail_msg("%s: %s", path, strerror(errno));
        n = fread(text, 1, sizeof(text), f);
        fclose(f);
        check_bytes(pm_str_n(text, n), PM_OP_CHAT);
    }
}

#define CHUNK(choices)                                                                             \
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\","      \
    "\"choices\":[" choices "]}\n\n"
#define DELTA(members)                                                                             \
    CHUNK("{\"index\":0,\"delta\":{" members "},\"finish_reason\":null,\"logprobs\":null}")
#define FINISH(word) CHUNK("{\"index\":0,\"delta\":{},\"finish_reason\":\"" word "\"}")

static void shapes_that_only_some_providers_have_do_too(void **state)
{
    static const char *const streams[] = {
        /* two choices in one chunk, the second in pieces */
        CHUNK("{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"a\"},"
              "\"finish_reason\":null},{\"index\":1,\"delta\":{\"role\":\"assistant\",\"content\":"
              "\"b\"},\"finish_reason\":null}")
            CHUNK("{\"index\":1,\"delta\":{\"content\":\"c\"},\"finish_reason\":\"length\"},"
                  "{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}"),
        /* role in every delta, nulls everywhere */
        DELTA("\"role\":\"assistant\",\"content\":\"a\",\"tool_calls\":null")
            DELTA("\"role\":\"assistant\",\"content\":\"b\",\"reasoning_content\":null")
                FINISH("stop"),
        /* parallel calls that share an index, and calls without any */
        DELTA("\"role\":\"assistant\",\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"type\":"
              "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]")
            DELTA("\"tool_calls\":[{\"index\":0,\"id\":\"b\",\"type\":\"function\",\"function\":{"
                  "\"name\":\"g\",\"arguments\":\"{\\\"x\\\":\"}}]")
                DELTA("\"tool_calls\":[{\"function\":{\"arguments\":\"1}\"}}]") FINISH("stop"),
        /* thoughts: plain, typed, signed */
        DELTA("\"role\":\"assistant\",\"reasoning_content\":\"hm\"")
            DELTA("\"reasoning\":\"well\",\"reasoning_details\":[{\"type\":\"reasoning.text\","
                  "\"text\":\"well\",\"format\":\"unknown\",\"index\":0}]")
                DELTA("\"reasoning_details\":[{\"type\":\"reasoning.text\",\"signature\":\"s\","
                      "\"format\":\"unknown\",\"index\":0},{\"type\":\"reasoning.encrypted\","
                      "\"data\":\"zz\",\"index\":1}]") DELTA("\"content\":\"x\"") FINISH("stop"),
        /* refusal, log probabilities, images, audio */
        CHUNK("{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"a\"},\"logprobs\":{"
              "\"content\":[{\"token\":\"a\",\"logprob\":-1.50,\"bytes\":null,\"top_logprobs\":[]}]"
              ",\"refusal\":null},\"finish_reason\":null}")
            DELTA("\"images\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:,\"}}]")
                DELTA("\"audio\":{\"id\":\"au\",\"data\":\"QU\"}")
                    DELTA("\"audio\":{\"data\":\"JD\",\"expires_at\":5}")
                        DELTA("\"refusal\":\"no\"") FINISH("stop"),
        /* text of every kind */
        DELTA("\"role\":\"assistant\",\"content\":\"\\u00e9\\ud83d\\ude00\\n\\\"\\\\ \xc3\xa9\"")
            FINISH("eos"),
        /* in several lines */
        "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\n"
        "data: \"choices\":[{\"index\":0,\ndata: \"delta\":{\"role\":\"assistant\",\n"
        "data: \"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n",
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(streams); i++)
        check_bytes(pm_str(streams[i]), PM_OP_CHAT);
}

static void completions_do_too(void **state)
{
    (void)state;
    check_bytes(PM_STR("data: {\"id\":\"c\",\"object\":\"text_completion\",\"created\":1,\"model\":"
                       "\"m\",\"choices\":[{\"index\":0,\"text\":\"on\",\"logprobs\":null,"
                       "\"finish_reason\":null}]}\n\n"
                       "data: {\"id\":\"c\",\"object\":\"text_completion\",\"created\":1,\"model\":"
                       "\"m\",\"choices\":[{\"index\":0,\"text\":\"ce\",\"logprobs\":null,"
                       "\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"),
                PM_OP_COMPLETION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_streams_say_the_same_on_the_other_side),
        cmocka_unit_test(shapes_that_only_some_providers_have_do_too),
        cmocka_unit_test(completions_do_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
