/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "agent/provider/dialect.h"
#include "agent/provider/request_members.h"
#include "agent/provider/thinking.h"
#include "common/config/entries.h"

static void a_configuration_may_name_every_dialect_and_no_other(void **state)
{
    unsigned at;

    (void)state;
    for (unsigned i = 0; words_dialect(i)[0]; i++)
        assert_non_null(dialect_find(pm_str(words_dialect(i))));
    for (size_t i = 0; dialect_at(i); i++)
        assert_true(value_word(words_dialect, pm_str(dialect_at(i)->name), &at));
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

static void every_known_member_is_found_by_its_name_and_no_other_is(void **state)
{
    const struct request_member *row;

    (void)state;
    for (size_t i = 0; (row = request_member_at(i)); i++)
        assert_ptr_equal(request_member(row->name), row);
    assert_int_equal(request_member(PM_STR("mode"))->group, GROUP_OTHER);
    assert_int_equal(request_member(PM_STR("modem"))->group, GROUP_OTHER);
    assert_int_equal(request_member(PM_STR(""))->group, GROUP_OTHER);
    assert_int_equal(request_member(PM_STR("model"))->id, M_MODEL);
    assert_int_equal(request_member(PM_STR("logit_bias"))->param, PM_P_LOGIT_BIAS);
}

static void a_wish_for_tokens_becomes_the_word_that_costs_no_more(void **state)
{
    static const struct {
        int64_t budget, max_tokens;
        const char *efforts, *word;
    } rows[] = {
        {500, 10000, NULL, "minimal"},     {2000, 10000, NULL, "low"},
        {4999, 10000, NULL, "low"},        {5000, 10000, NULL, "medium"},
        {9500, 10000, NULL, "xhigh"},      {INT64_MAX, 1, NULL, "xhigh"},
        {9000, 10000, "low high", "high"}, {6000, 10000, "low high", "low"},
        {100, 10000, "high", "high"},      {2000, 0, NULL, "minimal"},
        {INT64_MAX, 0, "none low", "low"}, {5000, 10000, "", ""},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        const struct thinking t = {.asked = true, .budget = rows[i].budget};

        assert_str(thinking_word(&t, rows[i].efforts, rows[i].max_tokens), rows[i].word);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_configuration_may_name_every_dialect_and_no_other),
        cmocka_unit_test(rules_of_a_model_are_found_by_the_providers_name_for_it),
        cmocka_unit_test(every_known_member_is_found_by_its_name_and_no_other_is),
        cmocka_unit_test(a_wish_for_tokens_becomes_the_word_that_costs_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
