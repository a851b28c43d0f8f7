/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a client's request for a provider, as changes to the client's own bytes: what stays is
 * never printed again, since that would change digits and escapes. */
#include "agent/provider/openai_request.h"

#include "agent/provider/openai.h"

#define INCLUDE_USAGE "\"include_usage\":true"

static bool has(const struct request_writer *w, enum member m)
{
    return w->got[m].type != PM_JNONE;
}

/* ---- what the request says, with what the preset adds to it ---- */

static void read_members(struct request_writer *w)
{
    for (size_t i = 0; i < w->in->n_members; i++) {
        const enum member id = request_member(w->in->members[i].key)->id;

        if (id != M_PLAIN)
            w->got[id] = w->in->members[i].val;
    }
}

static bool body_has(const struct request_in *in, struct pm_str key)
{
    for (size_t i = 0; i < in->n_members; i++) {
        if (pm_str_eq(in->members[i].key, key))
            return true;
    }
    return false;
}

/* Whether the body itself says what this member of the preset would. */
static bool is_said(const struct request_writer *w, struct pm_str key)
{
    switch (request_member(key)->id) {
    case M_MODEL:
    case M_MESSAGES:
    case M_STREAM:
    case M_STREAM_OPTIONS:
    case M_USER:
    case M_PROVIDER:
        return true; /* never a preset's to say */
    case M_MAX_TOKENS:
    case M_MAX_COMPLETION_TOKENS:
        return body_has(w->in, PM_STR("max_tokens")) ||
               body_has(w->in, PM_STR("max_completion_tokens"));
    case M_REASONING:
    case M_REASONING_EFFORT:
        return body_has(w->in, PM_STR("reasoning")) || body_has(w->in, PM_STR("reasoning_effort"));
    default:
        return pm_str_find(key, '\\') >= 0 || body_has(w->in, key);
    }
}

static void read_preset(struct request_writer *w)
{
    const struct pm_preset *preset = w->in->preset;
    struct pm_jval root, val;
    struct pm_jiter it;
    struct pm_str key;

    if (!preset || preset->body.n == 0 || !pm_json_ok(preset->body, &root) || root.type != PM_JOBJ)
        return;
    w->preset = root;
    it = pm_json_iter(root);
    while (pm_json_member(&it, &key, &val)) {
        const enum member id = request_member(key)->id;

        if (id != M_PLAIN && !is_said(w, key))
            w->got[id] = val;
    }
}

/* ---- what follows from it ---- */

static const struct model_rule *rule_of(const struct dialect *d, const struct pm_endpoint *e)
{
    const struct model_rule *rule = dialect_rule(d, e->upstream_model);
    ptrdiff_t slash;

    if (rule->match || !e->model)
        return rule;
    /* A deployment may have any name; the model has its own. */
    slash = pm_str_find(e->model->id, '/');
    return dialect_rule(d, pm_str_cut(e->model->id, (size_t)(slash + 1), e->model->id.n));
}

static bool lacks(const struct request_writer *w, enum pm_param param)
{
    const uint64_t params = w->in->endpoint->params;

    return w->in->drop_unsupported && params != 0 && param != PM_P_COUNT &&
           !(params & PM_PBIT(param));
}

static void decide_thinking(struct request_writer *w)
{
    const bool mute = lacks(w, PM_P_REASONING) && lacks(w, PM_P_REASONING_EFFORT);

    w->reasoning =
        w->rule->reasoning != REASONING_UNSAID ? w->rule->reasoning : w->dialect->reasoning;
    w->history = w->rule->history != HISTORY_DROP ? w->rule->history : w->dialect->history;
    if (mute || (w->in->call->op != PM_OP_CHAT && !w->dialect->passes_openrouter_fields))
        w->reasoning = REASONING_DROP;
    w->thinking =
        thinking_read(w->got[M_REASONING], w->got[M_REASONING_EFFORT], w->got[M_INCLUDE_REASONING]);
}

