/* SPDX-License-Identifier: Apache-2.0 */
#include "common/catalogue/catalogue.h"

#include "common/catalogue/tables.h"

/* Words for request parameters that go together. */
#define P(name) PM_PBIT(PM_P_##name)
static const struct {
    const char *word;
    uint64_t params;
} features[] = {
    {"tools", P(TOOLS) | P(TOOL_CHOICE) | P(PARALLEL_TOOL_CALLS)},
    {"json", P(RESPONSE_FORMAT)},
    {"schema", P(STRUCTURED_OUTPUTS)},
    {"reasoning", P(REASONING) | P(INCLUDE_REASONING) | P(REASONING_EFFORT)},
    {"sampling", P(TEMPERATURE) | P(TOP_P)},
    {"penalties", P(FREQUENCY_PENALTY) | P(PRESENCE_PENALTY)},
    {"stop", P(STOP)},
    {"seed", P(SEED)},
    {"logprobs", P(LOGPROBS) | P(TOP_LOGPROBS)},
    {"logit_bias", P(LOGIT_BIAS)},
    {"top_k", P(TOP_K)},
    {"open", P(TOP_K) | P(MIN_P) | P(REPETITION_PENALTY)}, /* what servers of open weights take */
    {"verbosity", P(VERBOSITY)},
    {"web", P(WEB_SEARCH_OPTIONS)},
    {"prediction", P(PREDICTION)},
};
#define LENGTH_PARAMS (P(MAX_TOKENS) | P(MAX_COMPLETION_TOKENS)) /* of every model that writes */

static const char *const modalities[] = {"text", "image", "audio", "file", "video", "embedding"};

#define MAX_COLUMNS 14

struct reader {
    struct pm_table_build *build;
    struct pm_error *err;
    const char *file;
    struct pm_str rest;
    unsigned line;
    struct pm_str column[MAX_COLUMNS]; /* of the line; PM_NSTR where it says "-" */
    struct pm_model *model; /* the one of the endpoint before, which is mostly the same */
    uint64_t *provider_params; /* by provider index: what its API takes at all */
    size_t n_providers;
};

static bool fail(const struct reader *r, const char *what)
{
    return pm_fail(r->err, PM_EINVAL, "%s:%u: %s", r->file, r->line, what);
}

/* The part of *s before c, which *s loses with it. */
static struct pm_str cut_at(struct pm_str *s, char c)
{
    ptrdiff_t at = pm_str_find(*s, c);
    struct pm_str part = at < 0 ? *s : pm_str_cut(*s, 0, (size_t)at);

    *s = pm_str_cut(*s, part.n + 1, s->n);
    return part;
}

static bool split(struct reader *r, struct pm_str line, size_t n_columns)
{
    for (size_t i = 0; i < n_columns; i++) {
        if (!line.p)
            return fail(r, "too few columns");
        ptrdiff_t tab = pm_str_find(line, '\t');
        r->column[i] = tab < 0 ? line : pm_str_cut(line, 0, (size_t)tab);
        line = tab < 0 ? PM_NSTR : pm_str_cut(line, (size_t)tab + 1, line.n);
        if (r->column[i].n == 0)
            return fail(r, "an empty column");
        if (pm_str_eq(r->column[i], PM_STR("-")))
            r->column[i] = PM_NSTR;
    }
    return !line.p || fail(r, "too many columns");
}

/* Calls row for every line that is no comment. */
static bool each_line(struct reader *r, const char *file, struct pm_str text, size_t n_columns,
                      bool (*row)(struct reader *r))
{
    r->file = file;
    r->rest = text;
    r->line = 0;
    while (r->rest.n) {
        struct pm_str line = cut_at(&r->rest, '\n');
        r->line++;
        if (line.n == 0 || line.p[0] == '#')
            continue;
        if (!split(r, line, n_columns) || !row(r))
            return false;
    }
    return true;
}

