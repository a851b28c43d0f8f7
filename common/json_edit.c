/* SPDX-License-Identifier: Apache-2.0 */
/* The other half of json.h: what a value says, writing values, and changing a text in place. */
#include "common/json.h"

#include "common/json_scan.h"

#include <math.h>

#define REPLACEMENT PM_STR("\xef\xbf\xbd") /* U+FFFD */
#define MAX_NUMBER 1024 /* bytes of the longest number that is read as a double */

struct pm_str pm_json_body(struct pm_jval v)
{
    if (v.type != PM_JSTR || v.raw.n < 2)
        return PM_NSTR;
    return pm_str_n(v.raw.p + 1, v.raw.n - 2);
}

/* The digits of a number without its sign, point and exponent, and where the point belongs. */
struct decimal {
    const char *p, *end; /* digits and at most one point */
    bool negative;
    int64_t point; /* digits before the point once the exponent is applied; may be negative */
};

static struct decimal decimal_of(struct pm_str raw)
{
    struct decimal d = {.p = raw.p, .end = raw.p + raw.n};
    const char *e;
    int64_t exponent = 0;
    bool negative;

    d.negative = *d.p == '-';
    d.p += d.negative;
    for (e = d.p; e < d.end && scan_digit(*e); e++)
        d.point++;
    while (e < d.end && (*e | 0x20) != 'e')
        e++;
    if (e < d.end) {
        negative = e[1] == '-';
        for (const char *p = e + 1; p < d.end; p++) {
            if (scan_digit(*p) && exponent < INT64_MAX / 100)
                exponent = exponent * 10 + (*p - '0');
        }
        d.point += negative ? -exponent : exponent;
    }
    d.end = e;
    return d;
}

bool pm_json_i64(struct pm_jval v, int64_t *out)
{
    struct decimal d;
    int64_t n = 0, seen = 0;

    if (v.type != PM_JNUM || v.raw.n == 0)
        return false;
    d = decimal_of(v.raw);
    for (; d.p < d.end; d.p++) {
        if (*d.p == '.')
            continue;
        if (seen++ >= d.point) {
            if (*d.p != '0')
                return false;
            continue;
        }
        /* Downwards, because INT64_MIN has no positive. */
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_sub_overflow(n, *d.p - '0', &n))
            return false;
    }
    for (; n != 0 && seen < d.point; seen++) {
        if (__builtin_mul_overflow(n, 10, &n))
            return false;
    }
    if (!d.negative && n == INT64_MIN)
        return false;
    *out = d.negative ? n : -n;
    return true;
}

bool pm_json_f64(struct pm_jval v, double *out)
{
    char t[MAX_NUMBER + 1];
    double d;

    if (v.type != PM_JNUM || v.raw.n > MAX_NUMBER)
        return false;
    memcpy(t, v.raw.p, v.raw.n);
    t[v.raw.n] = '\0';
    d = strtod(t, NULL); /* the program never leaves the C locale */
    if (!isfinite(d))
        return false;
    *out = d;
    return true;
}

static unsigned hex4(const char *p)
{
    unsigned v = 0;

    for (int i = 0; i < 4; i++)
        v = v << 4 | (unsigned)(scan_digit(p[i]) ? p[i] - '0' : (p[i] | 0x20) - 'a' + 10);
    return v;
}

static bool add_utf8(struct pm_buf *b, unsigned c)
{
    char t[4];
    size_t n = 0;

    if (c < 0x80) {
        t[n++] = (char)c;
    } else if (c < 0x800) {
        t[n++] = (char)(0xc0 | c >> 6);
        t[n++] = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        t[n++] = (char)(0xe0 | c >> 12);
        t[n++] = (char)(0x80 | (c >> 6 & 0x3f));
        t[n++] = (char)(0x80 | (c & 0x3f));
    } else {
        t[n++] = (char)(0xf0 | c >> 18);
        t[n++] = (char)(0x80 | (c >> 12 & 0x3f));
        t[n++] = (char)(0x80 | (c >> 6 & 0x3f));
        t[n++] = (char)(0x80 | (c & 0x3f));
    }
    return pm_buf_add(b, t, n);
}

/* *p is after "\u". */
static bool add_u_escape(struct pm_buf *b, const char **p, const char *end)
{
    unsigned c = hex4(*p), low;

    *p += 4;
    if (c < 0xd800 || c > 0xdfff)
        return add_utf8(b, c);
    if (c < 0xdc00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u') {
        low = hex4(*p + 2);
        if (low >= 0xdc00 && low <= 0xdfff) {
            *p += 6;
            return add_utf8(b, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
        }
    }
    return pm_buf_str(b, REPLACEMENT);
}

static bool unescape(struct pm_buf *b, struct pm_str body)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    const char *p = body.p, *end = body.p + body.n;

    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p)), *at;

        if (!pm_buf_add(b, p, (size_t)((slash ? slash : end) - p)))
            return false;
        if (!slash)
            return true;
        p = slash + 2;
        if (slash[1] == 'u') {
            if (!add_u_escape(b, &p, end))
                return false;
            continue;
        }
        at = strchr(from, slash[1]);
        if (!pm_buf_ch(b, at ? to[at - from] : slash[1]))
            return false;
    }
    return true;
}

