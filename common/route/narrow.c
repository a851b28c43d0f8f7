/* SPDX-License-Identifier: Apache-2.0 */
#include "common/route/table.h"

/* The parts of slug lists a and b that both allow: of "azure" and "azure/eu", "azure/eu". */
static size_t slugs_meet(struct pm_arena *arena, const struct pm_str *a, size_t n_a,
                         const struct pm_str *b, size_t n_b, struct pm_str **out)
{
    struct pm_str *both = PM_ARENA_ARRAY(arena, struct pm_str, n_a + n_b);
    size_t n = 0;

    /* Each side keeps what the other covers; of slugs that are on both, one. */
    for (size_t i = 0; i < n_a; i++) {
        for (size_t j = 0; j < n_b; j++) {
            if (pm_slug_covers(b[j], a[i])) {
                both[n++] = a[i];
                break;
            }
        }
    }
    for (size_t j = 0; j < n_b; j++) {
        for (size_t i = 0; i < n_a; i++) {
            if (pm_slug_covers(a[i], b[j]) && !pm_str_ieq(a[i], b[j])) {
                both[n++] = b[j];
                break;
            }
        }
    }
    *out = both;
    return n;
}

static void narrow_only(struct pm_arena *a, struct pm_prefs *out, const struct pm_prefs *tight)
{
    if (!tight->only_set)
        return;
    if (!out->only_set) {
        out->only_set = true;
        out->only = tight->only;
        out->n_only = tight->n_only;
        return;
    }
    out->n_only = slugs_meet(a, out->only, out->n_only, tight->only, tight->n_only, &out->only);
}

static bool has(const struct pm_str *list, size_t n, struct pm_str s)
{
    for (size_t i = 0; i < n; i++) {
        if (pm_str_ieq(list[i], s))
            return true;
    }
    return false;
}

static void narrow_ignore(struct pm_arena *a, struct pm_prefs *out, const struct pm_prefs *tight)
{
    struct pm_str *all;
    size_t n = out->n_ignore;

    if (tight->n_ignore == 0)
        return;
    all = PM_ARENA_ARRAY(a, struct pm_str, out->n_ignore + tight->n_ignore);
    for (size_t i = 0; i < n; i++)
        all[i] = out->ignore[i];
    for (size_t i = 0; i < tight->n_ignore; i++) {
        if (!has(out->ignore, out->n_ignore, tight->ignore[i]))
            all[n++] = tight->ignore[i];
    }
    out->ignore = all;
    out->n_ignore = n;
}

static void narrow_regions(struct pm_arena *a, struct pm_prefs *out, const struct pm_prefs *tight)
{
    struct pm_str *both;
    size_t n = 0;

    if (tight->n_regions == 0)
        return;
    if (out->n_regions == 0) {
        out->regions = tight->regions;
        out->n_regions = tight->n_regions;
        return;
    }
    both = PM_ARENA_ARRAY(a, struct pm_str, out->n_regions + 1);
    for (size_t i = 0; i < out->n_regions; i++) {
        if (has(tight->regions, tight->n_regions, out->regions[i]))
            both[n++] = out->regions[i];
    }
    if (n == 0)
        both[n++] = PM_REGION_NOWHERE; /* an empty list would allow all */
    out->regions = both;
    out->n_regions = n;
}

static void narrow_quants(struct pm_prefs *out, const struct pm_prefs *tight)
{
    uint32_t both;

    if (tight->quants == 0)
        return;
    both = pm_quants_widen(tight->quants);
    if (out->quants != 0)
        both &= pm_quants_widen(out->quants);
    out->quants = both ? both : PM_QUANTS_NONE;
}

static double higher(double a, double b)
{
    return a > b ? a : b;
}

/* <= 0 is "not asked". */
static double lower(double a, double b)
{
    if (a <= 0 || b <= 0)
        return higher(a, b);
    return a < b ? a : b;
}

static int64_t lower_price(int64_t a, int64_t b)
{
    if (a == PM_PRICE_NONE || b == PM_PRICE_NONE)
        return PM_MAX(a, b);
    return PM_MIN(a, b);
}

static void narrow_speed(struct pm_prefs *out, const struct pm_prefs *tight)
{
    struct pm_cutoffs *rate = &out->min_throughput, *delay = &out->max_latency;

    rate->p50 = higher(rate->p50, tight->min_throughput.p50);
    rate->p75 = higher(rate->p75, tight->min_throughput.p75);
    rate->p90 = higher(rate->p90, tight->min_throughput.p90);
    rate->p99 = higher(rate->p99, tight->min_throughput.p99);
    delay->p50 = lower(delay->p50, tight->max_latency.p50);
    delay->p75 = lower(delay->p75, tight->max_latency.p75);
    delay->p90 = lower(delay->p90, tight->max_latency.p90);
    delay->p99 = lower(delay->p99, tight->max_latency.p99);
}

struct pm_prefs pm_prefs_narrow(struct pm_arena *a, const struct pm_prefs *wide,
                                const struct pm_prefs *tight)
{
    struct pm_prefs out = *wide;

    /* Order and sort are wishes, not limits: the tighter layer's win. */
    if (tight->n_order) {
        out.order = tight->order;
        out.n_order = tight->n_order;
    }
    if (tight->sort != PM_SORT_NONE) {
        out.sort = tight->sort;
        out.partition_none = tight->partition_none;
    }
    narrow_speed(&out, tight);

    narrow_only(a, &out, tight);
    narrow_ignore(a, &out, tight);
    narrow_regions(a, &out, tight);
    narrow_quants(&out, tight);
    out.no_fallbacks |= tight->no_fallbacks;
    out.require_parameters |= tight->require_parameters;
    out.deny_collection |= tight->deny_collection;
    out.zdr |= tight->zdr;
    out.distillable |= tight->distillable;
    out.max_prompt = lower_price(out.max_prompt, tight->max_prompt);
    out.max_completion = lower_price(out.max_completion, tight->max_completion);
    out.max_request = lower_price(out.max_request, tight->max_request);
    out.max_image = lower_price(out.max_image, tight->max_image);
    out.max_audio = lower_price(out.max_audio, tight->max_audio);
    return out;
}
