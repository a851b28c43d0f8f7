/* SPDX-License-Identifier: Apache-2.0 */
#include "common/route/build.h"

#include <stdlib.h>

/* Rows live in the table's arena from the beginning; what only the build needs stands around
 * them, so that the table itself has no room for it. */
struct endpoint_row {
    struct pm_endpoint row;
    struct endpoint_row *next;
    bool removed;
};

struct model_row {
    struct pm_model row;
    struct endpoint_row *first, *last;
};

struct list {
    void **at;
    size_t n, cap;
};

struct pm_table_build {
    struct pm_table *table;
    struct list providers, models, credentials, keys;
    struct pm_map key_by_name;
};

static void list_add(struct list *l, void *row)
{
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 16;
        l->at = pm_xrealloc(l->at, l->cap * sizeof(*l->at));
    }
    l->at[l->n++] = row;
}

static struct model_row *model_of(const struct pm_model *m)
{
    return PM_CONTAINER(m, struct model_row, row);
}

static struct endpoint_row *endpoint_of(struct pm_endpoint *e)
{
    return PM_CONTAINER(e, struct endpoint_row, row);
}

struct pm_table_build *pm_table_build_new(void)
{
    struct pm_table_build *b = pm_xcalloc(1, sizeof(*b));
    struct pm_table *t = pm_xcalloc(1, sizeof(*t));

    /* No cap of its own: what can be added is bounded by the size of the input. */
    pm_arena_init(&t->arena, 64 << 10, SIZE_MAX);
    t->refs = 1;
    pm_map_init(&t->model_by_id);
    pm_map_init(&t->provider_by_slug);
    pm_map_init(&t->alias_by_name);
    pm_map_init(&t->preset_by_name);
    pm_map_init(&t->policy_by_name);
    pm_map_init(&b->key_by_name);
    b->table = t;
    t->policy = pm_table_add_policy(b, PM_STR("default"));
    return b;
}

static void build_free(struct pm_table_build *b)
{
    free(b->providers.at);
    free(b->models.at);
    free(b->credentials.at);
    free(b->keys.at);
    pm_map_fini(&b->key_by_name);
    free(b);
}

void pm_table_build_free(struct pm_table_build *b)
{
    if (!b)
        return;
    pm_table_unref(b->table);
    build_free(b);
}

struct pm_arena *pm_table_arena(struct pm_table_build *b)
{
    return &b->table->arena;
}

struct pm_str pm_table_text(struct pm_table_build *b, struct pm_str s)
{
    return s.p ? pm_arena_str(&b->table->arena, s) : PM_NSTR;
}

struct pm_provider *pm_table_find_provider(struct pm_table_build *b, struct pm_str slug)
{
    return pm_map_get(&b->table->provider_by_slug, slug);
}

struct pm_provider *pm_table_add_provider(struct pm_table_build *b, struct pm_str slug)
{
    struct pm_provider *p = pm_table_find_provider(b, slug);

    if (p)
        return p;
    p = PM_ARENA_NEW(&b->table->arena, struct pm_provider);
    p->slug = p->name = slug;
    p->dialect = PM_STR("openai");
    p->enabled = true;
    p->index = (uint32_t)b->providers.n;
    list_add(&b->providers, p);
    pm_map_put(&b->table->provider_by_slug, slug, p);
    return p;
}

struct pm_credential *pm_table_add_credential(struct pm_table_build *b, struct pm_provider *p,
                                              struct pm_str name)
{
    struct pm_credential *c;

    for (size_t i = 0; i < b->credentials.n; i++) {
        c = b->credentials.at[i];
        if (c->provider == p->index && pm_str_eq(c->name, name))
            return c;
    }
    c = PM_ARENA_NEW(&b->table->arena, struct pm_credential);
    c->name = name;
    c->section = PM_KEY_SHARED;
    c->provider = p->index;
    list_add(&b->credentials, c);
    return c;
}

void pm_table_drop_credentials(struct pm_table_build *b, const struct pm_provider *p)
{
    size_t kept = 0;

    for (size_t i = 0; i < b->credentials.n; i++) {
        struct pm_credential *c = b->credentials.at[i];
        if (c->provider != p->index)
            b->credentials.at[kept++] = c;
    }
    b->credentials.n = kept;
}

struct pm_model *pm_table_find_model(struct pm_table_build *b, struct pm_str id)
{
    return pm_map_get(&b->table->model_by_id, id);
}

struct pm_model *pm_table_add_model(struct pm_table_build *b, struct pm_str id)
{
    struct pm_model *m = pm_table_find_model(b, id);
    struct model_row *row;

