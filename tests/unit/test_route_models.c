/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/route_fixture.h"

static void a_model_reference_has_its_parts(void **state)
{
    static const struct {
        const char *text, *id, *variant, *preset;
        bool latest;
    } cases[] = {
        {"openai/gpt-5.1", "openai/gpt-5.1", NULL, NULL, false},
        {"openai/gpt-5.1:nitro", "openai/gpt-5.1", "nitro", NULL, false},
        {"openai/gpt-5.1@preset/mine", "openai/gpt-5.1", NULL, "mine", false},
        {"openai/gpt-5.1:free@preset/mine", "openai/gpt-5.1", "free", "mine", false},
        {"@preset/mine", "", NULL, "mine", false},
        {"~anthropic/claude-latest", "anthropic/claude-latest", NULL, NULL, true},
        {"~anthropic/claude-latest:floor", "anthropic/claude-latest", "floor", NULL, true},
        {"llama3:8b", "llama3", "8b", NULL, false},
        {"host:1/model", "host:1/model", NULL, NULL, false},
        {"a/b:", "a/b", "", NULL, false},
        {"a/b@other", "a/b@other", NULL, NULL, false},
        {"", "", NULL, NULL, false},
        {"~", "", NULL, NULL, true},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(cases); i++) {
        struct pm_model_ref r = pm_model_ref(pm_str(cases[i].text));
        assert_str(r.id, cases[i].id);
        assert_int_equal(r.variant.p != NULL, cases[i].variant != NULL);
        assert_str(r.variant, cases[i].variant);
        assert_int_equal(r.preset.p != NULL, cases[i].preset != NULL);
        assert_str(r.preset, cases[i].preset);
        assert_int_equal(r.latest, cases[i].latest);
    }
}

static void a_model_is_found_however_people_write_it(void **state)
{
    static const char *const names[] = {"acme/one",  "Acme/One",        "one",
                                        "ONE",       "acme/one-2026",   "acme/one:nitro",
                                        "one:floor", "acme/one:exacto", "acme/one:nitro:online"};

    (void)state;
    for (size_t i = 0; i < PM_COUNT(names); i++) {
        struct world *w = world_new();
        world_add(w, "acme/one", "a", 1);
        world_add(w, "acme/two", "a", 1);
        pm_table_find_model(w->build, PM_STR("acme/one"))->canonical = PM_STR("acme/one-2026");
        w->call.models[0] = pm_str(names[i]);
        world_route(w);
        assert_int_equal(w->d.failed, PM_ROUTED);
        assert_int_equal(w->d.n_models, 1);
        assert_str(w->d.models[0]->id, "acme/one");
        world_free(w);
    }
}

static void an_unknown_model_is_refused_in_the_words_clients_know(void **state)
{
    static const char *const names[] = {"acme/nine", "nine",  "acme/one:batch", "acme/one:",
                                        ":nitro",    "acme/", "one ",           "acme/one@preset"};

    (void)state;
    for (size_t i = 0; i < PM_COUNT(names); i++) {
        struct world *w = world_new();
        char want[100];
        world_add(w, "acme/one", "a", 1);
        w->call.models[0] = pm_str(names[i]);
        world_route(w);
        snprintf(want, sizeof(want), "%s is not a valid model ID", names[i]);
        assert_int_equal(w->d.failed, PM_NO_MODEL);
        assert_int_equal(w->d.status, 400);
        assert_str(w->d.message, want);
        assert_str(w->d.availability, "model_not_found");
        assert_int_equal(w->d.n_attempts, 0);
        world_free(w);
    }
}

static void a_slug_that_two_authors_have_is_no_model_id(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_add(w, "acme/one", "a", 1);
    world_add(w, "other/one", "a", 1);
    w->call.models[0] = PM_STR("one");
    world_route(w);
    assert_int_equal(w->d.failed, PM_NO_MODEL);
    world_free(w);
}

static void a_name_of_a_megabyte_is_refused_without_a_search(void **state)
{
    struct world *w = world_new();
    size_t n = 1 << 20;
    char *name = pm_xmalloc(n);

    (void)state;
    for (size_t i = 0; i < n; i++)
        name[i] = ":free"[i % 5];
    world_add(w, "acme/one", "a", 1);
    w->call.models[0] = pm_str_n(name, n);
    world_route(w);
    assert_int_equal(w->d.failed, PM_NO_MODEL);
    assert_true(w->d.message.n < 400);
    free(name);
    world_free(w);
}

