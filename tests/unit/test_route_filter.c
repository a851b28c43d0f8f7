/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/route_fixture.h"

/* A world with a (1 USD) and b (2 USD), sorted by price so that the order says what was kept. */
static struct world *two(struct pm_endpoint **a, struct pm_endpoint **b)
{
    struct world *w = world_new();

    *a = world_add(w, "acme/one", "a", 1);
    *b = world_add(w, "acme/one", "b", 2);
    w->call.prefs.sort = PM_SORT_PRICE;
    return w;
}

/* Frees w after the check that only b was kept and why a was not. */
static void only_b_is_left(struct world *w, enum pm_reason why)
{
    assert_str(world_order(w), "b");
    assert_reason(w, "a", why);
    assert_int_equal(world_note(w, "a")->rank, -1);
    assert_int_equal(world_note(w, "b")->rank, 0);
    world_free(w);
}

static void a_disabled_endpoint_or_provider_is_not_used(void **state)
{
    struct pm_endpoint *a, *b;
    struct world *w = two(&a, &b);

    (void)state;
    a->enabled = false;
    only_b_is_left(w, PM_R_DISABLED);
    w = two(&a, &b);
    pm_table_find_provider(w->build, PM_STR("a"))->enabled = false;
    only_b_is_left(w, PM_R_DISABLED);
}

static void a_protocol_this_agent_does_not_speak_is_not_used(void **state)
{
    struct pm_endpoint *a, *b;
    struct world *w = two(&a, &b);

    (void)state;
    pm_table_find_provider(w->build, PM_STR("a"))->protocol = PM_PROTO_GEMINI;
    only_b_is_left(w, PM_R_PROTOCOL);
}

static void embeddings_and_chat_do_not_meet(void **state)
{
    struct pm_endpoint *a, *b;
    struct world *w = two(&a, &b);

    (void)state;
    a->out_modalities = PM_MOD_EMBEDDING;
    world_route(w);
    w->call.op = PM_OP_EMBEDDING;
    assert_str(world_order(w), "a");
    assert_reason(w, "b", PM_R_OPERATION);
    w->call.op = PM_OP_CHAT;
    only_b_is_left(w, PM_R_OPERATION);
}

static void a_provider_without_a_key_is_not_used(void **state)
{
    struct pm_endpoint *a, *b;
    struct world *w = two(&a, &b);
    struct pm_provider *p = pm_table_find_provider(w->build, PM_STR("a"));

    (void)state;
    pm_table_drop_credentials(w->build, p);
    only_b_is_left(w, PM_R_NO_CREDENTIAL);
    w = two(&a, &b);
    pm_table_add_credential(w->build, world_provider(w, "a"), PM_STR("a"))->source = PM_CRED_ENV;
    world_finish(w);
    w->present[w->table->credentials[0]->index] = false;
    only_b_is_left(w, PM_R_NO_CREDENTIAL);
}

static void a_key_may_be_for_some_models_only(void **state)
{
    struct pm_endpoint *a, *b;
    struct world *w = two(&a, &b);
    static struct pm_str globs[] = {S("other/*"), S("acme/two")};
    struct pm_credential *c =
        pm_table_add_credential(w->build, world_provider(w, "a"), PM_STR("a"));

    (void)state;
    c->models = globs;
    c->n_models = 2;
    only_b_is_left(w, PM_R_NO_CREDENTIAL);
}

static void a_policy_may_forbid_a_model(void **state)
{
    static struct pm_str globs[] = {S("acme/*")}, denied[] = {S("acme/o*")};
    struct world *w = world_new();

    (void)state;
    world_add(w, "acme/one", "a", 1);
    world_add(w, "acme/two", "b", 1);
    world_add(w, "else/three", "c", 1);
    w->policy->models = globs;
    w->policy->n_models = 1;
    w->policy->deny_models = denied;
    w->policy->n_deny_models = 1;
    w->call.models[1] = PM_STR("acme/two");
    w->call.models[2] = PM_STR("else/three");
    w->call.n_models = 3;
    assert_str(world_order(w), "b");
    assert_reason(w, "a", PM_R_MODEL_POLICY);
    assert_reason(w, "c", PM_R_MODEL_POLICY);
    world_free(w);
}

