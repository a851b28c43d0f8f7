/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "agent/front/front.h"
#include "common/sse.h"
#include "tests/shapes.h"

#define S(text) PM_STR_INIT(text)
#define HEAD                                                                                       \
    "data: {\"id\":\"gen-1\",\"provider\":\"Acme\",\"model\":\"a/b\",\"object\":"                  \
    "\"chat.completion.chunk\",\"created\":1766000000,\"choices\":[{\"index\":0,"
#define TAIL ",\"finish_reason\":null,\"native_finish_reason\":null,\"logprobs\":null}]}\n\n"

static const struct front_stamp stamp = {
    .generation_id = S("gen-1"), .created = 1766000000, .model = S("a/b"), .provider = S("Acme")};

struct fixture {
    struct front_writer *w;
    struct pm_buf out;
    enum pm_operation op;
};

static struct fixture begin_op(enum pm_operation op, bool exclude)
{
    const struct front_request r = {.call = {.op = op, .stream = true},
                                    .exclude_reasoning = exclude};
    struct fixture f = {.w = front_writer_new(&r, &stamp), .op = op};

    pm_buf_init(&f.out, 1 << 20);
    return f;
}

static struct fixture begin(void)
{
    return begin_op(PM_OP_CHAT, false);
}

static bool check_event(void *ctx, const struct pm_sse_event *e)
{
    const struct fixture *f = ctx;

    if (pm_str_is(e->data, "[DONE]"))
        return true;
    if (f->op == PM_OP_CHAT)
        assert_shape(e->data, shape_chunk);
    return true;
}

static void check_stream(struct fixture *f)
{
    struct pm_sse s;

    pm_sse_init(&s, 1 << 20, check_event, f);
    assert_true(pm_sse_feed(&s, f->out.p, f->out.n));
    assert_true(pm_sse_end(&s));
    pm_sse_fini(&s);
}

static void end(struct fixture *f)
{
    check_stream(f);
    front_writer_free(f->w);
    pm_buf_fini(&f->out);
}

/* What is written for these events. */
static struct pm_str write_n(struct fixture *f, const struct event *ev, size_t n)
{
    const struct chunk c = {.ev = ev, .n = n};

    pm_buf_reset(&f->out);
    assert_true(front_write_chunk(f->w, &c, &f->out));
    check_stream(f);
    return pm_buf_view(&f->out);
}

#define write_events(f, ...)                                                                       \
    write_n(f, (const struct event[]){__VA_ARGS__}, PM_COUNT(((const struct event[]){__VA_ARGS__})))

static const struct event choice0 = {.kind = EV_CHOICE};

static void the_first_delta_of_a_choice_has_its_role_and_no_other_has(void **state)
{
    struct fixture f = begin();

    (void)state;
    assert_str(write_events(&f, {.kind = EV_START, .id = S("x"), .name = S("y")}, {EV_CHOICE}),
               HEAD "\"delta\":{\"role\":\"assistant\",\"content\":\"\"}" TAIL);
    assert_str(write_events(&f, {.kind = EV_TEXT, .text = S("h\\u00e9\\n")}),
               HEAD "\"delta\":{\"content\":\"h\\u00e9\\n\"}" TAIL);
    end(&f);

    f = begin();
    assert_str(write_events(&f, {.kind = EV_TEXT, .text = S("a")}),
               HEAD "\"delta\":{\"role\":\"assistant\",\"content\":\"a\"}" TAIL);
    end(&f);
}

static void texts_of_one_chunk_become_one_delta(void **state)
{
    struct fixture f = begin();

    (void)state;
    assert_str(write_events(&f, choice0, {.kind = EV_TEXT, .text = S("a")},
                            {.kind = EV_TEXT, .text = S("b")}),
               HEAD "\"delta\":{\"role\":\"assistant\",\"content\":\"ab\"}" TAIL);
    end(&f);
}

static void content_and_finish_share_a_chunk(void **state)
{
    struct fixture f = begin();

    (void)state;
    write_events(&f, choice0);
    assert_str(write_events(&f, {.kind = EV_TEXT, .text = S("a")},
                            {.kind = EV_FINISH, .finish = FINISH_STOP, .native = S("eos")}),
               HEAD "\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\","
                    "\"native_finish_reason\":\"eos\",\"logprobs\":null}]}\n\n");
    assert_str(write_events(&f, {.kind = EV_FINISH, .finish = FINISH_LENGTH}),
               HEAD "\"delta\":{},\"finish_reason\":\"length\","
                    "\"native_finish_reason\":\"length\",\"logprobs\":null}]}\n\n");
    end(&f);
}

