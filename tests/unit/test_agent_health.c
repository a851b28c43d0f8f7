/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/route_fixture.h"

#include "agent/health.h"

#define START (1000ULL * 1000) /* any time but zero */

static const struct health_limits limits = {.breaker_failures = 5, .breaker_open_ms = 10000};

/* Endpoints a and b of acme/one, and what is known of them. */
struct scene {
    struct world *w;
    struct health *h;
    const struct pm_endpoint *a, *b;
    uint64_t now;
};

static struct scene scene_new(void)
{
    struct scene s = {.w = world_new(), .now = START};

    s.a = world_add(s.w, "acme/one", "a", 1);
    s.b = world_add(s.w, "acme/one", "b", 1);
    world_finish(s.w);
    s.h = health_new(limits, 7);
    health_use_table(s.h, s.w->table);
    return s;
}

static void scene_free(struct scene *s)
{
    health_free(s->h);
    world_free(s->w);
}

static void tell(struct scene *s, enum health_class cls, bool probe)
{
    const struct health_outcome o = {.cls = cls,
                                     .probe = probe,
                                     .retry_after_ms = -1,
                                     .first_token_ms = -1,
                                     .output_tokens = -1,
                                     .total_ms = 0};

    health_outcome(s->h, s->a, &o, s->now);
}

static void tell_n(struct scene *s, enum health_class cls, int n)
{
    for (int i = 0; i < n; i++)
        tell(s, cls, false);
}

static const struct pm_health *look(struct scene *s)
{
    return &health_view(s->h, s->now)[s->a->index];
}

static void what_nobody_called_is_well(void **state)
{
    struct scene s = scene_new();
    const struct pm_health none = {0};

    (void)state;
    assert_memory_equal(look(&s), &none, sizeof(none));
    assert_false(health_probe_begin(s.h, s.a, s.now));
    scene_free(&s);
}

static void failures_in_a_row_open_the_breaker_of_that_endpoint_only(void **state)
{
    struct scene s = scene_new();

    (void)state;
    tell_n(&s, HEALTH_FAILED, 4);
    tell(&s, HEALTH_OK, false);
    tell_n(&s, HEALTH_FAILED, 4);
    assert_int_equal(look(&s)->breaker, PM_BREAKER_CLOSED);
    tell(&s, HEALTH_FAILED, false);
    assert_int_equal(look(&s)->breaker, PM_BREAKER_OPEN);
    assert_int_equal(health_view(s.h, s.now)[s.b->index].breaker, PM_BREAKER_CLOSED);
    scene_free(&s);
}

static void half_of_many_failing_opens_it_as_well(void **state)
{
    struct scene s = scene_new();

    (void)state;
    for (int i = 0; i < 9; i++) {
        tell(&s, HEALTH_FAILED, false);
        tell(&s, HEALTH_OK, false);
    }
    tell(&s, HEALTH_OK, false);
    assert_int_equal(look(&s)->breaker, PM_BREAKER_CLOSED);
    tell(&s, HEALTH_FAILED, false);
    assert_int_equal(look(&s)->breaker, PM_BREAKER_OPEN);
    scene_free(&s);
}

static void what_is_the_callers_fault_opens_nothing(void **state)
{
    struct scene s = scene_new();

    (void)state;
    tell_n(&s, HEALTH_NOT_COUNTED, 500);
    assert_int_equal(look(&s)->breaker, PM_BREAKER_CLOSED);
    assert_int_equal(look(&s)->uptime, PM_UPTIME_UNKNOWN);
    assert_false(look(&s)->outage);
    scene_free(&s);
}

static void without_a_limit_there_is_no_breaker(void **state)
{
    struct scene s = scene_new();

    (void)state;
    health_set_limits(s.h, (struct health_limits){0, 1000});
    tell_n(&s, HEALTH_FAILED, 100);
    assert_int_equal(look(&s)->breaker, PM_BREAKER_CLOSED);
    scene_free(&s);
}

