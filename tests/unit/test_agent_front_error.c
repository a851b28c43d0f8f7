/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "agent/front/front.h"
#include "common/route/build.h"

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

/* The envelope as text, and its `error`; fails unless clients can read it. */
static struct pm_jval write_error(const struct front_error *e)
{
    struct pm_jval root, error, code;
    int64_t status;

    pm_buf_reset(&out);
    assert_true(front_write_error(e, &out));
    assert_true(pm_json_ok(pm_buf_view(&out), &root));
    error = pm_json_get(root, "error");
    code = pm_json_get(error, "code");
    assert_true(pm_json_i64(code, &status));
    assert_int_equal(status, e->status);
    assert_int_equal(pm_json_get(error, "message").type, PM_JSTR);
    assert_int_equal(pm_json_get(pm_json_get(error, "metadata"), "error_type").type, PM_JSTR);
    assert_null(strstr(out.p, "\"\"")); /* never an empty string */
    return error;
}

static void an_error_has_its_status_as_a_number_and_a_type(void **state)
{
    const struct front_error e = {
        .status = 404, .message = PM_STR_INIT("No such \"thing\" here"), .retry_after_ms = -1};

    (void)state;
    write_error(&e);
    assert_str(pm_buf_view(&out),
               "{\"error\":{\"code\":404,\"message\":\"No such \\\"thing\\\" here\","
               "\"metadata\":{\"error_type\":\"not_found\"}}}");
}

static void every_status_has_the_type_that_clients_know(void **state)
{
    static const struct {
        unsigned status;
        const char *type;
    } rows[] = {{400, "invalid_request"},
                {401, "authentication"},
                {402, "payment_required"},
                {403, "permission_denied"},
                {404, "not_found"},
                {405, "invalid_request"},
                {408, "timeout"},
                {413, "payload_too_large"},
                {422, "unprocessable"},
                {429, "rate_limit_exceeded"},
                {431, "invalid_request"},
                {500, "server"},
                {502, "provider_unavailable"},
                {503, "provider_overloaded"},
                {504, "timeout"},
                {524, "timeout"},
                {529, "provider_overloaded"},
                {599, "unmapped"}};

    (void)state;
    for (size_t i = 0; i < PM_COUNT(rows); i++)
        assert_string_equal(front_error_type(rows[i].status), rows[i].type);
}

static void what_failed_before_is_listed(void **state)
{
    struct front_previous previous[] = {{PM_STR_INIT("OpenAI"), PM_STR_INIT("server_error"), 503},
                                        {PM_STR_INIT("Azure"), {0}, 429}};
    const struct pm_str models[] = {PM_STR_INIT("a/b"), PM_STR_INIT("c/d")};
    const struct front_error e = {
        .status = 429,
        .message = PM_STR_INIT("Provider returned error"),
        .provider_name = PM_STR_INIT("Azure"),
        .provider_code = PM_STR_INIT("rate_limit"),
        .raw = PM_STR_INIT("{\"error\":1}"),
        .availability = PM_STR_INIT("capacity_exhausted"),
        .retry_after_ms = 1500,
        .previous = previous,
        .n_previous = 2,
        .requested_models = models,
        .n_requested_models = 2,
        .metadata = PM_STR_INIT("{\"attempt\":2}"),
    };

    (void)state;
    write_error(&e);
    assert_str(
        pm_buf_view(&out),
        "{\"error\":{\"code\":429,\"message\":\"Provider returned error\",\"metadata\":{"
        "\"error_type\":\"rate_limit_exceeded\",\"provider_name\":\"Azure\","
        "\"provider_code\":\"rate_limit\",\"raw\":\"{\\\"error\\\":1}\",\"previous_errors\":["
        "{\"provider\":\"OpenAI\",\"code\":\"server_error\",\"status\":503},"
        "{\"provider\":\"Azure\",\"code\":null,\"status\":429}]},"
        "\"availability\":{\"code\":\"capacity_exhausted\",\"retryable\":true,"
        "\"requested_models\":[\"a/b\",\"c/d\"],\"retry_after\":2,"
        "\"docs_url\":\"docs/errors.md#capacity_exhausted\"}},"
        "\"openrouter_metadata\":{\"attempt\":2}}");
}

