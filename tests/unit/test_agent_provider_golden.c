/* SPDX-License-Identifier: Apache-2.0 */
/* Recorded provider streams, cut into pieces of every kind, against what a client must get. */
#include "tests/check.h"

#include "tests/assemble.h"

#include <cJSON.h>
#include <errno.h>

static void read_file(const char *name, struct pm_buf *out)
{
    char path[512];
    char piece[4096];
    size_t n;
    FILE *f;

    snprintf(path, sizeof(path), "%s/golden/%s", PM_TEST_DATA, name);
    f = fopen(path, "rb");
    if (!f)
        fail_msg("%s: %s", path, strerror(errno));
    pm_buf_init(out, 1 << 20);
    while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
        pm_buf_add(out, piece, n);
    fclose(f);
}

/* LF → CRLF, for files that have plain line ends. */
static void with_crlf(struct pm_str in, struct pm_buf *out)
{
    pm_buf_init(out, 1 << 20);
    for (size_t i = 0; i < in.n; i++) {
        if (in.p[i] == '\n' && (i == 0 || in.p[i - 1] != '\r'))
            pm_buf_ch(out, '\r');
        pm_buf_ch(out, in.p[i]);
    }
}

static void check_text(const char *what, const cJSON *want, const struct pm_buf *got)
{
    const char *text = cJSON_IsString(want) ? want->valuestring : "";

    if (!pm_str_is(pm_buf_view(got), text))
        fail_msg("%s: got \"%.*s\", want \"%s\"", what, (int)got->n, got->p, text);
}

static void check_number(const cJSON *object, const char *name, int64_t got)
{
    const cJSON *want = cJSON_GetObjectItemCaseSensitive(object, name);

    if (want && (int64_t)want->valuedouble != got)
        fail_msg("%s: got %lld, want %lld", name, (long long)got, (long long)want->valuedouble);
}

static void check_assembled(const cJSON *want, const struct assembled *got)
{
    const cJSON *usage = cJSON_GetObjectItemCaseSensitive(want, "usage");
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(want, "error");
    const cJSON *finish = cJSON_GetObjectItemCaseSensitive(want, "finish_reason");
    const struct assembled_choice *c = &got->choices[0];

    check_text("content", cJSON_GetObjectItemCaseSensitive(want, "content"), &c->content);
    check_text("reasoning", cJSON_GetObjectItemCaseSensitive(want, "reasoning"), &c->reasoning);
    if (finish)
        assert_string_equal(finish_name(c->finish), finish->valuestring);
    assert_int_equal(got->usage.present, usage != NULL);
    check_number(usage, "prompt_tokens", got->usage.prompt);
    check_number(usage, "completion_tokens", got->usage.completion);
    check_number(usage, "total_tokens", got->usage.prompt + got->usage.completion);
    check_number(cJSON_GetObjectItemCaseSensitive(usage, "prompt_tokens_details"), "cached_tokens",
                 got->usage.cached);
    check_number(cJSON_GetObjectItemCaseSensitive(usage, "completion_tokens_details"),
                 "reasoning_tokens", got->usage.reasoning);
    assert_int_equal(got->error != FAIL_NONE, error != NULL);
    if (error) {
        const bool cut =
            strcmp(cJSON_GetObjectItem(error, "class")->valuestring, "upstream_truncated") == 0;

        assert_int_equal(got->error, cut ? FAIL_TRUNCATED : FAIL_OVERLOADED);
        assert_int_equal(got->committed,
                         cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(want, "committed")));
    }
}

static const size_t steps[] = {1, 7, 1024};

