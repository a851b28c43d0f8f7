/* SPDX-License-Identifier: Apache-2.0 */
/* What must change inside of `messages` and `tools`. Most messages go as they are. */
#include "agent/provider/openai_request.h"

#define ID_LENGTH 9 /* of Mistral's tool calls */

enum role { ROLE_OTHER, ROLE_SYSTEM, ROLE_DEVELOPER, ROLE_ASSISTANT, ROLE_TOOL };

struct message {
    struct body_member *v; /* its members, in the arena, reused for each message */
    size_t n, cap;
    struct pm_jval whole;
    enum role role;
    struct pm_jval role_val, content, tool_calls, tool_call_id, name;
    struct pm_jval reasoning, reasoning_content, details, prefill;
};

struct message_walk {
    struct request_writer *w;
    struct message m;
    struct pm_jval last_calls; /* tool_calls of the last message that had any */
};

static enum role role_of(struct pm_str s)
{
    static const struct {
        struct pm_str name;
        enum role role;
    } roles[] = {
        {PM_STR_INIT("assistant"), ROLE_ASSISTANT},
        {PM_STR_INIT("tool"), ROLE_TOOL},
        {PM_STR_INIT("system"), ROLE_SYSTEM},
        {PM_STR_INIT("developer"), ROLE_DEVELOPER},
    };

    for (size_t i = 0; i < PM_COUNT(roles); i++) {
        if (pm_str_eq(s, roles[i].name))
            return roles[i].role;
    }
    return ROLE_OTHER;
}

/* ---- reading a message ---- */

static struct pm_jval *known(struct message *m, struct pm_str key, const char *prefill)
{
    static const struct {
        struct pm_str name;
        size_t offset;
    } names[] = {
        {PM_STR_INIT("role"), offsetof(struct message, role_val)},
        {PM_STR_INIT("content"), offsetof(struct message, content)},
        {PM_STR_INIT("tool_calls"), offsetof(struct message, tool_calls)},
        {PM_STR_INIT("tool_call_id"), offsetof(struct message, tool_call_id)},
        {PM_STR_INIT("name"), offsetof(struct message, name)},
        {PM_STR_INIT("reasoning"), offsetof(struct message, reasoning)},
        {PM_STR_INIT("reasoning_content"), offsetof(struct message, reasoning_content)},
        {PM_STR_INIT("reasoning_details"), offsetof(struct message, details)},
    };

    for (size_t i = 0; i < PM_COUNT(names); i++) {
        if (pm_str_eq(key, names[i].name))
            return (struct pm_jval *)(void *)((char *)m + names[i].offset);
    }
    return prefill && pm_str_is(key, prefill) ? &m->prefill : NULL;
}

static bool push(struct message_walk *mw, struct pm_str key, struct pm_jval val)
{
    struct message *m = &mw->m;

    if (m->n == m->cap) {
        const size_t cap = m->cap ? m->cap * 2 : 16;
        struct body_member *v = pm_arena_try(mw->w->edits.a, cap * sizeof(*v));

        if (!v)
            return false;
        if (m->n)
            memcpy(v, m->v, m->n * sizeof(*v));
        m->v = v;
        m->cap = cap;
    }
    m->v[m->n++] = (struct body_member){key, val};
    return true;
}

/* The message at which the walk stands, past which it is moved. */
static bool read_message(struct message_walk *mw, struct pm_jiter *outer)
{
    struct body_member *v = mw->m.v;
    const size_t cap = mw->m.cap;
    struct pm_jiter it = pm_json_enter(outer);
    struct pm_str key;

    mw->m = (struct message){.v = v, .cap = cap};
    while (pm_json_name(&it, &key)) {
        const struct pm_jval val = pm_json_take(&it);
        struct pm_jval *at = known(&mw->m, key, mw->w->dialect->prefill);

        if (at)
            *at = val;
        if (!push(mw, key, val))
            return false;
    }
    mw->m.whole = pm_json_leave(outer, &it);
    mw->m.role = role_of(pm_json_body(mw->m.role_val));
    return true;
}

/* ---- tool calls ---- */

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Nine letters or digits for any id, the same for a call and its result. */
static void edit_id(struct request_writer *w, struct pm_jval id)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const struct pm_str body = pm_json_body(id);
    char text[ID_LENGTH + 2];
    bool fits = body.n == ID_LENGTH;
    uint64_t h;

    for (size_t i = 0; fits && i < body.n; i++)
        fits = is_alnum(body.p[i]);
    if (fits || id.type != PM_JSTR)
        return;
    h = pm_hash_stable(body);
    text[0] = text[ID_LENGTH + 1] = '"';
    for (size_t i = 1; i <= ID_LENGTH; i++, h /= 62)
        text[i] = digits[h % 62];
    edits_replace(&w->edits, id.raw, EDITS_JOIN(&w->edits, pm_str_n(text, sizeof(text))));
}