static void slugs_mean_a_provider_or_one_endpoint(void **state)
{
    static const struct {
        const char *slug, *kept;
    } cases[] = {
        {"azure", "azure azure/eu"},
        {"azure/eu", "azure/eu"},
        {"AZURE/EU", "azure/eu"},
        {"Azure", "azure azure/eu"},
        {"Microsoft Azure", "azure azure/eu"},
        {"openai", "openai"},
        {"az", ""},
        {"azure/", ""},
        {"", ""},
        {"azure/us", ""},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(cases); i++) {
        struct world *w = world_new();
        struct pm_str slug = pm_str(cases[i].slug);
        world_add(w, "acme/one", "azure", 1);
        world_add(w, "acme/one", "azure/eu", 2);
        world_add(w, "acme/one", "openai", 3);
        pm_table_find_provider(w->build, PM_STR("azure"))->name = PM_STR("Microsoft Azure");
        w->call.prefs.sort = PM_SORT_PRICE;
        w->call.prefs.only_set = true;
        w->call.prefs.only = &slug;
        w->call.prefs.n_only = 1;
        assert_str(world_order(w), cases[i].kept);
        world_free(w);
    }
}

static void an_empty_allow_list_allows_nothing(void **state)
{
    struct pm_endpoint *a, *b;
    struct world *w = two(&a, &b);

    (void)state;
    w->call.prefs.only_set = true;
    assert_str(world_order(w), "");
    assert_reason(w, "a", PM_R_NOT_ALLOWED);
    world_free(w);
}

static void a_request_cannot_widen_the_allow_list_of_its_policy(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_add(w, "acme/one", "azure", 1);
    world_add(w, "acme/one", "azure/eu", 2);
    world_add(w, "acme/one", "openai", 3);
    pm_table_find_provider(w->build, PM_STR("azure"))->name = PM_STR("Microsoft Azure");
    w->policy->prefs.only_set = w->call.prefs.only_set = true;
    SET_SLUGS(&w->policy->prefs, only, S("azure/eu"));
    SET_SLUGS(&w->call.prefs, only, S("Microsoft Azure"), S("openai"));
    assert_str(world_order(w), "azure/eu");
    world_free(w);
}

static void ignored_endpoints_add_up(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_add(w, "acme/one", "a", 1);
    world_add(w, "acme/one", "b/x", 2);
    world_add(w, "acme/one", "b/y", 3);
    SET_SLUGS(&w->policy->prefs, ignore, S("a"));
    SET_SLUGS(&w->call.prefs, ignore, S("b/x"));
    assert_str(world_order(w), "b/y");
    assert_reason(w, "a", PM_R_IGNORED);
    world_free(w);
}

static void an_endpoint_outside_the_allowed_regions_is_not_used(void **state)
{
    static struct pm_str us[] = {S("us")}, both[] = {S("us"), S("eu")}, eu[] = {S("eu-west-1")};
    static const struct {
        struct pm_str *regions; /* the provider's */
        size_t n;
        const char *own; /* the endpoint's; NULL: as the provider */
        const char *allowed;
        bool kept;
    } cases[] = {
        {us, 1, NULL, "us", true},         {us, 1, NULL, "eu", false},
        {both, 2, NULL, "us", false}, /* it may serve from any of them */
        {both, 2, "us", "us", true},       {NULL, 0, NULL, "us", false}, /* global */
        {NULL, 0, "us-east5", "us", true}, {NULL, 0, "usa", "us", false},
        {eu, 1, NULL, "eu", true},         {NULL, 0, "europe-west4", "eu", true},
        {NULL, 0, "eu", "europe", true},   {NULL, 0, "EU", "eu", true},
        {NULL, 0, "global", "eu", false},  {NULL, 0, NULL, "global", true},
        {us, 1, "eu", "us", false}, /* the endpoint's own counts */
        {us, 1, NULL, "nowhere", false},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(cases); i++) {
        struct pm_endpoint *a, *b;
        struct world *w = two(&a, &b);
        struct pm_provider *p = pm_table_find_provider(w->build, PM_STR("a"));
        struct pm_str allowed = pm_str(cases[i].allowed);
        p->regions = cases[i].regions;
        p->n_regions = cases[i].n;
        if (cases[i].own)
            a->region = pm_str(cases[i].own);
        w->policy->prefs.regions = &allowed;
        w->policy->prefs.n_regions = 1;
        world_route(w);
        assert_reason(w, "a", cases[i].kept ? PM_R_KEPT : PM_R_REGION);
        world_free(w);
    }
}