static void every_recorded_stream_gives_what_is_expected_however_it_is_cut(void **state)
{
    struct pm_buf expected, lf, crlf;
    cJSON *root;
    const cJSON *want;
    int n = 0;

    (void)state;
    read_file("upstream/expected.json", &expected);
    root = cJSON_ParseWithLength(expected.p, expected.n);
    assert_non_null(root);
    cJSON_ArrayForEach(want, root)
    {
        const char *adapter = cJSON_GetObjectItem(want, "adapter")->valuestring;
        char name[256];

        snprintf(name, sizeof(name), "upstream/%s", want->string);
        read_file(name, &lf);
        with_crlf(pm_buf_view(&lf), &crlf);
        for (size_t i = 0; i < PM_COUNT(steps); i++) {
            const struct pm_buf *forms[] = {&lf, &crlf};

            for (size_t k = 0; k < PM_COUNT(forms); k++) {
                struct assembled got;

                assembled_init(&got);
                assemble_bytes(&got, dialect_find(pm_str(adapter)), PM_OP_CHAT, "text/event-stream",
                               pm_buf_view(forms[k]), steps[i], true);
                check_assembled(want, &got);
                assembled_fini(&got);
            }
        }
        pm_buf_fini(&lf);
        pm_buf_fini(&crlf);
        n++;
    }
    assert_int_equal(n, 6);
    cJSON_Delete(root);
    pm_buf_fini(&expected);
}

/* Streams in the form that clients get, as OpenRouter or a gateway like this one would send. */
static void a_stream_of_another_gateway_is_read_the_same_way(void **state)
{
    static const struct {
        const char *name, *want;
    } rows[] = {
        {"chat-tools.sse",
         "reasoning Need weather.\n"
         "details {\"type\":\"reasoning.text\",\"text\":\"Need weather.\",\"format\":"
         "\"anthropic-claude-v1\",\"index\":0}{\"type\":\"reasoning.text\",\"signature\":\"c2ln\","
         "\"format\":\"anthropic-claude-v1\",\"index\":0}\n"
         "content Checking now.\n"
         "tool toolu_1\n name get_weather\n args {\\\"city\\\":\\\"Oslo\\\"}\n"
         "tool toolu_2\n name get_time\n args {}\n"
         "finish tool_calls\n native tool_calls\n"
         "usage 120+40 cached 100 written 0 reasoning 10\n"},
        {"chat-comments-between.sse", NULL}, /* as the one before */
        {"chat-crlf-nofinalnewline.sse", "content h\xc3\xa9\nfinish stop\n native stop\n"},
        {"chat-error-only.sse", "error rate_limit\n"},
        {"chat-midstream-error.sse", "content par\nlate error overloaded\n"},
        {"bad-chat-index.sse",
         "tool a\n name f\n args {\\\"a\\\":1}\ntool b\n name g\n args {\\\"b\\\":2}\n"
         "finish tool_calls\n native tool_calls\n"},
        {"bad-chat-toolindex1.sse",
         "tool a\n name f\n args {\\\"a\\\":1}\nfinish tool_calls\n native tool_calls\n"},
        {"bad-chat-no-role.sse", "content x\nfinish stop\n native stop\n"},
        {"bad-chat-no-finish.sse", "content par\nlate error truncated\n"},
    };
    const char *want = NULL;

    (void)state;
    for (size_t r = 0; r < PM_COUNT(rows); r++) {
        struct pm_buf bytes;

        want = rows[r].want ? rows[r].want : want;
        read_file(rows[r].name, &bytes);
        for (size_t i = 0; i < PM_COUNT(steps); i++) {
            struct assembled got;
            struct pm_buf text;

            assembled_init(&got);
            pm_buf_init(&text, 1 << 20);
            assemble_bytes(&got, dialect_find(PM_STR("openrouter")), PM_OP_CHAT,
                           "text/event-stream", pm_buf_view(&bytes), steps[i], true);
            assembled_print(&got, &text);
            assert_str(pm_buf_view(&text), want);
            pm_buf_fini(&text);
            assembled_fini(&got);
        }
        pm_buf_fini(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_recorded_stream_gives_what_is_expected_however_it_is_cut),
        cmocka_unit_test(a_stream_of_another_gateway_is_read_the_same_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
