/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/route_fixture.h"

/* a (1 USD) is kept, b is dropped, c has an unknown price and is in an outage. */
static struct world *some_world(void)
{
    struct world *w = world_new();
    struct pm_endpoint *c;

    world_add(w, "acme/one", "a", 1.25);
    world_add(w, "acme/one", "b", 2);
    c = world_add(w, "acme/one", "c/long-name", 0);
    c->price = PM_PRICE_UNKNOWN;
    SET_SLUGS(&w->call.prefs, ignore, S("b"));
    w->call.models[0] = PM_STR("acme/one:exacto");
    world_health(w, c)->outage = true;
    world_route(w);
    return w;
}

static void the_table_has_a_line_for_every_endpoint_best_first(void **state)
{
    struct world *w = some_world();

    (void)state;
    assert_true(pm_explain_text(&w->d, &w->in, &w->text));
    assert_str(pm_buf_view(&w->text),
               "direct, 2 attempts\n"
               "\n"
               "#  model     endpoint     $/M in  $/M out  keys  why\n"
               "1  acme/one  a              1.25     1.25  a     in its usual place\n"
               "2  acme/one  c/long-name       ?        ?  c     back: failures in the last 30 "
               "seconds\n"
               "-  acme/one  b                 2        2        in `ignore`\n"
               "\n"
               "warning: :exacto is ignored: there is no quality data\n");
    world_free(w);
}

static void one_attempt_is_not_several(void **state)
{
    struct world *w = some_world();

    (void)state;
    w->call.prefs.ignore = PM_ARENA_ARRAY(&w->arena, struct pm_str, 2);
    w->call.prefs.ignore[0] = PM_STR("b");
    w->call.prefs.ignore[1] = PM_STR("c");
    w->call.prefs.n_ignore = 2;
    world_route(w);
    assert_true(pm_explain_text(&w->d, &w->in, &w->text));
    assert_true(pm_str_starts(pm_buf_view(&w->text), PM_STR("direct, 1 attempt\n")));
    world_free(w);
}

static void the_object_has_all_that_the_table_has(void **state)
{
    struct world *w = some_world();

    (void)state;
    assert_true(pm_explain_json(&w->d, &w->in, &w->text));
    assert_str(
        pm_buf_view(&w->text),
        "{\"requested\":[\"acme/one:exacto\"],\"strategy\":\"direct\",\"models\":[\"acme/one\"],"
        "\"attempts\":[{\"model\":\"acme/one\",\"endpoint\":\"a\",\"provider\":\"a\",\"key\":\"a\","
        "\"byok\":false},{\"model\":\"acme/one\",\"endpoint\":\"c/long-name\",\"provider\":\"c\","
        "\"key\":\"c\",\"byok\":false}],"
        "\"endpoints\":[{\"model\":\"acme/"
        "one\",\"endpoint\":\"a\",\"provider\":\"a\",\"attempt\":1,"
        "\"reason\":\"kept\",\"text\":\"in its usual "
        "place\",\"pricing\":{\"prompt\":\"0.00000125\","
        "\"completion\":\"0.00000125\"}},{\"model\":\"acme/one\",\"endpoint\":\"c/long-name\","
        "\"provider\":\"c\",\"attempt\":2,\"reason\":\"outage\",\"text\":\"back: failures in the "
        "last 30 seconds\",\"pricing\":null},{\"model\":\"acme/one\",\"endpoint\":\"b\","
        "\"provider\":\"b\",\"attempt\":null,\"reason\":\"ignored\",\"text\":\"in `ignore`\","
        "\"pricing\":{\"prompt\":\"0.000002\",\"completion\":\"0.000002\"}}],"
        "\"warnings\":[\":exacto is ignored: there is no quality data\"]}");
    world_free(w);
}

static void a_refusal_is_told_with_its_reasons(void **state)
{
    struct world *w = some_world();
    struct pm_jval root, refused;

    (void)state;
    w->call.prefs.only_set = true;
    world_route(w);
    assert_true(pm_explain_json(&w->d, &w->in, &w->text));
    assert_true(pm_json_ok(pm_buf_view(&w->text), &root));
    refused = pm_json_get(root, "refused");
    assert_str(pm_json_get(refused, "status").raw, "404");
    assert_str(pm_json_body(pm_json_get(refused, "code")), "constraint_filtered");
    assert_str(pm_json_get(refused, "excluded_by").raw, "[\"allowed_providers\"]");
    pm_buf_reset(&w->text);
    assert_true(pm_explain_text(&w->d, &w->in, &w->text));
    assert_true(pm_str_starts(pm_buf_view(&w->text), PM_STR("404: No allowed providers")));
    world_free(w);
}

static void hostile_model_names_are_quoted(void **state)
{
    struct world *w = some_world();
    struct pm_jval root;

    (void)state;
    w->call.models[0] = PM_STR("\"},\n\xff");
    world_route(w);
    assert_true(pm_explain_json(&w->d, &w->in, &w->text));
    assert_true(pm_json_ok(pm_buf_view(&w->text), &root));
    world_free(w);
}

static void a_full_buffer_is_told(void **state)
{
    struct world *w = some_world();
    struct pm_buf small;

    (void)state;
    pm_buf_init(&small, 100);
    assert_false(pm_explain_json(&w->d, &w->in, &small));
    pm_buf_reset(&small);
    assert_false(pm_explain_text(&w->d, &w->in, &small));
    pm_buf_fini(&small);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_has_a_line_for_every_endpoint_best_first),
        cmocka_unit_test(one_attempt_is_not_several),
        cmocka_unit_test(the_object_has_all_that_the_table_has),
        cmocka_unit_test(a_refusal_is_told_with_its_reasons),
        cmocka_unit_test(hostile_model_names_are_quoted),
        cmocka_unit_test(a_full_buffer_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
