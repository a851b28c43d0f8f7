/* SPDX-License-Identifier: Apache-2.0 */
#include "common/diag.h"

#include <stdarg.h>
#include <stdlib.h>

enum { MAX_KEPT = 200, MAX_TEXT = 400 };

struct pm_diag {
    struct pm_diag *before;
    struct pm_place at;
    size_t order; /* of reporting, for findings at the same place */
    struct pm_str text;
};

void pm_diags_init(struct pm_diags *d, struct pm_arena *arena)
{
    *d = (struct pm_diags){.arena = arena};
}

void pm_diag_add(struct pm_diags *d, struct pm_place at, const char *fmt, ...)
{
    char text[MAX_TEXT];
    struct pm_diag *one;
    va_list ap;

    if (d->n++ >= MAX_KEPT)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    /* Names from the file may hold anything; a finding is one line, and moves no cursor. */
    for (char *p = text; *p; p++) {
        if ((unsigned char)*p < ' ' || *p == 127)
            *p = '?';
    }
    one = PM_ARENA_NEW(d->arena, struct pm_diag);
    *one = (struct pm_diag){d->last, at, d->n, pm_arena_str(d->arena, pm_str(text))};
    d->last = one;
}

static int by_place(const void *a, const void *b)
{
    const struct pm_diag *x = *(const struct pm_diag *const *)a;
    const struct pm_diag *y = *(const struct pm_diag *const *)b;

    if (x->at.line != y->at.line)
        return x->at.line < y->at.line ? -1 : 1;
    if (x->at.col != y->at.col)
        return x->at.col < y->at.col ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

void pm_diags_print(const struct pm_diags *d, const char *name, struct pm_buf *out)
{
    const struct pm_diag *all[MAX_KEPT];
    size_t n = 0;

    for (const struct pm_diag *one = d->last; one; one = one->before)
        all[n++] = one;
    qsort(all, n, sizeof(all[0]), by_place);
    for (size_t i = 0; i < n; i++) {
        if (all[i]->at.line)
            pm_buf_addf(out, "%s:%u:%u: ", name, all[i]->at.line, all[i]->at.col);
        else
            pm_buf_addf(out, "%s: ", name);
        pm_buf_str(out, all[i]->text);
        pm_buf_ch(out, '\n');
    }
    if (d->n > n)
        pm_buf_addf(out, "%s: and %zu more\n", name, d->n - n);
}
