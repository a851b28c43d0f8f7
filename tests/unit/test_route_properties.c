/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold for any table, call, health and seed: tried on worlds made at random, from fixed
 * seeds. The oracle of what a policy allows is written here again, as plainly as it can be. */
#include "tests/route_fixture.h"

#define WORLDS 1500

static uint64_t rng;

static uint32_t below(uint32_t n)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (uint32_t)(rng >> 33) % n;
}

static bool one_in(uint32_t n)
{
    return below(n) == 0;
}

static const char *const models[] = {"acme/m0", "acme/m1", "other/m2"};
static const char *const tags[] = {"p0", "p0/eu", "p0/priority", "p1", "p1/flex",
                                   "p2", "p2/us", "p3",          "p4", "p5"};
static struct pm_str regions[] = {S("eu"), S("us"), S("eu-west-1"), S("asia")};
static struct pm_str slugs[] = {S("p0"), S("p0/eu"), S("P1"), S("p2/us"),  S("p3"),
                                S("p9"), S("p4"),    S("p5"), S("p1/flex")};
static struct pm_str globs[] = {S("acme/*"), S("*/m1"), S("*"), S("other/m2")};

static struct pm_data_policy random_data(void)
{
    return (struct pm_data_policy){
        .known = !one_in(3), .trains = one_in(3), .retention_days = (int32_t)below(3) - 1};
}

static void make_providers(struct world *w)
{
    for (size_t i = 0; i < PM_COUNT(tags); i++) {
        struct pm_provider *p = world_provider(w, tags[i]);
        if (strchr(tags[i], '/'))
            continue;
        p->enabled = !one_in(8);
        p->is_private = one_in(6);
        p->protocol = one_in(8) ? PM_PROTO_ANTHROPIC : PM_PROTO_OPENAI;
        p->n_regions = below(3);
        p->regions = &regions[below(2)];
        p->data = random_data();
        if (one_in(6))
            pm_table_drop_credentials(w->build, p);
        for (uint32_t k = below(3); k > 0; k--) {
            static const char *const names[] = {"x", "k1", "k2"};
            struct pm_credential *c = pm_table_add_credential(w->build, p, pm_str(names[k]));
            c->source = PM_CRED_ENV;
            c->section = (enum pm_key_section)below(3);
            c->models = &globs[below(3)];
            c->n_models = below(2);
        }
    }
}

static void make_endpoints(struct world *w)
{
    for (size_t m = 0; m < PM_COUNT(models); m++) {
        pm_table_add_model(w->build, pm_str(models[m]));
        for (size_t t = 0; t < PM_COUNT(tags); t++) {
            struct pm_endpoint *e;
            if (one_in(3))
                continue;
            e = world_add(w, models[m], tags[t], below(5));
            if (one_in(6))
                e->price = PM_PRICE_UNKNOWN;
            e->enabled = !one_in(10);
            e->free = one_in(10);
            e->quant = one_in(2) ? PM_Q_FP8 : PM_Q_MXFP4;
            e->context = one_in(3) ? 2000 : 0;
            e->params = one_in(3) ? 0 : rng;
            if (one_in(3))
                e->region = regions[below(4)];
            if (one_in(3))
                e->data = random_data();
            if (strstr(tags[t], "priority"))
                e->tier = PM_TIER_PRIORITY;
            if (strstr(tags[t], "flex"))
                e->tier = PM_TIER_FLEX;
        }
    }
}

static struct pm_prefs random_prefs(void)
{
    struct pm_prefs p = PM_PREFS_NONE;

    if (one_in(2)) /* else so much is excluded that little is left to look at */
        return p;
    p.only_set = one_in(4);
    p.only = &slugs[below(4)];
    p.n_only = p.only_set ? below(5) : 0;
    p.ignore = &slugs[below(6)];
    p.n_ignore = one_in(4) ? below(3) : 0;
    p.order = &slugs[below(6)];
    p.n_order = one_in(4) ? below(4) : 0;
    p.regions = &regions[below(2)];
    p.n_regions = one_in(4) ? 1 + below(2) : 0;
    p.deny_collection = one_in(8);
    p.zdr = one_in(8);
    p.no_fallbacks = one_in(8);
    p.require_parameters = one_in(8);
    p.quants = one_in(6) ? PM_Q_FP8 : 0;
    p.sort = one_in(3) ? (enum pm_sort)below(5) : PM_SORT_NONE;
    p.partition_none = one_in(4);
    p.max_prompt = one_in(6) ? (int64_t)below(4) * 1000000 : PM_PRICE_NONE;
    p.max_completion = one_in(6) ? (int64_t)below(4) * 1000000 : PM_PRICE_NONE;
    return p;
}

