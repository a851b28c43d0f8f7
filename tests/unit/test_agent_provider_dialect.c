/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "agent/provider/dialect.h"

static void every_dialect_is_found_by_its_names(void **state)
{
    static const char *const names[] = {
        "openai",    "xai",     "deepseek", "moonshot",      "moonshotai", "alibaba",   "dashscope",
        "qwen",      "mistral", "groq",     "together",      "fireworks",  "vllm",      "llamacpp",
        "llama.cpp", "ollama",  "azure",    "azure-classic", "openrouter", "compatible"};

    (void)state;
    for (size_t i = 0; i < PM_COUNT(names); i++)
        assert_non_null(dialect_find(pm_str(names[i])));
    assert_null(dialect_find(PM_STR("")));
    assert_null(dialect_find(PM_STR("open")));
    assert_null(dialect_find(PM_STR("dashscope qwen")));
    for (size_t i = 0; dialect_at(i); i++) {
        assert_ptr_equal(dialect_find(pm_str(dialect_at(i)->name)), dialect_at(i));
        assert_non_null(dialect_at(i)->display);
        assert_int_equal(dialect_at(i)->chat_path[0], '/');
    }
}

static void rules_of_a_model_are_found_by_the_providers_name_for_it(void **state)
{
    const struct dialect *d = dialect_find(PM_STR("openai"));

    (void)state;
    assert_true(dialect_rule(d, PM_STR("gpt-5.2"))->system_as_developer);
    assert_true(dialect_rule(d, PM_STR("o3-mini"))->system_as_developer);
    assert_false(dialect_rule(d, PM_STR("gpt-5.1-chat-latest"))->system_as_developer);
    assert_false(dialect_rule(d, PM_STR("gpt-4.1"))->system_as_developer);
    assert_null(dialect_rule(d, PM_STR("something"))->match);
    assert_true(dialect_rule(dialect_find(PM_STR("qwen")), PM_STR("qwq-plus"))->stream_only);
    assert_null(dialect_rule(dialect_find(PM_STR("vllm")), PM_STR("gpt-5"))->match);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_dialect_is_found_by_its_names),
        cmocka_unit_test(rules_of_a_model_are_found_by_the_providers_name_for_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
