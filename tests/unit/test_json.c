/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "common/json.h"

/* A copy of exactly its size on the heap, so that a read past the end is seen by ASan. */
static struct pm_str tight(struct pm_str s)
{
    char *p = pm_xmalloc(s.n);

    if (s.n)
        memcpy(p, s.p, s.n);
    return pm_str_n(p, s.n);
}

static bool valid(struct pm_str s)
{
    struct pm_str copy = tight(s);
    struct pm_jval root;
    const bool ok = pm_json_ok(copy, &root);

    assert_int_equal(ok, root.type != PM_JNONE);
    free((void *)copy.p);
    return ok;
}

static struct pm_jval parse(const char *text)
{
    struct pm_jval root;
    struct pm_error err = {0};

    if (!pm_json_check(pm_str(text), PM_JLIMITS_DEFAULT, &root, &err))
        fail_msg("%s: %s", text, err.text);
    return root;
}

static void what_the_grammar_allows_is_accepted(void **state)
{
    static const struct pm_str texts[] = {
        PM_STR_INIT("0"),
        PM_STR_INIT("-0"),
        PM_STR_INIT("-0.0e-0"),
        PM_STR_INIT("1E+2"),
        PM_STR_INIT("1e400"),
        PM_STR_INIT("9007199254740993"),
        PM_STR_INIT("123456789012345678901234567890"),
        PM_STR_INIT("true"),
        PM_STR_INIT("false"),
        PM_STR_INIT(" \t\r\nnull\r\n\t "),
        PM_STR_INIT("\"\""),
        PM_STR_INIT("\"\x7f\""),
        PM_STR_INIT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00\""),
        PM_STR_INIT("\"a\\u0000b\""),
        PM_STR_INIT("\"\\ud800\""), /* unpaired, but legal */
        PM_STR_INIT("\"\\udc00x\\ud800\""),
        PM_STR_INIT("\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\""),
        PM_STR_INIT("\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\""),
        PM_STR_INIT("[]"),
        PM_STR_INIT("[ ]"),
        PM_STR_INIT("{}"),
        PM_STR_INIT("{ }"),
        PM_STR_INIT("[[],{},[{}]]"),
        PM_STR_INIT("{\"a\":1,\"a\":2}"), /* duplicate names */
        PM_STR_INIT(" { \"a\" : [ 1 , 2 ] , \"\" : { } } "),
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(texts); i++) {
        if (!valid(texts[i]))
            fail_msg("refused: %.*s", PM_FMT(texts[i]));
    }
}