static void edit_function(struct request_writer *w, struct pm_jval function)
{
    const struct pm_jval args = pm_json_get(function, "arguments");

    if (args.type == PM_JSTR && args.raw.n == 2) /* "" is no JSON */
        edits_replace(&w->edits, args.raw, PM_STR("\"{}\""));
}

/* Answers of ours number their calls; requests of providers do not. */
static void edit_call(struct request_writer *w, struct pm_jval call)
{
    struct edit_walk walk = edit_walk(&w->edits, call);
    struct pm_jiter it = pm_json_iter(call);
    struct pm_jval val;
    struct pm_str key;

    while (pm_json_member(&it, &key, &val)) {
        if (pm_str_is(key, "index")) {
            edit_cut(&walk, edit_member(key, val));
            continue;
        }
        edit_keep(&walk, edit_member(key, val));
        if (w->dialect->ids_nine_alnum && pm_str_is(key, "id"))
            edit_id(w, val);
        else if (pm_str_is(key, "function") && val.type == PM_JOBJ)
            edit_function(w, val);
    }
    edit_end(&walk);
}

static void edit_calls(struct request_writer *w, struct pm_jval calls)
{
    struct pm_jiter it = pm_json_iter(calls);
    struct pm_jval call;

    while (calls.type == PM_JARR && pm_json_item(&it, &call)) {
        if (call.type == PM_JOBJ)
            edit_call(w, call);
    }
}

/* The name of the function that the last calls give to an id. */
static struct pm_str function_of(struct pm_jval calls, struct pm_str id)
{
    struct pm_jiter it = pm_json_iter(calls);
    struct pm_jval call;

    while (calls.type == PM_JARR && pm_json_item(&it, &call)) {
        if (call.type == PM_JOBJ && pm_str_eq(pm_json_body(pm_json_get(call, "id")), id)) {
            const struct pm_jval function = pm_json_get(call, "function");

            if (function.type == PM_JOBJ)
                return pm_json_get(function, "name").raw;
        }
    }
    return PM_NSTR;
}

/* ---- content ---- */

/* {"type":"file","file":{"filename","file_data"}} → {"type":"document_url","document_url"}: what
 * stands around the data goes, so that the data itself is not copied. */
static void edit_file(struct request_writer *w, struct pm_str key, struct pm_jval file)
{
    const struct pm_jval data = pm_json_get(file, "file_data");
    const char *end = file.raw.p + file.raw.n, *after = data.raw.p + data.raw.n;

    edits_replace(&w->edits, key, PM_STR("document_url"));
    edits_replace(&w->edits, pm_str_n(file.raw.p, (size_t)(data.raw.p - file.raw.p)), PM_STR(""));
    edits_replace(&w->edits, pm_str_n(after, (size_t)(end - after)), PM_STR(""));
}

static void edit_part(struct request_writer *w, struct pm_jval part)
{
    const struct dialect *d = w->dialect;
    const bool breakpoints =
        d->takes_cache_control || dialect_lists(d->allowed, PM_STR("prompt_cache_options"));
    const struct pm_jval file = d->mistral_parts ? pm_json_get(part, "file") : (struct pm_jval){0};
    const bool document = file.type == PM_JOBJ && pm_json_get(file, "file_data").type == PM_JSTR;
    struct edit_walk walk = edit_walk(&w->edits, part);
    struct pm_jiter it = pm_json_iter(part);
    struct pm_jval val;
    struct pm_str key;

    while (pm_json_member(&it, &key, &val)) {
        if ((!d->takes_cache_control && pm_str_is(key, "cache_control")) ||
            (!breakpoints && pm_str_is(key, "prompt_cache_breakpoint"))) {
            edit_cut(&walk, edit_member(key, val));
            continue;
        }
        edit_keep(&walk, edit_member(key, val));
        if (!d->mistral_parts)
            continue;
        if (document && pm_str_is(key, "type"))
            edits_replace(&w->edits, val.raw, PM_STR("\"document_url\""));
        else if (document && pm_str_is(key, "file"))
            edit_file(w, key, val);
        else if (pm_str_is(key, "image_url") && val.type == PM_JOBJ &&
                 pm_json_get(val, "url").type == PM_JSTR)
            edits_replace(&w->edits, val.raw, pm_json_get(val, "url").raw);
    }
    edit_end(&walk);
}

static void edit_parts(struct request_writer *w, struct pm_jval content)
{
    struct pm_jiter it = pm_json_iter(content);
    struct pm_jval part;

    while (content.type == PM_JARR && pm_json_item(&it, &part)) {
        if (part.type == PM_JOBJ)
            edit_part(w, part);
    }
}

