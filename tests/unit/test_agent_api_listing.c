/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "agent/api/listing.h"
#include "common/route/build.h"
#include "tests/shapes.h"

#define S(text) PM_STR_INIT(text)
#define MODEL(at)                                                                                  \
    {at "id", "s"}, {at "canonical_slug", "s"}, {at "name", "s"}, {at "created", "i"},             \
        {at "context_length", "i0"}, {at "architecture", "o"},                                     \
        {at "architecture.input_modalities", "a"}, {at "architecture.output_modalities", "a"},     \
        {at "architecture.modality", "s0"}, {at "pricing", "o"}, {at "pricing.prompt", "s"},       \
        {at "pricing.completion", "s"}, {at "pricing.request", "s?"}, {at "pricing.image", "s?"},  \
        {at "pricing.discount", "n?"}, {at "top_provider", "o"},                                   \
        {at "top_provider.is_moderated", "b"}, {at "top_provider.context_length", "i?0"},          \
        {at "top_provider.max_completion_tokens", "i?0"}, {at "per_request_limits", "o0"},         \
        {at "supported_parameters", "a"}, {at "default_parameters", "o0"},                         \
        {at "supported_voices", "a0"}, {at "links", "o"}, {at "links.details", "s"},               \
        {at "description", "s?"}, {at "expiration_date", "s?0"}, {at "hugging_face_id", "s?0"},    \
        {at "knowledge_cutoff", "s?0"}, {at "object", "s"},                                        \
    {                                                                                              \
        at "owned_by", "s"                                                                         \
    }
#define ENDPOINT(at)                                                                               \
    {at "name", "s"}, {at "model_id", "s"}, {at "model_name", "s"}, {at "provider_name", "s"},     \
        {at "tag", "s"}, {at "context_length", "i"}, {at "max_completion_tokens", "i0"},           \
        {at "max_prompt_tokens", "i0"}, {at "quantization", "s0"}, {at "status", "i?"},            \
        {at "pricing", "o"}, {at "pricing.prompt", "s"}, {at "pricing.completion", "s"},           \
        {at "supported_parameters", "a"}, {at "supports_implicit_caching", "b"},                   \
        {at "supports_voice_cloning", "b"}, {at "supports_tool_choice", "o"},                      \
        {at "supports_tool_choice.auto", "b"}, {at "supports_tool_choice.function", "b"},          \
        {at "supports_tool_choice.none", "b"}, {at "supports_tool_choice.required", "b"},          \
        {at "uptime_last_5m", "n0"}, {at "uptime_last_30m", "n0"}, {at "uptime_last_1d", "n0"},    \
        {at "latency_last_30m", "o0"}, {at "latency_last_30m.p50", "n"},                           \
        {at "latency_last_30m.p75", "n"}, {at "latency_last_30m.p90", "n"},                        \
        {at "latency_last_30m.p99", "n"}, {at "throughput_last_30m", "o0"},                        \
        {at "throughput_last_30m.p50", "n"},                                                       \
    {                                                                                              \
        at "throughput_last_30m.p99", "n"                                                          \
    }

static const struct shape models_shape[] = {
    MODEL("data[]."), {"object", "s"},      {"data", "a"},
    {"links", "o"},   {"links.next", "s0"}, {"total_count", "i"},
};
static const struct shape model_shape[] = {{"data", "o"}, MODEL("data.")};
static const struct shape endpoints_shape[] = {
    {"data", "o"},
    {"data.id", "s"},
    {"data.name", "s"},
    {"data.created", "i"},
    {"data.description", "s"},
    {"data.architecture", "o"},
    {"data.architecture.input_modalities", "a"},
    {"data.architecture.output_modalities", "a"},
    {"data.architecture.instruct_type", "s0"},
    {"data.architecture.modality", "s0"},
    {"data.architecture.tokenizer", "s0"},
    {"data.endpoints", "a"},
    ENDPOINT("data.endpoints[]."),
};
static const struct shape zdr_shape[] = {{"data", "a"}, ENDPOINT("data[].")};
static const struct shape providers_shape[] = {
    {"data", "a"},
    {"data[].name", "s"},
    {"data[].slug", "s"},
    {"data[].privacy_policy_url", "s0"},
    {"data[].terms_of_service_url", "s?0"},
    {"data[].status_page_url", "s?0"},
    {"data[].headquarters", "s?0"},
    {"data[].datacenters", "a?0"},
};

