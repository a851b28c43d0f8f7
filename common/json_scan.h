/* SPDX-License-Identifier: Apache-2.0 */
/* Inside json*.c only: finding the next byte that matters, 16 bytes at a time (8 without SSE2).
 * Long strings are most of every large body, so this is where the time per byte goes. */
#ifndef PM_JSON_SCAN_H
#define PM_JSON_SCAN_H

#include "common/base.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* What a scan stops at. */
enum scan_stop {
    SCAN_UNPLAIN = 1, /* quote, backslash, control or not ASCII: all a checker has to look at */
    SCAN_QUOTE = 2, /* quote */
    SCAN_NEST = 4, /* quote or bracket of any kind */
};

static inline bool scan_stops(unsigned char c, enum scan_stop stop)
{
    if (stop == SCAN_UNPLAIN)
        return c == '"' || c == '\\' || c < 0x20 || c >= 0x80;
    if (stop == SCAN_QUOTE)
        return c == '"';
    /* One bit is what tells '[' from '{', and ']' from '}'. */
    return c == '"' || (c | 0x20) == '{' || (c | 0x20) == '}';
}

#ifdef __SSE2__
#define SCAN_BLOCK 16

/* One bit for each byte of the block at p that stops the scan. */
static inline unsigned scan_mask(const char *p, enum scan_stop stop)
{
    const __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i m = _mm_cmpeq_epi8(x, _mm_set1_epi8('"'));

    if (stop == SCAN_NEST) {
        const __m128i y = _mm_or_si128(x, _mm_set1_epi8(0x20));

        m = _mm_or_si128(m, _mm_cmpeq_epi8(y, _mm_set1_epi8('{')));
        m = _mm_or_si128(m, _mm_cmpeq_epi8(y, _mm_set1_epi8('}')));
    } else if (stop != SCAN_QUOTE) {
        m = _mm_or_si128(m, _mm_cmpeq_epi8(x, _mm_set1_epi8('\\')));
    }
    /* Bytes from 0x80 are negative here, so one comparison finds them and the controls. */
    if (stop == SCAN_UNPLAIN)
        m = _mm_or_si128(m, _mm_cmplt_epi8(x, _mm_set1_epi8(0x20)));
    return (unsigned)_mm_movemask_epi8(m);
}

static inline size_t scan_first(unsigned mask)
{
    return (size_t)__builtin_ctz(mask);
}
#else
#define SCAN_BLOCK 8
#define SCAN_ALL(c) (0x0101010101010101u * (uint64_t)(c))

/* 0x80 in each byte of x that is c. Exact: no carry crosses a byte. */
static inline uint64_t scan_equal(uint64_t x, unsigned char c)
{
    x ^= SCAN_ALL(c);
    return ~(((x & SCAN_ALL(0x7f)) + SCAN_ALL(0x7f)) | x) & SCAN_ALL(0x80);
}

static inline uint64_t scan_mask(const char *p, enum scan_stop stop)
{
    uint64_t x, m;

    memcpy(&x, p, sizeof(x));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x);
#endif
    m = scan_equal(x, '"');
    if (stop == SCAN_NEST)
        m |= scan_equal(x | SCAN_ALL(0x20), '{') | scan_equal(x | SCAN_ALL(0x20), '}');
    else if (stop != SCAN_QUOTE)
        m |= scan_equal(x, '\\');
    if (stop == SCAN_UNPLAIN)
        m |= (x | ~((x & SCAN_ALL(0x7f)) + SCAN_ALL(0x60))) & SCAN_ALL(0x80);
    return m;
}

static inline size_t scan_first(uint64_t mask)
{
    return (size_t)__builtin_ctzll(mask) / 8;
}
#endif

/* The first byte from p on that stops the scan, or end. `stop` must be a constant. */
static inline __attribute__((always_inline)) const char *scan_to(const char *p, const char *end,
                                                                 enum scan_stop stop)
{
    for (size_t blocks = (size_t)(end - p) / SCAN_BLOCK; blocks; blocks--) {
        const __typeof__(scan_mask(p, stop)) mask = scan_mask(p, stop);

        if (mask)
            return p + scan_first(mask);
        p += SCAN_BLOCK;
    }
    while (p < end && !scan_stops((unsigned char)*p, stop))
        p++;
    return p;
}

static inline bool scan_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline const char *scan_blanks(const char *p, const char *end)
{
    while (p < end && scan_blank(*p))
        p++;
    return p;
}

static inline bool scan_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Bytes of the UTF-8 character at p, 1 to 4; 0 if there is no well-formed one. p < end. */
static inline size_t scan_utf8(const char *p, const char *end)
{
    const unsigned char *u = (const unsigned char *)p;
    const size_t left = (size_t)(end - p);

    if (u[0] < 0x80)
        return 1;
    if (left >= 2 && u[0] >= 0xc2 && u[0] < 0xe0)
        return (u[1] & 0xc0) == 0x80 ? 2 : 0;
    if (left >= 3 && (u[0] & 0xf0) == 0xe0) {
        const unsigned c = (u[0] & 0x0fu) << 12 | (u[1] & 0x3fu) << 6 | (u[2] & 0x3fu);
        const bool tails = (u[1] & 0xc0) == 0x80 && (u[2] & 0xc0) == 0x80;

        return tails && c >= 0x800 && c >> 11 != 0xd800 >> 11 ? 3 : 0;
    }
    if (left >= 4 && (u[0] & 0xf8) == 0xf0) {
        const unsigned c = (u[0] & 7u) << 18 | (u[1] & 0x3fu) << 12; /* the rest cannot decide */
        const bool tails = (u[1] & 0xc0) == 0x80 && (u[2] & 0xc0) == 0x80 && (u[3] & 0xc0) == 0x80;

        return tails && c >= 0x10000 && c < 0x110000 ? 4 : 0;
    }
    return 0;
}

#endif