/* ---- earlier reasoning ---- */

/* The plain text inside of reasoning_details, a JSON string body. */
static struct pm_str text_of_details(struct request_writer *w, struct pm_jval details)
{
    struct pm_jiter it = pm_json_iter(details);
    struct pm_str all = PM_NSTR;
    struct pm_jval item;

    while (details.type == PM_JARR && pm_json_item(&it, &item)) {
        struct pm_str text = PM_NSTR;

        if (item.type == PM_JOBJ)
            text = pm_json_body(pm_json_get(item, "text"));
        if (item.type == PM_JOBJ && text.n == 0)
            text = pm_json_body(pm_json_get(item, "summary"));
        if (text.n > 0)
            all = all.n ? EDITS_JOIN(&w->edits, all, text) : text;
    }
    return all;
}

/* What the assistant thought in this message; empty if that is not known. */
static struct pm_str thought(struct request_writer *w, const struct message *m)
{
    if (m->role != ROLE_ASSISTANT)
        return PM_NSTR;
    if (pm_json_body(m->reasoning_content).n > 0)
        return pm_json_body(m->reasoning_content);
    if (pm_json_body(m->reasoning).n > 0)
        return pm_json_body(m->reasoning);
    return text_of_details(w, m->details);
}

static const char *history_name(const struct request_writer *w)
{
    return w->history == HISTORY_REASONING ? "reasoning" : "reasoning_content";
}

/* True if this one of the members that hold reasoning can stay as it is. */
static bool keeps_reasoning(const struct request_writer *w, const struct message *m,
                            struct pm_str key, struct pm_jval val, struct pm_str text)
{
    if (w->history == HISTORY_KEEP)
        return true;
    if (m->role != ROLE_ASSISTANT || w->history == HISTORY_DROP ||
        w->history == HISTORY_THINKING_PART || !pm_str_is(key, history_name(w)))
        return false;
    return val.type == PM_JSTR && pm_str_eq(pm_json_body(val), text);
}

static void add_history(struct request_writer *w, struct edit_walk *walk, const struct message *m,
                        struct pm_str text, bool kept)
{
    const bool always = w->history == HISTORY_CONTENT_ALWAYS;

    if (m->role != ROLE_ASSISTANT || w->history == HISTORY_DROP || w->history == HISTORY_KEEP ||
        w->history == HISTORY_THINKING_PART || (text.n == 0 && !always))
        return;
    w->history_sent |= text.n > 0;
    if (!kept)
        edit_add_member(walk, pm_str(history_name(w)),
                        EDITS_JOIN(&w->edits, PM_STR("\""), text, PM_STR("\"")));
}

#define THINKING_BEGIN "{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\""
#define THINKING_END "\"}],\"closed\":true}"

/* Mistral: a part before the others. */
static void edit_thinking_part(struct request_writer *w, struct pm_jval content, struct pm_str text)
{
    const struct pm_str part =
        EDITS_JOIN(&w->edits, PM_STR("[" THINKING_BEGIN), text, PM_STR(THINKING_END));
    const char *end = content.raw.p + content.raw.n;

    if (content.type == PM_JSTR && content.raw.n > 2) {
        edits_insert(&w->edits, content.raw.p, part);
        edits_insert(&w->edits, content.raw.p, PM_STR(",{\"type\":\"text\",\"text\":"));
        edits_insert(&w->edits, end, PM_STR("}]"));
    } else if (content.type == PM_JARR) {
        struct pm_jiter it = pm_json_iter(content);
        struct pm_jval first;

        edits_replace(&w->edits, pm_str_n(content.raw.p, 1), part);
        if (pm_json_item(&it, &first))
            edits_insert(&w->edits, content.raw.p + 1, PM_STR(","));
        edit_parts(w, content);
    } else {
        edits_replace(&w->edits, content.raw, EDITS_JOIN(&w->edits, part, PM_STR("]")));
    }
}

/* ---- messages ---- */

static bool is_reasoning(struct pm_str key)
{
    return dialect_lists("reasoning reasoning_content reasoning_details", key);
}

/* Members that a message may have in this dialect, besides those with rules of their own. */
static bool message_takes(const struct request_writer *w, const struct message *m,
                          struct pm_str key)
{
    static const char common[] = "role content tool_calls tool_call_id";
    static const char of_answers[] = "images annotations";
    const struct dialect *d = w->dialect;

    if (pm_str_is(key, "name")) {
        if (m->role == ROLE_TOOL && d->tool_message_name)
            return true;
        return !d->no_message_name && (!d->strict || dialect_lists(d->message_members, key));
    }
    if (d->passes_openrouter_fields || dialect_lists(common, key))
        return true;
    if (d->strict)
        return dialect_lists(d->message_members, key);
    return !dialect_lists(of_answers, key);
}