static const struct {
    struct pm_str text;
    const char *where;
} refused[] = {
    {PM_STR_INIT(""), "too early, at byte 0"},
    {PM_STR_INIT("  "), "too early, at byte 2"},
    {PM_STR_INIT("\xef\xbb\xbf{}"), "value is expected, at byte 0"},
    {PM_STR_INIT("01"), "may follow the value, at byte 1"},
    {PM_STR_INIT("[01]"), "',' or ']' is expected, at byte 2"},
    {PM_STR_INIT("-"), "too early, at byte 1"},
    {PM_STR_INIT("-a"), "needs a digit here, at byte 1"},
    {PM_STR_INIT("+1"), "value is expected, at byte 0"},
    {PM_STR_INIT(".5"), "value is expected, at byte 0"},
    {PM_STR_INIT("[1.]"), "digit after its point, at byte 3"},
    {PM_STR_INIT("[1e]"), "digit in its exponent, at byte 3"},
    {PM_STR_INIT("[1e+]"), "digit in its exponent, at byte 4"},
    {PM_STR_INIT("0x10"), "may follow the value, at byte 1"},
    {PM_STR_INIT("NaN"), "value is expected, at byte 0"},
    {PM_STR_INIT("tru"), "value is expected, at byte 0"},
    {PM_STR_INIT("nulll"), "may follow the value, at byte 4"},
    {PM_STR_INIT("True"), "value is expected, at byte 0"},
    {PM_STR_INIT("'a'"), "value is expected, at byte 0"},
    {PM_STR_INIT("{} x"), "may follow the value, at byte 3"},
    {PM_STR_INIT("{}{}"), "may follow the value, at byte 2"},
    {PM_STR_INIT("{}\0"), "may follow the value, at byte 2"},
    {PM_STR_INIT("{}\v"), "may follow the value, at byte 2"},
    {PM_STR_INIT("[1,]"), "value is expected, at byte 3"},
    {PM_STR_INIT("[,1]"), "value is expected, at byte 1"},
    {PM_STR_INIT("[1 2]"), "',' or ']' is expected, at byte 3"},
    {PM_STR_INIT("[1}"), "',' or ']' is expected, at byte 2"},
    {PM_STR_INIT("{\"a\":1]"), "',' or '}' is expected, at byte 6"},
    {PM_STR_INIT("[}"), "value is expected, at byte 1"},
    {PM_STR_INIT("{]"), "name in quotes is expected, at byte 1"},
    {PM_STR_INIT("]"), "value is expected, at byte 0"},
    {PM_STR_INIT("["), "too early, at byte 1"},
    {PM_STR_INIT("[1"), "too early, at byte 2"},
    {PM_STR_INIT("{"), "too early, at byte 1"},
    {PM_STR_INIT("{\"a\""), "too early, at byte 4"},
    {PM_STR_INIT("{\"a\":"), "too early, at byte 5"},
    {PM_STR_INIT("{\"a\" 1}"), "':' is expected after a member's name, at byte 5"},
    {PM_STR_INIT("{\"a\":1,}"), "name in quotes is expected, at byte 7"},
    {PM_STR_INIT("{a:1}"), "name in quotes is expected, at byte 1"},
    {PM_STR_INIT("{1:1}"), "name in quotes is expected, at byte 1"},
    {PM_STR_INIT("[1]//"), "may follow the value, at byte 3"},
    {PM_STR_INIT("\"abc"), "too early, at byte 4"},
    {PM_STR_INIT("\"abc\\"), "too early, at byte 5"},
    {PM_STR_INIT("\"abc\\\""), "too early, at byte 6"},
    {PM_STR_INIT("\"\\x41\""), "no such escape, at byte 2"},
    {PM_STR_INIT("\"\\\0\""), "no such escape, at byte 2"},
    {PM_STR_INIT("\"\\u12\""), "four hexadecimal digits, at byte 5"},
    {PM_STR_INIT("\"\\u12g4\""), "four hexadecimal digits, at byte 5"},
    {PM_STR_INIT("\"\\u1"), "too early, at byte 4"},
    {PM_STR_INIT("\"a\tb\""), "control character inside a string must be escaped, at byte 2"},
    {PM_STR_INIT("\"a\nb\""), "must be escaped, at byte 2"},
    {PM_STR_INIT("\"a\0b\""), "must be escaped, at byte 2"},
    {PM_STR_INIT("\"a\x1f\""), "must be escaped, at byte 2"},
    {PM_STR_INIT("\"\x80\""), "not valid UTF-8, at byte 1"}, /* a tail alone */
    {PM_STR_INIT("\"\xc3\""), "not valid UTF-8, at byte 1"},
    {PM_STR_INIT("\"\xc0\xaf\""), "not valid UTF-8, at byte 1"}, /* overlong */
    {PM_STR_INIT("\"\xc1\xbf\""), "not valid UTF-8, at byte 1"},
    {PM_STR_INIT("\"\xe0\x9f\xbf\""), "not valid UTF-8, at byte 1"},
    {PM_STR_INIT("\"\xf0\x8f\xbf\xbf\""), "not valid UTF-8, at byte 1"},
    {PM_STR_INIT("\"\xed\xa0\x80\""), "not valid UTF-8, at byte 1"}, /* raw surrogates */
    {PM_STR_INIT("\"\xed\xbf\xbf\""), "not valid UTF-8, at byte 1"},
    {PM_STR_INIT("\"\xf4\x90\x80\x80\""), "not valid UTF-8, at byte 1"},
    {PM_STR_INIT("\"\xf5\x80\x80\x80\""), "not valid UTF-8, at byte 1"},
    {PM_STR_INIT("\"\xff\""), "not valid UTF-8, at byte 1"},
    {PM_STR_INIT("\"\xe2\x82\""), "not valid UTF-8, at byte 1"},
    {PM_STR_INIT("\"\xe2\x82"), "not valid UTF-8, at byte 1"},
    {PM_STR_INIT("\"\xf0\x9f\x98"), "not valid UTF-8, at byte 1"},
    {PM_STR_INIT("\"\xe2\x82\xac\xe2\x28\xa1\""), "not valid UTF-8, at byte 4"},
    {PM_STR_INIT("\xff"), "value is expected, at byte 0"},
};

