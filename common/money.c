/* SPDX-License-Identifier: Apache-2.0 */
#include "common/money.h"

/* Three products of two int64 fit, so that no sum below can wrap. */
typedef unsigned __int128 u128;

#define PER_MTOK_DIGITS 6 /* 1e-6 USD per million tokens is one pico-dollar per token */
#define PER_TOKEN_DIGITS 12
#define USD_DIGITS 9
#define MAX_EXPONENT 64
#define MAX_TEXT 128 /* of a number; longer ones are nonsense */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "e-06" and the like; false if it is not one or is senseless. */
static bool exponent(struct pm_str s, int *out)
{
    bool minus;
    uint64_t v;

    if (s.n < 2 || (s.p[0] != 'e' && s.p[0] != 'E'))
        return false;
    minus = s.p[1] == '-';
    s = pm_str_cut(s, minus || s.p[1] == '+' ? 2 : 1, s.n);
    if (!pm_str_u64(s, &v) || v > MAX_EXPONENT)
        return false;
    *out = minus ? -(int)v : (int)v;
    return true;
}

/* The number s times 10^digits, which must be whole. */
static bool decimal(struct pm_str s, int digits, bool with_exponent, int64_t *out)
{
    int64_t v = 0;
    int zeros = 0, shift = digits, exp = 0;
    bool seen_point = false;
    size_t i;

    if (s.n > MAX_TEXT)
        return false;
    /* Zeros wait until a digit follows them, so that trailing ones are never too fine. */
    for (i = 0; i < s.n && (is_digit(s.p[i]) || (s.p[i] == '.' && !seen_point)); i++) {
        if (s.p[i] == '.') {
            seen_point = true;
            continue;
        }
        if (seen_point)
            shift--;
        if (s.p[i] == '0') {
            zeros++;
            continue;
        }
        for (zeros = v ? zeros + 1 : 1; zeros; zeros--) {
            if (__builtin_mul_overflow(v, 10, &v))
                return false;
        }
        if (__builtin_add_overflow(v, s.p[i] - '0', &v))
            return false;
    }
    if (i == 0 || !is_digit(s.p[0]) || !is_digit(s.p[i - 1]))
        return false;
    if (i < s.n && (!with_exponent || !exponent(pm_str_cut(s, i, s.n), &exp)))
        return false;
    if (v == 0) {
        *out = 0;
        return true;
    }
    shift += zeros + exp;
    if (shift < 0)
        return false;
    while (shift--) {
        if (__builtin_mul_overflow(v, 10, &v))
            return false;
    }
    *out = v;
    return true;
}

bool pm_money_per_mtok(struct pm_str s, int64_t *pico)
{
    return decimal(s, PER_MTOK_DIGITS, false, pico);
}

bool pm_money_per_token(struct pm_str s, int64_t *pico)
{
    return decimal(s, PER_TOKEN_DIGITS, true, pico);
}

bool pm_money_usd(struct pm_str s, int64_t *nano)
{
    return decimal(s, USD_DIGITS, false, nano);
}

static bool print(struct pm_buf *b, int64_t v, int digits)
{
    uint64_t unit = 1, whole, rest;

    for (int i = 0; i < digits; i++)
        unit *= 10;
    if (v < 0 && !pm_buf_ch(b, '-'))
        return false;
    whole = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    rest = whole % unit;
    if (!pm_buf_u64(b, whole / unit))
        return false;
    if (rest == 0)
        return true;
    for (; rest % 10 == 0; digits--)
        rest /= 10;
    return pm_buf_addf(b, ".%0*llu", digits, (unsigned long long)rest);
}

bool pm_money_print_per_token(struct pm_buf *b, int64_t pico)
{
    return print(b, pico, PER_TOKEN_DIGITS);
}

bool pm_money_print_per_mtok(struct pm_buf *b, int64_t pico)
{
    return print(b, pico, PER_MTOK_DIGITS);
}

static int64_t rate(int64_t own, int64_t otherwise)
{
    return own == PM_PRICE_NONE ? otherwise : own;
}

