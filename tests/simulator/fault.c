/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulator/fault.h"

/* clang-format off */
static const char *const names[F_KINDS] = {
    [F_STATUS] = "status", [F_ERROR] = "error", [F_HTML] = "html", [F_HUGE_ERROR] = "huge_error",
    [F_ERROR_200] = "error_200", [F_STALL_HEAD] = "stall_head", [F_SLOW_HEAD] = "slow_head",
    [F_SLOW_HEAD_BYTES] = "slow_head_bytes", [F_CUT_HEAD] = "cut_head",
    [F_RESET_HEAD] = "reset_head", [F_HALF_HEAD] = "half_head", [F_GARBAGE] = "garbage",
    [F_NOT_HTTP] = "not_http", [F_INTERIM] = "interim", [F_STALL_BODY] = "stall_body",
    [F_SLOW_FIRST] = "slow_first", [F_EMPTY_BODY] = "empty_body", [F_NO_CHOICES] = "no_choices",
    [F_ROLE_ONLY] = "role_only", [F_ERROR_FIRST] = "error_first", [F_OTHER_KIND] = "other_kind",
    [F_CUT] = "cut", [F_RESET] = "reset", [F_STALL] = "stall", [F_ERROR_MID] = "error_mid",
    [F_GARBAGE_MID] = "garbage_mid", [F_BAD_CHUNK] = "bad_chunk", [F_PAUSE] = "pause",
    [F_SLOW_TOKENS] = "slow_tokens", [F_WRONG_LENGTH] = "wrong_length", [F_FINISH] = "finish",
    [F_NO_FINISH] = "no_finish", [F_NO_DONE] = "no_done", [F_AFTER_DONE] = "after_done",
    [F_USAGE_ABSENT] = "usage_absent", [F_USAGE_EVERY] = "usage_every",
    [F_USAGE_CHOICE] = "usage_choice", [F_USAGE_X_GROQ] = "usage_x_groq",
    [F_USAGE_FINISH] = "usage_finish", [F_USAGE_NULL] = "usage_null",
    [F_TOOLS_INDEX0] = "tools_index0", [F_TOOLS_NO_INDEX] = "tools_no_index",
    [F_TOOLS_WHOLE] = "tools_whole", [F_ARGS_OBJECT] = "args_object",
    [F_ROLE_REPEATED] = "role_repeated", [F_NULL_MEMBERS] = "null_members", [F_CRLF] = "crlf",
    [F_COMMENTS] = "comments", [F_NO_SPACE] = "no_space", [F_BOM] = "bom", [F_SPLIT] = "split",
    [F_CLOSE] = "close",
};
/* clang-format on */

/* What a random fault is drawn from unless told: none of these hangs for ever. */
#define RANDOM_DEFAULT                                                                             \
    (F_BIT(F_STATUS) | F_BIT(F_CUT_HEAD) | F_BIT(F_RESET_HEAD) | F_BIT(F_HTML) |                   \
     F_BIT(F_ERROR_200) | F_BIT(F_EMPTY_BODY) | F_BIT(F_CUT) | F_BIT(F_RESET) |                    \
     F_BIT(F_ERROR_FIRST) | F_BIT(F_ERROR_MID) | F_BIT(F_GARBAGE) | F_BIT(F_BAD_CHUNK))

struct rule {
    struct pm_str dialect, model, op, key, message; /* PM_NSTR: any */
    int stream; /* -1: any */
    int64_t nth; /* only the nth request that fits the rest; 0: each */
    int64_t times; /* 0: no end */
    int64_t seen, used;
    struct sim_fault fault;
};

struct sim_faults {
    struct pm_arena arena;
    struct rule *rules;
    size_t n, cap;
    struct pm_arena random_arena;
    double rate;
    uint64_t draw; /* state of the generator */
    struct sim_fault random;
    struct pm_jval random_dialects;
};

const char *sim_fault_name(enum fault_kind kind)
{
    return names[kind];
}

struct sim_faults *sim_faults_new(void)
{
    struct sim_faults *f = pm_xcalloc(1, sizeof(*f));
    pm_arena_init(&f->arena, 4096, 64u << 20);
    pm_arena_init(&f->random_arena, 1024, 1u << 20);
    return f;
}

