/* SPDX-License-Identifier: Apache-2.0 */
/* From the endpoints that were kept to the order of attempts. Every (endpoint, credential) gets a
 * rank, whose bits are the rules from the strongest to the weakest; equals are ordered by what
 * the sort asks, then by price, and under the default balance the first of equals is drawn. */
#include "common/random.h"
#include "common/route/steps.h"

/* Where a rank's fields begin; the lowest 32 bits are the error rate among the unhealthy. */
enum {
    RANK_HOPELESS = 62, /* breaker open, then bad key: behind all models */
    RANK_MODEL = 58, /* with partition model */
    RANK_FALLBACK_KEY = 57,
    RANK_UNHEALTHY = 54, /* enum unhealthy */
    RANK_NOT_BYOK = 53,
    RANK_NOT_PRIVATE = 52,
    RANK_NOT_STICKY = 51,
    RANK_OTHER_TIER = 50,
    RANK_ORDER = 34, /* position in `order`, capped */
};
#define ORDER_LAST 0xffffU

enum unhealthy { WELL, SLOW, DEGRADED, COOLING, OUTAGE, DOWN };

struct entry {
    uint64_t rank;
    uint64_t metric; /* lower is better; of the sort */
    uint64_t price; /* UINT64_MAX: unknown */
    uint32_t note; /* of its endpoint */
    uint32_t seq; /* makes all entries different, in the table's order */
    const struct pm_credential *credential;
};

struct list {
    struct entry *at;
    size_t n;
};

/* Three parts prompt, one part completion: about what calls are made of. Prices above two dollars
 * per token are all the same to it, which keeps the weights below in 64 bits. */
static uint64_t blended_price(const struct pm_price *p)
{
    const int64_t most = 1LL << 41;

    if (!p->known)
        return UINT64_MAX;
    return 3 * (uint64_t)PM_MIN(PM_MAX(p->input, 0), most) +
           (uint64_t)PM_MIN(PM_MAX(p->output, 0), most);
}

static enum pm_sort sort_of(const struct pm_route_run *r, const struct pm_want *w)
{
    const struct pm_call *call = r->in->call;

    if (r->asked_sort != PM_SORT_NONE)
        return r->asked_sort;
    if (w->sort != PM_SORT_NONE)
        return w->sort;
    if (call->tier_set && call->tier == PM_TIER_PRIORITY)
        return PM_SORT_THROUGHPUT;
    if (call->tier_set && call->tier == PM_TIER_FLEX)
        return PM_SORT_PRICE;
    return r->d->prefs.sort;
}

static bool misses(float have, double least)
{
    return least > 0 && have > 0 && (double)have < least;
}

static bool exceeds(float have, double most)
{
    return most > 0 && (double)have > most;
}

/* Where too little is known a cut-off is taken to hold. */
static bool is_too_slow(const struct pm_quantiles *q, const struct pm_cutoffs *c)
{
    return misses(q->p50, c->p50) || misses(q->p75, c->p75) || misses(q->p90, c->p90) ||
           misses(q->p99, c->p99);
}

static bool is_too_late(const struct pm_quantiles *q, const struct pm_cutoffs *c)
{
    return exceeds(q->p50, c->p50) || exceeds(q->p75, c->p75) || exceeds(q->p90, c->p90) ||
           exceeds(q->p99, c->p99);
}

/* Who names a provider in `order` gets it also with a bad day, but not while it asks us to wait. */
static enum unhealthy judge(const struct pm_prefs *p, const struct pm_health *h, bool in_order,
                            enum pm_reason *why)
{
    static const struct pm_health unknown;
    enum unhealthy u = WELL;

    if (!h)
        h = &unknown;
    if (!in_order && h->uptime == PM_UPTIME_DOWN) {
        *why = PM_R_MOVED_BACK_DOWN;
        u = DOWN;
    } else if (!in_order && h->outage) {
        *why = PM_R_MOVED_BACK_OUTAGE;
        u = OUTAGE;
    } else if (h->cooling) {
        *why = PM_R_MOVED_BACK_COOLING;
        u = COOLING;
    } else if (!in_order && h->uptime == PM_UPTIME_DEGRADED) {
        *why = PM_R_MOVED_BACK_DEGRADED;
        u = DEGRADED;
    } else if (is_too_slow(&h->tokens_per_s, &p->min_throughput)) {
        *why = PM_R_MOVED_BACK_THROUGHPUT;
        u = SLOW;
    } else if (is_too_late(&h->latency_s, &p->max_latency)) {
        *why = PM_R_MOVED_BACK_LATENCY;
        u = SLOW;
    }
    return u;
}

static uint64_t metric_of(enum pm_sort sort, const struct pm_health *h)
{
    if (sort == PM_SORT_THROUGHPUT)
        return h && h->tokens_per_s.p50 > 0
                   ? UINT32_MAX - (uint64_t)PM_MIN(h->tokens_per_s.p50 * 1000, 4e9F)
                   : UINT32_MAX;
    if (sort == PM_SORT_LATENCY)
        return h && h->latency_s.p50 > 0 ? (uint64_t)PM_MIN(h->latency_s.p50 * 1000, 4e9F)
                                         : UINT32_MAX;
    return 0;
}

