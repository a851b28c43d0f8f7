/* SPDX-License-Identifier: Apache-2.0 */
/* One element of `choices`, of a stream (`delta`), a whole answer (`message`) or a completion
 * (`text`), as events. On the way it is seen whether a strict client could take it as it is. */
#include "agent/provider/openai_decoder.h"
#include "agent/provider/usage.h"

/* The members of a choice and of its delta or message that mean something. */
struct parts {
    struct pm_jval index, finish, logprobs, usage, error;
    struct pm_jval role, content, refusal, reasoning, reasoning_content, reasoning_details;
    struct pm_jval tool_calls, function_call, audio, images, annotations;
    bool has_delta;
};

static const struct {
    struct pm_str word;
    enum finish finish;
} finish_words[] = {
    {PM_STR_INIT("stop"), FINISH_STOP},
    {PM_STR_INIT("length"), FINISH_LENGTH},
    {PM_STR_INIT("tool_calls"), FINISH_TOOL_CALLS},
    {PM_STR_INIT("content_filter"), FINISH_CONTENT_FILTER},
    {PM_STR_INIT("error"), FINISH_ERROR},
    {PM_STR_INIT("function_call"), FINISH_TOOL_CALLS},
    {PM_STR_INIT("tool_use"), FINISH_TOOL_CALLS},
    {PM_STR_INIT("model_length"), FINISH_LENGTH}, /* Mistral */
    {PM_STR_INIT("max_tokens"), FINISH_LENGTH},
    {PM_STR_INIT("sensitive"), FINISH_CONTENT_FILTER}, /* Z.AI */
    {PM_STR_INIT("insufficient_system_resource"), FINISH_ERROR}, /* DeepSeek */
    {PM_STR_INIT("abort"), FINISH_ERROR}, /* vLLM */
};

static enum finish finish_of(struct pm_str word)
{
    for (size_t i = 0; i < PM_COUNT(finish_words); i++) {
        if (pm_str_eq(word, finish_words[i].word))
            return finish_words[i].finish;
    }
    return FINISH_STOP; /* "eos" and whatever else means that it is over */
}

/* Where the member of that name is kept; NULL if it means nothing. */
static struct pm_jval *choice_member(struct parts *p, struct pm_str key)
{
    switch (key.n) {
    case 4:
        return memcmp(key.p, "text", 4) == 0 ? &p->content : NULL;
    case 5:
        if (memcmp(key.p, "index", 5) == 0)
            return &p->index;
        if (memcmp(key.p, "usage", 5) == 0)
            return &p->usage;
        return memcmp(key.p, "error", 5) == 0 ? &p->error : NULL;
    case 8:
        return memcmp(key.p, "logprobs", 8) == 0 ? &p->logprobs : NULL;
    case 13:
        return memcmp(key.p, "finish_reason", 13) == 0 ? &p->finish : NULL;
    default:
        return NULL;
    }
}

static struct pm_jval *delta_member(struct parts *p, struct pm_str key)
{
    static const struct {
        struct pm_str name;
        size_t offset;
    } names[] = {
        {PM_STR_INIT("content"), offsetof(struct parts, content)},
        {PM_STR_INIT("role"), offsetof(struct parts, role)},
        {PM_STR_INIT("tool_calls"), offsetof(struct parts, tool_calls)},
        {PM_STR_INIT("reasoning"), offsetof(struct parts, reasoning)},
        {PM_STR_INIT("reasoning_content"), offsetof(struct parts, reasoning_content)},
        {PM_STR_INIT("reasoning_details"), offsetof(struct parts, reasoning_details)},
        {PM_STR_INIT("refusal"), offsetof(struct parts, refusal)},
        {PM_STR_INIT("function_call"), offsetof(struct parts, function_call)},
        {PM_STR_INIT("audio"), offsetof(struct parts, audio)},
        {PM_STR_INIT("images"), offsetof(struct parts, images)},
        {PM_STR_INIT("annotations"), offsetof(struct parts, annotations)},
    };

    for (size_t i = 0; i < PM_COUNT(names); i++) {
        if (pm_str_eq(key, names[i].name))
            return (struct pm_jval *)(void *)((char *)p + names[i].offset);
    }
    return NULL;
}

/* At a delta or message, past which the walk is moved. */
static void read_delta_members(struct pm_jiter *outer, struct parts *p)
{
    struct pm_jiter it = pm_json_enter(outer);
    struct pm_str key;

    while (pm_json_name(&it, &key)) {
        struct pm_jval *at = delta_member(p, key), val = pm_json_take(&it);

        if (at)
            *at = val;
    }
    pm_json_leave(outer, &it);
    p->has_delta = true;
}