static void a_tool_call_says_its_name_once(void **state)
{
    struct fixture f = begin();

    (void)state;
    write_events(&f, choice0);
    assert_str(write_events(&f, {.kind = EV_TOOL_START, .id = S("c1"), .name = S("f")}),
               HEAD "\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c1\",\"type\":\"function\","
                    "\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}" TAIL);
    assert_str(write_events(&f, {.kind = EV_TOOL_ARGS, .text = S("{\\\"a")},
                            {.kind = EV_TOOL_ARGS, .text = S("\\\":1}")}),
               HEAD "\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":"
                    "\"{\\\"a\\\":1}\"}}]}" TAIL);
    assert_str(write_events(&f, {.kind = EV_TOOL_START, .tool = 1, .id = S("c2"), .name = S("g")},
                            {.kind = EV_TOOL_ARGS, .tool = 1, .text = S("{}")},
                            {.kind = EV_TOOL_START, .tool = 2, .id = S("c3"), .name = S("h")}),
               HEAD "\"delta\":{\"tool_calls\":[{\"index\":1,\"id\":\"c2\",\"type\":\"function\","
                    "\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}},{\"index\":2,\"id\":"
                    "\"c3\",\"type\":\"function\",\"function\":{\"name\":\"h\",\"arguments\":"
                    "\"\"}}]}" TAIL);
    end(&f);
}

static void reasoning_comes_as_text_and_as_a_detail(void **state)
{
    struct fixture f = begin();

    (void)state;
    write_events(&f, choice0);
    assert_str(write_events(&f, {.kind = EV_REASONING, .text = S("hm")}), HEAD
               "\"delta\":{\"reasoning\":\"hm\",\"reasoning_details\":[{\"type\":"
               "\"reasoning.text\",\"text\":\"hm\",\"format\":\"unknown\",\"index\":0}]}" TAIL);
    /* A provider's own details stand for themselves. */
    assert_str(write_events(&f, {.kind = EV_REASONING, .text = S("hm")},
                            {.kind = EV_REASONING_DETAIL, .text = S("{\"type\":\n\"x\"}")},
                            {.kind = EV_REASONING_DETAIL, .text = S("{\"type\":\"y\"}")}),
               HEAD "\"delta\":{\"reasoning\":\"hm\",\"reasoning_details\":[{\"type\": \"x\"},"
                    "{\"type\":\"y\"}]}" TAIL);
    end(&f);
}

static void reasoning_that_is_not_wanted_is_dropped(void **state)
{
    struct fixture f = begin_op(PM_OP_CHAT, true);

    (void)state;
    write_events(&f, choice0);
    assert_str(write_events(&f, {.kind = EV_REASONING, .text = S("hm")},
                            {.kind = EV_REASONING_DETAIL, .text = S("{\"type\":\"x\"}")}),
               "");
    assert_str(write_events(&f, {.kind = EV_REASONING, .text = S("hm")},
                            {.kind = EV_TEXT, .text = S("a")}),
               HEAD "\"delta\":{\"content\":\"a\"}" TAIL);
    end(&f);
}

static void events_out_of_order_become_more_chunks(void **state)
{
    struct fixture f = begin();

    (void)state;
    write_events(&f, choice0);
    assert_str(
        write_events(&f, {.kind = EV_TEXT, .text = S("a")}, {.kind = EV_REASONING, .text = S("r")},
                     {.kind = EV_REASONING, .text = S("s")},
                     {.kind = EV_REASONING_DETAIL, .text = S("{\"type\":\"x\"}")}),
        HEAD "\"delta\":{\"content\":\"a\"}" TAIL HEAD "\"delta\":{\"reasoning\":\"r\"}" TAIL HEAD
             "\"delta\":{\"reasoning\":\"s\",\"reasoning_details\":[{\"type\":\"x\"}]}" TAIL);
    end(&f);
}

