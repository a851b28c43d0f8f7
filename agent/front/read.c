/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/front/front.h"

#include "agent/front/content.h"
#include "agent/front/members.h"

#define BYTES_PER_TOKEN 4
#define MAX_MODEL_BYTES 256 /* of one id: it is repeated in errors and records */
#define MAX_SESSION_BYTES 256
#define MAX_FALLBACKS 3 /* `models` */
#define FIRST_MEMBERS 16

struct reader {
    struct front_request *out;
    const struct front_headers *headers;
    struct pm_arena *arena;
    struct pm_error *err;
    struct pm_jval val[MEMBER_COUNT]; /* PM_JNONE: absent or null */
    struct front_content content;
};

static bool bad(struct reader *r, const char *text)
{
    return pm_fail(r->err, PM_EINVAL, "%s", text);
}

/* A string's text, unescaped where it has escapes. False: longer than max, or the arena is full. */
static bool text_of(struct reader *r, struct pm_jval v, size_t max, struct pm_str *out)
{
    struct pm_buf b;
    char *copy;

    *out = pm_json_body(v);
    if (pm_str_find(*out, '\\') < 0)
        return out->n <= max;
    pm_buf_init(&b, max);
    copy = pm_json_text(v, &b, out) ? pm_arena_try(r->arena, out->n + 1) : NULL;
    if (copy) {
        memcpy(copy, out->p, out->n);
        out->p = copy;
    }
    pm_buf_fini(&b);
    return copy != NULL;
}

/* Room for one more member; what it held before stays in the arena. */
static bool grow_members(struct reader *r, size_t *cap)
{
    struct front_request *out = r->out;
    const size_t want = *cap ? *cap * 2 : FIRST_MEMBERS;
    struct body_member *more = pm_arena_try(r->arena, want * sizeof(*more));

    if (!more)
        return pm_fail(r->err, PM_ELIMIT, "the request has too many members");
    if (out->n_members)
        memcpy(more, out->members, out->n_members * sizeof(*more));
    out->members = more;
    *cap = want;
    return true;
}

/* What a provider could read in another way than we do is refused: a name that is there twice, or
 * that is not what it looks like. */
static bool take_member(struct reader *r, const struct body_member *member, bool seen[MEMBER_COUNT])
{
    const enum front_member m = front_member_find(member->key);
    const struct front_member_row *row;

    if (pm_str_find(member->key, '\\') >= 0)
        return bad(r, "the names of top-level members must not have escapes in them");
    if (m == MEMBER_COUNT)
        return true;
    row = front_member_row(m);
    if (seen[m])
        return pm_fail(r->err, PM_EINVAL, "%s: is there twice", row->name.p);
    seen[m] = true;
    if (member->val.type == PM_JNULL)
        return true;
    if (!(row->types & 1u << member->val.type))
        return front_member_misfit(row->name.p, row->types, r->err);
    r->val[m] = member->val;
    if (row->param < PM_P_COUNT)
        r->out->call.params |= PM_PBIT(row->param);
    return true;
}

static enum front_member content_member(enum pm_operation op)
{
    static const enum front_member members[] = {
        [PM_OP_CHAT] = MEMBER_MESSAGES,
        [PM_OP_COMPLETION] = MEMBER_PROMPT,
        [PM_OP_EMBEDDING] = MEMBER_INPUT,
    };

    return members[op];
}

/* The value `it` is at. What the model is asked is read on the way: it is most of a large body,
 * and this way the walk goes over it only once. */
static bool take_value(struct reader *r, struct pm_str key, struct pm_jiter *it,
                       struct pm_jval *val)
{
    const enum front_member m = content_member(r->out->call.op);
    const struct pm_str name = front_member_row(m)->name;

    if (!pm_str_eq(key, name) || pm_json_type(it) == PM_JNULL) {
        *val = pm_json_take(it);
        return true;
    }
    if (m == MEMBER_MESSAGES)
        return front_read_messages(it, val, &r->content, r->err);
    return front_read_input(name.p, it, val, &r->content, r->err);
}

static bool take_members(struct reader *r)
{
    struct front_request *out = r->out;
    struct pm_jiter it = pm_json_iter(out->root);
    struct body_member member;
    bool seen[MEMBER_COUNT] = {false};
    size_t cap = 0;

    while (pm_json_name(&it, &member.key)) {
        if (!take_value(r, member.key, &it, &member.val))
            return false;
        if (out->n_members == cap && !grow_members(r, &cap))
            return false;
        out->members[out->n_members++] = member;
        if (!take_member(r, &member, seen))
            return false;
    }
    return true;
}