static struct world *random_world(uint64_t seed)
{
    static const char *const suffixes[] = {"", "", ":nitro", ":floor", ":free"};
    static char names[PM_MAX_MODELS][40];
    struct world *w = world_new();

    rng = seed * 0x9e3779b97f4a7c15ULL | 1;
    make_providers(w);
    make_endpoints(w);
    w->policy->prefs = random_prefs();
    w->policy->unknown_price = (enum pm_unknown_price)below(3);
    w->policy->models = &globs[below(3)];
    w->policy->n_models = one_in(4);
    w->policy->deny_models = &globs[3];
    w->policy->n_deny_models = one_in(4);
    w->call.prefs = random_prefs();
    w->call.n_models = 1 + below(3);
    for (size_t i = 0; i < w->call.n_models; i++) {
        snprintf(names[i], sizeof(names[i]), "%s%s", models[below(PM_COUNT(models))],
                 suffixes[below(PM_COUNT(suffixes))]);
        w->call.models[i] = pm_str(names[i]);
    }
    w->call.needs_tools = one_in(4);
    w->call.needs_json_schema = one_in(4);
    w->call.params = one_in(2) ? rng : 0;
    w->call.prompt_tokens = below(3000);
    w->call.tier_set = one_in(4);
    w->call.tier = (enum pm_tier)below(3);
    w->in.seed = rng;
    world_finish(w);
    for (size_t i = 0; i < w->table->n_endpoints; i++)
        w->health[i] = (struct pm_health){.breaker = (enum pm_breaker)below(3),
                                          .outage = one_in(5),
                                          .cooling = one_in(5),
                                          .uptime = (enum pm_uptime)below(4),
                                          .error_rate = (float)below(100) / 100,
                                          .tokens_per_s.p50 = (float)below(100)};
    for (size_t i = 0; i < w->table->n_credentials; i++) {
        w->creds[i].bad = one_in(5);
        w->present[i] = !one_in(5);
    }
    if (w->table->n_endpoints && one_in(2))
        w->in.sticky = w->table->endpoints[below((uint32_t)w->table->n_endpoints)];
    return w;
}

static bool listed(const struct pm_str *list, size_t n, const struct pm_endpoint *e)
{
    for (size_t i = 0; i < n; i++) {
        if (pm_str_ieq(list[i], e->tag) || pm_str_ieq(list[i], e->provider->slug))
            return true;
    }
    return false;
}

static bool one_region_allowed(const struct pm_prefs *p, struct pm_str r)
{
    for (size_t i = 0; i < p->n_regions; i++) {
        if (pm_str_eq(p->regions[i], r) ||
            (pm_str_is(p->regions[i], "eu") && pm_str_is(r, "eu-west-1")))
            return true;
    }
    return false;
}

static bool regions_allowed(const struct pm_prefs *p, const struct pm_endpoint *e)
{
    if (p->n_regions == 0)
        return true;
    if (e->region.p)
        return one_region_allowed(p, e->region);
    for (size_t i = 0; i < e->provider->n_regions; i++) {
        if (!one_region_allowed(p, e->provider->regions[i]))
            return false;
    }
    return e->provider->n_regions > 0;
}

static void assert_within(const struct pm_prefs *p, const struct pm_endpoint *e)
{
    if (p->only_set)
        assert_true(listed(p->only, p->n_only, e));
    assert_false(listed(p->ignore, p->n_ignore, e));
    assert_true(regions_allowed(p, e));
    if (p->deny_collection)
        assert_true(e->data.known && !e->data.trains && e->data.retention_days == 0);
    if (p->zdr)
        assert_true(e->data.known && e->data.retention_days == 0);
    if (p->quants == PM_Q_FP8)
        assert_int_equal(e->quant, PM_Q_FP8);
    if (e->price.known && p->max_prompt != PM_PRICE_NONE)
        assert_true(e->price.input <= p->max_prompt);
    if (e->price.known && p->max_completion != PM_PRICE_NONE)
        assert_true(e->price.output <= p->max_completion);
}

static void nothing_that_policy_or_request_excludes_is_tried(void **state)
{
    size_t tried = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        struct world *w = random_world(seed);
        world_route(w);
        for (size_t i = 0; i < w->d.n_attempts; i++) {
            const struct pm_attempt_plan *a = &w->d.attempts[i];
            const struct pm_endpoint *e = a->endpoint;
            assert_within(&w->policy->prefs, e);
            assert_within(&w->call.prefs, e);
            assert_true(e->enabled && e->provider->enabled);
            assert_int_equal(e->provider->protocol, PM_PROTO_OPENAI);
            if (w->policy->n_models)
                assert_true(pm_str_glob(e->model->id, w->policy->models[0]));
            if (w->policy->n_deny_models)
                assert_string_not_equal(e->model->id.p, "other/m2");
            if (!e->price.known)
                assert_int_not_equal(w->policy->unknown_price, PM_UNKNOWN_DENY);
            assert_non_null(a->credential);
            assert_ptr_equal(w->table->providers[a->credential->provider], e->provider);
            assert_true(a->credential->source == PM_CRED_NONE || w->present[a->credential->index]);
            tried++;
        }
        world_free(w);
    }
    assert_true(tried > WORLDS); /* the worlds are not all empty */
}

