/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is freed all at once: one arena per request, per table, per config.
 * Blocks never move. One owner, one thread at a time. An arena has a cap; past it pm_arena_try
 * gives NULL, which is how sizes that a peer chose are refused. pm_arena_alloc is for sizes that
 * this program chose and aborts instead. */
#ifndef PM_ARENA_H
#define PM_ARENA_H

#include "common/base.h"

struct pm_arena_block;
struct pm_arena {
    struct pm_arena_block *head;
    size_t used; /* bytes handed out */
    size_t max;
    size_t step; /* size of a fresh block */
};

void pm_arena_init(struct pm_arena *a, size_t step, size_t max);
void pm_arena_fini(struct pm_arena *a);
void pm_arena_reset(struct pm_arena *a); /* keeps one block for the next use */
void *pm_arena_alloc(struct pm_arena *a, size_t n); /* zeroed, aligned for any type */
void *pm_arena_try(struct pm_arena *a, size_t n) PM_MUST_CHECK;
struct pm_str pm_arena_str(struct pm_arena *a, struct pm_str s); /* copy, NUL-terminated */
struct pm_str pm_arena_fmt(struct pm_arena *a, const char *fmt, ...) PM_PRINTF(2, 3);

#define PM_ARENA_NEW(a, type) ((type *)pm_arena_alloc((a), sizeof(type)))
#define PM_ARENA_ARRAY(a, type, n) ((type *)pm_arena_alloc((a), sizeof(type) * (n)))

#endif