static void a_fault_of_our_own_tells_nothing(void **state)
{
    struct front_previous previous[] = {{PM_STR_INIT("OpenAI"), PM_STR_INIT("secret"), 503}};
    const struct front_error e = {
        .status = 500,
        .message = PM_STR_INIT("secret at 0x1234"),
        .error_type = "provider_overloaded",
        .provider_code = PM_STR_INIT("secret"),
        .raw = PM_STR_INIT("secret"),
        .availability = PM_STR_INIT("secret"),
        .previous = previous,
        .n_previous = 1,
        .metadata = PM_STR_INIT("{\"secret\":1}"),
    };

    (void)state;
    write_error(&e);
    assert_null(strstr(out.p, "secret"));
    assert_non_null(strstr(out.p, "\"error_type\":\"server\""));
}

static void a_refusal_names_the_rule_that_left_each_endpoint_out(void **state)
{
    struct pm_table_build *b = pm_table_build_new();
    struct pm_provider *p = pm_table_add_provider(b, PM_STR("azure"));
    struct pm_model *m = pm_table_add_model(b, PM_STR("openai/gpt-5.1"));
    struct pm_endpoint *first = pm_table_add_endpoint(b, m, p, PM_STR("azure"));
    struct pm_endpoint *second = pm_table_add_endpoint(b, m, p, PM_STR("azure/eu"));
    struct pm_table *t = pm_table_finish(b);
    struct pm_note notes[] = {{first, PM_R_DISABLED, -1, 0}, {second, PM_R_MAX_PRICE, -1, 0}};
    const struct pm_decision d = {.failed = PM_NO_ENDPOINT,
                                  .status = 404,
                                  .error_type = "not_found",
                                  .availability = PM_STR_INIT("constraint_filtered"),
                                  .excluded_by = {"max_price"},
                                  .n_excluded_by = 1,
                                  .notes = notes,
                                  .n_notes = 2};
    const struct pm_str model = PM_STR_INIT("openai/gpt-5.1");
    const struct front_error e = {.status = 404,
                                  .message = PM_STR_INIT("No endpoints found"),
                                  .decision = &d,
                                  .retry_after_ms = -1,
                                  .requested_models = &model,
                                  .n_requested_models = 1};
    struct pm_jval error = write_error(&e), excluded, available, item;
    struct pm_jiter it;

    (void)state;
    available = pm_json_get(error, "availability");
    assert_str(pm_json_get(available, "code").raw, "\"constraint_filtered\"");
    assert_str(pm_json_get(available, "retryable").raw, "false");
    assert_str(pm_json_get(available, "excluded_by").raw, "[\"max_price\"]");
    assert_str(pm_json_get(pm_json_get(available, "constraint"), "field").raw, "\"max_price\"");
    assert_int_equal(pm_json_get(available, "retry_after").type, PM_JNONE);

    excluded = pm_json_get(pm_json_get(error, "metadata"), "excluded_endpoints");
    it = pm_json_iter(excluded);
    assert_true(pm_json_item(&it, &item));
    assert_str(pm_json_get(item, "endpoint").raw, "\"azure\"");
    assert_true(pm_json_item(&it, &item));
    assert_str(pm_json_get(item, "endpoint").raw, "\"azure/eu\"");
    assert_str(pm_json_get(item, "model").raw, "\"openai/gpt-5.1\"");
    assert_str(pm_json_get(item, "reason").raw, "\"max_price\"");
    assert_false(pm_json_item(&it, &item));
    pm_table_unref(t);
}

static void a_providers_text_is_cut_and_stays_valid(void **state)
{
    static char raw[5000];
    const struct front_error e = {.status = 502,
                                  .message = PM_STR_INIT("Provider returned error"),
                                  .raw = {raw, sizeof(raw)},
                                  .retry_after_ms = -1};

    (void)state;
    for (size_t i = 0; i + 1 < sizeof(raw); i += 2)
        memcpy(raw + i, "\xc3\xa9", 2);
    raw[0] = '\xff';
    write_error(&e);
    assert_in_range(out.n, 2000, 2300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_has_its_status_as_a_number_and_a_type),
        cmocka_unit_test(every_status_has_the_type_that_clients_know),
        cmocka_unit_test(what_failed_before_is_listed),
        cmocka_unit_test(a_fault_of_our_own_tells_nothing),
        cmocka_unit_test(a_refusal_names_the_rule_that_left_each_endpoint_out),
        cmocka_unit_test(a_providers_text_is_cut_and_stays_valid),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