static void every_endpoint_asked_for_has_one_note_that_says_what_became_of_it(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        struct world *w = random_world(seed);
        int notes[WORLD_ROWS] = {0};
        size_t want = 0;
        world_route(w);
        for (size_t i = 0; i < w->d.n_models; i++) {
            bool seen = false;
            for (size_t j = 0; j < i; j++)
                seen |= w->d.models[j] == w->d.models[i];
            want += seen ? 0 : w->d.models[i]->n_endpoints;
        }
        assert_int_equal(w->d.n_notes, want);
        for (size_t i = 0; i < w->d.n_notes; i++) {
            const struct pm_note *n = &w->d.notes[i];
            bool dropped = n->reason > PM_R_KEPT && n->reason < PM_R_MOVED_FIRST_BYOK;
            assert_int_equal(++notes[n->endpoint->index], 1);
            assert_ptr_equal(w->d.models[n->model], n->endpoint->model);
            assert_int_equal(n->rank < 0, dropped);
            if (n->rank >= 0)
                assert_ptr_equal(w->d.attempts[n->rank].endpoint, n->endpoint);
        }
        for (size_t i = 0; i < w->d.n_attempts; i++)
            assert_int_equal(notes[w->d.attempts[i].endpoint->index], 1);
        world_free(w);
    }
}

static void no_attempt_is_made_twice(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        struct world *w = random_world(seed);
        world_route(w);
        for (size_t i = 0; i < w->d.n_attempts; i++) {
            for (size_t j = 0; j < i; j++)
                assert_false(w->d.attempts[i].endpoint == w->d.attempts[j].endpoint &&
                             w->d.attempts[i].credential == w->d.attempts[j].credential);
        }
        world_free(w);
    }
}

static void what_cannot_be_routed_has_an_answer(void **state)
{
    size_t refused = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        struct world *w = random_world(seed);
        world_route(w);
        assert_int_equal(w->d.failed != PM_ROUTED, w->d.n_attempts == 0);
        if (w->d.failed) {
            assert_true(w->d.status == 400 || w->d.status == 403 || w->d.status == 404);
            assert_true(w->d.message.n > 0);
            assert_non_null(w->d.error_type);
            refused++;
        }
        world_free(w);
    }
    assert_in_range(refused, WORLDS / 20, WORLDS - WORLDS / 20);
}

static void healthy_endpoints_with_good_keys_come_before_open_breakers(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        struct world *w = random_world(seed);
        bool hopeless = false;
        world_route(w);
        for (size_t i = 0; i < w->d.n_attempts; i++) {
            const struct pm_attempt_plan *a = &w->d.attempts[i];
            bool bad = w->creds[a->credential->index].bad ||
                       w->health[a->endpoint->index].breaker == PM_BREAKER_OPEN;
            assert_false(hopeless && !bad);
            hopeless |= bad;
        }
        world_free(w);
    }
}

static void the_same_input_gives_the_same_bytes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        struct world *w = random_world(seed), *again = random_world(seed);
        struct pm_buf one, two;
        pm_buf_init(&one, 1 << 20);
        pm_buf_init(&two, 1 << 20);
        for (int i = 0; i < 2; i++)
            world_route(w);
        world_route(again);
        assert_true(pm_explain_json(&w->d, &w->in, &one));
        assert_true(pm_explain_json(&again->d, &again->in, &two));
        assert_true(pm_str_eq(pm_buf_view(&one), pm_buf_view(&two)));
        assert_true(pm_json_ok(pm_buf_view(&one), &(struct pm_jval){0}));
        pm_buf_fini(&one);
        pm_buf_fini(&two);
        world_free(w);
        world_free(again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_that_policy_or_request_excludes_is_tried),
        cmocka_unit_test(every_endpoint_asked_for_has_one_note_that_says_what_became_of_it),
        cmocka_unit_test(no_attempt_is_made_twice),
        cmocka_unit_test(what_cannot_be_routed_has_an_answer),
        cmocka_unit_test(healthy_endpoints_with_good_keys_come_before_open_breakers),
        cmocka_unit_test(the_same_input_gives_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
