/* SPDX-License-Identifier: Apache-2.0 */
/* One rich request, written for each provider, against what official client libraries send. */
#include "tests/check.h"

#include "tests/request_writer.h"

#include <cJSON.h>
#include <errno.h>

static void read_file(const char *name, struct pm_buf *out)
{
    char path[512], piece[4096];
    size_t n;
    FILE *f;

    snprintf(path, sizeof(path), "%s/golden/upstream/%s", PM_TEST_DATA, name);
    f = fopen(path, "rb");
    if (!f)
        fail_msg("%s: %s", path, strerror(errno));
    pm_buf_init(out, 1 << 20);
    while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
        pm_buf_add(out, piece, n);
    fclose(f);
}

static cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

/* A content of one text part says the same as the text, and both are taken everywhere. */
static void flatten_contents(cJSON *messages)
{
    cJSON *m;

    cJSON_ArrayForEach(m, messages)
    {
        const cJSON *content = member(m, "content"), *part = cJSON_GetArrayItem(content, 0);

        if (cJSON_IsArray(content) && cJSON_GetArraySize(content) == 1 && member(part, "text"))
            cJSON_ReplaceItemInObjectCaseSensitive(
                m, "content", cJSON_CreateString(member(part, "text")->valuestring));
    }
}

/* Ids are ours to choose where the provider wants them in its own form: the wanted ones are set to
 * those that came out, if these are the same for the call and its result. */
static void adopt_ids(cJSON *want, const cJSON *got)
{
    for (int k = 0; k < 2; k++) {
        cJSON *call = cJSON_GetArrayItem(member(cJSON_GetArrayItem(want, 2), "tool_calls"), k);
        const cJSON *ours = cJSON_GetArrayItem(member(cJSON_GetArrayItem(got, 2), "tool_calls"), k);
        const char *id = member(ours, "id")->valuestring;

        assert_int_equal(strlen(id), 9);
        assert_int_equal(
            strspn(id, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"), 9);
        cJSON_ReplaceItemInObjectCaseSensitive(call, "id", cJSON_CreateString(id));
        cJSON_ReplaceItemInObjectCaseSensitive(cJSON_GetArrayItem(want, 3 + k), "tool_call_id",
                                               cJSON_CreateString(id));
    }
}

static void check_equal(const char *name, const cJSON *got, const cJSON *want)
{
    char *a, *b;

    if (cJSON_Compare(got, want, true))
        return;
    a = cJSON_Print(got);
    b = cJSON_Print(want);
    fail_msg("%s: got\n%s\nwant\n%s", name, a, b);
}

static void requests_are_what_the_providers_own_libraries_send(void **state)
{
    static const struct {
        const char *name, *dialect, *path;
    } rows[] = {
        {"req-openai-chat.json", "openai", "/v1"},
        {"req-openai-chat-reasoning.json", "openai", "/v1"},
        {"req-azure-chat.json", "azure", "/openai"},
        {"req-xai.json", "xai", "/v1"},
        {"req-deepseek.json", "deepseek", ""},
        {"req-alibaba.json", "alibaba", "/compatible-mode/v1"},
        {"req-mistral.json", "mistral", "/v1"},
        {"req-together.json", "together", "/v1"},
        {"req-fireworks.json", "fireworks", "/inference/v1"},
    };
    struct pm_buf input;

    (void)state;
    read_file("input-chat.json", &input);
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        struct pm_buf golden;
        struct written w;
        cJSON *root, *want, *got;
        char url[256];

        read_file(rows[i].name, &golden);
        root = cJSON_ParseWithLength(golden.p, golden.n);
        want = member(root, "body");
        written_init(&w, member(want, "model")->valuestring);
        if (!written_write(&w, rows[i].dialect, pm_buf_view(&input)))
            fail_msg("%s: %s", rows[i].name, w.err.text);
        got = cJSON_ParseWithLength(w.body.p, w.body.n);
        assert_non_null(got);
        flatten_contents(member(want, "messages"));
        if (strcmp(rows[i].dialect, "mistral") == 0)
            adopt_ids(member(want, "messages"), member(got, "messages"));
        check_equal(rows[i].name, got, want);
        snprintf(url, sizeof(url), "%s%.*s", rows[i].path, PM_FMT(w.out.path));
        assert_string_equal(url, member(root, "url")->valuestring);
        assert_true(w.out.stream);
        cJSON_Delete(got);
        cJSON_Delete(root);
        written_fini(&w);
        pm_buf_fini(&golden);
    }
    pm_buf_fini(&input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_what_the_providers_own_libraries_send),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