static void decide(struct request_writer *w)
{
    const struct request_in *in = w->in;
    struct pm_jval limit = w->got[M_MAX_COMPLETION_TOKENS];
    const int64_t most = in->endpoint->max_output;

    if (limit.type != PM_JNUM)
        limit = w->got[M_MAX_TOKENS];
    if (!pm_json_i64(limit, &w->max_tokens) || w->max_tokens < 0)
        w->max_tokens = 0;
    if (most > 0 && w->max_tokens > most)
        w->max_tokens = most;
    w->stream = in->call->op != PM_OP_EMBEDDING &&
                (in->call->stream || in->force_stream || w->rule->stream_only);
    w->no_tools = lacks(w, PM_P_TOOLS) || (!w->dialect->passes_openrouter_fields &&
                                           openai_only_server_tools(w->got[M_TOOLS]));
    decide_thinking(w);
}

/* Whether a member that needs no change goes to this provider at all. */
static bool goes(const struct request_writer *w, struct pm_str key,
                 const struct request_member *row)
{
    const struct dialect *d = w->dialect;

    if (row->group == GROUP_OWN || lacks(w, row->param))
        return false;
    if (d->passes_openrouter_fields)
        return true;
    if (dialect_lists(d->refused, key) || dialect_lists(w->rule->refused, key) ||
        (!w->thinking.off && dialect_lists(w->rule->refused_thinking, key)))
        return false;
    switch (row->group) {
    case GROUP_COMMON:
        return true;
    case GROUP_OTHER:
        return !d->strict || dialect_lists(d->allowed, key);
    default:
        return dialect_lists(d->allowed, key);
    }
}

/* ---- single members ---- */

static struct pm_str digits(struct request_writer *w, int64_t n)
{
    char text[24];
    const int len = snprintf(text, sizeof(text), "%lld", (long long)n);

    return EDITS_JOIN(&w->edits, pm_str_n(text, (size_t)len));
}

/* What the answer's limit is called; the client's own name for it where both are known. */
static struct pm_str limit_name(const struct request_writer *w)
{
    enum dialect_max field =
        w->rule->max_field != MAX_BOTH ? w->rule->max_field : w->dialect->max_field;

    if (w->in->call->op == PM_OP_COMPLETION)
        field = MAX_TOKENS;
    if (field == MAX_BOTH)
        field =
            w->got[M_MAX_COMPLETION_TOKENS].type == PM_JNUM ? MAX_COMPLETION_TOKENS : MAX_TOKENS;
    return field == MAX_TOKENS ? PM_STR("max_tokens") : PM_STR("max_completion_tokens");
}

static struct pm_jval limit_value(const struct request_writer *w)
{
    const struct pm_jval v = w->got[M_MAX_COMPLETION_TOKENS];

    return v.type == PM_JNUM ? v : w->got[M_MAX_TOKENS];
}

/* The value as it stands, unless it is above what the endpoint gives. */
static struct pm_str limit_text(struct request_writer *w)
{
    const struct pm_jval v = limit_value(w);
    int64_t n;

    return pm_json_i64(v, &n) && n > 0 && n != w->max_tokens ? digits(w, w->max_tokens) : v.raw;
}

static void edit_limit(struct request_writer *w, struct edit_walk *root, struct pm_str key,
                       struct pm_jval val)
{
    const struct pm_str name = limit_name(w), text = limit_text(w);

    if (val.raw.p != limit_value(w).raw.p || val.type != PM_JNUM) {
        edit_cut(root, edit_member(key, val));
        return;
    }
    edit_keep(root, edit_member(key, val));
    if (!pm_str_eq(key, name))
        edits_replace(&w->edits, key, name);
    if (text.p != val.raw.p)
        edits_replace(&w->edits, val.raw, text);
}

/* stream_options with include_usage; what else is in it stays. */
static struct pm_str stream_options(struct request_writer *w)
{
    const struct pm_jval options = w->got[M_STREAM_OPTIONS];
    struct pm_jiter it = pm_json_iter(options);
    struct pm_str all = PM_STR("{" INCLUDE_USAGE), key;
    struct pm_jval val;

    while (options.type == PM_JOBJ && pm_json_member(&it, &key, &val)) {
        if (!pm_str_is(key, "include_usage"))
            all = EDITS_JOIN(&w->edits, all, PM_STR(","), edit_member(key, val));
    }
    return EDITS_JOIN(&w->edits, all, PM_STR("}"));
}

