/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "common/route/build.h"

static void every_parameter_protocol_and_quantization_name_reads_back(void **state)
{
    enum pm_protocol proto = PM_PROTO_COUNT;

    (void)state;
    for (enum pm_param p = 0; p < PM_P_COUNT; p++)
        assert_int_equal(pm_param_from(pm_str(pm_param_name(p))), p);
    assert_int_equal(pm_param_from(PM_STR("stream")), PM_P_COUNT);
    assert_int_equal(pm_param_from(PM_STR("")), PM_P_COUNT);
    assert_string_equal(pm_param_name(PM_P_PARALLEL_TOOL_CALLS), "parallel_tool_calls");

    for (enum pm_protocol p = 0; p < PM_PROTO_COUNT; p++) {
        assert_true(pm_protocol_from(pm_str(pm_protocol_name(p)), &proto));
        assert_int_equal(proto, p);
    }
    assert_false(pm_protocol_from(PM_STR("grpc"), &proto));

    for (uint32_t q = PM_Q_UNKNOWN; q <= PM_Q_FP32; q <<= 1)
        assert_int_equal(pm_quant_from(pm_str(pm_quant_name(q))), q);
    assert_int_equal(pm_quant_from(PM_STR("fp7")), 0);
    assert_string_equal(pm_quant_name(PM_Q_NVFP4), "nvfp4");
    assert_string_equal(pm_quant_name(PM_QUANTS_NONE), "");
}

static void a_list_of_quantizations_means_the_micro_scaled_ones_too(void **state)
{
    (void)state;
    assert_int_equal(pm_quants_widen(PM_Q_FP4), PM_Q_FP4 | PM_Q_MXFP4 | PM_Q_NVFP4);
    assert_int_equal(pm_quants_widen(PM_Q_FP8), PM_Q_FP8 | PM_Q_MXFP8);
    assert_int_equal(pm_quants_widen(PM_Q_MXFP8 | PM_Q_INT4), PM_Q_MXFP8 | PM_Q_INT4);
}

static void a_slug_means_all_endpoints_of_its_provider_and_a_tag_only_one(void **state)
{
    static const struct {
        const char *slug, *tag;
        bool covers;
    } rows[] = {
        {"azure", "azure", true},
        {"azure", "azure/eu", true},
        {"Azure", "azure/eu", true},
        {"azure/eu", "azure/eu", true},
        {"azure/eu", "azure", false},
        {"azure/eu", "azure/us", false},
        {"azure", "azure2", false},
        {"azure", "azure2/eu", false},
        {"", "azure", false},
        {"azure/e", "azure/eu", false},
        {"google", "google-vertex", false},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        if (pm_slug_covers(pm_str(rows[i].slug), pm_str(rows[i].tag)) != rows[i].covers)
            fail_msg("%s and %s", rows[i].slug, rows[i].tag);
    }
}

static void an_empty_table_has_its_default_policy(void **state)
{
    struct pm_table *t = pm_table_new();

    (void)state;
    assert_str(t->policy->name, "default");
    assert_int_equal(t->policy->prefs.max_prompt, PM_PRICE_NONE);
    assert_ptr_equal(pm_map_get(&t->policy_by_name, PM_STR("default")), t->policy);
    assert_null(pm_table_model(t, PM_STR("openai/gpt-5.1")));
    assert_int_equal(t->n_endpoints, 0);
    pm_table_unref(pm_table_ref(t));
    assert_str(t->policy->name, "default");
    pm_table_unref(t);
    pm_table_unref(NULL);
}

static void rows_are_numbered_and_linked_when_the_table_is_finished(void **state)
{
    struct pm_table_build *b = pm_table_build_new();
    struct pm_provider *one = pm_table_add_provider(b, PM_STR("one"));
    struct pm_provider *two = pm_table_add_provider(b, PM_STR("two"));
    struct pm_model *x = pm_table_add_model(b, PM_STR("a/x"));
    struct pm_model *y = pm_table_add_model(b, PM_STR("a/y"));
    struct pm_table *t;

    (void)state;
    /* Interleaved, as layers add them. */
    pm_table_add_credential(b, two, PM_STR("two/main"));
    pm_table_add_credential(b, one, PM_STR("one"));
    pm_table_add_credential(b, two, PM_STR("two/spare"));
    pm_table_add_endpoint(b, x, two, PM_STR("two"));
    pm_table_add_endpoint(b, y, one, PM_STR("one"));
    pm_table_add_endpoint(b, x, one, PM_STR("one/eu"))->region = PM_STR("eu");
    x->canonical = PM_STR("a/x-2026-01-01");
    t = pm_table_finish(b);

    assert_int_equal(t->n_models, 2);
    assert_int_equal(t->n_endpoints, 3);
    for (size_t i = 0; i < t->n_endpoints; i++)
        assert_int_equal(t->endpoints[i]->index, i);
    assert_int_equal(x->n_endpoints, 2);
    assert_str(x->endpoints[0]->tag, "two");
    assert_str(x->endpoints[1]->tag, "one/eu");
    assert_ptr_equal(x->endpoints[1]->provider, one);
    assert_ptr_equal(y->endpoints[0]->model, y);
    assert_ptr_equal(pm_table_model(t, PM_STR("a/x")), x);
    assert_ptr_equal(pm_table_model(t, PM_STR("a/x-2026-01-01")), x);

    assert_int_equal(t->n_credentials, 3);
    for (size_t i = 0; i < t->n_credentials; i++)
        assert_int_equal(t->credentials[i]->index, i);
    assert_int_equal(two->n_creds, 2);
    assert_str(two->creds[0]->name, "two/main");
    assert_str(two->creds[1]->name, "two/spare");
    assert_int_equal(two->creds[0]->provider, two->index);
    assert_int_equal(one->n_creds, 1);
    pm_table_unref(t);
}

