/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "agent/provider/failure.h"

struct sample {
    const char *dialect;
    unsigned status;
    const char *body;
    enum failure_class want;
};

static struct failure classify(struct pm_arena *a, const char *dialect, struct failure_input in)
{
    struct failure f;

    failure_classify(dialect_find(pm_str(dialect)), &in, a, &f);
    return f;
}

static void check_samples(const struct sample *s, size_t n)
{
    struct pm_arena a;

    pm_arena_init(&a, 4096, 1 << 20);
    for (size_t i = 0; i < n; i++) {
        struct failure f =
            classify(&a, s[i].dialect,
                     (struct failure_input){.status = s[i].status, .body = pm_str(s[i].body)});

        if (f.cls != s[i].want)
            fail_msg("%s %u %s: got %s, want %s", s[i].dialect, s[i].status, s[i].body,
                     failure_rule(f.cls)->name, failure_rule(s[i].want)->name);
        assert_int_equal(f.upstream_status, s[i].status);
        pm_arena_reset(&a);
    }
    pm_arena_fini(&a);
}
#define CHECK(rows) check_samples(rows, PM_COUNT(rows))

static const struct sample context_overflows[] = {
    {"openai", 400,
     "{\"error\":{\"message\":\"This model's maximum context length is 4097 tokens. However, "
     "you "
     "requested 5000.\",\"type\":\"invalid_request_error\",\"param\":\"messages\",\"code\":"
     "\"context_length_exceeded\"}}",
     FAIL_CONTEXT_LENGTH},
    {"openai", 400,
     "{\"error\":{\"message\":\"Invalid 'messages[0].content': string too long.\",\"type\":"
     "\"invalid_request_error\",\"param\":\"messages[0].content\",\"code\":"
     "\"string_above_max_length\"}}",
     FAIL_CONTEXT_LENGTH},
    {"openai", 400,
     "{\"error\":{\"message\":\"Invalid 'user': string too long.\",\"param\":\"user\",\"code\":"
     "\"string_above_max_length\"}}",
     FAIL_INVALID_REQUEST},
    {"compatible", 400,
     "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"prompt "
     "is "
     "too long: 210000 tokens > 200000 maximum\"}}",
     FAIL_CONTEXT_LENGTH},
    {"compatible", 400,
     "{\"error\":{\"message\":\"input length and `max_tokens` exceed context limit: 190000 + "
     "20000 > 200000\"}}",
     FAIL_CONTEXT_LENGTH},
    {"compatible", 400,
     "[{\"error\":{\"code\":400,\"status\":\"INVALID_ARGUMENT\",\"message\":\"The input token "
     "count (1200000) exceeds the maximum number of tokens allowed (1048575).\"}}]",
     FAIL_CONTEXT_LENGTH},
    {"compatible", 400, "{\"message\":\"Input is too long for requested model.\"}",
     FAIL_CONTEXT_LENGTH},
    {"compatible", 400, "{\"message\":\"too many total text bytes: 9 > 8\"}", FAIL_CONTEXT_LENGTH},
    {"compatible", 400, "{\"Message\":\"x\",\"message\":\"prompt is too long\"}",
     FAIL_CONTEXT_LENGTH},
    {"compatible", 400,
     "{\"message\":\"Mantle streaming error for requestId 429: This model's maximum context "
     "length is 8192 tokens\"}",
     FAIL_CONTEXT_LENGTH},
    {"vllm", 400,
     "{\"object\":\"error\",\"message\":\"This model's maximum context length is 4096 tokens. "
     "However, you requested 2000 output tokens and your prompt contains at least 3000 input "
     "tokens\",\"type\":\"BadRequestError\",\"param\":null,\"code\":400}",
     FAIL_CONTEXT_LENGTH},
    {"llamacpp", 400,
     "{\"error\":{\"code\":400,\"message\":\"request (9000 tokens) exceeds the available "
     "context "
     "size (4096 tokens), try increasing it\",\"type\":\"exceed_context_size_error\","
     "\"n_prompt_tokens\":9000,\"n_ctx\":4096}}",
     FAIL_CONTEXT_LENGTH},
    {"xai", 400,
     "{\"code\":\"Client specified an invalid argument\",\"error\":\"This model's maximum "
     "prompt "
     "length is 131072 but the request contains 136973 tokens.\"}",
     FAIL_CONTEXT_LENGTH},
    {"moonshotai", 400,
     "{\"error\":{\"message\":\"Input token length too long\",\"type\":"
     "\"invalid_request_error\"}}",
     FAIL_CONTEXT_LENGTH},
    {"moonshotai", 400,
     "{\"error\":{\"message\":\"Invalid request: Your request exceeded model token limit : "
     "262144\",\"type\":\"invalid_request_error\"}}",
     FAIL_CONTEXT_LENGTH},
    {"alibaba", 400,
     "{\"error\":{\"message\":\"<400> InternalError.Algo.InvalidParameter: Range of input "
     "length "
     "should be [1, 204800]\",\"type\":\"invalid_request_error\",\"code\":"
     "\"invalid_parameter_error\"},\"request_id\":\"1\"}",
     FAIL_CONTEXT_LENGTH},
    {"mistral", 400,
     "{\"object\":\"error\",\"message\":\"Prompt contains 40000 tokens and 0 draft tokens, too "
     "large for model with 32768 maximum context length\",\"type\":\"invalid_request_error\","
     "\"param\":null,\"code\":null}",
     FAIL_CONTEXT_LENGTH},
    {"together", 403,
     "{\"error\":{\"message\":\"Input validation error: `inputs` tokens + `max_new_tokens` "
     "must "
     "be <= 4097\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":null}}",
     FAIL_CONTEXT_LENGTH},
    {"together", 403, "{\"error\":{\"message\":\"input tokens and max_tokens are too many\"}}",
     FAIL_CONTEXT_LENGTH},
    {"together", 403, "{\"error\":{\"message\":\"forbidden\"}}", FAIL_PERMISSION},
    {"groq", 413,
     "{\"error\":{\"message\":\"Request Entity Too Large\",\"type\":\"invalid_request_error\","
     "\"code\":\"request_too_large\"}}",
     FAIL_CONTEXT_LENGTH},
};

