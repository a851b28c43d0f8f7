/* SPDX-License-Identifier: Apache-2.0 */
/* What the tree becomes in the routing table: overriding, narrowing, keys. */
#include "tests/unit/parse.h"

static const struct pm_policy *policy_of(const struct pm_config *c, const char *name)
{
    const struct pm_policy *p = pm_map_get(&c->table->policy_by_name, pm_str(name));

    assert_non_null(p);
    return p;
}

static void assert_list(const struct pm_str *list, size_t n, const char *want)
{
    struct pm_buf got;

    pm_buf_init(&got, 4096);
    for (size_t i = 0; i < n; i++)
        pm_buf_addf(&got, "%s%.*s", i ? " " : "", PM_FMT(list[i]));
    assert_str(pm_buf_view(&got), want);
    pm_buf_fini(&got);
}

static void a_shipped_provider_changes_only_in_what_is_named(void **state)
{
    struct pm_config *c = parse("providers: {openai: {base_url: 'http://localhost:1/v1///'}}");
    const struct pm_provider *p = provider_of(c, "openai");

    (void)state;
    assert_str(p->base_url, "http://localhost:1/v1");
    assert_str(p->name, "OpenAI");
    assert_str(p->dialect, "openai");
    assert_true(p->data.known && !p->data.trains && p->data.retention_days == 30);
    assert_list(p->regions, p->n_regions, "us");
    assert_int_equal(p->n_creds, 1);
    assert_int_equal(p->creds[0]->source, PM_CRED_ENV);
    assert_str(p->creds[0]->ref, "OPENAI_API_KEY");
    pm_config_free(c);
}

static void a_new_provider_has_what_is_said_and_the_defaults(void **state)
{
    struct pm_config *c = parse("providers:\n"
                                "  mine:\n"
                                "    name: My Box\n"
                                "    dialect: vllm\n"
                                "    base_url: http://box:8000/v1\n"
                                "    private: true\n"
                                "    moderated: true\n"
                                "    regions: [eu, us-east]\n"
                                "    data: {trains: true}\n"
                                "    headers: {X-A: one, X-B: 'two: 2'}\n"
                                "    ca_file: /etc/ca.pem\n"
                                "    proxy: socks5h://proxy:1080\n");
    const struct pm_provider *p = provider_of(c, "mine");

    (void)state;
    assert_true(p->enabled && p->is_private && p->moderated);
    assert_int_equal(p->protocol, PM_PROTO_OPENAI);
    assert_str(p->dialect, "vllm");
    assert_list(p->regions, p->n_regions, "eu us-east");
    assert_true(p->data.known && p->data.trains);
    assert_int_equal(p->data.retention_days, -1);
    assert_int_equal(p->n_headers, 2);
    assert_str(p->headers[1].name, "X-B");
    assert_str(p->headers[1].value, "two: 2");
    assert_int_equal(p->n_creds, 1); /* one that sends no key */
    assert_int_equal(p->creds[0]->source, PM_CRED_NONE);
    pm_config_free(c);
}

static void named_keys_replace_the_shipped_one_in_their_order(void **state)
{
    struct pm_config *c =
        parse("providers:\n"
              "  openai:\n"
              "    keys:\n"
              "      b: {env: KEY_B, section: prioritized, byok: true, models: [openai/gpt-5*]}\n"
              "      a: {file: /run/a}\n"
              "      z: {none: true, section: fallback}\n"
              "  xai: {key: {file: /run/x}}\n");
    const struct pm_provider *p = provider_of(c, "openai");

    (void)state;
    assert_int_equal(p->n_creds, 3);
    assert_str(p->creds[0]->name, "openai/b");
    assert_str(p->creds[0]->ref, "KEY_B");
    assert_int_equal(p->creds[0]->section, PM_KEY_PRIORITIZED);
    assert_true(p->creds[0]->byok);
    assert_list(p->creds[0]->models, p->creds[0]->n_models, "openai/gpt-5*");
    assert_int_equal(p->creds[1]->source, PM_CRED_FILE);
    assert_int_equal(p->creds[1]->section, PM_KEY_SHARED);
    assert_int_equal(p->creds[2]->source, PM_CRED_NONE);
    assert_str(provider_of(c, "xai")->creds[0]->name, "xai");
    assert_str(provider_of(c, "xai")->creds[0]->ref, "/run/x");
    for (size_t i = 0; i < c->table->n_credentials; i++) {
        const struct pm_credential *k = c->table->credentials[i];
        assert_int_equal(k->index, i);
        assert_true(k->provider < c->table->n_providers);
    }
    pm_config_free(c);
}

