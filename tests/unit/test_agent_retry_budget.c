/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "agent/retry_budget.h"

static int taken(struct retry_budget *b, int n, uint64_t now_ms)
{
    int ok = 0;

    for (int i = 0; i < n; i++)
        ok += retry_budget_take(b, now_ms);
    return ok;
}

static void retries_are_a_share_of_the_first_attempts(void **state)
{
    struct retry_budget b;

    (void)state;
    retry_budget_init(&b, 20, 0);
    assert_int_equal(taken(&b, 10, 0), 0);
    for (int i = 0; i < 100; i++)
        retry_budget_first(&b, 1000);
    assert_int_equal(taken(&b, 100, 1500), 20);
}

static void a_quiet_agent_has_the_floor(void **state)
{
    struct retry_budget b;

    (void)state;
    retry_budget_init(&b, 20, 3);
    assert_int_equal(taken(&b, 100, 5000), 30);
    retry_budget_init(&b, 0, 0);
    assert_int_equal(taken(&b, 100, 5000), 0);
}

static void what_was_spent_comes_back_after_ten_seconds(void **state)
{
    struct retry_budget b;

    (void)state;
    retry_budget_init(&b, 0, 1);
    assert_int_equal(taken(&b, 100, 1000), 10);
    assert_int_equal(taken(&b, 100, 10999), 0);
    assert_int_equal(taken(&b, 100, 11000), 10);
}

static void old_traffic_earns_nothing(void **state)
{
    struct retry_budget b;

    (void)state;
    retry_budget_init(&b, 100, 0);
    for (int i = 0; i < 50; i++)
        retry_budget_first(&b, 1000);
    assert_int_equal(taken(&b, 10, 10999), 10);
    assert_int_equal(taken(&b, 10, 11000), 0);
    for (int i = 0; i < 50; i++)
        retry_budget_first(&b, 20000);
    assert_int_equal(taken(&b, 10, UINT64_MAX), 0); /* however long nothing happened */
}

static void in_a_lasting_outage_the_share_holds_second_by_second(void **state)
{
    struct retry_budget b;
    int firsts = 0, more = 0;

    (void)state;
    retry_budget_init(&b, 10, 0);
    for (uint64_t now = 0; now < 120000; now += 10) { /* every call fails and wants three more */
        retry_budget_first(&b, now);
        firsts++;
        more += taken(&b, 3, now);
    }
    assert_in_range(more, firsts / 10 - 10, firsts / 10 + 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retries_are_a_share_of_the_first_attempts),
        cmocka_unit_test(a_quiet_agent_has_the_floor),
        cmocka_unit_test(what_was_spent_comes_back_after_ten_seconds),
        cmocka_unit_test(old_traffic_earns_nothing),
        cmocka_unit_test(in_a_lasting_outage_the_share_holds_second_by_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
