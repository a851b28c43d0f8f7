/* SPDX-License-Identifier: Apache-2.0 */
/* `policies:`: each team's is narrowed by the one that it inherits, up to the default. */
#include "common/config/entries.h"

/* A glob that no model id matches: an empty list would match all. */
#define NO_MODEL PM_STR("(none)")

enum { MAX_DEPTH = 16 }; /* of policies that inherit each other */

struct policies {
    struct policy_entry *first, **last;
};

bool hook_globs(struct load *l, const struct row *row, void *obj, const struct pm_yaml *node)
{
    bool ok = true;

    (void)row;
    (void)obj;
    for (const struct pm_yaml *m = node->first; m; m = m->next) {
        if (pm_str_find(m->text, '*') < 0 && !pm_table_find_model(l->build, m->text))
            ok = unknown_model(l, m->at, m->text);
    }
    return ok;
}

bool hook_policy(struct load *l, const struct row *row, void *obj, const struct pm_yaml *node)
{
    struct policies *all = obj;
    struct policy_entry *e = PM_ARENA_NEW(l->scratch, struct policy_entry);
    const struct pm_yaml *inherit = pm_yaml_get(node, "inherit");
    bool is_default = pm_str_is(node->key, "default");

    if (check_slug(node->key))
        return load_fail(l, node->key_at, "a name %s", check_slug(node->key));
    if (is_default != (strcmp(row->path, "policies.default") == 0))
        return load_fail(l, node->key_at, "default stands beside teams, not among them");
    e->own = (struct pm_policy){.name = pm_arena_str(l->keep, node->key),
                                .prefs = PM_PREFS_NONE,
                                .budget = PM_SPEND_NONE,
                                .unknown_price = is_default ? PM_UNKNOWN_DENY : PM_UNKNOWN_FLAG};
    e->limits = PM_PREFS_NONE;
    e->inherit = is_default ? PM_NSTR : PM_STR("default");
    e->inherit_at = node->key_at;
    if (inherit)
        e->inherit_at = inherit->at;
    /* Kept even with findings, so that what inherits it does not miss it. */
    *all->last = e;
    all->last = &e->next;
    if (is_default && inherit)
        return load_fail(l, inherit->key_at, "the default inherits nothing");
    return schema_read(l, row->of, e, node);
}

/* True if one of `by` matches all that `glob`, which may be an id, matches. */
static bool covered(struct pm_str glob, const struct pm_str *by, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (pm_str_glob(glob, by[i]))
            return true;
    }
    return false;
}

/* What both lists allow: the globs of each that the other covers (the '*' of one is text that the
 * other's '*' matches), and by name the models that only partly overlapping globs share. */
static void meet_models(struct load *l, struct pm_policy *out, const struct pm_policy *tight)
{
    struct pm_str *both;
    const struct pm_model *m;
    size_t n = 0, n_models = 0;

    if (tight->n_models == 0)
        return;
    if (out->n_models == 0) {
        out->models = tight->models;
        out->n_models = tight->n_models;
        return;
    }
    while (pm_table_model_at(l->build, n_models))
        n_models++;
    both =
        PM_ARENA_ARRAY(l->scratch, struct pm_str, out->n_models + tight->n_models + n_models + 1);
    for (size_t i = 0; i < tight->n_models; i++) {
        if (covered(tight->models[i], out->models, out->n_models))
            both[n++] = tight->models[i];
    }
    for (size_t i = 0; i < out->n_models; i++) {
        if (covered(out->models[i], tight->models, tight->n_models) &&
            !covered(out->models[i], both, n))
            both[n++] = out->models[i];
    }
    for (size_t i = 0; (m = pm_table_model_at(l->build, i)) != NULL; i++) {
        if (covered(m->id, out->models, out->n_models) &&
            covered(m->id, tight->models, tight->n_models) && !covered(m->id, both, n))
            both[n++] = m->id;
    }
    if (n == 0)
        both[n++] = NO_MODEL;
    out->models = PM_ARENA_ARRAY(l->keep, struct pm_str, n);
    memcpy(out->models, both, n * sizeof(*both));
    out->n_models = n;
}

