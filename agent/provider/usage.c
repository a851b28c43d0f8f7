/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/provider/usage.h"

#define MOST_TOKENS (INT64_C(1) << 40) /* no answer has more */
#define NANO_DIGITS 9
#define MOST_DIGITS INT64_C(100000000000000000) /* digits after so many change no nano-dollar */

/* Where a count may stand. */
enum place { IN_USAGE, IN_PROMPT, IN_COMPLETION, IN_CACHE, PLACES };
struct details {
    struct pm_str name;
    enum place place;
};
static const struct details details[] = {
    {PM_STR_INIT("prompt_tokens_details"), IN_PROMPT},
    {PM_STR_INIT("prompt_token_details"), IN_PROMPT}, /* Mistral */
    {PM_STR_INIT("input_tokens_details"), IN_PROMPT},
    {PM_STR_INIT("completion_tokens_details"), IN_COMPLETION},
    {PM_STR_INIT("output_tokens_details"), IN_COMPLETION},
    {PM_STR_INIT("cache_creation"), IN_CACHE},
};

struct counts {
    int64_t prompt, completion, total;
    int64_t cached, missed, cache_write, cache_write_1h;
    int64_t reasoning;
    int64_t audio_in, audio_out, image_in, image_out;
    int64_t accepted, rejected;
    bool absurd; /* the two that are billed are not to be believed */
};

/* Of several members for one count the greatest holds: providers repeat numbers. */
struct field {
    enum place place;
    struct pm_str name;
    size_t offset;
};
#define FIELD(place, name, member)                                                                 \
    {                                                                                              \
        place, PM_STR_INIT(name), offsetof(struct counts, member)                                  \
    }
static const struct field fields[] = {
    FIELD(IN_USAGE, "prompt_tokens", prompt),
    FIELD(IN_USAGE, "input_tokens", prompt),
    FIELD(IN_USAGE, "completion_tokens", completion),
    FIELD(IN_USAGE, "output_tokens", completion),
    FIELD(IN_USAGE, "total_tokens", total),
    FIELD(IN_USAGE, "cached_tokens", cached), /* Moonshot */
    FIELD(IN_USAGE, "num_cached_tokens", cached), /* Mistral */
    FIELD(IN_USAGE, "prompt_cache_hit_tokens", cached), /* DeepSeek */
    FIELD(IN_USAGE, "prompt_cache_miss_tokens", missed),
    FIELD(IN_USAGE, "reasoning_tokens", reasoning),
    FIELD(IN_PROMPT, "cached_tokens", cached),
    FIELD(IN_PROMPT, "cache_write_tokens", cache_write),
    FIELD(IN_PROMPT, "cache_creation_input_tokens", cache_write), /* DashScope */
    FIELD(IN_PROMPT, "audio_tokens", audio_in),
    FIELD(IN_PROMPT, "image_tokens", image_in),
    FIELD(IN_COMPLETION, "reasoning_tokens", reasoning),
    FIELD(IN_COMPLETION, "audio_tokens", audio_out),
    FIELD(IN_COMPLETION, "image_tokens", image_out),
    FIELD(IN_COMPLETION, "accepted_prediction_tokens", accepted),
    FIELD(IN_COMPLETION, "rejected_prediction_tokens", rejected),
    FIELD(IN_CACHE, "ephemeral_1h_input_tokens", cache_write_1h),
};

/* -1: a number that no count can be. */
static int64_t count(struct pm_jval v)
{
    int64_t n;

    if (v.type != PM_JNUM)
        return 0;
    return pm_json_i64(v, &n) && n >= 0 && n <= MOST_TOKENS ? n : -1;
}

static void take(struct counts *c, enum place place, struct pm_str key, struct pm_jval val)
{
    for (size_t i = 0; i < PM_COUNT(fields); i++) {
        if (fields[i].place == place && pm_str_eq(fields[i].name, key)) {
            int64_t *at = (int64_t *)(void *)((char *)c + fields[i].offset);
            const int64_t n = count(val);

            c->absurd |= n < 0 && (at == &c->prompt || at == &c->completion);
            *at = PM_MAX(*at, n);
        }
    }
}

static void take_details(struct counts *c, struct pm_str name, struct pm_jval object)
{
    struct pm_jiter it = pm_json_iter(object);
    enum place place = PLACES;
    struct pm_jval val;
    struct pm_str key;

    for (size_t i = 0; i < PM_COUNT(details); i++) {
        if (pm_str_eq(details[i].name, name))
            place = details[i].place;
    }
    while (place != PLACES && pm_json_member(&it, &key, &val)) {
        if (val.type != PM_JOBJ)
            take(c, place, key, val);
        else if (place != IN_CACHE)
            take_details(c, key, val);
    }
}

