/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "common/arena.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/map.h"

static void a_buffer_at_its_cap_refuses_and_keeps_what_it_has(void **state)
{
    struct pm_buf b;

    (void)state;
    pm_buf_init(&b, 8);
    assert_true(pm_buf_lit(&b, "12345"));
    assert_false(pm_buf_lit(&b, "6789"));
    assert_true(b.failed);
    assert_str(pm_buf_view(&b), "12345");
    assert_true(pm_buf_lit(&b, "678"));
    assert_int_equal(b.n, 8);
    pm_buf_fini(&b);
}

static void numbers_are_printed_whole(void **state)
{
    struct pm_buf b;

    (void)state;
    pm_buf_init(&b, 100);
    pm_buf_i64(&b, INT64_MIN);
    pm_buf_ch(&b, ' ');
    pm_buf_u64(&b, UINT64_MAX);
    assert_str(pm_buf_view(&b), "-9223372036854775808 18446744073709551615");
    pm_buf_fini(&b);
}

static void an_arena_refuses_above_its_cap(void **state)
{
    struct pm_arena a;

    (void)state;
    pm_arena_init(&a, 64, 1000);
    assert_non_null(pm_arena_try(&a, 900));
    assert_null(pm_arena_try(&a, 200));
    assert_null(pm_arena_try(&a, SIZE_MAX));
    pm_arena_reset(&a);
    assert_non_null(pm_arena_try(&a, 1000));
    pm_arena_fini(&a);
}

static void a_map_keeps_every_key_through_growth_and_deletion(void **state)
{
    struct pm_map m;
    char keys[1000][8];

    (void)state;
    pm_map_init(&m);
    for (int i = 0; i < 1000; i++) {
        snprintf(keys[i], sizeof(keys[i]), "k%d", i);
        assert_null(pm_map_put(&m, pm_str(keys[i]), keys[i]));
    }
    for (int i = 0; i < 1000; i += 3)
        assert_ptr_equal(pm_map_del(&m, pm_str(keys[i])), keys[i]);
    for (int i = 0; i < 1000; i++)
        assert_ptr_equal(pm_map_get(&m, pm_str(keys[i])), i % 3 ? keys[i] : NULL);
    pm_map_fini(&m);
}

static void globs_match_runs_of_any_bytes(void **state)
{
    (void)state;
    assert_true(pm_str_glob(PM_STR("acme/support-7b"), PM_STR("acme/*")));
    assert_true(pm_str_glob(PM_STR("a"), PM_STR("*")));
    assert_true(pm_str_glob(PM_STR("openai/gpt-5.1"), PM_STR("*/gpt-*")));
    assert_false(pm_str_glob(PM_STR("openai/gpt"), PM_STR("anthropic/*")));
    assert_false(pm_str_glob(PM_STR("openai/gpt-5"), PM_STR("openai/gpt")));
}

static void decimal_numbers_that_overflow_are_refused(void **state)
{
    uint64_t v;

    (void)state;
    assert_true(pm_str_u64(PM_STR("18446744073709551615"), &v));
    assert_true(v == UINT64_MAX);
    assert_false(pm_str_u64(PM_STR("18446744073709551616"), &v));
    assert_false(pm_str_u64(PM_STR(""), &v));
    assert_false(pm_str_u64(PM_STR("+1"), &v));
}

static void generation_ids_have_the_form_clients_know(void **state)
{
    char a[PM_GENERATION_ID_LEN + 1], b[PM_GENERATION_ID_LEN + 1];

    (void)state;
    pm_generation_id(a, 1766000000123);
    pm_generation_id(b, 1766000000123);
    assert_int_equal(strlen(a), PM_GENERATION_ID_LEN);
    assert_true(pm_str_starts(pm_str(a), PM_STR("gen-1766000000-")));
    assert_string_not_equal(a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffer_at_its_cap_refuses_and_keeps_what_it_has),
        cmocka_unit_test(numbers_are_printed_whole),
        cmocka_unit_test(an_arena_refuses_above_its_cap),
        cmocka_unit_test(a_map_keeps_every_key_through_growth_and_deletion),
        cmocka_unit_test(globs_match_runs_of_any_bytes),
        cmocka_unit_test(decimal_numbers_that_overflow_are_refused),
        cmocka_unit_test(generation_ids_have_the_form_clients_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