static void choices_do_not_mix(void **state)
{
    struct fixture f = begin();
    struct pm_str text = write_events(&f, {.kind = EV_TEXT, .text = S("a")},
                                      {.kind = EV_TEXT, .choice = 1, .text = S("b")},
                                      {.kind = EV_FINISH, .choice = 1, .finish = FINISH_LENGTH},
                                      {.kind = EV_TEXT, .choice = 200, .text = S("never")});
    struct pm_str second = {strstr(text.p, "\"index\":1"), 0};

    (void)state;
    assert_non_null(second.p);
    assert_non_null(strstr(second.p, "\"delta\":{\"role\":\"assistant\",\"content\":\"b\"},"
                                     "\"finish_reason\":\"length\""));
    assert_null(strstr(text.p, "never"));
    end(&f);
}

static void media_and_log_probabilities_keep_their_place(void **state)
{
    struct fixture f = begin();

    (void)state;
    write_events(&f, choice0);
    assert_str(
        write_events(&f, {.kind = EV_TEXT, .text = S("a")},
                     {.kind = EV_MEDIA, .name = S("images"), .text = S("[{\"type\":\r\n\"i\"}]")},
                     {.kind = EV_MEDIA, .name = S("logprobs"), .text = S("{\"content\":[]}")}),
        HEAD "\"delta\":{\"content\":\"a\",\"images\":[{\"type\":  \"i\"}]},\"finish_reason\":null,"
             "\"native_finish_reason\":null,\"logprobs\":{\"content\":[]}}]}\n\n");
    end(&f);
}

/* A chunk of a provider whose bytes may pass. */
static struct pm_str write_raw(struct fixture *f, const struct event *e, const char *raw)
{
    const struct chunk c = {.ev = e, .n = 1, .raw = pm_str(raw), .verbatim = true};

    pm_buf_reset(&f->out);
    assert_true(front_write_chunk(f->w, &c, &f->out));
    check_stream(f);
    return pm_buf_view(&f->out);
}

static void good_bytes_pass_in_our_envelope(void **state)
{
    struct fixture f = begin();
    const struct event text = {.kind = EV_TEXT, .text = S("Hello")};
    const struct event finish = {.kind = EV_FINISH, .finish = FINISH_STOP};
    const struct event usage = {.kind = EV_USAGE};
    static const char raw[] =
        "{\"id\":\"chatcmpl-7\",\"object\":\"chat.completion.chunk\",\"created\":1694268190,"
        "\"model\":\"gpt-4o\",\"service_tier\":\"default\",\"system_fingerprint\":null,\"choices\":"
        "["
        "{\"index\":0,\"delta\":{\"content\":\"Hello\",\"x\":7},\"logprobs\":null,"
        "\"finish_reason\":null}],\"usage\":null,\"obfuscation\":\"zz\",\"citations\":[1]}";

    (void)state;
    write_events(&f, choice0);
    assert_str(write_raw(&f, &text, raw),
               "data: {\"id\":\"gen-1\",\"provider\":\"Acme\",\"model\":\"a/b\",\"object\":"
               "\"chat.completion.chunk\",\"created\":1766000000,\"choices\":[{\"index\":0,"
               "\"delta\":{\"content\":\"Hello\","
               "\"x\":7},\"logprobs\":null,\"finish_reason\":null}]}\n\n");
    /* What stands beside the choices goes out once, at the end. */
    assert_str(write_raw(&f, &finish, raw),
               HEAD "\"delta\":{},\"finish_reason\":\"stop\",\"native_finish_reason\":\"stop\","
                    "\"logprobs\":null}],\"service_tier\":\"default\",\"citations\":[1]}\n\n");
    assert_str(write_raw(&f, &usage, "{\"choices\":[],\"usage\":{\"prompt_tokens\":1}}"), "");
    end(&f);
}

static void bytes_do_not_pass_where_clients_want_something_else(void **state)
{
    static const struct event events[] = {
        {.kind = EV_REASONING, .text = S("r")},
        {.kind = EV_FINISH, .finish = FINISH_STOP},
        {.kind = EV_TOOL_START, .id = S("i"), .name = S("n")},
        {.kind = EV_TEXT, .choice = 1, .text = S("first of its choice")},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(events); i++) {
        struct fixture f = begin();

        write_events(&f, choice0);
        write_raw(&f, &events[i], "{\"choices\":[{\"raw\":1}]}");
        assert_null(strstr(f.out.p, "raw"));
        assert_non_null(strstr(f.out.p, "gen-1"));
        end(&f);
    }
}