static void a_provider_that_needs_its_url_is_enabled_by_it(void **state)
{
    struct pm_config *c = parse("");

    (void)state;
    assert_false(provider_of(c, "azure")->enabled);
    pm_config_free(c);
    c = parse("providers: {azure: {base_url: 'https://r.openai.azure.com/openai/v1'}}");
    assert_true(provider_of(c, "azure")->enabled);
    pm_config_free(c);
    c = parse("providers: {azure: {enabled: false}, openai: {enabled: false}}");
    assert_false(provider_of(c, "openai")->enabled);
    pm_config_free(c);
}

static void what_is_wrong_with_a_provider_is_told(void **state)
{
    static const struct {
        const char *yaml, *want;
    } rows[] = {
        {"providers: {opnai: {}}",
         "f:1:13: providers.opnai: needs base_url (did you mean \"openai\"?)\n"},
        {"providers: {azure: {key: {env: K}}}", "f:1:13: providers.azure: needs base_url\n"},
        {"providers: {a/b: {base_url: 'http://h'}}",
         "f:1:13: providers.a/b: a slug must be letters, digits, '-', '_' and '.'\n"},
        {"providers: {xai: {protocol: grpc}}", "f:1:29: providers.xai.protocol: must be openai, "
                                               "anthropic, gemini, bedrock or vertex\n"},
        {"providers: {xai: {base_url: ftp://h}}",
         "f:1:29: providers.xai.base_url: must be a URL that begins with https:// or http://\n"},
        {"providers: {xai: {base_url: 'http://h/v1?key=1'}}",
         "f:1:29: providers.xai.base_url: must be a URL without blanks, query and fragment\n"},
        {"providers: {xai: {base_url: 'http://:80/'}}",
         "f:1:29: providers.xai.base_url: must be a URL that begins with https:// or http://\n"},
        {"providers: {xai: {proxy: proxy:3128}}", "f:1:26: providers.xai.proxy: must be a proxy "
                                                  "URL: http://host:3128 or socks5://host:1080\n"},
        {"providers: {xai: {key: {}}}",
         "f:1:24: providers.xai.key: needs one of env, file and none: true\n"},
        {"providers: {xai: {key: {env: A, file: b}}}",
         "f:1:24: providers.xai.key: needs one of env, file and none: true\n"},
        {"providers: {xai: {key: abc}}", "f:1:24: providers.xai.key: must be {env: NAME} or {file: "
                                         "PATH}; the key itself has no place here\n"},
        {"providers: {xai: {key: {env: A}, keys: {}}}",
         "f:1:34: providers.xai: key and keys exclude each other\n"},
        {"providers: {xai: {keys: {a b: {env: A}}}}",
         "f:1:26: providers.xai.keys.\"a b\": a name must be letters, digits, '-', '_', '.' and "
         "'/'\n"},
        {"providers: {xai: {keys: {a: {env: A, section: first}}}}",
         "f:1:47: providers.xai.keys.a.section: must be prioritized, shared or fallback\n"},
        {"providers: {xai: {regions: eu}}",
         "f:1:28: providers.xai.regions: must be a list, not a single value\n"},
        {"providers: {xai: {regions: [eu, [us]]}}",
         "f:1:33: providers.xai.regions: must be text, not a list\n"},
        {"providers: {xai: {data: {retention_days: 0}}}",
         "f:1:25: providers.xai.data: needs trains: true or false\n"},
        {"providers: {xai: {headers: {host: x}}}",
         "f:1:29: providers.xai.headers.host: is a header that the agent sets\n"},
        {"providers: {xai: {headers: {X-Api-Key: x}}}",
         "f:1:29: providers.xai.headers.X-Api-Key: is a header for keys: use `key`\n"},
        {"providers: {xai: {headers: {'a b': x}}}",
         "f:1:29: providers.xai.headers.\"a b\": is no name of a header\n"},
        {"providers: {xai: {headers: {a: \"x\\r\\nb: c\"}}}",
         "f:1:32: providers.xai.headers.a: must be one line of text\n"},
        {"providers: {xai: 5}", "f:1:18: providers.xai: must be a mapping, not a single value\n"},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(rows); i++)
        assert_findings(rows[i].yaml, rows[i].want);
}

