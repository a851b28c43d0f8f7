/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary every file speaks: borrowed text, allocation that cannot fail, small helpers.
 * Any thread. Sizes that a peer chooses never go through the x-functions: see buf.h and arena.h. */
#ifndef PM_BASE_H
#define PM_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

/* A borrowed run of bytes. Not NUL-terminated, never freed through this type. */
struct pm_str {
    const char *p;
    size_t n;
};

#define PM_STR(lit) ((struct pm_str){"" lit, sizeof(lit) - 1})
#define PM_STR_INIT(lit)                                                                           \
    {                                                                                              \
        "" lit, sizeof(lit) - 1                                                                    \
    }
#define PM_FMT(s) (int)(s).n, (s).p /* for "%.*s" */
#define PM_NSTR ((struct pm_str){NULL, 0}) /* absent, as opposed to empty */

#define PM_COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PM_MIN(a, b) ((a) < (b) ? (a) : (b))
#define PM_MAX(a, b) ((a) > (b) ? (a) : (b))
#define PM_UNUSED __attribute__((unused))
#define PM_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define PM_MUST_CHECK __attribute__((warn_unused_result))
/* The object of type t whose member m is at p. */
#define PM_CONTAINER(p, t, m) ((t *)(void *)((char *)(p)-offsetof(t, m)))

static inline struct pm_str pm_str(const char *cstr)
{
    return (struct pm_str){cstr, cstr ? strlen(cstr) : 0};
}

static inline struct pm_str pm_str_n(const char *p, size_t n)
{
    return (struct pm_str){p, n};
}

static inline bool pm_str_eq(struct pm_str a, struct pm_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* ASCII case is ignored. */
static inline bool pm_str_ieq(struct pm_str a, struct pm_str b)
{
    return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

static inline bool pm_str_is(struct pm_str a, const char *cstr)
{
    return pm_str_eq(a, pm_str(cstr));
}

static inline bool pm_str_starts(struct pm_str s, struct pm_str prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

/* Position of the first c, or -1. */
static inline ptrdiff_t pm_str_find(struct pm_str s, char c)
{
    const char *at = s.n ? memchr(s.p, c, s.n) : NULL;
    return at ? at - s.p : -1;
}

/* Bytes from..to of s, clamped to what is there. */
static inline struct pm_str pm_str_cut(struct pm_str s, size_t from, size_t to)
{
    if (to > s.n)
        to = s.n;
    if (from > to)
        from = to;
    return (struct pm_str){s.p + from, to - from};
}

struct pm_str pm_str_trim(struct pm_str s); /* without blanks, tabs, CR and LF at both ends */
/* ASCII case is ignored; needle may be anywhere. */
bool pm_str_icontains(struct pm_str s, struct pm_str needle);
/* Decimal digits only, no sign, no overflow. */
bool pm_str_u64(struct pm_str s, uint64_t *out) PM_MUST_CHECK;
/* True if s matches pattern, in which '*' stands for any run of bytes. */
bool pm_str_glob(struct pm_str s, struct pm_str pattern);

/* These abort the process when memory is out: for sizes that this program chose. */
void *pm_xmalloc(size_t n);
void *pm_xcalloc(size_t count, size_t size);
void *pm_xrealloc(void *p, size_t n);
char *pm_xstrdup(const char *s);
char *pm_xstrndup(struct pm_str s); /* NUL-terminated copy on the heap */

#endif