static void who_may_train_is_out_under_data_collection_deny(void **state)
{
    struct pm_endpoint *a, *b;
    struct world *w = two(&a, &b);

    (void)state;
    w->call.prefs.deny_collection = true;
    a->data = (struct pm_data_policy){.known = true, .trains = true};
    b->data = (struct pm_data_policy){.known = true};
    only_b_is_left(w, PM_R_TRAINING);
    w = two(&a, &b);
    w->policy->prefs.deny_collection = true;
    b->data = (struct pm_data_policy){.known = true};
    only_b_is_left(w, PM_R_TRAINING); /* unknown is the worst */
}

static void who_keeps_prompts_is_out_under_zdr(void **state)
{
    struct pm_endpoint *a, *b;
    struct world *w = two(&a, &b);

    (void)state;
    w->call.prefs.zdr = true;
    a->data = (struct pm_data_policy){.known = true, .retention_days = 30};
    b->data = (struct pm_data_policy){.known = true, .trains = true};
    only_b_is_left(w, PM_R_RETENTION);
    w = two(&a, &b);
    w->call.prefs.zdr = true;
    a->data = (struct pm_data_policy){.known = true, .retention_days = -1};
    b->data = (struct pm_data_policy){.known = true};
    only_b_is_left(w, PM_R_RETENTION);
}

static void only_distillable_models_where_that_is_demanded(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_add(w, "acme/one", "a", 1);
    world_add(w, "acme/two", "b", 1);
    pm_table_find_model(w->build, PM_STR("acme/two"))->distillable = true;
    w->call.models[1] = PM_STR("acme/two");
    w->call.n_models = 2;
    w->call.prefs.distillable = true;
    only_b_is_left(w, PM_R_DISTILLABLE);
}

static void quantizations_include_their_microscaled_forms(void **state)
{
    static const struct {
        uint32_t asked;
        enum pm_quant has;
        bool kept;
    } cases[] = {
        {PM_Q_FP4, PM_Q_MXFP4, true},    {PM_Q_FP4, PM_Q_NVFP4, true},
        {PM_Q_FP8, PM_Q_MXFP8, true},    {PM_Q_MXFP4, PM_Q_FP4, false},
        {PM_Q_FP8, PM_Q_FP4, false},     {PM_Q_BF16 | PM_Q_FP16, PM_Q_FP16, true},
        {PM_Q_FP8, PM_Q_UNKNOWN, false}, {PM_Q_UNKNOWN, PM_Q_UNKNOWN, true},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(cases) * 2; i++) {
        struct pm_endpoint *a, *b;
        struct world *w = two(&a, &b);
        struct pm_prefs *p = i % 2 ? &w->call.prefs : &w->policy->prefs;
        a->quant = cases[i / 2].has;
        p->quants = cases[i / 2].asked;
        world_route(w);
        assert_reason(w, "a", cases[i / 2].kept ? PM_R_KEPT : PM_R_QUANTIZATION);
        world_free(w);
    }
}

static void a_price_above_its_bound_is_out_and_one_at_it_is_in(void **state)
{
    static const size_t bounds[] = {
        offsetof(struct pm_prefs, max_prompt),  offsetof(struct pm_prefs, max_completion),
        offsetof(struct pm_prefs, max_request), offsetof(struct pm_prefs, max_image),
        offsetof(struct pm_prefs, max_audio),
    };
    static const size_t prices[] = {
        offsetof(struct pm_price, input),    offsetof(struct pm_price, output),
        offsetof(struct pm_price, request),  offsetof(struct pm_price, image_unit),
        offsetof(struct pm_price, audio_in),
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(bounds); i++) {
        struct pm_endpoint *a, *b;
        struct world *w = two(&a, &b);
        *(int64_t *)(void *)((char *)&w->call.prefs + bounds[i]) = 7000000;
        *(int64_t *)(void *)((char *)&a->price + prices[i]) = 7000001;
        *(int64_t *)(void *)((char *)&b->price + prices[i]) = 7000000;
        only_b_is_left(w, PM_R_MAX_PRICE);
    }
}