static void the_context_overflow_of_every_provider_is_recognised(void **state)
{
    (void)state;
    CHECK(context_overflows);
}

static void throttling_is_told_from_what_its_text_looks_like(void **state)
{
    static const struct sample rows[] = {
        {"compatible", 429, "{\"message\":\"Too many tokens, please wait before trying again.\"}",
         FAIL_RATE_LIMIT},
        {"compatible", 400, "{\"message\":\"Too many tokens, please wait before trying again.\"}",
         FAIL_RATE_LIMIT},
        {"openai", 429,
         "{\"error\":{\"message\":\"Rate limit reached for gpt-4o in organization org-1 on tokens "
         "per "
         "min (TPM): Limit 30000, Used 29500, Requested 800. Please try again in 600ms.\",\"type\":"
         "\"tokens\",\"param\":null,\"code\":\"rate_limit_exceeded\"}}",
         FAIL_RATE_LIMIT},
        {"openai", 429,
         "{\"error\":{\"message\":\"Request too large for gpt-4o in organization org-1 on tokens "
         "per "
         "min (TPM): Limit 30000, Requested 30601.\",\"type\":\"tokens\",\"param\":null,\"code\":"
         "\"rate_limit_exceeded\"}}",
         FAIL_TOO_LARGE_FOR_LIMIT},
        {"groq", 413,
         "{\"error\":{\"message\":\"Request too large for model `x` in organization `o` service "
         "tier "
         "`on_demand` on tokens per minute (TPM): Limit 6000, Requested 6785, please reduce your "
         "message size\",\"type\":\"tokens\",\"code\":\"rate_limit_exceeded\"}}",
         FAIL_TOO_LARGE_FOR_LIMIT},
        {"azure", 429,
         "{\"error\":{\"code\":\"429\",\"message\":\"Requests to the ChatCompletions_Create "
         "Operation "
         "have exceeded token rate limit of your current OpenAI S0 pricing tier. Please retry "
         "after "
         "45 seconds.\"}}",
         FAIL_RATE_LIMIT},
        {"azure", 429,
         "{\"error\":{\"code\":\"429\",\"message\":\"Requests to the ChatCompletions_Create "
         "Operation "
         "have exceeded token rate limit of your current OpenAI S0 pricing tier. Please retry "
         "after "
         "86400 seconds.\"}}",
         FAIL_TOO_LARGE_FOR_LIMIT},
        {"openai", 400, "{\"error\":{\"message\":\"bad value, request id req_429429\"}}",
         FAIL_INVALID_REQUEST},
        {"moonshotai", 429,
         "{\"error\":{\"type\":\"engine_overloaded_error\",\"message\":\"The engine is currently "
         "overloaded, please try again later\"}}",
         FAIL_OVERLOADED},
        {"moonshotai", 429, "{\"error\":{\"type\":\"rate_limit_reached_error\",\"message\":\"x\"}}",
         FAIL_RATE_LIMIT},
        {"mistral", 429, "{\"message\":\"Requests rate limit exceeded\",\"code\":1300}",
         FAIL_RATE_LIMIT},
        {"alibaba", 429,
         "{\"error\":{\"code\":\"Throttling.RateQuota\",\"message\":\"Requests rate limit\"}}",
         FAIL_RATE_LIMIT},
        {"groq", 498, "{\"error\":{\"message\":\"x\",\"code\":\"capacity_exceeded\"}}",
         FAIL_RATE_LIMIT},
        {"compatible", 429, "", FAIL_RATE_LIMIT},
        {"compatible", 429, "<html>slow down</html>", FAIL_RATE_LIMIT},
        {"compatible", 429, "[{\"error\":{\"code\":429,\"status\":\"RESOURCE_EXHAUSTED\"}}]",
         FAIL_RATE_LIMIT},
    };

    (void)state;
    CHECK(rows);
}

