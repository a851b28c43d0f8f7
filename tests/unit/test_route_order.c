/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/route_fixture.h"

static struct pm_credential *add_key(struct world *w, const char *tag, const char *name,
                                     enum pm_key_section section)
{
    struct pm_credential *c =
        pm_table_add_credential(w->build, world_provider(w, tag), pm_str(name));

    c->source = PM_CRED_ENV;
    c->section = section;
    return c;
}

/* The names of the attempts' keys in their order. */
static struct pm_str keys(struct world *w)
{
    world_route(w);
    pm_buf_reset(&w->text);
    for (size_t i = 0; i < w->d.n_attempts; i++) {
        const struct pm_credential *c = w->d.attempts[i].credential;
        pm_buf_cstr(&w->text, i ? " " : "");
        pm_buf_str(&w->text, c ? c->name : PM_STR("caller"));
    }
    return pm_buf_view(&w->text);
}

/* How often each of `tags` comes first in n draws. */
static void count_first(struct world *w, const char *const *tags, size_t n_tags, int *counts, int n)
{
    for (size_t t = 0; t < n_tags; t++)
        counts[t] = 0;
    for (int i = 0; i < n; i++) {
        w->in.seed = (uint64_t)i;
        world_route(w);
        for (size_t t = 0; t < n_tags; t++)
            counts[t] += pm_str_is(w->d.attempts[0].endpoint->tag, tags[t]);
        pm_arena_reset(&w->arena);
    }
}

static void the_default_balance_draws_by_one_over_price_squared(void **state)
{
    static const char *const tags[] = {"a", "b", "c"};
    struct world *w = world_new();
    struct pm_endpoint *out;
    int counts[3];

    (void)state;
    world_add(w, "acme/one", "a", 1);
    out = world_add(w, "acme/one", "b", 2);
    world_add(w, "acme/one", "c", 3);
    world_health(w, out)->outage = true;
    count_first(w, tags, 3, counts, 10000);
    assert_int_equal(counts[0] + counts[2], 10000);
    assert_in_range(counts[0], 8900, 9100); /* 9 of 10 */
    w->in.seed = 0;
    assert_true(pm_str_starts(world_order(w), PM_STR("a c b")) ||
                pm_str_starts(world_order(w), PM_STR("c a b")));
    assert_reason(w, "b", PM_R_MOVED_BACK_OUTAGE);
    world_free(w);
}

static void the_others_follow_from_the_cheapest_up(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_add(w, "acme/one", "d", 4);
    world_add(w, "acme/one", "c", 3);
    world_add(w, "acme/one", "b", 2);
    world_add(w, "acme/one", "a", 1);
    for (uint64_t seed = 0; seed < 100; seed++) {
        w->in.seed = seed;
        world_route(w);
        assert_int_equal(w->d.n_attempts, 4);
        for (size_t i = 2; i < 4; i++)
            assert_true(w->d.attempts[i - 1].endpoint->price.input <
                        w->d.attempts[i].endpoint->price.input);
    }
    world_free(w);
}

static void free_endpoints_share_all_first_places_equally(void **state)
{
    static const char *const tags[] = {"a", "b", "c"};
    struct world *w = world_new();
    int counts[3];

    (void)state;
    world_add(w, "acme/one", "a", 0);
    world_add(w, "acme/one", "b", 0.01);
    world_add(w, "acme/one", "c", 0);
    count_first(w, tags, 3, counts, 2000);
    assert_int_equal(counts[1], 0);
    assert_in_range(counts[0], 900, 1100);
    world_free(w);
}

static void an_unknown_price_is_drawn_only_among_its_like(void **state)
{
    static const char *const tags[] = {"a", "b", "c"};
    struct world *w = world_new();
    int counts[3];

    (void)state;
    world_add(w, "acme/one", "a", 0)->price = PM_PRICE_UNKNOWN;
    world_add(w, "acme/one", "b", 5);
    world_add(w, "acme/one", "c", 0)->price = PM_PRICE_UNKNOWN;
    count_first(w, tags, 3, counts, 100);
    assert_int_equal(counts[1], 100);
    SET_SLUGS(&w->call.prefs, ignore, S("b"));
    count_first(w, tags, 3, counts, 1000);
    assert_in_range(counts[0], 400, 600);
    world_free(w);
}

