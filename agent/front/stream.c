/* SPDX-License-Identifier: Apache-2.0 */
/* Answers as a stream of server-sent events (openrouter-api §1 and §4.5). */
#include "agent/front/writer.h"

#include "agent/front/assemble.h"
#include "common/json_out.h"

#define MAX_HEAD_BYTES (64u << 10) /* ids and names of our own catalogue */
#define MAX_NATIVE_BYTES (64u << 10)

static const char *object_name(const struct front_writer *w)
{
    if (w->op == PM_OP_EMBEDDING)
        return "list";
    if (w->op == PM_OP_COMPLETION)
        return "text_completion";
    return w->stream ? "chat.completion.chunk" : "chat.completion";
}

struct front_writer *front_writer_new(const struct front_request *r, const struct front_stamp *s)
{
    struct front_writer *w = pm_xcalloc(1, sizeof(*w));
    struct pm_jout o = {.b = &w->head};

    w->op = r->call.op;
    w->stream = r->call.stream;
    w->exclude_reasoning = r->exclude_reasoning;
    w->base64_embeddings = r->base64_embeddings;
    w->is_byok = s->is_byok;
    pm_buf_init(&w->head, MAX_HEAD_BYTES);
    pm_buf_init(&w->native, MAX_NATIVE_BYTES);
    pm_buf_init(&w->choices, CODEC_MAX_BODY);
    pm_buf_init(&w->extras, CODEC_MAX_BODY);
    if (w->stream)
        pm_buf_lit(&w->head, "data: ");
    pm_jout_open(&o, NULL, '{');
    pm_jout_str(&o, "id", s->generation_id);
    pm_jout_str(&o, "provider", s->provider);
    pm_jout_str(&o, "model", s->model);
    pm_jout_cstr(&o, "object", object_name(w));
    if (w->op != PM_OP_EMBEDDING)
        pm_jout_i64(&o, "created", s->created);
    pm_jout_raw(&o, w->op == PM_OP_EMBEDDING ? "data" : "choices", PM_STR(""));
    return w;
}

void front_writer_free(struct front_writer *w)
{
    if (!w)
        return;
    pm_buf_fini(&w->head);
    pm_buf_fini(&w->native);
    pm_buf_fini(&w->choices);
    pm_buf_fini(&w->extras);
    front_assembly_free(w->assembly);
    free(w);
}

static bool is_ours(struct pm_str key)
{
    static const struct pm_str names[] = {
        PM_STR_INIT("id"),          PM_STR_INIT("object"), PM_STR_INIT("created"),
        PM_STR_INIT("model"),       PM_STR_INIT("usage"),  PM_STR_INIT("choices"),
        PM_STR_INIT("obfuscation"), PM_STR_INIT("error"),  PM_STR_INIT("provider"),
        PM_STR_INIT("data"),        PM_STR_INIT("x_groq"), PM_STR_INIT("openrouter_metadata"),
    };

    for (size_t i = 0; i < PM_COUNT(names); i++) {
        if (pm_str_eq(key, names[i]))
            return true;
    }
    return false;
}

void front_copy_extras(struct pm_str answer, struct pm_buf *out)
{
    struct pm_jiter it = pm_json_iter(front_root(answer));
    struct pm_jval val;
    struct pm_str key;

    while (pm_json_member(&it, &key, &val)) {
        if (val.type == PM_JNULL || is_ours(key))
            continue;
        pm_buf_ch(out, ',');
        pm_buf_add(out, key.p - 1, (size_t)(val.raw.p + val.raw.n - key.p) + 1);
    }
}

/* Nothing in it that is written in another way than providers do. */
static bool passes(const struct front_writer *w, const struct chunk *c)
{
    if (!c->verbatim || c->whole || c->raw.n == 0)
        return false;
    for (size_t i = 0; i < c->n; i++) {
        const struct event *e = &c->ev[i];

        if (e->kind != EV_TEXT && e->kind != EV_TOOL_ARGS && e->kind != EV_REFUSAL &&
            e->kind != EV_MEDIA && e->kind != EV_USAGE)
            return false;
        if (e->choice >= FRONT_MAX_CHOICES ||
            !(w->begun[e->choice / 64] & 1ULL << (e->choice % 64)))
            return false;
    }
    return true;
}

static void write_raw(struct front_writer *w, const struct chunk *c, struct pm_buf *out)
{
    struct pm_str choices = c->choices;

    if (!choices.p)
        choices = pm_json_get(front_root(c->raw), "choices").raw;
    pm_buf_str(out, pm_buf_view(&w->head));
    pm_buf_str(out, choices);
    pm_buf_lit(out, "}\n\n");
}

bool front_write_chunk(struct front_writer *w, const struct chunk *c, struct pm_buf *out)
{
    const size_t start = out->n;

    if (passes(w, c)) {
        if (c->n > 1 || c->ev[0].kind != EV_USAGE)
            write_raw(w, c, out);
    } else {
        front_write_events(w, c, out);
    }
    if (out->failed)
        out->n = start;
    return !out->failed;
}

/* A chunk with no content up to what stands after its only choice. */
static void begin_last(struct front_writer *w, struct pm_buf *out)
{
    pm_buf_str(out, pm_buf_view(&w->head));
    if (w->op == PM_OP_COMPLETION)
        pm_buf_lit(out, "[{\"index\":0,\"text\":\"\"");
    else if (w->begun[0] & 1)
        pm_buf_lit(out, "[{\"index\":0,\"delta\":{\"content\":\"\"}");
    else
        pm_buf_lit(out, "[{\"index\":0,\"delta\":{\"role\":\"assistant\","
                        "\"content\":\"\"}");
    w->begun[0] |= 1;
}

bool front_write_end(struct front_writer *w, const struct front_bill *b, struct pm_buf *out)
{
    const char *word = w->finished ? finish_name(w->finish) : NULL;
    struct pm_jout o = {.b = out, .comma = true};
    const size_t start = out->n;

    begin_last(w, out);
    pm_jout_cstr(&o, "finish_reason", word);
    if (w->native.n) {
        pm_buf_lit(out, ",\"native_finish_reason\":\"");
        pm_buf_str(out, pm_buf_view(&w->native));
        pm_buf_ch(out, '"');
    } else {
        pm_jout_cstr(&o, "native_finish_reason", word);
    }
    pm_buf_lit(out, ",\"logprobs\":null}]");
    front_write_usage(w, b, out);
    pm_buf_lit(out, "}\n\ndata: [DONE]\n\n");
    if (out->failed)
        out->n = start;
    return !out->failed;
}

bool front_write_stream_error(struct front_writer *w, const struct failure *f,
                              struct pm_str message, struct pm_buf *out)
{
    const struct failure_rule *rule = failure_rule(f->cls);
    const bool internal = rule->client_status == 500;
    struct pm_jout o = {.b = out, .comma = true};
    const size_t start = out->n;

    begin_last(w, out);
    pm_buf_lit(out, ",\"finish_reason\":\"error\",\"native_finish_reason\":\"error\"}]");
    pm_jout_open(&o, "error", '{');
    pm_jout_i64(&o, "code", rule->client_status);
    pm_jout_str(&o, "message", internal ? PM_STR("Internal Server Error") : message);
    pm_jout_open(&o, "metadata", '{');
    pm_jout_cstr(&o, "error_type", rule->error_type);
    if (f->code.n && !internal)
        pm_jout_str(&o, "provider_code", f->code);
    pm_jout_close(&o, '}');
    pm_jout_close(&o, '}');
    pm_buf_lit(out, "}\n\n");
    if (out->failed)
        out->n = start;
    return !out->failed;
}
