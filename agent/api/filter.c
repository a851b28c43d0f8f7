/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/api/filter.h"

#include "common/url.h"

#define MAX_QUERY_BYTES 8192
#define DEFAULT_LIMIT 500
#define MAX_LIMIT 1000

/* The first word of a comma list, which is moved past it. */
static bool next_word(struct pm_str *list, struct pm_str *word)
{
    while (list->n) {
        const ptrdiff_t comma = pm_str_find(*list, ',');

        *word = pm_str_trim(comma < 0 ? *list : pm_str_cut(*list, 0, (size_t)comma));
        *list = pm_str_cut(*list, comma < 0 ? list->n : (size_t)comma + 1, list->n);
        if (word->n)
            return true;
    }
    return false;
}

static bool read_params(struct filter *f, struct pm_str list)
{
    struct pm_str word;

    while (next_word(&list, &word)) {
        const enum pm_param p = pm_param_from(word);

        if (p == PM_P_COUNT)
            return false;
        f->params |= PM_PBIT(p);
    }
    return true;
}

static bool read_modalities(struct pm_str list, uint32_t *bits)
{
    static const struct {
        const char *word;
        uint32_t bit;
    } words[] = {{"text", PM_MOD_TEXT}, {"image", PM_MOD_IMAGE}, {"audio", PM_MOD_AUDIO},
                 {"file", PM_MOD_FILE}, {"video", PM_MOD_VIDEO}, {"embeddings", PM_MOD_EMBEDDING},
                 {"all", UINT32_MAX}};
    struct pm_str word;

    *bits = 0;
    while (next_word(&list, &word)) {
        uint32_t bit = 0;

        for (size_t i = 0; i < PM_COUNT(words); i++) {
            if (pm_str_is(word, words[i].word))
                bit = words[i].bit;
        }
        if (bit == 0)
            return false;
        *bits |= bit;
    }
    if (*bits == UINT32_MAX)
        *bits = 0;
    return true;
}

static bool read_output(struct filter *f, struct pm_str v)
{
    return read_modalities(v, &f->out);
}

static bool read_input(struct filter *f, struct pm_str v)
{
    return read_modalities(v, &f->in);
}

static bool read_flag(struct pm_str s, bool *out)
{
    *out = pm_str_ieq(s, PM_STR("true")) || pm_str_is(s, "1");
    return *out || pm_str_ieq(s, PM_STR("false")) || pm_str_is(s, "0");
}

static bool read_zdr(struct filter *f, struct pm_str v)
{
    return read_flag(v, &f->zdr);
}

static bool read_distillable(struct filter *f, struct pm_str v)
{
    return read_flag(v, &f->distillable);
}

/* Orders that rest on what only OpenRouter knows leave the list as it is. */
static bool read_sort(struct filter *f, struct pm_str v)
{
    static const struct {
        const char *word;
        enum filter_sort sort;
    } words[] = {{"newest", SORT_NEWEST},
                 {"pricing-low-to-high", SORT_CHEAPEST},
                 {"pricing-high-to-low", SORT_DEAREST},
                 {"context-high-to-low", SORT_LARGEST_CONTEXT},
                 {"throughput-high-to-low", SORT_FASTEST},
                 {"latency-low-to-high", SORT_SOONEST}};

    for (size_t i = 0; i < PM_COUNT(words); i++) {
        if (pm_str_is(v, words[i].word))
            f->sort = words[i].sort;
    }
    return true;
}

static bool read_count(struct pm_str v, uint64_t least, uint64_t most, uint64_t *out)
{
    return pm_str_u64(v, out) && *out >= least && *out <= most;
}

static bool read_context(struct filter *f, struct pm_str v)
{
    uint64_t n;

    if (!read_count(v, 0, INT64_MAX, &n))
        return false;
    f->context = (int64_t)n;
    return true;
}

static bool read_offset(struct filter *f, struct pm_str v)
{
    uint64_t n;

    if (!read_count(v, 0, UINT32_MAX, &n))
        return false;
    f->offset = (size_t)n;
    f->paged = true;
    return true;
}

static bool read_limit(struct filter *f, struct pm_str v)
{
    uint64_t n;

    if (!read_count(v, 1, MAX_LIMIT, &n))
        return false;
    f->limit = (size_t)n;
    f->paged = true;
    return true;
}

static bool read_text(struct filter *f, struct pm_str v)
{
    f->text = v;
    return true;
}

static bool read_providers(struct filter *f, struct pm_str v)
{
    f->providers = v;
    return true;
}