static void an_account_without_money_is_a_matter_of_its_key(void **state)
{
    static const struct sample rows[] = {
        {"openai", 429,
         "{\"error\":{\"message\":\"You exceeded your current quota, please check your plan and "
         "billing details.\",\"type\":\"insufficient_quota\",\"param\":null,\"code\":"
         "\"insufficient_quota\"}}",
         FAIL_QUOTA},
        {"compatible", 400,
         "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"Your "
         "credit "
         "balance is too low to access the API.\"}}",
         FAIL_QUOTA},
        {"moonshotai", 429,
         "{\"error\":{\"type\":\"exceeded_current_quota_error\",\"message\":\"x\"}}", FAIL_QUOTA},
        {"deepseek", 402, "{\"error\":{\"message\":\"Insufficient Balance\"}}", FAIL_QUOTA},
        {"alibaba", 429, "{\"error\":{\"code\":\"Throttling.AllocationQuota\",\"message\":\"x\"}}",
         FAIL_QUOTA},
        {"alibaba", 429, "{\"error\":{\"message\":\"Free allocated quota exceeded.\"}}",
         FAIL_QUOTA},
        {"alibaba", 400, "{\"error\":{\"code\":\"Arrearage\",\"message\":\"x\"}}", FAIL_QUOTA},
        {"fireworks", 412, "{\"error\":\"Account is suspended\"}", FAIL_QUOTA},
        {"xai", 403,
         "{\"code\":\"permission\",\"error\":\"Your team has used all available credits\"}",
         FAIL_QUOTA},
        {"openrouter", 402, "{\"error\":{\"code\":402,\"message\":\"Insufficient credits\"}}",
         FAIL_QUOTA},
    };

    (void)state;
    CHECK(rows);
    assert_true(failure_rule(FAIL_QUOTA)->hurts_key);
    assert_false(failure_rule(FAIL_QUOTA)->retry_same);
    assert_false(failure_rule(FAIL_QUOTA)->hurts_endpoint);
    assert_true(failure_rule(FAIL_QUOTA)->key_cooldown_ms >= 300000);
}

static void a_request_above_the_token_limit_goes_on_without_a_cool_down(void **state)
{
    const struct failure_rule *r = failure_rule(FAIL_TOO_LARGE_FOR_LIMIT);

    (void)state;
    assert_true(r->next_endpoint);
    assert_false(r->cools_endpoint);
    assert_false(r->hurts_endpoint);
    assert_false(r->retry_same);
}