    if (m)
        return m;
    row = PM_ARENA_NEW(&b->table->arena, struct model_row);
    row->row.id = row->row.canonical = row->row.name = id;
    list_add(&b->models, row);
    pm_map_put(&b->table->model_by_id, id, &row->row);
    return &row->row;
}

struct pm_provider *pm_table_provider_at(struct pm_table_build *b, size_t i)
{
    return i < b->providers.n ? b->providers.at[i] : NULL;
}

struct pm_model *pm_table_model_at(struct pm_table_build *b, size_t i)
{
    return i < b->models.n ? &((struct model_row *)b->models.at[i])->row : NULL;
}

struct pm_endpoint *pm_table_next_endpoint(struct pm_model *m, struct pm_endpoint *e)
{
    struct endpoint_row *r = e ? endpoint_of(e)->next : model_of(m)->first;

    while (r && r->removed)
        r = r->next;
    return r ? &r->row : NULL;
}

struct pm_endpoint *pm_table_find_endpoint(struct pm_table_build *b, struct pm_model *m,
                                           struct pm_str tag)
{
    struct pm_endpoint *e = NULL;

    (void)b;
    while ((e = pm_table_next_endpoint(m, e)) != NULL) {
        if (pm_str_eq(e->tag, tag))
            break;
    }
    return e;
}

struct pm_endpoint *pm_table_add_endpoint(struct pm_table_build *b, struct pm_model *m,
                                          const struct pm_provider *p, struct pm_str tag)
{
    struct pm_endpoint *e = pm_table_find_endpoint(b, m, tag);
    struct model_row *owner = model_of(m);
    struct endpoint_row *r;

    if (e)
        return e;
    r = PM_ARENA_NEW(&b->table->arena, struct endpoint_row);
    r->row = (struct pm_endpoint){.model = m,
                                  .provider = p,
                                  .tag = tag,
                                  .quant = PM_Q_UNKNOWN,
                                  .price = PM_PRICE_UNKNOWN,
                                  .enabled = true};
    if (owner->last)
        owner->last->next = r;
    else
        owner->first = r;
    owner->last = r;
    return &r->row;
}

void pm_table_remove_endpoint(struct pm_table_build *b, struct pm_endpoint *e)
{
    (void)b;
    endpoint_of(e)->removed = true;
}

void pm_table_remove_model(struct pm_table_build *b, struct pm_model *m)
{
    size_t i = 0;

    while (b->models.at[i] != model_of(m))
        i++;
    memmove(&b->models.at[i], &b->models.at[i + 1], (--b->models.n - i) * sizeof(void *));
    pm_map_del(&b->table->model_by_id, m->id);
}

struct pm_alias *pm_table_add_alias(struct pm_table_build *b, struct pm_str name)
{
    struct pm_alias *a = pm_map_get(&b->table->alias_by_name, name);

    if (a)
        return a;
    a = PM_ARENA_NEW(&b->table->arena, struct pm_alias);
    *a = (struct pm_alias){.name = name, .prefs = PM_PREFS_NONE};
    pm_map_put(&b->table->alias_by_name, name, a);
    return a;
}

struct pm_preset *pm_table_add_preset(struct pm_table_build *b, struct pm_str name)
{
    struct pm_preset *p = pm_map_get(&b->table->preset_by_name, name);

    if (p)
        return p;
    p = PM_ARENA_NEW(&b->table->arena, struct pm_preset);
    *p = (struct pm_preset){.name = name, .prefs = PM_PREFS_NONE};
    pm_map_put(&b->table->preset_by_name, name, p);
    return p;
}

struct pm_policy *pm_table_find_policy(struct pm_table_build *b, struct pm_str name)
{
    return pm_map_get(&b->table->policy_by_name, name);
}

struct pm_policy *pm_table_add_policy(struct pm_table_build *b, struct pm_str name)
{
    struct pm_policy *p = pm_table_find_policy(b, name);

    if (p)
        return p;
    p = PM_ARENA_NEW(&b->table->arena, struct pm_policy);
    *p = (struct pm_policy){.name = name, .prefs = PM_PREFS_NONE, .budget = PM_SPEND_NONE};
    pm_map_put(&b->table->policy_by_name, name, p);
    return p;
}

struct pm_client_key *pm_table_add_key(struct pm_table_build *b, struct pm_str name)
{
    struct pm_client_key *k = pm_map_get(&b->key_by_name, name);

    if (k)
        return k;
    k = PM_ARENA_NEW(&b->table->arena, struct pm_client_key);
    *k = (struct pm_client_key){
        .name = name, .label = name, .policy = b->table->policy, .limit_nano = PM_PRICE_NONE};
    list_add(&b->keys, k);
    pm_map_put(&b->key_by_name, name, k);
    return k;
}