/* Sticking pays only where reading the cache is cheaper than reading the prompt again. */
static bool is_sticky(const struct pm_route_run *r, const struct pm_endpoint *e)
{
    return e == r->in->sticky && r->d->sticky_allowed && e->price.known &&
           e->price.cache_read != PM_PRICE_NONE && e->price.cache_read < e->price.input;
}

/* What is the same for all credentials of an endpoint. Its note gets the reason. */
static struct entry entry_of(const struct pm_route_run *r, struct pm_note *n)
{
    const struct pm_endpoint *e = n->endpoint;
    const struct pm_call *call = r->in->call;
    const struct pm_health *h = r->in->health ? &r->in->health[e->index] : NULL;
    enum pm_sort sort = sort_of(r, &r->wants[r->d->prefs.partition_none ? 0 : n->model]);
    size_t place = pm_slugs_find(&r->order, e);
    bool in_order = place < r->order.n, sticky = is_sticky(r, e);
    bool is_private = e->provider->is_private && r->order.n == 0;
    bool open = h && h->breaker == PM_BREAKER_OPEN;
    enum pm_reason why = PM_R_KEPT;
    enum unhealthy u;
    struct entry x = {.metric = metric_of(sort, h), .price = blended_price(&e->price)};

    if (h && h->breaker == PM_BREAKER_HALF_OPEN)
        why = PM_R_HALF_OPEN;
    if (in_order)
        why = PM_R_MOVED_FIRST_ORDER;
    if (sticky)
        why = PM_R_MOVED_FIRST_STICKY;
    if (is_private)
        why = PM_R_MOVED_FIRST_PRIVATE;
    u = judge(&r->d->prefs, h, in_order, &why);
    if (open)
        why = PM_R_MOVED_BACK_BREAKER;
    n->reason = why;

    if (open) /* its error rate says more than how its uptime is called */
        u = WELL;
    x.rank = (uint64_t)open << RANK_HOPELESS | (uint64_t)u << RANK_UNHEALTHY |
             (uint64_t)!is_private << RANK_NOT_PRIVATE | (uint64_t)!sticky << RANK_NOT_STICKY;
    if (!r->d->prefs.partition_none)
        x.rank |= (uint64_t)n->model << RANK_MODEL;
    if (call->tier_set && call->tier != e->tier)
        x.rank |= 1ULL << RANK_OTHER_TIER;
    x.rank |= (uint64_t)(in_order ? PM_MIN(place, ORDER_LAST - 1) : ORDER_LAST) << RANK_ORDER;
    if (h && (open || u >= OUTAGE))
        x.rank |= (uint64_t)(PM_MIN(PM_MAX(h->error_rate, 0.0F), 1.0F) * 1e6F);
    return x;
}

static void add(struct list *l, struct entry x, const struct pm_credential *c)
{
    x.seq = (uint32_t)l->n;
    x.credential = c;
    l->at[l->n++] = x;
}

/* One entry for each credential that may be used, the caller's own first. */
static void add_entries(struct pm_route_run *r, uint32_t note, struct list *l)
{
    struct pm_note *n = &r->d->notes[note];
    const struct pm_endpoint *e = n->endpoint;
    struct entry x = entry_of(r, n);
    bool byok = false, good = false;

    x.note = note;
    if (pm_route_has_caller_key(r->in, e->provider)) {
        add(l, x, NULL);
        byok = good = true;
    }
    for (size_t i = 0; i < e->provider->n_creds; i++) {
        const struct pm_credential *c = e->provider->creds[i];
        struct entry y = x;
        if (!pm_route_usable(r->in, c, e->model))
            continue;
        if (c->section != PM_KEY_PRIORITIZED)
            y.rank |= 1ULL << RANK_NOT_BYOK;
        if (c->section == PM_KEY_FALLBACK)
            y.rank |= 1ULL << RANK_FALLBACK_KEY;
        if (r->in->creds && r->in->creds[c->index].bad) {
            y.rank |= 2ULL << RANK_HOPELESS;
        } else {
            good = true;
            byok |= c->section == PM_KEY_PRIORITIZED;
        }
        add(l, y, c);
    }
    if (!good)
        n->reason = PM_R_MOVED_BACK_KEY;
    else if (byok && (n->reason < PM_R_MOVED_BACK_THROUGHPUT))
        n->reason = PM_R_MOVED_FIRST_BYOK;
}

static bool goes_before(const struct entry *a, const struct entry *b)
{
    if (a->rank != b->rank)
        return a->rank < b->rank;
    if (a->metric != b->metric)
        return a->metric < b->metric;
    if (a->price != b->price)
        return a->price < b->price;
    return a->seq < b->seq;
}

