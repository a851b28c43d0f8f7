/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulator/request.h"

static const char *const op_names[] = {"chat", "completions", "embeddings", "models", "unknown"};

const char *sim_op_name(enum sim_op op)
{
    return op_names[op];
}

static bool ends_with(struct pm_str s, struct pm_str tail)
{
    return s.n >= tail.n && pm_str_eq(pm_str_cut(s, s.n - tail.n, s.n), tail);
}

void sim_request_target(struct sim_request *r, struct pm_str target)
{
    static const struct {
        struct pm_str tail;
        enum sim_op op;
    } ops[] = {
        {PM_STR_INIT("/chat/completions"), SIM_CHAT},
        {PM_STR_INIT("/completions"), SIM_COMPLETIONS},
        {PM_STR_INIT("/embeddings"), SIM_EMBEDDINGS},
        {PM_STR_INIT("/models"), SIM_MODELS},
    };
    ptrdiff_t query = pm_str_find(target, '?');
    struct pm_str path = query >= 0 ? pm_str_cut(target, 0, (size_t)query) : target;
    struct pm_str rest = pm_str_cut(path, 1, path.n);
    ptrdiff_t slash = pm_str_find(rest, '/');

    r->dialect_name = slash >= 0 ? pm_str_cut(rest, 0, (size_t)slash) : rest;
    /* `/xai~2/v1` speaks as xai and is another provider to scripts and account. */
    ptrdiff_t tilde = pm_str_find(r->dialect_name, '~');
    r->dialect = sim_dialect_find(tilde >= 0 ? pm_str_cut(r->dialect_name, 0, (size_t)tilde)
                                             : r->dialect_name);
    r->op = SIM_UNKNOWN;
    for (size_t i = 0; i < PM_COUNT(ops) && r->op == SIM_UNKNOWN; i++)
        if (ends_with(path, ops[i].tail))
            r->op = ops[i].op;

    /* Azure's older form has the deployment, which is the model, in the path. */
    struct pm_str mark = PM_STR("/deployments/");
    for (size_t i = 0; i + mark.n <= path.n; i++) {
        if (!pm_str_starts(pm_str_cut(path, i, path.n), mark))
            continue;
        struct pm_str name = pm_str_cut(path, i + mark.n, path.n);
        slash = pm_str_find(name, '/');
        r->model = slash >= 0 ? pm_str_cut(name, 0, (size_t)slash) : name;
        break;
    }
}

static bool has_word(const char *list, struct pm_str word)
{
    struct pm_str rest = pm_str(list);

    while (rest.n) {
        ptrdiff_t space = pm_str_find(rest, ' ');
        size_t n = space >= 0 ? (size_t)space : rest.n;
        if (pm_str_eq(pm_str_cut(rest, 0, n), word))
            return true;
        rest = pm_str_cut(rest, n + 1, rest.n);
    }
    return false;
}

/* Members that only a router understands; no provider but OpenRouter should ever see them. */
static const char router_members[] =
    "models provider route transforms plugins reasoning usage session_id preset include_reasoning";

static bool is_unknown(const struct sim_dialect *d, struct pm_str key)
{
    if (d->habits & HABIT_TAKES_ROUTING)
        return false;
    if (d->refused && has_word(d->refused, key))
        return true;
    return d->known ? !has_word(d->known, key) : has_word(router_members, key);
}

/* The text of a message's content: the string, or its text parts one after the other. */
static struct pm_str content_text(struct pm_jval content, struct pm_arena *a)
{
    struct pm_buf b;
    struct pm_str text = PM_NSTR, out;
    struct pm_jiter it = pm_json_iter(content);
    struct pm_jval part;

    pm_buf_init(&b, content.raw.n * 3 + 16);
    if (content.type == PM_JSTR) {
        if (pm_json_text(content, &b, &text))
            text = pm_arena_str(a, text);
    } else if (content.type == PM_JARR) {
        struct pm_buf all;
        pm_buf_init(&all, content.raw.n * 3 + 16);
        while (pm_json_item(&it, &part)) {
            pm_buf_reset(&b);
            if (pm_json_text(pm_json_get(part, "text"), &b, &out))
                pm_buf_str(&all, out);
        }
        text = pm_arena_str(a, pm_buf_view(&all));
        pm_buf_fini(&all);
    }
    pm_buf_fini(&b);
    return text;
}

static bool nine_alnum(struct pm_str id)
{
    for (size_t i = 0; i < id.n; i++) {
        char c = id.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
            return false;
    }
    return id.n == 9;
}

static void check_tool_ids(struct sim_request *r, struct pm_jval message)
{
    struct pm_jval id = pm_json_get(message, "tool_call_id"), call;
    struct pm_jiter it = pm_json_iter(pm_json_get(message, "tool_calls"));

    if (!(r->dialect->habits & HABIT_NINE_ALNUM))
        return;
    if (id.type == PM_JSTR && !nine_alnum(pm_json_body(id)))
        r->bad_tool_id = true;
    while (pm_json_item(&it, &call))
        if (!nine_alnum(pm_json_body(pm_json_get(call, "id"))))
            r->bad_tool_id = true;
}