static void prices_that_differ_by_all_there_is_do_not_overflow(void **state)
{
    static const char *const tags[] = {"a", "b"};
    struct world *w = world_new();
    int counts[2];

    (void)state;
    world_add(w, "acme/one", "a", 0)->price.input = 1;
    world_add(w, "acme/one", "b", 0)->price.output = INT64_MAX;
    count_first(w, tags, 2, counts, 200);
    assert_int_equal(counts[0], 200);
    world_free(w);
}

static void the_same_seed_gives_the_same_order_in_any_table_order(void **state)
{
    static const char *const tags[] = {"a", "b", "c", "d"};

    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct world *there = world_new(), *back = world_new();
        for (int i = 0; i < 4; i++) {
            world_add(there, "acme/one", tags[i], 1 + i);
            world_add(back, "acme/one", tags[3 - i], 1 + 3 - i);
        }
        there->in.seed = back->in.seed = seed;
        assert_true(pm_str_eq(world_order(there), world_order(back)));
        world_free(there);
        world_free(back);
    }
}

static void each_sort_orders_by_its_measure_and_the_unknown_come_last(void **state)
{
    static const struct {
        enum pm_sort sort;
        const char *want;
    } cases[] = {
        {PM_SORT_PRICE, "a b c d"},
        {PM_SORT_THROUGHPUT, "c b a d"},
        {PM_SORT_LATENCY, "b c a d"},
    };
    struct world *w = world_new();
    struct pm_endpoint *a = world_add(w, "acme/one", "a", 1);
    struct pm_endpoint *b = world_add(w, "acme/one", "b", 2);
    struct pm_endpoint *c = world_add(w, "acme/one", "c", 3);

    (void)state;
    world_add(w, "acme/one", "d", 4);
    *world_health(w, a) = (struct pm_health){.tokens_per_s.p50 = 10.5F, .latency_s.p50 = 0.9F};
    *world_health(w, b) = (struct pm_health){.tokens_per_s.p50 = 10.6F, .latency_s.p50 = 0.2F};
    *world_health(w, c) = (struct pm_health){.tokens_per_s.p50 = 99.0F, .latency_s.p50 = 0.21F};
    for (size_t i = 0; i < PM_COUNT(cases); i++) {
        for (uint64_t seed = 0; seed < 20; seed++) {
            w->in.seed = seed;
            w->call.prefs.sort = cases[i].sort;
            assert_str(world_order(w), cases[i].want);
        }
    }
    world_free(w);
}

static void sort_exacto_is_told_to_be_ignored(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_add(w, "acme/one", "a", 1);
    w->call.prefs.sort = PM_SORT_EXACTO;
    world_route(w);
    assert_int_equal(w->d.n_warnings, 1);
    assert_int_equal(w->d.prefs.sort, PM_SORT_NONE);
    world_free(w);
}

static void the_sort_of_a_policy_is_only_a_default(void **state)
{
    struct world *w = world_new();
    struct pm_endpoint *b;

    (void)state;
    world_add(w, "acme/one", "a", 1);
    b = world_add(w, "acme/one", "b", 2);
    w->policy->prefs.sort = PM_SORT_THROUGHPUT;
    world_health(w, b)->tokens_per_s.p50 = 50;
    assert_str(world_order(w), "b a");
    w->call.models[0] = PM_STR("acme/one:floor");
    assert_str(world_order(w), "a b");
    w->call.models[0] = PM_STR("acme/one");
    w->call.prefs.sort = PM_SORT_PRICE;
    assert_str(world_order(w), "a b");
    world_free(w);
}

static void partition_none_makes_one_order_of_all_models(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_add(w, "acme/one", "a", 3);
    world_add(w, "acme/two", "b", 1);
    world_add(w, "acme/one", "c", 2);
    w->call.models[1] = PM_STR("acme/two");
    w->call.n_models = 2;
    w->call.prefs.sort = PM_SORT_PRICE;
    assert_str(world_order(w), "c a b");
    w->call.prefs.partition_none = true;
    assert_str(world_order(w), "b c a");
    world_free(w);
}

static void order_comes_first_and_then_the_rest_by_price(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_add(w, "acme/one", "a", 3);
    world_add(w, "acme/one", "b", 1);
    world_add(w, "acme/one", "c/x", 5);
    world_add(w, "acme/one", "c/y", 4);
    world_add(w, "acme/one", "d", 2);
    SET_SLUGS(&w->call.prefs, order, S("nobody"), S("c"), S("a"));
    for (uint64_t seed = 0; seed < 50; seed++) {
        w->in.seed = seed;
        assert_str(world_order(w), "c/y c/x a b d");
    }
    assert_reason(w, "a", PM_R_MOVED_FIRST_ORDER);
    assert_false(w->d.sticky_allowed);
    world_free(w);
}