static void an_endpoint_takes_what_it_does_not_say_from_model_and_provider(void **state)
{
    struct pm_table_build *b = pm_table_build_new();
    struct pm_provider *p = pm_table_add_provider(b, PM_STR("p"));
    struct pm_model *m = pm_table_add_model(b, PM_STR("a/m"));
    struct pm_model *bare = pm_table_add_model(b, PM_STR("a/bare"));
    struct pm_endpoint *plain = pm_table_add_endpoint(b, m, p, PM_STR("p"));
    struct pm_endpoint *own = pm_table_add_endpoint(b, m, p, PM_STR("p/own"));
    struct pm_endpoint *big = pm_table_add_endpoint(b, bare, p, PM_STR("p"));
    struct pm_table *t;

    (void)state;
    p->data = (struct pm_data_policy){.known = true, .retention_days = 30};
    m->context = 1000;
    m->max_output = 100;
    m->in_modalities = PM_MOD_TEXT | PM_MOD_IMAGE;
    own->context = 500;
    own->in_modalities = PM_MOD_TEXT;
    own->data = (struct pm_data_policy){.known = true};
    own->upstream_model = PM_STR("m-1");
    big->context = 7000;
    t = pm_table_finish(b);

    assert_int_equal(plain->context, 1000);
    assert_int_equal(plain->max_output, 100);
    assert_int_equal(plain->in_modalities, PM_MOD_TEXT | PM_MOD_IMAGE);
    assert_int_equal(plain->out_modalities, PM_MOD_TEXT);
    assert_int_equal(plain->data.retention_days, 30);
    assert_str(plain->upstream_model, "a/m");
    assert_false(plain->price.known);
    assert_int_equal(own->context, 500);
    assert_int_equal(own->in_modalities, PM_MOD_TEXT);
    assert_int_equal(own->data.retention_days, 0);
    assert_str(own->upstream_model, "m-1");
    assert_int_equal(bare->context, 7000);
    pm_table_unref(t);
}

static void adding_a_row_again_gives_the_row_that_is_there(void **state)
{
    struct pm_table_build *b = pm_table_build_new();
    struct pm_provider *p = pm_table_add_provider(b, PM_STR("p"));
    struct pm_model *m = pm_table_add_model(b, PM_STR("a/m"));

    (void)state;
    assert_ptr_equal(pm_table_add_provider(b, PM_STR("p")), p);
    assert_ptr_equal(pm_table_add_model(b, PM_STR("a/m")), m);
    assert_ptr_equal(pm_table_add_endpoint(b, m, p, PM_STR("p")),
                     pm_table_add_endpoint(b, m, p, PM_STR("p")));
    assert_ptr_equal(pm_table_add_credential(b, p, PM_STR("p")),
                     pm_table_add_credential(b, p, PM_STR("p")));
    assert_ptr_equal(pm_table_add_alias(b, PM_STR("x")), pm_table_add_alias(b, PM_STR("x")));
    assert_ptr_equal(pm_table_add_preset(b, PM_STR("x")), pm_table_add_preset(b, PM_STR("x")));
    assert_ptr_equal(pm_table_add_policy(b, PM_STR("x")), pm_table_add_policy(b, PM_STR("x")));
    assert_ptr_equal(pm_table_add_key(b, PM_STR("x")), pm_table_add_key(b, PM_STR("x")));
    pm_table_build_free(b);
}

