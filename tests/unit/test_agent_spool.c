/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/spool_fixture.h"

#include "agent/spool/record.h"

static struct pm_str nth(char id[40], unsigned i)
{
    snprintf(id, 40, "gen-1766000000-%020u", i);
    return pm_str(id);
}

/* Lets the background work of a spool end. */
static void settle_loop(struct fixture *f)
{
    uv_run(&f->loop, UV_RUN_DEFAULT);
}

/* With pauses in which the next segment is made, as traffic has them. */
static void append_pairs(struct fixture *f, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        char id[40];
        struct spool_begin b;
        struct spool_settled r;

        nth(id, i);
        b = a_begin(id);
        r = a_settled(id);
        assert_true(spool_append_begin(f->spool, &b) > 0);
        assert_true(spool_append_settled(f->spool, &r) > 0);
        if (i % 100 == 0) {
            settle_loop(f);
            assert_true(spool_stats(f->spool).bytes <= f->cfg.max_bytes);
        }
    }
    settle_loop(f);
}

static void entries_are_read_back_in_their_order(void **state)
{
    struct fixture *f = *state;
    const struct spool_begin b = a_begin("gen-1");
    const struct spool_settled r = a_settled("gen-1");
    struct spool_reader *reader;
    struct spool_entry e;
    struct spool_begin begun;
    uint64_t first, second, third;

    open_spool(f);
    reader = spool_reader_new(f->spool, 0);
    assert_false(spool_reader_next(reader, &e));
    first = spool_append_begin(f->spool, &b);
    second = spool_append_attempt(f->spool, b.id, &r.attempts[1]);
    assert_true(spool_reader_next(reader, &e));
    assert_true(e.seq == first && e.kind == SPOOL_CALL_BEGUN && !e.repeated);
    assert_true(record_get_begun(e.bytes, &begun));
    assert_str(begun.model, "openai/gpt-5.1:nitro");
    assert_true(spool_reader_next(reader, &e));
    assert_true(e.seq == second && e.kind == SPOOL_CALL_ATTEMPT && second > first);
    assert_false(spool_reader_next(reader, &e));
    third = spool_append_settled(f->spool, &r); /* and it sees what comes later */
    assert_true(spool_reader_next(reader, &e));
    assert_true(e.seq == third && e.kind == SPOOL_USAGE_RECORD && third > second);
    assert_false(spool_reader_next(reader, &e));
    spool_reader_free(reader);
}

static void a_reader_may_begin_anywhere(void **state)
{
    struct fixture *f = *state;
    struct spool_reader *reader;
    struct spool_entry e;

    open_spool(f);
    append_pairs(f, 1000);
    for (uint64_t from = 0; from <= spool_stats(f->spool).last_seq; from += 97) {
        reader = spool_reader_new(f->spool, from);
        assert_true(spool_reader_next(reader, &e));
        assert_true(e.seq >= from && e.seq <= from + 2); /* a checkpoint may lie between */
        spool_reader_free(reader);
    }
    reader = spool_reader_new(f->spool, spool_stats(f->spool).last_seq + 1);
    assert_false(spool_reader_next(reader, &e));
    spool_reader_free(reader);
}

static void a_group_of_appends_is_synced_once(void **state)
{
    struct fixture *f = *state;
    const struct spool_begin b = a_begin("gen-1");
    struct spool_stats st;

    open_spool(f);
    settle_loop(f);
    st = spool_stats(f->spool);
    assert_true(st.synced_seq == st.last_seq);
    for (int i = 0; i < 100; i++)
        spool_append_begin(f->spool, &b);
    assert_true(spool_stats(f->spool).synced_seq == st.synced_seq);
    settle_loop(f);
    assert_true(spool_stats(f->spool).synced_seq == spool_stats(f->spool).last_seq);
    assert_true(spool_stats(f->spool).fsyncs == st.fsyncs + 1);
    /* Nothing to do, nothing armed: an idle agent sleeps. */
    assert_int_equal(uv_run(&f->loop, UV_RUN_NOWAIT), 0);
    assert_true(spool_stats(f->spool).fsyncs == st.fsyncs + 1);
}

static unsigned count_settled(struct fixture *f)
{
    struct spool_reader *reader = spool_reader_new(f->spool, 0);
    struct spool_entry e;
    uint64_t last = 0;
    unsigned n = 0;

    while (spool_reader_next(reader, &e)) {
        assert_true(e.seq > last);
        last = e.seq;
        if (e.kind == SPOOL_USAGE_RECORD) {
            char id[40];

            assert_true(pm_str_eq(record_id(e.kind, e.bytes), nth(id, n)));
            n++;
        }
    }
    spool_reader_free(reader);
    return n;
}