static bool wants_stream_options(const struct request_writer *w)
{
    return w->stream && w->dialect->stream_usage == USAGE_BY_OPTION;
}

/* Which tier goes out: what the endpoint serves and bills, not what was hoped for. */
static struct pm_str tier_text(const struct request_writer *w)
{
    const struct pm_jval v = w->got[M_SERVICE_TIER];

    if (w->in->endpoint->tier == PM_TIER_FLEX)
        return PM_STR("\"flex\"");
    if (w->in->endpoint->tier == PM_TIER_PRIORITY)
        return PM_STR("\"priority\"");
    if (pm_str_is(pm_json_body(v), "flex") || pm_str_is(pm_json_body(v), "priority") ||
        pm_str_is(pm_json_body(v), "fast"))
        return PM_NSTR;
    return v.raw;
}

/* A schema for an endpoint that knows JSON only without one. */
static bool wants_plain_json(const struct request_writer *w, struct pm_jval format)
{
    return format.type == PM_JOBJ && lacks(w, PM_P_STRUCTURED_OUTPUTS) &&
           !lacks(w, PM_P_RESPONSE_FORMAT) &&
           pm_str_is(pm_json_body(pm_json_get(format, "type")), "json_schema");
}

/* The value as it goes out; PM_NSTR: it does not. Of members that only change as a whole. */
static struct pm_str value_of(struct request_writer *w, struct pm_str key, struct pm_jval val,
                              const struct request_member *row)
{
    if (row->id == M_SERVICE_TIER)
        return goes(w, key, row) ? tier_text(w) : PM_NSTR;
    if (row->id == M_RESPONSE_FORMAT && lacks(w, row->param))
        return lacks(w, PM_P_STRUCTURED_OUTPUTS) ? PM_NSTR : val.raw;
    if (row->id == M_NATIVE_REASONING && w->reasoning == REASONING_DROP && lacks(w, PM_P_REASONING))
        return PM_NSTR;
    if (!goes(w, key, row))
        return PM_NSTR;
    if (row->id == M_RESPONSE_FORMAT && wants_plain_json(w, val))
        return PM_STR("{\"type\":\"json_object\"}");
    if (row->id == M_TOOL_CHOICE && w->rule->required_as_auto &&
        pm_str_is(pm_json_body(val), "required"))
        return PM_STR("\"auto\"");
    if (w->no_tools &&
        (row->id == M_TOOLS || row->id == M_TOOL_CHOICE || pm_str_is(key, "parallel_tool_calls")))
        return PM_NSTR;
    return val.raw;
}

static struct pm_str name_of(const struct request_writer *w, struct pm_str key, enum member id)
{
    return id == M_SEED && w->dialect->seed_as ? pm_str(w->dialect->seed_as) : key;
}

/* Routing wishes for OpenRouter: of those that name providers ours are not its own; denials hold
 * there too, whoever said them. */
static void edit_provider(struct request_writer *w, struct pm_jval val)
{
    static const char not_its_own[] = "order only ignore allow_fallbacks";
    const struct pm_prefs *prefs = w->in->prefs;
    struct edit_walk walk = edit_walk(&w->edits, val);
    struct pm_jiter it = pm_json_iter(val);
    bool deny = prefs && prefs->deny_collection, zdr = prefs && prefs->zdr;
    struct pm_jval v;
    struct pm_str key;

    while (pm_json_member(&it, &key, &v)) {
        const bool collection = pm_str_is(key, "data_collection"), zero = pm_str_is(key, "zdr");

        deny |= collection && pm_str_is(pm_json_body(v), "deny");
        zdr |= zero && v.type == PM_JTRUE;
        if (collection || zero || dialect_lists(not_its_own, key))
            edit_cut(&walk, edit_member(key, v));
        else
            edit_keep(&walk, edit_member(key, v));
    }
    if (deny)
        edit_add(&walk, PM_STR("\"data_collection\":\"deny\""));
    if (zdr)
        edit_add(&walk, PM_STR("\"zdr\":true"));
    edit_end(&walk);
}

/* ---- the request ---- */

static void edit_coded(struct request_writer *w, struct edit_walk *root, struct pm_str key,
                       struct pm_jval val, enum member id)
{
    const struct pm_str whole = edit_member(key, val);
    const bool passes = w->dialect->passes_openrouter_fields;

