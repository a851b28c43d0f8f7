/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/api/listing.h"

#include "agent/api/rows.h"
#include "common/route/route.h"
#include "common/url.h"

#define MAX_ID_BYTES 512

/* The query of the page after `f`: what was asked, with another offset. */
static void write_next(const struct listing *l, const char *path, struct pm_str query,
                       const struct filter *f, struct pm_jout *o)
{
    struct pm_str name, value;
    struct pm_buf link;

    pm_buf_init(&link, 32768);
    pm_buf_str(&link, l->prefix);
    pm_buf_cstr(&link, path);
    pm_buf_addf(&link, "?offset=%zu&limit=%zu", f->offset + f->limit, f->limit);
    while (pm_url_param(&query, &name, &value)) {
        if (pm_str_is(name, "offset") || pm_str_is(name, "limit"))
            continue;
        pm_buf_ch(&link, '&');
        pm_buf_str(&link, name);
        pm_buf_ch(&link, '=');
        pm_buf_str(&link, value);
    }
    pm_jout_str(o, "next", pm_buf_view(&link));
    pm_buf_fini(&link);
}

static void write_models(const struct listing *l, const char *path, struct pm_str query,
                         const struct filter *f, struct pm_buf *out)
{
    struct pm_jout o = {.b = out};
    size_t n, from = 0, to;
    struct listed *all = filter_models(l, f, &n);

    to = n;
    if (f->paged) {
        from = PM_MIN(f->offset, n);
        to = PM_MIN(from + f->limit, n);
    }
    pm_jout_open(&o, NULL, '{');
    pm_jout_cstr(&o, "object", "list"); /* for OpenAI's SDKs */
    pm_jout_open(&o, "data", '[');
    for (size_t i = from; i < to && !out->failed; i++)
        row_model(l, &all[i], &o);
    pm_jout_close(&o, ']');
    pm_jout_open(&o, "links", '{');
    if (to < n)
        write_next(l, path, query, f, &o);
    else
        pm_jout_null(&o, "next");
    pm_jout_close(&o, '}');
    pm_jout_i64(&o, "total_count", (int64_t)n);
    pm_jout_close(&o, '}');
    free(all);
}

static bool full(struct pm_error *err)
{
    return pm_fail(err, PM_ELIMIT, "the answer is too large");
}

bool listing_models(const struct listing *l, struct pm_str query, struct pm_buf *out,
                    struct pm_error *err)
{
    struct filter f;
    const bool ok = filter_read(query, &f, err);

    if (ok)
        write_models(l, "/models", query, &f, out);
    filter_fini(&f);
    return ok && (!out->failed || full(err));
}

bool listing_embedding_models(const struct listing *l, struct pm_str query, struct pm_buf *out,
                              struct pm_error *err)
{
    struct filter f;
    const bool ok = filter_read(query, &f, err);

    if (ok) {
        f.out = PM_MOD_EMBEDDING;
        write_models(l, "/embeddings/models", query, &f, out);
    }
    filter_fini(&f);
    return ok && (!out->failed || full(err));
}

bool listing_count(const struct listing *l, struct pm_str query, struct pm_buf *out,
                   struct pm_error *err)
{
    struct pm_jout o = {.b = out};
    struct filter f;
    const bool ok = filter_read(query, &f, err);
    size_t n;

    if (ok) {
        free(filter_models(l, &f, &n));
        pm_jout_open(&o, NULL, '{');
        pm_jout_open(&o, "data", '{');
        pm_jout_i64(&o, "count", (int64_t)n);
        pm_jout_close(&o, '}');
        pm_jout_close(&o, '}');
    }
    filter_fini(&f);
    return ok && (!out->failed || full(err));
}

/* The model that a path names; NULL and *err if this caller has none of that name. */
static const struct pm_model *find_model(const struct listing *l, struct pm_str author,
                                         struct pm_str slug, struct listed *x, struct pm_error *err)
{
    const struct pm_model *m = NULL;
    struct pm_buf id;

    pm_buf_init(&id, MAX_ID_BYTES);
    if (pm_url_decode(author, false, &id) &&
        (!slug.n || (pm_buf_ch(&id, '/') && pm_url_decode(slug, false, &id))))
        m = pm_table_model(l->table, pm_model_ref(pm_buf_view(&id)).id);
    pm_buf_fini(&id);
    if (!m || !filter_summary(l, NULL, m, x)) {
        pm_fail(err, PM_EINVAL, "No such model");
        return NULL;
    }
    return m;
}