static const char *other_role(const struct request_writer *w, enum role role)
{
    if (role == ROLE_SYSTEM && w->rule->system_as_developer)
        return "\"developer\"";
    return role == ROLE_DEVELOPER && w->dialect->developer_as_system ? "\"system\"" : NULL;
}

static void edit_kept(struct message_walk *mw, struct pm_jval val, struct pm_str text)
{
    struct request_writer *w = mw->w;
    const struct message *m = &mw->m;
    const char *role = other_role(w, m->role);

    if (val.raw.p == m->role_val.raw.p && role)
        edits_replace(&w->edits, val.raw, pm_str(role));
    else if (val.raw.p == m->content.raw.p && w->history == HISTORY_THINKING_PART && text.n > 0)
        edit_thinking_part(w, val, text);
    else if (val.raw.p == m->content.raw.p)
        edit_parts(w, val);
    else if (val.raw.p == m->tool_calls.raw.p)
        edit_calls(w, val);
    else if (val.raw.p == m->tool_call_id.raw.p && w->dialect->ids_nine_alnum)
        edit_id(w, val);
}

static void add_to_message(struct message_walk *mw, struct edit_walk *walk, struct pm_str text,
                           bool kept, bool last)
{
    struct request_writer *w = mw->w;
    const struct message *m = &mw->m;

    add_history(w, walk, m, text, kept);
    if (w->history == HISTORY_THINKING_PART && text.n > 0 && m->content.type == PM_JNONE)
        edit_add_member(
            walk, PM_STR("content"),
            EDITS_JOIN(&w->edits, PM_STR("[" THINKING_BEGIN), text, PM_STR(THINKING_END "]")));
    if (m->role == ROLE_TOOL && w->dialect->tool_message_name && m->name.type == PM_JNONE) {
        const struct pm_str name = function_of(mw->last_calls, pm_json_body(m->tool_call_id));

        if (name.n > 0)
            edit_add_member(walk, PM_STR("name"), name);
    }
    if (last && m->role == ROLE_ASSISTANT && w->dialect->prefill && m->prefill.type == PM_JNONE)
        edit_add_member(walk, pm_str(w->dialect->prefill), PM_STR("true"));
}

static void edit_message(struct message_walk *mw, bool last)
{
    struct request_writer *w = mw->w;
    const struct message *m = &mw->m;
    struct edit_walk walk = edit_walk(&w->edits, m->whole);
    const struct pm_str text = thought(w, m);
    bool kept = false;

    for (size_t i = 0; i < m->n; i++) {
        const struct pm_str key = m->v[i].key;
        const struct pm_jval val = m->v[i].val;
        const bool reasoning = is_reasoning(key);

        if (reasoning ? !keeps_reasoning(w, m, key, val, text) : !message_takes(w, m, key)) {
            edit_cut(&walk, edit_member(key, val));
            continue;
        }
        kept |= reasoning;
        edit_keep(&walk, edit_member(key, val));
        edit_kept(mw, val, text);
    }
    add_to_message(mw, &walk, text, kept, last);
    edit_end(&walk);
    if (m->tool_calls.type == PM_JARR)
        mw->last_calls = m->tool_calls;
}

/* The system prompt of a preset goes before all. */
static void add_system(struct request_writer *w, struct pm_jval messages)
{
    const struct pm_preset *preset = w->in->preset;
    struct pm_jiter it = pm_json_iter(messages);
    struct pm_jval first;

    if (!preset || preset->system.n == 0)
        return;
    edits_insert(&w->edits, messages.raw.p + 1,
                 w->rule->system_as_developer ? PM_STR("{\"role\":\"developer\",\"content\":")
                                              : PM_STR("{\"role\":\"system\",\"content\":"));
    edits_insert(&w->edits, messages.raw.p + 1, edits_quote(&w->edits, preset->system));
    edits_insert(&w->edits, messages.raw.p + 1,
                 pm_json_item(&it, &first) ? PM_STR("},") : PM_STR("}"));
}

void openai_edit_messages(struct request_writer *w, struct pm_jval messages)
{
    struct message_walk mw = {.w = w};
    struct pm_jiter it = pm_json_iter(messages);
    bool more;

    add_system(w, messages);
    if (w->dialect->passes_openrouter_fields)
        return;
    more = pm_json_more(&it);
    while (more && !w->edits.failed) {
        if (pm_json_type(&it) != PM_JOBJ) {
            pm_json_take(&it);
            more = pm_json_more(&it);
            continue;
        }
        if (!read_message(&mw, &it)) {
            w->edits.failed = true;
            return;
        }
        more = pm_json_more(&it);
        edit_message(&mw, !more);
    }
}