/* Shell sort: no memory, and for the usual ten entries as quick as it gets. */
static void sort(struct entry *at, size_t n)
{
    static const size_t gaps[] = {1750, 701, 301, 132, 57, 23, 10, 4, 1};

    for (size_t g = 0; g < PM_COUNT(gaps); g++) {
        size_t gap = gaps[g];
        for (size_t i = gap; i < n; i++) {
            struct entry x = at[i];
            size_t j = i;
            for (; j >= gap && goes_before(&x, &at[j - gap]); j -= gap)
                at[j] = at[j - gap];
            at[j] = x;
        }
    }
}

/* 1/price² in integers, against the cheapest of the group, so that all machines agree. */
static uint64_t weight(uint64_t price, uint64_t least)
{
    uint64_t ratio;

    if (price == least) /* also all free, and all unknown */
        return 1ULL << 40;
    if (least == 0 || price == UINT64_MAX)
        return 0;
    ratio = (least << 20) / price;
    return ratio * ratio;
}

/* Draws one endpoint of a group of equals, which is sorted by price, and puts its entries first. */
static void draw(struct entry *at, size_t n, uint64_t *random)
{
    uint64_t sum = 0, pick;
    size_t from = 0, to, moved;

    for (size_t i = 0; i < n; i++) {
        if (i == 0 || at[i].note != at[i - 1].note)
            sum += weight(at[i].price, at[0].price);
    }
    pick = pm_random_below(random, sum);
    for (;;) {
        uint64_t w = weight(at[from].price, at[0].price);
        to = from + 1;
        while (to < n && at[to].note == at[from].note)
            to++;
        if (pick < w)
            break;
        pick -= w;
        from = to;
    }
    moved = to - from;
    for (; from > 0; from--, to--) { /* rotate the chosen past the one before them */
        struct entry x = at[from - 1];
        memmove(&at[from - 1], &at[from], moved * sizeof(*at));
        at[to - 1] = x;
    }
}

/* The default balance: in every group of healthy equals one is drawn to be first. */
static void balance(struct pm_route_run *r, struct list *l)
{
    const uint64_t unhealthy = 3ULL << RANK_HOPELESS | 7ULL << RANK_UNHEALTHY;
    uint64_t random = r->in->seed;
    size_t end;

    if (r->order.n)
        return;
    for (size_t i = 0; i < l->n; i = end) {
        const struct pm_note *n = &r->d->notes[l->at[i].note];
        end = i + 1;
        while (end < l->n && l->at[end].rank == l->at[i].rank)
            end++;
        if (!(l->at[i].rank & unhealthy) && end > i + 1 &&
            sort_of(r, &r->wants[r->d->prefs.partition_none ? 0 : n->model]) == PM_SORT_NONE)
            draw(&l->at[i], end - i, &random);
    }
}

/* allow_fallbacks: false without `order`: of each model (with partition none: of all) only the
 * endpoint that came first, with all its keys. */
static void keep_first_only(struct pm_route_run *r, struct list *l)
{
    bool seen[PM_ROUTE_MODELS] = {false};
    uint32_t first[PM_ROUTE_MODELS] = {0};
    size_t kept = 0;

    for (size_t i = 0; i < l->n; i++) {
        struct pm_note *n = &r->d->notes[l->at[i].note];
        uint32_t group = r->d->prefs.partition_none ? 0 : n->model;
        if (!seen[group]) {
            seen[group] = true;
            first[group] = l->at[i].note;
        }
        if (first[group] == l->at[i].note)
            l->at[kept++] = l->at[i];
        else
            n->reason = PM_R_NO_FALLBACK;
    }
    l->n = kept;
}

static void plan(struct pm_route_run *r, const struct list *l)
{
    struct pm_decision *d = r->d;

    d->attempts = PM_ARENA_ARRAY(r->arena, struct pm_attempt_plan, l->n);
    for (size_t i = 0; i < l->n; i++) {
        struct pm_note *n = &d->notes[l->at[i].note];
        d->attempts[i] = (struct pm_attempt_plan){n->endpoint, l->at[i].credential, n->model};
        if (n->rank < 0)
            n->rank = (int32_t)i;
    }
    d->n_attempts = l->n;
}

void pm_route_order(struct pm_route_run *r)
{
    struct pm_decision *d = r->d;
    struct list l = {0};
    size_t most = 0;

    for (size_t i = 0; i < d->n_notes; i++) {
        if (d->notes[i].reason == PM_R_KEPT)
            most += 1 + d->notes[i].endpoint->provider->n_creds;
    }
    if (most == 0)
        return;
    l.at = PM_ARENA_ARRAY(r->arena, struct entry, most);
    for (uint32_t i = 0; i < d->n_notes; i++) {
        if (d->notes[i].reason == PM_R_KEPT)
            add_entries(r, i, &l);
    }
    sort(l.at, l.n);
    balance(r, &l);
    if (d->prefs.no_fallbacks && r->order.n == 0)
        keep_first_only(r, &l);
    plan(r, &l);
    d->prefs.sort = sort_of(r, &r->wants[0]);
}
