/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "common/utf8.h"

static void text_is_cut_between_characters(void **state)
{
    static const struct {
        struct pm_str s;
        size_t max, want;
    } rows[] = {
        {PM_STR_INIT(""), 4, 0},
        {PM_STR_INIT("abcd"), 4, 4},
        {PM_STR_INIT("abcde"), 4, 4},
        {PM_STR_INIT("abc\xc3\xa9"), 4, 3},
        {PM_STR_INIT("ab\xc3\xa9!"), 4, 4},
        {PM_STR_INIT("ab\xe2\x82\xac"), 4, 2},
        {PM_STR_INIT("a\xf0\x9f\x98\x80"), 4, 1},
        {PM_STR_INIT("\xf0\x9f\x98\x80!"), 4, 4},
        {PM_STR_INIT("\x80\x80\x80\x80\x80\x80"), 4, 1}, /* no text at all: some cut */
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        if (pm_utf8_bounded(rows[i].s, rows[i].max) != rows[i].want)
            fail_msg("row %zu: %zu", i, pm_utf8_bounded(rows[i].s, rows[i].max));
    }
    assert_int_equal(pm_utf8_bounded(PM_NSTR, 4), 0);
}

static void bad_bytes_are_replaced_one_by_one(void **state)
{
    static const struct {
        struct pm_str in;
        const char *want;
    } rows[] = {
        {PM_STR_INIT("plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
         "plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
        {PM_STR_INIT("a\0b"), "a?b"},
        {PM_STR_INIT("\xff"), "?"},
        {PM_STR_INIT("\xc3("), "?("},
        {PM_STR_INIT("\xe2\x82"), "?"
                                  "?"},
        {PM_STR_INIT("\xc0\xaf"), "?"
                                  "?"},
        {PM_STR_INIT("\xed\xa0\x80"), "?"
                                      "?"
                                      "?"},
    };
    char text[64];

    (void)state;
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        memcpy(text, rows[i].in.p, rows[i].in.n);
        pm_utf8_clean(text, rows[i].in.n);
        assert_str(pm_str_n(text, rows[i].in.n), rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_cut_between_characters),
        cmocka_unit_test(bad_bytes_are_replaced_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