static void a_call_without_a_model_is_refused(void **state)
{
    struct world *w = world_new();

    (void)state;
    w->call.n_models = 0;
    world_route(w);
    assert_int_equal(w->d.failed, PM_NO_MODEL);
    assert_int_equal(w->d.status, 400);
    world_free(w);
}

static void more_models_than_allowed_are_refused(void **state)
{
    struct world *w = world_new();

    (void)state;
    w->call.n_models = PM_MAX_MODELS + 1;
    world_route(w);
    assert_int_equal(w->d.failed, PM_TOO_MANY_MODELS);
    assert_int_equal(w->d.status, 400);
    assert_str(w->d.message, "'models' array must have 3 items or fewer.");
    world_free(w);
}

static void one_unknown_model_among_several_refuses_the_call(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_add(w, "acme/one", "a", 1);
    w->call.models[1] = PM_STR("acme/nine");
    w->call.n_models = 2;
    world_route(w);
    assert_int_equal(w->d.failed, PM_NO_MODEL);
    world_free(w);
}

static void all_of_one_model_come_before_any_of_the_next(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_add(w, "acme/one", "a", 9);
    world_add(w, "acme/one", "b", 90);
    world_add(w, "acme/two", "c", 1);
    w->call.models[1] = PM_STR("acme/two");
    w->call.n_models = 2;
    w->call.prefs.sort = PM_SORT_PRICE;
    assert_str(world_order(w), "a b c");
    assert_int_equal(w->d.attempts[2].model, 1);
    assert_int_equal(w->d.strategy, PM_STRATEGY_FALLBACK);
    world_free(w);
}

static void a_model_named_twice_is_tried_once(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_add(w, "acme/one", "a", 1);
    w->call.models[1] = PM_STR("ACME/one");
    w->call.n_models = 2;
    assert_str(world_order(w), "a");
    assert_int_equal(w->d.n_notes, 1);
    world_free(w);
}

static void an_alias_is_tried_as_its_models(void **state)
{
    struct world *w = world_new();
    static struct pm_str models[] = {S("acme/two"), S("acme/one")};
    struct pm_alias *a = pm_table_add_alias(w->build, PM_STR("cheap"));

    (void)state;
    world_add(w, "acme/one", "a", 1);
    world_add(w, "acme/two", "b", 2);
    world_add(w, "acme/two", "c", 1);
    a->models = models;
    a->n_models = 2;
    a->prefs.sort = PM_SORT_PRICE;
    w->call.models[0] = PM_STR("Cheap");
    assert_str(world_order(w), "c b a");
    assert_int_equal(w->d.strategy, PM_STRATEGY_ALIAS);
    world_free(w);
}

static void an_alias_may_bear_the_name_of_a_model_it_holds(void **state)
{
    struct world *w = world_new();
    static struct pm_str models[] = {S("acme/one"), S("acme/two")};
    struct pm_alias *a = pm_table_add_alias(w->build, PM_STR("acme/one"));

    (void)state;
    world_add(w, "acme/one", "a", 1);
    world_add(w, "acme/two", "b", 2);
    a->models = models;
    a->n_models = 2;
    assert_str(world_order(w), "a b");
    world_free(w);
}

static void an_alias_passes_its_suffixes_on(void **state)
{
    struct world *w = world_new();
    static struct pm_str models[] = {S("acme/one"), S("acme/two:free")};
    struct pm_alias *a = pm_table_add_alias(w->build, PM_STR("cheap"));

    (void)state;
    world_add(w, "acme/one", "a", 2);
    world_add(w, "acme/one", "a/flex", 1)->tier = PM_TIER_FLEX;
    world_add(w, "acme/two", "b", 0);
    world_add(w, "acme/two", "c", 1);
    a->models = models;
    a->n_models = 2;
    w->call.models[0] = PM_STR("cheap:floor");
    assert_str(world_order(w), "a/flex a b");
    w->call.models[0] = PM_STR("cheap:free");
    assert_str(world_order(w), "b");
    world_free(w);
}

