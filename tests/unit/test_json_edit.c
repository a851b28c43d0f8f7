/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "common/json.h"

#include <float.h>

static struct pm_jval parse(const char *text)
{
    struct pm_jval root;

    if (!pm_json_ok(pm_str(text), &root))
        fail_msg("not valid: %s", text);
    return root;
}

static void integers_are_read_exactly_or_not_at_all(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t value;
    } rows[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"9007199254740993", true, 9007199254740993},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"123456789012345678901234567890", false, 0},
        {"12.0", true, 12},
        {"12.50", false, 0},
        {"1e3", true, 1000},
        {"1E+3", true, 1000},
        {"-1.25e2", true, -125},
        {"1.25e1", false, 0},
        {"1200e-2", true, 12},
        {"1200e-3", false, 0},
        {"0.000001e6", true, 1},
        {"0e999999999999999999999", true, 0},
        {"1e999999999999999999999", false, 0},
        {"1e-999999999999999999999", false, 0},
        {"1e18", true, 1000000000000000000},
        {"1e19", false, 0},
        {"\"1\"", false, 0},
        {"true", false, 0},
        {"null", false, 0},
        {"[1]", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        int64_t got = 0;

        if (pm_json_i64(parse(rows[i].text), &got) != rows[i].ok || got != rows[i].value)
            fail_msg("%s gave %lld", rows[i].text, (long long)got);
    }
}

static void numbers_that_no_double_holds_are_refused(void **state)
{
    struct pm_buf b;
    double d = -1;

    (void)state;
    assert_true(pm_json_f64(parse("0.25"), &d) && d == 0.25);
    assert_true(pm_json_f64(parse("-1e-3"), &d) && d == -1e-3);
    assert_true(pm_json_f64(parse("1.7976931348623157e308"), &d) && d == DBL_MAX);
    assert_false(pm_json_f64(parse("1e400"), &d));
    assert_false(pm_json_f64(parse("-1e400"), &d));
    assert_false(pm_json_f64(parse("\"1\""), &d));
    assert_true(d == DBL_MAX); /* left as it was */
    pm_buf_init(&b, 4000);
    pm_buf_addf(&b, "1%02000d", 0);
    assert_false(pm_json_f64(parse(b.p), &d));
    pm_buf_fini(&b);
}

static void strings_are_unescaped_to_utf8(void **state)
{
    static const struct {
        const char *text;
        struct pm_str want;
    } rows[] = {
        {"\"\"", PM_STR_INIT("")},
        {"\"plain \xc3\xa9\"", PM_STR_INIT("plain \xc3\xa9")},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", PM_STR_INIT("\"\\/\b\f\n\r\t")},
        {"\"a\\u0000b\"", PM_STR_INIT("a\0b")},
        {"\"\\u0041\\u00e9\\u20AC\\uD83D\\ude00!\"",
         PM_STR_INIT("A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80!")},
        {"\"\\ud800\"", PM_STR_INIT("\xef\xbf\xbd")},
        {"\"\\ud800x\"", PM_STR_INIT("\xef\xbf\xbdx")},
        {"\"\\ud800\\n\"", PM_STR_INIT("\xef\xbf\xbd\n")},
        {"\"\\udc00\\ud800\"", PM_STR_INIT("\xef\xbf\xbd\xef\xbf\xbd")},
        {"\"\\ud800\\ud800\\udc00\"", PM_STR_INIT("\xef\xbf\xbd\xf0\x90\x80\x80")},
        {"\"\\udbff\\udfff\"", PM_STR_INIT("\xf4\x8f\xbf\xbf")},
        {"\"\\uffff\\ufffd\"", PM_STR_INIT("\xef\xbf\xbf\xef\xbf\xbd")},
        {"\"tail\\\\\"", PM_STR_INIT("tail\\")},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        struct pm_buf b;
        struct pm_str out;

        pm_buf_init(&b, 100);
        pm_buf_lit(&b, "before");
        assert_true(pm_json_text(parse(rows[i].text), &b, &out));
        if (!pm_str_eq(out, rows[i].want))
            fail_msg("%s gave %.*s", rows[i].text, PM_FMT(out));
        assert_true(pm_str_starts(pm_buf_view(&b), PM_STR("before")));
        pm_buf_fini(&b);
    }
}

static void a_full_buffer_or_another_type_gives_no_text(void **state)
{
    struct pm_buf b;
    struct pm_str out;

    (void)state;
    pm_buf_init(&b, 4);
    pm_buf_lit(&b, "ab");
    assert_false(pm_json_text(parse("\"cd\\n\""), &b, &out));
    assert_str(pm_buf_view(&b), "ab");
    assert_true(pm_json_text(parse("\"longer than the buffer\""), &b, &out));
    assert_false(pm_json_text(parse("12"), &b, &out));
    assert_int_equal(pm_json_body(parse("12")).n, 0);
    assert_str(pm_json_body(parse("\"a\\n\"")), "a\\n");
    pm_buf_fini(&b);
}

