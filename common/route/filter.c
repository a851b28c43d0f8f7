/* SPDX-License-Identifier: Apache-2.0 */
/* Which endpoints may serve a call at all. Each group of checks answers with the first reason
 * against an endpoint; the groups stand in the order of enum pm_reason. */
#include "common/route/steps.h"

#define REASONING_PARAMS                                                                           \
    (PM_PBIT(PM_P_REASONING) | PM_PBIT(PM_P_REASONING_EFFORT) | PM_PBIT(PM_P_INCLUDE_REASONING))
#define LENGTH_PARAMS (PM_PBIT(PM_P_MAX_TOKENS) | PM_PBIT(PM_P_MAX_COMPLETION_TOKENS))

/* What e supports, with the other spellings that the agent writes where a provider knows one of
 * them. An endpoint whose parameters nobody listed is taken to support all. */
static uint64_t params_of(const struct pm_endpoint *e)
{
    uint64_t p = e->params ? e->params : ~0ULL;

    if (p & LENGTH_PARAMS)
        p |= LENGTH_PARAMS;
    if (p & REASONING_PARAMS)
        p |= REASONING_PARAMS;
    return p;
}

static bool is_free(const struct pm_endpoint *e)
{
    const struct pm_price *p = &e->price;

    return e->free || (p->known && p->input == 0 && p->output == 0 && p->request == 0);
}

bool pm_route_has_caller_key(const struct pm_route_input *in, const struct pm_provider *p)
{
    for (size_t i = 0; i < in->n_caller_keys; i++) {
        if (in->caller_keys[i] == p)
            return true;
    }
    return false;
}

bool pm_route_usable(const struct pm_route_input *in, const struct pm_credential *c,
                     const struct pm_model *m)
{
    size_t i = 0;

    if (c->source != PM_CRED_NONE && in->cred_present && !in->cred_present[c->index])
        return false;
    while (i < c->n_models && !pm_str_glob(m->id, c->models[i]))
        i++;
    return i < c->n_models || c->n_models == 0;
}

static bool has_credential(const struct pm_route_input *in, const struct pm_endpoint *e)
{
    if (pm_route_has_caller_key(in, e->provider))
        return true;
    for (size_t i = 0; i < e->provider->n_creds; i++) {
        if (pm_route_usable(in, e->provider->creds[i], e->model))
            return true;
    }
    return false;
}

/* True if a list has e's own slug, and not only its provider's. */
static bool is_named(const struct pm_slugs *s, const struct pm_endpoint *e)
{
    for (size_t i = 0; i < s->n; i++) {
        if (!s->at[i].provider && pm_str_ieq(s->at[i].tag, e->tag))
            return true;
    }
    return false;
}

/* A tier is dearer or slower, so it is used only where it was asked for. */
static bool tier_is_open(const struct pm_route_run *r, const struct pm_want *w,
                         const struct pm_endpoint *e)
{
    const struct pm_call *call = r->in->call;

    if (e->tier == PM_TIER_DEFAULT || (call->tier_set && call->tier == e->tier))
        return true;
    if (is_named(&r->order, e) || is_named(&r->only, e))
        return true;
    return e->tier == w->admits && r->order.n == 0 && !call->tier_set &&
           (r->asked_sort == PM_SORT_NONE || r->asked_sort == w->sort);
}

static enum pm_reason check_service(const struct pm_route_run *r, const struct pm_want *w,
                                    const struct pm_endpoint *e)
{
    bool embeds = e->out_modalities & PM_MOD_EMBEDDING;

    if (!e->enabled || !e->provider->enabled)
        return PM_R_DISABLED;
    if (!(r->in->protocols & 1U << e->provider->protocol))
        return PM_R_PROTOCOL;
    if (embeds != (r->in->call->op == PM_OP_EMBEDDING))
        return PM_R_OPERATION;
    if (w->free_only && !is_free(e))
        return PM_R_VARIANT;
    if (!tier_is_open(r, w, e))
        return PM_R_TIER;
    if (!has_credential(r->in, e))
        return PM_R_NO_CREDENTIAL;
    return PM_R_KEPT;
}

/* "eu" allows eu and eu-west-1; "europe" is the same place. */
static bool region_allows(struct pm_str allowed, struct pm_str region)
{
    if (pm_str_ieq(allowed, PM_STR("global")))
        return true;
    if (pm_str_ieq(allowed, PM_STR("europe")))
        allowed = PM_STR("eu");
    if (region.n >= 6 && pm_str_ieq(pm_str_cut(region, 0, 6), PM_STR("europe")))
        return pm_str_ieq(allowed, PM_STR("eu")) || pm_str_ieq(allowed, region);
    return pm_str_ieq(allowed, pm_str_cut(region, 0, allowed.n)) &&
           (region.n == allowed.n || region.p[allowed.n] == '-');
}