static struct pm_table *table;
static struct listing all;
static struct pm_buf out;

static bool usable(void *ctx, const struct pm_endpoint *e)
{
    (void)ctx;
    return e->enabled;
}

/* The dearer an endpoint, the better it does. */
static void report(void *ctx, const struct pm_endpoint *e, struct health_report *r)
{
    const float p = (float)e->price.input / 1e6F;

    (void)ctx;
    *r = (struct health_report){.uptime_5m = 100,
                                .uptime_30m = 99.74F,
                                .uptime_1d = -1,
                                .has_latency = true,
                                .has_throughput = true,
                                .latency_s = {1 / p, 2 / p, 3 / p, 4 / p},
                                .tokens_per_s = {p, p, p, p}};
}

/* Prices in USD per million tokens. */
static struct pm_endpoint *add(struct pm_table_build *b, const char *model, const char *tag,
                               int64_t usd)
{
    const struct pm_str slug = pm_str_n(tag, strcspn(tag, "/"));
    struct pm_provider *p = pm_table_add_provider(b, slug);
    struct pm_model *m = pm_table_add_model(b, pm_str(model));
    struct pm_endpoint *e = pm_table_add_endpoint(b, m, p, pm_str(tag));

    if (usd > 0) {
        e->price.known = true;
        e->price.input = usd * 1000000;
        e->price.output = usd * 4000000;
    }
    e->params = PM_PBIT(PM_P_TEMPERATURE) | PM_PBIT(PM_P_MAX_TOKENS);
    return e;
}

static void add_providers(struct pm_table_build *b)
{
    static struct pm_str regions[] = {S("us"), S("eu")};
    struct pm_provider *p = pm_table_add_provider(b, PM_STR("openai"));

    p->name = PM_STR("OpenAI");
    p->regions = regions;
    p->n_regions = 2;
    p->moderated = true;
    p->privacy_url = PM_STR("https://openai.example/privacy");
    p->data = (struct pm_data_policy){.known = true, .retention_days = 30};
    p = pm_table_add_provider(b, PM_STR("quiet"));
    p->data = (struct pm_data_policy){.known = true};
    pm_table_add_provider(b, PM_STR("inhouse"))->is_private = true;
}