static void a_model_of_ones_own_is_served_as_it_says(void **state)
{
    struct pm_config *c = parse(
        "providers: {box: {base_url: 'http://box/v1', data: {trains: false, retention_days: 0}}}\n"
        "models:\n"
        "  acme/a.b-7:\n"
        "    context: 4096\n"
        "    modalities: {input: [text, image, file]}\n"
        "    reasoning: true\n"
        "    endpoints:\n"
        "      box: {model: a7, price: {input: 0.003625, output: 1, cache_read: 0, request: 0.01,\n"
        "            image: 0.002}}\n"
        "      box/fast: {tier: priority, quantization: fp8, region: eu, context: 2048,\n"
        "                 parameters: [tools], free: true, enabled: false,\n"
        "                 modalities: {input: [text]}, data: {trains: true, retention_days: 3}}\n");
    const struct pm_model *m = model_of(c, "acme/a.b-7");
    const struct pm_endpoint *box = endpoint_of(m, "box"), *fast = endpoint_of(m, "box/fast");

    (void)state;
    assert_int_equal(m->n_endpoints, 2);
    assert_true(m->reasoning);
    assert_int_equal(m->out_modalities, PM_MOD_TEXT);
    assert_str(box->upstream_model, "a7");
    assert_true(box->price.known);
    assert_int_equal(box->price.input, 3625);
    assert_int_equal(box->price.output, 1000000);
    assert_int_equal(box->price.cache_read, 0);
    assert_int_equal(box->price.cache_write, PM_PRICE_NONE);
    assert_int_equal(box->price.request, 10000000000);
    assert_int_equal(box->price.image_unit, 2000000000);
    assert_int_equal(box->context, 4096);
    assert_int_equal(box->in_modalities, PM_MOD_TEXT | PM_MOD_IMAGE | PM_MOD_FILE);
    assert_true(box->params & PM_PBIT(PM_P_TOOLS));
    assert_true(box->data.known && box->data.retention_days == 0);
    assert_str(fast->upstream_model, "acme/a.b-7");
    assert_false(fast->price.known); /* not a silent zero */
    assert_false(fast->enabled);
    assert_true(fast->free);
    assert_int_equal(fast->tier, PM_TIER_PRIORITY);
    assert_int_equal(fast->quant, PM_Q_FP8);
    assert_str(fast->region, "eu");
    assert_int_equal(fast->context, 2048);
    assert_int_equal(fast->params, PM_PBIT(PM_P_TOOLS));
    assert_int_equal(fast->in_modalities, PM_MOD_TEXT);
    assert_true(fast->data.trains);
    pm_config_free(c);
}