static void segments_follow_each_other_without_a_gap(void **state)
{
    struct fixture *f = *state;

    open_spool(f);
    append_pairs(f, 3000);
    assert_true(each_file(f->dir, ".seg", NULL) > 4);
    assert_int_equal(count_settled(f), 3000);
    close_spool(f);
    open_spool(f);
    assert_int_equal(f->interrupted, 0);
    assert_int_equal(count_settled(f), 3000);
    assert_true(spool_stats(f->spool).damaged == 0);
}

static void sequences_go_on_after_a_restart(void **state)
{
    struct fixture *f = *state;
    const struct spool_begin b = a_begin("gen-1");
    uint64_t last = 0;

    for (int i = 0; i < 5; i++) {
        uint64_t seq;

        open_spool(f);
        seq = spool_append_begin(f->spool, &b);
        assert_true(seq > last);
        last = seq;
        close_spool(f);
    }
    assert_int_equal(each_file(f->dir, ".seg", NULL), 1); /* the room of the file is used up */
}

static void the_oldest_segments_go_when_the_bound_is_reached(void **state)
{
    struct fixture *f = *state;
    struct spool_stats st;
    struct pm_buf out;
    char id[40];

    f->cfg.max_bytes = 4 * SEGMENT;
    open_spool(f);
    append_pairs(f, 4000);
    st = spool_stats(f->spool);
    assert_true(st.dropped_segments > 3 && st.first_seq > 1 && st.errors == 0);
    assert_true(each_file(f->dir, ".seg", NULL) <= 4);
    pm_buf_init(&out, 10000);
    assert_true(spool_generation_json(f->spool, nth(id, 3999), PM_NSTR, &out));
    assert_false(spool_generation_json(f->spool, nth(id, 0), PM_NSTR, &out));
    pm_buf_fini(&out);
}

static void a_call_outlives_the_segment_in_which_it_began(void **state)
{
    struct fixture *f = *state;
    const struct spool_begin b = a_begin("gen-slow");
    struct spool_attempt a = {.provider = PM_STR("groq"), .endpoint = PM_STR("groq/us")};
    struct spool_reader *reader;
    struct spool_entry e;
    struct pm_buf out;

    f->cfg.max_bytes = 3 * SEGMENT;
    open_spool(f);
    spool_append_begin(f->spool, &b);
    spool_append_attempt(f->spool, b.id, &a);
    append_pairs(f, 4000);
    assert_true(spool_stats(f->spool).dropped_segments > 5);
    assert_true(spool_stats(f->spool).bytes <= f->cfg.max_bytes);
    assert_true(spool_stats(f->spool).open_calls == 1);
    reader = spool_reader_new(f->spool, 0);
    for (int found = 0; found < 2;) {
        assert_true(spool_reader_next(reader, &e));
        found += pm_str_is(record_id(e.kind, e.bytes), "gen-slow");
        assert_true(found == 0 || e.repeated || e.kind == SPOOL_USAGE_RECORD);
    }
    spool_reader_free(reader);
    kill_and_reopen(f);
    assert_int_equal(f->interrupted, 1);
    pm_buf_init(&out, 10000);
    assert_true(spool_generation_json(f->spool, b.id, PM_NSTR, &out));
    assert_non_null(strstr(out.p, "\"provider_name\":\"groq\",\"router\""));
    assert_non_null(strstr(out.p, "\"external_user\":\"u-7\""));
    pm_buf_fini(&out);
}