static void read_choice_members(struct pm_jiter *outer, struct parts *p)
{
    struct pm_jiter it = pm_json_enter(outer);
    struct pm_jval *at, val;
    struct pm_str key;

    while (pm_json_name(&it, &key)) {
        if (pm_json_type(&it) == PM_JOBJ &&
            (pm_str_eq(key, PM_STR("delta")) || pm_str_eq(key, PM_STR("message")))) {
            read_delta_members(&it, p);
            continue;
        }
        at = choice_member(p, key);
        val = pm_json_take(&it);
        if (at)
            *at = val;
    }
    pm_json_leave(outer, &it);
}

static void emit_text(struct decoder *d, enum event_kind kind, uint32_t choice, struct pm_str text)
{
    if (text.n > 0)
        decoder_emit(d, kind, choice)->text = text;
}

/* What the part of a content array says: Mistral's `thinking` holds parts itself. */
static void read_part(struct decoder *d, uint32_t choice, struct pm_jval part, enum event_kind kind)
{
    struct pm_jval inner;
    struct pm_jiter it;

    if (part.type == PM_JSTR)
        emit_text(d, kind, choice, pm_json_body(part));
    if (part.type != PM_JOBJ)
        return;
    emit_text(d, kind, choice, pm_json_body(pm_json_get(part, "text")));
    inner = pm_json_get(part, "thinking");
    if (inner.type == PM_JSTR)
        emit_text(d, EV_REASONING, choice, pm_json_body(inner));
    if (inner.type != PM_JARR)
        return;
    it = pm_json_iter(inner);
    while (pm_json_item(&it, &part))
        emit_text(d, EV_REASONING, choice,
                  part.type == PM_JOBJ ? pm_json_body(pm_json_get(part, "text"))
                                       : pm_json_body(part));
}

static void read_content(struct decoder *d, uint32_t choice, struct pm_jval content)
{
    struct pm_jiter it = pm_json_iter(content);
    struct pm_jval part;

    if (content.type == PM_JSTR) {
        emit_text(d, EV_TEXT, choice, pm_json_body(content));
        return;
    }
    d->verbatim &= content.type == PM_JNULL || content.type == PM_JNONE;
    while (content.type == PM_JARR && pm_json_item(&it, &part))
        read_part(d, choice, part, EV_TEXT);
}

/* Both forms at once say the same thing twice. */
static void read_reasoning(struct decoder *d, uint32_t choice, const struct parts *p)
{
    const struct pm_str own = pm_json_body(p->reasoning);
    const struct pm_str other = pm_json_body(p->reasoning_content);
    struct pm_jiter it = pm_json_iter(p->reasoning_details);
    struct pm_jval item;

    emit_text(d, EV_REASONING, choice, own.n ? own : other);
    d->verbatim &= other.n == 0;
    if (p->reasoning_details.type == PM_JNONE)
        return;
    d->verbatim &= p->reasoning_details.type == PM_JARR;
    while (p->reasoning_details.type == PM_JARR && pm_json_item(&it, &item)) {
        if (item.type == PM_JOBJ)
            emit_text(d, EV_REASONING_DETAIL, choice, item.raw);
    }
}

static void read_media(struct decoder *d, uint32_t choice, const char *name, struct pm_jval v,
                       enum pm_jtype type)
{
    struct event *e;

    if (v.type == PM_JNONE)
        return;
    if (v.type != type) {
        d->verbatim = false;
        return;
    }
    if (v.raw.n <= 2) /* [] or {} */
        return;
    e = decoder_emit(d, EV_MEDIA, choice);
    e->name = pm_str(name);
    e->text = v.raw;
}

/* Arguments as the JSON string body that they should have been. */
static struct pm_str args_of(struct decoder *d, struct pm_jval v)
{
    struct pm_buf b;
    struct pm_str s = PM_NSTR;

    if (v.type == PM_JSTR)
        return pm_json_body(v);
    if (v.type != PM_JOBJ && v.type != PM_JARR)
        return s;
    d->verbatim = false;
    pm_buf_init(&b, CODEC_MAX_EVENT);
    if (pm_json_quote(&b, v.raw)) {
        char *p = pm_arena_try(&d->scratch, b.n);

        if (p) {
            memcpy(p, b.p + 1, b.n - 2);
            s = pm_str_n(p, b.n - 2);
        }
    }
    d->too_much |= s.n == 0;
    pm_buf_fini(&b);
    return s;
}

