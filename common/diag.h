/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a file that a person wrote: every finding with its place, in the order of the
 * file. Findings live in the arena given at init; beyond a bound they are only counted.
 * One owner, one thread. Texts must never hold a secret: say what is wrong, not what was there. */
#ifndef PM_DIAG_H
#define PM_DIAG_H

#include "common/arena.h"
#include "common/buf.h"

struct pm_place { /* from 1; line 0: the file as a whole */
    uint32_t line, col;
};

struct pm_diag;
struct pm_diags {
    struct pm_arena *arena;
    struct pm_diag *last;
    size_t n;
};

void pm_diags_init(struct pm_diags *d, struct pm_arena *arena);
void pm_diag_add(struct pm_diags *d, struct pm_place at, const char *fmt, ...) PM_PRINTF(3, 4);
/* Is false, so that `return pm_diag(...)` reads well; a macro for the reason given at pm_fail. */
#define pm_diag(diags, ...)                                                                        \
    ({                                                                                             \
        pm_diag_add((diags), __VA_ARGS__);                                                         \
        false;                                                                                     \
    })
/* Appends one line each: name:line:col: text. */
void pm_diags_print(const struct pm_diags *d, const char *name, struct pm_buf *out);

#endif
