/* SPDX-License-Identifier: Apache-2.0 */
#include "common/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void pm_buf_init(struct pm_buf *b, size_t max)
{
    *b = (struct pm_buf){.max = max};
}

void pm_buf_fini(struct pm_buf *b)
{
    free(b->p);
    *b = (struct pm_buf){.max = b->max};
}

void pm_buf_reset(struct pm_buf *b)
{
    b->n = 0;
    b->failed = false;
    if (b->p)
        b->p[0] = '\0';
}

bool pm_buf_reserve(struct pm_buf *b, size_t more)
{
    size_t want, cap;
    char *p;

    if (more > b->max || b->n > b->max - more) {
        b->failed = true;
        return false;
    }
    want = b->n + more + 1;
    if (want <= b->cap)
        return true;
    cap = b->cap ? b->cap : 64;
    while (cap < want)
        cap += cap / 2 + 64;
    if (cap > b->max + 1)
        cap = b->max + 1;
    p = realloc(b->p, cap);
    if (!p) {
        b->failed = true;
        return false;
    }
    b->p = p;
    b->cap = cap;
    return true;
}

bool pm_buf_add_slow(struct pm_buf *b, const void *p, size_t n)
{
    if (!pm_buf_reserve(b, n))
        return false;
    if (n)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
    return true;
}

bool pm_buf_addf(struct pm_buf *b, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0 || !pm_buf_reserve(b, (size_t)n))
        return false;
    va_start(ap, fmt);
    vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->n += (size_t)n;
    return true;
}

bool pm_buf_u64(struct pm_buf *b, uint64_t v)
{
    char t[20];
    size_t i = sizeof(t);

    do {
        t[--i] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    return pm_buf_add(b, t + i, sizeof(t) - i);
}

bool pm_buf_i64(struct pm_buf *b, int64_t v)
{
    if (v >= 0)
        return pm_buf_u64(b, (uint64_t)v);
    return pm_buf_ch(b, '-') && pm_buf_u64(b, 0 - (uint64_t)v);
}

void pm_buf_drop(struct pm_buf *b, size_t n)
{
    if (n > b->n)
        n = b->n;
    if (n == 0)
        return;
    memmove(b->p, b->p + n, b->n - n + 1);
    b->n -= n;
}

char *pm_buf_detach(struct pm_buf *b)
{
    char *p = b->p;

    b->p = NULL;
    b->n = b->cap = 0;
    return p;
}
