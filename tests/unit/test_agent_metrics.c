/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "agent/metrics.h"

static char *print(struct metrics *m)
{
    struct pm_buf b;

    pm_buf_init(&b, 16 << 20);
    assert_true(metrics_print(m, &b));
    return pm_buf_detach(&b);
}

static void must_have(const char *text, const char *line)
{
    const char *at = strstr(text, line);

    if (!at || (at != text && at[-1] != '\n'))
        fail_msg("no line %s in\n%s", line, text);
}

static size_t count(const char *text, const char *part)
{
    size_t n = 0;

    for (const char *p = text; (p = strstr(p, part)); p++)
        n++;
    return n;
}

static void counters_and_gauges_are_printed_with_their_labels(void **state)
{
    struct metrics *m = metrics_new();
    char *text;

    (void)state;
    *metrics_counter(m, METRIC_REQUESTS, PM_STR("chat"), PM_STR("200")) += 7;
    *metrics_counter(m, METRIC_REQUESTS, PM_STR("chat"), PM_STR("503")) += 1;
    *metrics_counter(m, METRIC_REQUESTS, PM_STR("chat"), PM_STR("200")) += 2;
    *metrics_gauge(m, METRIC_INFLIGHT) = -3;
    *metrics_counter(m, METRIC_COST_NANO_USD, PM_STR("openai"), PM_STR("m")) = UINT64_MAX;
    text = print(m);
    must_have(text, "# HELP pointsman_requests_total Requests answered");
    must_have(text, "# TYPE pointsman_requests_total counter\n"
                    "pointsman_requests_total{operation=\"chat\",status=\"200\"} 9\n"
                    "pointsman_requests_total{operation=\"chat\",status=\"503\"} 1\n# HELP");
    must_have(text, "# TYPE pointsman_inflight gauge\npointsman_inflight -3\n");
    must_have(text, "pointsman_cost_nano_usd_total{provider=\"openai\",model=\"m\"} "
                    "18446744073709551615\n");
    must_have(text, "pointsman_connections 0\n"); /* never touched, there all the same */
    must_have(text, "pointsman_build_info{version=\"" PM_VERSION "\"} 1\n");
    free(text);
    metrics_free(m);
}

static void histograms_are_cumulative_and_in_seconds(void **state)
{
    struct metrics *m = metrics_new();
    struct metrics_histogram *h = metrics_histogram(m, METRIC_REQUEST_SECONDS, PM_STR("chat"));
    char *text;

    (void)state;
    metrics_observe(h, 0);
    metrics_observe(h, 1000); /* on a bound: inside */
    metrics_observe(h, 1001);
    metrics_observe(h, 700000000); /* above all */
    text = print(m);
    must_have(text, "# TYPE pointsman_request_seconds histogram\n");
    must_have(text, "pointsman_request_seconds_bucket{operation=\"chat\",le=\"0.001\"} 2\n"
                    "pointsman_request_seconds_bucket{operation=\"chat\",le=\"0.0025\"} 3\n");
    must_have(text, "pointsman_request_seconds_bucket{operation=\"chat\",le=\"600\"} 3\n"
                    "pointsman_request_seconds_bucket{operation=\"chat\",le=\"+Inf\"} 4\n"
                    "pointsman_request_seconds_sum{operation=\"chat\"} 700.002001\n"
                    "pointsman_request_seconds_count{operation=\"chat\"} 4\n");
    free(text);
    metrics_free(m);
}

static void label_values_cannot_break_out_of_their_quotes(void **state)
{
    struct metrics *m = metrics_new();
    char *text, *line, longer[400];

    (void)state;
    memset(longer, 'x', sizeof(longer));
    *metrics_counter(m, METRIC_FALLBACKS, PM_STR("a\"} 1\nevil 2 \\")) = 5;
    *metrics_counter(m, METRIC_FALLBACKS, PM_STR("\xff\0z")) = 6;
    *metrics_counter(m, METRIC_FALLBACKS, pm_str_n(longer, sizeof(longer))) = 7;
    *metrics_counter(m, METRIC_FALLBACKS) = 8;
    text = print(m);
    must_have(text, "pointsman_fallbacks_total{reason=\"a\\\"} 1\\nevil 2 \\\\\"} 5\n");
    must_have(text, "pointsman_fallbacks_total{reason=\"??z\"} 6\n");
    must_have(text, "pointsman_fallbacks_total{reason=\"\"} 8\n");
    line = strstr(text, "{reason=\"xxx");
    assert_non_null(line);
    assert_int_equal(strcspn(line, "\n"), strlen("{reason=\"\"} 7") + 128);
    free(text);
    metrics_free(m);
}