static void what_the_grammar_forbids_is_refused_at_its_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < PM_COUNT(refused); i++) {
        struct pm_error err = {0};
        struct pm_jval root;

        if (valid(refused[i].text))
            fail_msg("accepted: %.*s", PM_FMT(refused[i].text));
        assert_false(pm_json_check(refused[i].text, PM_JLIMITS_DEFAULT, &root, &err));
        assert_int_equal(err.code, PM_EINVAL);
        if (!strstr(err.text, refused[i].where))
            fail_msg("%.*s: got \"%s\"", PM_FMT(refused[i].text), err.text);
    }
}

/* The scan goes by blocks: each fault must be found wherever it stands in one. */
static void a_fault_is_found_at_every_place_of_a_long_string(void **state)
{
    static const struct {
        const char *bytes;
        bool ok;
    } rows[] = {
        {"\x01", false},    {"\x1f", false}, {"\xff", false},
        {"\xc3(", false},   {"\\q", false},  {"\"", false},
        {"\xc3\xa9", true}, {"\\n", true},   {"\xf0\x9f\x98\x80", true},
        {"\\u00e9", true},  {" ", true},     {"\x7f", true},
    };

    (void)state;
    for (size_t r = 0; r < PM_COUNT(rows); r++) {
        for (size_t at = 0; at < 70; at++) {
            struct pm_buf b;

            pm_buf_init(&b, 200);
            pm_buf_lit(&b, "[\"");
            for (size_t i = 0; i < at; i++)
                pm_buf_ch(&b, (char)('a' + i % 26));
            pm_buf_cstr(&b, rows[r].bytes);
            for (size_t i = at; i < 70; i++)
                pm_buf_ch(&b, (char)('a' + i % 26));
            pm_buf_lit(&b, "\"]");
            if (valid(pm_buf_view(&b)) != rows[r].ok)
                fail_msg("row %zu at %zu", r, at);
            pm_buf_fini(&b);
        }
    }
}

static void every_prefix_of_a_document_is_refused(void **state)
{
    const struct pm_str text = PM_STR("{\"a\":[1,-2.5e3,true,null,\"x\\u00e9\\\"\xe2\x82\xac\"],"
                                      "\"b\":{\"c\":[[],{}]},\"d\":\"0123456789abcdefghij\"}");

    (void)state;
    assert_true(valid(text));
    for (size_t n = 0; n < text.n; n++)
        assert_false(valid(pm_str_n(text.p, n)));
}

static struct pm_buf repeat(const char *unit, size_t times, const char *tail)
{
    struct pm_buf b;

    pm_buf_init(&b, 1 << 20);
    for (size_t i = 0; i < times; i++)
        assert_true(pm_buf_cstr(&b, unit));
    assert_true(pm_buf_cstr(&b, tail));
    return b;
}

static bool nested_ok(size_t depth, unsigned limit, enum pm_errc *code)
{
    struct pm_buf b = repeat("[", depth, ""), close = repeat("]", depth, "");
    struct pm_error err = {0};
    struct pm_jval root;
    bool ok;

    pm_buf_str(&b, pm_buf_view(&close));
    ok = pm_json_check(pm_buf_view(&b), (struct pm_jlimits){limit, 10}, &root, &err);
    *code = err.code;
    pm_buf_fini(&b);
    pm_buf_fini(&close);
    return ok;
}

static void nesting_stops_at_its_limit(void **state)
{
    enum pm_errc code;

    (void)state;
    assert_true(nested_ok(128, 128, &code));
    assert_false(nested_ok(129, 128, &code));
    assert_int_equal(code, PM_ELIMIT);
    assert_true(nested_ok(PM_JSON_MAX_DEPTH, 100000, &code));
    assert_false(nested_ok(PM_JSON_MAX_DEPTH + 1, 100000, &code));
    assert_int_equal(code, PM_ELIMIT);
    assert_false(nested_ok(100000, 128, &code));
    assert_int_equal(code, PM_ELIMIT);
}