static void a_shipped_model_changes_only_in_what_is_named(void **state)
{
    struct pm_config *c = parse("models:\n"
                                "  openai/gpt-4.1:\n"
                                "    name: Ours\n"
                                "    endpoints:\n"
                                "      openai: {price: {output: 9}}\n"
                                "      azure: null\n"
                                "      xai: {model: grok, price: {input: 1, output: 2}}\n"
                                "  openai/gpt-4.1-mini: null\n");
    const struct pm_model *m = model_of(c, "openai/gpt-4.1");
    const struct pm_endpoint *e = endpoint_of(m, "openai");

    (void)state;
    assert_str(m->name, "Ours");
    assert_int_equal(m->context, 1047576);
    assert_int_equal(e->price.input, 2000000);
    assert_int_equal(e->price.output, 9000000);
    assert_int_equal(e->price.cache_read, 500000);
    assert_null(endpoint_of(m, "azure"));
    assert_str(endpoint_of(m, "xai")->upstream_model, "grok");
    assert_non_null(endpoint_of(m, "openrouter"));
    assert_null(pm_table_model(c->table, PM_STR("openai/gpt-4.1-mini")));
    pm_config_free(c);
}

static void without_the_catalogue_there_is_only_what_the_file_says(void **state)
{
    struct pm_config *c = parse("models: {a/b: {endpoints: {p: {}}}}\n"
                                "providers: {p: {base_url: 'http://p'}}\n"
                                "catalogue: {builtin: false}\n");

    (void)state;
    assert_int_equal(c->table->n_providers, 1);
    assert_int_equal(c->table->n_models, 1);
    assert_int_equal(c->table->n_endpoints, 1);
    pm_config_free(c);
}

static void what_is_wrong_with_a_model_is_told(void **state)
{
    static const struct {
        const char *yaml, *want;
    } rows[] = {
        {"models: {gpt: {}}", "f:1:10: models.gpt: an id must be author/slug, of letters, digits, "
                              "'-', '_' and '.'\n"},
        {"models: {'a/b:free': {}}", "f:1:10: models.a/b:free: an id must be author/slug, of "
                                     "letters, digits, '-', '_' and '.'\n"},
        {"models: {a/b: {}}", "f:1:10: models.a/b: needs endpoints: who serves it\n"},
        {"models: {a/b: null}", "f:1:10: models.a/b: unknown model \"a/b\"\n"},
        {"models: {openai/gtp-5: null}",
         "f:1:10: models.openai/gtp-5: unknown model \"openai/gtp-5\" (did you mean "
         "\"openai/gpt-5\"?)\n"},
        {"models: {a/b: {endpoints: {grok: {}}}}", "f:1:28: models.a/b.endpoints.grok: unknown "
                                                   "provider \"grok\" (did you mean \"groq\"?)\n"},
        {"models: {a/b: {endpoints: {openai/: {}}}}",
         "f:1:28: models.a/b.endpoints.openai/: must be provider or provider/variant\n"},
        {"models: {openai/gpt-5: {endpoints: {groq: null}}}",
         "f:1:43: models.openai/gpt-5.endpoints.groq: there is no such endpoint to remove\n"},
        {"models: {a/b: {endpoints: {xai: {price: {input: 1}}}}}",
         "f:1:41: models.a/b.endpoints.xai.price: needs input and output\n"},
        {"models: {a/b: {endpoints: {xai: {price: {input: -1, output: 1e3}}}}}",
         "f:1:49: models.a/b.endpoints.xai.price.input: must be USD per million tokens: a decimal "
         "with at most 6 digits after the point\n"
         "f:1:61: models.a/b.endpoints.xai.price.output: must be USD per million tokens: a decimal "
         "with at most 6 digits after the point\n"},
        {"models: {a/b: {endpoints: {xai: {price: {input: 0.0000001, output: 1}}}}}",
         "f:1:49: models.a/b.endpoints.xai.price.input: must be USD per million tokens: a decimal "
         "with at most 6 digits after the point\n"},
        {"models: {openai/gpt-5: {context: 0}}",
         "f:1:34: models.openai/gpt-5.context: must be 1 to 1000000000\n"},
        {"models: {openai/gpt-5: {modalities: {input: [smell]}}}",
         "f:1:46: models.openai/gpt-5.modalities.input: must be text, image, audio, file, video or "
         "embedding\n"},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(rows); i++)
        assert_findings(rows[i].yaml, rows[i].want);
}