static bool add_model(struct reader *r, struct pm_jval v, const char *where)
{
    struct pm_call *call = &r->out->call;
    struct pm_str id;

    if (v.type != PM_JSTR)
        return pm_fail(r->err, PM_EINVAL, "%s: must be a string", where);
    if (!text_of(r, v, MAX_MODEL_BYTES, &id) || id.n == 0)
        return pm_fail(r->err, PM_EINVAL, "%s: must have 1 to %d bytes", where, MAX_MODEL_BYTES);
    call->models[call->n_models++] = id;
    return true;
}

static bool read_models(struct reader *r)
{
    struct pm_jiter it = pm_json_iter(r->val[MEMBER_MODELS]);
    struct pm_call *call = &r->out->call;
    struct pm_jval v;
    size_t n = 0;

    if (r->val[MEMBER_MODEL].type && !add_model(r, r->val[MEMBER_MODEL], "model"))
        return false;
    while (pm_json_item(&it, &v)) {
        if (n++ == MAX_FALLBACKS)
            return bad(r, "'models' array must have 3 items or fewer.");
        if (!add_model(r, v, "models"))
            return false;
    }
    call->preset = PM_NSTR;
    if (r->val[MEMBER_PRESET].type &&
        (!text_of(r, r->val[MEMBER_PRESET], MAX_MODEL_BYTES, &call->preset) || !call->preset.n))
        return pm_fail(r->err, PM_EINVAL, "preset: must have 1 to %d bytes", MAX_MODEL_BYTES);
    if (call->n_models == 0 && !call->preset.n)
        return bad(r, "model: missing");
    return true;
}

/* The words a string member may have; -1 if it has another, `absent` if it is not there. */
static int word_of(struct reader *r, enum front_member m, const char *const *words, int absent)
{
    const struct pm_str body = pm_json_body(r->val[m]);

    if (!r->val[m].type)
        return absent;
    for (int i = 0; words[i]; i++) {
        if (pm_str_is(body, words[i]))
            return i;
    }
    return -1;
}

static bool read_tier(struct reader *r)
{
    static const char *const words[] = {"auto", "default",  "standard", "scale",
                                        "flex", "priority", "fast",     NULL};
    static const enum pm_tier tiers[] = {PM_TIER_DEFAULT, PM_TIER_DEFAULT, PM_TIER_DEFAULT,
                                         PM_TIER_DEFAULT, PM_TIER_FLEX,    PM_TIER_PRIORITY,
                                         PM_TIER_PRIORITY};
    const int word = word_of(r, MEMBER_SERVICE_TIER, words, 0);

    if (word < 0)
        return bad(r, "service_tier: must be one of auto, default, flex, priority, fast, scale");
    r->out->call.tier = tiers[word];
    r->out->call.tier_set = word > 0;
    return true;
}

static bool read_max_tokens(struct reader *r)
{
    static const enum front_member members[] = {MEMBER_MAX_TOKENS, MEMBER_MAX_COMPLETION_TOKENS};

    /* The later row wins where both are given. */
    for (size_t i = 0; i < PM_COUNT(members); i++) {
        const struct pm_jval v = r->val[members[i]];

        if (v.type && (!pm_json_i64(v, &r->out->call.max_tokens) || r->out->call.max_tokens < 1))
            return pm_fail(r->err, PM_EINVAL, "%s: must be an integer of at least 1",
                           front_member_row(members[i])->name.p);
    }
    return true;
}

static bool is_true(struct pm_jval v)
{
    return v.type == PM_JTRUE;
}

static bool good_effort(struct pm_str word)
{
    static const char *const efforts[] = {"none", "minimal", "low", "medium",
                                          "high", "xhigh",   "max"};

    for (size_t i = 0; i < PM_COUNT(efforts); i++) {
        if (pm_str_is(word, efforts[i]))
            return true;
    }
    return false;
}

static bool read_effort(struct reader *r, const char *where, struct pm_jval v)
{
    if (v.type == PM_JNONE || v.type == PM_JNULL)
        return true;
    if (v.type != PM_JSTR || !good_effort(pm_json_body(v)))
        return pm_fail(r->err, PM_EINVAL,
                       "%s: must be one of none, minimal, low, medium, high, xhigh, max", where);
    if (!pm_str_is(pm_json_body(v), "none"))
        r->out->call.needs_reasoning = true;
    return true;
}