void sim_faults_free(struct sim_faults *f)
{
    pm_arena_fini(&f->arena);
    pm_arena_fini(&f->random_arena);
    free(f->rules);
    free(f);
}

void sim_faults_reset(struct sim_faults *f)
{
    pm_arena_reset(&f->arena);
    f->n = 0;
    f->rate = 0;
}

static bool read_kind(struct pm_jval v, uint64_t *kinds, struct pm_error *err)
{
    struct pm_str name = pm_json_body(v);

    for (unsigned k = 0; k < F_KINDS; k++) {
        if (pm_str_is(name, names[k])) {
            *kinds |= F_BIT(k);
            return true;
        }
    }
    return pm_fail(err, PM_EINVAL, "no such fault: %.*s", PM_FMT(name));
}

static bool read_kinds(struct pm_jval v, uint64_t *kinds, struct pm_error *err)
{
    struct pm_jiter it = pm_json_iter(v);
    struct pm_jval one;

    if (v.type == PM_JSTR)
        return read_kind(v, kinds, err);
    while (v.type == PM_JARR && pm_json_item(&it, &one))
        if (!read_kind(one, kinds, err))
            return false;
    return *kinds || pm_fail(err, PM_EINVAL, "a fault needs its kind");
}

static struct pm_str text_of(struct pm_jval obj, const char *key, struct pm_arena *a)
{
    struct pm_jval v = pm_json_get(obj, key);
    struct pm_str s = PM_NSTR;
    struct pm_buf b;

    if (v.type != PM_JSTR)
        return s;
    pm_buf_init(&b, v.raw.n * 3 + 16);
    if (pm_json_text(v, &b, &s))
        s = pm_arena_str(a, s);
    pm_buf_fini(&b);
    return s;
}

static int64_t int_of(struct pm_jval obj, const char *key, int64_t other)
{
    int64_t v;
    return pm_json_i64(pm_json_get(obj, key), &v) ? v : other;
}

static void read_settings(struct pm_jval v, struct sim_fault *f, struct pm_arena *a)
{
    f->status = (unsigned)int_of(v, "status", sim_fault_has(f, F_HTML) ? 200 : 503);
    f->error = text_of(v, "error", a);
    f->reason = text_of(v, "reason", a);
    f->retry_after = text_of(v, "retry_after", a);
    f->retry_after_ms = int_of(v, "retry_after_ms", -1);
    f->retry_after_date = int_of(v, "retry_after_date", -1);
    f->body = text_of(v, "body", a);
    f->content_type = text_of(v, "content_type", a);
    f->ms = (uint32_t)int_of(v, "ms", 1000);
    f->after = (uint32_t)int_of(v, "after", 3);
    f->bytes = (uint32_t)int_of(v, "bytes", 1 << 20);
    f->delta = int_of(v, "delta", 10);
}

static bool read_rule(struct pm_jval v, struct rule *r, struct pm_arena *a, struct pm_error *err)
{
    struct pm_jval match = pm_json_get(v, "match"), fault = pm_json_get(v, "fault");
    struct pm_jval stream = pm_json_get(match, "stream");

    memset(r, 0, sizeof(*r));
    if (v.type != PM_JOBJ || fault.type != PM_JOBJ)
        return pm_fail(err, PM_EINVAL, "a rule is {\"match\":{...},\"fault\":{\"kind\":...}}");
    r->dialect = text_of(match, "dialect", a);
    r->model = text_of(match, "model", a);
    r->op = text_of(match, "op", a);
    r->key = text_of(match, "key", a);
    r->message = text_of(match, "message", a);
    r->stream = stream.type == PM_JTRUE ? 1 : stream.type == PM_JFALSE ? 0 : -1;
    r->nth = int_of(match, "nth", 0);
    r->times = int_of(v, "times", 0);
    if (!read_kinds(pm_json_get(fault, "kind"), &r->fault.kinds, err))
        return false;
    read_settings(fault, &r->fault, a);
    return true;
}