/* A decimal number of dollars, with or without exponent, in nano-dollars rounded half up. */
static bool nano_of(struct pm_jval v, int64_t *nano)
{
    const char *p = v.raw.p, *end;
    int64_t n = 0, exponent = 0;
    int shift = NANO_DIGITS, next = 0;
    bool point = false, minus;

    if (v.type != PM_JNUM || *p == '-')
        return false;
    end = p + v.raw.n;
    for (; p < end && (*p | 0x20) != 'e'; p++) {
        if (*p == '.') {
            point = true;
        } else if (n < MOST_DIGITS) {
            n = n * 10 + (*p - '0');
            shift -= point;
        } else if (!point) {
            return false;
        }
    }
    if (p < end) {
        minus = *++p == '-';
        for (p += minus || *p == '+'; p < end && exponent < 1000; p++)
            exponent = exponent * 10 + (*p - '0');
        shift += minus ? (int)-exponent : (int)exponent;
    }
    for (; shift > 0 && n > 0; shift--) {
        if (__builtin_mul_overflow(n, 10, &n))
            return false;
    }
    for (; shift < 0 && (n > 0 || next > 0); shift++) {
        next = (int)(n % 10);
        n /= 10;
    }
    *nano = n + (next >= 5);
    return true;
}

/* What OpenRouter charged; with a key of one's own there, its fee and the provider's bill. */
static void read_cost(struct pm_jval cost, struct pm_jval byok, struct pm_jval bill,
                      struct pm_usage *u)
{
    int64_t upstream;

    u->has_provider_cost = nano_of(cost, &u->provider_cost_nano);
    if (u->has_provider_cost && byok.type == PM_JTRUE && bill.type == PM_JOBJ &&
        nano_of(pm_json_get(bill, "upstream_inference_cost"), &upstream) &&
        __builtin_add_overflow(u->provider_cost_nano, upstream, &u->provider_cost_nano))
        u->has_provider_cost = false;
}

static void normalise(const struct dialect *d, struct counts *c)
{
    if (c->prompt == 0)
        c->prompt = c->cached + c->missed;
    /* Reasoning beside the completion, not in it. */
    if (c->reasoning > 0 &&
        (c->total == c->prompt + c->completion + c->reasoning ||
         (d->completion_excludes_reasoning && c->total != c->prompt + c->completion)))
        c->completion += c->reasoning;
    if (d->completion_excludes_reasoning && c->cached > c->prompt)
        c->prompt += c->cached;
    c->cache_write = PM_MAX(c->cache_write, c->cache_write_1h);
    c->cached = PM_MIN(c->cached, c->prompt);
    c->cache_write = PM_MIN(c->cache_write, c->prompt - c->cached);
    c->cache_write_1h = PM_MIN(c->cache_write_1h, c->cache_write);
    c->reasoning = PM_MIN(c->reasoning, c->completion);
    c->audio_in = PM_MIN(c->audio_in, c->prompt);
    c->image_in = PM_MIN(c->image_in, c->prompt - c->audio_in);
    c->audio_out = PM_MIN(c->audio_out, c->completion);
    c->image_out = PM_MIN(c->image_out, c->completion - c->audio_out);
}

bool usage_read(const struct dialect *d, struct pm_jval usage, struct pm_usage *out)
{
    struct pm_jval val, cost = {0}, byok = {0}, cost_details = {0};
    struct pm_jiter it = pm_json_iter(usage);
    struct counts c = {0};
    struct pm_str key;

    if (usage.type != PM_JOBJ)
        return false;
    while (pm_json_member(&it, &key, &val)) {
        if (pm_str_is(key, "cost"))
            cost = val;
        else if (pm_str_is(key, "is_byok"))
            byok = val;
        else if (pm_str_is(key, "cost_details"))
            cost_details = val;
        else if (val.type == PM_JOBJ)
            take_details(&c, key, val);
        else
            take(&c, IN_USAGE, key, val);
    }
    normalise(d, &c);
    if (c.absurd || (c.prompt == 0 && c.completion == 0))
        return false;
    *out = (struct pm_usage){
        .present = true,
        .prompt = c.prompt,
        .completion = c.completion,
        .cached = c.cached,
        .cache_write = c.cache_write,
        .cache_write_1h = c.cache_write_1h,
        .reasoning = c.reasoning,
        .audio_in = c.audio_in,
        .audio_out = c.audio_out,
        .image_in = c.image_in,
        .image_out = c.image_out,
        .accepted_prediction = c.accepted,
        .rejected_prediction = c.rejected,
    };
    read_cost(cost, byok, cost_details, out);
    return true;
}

void usage_read_timings(struct pm_jval timings, struct pm_usage *out)
{
    const int64_t cached = PM_MAX(0, count(pm_json_get(timings, "cache_n")));

    if (!out->present) {
        out->prompt = cached + PM_MAX(0, count(pm_json_get(timings, "prompt_n")));
        out->completion = PM_MAX(0, count(pm_json_get(timings, "predicted_n")));
        out->present = out->prompt > 0 || out->completion > 0;
    }
    if (out->cached == 0)
        out->cached = PM_MIN(cached, out->prompt);
}