static bool region_is_in(const struct pm_prefs *p, struct pm_str region)
{
    for (size_t i = 0; i < p->n_regions; i++) {
        if (region_allows(p->regions[i], region))
            return true;
    }
    return false;
}

/* An endpoint that says nothing of its region is as its provider, which may serve from any of its
 * regions: all of them must be allowed. A provider of no region is global. */
static bool region_is_allowed(const struct pm_prefs *p, const struct pm_endpoint *e)
{
    const struct pm_provider *of = e->provider;

    if (p->n_regions == 0)
        return true;
    if (e->region.p)
        return region_is_in(p, e->region);
    for (size_t i = 0; i < of->n_regions; i++) {
        if (!region_is_in(p, of->regions[i]))
            return false;
    }
    return of->n_regions > 0 || region_is_in(p, PM_STR("global"));
}

static enum pm_reason check_policy(const struct pm_route_run *r, const struct pm_endpoint *e)
{
    const struct pm_prefs *p = &r->d->prefs;

    if (p->only_set && pm_slugs_find(&r->only, e) == r->only.n)
        return PM_R_NOT_ALLOWED;
    if (r->ignore.n && pm_slugs_find(&r->ignore, e) < r->ignore.n)
        return PM_R_IGNORED;
    if (!region_is_allowed(p, e))
        return PM_R_REGION;
    if (p->deny_collection && (!e->data.known || e->data.trains))
        return PM_R_TRAINING;
    if ((p->deny_collection || p->zdr) && (!e->data.known || e->data.retention_days != 0))
        return PM_R_RETENTION;
    if (p->distillable && !e->model->distillable)
        return PM_R_DISTILLABLE;
    if (p->quants && !(pm_quants_widen(p->quants) & e->quant))
        return PM_R_QUANTIZATION;
    return PM_R_KEPT;
}

static bool is_above(int64_t price, int64_t bound)
{
    return bound != PM_PRICE_NONE && price > bound;
}

static enum pm_reason check_price(const struct pm_route_run *r, const struct pm_endpoint *e)
{
    const struct pm_prefs *p = &r->d->prefs;
    bool bounded = p->max_prompt != PM_PRICE_NONE || p->max_completion != PM_PRICE_NONE ||
                   p->max_request != PM_PRICE_NONE || p->max_image != PM_PRICE_NONE ||
                   p->max_audio != PM_PRICE_NONE;
    bool ceiling = p->max_prompt != PM_PRICE_NONE && p->max_completion != PM_PRICE_NONE;

    if (e->price.known) {
        if (is_above(e->price.input, p->max_prompt) ||
            is_above(e->price.output, p->max_completion) ||
            is_above(e->price.request, p->max_request) ||
            is_above(e->price.image_unit, p->max_image) ||
            is_above(e->price.audio_in, p->max_audio)) /* PM_PRICE_NONE is below any bound */
            return PM_R_MAX_PRICE;
        return PM_R_KEPT;
    }
    switch (r->policy->unknown_price) {
    case PM_UNKNOWN_CEILING: /* charged at the bounds, so there must be some */
        return ceiling ? PM_R_KEPT : PM_R_UNKNOWN_PRICE;
    case PM_UNKNOWN_FLAG: /* but nobody can say that it is within a bound */
        return bounded ? PM_R_UNKNOWN_PRICE : PM_R_KEPT;
    case PM_UNKNOWN_DENY:
        break;
    }
    return PM_R_UNKNOWN_PRICE;
}

static enum pm_reason check_ability(const struct pm_route_run *r, const struct pm_endpoint *e)
{
    const struct pm_call *call = r->in->call;
    uint64_t params = params_of(e);
    int64_t need;

    if ((call->in_modalities & ~e->in_modalities) ||
        (call->op != PM_OP_EMBEDDING && (call->out_modalities & ~e->out_modalities)))
        return PM_R_MODALITY;
    if (r->d->prefs.require_parameters &&
        (call->params & ~params & ~PM_PBIT(PM_P_MODALITIES))) /* checked above, by what it says */
        return PM_R_PARAMETERS;
    if ((call->needs_tools && !(params & PM_PBIT(PM_P_TOOLS))) ||
        (call->needs_tool_choice && !(params & PM_PBIT(PM_P_TOOL_CHOICE))))
        return PM_R_TOOLS;
    if (e->context > 0 &&
        (__builtin_add_overflow(call->prompt_tokens, call->max_tokens, &need) || need > e->context))
        return PM_R_CONTEXT;
    if (e->max_output > 0 && call->max_tokens > e->max_output)
        return PM_R_MAX_OUTPUT;
    return PM_R_KEPT;
}

