/* SPDX-License-Identifier: Apache-2.0 */
/* The `provider` object and model names of a request, read and routed on a small table. What a
 * routed call must never do is checked: leave the policy, or give different bytes twice. */
#include <stdlib.h>

#include "common/route/build.h"
#include "common/route/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define CHECK(x)                                                                                   \
    do {                                                                                           \
        if (!(x))                                                                                  \
            abort();                                                                               \
    } while (0)

static struct pm_table *small_table(void)
{
    static const char *const tags[] = {"openai", "azure", "azure/eu", "deepinfra/turbo"};
    static struct pm_str regions[] = {PM_STR_INIT("eu"), PM_STR_INIT("us")};
    static struct pm_str models[] = {PM_STR_INIT("acme/one"), PM_STR_INIT("acme/two:free")};
    struct pm_table_build *b = pm_table_build_new();
    struct pm_policy *policy = pm_table_add_policy(b, PM_STR("default"));
    struct pm_alias *alias = pm_table_add_alias(b, PM_STR("cheap"));
    struct pm_preset *preset = pm_table_add_preset(b, PM_STR("house"));

    alias->models = preset->models = models;
    alias->n_models = preset->n_models = PM_COUNT(models);
    policy->prefs.zdr = true;
    policy->unknown_price = PM_UNKNOWN_FLAG;
    for (size_t i = 0; i < PM_COUNT(tags) * 2; i++) {
        struct pm_str tag = pm_str(tags[i / 2]);
        struct pm_str slug = pm_str_n(tag.p, strcspn(tag.p, "/"));
        struct pm_provider *p = pm_table_add_provider(b, slug);
        struct pm_model *m = pm_table_add_model(b, i % 2 ? PM_STR("acme/two") : PM_STR("acme/one"));
        struct pm_endpoint *e = pm_table_add_endpoint(b, m, p, tag);
        pm_table_add_credential(b, p, slug);
        p->regions = regions;
        p->n_regions = i % 3;
        p->data = (struct pm_data_policy){.known = i != 6, .trains = i % 3 == 0};
        e->price.known = i != 2;
        e->price.input = e->price.output = (int64_t)i * 1000000;
        e->quant = i % 2 ? PM_Q_FP8 : PM_Q_UNKNOWN;
    }
    return pm_table_finish(b);
}

static void route(const struct pm_call *call, struct pm_arena *a, struct pm_buf *out)
{
    static struct pm_table *table;
    struct pm_decision d;
    struct pm_route_input in = {.call = call, .protocols = 1U << PM_PROTO_OPENAI, .seed = 7};

    if (!table)
        table = small_table();
    in.table = table;
    pm_route(&in, a, &d);
    CHECK((d.failed != PM_ROUTED) == (d.n_attempts == 0));
    for (size_t i = 0; i < d.n_attempts; i++)
        CHECK(d.attempts[i].endpoint->data.known &&
              d.attempts[i].endpoint->data.retention_days == 0);
    CHECK(pm_explain_json(&d, &in, out) && pm_json_ok(pm_buf_view(out), &(struct pm_jval){0}));
    CHECK(pm_explain_text(&d, &in, out));
}

/* {"model":…, "models":[…], "preset":…, "provider":{…}} */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct pm_call call = {.preset = PM_NSTR,
                           .in_modalities = PM_MOD_TEXT,
                           .out_modalities = PM_MOD_TEXT,
                           .max_tokens = 16};
    struct pm_arena a;
    struct pm_buf one, two;
    struct pm_jval root, v, item;
    struct pm_jiter it;
    struct pm_error err;

    if (!pm_json_ok(pm_str_n((const char *)data, n), &root) || root.type != PM_JOBJ)
        return 0;
    pm_arena_init(&a, 1 << 14, 1 << 26);
    pm_buf_init(&one, 1 << 24);
    pm_buf_init(&two, 1 << 24);
    v = pm_json_get(root, "model");
    if (v.type == PM_JSTR)
        call.models[call.n_models++] = pm_json_body(v);
    v = pm_json_get(root, "models");
    it = pm_json_iter(v);
    while (v.type == PM_JARR && pm_json_item(&it, &item)) {
        if (call.n_models < PM_MAX_MODELS)
            call.models[call.n_models] = pm_json_body(item);
        call.n_models++;
    }
    v = pm_json_get(root, "preset");
    if (v.type == PM_JSTR)
        call.preset = pm_json_body(v);
    v = pm_json_get(root, "provider");
    if (v.type == PM_JNONE)
        v.type = PM_JNULL;
    if (pm_prefs_from_json(v, &a, &call.prefs, &err)) {
        route(&call, &a, &one);
        route(&call, &a, &two);
        CHECK(pm_str_eq(pm_buf_view(&one), pm_buf_view(&two)));
    } else {
        CHECK(err.code == PM_EINVAL && err.text[0]);
    }
    pm_buf_fini(&one);
    pm_buf_fini(&two);
    pm_arena_fini(&a);
    return 0;
}