static int setup(void **state)
{
    struct pm_table_build *b = pm_table_build_new();
    struct pm_model *m;
    struct pm_endpoint *e;

    (void)state;
    add_providers(b);
    e = add(b, "openai/gpt-5.1", "openai", 2);
    e->params |= PM_PBIT(PM_P_TOOLS) | PM_PBIT(PM_P_TOOL_CHOICE);
    e->price.cache_read = 200000;
    e->price.request = 5000000000;
    e->quant = PM_Q_FP8;
    add(b, "openai/gpt-5.1", "quiet", 3)->params |= PM_PBIT(PM_P_SEED);
    m = pm_table_add_model(b, PM_STR("openai/gpt-5.1"));
    m->canonical = PM_STR("openai/gpt-5.1-20251113");
    m->name = PM_STR("OpenAI: GPT \"5.1\"");
    m->created = 1763000000;
    m->context = 400000;
    m->max_output = 128000;
    m->in_modalities = PM_MOD_TEXT | PM_MOD_IMAGE;
    add(b, "qwen/big", "quiet", 1);
    pm_table_add_model(b, PM_STR("qwen/big"))->created = 1770000000;
    add(b, "qwen/secret", "inhouse", 1);
    add(b, "qwen/off", "quiet", 1)->enabled = false;
    add(b, "qwen/unpriced", "openai", 0);
    add(b, "openai/embed", "openai", 1);
    m = pm_table_add_model(b, PM_STR("openai/embed"));
    m->out_modalities = PM_MOD_EMBEDDING;
    m->distillable = true;
    table = pm_table_finish(b);
    all = (struct listing){
        .table = table, .usable = usable, .report = report, .prefix = S("/api/v1")};
    pm_buf_init(&out, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pm_table_unref(table);
    pm_buf_fini(&out);
    return 0;
}

static struct pm_jval root(void)
{
    struct pm_jval v;

    assert_true(pm_json_ok(pm_buf_view(&out), &v));
    return v;
}

static void models(const char *query)
{
    struct pm_error err;

    pm_buf_reset(&out);
    if (!listing_models(&all, pm_str(query), &out, &err))
        fail_msg("%s: %s", query, err.text);
    assert_shape(pm_buf_view(&out), models_shape);
}

/* The slugs of the models that a query gives, with a space between. */
static const char *slugs(const char *query)
{
    static char text[512];
    struct pm_jiter it;
    struct pm_jval item;
    size_t n = 0;

    models(query);
    text[0] = '\0';
    it = pm_json_iter(pm_json_get(root(), "data"));
    while (pm_json_item(&it, &item)) {
        const struct pm_str id = pm_json_body(pm_json_get(item, "id"));
        const struct pm_str slug = pm_str_cut(id, (size_t)pm_str_find(id, '/') + 1, id.n);

        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%.*s", n ? " " : "", PM_FMT(slug));
    }
    return text;
}

static void a_model_is_listed_with_all_that_clients_demand(void **state)
{
    (void)state;
    models("q=gpt-5.1");
    assert_str(
        pm_buf_view(&out),
        "{\"object\":\"list\",\"data\":[{\"id\":\"openai/gpt-5.1\",\"object\":\"model\","
        "\"owned_by\":\"openai\",\"canonical_slug\":\"openai/gpt-5.1-20251113\","
        "\"hugging_face_id\":null,\"name\":\"OpenAI: GPT \\\"5.1\\\"\",\"created\":1763000000,"
        "\"description\":\"\",\"context_length\":400000,\"architecture\":{\"modality\":"
        "\"text+image->text\",\"input_modalities\":[\"text\",\"image\"],\"output_modalities\":["
        "\"text\"],\"tokenizer\":\"GPT\",\"instruct_type\":null},\"pricing\":{\"prompt\":"
        "\"0.000002\",\"completion\":\"0.000008\",\"request\":\"0.005\",\"image\":\"0\","
        "\"web_search\":\"0\",\"internal_reasoning\":\"0\",\"input_cache_read\":\"0.0000002\","
        "\"discount\":0},\"top_provider\":{\"context_length\":400000,\"max_completion_tokens\":"
        "128000,\"is_moderated\":true},\"per_request_limits\":null,\"supported_parameters\":["
        "\"temperature\",\"max_tokens\",\"seed\",\"tools\",\"tool_choice\"],"
        "\"default_parameters\":{\"temperature\":null,\"top_p\":null,\"frequency_penalty\":null},"
        "\"supported_voices\":null,\"expiration_date\":null,\"knowledge_cutoff\":null,\"links\":{"
        "\"details\":\"/api/v1/models/openai/gpt-5.1/endpoints\"}}],\"links\":{\"next\":null},"
        "\"total_count\":1}");
}

static void only_what_can_be_routed_to_is_listed(void **state)
{
    (void)state;
    assert_string_equal(slugs(""), "gpt-5.1 big unpriced");
    all.private_ok = true;
    assert_string_equal(slugs(""), "gpt-5.1 big secret unpriced");
    all.private_ok = false;
}

static void an_unknown_price_is_never_zero(void **state)
{
    (void)state;
    models("q=unpriced");
    assert_non_null(strstr(out.p, "\"pricing\":{\"prompt\":\"-1\",\"completion\":\"-1\"}"));
}

static void queries_narrow_the_list(void **state)
{
    static const struct {
        const char *query, *slugs;
    } rows[] = {
        {"category=programming&use_rss=1", "gpt-5.1 big unpriced"},
        {"supported_parameters=tools", "gpt-5.1"},
        {"supported_parameters=tools,seed", "gpt-5.1"}, /* of its endpoints together */
        {"supported_parameters=tools&providers=quiet", ""},
        {"output_modalities=all", "gpt-5.1 big unpriced embed"},
        {"output_modalities=embeddings", "embed"},
        {"output_modalities=image", ""},
        {"input_modalities=image,text", "gpt-5.1"},
        {"q=GPT%20%225", "gpt-5.1"},
        {"q=QWEN%2Fb", "big"},
        {"providers=openai", "gpt-5.1 unpriced"},
        {"providers=nobody,%20quiet", "gpt-5.1 big"},
        {"model_authors=QWEN", "big unpriced"},
        {"zdr=true", "gpt-5.1 big"},
        {"zdr=false", "gpt-5.1 big unpriced"},
        {"region=EU", "gpt-5.1 unpriced"},
        {"region=mars", ""},
        {"max_price=1", "big"},
        {"min_price=1.5", "gpt-5.1"},
        {"min_price=0", "gpt-5.1 big"}, /* an unknown price is in no range */
        {"max_output_price=5", "big"},
        {"context=400000", "gpt-5.1"},
        {"distillable=true", ""},
        {"distillable=1&output_modalities=all", "embed"},
        {"sort=newest", "big gpt-5.1 unpriced"},
        {"sort=pricing-low-to-high", "big gpt-5.1 unpriced"},
        {"sort=pricing-high-to-low", "gpt-5.1 big unpriced"},
        {"sort=context-high-to-low", "gpt-5.1 big unpriced"},
        {"sort=throughput-high-to-low", "gpt-5.1 big unpriced"},
        {"sort=latency-low-to-high", "gpt-5.1 big unpriced"},
        {"sort=most-popular", "gpt-5.1 big unpriced"},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        const char *got = slugs(rows[i].query);

        if (strcmp(got, rows[i].slugs) != 0)
            fail_msg("%s: got \"%s\", want \"%s\"", rows[i].query, got, rows[i].slugs);
    }
}

static void a_query_that_cannot_be_meant_is_refused_by_its_name(void **state)
{
    static const char *const queries[] = {
        "supported_parameters=magic",
        "output_modalities=smell",
        "zdr=maybe",
        "max_price=-1",
        "max_price=cheap",
        "context=-5",
        "limit=0",
        "limit=1001",
        "offset=-1",
        "offset=x",
    };
    struct pm_error err;
    char longer[9000];

    (void)state;
    for (size_t i = 0; i < PM_COUNT(queries); i++) {
        pm_buf_reset(&out);
        assert_false(listing_models(&all, pm_str(queries[i]), &out, &err));
        assert_int_equal(err.code, PM_EINVAL);
        assert_memory_equal(err.text, queries[i], strcspn(queries[i], "="));
    }
    assert_false(listing_models(&all, PM_STR("q=%zz"), &out, &err));
    memset(longer, 'q', sizeof(longer));
    assert_false(listing_models(&all, pm_str_n(longer, sizeof(longer)), &out, &err));
    assert_int_equal(err.code, PM_EINVAL);
}

static void pages_follow_each_other(void **state)
{
    (void)state;
    assert_string_equal(slugs("limit=2&sort=newest&x=%20"), "big gpt-5.1");
    assert_non_null(strstr(out.p, "\"links\":{\"next\":"
                                  "\"/api/v1/models?offset=2&limit=2&sort=newest&x=%20\"},"
                                  "\"total_count\":3}"));
    assert_string_equal(slugs("offset=2&limit=2&sort=newest"), "unpriced");
    assert_non_null(strstr(out.p, "\"next\":null},\"total_count\":3}"));
    assert_string_equal(slugs("offset=7"), "");
    assert_non_null(strstr(out.p, "\"next\":null},\"total_count\":3}"));
}

static void models_are_counted_as_they_are_listed(void **state)
{
    struct pm_error err;

    (void)state;
    pm_buf_reset(&out);
    assert_true(listing_count(&all, PM_STR(""), &out, &err));
    assert_str(pm_buf_view(&out), "{\"data\":{\"count\":3}}");
    pm_buf_reset(&out);
    assert_true(listing_count(&all, PM_STR("output_modalities=all"), &out, &err));
    assert_str(pm_buf_view(&out), "{\"data\":{\"count\":4}}");
    assert_false(listing_count(&all, PM_STR("zdr=x"), &out, &err));
}

static void embedding_models_have_a_list_of_their_own(void **state)
{
    struct pm_error err;

    (void)state;
    pm_buf_reset(&out);
    assert_true(listing_embedding_models(&all, PM_STR("limit=5"), &out, &err));
    assert_shape(pm_buf_view(&out), models_shape);
    assert_non_null(strstr(out.p, "\"id\":\"openai/embed\""));
    assert_non_null(strstr(out.p, "\"modality\":\"text->embeddings\""));
    assert_non_null(strstr(out.p, "\"total_count\":1}"));
}

static void one_model_is_found_by_any_of_its_names(void **state)
{
    static const struct {
        const char *author, *slug;
        bool found;
    } rows[] = {
        {"openai", "gpt-5.1", true},
        {"openai", "gpt-5.1-20251113", true},
        {"openai", "gpt-5.1:nitro", true},
        {"open%61i", "gpt%2D5.1", true},
        {"openai", "gpt-9", false},
        {"qwen", "secret", false},
        {"qwen", "off", false},
        {"open%6", "gpt-5.1", false},
        {"", "", false},
    };
    struct pm_error err;

    (void)state;
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        pm_buf_reset(&out);
        if (listing_model(&all, pm_str(rows[i].author), pm_str(rows[i].slug), &out, &err) !=
            rows[i].found)
            fail_msg("%s/%s", rows[i].author, rows[i].slug);
        if (rows[i].found) {
            assert_shape(pm_buf_view(&out), model_shape);
            assert_non_null(strstr(out.p, "\"id\":\"openai/gpt-5.1\""));
        } else {
            assert_int_equal(err.code, PM_EINVAL);
        }
    }
}