static void members_are_counted_for_each_object_alone(void **state)
{
    static const struct {
        const char *text;
        bool ok;
    } rows[] = {
        {"{\"a\":1,\"b\":2,\"c\":3}", true},
        {"{\"a\":1,\"b\":2,\"c\":3,\"d\":4}", false},
        {"{\"a\":1,\"a\":1,\"a\":1,\"a\":1}", false},
        {"{\"a\":{\"a\":1,\"b\":2,\"c\":3},\"b\":{\"a\":1,\"b\":2,\"c\":3},\"c\":{}}", true},
        {"{\"a\":{\"a\":1},\"b\":{},\"c\":[],\"d\":4}", false},
        {"[1,2,3,4,5,6,7,8,{\"a\":1},{\"b\":1},{\"c\":1},{\"d\":1}]", true},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        struct pm_error err = {0};
        struct pm_jval root;

        if (pm_json_check(pm_str(rows[i].text), (struct pm_jlimits){10, 3}, &root, &err) !=
            rows[i].ok)
            fail_msg("%s: %s", rows[i].text, err.text);
        if (!rows[i].ok)
            assert_int_equal(err.code, PM_ELIMIT);
    }
}

static void the_root_is_the_value_without_the_blanks_around_it(void **state)
{
    (void)state;
    assert_str(parse(" \n{\"a\": 1} \t").raw, "{\"a\": 1}");
    assert_int_equal(parse(" [1]").type, PM_JARR);
    assert_int_equal(parse("\"x\"").type, PM_JSTR);
    assert_int_equal(parse("-1").type, PM_JNUM);
    assert_int_equal(parse("true").type, PM_JTRUE);
    assert_int_equal(parse("false").type, PM_JFALSE);
    assert_int_equal(parse("null").type, PM_JNULL);
}

static void a_walk_gives_each_member_with_its_bytes_as_they_came(void **state)
{
    static const struct {
        const char *key, *raw;
        enum pm_jtype type;
    } want[] = {
        {"a", "9007199254740993", PM_JNUM},
        {"b\\\"}", "\"]}\\\\\"", PM_JSTR},
        {"", "[1 , {\"x\":\"}\"},[ ]]", PM_JARR},
        {"a", "1e400", PM_JNUM},
        {"o", "{\"p\":{\"q\":\"a fairly long string with ] and } in it\"}}", PM_JOBJ},
        {"n", "null", PM_JNULL},
        {"t", "true", PM_JTRUE},
    };
    const struct pm_jval root =
        parse(" { \"a\" : 9007199254740993 , \"b\\\"}\":\"]}\\\\\",\n\"\": [1 , {\"x\":\"}\"},[ ]],"
              "\"a\":1e400,\"o\":{\"p\":{\"q\":\"a fairly long string with ] and } in it\"}},"
              "\"n\":null,\"t\":true\n}");
    struct pm_jiter it = pm_json_iter(root);
    struct pm_str key;
    struct pm_jval val;

    (void)state;
    for (size_t i = 0; i < PM_COUNT(want); i++) {
        assert_true(pm_json_member(&it, &key, &val));
        assert_str(key, want[i].key);
        assert_str(val.raw, want[i].raw);
        assert_int_equal(val.type, want[i].type);
    }
    assert_false(pm_json_member(&it, &key, &val));
    assert_false(pm_json_member(&it, &key, &val));
}

static void a_walk_gives_each_item(void **state)
{
    struct pm_jiter it = pm_json_iter(parse("[1,\"a,b\" ,[2,3], {\"x\":[4]},null ]"));
    static const char *want[] = {"1", "\"a,b\"", "[2,3]", "{\"x\":[4]}", "null"};
    struct pm_jval val;

    (void)state;
    for (size_t i = 0; i < PM_COUNT(want); i++) {
        assert_true(pm_json_item(&it, &val));
        assert_str(val.raw, want[i]);
    }
    assert_false(pm_json_item(&it, &val));
}