static void aliases_and_presets_hold_models_and_preferences(void **state)
{
    struct pm_config *c =
        parse("aliases:\n"
              "  team/cheap:\n"
              "    models: ['openai/gpt-5:floor', openai/gpt-4.1]\n"
              "    order: [azure, OpenAI]\n"
              "    allow_fallbacks: false\n"
              "    quantizations: [fp8, bf16]\n"
              "    preferred_min_throughput: 20.5\n"
              "    max_price: {prompt: 3, output: 4.5, request: 0.001}\n"
              "presets:\n"
              "  p:\n"
              "    models: [openai/gpt-5]\n"
              "    provider: {sort: {by: latency, partition: none}, only: [openai],\n"
              "               preferred_max_latency: {p50: 1, p99: 5}}\n"
              "    system: Be brief.\n"
              "    request: {temperature: 0.20, stop: ['a', \"b\\n\"], logprobs: true, user: '5',\n"
              "              metadata: {x: ~, y: yes, z: 01}}\n");
    const struct pm_alias *a = pm_map_get(&c->table->alias_by_name, PM_STR("team/cheap"));
    const struct pm_preset *p = pm_map_get(&c->table->preset_by_name, PM_STR("p"));

    (void)state;
    assert_list(a->models, a->n_models, "openai/gpt-5:floor openai/gpt-4.1");
    assert_list(a->prefs.order, a->prefs.n_order, "azure OpenAI");
    assert_true(a->prefs.no_fallbacks);
    assert_false(a->prefs.only_set);
    assert_int_equal(a->prefs.quants, PM_Q_FP8 | PM_Q_BF16);
    assert_true(a->prefs.min_throughput.p50 == 20.5);
    assert_int_equal(a->prefs.max_prompt, 3000000);
    assert_int_equal(a->prefs.max_completion, 4500000);
    assert_int_equal(a->prefs.max_request, 1000000000);
    assert_int_equal(a->prefs.max_image, PM_PRICE_NONE);
    assert_int_equal(p->prefs.sort, PM_SORT_LATENCY);
    assert_true(p->prefs.partition_none && p->prefs.only_set);
    assert_true(p->prefs.max_latency.p50 == 1 && p->prefs.max_latency.p99 == 5);
    assert_str(p->system, "Be brief.");
    assert_str(p->body, "{\"temperature\":0.20,\"stop\":[\"a\",\"b\\n\"],\"logprobs\":true,"
                        "\"user\":\"5\",\"metadata\":{\"x\":null,\"y\":\"yes\",\"z\":\"01\"}}");
    pm_config_free(c);
}