static void a_removed_model_or_endpoint_is_not_in_the_table(void **state)
{
    struct pm_table_build *b = pm_table_build_new();
    struct pm_provider *p = pm_table_add_provider(b, PM_STR("p"));
    struct pm_model *gone = pm_table_add_model(b, PM_STR("a/gone"));
    struct pm_model *m = pm_table_add_model(b, PM_STR("a/m"));
    struct pm_table *t;

    (void)state;
    pm_table_add_endpoint(b, gone, p, PM_STR("p"));
    pm_table_add_endpoint(b, m, p, PM_STR("p"));
    pm_table_add_endpoint(b, m, p, PM_STR("p/b"));
    pm_table_add_credential(b, p, PM_STR("p/old"));
    pm_table_remove_endpoint(b, pm_table_find_endpoint(b, m, PM_STR("p")));
    pm_table_remove_model(b, gone);
    pm_table_drop_credentials(b, p);
    pm_table_add_credential(b, p, PM_STR("p/new"));
    t = pm_table_finish(b);

    assert_null(pm_table_model(t, PM_STR("a/gone")));
    assert_int_equal(t->n_models, 1);
    assert_int_equal(t->n_endpoints, 1);
    assert_str(t->endpoints[0]->tag, "p/b");
    assert_int_equal(t->models[0]->n_endpoints, 1);
    assert_int_equal(p->n_creds, 1);
    assert_str(p->creds[0]->name, "p/new");
    pm_table_unref(t);
}

struct fixture {
    struct pm_arena arena;
    struct pm_prefs wide, tight;
};

static int set_up(void **state)
{
    struct fixture *f = pm_xcalloc(1, sizeof(*f));

    pm_arena_init(&f->arena, 4096, 1 << 20);
    f->wide = f->tight = PM_PREFS_NONE;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    pm_arena_fini(&f->arena);
    free(f);
    return 0;
}

static void assert_list(const struct pm_str *list, size_t n, const char *want)
{
    char got[256] = "";
    size_t used = 0;

    for (size_t i = 0; i < n; i++)
        used += (size_t)snprintf(got + used, sizeof(got) - used, "%s%.*s", i ? " " : "",
                                 PM_FMT(list[i]));
    assert_string_equal(got, want);
}

static void allow_lists_of_two_layers_intersect(void **state)
{
    struct fixture *f = *state;
    struct pm_str wide[] = {PM_STR("azure"), PM_STR("openai"), PM_STR("xai/us")};
    struct pm_str tight[] = {PM_STR("azure/eu"), PM_STR("OpenAI"), PM_STR("groq"), PM_STR("xai")};
    struct pm_prefs got;

    f->wide.only = wide;
    f->wide.n_only = PM_COUNT(wide);
    f->wide.only_set = true;
    got = pm_prefs_narrow(&f->arena, &f->wide, &f->tight);
    assert_int_equal(got.n_only, 3); /* the tighter one says nothing */
    got = pm_prefs_narrow(&f->arena, &f->tight, &f->wide);
    assert_true(got.only_set);
    assert_int_equal(got.n_only, 3);

    f->tight.only = tight;
    f->tight.n_only = PM_COUNT(tight);
    f->tight.only_set = true;
    got = pm_prefs_narrow(&f->arena, &f->wide, &f->tight);
    assert_list(got.only, got.n_only, "openai xai/us azure/eu");

    f->tight.n_only = 0; /* allows nothing, and stays so */
    got = pm_prefs_narrow(&f->arena, &f->wide, &f->tight);
    assert_true(got.only_set);
    assert_int_equal(got.n_only, 0);
    got = pm_prefs_narrow(&f->arena, &got, &f->wide);
    assert_true(got.only_set);
    assert_int_equal(got.n_only, 0);
}

static void deny_lists_of_two_layers_add_up(void **state)
{
    struct fixture *f = *state;
    struct pm_str wide[] = {PM_STR("azure"), PM_STR("openai")};
    struct pm_str tight[] = {PM_STR("OPENAI"), PM_STR("groq")};
    struct pm_prefs got;

    f->wide.ignore = wide;
    f->wide.n_ignore = 2;
    f->tight.ignore = tight;
    f->tight.n_ignore = 2;
    got = pm_prefs_narrow(&f->arena, &f->wide, &f->tight);
    assert_list(got.ignore, got.n_ignore, "azure openai groq");
}

static void regions_that_do_not_meet_allow_nothing(void **state)
{
    struct fixture *f = *state;
    struct pm_str wide[] = {PM_STR("eu"), PM_STR("us")};
    struct pm_str tight[] = {PM_STR("US"), PM_STR("jp")};
    struct pm_prefs got;

    f->tight.regions = tight;
    f->tight.n_regions = 2;
    got = pm_prefs_narrow(&f->arena, &f->wide, &f->tight);
    assert_list(got.regions, got.n_regions, "US jp");
    f->wide.regions = wide;
    f->wide.n_regions = 2;
    got = pm_prefs_narrow(&f->arena, &f->wide, &f->tight);
    assert_list(got.regions, got.n_regions, "us");
    f->wide.n_regions = 1; /* eu only */
    got = pm_prefs_narrow(&f->arena, &f->wide, &f->tight);
    assert_list(got.regions, got.n_regions, "nowhere");
}

