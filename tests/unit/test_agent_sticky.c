/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/route_fixture.h"

#include "agent/sticky.h"

static struct world *two_endpoints(const struct pm_endpoint **a, const struct pm_endpoint **b)
{
    struct world *w = world_new();

    *a = world_add(w, "acme/one", "a", 1);
    *b = world_add(w, "acme/one", "b/eu", 1);
    world_finish(w);
    return w;
}

static void a_conversation_is_found_where_it_went(void **state)
{
    const struct pm_endpoint *a, *b;
    struct world *w = two_endpoints(&a, &b);
    struct sticky *s = sticky_new(8, 1000);

    (void)state;
    assert_null(sticky_find(s, 11, w->table, 0));
    sticky_set(s, 11, a, 0);
    sticky_set(s, 13, b, 0);
    assert_ptr_equal(sticky_find(s, 11, w->table, 1), a);
    assert_ptr_equal(sticky_find(s, 13, w->table, 1), b);
    sticky_set(s, 11, b, 2);
    assert_ptr_equal(sticky_find(s, 11, w->table, 3), b);
    assert_int_equal(sticky_count(s), 2);
    sticky_free(s);
    world_free(w);
}

static void nothing_to_stick_by_is_never_kept(void **state)
{
    const struct pm_endpoint *a, *b;
    struct world *w = two_endpoints(&a, &b);
    struct sticky *s = sticky_new(8, 1000);

    (void)state;
    sticky_set(s, 0, a, 0);
    assert_int_equal(sticky_count(s), 0);
    assert_null(sticky_find(s, 0, w->table, 0));
    sticky_free(s);
    world_free(w);
}

static void an_idle_conversation_is_forgotten_and_a_success_extends_it(void **state)
{
    const struct pm_endpoint *a, *b;
    struct world *w = two_endpoints(&a, &b);
    struct sticky *s = sticky_new(8, 1000);

    (void)state;
    sticky_set(s, 11, a, 0);
    assert_ptr_equal(sticky_find(s, 11, w->table, 999), a); /* looking does not extend it */
    assert_null(sticky_find(s, 11, w->table, 1000));
    assert_int_equal(sticky_count(s), 0);
    sticky_set(s, 11, a, 2000);
    sticky_set(s, 11, a, 2900);
    assert_ptr_equal(sticky_find(s, 11, w->table, 3800), a);
    sticky_free(s);
    world_free(w);
}

static void the_longest_unused_makes_room(void **state)
{
    const struct pm_endpoint *a, *b;
    struct world *w = two_endpoints(&a, &b);
    struct sticky *s = sticky_new(3, 1000);

    (void)state;
    sticky_set(s, 11, a, 0);
    sticky_set(s, 13, a, 1);
    sticky_set(s, 15, a, 2);
    sticky_set(s, 11, a, 3);
    sticky_set(s, 17, b, 4);
    assert_int_equal(sticky_count(s), 3);
    assert_null(sticky_find(s, 13, w->table, 5));
    assert_ptr_equal(sticky_find(s, 11, w->table, 5), a);
    assert_ptr_equal(sticky_find(s, 15, w->table, 5), a);
    assert_ptr_equal(sticky_find(s, 17, w->table, 5), b);
    sticky_free(s);
    world_free(w);
}

static void many_conversations_stay_within_the_bound_and_keep_the_newest(void **state)
{
    const struct pm_endpoint *a, *b;
    struct world *w = two_endpoints(&a, &b);
    struct sticky *s = sticky_new(100, 500);

    (void)state;
    for (uint64_t i = 1; i <= 10000; i++) {
        sticky_set(s, i * 64 | 1, i % 2 ? a : b, i);
        assert_true(sticky_count(s) <= 100);
        if (i > 50)
            assert_ptr_equal(sticky_find(s, (i - 50) * 64 | 1, w->table, i), i % 2 ? a : b);
    }
    sticky_set(s, 3, a, 20000); /* what is idle goes, however much room there is */
    assert_int_equal(sticky_count(s), 1);
    sticky_free(s);
    world_free(w);
}

static void a_new_table_finds_the_same_endpoint_or_none(void **state)
{
    const struct pm_endpoint *a, *b, *again;
    struct world *w = two_endpoints(&a, &b), *next = world_new();
    struct sticky *s = sticky_new(8, 1000);

    (void)state;
    sticky_set(s, 11, a, 0);
    sticky_set(s, 13, b, 0);
    again = world_add(next, "acme/one", "b/eu", 1);
    world_finish(next);
    assert_ptr_equal(sticky_find(s, 13, next->table, 1), again);
    assert_null(sticky_find(s, 11, next->table, 1));
    assert_ptr_equal(sticky_find(s, 11, w->table, 1), a); /* it may come back */
    sticky_free(s);
    world_free(w);
    world_free(next);
}

static void the_key_is_of_tenant_model_and_conversation(void **state)
{
    struct pm_call call = {
        .models = {PM_STR_INIT("acme/one")}, .n_models = 1, .session = PM_NSTR, .conversation = 77};
    struct pm_call other = call;
    uint64_t key = sticky_key(PM_STR("team"), &call);

    (void)state;
    assert_true(key != 0);
    assert_true(sticky_key(PM_STR("team"), &other) == key);
    assert_true(sticky_key(PM_STR("else"), &call) != key);
    other.conversation = 78;
    assert_true(sticky_key(PM_STR("team"), &other) != key);
    other = call;
    other.models[0] = PM_STR("acme/two");
    assert_true(sticky_key(PM_STR("team"), &other) != key);
    other = call;
    other.session = PM_STR("s1");
    assert_true(sticky_key(PM_STR("team"), &other) != key);
    call.session = PM_STR("s1");
    call.conversation = 99; /* a session stays itself, whatever is said in it */
    assert_true(sticky_key(PM_STR("team"), &other) == sticky_key(PM_STR("team"), &call));
    call.session = PM_NSTR;
    call.conversation = 0;
    assert_true(sticky_key(PM_STR("team"), &call) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_conversation_is_found_where_it_went),
        cmocka_unit_test(nothing_to_stick_by_is_never_kept),
        cmocka_unit_test(an_idle_conversation_is_forgotten_and_a_success_extends_it),
        cmocka_unit_test(the_longest_unused_makes_room),
        cmocka_unit_test(many_conversations_stay_within_the_bound_and_keep_the_newest),
        cmocka_unit_test(a_new_table_finds_the_same_endpoint_or_none),
        cmocka_unit_test(the_key_is_of_tenant_model_and_conversation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
