/* SPDX-License-Identifier: Apache-2.0 */
/* Which preferences hold in the end: the request's, over its preset's, over its alias's, within
 * the tenant's policy. */
#include "common/route/steps.h"

static bool is_unset(struct pm_cutoffs c)
{
    return c.p50 <= 0 && c.p75 <= 0 && c.p90 <= 0 && c.p99 <= 0;
}

/* The members of `top`, and those of `base` which top does not have. A flag that base sets stays
 * set: a request cannot tell "false" from "not said" here, and false never widens. */
static void lay_over(struct pm_prefs *top, const struct pm_prefs *base)
{
    if (top->n_order == 0) {
        top->order = base->order;
        top->n_order = base->n_order;
    }
    if (!top->only_set) {
        top->only_set = base->only_set;
        top->only = base->only;
        top->n_only = base->n_only;
    }
    if (top->n_ignore == 0) {
        top->ignore = base->ignore;
        top->n_ignore = base->n_ignore;
    }
    if (top->n_regions == 0) {
        top->regions = base->regions;
        top->n_regions = base->n_regions;
    }
    if (top->sort == PM_SORT_NONE) {
        top->sort = base->sort;
        top->partition_none |= base->partition_none;
    }
    if (is_unset(top->min_throughput))
        top->min_throughput = base->min_throughput;
    if (is_unset(top->max_latency))
        top->max_latency = base->max_latency;
    if (top->quants == 0)
        top->quants = base->quants;
    top->no_fallbacks |= base->no_fallbacks;
    top->require_parameters |= base->require_parameters;
    top->deny_collection |= base->deny_collection;
    top->zdr |= base->zdr;
    top->distillable |= base->distillable;
    if (top->max_prompt == PM_PRICE_NONE)
        top->max_prompt = base->max_prompt;
    if (top->max_completion == PM_PRICE_NONE)
        top->max_completion = base->max_completion;
    if (top->max_request == PM_PRICE_NONE)
        top->max_request = base->max_request;
    if (top->max_image == PM_PRICE_NONE)
        top->max_image = base->max_image;
    if (top->max_audio == PM_PRICE_NONE)
        top->max_audio = base->max_audio;
}

const struct pm_provider *pm_route_provider(const struct pm_table *t, struct pm_str slug)
{
    const struct pm_provider *p = pm_map_get(&t->provider_by_slug, slug);

    for (size_t i = 0; !p && i < t->n_providers; i++) {
        if (pm_str_ieq(t->providers[i]->slug, slug) || pm_str_ieq(t->providers[i]->name, slug))
            p = t->providers[i];
    }
    return p;
}

/* The list with slugs where it has display names, which narrowing does not know. */
static struct pm_str *with_slugs(struct pm_route_run *r, const struct pm_str *list, size_t n)
{
    struct pm_str *out = PM_ARENA_ARRAY(r->arena, struct pm_str, n);

    for (size_t i = 0; i < n; i++) {
        const struct pm_provider *p = pm_route_provider(r->in->table, list[i]);
        out[i] = p ? p->slug : list[i];
    }
    return out;
}

static struct pm_slugs look_up(struct pm_route_run *r, const struct pm_str *list, size_t n)
{
    struct pm_slugs out = {.n = n};

    if (n == 0)
        return out;
    out.at = PM_ARENA_ARRAY(r->arena, struct pm_slug, n);
    for (size_t i = 0; i < n; i++)
        out.at[i] = (struct pm_slug){pm_route_provider(r->in->table, list[i]), list[i]};
    return out;
}

size_t pm_slugs_find(const struct pm_slugs *s, const struct pm_endpoint *e)
{
    size_t i = 0;

    while (i < s->n && (s->at[i].provider ? s->at[i].provider != e->provider
                                          : !pm_slug_covers(s->at[i].tag, e->tag)))
        i++;
    return i;
}

static enum pm_sort without_exacto(struct pm_route_run *r, enum pm_sort sort)
{
    if (sort != PM_SORT_EXACTO)
        return sort;
    pm_route_warn(r, PM_STR("sort exacto is ignored: there is no quality data"));
    return PM_SORT_NONE;
}

void pm_route_prefs(struct pm_route_run *r, const struct pm_alias *alias)
{
    struct pm_decision *d = r->d;
    struct pm_prefs asked = r->in->call->prefs;

    if (d->preset)
        lay_over(&asked, &d->preset->prefs);
    if (alias)
        lay_over(&asked, &alias->prefs);
    if (asked.only_set && r->policy->prefs.only_set)
        asked.only = with_slugs(r, asked.only, asked.n_only);
    asked.sort = without_exacto(r, asked.sort);
    r->asked_sort = asked.sort;
    d->prefs = pm_prefs_narrow(r->arena, &r->policy->prefs, &asked);
    d->prefs.sort = without_exacto(r, d->prefs.sort);
    d->prefs.partition_none |= asked.partition_none;
    r->order = look_up(r, d->prefs.order, d->prefs.n_order);
    r->only = look_up(r, d->prefs.only, d->prefs.n_only);
    r->ignore = look_up(r, d->prefs.ignore, d->prefs.n_ignore);
    d->sticky_allowed = d->prefs.n_order == 0 && !r->policy->sticky_off;
}
