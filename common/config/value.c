/* SPDX-License-Identifier: Apache-2.0 */
/* Single values: from text into the object, and described for people. */
#include "common/config/schema.h"

#include <stdlib.h>

struct unit {
    const char *name;
    uint64_t factor;
};

/* From the largest, so that the first that divides is the best to print. */
static const struct unit time_units[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
static const struct unit size_units[] = {
    {"GiB", 1ULL << 30}, {"MiB", 1ULL << 20}, {"KiB", 1ULL << 10}, {"B", 1}};

static bool read_unit(struct pm_str s, const struct unit *units, size_t n, uint64_t *out)
{
    size_t digits = 0;

    while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9')
        digits++;
    if (!pm_str_u64(pm_str_cut(s, 0, digits), out))
        return false;
    if (digits == s.n)
        return *out == 0; /* 0 is the same in every unit */
    for (size_t i = 0; i < n; i++) {
        if (pm_str_is(pm_str_cut(s, digits, s.n), units[i].name))
            return !__builtin_mul_overflow(*out, units[i].factor, out);
    }
    return false;
}

static void print_unit(uint64_t v, const struct unit *units, struct pm_buf *out)
{
    while (v % units->factor != 0)
        units++;
    pm_buf_addf(out, "%llu%s", (unsigned long long)(v / units->factor), v ? units->name : "");
}

static bool read_bool(struct pm_str s, bool *out)
{
    *out = pm_str_is(s, "true") || pm_str_is(s, "True") || pm_str_is(s, "TRUE");
    return *out || pm_str_is(s, "false") || pm_str_is(s, "False") || pm_str_is(s, "FALSE");
}

static bool two_digits(struct pm_str s, size_t at, int low, int high, int *out)
{
    uint64_t v;

    if (!pm_str_u64(pm_str_cut(s, at, at + 2), &v) || (int)v < low || (int)v > high)
        return false;
    *out = (int)v;
    return true;
}

bool value_date(struct pm_str s, int64_t *unix_ms)
{
    static const char form[] = "0000-00-00T00:00:00Z";
    struct tm tm = {0};
    uint64_t year;

    if (s.n != 10 && s.n != sizeof(form) - 1)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (form[i] != '0' && form[i] != s.p[i])
            return false;
    }
    if (!pm_str_u64(pm_str_cut(s, 0, 4), &year) || year < 1970 ||
        !two_digits(s, 5, 1, 12, &tm.tm_mon) || !two_digits(s, 8, 1, 31, &tm.tm_mday))
        return false;
    if (s.n > 10 &&
        (!two_digits(s, 11, 0, 23, &tm.tm_hour) || !two_digits(s, 14, 0, 59, &tm.tm_min) ||
         !two_digits(s, 17, 0, 59, &tm.tm_sec)))
        return false;
    tm.tm_year = (int)year - 1900;
    tm.tm_mon--;
    int day = tm.tm_mday;
    *unix_ms = (int64_t)timegm(&tm) * 1000;
    return tm.tm_mday == day; /* timegm turns 31 April into 1 May */
}

bool value_double(struct pm_str s, double *out)
{
    char text[32], *end;
    bool point = false;

    if (s.n == 0 || s.n >= sizeof(text) || s.p[0] == '.' || s.p[s.n - 1] == '.')
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '.' && !point)
            point = true;
        else if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        text[i] = s.p[i];
    }
    text[s.n] = '\0';
    *out = strtod(text, &end);
    return *end == '\0';
}

bool value_word(row_words *words, struct pm_str s, unsigned *out)
{
    for (unsigned i = 0; words(i)[0]; i++) {
        if (pm_str_is(s, words(i))) {
            *out = i;
            return true;
        }
    }
    return false;
}

void value_words(row_words *words, const char *last, struct pm_buf *out)
{
    for (unsigned i = 0; words(i)[0]; i++)
        pm_buf_addf(out, "%s%s", i == 0 ? "" : words(i + 1)[0] ? ", " : last, words(i));
}

static void print_number(const struct row *row, uint64_t v, struct pm_buf *out)
{
    if (row->kind == ROW_TIME)
        print_unit(v, time_units, out);
    else if (row->kind == ROW_SIZE)
        print_unit(v, size_units, out);
    else
        pm_buf_u64(out, v);
}

void value_range(const struct row *row, struct pm_buf *out)
{
    print_number(row, row->min, out);
    pm_buf_lit(out, " to ");
    print_number(row, row->max, out);
}