static void read_messages(struct sim_request *r, struct pm_jval messages, struct pm_arena *a)
{
    struct pm_jiter it = pm_json_iter(messages);
    struct pm_jval m, last_user = {0};

    while (pm_json_item(&it, &m)) {
        struct pm_str role = pm_json_body(pm_json_get(m, "role"));
        check_tool_ids(r, m);
        r->after_tool = pm_str_is(role, "tool");
        if (pm_str_is(role, "user"))
            last_user = pm_json_get(m, "content");
    }
    if (last_user.type != PM_JNONE)
        r->user_text = content_text(last_user, a);
}

static void read_tools(struct sim_request *r)
{
    struct pm_jval choice = pm_json_get(r->body, "tool_choice");
    struct pm_jval format = pm_json_get(r->body, "response_format");
    struct pm_str kind = pm_json_body(pm_json_get(format, "type"));
    struct pm_jval tools = pm_json_get(r->body, "tools");

    if (tools.type == PM_JARR && !pm_str_is(pm_json_body(choice), "none"))
        r->tools = tools;
    r->tool_name = pm_json_body(pm_json_get(pm_json_get(choice, "function"), "name"));
    if (pm_str_is(kind, "json_schema"))
        r->schema = pm_json_get(pm_json_get(format, "json_schema"), "schema");
    r->json_object = pm_str_is(kind, "json_object");
}

static void read_reasoning(struct sim_request *r)
{
    struct pm_str effort = pm_json_body(pm_json_get(r->body, "reasoning_effort"));
    struct pm_jval thinking = pm_json_get(r->body, "thinking");
    struct pm_str kind = pm_json_body(pm_json_get(thinking, "type"));
    struct pm_jval template = pm_json_get(r->body, "chat_template_kwargs");

    if ((effort.n && !pm_str_is(effort, "none")) || pm_str_is(kind, "enabled") ||
        pm_json_get(r->body, "enable_thinking").type == PM_JTRUE ||
        pm_json_get(template, "enable_thinking").type == PM_JTRUE ||
        pm_json_get(r->body, "reasoning").type == PM_JOBJ)
        r->wants_reasoning = true;
    if (pm_str_icontains(r->model, PM_STR("think")) || pm_str_icontains(r->model, PM_STR("reason")))
        r->wants_reasoning = true;
}

static int64_t number_or(struct pm_jval v, int64_t other)
{
    int64_t i;
    return pm_json_i64(v, &i) && i >= 0 ? i : other;
}

bool sim_request_read(struct sim_request *r, struct pm_str body, struct pm_arena *a,
                      struct pm_error *err)
{
    struct pm_jiter it;
    struct pm_str key;
    struct pm_jval v;

    if (!pm_json_check(body, PM_JLIMITS_DEFAULT, &r->body, err))
        return false;
    if (r->body.type != PM_JOBJ)
        return pm_fail(err, PM_EINVAL, "the body must be an object");
    it = pm_json_iter(r->body);
    while (pm_json_member(&it, &key, &v)) {
        if (is_unknown(r->dialect, key) && r->n_unknown < PM_COUNT(r->unknown))
            r->unknown[r->n_unknown++] = key;
    }
    v = pm_json_get(r->body, "model");
    if (v.type == PM_JSTR && !r->model.n)
        r->model = pm_json_body(v);
    r->stream = pm_json_get(r->body, "stream").type == PM_JTRUE;
    v = pm_json_get(r->body, "stream_options");
    r->include_usage = pm_json_get(v, "include_usage").type == PM_JTRUE;
    r->logprobs = pm_json_get(r->body, "logprobs").type == PM_JTRUE;
    r->n = (uint32_t)PM_MIN(number_or(pm_json_get(r->body, "n"), 1), 8);
    r->max_tokens = number_or(pm_json_get(r->body, "max_completion_tokens"), -1);
    if (r->max_tokens < 0)
        r->max_tokens = number_or(pm_json_get(r->body, "max_tokens"), -1);
    r->dimensions = (uint32_t)PM_MIN(number_or(pm_json_get(r->body, "dimensions"), 8), 4096);
    r->base64 = pm_str_is(pm_json_body(pm_json_get(r->body, "encoding_format")), "base64");
    r->inputs = pm_json_get(r->body, "input");
    if (r->op == SIM_COMPLETIONS)
        r->user_text = content_text(pm_json_get(r->body, "prompt"), a);
    read_messages(r, pm_json_get(r->body, "messages"), a);
    read_tools(r);
    read_reasoning(r);
    v = pm_json_get(r->body, r->op == SIM_CHAT ? "messages" : "input");
    if (v.type == PM_JNONE)
        v = pm_json_get(r->body, "prompt");
    r->prompt_tokens = (uint32_t)(v.raw.n / 4 + 1);
    return true;
}

/* What follows `word:` in the last user message. */
static struct pm_str after_marker(const struct sim_request *r, const char *word)
{
    size_t n = strlen(word);
    struct pm_str t = r->user_text;

    for (size_t i = 0; i + n < t.n; i++)
        if (memcmp(t.p + i, word, n) == 0 && t.p[i + n] == ':')
            return pm_str_trim(pm_str_cut(t, i + n + 1, t.n));
    return PM_NSTR;
}

uint32_t sim_request_marker(const struct sim_request *r, const char *word, uint32_t other)
{
    struct pm_str s = after_marker(r, word);
    size_t n = 0;
    uint64_t v;

    while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
        n++;
    if (!pm_str_u64(pm_str_cut(s, 0, n), &v))
        return other;
    return (uint32_t)PM_MIN(v, 10000000u);
}

struct pm_str sim_request_say(const struct sim_request *r)
{
    return after_marker(r, "say");
}
