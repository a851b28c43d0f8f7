/* SPDX-License-Identifier: Apache-2.0 */
#include "common/config/schema.h"

enum { MAX_NAME = 64 };

/* Slips (a letter wrong, missing, too many, or two swapped) between a and b. */
static size_t slips(struct pm_str a, struct pm_str b)
{
    size_t rows[3][MAX_NAME + 1] = {0};

    for (size_t j = 0; j <= b.n; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t *now = rows[i % 3], *before = rows[(i + 2) % 3], *two_before = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            now[j] = before[j - 1] + (a.p[i - 1] != b.p[j - 1]);
            now[j] = PM_MIN(now[j], PM_MIN(before[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
                now[j] = PM_MIN(now[j], two_before[j - 2] + 1);
        }
    }
    return rows[a.n % 3][b.n];
}

struct nearest nearest_to(struct pm_str want)
{
    /* A third of the letters may be wrong, but no more than three. */
    return (struct nearest){.want = want, .distance = PM_MIN(want.n / 3, 3) + 1};
}

void nearest_try(struct nearest *n, struct pm_str name)
{
    size_t d, gap = name.n > n->want.n ? name.n - n->want.n : n->want.n - name.n;

    if (gap >= n->distance || n->want.n > MAX_NAME || name.n > MAX_NAME || pm_str_is(name, "*"))
        return;
    d = slips(n->want, name);
    if (d < n->distance) {
        n->distance = d;
        n->best = name;
    }
}

const char *nearest_hint(const struct nearest *n, char *buf, size_t size)
{
    if (n->best.p)
        snprintf(buf, size, " (did you mean \"%.*s\"?)", PM_FMT(n->best));
    else
        buf[0] = '\0';
    return buf;
}
