/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/api/rows.h"

#include "common/url.h"

static void write_price(struct pm_jout *o, const char *key, int64_t pico)
{
    pm_jout_raw(o, key, PM_STR("\""));
    pm_money_print_per_token(o->b, pico);
    pm_buf_ch(o->b, '"');
}

static void write_price_if_apart(struct pm_jout *o, const char *key, int64_t pico)
{
    if (pico != PM_PRICE_NONE)
        write_price(o, key, pico);
}

/* USD per token, as text; "-1" is OpenRouter's way to say that it is not known beforehand. */
static void write_pricing(struct pm_jout *o, const struct pm_price *p)
{
    pm_jout_open(o, "pricing", '{');
    if (!p->known) {
        pm_jout_cstr(o, "prompt", "-1");
        pm_jout_cstr(o, "completion", "-1");
        pm_jout_close(o, '}');
        return;
    }
    write_price(o, "prompt", p->input);
    write_price(o, "completion", p->output);
    write_price(o, "request", p->request);
    write_price(o, "image", p->image_unit);
    write_price(o, "web_search", 0);
    write_price(o, "internal_reasoning", p->reasoning == PM_PRICE_NONE ? 0 : p->reasoning);
    write_price_if_apart(o, "input_cache_read", p->cache_read);
    write_price_if_apart(o, "input_cache_write", p->cache_write);
    write_price_if_apart(o, "input_cache_write_1h", p->cache_write_1h);
    write_price_if_apart(o, "audio", p->audio_in);
    write_price_if_apart(o, "audio_output", p->audio_out);
    write_price_if_apart(o, "image_token", p->image_in);
    write_price_if_apart(o, "image_output", p->image_out);
    pm_jout_i64(o, "discount", 0);
    pm_jout_close(o, '}');
}

static const struct {
    uint32_t bit;
    const char *word;
} modalities[] = {
    {PM_MOD_TEXT, "text"}, {PM_MOD_IMAGE, "image"}, {PM_MOD_AUDIO, "audio"},
    {PM_MOD_FILE, "file"}, {PM_MOD_VIDEO, "video"}, {PM_MOD_EMBEDDING, "embeddings"},
};

static void write_modalities(struct pm_jout *o, const char *key, uint32_t bits)
{
    pm_jout_open(o, key, '[');
    for (size_t i = 0; i < PM_COUNT(modalities); i++) {
        if (bits & modalities[i].bit)
            pm_jout_cstr(o, NULL, modalities[i].word);
    }
    pm_jout_close(o, ']');
}

static void add_joined(struct pm_buf *b, uint32_t bits)
{
    bool first = true;

    for (size_t i = 0; i < PM_COUNT(modalities); i++) {
        if (!(bits & modalities[i].bit))
            continue;
        if (!first)
            pm_buf_ch(b, '+');
        pm_buf_cstr(b, modalities[i].word);
        first = false;
    }
}

static const char *tokenizer_of(struct pm_str id)
{
    static const struct {
        struct pm_str prefix;
        const char *name;
    } rows[] = {
        {PM_STR_INIT("openai/"), "GPT"},        {PM_STR_INIT("anthropic/"), "Claude"},
        {PM_STR_INIT("google/gemma"), "Gemma"}, {PM_STR_INIT("google/"), "Gemini"},
        {PM_STR_INIT("x-ai/"), "Grok"},         {PM_STR_INIT("cohere/"), "Cohere"},
        {PM_STR_INIT("amazon/"), "Nova"},       {PM_STR_INIT("deepseek/"), "DeepSeek"},
        {PM_STR_INIT("mistralai/"), "Mistral"}, {PM_STR_INIT("qwen/"), "Qwen"},
        {PM_STR_INIT("meta-llama/"), "Llama4"},
    };

    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        if (pm_str_starts(id, rows[i].prefix))
            return rows[i].name;
    }
    return "Other";
}

void row_architecture(const struct pm_model *m, struct pm_jout *o)
{
    pm_jout_open(o, "architecture", '{');
    pm_jout_raw(o, "modality", PM_STR("\""));
    add_joined(o->b, m->in_modalities);
    pm_buf_lit(o->b, "->");
    add_joined(o->b, m->out_modalities);
    pm_buf_ch(o->b, '"');
    write_modalities(o, "input_modalities", m->in_modalities);
    write_modalities(o, "output_modalities", m->out_modalities);
    pm_jout_cstr(o, "tokenizer", tokenizer_of(m->id));
    pm_jout_null(o, "instruct_type");
    pm_jout_close(o, '}');
}

static void write_params(struct pm_jout *o, uint64_t params)
{
    pm_jout_open(o, "supported_parameters", '[');
    for (int p = 0; p < PM_P_COUNT; p++) {
        if (params & PM_PBIT(p))
            pm_jout_cstr(o, NULL, pm_param_name((enum pm_param)p));
    }
    pm_jout_close(o, ']');
}

/* 0 is unknown. */
static void write_tokens(struct pm_jout *o, const char *key, int64_t tokens)
{
    if (tokens > 0)
        pm_jout_i64(o, key, tokens);
    else
        pm_jout_null(o, key);
}

static void write_links(struct pm_jout *o, const struct listing *l, const struct pm_model *m)
{
    pm_jout_open(o, "links", '{');
    pm_jout_raw(o, "details", PM_STR("\""));
    pm_buf_str(o->b, l->prefix);
    pm_buf_lit(o->b, "/models/");
    for (size_t i = 0; i < m->id.n; i++) {
        if (m->id.p[i] == '/')
            pm_buf_ch(o->b, '/');
        else
            pm_url_encode(pm_str_n(m->id.p + i, 1), o->b);
    }
    pm_buf_lit(o->b, "/endpoints\"");
    pm_jout_close(o, '}');
}

