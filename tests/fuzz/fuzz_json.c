/* SPDX-License-Identifier: Apache-2.0 */
/* JSON: the checker must agree with a second, simple one; of what is valid every value is walked,
 * read, quoted again, and members are cut. */
#include "common/json.h"
#include "tests/fuzz/must.h"

#include <math.h>

/* The other opinion: recursive descent over bytes, from RFC 8259 alone. */
struct other {
    const unsigned char *p, *end;
};

static bool eat(struct other *o, char c)
{
    if (o->p == o->end || *o->p != (unsigned char)c)
        return false;
    o->p++;
    return true;
}

static bool eat_range(struct other *o, unsigned low, unsigned high)
{
    if (o->p == o->end || *o->p < low || *o->p > high)
        return false;
    o->p++;
    return true;
}

static void eat_blanks(struct other *o)
{
    while (eat(o, ' ') || eat(o, '\t') || eat(o, '\r') || eat(o, '\n'))
        continue;
}

static bool eat_digits(struct other *o)
{
    bool any = false;

    while (eat_range(o, '0', '9'))
        any = true;
    return any;
}

/* The table of RFC 3629 §4: a first byte, a second one, and how many tails follow. */
static bool eat_utf8(struct other *o)
{
    static const struct {
        unsigned char first, last, second_low, second_high;
        int tails;
    } rows[] = {
        {0xc2, 0xdf, 0x80, 0xbf, 0}, {0xe0, 0xe0, 0xa0, 0xbf, 1}, {0xe1, 0xec, 0x80, 0xbf, 1},
        {0xed, 0xed, 0x80, 0x9f, 1}, {0xee, 0xef, 0x80, 0xbf, 1}, {0xf0, 0xf0, 0x90, 0xbf, 2},
        {0xf1, 0xf3, 0x80, 0xbf, 2}, {0xf4, 0xf4, 0x80, 0x8f, 2},
    };

    if (eat_range(o, 0x20, 0x7f))
        return true;
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        if (!eat_range(o, rows[i].first, rows[i].last))
            continue;
        if (!eat_range(o, rows[i].second_low, rows[i].second_high))
            return false;
        for (int t = 0; t < rows[i].tails; t++) {
            if (!eat_range(o, 0x80, 0xbf))
                return false;
        }
        return true;
    }
    return false;
}

static bool eat_string(struct other *o)
{
    if (!eat(o, '"'))
        return false;
    while (!eat(o, '"')) {
        if (!eat(o, '\\')) {
            if (!eat_utf8(o))
                return false;
        } else if (eat(o, 'u')) {
            for (int i = 0; i < 4; i++) {
                if (!eat_range(o, '0', '9') && !eat_range(o, 'a', 'f') && !eat_range(o, 'A', 'F'))
                    return false;
            }
        } else if (o->p == o->end || !*o->p || !strchr("\"\\/bfnrt", *o->p++)) {
            return false;
        }
    }
    return true;
}

static bool eat_number(struct other *o)
{
    eat(o, '-');
    if (!eat(o, '0') && !eat_digits(o))
        return false;
    if (eat(o, '.') && !eat_digits(o))
        return false;
    if (eat(o, 'e') || eat(o, 'E')) {
        if (!eat(o, '-'))
            eat(o, '+');
        return eat_digits(o);
    }
    return true;
}

static bool eat_word(struct other *o, const char *word)
{
    while (*word) {
        if (!eat(o, *word++))
            return false;
    }
    return true;
}

static bool eat_value(struct other *o);

static bool eat_list(struct other *o, char close, bool names)
{
    eat_blanks(o);
    if (eat(o, close))
        return true;
    do {
        if (names) {
            eat_blanks(o);
            if (!eat_string(o))
                return false;
            eat_blanks(o);
            if (!eat(o, ':'))
                return false;
        }
        if (!eat_value(o))
            return false;
    } while (eat(o, ','));
    return eat(o, close);
}

static bool eat_value(struct other *o)
{
    bool ok;

    eat_blanks(o);
    if (o->p == o->end)
        return false;
    switch (*o->p) {
    case '{':
    case '[':
        ok = *o->p++ == '{' ? eat_list(o, '}', true) : eat_list(o, ']', false);
        break;
    case '"':
        ok = eat_string(o);
        break;
    case 't':
        ok = eat_word(o, "true");
        break;
    case 'f':
        ok = eat_word(o, "false");
        break;
    case 'n':
        ok = eat_word(o, "null");
        break;
    default:
        ok = eat_number(o);
        break;
    }
    eat_blanks(o);
    return ok;
}

static void read_string(struct pm_jval v)
{
    struct pm_buf text, quoted, again;
    struct pm_str said, repeated;
    struct pm_jval root;

    pm_buf_init(&text, v.raw.n);
    pm_buf_init(&quoted, 6 * v.raw.n + 2);
    pm_buf_init(&again, v.raw.n);
    must(pm_json_text(v, &text, &said));
    must(pm_json_quote(&quoted, said));
    must(pm_json_ok(pm_buf_view(&quoted), &root) && root.type == PM_JSTR);
    must(pm_json_text(root, &again, &repeated) && pm_str_eq(said, repeated));
    pm_buf_fini(&text);
    pm_buf_fini(&quoted);
    pm_buf_fini(&again);
}