/* As OpenAI's SDKs ask for a model: its id is one segment, and the answer has no `data`. */
static void one_model_is_an_object_of_its_own_where_its_id_is_one_segment(void **state)
{
    struct pm_error err;

    (void)state;
    pm_buf_reset(&out);
    assert_true(listing_model(&all, PM_STR("openai%2Fgpt-5.1"), PM_NSTR, &out, &err));
    assert_true(pm_str_starts(pm_buf_view(&out), PM_STR("{\"id\":\"openai/gpt-5.1\",")));
    pm_buf_reset(&out);
    assert_false(listing_model(&all, PM_STR("openai%2Fgpt-9"), PM_NSTR, &out, &err));
    assert_int_equal(err.code, PM_EINVAL);
}

static void endpoints_tell_their_health(void **state)
{
    struct pm_error err;

    (void)state;
    pm_buf_reset(&out);
    assert_true(listing_endpoints(&all, PM_STR("openai"), PM_STR("gpt-5.1"), &out, &err));
    assert_shape(pm_buf_view(&out), endpoints_shape);
    assert_non_null(strstr(
        out.p, "\"endpoints\":[{\"name\":\"OpenAI | openai/gpt-5.1-20251113\",\"model_id\":"
               "\"openai/gpt-5.1\",\"model_name\":\"OpenAI: GPT \\\"5.1\\\"\",\"provider_name\":"
               "\"OpenAI\",\"tag\":\"openai\",\"context_length\":400000,\"max_completion_tokens\":"
               "128000,\"max_prompt_tokens\":null,\"quantization\":\"fp8\",\"status\":0,"));
    assert_non_null(
        strstr(out.p, "\"supports_implicit_caching\":true,\"supports_voice_cloning\":false,"
                      "\"supports_tool_choice\":{\"none\":true,\"auto\":true,\"required\":true,"
                      "\"function\":true},\"uptime_last_5m\":100.0,\"uptime_last_30m\":99.7,"
                      "\"uptime_last_1d\":null,\"latency_last_30m\":{\"p50\":500.0,"));
    assert_non_null(strstr(out.p, "\"tag\":\"quiet\""));

    all.report = NULL;
    pm_buf_reset(&out);
    assert_true(listing_endpoints(&all, PM_STR("openai"), PM_STR("gpt-5.1"), &out, &err));
    assert_shape(pm_buf_view(&out), endpoints_shape);
    assert_non_null(strstr(out.p, "\"uptime_last_5m\":null"));
    assert_non_null(strstr(out.p, "\"throughput_last_30m\":null"));
    all.report = report;
    assert_false(listing_endpoints(&all, PM_STR("qwen"), PM_STR("off"), &out, &err));
}