static enum pm_reason check(const struct pm_route_run *r, const struct pm_want *w,
                            const struct pm_endpoint *e, bool model_allowed)
{
    enum pm_reason why = check_service(r, w, e);

    if (why == PM_R_KEPT && !model_allowed)
        why = PM_R_MODEL_POLICY;
    if (why == PM_R_KEPT)
        why = check_policy(r, e);
    if (why == PM_R_KEPT)
        why = check_price(r, e);
    if (why == PM_R_KEPT)
        why = check_ability(r, e);
    if (why == PM_R_KEPT && r->d->prefs.no_fallbacks && r->order.n &&
        pm_slugs_find(&r->order, e) == r->order.n)
        why = PM_R_NO_FALLBACK;
    return why;
}

static bool model_is_allowed(const struct pm_policy *p, const struct pm_model *m)
{
    bool allowed = p->n_models == 0;

    for (size_t i = 0; i < p->n_models && !allowed; i++)
        allowed = pm_str_glob(m->id, p->models[i]);
    for (size_t i = 0; i < p->n_deny_models && allowed; i++)
        allowed = !pm_str_glob(m->id, p->deny_models[i]);
    return allowed;
}

/* A wish that narrows a model's endpoints only if some of them can fulfil it. */
struct wish {
    uint64_t params; /* any of them; 0: the tier of the call */
    enum pm_reason reason;
    bool wanted;
};

static bool fulfils(const struct pm_route_run *r, const struct wish *w, const struct pm_endpoint *e)
{
    return w->params ? (params_of(e) & w->params) != 0 : e->tier == r->in->call->tier;
}

static void apply_wish(struct pm_route_run *r, uint32_t model, const struct wish *wish)
{
    const struct pm_want *w = &r->wants[model];
    struct pm_note *notes = r->d->notes + w->first_note;
    bool any = false;

    for (size_t i = 0; i < w->n_notes && !any; i++)
        any = notes[i].model == model && notes[i].reason == PM_R_KEPT &&
              fulfils(r, wish, notes[i].endpoint);
    for (size_t i = 0; i < w->n_notes && any; i++) {
        struct pm_note *n = &notes[i];
        if (n->model == model && n->reason == PM_R_KEPT && !fulfils(r, wish, n->endpoint))
            n->reason = wish->reason;
    }
}

static void apply_wishes(struct pm_route_run *r, uint32_t model)
{
    const struct pm_call *call = r->in->call;
    const struct wish wishes[] = {
        {0, PM_R_TIER, call->tier_set && call->tier == PM_TIER_FLEX},
        {PM_PBIT(PM_P_VERBOSITY), PM_R_PARAMETERS, call->params & PM_PBIT(PM_P_VERBOSITY)},
        {REASONING_PARAMS, PM_R_PARAMETERS, call->needs_reasoning},
        {PM_PBIT(PM_P_RESPONSE_FORMAT), PM_R_STRUCTURED, call->needs_response_format},
        {PM_PBIT(PM_P_STRUCTURED_OUTPUTS), PM_R_STRUCTURED, call->needs_json_schema},
    };

    for (size_t i = 0; i < PM_COUNT(wishes); i++) {
        if (wishes[i].wanted)
            apply_wish(r, model, &wishes[i]);
    }
}

static void note_all(struct pm_route_run *r, uint32_t model)
{
    struct pm_decision *d = r->d;
    const struct pm_model *m = d->models[model];
    struct pm_want *w = &r->wants[model];
    bool allowed = model_is_allowed(r->policy, m);

    w->first_note = d->n_notes;
    w->n_notes = m->n_endpoints;
    for (size_t i = 0; i < m->n_endpoints; i++) {
        const struct pm_endpoint *e = m->endpoints[i];
        d->notes[d->n_notes++] = (struct pm_note){e, check(r, w, e, allowed), -1, model};
    }
}

/* The model was wanted before with another suffix (`models: [x:free, x]`): what that left out for
 * its suffix gets another chance at this place, and keeps its one note. */
static void note_again(struct pm_route_run *r, uint32_t model)
{
    const struct pm_model *m = r->d->models[model];
    struct pm_want *w = &r->wants[model];
    bool allowed = model_is_allowed(r->policy, m);
    uint32_t before = 0;

    while (r->d->models[before] != m)
        before++;
    w->first_note = r->wants[before].first_note;
    w->n_notes = r->wants[before].n_notes;
    for (size_t i = 0; i < w->n_notes; i++) {
        struct pm_note *n = &r->d->notes[w->first_note + i];
        if (n->reason == PM_R_VARIANT || n->reason == PM_R_TIER) {
            n->reason = check(r, w, n->endpoint, allowed);
            n->model = model;
        }
    }
}

void pm_route_filter(struct pm_route_run *r)
{
    struct pm_decision *d = r->d;
    size_t n = 0;

    for (size_t i = 0; i < d->n_models; i++)
        n += r->wants[i].again ? 0 : d->models[i]->n_endpoints;
    d->notes = PM_ARENA_ARRAY(r->arena, struct pm_note, n);
    for (uint32_t i = 0; i < d->n_models; i++) {
        if (r->wants[i].again)
            note_again(r, i);
        else
            note_all(r, i);
        apply_wishes(r, i);
    }
}
