/* SPDX-License-Identifier: Apache-2.0 */
#include "common/json.h"

#include "common/json_scan.h"

/* The members seen so far of an open object; of an open array, ARRAY. */
#define ARRAY UINT32_MAX

struct checker {
    const char *p, *end;
    const char *why; /* NULL: nothing wrong so far; else it is wrong at p */
    enum pm_errc code;
    struct pm_jlimits limits;
    unsigned depth;
    uint32_t members[PM_JSON_MAX_DEPTH];
};

static bool wrong(struct checker *c, const char *p, const char *why)
{
    c->p = p;
    c->why = p < c->end ? why : "the text ends too early";
    c->code = PM_EINVAL;
    return false;
}

static bool too_much(struct checker *c, const char *why)
{
    c->why = why;
    c->code = PM_ELIMIT;
    return false;
}

static bool is_hex(char c)
{
    return scan_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* The byte after the escape at p, or NULL with the fault recorded. */
static const char *check_escape(struct checker *c, const char *p)
{
    switch (++p < c->end ? *p : '\0') {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return p + 1;
    case 'u':
        break;
    default:
        wrong(c, p, "no such escape");
        return NULL;
    }
    p++;
    for (int i = 0; i < 4; i++, p++) {
        if (p == c->end || !is_hex(*p)) {
            wrong(c, p, "\\u needs four hexadecimal digits");
            return NULL;
        }
    }
    return p;
}

/* At the opening quote. */
static bool check_string(struct checker *c)
{
    const char *p = c->p + 1;

    for (;;) {
        p = scan_to(p, c->end, SCAN_UNPLAIN);
        if (p == c->end)
            return wrong(c, p, "");
        if (*p == '"') {
            c->p = p + 1;
            return true;
        }
        if (*p == '\\') {
            p = check_escape(c, p);
            if (!p)
                return false;
            continue;
        }
        if ((unsigned char)*p < 0x20)
            return wrong(c, p, "a control character inside a string must be escaped");
        /* Text that is not ASCII comes in runs. */
        while (p < c->end && (unsigned char)*p >= 0x80) {
            const size_t n = scan_utf8(p, c->end);

            if (n == 0)
                return wrong(c, p, "not valid UTF-8");
            p += n;
        }
    }
}

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && scan_digit(*p))
        p++;
    return p;
}

static bool check_number(struct checker *c)
{
    const char *p = c->p, *end = c->end;

    if (*p == '-')
        p++;
    if (p == end || !scan_digit(*p))
        return wrong(c, p, "a number needs a digit here");
    p = *p == '0' ? p + 1 : skip_digits(p, end);
    if (p < end && *p == '.') {
        if (++p == end || !scan_digit(*p))
            return wrong(c, p, "a number needs a digit after its point");
        p = skip_digits(p, end);
    }
    if (p < end && (*p | 0x20) == 'e') {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        if (p == end || !scan_digit(*p))
            return wrong(c, p, "a number needs a digit in its exponent");
        p = skip_digits(p, end);
    }
    c->p = p;
    return true;
}

static bool check_word(struct checker *c, struct pm_str word)
{
    if ((size_t)(c->end - c->p) < word.n || memcmp(c->p, word.p, word.n) != 0)
        return wrong(c, c->p, "a value is expected");
    c->p += word.n;
    return true;
}

/* Any value but an array or an object. */
static bool check_scalar(struct checker *c)
{
    if (c->p == c->end)
        return wrong(c, c->p, "");
    switch (*c->p) {
    case '"':
        return check_string(c);
    case 't':
        return check_word(c, PM_STR("true"));
    case 'f':
        return check_word(c, PM_STR("false"));
    case 'n':
        return check_word(c, PM_STR("null"));
    default:
        if (*c->p == '-' || scan_digit(*c->p))
            return check_number(c);
        return wrong(c, c->p, "a value is expected");
    }
}

static void skip_blanks(struct checker *c)
{
    c->p = scan_blanks(c->p, c->end);
}

