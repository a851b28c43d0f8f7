/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "common/route/route.h"

static struct pm_arena arena;

static bool parse(const char *json, struct pm_prefs *p, struct pm_error *err)
{
    struct pm_jval v;

    if (!pm_json_check(pm_str(json), PM_JLIMITS_DEFAULT, &v, err))
        fail_msg("not JSON: %s", json);
    return pm_prefs_from_json(v, &arena, p, err);
}

static struct pm_prefs parsed(const char *json)
{
    struct pm_prefs p;
    struct pm_error err = {0};

    if (!parse(json, &p, &err))
        fail_msg("%s: %s", json, err.text);
    return p;
}

static void every_member_is_read(void **state)
{
    struct pm_prefs p = parsed(
        "{\"order\":[\"a\",\"b/x\"],\"only\":[\"c\"],\"ignore\":[\"d\"],\"allow_fallbacks\":false,"
        "\"require_parameters\":true,\"data_collection\":\"deny\",\"zdr\":true,"
        "\"enforce_distillable_text\":true,\"quantizations\":[\"fp8\",\"bf16\"],"
        "\"sort\":\"latency\",\"preferred_min_throughput\":50,"
        "\"preferred_max_latency\":{\"p50\":1.5,\"p99\":4},"
        "\"max_price\":{\"prompt\":0.5,\"completion\":\"2.5\",\"request\":0.01,"
        "\"image\":\"0.002\",\"audio\":1}}");

    (void)state;
    assert_int_equal(p.n_order, 2);
    assert_str(p.order[1], "b/x");
    assert_true(p.only_set);
    assert_str(p.only[0], "c");
    assert_str(p.ignore[0], "d");
    assert_true(p.no_fallbacks && p.require_parameters && p.deny_collection && p.zdr);
    assert_true(p.distillable);
    assert_int_equal(p.quants, PM_Q_FP8 | PM_Q_BF16);
    assert_int_equal(p.sort, PM_SORT_LATENCY);
    assert_true(p.min_throughput.p50 == 50 && p.min_throughput.p75 == 0);
    assert_true(p.max_latency.p50 == 1.5 && p.max_latency.p99 == 4);
    assert_int_equal(p.max_prompt, 500000);
    assert_int_equal(p.max_completion, 2500000);
    assert_int_equal(p.max_request, 10000000000);
    assert_int_equal(p.max_image, 2000000000);
    assert_int_equal(p.max_audio, 1000000);
}

static void nothing_said_is_nothing_asked(void **state)
{
    static const char *const texts[] = {
        "null",
        "{}",
        "{\"order\":null,\"only\":null,\"ignore\":null,\"allow_fallbacks\":null,\"zdr\":null,"
        "\"require_parameters\":null,\"data_collection\":null,\"quantizations\":null,"
        "\"sort\":null,\"preferred_min_throughput\":null,\"preferred_max_latency\":null,"
        "\"max_price\":null,\"enforce_distillable_text\":null}",
        "{\"order\":[],\"ignore\":[],\"quantizations\":[],\"allow_fallbacks\":true,\"zdr\":false,"
        "\"data_collection\":\"allow\",\"sort\":{},\"preferred_max_latency\":{\"p50\":null},"
        "\"max_price\":{\"prompt\":null}}",
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(texts); i++) {
        struct pm_prefs p = parsed(texts[i]);
        assert_int_equal(p.n_order + p.n_only + p.n_ignore + p.n_regions, 0);
        assert_false(p.only_set || p.no_fallbacks || p.zdr || p.deny_collection);
        assert_int_equal(p.quants, 0);
        assert_int_equal(p.sort, PM_SORT_NONE);
        assert_false(p.partition_none);
        assert_int_equal(p.max_prompt, PM_PRICE_NONE);
        assert_int_equal(p.max_audio, PM_PRICE_NONE);
    }
}

static void an_empty_only_is_an_allow_list(void **state)
{
    (void)state;
    assert_true(parsed("{\"only\":[]}").only_set);
}

static void a_sort_may_be_an_object(void **state)
{
    struct pm_prefs p = parsed("{\"sort\":{\"by\":\"price\",\"partition\":\"none\"}}");

    (void)state;
    assert_int_equal(p.sort, PM_SORT_PRICE);
    assert_true(p.partition_none);
    assert_false(parsed("{\"sort\":{\"partition\":\"model\"}}").partition_none);
}