/* Moves to the moment at which the breaker is half-open. The time it took. */
static uint64_t wait_for_half_open(struct scene *s)
{
    uint64_t from = s->now;

    while (look(s)->breaker == PM_BREAKER_OPEN)
        s->now += 100;
    assert_int_equal(look(s)->breaker, PM_BREAKER_HALF_OPEN);
    return s->now - from;
}

static void after_its_time_exactly_one_probe_goes(void **state)
{
    struct scene s = scene_new();

    (void)state;
    tell_n(&s, HEALTH_FAILED, 5);
    assert_false(health_probe_begin(s.h, s.a, s.now));
    assert_in_range(wait_for_half_open(&s), 8000, 12100); /* 10 s and a fifth more or less */
    assert_true(health_probe_begin(s.h, s.a, s.now));
    assert_int_equal(look(&s)->breaker, PM_BREAKER_OPEN);
    assert_false(health_probe_begin(s.h, s.a, s.now));
    tell(&s, HEALTH_OK, true);
    assert_int_equal(look(&s)->breaker, PM_BREAKER_CLOSED);
    assert_false(health_probe_begin(s.h, s.a, s.now));
    scene_free(&s);
}

static void each_failed_probe_doubles_the_wait_up_to_five_minutes(void **state)
{
    struct scene s = scene_new();
    uint64_t base = 10000;

    (void)state;
    tell_n(&s, HEALTH_FAILED, 5);
    for (int i = 0; i < 8; i++) {
        uint64_t waited = wait_for_half_open(&s);
        assert_in_range(waited, base * 4 / 5, base * 6 / 5 + 100);
        assert_true(health_probe_begin(s.h, s.a, s.now));
        tell(&s, HEALTH_FAILED, true);
        base = PM_MIN(base * 2, 300000);
    }
    wait_for_half_open(&s);
    assert_true(health_probe_begin(s.h, s.a, s.now));
    tell(&s, HEALTH_OK, true);
    tell_n(&s, HEALTH_FAILED, 5); /* and from the beginning again */
    assert_in_range(wait_for_half_open(&s), 8000, 12100);
    scene_free(&s);
}

static void a_probe_that_says_nothing_lets_another_one_go(void **state)
{
    struct scene s = scene_new();

    (void)state;
    tell_n(&s, HEALTH_FAILED, 5);
    wait_for_half_open(&s);
    assert_true(health_probe_begin(s.h, s.a, s.now));
    tell(&s, HEALTH_NOT_COUNTED, true); /* its client hung up */
    assert_int_equal(look(&s)->breaker, PM_BREAKER_HALF_OPEN);
    assert_true(health_probe_begin(s.h, s.a, s.now));
    scene_free(&s);
}

static void attempts_from_before_the_breaker_opened_change_nothing(void **state)
{
    struct scene s = scene_new();
    struct health_outcome late = {
        .retry_after_ms = -1, .first_token_ms = -1, .output_tokens = -1, .total_ms = 5000};

    (void)state;
    tell_n(&s, HEALTH_FAILED, 5);
    s.now += 4000;
    late.cls = HEALTH_OK;
    health_outcome(s.h, s.a, &late, s.now);
    assert_int_equal(look(&s)->breaker, PM_BREAKER_OPEN);
    wait_for_half_open(&s);
    late.cls = HEALTH_FAILED;
    late.total_ms = 60000;
    health_outcome(s.h, s.a, &late, s.now);
    assert_int_equal(look(&s)->breaker, PM_BREAKER_HALF_OPEN);
    scene_free(&s);
}

static void a_success_of_the_least_bad_closes_its_breaker(void **state)
{
    struct scene s = scene_new();

    (void)state;
    tell_n(&s, HEALTH_FAILED, 5);
    s.now += 100;
    tell(&s, HEALTH_OK, false);
    assert_int_equal(look(&s)->breaker, PM_BREAKER_CLOSED);
    scene_free(&s);
}

