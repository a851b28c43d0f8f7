/* SPDX-License-Identifier: Apache-2.0 */
#include "common/map.h"

#include <stdlib.h>
#include <sys/random.h>

static uint64_t mix(uint64_t h)
{
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdULL;
    h ^= h >> 33;
    h *= 0xc4ceb9fe1a85ec53ULL;
    h ^= h >> 33;
    return h;
}

static uint64_t hash_from(uint64_t h, struct pm_str s)
{
    const char *p = s.p;
    size_t n = s.n;

    while (n >= 8) {
        uint64_t w;
        memcpy(&w, p, 8);
        h = mix(h ^ w);
        p += 8;
        n -= 8;
    }
    if (n) {
        uint64_t w = 0;
        memcpy(&w, p, n);
        h = mix(h ^ w);
    }
    return mix(h ^ s.n);
}

uint64_t pm_hash(struct pm_str s)
{
    static uint64_t seed;

    if (__atomic_load_n(&seed, __ATOMIC_RELAXED) == 0) {
        uint64_t r = 0;
        if (getrandom(&r, sizeof(r), 0) != (ssize_t)sizeof(r))
            r = (uint64_t)(uintptr_t)&seed;
        r |= 1;
        uint64_t none = 0;
        __atomic_compare_exchange_n(&seed, &none, r, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    }
    return hash_from(__atomic_load_n(&seed, __ATOMIC_RELAXED), s);
}

uint64_t pm_hash_stable(struct pm_str s)
{
    uint64_t h = 0xcbf29ce484222325ULL;

    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3ULL;
    return mix(h);
}

void pm_map_init(struct pm_map *m)
{
    *m = (struct pm_map){0};
}

void pm_map_fini(struct pm_map *m)
{
    free(m->slots);
    *m = (struct pm_map){0};
}

/* The slot that holds key, or the free one where it would go. */
static struct pm_map_slot *find(const struct pm_map *m, struct pm_str key, uint64_t hash)
{
    size_t i = hash & (m->cap - 1);

    while (m->slots[i].key.p) {
        if (m->slots[i].hash == hash && pm_str_eq(m->slots[i].key, key))
            break;
        i = (i + 1) & (m->cap - 1);
    }
    return &m->slots[i];
}

void *pm_map_get(const struct pm_map *m, struct pm_str key)
{
    if (m->n == 0)
        return NULL;
    return find(m, key, pm_hash(key))->value;
}

static void grow(struct pm_map *m)
{
    struct pm_map old = *m;

    m->cap = old.cap ? old.cap * 2 : 16;
    m->slots = pm_xcalloc(m->cap, sizeof(*m->slots));
    for (size_t i = 0; i < old.cap; i++) {
        if (old.slots[i].key.p)
            *find(m, old.slots[i].key, old.slots[i].hash) = old.slots[i];
    }
    free(old.slots);
}

void *pm_map_put(struct pm_map *m, struct pm_str key, void *value)
{
    struct pm_map_slot *s;
    uint64_t hash = pm_hash(key);
    void *before;

    if (!key.p)
        key.p = "";
    if ((m->n + 1) * 4 > m->cap * 3)
        grow(m);
    s = find(m, key, hash);
    before = s->value;
    if (!s->key.p)
        m->n++;
    *s = (struct pm_map_slot){key, hash, value};
    return before;
}

void *pm_map_del(struct pm_map *m, struct pm_str key)
{
    struct pm_map_slot *s;
    void *before;
    size_t hole, i;

    if (m->n == 0)
        return NULL;
    s = find(m, key, pm_hash(key));
    if (!s->key.p)
        return NULL;
    before = s->value;
    hole = (size_t)(s - m->slots);
    /* Close the gap: whatever was pushed past the hole moves back into it. */
    for (i = (hole + 1) & (m->cap - 1); m->slots[i].key.p; i = (i + 1) & (m->cap - 1)) {
        size_t home = m->slots[i].hash & (m->cap - 1);
        if (((i - home) & (m->cap - 1)) >= ((i - hole) & (m->cap - 1))) {
            m->slots[hole] = m->slots[i];
            hole = i;
        }
    }
    m->slots[hole] = (struct pm_map_slot){0};
    m->n--;
    return before;
}

bool pm_map_next(const struct pm_map *m, size_t *i, struct pm_str *key, void **value)
{
    for (; *i < m->cap; (*i)++) {
        if (m->slots[*i].key.p) {
            *key = m->slots[*i].key;
            *value = m->slots[*i].value;
            (*i)++;
            return true;
        }
    }
    return false;
}
