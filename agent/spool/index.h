/* SPDX-License-Identifier: Apache-2.0 */
/* Where the latest settled records are, by the hash of their id: 8,192 of them in 128 KiB.
 * A newer one takes the place of the oldest in its set of four. A hit must be checked against the
 * record itself. One owner, one thread. */
#ifndef AGENT_SPOOL_INDEX_H
#define AGENT_SPOOL_INDEX_H

#include "common/base.h"

#define INDEX_SETS 2048
#define INDEX_WAYS 4

struct spool_index {
    struct index_slot {
        uint64_t hash;
        uint64_t at; /* 0: empty; later records have higher ones */
    } slots[INDEX_SETS][INDEX_WAYS];
};

void index_put(struct spool_index *x, uint64_t hash, uint64_t at);
/* Fills `at` with the places that the hash may be at; gives how many. */
size_t index_find(const struct spool_index *x, uint64_t hash, uint64_t at[static INDEX_WAYS]);

#endif