/* Takes up to n tokens out of *left and gives their price: a provider whose parts are more than
 * its whole must not be paid for more than the whole. */
static u128 take(int64_t *left, int64_t n, int64_t price)
{
    n = PM_MAX(0, PM_MIN(n, *left));
    *left -= n;
    return (u128)n * (u128)PM_MAX(0, price);
}

static int64_t to_nano(u128 pico, bool *overflow)
{
    u128 nano = (pico + 500) / 1000;

    if (nano <= INT64_MAX)
        return (int64_t)nano;
    *overflow = true;
    return INT64_MAX;
}

static u128 prompt_pico(const struct pm_price *p, const struct pm_usage *u)
{
    int64_t left = PM_MAX(0, u->prompt);
    int64_t write = rate(p->cache_write, p->input);
    int64_t hour = PM_MAX(0, PM_MIN(u->cache_write_1h, u->cache_write));
    u128 sum = take(&left, u->cached, rate(p->cache_read, p->input));

    sum += take(&left, hour, rate(p->cache_write_1h, write));
    sum += take(&left, PM_MAX(0, u->cache_write) - hour, write);
    sum += take(&left, u->audio_in, rate(p->audio_in, p->input));
    sum += take(&left, u->image_in, rate(p->image_in, p->input));
    return sum + take(&left, left, p->input);
}

static u128 completion_pico(const struct pm_price *p, const struct pm_usage *u)
{
    int64_t left = PM_MAX(0, u->completion);
    u128 sum = take(&left, u->reasoning, rate(p->reasoning, p->output));

    sum += take(&left, u->audio_out, rate(p->audio_out, p->output));
    sum += take(&left, u->image_out, rate(p->image_out, p->output));
    return sum + take(&left, left, p->output);
}

static struct pm_cost by_price(const struct pm_price *price, const struct pm_usage *u)
{
    struct pm_cost c = {0};
    int64_t images = INT64_MAX;
    u128 prompt = prompt_pico(price, u);
    u128 tokens = prompt + completion_pico(price, u);
    u128 whole =
        tokens + (u128)PM_MAX(0, price->request) + take(&images, u->images, price->image_unit);

    c.total_nano = to_nano(whole, &c.overflow);
    c.prompt_nano = to_nano(prompt, &c.overflow);
    /* Only wholes are rounded; the parts are differences of wholes, so that they add up. */
    c.completion_nano = to_nano(tokens, &c.overflow) - c.prompt_nano;
    return c;
}

struct pm_cost pm_price_of_usage(const struct pm_price *price, const struct pm_usage *u)
{
    struct pm_cost c = {0};

    if (price->known)
        c = by_price(price, u);
    if (u->has_provider_cost) {
        c.total_nano = PM_MAX(0, u->provider_cost_nano);
        c.prompt_nano = PM_MIN(c.prompt_nano, c.total_nano);
        c.completion_nano = PM_MIN(c.completion_nano, c.total_nano - c.prompt_nano);
        c.overflow = false;
    }
    return c;
}

static int64_t dearest(const int64_t *rates, size_t n)
{
    int64_t most = 0;

    for (size_t i = 0; i < n; i++)
        most = PM_MAX(most, rates[i]);
    return most;
}

int64_t pm_price_bound(const struct pm_price *p, int64_t prompt, int64_t completion)
{
    const int64_t in[] = {p->input,          p->cache_read, p->cache_write,
                          p->cache_write_1h, p->audio_in,   p->image_in};
    const int64_t out[] = {p->output, p->reasoning, p->audio_out, p->image_out};
    int64_t all_in = INT64_MAX, all_out = INT64_MAX;
    bool overflow;
    u128 sum;

    if (!p->known)
        return PM_PRICE_NONE;
    sum = take(&all_in, prompt, dearest(in, PM_COUNT(in)));
    sum += take(&all_out, completion, dearest(out, PM_COUNT(out)));
    return to_nano(sum + (u128)PM_MAX(0, p->request), &overflow);
}
