/* SPDX-License-Identifier: Apache-2.0 */
#include "common/clock.h"

#include <sys/random.h>

uint64_t pm_now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

uint64_t pm_now_ms(void)
{
    return pm_now_ns() / 1000000ULL;
}

int64_t pm_unix_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void pm_random(void *p, size_t n)
{
    char *at = p;

    while (n) {
        ssize_t got = getrandom(at, n, 0);
        if (got <= 0)
            abort();
        at += got;
        n -= (size_t)got;
    }
}

/* One system call serves many: the pool belongs to the thread. */
static unsigned char random_byte(void)
{
    static _Thread_local unsigned char pool[512];
    static _Thread_local size_t left;

    if (left == 0) {
        pm_random(pool, sizeof(pool));
        left = sizeof(pool);
    }
    return pool[--left];
}

uint64_t pm_random_u64(void)
{
    uint64_t v = 0;

    for (int i = 0; i < 8; i++)
        v = v << 8 | random_byte();
    return v;
}

void pm_generation_id(char out[static PM_GENERATION_ID_LEN + 1], int64_t unix_ms)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    uint64_t seconds = (uint64_t)(unix_ms / 1000) % 10000000000ULL;
    char *p = out + PM_GENERATION_ID_LEN;

    *p = '\0';
    for (int i = 0; i < 20;) {
        unsigned char c = random_byte();
        if (c < 248) { /* 248 = 4 * 62: every character is equally likely */
            *--p = digits[c % 62];
            i++;
        }
    }
    *--p = '-';
    for (int i = 0; i < 10; i++, seconds /= 10)
        *--p = (char)('0' + seconds % 10);
    memcpy(out, "gen-", 4);
}