static void a_generation_is_shown_as_openrouter_shows_it(void **state)
{
    struct fixture *f = *state;
    const struct spool_begin b = a_begin("gen-1766000000-aB3dE5fG7hJ9kL1mN2pQ");
    const struct spool_settled r = a_settled("gen-1766000000-aB3dE5fG7hJ9kL1mN2pQ");
    struct pm_buf out;

    open_spool(f);
    pm_buf_init(&out, 10000);
    spool_append_begin(f->spool, &b);
    assert_false(spool_generation_json(f->spool, b.id, PM_NSTR, &out)); /* not yet */
    assert_int_equal(out.n, 0);
    spool_append_settled(f->spool, &r);
    assert_false(spool_generation_json(f->spool, b.id, PM_STR("somebody else"), &out));
    assert_true(spool_generation_json(f->spool, b.id, r.begin.key, &out));
    assert_str(
        pm_buf_view(&out),
        "{\"data\":{\"id\":\"gen-1766000000-aB3dE5fG7hJ9kL1mN2pQ\",\"request_id\":null,"
        "\"upstream_id\":\"chatcmpl-9\",\"created_at\":\"2025-12-17T19:33:20.123Z\","
        "\"model\":\"openai/gpt-5.1-20251113\",\"provider_name\":\"azure\",\"router\":null,"
        "\"api_type\":\"completions\",\"streamed\":true,\"cancelled\":false,"
        "\"finish_reason\":\"stop\",\"native_finish_reason\":\"stop\",\"tokens_prompt\":10,"
        "\"tokens_completion\":25,\"native_tokens_prompt\":10,\"native_tokens_completion\":25,"
        "\"native_tokens_completion_images\":0,\"native_tokens_reasoning\":5,"
        "\"native_tokens_cached\":3,\"num_media_prompt\":null,\"num_input_audio_prompt\":null,"
        "\"num_media_completion\":null,\"num_search_results\":null,\"num_fetches\":null,"
        "\"web_search_engine\":null,\"usage\":0.0015,\"total_cost\":0.0015,"
        "\"upstream_inference_cost\":null,\"cache_discount\":null,\"is_byok\":false,"
        "\"service_tier\":\"default\",\"data_region\":\"global\",\"latency\":820,"
        "\"generation_time\":1200,\"moderation_latency\":null,"
        "\"origin\":\"https://app.example\",\"http_referer\":null,\"user_agent\":null,"
        "\"app_id\":null,\"external_user\":\"u-7\",\"session_id\":\"s-1\",\"preset_id\":null,"
        "\"workspace_id\":null,\"response_cache_source_id\":null,\"provider_responses\":["
        "{\"provider_name\":\"openai\",\"model_permaslug\":\"openai/gpt-5.1-20251113\","
        "\"endpoint_id\":\"openai/us\",\"status\":503,\"latency\":95,\"is_byok\":false},"
        "{\"provider_name\":\"azure\",\"model_permaslug\":\"openai/gpt-5.1-20251113\","
        "\"endpoint_id\":\"azure/eu\",\"status\":200,\"latency\":1104,\"is_byok\":false,"
        "\"id\":\"chatcmpl-9\"}]}}");
    pm_buf_fini(&out);
}

static void what_a_failed_call_does_not_have_is_null(void **state)
{
    struct fixture *f = *state;
    struct spool_settled r = {.begin = {.id = PM_STR("gen-f"), .operation = PM_STR("embeddings")},
                              .status = SPOOL_CANCELLED,
                              .upstream_cost_nano = 70,
                              .byok = true,
                              .first_token_ms = -1,
                              .total_ms = 3};
    static const char *const parts[] = {
        "\"model\":\"\"",
        "\"provider_name\":null",
        "\"api_type\":\"embeddings\"",
        "\"cancelled\":true",
        "\"finish_reason\":null",
        "\"tokens_prompt\":null",
        "\"native_tokens_cached\":null",
        "\"usage\":0,",
        "\"upstream_inference_cost\":0.00000007",
        "\"latency\":null,\"generation_time\":3",
        "\"origin\":\"\"",
        "\"provider_responses\":[]}}",
    };
    struct pm_buf out;

    open_spool(f);
    spool_append_settled(f->spool, &r);
    pm_buf_init(&out, 10000);
    assert_true(spool_generation_json(f->spool, r.begin.id, PM_NSTR, &out));
    for (size_t i = 0; i < PM_COUNT(parts); i++) {
        if (!strstr(out.p, parts[i]))
            fail_msg("no %s in %s", parts[i], out.p);
    }
    pm_buf_fini(&out);
}

static void a_generation_is_found_after_a_restart_and_in_old_segments(void **state)
{
    struct fixture *f = *state;
    struct pm_buf out;
    char id[40];

    open_spool(f);
    append_pairs(f, 1500);
    close_spool(f);
    open_spool(f);
    pm_buf_init(&out, 10000);
    for (unsigned i = 0; i < 1500; i += 499) {
        pm_buf_reset(&out);
        if (!spool_generation_json(f->spool, nth(id, i), PM_NSTR, &out))
            fail_msg("%s is gone", id);
        assert_non_null(strstr(out.p, id));
    }
    assert_false(spool_generation_json(f->spool, nth(id, 1500), PM_NSTR, &out));
    assert_false(spool_generation_json(f->spool, PM_STR("gen-99999999999-x"), PM_NSTR, &out));
    assert_false(spool_generation_json(f->spool, PM_STR(""), PM_NSTR, &out));
    assert_false(spool_generation_json(f->spool, PM_NSTR, PM_NSTR, &out));
    pm_buf_fini(&out);
}