static void the_lower_bound_of_policy_and_request_holds(void **state)
{
    struct pm_endpoint *a, *b;
    struct world *w = two(&a, &b);

    (void)state;
    a->price.output = 9000000;
    w->policy->prefs.max_completion = 5000000;
    w->call.prefs.max_completion = 10000000;
    only_b_is_left(w, PM_R_MAX_PRICE);
}

static void an_unknown_price_is_never_taken_as_low(void **state)
{
    static const struct {
        enum pm_unknown_price policy;
        int64_t prompt, completion;
        bool kept;
    } cases[] = {
        {PM_UNKNOWN_DENY, PM_PRICE_NONE, PM_PRICE_NONE, false},
        {PM_UNKNOWN_DENY, 1000000000, 1000000000, false},
        {PM_UNKNOWN_CEILING, PM_PRICE_NONE, PM_PRICE_NONE, false},
        {PM_UNKNOWN_CEILING, 1000000000, PM_PRICE_NONE, false},
        {PM_UNKNOWN_CEILING, 1000000000, 1000000000, true},
        {PM_UNKNOWN_FLAG, PM_PRICE_NONE, PM_PRICE_NONE, true},
        {PM_UNKNOWN_FLAG, PM_PRICE_NONE, 1000000000, false},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(cases); i++) {
        struct pm_endpoint *a, *b;
        struct world *w = two(&a, &b);
        a->price = PM_PRICE_UNKNOWN;
        w->policy->unknown_price = cases[i].policy;
        w->call.prefs.max_prompt = cases[i].prompt;
        w->call.prefs.max_completion = cases[i].completion;
        world_route(w);
        assert_reason(w, "a", cases[i].kept ? PM_R_KEPT : PM_R_UNKNOWN_PRICE);
        world_free(w);
    }
}

static void content_that_an_endpoint_does_not_take_or_give_leaves_it_out(void **state)
{
    struct pm_endpoint *a, *b;
    struct world *w = two(&a, &b);

    (void)state;
    b->in_modalities = PM_MOD_TEXT | PM_MOD_IMAGE;
    w->call.in_modalities = PM_MOD_TEXT | PM_MOD_IMAGE;
    only_b_is_left(w, PM_R_MODALITY);
    w = two(&a, &b);
    b->out_modalities = PM_MOD_TEXT | PM_MOD_AUDIO;
    w->call.out_modalities = PM_MOD_TEXT | PM_MOD_AUDIO;
    only_b_is_left(w, PM_R_MODALITY);
}

static void require_parameters_drops_who_lacks_any(void **state)
{
    struct pm_endpoint *a, *b;
    struct world *w = two(&a, &b);

    (void)state;
    a->params = PM_PBIT(PM_P_SEED);
    b->params = PM_PBIT(PM_P_SEED) | PM_PBIT(PM_P_TOP_K) | PM_PBIT(PM_P_MAX_COMPLETION_TOKENS);
    w->call.params = PM_PBIT(PM_P_SEED) | PM_PBIT(PM_P_TOP_K) | PM_PBIT(PM_P_MAX_TOKENS) |
                     PM_PBIT(PM_P_MODALITIES);
    assert_str(world_order(w), "a b"); /* else they are ignored upstream */
    w->call.prefs.require_parameters = true;
    only_b_is_left(w, PM_R_PARAMETERS);
}

static void an_endpoint_whose_parameters_nobody_listed_supports_them(void **state)
{
    struct pm_endpoint *a, *b;
    struct world *w = two(&a, &b);

    (void)state;
    a->params = 0;
    w->call.params = PM_PBIT(PM_P_TOP_A);
    w->call.needs_tools = true;
    w->call.prefs.require_parameters = true;
    assert_str(world_order(w), "a b");
    world_free(w);
}

