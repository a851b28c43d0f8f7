/* SPDX-License-Identifier: Apache-2.0 */
/* An open-addressing map from text to a pointer. Keys are borrowed: they must outlive the map.
 * The hash is keyed with a per-process random seed, so peers cannot choose collisions.
 * One owner, one thread. */
#ifndef PM_MAP_H
#define PM_MAP_H

#include "common/base.h"

struct pm_map_slot {
    struct pm_str key; /* key.p == NULL: free */
    uint64_t hash;
    void *value;
};

struct pm_map {
    struct pm_map_slot *slots;
    size_t n, cap; /* cap is a power of two, or 0 */
};

uint64_t pm_hash(struct pm_str s); /* stable within the process only */
/* The same on every machine and in every run: for sticky keys and weighted draws. FNV-1a, mixed. */
uint64_t pm_hash_stable(struct pm_str s);

void pm_map_init(struct pm_map *m);
void pm_map_fini(struct pm_map *m);
void *pm_map_get(const struct pm_map *m, struct pm_str key); /* NULL if absent */
/* Returns the value that was there before, or NULL. value must not be NULL. */
void *pm_map_put(struct pm_map *m, struct pm_str key, void *value);
void *pm_map_del(struct pm_map *m, struct pm_str key); /* the value that was there, or NULL */
/* Walks all entries: start with *i = 0; false at the end. Do not change the map meanwhile. */
bool pm_map_next(const struct pm_map *m, size_t *i, struct pm_str *key, void **value);

#endif
