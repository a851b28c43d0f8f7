/* SPDX-License-Identifier: Apache-2.0 */
#include "common/crc32c.h"

/* The remainders of the sixteen values of four bits. */
static const uint32_t nibbles[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

uint32_t pm_crc32c_soft(uint32_t crc, const void *p, size_t n)
{
    const unsigned char *u = p;

    crc = ~crc;
    for (size_t i = 0; i < n; i++) {
        crc ^= u[i];
        crc = crc >> 4 ^ nibbles[crc & 15];
        crc = crc >> 4 ^ nibbles[crc & 15];
    }
    return ~crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t hard(uint32_t crc, const void *p, size_t n)
{
    const unsigned char *u = p;
    uint64_t c = ~crc;

    for (; n >= 8; u += 8, n -= 8) {
        uint64_t word;

        memcpy(&word, u, 8);
        c = _mm_crc32_u64(c, word);
    }
    for (; n; u++, n--)
        c = _mm_crc32_u8((uint32_t)c, *u);
    return ~(uint32_t)c;
}

uint32_t pm_crc32c(uint32_t crc, const void *p, size_t n)
{
    return __builtin_cpu_supports("sse4.2") ? hard(crc, p, n) : pm_crc32c_soft(crc, p, n);
}
#else
uint32_t pm_crc32c(uint32_t crc, const void *p, size_t n)
{
    return pm_crc32c_soft(crc, p, n);
}
#endif
