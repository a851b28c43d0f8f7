/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base.h"

#include <stdio.h>
#include <stdlib.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct pm_str pm_str_trim(struct pm_str s)
{
    while (s.n && is_blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

bool pm_str_icontains(struct pm_str s, struct pm_str needle)
{
    if (needle.n == 0)
        return true;
    for (size_t i = 0; i + needle.n <= s.n; i++) {
        if (strncasecmp(s.p + i, needle.p, needle.n) == 0)
            return true;
    }
    return false;
}

bool pm_str_u64(struct pm_str s, uint64_t *out)
{
    uint64_t v = 0;

    if (s.n == 0 || s.n > 20)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
            return false;
    }
    *out = v;
    return true;
}

bool pm_str_glob(struct pm_str s, struct pm_str pattern)
{
    size_t si = 0, pi = 0, star = SIZE_MAX, mark = 0;

    while (si < s.n) {
        if (pi < pattern.n && pattern.p[pi] == '*') {
            star = pi++;
            mark = si;
        } else if (pi < pattern.n && pattern.p[pi] == s.p[si]) {
            pi++;
            si++;
        } else if (star != SIZE_MAX) {
            pi = star + 1;
            si = ++mark;
        } else {
            return false;
        }
    }
    while (pi < pattern.n && pattern.p[pi] == '*')
        pi++;
    return pi == pattern.n;
}

static void *must(void *p)
{
    if (!p) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return p;
}

void *pm_xmalloc(size_t n)
{
    return must(malloc(n ? n : 1));
}

void *pm_xcalloc(size_t count, size_t size)
{
    return must(calloc(count ? count : 1, size ? size : 1));
}

void *pm_xrealloc(void *p, size_t n)
{
    return must(realloc(p, n ? n : 1));
}

char *pm_xstrdup(const char *s)
{
    return pm_xstrndup(pm_str(s));
}

char *pm_xstrndup(struct pm_str s)
{
    char *p = pm_xmalloc(s.n + 1);

    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return p;
}