static void a_failed_tool_generation_is_tried_again_and_no_fault_of_the_client(void **state)
{
    static const struct sample rows[] = {
        {"groq", 400,
         "{\"error\":{\"message\":\"Failed to call a function. Please adjust your "
         "prompt.\",\"type\":"
         "\"invalid_request_error\",\"code\":\"tool_use_failed\",\"failed_generation\":\"<x>\"}}",
         FAIL_BAD_GENERATION},
        {"groq", 400, "{\"error\":{\"message\":\"x\",\"code\":\"json_validate_failed\"}}",
         FAIL_BAD_GENERATION},
        {"groq", 424, "{\"error\":{\"message\":\"x\"}}", FAIL_BAD_GENERATION},
    };

    (void)state;
    CHECK(rows);
    assert_true(failure_rule(FAIL_BAD_GENERATION)->retry_same);
    assert_true(failure_rule(FAIL_BAD_GENERATION)->next_endpoint);
}

static void what_a_provider_will_not_say_is_content_policy(void **state)
{
    static const struct sample rows[] = {
        {"azure", 400,
         "{\"error\":{\"code\":\"content_filter\",\"status\":400,\"param\":\"prompt\",\"message\":"
         "\"The response was filtered due to the prompt triggering Azure OpenAI's content "
         "management "
         "policy.\",\"innererror\":{\"code\":\"ResponsibleAIPolicyViolation\"}}}",
         FAIL_CONTENT_POLICY},
        {"alibaba", 400,
         "{\"error\":{\"code\":\"data_inspection_failed\",\"type\":\"data_inspection_failed\","
         "\"message\":\"Input data may contain inappropriate content.\"},\"id\":\"c\"}",
         FAIL_CONTENT_POLICY},
        {"alibaba", 400,
         "{\"error\":{\"message\":\"<400> InternalError.Algo.DataInspectionFailed: Input text data "
         "may contain inappropriate content.\"}}",
         FAIL_CONTENT_POLICY},
        {"moonshotai", 400,
         "{\"error\":{\"type\":\"content_filter\",\"message\":\"The request was rejected because "
         "it "
         "was considered high risk\"}}",
         FAIL_CONTENT_POLICY},
        {"xai", 403,
         "{\"code\":\"The caller does not have permission\",\"error\":\"Content violates usage "
         "guidelines.\"}",
         FAIL_CONTENT_POLICY},
        {"openrouter", 403,
         "{\"error\":{\"code\":403,\"message\":\"Input flagged\",\"metadata\":{\"reasons\":[\"x\"],"
         "\"flagged_input\":\"y\"}}}",
         FAIL_CONTENT_POLICY},
    };

    (void)state;
    CHECK(rows);
    assert_false(failure_rule(FAIL_CONTENT_POLICY)->next_endpoint);
    assert_true(failure_rule(FAIL_CONTENT_POLICY)->next_model);
}