static void quoting_escapes_what_json_needs_and_nothing_else(void **state)
{
    static const struct {
        struct pm_str text;
        const char *want;
    } rows[] = {
        {PM_STR_INIT(""), "\"\""},
        {{NULL, 0}, "\"\""},
        {PM_STR_INIT("a/b \x7f \xe2\x82\xac"), "\"a/b \x7f \xe2\x82\xac\""},
        {PM_STR_INIT("\"\\\b\f\n\r\t"), "\"\\\"\\\\\\b\\f\\n\\r\\t\""},
        {PM_STR_INIT("a\0b\x1f"), "\"a\\u0000b\\u001f\""},
        {PM_STR_INIT("a long run of text and then a quote: \""),
         "\"a long run of text and then a quote: \\\"\""},
        {PM_STR_INIT("\xff\xc3"), "\"\xef\xbf\xbd\xef\xbf\xbd\""},
        {PM_STR_INIT("\xed\xa0\x80z"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\""},
        {PM_STR_INIT("\xe2\x82"), "\"\xef\xbf\xbd\xef\xbf\xbd\""},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        struct pm_jval root;
        struct pm_buf b;

        pm_buf_init(&b, 100);
        assert_true(pm_json_quote(&b, rows[i].text));
        assert_str(pm_buf_view(&b), rows[i].want);
        assert_true(pm_json_ok(pm_buf_view(&b), &root));
        pm_buf_fini(&b);
        pm_buf_init(&b, strlen(rows[i].want) - 1);
        assert_false(pm_json_quote(&b, rows[i].text));
        pm_buf_fini(&b);
    }
}

static void nano_dollars_are_printed_as_plain_decimals(void **state)
{
    static const struct {
        int64_t nano;
        const char *want;
    } rows[] = {
        {0, "0"},
        {1, "0.000000001"},
        {31000, "0.000031"},
        {100000000, "0.1"},
        {1000000000, "1"},
        {-1500000000, "-1.5"},
        {-1, "-0.000000001"},
        {12345678901234, "12345.678901234"},
        {INT64_MAX, "9223372036.854775807"},
        {INT64_MIN, "-9223372036.854775808"},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        struct pm_jval root;
        struct pm_buf b;

        pm_buf_init(&b, 40);
        assert_true(pm_json_nano(&b, rows[i].nano));
        assert_str(pm_buf_view(&b), rows[i].want);
        assert_true(pm_json_ok(pm_buf_view(&b), &root));
        pm_buf_fini(&b);
    }
}

static void a_splice_changes_its_bytes_and_no_others(void **state)
{
    const struct pm_str text = PM_STR("{\"n\":9007199254740993,\"m\":\"a\\u0000b\"}");
    const struct pm_edit edits[] = {
        {1, 0, PM_STR_INIT("\"x\":1,")}, {1, 3, PM_STR_INIT("\"N\"")}, {26, 0, PM_STR_INIT("")},
        {26, 10, PM_STR_INIT("2")},      {37, 0, PM_STR_INIT(" ")},
    };
    struct pm_buf b;

    (void)state;
    pm_buf_init(&b, 100);
    pm_buf_lit(&b, ">");
    assert_true(pm_json_splice(text, edits, PM_COUNT(edits), &b));
    assert_str(pm_buf_view(&b), ">{\"x\":1,\"N\":9007199254740993,\"m\":2} ");
    pm_buf_reset(&b);
    assert_true(pm_json_splice(text, NULL, 0, &b));
    assert_true(pm_str_eq(pm_buf_view(&b), text));
    pm_buf_fini(&b);
}

static void a_splice_that_cannot_be_done_writes_nothing(void **state)
{
    const struct pm_str text = PM_STR("0123456789");
    const struct pm_edit bad[][2] = {
        {{4, 2, PM_STR_INIT("")}, {5, 1, PM_STR_INIT("")}}, /* overlap */
        {{4, 0, PM_STR_INIT("")}, {3, 0, PM_STR_INIT("")}}, /* order */
        {{4, 0, PM_STR_INIT("")}, {11, 0, PM_STR_INIT("")}}, /* outside */
        {{4, 0, PM_STR_INIT("")}, {8, 3, PM_STR_INIT("")}},
        {{4, 0, PM_STR_INIT("")}, {8, SIZE_MAX, PM_STR_INIT("")}},
        {{4, 0, PM_STR_INIT("more than fits")}, {8, 0, PM_STR_INIT("")}},
    };
    struct pm_buf b;

    (void)state;
    pm_buf_init(&b, 12);
    for (size_t i = 0; i < PM_COUNT(bad); i++) {
        assert_false(pm_json_splice(text, bad[i], 2, &b));
        assert_int_equal(b.n, 0);
    }
    pm_buf_fini(&b);
}

/* Cuts the members whose names are in `names` (one letter each). */
static void cut_and_compare(const char *text, const char *names, const char *want)
{
    const struct pm_str t = pm_str(text);
    const struct pm_jval root = parse(text);
    struct pm_jiter it = pm_json_iter(root);
    struct pm_jmember drop[8];
    struct pm_jval after;
    struct pm_edit edits[8];
    struct pm_buf b;
    size_t n = 0;

    while (pm_json_member(&it, &drop[n].key, &drop[n].val)) {
        if (drop[n].key.n == 1 && strchr(names, drop[n].key.p[0]))
            n++;
    }
    pm_buf_init(&b, 200);
    assert_true(pm_json_splice(t, edits, pm_json_cut_many(t, root, drop, n, edits), &b));
    assert_str(pm_buf_view(&b), want);
    assert_true(pm_json_ok(pm_buf_view(&b), &after));
    if (n == 1) {
        edits[0] = pm_json_cut(t, root, drop[0].key, drop[0].val);
        pm_buf_reset(&b);
        assert_true(pm_json_splice(t, edits, 1, &b));
        assert_str(pm_buf_view(&b), want);
    }
    pm_buf_fini(&b);
}

static void a_cut_takes_exactly_one_comma(void **state)
{
    static const char abc[] = "{\"a\":1,\"b\":[2,{}],\"c\":\"3,\"}";
    static const char wide[] = "{ \"a\" : 1 , \"b\" : 2 , \"c\" : 3 }";

    (void)state;
    cut_and_compare(abc, "", abc);
    cut_and_compare(abc, "a", "{\"b\":[2,{}],\"c\":\"3,\"}");
    cut_and_compare(abc, "b", "{\"a\":1,\"c\":\"3,\"}");
    cut_and_compare(abc, "c", "{\"a\":1,\"b\":[2,{}]}");
    cut_and_compare(abc, "ab", "{\"c\":\"3,\"}");
    cut_and_compare(abc, "bc", "{\"a\":1}");
    cut_and_compare(abc, "ac", "{\"b\":[2,{}]}");
    cut_and_compare(abc, "abc", "{}");
    cut_and_compare(wide, "a", "{ \"b\" : 2 , \"c\" : 3 }");
    cut_and_compare(wide, "b", "{ \"a\" : 1 , \"c\" : 3 }");
    cut_and_compare(wide, "c", "{ \"a\" : 1 , \"b\" : 2 }");
    cut_and_compare(wide, "bc", "{ \"a\" : 1 }");
    cut_and_compare(wide, "ac", "{ \"b\" : 2 }");
    cut_and_compare(wide, "abc", "{}");
    cut_and_compare("{\"a\":{}}", "a", "{}");
    cut_and_compare(" {\n\"a\":{}\n} ", "a", " {} ");
    cut_and_compare("{\"a\":1,\"a\":2,\"b\":3,\"a\":4}", "a", "{\"b\":3}");
}

static void cuts_go_together_with_edits_of_what_stays(void **state)
{
    const struct pm_str text = PM_STR("{\"a\":1,\"b\":2,\"c\":3,\"d\":4}");
    struct pm_jval root, b_value;
    struct pm_jmember drop[2];
    struct pm_jiter it;
    struct pm_edit edits[4] = {{1, 0, PM_STR("\"x\":0,")}};
    struct pm_buf out;

    (void)state;
    assert_true(pm_json_ok(text, &root));
    b_value = pm_json_get(root, "b");
    edits[1] = (struct pm_edit){(size_t)(b_value.raw.p - text.p), b_value.raw.n, PM_STR("\"new\"")};
    it = pm_json_iter(root);
    pm_json_member(&it, &drop[0].key, &drop[0].val);
    pm_json_member(&it, &drop[0].key, &drop[0].val);
    pm_json_member(&it, &drop[0].key, &drop[0].val);
    pm_json_member(&it, &drop[1].key, &drop[1].val);
    pm_buf_init(&out, 100);
    assert_int_equal(pm_json_cut_many(text, root, drop, 2, &edits[2]), 1);
    assert_true(pm_json_splice(text, edits, 3, &out));
    assert_str(pm_buf_view(&out), "{\"x\":0,\"a\":1,\"b\":\"new\"}");
    pm_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_read_exactly_or_not_at_all),
        cmocka_unit_test(numbers_that_no_double_holds_are_refused),
        cmocka_unit_test(strings_are_unescaped_to_utf8),
        cmocka_unit_test(a_full_buffer_or_another_type_gives_no_text),
        cmocka_unit_test(quoting_escapes_what_json_needs_and_nothing_else),
        cmocka_unit_test(nano_dollars_are_printed_as_plain_decimals),
        cmocka_unit_test(a_splice_changes_its_bytes_and_no_others),
        cmocka_unit_test(a_splice_that_cannot_be_done_writes_nothing),
        cmocka_unit_test(a_cut_takes_exactly_one_comma),
        cmocka_unit_test(cuts_go_together_with_edits_of_what_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
