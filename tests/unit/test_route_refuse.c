/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/route_fixture.h"

static void assert_refused(const struct world *w, unsigned status, const char *availability,
                           const char *error_type)
{
    assert_int_equal(w->d.failed, PM_NO_ENDPOINT);
    assert_int_equal(w->d.n_attempts, 0);
    assert_int_equal(w->d.status, status);
    assert_str(w->d.availability, availability);
    assert_string_equal(w->d.error_type, error_type);
}

static void assert_excluded_by(const struct world *w, const char *word)
{
    assert_int_equal(w->d.n_excluded_by, 1);
    assert_string_equal(w->d.excluded_by[0], word);
}

static void an_allow_list_that_leaves_nothing_names_what_it_left_out(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_add(w, "acme/one", "a", 1);
    world_add(w, "acme/one", "b/eu", 1);
    SET_SLUGS(&w->call.prefs, only, S("c"));
    w->call.prefs.only_set = true;
    world_route(w);
    assert_refused(w, 404, "constraint_filtered", "not_found");
    assert_excluded_by(w, "allowed_providers");
    assert_str(w->d.message, "No allowed providers are available for the selected model. "
                             "(a, b/eu: not in `only`)");
    world_free(w);
}

static void the_answer_is_that_of_the_endpoint_which_came_furthest(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_add(w, "acme/one", "a", 1)->enabled = false;
    world_add(w, "acme/one", "b", 1);
    world_add(w, "acme/one", "c", 1)->context = 100;
    SET_SLUGS(&w->call.prefs, ignore, S("b"));
    w->call.prompt_tokens = 90;
    w->call.max_tokens = 20;
    world_route(w);
    assert_refused(w, 400, NULL, "context_length_exceeded");
    assert_int_equal(w->d.n_excluded_by, 2);
    assert_str(w->d.message,
               "This endpoint's maximum context length is 100 tokens. However, you requested "
               "about 110 tokens (90 of text input, 20 in the output). Please reduce the length "
               "of either one. (a: disabled in the configuration; b: in `ignore`; c: context too "
               "short)");
    world_free(w);
}

static void a_prompt_too_long_for_all_gets_the_known_sentence_alone(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_add(w, "acme/one", "a", 1)->context = 8192;
    world_add(w, "acme/one", "b", 1)->context = 131072;
    w->call.prompt_tokens = 200000;
    world_route(w);
    assert_str(w->d.message,
               "This endpoint's maximum context length is 131072 tokens. However, you requested "
               "about 200000 tokens (200000 of text input, 0 in the output). Please reduce the "
               "length of either one.");
    world_free(w);
}

static void too_many_tokens_asked_for_say_how_many_there_may_be(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_add(w, "acme/one", "a", 1)->max_output = 4096;
    w->call.max_tokens = 5000;
    world_route(w);
    assert_refused(w, 400, NULL, "max_tokens_exceeded");
    assert_true(pm_str_starts(w->d.message,
                              PM_STR("max_tokens is too large: 5000. This model writes at most "
                                     "4096 tokens.")));
    world_free(w);
}

static void tools_that_nobody_has_are_refused_in_the_known_words(void **state)
{
    struct world *w = world_new();
    struct pm_endpoint *a = world_add(w, "acme/one", "a", 1);

    (void)state;
    a->params = PM_PBIT(PM_P_SEED);
    w->call.needs_tools = w->call.needs_tool_choice = true;
    world_route(w);
    assert_refused(w, 404, "constraint_filtered", "not_found");
    assert_excluded_by(w, "require_parameters");
    assert_true(pm_str_starts(w->d.message, PM_STR("No endpoints found that support tool use. ")));
    a->params = PM_PBIT(PM_P_TOOLS);
    world_route(w);
    assert_true(pm_str_starts(
        w->d.message,
        PM_STR("No endpoints found that support the provided 'tool_choice' value. ")));
    world_free(w);
}

static void privacy_is_told_from_other_constraints(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_add(w, "acme/one", "a", 1)->data =
        (struct pm_data_policy){.known = true, .retention_days = 30};
    w->call.prefs.zdr = true;
    world_route(w);
    assert_refused(w, 404, "privacy_restricted", "not_found");
    assert_excluded_by(w, "data_policy:zdr");
    assert_true(
        pm_str_starts(w->d.message, PM_STR("No endpoints found matching your data policy (")));
    world_free(w);
}