static void write_defaults(struct pm_jout *o)
{
    static const char *const names[] = {"temperature", "top_p", "frequency_penalty"};

    pm_jout_open(o, "default_parameters", '{');
    for (size_t i = 0; i < PM_COUNT(names); i++)
        pm_jout_null(o, names[i]);
    pm_jout_close(o, '}');
}

void row_model(const struct listing *l, const struct listed *x, struct pm_jout *o)
{
    const struct pm_model *m = x->model;
    const ptrdiff_t slash = pm_str_find(m->id, '/');

    pm_jout_open(o, NULL, '{');
    pm_jout_str(o, "id", m->id);
    pm_jout_cstr(o, "object", "model"); /* this and owned_by: for OpenAI's SDKs */
    pm_jout_str(o, "owned_by", slash < 0 ? m->id : pm_str_cut(m->id, 0, (size_t)slash));
    pm_jout_str(o, "canonical_slug", m->canonical);
    pm_jout_null(o, "hugging_face_id");
    pm_jout_str(o, "name", m->name);
    pm_jout_i64(o, "created", m->created);
    pm_jout_str(o, "description", m->description);
    write_tokens(o, "context_length", m->context);
    row_architecture(m, o);
    write_pricing(o, &x->top->price);
    pm_jout_open(o, "top_provider", '{');
    write_tokens(o, "context_length", x->top->context);
    write_tokens(o, "max_completion_tokens", x->top->max_output);
    pm_jout_bool(o, "is_moderated", x->top->provider->moderated);
    pm_jout_close(o, '}');
    pm_jout_null(o, "per_request_limits");
    write_params(o, x->params);
    write_defaults(o);
    pm_jout_null(o, "supported_voices");
    pm_jout_null(o, "expiration_date");
    pm_jout_null(o, "knowledge_cutoff");
    write_links(o, l, m);
    pm_jout_close(o, '}');
}

/* Telemetry, not money: one digit after the point is enough. */
static void write_float(struct pm_jout *o, const char *key, double v)
{
    char text[64];

    snprintf(text, sizeof(text), "%.1f", v);
    pm_jout_raw(o, key, pm_str(text));
}

static void write_quantiles(struct pm_jout *o, const char *key, bool known,
                            const struct pm_quantiles *q, double unit)
{
    if (!known) {
        pm_jout_null(o, key);
        return;
    }
    pm_jout_open(o, key, '{');
    write_float(o, "p50", (double)q->p50 * unit);
    write_float(o, "p75", (double)q->p75 * unit);
    write_float(o, "p90", (double)q->p90 * unit);
    write_float(o, "p99", (double)q->p99 * unit);
    pm_jout_close(o, '}');
}

static void write_health(const struct listing *l, const struct pm_endpoint *e, struct pm_jout *o)
{
    struct health_report r = {.uptime_5m = -1, .uptime_30m = -1, .uptime_1d = -1};
    const struct {
        const char *key;
        const float *percent;
    } uptimes[] = {{"uptime_last_5m", &r.uptime_5m},
                   {"uptime_last_30m", &r.uptime_30m},
                   {"uptime_last_1d", &r.uptime_1d}};

    if (l->report)
        l->report(l->ctx, e, &r);
    for (size_t i = 0; i < PM_COUNT(uptimes); i++) {
        if (*uptimes[i].percent >= 0)
            write_float(o, uptimes[i].key, (double)*uptimes[i].percent);
        else
            pm_jout_null(o, uptimes[i].key);
    }
    write_quantiles(o, "latency_last_30m", r.has_latency, &r.latency_s, 1000); /* ms */
    write_quantiles(o, "throughput_last_30m", r.has_throughput, &r.tokens_per_s, 1);
}

static void write_tool_choice(struct pm_jout *o, const struct pm_endpoint *e)
{
    const bool tools = e->params & PM_PBIT(PM_P_TOOLS);
    const bool choice = tools && (e->params & PM_PBIT(PM_P_TOOL_CHOICE));

    pm_jout_open(o, "supports_tool_choice", '{');
    pm_jout_bool(o, "none", tools);
    pm_jout_bool(o, "auto", tools);
    pm_jout_bool(o, "required", choice);
    pm_jout_bool(o, "function", choice);
    pm_jout_close(o, '}');
}

void row_endpoint(const struct listing *l, const struct pm_endpoint *e, struct pm_jout *o)
{
    const struct pm_model *m = e->model;
    struct pm_buf name;

    pm_buf_init(&name, 4096);
    pm_buf_str(&name, e->provider->name);
    pm_buf_lit(&name, " | ");
    pm_buf_str(&name, m->canonical);
    pm_jout_open(o, NULL, '{');
    pm_jout_str(o, "name", pm_buf_view(&name));
    pm_buf_fini(&name);
    pm_jout_str(o, "model_id", m->id);
    pm_jout_str(o, "model_name", m->name);
    pm_jout_str(o, "provider_name", e->provider->name);
    pm_jout_str(o, "tag", e->tag);
    pm_jout_i64(o, "context_length", e->context);
    write_tokens(o, "max_completion_tokens", e->max_output);
    pm_jout_null(o, "max_prompt_tokens");
    pm_jout_cstr(o, "quantization", e->quant == PM_Q_UNKNOWN ? NULL : pm_quant_name(e->quant));
    pm_jout_i64(o, "status", 0);
    write_pricing(o, &e->price);
    write_params(o, e->params);
    pm_jout_bool(o, "supports_implicit_caching", e->price.cache_read != PM_PRICE_NONE);
    pm_jout_bool(o, "supports_voice_cloning", false);
    write_tool_choice(o, e);
    write_health(l, e, o);
    pm_jout_close(o, '}');
}
