/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of pm_route and what they hand on; only the files of this folder include it.
 * resolve: names → models and preferences. filter: a reason for every endpoint.
 * order: attempts. refuse: the answer where there are none. */
#ifndef PM_ROUTE_STEPS_H
#define PM_ROUTE_STEPS_H

#include "common/route/route.h"

/* What one of the decision's models was asked with. */
struct pm_want {
    enum pm_sort sort; /* its suffix's */
    bool free_only;
    enum pm_tier admits; /* tier that its suffix lets in; PM_TIER_DEFAULT: none */
    bool again; /* the same model is wanted before: only what that want could not use */
    size_t first_note, n_notes; /* its part of the decision's notes */
};

/* A slug of order, only or ignore: a provider with all its endpoints, or one endpoint's tag. */
struct pm_slug {
    const struct pm_provider *provider; /* NULL: by tag */
    struct pm_str tag;
};

struct pm_slugs {
    struct pm_slug *at;
    size_t n;
};

struct pm_route_run {
    const struct pm_route_input *in;
    const struct pm_policy *policy;
    struct pm_arena *arena;
    struct pm_decision *d;
    struct pm_want wants[PM_ROUTE_MODELS]; /* by the decision's models */
    struct pm_slugs order, only, ignore;
    enum pm_sort asked_sort; /* by request, preset or alias; it beats a suffix */
};

/* False: the decision says what is wrong with the names. */
bool pm_route_resolve(struct pm_route_run *r);
/* Part of resolve. alias: the first model's, or NULL. */
void pm_route_prefs(struct pm_route_run *r, const struct pm_alias *alias);
void pm_route_filter(struct pm_route_run *r);
void pm_route_order(struct pm_route_run *r);
void pm_route_refuse(struct pm_route_run *r);

/* Adds a line to the decision's warnings, if there is room; once each. */
void pm_route_warn(struct pm_route_run *r, struct pm_str text);
/* The provider that slug means, by slug or display name, in any case; NULL if none. */
const struct pm_provider *pm_route_provider(const struct pm_table *t, struct pm_str slug);
/* The position of the first slug that means e; s->n if none does. */
size_t pm_slugs_find(const struct pm_slugs *s, const struct pm_endpoint *e);
/* True if the request brought a key for p. */
bool pm_route_has_caller_key(const struct pm_route_input *in, const struct pm_provider *p);
/* True if c is there and may be used for m. */
bool pm_route_usable(const struct pm_route_input *in, const struct pm_credential *c,
                     const struct pm_model *m);

#endif
