/* SPDX-License-Identifier: Apache-2.0 */
#include "common/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct pm_arena_block {
    struct pm_arena_block *next;
    size_t n, cap;
    _Alignas(max_align_t) char bytes[];
};

/* Requests come and go at a high rate, each with a block or two of one size: a few stay with the
 * thread for the next. Not where the sanitizer looks for uses after free. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define SPARES 32
#else
#define SPARES 0
#endif
#define SPARE_BYTES 4096

static _Thread_local struct pm_arena_block *spares;
static _Thread_local int n_spares;

static struct pm_arena_block *block_new(size_t cap)
{
    struct pm_arena_block *b = spares;

    if (b && cap == SPARE_BYTES) {
        spares = b->next;
        n_spares--;
    } else {
        b = malloc(sizeof(*b) + cap);
        if (!b)
            return NULL;
        b->cap = cap;
    }
    b->n = 0;
    return b;
}

static void block_free(struct pm_arena_block *b)
{
    if (b->cap == SPARE_BYTES && n_spares < SPARES) {
        b->next = spares;
        spares = b;
        n_spares++;
    } else {
        free(b);
    }
}

void pm_arena_init(struct pm_arena *a, size_t step, size_t max)
{
    *a = (struct pm_arena){.step = step, .max = max};
}

void pm_arena_fini(struct pm_arena *a)
{
    while (a->head) {
        struct pm_arena_block *b = a->head;
        a->head = b->next;
        block_free(b);
    }
    a->used = 0;
}

void pm_arena_reset(struct pm_arena *a)
{
    struct pm_arena_block *keep = a->head;

    if (keep) {
        a->head = keep->next;
        pm_arena_fini(a);
        if (keep->cap > a->step) { /* an odd big one is not worth holding */
            free(keep);
            keep = NULL;
        } else {
            keep->next = NULL;
            keep->n = 0;
        }
    }
    a->head = keep;
    a->used = 0;
}

void *pm_arena_try(struct pm_arena *a, size_t n)
{
    const size_t align = _Alignof(max_align_t);
    struct pm_arena_block *b = a->head;
    void *p;

    if (n > a->max || a->used > a->max - n)
        return NULL;
    n = (n + align - 1) & ~(align - 1);
    if (!b || b->cap - b->n < n) {
        size_t cap = n > a->step ? n : a->step;
        b = block_new(cap);
        if (!b)
            return NULL;
        b->next = a->head;
        a->head = b;
    }
    p = b->bytes + b->n;
    b->n += n;
    a->used += n;
    return memset(p, 0, n);
}

void *pm_arena_alloc(struct pm_arena *a, size_t n)
{
    void *p = pm_arena_try(a, n);

    if (!p) {
        fputs("out of memory in an arena\n", stderr);
        abort();
    }
    return p;
}

struct pm_str pm_arena_str(struct pm_arena *a, struct pm_str s)
{
    char *p = pm_arena_alloc(a, s.n + 1);

    if (s.n)
        memcpy(p, s.p, s.n);
    return (struct pm_str){p, s.n};
}

struct pm_str pm_arena_fmt(struct pm_arena *a, const char *fmt, ...)
{
    va_list ap;
    int n;
    char *p;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return PM_NSTR;
    p = pm_arena_alloc(a, (size_t)n + 1);
    va_start(ap, fmt);
    vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return (struct pm_str){p, (size_t)n};
}
