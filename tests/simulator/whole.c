/* SPDX-License-Identifier: Apache-2.0 */
/* The form of an answer that comes as one body, and what both forms share. */
#include "common/json.h"
#include "common/map.h"
#include "tests/simulator/answer.h"

size_t sim_fragment(struct pm_str text)
{
    enum { MOST = 12 };
    size_t n = 0;

    while (n < text.n && n < MOST && text.p[n] != ' ')
        n++;
    if (n < text.n && text.p[n] == ' ')
        n++;
    /* Not inside a UTF-8 sequence, where there is one. */
    size_t whole = n;
    while (whole > 0 && whole < text.n && ((unsigned char)text.p[whole] & 0xc0) == 0x80)
        whole--;
    return whole ? whole : PM_MAX(n, 1);
}

struct pm_str sim_answer_finish(const struct sim_answer *w)
{
    const struct sim_dialect *d = w->r->dialect;

    if (sim_fault_has(w->f, F_FINISH))
        return w->f->reason.n ? w->f->reason : PM_STR("error");
    if (d->stop_word && strcmp(w->finish, "stop") == 0)
        return pm_str(d->stop_word);
    if (d->length_word && strcmp(w->finish, "length") == 0)
        return pm_str(d->length_word);
    return pm_str(w->finish);
}

void sim_answer_stamp(const struct sim_answer *w, const char *object, struct pm_buf *b)
{
    pm_buf_addf(b, "\"id\":\"chatcmpl-sim-%llu\",\"object\":\"%s\",\"created\":%lld,\"model\":",
                (unsigned long long)w->id, object, (long long)w->created);
    pm_buf_addf(b, "\"%.*s\",", PM_FMT(w->r->model));
    switch (w->r->dialect->error) {
    case ERR_OPENROUTER:
        pm_buf_lit(b, "\"provider\":\"Sim\",");
        break;
    case ERR_OPENAI:
    case ERR_AZURE:
        pm_buf_lit(b, "\"service_tier\":\"default\",\"system_fingerprint\":\"fp_sim\",");
        break;
    case ERR_OLLAMA:
        pm_buf_lit(b, "\"system_fingerprint\":\"fp_ollama\",");
        break;
    default:
        break;
    }
}

void sim_usage_write(const struct sim_answer *w, const struct sim_usage *u, struct pm_buf *b)
{
    const struct sim_dialect *d = w->r->dialect;
    uint32_t completion = u->completion;

    if (d->habits & HABIT_EXCLUDES_REASONING)
        completion -= u->reasoning;
    pm_buf_addf(b, "{\"prompt_tokens\":%u,\"completion_tokens\":%u,\"total_tokens\":%u", u->prompt,
                completion, u->prompt + u->completion);
    switch (d->cached) {
    case CACHED_DETAILS:
        pm_buf_addf(b, ",\"prompt_tokens_details\":{\"cached_tokens\":%u,\"audio_tokens\":0",
                    u->cached);
        if (d->error == ERR_DASHSCOPE)
            pm_buf_addf(b, ",\"cache_creation_input_tokens\":%u", u->cache_write);
        pm_buf_ch(b, '}');
        break;
    case CACHED_TOP:
        pm_buf_addf(b, ",\"cached_tokens\":%u", u->cached);
        break;
    case CACHED_HIT_MISS:
        pm_buf_addf(b, ",\"prompt_cache_hit_tokens\":%u,\"prompt_cache_miss_tokens\":%u", u->cached,
                    u->prompt - u->cached);
        break;
    case CACHED_NUM:
        pm_buf_addf(b, ",\"num_cached_tokens\":%u", u->cached);
        break;
    case CACHED_NONE:
        break;
    }
    if (u->reasoning || d->error == ERR_OPENAI)
        pm_buf_addf(b,
                    ",\"completion_tokens_details\":{\"reasoning_tokens\":%u,\"audio_tokens\":0}",
                    u->reasoning);
    if (d->error == ERR_OPENROUTER)
        pm_buf_addf(b, ",\"cost\":%.6f,\"is_byok\":false",
                    0.000001 * (double)(u->prompt + u->completion));
    pm_buf_ch(b, '}');
}