static void tools_go_only_where_they_work(void **state)
{
    struct pm_endpoint *a, *b;
    struct world *w = two(&a, &b);

    (void)state;
    a->params = PM_PBIT(PM_P_TEMPERATURE);
    b->params = PM_PBIT(PM_P_TOOLS);
    w->call.needs_tools = true;
    only_b_is_left(w, PM_R_TOOLS);
    w = two(&a, &b);
    a->params = PM_PBIT(PM_P_TOOLS);
    b->params = PM_PBIT(PM_P_TOOLS) | PM_PBIT(PM_P_TOOL_CHOICE);
    w->call.needs_tools = w->call.needs_tool_choice = true;
    only_b_is_left(w, PM_R_TOOLS);
}

static void soft_wishes_narrow_only_where_somebody_can_fulfil_them(void **state)
{
    static const struct {
        size_t flag; /* in struct pm_call */
        enum pm_param param;
        enum pm_reason why;
    } cases[] = {
        {offsetof(struct pm_call, needs_json_schema), PM_P_STRUCTURED_OUTPUTS, PM_R_STRUCTURED},
        {offsetof(struct pm_call, needs_response_format), PM_P_RESPONSE_FORMAT, PM_R_STRUCTURED},
        {offsetof(struct pm_call, needs_reasoning), PM_P_REASONING_EFFORT, PM_R_PARAMETERS},
        {0, PM_P_VERBOSITY, PM_R_PARAMETERS},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(cases); i++) {
        struct pm_endpoint *a, *b;
        struct world *w = two(&a, &b);
        a->params = b->params = PM_PBIT(PM_P_SEED);
        if (cases[i].flag)
            *((bool *)&w->call + cases[i].flag) = true;
        else
            w->call.params |= PM_PBIT(cases[i].param);
        assert_str(world_order(w), "a b");
        world_free(w);

        w = two(&a, &b);
        a->params = PM_PBIT(PM_P_SEED);
        b->params = PM_PBIT(cases[i].param);
        if (cases[i].flag)
            *((bool *)&w->call + cases[i].flag) = true;
        else
            w->call.params |= PM_PBIT(cases[i].param);
        only_b_is_left(w, cases[i].why);
    }
}

static void what_does_not_fit_the_context_goes_elsewhere(void **state)
{
    struct pm_endpoint *a, *b;
    struct world *w = two(&a, &b);

    (void)state;
    a->context = 999;
    b->context = 1000;
    w->call.prompt_tokens = 900;
    w->call.max_tokens = 100;
    only_b_is_left(w, PM_R_CONTEXT);
    w = two(&a, &b); /* unknown contexts take anything, and sums that overflow fit nowhere */
    a->context = 1000;
    w->call.prompt_tokens = INT64_MAX;
    w->call.max_tokens = INT64_MAX;
    only_b_is_left(w, PM_R_CONTEXT);
}

static void who_cannot_write_that_much_is_out(void **state)
{
    struct pm_endpoint *a, *b;
    struct world *w = two(&a, &b);

    (void)state;
    a->max_output = 4095;
    b->max_output = 4096;
    w->call.max_tokens = 4096;
    only_b_is_left(w, PM_R_MAX_OUTPUT);
}

static void tiers_are_used_only_when_asked_for(void **state)
{
    struct pm_endpoint *a, *b;
    struct world *w = two(&a, &b);

    (void)state;
    world_add(w, "acme/one", "a/priority", 3)->tier = PM_TIER_PRIORITY;
    world_add(w, "acme/one", "a/flex", 0.5)->tier = PM_TIER_FLEX;
    assert_str(world_order(w), "a b");
    assert_reason(w, "a/flex", PM_R_TIER);
    w->call.tier_set = true;
    w->call.tier = PM_TIER_PRIORITY;
    assert_str(world_order(w), "a/priority a b");
    w->call.tier = PM_TIER_FLEX; /* never falls back to another */
    assert_str(world_order(w), "a/flex");
    assert_reason(w, "a", PM_R_TIER);
    w->call.tier_set = false;
    SET_SLUGS(&w->call.prefs, order, S("a/priority"));
    assert_str(world_order(w), "a/priority a b");
    world_free(w);
}