/* A member's name and its colon. */
static bool check_name(struct checker *c)
{
    skip_blanks(c);
    if (c->p == c->end || *c->p != '"')
        return wrong(c, c->p, "a member's name in quotes is expected");
    if (c->members[c->depth - 1]++ >= c->limits.members)
        return too_much(c, "too many members in one object");
    if (!check_string(c))
        return false;
    skip_blanks(c);
    if (c->p == c->end || *c->p != ':')
        return wrong(c, c->p, "':' is expected after a member's name");
    c->p++;
    return true;
}

/* At an opening bracket. *empty: it was closed at once; else the first value follows. */
static bool check_open(struct checker *c, bool *empty)
{
    const bool object = *c->p == '{';

    if (c->depth >= c->limits.depth)
        return too_much(c, "nested too deeply");
    c->members[c->depth++] = object ? 0 : ARRAY;
    c->p++;
    skip_blanks(c);
    *empty = c->p < c->end && *c->p == (object ? '}' : ']');
    if (*empty) {
        c->p++;
        c->depth--;
        return true;
    }
    return !object || check_name(c);
}

/* After a value: closes what ends here. *more: another value follows. */
static bool check_close(struct checker *c, bool *more)
{
    *more = false;
    while (c->depth > 0) {
        const bool object = c->members[c->depth - 1] != ARRAY;

        skip_blanks(c);
        if (c->p < c->end && *c->p == ',') {
            c->p++;
            *more = true;
            return !object || check_name(c);
        }
        if (c->p == c->end || *c->p != (object ? '}' : ']'))
            return wrong(c, c->p, object ? "',' or '}' is expected" : "',' or ']' is expected");
        c->p++;
        c->depth--;
    }
    return true;
}

static bool check_value(struct checker *c)
{
    for (bool more = true; more;) {
        skip_blanks(c);
        if (c->p < c->end && (*c->p == '{' || *c->p == '[')) {
            bool empty;

            if (!check_open(c, &empty))
                return false;
            if (!empty)
                continue;
        } else if (!check_scalar(c)) {
            return false;
        }
        if (!check_close(c, &more))
            return false;
    }
    return true;
}

static enum pm_jtype type_of(char c)
{
    switch (c) {
    case '{':
        return PM_JOBJ;
    case '[':
        return PM_JARR;
    case '"':
        return PM_JSTR;
    case 't':
        return PM_JTRUE;
    case 'f':
        return PM_JFALSE;
    case 'n':
        return PM_JNULL;
    default:
        return PM_JNUM;
    }
}

bool pm_json_check(struct pm_str text, struct pm_jlimits limits, struct pm_jval *root,
                   struct pm_error *err)
{
    struct checker c; /* not zeroed: its table is larger than most texts */
    const char *from;

    if (text.n == 0) /* p may be NULL */
        text = PM_STR("");
    c.p = text.p;
    c.end = text.p + text.n;
    c.limits.depth = PM_MIN(limits.depth, PM_JSON_MAX_DEPTH);
    c.limits.members = PM_MIN(limits.members, (size_t)ARRAY - 1);
    c.depth = 0;
    skip_blanks(&c);
    from = c.p;
    if (!check_value(&c))
        goto bad;
    *root = (struct pm_jval){type_of(*from), {from, (size_t)(c.p - from)}};
    skip_blanks(&c);
    if (c.p == c.end)
        return true;
    wrong(&c, c.p, "nothing may follow the value");
bad:
    *root = (struct pm_jval){PM_JNONE, PM_NSTR};
    return pm_fail(err, c.code, "JSON: %s, at byte %zu", c.why, (size_t)(c.p - text.p));
}

bool pm_json_ok(struct pm_str text, struct pm_jval *root)
{
    return pm_json_check(text, PM_JLIMITS_DEFAULT, root, NULL);
}

/* From here on the text is known to be valid. Each step is bounded by `end` all the same, so that
 * a caller's mistake reads nothing outside the text. */

/* From the opening quote to after the closing one: the first that an even number of backslashes
 * stands before. */