static void too_many_models_become_other_but_kinds_stay(void **state)
{
    struct metrics *m = metrics_new();
    uint64_t sum = 0;
    char *text;

    (void)state;
    for (int i = 0; i < 5000; i++) {
        char model[32];

        snprintf(model, sizeof(model), "m%d", i);
        *metrics_counter(m, METRIC_TOKENS, PM_STR("p"), pm_str(model),
                         i % 2 ? PM_STR("prompt") : PM_STR("completion")) += 1;
    }
    sum += *metrics_counter(m, METRIC_TOKENS, PM_STR("other"), PM_STR("other"), PM_STR("prompt"));
    sum +=
        *metrics_counter(m, METRIC_TOKENS, PM_STR("other"), PM_STR("other"), PM_STR("completion"));
    assert_int_equal(sum, 3000);
    assert_int_equal(
        *metrics_counter(m, METRIC_TOKENS, PM_STR("p"), PM_STR("m7"), PM_STR("prompt")), 1);
    text = print(m);
    assert_int_equal(count(text, "\npointsman_tokens_total{"), 2002);
    free(text);
    metrics_free(m);
}

/* Not even a mistake in our own labels makes the exposition grow without bound. */
static void nothing_grows_without_bound(void **state)
{
    struct metrics *m = metrics_new();
    char *text;

    (void)state;
    for (int i = 0; i < 2000; i++) {
        char status[32];

        snprintf(status, sizeof(status), "%d", i);
        *metrics_counter(m, METRIC_REQUESTS, PM_STR("chat"), pm_str(status)) += 1;
    }
    text = print(m);
    assert_true(count(text, "\npointsman_requests_total{") <= 1001);
    must_have(text, "pointsman_requests_total{operation=\"other\",status=\"other\"} 1000\n");
    free(text);
    metrics_free(m);
}

/* Two series with the same printed labels would make the whole scrape invalid. */
static void values_that_print_alike_are_one_series(void **state)
{
    struct metrics *m = metrics_new();
    uint64_t *cell = metrics_counter(m, METRIC_FALLBACKS, PM_STR("?"));

    (void)state;
    assert_ptr_equal(metrics_counter(m, METRIC_FALLBACKS, PM_STR("\xff")), cell);
    assert_ptr_equal(metrics_counter(m, METRIC_FALLBACKS, PM_STR("\0")), cell);
    assert_ptr_not_equal(metrics_counter(m, METRIC_COST_NANO_USD, PM_STR("a"), PM_STR("bc")),
                         metrics_counter(m, METRIC_COST_NANO_USD, PM_STR("ab"), PM_STR("c")));
    metrics_free(m);
}

static void a_cell_stays_where_it_is(void **state)
{
    struct metrics *m = metrics_new();
    uint64_t *first = metrics_counter(m, METRIC_COST_NANO_USD, PM_STR("p"), PM_STR("m"));

    (void)state;
    for (int i = 0; i < 3000; i++) {
        char model[32];

        snprintf(model, sizeof(model), "m%d", i);
        metrics_counter(m, METRIC_COST_NANO_USD, PM_STR("p"), pm_str(model));
    }
    assert_ptr_equal(metrics_counter(m, METRIC_COST_NANO_USD, PM_STR("p"), PM_STR("m")), first);
    metrics_free(m);
}

static void a_cleared_gauge_forgets_endpoints_that_are_gone(void **state)
{
    struct metrics *m = metrics_new();
    char *text;

    (void)state;
    *metrics_gauge(m, METRIC_BREAKER_STATE, PM_STR("old")) = 2;
    metrics_clear(m, METRIC_BREAKER_STATE);
    *metrics_gauge(m, METRIC_BREAKER_STATE, PM_STR("new")) = 1;
    text = print(m);
    must_have(text, "pointsman_breaker_state{endpoint=\"new\"} 1\n");
    assert_null(strstr(text, "\"old\""));
    free(text);
    metrics_free(m);
}

static int64_t value_of(const char *text, const char *name)
{
    const char *at = strstr(text, name);

    assert_non_null(at);
    return strtoll(at + strlen(name), NULL, 10);
}

static void the_process_tells_of_itself(void **state)
{
    struct metrics *m = metrics_new();
    char *text = print(m);

    (void)state;
    assert_true(value_of(text, "\nprocess_resident_memory_bytes ") > 100000);
    assert_true(value_of(text, "\nprocess_open_fds ") >= 3);
    assert_true(value_of(text, "\nprocess_max_fds ") > 3);
    assert_true(value_of(text, "\nprocess_start_time_seconds ") > 1700000000);
    assert_true(value_of(text, "\nprocess_cpu_seconds_total ") >= 0);
    free(text);
    metrics_free(m);
}

static void an_exposition_that_does_not_fit_is_refused(void **state)
{
    struct metrics *m = metrics_new();
    struct pm_buf b;

    (void)state;
    pm_buf_init(&b, 100);
    assert_false(metrics_print(m, &b));
    pm_buf_fini(&b);
    metrics_free(m);
    metrics_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_and_gauges_are_printed_with_their_labels),
        cmocka_unit_test(histograms_are_cumulative_and_in_seconds),
        cmocka_unit_test(label_values_cannot_break_out_of_their_quotes),
        cmocka_unit_test(too_many_models_become_other_but_kinds_stay),
        cmocka_unit_test(nothing_grows_without_bound),
        cmocka_unit_test(values_that_print_alike_are_one_series),
        cmocka_unit_test(a_cell_stays_where_it_is),
        cmocka_unit_test(a_cleared_gauge_forgets_endpoints_that_are_gone),
        cmocka_unit_test(the_process_tells_of_itself),
        cmocka_unit_test(an_exposition_that_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
