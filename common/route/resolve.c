/* SPDX-License-Identifier: Apache-2.0 */
/* Names to models: presets, aliases, suffixes. */
#include "common/route/steps.h"

#define MAX_ID 256 /* longer text is no model id; keeps the search for suffixes short */

/* What a suffix asks of the model before it. A table entry of the full name comes first. */
static const struct variant {
    struct pm_str name;
    enum pm_sort sort;
    enum pm_tier admits;
    bool free_only;
    const char *ignored; /* why it changes nothing; NULL: it does */
} variants[] = {
    {PM_STR_INIT("nitro"), PM_SORT_THROUGHPUT, PM_TIER_PRIORITY, false, NULL},
    {PM_STR_INIT("floor"), PM_SORT_PRICE, PM_TIER_FLEX, false, NULL},
    {PM_STR_INIT("free"), PM_SORT_NONE, PM_TIER_DEFAULT, true, NULL},
    {PM_STR_INIT("thinking"), PM_SORT_NONE, PM_TIER_DEFAULT, false, "the model cannot reason"},
    {PM_STR_INIT("exacto"), PM_SORT_NONE, PM_TIER_DEFAULT, false, "there is no quality data"},
    {PM_STR_INIT("online"), PM_SORT_NONE, PM_TIER_DEFAULT, false, "there is no web plugin"},
    {PM_STR_INIT("extended"), PM_SORT_NONE, PM_TIER_DEFAULT, false,
     "the context that is needed decides"},
};

static bool refuse(struct pm_route_run *r, enum pm_no_route why, const char *availability,
                   struct pm_str message)
{
    r->d->failed = why;
    r->d->status = 400;
    r->d->error_type = "invalid_request";
    r->d->availability = pm_str(availability);
    r->d->message = message;
    return false;
}

static bool no_such_model(struct pm_route_run *r, struct pm_str id)
{
    return refuse(
        r, PM_NO_MODEL, "model_not_found",
        pm_arena_fmt(r->arena, "%.*s is not a valid model ID", PM_FMT(pm_str_cut(id, 0, MAX_ID))));
}

/* True if id is "author/slug" of this slug. */
static bool is_slug_of(struct pm_str slug, struct pm_str id)
{
    return id.n > slug.n + 1 && id.p[id.n - slug.n - 1] == '/' &&
           pm_str_ieq(slug, pm_str_cut(id, id.n - slug.n, id.n));
}

/* Ids in another case, and slugs without an author that only one model has: an app that spoke to
 * OpenAI asks for "gpt-5.1". */
static const struct pm_model *find_model_loosely(const struct pm_table *t, struct pm_str name)
{
    const struct pm_model *found = NULL;
    bool bare = pm_str_find(name, '/') < 0;

    for (size_t i = 0; i < t->n_models; i++) {
        const struct pm_model *m = t->models[i];
        if (pm_str_ieq(m->id, name) || pm_str_ieq(m->canonical, name))
            return m;
        if (bare && is_slug_of(name, m->id)) {
            if (found)
                return NULL;
            found = m;
        }
    }
    return found;
}

/* Of several that differ in case only, the first by bytes: a map has no order of its own. */
static const struct pm_alias *find_alias_loosely(const struct pm_table *t, struct pm_str name)
{
    const struct pm_alias *found = NULL;
    size_t i = 0;
    struct pm_str key;
    void *alias;

    while (pm_map_next(&t->alias_by_name, &i, &key, &alias)) {
        if (pm_str_ieq(key, name) && (!found || memcmp(key.p, found->name.p, key.n) < 0))
            found = alias;
    }
    return found;
}

struct found {
    const struct pm_alias *alias;
    const struct pm_model *model;
    struct pm_want want;
    const struct variant *ignored[4]; /* suffixes that change nothing */
    size_t n_ignored;
};

static bool find_name(const struct pm_table *t, struct pm_str name, bool aliases, bool loosely,
                      struct found *f)
{
    f->alias = NULL;
    if (aliases && t->alias_by_name.n)
        f->alias = loosely ? find_alias_loosely(t, name) : pm_map_get(&t->alias_by_name, name);
    if (!f->alias)
        f->model = loosely ? find_model_loosely(t, name) : pm_table_model(t, name);
    return f->alias || f->model;
}

static bool apply_suffix(struct pm_str name, struct found *f)
{
    const struct variant *v = variants;

    while (v < variants + PM_COUNT(variants) && !pm_str_ieq(v->name, name))
        v++;
    if (v == variants + PM_COUNT(variants))
        return false;
    /* The last suffix decides where two of them sort. */
    if (f->want.sort == PM_SORT_NONE)
        f->want.sort = v->sort;
    if (f->want.admits == PM_TIER_DEFAULT)
        f->want.admits = v->admits;
    f->want.free_only |= v->free_only;
    if (v->ignored && f->n_ignored < PM_COUNT(f->ignored))
        f->ignored[f->n_ignored++] = v;
    return true;
}

/* name without preset. Takes suffixes off its end until the table has what is left. */
static bool find_with_suffixes(const struct pm_table *t, struct pm_str name, bool aliases,
                               bool loosely, struct found *f)
{
    *f = (struct found){0};
    while (!find_name(t, name, aliases, loosely, f)) {
        struct pm_str suffix = pm_model_ref(name).variant;
        if (!suffix.p || !apply_suffix(suffix, f))
            return false;
        name.n -= suffix.n + 1;
    }
    return true;
}

static bool find(const struct pm_table *t, struct pm_str name, bool aliases, struct found *f)
{
    return name.n > 0 && name.n <= MAX_ID &&
           (find_with_suffixes(t, name, aliases, false, f) ||
            find_with_suffixes(t, name, aliases, true, f));
}