static void quantizations_that_do_not_meet_allow_nothing(void **state)
{
    struct fixture *f = *state;
    struct pm_prefs got;

    f->wide.quants = PM_Q_FP8 | PM_Q_BF16;
    got = pm_prefs_narrow(&f->arena, &f->wide, &f->tight);
    assert_int_equal(pm_quants_widen(got.quants), PM_Q_FP8 | PM_Q_MXFP8 | PM_Q_BF16);
    f->tight.quants = PM_Q_MXFP8 | PM_Q_INT4;
    got = pm_prefs_narrow(&f->arena, &f->wide, &f->tight);
    assert_int_equal(got.quants, PM_Q_MXFP8);
    f->tight.quants = PM_Q_INT4;
    got = pm_prefs_narrow(&f->arena, &f->wide, &f->tight);
    assert_int_equal(got.quants, PM_QUANTS_NONE);
}

static void demands_add_up_and_bounds_take_the_lower(void **state)
{
    struct fixture *f = *state;
    struct pm_prefs got;

    f->wide.zdr = true;
    f->wide.max_prompt = 5;
    f->wide.max_completion = 100;
    f->tight.deny_collection = f->tight.no_fallbacks = f->tight.distillable = true;
    f->tight.require_parameters = true;
    f->tight.max_prompt = 7;
    f->tight.max_completion = 0;
    f->tight.max_image = 9;
    got = pm_prefs_narrow(&f->arena, &f->wide, &f->tight);
    assert_true(got.zdr && got.deny_collection && got.no_fallbacks && got.distillable);
    assert_true(got.require_parameters);
    assert_int_equal(got.max_prompt, 5);
    assert_int_equal(got.max_completion, 0);
    assert_int_equal(got.max_image, 9);
    assert_int_equal(got.max_request, PM_PRICE_NONE);
    /* What the wider layer demands, the tighter cannot take away. */
    f->tight = PM_PREFS_NONE;
    got = pm_prefs_narrow(&f->arena, &f->wide, &f->tight);
    assert_true(got.zdr);
    assert_int_equal(got.max_prompt, 5);
}

static void order_and_sort_are_wishes_of_the_tighter_layer(void **state)
{
    struct fixture *f = *state;
    struct pm_str wide[] = {PM_STR("azure")}, tight[] = {PM_STR("groq")};
    struct pm_prefs got;

    f->wide.order = wide;
    f->wide.n_order = 1;
    f->wide.sort = PM_SORT_PRICE;
    f->wide.partition_none = true;
    f->wide.max_latency.p50 = 2;
    f->wide.min_throughput.p90 = 20;
    got = pm_prefs_narrow(&f->arena, &f->wide, &f->tight);
    assert_list(got.order, got.n_order, "azure");
    assert_int_equal(got.sort, PM_SORT_PRICE);
    assert_true(got.partition_none);

    f->tight.order = tight;
    f->tight.n_order = 1;
    f->tight.sort = PM_SORT_LATENCY;
    f->tight.max_latency.p50 = 3;
    f->tight.max_latency.p99 = 9;
    f->tight.min_throughput.p90 = 50;
    got = pm_prefs_narrow(&f->arena, &f->wide, &f->tight);
    assert_list(got.order, got.n_order, "groq");
    assert_int_equal(got.sort, PM_SORT_LATENCY);
    assert_false(got.partition_none);
    assert_true(got.max_latency.p50 == 2 && got.max_latency.p99 == 9);
    assert_true(got.min_throughput.p90 == 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_parameter_protocol_and_quantization_name_reads_back),
        cmocka_unit_test(a_list_of_quantizations_means_the_micro_scaled_ones_too),
        cmocka_unit_test(a_slug_means_all_endpoints_of_its_provider_and_a_tag_only_one),
        cmocka_unit_test(an_empty_table_has_its_default_policy),
        cmocka_unit_test(rows_are_numbered_and_linked_when_the_table_is_finished),
        cmocka_unit_test(an_endpoint_takes_what_it_does_not_say_from_model_and_provider),
        cmocka_unit_test(adding_a_row_again_gives_the_row_that_is_there),
        cmocka_unit_test(a_removed_model_or_endpoint_is_not_in_the_table),
        cmocka_unit_test_setup_teardown(allow_lists_of_two_layers_intersect, set_up, tear_down),
        cmocka_unit_test_setup_teardown(deny_lists_of_two_layers_add_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(regions_that_do_not_meet_allow_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(quantizations_that_do_not_meet_allow_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(demands_add_up_and_bounds_take_the_lower, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(order_and_sort_are_wishes_of_the_tighter_layer, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