static void endpoints_that_keep_nothing_have_a_list(void **state)
{
    (void)state;
    pm_buf_reset(&out);
    assert_true(listing_zdr(&all, &out));
    assert_shape(pm_buf_view(&out), zdr_shape);
    assert_non_null(strstr(out.p, "\"tag\":\"quiet\""));
    assert_null(strstr(out.p, "\"tag\":\"openai\""));
    assert_null(strstr(out.p, "\"tag\":\"inhouse\""));
    assert_null(strstr(out.p, "qwen/off"));
}

static void providers_are_listed_if_they_can_be_used(void **state)
{
    (void)state;
    pm_buf_reset(&out);
    assert_true(listing_providers(&all, &out));
    assert_shape(pm_buf_view(&out), providers_shape);
    assert_str(pm_buf_view(&out),
               "{\"data\":[{\"name\":\"OpenAI\",\"slug\":\"openai\",\"privacy_policy_url\":"
               "\"https://openai.example/privacy\",\"terms_of_service_url\":null,"
               "\"status_page_url\":null,\"headquarters\":null,\"datacenters\":[\"US\",\"EU\"]},{"
               "\"name\":\"quiet\",\"slug\":\"quiet\",\"privacy_policy_url\":null,"
               "\"terms_of_service_url\":null,\"status_page_url\":null,\"headquarters\":null,"
               "\"datacenters\":[]}]}");
}