static void preferences_of_a_later_alias_are_told_to_be_ignored(void **state)
{
    struct world *w = world_new();
    static struct pm_str models[] = {S("acme/two")};
    struct pm_alias *a = pm_table_add_alias(w->build, PM_STR("cheap"));

    (void)state;
    world_add(w, "acme/one", "a", 1);
    world_add(w, "acme/two", "b", 1);
    a->models = models;
    a->n_models = 1;
    SET_SLUGS(&a->prefs, ignore, S("a"));
    w->call.models[1] = PM_STR("cheap");
    w->call.n_models = 2;
    assert_str(world_order(w), "a b");
    assert_int_equal(w->d.n_warnings, 1);
    assert_true(pm_str_icontains(w->d.warnings[0], PM_STR("cheap")));
    world_free(w);
}

static void an_alias_of_a_model_that_is_gone_names_it(void **state)
{
    struct world *w = world_new();
    static struct pm_str models[] = {S("acme/gone")};
    struct pm_alias *a = pm_table_add_alias(w->build, PM_STR("cheap"));

    (void)state;
    a->models = models;
    a->n_models = 1;
    w->call.models[0] = PM_STR("cheap");
    world_route(w);
    assert_str(w->d.message, "acme/gone is not a valid model ID");
    world_free(w);
}

static void aliases_that_differ_in_case_are_told_apart_everywhere_alike(void **state)
{
    static struct pm_str one[] = {S("acme/one")}, two[] = {S("acme/two")};
    static const struct {
        const char *asked, *want;
    } cases[] = {{"cheap", "a"}, {"CHEAP", "b"}, {"cHeAp", "b"}};

    (void)state;
    for (size_t i = 0; i < PM_COUNT(cases); i++) {
        struct world *w = world_new();
        struct pm_alias *lower = pm_table_add_alias(w->build, PM_STR("cheap"));
        struct pm_alias *upper = pm_table_add_alias(w->build, PM_STR("CHEAP"));
        world_add(w, "acme/one", "a", 1);
        world_add(w, "acme/two", "b", 1);
        lower->models = one;
        upper->models = two;
        lower->n_models = upper->n_models = 1;
        w->call.models[0] = pm_str(cases[i].asked);
        assert_str(world_order(w), cases[i].want);
        world_free(w);
    }
}

static void models_beyond_the_bound_are_told_to_be_ignored(void **state)
{
    static char ids[PM_ROUTE_MODELS + 2][16];
    static struct pm_str models[PM_COUNT(ids)];
    struct world *w = world_new();
    struct pm_alias *a = pm_table_add_alias(w->build, PM_STR("many"));

    (void)state;
    for (size_t i = 0; i < PM_COUNT(ids); i++) {
        snprintf(ids[i], sizeof(ids[i]), "acme/m%zu", i);
        world_add(w, ids[i], "a", 1);
        models[i] = pm_str(ids[i]);
    }
    a->models = models;
    a->n_models = PM_COUNT(models);
    w->call.models[0] = PM_STR("many");
    world_route(w);
    assert_int_equal(w->d.n_models, PM_ROUTE_MODELS);
    assert_int_equal(w->d.n_attempts, PM_ROUTE_MODELS);
    assert_int_equal(w->d.n_warnings, 1);
    world_free(w);
}

static void of_two_presets_the_first_gives_its_members(void **state)
{
    struct world *w = world_new();
    struct pm_preset *first = pm_table_add_preset(w->build, PM_STR("first"));

    (void)state;
    pm_table_add_preset(w->build, PM_STR("second"));
    world_add(w, "acme/one", "a", 1);
    w->call.models[0] = PM_STR("acme/one@preset/first");
    w->call.preset = PM_STR("second");
    assert_str(world_order(w), "a");
    assert_ptr_equal(w->d.preset, first);
    assert_int_equal(w->d.n_warnings, 1);
    world_free(w);
}

static void what_the_request_prefers_beats_its_alias(void **state)
{
    struct world *w = world_new();
    static struct pm_str models[] = {S("acme/one")};
    struct pm_alias *a = pm_table_add_alias(w->build, PM_STR("mine"));

    (void)state;
    world_add(w, "acme/one", "a", 1);
    world_add(w, "acme/one", "b", 2);
    a->models = models;
    a->n_models = 1;
    SET_SLUGS(&a->prefs, order, S("a"));
    SET_SLUGS(&w->call.prefs, order, S("b"));
    w->call.models[0] = PM_STR("mine");
    assert_str(world_order(w), "b a");
    world_free(w);
}