static void a_whole_answer_is_cut_into_chunks_for_a_client_that_streams(void **state)
{
    struct fixture f = begin();
    const struct event ev[] = {{.kind = EV_START},
                               {.kind = EV_CHOICE},
                               {.kind = EV_TEXT, .text = S("Hi")},
                               {.kind = EV_FINISH, .finish = FINISH_STOP, .native = S("stop")}};
    const struct chunk c = {.ev = ev,
                            .n = PM_COUNT(ev),
                            .raw = S("{\"choices\":[{\"message\":{}}]}"),
                            .verbatim = true,
                            .whole = true};

    (void)state;
    assert_true(front_write_chunk(f.w, &c, &f.out));
    assert_str(pm_buf_view(&f.out),
               HEAD "\"delta\":{\"role\":\"assistant\",\"content\":\"Hi\"},\"finish_reason\":"
                    "\"stop\",\"native_finish_reason\":\"stop\",\"logprobs\":null}]}\n\n");
    end(&f);
}

static const struct pm_usage some_usage = {.present = true,
                                           .prompt = 9,
                                           .completion = 2,
                                           .cached = 4,
                                           .cache_write = 1,
                                           .reasoning = 1,
                                           .audio_in = 3};
static const struct pm_cost some_cost = {
    .total_nano = 31000, .prompt_nano = 11000, .completion_nano = 20000};

static void the_usage_chunk_repeats_the_finish_and_ends_the_stream(void **state)
{
    struct fixture f = begin();
    const struct front_bill bill = {.usage = &some_usage,
                                    .cost = &some_cost,
                                    .metadata =
                                        S("{\"attempt\":1,\"endpoints\":{\"total\":0,"
                                          "\"available\":[]},\"is_byok\":false,\"region\":"
                                          "null,\"requested\":\"a\",\"strategy\":\"direct\","
                                          "\"summary\":\"s\"}"),
                                    .upstream_cost_nano = -1};

    (void)state;
    write_events(&f, choice0, {.kind = EV_FINISH, .finish = FINISH_STOP, .native = S("completed")});
    pm_buf_reset(&f.out);
    assert_true(front_write_end(f.w, &bill, &f.out));
    assert_str(
        pm_buf_view(&f.out),
        HEAD "\"delta\":{\"content\":\"\"},\"finish_reason\":\"stop\",\"native_finish_reason\":"
             "\"completed\",\"logprobs\":null}],\"usage\":{\"prompt_tokens\":9,"
             "\"completion_tokens\":2,\"total_tokens\":11,\"cost\":0.000031,\"is_byok\":false,"
             "\"cost_details\":{\"upstream_inference_cost\":null,"
             "\"upstream_inference_prompt_cost\":0.000011,"
             "\"upstream_inference_completions_cost\":0.00002},\"prompt_tokens_details\":{"
             "\"cached_tokens\":4,\"cache_write_tokens\":1,\"audio_tokens\":3,\"video_tokens\":0},"
             "\"completion_tokens_details\":{\"reasoning_tokens\":1,\"image_tokens\":0,"
             "\"audio_tokens\":0}},\"openrouter_metadata\":{\"attempt\":1,\"endpoints\":{\"total\":"
             "0,\"available\":[]},\"is_byok\":false,\"region\":null,\"requested\":\"a\","
             "\"strategy\":\"direct\",\"summary\":\"s\"}}\n\ndata: [DONE]\n\n");
    end(&f);
}

static void an_unknown_price_leaves_the_cost_out_and_byok_says_the_providers(void **state)
{
    struct fixture f = begin();
    const struct front_bill unknown = {.usage = &some_usage, .upstream_cost_nano = -1};
    const struct front_bill byok = {
        .usage = &some_usage, .cost = &some_cost, .upstream_cost_nano = 1500000000};
    const struct front_bill none = {.upstream_cost_nano = -1};

    (void)state;
    write_events(&f, {.kind = EV_FINISH, .finish = FINISH_STOP});
    pm_buf_reset(&f.out);
    assert_true(front_write_end(f.w, &unknown, &f.out));
    assert_non_null(strstr(f.out.p, "\"total_tokens\":11,\"is_byok\":false,\"prompt_tokens_det"));
    pm_buf_reset(&f.out);
    assert_true(front_write_end(f.w, &byok, &f.out));
    assert_non_null(strstr(f.out.p, "\"upstream_inference_cost\":1.5,"));
    pm_buf_reset(&f.out);
    assert_true(front_write_end(f.w, &none, &f.out));
    assert_null(strstr(f.out.p, "usage"));
    end(&f);
}