static const char *skip_string(const char *p, const char *end)
{
    const char *from = ++p, *q;

    while ((p = scan_to(p, end, SCAN_QUOTE)) < end) {
        for (q = p; q > from && q[-1] == '\\';)
            q--;
        p++;
        if ((p - 1 - q) % 2 == 0)
            return p;
    }
    return end;
}

/* From an opening bracket to after its closing one. */
static const char *skip_nest(const char *p, const char *end)
{
    unsigned depth = 0;

    for (;;) {
        p = scan_to(p, end, SCAN_NEST);
        if (p == end)
            return end;
        if (*p == '"') {
            p = skip_string(p, end);
            continue;
        }
        if (*p == '{' || *p == '[')
            depth++;
        else if (--depth == 0)
            return p + 1;
        p++;
    }
}

/* The value at *p, which is moved after it. */
static struct pm_jval take_value(const char **p, const char *end)
{
    const char *from = *p, *to = from;

    if (*from == '"') {
        to = skip_string(from, end);
    } else if (*from == '{' || *from == '[') {
        to = skip_nest(from, end);
    } else {
        while (to < end && *to != ',' && *to != '}' && *to != ']' && !scan_blank(*to))
            to++;
    }
    *p = to;
    return (struct pm_jval){type_of(*from), {from, (size_t)(to - from)}};
}

/* To the next name or value of a walk; false at its end. */
static bool advance(struct pm_jiter *it)
{
    it->p = scan_blanks(it->p, it->end);
    if (it->p < it->end && *it->p == ',')
        it->p = scan_blanks(it->p + 1, it->end);
    return it->p < it->end;
}

struct pm_jiter pm_json_iter(struct pm_jval v)
{
    if ((v.type != PM_JOBJ && v.type != PM_JARR) || v.raw.n < 2)
        return (struct pm_jiter){NULL, NULL};
    return (struct pm_jiter){v.raw.p + 1, v.raw.p + v.raw.n - 1};
}

bool pm_json_name(struct pm_jiter *it, struct pm_str *key)
{
    const char *from;

    if (!advance(it) || *it->p != '"')
        return false;
    from = it->p + 1;
    it->p = skip_string(it->p, it->end);
    *key = pm_str_n(from, (size_t)(it->p - from) - 1);
    it->p = scan_blanks(it->p, it->end);
    if (it->p == it->end || *it->p != ':')
        return false;
    it->p = scan_blanks(it->p + 1, it->end);
    return it->p < it->end;
}

bool pm_json_more(struct pm_jiter *it)
{
    return advance(it) && *it->p != ']';
}

enum pm_jtype pm_json_type(const struct pm_jiter *it)
{
    return it->p < it->end ? type_of(*it->p) : PM_JNONE;
}

struct pm_jval pm_json_take(struct pm_jiter *it)
{
    return take_value(&it->p, it->end);
}

struct pm_jiter pm_json_enter(const struct pm_jiter *it)
{
    return (struct pm_jiter){it->p + 1, it->end};
}

struct pm_jval pm_json_leave(struct pm_jiter *it, const struct pm_jiter *inner)
{
    const char *from = it->p;

    it->p = PM_MIN(inner->p + 1, it->end);
    return (struct pm_jval){type_of(*from), {from, (size_t)(it->p - from)}};
}

bool pm_json_member(struct pm_jiter *it, struct pm_str *key, struct pm_jval *val)
{
    if (!pm_json_name(it, key))
        return false;
    *val = take_value(&it->p, it->end);
    return true;
}

bool pm_json_item(struct pm_jiter *it, struct pm_jval *val)
{
    if (!pm_json_more(it))
        return false;
    *val = take_value(&it->p, it->end);
    return true;
}

struct pm_jval pm_json_get(struct pm_jval obj, const char *key)
{
    const struct pm_str want = pm_str(key);
    struct pm_jiter it = pm_json_iter(obj);
    struct pm_str name;
    struct pm_jval val;

    if (obj.type != PM_JOBJ)
        return (struct pm_jval){PM_JNONE, PM_NSTR};
    while (pm_json_member(&it, &name, &val)) {
        if (pm_str_eq(name, want))
            return val;
    }
    return (struct pm_jval){PM_JNONE, PM_NSTR};
}