static void read_number(struct pm_jval v)
{
    double d;
    int64_t i;

    if (pm_json_i64(v, &i) && pm_json_f64(v, &d))
        must(fabs(d - (double)i) <= fabs(d) * 1e-15);
}

static void walk(struct pm_jval v, struct pm_str text)
{
    struct pm_jiter it = pm_json_iter(v);
    struct pm_jval val, alone;
    struct pm_str key;

    must(v.raw.n > 0 && v.raw.p >= text.p && v.raw.p + v.raw.n <= text.p + text.n);
    if (v.type == PM_JSTR)
        read_string(v);
    if (v.type == PM_JNUM)
        read_number(v);
    if (v.type == PM_JOBJ) {
        while (pm_json_member(&it, &key, &val)) {
            must(key.p > text.p && key.p[-1] == '"' && key.p[key.n] == '"');
            walk(val, text);
        }
    } else {
        while (pm_json_item(&it, &val))
            walk(val, text);
    }
    must(it.p == it.end);
    /* Each value is a document of its own. */
    must(pm_json_ok(v.raw, &alone) && alone.type == v.type && pm_str_eq(alone.raw, v.raw));
}

/* The value that it is at, entered before its end is known: must come out as the other walk has
 * it. */
static void walk_by_halves(struct pm_jiter *it)
{
    struct pm_jiter ahead = *it, inner = *it;
    const enum pm_jtype type = pm_json_type(it);
    const struct pm_jval want = pm_json_take(&ahead);
    struct pm_str key;
    struct pm_jval got;

    must(type == want.type);
    if (type != PM_JOBJ && type != PM_JARR) {
        got = pm_json_take(it);
    } else {
        inner = pm_json_enter(it);
        while (type == PM_JOBJ ? pm_json_name(&inner, &key) : pm_json_more(&inner))
            walk_by_halves(&inner);
        got = pm_json_leave(it, &inner);
    }
    must(got.type == type && got.raw.p == want.raw.p && got.raw.n == want.raw.n);
    must(it->p == ahead.p);
}

#define MEMBERS_MAX 64

/* Cuts the members that `choice` has a bit for; the others must stay as they are, in order. */
static void cut(struct pm_str text, struct pm_jval root, uint64_t choice)
{
    struct pm_jmember drop[MEMBERS_MAX], stay[MEMBERS_MAX], m;
    struct pm_edit edits[MEMBERS_MAX];
    struct pm_jiter it = pm_json_iter(root);
    size_t n_drop = 0, n_stay = 0;
    struct pm_buf out;
    struct pm_jval after;

    for (size_t i = 0; pm_json_member(&it, &m.key, &m.val); i++) {
        if (i == MEMBERS_MAX)
            return;
        if (choice >> i & 1)
            drop[n_drop++] = m;
        else
            stay[n_stay++] = m;
    }
    pm_buf_init(&out, text.n);
    must(pm_json_splice(text, edits, pm_json_cut_many(text, root, drop, n_drop, edits), &out));
    must(pm_json_ok(pm_buf_view(&out), &after));
    it = pm_json_iter(after);
    for (size_t i = 0; i < n_stay; i++) {
        must(pm_json_member(&it, &m.key, &m.val));
        must(pm_str_eq(m.key, stay[i].key) && pm_str_eq(m.val.raw, stay[i].val.raw));
    }
    must(!pm_json_member(&it, &m.key, &m.val));
    if (n_drop == 1) {
        const struct pm_edit one = pm_json_cut(text, root, drop[0].key, drop[0].val);

        must(one.at == edits[0].at && one.del == edits[0].del);
    }
    pm_buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct pm_str text = {(const char *)data, size};
    struct other other = {data, data + size};
    struct pm_error err = {0};
    struct pm_jval root;
    struct pm_buf quoted;

    if (pm_json_check(text, PM_JLIMITS_DEFAULT, &root, &err)) {
        must(eat_value(&other) && other.p == other.end);
        walk(root, text);
        walk_by_halves(&(struct pm_jiter){root.raw.p, root.raw.p + root.raw.n});
        if (root.type == PM_JOBJ) {
            for (uint64_t choice = 0; choice < 16; choice++)
                cut(text, root, choice * (1 + (uint64_t)data[size / 2] * 0x0101010101010101u));
        }
    } else {
        must(root.type == PM_JNONE && err.text[0]);
        must(err.code == PM_ELIMIT ||
             (err.code == PM_EINVAL && (size > 4096 || !eat_value(&other) || other.p < other.end)));
    }
    /* Any bytes at all become a valid string. */
    pm_buf_init(&quoted, 6 * size + 2);
    must(pm_json_quote(&quoted, text));
    must(pm_json_ok(pm_buf_view(&quoted), &root) && root.type == PM_JSTR);
    pm_buf_fini(&quoted);
    return 0;
}