static bool read_reasoning(struct reader *r)
{
    const struct pm_jval object = r->val[MEMBER_REASONING];
    const struct pm_jval include = r->val[MEMBER_INCLUDE_REASONING];
    struct pm_jiter it = pm_json_iter(object);
    struct pm_jval effort = {PM_JNONE, PM_NSTR}, budget = effort, val;
    struct pm_str key;
    int64_t n;

    while (pm_json_member(&it, &key, &val)) {
        const bool flag = pm_str_is(key, "exclude") || pm_str_is(key, "enabled");

        if (val.type == PM_JNULL)
            continue;
        if (flag && val.type != PM_JTRUE && val.type != PM_JFALSE)
            return pm_fail(r->err, PM_EINVAL, "reasoning.%.*s: must be true or false", PM_FMT(key));
        if (pm_str_is(key, "effort"))
            effort = val;
        else if (pm_str_is(key, "max_tokens"))
            budget = val;
        else if (pm_str_is(key, "exclude"))
            r->out->exclude_reasoning = is_true(val);
        else if (pm_str_is(key, "enabled"))
            r->out->call.needs_reasoning |= is_true(val);
    }
    if (effort.type && budget.type)
        return bad(r, "Only one of \"reasoning.effort\" and \"reasoning.max_tokens\" may be given");
    if (budget.type && (!pm_json_i64(budget, &n) || n < 0))
        return bad(r, "reasoning.max_tokens: must be an integer of at least 0");
    if (budget.type && n > 0)
        r->out->call.needs_reasoning = true;
    if (include.type == PM_JFALSE)
        r->out->exclude_reasoning = true;
    return read_effort(r, "reasoning.effort", effort) &&
           read_effort(r, "reasoning_effort", r->val[MEMBER_REASONING_EFFORT]);
}

static bool read_tools(struct reader *r)
{
    struct pm_call *call = &r->out->call;
    struct pm_jiter it = pm_json_iter(r->val[MEMBER_TOOLS]);
    const struct pm_jval choice = r->val[MEMBER_TOOL_CHOICE];
    struct pm_jval tool;
    size_t n = 0;

    for (; pm_json_item(&it, &tool); n++) {
        const struct pm_jval type = pm_json_get(tool, "type");

        if (tool.type != PM_JOBJ)
            return pm_fail(r->err, PM_EINVAL, "tools[%zu]: must be an object", n);
        if (type.type != PM_JSTR)
            return pm_fail(r->err, PM_EINVAL, "tools[%zu].type: must be a string", n);
        if (pm_str_starts(pm_json_body(type), PM_STR("openrouter:")))
            return pm_fail(r->err, PM_EINVAL,
                           "tools[%zu].type: server tools are not supported by this router", n);
        if (pm_str_is(pm_json_body(type), "function") &&
            pm_json_get(pm_json_get(tool, "function"), "name").type != PM_JSTR)
            return pm_fail(r->err, PM_EINVAL, "tools[%zu].function.name: must be a string", n);
    }
    if (n == 0)
        call->params &= ~PM_PBIT(PM_P_TOOLS);
    call->needs_tools = n > 0 || r->val[MEMBER_FUNCTIONS].raw.n > 2;
    /* Any endpoint that takes tools can choose by itself, or be told to take none. */
    call->needs_tool_choice = choice.type && !pm_str_is(pm_json_body(choice), "auto") &&
                              !pm_str_is(pm_json_body(choice), "none");
    return true;
}

static bool read_plugins(struct reader *r)
{
    struct pm_jiter it = pm_json_iter(r->val[MEMBER_PLUGINS]);
    struct pm_jval plugin;

    for (size_t i = 0; pm_json_item(&it, &plugin); i++) {
        if (plugin.type != PM_JOBJ)
            return pm_fail(r->err, PM_EINVAL, "plugins[%zu]: must be an object", i);
        if (pm_json_get(plugin, "enabled").type != PM_JFALSE)
            return pm_fail(r->err, PM_EINVAL,
                           "plugins[%zu]: plugins are not supported by this router", i);
    }
    return true;
}

static bool read_format(struct reader *r)
{
    const struct pm_jval type = pm_json_get(r->val[MEMBER_RESPONSE_FORMAT], "type");
    struct pm_call *call = &r->out->call;

    if (!r->val[MEMBER_RESPONSE_FORMAT].type)
        return true;
    if (type.type != PM_JSTR)
        return bad(r, "response_format.type: must be a string");
    call->needs_json_schema = pm_str_is(pm_json_body(type), "json_schema");
    call->needs_response_format = !pm_str_is(pm_json_body(type), "text");
    return true;
}

static bool read_modalities(struct reader *r)
{
    static const struct {
        const char *name;
        uint32_t bit;
    } words[] = {{"text", PM_MOD_TEXT}, {"image", PM_MOD_IMAGE}, {"audio", PM_MOD_AUDIO}};
    struct pm_jiter it = pm_json_iter(r->val[MEMBER_MODALITIES]);
    struct pm_call *call = &r->out->call;
    struct pm_jval v;

    while (pm_json_item(&it, &v)) {
        uint32_t bit = 0;

        for (size_t i = 0; i < PM_COUNT(words); i++) {
            if (pm_str_is(pm_json_body(v), words[i].name))
                bit = words[i].bit;
        }
        if (!bit)
            return bad(r, "modalities: must be a list of text, image and audio");
        call->out_modalities |= bit;
    }
    if (!call->out_modalities)
        call->out_modalities = call->op == PM_OP_EMBEDDING ? PM_MOD_EMBEDDING : PM_MOD_TEXT;
    return true;
}