static bool read_features(const struct reader *r, struct pm_str words, uint64_t *out)
{
    *out = 0;
    while (words.n) {
        struct pm_str word = cut_at(&words, ' ');
        size_t i = 0;
        while (i < PM_COUNT(features) && !pm_str_is(word, features[i].word))
            i++;
        if (i == PM_COUNT(features))
            return fail(r, "an unknown feature");
        *out |= features[i].params;
    }
    return true;
}

static bool read_modalities(const struct reader *r, struct pm_str words, uint32_t *out)
{
    *out = 0;
    while (words.n) {
        struct pm_str word = cut_at(&words, '+');
        size_t i = 0;
        while (i < PM_COUNT(modalities) && !pm_str_is(word, modalities[i]))
            i++;
        if (i == PM_COUNT(modalities))
            return fail(r, "an unknown modality");
        *out |= 1U << i;
    }
    return true;
}

static bool read_tokens(const struct reader *r, struct pm_str s, int64_t *out)
{
    uint64_t v = 0;

    if (s.p && (!pm_str_u64(s, &v) || v > INT32_MAX))
        return fail(r, "not a number of tokens");
    *out = (int64_t)v;
    return true;
}

static bool read_price(const struct reader *r, struct pm_str s, int64_t *out)
{
    *out = PM_PRICE_NONE;
    return !s.p || pm_money_per_mtok(s, out) || fail(r, "not a price");
}

static bool read_data_policy(const struct reader *r, struct pm_str trains, struct pm_str days,
                             struct pm_data_policy *out)
{
    uint64_t v;

    *out = (struct pm_data_policy){.retention_days = -1};
    if (!trains.p)
        return !days.p || fail(r, "retention_days without trains");
    out->known = true;
    out->trains = pm_str_is(trains, "yes");
    if (!out->trains && !pm_str_is(trains, "no"))
        return fail(r, "trains is neither yes nor no");
    if (days.p) {
        if (!pm_str_u64(days, &v) || v > 36500)
            return fail(r, "not a number of days");
        out->retention_days = (int32_t)v;
    }
    return true;
}

static void add_regions(struct reader *r, struct pm_provider *p, struct pm_str list)
{
    struct pm_str rest = list;

    if (!list.p)
        return;
    do {
        cut_at(&rest, ' ');
        p->n_regions++;
    } while (rest.n);
    p->regions = PM_ARENA_ARRAY(pm_table_arena(r->build), struct pm_str, p->n_regions);
    for (size_t i = 0; i < p->n_regions; i++)
        p->regions[i] = cut_at(&list, ' ');
}

/* slug name protocol dialect base_url key regions trains retention_days headquarters privacy_url
 * terms_url status_url features */
static bool provider_row(struct reader *r)
{
    const struct pm_str *c = r->column;
    uint64_t params = UINT64_MAX;
    struct pm_provider *p;

    if (!c[0].p || !c[1].p || !c[2].p || !c[5].p || !c[13].p)
        return fail(r, "needs slug, name, protocol, key and features");
    if (pm_table_find_provider(r->build, c[0]))
        return fail(r, "the provider is there already");
    p = pm_table_add_provider(r->build, c[0]);
    p->name = c[1];
    if (!pm_protocol_from(c[2], &p->protocol))
        return fail(r, "an unknown protocol");
    if (c[3].p)
        p->dialect = c[3];
    p->base_url = c[4];
    p->enabled = c[4].p != NULL;
    add_regions(r, p, c[6]);
    p->headquarters = c[9];
    p->privacy_url = c[10];
    p->terms_url = c[11];
    p->status_url = c[12];
    struct pm_credential *key = pm_table_add_credential(r->build, p, c[0]);
    key->source = PM_CRED_ENV;
    key->ref = c[5];
    if (!read_data_policy(r, c[7], c[8], &p->data))
        return false;
    if (!pm_str_is(c[13], "*") && !read_features(r, c[13], &params))
        return false;
    r->provider_params =
        pm_xrealloc(r->provider_params, (p->index + 1) * sizeof(*r->provider_params));
    r->provider_params[p->index] = params | LENGTH_PARAMS;
    r->n_providers = p->index + 1;
    return true;
}

