/* SPDX-License-Identifier: Apache-2.0 */
/* The `provider` object of a request: one row for each member it may have. */
#include "common/route/route.h"

#define MAX_SLUGS 256 /* in a list; each is compared with every endpoint */
#define MAX_SLUG 256 /* bytes of one */

struct reader {
    struct pm_arena *arena;
    struct pm_prefs *out;
    struct pm_error *err;
};

struct member {
    const char *name; /* with its path, for errors; the key is what follows the last dot */
    bool (*read)(const struct reader *r, const struct member *m, struct pm_jval v, void *to);
    size_t at; /* of what it fills in struct pm_prefs, or in the object that has it */
};

static bool wrong(const struct reader *r, const struct member *m, const char *want)
{
    return pm_fail(r->err, PM_EINVAL, "%s must be %s", m->name, want);
}

static struct pm_str key_of(const struct member *m)
{
    return pm_str(strrchr(m->name, '.') + 1);
}

/* Reads every member of v by its row; null means that it is not there. */
static bool read_object(const struct reader *r, const char *name, const struct member *rows,
                        size_t n, struct pm_jval v, void *to)
{
    struct pm_jiter it = pm_json_iter(v);
    struct pm_jval val;
    struct pm_str key;

    while (pm_json_member(&it, &key, &val)) {
        size_t i = 0;
        while (i < n && !pm_str_eq(key_of(&rows[i]), key))
            i++;
        if (i == n)
            return pm_fail(r->err, PM_EINVAL, "%s has no member '%.*s'", name,
                           PM_FMT(pm_str_cut(key, 0, 64)));
        if (val.type != PM_JNULL && !rows[i].read(r, &rows[i], val, (char *)to + rows[i].at))
            return false;
    }
    return true;
}

/* v as text; what had escapes is unescaped into the arena. */
static bool text_of(const struct reader *r, struct pm_jval v, struct pm_str *out)
{
    struct pm_buf b;
    bool ok;

    pm_buf_init(&b, MAX_SLUG);
    ok = v.type == PM_JSTR && v.raw.n <= MAX_SLUG * 6 && pm_json_text(v, &b, out);
    if (ok && b.n)
        *out = pm_arena_str(r->arena, *out);
    pm_buf_fini(&b);
    return ok && out->n <= MAX_SLUG;
}

static bool is_bool(struct pm_jval v)
{
    return v.type == PM_JTRUE || v.type == PM_JFALSE;
}

static bool read_bool(const struct reader *r, const struct member *m, struct pm_jval v, void *to)
{
    *(bool *)to = v.type == PM_JTRUE;
    return is_bool(v) || wrong(r, m, "true or false");
}

static bool read_not_bool(const struct reader *r, const struct member *m, struct pm_jval v,
                          void *to)
{
    *(bool *)to = v.type == PM_JFALSE;
    return is_bool(v) || wrong(r, m, "true or false");
}

static bool read_collection(const struct reader *r, const struct member *m, struct pm_jval v,
                            void *to)
{
    struct pm_str word = pm_json_body(v);

    *(bool *)to = pm_str_is(word, "deny");
    return pm_str_is(word, "deny") || pm_str_is(word, "allow") ||
           wrong(r, m, "\"allow\" or \"deny\"");
}

static bool read_slugs(const struct reader *r, const struct member *m, struct pm_jval v,
                       struct pm_str **list, size_t *n)
{
    static const char want[] = "an array of at most 256 short strings";
    struct pm_jiter it = pm_json_iter(v);
    struct pm_jval item;

    *n = 0;
    if (v.type != PM_JARR)
        return wrong(r, m, want);
    while (pm_json_item(&it, &item)) {
        if (++*n > MAX_SLUGS)
            return wrong(r, m, want);
    }
    *list = PM_ARENA_ARRAY(r->arena, struct pm_str, *n);
    it = pm_json_iter(v);
    for (size_t i = 0; pm_json_item(&it, &item); i++) {
        if (!text_of(r, item, &(*list)[i]))
            return wrong(r, m, want);
    }
    return true;
}

static bool read_order(const struct reader *r, const struct member *m, struct pm_jval v, void *to)
{
    (void)to;
    return read_slugs(r, m, v, &r->out->order, &r->out->n_order);
}

static bool read_only(const struct reader *r, const struct member *m, struct pm_jval v, void *to)
{
    (void)to;
    r->out->only_set = true;
    return read_slugs(r, m, v, &r->out->only, &r->out->n_only);
}

static bool read_ignore(const struct reader *r, const struct member *m, struct pm_jval v, void *to)
{
    (void)to;
    return read_slugs(r, m, v, &r->out->ignore, &r->out->n_ignore);
}

static bool read_quants(const struct reader *r, const struct member *m, struct pm_jval v, void *to)
{
    struct pm_jiter it = pm_json_iter(v);
    struct pm_jval item;
    uint32_t mask = 0;

    if (v.type != PM_JARR)
        return wrong(r, m, "an array of quantization names");
    while (pm_json_item(&it, &item)) {
        uint32_t q = pm_quant_from(pm_json_body(item));
        if (q == 0)
            return wrong(r, m,
                         "an array of quantization names (int4, int8, fp4, mxfp4, nvfp4, "
                         "fp6, fp8, mxfp8, fp16, bf16, fp32, unknown)");
        mask |= q;
    }
    *(uint32_t *)to = mask;
    return true;
}

static bool read_by(const struct reader *r, const struct member *m, struct pm_jval v, void *to)
{
    static const char *const words[] = {
        [PM_SORT_PRICE] = "price",
        [PM_SORT_THROUGHPUT] = "throughput",
        [PM_SORT_LATENCY] = "latency",
        [PM_SORT_EXACTO] = "exacto",
    };

    (void)to;
    for (enum pm_sort s = PM_SORT_PRICE; s <= PM_SORT_EXACTO; s++) {
        if (pm_str_is(pm_json_body(v), words[s])) {
            r->out->sort = s;
            return true;
        }
    }
    return wrong(r, m, "price, throughput, latency or exacto");
}

