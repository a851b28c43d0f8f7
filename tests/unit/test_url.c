/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "common/url.h"

static void a_query_is_walked_pair_by_pair(void **state)
{
    struct pm_str query = PM_STR("&a=1&&b&=x&c=%20=d&"), name, value;

    (void)state;
    assert_true(pm_url_param(&query, &name, &value));
    assert_str(name, "a");
    assert_str(value, "1");
    assert_true(pm_url_param(&query, &name, &value));
    assert_str(name, "b");
    assert_str(value, "");
    assert_true(pm_url_param(&query, &name, &value));
    assert_str(name, "");
    assert_str(value, "x");
    assert_true(pm_url_param(&query, &name, &value));
    assert_str(name, "c");
    assert_str(value, "%20=d");
    assert_false(pm_url_param(&query, &name, &value));
    assert_false(pm_url_param(&query, &name, &value));
}

static void escapes_are_resolved_or_refused(void **state)
{
    static const struct {
        const char *text, *plain, *form; /* NULL: refused */
    } rows[] = {
        {"abc", "abc", "abc"},      {"a%2Fb%2fc", "a/b/c", "a/b/c"},
        {"a+b%2B", "a+b+", "a b+"}, {"%C3%A9", "\xc3\xa9", "\xc3\xa9"},
        {"%41%", NULL, NULL},       {"%4", NULL, NULL},
        {"%zz", NULL, NULL},        {"%+1", NULL, NULL},
        {"a%00b", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        for (int form = 0; form < 2; form++) {
            const char *want = form ? rows[i].form : rows[i].plain;
            struct pm_buf b;

            pm_buf_init(&b, 100);
            pm_buf_lit(&b, ">");
            assert_int_equal(pm_url_decode(pm_str(rows[i].text), form, &b), want != NULL);
            assert_str(pm_str_cut(pm_buf_view(&b), 1, b.n), want ? want : "");
            pm_buf_fini(&b);
        }
    }
}

static void a_full_buffer_keeps_what_it_has(void **state)
{
    struct pm_buf b;

    (void)state;
    pm_buf_init(&b, 3);
    pm_buf_lit(&b, "x");
    assert_false(pm_url_decode(PM_STR("abc"), false, &b));
    assert_str(pm_buf_view(&b), "x");
    pm_buf_fini(&b);
}

static void every_byte_survives_encoding(void **state)
{
    struct pm_buf there, back;
    char bytes[255];

    (void)state;
    for (int i = 0; i < 255; i++)
        bytes[i] = (char)(i + 1);
    pm_buf_init(&there, 1000);
    pm_buf_init(&back, 1000);
    assert_true(pm_url_encode(pm_str_n(bytes, sizeof(bytes)), &there));
    for (size_t i = 0; i < there.n; i++)
        assert_non_null(strchr(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%", there.p[i]));
    assert_true(pm_url_decode(pm_buf_view(&there), true, &back));
    assert_true(pm_str_eq(pm_buf_view(&back), pm_str_n(bytes, sizeof(bytes))));
    pm_buf_fini(&there);
    pm_buf_fini(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_query_is_walked_pair_by_pair),
        cmocka_unit_test(escapes_are_resolved_or_refused),
        cmocka_unit_test(a_full_buffer_keeps_what_it_has),
        cmocka_unit_test(every_byte_survives_encoding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