    switch (id) {
    case M_MODEL:
        edit_keep(root, whole);
        edits_replace(&w->edits, val.raw, edits_quote(&w->edits, w->in->endpoint->upstream_model));
        return;
    case M_MESSAGES:
        edit_keep(root, whole);
        if (val.type == PM_JARR)
            openai_edit_messages(w, val);
        return;
    case M_STREAM:
        if ((val.type == PM_JTRUE) == w->stream)
            edit_keep(root, whole);
        else
            edit_cut(root, whole);
        return;
    case M_MAX_TOKENS:
    case M_MAX_COMPLETION_TOKENS:
        edit_limit(w, root, key, val);
        return;
    case M_REASONING:
    case M_REASONING_EFFORT:
    case M_INCLUDE_REASONING:
        if (w->reasoning == REASONING_OPENROUTER)
            edit_keep(root, whole);
        else
            edit_cut(root, whole);
        return;
    case M_PROVIDER:
        if (passes && val.type == PM_JOBJ) {
            edit_keep(root, whole);
            edit_provider(w, val);
        } else {
            edit_cut(root, whole);
        }
        return;
    default: /* stream_options and user: cut, and written anew */
        edit_cut(root, whole);
        return;
    }
}

static void edit_plain(struct request_writer *w, struct edit_walk *root, struct pm_str key,
                       struct pm_jval val, const struct request_member *row)
{
    const struct pm_str value = value_of(w, key, val, row), name = name_of(w, key, row->id);

    if (!value.p) {
        edit_cut(root, edit_member(key, val));
        return;
    }
    edit_keep(root, edit_member(key, val));
    if (!pm_str_eq(name, key))
        edits_replace(&w->edits, key, name);
    if (value.p != val.raw.p)
        edits_replace(&w->edits, val.raw, value);
    else if (row->id == M_TOOLS && val.type == PM_JARR)
        openai_edit_tools(w, val);
}

static void edit_body(struct request_writer *w, struct edit_walk *root)
{
    for (size_t i = 0; i < w->in->n_members; i++) {
        const struct body_member *m = &w->in->members[i];
        const struct request_member *row = request_member(m->key);

        /* A name with escapes is one that was meant not to be seen. */
        if (pm_str_find(m->key, '\\') >= 0)
            edit_cut(root, edit_member(m->key, m->val));
        else if (row->group == GROUP_CODED)
            edit_coded(w, root, m->key, m->val, row->id);
        else
            edit_plain(w, root, m->key, m->val, row);
    }
}

static void add_preset(struct request_writer *w, struct edit_walk *root)
{
    struct pm_jiter it = pm_json_iter(w->preset);
    struct pm_jval val;
    struct pm_str key;

    while (pm_json_member(&it, &key, &val)) {
        const struct request_member *row = request_member(key);
        struct pm_str value;

        if (row->group == GROUP_CODED || is_said(w, key))
            continue;
        value = value_of(w, key, val, row);
        if (value.p)
            edit_add_member(root, name_of(w, key, row->id), value);
    }
}

/* Members of its own sort that the preset brings. */
static void add_coded_preset(struct request_writer *w, struct edit_walk *root)
{
    static const enum member passed[] = {M_REASONING, M_REASONING_EFFORT, M_INCLUDE_REASONING};
    struct pm_jiter it = pm_json_iter(w->preset);
    struct pm_jval val;
    struct pm_str key;

    if (w->max_tokens > 0 && !is_said(w, PM_STR("max_tokens")))
        edit_add_member(root, limit_name(w), digits(w, w->max_tokens));
    while (w->reasoning == REASONING_OPENROUTER && pm_json_member(&it, &key, &val)) {
        for (size_t i = 0; i < PM_COUNT(passed); i++) {
            if (request_member(key)->id == passed[i] && !is_said(w, key))
                edit_add_member(root, key, val.raw);
        }
    }
}