static bool read_partition(const struct reader *r, const struct member *m, struct pm_jval v,
                           void *to)
{
    struct pm_str word = pm_json_body(v);

    *(bool *)to = pm_str_is(word, "none");
    return pm_str_is(word, "none") || pm_str_is(word, "model") ||
           wrong(r, m, "\"model\" or \"none\"");
}

static bool read_sort(const struct reader *r, const struct member *m, struct pm_jval v, void *to)
{
    static const struct member rows[] = {
        {"provider.sort.by", read_by, 0},
        {"provider.sort.partition", read_partition, offsetof(struct pm_prefs, partition_none)},
    };

    if (v.type != PM_JOBJ)
        return read_by(r, m, v, to);
    return read_object(r, m->name, rows, PM_COUNT(rows), v, r->out);
}

static bool read_cutoff(const struct reader *r, const struct member *m, struct pm_jval v, void *to)
{
    double *out = to;

    return (pm_json_f64(v, out) && *out >= 0) || wrong(r, m, "a number that is not negative");
}

/* A number is the median's. */
static bool read_cutoffs(const struct reader *r, const struct member *m, struct pm_jval v, void *to)
{
    static const struct member rows[] = {
        {".p50", read_cutoff, offsetof(struct pm_cutoffs, p50)},
        {".p75", read_cutoff, offsetof(struct pm_cutoffs, p75)},
        {".p90", read_cutoff, offsetof(struct pm_cutoffs, p90)},
        {".p99", read_cutoff, offsetof(struct pm_cutoffs, p99)},
    };
    struct pm_cutoffs *out = to;

    *out = (struct pm_cutoffs){0};
    if (v.type != PM_JOBJ)
        return read_cutoff(r, m, v, &out->p50);
    if (!read_object(r, m->name, rows, PM_COUNT(rows), v, out))
        return wrong(r, m, "a number or an object of p50, p75, p90 and p99");
    return true;
}

/* A price as a number or a numeric string, rounded down to whole pico-dollars: prices are whole,
 * so that is the same bound. `scale` pico-dollars make one of its units. */
static bool read_bound(const struct reader *r, const struct member *m, struct pm_jval v,
                       bool (*exact)(struct pm_str, int64_t *), double scale, int64_t *out)
{
    struct pm_str text = v.type == PM_JSTR ? pm_json_body(v) : v.raw;
    struct pm_jval number;
    double d;

    if (exact(text, out))
        return true;
    if (!pm_json_ok(text, &number) || !pm_json_f64(number, &d) || d < 0)
        return wrong(r, m, "a price: a number that is not negative, or a string of one");
    d = d * scale;
    *out = d < 9.2e18 ? (int64_t)d : INT64_MAX;
    return true;
}

static bool read_per_mtok(const struct reader *r, const struct member *m, struct pm_jval v,
                          void *to)
{
    return read_bound(r, m, v, pm_money_per_mtok, 1e6, to);
}

static bool read_each(const struct reader *r, const struct member *m, struct pm_jval v, void *to)
{
    return read_bound(r, m, v, pm_money_per_token, 1e12, to);
}

static bool read_max_price(const struct reader *r, const struct member *m, struct pm_jval v,
                           void *to)
{
    static const struct member rows[] = {
        {"provider.max_price.prompt", read_per_mtok, offsetof(struct pm_prefs, max_prompt)},
        {"provider.max_price.completion", read_per_mtok, offsetof(struct pm_prefs, max_completion)},
        {"provider.max_price.audio", read_per_mtok, offsetof(struct pm_prefs, max_audio)},
        {"provider.max_price.request", read_each, offsetof(struct pm_prefs, max_request)},
        {"provider.max_price.image", read_each, offsetof(struct pm_prefs, max_image)},
    };

    (void)to;
    if (v.type != PM_JOBJ)
        return wrong(r, m, "an object");
    return read_object(r, m->name, rows, PM_COUNT(rows), v, r->out);
}

bool pm_prefs_from_json(struct pm_jval provider, struct pm_arena *a, struct pm_prefs *out,
                        struct pm_error *err)
{
    static const struct member rows[] = {
        {"provider.order", read_order, 0},
        {"provider.only", read_only, 0},
        {"provider.ignore", read_ignore, 0},
        {"provider.allow_fallbacks", read_not_bool, offsetof(struct pm_prefs, no_fallbacks)},
        {"provider.require_parameters", read_bool, offsetof(struct pm_prefs, require_parameters)},
        {"provider.data_collection", read_collection, offsetof(struct pm_prefs, deny_collection)},
        {"provider.zdr", read_bool, offsetof(struct pm_prefs, zdr)},
        {"provider.enforce_distillable_text", read_bool, offsetof(struct pm_prefs, distillable)},
        {"provider.quantizations", read_quants, offsetof(struct pm_prefs, quants)},
        {"provider.sort", read_sort, 0},
        {"provider.preferred_min_throughput", read_cutoffs,
         offsetof(struct pm_prefs, min_throughput)},
        {"provider.preferred_max_latency", read_cutoffs, offsetof(struct pm_prefs, max_latency)},
        {"provider.max_price", read_max_price, 0},
    };
    const struct reader r = {a, out, err};

    *out = PM_PREFS_NONE;
    if (provider.type == PM_JNULL)
        return true;
    if (provider.type != PM_JOBJ)
        return pm_fail(err, PM_EINVAL, "provider must be an object");
    return read_object(&r, "provider", rows, PM_COUNT(rows), provider, out);
}