static void an_answer_that_does_not_fit_is_said_so(void **state)
{
    struct pm_buf small;
    struct pm_error err;

    (void)state;
    pm_buf_init(&small, 100);
    assert_false(listing_models(&all, PM_STR(""), &small, &err));
    assert_int_equal(err.code, PM_ELIMIT);
    assert_false(listing_zdr(&all, &small));
    assert_false(listing_providers(&all, &small));
    pm_buf_fini(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_is_listed_with_all_that_clients_demand),
        cmocka_unit_test(only_what_can_be_routed_to_is_listed),
        cmocka_unit_test(an_unknown_price_is_never_zero),
        cmocka_unit_test(queries_narrow_the_list),
        cmocka_unit_test(a_query_that_cannot_be_meant_is_refused_by_its_name),
        cmocka_unit_test(pages_follow_each_other),
        cmocka_unit_test(models_are_counted_as_they_are_listed),
        cmocka_unit_test(embedding_models_have_a_list_of_their_own),
        cmocka_unit_test(one_model_is_found_by_any_of_its_names),
        cmocka_unit_test(one_model_is_an_object_of_its_own_where_its_id_is_one_segment),
        cmocka_unit_test(endpoints_tell_their_health),
        cmocka_unit_test(endpoints_that_keep_nothing_have_a_list),
        cmocka_unit_test(providers_are_listed_if_they_can_be_used),
        cmocka_unit_test(an_answer_that_does_not_fit_is_said_so),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
