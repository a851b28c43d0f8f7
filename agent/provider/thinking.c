/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/provider/thinking.h"

#define LEAST_BUDGET 1024
#define MOST_BUDGET 128000

/* From the least to the most; `percent` of the answer's tokens is what OpenRouter documents. */
static const struct {
    struct pm_str word;
    int percent;
} ladder[] = {
    {PM_STR_INIT("none"), 0},    {PM_STR_INIT("minimal"), 10}, {PM_STR_INIT("low"), 20},
    {PM_STR_INIT("medium"), 50}, {PM_STR_INIT("high"), 80},    {PM_STR_INIT("xhigh"), 95},
    {PM_STR_INIT("max"), 95},
};
#define RUNGS ((int)PM_COUNT(ladder))

static int rung_of(struct pm_str word)
{
    for (int i = 0; i < RUNGS; i++) {
        if (pm_str_eq(word, ladder[i].word))
            return i;
    }
    return -1;
}

struct thinking thinking_read(struct pm_jval reasoning, struct pm_jval effort,
                              struct pm_jval include)
{
    struct thinking t = {.exclude = include.type == PM_JFALSE, .effort = pm_json_body(effort)};
    struct pm_jval word, tokens, enabled = {0};

    if (reasoning.type == PM_JOBJ) {
        enabled = pm_json_get(reasoning, "enabled");
        word = pm_json_get(reasoning, "effort");
        tokens = pm_json_get(reasoning, "max_tokens");
        t.exclude |= pm_json_get(reasoning, "exclude").type == PM_JTRUE;
        if (pm_json_body(word).n > 0)
            t.effort = pm_json_body(word);
        if (!pm_json_i64(tokens, &t.budget) || t.budget < 0)
            t.budget = 0;
    }
    t.off = enabled.type == PM_JFALSE || pm_str_is(t.effort, "none");
    t.asked = t.off || enabled.type == PM_JTRUE || t.effort.n > 0 || t.budget > 0;
    if (t.off)
        t.effort = ladder[0].word;
    else if (enabled.type == PM_JTRUE && t.effort.n == 0 && t.budget == 0)
        t.effort = PM_STR("medium");
    return t;
}

/* The highest rung that takes no more than this share of the answer. */
static int rung_of_budget(int64_t budget, int64_t max_tokens)
{
    const int most = rung_of(PM_STR("xhigh"));
    int rung = 1;

    if (max_tokens <= 0) /* of an answer of usual size */
        max_tokens = 16384;
    max_tokens = PM_MIN(max_tokens, INT64_MAX / 100);
    budget = PM_MIN(budget, max_tokens);
    while (rung < most && budget * 100 / max_tokens >= ladder[rung + 1].percent)
        rung++;
    return rung;
}

/* What the list has for a word: its target, or PM_NSTR. */
static struct pm_str lookup(const char *efforts, struct pm_str word)
{
    for (const char *p = efforts; *p;) {
        const struct pm_str entry = pm_str_n(p, (size_t)(strchrnul(p, ' ') - p));
        const ptrdiff_t sign = pm_str_find(entry, '=');
        const size_t n = sign >= 0 ? (size_t)sign : entry.n;

        if (pm_str_eq(pm_str_cut(entry, 0, n), word))
            return sign >= 0 ? pm_str_cut(entry, n + 1, entry.n) : entry;
        p += entry.n + (p[entry.n] == ' ');
    }
    return PM_NSTR;
}

struct pm_str thinking_word(const struct thinking *t, const char *efforts, int64_t max_tokens)
{
    const int asked = t->effort.n > 0 ? rung_of(t->effort) : rung_of_budget(t->budget, max_tokens);
    struct pm_str word = t->effort.n > 0 ? t->effort : PM_NSTR;

    if (!t->asked)
        return PM_NSTR;
    if (word.n == 0)
        word = ladder[asked].word;
    if (!efforts)
        return word;
    if (asked < 0) /* a word of the provider's own */
        return lookup(efforts, word);
    /* Down to what costs less, but not to nothing; and up only where there is nothing less. */
    word = lookup(efforts, ladder[asked].word);
    for (int i = asked - 1; i > 0 && word.n == 0; i--)
        word = lookup(efforts, ladder[i].word);
    for (int i = asked + 1; i < RUNGS && word.n == 0; i++)
        word = lookup(efforts, ladder[i].word);
    return word;
}

int64_t thinking_budget(const struct thinking *t, int64_t max_tokens)
{
    const int rung = rung_of(t->effort);
    int64_t budget = t->budget;

    if (t->off || (budget == 0 && (rung < 0 || max_tokens <= 0)))
        return 0;
    if (budget == 0) {
        budget = max_tokens / 100 * ladder[rung].percent;
        budget = PM_MAX(LEAST_BUDGET, PM_MIN(budget, MOST_BUDGET));
    }
    /* Some of the answer must be left to answer with. */
    return max_tokens > 0 && budget >= max_tokens ? PM_MAX(1, max_tokens - 1) : budget;
}