static void finish_endpoint(struct pm_endpoint *e, const struct pm_model *m)
{
    if (!e->upstream_model.p)
        e->upstream_model = m->id;
    if (e->context == 0)
        e->context = m->context;
    if (e->max_output == 0)
        e->max_output = m->max_output;
    if (e->in_modalities == 0)
        e->in_modalities = m->in_modalities;
    if (e->out_modalities == 0)
        e->out_modalities = m->out_modalities;
    if (e->params == 0)
        e->params = m->params;
    /* Nobody listed them: nothing that a client says is taken away. */
    if (e->params == 0 && !(e->out_modalities & PM_MOD_EMBEDDING))
        e->params = PM_PBIT(PM_P_COUNT) - 1;
    if (!e->data.known)
        e->data = e->provider->data;
}

/* The model's own figures, for lists: the largest of its endpoints where nobody gave them. */
static void finish_model(struct model_row *r)
{
    struct pm_model *m = &r->row;
    int64_t context = m->context, max_output = m->max_output;
    uint64_t params = 0;

    if (m->in_modalities == 0)
        m->in_modalities = PM_MOD_TEXT;
    if (m->out_modalities == 0)
        m->out_modalities = PM_MOD_TEXT;
    for (struct pm_endpoint *e = pm_table_next_endpoint(m, NULL); e;
         e = pm_table_next_endpoint(m, e)) {
        finish_endpoint(e, m);
        context = PM_MAX(context, m->context ? 0 : e->context);
        max_output = PM_MAX(max_output, m->max_output ? 0 : e->max_output);
        params |= e->params;
        m->n_endpoints++;
    }
    m->params = params;
    m->context = context;
    m->max_output = max_output;
}

static void finish_models(struct pm_table_build *b)
{
    struct pm_table *t = b->table;
    size_t n = 0;

    t->n_models = b->models.n;
    t->models = PM_ARENA_ARRAY(&t->arena, const struct pm_model *, t->n_models);
    for (size_t i = 0; i < t->n_models; i++) {
        struct model_row *r = b->models.at[i];
        finish_model(r);
        r->row.index = (uint32_t)i;
        t->models[i] = &r->row;
        t->n_endpoints += r->row.n_endpoints;
        if (!pm_map_get(&t->model_by_id, r->row.canonical))
            pm_map_put(&t->model_by_id, r->row.canonical, &r->row);
    }
    /* One array for all; each model's is a part of it. */
    t->endpoints = PM_ARENA_ARRAY(&t->arena, const struct pm_endpoint *, t->n_endpoints);
    for (size_t i = 0; i < t->n_models; i++) {
        struct model_row *r = b->models.at[i];
        r->row.endpoints = t->endpoints + n;
        for (struct pm_endpoint *e = pm_table_next_endpoint(&r->row, NULL); e;
             e = pm_table_next_endpoint(&r->row, e)) {
            e->index = (uint32_t)n;
            t->endpoints[n++] = e;
        }
    }
}

static void finish_credentials(struct pm_table_build *b)
{
    struct pm_table *t = b->table;
    size_t n = 0;

    t->n_credentials = b->credentials.n;
    t->credentials = PM_ARENA_ARRAY(&t->arena, const struct pm_credential *, t->n_credentials);
    /* Grouped by provider, in each provider's order. */
    for (size_t i = 0; i < b->providers.n; i++) {
        struct pm_provider *p = b->providers.at[i];
        p->creds = t->credentials + n;
        for (size_t j = 0; j < b->credentials.n; j++) {
            struct pm_credential *c = b->credentials.at[j];
            if (c->provider != p->index)
                continue;
            c->index = (uint32_t)n;
            t->credentials[n++] = c;
            p->n_creds++;
        }
    }
}

struct pm_table *pm_table_finish(struct pm_table_build *b)
{
    struct pm_table *t = b->table;

    t->n_providers = b->providers.n;
    t->providers = PM_ARENA_ARRAY(&t->arena, const struct pm_provider *, t->n_providers);
    for (size_t i = 0; i < t->n_providers; i++)
        t->providers[i] = b->providers.at[i];
    finish_credentials(b);
    finish_models(b);
    t->n_keys = b->keys.n;
    t->keys = PM_ARENA_ARRAY(&t->arena, const struct pm_client_key *, t->n_keys);
    for (size_t i = 0; i < t->n_keys; i++)
        t->keys[i] = b->keys.at[i];
    build_free(b);
    return t;
}