static void what_is_wrong_with_preferences_is_told(void **state)
{
    static const struct {
        const char *yaml, *want;
    } rows[] = {
        {"aliases: {a: {}}", "f:1:11: aliases.a: needs models\n"},
        {"aliases: {a: {models: []}}", "f:1:11: aliases.a: needs models\n"},
        {"aliases: {a b: {models: [x]}}", "f:1:11: aliases.\"a b\": a name must be letters, "
                                          "digits, '-', '_', '.' and '/'\n"},
        {"aliases: {a: {models: [openai/gpt-5.l]}}",
         "f:1:24: aliases.a.models: unknown model \"openai/gpt-5.l\" (did you mean "
         "\"openai/gpt-5.1\"?)\n"},
        {"presets: {a: {provider: {order: [opnai/eu]}}}",
         "f:1:34: presets.a.provider.order: unknown provider \"opnai\" (did you mean "
         "\"openai\"?)\n"},
        {"presets: {a: {provider: {only: [nobody]}}}",
         "f:1:33: presets.a.provider.only: unknown provider \"nobody\"\n"},
        {"presets: {a: {provider: {data_collection: maybe}}}",
         "f:1:43: presets.a.provider.data_collection: must be allow or deny\n"},
        {"presets: {a: {provider: {sort: {partition: none}}}}",
         "f:1:32: presets.a.provider.sort: needs by: price, throughput, latency or exacto\n"},
        {"presets: {a: {provider: {sort: {by: price, partition: all}}}}",
         "f:1:55: presets.a.provider.sort.partition: must be model or none\n"},
        {"presets: {a: {provider: {sort: none}}}", "f:1:32: presets.a.provider.sort: must be "
                                                   "price, throughput, latency or exacto\n"},
        {"presets: {a: {provider: {preferred_max_latency: 0}}}",
         "f:1:49: presets.a.provider.preferred_max_latency: must be a number above 0\n"},
        {"presets: {a: {provider: {preferred_max_latency: {p42: 1}}}}",
         "f:1:50: presets.a.provider.preferred_max_latency.p42: must be p50, p75, p90 or p99\n"},
        {"presets: {a: {provider: {quantizations: [fp5]}}}",
         "f:1:42: presets.a.provider.quantizations: must be unknown, int4, int8, fp4, mxfp4, "
         "nvfp4, fp6, fp8, mxfp8, fp16, bf16 or fp32\n"},
        {"presets: {a: {request: {model: x}}}",
         "f:1:25: presets.a.request: model is not for a preset's request\n"},
        {"presets: {a: {request: [1]}}",
         "f:1:24: presets.a.request: must be a mapping, not a list\n"},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(rows); i++)
        assert_findings(rows[i].yaml, rows[i].want);
}

static void each_policy_narrows_the_one_it_inherits(void **state)
{
    struct pm_config *c =
        parse("policies:\n"
              "  teams:\n"
              "    leaf: {inherit: middle, regions: [us, jp], max_price: {output: 9},\n"
              "           models: [anthropic/claude-opus-4*, openai/gpt-5*],\n"
              "           sticky: false, unknown_price: flag}\n"
              "    middle: {models: ['openai/*', '*-4.1'], deny_models: [openai/o1],\n"
              "             provider: {max_price: {output: 5}, sort: price},\n"
              "             unknown_price: ceiling, default_max_output: 900,\n"
              "             budget: {monthly_usd: 500}}\n"
              "    other: {regions: [jp], zdr: true}\n"
              "  default: {data_collection: deny, regions: [eu, us],\n"
              "            provider: {sort: throughput}, unknown_price: ceiling,\n"
              "            default_max_output: 4000, budget: {total_usd: 9.5},\n"
              "            deny_models: ['x-ai/*']}\n");
    const struct pm_policy *top = policy_of(c, "default"), *middle = policy_of(c, "middle");
    const struct pm_policy *leaf = policy_of(c, "leaf"), *other = policy_of(c, "other");

    (void)state;
    assert_ptr_equal(top, c->table->policy);
    assert_true(top->prefs.deny_collection);
    assert_int_equal(top->budget.total_nano, 9500000000);
    assert_int_equal(top->prefs.sort, PM_SORT_THROUGHPUT);

    assert_true(middle->prefs.deny_collection);
    assert_list(middle->prefs.regions, middle->prefs.n_regions, "eu us");
    assert_int_equal(middle->prefs.sort, PM_SORT_PRICE);
    assert_int_equal(middle->unknown_price, PM_UNKNOWN_CEILING);
    assert_int_equal(middle->default_max_output, 900);
    assert_int_equal(middle->budget.monthly_nano, 500000000000);
    assert_int_equal(middle->budget.total_nano, PM_PRICE_NONE); /* a team's budget is its own */
    assert_list(middle->models, middle->n_models, "openai/* *-4.1");
    assert_list(middle->deny_models, middle->n_deny_models, "x-ai/* openai/o1");

    assert_str(leaf->name, "leaf");
    assert_list(leaf->prefs.regions, leaf->prefs.n_regions, "us");
    assert_int_equal(leaf->prefs.max_completion, 5000000);
    assert_true(leaf->sticky_off);
    assert_int_equal(leaf->unknown_price, PM_UNKNOWN_CEILING);
    /* One glob within another stays; of globs that overlap, the models in both. */
    assert_list(leaf->models, leaf->n_models, "openai/gpt-5* anthropic/claude-opus-4.1");

    assert_list(other->prefs.regions, other->prefs.n_regions, "nowhere");
    assert_int_equal(other->n_models, 0);
    pm_config_free(c);
}

