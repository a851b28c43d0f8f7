/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "agent/front/front.h"
#include "agent/front/vectors.h"
#include "tests/shapes.h"

#define S(text) PM_STR_INIT(text)
#define HEAD                                                                                       \
    "{\"id\":\"gen-1\",\"provider\":\"Acme\",\"model\":\"a/b\",\"object\":\"chat.completion\","    \
    "\"created\":1766000000,\"choices\":"

static const struct front_stamp stamp = {
    .generation_id = S("gen-1"), .created = 1766000000, .model = S("a/b"), .provider = S("Acme")};
static const struct front_bill no_bill = {.upstream_cost_nano = -1};

static struct pm_buf out;

static int setup(void **state)
{
    (void)state;
    pm_buf_init(&out, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pm_buf_fini(&out);
    return 0;
}

static struct pm_str body_of(const struct front_request *r, const struct chunk *c, size_t n,
                             const struct front_bill *bill)
{
    struct front_writer *w = front_writer_new(r, &stamp);

    pm_buf_reset(&out);
    for (size_t i = 0; i < n; i++)
        assert_true(front_collect(w, &c[i]));
    assert_true(front_write_body(w, bill, &out));
    front_writer_free(w);
    if (r->call.op == PM_OP_CHAT)
        assert_shape(pm_buf_view(&out), shape_result);
    return pm_buf_view(&out);
}

static const struct front_request chat = {.call = {.op = PM_OP_CHAT}};

#define events_of(...)                                                                             \
    (struct chunk)                                                                                 \
    {                                                                                              \
        .ev = (const struct event[]){__VA_ARGS__},                                                 \
        .n = PM_COUNT(((const struct event[]){__VA_ARGS__}))                                       \
    }

static void a_whole_answer_keeps_its_bytes_in_our_envelope(void **state)
{
    const struct event ev[] = {
        {.kind = EV_TEXT, .text = S("Hi")},
        {.kind = EV_FINISH, .finish = FINISH_STOP, .native = S("eos")},
        {.kind = EV_TEXT, .choice = 1, .text = S("Ho")},
        {.kind = EV_FINISH, .choice = 1, .finish = FINISH_LENGTH, .native = S("length")},
    };
    const struct chunk c = {
        .ev = ev,
        .n = PM_COUNT(ev),
        .raw = S("{\n \"id\": \"chatcmpl-1\", \"object\":\"chat.completion\", \"created\":7,"
                 "\"model\":\"gpt\", \"choices\": [ {\"index\":0, \"message\": {\"role\":"
                 "\"assistant\",\"content\":\"Hi\", \"big\":9007199254740993},"
                 "\"finish_reason\": \"eos\",\"native_finish_reason\":null} ,"
                 "{\"finish_reason\":\"length\",\"index\":1,\"message\":{\"role\":\"assistant\","
                 "\"content\":\"Ho\"}}],\"usage\":{\"prompt_tokens\":1},\"service_tier\":\"flex\","
                 "\"system_fingerprint\":\"fp_1\",\"x_groq\":{},\"none\":null}"),
        .verbatim = true,
        .whole = true};

    (void)state;
    assert_str(body_of(&chat, &c, 1, &no_bill),
               HEAD "[{\"index\":0,\"message\": {\"role\":\"assistant\",\"content\":\"Hi\", "
                    "\"big\":9007199254740993},\"finish_reason\":\"stop\","
                    "\"native_finish_reason\":\"eos\"},{\"index\":1,\"message\":{\"role\":"
                    "\"assistant\",\"content\":\"Ho\"},\"finish_reason\":\"length\","
                    "\"native_finish_reason\":\"length\"}],\"service_tier\":\"flex\","
                    "\"system_fingerprint\":\"fp_1\"}");
}

static void the_fingerprint_is_there_even_where_the_provider_has_none(void **state)
{
    const struct event ev[] = {{.kind = EV_FINISH, .finish = FINISH_STOP}};
    const struct chunk c = {
        .ev = ev,
        .n = 1,
        .raw = S("{\"system_fingerprint\":null,\"choices\":[{\"index\":0,\"message\":{\"role\":"
                 "\"assistant\",\"content\":null},\"finish_reason\":\"stop\"}]}"),
        .verbatim = true,
        .whole = true};

    (void)state;
    assert_non_null(strstr(body_of(&chat, &c, 1, &no_bill).p, ",\"system_fingerprint\":null}"));
}

static void pieces_of_a_stream_become_one_message(void **state)
{
    const struct chunk chunks[] = {
        events_of({.kind = EV_START, .id = S("x")}, {.kind = EV_CHOICE}),
        events_of({.kind = EV_REASONING, .text = S("Need ")}),
        events_of({.kind = EV_REASONING, .text = S("weather.")}),
        events_of({.kind = EV_TEXT, .text = S("Let ")}, {.kind = EV_TEXT, .text = S("me\\n")}),
        events_of({.kind = EV_TOOL_START, .id = S("c1"), .name = S("weather")}),
        events_of({.kind = EV_TOOL_ARGS, .text = S("{\\\"a\\\":")}),
        events_of({.kind = EV_TOOL_ARGS, .text = S("1}")}),
        events_of({.kind = EV_TOOL_START, .tool = 1, .id = S("c2"), .name = S("time")}),
        events_of({.kind = EV_FINISH, .finish = FINISH_TOOL_CALLS, .native = S("tool_use")}),
    };

    (void)state;
    assert_str(body_of(&chat, chunks, PM_COUNT(chunks), &no_bill), HEAD
               "[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Let me\\n\","
               "\"refusal\":null,\"reasoning\":\"Need weather.\",\"reasoning_details\":[{\"type\":"
               "\"reasoning.text\",\"format\":\"unknown\",\"index\":0,\"text\":\"Need weather.\"}],"
               "\"tool_calls\":[{\"index\":0,\"id\":\"c1\",\"type\":\"function\",\"function\":{"
               "\"name\":\"weather\",\"arguments\":\"{\\\"a\\\":1}\"}},{\"index\":1,\"id\":\"c2\","
               "\"type\":\"function\",\"function\":{\"name\":\"time\",\"arguments\":\"{}\"}}]},"
               "\"logprobs\":null,\"finish_reason\":\"tool_calls\",\"native_finish_reason\":"
               "\"tool_use\"}],\"system_fingerprint\":null}");
}

static void details_of_one_thought_become_one(void **state)
{
    static const char *const details[] = {
        "{\"type\":\"reasoning.text\",\"text\":\"a\",\"format\":\"f\",\"index\":0}",
        "{\"type\":\"reasoning.text\",\"text\":\"b\",\"format\":\"f\",\"index\":0}",
        "{\"type\":\"reasoning.text\",\"signature\":\"sig\",\"format\":\"f\",\"index\":0}",
        "{\"type\":\"reasoning.text\",\"text\":\"next\",\"format\":\"f\",\"index\":0}",
        "{\"type\":\"reasoning.encrypted\",\"data\":\"x\",\"index\":1}",
        "{\"type\":\"reasoning.encrypted\",\"data\":\"y\",\"index\":1}",
        "{\"type\":\"reasoning.summary\",\"summary\":\"s\",\"id\":\"1\"}",
        "{\"type\":\"reasoning.summary\",\"summary\":\"t\",\"id\":\"2\"}",
    };
    struct event ev[PM_COUNT(details)];
    struct chunk c[PM_COUNT(details)];

    (void)state;
    for (size_t i = 0; i < PM_COUNT(details); i++) {
        ev[i] = (struct event){.kind = EV_REASONING_DETAIL, .text = pm_str(details[i])};
        c[i] = (struct chunk){.ev = &ev[i], .n = 1};
    }
    assert_non_null(strstr(
        body_of(&chat, c, PM_COUNT(c), &no_bill).p,
        "\"reasoning_details\":[{\"type\":\"reasoning.text\",\"format\":\"f\",\"index\":0,"
        "\"signature\":\"sig\",\"text\":\"ab\"},{\"type\":\"reasoning.text\",\"format\":\"f\","
        "\"index\":0,\"text\":\"next\"},{\"type\":\"reasoning.encrypted\",\"index\":1,\"data\":"
        "\"x\"},{\"type\":\"reasoning.encrypted\",\"index\":1,\"data\":\"y\"},{\"type\":"
        "\"reasoning.summary\",\"id\":\"1\",\"summary\":\"s\"},{\"type\":\"reasoning.summary\","
        "\"id\":\"2\",\"summary\":\"t\"}]"));
}

static void media_in_pieces_become_one(void **state)
{
    const struct chunk chunks[] = {
        events_of({.kind = EV_MEDIA,
                   .name = S("audio"),
                   .text = S("{\"id\":\"a1\",\"data\":\"QU\",\"transcript\":\"He\"}")}),
        events_of({.kind = EV_MEDIA,
                   .name = S("audio"),
                   .text = S("{\"data\":\"JD\",\"transcript\":\"y\",\"expires_at\":7}")}),
        events_of({.kind = EV_MEDIA, .name = S("images"), .text = S("[1]")},
                  {.kind = EV_MEDIA, .name = S("images"), .text = S("[]")},
                  {.kind = EV_MEDIA, .name = S("images"), .text = S("[ 2, 3 ]")}),
        events_of({.kind = EV_MEDIA,
                   .name = S("logprobs"),
                   .text = S("{\"content\":[{\"token\":\"a\"}],\"refusal\":null}")},
                  {.kind = EV_MEDIA,
                   .name = S("logprobs"),
                   .text = S("{\"content\":[{\"token\":\"b\"}],\"refusal\":null}")}),
    };
    struct pm_str body = body_of(&chat, chunks, PM_COUNT(chunks), &no_bill);

    (void)state;
    assert_non_null(strstr(body.p, "\"audio\":{\"id\":\"a1\",\"data\":\"QUJD\",\"transcript\":"
                                   "\"Hey\",\"expires_at\":7}"));
    assert_non_null(strstr(body.p, "\"images\":[1,2, 3]"));
    assert_non_null(strstr(body.p, "\"logprobs\":{\"content\":[{\"token\":\"a\"},{\"token\":"
                                   "\"b\"}],\"refusal\":null}"));
}

static void reasoning_that_is_not_wanted_is_left_out(void **state)
{
    const struct front_request quiet = {.call = {.op = PM_OP_CHAT}, .exclude_reasoning = true};
    const struct event ev[] = {{.kind = EV_REASONING, .text = S("secret")},
                               {.kind = EV_TEXT, .text = S("Hi")},
                               {.kind = EV_FINISH, .finish = FINISH_STOP}};
    const struct chunk c = {
        .ev = ev,
        .n = PM_COUNT(ev),
        .raw = S("{\"choices\":[{\"message\":{\"reasoning\":\"secret\",\"content\":\"Hi\"}}]}"),
        .verbatim = true,
        .whole = true};
    struct pm_str body = body_of(&quiet, &c, 1, &no_bill);

    (void)state;
    assert_null(strstr(body.p, "secret"));
    assert_non_null(strstr(body.p, "\"content\":\"Hi\""));
}

static void completions_have_text(void **state)
{
    const struct front_request r = {.call = {.op = PM_OP_COMPLETION}};
    const struct chunk c = events_of({.kind = EV_TEXT, .text = S("once")},
                                     {.kind = EV_FINISH, .finish = FINISH_LENGTH});

    (void)state;
    assert_str(body_of(&r, &c, 1, &no_bill),
               "{\"id\":\"gen-1\",\"provider\":\"Acme\",\"model\":\"a/b\",\"object\":"
               "\"text_completion\",\"created\":1766000000,\"choices\":[{\"index\":0,\"text\":"
               "\"once\",\"logprobs\":null,\"finish_reason\":\"length\",\"native_finish_reason\":"
               "\"length\"}],\"system_fingerprint\":null}");
}

static void too_many_tool_calls_are_refused(void **state)
{
    struct front_writer *w = front_writer_new(&chat, &stamp);
    const struct chunk skipped = events_of({.kind = EV_TOOL_START, .tool = 5});
    const struct chunk far = events_of({.kind = EV_TEXT, .choice = 128, .text = S("x")});

    (void)state;
    assert_false(front_collect(w, &skipped));
    assert_false(front_collect(w, &far));
    front_writer_free(w);
}

static const struct front_request embed = {.call = {.op = PM_OP_EMBEDDING}};
static const struct front_request embed64 = {.call = {.op = PM_OP_EMBEDDING},
                                             .base64_embeddings = true};
#define NUMBERS "[{\"object\":\"embedding\",\"index\":0,\"embedding\":[1, -2.5,0.25]}]"
#define BASE64 "[{\"object\":\"embedding\",\"index\":0,\"embedding\":\"AACAPwAAIMAAAIA+\"}]"

static void embeddings_come_in_the_form_that_was_asked_for(void **state)
{
    static const struct {
        const struct front_request *request;
        const char *data, *want;
    } cases[] = {
        {&embed, NUMBERS, NUMBERS},
        {&embed64, BASE64, BASE64},
        {&embed64, NUMBERS, BASE64},
        {&embed, BASE64, "[{\"object\":\"embedding\",\"index\":0,\"embedding\":[1,-2.5,0.25]}]"},
        {&embed, "[{\"embedding\":\"AAAA\"}]", "[{\"embedding\":\"AAAA\"}]"},
        {&embed, "[{\"embedding\":\"????\"}]", "[{\"embedding\":\"????\"}]"},
        {&embed, "[{\"embedding\":\"AACAfw==\"},{}]", "[{\"embedding\":[null]},{}]"},
        {&embed64, "[{\"embedding\":[]}, {\"embedding\":[1]}]",
         "[{\"embedding\":\"\"}, {\"embedding\":\"AACAPw==\"}]"},
        {&embed, "[]", "[]"},
    };
    const struct pm_usage usage = {.prompt = 4};
    const struct pm_cost cost = {.total_nano = 80, .prompt_nano = 80};
    const struct front_bill bill = {.usage = &usage, .cost = &cost, .upstream_cost_nano = -1};

    (void)state;
    for (size_t i = 0; i < PM_COUNT(cases); i++) {
        char raw[512], want[1024];
        struct chunk c = {.whole = true, .verbatim = true};

        snprintf(raw, sizeof(raw), "{\"object\":\"list\",\"data\":%s,\"model\":\"m\"}",
                 cases[i].data);
        c.raw = pm_str(raw);
        snprintf(want, sizeof(want),
                 "{\"id\":\"gen-1\",\"provider\":\"Acme\",\"model\":\"a/b\",\"object\":\"list\","
                 "\"data\":%s,\"usage\":{\"prompt_tokens\":4,\"total_tokens\":4,\"cost\":"
                 "0.00000008,\"is_byok\":false,\"cost_details\":{\"upstream_inference_cost\":null,"
                 "\"upstream_inference_prompt_cost\":0.00000008,"
                 "\"upstream_inference_completions_cost\":0}}}",
                 cases[i].want);
        assert_str(body_of(cases[i].request, &c, 1, &bill), want);
    }
}

static void a_vector_survives_both_ways(void **state)
{
    static const char text[] = "[{\"embedding\":[0.1,-0.0123456789,3.4028235e+38,1.17549435e-38,"
                               "1e-45,0,123456.789]}]";
    struct pm_buf there, back;
    struct pm_jval root, again;

    (void)state;
    pm_buf_init(&there, 1000);
    pm_buf_init(&back, 1000);
    assert_true(pm_json_ok(pm_str(text), &root));
    vectors_write(root, true, &there);
    assert_true(pm_json_ok(pm_buf_view(&there), &root));
    vectors_write(root, false, &back);
    assert_str(pm_buf_view(&back), "[{\"embedding\":[0.1,-0.012345679,3.4028235e+38,"
                                   "1.1754944e-38,1.4013e-45,0,123456.79]}]");
    assert_true(pm_json_ok(pm_buf_view(&back), &again));
    pm_buf_fini(&there);
    pm_buf_fini(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_answer_keeps_its_bytes_in_our_envelope),
        cmocka_unit_test(the_fingerprint_is_there_even_where_the_provider_has_none),
        cmocka_unit_test(pieces_of_a_stream_become_one_message),
        cmocka_unit_test(details_of_one_thought_become_one),
        cmocka_unit_test(media_in_pieces_become_one),
        cmocka_unit_test(reasoning_that_is_not_wanted_is_left_out),
        cmocka_unit_test(completions_have_text),
        cmocka_unit_test(too_many_tool_calls_are_refused),
        cmocka_unit_test(embeddings_come_in_the_form_that_was_asked_for),
        cmocka_unit_test(a_vector_survives_both_ways),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