static void private_endpoints_come_before_public_ones(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_add(w, "acme/one", "a", 1);
    world_add(w, "acme/one", "own", 50);
    pm_table_find_provider(w->build, PM_STR("own"))->is_private = true;
    for (uint64_t seed = 0; seed < 20; seed++) {
        w->in.seed = seed;
        assert_str(world_order(w), "own a");
    }
    assert_reason(w, "own", PM_R_MOVED_FIRST_PRIVATE);
    SET_SLUGS(&w->call.prefs, order, S("a")); /* but who says otherwise gets it */
    assert_str(world_order(w), "a own");
    world_free(w);
}

static void a_conversation_stays_where_its_cache_is(void **state)
{
    struct world *w = world_new();
    struct pm_endpoint *b;

    (void)state;
    world_add(w, "acme/one", "a", 1);
    b = world_add(w, "acme/one", "b", 9);
    b->price.cache_read = b->price.input / 10;
    w->in.sticky = b;
    w->call.prefs.sort = PM_SORT_PRICE;
    assert_str(world_order(w), "b a");
    assert_reason(w, "b", PM_R_MOVED_FIRST_STICKY);
    assert_true(w->d.sticky_allowed);
    SET_SLUGS(&w->call.prefs, order, S("a"));
    assert_str(world_order(w), "a b");
    w->call.prefs.n_order = 0;
    world_health(w, b)->cooling = true;
    assert_str(world_order(w), "a b");
    world_free(w);
}

static void sticking_needs_a_cache_that_is_cheaper(void **state)
{
    struct world *w = world_new();
    struct pm_endpoint *b;

    (void)state;
    world_add(w, "acme/one", "a", 1);
    b = world_add(w, "acme/one", "b", 9);
    w->in.sticky = b;
    w->call.prefs.sort = PM_SORT_PRICE;
    assert_str(world_order(w), "a b");
    b->price.cache_read = b->price.input;
    assert_str(world_order(w), "a b");
    b->price.cache_read = 0;
    w->policy->sticky_off = true;
    assert_str(world_order(w), "a b");
    assert_false(w->d.sticky_allowed);
    world_free(w);
}

static void sticking_does_not_cross_a_models_border(void **state)
{
    struct world *w = world_new();
    struct pm_endpoint *b;

    (void)state;
    world_add(w, "acme/one", "a", 1);
    b = world_add(w, "acme/two", "b", 9);
    b->price.cache_read = 0;
    w->in.sticky = b;
    w->call.models[1] = PM_STR("acme/two");
    w->call.n_models = 2;
    assert_str(world_order(w), "a b");
    world_free(w);
}

static void keys_go_by_section_and_then_in_their_order(void **state)
{
    struct world *w = world_new();

    (void)state;
    pm_table_add_provider(w->build, PM_STR("a"));
    pm_table_add_provider(w->build, PM_STR("b"));
    add_key(w, "a", "a-last", PM_KEY_FALLBACK);
    add_key(w, "a", "a-shared1", PM_KEY_SHARED);
    add_key(w, "a", "a-shared2", PM_KEY_SHARED);
    add_key(w, "b", "b-shared", PM_KEY_SHARED);
    add_key(w, "b", "b-own", PM_KEY_PRIORITIZED);
    world_add(w, "acme/one", "a", 1);
    world_add(w, "acme/one", "b", 2);
    w->call.prefs.sort = PM_SORT_PRICE;
    assert_str(keys(w), "b-own a-shared1 a-shared2 b-shared a-last");
    assert_reason(w, "b", PM_R_MOVED_FIRST_BYOK);
    assert_int_equal(world_note(w, "b")->rank, 0);
    assert_int_equal(world_note(w, "a")->rank, 1);
    world_free(w);
}

static void a_key_of_the_request_is_tried_first(void **state)
{
    struct world *w = world_new();
    const struct pm_provider *p[1];

    (void)state;
    world_add(w, "acme/one", "a", 1);
    world_add(w, "acme/one", "b", 2);
    pm_table_drop_credentials(w->build, world_provider(w, "b"));
    p[0] = world_provider(w, "b");
    w->in.caller_keys = p;
    w->in.n_caller_keys = 1;
    assert_str(keys(w), "caller a");
    assert_str(world_order(w), "b a");
    assert_reason(w, "b", PM_R_MOVED_FIRST_BYOK);
    world_free(w);
}

