/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sticky.h"

#include <stdlib.h>

#define NONE UINT32_MAX

/* Model id and tag are kept in one block, each with its NUL. */
struct entry {
    uint64_t key;
    uint64_t used_ms;
    char *endpoint;
    size_t model_len;
    uint32_t newer, older; /* by last use */
    uint32_t next; /* in its bucket, or among the free */
};

struct sticky {
    struct entry *entries;
    uint32_t *buckets; /* first entry of each; n_buckets is a power of two */
    size_t max, n_buckets;
    size_t n; /* in use */
    size_t n_touched; /* entries that were ever in use; those behind are not even in memory */
    uint64_t idle_ms;
    uint32_t newest, oldest, free;
};

struct sticky *sticky_new(size_t max_entries, uint32_t idle_ms)
{
    struct sticky *s = pm_xcalloc(1, sizeof(*s));

    s->max = PM_MIN(PM_MAX(max_entries, 1), NONE - 1);
    s->idle_ms = idle_ms;
    s->newest = s->oldest = s->free = NONE;
    for (s->n_buckets = 1; s->n_buckets < s->max;)
        s->n_buckets *= 2;
    s->entries = pm_xcalloc(s->max, sizeof(*s->entries));
    s->buckets = pm_xmalloc(s->n_buckets * sizeof(*s->buckets));
    memset(s->buckets, 0xff, s->n_buckets * sizeof(*s->buckets));
    return s;
}

void sticky_free(struct sticky *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_touched; i++)
        free(s->entries[i].endpoint);
    free(s->entries);
    free(s->buckets);
    free(s);
}

size_t sticky_count(const struct sticky *s)
{
    return s->n;
}

uint64_t sticky_key(struct pm_str tenant, const struct pm_call *call)
{
    uint64_t parts[4] = {pm_hash_stable(tenant)};

    if (call->session.n)
        parts[1] = pm_hash_stable(call->session);
    else if (call->conversation)
        parts[2] = call->conversation;
    else
        return 0;
    if (call->n_models)
        parts[3] = pm_hash_stable(call->models[0]);
    return pm_hash_stable(pm_str_n((const char *)parts, sizeof(parts))) | 1;
}

static uint32_t *bucket_of(struct sticky *s, uint64_t key)
{
    return &s->buckets[(key >> 1) & (s->n_buckets - 1)]; /* the lowest bit is always set */
}

static uint32_t find(struct sticky *s, uint64_t key)
{
    uint32_t i = *bucket_of(s, key);

    while (i != NONE && s->entries[i].key != key)
        i = s->entries[i].next;
    return i;
}

static void unlink_use(struct sticky *s, uint32_t i)
{
    const struct entry *e = &s->entries[i];

    *(e->newer == NONE ? &s->newest : &s->entries[e->newer].older) = e->older;
    *(e->older == NONE ? &s->oldest : &s->entries[e->older].newer) = e->newer;
}

static void link_newest(struct sticky *s, uint32_t i)
{
    s->entries[i].newer = NONE;
    s->entries[i].older = s->newest;
    *(s->newest == NONE ? &s->oldest : &s->entries[s->newest].newer) = i;
    s->newest = i;
}

static void drop(struct sticky *s, uint32_t i)
{
    uint32_t *at = bucket_of(s, s->entries[i].key);

    while (*at != i)
        at = &s->entries[*at].next;
    *at = s->entries[i].next;
    unlink_use(s, i);
    free(s->entries[i].endpoint);
    s->entries[i].endpoint = NULL;
    s->entries[i].next = s->free;
    s->free = i;
    s->n--;
}

static bool is_old(const struct sticky *s, uint32_t i, uint64_t now_ms)
{
    return now_ms >= s->entries[i].used_ms + s->idle_ms;
}

/* A free entry for key: what has been idle too long is dropped, and if all are in use the one
 * that was used last the longest ago. */
static uint32_t take(struct sticky *s, uint64_t key, uint64_t now_ms)
{
    uint32_t i;

    while (s->oldest != NONE && (is_old(s, s->oldest, now_ms) || s->n == s->max))
        drop(s, s->oldest);
    i = s->free;
    if (i == NONE)
        i = (uint32_t)s->n_touched++;
    else
        s->free = s->entries[i].next;
    s->entries[i].key = key;
    s->entries[i].next = *bucket_of(s, key);
    *bucket_of(s, key) = i;
    link_newest(s, i);
    s->n++;
    return i;
}

static struct pm_str model_of(const struct entry *e)
{
    return pm_str_n(e->endpoint, e->model_len);
}

static struct pm_str tag_of(const struct entry *e)
{
    return pm_str(e->endpoint + e->model_len + 1);
}

const struct pm_endpoint *sticky_find(struct sticky *s, uint64_t key, const struct pm_table *t,
                                      uint64_t now_ms)
{
    uint32_t i = key ? find(s, key) : NONE;
    const struct pm_model *m;

    if (i == NONE)
        return NULL;
    if (is_old(s, i, now_ms)) {
        drop(s, i);
        return NULL;
    }
    m = pm_table_model(t, model_of(&s->entries[i]));
    for (size_t j = 0; m && j < m->n_endpoints; j++) {
        if (pm_str_eq(m->endpoints[j]->tag, tag_of(&s->entries[i])))
            return m->endpoints[j];
    }
    return NULL;
}

static bool is_at(const struct entry *x, const struct pm_endpoint *e)
{
    return x->endpoint && pm_str_eq(model_of(x), e->model->id) && pm_str_eq(tag_of(x), e->tag);
}

void sticky_set(struct sticky *s, uint64_t key, const struct pm_endpoint *e, uint64_t now_ms)
{
    uint32_t i;
    struct entry *x;

    if (key == 0)
        return;
    i = find(s, key);
    if (i == NONE) {
        i = take(s, key, now_ms);
    } else {
        unlink_use(s, i);
        link_newest(s, i);
    }
    x = &s->entries[i];
    x->used_ms = now_ms;
    if (is_at(x, e))
        return;
    free(x->endpoint);
    x->model_len = e->model->id.n;
    x->endpoint = pm_xmalloc(e->model->id.n + e->tag.n + 2);
    memcpy(x->endpoint, e->model->id.p, e->model->id.n);
    x->endpoint[x->model_len] = '\0';
    memcpy(x->endpoint + x->model_len + 1, e->tag.p, e->tag.n);
    x->endpoint[x->model_len + 1 + e->tag.n] = '\0';
}
