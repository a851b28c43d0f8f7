/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "common/catalogue/catalogue.h"

/* The shipped catalogue as a table. */
static int set_up(void **state)
{
    struct pm_table_build *b = pm_table_build_new();
    struct pm_error err = {0};

    if (!pm_catalogue_add(b, &err)) {
        print_error("%s\n", err.text);
        pm_table_build_free(b);
        return -1;
    }
    *state = pm_table_finish(b);
    return 0;
}

static int tear_down(void **state)
{
    pm_table_unref(*state);
    return 0;
}

static bool is_free_of_charge(const struct pm_price *p)
{
    return p->input == 0 && p->output == 0;
}

static bool is_embedding(const struct pm_endpoint *e)
{
    return e->out_modalities == PM_MOD_EMBEDDING;
}

static void it_has_at_least_four_hundred_models_in_order(void **state)
{
    const struct pm_table *t = *state;

    assert_true(t->n_models >= 400);
    for (size_t i = 0; i < t->n_models; i++) {
        const struct pm_model *m = t->models[i];
        assert_true(m->n_endpoints > 0 && m->name.n > 0);
        assert_true(m->in_modalities & PM_MOD_TEXT);
        assert_ptr_equal(pm_table_model(t, m->id), m);
        if (i > 0) {
            struct pm_str before = t->models[i - 1]->id;
            int cmp = memcmp(before.p, m->id.p, PM_MIN(before.n, m->id.n));
            if (cmp > 0 || (cmp == 0 && before.n > m->id.n))
                fail_msg("%.*s stands after %.*s", PM_FMT(m->id), PM_FMT(before));
        }
    }
}

static void every_model_is_reachable_through_openrouter(void **state)
{
    const struct pm_table *t = *state;

    for (size_t i = 0; i < t->n_models; i++) {
        const struct pm_model *m = t->models[i];
        const struct pm_endpoint *found = NULL;
        for (size_t j = 0; j < m->n_endpoints; j++) {
            if (pm_str_is(m->endpoints[j]->tag, "openrouter"))
                found = m->endpoints[j];
        }
        if (!found)
            fail_msg("%.*s", PM_FMT(m->id));
        assert_true(pm_str_eq(found->upstream_model, m->id));
    }
}

static void every_endpoint_has_its_provider_and_a_tag_of_its_own(void **state)
{
    const struct pm_table *t = *state;

    for (size_t i = 0; i < t->n_endpoints; i++) {
        const struct pm_endpoint *e = t->endpoints[i];
        assert_ptr_equal(pm_map_get(&t->provider_by_slug, e->provider->slug), e->provider);
        assert_true(pm_slug_covers(e->provider->slug, e->tag));
        assert_true(e->upstream_model.n > 0);
        assert_true(e->context >= 0 && e->max_output >= 0);
        if (e->context && e->max_output > e->context)
            fail_msg("%.*s at %.*s writes more than fits", PM_FMT(e->model->id), PM_FMT(e->tag));
        if (!is_embedding(e))
            assert_true(e->params & PM_PBIT(PM_P_MAX_TOKENS));
        for (size_t j = 0; j < e->model->n_endpoints; j++) {
            const struct pm_endpoint *other = e->model->endpoints[j];
            assert_true(other == e || !pm_str_eq(other->tag, e->tag));
        }
    }
}

static void an_unknown_price_is_never_a_silent_zero(void **state)
{
    const struct pm_table *t = *state;
    size_t unknown = 0;

    for (size_t i = 0; i < t->n_endpoints; i++) {
        const struct pm_endpoint *e = t->endpoints[i];
        const struct pm_price *p = &e->price;
        if (!p->known) {
            unknown++;
            continue;
        }
        assert_true(p->input >= 0 && p->output >= 0);
        /* Nothing that costs is free in a part, but for what embeddings do not write. */
        if ((p->input == 0 || p->output == 0) && !is_free_of_charge(p) && !is_embedding(e))
            fail_msg("%.*s at %.*s", PM_FMT(e->model->id), PM_FMT(e->tag));
        if (!is_free_of_charge(p))
            assert_true(p->cache_read != 0 && p->cache_write != 0 && p->cache_write_1h != 0);
        assert_int_equal(e->free, is_free_of_charge(p));
        assert_int_equal(p->request, 0);
        assert_int_equal(p->image_unit, 0);
    }
    assert_true(unknown > 0 && unknown < t->n_endpoints / 10);
}