static void model_lists_that_do_not_meet_allow_none(void **state)
{
    struct pm_config *c = parse("policies:\n"
                                "  default: {models: ['openai/*']}\n"
                                "  teams: {t: {models: ['anthropic/*']}}\n");
    const struct pm_policy *t = policy_of(c, "t");

    (void)state;
    assert_true(t->n_models > 0);
    for (size_t i = 0; i < c->table->n_models; i++) {
        for (size_t j = 0; j < t->n_models; j++)
            assert_false(pm_str_glob(c->table->models[i]->id, t->models[j]));
    }
    pm_config_free(c);
}

static void what_is_wrong_with_policies_is_told(void **state)
{
    static const struct {
        const char *yaml, *want;
    } rows[] = {
        {"policies: {default: {inherit: x}}",
         "f:1:22: policies.default: the default inherits nothing\n"},
        {"policies: {teams: {default: {}}}",
         "f:1:20: policies.teams.default: default stands beside teams, not among them\n"},
        {"policies: {teams: {a: {inherit: b}}}",
         "f:1:33: policies: team \"a\": there is no policy of that name\n"},
        {"policies: {teams: {a: {inherit: a}}}",
         "f:1:33: policies: team \"a\": it inherits itself\n"},
        {"policies: {teams: {a: {inherit: b}, b: {inherit: a}}}",
         "f:1:50: policies: team \"b\": it inherits itself\n"},
        {"policies: {default: {models: [openai/gpt-55]}}",
         "f:1:31: policies.default.models: unknown model \"openai/gpt-55\" (did you mean "
         "\"openai/gpt-5\"?)\n"},
        {"policies: {default: {unknown_price: free}}",
         "f:1:37: policies.default.unknown_price: must be deny, ceiling or flag\n"},
        {"policies: {default: {budget: {monthly_usd: lots}}}",
         "f:1:44: policies.default.budget.monthly_usd: must be USD: a decimal with at most 9 "
         "digits after the point\n"},
        {"policies: {team: {}}", "f:1:12: policies.team: unknown key (did you mean \"teams\"?)\n"},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(rows); i++)
        assert_findings(rows[i].yaml, rows[i].want);
}

static void a_long_chain_of_policies_is_refused(void **state)
{
    struct pm_buf yaml, text;
    struct pm_config_errors errs = {.text = &text};

    (void)state;
    pm_buf_init(&yaml, 1 << 20);
    pm_buf_init(&text, 1 << 20);
    pm_buf_lit(&yaml, "policies:\n  teams:\n");
    for (int i = 0; i < 2000; i++)
        pm_buf_addf(&yaml, "    t%d: {inherit: t%d}\n", i, i + 1);
    pm_buf_lit(&yaml, "    t2000: {}\n");
    assert_null(pm_config_parse("f", pm_buf_view(&yaml), &errs));
    assert_non_null(strstr(text.p, "f:19:20: policies: team \"t16\": too many policies inherit "
                                   "each other\n"));
    pm_buf_fini(&yaml);
    pm_buf_fini(&text);
}

#define SHA_A "2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90"
#define SHA_B "ABd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90"