/* id name context max_output in out features */
static bool model_row(struct reader *r)
{
    const struct pm_str *c = r->column;
    struct pm_model *m;

    if (!c[0].p || !c[1].p || !c[4].p || !c[5].p)
        return fail(r, "needs id, name, in and out");
    if (pm_table_find_model(r->build, c[0]))
        return fail(r, "the model is there already");
    m = pm_table_add_model(r->build, c[0]);
    m->name = c[1];
    if (!read_tokens(r, c[2], &m->context) || !read_tokens(r, c[3], &m->max_output) ||
        !read_modalities(r, c[4], &m->in_modalities) ||
        !read_modalities(r, c[5], &m->out_modalities) || !read_features(r, c[6], &m->params))
        return false;
    m->reasoning = (m->params & P(REASONING)) != 0;
    if (m->out_modalities & PM_MOD_TEXT)
        m->params |= LENGTH_PARAMS;
    if (m->out_modalities & ~(uint32_t)(PM_MOD_TEXT | PM_MOD_EMBEDDING))
        m->params |= P(MODALITIES);
    return true;
}

/* input output cache_read cache_write cache_write_1h */
static bool read_prices(const struct reader *r, const struct pm_str *c, struct pm_price *p)
{
    *p = PM_PRICE_UNKNOWN;
    if (!c[0].p)
        return !c[1].p || fail(r, "a price of output without one of input");
    p->known = true;
    return (c[1].p || fail(r, "needs a price of output")) && read_price(r, c[0], &p->input) &&
           read_price(r, c[1], &p->output) && read_price(r, c[2], &p->cache_read) &&
           read_price(r, c[3], &p->cache_write) && read_price(r, c[4], &p->cache_write_1h);
}

/* model tag upstream_model region input output cache_read cache_write cache_write_1h context
 * max_output in */
static bool endpoint_row(struct reader *r)
{
    const struct pm_str *c = r->column;
    const struct pm_provider *p;
    struct pm_endpoint *e;
    struct pm_str slug = c[1];

    if (!c[0].p || !c[1].p || !c[2].p)
        return fail(r, "needs model, tag and upstream model");
    if (!r->model || !pm_str_eq(r->model->id, c[0]))
        r->model = pm_table_find_model(r->build, c[0]);
    if (!r->model)
        return fail(r, "an unknown model");
    p = pm_table_find_provider(r->build, cut_at(&slug, '/'));
    if (!p || p->index >= r->n_providers)
        return fail(r, "an unknown provider");
    if (pm_table_find_endpoint(r->build, r->model, c[1]))
        return fail(r, "the endpoint is there already");
    e = pm_table_add_endpoint(r->build, r->model, p, c[1]);
    e->upstream_model = c[2];
    e->region = c[3];
    e->params = r->model->params & r->provider_params[p->index];
    if (!read_prices(r, &c[4], &e->price) || !read_tokens(r, c[9], &e->context) ||
        !read_tokens(r, c[10], &e->max_output) || !read_modalities(r, c[11], &e->in_modalities))
        return false;
    e->free = e->price.known && e->price.input == 0 && e->price.output == 0;
    return true;
}

bool pm_catalogue_read(struct pm_table_build *b, const struct pm_catalogue_text *text,
                       struct pm_error *err)
{
    struct reader r = {.build = b, .err = err};
    bool ok = each_line(&r, "providers.tsv", text->providers, 14, provider_row) &&
              each_line(&r, "models.tsv", text->models, 7, model_row) &&
              each_line(&r, "endpoints.tsv", text->endpoints, 12, endpoint_row);

    free(r.provider_params);
    return ok;
}

bool pm_catalogue_add(struct pm_table_build *b, struct pm_error *err)
{
#define TABLE(name)                                                                                \
    pm_str_n(pm_catalogue_##name, (size_t)(pm_catalogue_##name##_end - pm_catalogue_##name))
    const struct pm_catalogue_text text = {
        .providers = TABLE(providers), .models = TABLE(models), .endpoints = TABLE(endpoints)};

    return pm_catalogue_read(b, &text, err);
}