static void flex_without_a_flex_endpoint_is_served_as_usual(void **state)
{
    struct pm_endpoint *a, *b;
    struct world *w = two(&a, &b);

    (void)state;
    w->call.tier_set = true;
    w->call.tier = PM_TIER_FLEX;
    assert_str(world_order(w), "a b");
    world_free(w);
}

static void without_fallbacks_only_the_first_is_tried(void **state)
{
    struct pm_endpoint *a, *b;
    struct world *w = two(&a, &b);

    (void)state;
    world_add(w, "acme/two", "c", 1);
    world_add(w, "acme/two", "d", 2);
    w->call.models[1] = PM_STR("acme/two");
    w->call.n_models = 2;
    w->call.prefs.no_fallbacks = true;
    assert_str(world_order(w), "a c"); /* it does not stop `models` */
    assert_reason(w, "b", PM_R_NO_FALLBACK);
    assert_reason(w, "d", PM_R_NO_FALLBACK);
    w->call.prefs.partition_none = true;
    assert_str(world_order(w), "a");
    world_free(w);
}

static void without_fallbacks_but_with_an_order_all_of_it_is_tried(void **state)
{
    struct pm_endpoint *a, *b;
    struct world *w = two(&a, &b);

    (void)state;
    world_add(w, "acme/one", "c", 3);
    w->call.prefs.no_fallbacks = true;
    SET_SLUGS(&w->call.prefs, order, S("c"), S("a"));
    assert_str(world_order(w), "c a");
    assert_reason(w, "b", PM_R_NO_FALLBACK);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_disabled_endpoint_or_provider_is_not_used),
        cmocka_unit_test(a_protocol_this_agent_does_not_speak_is_not_used),
        cmocka_unit_test(embeddings_and_chat_do_not_meet),
        cmocka_unit_test(a_provider_without_a_key_is_not_used),
        cmocka_unit_test(a_key_may_be_for_some_models_only),
        cmocka_unit_test(a_policy_may_forbid_a_model),
        cmocka_unit_test(slugs_mean_a_provider_or_one_endpoint),
        cmocka_unit_test(an_empty_allow_list_allows_nothing),
        cmocka_unit_test(a_request_cannot_widen_the_allow_list_of_its_policy),
        cmocka_unit_test(ignored_endpoints_add_up),
        cmocka_unit_test(an_endpoint_outside_the_allowed_regions_is_not_used),
        cmocka_unit_test(who_may_train_is_out_under_data_collection_deny),
        cmocka_unit_test(who_keeps_prompts_is_out_under_zdr),
        cmocka_unit_test(only_distillable_models_where_that_is_demanded),
        cmocka_unit_test(quantizations_include_their_microscaled_forms),
        cmocka_unit_test(a_price_above_its_bound_is_out_and_one_at_it_is_in),
        cmocka_unit_test(the_lower_bound_of_policy_and_request_holds),
        cmocka_unit_test(an_unknown_price_is_never_taken_as_low),
        cmocka_unit_test(content_that_an_endpoint_does_not_take_or_give_leaves_it_out),
        cmocka_unit_test(require_parameters_drops_who_lacks_any),
        cmocka_unit_test(an_endpoint_whose_parameters_nobody_listed_supports_them),
        cmocka_unit_test(tools_go_only_where_they_work),
        cmocka_unit_test(soft_wishes_narrow_only_where_somebody_can_fulfil_them),
        cmocka_unit_test(what_does_not_fit_the_context_goes_elsewhere),
        cmocka_unit_test(who_cannot_write_that_much_is_out),
        cmocka_unit_test(tiers_are_used_only_when_asked_for),
        cmocka_unit_test(flex_without_a_flex_endpoint_is_served_as_usual),
        cmocka_unit_test(without_fallbacks_only_the_first_is_tried),
        cmocka_unit_test(without_fallbacks_but_with_an_order_all_of_it_is_tried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