static void add_denials(struct load *l, struct pm_policy *out, const struct pm_policy *tight)
{
    struct pm_str *all;

    if (tight->n_deny_models == 0)
        return;
    all = PM_ARENA_ARRAY(l->keep, struct pm_str, out->n_deny_models + tight->n_deny_models);
    for (size_t i = 0; i < out->n_deny_models; i++)
        all[i] = out->deny_models[i];
    for (size_t i = 0; i < tight->n_deny_models; i++)
        all[out->n_deny_models + i] = tight->deny_models[i];
    out->deny_models = all;
    out->n_deny_models += tight->n_deny_models;
}

/* Of two bounds of which `none` is no bound. */
static int64_t lower(int64_t a, int64_t b, int64_t none)
{
    if (a == none || b == none)
        return a == none ? b : a;
    return PM_MIN(a, b);
}

static struct pm_policy narrow(struct load *l, const struct pm_policy *wide,
                               const struct pm_policy *tight)
{
    struct pm_policy out = *wide;
    const struct pm_spend *b = &tight->budget;

    out.name = tight->name;
    out.prefs = pm_prefs_narrow(l->keep, &wide->prefs, &tight->prefs);
    meet_models(l, &out, tight);
    add_denials(l, &out, tight);
    out.unknown_price = PM_MIN(wide->unknown_price, tight->unknown_price); /* deny is the least */
    out.default_max_output = lower(wide->default_max_output, tight->default_max_output, 0);
    out.sticky_off = wide->sticky_off || tight->sticky_off;
    /* A team's budget is its own, beside that of the layer above. */
    out.budget = *b;
    return out;
}

static struct policy_entry *find(const struct policies *all, struct pm_str name)
{
    struct policy_entry *e = all->first;

    while (e && !pm_str_eq(e->own.name, name))
        e = e->next;
    return e;
}

static bool inherit_fail(struct load *l, const struct policy_entry *e, const char *what)
{
    return load_fail(l, e->inherit_at, "team \"%.*s\": %s", PM_FMT(e->own.name), what);
}

/* Makes the policy of e, those above it first. */
static bool resolve(struct load *l, const struct policies *all, struct policy_entry *e,
                    unsigned depth)
{
    const struct pm_policy *above = pm_table_find_policy(l->build, PM_STR("default"));
    struct policy_entry *parent = e->inherit.p ? find(all, e->inherit) : NULL;
    struct pm_policy own = e->own;
    bool ok = true;

    if (e->state != POLICY_READ)
        return e->state == POLICY_DONE;
    e->state = POLICY_ENTERED;
    if (parent && parent->state == POLICY_ENTERED) {
        ok = inherit_fail(l, e, "it inherits itself");
    } else if (parent && depth == MAX_DEPTH) {
        ok = inherit_fail(l, e, "too many policies inherit each other");
    } else if (parent) {
        ok = resolve(l, all, parent, depth + 1);
        above = ok ? pm_table_find_policy(l->build, parent->own.name) : above;
    } else if (e->inherit.p && !pm_str_is(e->inherit, "default")) {
        ok = inherit_fail(l, e, "there is no policy of that name");
    }
    own.prefs = pm_prefs_narrow(l->keep, &e->limits, &e->own.prefs);
    *pm_table_add_policy(l->build, own.name) = e->inherit.p ? narrow(l, above, &own) : own;
    e->state = POLICY_DONE;
    return ok;
}

bool hook_policies(struct load *l, const struct row *row, void *obj, const struct pm_yaml *node)
{
    struct policies all = {NULL, &all.first};
    bool ok = schema_read(l, row->path, &all, node);

    (void)obj;
    for (struct policy_entry *e = all.first; e; e = e->next)
        ok &= resolve(l, &all, e, 0);
    return ok;
}