bool pm_json_text(struct pm_jval v, struct pm_buf *b, struct pm_str *out)
{
    const struct pm_str body = pm_json_body(v);
    const size_t start = b->n;

    if (v.type != PM_JSTR)
        return false;
    if (pm_str_find(body, '\\') < 0) {
        *out = body;
        return true;
    }
    if (!unescape(b, body)) {
        b->n = start;
        if (b->p)
            b->p[start] = '\0';
        return false;
    }
    *out = pm_str_n(b->p + start, b->n - start);
    return true;
}

static bool add_escaped(struct pm_buf *b, unsigned char c)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *at = memchr(from, c, sizeof(from) - 1);

    if (at)
        return pm_buf_ch(b, '\\') && pm_buf_ch(b, to[at - from]);
    return pm_buf_addf(b, "\\u%04x", c);
}

bool pm_json_quote(struct pm_buf *b, struct pm_str utf8)
{
    const char *p = utf8.n ? utf8.p : "", *end = p + utf8.n, *run = p;
    bool ok = pm_buf_ch(b, '"');

    while (ok && p < end) {
        size_t n;

        p = scan_to(p, end, SCAN_UNPLAIN);
        if (p == end)
            break;
        n = scan_utf8(p, end);
        if (n > 1) {
            p += n;
            continue;
        }
        ok = pm_buf_add(b, run, (size_t)(p - run)) &&
             (n == 1 ? add_escaped(b, (unsigned char)*p) : pm_buf_str(b, REPLACEMENT));
        run = ++p;
    }
    return ok && pm_buf_add(b, run, (size_t)(end - run)) && pm_buf_ch(b, '"');
}

bool pm_json_nano(struct pm_buf *b, int64_t nano_usd)
{
    const uint64_t abs = nano_usd < 0 ? 0 - (uint64_t)nano_usd : (uint64_t)nano_usd;
    uint64_t rest = abs % 1000000000;
    char t[10] = {'.'};
    size_t n = sizeof(t);

    if ((nano_usd < 0 && !pm_buf_ch(b, '-')) || !pm_buf_u64(b, abs / 1000000000))
        return false;
    if (rest == 0)
        return true;
    for (size_t i = sizeof(t) - 1; i > 0; i--, rest /= 10)
        t[i] = (char)('0' + rest % 10);
    while (t[n - 1] == '0')
        n--;
    return pm_buf_add(b, t, n);
}

bool pm_json_splice(struct pm_str text, const struct pm_edit *edits, size_t n, struct pm_buf *out)
{
    size_t at = 0, total = text.n;

    for (size_t i = 0; i < n; i++) {
        if (edits[i].at < at || edits[i].at > text.n || edits[i].del > text.n - edits[i].at)
            return false;
        at = edits[i].at + edits[i].del;
        if (__builtin_add_overflow(total - edits[i].del, edits[i].ins.n, &total))
            return false;
    }
    if (!pm_buf_reserve(out, total))
        return false;
    at = 0;
    for (size_t i = 0; i < n; i++) {
        pm_buf_add(out, text.p + at, edits[i].at - at);
        pm_buf_str(out, edits[i].ins);
        at = edits[i].at + edits[i].del;
    }
    return pm_buf_add(out, text.p + at, text.n - at);
}

/* Where the next member's name begins, or the object's closing bracket. */
static const char *after_member(struct pm_jval val, const char *end)
{
    const char *p = scan_blanks(val.raw.p + val.raw.n, end);

    return p < end && *p == ',' ? scan_blanks(p + 1, end) : p;
}

size_t pm_json_cut_many(struct pm_str text, struct pm_jval obj, const struct pm_jmember *drop,
                        size_t n, struct pm_edit *edits)
{
    const char *close = obj.raw.p + obj.raw.n - 1;
    size_t made = 0;

    for (size_t i = 0; i < n;) {
        const char *from = drop[i].key.p - 1;
        const char *to = after_member(drop[i].val, close);

        /* One edit for a run of neighbours, so that no comma is counted by two edits. */
        for (i++; i < n && drop[i].key.p - 1 == to; i++)
            to = after_member(drop[i].val, close);
        if (to == close) { /* no comma follows: take the one before, if there is one */
            while (scan_blank(from[-1]))
                from--;
            if (from[-1] == ',')
                from--;
        }
        edits[made++] = (struct pm_edit){(size_t)(from - text.p), (size_t)(to - from), PM_NSTR};
    }
    return made;
}

struct pm_edit pm_json_cut(struct pm_str text, struct pm_jval obj, struct pm_str key,
                           struct pm_jval val)
{
    struct pm_edit edit;

    pm_json_cut_many(text, obj, &(struct pm_jmember){key, val}, 1, &edit);
    return edit;
}