static void keys_models_and_outages_have_their_classes(void **state)
{
    static const struct sample rows[] = {
        {"openai", 401, "{\"error\":{\"message\":\"bad key\",\"code\":\"invalid_api_key\"}}",
         FAIL_AUTH},
        {"xai", 400, "{\"code\":\"x\",\"error\":\"Incorrect API key provided: xa***yz.\"}",
         FAIL_AUTH},
        {"azure", 401,
         "{\"error\":{\"code\":\"401\",\"message\":\"Access denied due to invalid subscription "
         "key.\"}}",
         FAIL_AUTH},
        {"compatible", 400, "{\"error\":{\"message\":\"API key not valid.\"}}", FAIL_AUTH},
        {"openai", 404,
         "{\"error\":{\"message\":\"The model `x` does not exist\",\"code\":\"model_not_found\"}}",
         FAIL_PERMISSION},
        {"vllm", 404,
         "{\"object\":\"error\",\"message\":\"The model `x` does not exist.\",\"type\":"
         "\"NotFoundError\",\"code\":404}",
         FAIL_PERMISSION},
        {"ollama", 404,
         "{\"error\":{\"message\":\"model \\\"x\\\" not found\",\"type\":\"not_found_error\"}}",
         FAIL_PERMISSION},
        {"azure", 404, "{\"error\":{\"code\":\"DeploymentNotFound\",\"message\":\"x\"}}",
         FAIL_PERMISSION},
        {"fireworks", 404,
         "{\"error\":{\"message\":\"Model not found, inaccessible, and/or not "
         "deployed\"}}",
         FAIL_PERMISSION},
        {"openai", 403,
         "{\"error\":{\"code\":\"unsupported_country_region_territory\",\"message\":\"x\"}}",
         FAIL_REGION},
        {"compatible", 451, "", FAIL_REGION},
        {"llamacpp", 503,
         "{\"error\":{\"code\":503,\"message\":\"Loading model\",\"type\":\"unavailable_error\"}}",
         FAIL_OVERLOADED},
        {"openai", 500, "{\"error\":{\"type\":\"server_error\",\"message\":\"x\"}}",
         FAIL_OVERLOADED},
        {"openai", 502, "<html>Bad gateway</html>", FAIL_OVERLOADED},
        {"openai", 403, "<html>Attention required</html>", FAIL_OVERLOADED},
        {"openai", 403, "", FAIL_OVERLOADED},
        {"openai", 400, "<html>400 Bad Request</html>", FAIL_OVERLOADED},
        {"compatible", 413, "<html>413 Request Entity Too Large</html>", FAIL_CONTEXT_LENGTH},
        {"compatible", 529, "{\"error\":{\"type\":\"overloaded_error\"}}", FAIL_OVERLOADED},
        {"compatible", 504, "", FAIL_TIMEOUT},
        {"compatible", 524, "<html>", FAIL_TIMEOUT},
        {"compatible", 408, "", FAIL_TIMEOUT},
        {"compatible", 409, "{}", FAIL_CONFLICT},
        {"compatible", 302, "", FAIL_PROTOCOL},
        {"mistral", 422,
         "{\"detail\":[{\"loc\":[\"body\",\"x\"],\"msg\":\"Extra inputs are not "
         "permitted\",\"type\":"
         "\"extra_forbidden\"}]}",
         FAIL_INVALID_REQUEST},
        {"openai", 422, "{\"error\":{\"message\":\"x\"}}", FAIL_INVALID_REQUEST},
    };

    (void)state;
    CHECK(rows);
}

static void an_error_inside_a_good_answer_is_read_the_same(void **state)
{
    static const struct sample rows[] = {
        {"xai", 200,
         "{\"code\":\"The service is currently unavailable\",\"error\":\"Service temporarily "
         "unavailable.\"}",
         FAIL_OVERLOADED},
        {"openrouter", 200,
         "{\"error\":{\"code\":429,\"message\":\"Provider returned error\",\"metadata\":{"
         "\"provider_name\":\"x\"}}}",
         FAIL_RATE_LIMIT},
        {"openrouter", 200,
         "{\"error\":{\"code\":400,\"message\":\"Provider returned error\",\"metadata\":{\"raw\":"
         "\"{\\\"error\\\":{\\\"message\\\":\\\"prompt is too long\\\"}}\"}}}",
         FAIL_CONTEXT_LENGTH},
        {"vllm", 200, "{\"error\":{\"message\":\"x\",\"type\":\"BadRequestError\",\"code\":400}}",
         FAIL_INVALID_REQUEST},
        {"openai", 200,
         "{\"error\":{\"message\":\"boom\",\"type\":\"server_error\",\"param\":null,\"code\":null}"
         "}",
         FAIL_OVERLOADED},
        {"compatible", 200, "{\"error\":\"context window: exceeds the context window\"}",
         FAIL_CONTEXT_LENGTH},
        {"compatible", 200, "{\"error\":{}}", FAIL_OVERLOADED},
    };

    (void)state;
    CHECK(rows);
}