struct tool_members {
    struct pm_jval index, id, type, name, args;
    bool other; /* `function` is not what it should be */
};

static void read_tool_members(struct pm_jval entry, struct tool_members *m)
{
    struct pm_jiter it = pm_json_iter(entry);
    struct pm_jval val;
    struct pm_str key;

    if (entry.type != PM_JOBJ)
        return;
    while (pm_json_member(&it, &key, &val)) {
        if (pm_str_is(key, "index"))
            m->index = val;
        else if (pm_str_is(key, "id"))
            m->id = val;
        else if (pm_str_is(key, "type"))
            m->type = val;
        else if (pm_str_is(key, "name"))
            m->name = val;
        else if (pm_str_is(key, "arguments") || pm_str_is(key, "input"))
            m->args = val;
        else if (pm_str_is(key, "function") || pm_str_is(key, "custom")) {
            m->other |= val.type != PM_JOBJ;
            read_tool_members(val, m);
        }
    }
}

/* The first piece of a call has all of it, later ones only index and arguments. */
static bool tool_is_verbatim(const struct decoder *d, const struct tool_call *c,
                             const struct tool_members *m, bool begins)
{
    int64_t index;

    if (m->other || (m->type.type != PM_JNONE && !pm_str_is(m->type.raw, "\"function\"") &&
                     !pm_str_is(m->type.raw, "\"custom\"")))
        return false;
    if (!d->whole && (!pm_json_i64(m->index, &index) || index != c->number))
        return false;
    if (!begins)
        return m->id.type == PM_JNONE && m->name.type == PM_JNONE &&
               (m->args.type == PM_JSTR || m->args.type == PM_JNONE);
    return m->type.type == PM_JSTR && m->args.type == PM_JSTR && c->held.n == 0 &&
           pm_str_is(pm_json_body(m->id), c->id);
}

static void emit_tool(struct decoder *d, enum event_kind kind, uint32_t choice,
                      const struct tool_call *c, struct pm_str text)
{
    struct event *e;

    if (kind == EV_TOOL_ARGS && text.n == 0)
        return;
    e = decoder_emit(d, kind, choice);
    e->tool = c->number;
    e->text = text;
    if (kind == EV_TOOL_START) {
        e->id = pm_str(c->id);
        e->name = pm_str(c->name);
    }
}

static bool read_tool(struct decoder *d, uint32_t choice, struct pm_jval entry, int64_t position)
{
    struct tool_calls *calls = &d->choices[choice].tools;
    struct tool_members m = {0};
    struct tool_delta delta = {.index = -1};
    struct tool_call *c;
    bool begins;

    read_tool_members(entry, &m);
    if (position >= 0)
        delta.index = position;
    else if (!pm_json_i64(m.index, &delta.index) || delta.index < 0)
        delta.index = -1;
    delta.id = pm_json_body(m.id);
    delta.name = pm_json_body(m.name);
    delta.args = args_of(d, m.args);
    c = tool_calls_find(calls, &delta);
    if (!c || !tool_call_take(calls, c, &delta, d->id, &begins))
        return decoder_fail(d, FAIL_PROTOCOL, "too many or too large tool calls");
    d->verbatim &= c->started && tool_is_verbatim(d, c, &m, begins);
    if (begins) {
        emit_tool(d, EV_TOOL_START, choice, c, PM_NSTR);
        emit_tool(d, EV_TOOL_ARGS, choice, c, pm_buf_view(&c->held));
    }
    if (c->started)
        emit_tool(d, EV_TOOL_ARGS, choice, c, delta.args);
    return true;
}

static bool read_tools(struct decoder *d, uint32_t choice, const struct parts *p)
{
    struct pm_jiter it = pm_json_iter(p->tool_calls);
    struct pm_jval entry;
    int64_t position = 0;

    if (p->function_call.type == PM_JOBJ &&
        !read_tool(d, choice, p->function_call, d->whole ? 0 : -1))
        return false;
    if (p->tool_calls.type == PM_JNONE)
        return true;
    d->verbatim &= p->tool_calls.type == PM_JARR;
    while (p->tool_calls.type == PM_JARR && pm_json_item(&it, &entry)) {
        if (!read_tool(d, choice, entry, d->whole ? position++ : -1))
            return false;
    }
    return true;
}

