/* SPDX-License-Identifier: Apache-2.0 */
#include "common/utf8.h"

#include "common/json_scan.h"

size_t pm_utf8_bounded(struct pm_str s, size_t max)
{
    size_t n = PM_MIN(s.n, max);

    /* A character has at most three bytes that are not its first. */
    while (n < s.n && n > max - 3 && (s.p[n] & 0xc0) == 0x80)
        n--;
    return n;
}

void pm_utf8_clean(char *p, size_t n)
{
    const char *const end = p + n;

    while (p < end) {
        const size_t len = *p ? scan_utf8(p, end) : 0;

        if (len == 0)
            *p = '?';
        p += len ? len : 1;
    }
}