static void the_message_is_found_in_every_shape_of_body(void **state)
{
    static const struct {
        const char *body, *code, *message;
    } rows[] = {
        {"{\"error\":\"plain \\u00e9\"}", "", "plain é"},
        {"{\"message\":\"m\"}", "", "m"},
        {"{\"detail\":\"d\"}", "", "d"},
        {"{\"detail\":[{\"loc\":[\"body\"],\"msg\":\"bad\",\"type\":\"missing\"}]}", "missing",
         "bad"},
        {"{\"object\":\"error\",\"message\":\"m\",\"type\":\"t\",\"param\":null,\"code\":3230}",
         "3230", "m"},
        {"{\"code\":\"c\",\"error\":\"e\"}", "c", "e"},
        {"[{\"error\":{\"code\":429,\"message\":\"m\",\"status\":\"RESOURCE_EXHAUSTED\"}}]",
         "RESOURCE_EXHAUSTED", "m"},
        {"\n\n  {\"error\":{\"message\":\"m\"}}", "", "m"},
        {"<html><body>secret page</body></html>", "", ""},
        {"upstream connect error", "", "upstream connect error"},
        {"{\"error\":{\"message\":\"cut", "", "{\"error\":{\"message\":\"cut"},
        {"", "", ""},
        {"{\"error\":{\"message\":17,\"code\":{}}}", "", "17"},
        {"[]", "", ""},
        {"null", "", ""},
        {"{\"error\":null}", "", ""},
    };
    struct pm_arena a;

    (void)state;
    pm_arena_init(&a, 4096, 1 << 20);
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        struct failure f = classify(
            &a, "openai", (struct failure_input){.status = 400, .body = pm_str(rows[i].body)});

        assert_str(f.code, rows[i].code);
        assert_str(f.message, rows[i].message);
    }
    pm_arena_fini(&a);
}

static void a_message_is_cut_between_characters(void **state)
{
    struct pm_arena a;
    struct pm_buf b;
    struct failure f;

    (void)state;
    pm_arena_init(&a, 4096, 1 << 20);
    pm_buf_init(&b, 65536);
    pm_buf_lit(&b, "{\"error\":\"x");
    while (b.n < 5000)
        pm_buf_lit(&b, "é");
    pm_buf_lit(&b, "\"}");
    f = classify(&a, "openai", (struct failure_input){.status = 500, .body = pm_buf_view(&b)});
    assert_int_equal(f.message.n, 2047);
    assert_int_equal((unsigned char)f.message.p[2046], 0xa9);
    pm_buf_fini(&b);
    pm_arena_fini(&a);
}

static void a_key_in_the_text_of_a_refusal_is_taken_out(void **state)
{
    struct pm_arena a;
    struct failure f;

    (void)state;
    pm_arena_init(&a, 4096, 1 << 20);
    f = classify(&a, "openai",
                 (struct failure_input){
                     .status = 401,
                     .body = PM_STR("{\"error\":{\"message\":\"Incorrect API key provided: "
                                    "sk-proj-abcdef0123456789. See "
                                    "https://platform.openai.com/account/api-keys.\"}}")});
    assert_int_equal(f.cls, FAIL_AUTH);
    assert_str(f.message, "Incorrect API key provided: *** See "
                          "https://platform.openai.com/account/api-keys.");
    pm_arena_fini(&a);
}

static void the_wait_is_read_from_headers_and_else_from_the_text(void **state)
{
    static const struct {
        const char *ms, *after, *message;
        int64_t want;
    } rows[] = {
        {NULL, NULL, "no", -1},
        {NULL, "2", "no", 2000},
        {NULL, "1.5", "no", 1500},
        {NULL, " 7 ", "try again in 9s", 7000},
        {"350", "2", "no", 350},
        {"350.9", NULL, "no", 350},
        {"x", "2", "no", 2000},
        {NULL, "-5", "no", -1},
        {NULL, "soon", "no", -1},
        {NULL, "99999999999999999999", "no", INT64_C(604800000)},
        {NULL, "Thu, 01 Jan 2026 00:00:30 GMT", "no", 30000},
        {NULL, "Wed, 31 Dec 2025 23:59:59 GMT", "no", 0},
        {NULL, "Wed, 31 Foo 2025 23:59:59 GMT", "no", -1},
        {NULL, NULL, "Please retry after 45 seconds.", 45000},
        {NULL, NULL, "Please try again in 6m0s.", 360000},
        {NULL, NULL, "Please try again in 1m2.5s.", 62500},
        {NULL, NULL, "Please try again in 120ms.", 120},
        {NULL, NULL, "Please try again in a while.", -1},
    };
    struct pm_arena a;

    (void)state;
    pm_arena_init(&a, 4096, 1 << 20);
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        struct pm_str body = pm_arena_fmt(&a, "{\"error\":\"%s\"}", rows[i].message);
        struct failure f = classify(&a, "openai",
                                    (struct failure_input){.status = 429,
                                                           .body = body,
                                                           .retry_after = pm_str(rows[i].after),
                                                           .retry_after_ms = pm_str(rows[i].ms),
                                                           .now_unix_ms = INT64_C(1767225600000)});

        if (f.retry_after_ms != rows[i].want)
            fail_msg("row %zu: got %lld", i, (long long)f.retry_after_ms);
    }
    pm_arena_fini(&a);
}