/* A call without arguments has none, which is said as {}. */
static void complete_tools(struct decoder *d, uint32_t choice)
{
    struct tool_calls *calls = &d->choices[choice].tools;

    for (size_t i = 0; i < calls->n; i++) {
        struct tool_call *c = &calls->v[i];

        if (c->started && !c->has_args) {
            c->has_args = true;
            d->verbatim = false;
            emit_tool(d, EV_TOOL_ARGS, choice, c, PM_STR("{}"));
        }
    }
}

static void read_finish(struct decoder *d, uint32_t choice, const struct parts *p, bool content)
{
    struct choice_state *c = &d->choices[choice];
    const struct pm_str word = pm_json_body(p->finish);
    enum finish finish;
    struct event *e;

    d->verbatim &= word.n > 0 || (p->finish.type == PM_JNULL && !d->whole);
    /* A whole answer has its end, said or not, if there is anything in it. */
    if (word.n == 0 && !(d->whole && content))
        return;
    if (c->finished) {
        d->verbatim = false;
        return;
    }
    finish = finish_of(word);
    if (finish == FINISH_ERROR) {
        d->gave_up = true;
        return;
    }
    complete_tools(d, choice);
    c->finished = true;
    e = decoder_emit(d, EV_FINISH, choice);
    e->finish = finish == FINISH_STOP && c->tools.n_started > 0 ? FINISH_TOOL_CALLS : finish;
    e->native = word;
}

static struct choice_state *state_of(struct decoder *d, uint32_t index)
{
    if (index >= d->n_choices) {
        d->choices = pm_xrealloc(d->choices, (index + 1) * sizeof(*d->choices));
        memset(d->choices + d->n_choices, 0, (index + 1 - d->n_choices) * sizeof(*d->choices));
        d->n_choices = index + 1;
    }
    return &d->choices[index];
}

/* True if the choice has anything to say, which begins it. */
static bool begin(struct decoder *d, uint32_t index, const struct parts *p)
{
    struct choice_state *c = state_of(d, index);
    const bool has_role = p->role.type != PM_JNONE;

    if (d->op == PM_OP_COMPLETION) {
        d->verbatim &= p->content.type == PM_JSTR;
        if (!c->begun)
            decoder_emit(d, EV_CHOICE, index);
        c->begun = true;
        return true;
    }
    if (!p->has_delta) {
        d->verbatim = false;
        return p->finish.type == PM_JSTR;
    }
    if (c->begun) {
        d->verbatim &= !has_role;
        return true;
    }
    d->verbatim &= pm_str_is(p->role.raw, "\"assistant\"");
    decoder_emit(d, EV_CHOICE, index);
    c->begun = true;
    return true;
}

static bool read_content_of(struct decoder *d, uint32_t choice, const struct parts *p)
{
    read_reasoning(d, choice, p);
    read_content(d, choice, p->content);
    if (p->refusal.type == PM_JSTR)
        emit_text(d, EV_REFUSAL, choice, pm_json_body(p->refusal));
    if (!read_tools(d, choice, p))
        return false;
    read_media(d, choice, "audio", p->audio, PM_JOBJ);
    read_media(d, choice, "images", p->images, PM_JARR);
    read_media(d, choice, "annotations", p->annotations, PM_JARR);
    if (p->logprobs.type == PM_JOBJ)
        read_media(d, choice, "logprobs", p->logprobs, PM_JOBJ);
    return true;
}

bool decoder_read_choice(struct decoder *d, struct pm_jiter *it, uint32_t position)
{
    struct parts p = {0};
    int64_t index = position;
    size_t before;

    if (pm_json_type(it) != PM_JOBJ)
        return decoder_fail(d, FAIL_PROTOCOL, "an element of choices is no object");
    read_choice_members(it, &p);
    if (!pm_json_i64(p.index, &index))
        d->verbatim = false;
    if (index < 0 || index >= MAX_CHOICES)
        return decoder_fail(d, FAIL_PROTOCOL, "a choice has an index that cannot be");
    if (p.error.type == PM_JOBJ)
        d->choice_error = p.error;
    if (p.usage.type == PM_JOBJ)
        d->usage_is_new |= usage_read(d->dialect, p.usage, &d->usage);
    d->verbatim &= p.usage.type == PM_JNONE;
    if (p.error.type == PM_JOBJ || !begin(d, (uint32_t)index, &p))
        return true;
    before = d->n_events;
    if (!read_content_of(d, (uint32_t)index, &p))
        return false;
    read_finish(d, (uint32_t)index, &p, d->n_events > before);
    return true;
}
