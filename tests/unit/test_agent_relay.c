/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "agent/relay.h"

static void after_the_first_content_there_is_no_other_provider(void **state)
{
    (void)state;
    assert_true(relay_may_go(RELAY_WAITING, RELAY_CHOOSING));
    assert_false(relay_may_go(RELAY_COMMITTED, RELAY_CHOOSING));
    assert_false(relay_may_go(RELAY_COMMITTED, RELAY_WAITING));
}

static void an_answer_ends_only_through_its_record(void **state)
{
    (void)state;
    assert_true(relay_may_go(RELAY_COMMITTED, RELAY_SETTLING));
    assert_true(relay_may_go(RELAY_SETTLING, RELAY_FINISHED));
    assert_false(relay_may_go(RELAY_SETTLING, RELAY_CHOOSING));
}

static void a_finished_call_stays_finished(void **state)
{
    (void)state;
    for (int to = 0; to < RELAY_NSTATES; to++)
        assert_false(relay_may_go(RELAY_FINISHED, (enum relay_state)to));
}

static void every_end_has_a_word(void **state)
{
    (void)state;
    assert_string_equal(end_who_name(WHO_DEADLINE), "deadline");
    assert_string_equal(end_phase_name(PHASE_FIRST_TOKEN), "first_token");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_the_first_content_there_is_no_other_provider),
        cmocka_unit_test(an_answer_ends_only_through_its_record),
        cmocka_unit_test(a_finished_call_stays_finished),
        cmocka_unit_test(every_end_has_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