static void a_refused_key_goes_behind_all_others(void **state)
{
    struct world *w = world_new();
    struct pm_credential *bad;

    (void)state;
    pm_table_add_provider(w->build, PM_STR("a"));
    bad = add_key(w, "a", "a-own", PM_KEY_PRIORITIZED);
    add_key(w, "a", "a-last", PM_KEY_FALLBACK);
    world_add(w, "acme/one", "a", 1);
    world_add(w, "acme/one", "b", 2);
    world_finish(w);
    w->creds[bad->index].bad = true;
    assert_str(keys(w), "b a-last a-own");
    world_free(w);
}

static void a_refused_key_goes_behind_an_open_breaker(void **state)
{
    struct world *w = world_new();
    struct pm_endpoint *b;

    (void)state;
    world_add(w, "acme/one", "a", 1);
    b = world_add(w, "acme/one", "b", 2);
    world_health(w, b)->breaker = PM_BREAKER_OPEN; /* which may have closed by now */
    w->creds[0].bad = true;
    assert_str(world_order(w), "b a");
    world_free(w);
}

static void an_endpoint_with_only_refused_keys_says_so(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_add(w, "acme/one", "a", 1);
    world_add(w, "acme/one", "b", 2);
    world_finish(w);
    w->creds[0].bad = true;
    assert_str(world_order(w), "b a");
    assert_reason(w, "a", PM_R_MOVED_BACK_KEY);
    world_free(w);
}

static void trouble_moves_an_endpoint_back_by_how_bad_it_is(void **state)
{
    struct world *w = world_new();
    struct pm_endpoint *e[8];
    static const char *const tags[] = {"open",     "down", "outage", "cooling",
                                       "degraded", "late", "slow",   "fine"};

    (void)state;
    for (int i = 0; i < 8; i++) /* the worst are the cheapest */
        e[i] = world_add(w, "acme/one", tags[i], 1 + i);
    w->call.prefs.min_throughput.p90 = 20;
    w->call.prefs.max_latency.p50 = 1;
    world_health(w, e[0])->breaker = PM_BREAKER_OPEN;
    world_health(w, e[1])->uptime = PM_UPTIME_DOWN;
    world_health(w, e[2])->outage = true;
    world_health(w, e[3])->cooling = true;
    world_health(w, e[4])->uptime = PM_UPTIME_DEGRADED;
    world_health(w, e[5])->latency_s.p50 = 1.5F;
    world_health(w, e[6])->tokens_per_s.p90 = 19;
    world_health(w, e[7])->tokens_per_s.p90 = 20;
    assert_str(world_order(w), "fine late slow degraded cooling outage down open");
    assert_reason(w, "late", PM_R_MOVED_BACK_LATENCY);
    assert_reason(w, "slow", PM_R_MOVED_BACK_THROUGHPUT);
    assert_reason(w, "degraded", PM_R_MOVED_BACK_DEGRADED);
    assert_reason(w, "cooling", PM_R_MOVED_BACK_COOLING);
    assert_reason(w, "outage", PM_R_MOVED_BACK_OUTAGE);
    assert_reason(w, "down", PM_R_MOVED_BACK_DOWN);
    assert_reason(w, "open", PM_R_MOVED_BACK_BREAKER);
    world_free(w);
}

static void a_cut_off_holds_where_nothing_is_measured(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_add(w, "acme/one", "a", 1);
    w->call.prefs.min_throughput.p50 = 1000;
    w->call.prefs.max_latency.p99 = 0.001;
    assert_str(world_order(w), "a");
    assert_reason(w, "a", PM_R_KEPT);
    world_free(w);
}

static void where_all_are_bad_the_least_bad_is_tried(void **state)
{
    static const enum pm_uptime down[] = {PM_UPTIME_DOWN, PM_UPTIME_UNKNOWN};
    static const enum pm_breaker open[] = {PM_BREAKER_CLOSED, PM_BREAKER_OPEN};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct world *w = world_new();
        struct pm_endpoint *a = world_add(w, "acme/one", "a", 1);
        struct pm_endpoint *b = world_add(w, "acme/one", "b", 2);
        *world_health(w, a) =
            (struct pm_health){.uptime = down[i], .breaker = open[i], .error_rate = 0.9F};
        *world_health(w, b) =
            (struct pm_health){.uptime = down[i], .breaker = open[i], .error_rate = 0.4F};
        assert_str(world_order(w), "b a");
        world_free(w);
    }
}