static void add_words(struct pm_buf *b, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        pm_buf_str(b, sim_word(i));
}

/* The value of `content`. */
static void add_content(const struct sim_answer *w, struct pm_buf *b)
{
    bool parts = w->reasoning_words && w->r->dialect->reasoning == REASON_PARTS;

    if (w->n_calls && !parts) {
        pm_buf_lit(b, "null");
        return;
    }
    if (parts) {
        pm_buf_lit(b, "[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"");
        add_words(b, w->reasoning_words);
        pm_buf_lit(b, "\"}]},{\"type\":\"text\",\"text\":");
    }
    if (w->text.n) {
        pm_json_quote(b, w->text);
    } else {
        pm_buf_ch(b, '"');
        add_words(b, w->n_calls ? 0 : w->words);
        pm_buf_ch(b, '"');
    }
    if (parts)
        pm_buf_lit(b, "}]");
}

static void add_reasoning(const struct sim_answer *w, struct pm_buf *b)
{
    const char *end = "\"";

    if (!w->reasoning_words)
        return;
    switch (w->r->dialect->reasoning) {
    case REASON_CONTENT:
        pm_buf_lit(b, ",\"reasoning_content\":\"");
        break;
    case REASON_PLAIN:
        pm_buf_lit(b, ",\"reasoning\":\"");
        break;
    case REASON_DETAILS:
        pm_buf_lit(b, ",\"reasoning\":\"");
        add_words(b, w->reasoning_words);
        pm_buf_lit(b, "\",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"format\":"
                      "\"unknown\",\"index\":0,\"text\":\"");
        end = "\"}]";
        break;
    default:
        return;
    }
    add_words(b, w->reasoning_words);
    pm_buf_cstr(b, end);
}

static void add_calls(const struct sim_answer *w, struct pm_buf *b)
{
    for (size_t i = 0; i < w->n_calls; i++) {
        const struct sim_call *call = &w->calls[i];
        pm_buf_addf(b, "%s{\"id\":\"%.*s\",\"type\":\"function\",\"function\":{\"name\":\"%.*s\",",
                    i ? "," : ",\"tool_calls\":[", PM_FMT(call->id), PM_FMT(call->name));
        pm_buf_lit(b, "\"arguments\":");
        if (sim_fault_has(w->f, F_ARGS_OBJECT))
            pm_buf_str(b, call->args);
        else
            pm_json_quote(b, call->args);
        pm_buf_lit(b, "}}");
    }
    if (w->n_calls)
        pm_buf_ch(b, ']');
}

static void add_choice(const struct sim_answer *w, unsigned k, struct pm_buf *b)
{
    struct pm_str finish = sim_answer_finish(w);

    if (w->r->op == SIM_COMPLETIONS) {
        pm_buf_addf(b, "{\"index\":%u,\"text\":", k);
        add_content(w, b);
    } else {
        pm_buf_addf(b, "{\"index\":%u,\"message\":{\"role\":\"assistant\",\"content\":", k);
        if (sim_fault_has(w->f, F_ROLE_ONLY))
            pm_buf_lit(b, "\"\"");
        else
            add_content(w, b);
        add_reasoning(w, b);
        add_calls(w, b);
        pm_buf_lit(b, ",\"refusal\":null}");
    }
    pm_buf_lit(b, ",\"logprobs\":");
    if (w->r->logprobs)
        pm_buf_lit(b, "{\"content\":[{\"token\":\"x\",\"logprob\":-0.1,\"bytes\":[120],"
                      "\"top_logprobs\":[]}],\"refusal\":null}");
    else
        pm_buf_lit(b, "null");
    pm_buf_lit(b, ",\"finish_reason\":");
    if (sim_fault_has(w->f, F_NO_FINISH) || sim_fault_has(w->f, F_ROLE_ONLY))
        pm_buf_lit(b, "null");
    else
        pm_json_quote(b, finish);
    pm_buf_ch(b, '}');
}

void sim_answer_whole(const struct sim_answer *w, struct plan *p)
{
    struct pm_buf b;

    pm_buf_init(&b, 256u << 20);
    pm_buf_ch(&b, '{');
    sim_answer_stamp(w, w->r->op == SIM_COMPLETIONS ? "text_completion" : "chat.completion", &b);
    pm_buf_lit(&b, "\"choices\":[");
    for (unsigned k = 0; k < w->r->n && !sim_fault_has(w->f, F_NO_CHOICES); k++) {
        if (k)
            pm_buf_ch(&b, ',');
        add_choice(w, k, &b);
    }
    pm_buf_ch(&b, ']');
    if (!sim_fault_has(w->f, F_USAGE_ABSENT)) {
        pm_buf_lit(&b, ",\"usage\":");
        sim_usage_write(w, &w->usage, &b);
    }
    pm_buf_ch(&b, '}');
    plan_body(p, 200, "application/json", pm_buf_view(&b));
    pm_buf_fini(&b);
}

static void add_base64(struct pm_buf *b, const unsigned char *p, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) |
                     (i + 2 < n ? p[i + 2] : 0);
        pm_buf_ch(b, digits[v >> 18]);
        pm_buf_ch(b, digits[v >> 12 & 63]);
        pm_buf_ch(b, i + 1 < n ? digits[v >> 6 & 63] : '=');
        pm_buf_ch(b, i + 2 < n ? digits[v & 63] : '=');
    }
}

