/* SPDX-License-Identifier: Apache-2.0 */
#include "common/route/route.h"

#include "common/route/steps.h"

void pm_route_warn(struct pm_route_run *r, struct pm_str text)
{
    struct pm_decision *d = r->d;

    for (size_t i = 0; i < d->n_warnings; i++) {
        if (pm_str_eq(d->warnings[i], text))
            return;
    }
    if (d->n_warnings < PM_COUNT(d->warnings))
        d->warnings[d->n_warnings++] = text;
}

void pm_route(const struct pm_route_input *in, struct pm_arena *a, struct pm_decision *d)
{
    struct pm_route_run r;

    memset(&r, 0, sizeof(r));
    memset(d, 0, sizeof(*d));
    r.in = in;
    r.policy = in->policy ? in->policy : in->table->policy;
    r.arena = a;
    r.d = d;
    if (!pm_route_resolve(&r))
        return;
    pm_route_filter(&r);
    pm_route_order(&r);
    if (d->n_attempts == 0)
        pm_route_refuse(&r);
}