void value_describe(const struct row *row, struct pm_buf *out)
{
    static const char *const texts[] = {
        [ROW_BOOL] = "true or false",
        [ROW_NOT] = "true or false",
        [ROW_PORT] = "a port, 0 to 65535",
        [ROW_U32] = "a number",
        [ROW_COUNT] = "a number",
        [ROW_TIME] = "a time with its unit: 500ms, 5s, 10m or 1h",
        [ROW_SIZE] = "a size with its unit: 64KiB, 4MiB or 1GiB",
        [ROW_DATE] = "a date: 2027-01-31 or 2027-01-31T12:00:00Z",
        [ROW_TEXT] = "text",
        [ROW_TEXTS] = "text",
        [ROW_USD_MTOK] = "USD per million tokens: a decimal with at most 6 digits after the point",
        [ROW_USD_UNIT] = "USD: a decimal with at most 12 digits after the point",
        [ROW_USD] = "USD: a decimal with at most 9 digits after the point",
    };

    if (row->words)
        value_words(row->words, " or ", out);
    else
        pm_buf_cstr(out, texts[row->kind] ? texts[row->kind] : "a mapping");
}

/* The number itself, checked against the row's range. */
static bool read_number(const struct row *row, struct pm_str s, uint64_t *v, struct pm_buf *wrong)
{
    bool ok = row->kind == ROW_TIME   ? read_unit(s, time_units, PM_COUNT(time_units), v)
              : row->kind == ROW_SIZE ? read_unit(s, size_units, PM_COUNT(size_units), v)
                                      : pm_str_u64(s, v);

    if (!ok) {
        pm_buf_lit(wrong, "must be ");
        value_describe(row, wrong);
        return false;
    }
    if (row->max && (*v < row->min || *v > row->max)) {
        pm_buf_lit(wrong, "must be ");
        value_range(row, wrong);
        return false;
    }
    return true;
}

static bool store_number(const struct row *row, void *at, struct pm_str s, struct pm_buf *wrong)
{
    uint64_t v;

    if (!read_number(row, s, &v, wrong))
        return false;
    if (row->kind == ROW_U32 || row->kind == ROW_TIME)
        *(uint32_t *)at = (uint32_t)v;
    else if (row->kind == ROW_COUNT)
        *(int64_t *)at = (int64_t)v;
    else
        *(uint64_t *)at = v;
    return true;
}

static bool store_port(void *at, struct pm_str s)
{
    uint64_t v;

    if (!pm_str_u64(s, &v) || v > UINT16_MAX)
        return false;
    *(uint16_t *)at = (uint16_t)v;
    return true;
}

static bool store_word(const struct row *row, void *at, struct pm_str s)
{
    unsigned i;

    if (!value_word(row->words, s, &i))
        return false;
    if (row->kind == ROW_WORD)
        *(uint32_t *)at = i;
    else if (row->kind == ROW_BIT)
        *(uint32_t *)at = 1U << i;
    else if (row->kind == ROW_BITS)
        *(uint32_t *)at |= 1U << i;
    else
        *(uint64_t *)at |= 1ULL << i;
    return true;
}

static bool store_bool(const struct row *row, void *at, struct pm_str s)
{
    unsigned word;
    bool v;

    if (row->words) {
        if (!value_word(row->words, s, &word))
            return false;
        v = word == 1;
    } else if (!read_bool(s, &v)) {
        return false;
    }
    *(bool *)at = row->kind == ROW_NOT ? !v : v;
    return true;
}

static bool store_text(struct pm_arena *keep, const struct row *row, void *at, struct pm_str s,
                       struct pm_buf *wrong)
{
    const char *problem = row->check ? row->check(s) : NULL;
    unsigned word;

    if (row->words && !value_word(row->words, s, &word))
        return false;
    if (problem) {
        pm_buf_cstr(wrong, problem);
        return false;
    }
    *(struct pm_str *)at = pm_arena_str(keep, s);
    return true;
}

bool value_read(struct pm_arena *keep, const struct row *row, void *obj, struct pm_str text,
                struct pm_buf *wrong)
{
    void *at = (char *)obj + row->at;
    bool ok = false;

    switch (row->kind) {
    case ROW_BOOL:
    case ROW_NOT:
        ok = store_bool(row, at, text);
        break;
    case ROW_PORT:
        ok = store_port(at, text);
        break;
    case ROW_U32:
    case ROW_COUNT:
    case ROW_TIME:
    case ROW_SIZE:
        ok = store_number(row, at, text, wrong);
        break;
    case ROW_DATE:
        ok = value_date(text, at);
        break;
    case ROW_TEXT:
    case ROW_TEXTS: /* one of them: at is that one */
        ok = store_text(keep, row, at, text, wrong);
        break;
    case ROW_WORD:
    case ROW_BIT:
    case ROW_BITS:
    case ROW_BITS64:
        ok = store_word(row, at, text);
        break;
    case ROW_USD_MTOK:
        ok = pm_money_per_mtok(text, at);
        break;
    case ROW_USD_UNIT:
        ok = pm_money_per_token(text, at);
        break;
    case ROW_USD:
        ok = pm_money_usd(text, at);
        break;
    case ROW_OBJECT:
    case ROW_INCLUDE:
    case ROW_NAMED:
    case ROW_ENTRY:
    case ROW_CUSTOM:
        break;
    }
    if (!ok && wrong->n == 0) {
        pm_buf_lit(wrong, "must be ");
        value_describe(row, wrong);
    }
    return ok;
}
