/* SPDX-License-Identifier: Apache-2.0 */
/* Growing bytes with a cap. The cap is given at init, because the sizes that reach these buffers
 * are chosen by peers. When the cap (or memory) is hit, the append changes nothing, returns false
 * and the buffer remembers it (`failed`), so that a run of appends may be checked once at its end.
 * One owner, any thread. The bytes are always followed by a NUL that does not count. */
#ifndef PM_BUF_H
#define PM_BUF_H

#include "common/base.h"

struct pm_buf {
    char *p;
    size_t n; /* bytes in use */
    size_t cap; /* bytes allocated */
    size_t max; /* most bytes it may ever hold */
    bool failed;
};

void pm_buf_init(struct pm_buf *b, size_t max);
void pm_buf_fini(struct pm_buf *b); /* frees; the struct may be initialised again */
void pm_buf_reset(struct pm_buf *b); /* empties, keeps the memory, clears `failed` */
bool pm_buf_reserve(struct pm_buf *b, size_t more); /* room for `more` bytes after n */
bool pm_buf_add_slow(struct pm_buf *b, const void *p, size_t n); /* of pm_buf_add only */

static inline bool pm_buf_add(struct pm_buf *b, const void *p, size_t n)
{
    if (b->cap - b->n <= n) /* the NUL wants its place too */
        return pm_buf_add_slow(b, p, n);
    if (n)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
    return true;
}

bool pm_buf_addf(struct pm_buf *b, const char *fmt, ...) PM_PRINTF(2, 3);
void pm_buf_drop(struct pm_buf *b, size_t n); /* removes the first n bytes */
/* The heap block itself; the caller frees it. The buffer is empty afterwards. */
char *pm_buf_detach(struct pm_buf *b);

static inline bool pm_buf_str(struct pm_buf *b, struct pm_str s)
{
    return pm_buf_add(b, s.p, s.n);
}

static inline bool pm_buf_cstr(struct pm_buf *b, const char *s)
{
    return pm_buf_add(b, s, strlen(s));
}

static inline bool pm_buf_ch(struct pm_buf *b, char c)
{
    return pm_buf_add(b, &c, 1);
}

#define pm_buf_lit(b, lit) pm_buf_add((b), "" lit, sizeof(lit) - 1)
bool pm_buf_u64(struct pm_buf *b, uint64_t v);
bool pm_buf_i64(struct pm_buf *b, int64_t v);

static inline struct pm_str pm_buf_view(const struct pm_buf *b)
{
    return (struct pm_str){b->p, b->n};
}

#endif