/* The k-th number for an input: an eighth between -16 and 16, so that it is exact as a float and
 * short as text. */
static float embedding_at(uint64_t seed, uint32_t k)
{
    uint64_t x = (seed + k + 1) * UINT64_C(0x9e3779b97f4a7c15);
    return (float)((int)((x >> 40) & 255) - 128) / 8.0f;
}

static void add_embedding(const struct sim_request *r, struct pm_str input, unsigned index,
                          struct pm_buf *b)
{
    uint64_t seed = pm_hash_stable(input);
    bool base64 = r->base64 && !(r->dialect->habits & HABIT_FLOATS_ONLY);
    uint32_t n = r->dimensions ? r->dimensions : 1;

    pm_buf_addf(b, "%s{\"object\":\"embedding\",\"index\":%u,\"embedding\":", index ? "," : "",
                index);
    if (base64) {
        float *v = pm_xcalloc(n, sizeof(*v)); /* little-endian, as this program's machines are */
        for (uint32_t k = 0; k < n; k++)
            v[k] = embedding_at(seed, k);
        pm_buf_ch(b, '"');
        add_base64(b, (const unsigned char *)v, n * sizeof(*v));
        pm_buf_ch(b, '"');
        free(v);
    } else {
        for (uint32_t k = 0; k < n; k++)
            pm_buf_addf(b, "%c%g", k ? ',' : '[', (double)embedding_at(seed, k));
        pm_buf_ch(b, ']');
    }
    pm_buf_ch(b, '}');
}

void sim_answer_embeddings(const struct sim_request *r, uint64_t id, struct plan *p,
                           struct sim_usage *u)
{
    struct pm_jiter it = pm_json_iter(r->inputs);
    struct pm_jval one;
    unsigned index = 0;
    struct pm_buf b;
    bool tokens; /* the list is one input of token numbers */

    pm_buf_init(&b, 256u << 20);
    pm_buf_lit(&b, "{\"object\":\"list\",\"data\":[");
    tokens = r->inputs.type == PM_JARR && pm_json_item(&it, &one) && one.type == PM_JNUM;
    it = pm_json_iter(r->inputs);
    if (r->inputs.type == PM_JARR && !tokens)
        while (pm_json_item(&it, &one))
            add_embedding(r, one.raw, index++, &b);
    else
        add_embedding(r, r->inputs.raw, 0, &b);
    *u = (struct sim_usage){.prompt = r->prompt_tokens};
    pm_buf_addf(&b,
                "],\"model\":\"%.*s\",\"id\":\"chatcmpl-sim-%llu\",\"usage\":{\"prompt_tokens\":%u,"
                "\"total_tokens\":%u}}",
                PM_FMT(r->model), (unsigned long long)id, u->prompt, u->prompt);
    plan_body(p, 200, "application/json", pm_buf_view(&b));
    pm_buf_fini(&b);
}