bool listing_model(const struct listing *l, struct pm_str author, struct pm_str slug,
                   struct pm_buf *out, struct pm_error *err)
{
    struct listed x;

    if (!find_model(l, author, slug, &x, err))
        return false;
    if (slug.n)
        pm_buf_lit(out, "{\"data\":");
    row_model(l, &x, &(struct pm_jout){.b = out});
    if (slug.n)
        pm_buf_ch(out, '}');
    return !out->failed || full(err);
}

bool listing_endpoints(const struct listing *l, struct pm_str author, struct pm_str slug,
                       struct pm_buf *out, struct pm_error *err)
{
    struct pm_jout o = {.b = out};
    struct listed x;
    const struct pm_model *m = find_model(l, author, slug, &x, err);

    if (!m)
        return false;
    pm_jout_open(&o, NULL, '{');
    pm_jout_open(&o, "data", '{');
    pm_jout_str(&o, "id", m->id);
    pm_jout_str(&o, "name", m->name);
    pm_jout_i64(&o, "created", m->created);
    pm_jout_str(&o, "description", m->description);
    row_architecture(m, &o);
    pm_jout_open(&o, "endpoints", '[');
    for (size_t i = 0; i < m->n_endpoints; i++) {
        if (filter_shows(l, m->endpoints[i]))
            row_endpoint(l, m->endpoints[i], &o);
    }
    pm_jout_close(&o, ']');
    pm_jout_close(&o, '}');
    pm_jout_close(&o, '}');
    return !out->failed || full(err);
}

bool listing_zdr(const struct listing *l, struct pm_buf *out)
{
    struct pm_jout o = {.b = out};

    pm_jout_open(&o, NULL, '{');
    pm_jout_open(&o, "data", '[');
    for (size_t i = 0; i < l->table->n_endpoints; i++) {
        const struct pm_endpoint *e = l->table->endpoints[i];

        if (e->data.known && e->data.retention_days == 0 && filter_shows(l, e))
            row_endpoint(l, e, &o);
    }
    pm_jout_close(&o, ']');
    pm_jout_close(&o, '}');
    return !out->failed;
}

static void write_provider(struct pm_jout *o, const struct pm_provider *p)
{
    pm_jout_open(o, NULL, '{');
    pm_jout_str(o, "name", p->name);
    pm_jout_str(o, "slug", p->slug);
    pm_jout_str_or_null(o, "privacy_policy_url", p->privacy_url);
    pm_jout_str_or_null(o, "terms_of_service_url", p->terms_url);
    pm_jout_str_or_null(o, "status_page_url", p->status_url);
    pm_jout_str_or_null(o, "headquarters", p->headquarters);
    pm_jout_open(o, "datacenters", '[');
    for (size_t i = 0; i < p->n_regions; i++) {
        char region[64];
        size_t n = PM_MIN(p->regions[i].n, sizeof(region));

        for (size_t k = 0; k < n; k++) {
            const char c = p->regions[i].p[k];
            region[k] = (char)(c >= 'a' && c <= 'z' ? c - 0x20 : c);
        }
        pm_jout_str(o, NULL, pm_str_n(region, n));
    }
    pm_jout_close(o, ']');
    pm_jout_close(o, '}');
}

bool listing_providers(const struct listing *l, struct pm_buf *out)
{
    const struct pm_table *t = l->table;
    bool *shown = pm_xcalloc(t->n_providers + 1, sizeof(*shown));
    struct pm_jout o = {.b = out};

    for (size_t i = 0; i < t->n_endpoints; i++)
        shown[t->endpoints[i]->provider->index] |= filter_shows(l, t->endpoints[i]);
    pm_jout_open(&o, NULL, '{');
    pm_jout_open(&o, "data", '[');
    for (size_t i = 0; i < t->n_providers; i++) {
        if (shown[t->providers[i]->index])
            write_provider(&o, t->providers[i]);
    }
    pm_jout_close(&o, ']');
    pm_jout_close(&o, '}');
    free(shown);
    return !out->failed;
}
