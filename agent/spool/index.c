/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/spool/index.h"

void index_put(struct spool_index *x, uint64_t hash, uint64_t at)
{
    struct index_slot *set = x->slots[hash % INDEX_SETS], *oldest = set;

    for (size_t i = 1; i < INDEX_WAYS; i++) {
        if (set[i].at < oldest->at)
            oldest = &set[i];
    }
    *oldest = (struct index_slot){.hash = hash, .at = at};
}

size_t index_find(const struct spool_index *x, uint64_t hash, uint64_t at[static INDEX_WAYS])
{
    const struct index_slot *set = x->slots[hash % INDEX_SETS];
    size_t n = 0;

    for (size_t i = 0; i < INDEX_WAYS; i++) {
        if (set[i].at && set[i].hash == hash)
            at[n++] = set[i].at;
    }
    return n;
}
