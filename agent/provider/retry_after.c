/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/provider/retry_after.h"

#define LONGEST_MS (7 * 86400 * INT64_C(1000))

/* A decimal number at *p, times scale; moves *p past it. -1 if there is none. */
static int64_t decimal(const char **p, const char *end, int64_t scale)
{
    int64_t whole = 0, part = 0, unit = 1;
    const char *start = *p;

    for (; *p < end && **p >= '0' && **p <= '9'; (*p)++) {
        if (whole <= LONGEST_MS)
            whole = whole * 10 + (**p - '0');
    }
    if (*p == start)
        return -1;
    if (*p + 1 < end && **p == '.' && (*p)[1] >= '0' && (*p)[1] <= '9') {
        for ((*p)++; *p < end && **p >= '0' && **p <= '9'; (*p)++) {
            if (unit < 1000) {
                unit *= 10;
                part = part * 10 + (**p - '0');
            }
        }
    }
    return PM_MIN(PM_MIN(whole, LONGEST_MS) * scale + part * scale / unit, LONGEST_MS);
}

/* All of s, which is not empty. */
static int64_t number(struct pm_str s, int64_t scale)
{
    const char *p = s.p, *end = p + s.n;
    const int64_t v = decimal(&p, end, scale);

    return p == end ? v : -1;
}

static bool two_digits(const char *p, int *out)
{
    if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
        return false;
    *out = (p[0] - '0') * 10 + (p[1] - '0');
    return true;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", the only form that is still sent. */
static bool http_date(struct pm_str s, int64_t *unix_s)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm = {0};
    int century;

    if (s.n != 29 || memcmp(s.p + 25, " GMT", 4) != 0)
        return false;
    if (!two_digits(s.p + 5, &tm.tm_mday) || !two_digits(s.p + 12, &century) ||
        !two_digits(s.p + 14, &tm.tm_year) || !two_digits(s.p + 17, &tm.tm_hour) ||
        !two_digits(s.p + 20, &tm.tm_min) || !two_digits(s.p + 23, &tm.tm_sec))
        return false;
    while (tm.tm_mon < 12 && memcmp(s.p + 8, months + tm.tm_mon * 3, 3) != 0)
        tm.tm_mon++;
    if (tm.tm_mon == 12)
        return false;
    tm.tm_year += century * 100 - 1900;
    *unix_s = timegm(&tm);
    return true;
}

int64_t retry_after_header(struct pm_str ms, struct pm_str seconds_or_date, int64_t now_unix_ms)
{
    int64_t v = -1, at;

    ms = pm_str_trim(ms);
    seconds_or_date = pm_str_trim(seconds_or_date);
    if (ms.n > 0)
        v = number(ms, 1);
    if (v < 0 && seconds_or_date.n > 0)
        v = number(seconds_or_date, 1000);
    if (v < 0 && http_date(seconds_or_date, &at))
        v = PM_MAX(0, PM_MIN(at * 1000 - now_unix_ms, LONGEST_MS));
    return v;
}

/* Milliseconds in the unit at *p, which is moved past it; 0 if it is none. */
static int64_t unit_ms(const char **p, const char *end)
{
    static const struct {
        struct pm_str name;
        int64_t ms;
    } units[] = {
        {PM_STR_INIT("ms"), 1},      {PM_STR_INIT("milliseconds"), 1}, {PM_STR_INIT("min"), 60000},
        {PM_STR_INIT("m"), 60000},   {PM_STR_INIT("seconds"), 1000},   {PM_STR_INIT("s"), 1000},
        {PM_STR_INIT("h"), 3600000},
    };

    while (*p < end && **p == ' ')
        (*p)++;
    for (size_t i = 0; i < PM_COUNT(units); i++) {
        if (pm_str_starts(pm_str_n(*p, (size_t)(end - *p)), units[i].name)) {
            *p += units[i].name.n;
            return units[i].ms;
        }
    }
    return 0;
}

int64_t retry_after_text(struct pm_str lower)
{
    static const char *const leads[] = {"retry after ", "try again in ", "retry in "};
    const char *end = lower.p + lower.n, *p = NULL;
    int64_t sum = -1;

    for (size_t i = 0; i < PM_COUNT(leads) && !p && lower.n > 0; i++) {
        p = memmem(lower.p, lower.n, leads[i], strlen(leads[i]));
        if (p)
            p += strlen(leads[i]);
    }
    while (p && p < end) {
        const char *start = p;
        const int64_t v = decimal(&p, end, 1000);
        const int64_t unit = v < 0 ? 0 : unit_ms(&p, end);

        if (p == start || unit == 0)
            break;
        sum = PM_MIN(PM_MAX(sum, 0) + v / 1000 * unit + v % 1000 * unit / 1000, LONGEST_MS);
    }
    return sum;
}