static void add_provider(struct request_writer *w, struct edit_walk *root)
{
    const struct pm_prefs *prefs = w->in->prefs;

    if (!w->dialect->passes_openrouter_fields || !prefs || has(w, M_PROVIDER))
        return;
    if (prefs->deny_collection && prefs->zdr)
        edit_add(root, PM_STR("\"provider\":{\"data_collection\":\"deny\",\"zdr\":true}"));
    else if (prefs->deny_collection)
        edit_add(root, PM_STR("\"provider\":{\"data_collection\":\"deny\"}"));
    else if (prefs->zdr)
        edit_add(root, PM_STR("\"provider\":{\"zdr\":true}"));
}

/* What the body does not have, or not in the way the provider wants it. */
static void add_members(struct request_writer *w, struct edit_walk *root)
{
    const struct request_in *in = w->in;
    const struct dialect *d = w->dialect;
    const struct pm_str tier = PM_STR("service_tier");

    if (!has(w, M_MODEL))
        edit_add_member(root, PM_STR("model"),
                        edits_quote(&w->edits, in->endpoint->upstream_model));
    if (w->stream && w->got[M_STREAM].type != PM_JTRUE)
        edit_add(root, PM_STR("\"stream\":true"));
    if (wants_stream_options(w) && !has(w, M_STREAM_OPTIONS))
        edit_add(root, PM_STR("\"stream_options\":{" INCLUDE_USAGE "}"));
    else if (wants_stream_options(w))
        edit_add_member(root, PM_STR("stream_options"), stream_options(w));
    if (w->preset.type == PM_JOBJ) {
        add_preset(w, root);
        add_coded_preset(w, root);
    }
    if (in->endpoint->tier != PM_TIER_DEFAULT && !has(w, M_SERVICE_TIER) &&
        goes(w, tier, request_member(tier)))
        edit_add_member(root, tier, tier_text(w));
    if (in->user.p && d->user_as)
        edit_add_member(root, pm_str(d->user_as), edits_quote(&w->edits, in->user));
    if (w->history_sent && d->history_member)
        edit_add(root, pm_str(d->history_member));
    add_provider(w, root);
    openai_add_thinking(w, root);
}

/* The path of the operation, with the model's name where it belongs there. */
static struct pm_str path_of(struct request_writer *w)
{
    static const char hex[] = "0123456789ABCDEF";
    const struct dialect *d = w->dialect;
    const enum pm_operation op = w->in->call->op;
    const struct pm_str path = pm_str(op == PM_OP_CHAT         ? d->chat_path
                                      : op == PM_OP_COMPLETION ? d->completions_path
                                                               : d->embeddings_path);
    const struct pm_str model = w->in->endpoint->upstream_model;
    const ptrdiff_t at = pm_str_find(path, '{');
    struct pm_str name;
    size_t n = 0;
    char *p;

    if (at < 0)
        return path;
    p = pm_arena_alloc(w->edits.a, model.n * 3 + 1);
    for (size_t i = 0; i < model.n; i++) {
        const unsigned char c = (unsigned char)model.p[i];
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';

        if (plain) {
            p[n++] = (char)c;
            continue;
        }
        p[n++] = '%';
        p[n++] = hex[c >> 4];
        p[n++] = hex[c & 15];
    }
    name = pm_str_n(p, n);
    return EDITS_JOIN(&w->edits, pm_str_cut(path, 0, (size_t)at), name,
                      pm_str_cut(path, (size_t)at + strlen("{model}"), path.n));
}

bool openai_write_request(const struct dialect *d, const struct request_in *in, struct pm_arena *a,
                          struct request_out *out, struct pm_error *err)
{
    struct request_writer w = {.dialect = d, .in = in, .rule = rule_of(d, in->endpoint)};
    struct edit_walk root;

    *out = (struct request_out){0};
    if (in->root.type != PM_JOBJ)
        return pm_fail(err, PM_EINVAL, "the request is no JSON object");
    edits_init(&w.edits, a, in->body);
    read_members(&w);
    read_preset(&w);
    decide(&w);
    root = edit_walk(&w.edits, in->root);
    edit_body(&w, &root);
    add_members(&w, &root);
    edit_end(&root);
    out->path = path_of(&w);
    if (w.edits.failed)
        return pm_fail(err, PM_ELIMIT, "the request needs more memory than one may take");
    out->edits = w.edits.v;
    out->n_edits = w.edits.n;
    out->stream = w.stream;
    return true;
}