static void a_parameter_that_another_provider_may_take_is_marked(void **state)
{
    struct pm_arena a;

    (void)state;
    pm_arena_init(&a, 4096, 1 << 20);
    assert_true(
        classify(&a, "openai",
                 (struct failure_input){
                     .status = 400,
                     .body = PM_STR("{\"error\":{\"message\":\"Unsupported parameter: 'x'\","
                                    "\"code\":\"unsupported_parameter\"}}")})
            .parameter);
    assert_true(
        classify(&a, "openai",
                 (struct failure_input){
                     .status = 400,
                     .body = PM_STR("{\"error\":{\"message\":\"Unrecognized request argument "
                                    "supplied: foo\"}}")})
            .parameter);
    assert_false(classify(&a, "openai",
                          (struct failure_input){.status = 400,
                                                 .body = PM_STR("{\"error\":{\"message\":\"Bad "
                                                                "image\"}}")})
                     .parameter);
    pm_arena_fini(&a);
}

static void every_class_has_a_rule_that_clients_and_logs_can_use(void **state)
{
    static const unsigned known[] = {400, 402, 403, 404, 408, 413, 429, 499, 500, 502, 503};

    (void)state;
    for (int c = 0; c < FAIL_COUNT; c++) {
        const struct failure_rule *r = failure_rule((enum failure_class)c);
        bool found = false;

        assert_non_null(r->name);
        assert_non_null(r->error_type);
        for (size_t i = 0; i < PM_COUNT(known); i++)
            found |= r->client_status == known[i];
        assert_true(found);
        assert_true(r->client_status != 401); /* our key is none of the client's business */
        if (r->key_cooldown_ms)
            assert_true(r->hurts_key);
    }
    assert_false(failure_rule(FAIL_CLIENT_GONE)->hurts_endpoint);
    assert_false(failure_rule(FAIL_CONTEXT_LENGTH)->hurts_endpoint);
    assert_true(failure_rule(FAIL_CONTEXT_LENGTH)->larger_window);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_context_overflow_of_every_provider_is_recognised),
        cmocka_unit_test(throttling_is_told_from_what_its_text_looks_like),
        cmocka_unit_test(an_account_without_money_is_a_matter_of_its_key),
        cmocka_unit_test(a_request_above_the_token_limit_goes_on_without_a_cool_down),
        cmocka_unit_test(a_failed_tool_generation_is_tried_again_and_no_fault_of_the_client),
        cmocka_unit_test(what_a_provider_will_not_say_is_content_policy),
        cmocka_unit_test(keys_models_and_outages_have_their_classes),
        cmocka_unit_test(an_error_inside_a_good_answer_is_read_the_same),
        cmocka_unit_test(the_message_is_found_in_every_shape_of_body),
        cmocka_unit_test(a_message_is_cut_between_characters),
        cmocka_unit_test(a_key_in_the_text_of_a_refusal_is_taken_out),
        cmocka_unit_test(the_wait_is_read_from_headers_and_else_from_the_text),
        cmocka_unit_test(a_parameter_that_another_provider_may_take_is_marked),
        cmocka_unit_test(every_class_has_a_rule_that_clients_and_logs_can_use),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