static void an_open_breaker_lets_the_next_model_go_first(void **state)
{
    struct world *w = world_new();
    struct pm_endpoint *a = world_add(w, "acme/one", "a", 1);

    (void)state;
    world_add(w, "acme/two", "b", 1);
    w->call.models[1] = PM_STR("acme/two");
    w->call.n_models = 2;
    world_health(w, a)->breaker = PM_BREAKER_OPEN;
    assert_str(world_order(w), "b a");
    world_free(w);
}

static void a_half_open_breaker_leaves_the_usual_place(void **state)
{
    struct world *w = world_new();
    struct pm_endpoint *a = world_add(w, "acme/one", "a", 1);

    (void)state;
    world_add(w, "acme/one", "b", 2);
    w->call.prefs.sort = PM_SORT_PRICE;
    world_health(w, a)->breaker = PM_BREAKER_HALF_OPEN;
    assert_str(world_order(w), "a b");
    assert_reason(w, "a", PM_R_HALF_OPEN);
    world_free(w);
}

static void a_provider_named_in_order_keeps_its_place_on_a_bad_day(void **state)
{
    struct world *w = world_new();
    struct pm_endpoint *a = world_add(w, "acme/one", "a", 1);

    (void)state;
    world_add(w, "acme/one", "b", 2);
    SET_SLUGS(&w->call.prefs, order, S("a"));
    world_health(w, a)->outage = true;
    world_health(w, a)->uptime = PM_UPTIME_DOWN;
    assert_str(world_order(w), "a b");
    world_health(w, a)->cooling = true;
    assert_str(world_order(w), "b a");
    world_free(w);
}

static void nothing_known_of_health_is_fine(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_add(w, "acme/one", "a", 1);
    w->in.health = NULL;
    w->in.creds = NULL;
    w->in.cred_present = NULL;
    assert_str(world_order(w), "a");
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default_balance_draws_by_one_over_price_squared),
        cmocka_unit_test(the_others_follow_from_the_cheapest_up),
        cmocka_unit_test(free_endpoints_share_all_first_places_equally),
        cmocka_unit_test(an_unknown_price_is_drawn_only_among_its_like),
        cmocka_unit_test(prices_that_differ_by_all_there_is_do_not_overflow),
        cmocka_unit_test(the_same_seed_gives_the_same_order_in_any_table_order),
        cmocka_unit_test(each_sort_orders_by_its_measure_and_the_unknown_come_last),
        cmocka_unit_test(sort_exacto_is_told_to_be_ignored),
        cmocka_unit_test(the_sort_of_a_policy_is_only_a_default),
        cmocka_unit_test(partition_none_makes_one_order_of_all_models),
        cmocka_unit_test(order_comes_first_and_then_the_rest_by_price),
        cmocka_unit_test(private_endpoints_come_before_public_ones),
        cmocka_unit_test(a_conversation_stays_where_its_cache_is),
        cmocka_unit_test(sticking_needs_a_cache_that_is_cheaper),
        cmocka_unit_test(sticking_does_not_cross_a_models_border),
        cmocka_unit_test(keys_go_by_section_and_then_in_their_order),
        cmocka_unit_test(a_key_of_the_request_is_tried_first),
        cmocka_unit_test(a_refused_key_goes_behind_all_others),
        cmocka_unit_test(a_refused_key_goes_behind_an_open_breaker),
        cmocka_unit_test(an_endpoint_with_only_refused_keys_says_so),
        cmocka_unit_test(trouble_moves_an_endpoint_back_by_how_bad_it_is),
        cmocka_unit_test(a_cut_off_holds_where_nothing_is_measured),
        cmocka_unit_test(where_all_are_bad_the_least_bad_is_tried),
        cmocka_unit_test(an_open_breaker_lets_the_next_model_go_first),
        cmocka_unit_test(a_half_open_breaker_leaves_the_usual_place),
        cmocka_unit_test(a_provider_named_in_order_keeps_its_place_on_a_bad_day),
        cmocka_unit_test(nothing_known_of_health_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
