/* SPDX-License-Identifier: Apache-2.0 */
/* Repeatable numbers from a seed (splitmix64): for draws and jitter, not for secrets, which take
 * pm_random of clock.h. The same on every machine. One owner. */
#ifndef PM_RANDOM_H
#define PM_RANDOM_H

#include "common/base.h"

static inline uint64_t pm_random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

/* 0..n-1, or 0 if n is 0. */
static inline uint64_t pm_random_below(uint64_t *state, uint64_t n)
{
    return (uint64_t)(((unsigned __int128)pm_random_next(state) * n) >> 64);
}

#endif
