/* SPDX-License-Identifier: Apache-2.0 */
#include "common/url.h"

bool pm_url_param(struct pm_str *query, struct pm_str *name, struct pm_str *value)
{
    while (query->n) {
        const ptrdiff_t amp = pm_str_find(*query, '&');
        const struct pm_str pair = amp < 0 ? *query : pm_str_cut(*query, 0, (size_t)amp);
        const ptrdiff_t equal = pm_str_find(pair, '=');

        *query = pm_str_cut(*query, amp < 0 ? query->n : (size_t)amp + 1, query->n);
        if (pair.n == 0)
            continue;
        *name = equal < 0 ? pair : pm_str_cut(pair, 0, (size_t)equal);
        *value = equal < 0 ? PM_STR("") : pm_str_cut(pair, (size_t)equal + 1, pair.n);
        return true;
    }
    return false;
}

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool pm_url_decode(struct pm_str s, bool form, struct pm_buf *out)
{
    const size_t start = out->n;

    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (c == '%') {
            const int high = i + 2 < s.n ? hex_of(s.p[i + 1]) : -1;
            const int low = high < 0 ? -1 : hex_of(s.p[i + 2]);

            if (low < 0 || (high == 0 && low == 0))
                goto bad;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (form && c == '+') {
            c = ' ';
        }
        if (c == '\0' || !pm_buf_ch(out, c))
            goto bad;
    }
    return true;
bad:
    out->n = start;
    return false;
}

bool pm_url_encode(struct pm_str s, struct pm_buf *out)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.n; i++) {
        const unsigned char c = (unsigned char)s.p[i];
        const bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
                           (c && strchr("-._~", c));
        const char code[] = {'%', digits[c >> 4], digits[c & 15]};

        if (!(plain ? pm_buf_ch(out, (char)c) : pm_buf_add(out, code, sizeof(code))))
            return false;
    }
    return true;
}