static void a_failure_after_the_commit_is_a_full_chunk_and_no_end(void **state)
{
    struct fixture f = begin();
    const struct failure failure = {
        .cls = FAIL_TRUNCATED, .retry_after_ms = -1, .code = S("server_error")};
    const struct failure_rule *rule = failure_rule(FAIL_TRUNCATED);
    char want[512];

    (void)state;
    write_events(&f, choice0);
    pm_buf_reset(&f.out);
    assert_true(front_write_stream_error(f.w, &failure, PM_STR("Provider \"gone\""), &f.out));
    snprintf(want, sizeof(want),
             HEAD "\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\","
                  "\"native_finish_reason\":\"error\"}],\"error\":{\"code\":%u,\"message\":"
                  "\"Provider \\\"gone\\\"\",\"metadata\":{\"error_type\":\"%s\","
                  "\"provider_code\":\"server_error\"}}}\n\n",
             rule->client_status, rule->error_type);
    assert_str(pm_buf_view(&f.out), want);
    end(&f);
}

static void completions_stream_text(void **state)
{
    struct fixture f = begin_op(PM_OP_COMPLETION, false);
    const struct front_bill bill = {.upstream_cost_nano = -1};

    (void)state;
    assert_str(write_events(&f, {EV_START}, choice0, {.kind = EV_TEXT, .text = S("a")}),
               "data: {\"id\":\"gen-1\",\"provider\":\"Acme\",\"model\":\"a/b\",\"object\":"
               "\"text_completion\",\"created\":1766000000,\"choices\":[{\"index\":0,\"text\":"
               "\"a\"" TAIL);
    assert_str(write_events(&f, {.kind = EV_TOOL_START, .id = S("i"), .name = S("n")},
                            {.kind = EV_REFUSAL, .text = S("no")}),
               "");
    write_events(&f, {.kind = EV_FINISH, .finish = FINISH_STOP});
    assert_non_null(strstr(f.out.p, "{\"index\":0,\"text\":\"\",\"finish_reason\":\"stop\""));
    assert_true(front_write_end(f.w, &bill, &f.out));
    assert_non_null(strstr(f.out.p, "data: [DONE]\n\n"));
    end(&f);
}

static void a_full_buffer_takes_nothing_of_a_chunk(void **state)
{
    struct fixture f = begin();
    const struct event text = {.kind = EV_TEXT, .text = S("0123456789")};
    const struct chunk c = {.ev = &text, .n = 1};
    struct pm_buf small;

    (void)state;
    pm_buf_init(&small, 100);
    pm_buf_lit(&small, "before");
    assert_false(front_write_chunk(f.w, &c, &small));
    assert_str(pm_buf_view(&small), "before");
    pm_buf_fini(&small);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_delta_of_a_choice_has_its_role_and_no_other_has),
        cmocka_unit_test(texts_of_one_chunk_become_one_delta),
        cmocka_unit_test(content_and_finish_share_a_chunk),
        cmocka_unit_test(a_tool_call_says_its_name_once),
        cmocka_unit_test(reasoning_comes_as_text_and_as_a_detail),
        cmocka_unit_test(reasoning_that_is_not_wanted_is_dropped),
        cmocka_unit_test(events_out_of_order_become_more_chunks),
        cmocka_unit_test(choices_do_not_mix),
        cmocka_unit_test(media_and_log_probabilities_keep_their_place),
        cmocka_unit_test(good_bytes_pass_in_our_envelope),
        cmocka_unit_test(bytes_do_not_pass_where_clients_want_something_else),
        cmocka_unit_test(a_whole_answer_is_cut_into_chunks_for_a_client_that_streams),
        cmocka_unit_test(the_usage_chunk_repeats_the_finish_and_ends_the_stream),
        cmocka_unit_test(an_unknown_price_leaves_the_cost_out_and_byok_says_the_providers),
        cmocka_unit_test(a_failure_after_the_commit_is_a_full_chunk_and_no_end),
        cmocka_unit_test(completions_stream_text),
        cmocka_unit_test(a_full_buffer_takes_nothing_of_a_chunk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