static void what_the_schema_does_not_know_is_refused_by_name(void **state)
{
    static const struct {
        const char *json, *says;
    } cases[] = {
        {"[]", "provider"},
        {"\"openai\"", "provider"},
        {"{\"orders\":[]}", "'orders'"},
        {"{\"Order\":[]}", "'Order'"},
        {"{\"order\":\"a\"}", "provider.order"},
        {"{\"order\":{}}", "provider.order"},
        {"{\"order\":[1]}", "provider.order"},
        {"{\"order\":[\"a\",null]}", "provider.order"},
        {"{\"only\":false}", "provider.only"},
        {"{\"ignore\":[[\"a\"]]}", "provider.ignore"},
        {"{\"allow_fallbacks\":0}", "provider.allow_fallbacks"},
        {"{\"allow_fallbacks\":\"false\"}", "provider.allow_fallbacks"},
        {"{\"require_parameters\":1}", "provider.require_parameters"},
        {"{\"data_collection\":\"none\"}", "provider.data_collection"},
        {"{\"data_collection\":true}", "provider.data_collection"},
        {"{\"zdr\":[]}", "provider.zdr"},
        {"{\"quantizations\":\"fp8\"}", "provider.quantizations"},
        {"{\"quantizations\":[\"fp9\"]}", "provider.quantizations"},
        {"{\"quantizations\":[8]}", "provider.quantizations"},
        {"{\"sort\":\"speed\"}", "provider.sort"},
        {"{\"sort\":1}", "provider.sort"},
        {"{\"sort\":{\"by\":\"speed\"}}", "provider.sort.by"},
        {"{\"sort\":{\"order\":\"price\"}}", "'order'"},
        {"{\"sort\":{\"partition\":\"all\"}}", "provider.sort.partition"},
        {"{\"preferred_min_throughput\":\"50\"}", "provider.preferred_min_throughput"},
        {"{\"preferred_min_throughput\":-1}", "provider.preferred_min_throughput"},
        {"{\"preferred_max_latency\":{\"p50\":-1}}", "provider.preferred_max_latency"},
        {"{\"preferred_max_latency\":{\"p60\":1}}", "provider.preferred_max_latency"},
        {"{\"max_price\":1}", "provider.max_price"},
        {"{\"max_price\":{\"tokens\":1}}", "'tokens'"},
        {"{\"max_price\":{\"prompt\":-1}}", "provider.max_price.prompt"},
        {"{\"max_price\":{\"prompt\":\"cheap\"}}", "provider.max_price.prompt"},
        {"{\"max_price\":{\"prompt\":\"\"}}", "provider.max_price.prompt"},
        {"{\"max_price\":{\"image\":[]}}", "provider.max_price.image"},
        {"{\"max_price\":{\"audio\":true}}", "provider.max_price.audio"},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(cases); i++) {
        struct pm_error err = {0};
        struct pm_prefs p;
        if (parse(cases[i].json, &p, &err))
            fail_msg("taken: %s", cases[i].json);
        assert_int_equal(err.code, PM_EINVAL);
        if (!pm_str_icontains(pm_str(err.text), pm_str(cases[i].says)))
            fail_msg("%s: %s", cases[i].json, err.text);
    }
}

static void a_bound_is_never_rounded_up(void **state)
{
    static const struct {
        const char *json;
        int64_t want;
    } cases[] = {
        {"0", 0},
        {"-0", 0},
        {"0.003625", 3625},
        {"\"0.003625\"", 3625},
        {"0.0036259", 3625},
        {"1e-1", 100000},
        {"\"1e2\"", 100000000},
        {"12.5E0", 12500000},
        {"1e300", INT64_MAX},
        {"0.29", 290000},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(cases); i++) {
        char json[100];
        snprintf(json, sizeof(json), "{\"max_price\":{\"completion\":%s}}", cases[i].json);
        assert_int_equal(parsed(json).max_completion, cases[i].want);
    }
}

static void escapes_in_slugs_are_resolved(void **state)
{
    struct pm_prefs p = parsed("{\"order\":[\"\\u0061zure\\/eu\",\"b\"]}");

    (void)state;
    assert_str(p.order[0], "azure/eu");
    assert_str(p.order[1], "b");
}

static void lists_and_slugs_have_a_limit(void **state)
{
    struct pm_buf b;
    struct pm_prefs p;
    struct pm_error err;

    (void)state;
    pm_buf_init(&b, 1 << 16);
    pm_buf_lit(&b, "{\"order\":[");
    for (int i = 0; i < 256; i++)
        pm_buf_addf(&b, "%s\"p%d\"", i ? "," : "", i);
    pm_buf_lit(&b, "]}");
    assert_true(parse(b.p, &p, &err));
    assert_int_equal(p.n_order, 256);
    b.n -= 2;
    pm_buf_lit(&b, ",\"one too many\"]}");
    assert_false(parse(b.p, &p, &err));

    pm_buf_reset(&b);
    pm_buf_lit(&b, "{\"only\":[\"");
    for (int i = 0; i < 300; i++)
        pm_buf_lit(&b, "\\u0061");
    pm_buf_lit(&b, "\"]}");
    assert_false(parse(b.p, &p, &err));
    pm_buf_fini(&b);
}

static int set_up(void **state)
{
    (void)state;
    pm_arena_init(&arena, 4096, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pm_arena_fini(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_is_read),
        cmocka_unit_test(nothing_said_is_nothing_asked),
        cmocka_unit_test(an_empty_only_is_an_allow_list),
        cmocka_unit_test(a_sort_may_be_an_object),
        cmocka_unit_test(what_the_schema_does_not_know_is_refused_by_name),
        cmocka_unit_test(a_bound_is_never_rounded_up),
        cmocka_unit_test(escapes_in_slugs_are_resolved),
        cmocka_unit_test(lists_and_slugs_have_a_limit),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