static void a_preset_gives_models_and_preferences_where_the_request_has_none(void **state)
{
    static const char *const asked[] = {"@preset/house", "acme/one@preset/house", NULL};
    static const char *const want[] = {"b", "a2 a", "b"};

    (void)state;
    for (size_t i = 0; i < PM_COUNT(asked); i++) {
        struct world *w = world_new();
        static struct pm_str models[] = {S("acme/two")};
        struct pm_preset *p = pm_table_add_preset(w->build, PM_STR("house"));
        world_add(w, "acme/one", "a", 1);
        world_add(w, "acme/one", "a2", 2);
        world_add(w, "acme/two", "b", 2);
        p->models = models;
        p->n_models = 1;
        SET_SLUGS(&p->prefs, order, S("a2"));
        w->call.models[0] = pm_str(asked[i]);
        if (!asked[i]) {
            w->call.n_models = 0;
            w->call.preset = PM_STR("house");
        }
        assert_str(world_order(w), want[i]);
        assert_ptr_equal(w->d.preset, p);
        world_free(w);
    }
}

static void an_unknown_preset_is_refused(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_add(w, "acme/one", "a", 1);
    w->call.models[0] = PM_STR("acme/one@preset/none");
    world_route(w);
    assert_int_equal(w->d.failed, PM_NO_PRESET);
    assert_int_equal(w->d.status, 400);
    w->call.models[0] = PM_STR("acme/one");
    w->call.preset = PM_STR("none");
    world_route(w);
    assert_int_equal(w->d.failed, PM_NO_PRESET);
    world_free(w);
}

static void a_moving_name_is_found_and_said(void **state)
{
    struct world *w = world_new();
    static struct pm_str models[] = {S("acme/one")};
    struct pm_alias *a = pm_table_add_alias(w->build, PM_STR("~acme/family-latest"));

    (void)state;
    world_add(w, "acme/one", "a", 1);
    a->models = models;
    a->n_models = 1;
    w->call.models[0] = PM_STR("~acme/family-latest");
    assert_str(world_order(w), "a");
    assert_int_equal(w->d.strategy, PM_STRATEGY_LATEST);
    world_free(w);
}

static void nitro_wants_throughput_and_lets_priority_in(void **state)
{
    struct world *w = world_new();
    struct pm_endpoint *slow = world_add(w, "acme/one", "a", 1);
    struct pm_endpoint *fast = world_add(w, "acme/one", "b", 9);
    struct pm_endpoint *tier = world_add(w, "acme/one", "b/priority", 20);

    (void)state;
    tier->tier = PM_TIER_PRIORITY;
    world_health(w, slow)->tokens_per_s.p50 = 20;
    world_health(w, fast)->tokens_per_s.p50 = 80;
    world_health(w, tier)->tokens_per_s.p50 = 120;
    assert_str(world_order(w), "a b");
    w->call.models[0] = PM_STR("acme/one:nitro");
    assert_str(world_order(w), "b/priority b a");
    assert_int_equal(w->d.prefs.sort, PM_SORT_THROUGHPUT);
    w->call.prefs.sort = PM_SORT_PRICE;
    assert_str(world_order(w), "a b");
    assert_reason(w, "b/priority", PM_R_TIER);
    w->call.prefs.sort = PM_SORT_NONE;
    w->call.tier_set = true; /* service_tier: default */
    assert_str(world_order(w), "b a");
    world_free(w);
}

static void floor_wants_price_and_lets_flex_in(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_add(w, "acme/one", "a", 4);
    world_add(w, "acme/one", "b", 3);
    world_add(w, "acme/one", "a/flex", 2)->tier = PM_TIER_FLEX;
    w->call.models[0] = PM_STR("acme/one:floor");
    assert_str(world_order(w), "a/flex b a");
    SET_SLUGS(&w->call.prefs, order, S("a"));
    assert_str(world_order(w), "a b");
    world_free(w);
}