/* The text of a price, from its pico-dollars, is the text in the table. */
static void every_price_is_exact(void **state)
{
    const struct pm_table *t = *state;
    struct pm_buf b;
    int64_t again;

    pm_buf_init(&b, 64);
    for (size_t i = 0; i < t->n_endpoints; i++) {
        const struct pm_price *p = &t->endpoints[i]->price;
        const int64_t all[] = {p->input, p->output, p->cache_read, p->cache_write};
        for (size_t j = 0; p->known && j < PM_COUNT(all); j++) {
            if (all[j] == PM_PRICE_NONE)
                continue;
            pm_buf_reset(&b);
            assert_true(pm_money_print_per_mtok(&b, all[j]));
            assert_true(pm_money_per_mtok(pm_buf_view(&b), &again));
            assert_int_equal(again, all[j]);
        }
    }
    pm_buf_fini(&b);
}

static const struct pm_endpoint *at(const struct pm_table *t, const char *id, const char *tag)
{
    const struct pm_model *m = pm_table_model(t, pm_str(id));

    assert_non_null(m);
    for (size_t i = 0; i < m->n_endpoints; i++) {
        if (pm_str_is(m->endpoints[i]->tag, tag))
            return m->endpoints[i];
    }
    fail_msg("%s is not at %s", id, tag);
    return NULL;
}

static void known_facts_stand_in_it(void **state)
{
    const struct pm_table *t = *state;
    const struct pm_endpoint *e = at(t, "openai/gpt-5.1", "openai");

    assert_str(e->model->name, "GPT-5.1");
    assert_int_equal(e->price.input, 1250000);
    assert_int_equal(e->price.output, 10000000);
    assert_int_equal(e->price.cache_read, 125000);
    assert_int_equal(e->price.cache_write, PM_PRICE_NONE);
    assert_int_equal(e->context, 400000);
    assert_true(e->model->reasoning);
    assert_true(e->params & PM_PBIT(PM_P_TOOLS));
    assert_false(e->params & PM_PBIT(PM_P_TEMPERATURE)); /* it thinks */
    assert_true(e->in_modalities & PM_MOD_IMAGE);
    assert_true(e->data.known && !e->data.trains);

    /* The finest price. */
    assert_int_equal(at(t, "deepseek/deepseek-v4-pro", "fireworks")->price.cache_read, 3625);
    e = at(t, "moonshotai/kimi-k2.6", "fireworks");
    assert_str(e->upstream_model, "accounts/fireworks/models/kimi-k2p6");

    e = at(t, "anthropic/claude-sonnet-4.5", "anthropic");
    assert_int_equal(e->price.cache_write, 3750000);
    assert_int_equal(e->price.cache_write_1h, 6000000);
    e = at(t, "anthropic/claude-sonnet-4.5", "amazon-bedrock/eu");
    assert_str(e->region, "eu");
    assert_str(e->upstream_model, "eu.anthropic.claude-sonnet-4-5-20250929-v1:0");
    assert_str(at(t, "openai/gpt-oss-120b", "amazon-bedrock/us-east-1")->region, "us");

    e = at(t, "openai/text-embedding-3-small", "openai");
    assert_int_equal(e->out_modalities, PM_MOD_EMBEDDING);
    assert_int_equal(e->price.input, 20000);
    assert_int_equal(e->params, 0);

    assert_true(at(t, "openrouter/free", "openrouter")->free);
    assert_false(at(t, "openrouter/auto", "openrouter")->price.known);
}

static void every_provider_has_a_key_and_is_enabled_if_its_url_is_known(void **state)
{
    const struct pm_table *t = *state;

    for (size_t i = 0; i < t->n_providers; i++) {
        const struct pm_provider *p = t->providers[i];
        assert_int_equal(p->n_creds, 1);
        assert_int_equal(p->creds[0]->source, PM_CRED_ENV);
        assert_true(p->creds[0]->ref.n > 0);
        assert_int_equal(p->enabled, p->base_url.n > 0);
        if (p->base_url.n)
            assert_true(pm_str_starts(p->base_url, PM_STR("https://")));
        for (size_t j = 0; j < p->n_regions; j++)
            assert_true(p->regions[j].n == 2);
    }
    assert_non_null(pm_map_get(&t->provider_by_slug, PM_STR("google-ai-studio")));
}