static void a_walk_in_halves_sees_what_the_whole_one_sees(void **state)
{
    static const char text[] = " { \"a\" : [ 1 , {\"x\":\"]}\"} , [] ] , \"b\":\"s\" ,\"c\":{}}  ";
    struct pm_jval root, item;
    struct pm_jiter it, inner, innermost;
    struct pm_str key;

    (void)state;
    assert_true(pm_json_ok(pm_str(text), &root));
    it = pm_json_iter(root);
    assert_true(pm_json_name(&it, &key));
    assert_str(key, "a");
    assert_int_equal(pm_json_type(&it), PM_JARR);

    inner = pm_json_enter(&it);
    assert_true(pm_json_more(&inner));
    assert_str(pm_json_take(&inner).raw, "1");
    assert_true(pm_json_more(&inner));
    innermost = pm_json_enter(&inner);
    assert_true(pm_json_name(&innermost, &key));
    assert_str(pm_json_take(&innermost).raw, "\"]}\"");
    assert_false(pm_json_name(&innermost, &key));
    assert_str(pm_json_leave(&inner, &innermost).raw, "{\"x\":\"]}\"}");
    assert_true(pm_json_more(&inner));
    innermost = pm_json_enter(&inner);
    assert_false(pm_json_more(&innermost));
    assert_str(pm_json_leave(&inner, &innermost).raw, "[]");
    assert_false(pm_json_more(&inner));
    item = pm_json_leave(&it, &inner);
    assert_int_equal(item.type, PM_JARR);
    assert_str(item.raw, "[ 1 , {\"x\":\"]}\"} , [] ]");

    assert_true(pm_json_name(&it, &key));
    assert_str(pm_json_take(&it).raw, "\"s\"");
    assert_true(pm_json_name(&it, &key));
    inner = pm_json_enter(&it);
    assert_false(pm_json_name(&inner, &key));
    assert_str(pm_json_leave(&it, &inner).raw, "{}");
    assert_false(pm_json_name(&it, &key));
    assert_int_equal(pm_json_type(&it), PM_JNONE);
}

static void a_walk_of_what_has_no_parts_ends_at_once(void **state)
{
    static const char *texts[] = {"{}", "[]", "{ }", "[ ]", "1", "\"abc\"", "null"};
    struct pm_str key;
    struct pm_jval val;
    struct pm_jiter it;

    (void)state;
    for (size_t i = 0; i < PM_COUNT(texts); i++) {
        it = pm_json_iter(parse(texts[i]));
        assert_false(pm_json_member(&it, &key, &val));
        it = pm_json_iter(parse(texts[i]));
        assert_false(pm_json_item(&it, &val));
    }
    it = pm_json_iter((struct pm_jval){0});
    assert_false(pm_json_item(&it, &val));
    it = pm_json_iter(parse("[1,2]"));
    assert_false(pm_json_member(&it, &key, &val));
}

static void a_member_is_found_by_its_exact_name(void **state)
{
    const struct pm_jval root = parse("{\"Model\":1,\"model\":2,\"model\":3,\"mod\\u0065l\":4,"
                                      "\"in\":{\"only\":5}}");

    (void)state;
    assert_str(pm_json_get(root, "model").raw, "2");
    assert_str(pm_json_get(root, "Model").raw, "1");
    assert_str(pm_json_get(pm_json_get(root, "in"), "only").raw, "5");
    assert_int_equal(pm_json_get(root, "only").type, PM_JNONE);
    assert_int_equal(pm_json_get(root, "mode").type, PM_JNONE);
    assert_int_equal(pm_json_get(root, "").type, PM_JNONE);
    assert_int_equal(pm_json_get(pm_json_get(root, "none"), "x").type, PM_JNONE);
    assert_int_equal(pm_json_get(parse("[\"model\",1]"), "model").type, PM_JNONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_grammar_allows_is_accepted),
        cmocka_unit_test(what_the_grammar_forbids_is_refused_at_its_byte),
        cmocka_unit_test(a_fault_is_found_at_every_place_of_a_long_string),
        cmocka_unit_test(every_prefix_of_a_document_is_refused),
        cmocka_unit_test(nesting_stops_at_its_limit),
        cmocka_unit_test(members_are_counted_for_each_object_alone),
        cmocka_unit_test(the_root_is_the_value_without_the_blanks_around_it),
        cmocka_unit_test(a_walk_gives_each_member_with_its_bytes_as_they_came),
        cmocka_unit_test(a_walk_gives_each_item),
        cmocka_unit_test(a_walk_in_halves_sees_what_the_whole_one_sees),
        cmocka_unit_test(a_walk_of_what_has_no_parts_ends_at_once),
        cmocka_unit_test(a_member_is_found_by_its_exact_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
