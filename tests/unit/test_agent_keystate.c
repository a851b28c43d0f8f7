/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/route_fixture.h"

#include "agent/keystate.h"

static struct pm_table *table_of_keys(const char *const *names, size_t n)
{
    struct pm_table_build *b = pm_table_build_new();
    struct pm_provider *p = pm_table_add_provider(b, PM_STR("a"));

    for (size_t i = 0; i < n; i++) {
        struct pm_credential *c = pm_table_add_credential(b, p, pm_str(names[i]));
        c->source = PM_CRED_ENV;
        c->ref = pm_str(names[i]);
    }
    return pm_table_finish(b);
}

static void a_refused_key_is_set_aside_for_its_time(void **state)
{
    static const char *const names[] = {"one", "two"};
    struct pm_table *t = table_of_keys(names, 2);
    struct keystate *k = keystate_new();

    (void)state;
    keystate_use_table(k, t);
    keystate_set_aside(k, t->credentials[0], 5000, -1, 1000);
    assert_true(keystate_view(k, 5999)[0].bad);
    assert_false(keystate_view(k, 5999)[1].bad);
    assert_false(keystate_view(k, 6000)[0].bad);
    keystate_free(k);
    pm_table_unref(t);
}

static void the_longer_of_our_time_and_the_providers_holds(void **state)
{
    static const char *const names[] = {"one"};
    static const struct {
        uint32_t least;
        int64_t asked;
        uint64_t want;
    } cases[] = {{5000, 1000, 5000},
                 {5000, 60000, 60000},
                 {5000, -1, 5000},
                 {1, INT64_MAX, 24ULL * 3600 * 1000}};

    (void)state;
    for (size_t i = 0; i < PM_COUNT(cases); i++) {
        struct pm_table *t = table_of_keys(names, 1);
        struct keystate *k = keystate_new();
        keystate_use_table(k, t);
        keystate_set_aside(k, t->credentials[0], cases[i].least, cases[i].asked, 0);
        keystate_set_aside(k, t->credentials[0], 1, -1, 0); /* never becomes shorter */
        assert_true(keystate_view(k, cases[i].want - 1)[0].bad);
        assert_false(keystate_view(k, cases[i].want)[0].bad);
        keystate_free(k);
        pm_table_unref(t);
    }
}

static void a_success_clears_it_at_once(void **state)
{
    static const char *const names[] = {"one"};
    struct pm_table *t = table_of_keys(names, 1);
    struct keystate *k = keystate_new();

    (void)state;
    keystate_use_table(k, t);
    keystate_set_aside(k, t->credentials[0], 5000, -1, 0);
    keystate_clear(k, t->credentials[0]);
    assert_false(keystate_view(k, 1)[0].bad);
    keystate_free(k);
    pm_table_unref(t);
}

static void a_new_table_keeps_it_for_the_same_key_only(void **state)
{
    static const char *const before[] = {"one", "two"}, *const after[] = {"new", "two", "one"};
    struct pm_table *t = table_of_keys(before, 2), *u = table_of_keys(after, 3);
    struct keystate *k = keystate_new();

    (void)state;
    keystate_use_table(k, t);
    keystate_set_aside(k, t->credentials[0], 5000, -1, 0);
    keystate_use_table(k, u);
    assert_false(keystate_view(k, 1)[0].bad);
    assert_false(keystate_view(k, 1)[1].bad);
    assert_true(keystate_view(k, 1)[2].bad);
    keystate_clear(k, t->credentials[0]); /* by a relay on the table before */
    assert_false(keystate_view(k, 1)[2].bad);
    keystate_set_aside(k, t->credentials[1], 5000, -1, 1);
    assert_true(keystate_view(k, 2)[1].bad);
    keystate_free(k);
    pm_table_unref(t);
    pm_table_unref(u);
}

static void a_key_of_the_request_has_no_state(void **state)
{
    static const char *const names[] = {"one"};
    struct pm_table *t = table_of_keys(names, 1);
    struct keystate *k = keystate_new();

    (void)state;
    keystate_use_table(k, t);
    keystate_set_aside(k, NULL, 5000, -1, 0);
    keystate_clear(k, NULL);
    assert_false(keystate_view(k, 1)[0].bad);
    keystate_free(k);
    pm_table_unref(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refused_key_is_set_aside_for_its_time),
        cmocka_unit_test(the_longer_of_our_time_and_the_providers_holds),
        cmocka_unit_test(a_success_clears_it_at_once),
        cmocka_unit_test(a_new_table_keeps_it_for_the_same_key_only),
        cmocka_unit_test(a_key_of_the_request_has_no_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