static void client_keys_are_known_by_their_hash(void **state)
{
    struct pm_config *c = parse("keys:\n"
                                "  a: {sha256: " SHA_A ", label: Bot, policy: t,\n"
                                "      expires: 2026-02-28T12:30:15Z, limit_usd: 0.5}\n"
                                "  b: {sha256: " SHA_B ", disabled: true, expires: 2028-02-29}\n"
                                "policies: {teams: {t: {zdr: true}}}\n");
    const struct pm_client_key *a = c->table->keys[0], *b = c->table->keys[1];

    (void)state;
    assert_int_equal(c->table->n_keys, 2);
    assert_str(a->name, "a");
    assert_str(a->label, "Bot");
    assert_int_equal(a->sha256[0], 0x2b);
    assert_int_equal(a->sha256[31], 0x90);
    assert_ptr_equal(a->policy, policy_of(c, "t"));
    assert_int_equal(a->limit_nano, 500000000);
    assert_int_equal(a->expires_unix_ms, 1772281815000);
    assert_str(b->label, "b");
    assert_int_equal(b->sha256[0], 0xab);
    assert_true(b->disabled);
    assert_ptr_equal(b->policy, c->table->policy);
    assert_int_equal(b->limit_nano, PM_PRICE_NONE);
    assert_int_equal(b->expires_unix_ms, 1835395200000);
    pm_config_free(c);
}

static void what_is_wrong_with_a_client_key_is_told(void **state)
{
    static const struct {
        const char *yaml, *want;
    } rows[] = {
        {"keys: {a: {}}", "f:1:8: keys.a: needs sha256\n"},
        {"keys: {a: {sha256: abc}}", "f:1:20: keys.a.sha256: must be 64 hex digits, the SHA-256 of "
                                     "the key and not the key\n"},
        {"keys: {a: {sha256: " SHA_A ", policy: x}}",
         "f:1:8: keys.a: there is no policy of that name\n"},
        {"keys: {a: {sha256: " SHA_A ", expires: 2027-02-29}}",
         "f:1:95: keys.a.expires: must be a date: 2027-01-31 or 2027-01-31T12:00:00Z\n"},
        {"keys: {a: {sha256: " SHA_A ", expires: 2027-13-01}}",
         "f:1:95: keys.a.expires: must be a date: 2027-01-31 or 2027-01-31T12:00:00Z\n"},
        {"keys: {a: {sha256: " SHA_A ", expires: '2027-01-01 00:00:00Z'}}",
         "f:1:95: keys.a.expires: must be a date: 2027-01-31 or 2027-01-31T12:00:00Z\n"},
        {"keys: {a: {sha256: " SHA_A ", expires: 2027-01-01T24:00:00Z}}",
         "f:1:95: keys.a.expires: must be a date: 2027-01-31 or 2027-01-31T12:00:00Z\n"},
        {"keys: {a: {sha256: " SHA_A "}, b: {sha256: " SHA_A "}}",
         "f:1:87: keys.b: is the same key as \"a\"\n"},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(rows); i++)
        assert_findings(rows[i].yaml, rows[i].want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shipped_provider_changes_only_in_what_is_named),
        cmocka_unit_test(a_new_provider_has_what_is_said_and_the_defaults),
        cmocka_unit_test(named_keys_replace_the_shipped_one_in_their_order),
        cmocka_unit_test(a_provider_that_needs_its_url_is_enabled_by_it),
        cmocka_unit_test(what_is_wrong_with_a_provider_is_told),
        cmocka_unit_test(a_model_of_ones_own_is_served_as_it_says),
        cmocka_unit_test(a_shipped_model_changes_only_in_what_is_named),
        cmocka_unit_test(without_the_catalogue_there_is_only_what_the_file_says),
        cmocka_unit_test(what_is_wrong_with_a_model_is_told),
        cmocka_unit_test(aliases_and_presets_hold_models_and_preferences),
        cmocka_unit_test(what_is_wrong_with_preferences_is_told),
        cmocka_unit_test(each_policy_narrows_the_one_it_inherits),
        cmocka_unit_test(model_lists_that_do_not_meet_allow_none),
        cmocka_unit_test(what_is_wrong_with_policies_is_told),
        cmocka_unit_test(a_long_chain_of_policies_is_refused),
        cmocka_unit_test(client_keys_are_known_by_their_hash),
        cmocka_unit_test(what_is_wrong_with_a_client_key_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