static void a_region_that_is_not_served_is_forbidden(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_add(w, "acme/one", "a", 1);
    SET_SLUGS(&w->policy->prefs, regions, S("eu"));
    world_route(w);
    assert_refused(w, 403, "region_restricted", "permission_denied");
    assert_excluded_by(w, "data_region");
    world_free(w);
}

static void a_model_that_the_policy_denies_is_forbidden(void **state)
{
    static struct pm_str globs[] = {S("other/*")};
    struct world *w = world_new();

    (void)state;
    world_add(w, "acme/one", "a", 1);
    w->policy->models = globs;
    w->policy->n_models = 1;
    world_route(w);
    assert_refused(w, 403, NULL, "permission_denied");
    assert_true(pm_str_icontains(w->d.message, PM_STR("acme/one")));
    world_free(w);
}

static void the_wrong_path_for_a_model_is_told(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_add(w, "acme/one", "a", 1);
    w->call.op = PM_OP_EMBEDDING;
    world_route(w);
    assert_refused(w, 400, "wrong_endpoint", "invalid_request");
    world_free(w);
}

static void a_missing_key_is_named_as_the_cause(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_add(w, "acme/one", "a", 1);
    pm_table_drop_credentials(w->build, world_provider(w, "a"));
    world_route(w);
    assert_refused(w, 404, "no_endpoints", "not_found");
    assert_str(w->d.message, "No endpoints found for acme/one. (a: no key for it)");
    world_free(w);
}

static void a_model_without_endpoints_is_not_found(void **state)
{
    struct world *w = world_new();

    (void)state;
    pm_table_add_model(w->build, PM_STR("acme/one"));
    world_route(w);
    assert_refused(w, 404, "no_endpoints", "not_found");
    assert_str(w->d.message, "No endpoints found for acme/one.");
    world_free(w);
}

static void with_several_models_every_endpoint_is_told_with_its_model(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_add(w, "acme/one", "a", 9);
    world_add(w, "acme/two", "a", 1)->enabled = false;
    w->call.models[1] = PM_STR("acme/two");
    w->call.n_models = 2;
    w->call.prefs.max_prompt = 0;
    world_route(w);
    assert_str(w->d.message,
               "No endpoints found within max_price for acme/one, acme/two. (a of acme/two: "
               "disabled in the configuration; a of acme/one: price above max_price)");
    world_free(w);
}

static void a_long_list_is_cut_short(void **state)
{
    struct world *w = world_new();
    char tags[20][8];

    (void)state;
    for (int i = 0; i < 20; i++) {
        snprintf(tags[i], sizeof(tags[i]), "p%d", i);
        world_add(w, "acme/one", tags[i], 1)->enabled = false;
    }
    world_route(w);
    assert_true(pm_str_icontains(w->d.message,
                                 PM_STR("p6, p7 and 12 more: disabled in the configuration)")));
    assert_int_equal(w->d.n_notes, 20);
    world_free(w);
}

static void every_reason_that_drops_has_an_answer(void **state)
{
    (void)state;
    for (enum pm_reason r = PM_R_KEPT; r < PM_R_COUNT; r++) {
        assert_true(strlen(pm_reason_name(r)) > 0);
        assert_true(strlen(pm_reason_text(r)) > 0);
        for (enum pm_reason other = PM_R_KEPT; other < r; other++)
            assert_string_not_equal(pm_reason_name(r), pm_reason_name(other));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_allow_list_that_leaves_nothing_names_what_it_left_out),
        cmocka_unit_test(the_answer_is_that_of_the_endpoint_which_came_furthest),
        cmocka_unit_test(a_prompt_too_long_for_all_gets_the_known_sentence_alone),
        cmocka_unit_test(too_many_tokens_asked_for_say_how_many_there_may_be),
        cmocka_unit_test(tools_that_nobody_has_are_refused_in_the_known_words),
        cmocka_unit_test(privacy_is_told_from_other_constraints),
        cmocka_unit_test(a_region_that_is_not_served_is_forbidden),
        cmocka_unit_test(a_model_that_the_policy_denies_is_forbidden),
        cmocka_unit_test(the_wrong_path_for_a_model_is_told),
        cmocka_unit_test(a_missing_key_is_named_as_the_cause),
        cmocka_unit_test(a_model_without_endpoints_is_not_found),
        cmocka_unit_test(with_several_models_every_endpoint_is_told_with_its_model),
        cmocka_unit_test(a_long_list_is_cut_short),
        cmocka_unit_test(every_reason_that_drops_has_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
