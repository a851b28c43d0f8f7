/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/parse.h"

#define ARCH                                                                                       \
    "\"architecture\":{\"input_modalities\":[\"text\",\"image\"],\"output_modalities\":[\"text\"]" \
    "}"

static const char sample[] =
    "{\"data\":["
    "{\"id\":\"openai/gpt-5.1\",\"canonical_slug\":\"openai/gpt-5.1-20251113\","
    "\"name\":\"OpenAI: \\\"GPT\\\" "
    "5.1\\n\\ufffe\\u0085\",\"created\":1763000000,\"context_length\":400000," ARCH
    ",\"pricing\":{\"prompt\":\"0.00000125\",\"completion\":\"0.00001\",\"request\":\"0\","
    "\"image\":\"0.00258\",\"web_search\":\"0.01\",\"internal_reasoning\":\"0\","
    "\"input_cache_read\":\"0.000000125\",\"audio\":\"4e-5\"},"
    "\"top_provider\":{\"max_completion_tokens\":128000,\"is_moderated\":true},"
    "\"supported_parameters\":[\"tools\",\"seed\",\"from_the_future\"]},"
    "{\"id\":\"acme/new:free\",\"name\":\"New\",\"context_length\":null," ARCH
    ",\"pricing\":{\"prompt\":\"0\",\"completion\":\"0\"},\"top_provider\":{}},"
    "{\"id\":\"acme/new\",\"name\":\"New\",\"context_length\":8192," ARCH
    ",\"pricing\":{\"prompt\":\"0.000000003625\",\"completion\":\"0.000001\"},"
    "\"top_provider\":{\"max_completion_tokens\":null}},"
    "{\"id\":\"acme/only:free\",\"name\":\"Only\"," ARCH
    ",\"pricing\":{\"prompt\":\"0\",\"completion\":\"0\"}},"
    "{\"id\":\"acme/embed\",\"architecture\":{\"input_modalities\":[\"text\"],"
    "\"output_modalities\":[\"embeddings\"]},"
    "\"pricing\":{\"prompt\":\"0.00000002\",\"completion\":\"0\"},\"supported_parameters\":[]},"
    "{\"id\":\"openrouter/auto\",\"pricing\":{\"prompt\":\"-1\",\"completion\":\"-1\"}},"
    "{\"id\":\"acme/fine\",\"pricing\":{\"prompt\":\"0.0000000000001\",\"completion\":\"1\"}},"
    "{\"id\":\"acme/number\",\"pricing\":{\"prompt\":0.5,\"completion\":\"1\"}},"
    "{\"id\":\"~acme/new-latest\",\"pricing\":{\"prompt\":\"0\",\"completion\":\"0\"}},"
    "{\"id\":\"acme/new:thinking\",\"pricing\":{\"prompt\":\"0\",\"completion\":\"0\"}},"
    "{\"name\":\"nameless\"}, 5]}";

struct fixture {
    struct pm_buf yaml, skipped;
    struct pm_error err;
};

static int set_up(void **state)
{
    struct fixture *f = pm_xcalloc(1, sizeof(*f));

    pm_buf_init(&f->yaml, 1 << 20);
    pm_buf_init(&f->skipped, 1 << 20);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    pm_buf_fini(&f->yaml);
    pm_buf_fini(&f->skipped);
    free(f);
    return 0;
}

static void the_list_becomes_models_that_the_configuration_reads(void **state)
{
    struct fixture *f = *state;
    struct pm_config *c;
    const struct pm_model *m;
    const struct pm_endpoint *e;

    assert_true(pm_import_openrouter(pm_str(sample), &f->yaml, &f->skipped, &f->err));
    c = parse(f->yaml.p);

    m = model_of(c, "openai/gpt-5.1");
    assert_str(m->name, "OpenAI: \"GPT\" 5.1      ");
    assert_str(m->canonical, "openai/gpt-5.1-20251113");
    assert_ptr_equal(model_of(c, "openai/gpt-5.1-20251113"), m);
    assert_int_equal(m->created, 1763000000);
    assert_int_equal(m->max_output, 128000);
    assert_non_null(endpoint_of(m, "openai")); /* the shipped ones stay */
    e = endpoint_of(m, "openrouter");
    assert_str(e->upstream_model, "openai/gpt-5.1");
    assert_int_equal(e->price.input, 1250000);
    assert_int_equal(e->price.output, 10000000);
    assert_int_equal(e->price.cache_read, 125000);
    assert_int_equal(e->price.audio_in, 40000000);
    assert_int_equal(e->price.image_unit, 2580000000);
    assert_int_equal(e->price.reasoning, PM_PRICE_NONE);

    m = model_of(c, "acme/new");
    assert_int_equal(m->context, 8192);
    assert_int_equal(m->in_modalities, PM_MOD_TEXT | PM_MOD_IMAGE);
    assert_int_equal(m->n_endpoints, 2);
    assert_int_equal(endpoint_of(m, "openrouter")->price.input, 3625);
    e = endpoint_of(m, "openrouter/free");
    assert_str(e->upstream_model, "acme/new:free");
    assert_true(e->free && e->price.known && e->price.input == 0);

    m = model_of(c, "acme/only");
    assert_int_equal(m->n_endpoints, 1);
    assert_true(m->endpoints[0]->free);

    m = model_of(c, "acme/embed");
    assert_int_equal(m->out_modalities, PM_MOD_EMBEDDING);
    pm_config_free(c);
}

static void parameters_are_those_that_the_list_names_and_we_know(void **state)
{
    struct fixture *f = *state;

    assert_true(pm_import_openrouter(pm_str(sample), &f->yaml, &f->skipped, &f->err));
    assert_non_null(strstr(f->yaml.p, "    parameters: [tools, seed]\n"));
}

static void what_cannot_be_priced_or_named_is_left_out_and_told(void **state)
{
    struct fixture *f = *state;

    assert_true(pm_import_openrouter(pm_str(sample), &f->yaml, &f->skipped, &f->err));
    assert_str(pm_buf_view(&f->skipped), "openrouter/auto: it has no price\n"
                                         "acme/fine: it has no price\n"
                                         "acme/number: it has no price\n"
                                         "~acme/new-latest: its id is no author/slug\n"
                                         "acme/new:thinking: its id is no author/slug\n"
                                         "an entry without an id\n"
                                         "an entry without an id\n");
    assert_null(strstr(f->yaml.p, "auto"));
    assert_null(strstr(f->yaml.p, "acme/fine"));
}

static void what_is_no_list_of_models_is_refused(void **state)
{
    static const char *const rows[] = {"", "{", "[]", "5", "{\"data\":{}}", "{\"error\":{}}"};
    struct fixture *f = *state;

    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        assert_false(pm_import_openrouter(pm_str(rows[i]), &f->yaml, &f->skipped, &f->err));
        assert_int_equal(f->err.code, PM_EINVAL);
    }
    assert_int_equal(f->yaml.n, 0);
}

static void a_list_that_does_not_fit_is_refused(void **state)
{
    struct fixture *f = *state;
    struct pm_buf small;

    pm_buf_init(&small, 300);
    assert_false(pm_import_openrouter(pm_str(sample), &small, &f->skipped, &f->err));
    assert_int_equal(f->err.code, PM_ELIMIT);
    pm_buf_fini(&small);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH(the_list_becomes_models_that_the_configuration_reads),
        WITH(parameters_are_those_that_the_list_names_and_we_know),
        WITH(what_cannot_be_priced_or_named_is_left_out_and_told),
        WITH(what_is_no_list_of_models_is_refused),
        WITH(a_list_that_does_not_fit_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