static bool read_session(struct reader *r)
{
    struct pm_call *call = &r->out->call;
    struct pm_str header = r->headers ? r->headers->session_id : PM_NSTR;

    call->session = PM_NSTR;
    if (r->val[MEMBER_SESSION_ID].type) {
        if (!text_of(r, r->val[MEMBER_SESSION_ID], MAX_SESSION_BYTES, &call->session))
            return pm_fail(r->err, PM_EINVAL, "session_id: must have at most %d bytes",
                           MAX_SESSION_BYTES);
    } else if (header.n > MAX_SESSION_BYTES) {
        return pm_fail(r->err, PM_EINVAL, "x-session-id: must have at most %d bytes",
                       MAX_SESSION_BYTES);
    } else {
        call->session = header;
    }
    call->session_explicit = call->session.n > 0;
    if (!call->session_explicit) /* too long a cache key is only not used to stick by */
        text_of(r, r->val[MEMBER_PROMPT_CACHE_KEY], MAX_SESSION_BYTES, &call->session);
    if (call->session.n == 0 || call->session.n > MAX_SESSION_BYTES)
        call->session = PM_NSTR;
    return true;
}

static bool read_size(struct reader *r)
{
    const enum front_member m = content_member(r->out->call.op);
    struct pm_call *call = &r->out->call;
    struct front_content *c = &r->content;

    if (!r->val[m].type)
        return pm_fail(r->err, PM_EINVAL, "%s: missing", front_member_row(m)->name.p);
    c->text_bytes += (int64_t)(r->val[MEMBER_TOOLS].raw.n + r->val[MEMBER_FUNCTIONS].raw.n +
                               r->val[MEMBER_RESPONSE_FORMAT].raw.n);
    call->prompt_tokens = (c->text_bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN + c->media_tokens;
    call->images = c->images;
    call->in_modalities = c->modalities;
    call->conversation = c->conversation;
    return true;
}

static bool read_flags(struct reader *r)
{
    static const char *const formats[] = {"float", "base64", NULL};
    struct front_request *out = r->out;
    const int format = word_of(r, MEMBER_ENCODING_FORMAT, formats, 0);

    out->call.stream = is_true(r->val[MEMBER_STREAM]);
    if (out->call.stream && out->call.op == PM_OP_EMBEDDING)
        return bad(r, "stream: embeddings do not stream");
    if (format < 0)
        return bad(r, "encoding_format: must be float or base64");
    out->base64_embeddings = format == 1;
    out->user = PM_NSTR;
    if (r->val[MEMBER_USER].type && !text_of(r, r->val[MEMBER_USER], MAX_SESSION_BYTES, &out->user))
        return pm_fail(r->err, PM_EINVAL, "user: must have at most %d bytes", MAX_SESSION_BYTES);
    return true;
}

static bool read_headers(struct reader *r)
{
    const struct front_headers *h = r->headers;

    if (h) {
        r->out->metadata = pm_str_ieq(h->metadata, PM_STR("enabled"));
        r->out->referer = h->referer;
        r->out->title = h->title;
    }
    return true;
}

static bool read_prefs(struct reader *r)
{
    struct pm_call *call = &r->out->call;

    call->prefs = PM_PREFS_NONE;
    return !r->val[MEMBER_PROVIDER].type ||
           pm_prefs_from_json(r->val[MEMBER_PROVIDER], r->arena, &call->prefs, r->err);
}

bool front_read(enum pm_operation op, struct pm_str body, const struct front_headers *h,
                struct pm_arena *a, struct front_request *out, struct pm_error *err)
{
    static bool (*const steps[])(struct reader *) = {
        take_members,   read_models,     read_flags,   read_headers, read_prefs,
        read_tier,      read_tools,      read_plugins, read_format,  read_modalities,
        read_reasoning, read_max_tokens, read_session, read_size,
    };
    struct reader r = {.out = out, .headers = h, .arena = a, .err = err};

    *out = (struct front_request){.body = body, .call.op = op};
    if (!pm_json_check(body, PM_JLIMITS_DEFAULT, &out->root, err))
        return false;
    if (out->root.type != PM_JOBJ)
        return pm_fail(err, PM_EINVAL, "the body must be a JSON object");
    for (size_t i = 0; i < PM_COUNT(steps); i++) {
        if (!steps[i](&r))
            return false;
    }
    return true;
}