static bool read_authors(struct filter *f, struct pm_str v)
{
    f->authors = v;
    return true;
}

static bool read_region(struct filter *f, struct pm_str v)
{
    f->region = v;
    return true;
}

/* USD per million tokens. */
static bool read_min_input(struct filter *f, struct pm_str v)
{
    return pm_money_per_mtok(v, &f->min_input);
}

static bool read_max_input(struct filter *f, struct pm_str v)
{
    return pm_money_per_mtok(v, &f->max_input);
}

static bool read_min_output(struct filter *f, struct pm_str v)
{
    return pm_money_per_mtok(v, &f->min_output);
}

static bool read_max_output(struct filter *f, struct pm_str v)
{
    return pm_money_per_mtok(v, &f->max_output);
}

static const struct {
    const char *name;
    bool (*read)(struct filter *f, struct pm_str v);
} params[] = {
    {"supported_parameters", read_params},
    {"output_modalities", read_output},
    {"input_modalities", read_input},
    {"q", read_text},
    {"providers", read_providers},
    {"model_authors", read_authors},
    {"region", read_region},
    {"zdr", read_zdr},
    {"distillable", read_distillable},
    {"context", read_context},
    {"min_price", read_min_input},
    {"max_price", read_max_input},
    {"min_output_price", read_min_output},
    {"max_output_price", read_max_output},
    {"sort", read_sort},
    {"offset", read_offset},
    {"limit", read_limit},
};

static bool read_param(struct filter *f, struct pm_str name, struct pm_str value)
{
    for (size_t i = 0; i < PM_COUNT(params); i++) {
        if (pm_str_is(name, params[i].name))
            return params[i].read(f, value);
    }
    return true;
}

bool filter_read(struct pm_str query, struct filter *f, struct pm_error *err)
{
    struct pm_str name, value;

    *f = (struct filter){.out = PM_MOD_TEXT,
                         .min_input = PM_PRICE_NONE,
                         .max_input = PM_PRICE_NONE,
                         .min_output = PM_PRICE_NONE,
                         .max_output = PM_PRICE_NONE,
                         .limit = DEFAULT_LIMIT};
    pm_buf_init(&f->decoded, MAX_QUERY_BYTES);
    if (!pm_buf_reserve(&f->decoded, query.n)) /* at once: slices of it must not move */
        return pm_fail(err, PM_EINVAL, "the query is too long");
    while (pm_url_param(&query, &name, &value)) {
        const size_t start = f->decoded.n;

        if (!pm_url_decode(value, true, &f->decoded))
            return pm_fail(err, PM_EINVAL, "the query has a malformed escape");
        value = pm_str_n(f->decoded.p + start, f->decoded.n - start);
        if (!read_param(f, name, value))
            return pm_fail(err, PM_EINVAL, "%.*s: not a value that it can have", PM_FMT(name));
    }
    return true;
}

void filter_fini(struct filter *f)
{
    pm_buf_fini(&f->decoded);
}

bool filter_shows(const struct listing *l, const struct pm_endpoint *e)
{
    return (l->private_ok || !e->provider->is_private) && l->usable(l->ctx, e);
}

static bool in_list(struct pm_str list, struct pm_str tag)
{
    struct pm_str word;

    while (next_word(&list, &word)) {
        if (pm_slug_covers(word, tag))
            return true;
    }
    return false;
}

static bool in_region(const struct pm_endpoint *e, struct pm_str region)
{
    if (e->region.n)
        return pm_str_ieq(e->region, region);
    for (size_t i = 0; i < e->provider->n_regions; i++) {
        if (pm_str_ieq(e->provider->regions[i], region))
            return true;
    }
    return false;
}

static bool endpoint_matches(const struct filter *f, const struct pm_endpoint *e)
{
    if (f->providers.n && !in_list(f->providers, e->tag))
        return false;
    if (f->region.n && !in_region(e, f->region))
        return false;
    return !f->zdr || (e->data.known && e->data.retention_days == 0);
}

static bool is_cheaper(const struct pm_endpoint *a, const struct pm_endpoint *b)
{
    if (a->price.known != b->price.known)
        return a->price.known;
    return a->price.known && a->price.input + a->price.output < b->price.input + b->price.output;
}