bool sim_faults_script(struct sim_faults *f, struct pm_str json, bool add, struct pm_error *err)
{
    struct pm_jval root, one;
    struct pm_jiter it;
    struct rule r;

    if (!pm_json_check(json, PM_JLIMITS_DEFAULT, &root, err))
        return false;
    if (root.type != PM_JARR)
        return pm_fail(err, PM_EINVAL, "a script is a list of rules");
    it = pm_json_iter(root);
    while (pm_json_item(&it, &one)) /* all of them first, so that a bad one changes nothing */
        if (!read_rule(one, &r, &f->arena, err))
            return false;
    if (!add) {
        f->n = 0;
        pm_arena_reset(&f->arena);
    }
    it = pm_json_iter(root);
    while (pm_json_item(&it, &one)) {
        if (f->n == f->cap) {
            f->cap = f->cap ? f->cap * 2 : 16;
            f->rules = pm_xrealloc(f->rules, f->cap * sizeof(*f->rules));
        }
        if (!read_rule(one, &f->rules[f->n], &f->arena, err))
            return false;
        f->n++;
    }
    return true;
}

bool sim_faults_random(struct sim_faults *f, struct pm_str json, struct pm_error *err)
{
    struct pm_jval root, kinds;
    struct sim_fault fault = {0};
    double rate = 0;

    if (!pm_json_check(json, PM_JLIMITS_DEFAULT, &root, err))
        return false;
    kinds = pm_json_get(root, "kinds");
    if (!pm_json_f64(pm_json_get(root, "rate"), &rate) || rate < 0 || rate > 1)
        return pm_fail(err, PM_EINVAL, "rate must be a number from 0 to 1");
    fault.kinds = RANDOM_DEFAULT;
    if (kinds.type != PM_JNONE) {
        fault.kinds = 0;
        if (!read_kinds(kinds, &fault.kinds, err))
            return false;
    }
    pm_arena_reset(&f->random_arena);
    read_settings(root, &fault, &f->random_arena);
    /* The walk over the dialects happens at each draw, so the text must stay. */
    f->random_dialects = pm_json_get(root, "dialects");
    f->random_dialects.raw = pm_arena_str(&f->random_arena, f->random_dialects.raw);
    f->random = fault;
    f->rate = rate;
    f->draw = (uint64_t)int_of(root, "seed", 1) * UINT64_C(0x9e3779b97f4a7c15) + 1;
    return true;
}

/* xorshift64*: the same seed gives the same faults on every machine. */
static uint64_t next_draw(struct sim_faults *f)
{
    f->draw ^= f->draw >> 12;
    f->draw ^= f->draw << 25;
    f->draw ^= f->draw >> 27;
    return f->draw * UINT64_C(0x2545f4914f6cdd1d);
}

static bool fits(struct pm_str wanted, struct pm_str is)
{
    return !wanted.p || pm_str_glob(is, wanted);
}

static bool rule_fits(const struct rule *u, const struct sim_request *r)
{
    if (!fits(u->dialect, r->dialect_name) || !fits(u->model, r->model) ||
        !fits(u->op, pm_str(sim_op_name(r->op))) || !fits(u->key, r->key))
        return false;
    if (u->message.p && !pm_str_icontains(r->user_text, u->message))
        return false;
    return u->stream < 0 || u->stream == r->stream;
}

static bool draw_fits(const struct sim_faults *f, const struct sim_request *r)
{
    struct pm_jiter it = pm_json_iter(f->random_dialects);
    struct pm_jval name;

    if (f->random_dialects.type != PM_JARR)
        return true;
    while (pm_json_item(&it, &name))
        if (pm_str_eq(pm_json_body(name), r->dialect_name))
            return true;
    return false;
}

void sim_faults_pick(struct sim_faults *f, const struct sim_request *r, struct sim_fault *out)
{
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < f->n; i++) {
        struct rule *u = &f->rules[i];
        if (!rule_fits(u, r))
            continue;
        u->seen++;
        if ((u->nth && u->seen != u->nth) || (u->times && u->used >= u->times))
            continue;
        u->used++;
        *out = u->fault;
        return;
    }
    if (f->rate <= 0 || !draw_fits(f, r))
        return;
    if ((double)(next_draw(f) >> 11) / 9007199254740992.0 >= f->rate)
        return;
    uint64_t left = next_draw(f) % (uint64_t)__builtin_popcountll(f->random.kinds);
    uint64_t kinds = f->random.kinds;
    while (left--)
        kinds &= kinds - 1;
    *out = f->random;
    out->kinds = kinds & -kinds;
}