static void warn_of_suffixes(struct pm_route_run *r, const struct found *f)
{
    for (size_t i = 0; i < f->n_ignored; i++) {
        const struct variant *v = f->ignored[i];
        if (f->model && f->model->reasoning && pm_str_is(v->name, "thinking"))
            continue;
        pm_route_warn(r,
                      pm_arena_fmt(r->arena, ":%.*s is ignored: %s", PM_FMT(v->name), v->ignored));
    }
}

static void add_model(struct pm_route_run *r, const struct found *f)
{
    struct pm_decision *d = r->d;
    struct pm_want want = f->want;

    warn_of_suffixes(r, f);
    for (size_t i = 0; i < d->n_models; i++) {
        if (d->models[i] != f->model)
            continue;
        if (r->wants[i].free_only == want.free_only && r->wants[i].admits == want.admits)
            return;
        want.again = true;
    }
    if (d->n_models == PM_ROUTE_MODELS) {
        pm_route_warn(r, PM_STR("models beyond the sixteenth are ignored"));
        return;
    }
    r->wants[d->n_models] = want;
    d->models[d->n_models++] = f->model;
}

static bool add_alias(struct pm_route_run *r, const struct pm_alias *alias, struct pm_want outer)
{
    for (size_t i = 0; i < alias->n_models; i++) {
        struct found f;
        /* Names inside an alias are models: an alias may bear the name of one of them. */
        if (!find(r->in->table, alias->models[i], false, &f))
            return no_such_model(r, alias->models[i]);
        if (outer.sort != PM_SORT_NONE)
            f.want.sort = outer.sort;
        if (outer.admits != PM_TIER_DEFAULT)
            f.want.admits = outer.admits;
        f.want.free_only |= outer.free_only;
        add_model(r, &f);
    }
    return true;
}

/* What the names brought with them. */
struct named {
    const struct pm_alias *alias; /* the first model's */
    bool latest;
};

static bool add_name(struct pm_route_run *r, struct pm_str name, struct named *named)
{
    struct found f;
    bool first = r->d->n_models == 0;

    if (!find(r->in->table, name, true, &f))
        return no_such_model(r, name);
    if (first && pm_str_starts(name, PM_STR("~")))
        named->latest = true;
    if (!f.alias) {
        add_model(r, &f);
        return true;
    }
    warn_of_suffixes(r, &f);
    if (first)
        named->alias = f.alias;
    else
        pm_route_warn(r, pm_arena_fmt(r->arena,
                                      "preferences of alias %.*s are ignored: it is not the first",
                                      PM_FMT(f.alias->name)));
    return add_alias(r, f.alias, f.want);
}

static bool take_preset(struct pm_route_run *r, struct pm_str name, const struct pm_preset **out)
{
    *out = pm_map_get(&r->in->table->preset_by_name, name);
    if (!*out)
        return refuse(r, PM_NO_PRESET, NULL,
                      pm_arena_fmt(r->arena, "Preset '%.*s' was not found",
                                   PM_FMT(pm_str_cut(name, 0, MAX_ID))));
    if (!r->d->preset)
        r->d->preset = *out;
    else if (r->d->preset != *out)
        pm_route_warn(r, PM_STR("members of presets beyond the first are ignored"));
    return true;
}

static bool add_preset_models(struct pm_route_run *r, const struct pm_preset *preset,
                              struct named *named)
{
    for (size_t i = 0; i < preset->n_models; i++) {
        if (!add_name(r, preset->models[i], named))
            return false;
    }
    return true;
}

static bool add_call_model(struct pm_route_run *r, struct pm_str text, struct named *named)
{
    struct pm_model_ref ref = pm_model_ref(text);
    const struct pm_preset *preset;

    if (!ref.preset.p)
        return add_name(r, text, named);
    if (!take_preset(r, ref.preset, &preset))
        return false;
    text.n = (size_t)(ref.preset.p - text.p) - strlen("@preset/");
    return text.n ? add_name(r, text, named) : add_preset_models(r, preset, named);
}

static bool add_models(struct pm_route_run *r, struct named *named)
{
    const struct pm_call *call = r->in->call;
    const struct pm_preset *preset = NULL;

    if (call->n_models > PM_MAX_MODELS)
        return refuse(r, PM_TOO_MANY_MODELS, NULL,
                      PM_STR("'models' array must have 3 items or fewer."));
    for (size_t i = 0; i < call->n_models; i++) {
        if (!add_call_model(r, call->models[i], named))
            return false;
    }
    if (call->preset.p && !take_preset(r, call->preset, &preset))
        return false;
    if (call->n_models == 0 && preset && !add_preset_models(r, preset, named))
        return false;
    if (r->d->n_models == 0)
        return refuse(r, PM_NO_MODEL, "model_not_found", PM_STR("No models provided"));
    return true;
}

static enum pm_strategy strategy(const struct pm_route_run *r, const struct named *named)
{
    if (r->in->call->n_models > 1)
        return PM_STRATEGY_FALLBACK;
    if (named->latest)
        return PM_STRATEGY_LATEST;
    if (named->alias)
        return PM_STRATEGY_ALIAS;
    return r->wants[0].free_only ? PM_STRATEGY_FREE : PM_STRATEGY_DIRECT;
}

bool pm_route_resolve(struct pm_route_run *r)
{
    struct named named = {0};

    if (!add_models(r, &named))
        return false;
    r->d->strategy = strategy(r, &named);
    pm_route_prefs(r, named.alias);
    return true;
}