static void a_table_that_does_not_hold_together_is_told_by_its_line(void **state)
{
#define PROVIDER "p\tP\topenai\topenai\thttps://p/v1\tP_KEY\t-\t-\t-\t-\t-\t-\t-\ttools stop\n"
#define MODEL "a/m\tM\t100\t10\ttext\ttext\ttools json\n"
    static const struct {
        const char *providers, *models, *endpoints, *want;
    } rows[] = {
        {"p\tP\n", "", "", "providers.tsv:1: too few columns"},
        {"# head\n\n" PROVIDER PROVIDER, "", "", "providers.tsv:4: the provider is there already"},
        {"p\tP\tmagic\t-\t-\tK\t-\t-\t-\t-\t-\t-\t-\t*\n", "", "",
         "providers.tsv:1: an unknown protocol"},
        {"p\tP\topenai\t-\t-\tK\t-\tperhaps\t-\t-\t-\t-\t-\t*\n", "", "",
         "providers.tsv:1: trains is neither yes nor no"},
        {"p\tP\topenai\t-\t-\tK\t-\t-\t30\t-\t-\t-\t-\t*\n", "", "",
         "providers.tsv:1: retention_days without trains"},
        {"p\tP\topenai\t-\t-\tK\t-\t-\t-\t-\t-\t-\t-\tflying\n", "", "",
         "providers.tsv:1: an unknown feature"},
        {PROVIDER, "a/m\tM\t1\t1\ttext\ttext\t-\tx\n", "", "models.tsv:1: too many columns"},
        {PROVIDER, "a/m\t\t1\t1\ttext\ttext\t-\n", "", "models.tsv:1: an empty column"},
        {PROVIDER, "a/m\tM\tmany\t1\ttext\ttext\t-\n", "", "models.tsv:1: not a number of tokens"},
        {PROVIDER, "a/m\tM\t1\t1\tsmell\ttext\t-\n", "", "models.tsv:1: an unknown modality"},
        {PROVIDER, MODEL MODEL, "", "models.tsv:2: the model is there already"},
        {PROVIDER, MODEL, "a/x\tp\tm\t-\t1\t1\t-\t-\t-\t-\t-\t-\n",
         "endpoints.tsv:1: an unknown model"},
        {PROVIDER, MODEL, "a/m\tq/eu\tm\t-\t1\t1\t-\t-\t-\t-\t-\t-\n",
         "endpoints.tsv:1: an unknown provider"},
        {PROVIDER, MODEL, "a/m\tp\tm\t-\t1\t-\t-\t-\t-\t-\t-\t-\n",
         "endpoints.tsv:1: needs a price of output"},
        {PROVIDER, MODEL, "a/m\tp\tm\t-\t-\t1\t-\t-\t-\t-\t-\t-\n",
         "endpoints.tsv:1: a price of output without one of input"},
        {PROVIDER, MODEL, "a/m\tp\tm\t-\t1e2\t1\t-\t-\t-\t-\t-\t-\n",
         "endpoints.tsv:1: not a price"},
    };
    struct pm_error err;

    (void)state;
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        const struct pm_catalogue_text text = {pm_str(rows[i].providers), pm_str(rows[i].models),
                                               pm_str(rows[i].endpoints)};
        struct pm_table_build *b = pm_table_build_new();
        assert_false(pm_catalogue_read(b, &text, &err));
        assert_string_equal(err.text, rows[i].want);
        pm_table_build_free(b);
    }
}

static void an_endpoint_supports_what_both_its_model_and_its_provider_do(void **state)
{
    const struct pm_catalogue_text text = {PM_STR(PROVIDER), PM_STR(MODEL),
                                           PM_STR("a/m\tp\tm\t-\t-\t-\t-\t-\t-\t50\t-\t-\n")};
    struct pm_table_build *b = pm_table_build_new();
    const struct pm_endpoint *e;
    struct pm_table *t;

    (void)state;
    assert_true(pm_catalogue_read(b, &text, NULL));
    t = pm_table_finish(b);
    e = t->endpoints[0];
    assert_true(e->params & PM_PBIT(PM_P_TOOLS));
    assert_false(e->params & PM_PBIT(PM_P_RESPONSE_FORMAT)); /* only the model */
    assert_false(e->params & PM_PBIT(PM_P_STOP)); /* only the provider */
    assert_int_equal(e->context, 50);
    assert_int_equal(e->max_output, 10);
    assert_false(e->price.known);
    pm_table_unref(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_has_at_least_four_hundred_models_in_order),
        cmocka_unit_test(every_model_is_reachable_through_openrouter),
        cmocka_unit_test(every_endpoint_has_its_provider_and_a_tag_of_its_own),
        cmocka_unit_test(an_unknown_price_is_never_a_silent_zero),
        cmocka_unit_test(every_price_is_exact),
        cmocka_unit_test(known_facts_stand_in_it),
        cmocka_unit_test(every_provider_has_a_key_and_is_enabled_if_its_url_is_known),
        cmocka_unit_test(a_table_that_does_not_hold_together_is_told_by_its_line),
        cmocka_unit_test(an_endpoint_supports_what_both_its_model_and_its_provider_do),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