static void free_means_endpoints_that_cost_nothing(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_add(w, "acme/one", "a", 1);
    world_add(w, "acme/one", "b", 0);
    world_add(w, "acme/one", "c", 2)->free = true;
    world_add(w, "acme/one", "d", 0)->price = PM_PRICE_UNKNOWN;
    w->call.models[0] = PM_STR("acme/one:free");
    w->call.prefs.sort = PM_SORT_PRICE;
    assert_str(world_order(w), "b c");
    assert_reason(w, "a", PM_R_VARIANT);
    assert_reason(w, "d", PM_R_VARIANT);
    assert_int_equal(w->d.strategy, PM_STRATEGY_FREE);
    world_free(w);
}

static void a_catalogue_entry_with_the_suffix_comes_first(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_add(w, "acme/one", "a", 0);
    world_add(w, "acme/one:free", "b", 1);
    w->call.models[0] = PM_STR("acme/one:free");
    assert_str(world_order(w), "b");
    world_free(w);
}

static void what_the_free_variant_left_out_may_be_its_fallback(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_add(w, "acme/one", "paid", 1);
    world_add(w, "acme/one", "gratis", 0);
    world_add(w, "acme/one", "ignored", 0);
    SET_SLUGS(&w->call.prefs, ignore, S("ignored"));
    w->call.models[0] = PM_STR("acme/one:free");
    w->call.models[1] = PM_STR("acme/one");
    w->call.n_models = 2;
    assert_str(world_order(w), "gratis paid");
    assert_int_equal(w->d.n_notes, 3);
    assert_reason(w, "ignored", PM_R_IGNORED);
    world_free(w);
}

static void suffixes_that_change_nothing_are_told(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_add(w, "acme/one", "a", 1);
    pm_table_find_model(w->build, PM_STR("acme/one"))->reasoning = true;
    w->call.models[0] = PM_STR("acme/one:exacto");
    world_route(w);
    assert_int_equal(w->d.n_warnings, 1);
    assert_true(pm_str_icontains(w->d.warnings[0], PM_STR(":exacto")));
    w->call.models[0] = PM_STR("acme/one:thinking");
    world_route(w);
    assert_int_equal(w->d.n_warnings, 0);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_reference_has_its_parts),
        cmocka_unit_test(a_model_is_found_however_people_write_it),
        cmocka_unit_test(an_unknown_model_is_refused_in_the_words_clients_know),
        cmocka_unit_test(a_slug_that_two_authors_have_is_no_model_id),
        cmocka_unit_test(a_name_of_a_megabyte_is_refused_without_a_search),
        cmocka_unit_test(a_call_without_a_model_is_refused),
        cmocka_unit_test(more_models_than_allowed_are_refused),
        cmocka_unit_test(one_unknown_model_among_several_refuses_the_call),
        cmocka_unit_test(all_of_one_model_come_before_any_of_the_next),
        cmocka_unit_test(a_model_named_twice_is_tried_once),
        cmocka_unit_test(an_alias_is_tried_as_its_models),
        cmocka_unit_test(an_alias_may_bear_the_name_of_a_model_it_holds),
        cmocka_unit_test(an_alias_passes_its_suffixes_on),
        cmocka_unit_test(preferences_of_a_later_alias_are_told_to_be_ignored),
        cmocka_unit_test(an_alias_of_a_model_that_is_gone_names_it),
        cmocka_unit_test(aliases_that_differ_in_case_are_told_apart_everywhere_alike),
        cmocka_unit_test(models_beyond_the_bound_are_told_to_be_ignored),
        cmocka_unit_test(of_two_presets_the_first_gives_its_members),
        cmocka_unit_test(what_the_request_prefers_beats_its_alias),
        cmocka_unit_test(a_preset_gives_models_and_preferences_where_the_request_has_none),
        cmocka_unit_test(an_unknown_preset_is_refused),
        cmocka_unit_test(a_moving_name_is_found_and_said),
        cmocka_unit_test(nitro_wants_throughput_and_lets_priority_in),
        cmocka_unit_test(floor_wants_price_and_lets_flex_in),
        cmocka_unit_test(free_means_endpoints_that_cost_nothing),
        cmocka_unit_test(a_catalogue_entry_with_the_suffix_comes_first),
        cmocka_unit_test(what_the_free_variant_left_out_may_be_its_fallback),
        cmocka_unit_test(suffixes_that_change_nothing_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