static void note_health(const struct listing *l, const struct pm_endpoint *e, struct listed *out)
{
    struct health_report r;

    if (!l->report)
        return;
    l->report(l->ctx, e, &r);
    if (r.has_throughput && (double)r.tokens_per_s.p50 > out->throughput)
        out->throughput = (double)r.tokens_per_s.p50;
    if (r.has_latency && (out->latency <= 0 || (double)r.latency_s.p50 < out->latency))
        out->latency = (double)r.latency_s.p50;
}

bool filter_summary(const struct listing *l, const struct filter *f, const struct pm_model *m,
                    struct listed *out)
{
    const bool by_health = f && (f->sort == SORT_FASTEST || f->sort == SORT_SOONEST);

    *out = (struct listed){.model = m};
    for (size_t i = 0; i < m->n_endpoints; i++) {
        const struct pm_endpoint *e = m->endpoints[i];

        if (!filter_shows(l, e) || (f && !endpoint_matches(f, e)))
            continue;
        out->params |= e->params;
        if (!out->top || is_cheaper(e, out->top))
            out->top = e;
        if (by_health)
            note_health(l, e, out);
    }
    return out->top != NULL;
}

static bool in_range(bool known, int64_t price, int64_t least, int64_t most)
{
    if (least == PM_PRICE_NONE && most == PM_PRICE_NONE)
        return true;
    return known && price >= least && (most == PM_PRICE_NONE || price <= most);
}

static bool author_matches(struct pm_str list, struct pm_str id)
{
    const ptrdiff_t slash = pm_str_find(id, '/');
    struct pm_str word;

    while (next_word(&list, &word)) {
        if (slash >= 0 && pm_str_ieq(word, pm_str_cut(id, 0, (size_t)slash)))
            return true;
    }
    return false;
}

static bool model_matches(const struct filter *f, const struct pm_model *m)
{
    if ((f->out && !(m->out_modalities & f->out)) || (m->in_modalities & f->in) != f->in)
        return false;
    if (f->text.n && !pm_str_icontains(m->id, f->text) && !pm_str_icontains(m->name, f->text))
        return false;
    if (f->authors.n && !author_matches(f->authors, m->id))
        return false;
    return (!f->distillable || m->distillable) && m->context >= f->context;
}

static bool listed_matches(const struct filter *f, const struct listed *x)
{
    const struct pm_price *p = &x->top->price;

    return (x->params & f->params) == f->params &&
           in_range(p->known, p->input, f->min_input, f->max_input) &&
           in_range(p->known, p->output, f->min_output, f->max_output);
}

/* -1: unknown. */
static double number_of(const struct listed *x, enum filter_sort sort)
{
    switch (sort) {
    case SORT_NEWEST:
        return x->model->created > 0 ? (double)x->model->created : -1;
    case SORT_CHEAPEST:
    case SORT_DEAREST:
        return x->top->price.known ? (double)(x->top->price.input + x->top->price.output) : -1;
    case SORT_LARGEST_CONTEXT:
        return x->model->context > 0 ? (double)x->model->context : -1;
    case SORT_FASTEST:
        return x->throughput > 0 ? x->throughput : -1;
    case SORT_SOONEST:
        return x->latency > 0 ? x->latency : -1;
    default:
        return 0;
    }
}

/* What is unknown comes last, whichever the direction. */
static int by_number(double a, double b, bool descending)
{
    if ((a < 0) != (b < 0))
        return a < 0 ? 1 : -1;
    return descending ? (a < b) - (a > b) : (a > b) - (a < b);
}

/* Equals keep the table's order, so that the same query always gives the same pages. */
static int compare(const void *a, const void *b, void *ctx)
{
    const struct listed *x = a, *y = b;
    const enum filter_sort sort = *(const enum filter_sort *)ctx;
    const bool ascending = sort == SORT_CHEAPEST || sort == SORT_SOONEST;
    const int order = by_number(number_of(x, sort), number_of(y, sort), !ascending);

    if (order)
        return order;
    return (x->model->index > y->model->index) - (x->model->index < y->model->index);
}

struct listed *filter_models(const struct listing *l, const struct filter *f, size_t *n)
{
    const struct pm_table *t = l->table;
    struct listed *all = pm_xcalloc(t->n_models + 1, sizeof(*all));
    enum filter_sort sort = f->sort;

    *n = 0;
    for (size_t i = 0; i < t->n_models; i++) {
        if (model_matches(f, t->models[i]) && filter_summary(l, f, t->models[i], &all[*n]) &&
            listed_matches(f, &all[*n]))
            ++*n;
    }
    qsort_r(all, *n, sizeof(*all), compare, &sort);
    return all;
}
