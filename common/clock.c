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

void pm_generation_id(char out[static PM_GENERATION_ID_LEN + 1], int64_t unix_ms)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    /* One system call serves many ids: the pool belongs to the thread. */
    static _Thread_local unsigned char pool[480];
    static _Thread_local size_t left;
    char *p = out;

    p += snprintf(out, PM_GENERATION_ID_LEN + 1, "gen-%010lld-",
                  (long long)(unix_ms / 1000) % 10000000000LL);
    for (int i = 0; i < 20;) {
        if (left == 0) {
            pm_random(pool, sizeof(pool));
            left = sizeof(pool);
        }
        unsigned char c = pool[--left];
        if (c < 248) { /* 248 = 4 * 62: every character is equally likely */
            *p++ = digits[c % 62];
            i++;
        }
    }
    *p = '\0';
}