static void an_answer_too_long_for_its_buffer_is_none(void **state)
{
    struct fixture *f = *state;
    const struct spool_settled r = a_settled("gen-1");
    struct pm_buf out;

    open_spool(f);
    spool_append_settled(f->spool, &r);
    pm_buf_init(&out, 100);
    assert_false(spool_generation_json(f->spool, r.begin.id, PM_NSTR, &out));
    assert_true(out.failed);
    pm_buf_fini(&out);
}

static void a_second_process_is_kept_out(void **state)
{
    struct fixture *f = *state;
    struct pm_error err = {0};
    size_t n;

    open_spool(f);
    assert_null(spool_open(&f->cfg, &f->loop, &n, &err));
    assert_non_null(strstr(err.text, "in use by another process"));
    close_spool(f);
    open_spool(f);
}

static void a_folder_that_cannot_be_used_is_a_clear_error(void **state)
{
    struct fixture *f = *state;
    const struct {
        struct spool_config cfg;
        const char *want;
    } rows[] = {
        {{"/proc/pointsman", SEGMENT, 3 * SEGMENT, 50}, "/proc/pointsman"},
        {{"/dev/null", SEGMENT, 3 * SEGMENT, 50}, "/dev/null"},
        {{"/dev/null/x", SEGMENT, 3 * SEGMENT, 50}, "/dev/null/x"},
        {{f->dir, 4096, 3 * SEGMENT, 50}, "segments"},
        {{f->dir, SIZE_MAX, UINT64_MAX, 50}, "segments"},
        {{f->dir, SEGMENT, 3 * SEGMENT - 1, 50}, "room for 3"},
    };

    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        struct pm_error err = {0};
        size_t n;

        assert_null(spool_open(&rows[i].cfg, &f->loop, &n, &err));
        if (!strstr(err.text, rows[i].want))
            fail_msg("%s", err.text);
    }
}

static void a_folder_is_made_with_those_above_it_for_its_owner_only(void **state)
{
    struct fixture *f = *state;
    char deep[100];
    struct stat st;

    snprintf(deep, sizeof(deep), "%s/a/b", f->dir);
    f->cfg.dir = deep;
    open_spool(f);
    assert_int_equal(stat(deep, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    close_spool(f);
    each_file(deep, "", delete_file);
    rmdir(deep);
    snprintf(deep, sizeof(deep), "%s/a", f->dir);
    rmdir(deep);
}

static void an_id_that_is_used_again_is_one_open_call(void **state)
{
    struct fixture *f = *state;
    const struct spool_begin b = a_begin("gen-1");
    const struct spool_settled r = a_settled("gen-1");

    open_spool(f);
    spool_append_begin(f->spool, &b);
    spool_append_begin(f->spool, &b);
    assert_true(spool_stats(f->spool).open_calls == 1);
    spool_append_settled(f->spool, &r);
    spool_append_attempt(f->spool, b.id, &r.attempts[0]); /* too late: it opens nothing */
    assert_true(spool_stats(f->spool).open_calls == 0);
}

#define SPOOL_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPOOL_TEST(entries_are_read_back_in_their_order),
        SPOOL_TEST(a_reader_may_begin_anywhere),
        SPOOL_TEST(a_group_of_appends_is_synced_once),
        SPOOL_TEST(segments_follow_each_other_without_a_gap),
        SPOOL_TEST(sequences_go_on_after_a_restart),
        SPOOL_TEST(the_oldest_segments_go_when_the_bound_is_reached),
        SPOOL_TEST(a_call_outlives_the_segment_in_which_it_began),
        SPOOL_TEST(a_generation_is_shown_as_openrouter_shows_it),
        SPOOL_TEST(what_a_failed_call_does_not_have_is_null),
        SPOOL_TEST(a_generation_is_found_after_a_restart_and_in_old_segments),
        SPOOL_TEST(an_answer_too_long_for_its_buffer_is_none),
        SPOOL_TEST(a_second_process_is_kept_out),
        SPOOL_TEST(a_folder_that_cannot_be_used_is_a_clear_error),
        SPOOL_TEST(a_folder_is_made_with_those_above_it_for_its_owner_only),
        SPOOL_TEST(an_id_that_is_used_again_is_one_open_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