static void an_outage_lasts_half_a_minute(void **state)
{
    struct scene s = scene_new();

    (void)state;
    tell(&s, HEALTH_FAILED, false);
    assert_false(look(&s)->outage); /* one is an accident */
    tell(&s, HEALTH_FAILED, false);
    assert_true(look(&s)->outage);
    s.now += 24000;
    assert_true(look(&s)->outage);
    s.now += 6000;
    assert_false(look(&s)->outage);
    scene_free(&s);
}

static void a_few_failures_among_many_are_no_outage(void **state)
{
    struct scene s = scene_new();

    (void)state;
    tell_n(&s, HEALTH_OK, 7);
    tell_n(&s, HEALTH_FAILED, 2);
    assert_false(look(&s)->outage);
    tell(&s, HEALTH_FAILED, false);
    assert_true(look(&s)->outage);
    scene_free(&s);
}

static void uptime_has_its_tiers_from_a_hundred_requests_on(void **state)
{
    static const struct {
        int ok, failed;
        enum pm_uptime want;
    } cases[] = {
        {50, 49, PM_UPTIME_UNKNOWN}, {100, 0, PM_UPTIME_NORMAL},   {95, 5, PM_UPTIME_NORMAL},
        {94, 6, PM_UPTIME_DEGRADED}, {80, 20, PM_UPTIME_DEGRADED}, {79, 21, PM_UPTIME_DOWN},
        {0, 100, PM_UPTIME_DOWN},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(cases); i++) {
        struct scene s = scene_new();
        float want = (float)cases[i].failed / (float)(cases[i].ok + cases[i].failed);
        tell_n(&s, HEALTH_FAILED, cases[i].failed);
        tell_n(&s, HEALTH_OK, cases[i].ok);
        assert_int_equal(look(&s)->uptime, cases[i].want);
        assert_true(look(&s)->error_rate == want);
        s.now += 5 * 60 * 1000;
        assert_int_equal(look(&s)->uptime, PM_UPTIME_UNKNOWN);
        assert_true(look(&s)->error_rate == 0);
        scene_free(&s);
    }
}

static void who_asks_to_wait_is_left_alone_that_long(void **state)
{
    static const struct {
        int64_t asked;
        uint64_t want;
    } cases[] = {{30000, 30000}, {-1, 5000}, {INT64_MAX, 600000}};

    (void)state;
    for (size_t i = 0; i < PM_COUNT(cases); i++) {
        struct scene s = scene_new();
        const struct health_outcome o = {.cls = HEALTH_NOT_COUNTED,
                                         .cools = true,
                                         .retry_after_ms = cases[i].asked,
                                         .first_token_ms = -1,
                                         .output_tokens = -1};
        health_outcome(s.h, s.a, &o, s.now);
        s.now += cases[i].want - 1;
        assert_true(look(&s)->cooling);
        s.now += 1;
        assert_false(look(&s)->cooling);
        scene_free(&s);
    }
}

static void tell_speed(struct scene *s, enum health_class cls, int64_t first_ms, int64_t tokens,
                       int64_t total_ms)
{
    const struct health_outcome o = {.cls = cls,
                                     .retry_after_ms = -1,
                                     .first_token_ms = first_ms,
                                     .output_tokens = tokens,
                                     .total_ms = total_ms};

    health_outcome(s->h, s->a, &o, s->now);
}

static bool is_about(float got, float want)
{
    return got > want * 0.8F && got < want * 1.2F;
}

static void latency_and_throughput_are_measured_in_quantiles(void **state)
{
    struct scene s = scene_new();
    struct health_report r;

    (void)state;
    for (int i = 0; i < 100; i++) {
        bool slow = i % 10 == 0;
        tell_speed(&s, HEALTH_OK, slow ? 4000 : 400, 200, slow ? 20000 : 2500);
    }
    assert_true(is_about(look(&s)->latency_s.p50, 0.4F));
    assert_true(is_about(look(&s)->latency_s.p75, 0.4F));
    assert_true(is_about(look(&s)->latency_s.p99, 4));
    assert_true(is_about(look(&s)->tokens_per_s.p50, 80));
    health_report(s.h, s.a, s.now, &r);
    assert_true(r.has_latency && r.has_throughput);
    assert_true(is_about(r.latency_s.p99, 4));
    s.now += 5 * 60 * 1000;
    assert_true(look(&s)->latency_s.p50 == 0 && look(&s)->tokens_per_s.p99 == 0);
    health_report(s.h, s.a, s.now, &r);
    assert_true(r.has_latency); /* of 30 minutes */
    s.now += 30 * 60 * 1000;
    health_report(s.h, s.a, s.now, &r);
    assert_false(r.has_latency);
    scene_free(&s);
}

static void quantiles_rise_and_stay_within_what_was_measured(void **state)
{
    struct scene s = scene_new();

    (void)state;
    for (int i = 0; i < 70000; i++) { /* more than a counter of a bucket holds */
        const struct pm_quantiles *q = &look(&s)->latency_s;
        tell_speed(&s, HEALTH_OK, i % 1000 + 1, -1, 1000);
        assert_true(q->p50 <= q->p75 && q->p75 <= q->p90 && q->p90 <= q->p99);
        assert_true(q->p99 <= 1.2F);
    }
    s.now += 100; /* under load they are as old as this at most */
    tell_speed(&s, HEALTH_OK, 500, -1, 1000);
    assert_true(is_about(look(&s)->latency_s.p50, 0.5F));
    assert_true(is_about(look(&s)->latency_s.p90, 0.9F));
    scene_free(&s);
}

static void a_fast_error_is_never_a_fast_answer(void **state)
{
    struct scene s = scene_new();

    (void)state;
    for (int i = 0; i < 10; i++) {
        tell_speed(&s, HEALTH_FAILED, 1, 1000, 1);
        tell_speed(&s, HEALTH_NOT_COUNTED, 1, 1000, 1);
    }
    assert_true(look(&s)->latency_s.p50 == 0);
    assert_true(look(&s)->tokens_per_s.p50 == 0);
    scene_free(&s);
}

static void too_few_answers_give_no_quantile(void **state)
{
    struct scene s = scene_new();

    (void)state;
    for (int i = 0; i < 4; i++)
        tell_speed(&s, HEALTH_OK, 500, 100, 1000);
    assert_true(look(&s)->latency_s.p50 == 0);
    tell_speed(&s, HEALTH_OK, 500, 100, 1000);
    assert_true(is_about(look(&s)->latency_s.p50, 0.5F));
    scene_free(&s);
}

static void the_report_has_uptimes_of_three_spans(void **state)
{
    struct scene s = scene_new();
    struct health_report r;

    (void)state;
    health_report(s.h, s.a, s.now, &r);
    assert_true(r.uptime_5m < 0 && r.uptime_30m < 0 && r.uptime_1d < 0);
    tell(&s, HEALTH_FAILED, false);
    s.now += 60ULL * 60 * 1000;
    tell(&s, HEALTH_OK, false);
    s.now += 10ULL * 60 * 1000;
    tell_n(&s, HEALTH_OK, 2);
    health_report(s.h, s.a, s.now, &r);
    assert_true(r.uptime_5m == 100 && r.uptime_30m == 100 && r.uptime_1d == 75);
    s.now += 25ULL * 3600 * 1000;
    health_report(s.h, s.a, s.now, &r);
    assert_true(r.uptime_1d < 0);
    scene_free(&s);
}

static void a_new_table_keeps_what_is_known_by_model_and_tag(void **state)
{
    struct scene s = scene_new(), other = scene_new();
    struct world *w = world_new();
    const struct pm_endpoint *a;

    (void)state;
    tell_n(&s, HEALTH_FAILED, 5);
    world_add(w, "acme/zero", "a", 1);
    world_add(w, "acme/one", "c", 1);
    a = world_add(w, "acme/one", "a", 1);
    world_finish(w);
    health_use_table(s.h, w->table);
    assert_int_equal(health_view(s.h, s.now)[a->index].breaker, PM_BREAKER_OPEN);
    assert_int_equal(health_view(s.h, s.now)[0].breaker, PM_BREAKER_CLOSED);
    s.now += 1;
    tell(&s, HEALTH_OK, false); /* a relay that began on the table before */
    assert_int_equal(health_view(s.h, s.now)[a->index].breaker, PM_BREAKER_CLOSED);
    health_use_table(s.h, other.w->table);
    assert_int_equal(health_view(s.h, s.now)[0].breaker, PM_BREAKER_CLOSED);
    scene_free(&s);
    scene_free(&other);
    world_free(w);
}

static void an_outcome_of_what_the_table_no_longer_has_is_forgotten(void **state)
{
    struct scene s = scene_new();
    struct world *w = world_new();
    struct health_report r;

    (void)state;
    world_add(w, "acme/two", "z", 1);
    world_finish(w);
    health_use_table(s.h, w->table);
    tell_n(&s, HEALTH_FAILED, 5);
    assert_false(health_probe_begin(s.h, s.a, s.now));
    assert_int_equal(health_view(s.h, s.now)[0].breaker, PM_BREAKER_CLOSED);
    health_report(s.h, s.a, s.now, &r);
    assert_true(r.uptime_5m < 0);
    scene_free(&s);
    world_free(w);
}

static void seven_hundred_endpoints_fit_in_half_a_mebibyte(void **state)
{
    struct pm_table_build *b = pm_table_build_new();
    struct pm_provider *p = pm_table_add_provider(b, PM_STR("a"));
    struct health *h = health_new(limits, 1);
    const struct health_outcome o = {.cls = HEALTH_OK};
    struct pm_table *t;

    (void)state;
    for (int i = 0; i < 700; i++) {
        char id[16];
        snprintf(id, sizeof(id), "acme/%d", i);
        pm_table_add_endpoint(b, pm_table_add_model(b, pm_table_text(b, pm_str(id))), p,
                              PM_STR("a"));
    }
    t = pm_table_finish(b);
    health_use_table(h, t);
    assert_true(health_bytes(h) < 50000); /* nothing for who is not called */
    for (size_t i = 0; i < t->n_endpoints; i++)
        health_outcome(h, t->endpoints[i], &o, START);
    assert_true(health_bytes(h) <= 512 * 1024);
    health_free(h);
    pm_table_unref(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nobody_called_is_well),
        cmocka_unit_test(failures_in_a_row_open_the_breaker_of_that_endpoint_only),
        cmocka_unit_test(half_of_many_failing_opens_it_as_well),
        cmocka_unit_test(what_is_the_callers_fault_opens_nothing),
        cmocka_unit_test(without_a_limit_there_is_no_breaker),
        cmocka_unit_test(after_its_time_exactly_one_probe_goes),
        cmocka_unit_test(each_failed_probe_doubles_the_wait_up_to_five_minutes),
        cmocka_unit_test(a_probe_that_says_nothing_lets_another_one_go),
        cmocka_unit_test(attempts_from_before_the_breaker_opened_change_nothing),
        cmocka_unit_test(a_success_of_the_least_bad_closes_its_breaker),
        cmocka_unit_test(an_outage_lasts_half_a_minute),
        cmocka_unit_test(a_few_failures_among_many_are_no_outage),
        cmocka_unit_test(uptime_has_its_tiers_from_a_hundred_requests_on),
        cmocka_unit_test(who_asks_to_wait_is_left_alone_that_long),
        cmocka_unit_test(latency_and_throughput_are_measured_in_quantiles),
        cmocka_unit_test(quantiles_rise_and_stay_within_what_was_measured),
        cmocka_unit_test(a_fast_error_is_never_a_fast_answer),
        cmocka_unit_test(too_few_answers_give_no_quantile),
        cmocka_unit_test(the_report_has_uptimes_of_three_spans),
        cmocka_unit_test(a_new_table_keeps_what_is_known_by_model_and_tag),
        cmocka_unit_test(an_outcome_of_what_the_table_no_longer_has_is_forgotten),
        cmocka_unit_test(seven_hundred_endpoints_fit_in_half_a_mebibyte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
