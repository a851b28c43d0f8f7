/* SPDX-License-Identifier: Apache-2.0 */
/* A settled record as OpenRouter's GET /generation shows it (openrouter-api §10.4, appendix A.5).
 * Its schema requires every key; what this router does not have is null. */
#include "agent/spool/internal.h"

#include "common/json.h"

enum shown { NOTHING, TEXT, TEXT_REQUIRED, FLAG, NUMBER, MONEY, MONEY_REQUIRED };

/* What the rows read. Numbers below zero and empty texts are null, unless required. */
struct view {
    struct pm_str id, upstream_id, created_at, model, provider, api_type, finish, native_finish;
    struct pm_str service_tier, region, origin, user, session;
    bool stream, cancelled, byok;
    int64_t prompt, completion, images, reasoning, cached;
    int64_t cost_nano, upstream_cost_nano, latency_ms, total_ms;
};

static const struct row {
    const char *key;
    enum shown shown;
    size_t offset;
} rows[] = {
#define ROW(key, shown, member)                                                                    \
    {                                                                                              \
        key, shown, offsetof(struct view, member)                                                  \
    }
#define NONE(key)                                                                                  \
    {                                                                                              \
        key, NOTHING, 0                                                                            \
    }
    ROW("id", TEXT_REQUIRED, id),
    NONE("request_id"),
    ROW("upstream_id", TEXT, upstream_id),
    ROW("created_at", TEXT_REQUIRED, created_at),
    ROW("model", TEXT_REQUIRED, model),
    ROW("provider_name", TEXT, provider),
    NONE("router"),
    ROW("api_type", TEXT, api_type),
    ROW("streamed", FLAG, stream),
    ROW("cancelled", FLAG, cancelled),
    ROW("finish_reason", TEXT, finish),
    ROW("native_finish_reason", TEXT, native_finish),
    ROW("tokens_prompt", NUMBER, prompt),
    ROW("tokens_completion", NUMBER, completion),
    ROW("native_tokens_prompt", NUMBER, prompt),
    ROW("native_tokens_completion", NUMBER, completion),
    ROW("native_tokens_completion_images", NUMBER, images),
    ROW("native_tokens_reasoning", NUMBER, reasoning),
    ROW("native_tokens_cached", NUMBER, cached),
    NONE("num_media_prompt"),
    NONE("num_input_audio_prompt"),
    NONE("num_media_completion"),
    NONE("num_search_results"),
    NONE("num_fetches"),
    NONE("web_search_engine"),
    ROW("usage", MONEY_REQUIRED, cost_nano),
    ROW("total_cost", MONEY_REQUIRED, cost_nano),
    ROW("upstream_inference_cost", MONEY, upstream_cost_nano),
    NONE("cache_discount"),
    ROW("is_byok", FLAG, byok),
    ROW("service_tier", TEXT, service_tier),
    ROW("data_region", TEXT_REQUIRED, region),
    ROW("latency", NUMBER, latency_ms),
    ROW("generation_time", NUMBER, total_ms),
    NONE("moderation_latency"),
    ROW("origin", TEXT_REQUIRED, origin),
    NONE("http_referer"),
    NONE("user_agent"),
    NONE("app_id"),
    ROW("external_user", TEXT, user),
    ROW("session_id", TEXT, session),
    NONE("preset_id"),
    NONE("workspace_id"),
    NONE("response_cache_source_id"),
#undef ROW
#undef NONE
};

static void print_key(struct pm_buf *b, const char *key)
{
    pm_json_quote(b, pm_str(key));
    pm_buf_ch(b, ':');
}

static void print_row(struct pm_buf *b, const struct row *row, const struct view *v)
{
    const void *at = (const char *)v + row->offset;
    const bool required = row->shown == TEXT_REQUIRED || row->shown == MONEY_REQUIRED;

    switch (row->shown) {
    case TEXT:
    case TEXT_REQUIRED:
        if (required || ((const struct pm_str *)at)->n) {
            pm_json_quote(b, *(const struct pm_str *)at);
            return;
        }
        break;
    case NUMBER:
        if (*(const int64_t *)at >= 0) {
            pm_buf_i64(b, *(const int64_t *)at);
            return;
        }
        break;
    case MONEY:
    case MONEY_REQUIRED:
        if (required || *(const int64_t *)at >= 0) {
            pm_json_nano(b, *(const int64_t *)at);
            return;
        }
        break;
    case FLAG:
        pm_buf_cstr(b, *(const bool *)at ? "true" : "false");
        return;
    case NOTHING:
        break;
    }
    pm_buf_lit(b, "null");
}

static void print_attempts(struct pm_buf *b, const struct spool_settled *r)
{
    pm_buf_lit(b, "\"provider_responses\":[");
    for (size_t i = 0; i < r->n_attempts; i++) {
        const struct spool_attempt *a = &r->attempts[i];
        const bool timed = a->ended_ms >= a->started_ms && a->started_ms >= 0;

        pm_buf_cstr(b, i ? ",{" : "{");
        print_key(b, "provider_name");
        pm_json_quote(b, a->provider);
        pm_buf_lit(b, ",\"model_permaslug\":");
        pm_json_quote(b, r->model.n ? r->model : r->begin.model);
        pm_buf_lit(b, ",\"endpoint_id\":");
        pm_json_quote(b, a->endpoint);
        /* Without an answer there is no status; nor a time without an end. */
        if (a->status)
            pm_buf_addf(b, ",\"status\":%u", a->status);
        if (timed)
            pm_buf_addf(b, ",\"latency\":%lld", (long long)(a->ended_ms - a->started_ms));
        pm_buf_addf(b, ",\"is_byok\":%s", a->byok ? "true" : "false");
        if (a->upstream_id.n) {
            pm_buf_lit(b, ",\"id\":");
            pm_json_quote(b, a->upstream_id);
        }
        pm_buf_ch(b, '}');
    }
    pm_buf_ch(b, ']');
}

/* "2026-08-22T10:00:00.000Z" */
static struct pm_str print_time(char *text, size_t size, int64_t unix_ms)
{
    const time_t seconds = (time_t)(unix_ms / 1000);
    struct tm tm = {0};
    size_t n;

    gmtime_r(&seconds, &tm);
    n = strftime(text, size, "%Y-%m-%dT%H:%M:%S", &tm);
    n += (size_t)snprintf(text + n, size - n, ".%03dZ", (int)(unix_ms % 1000));
    return pm_str_n(text, n);
}

bool generation_print(const struct spool_settled *r, struct pm_buf *out)
{
    const struct pm_usage *u = &r->usage;
    const struct spool_attempt *last = r->n_attempts ? &r->attempts[r->n_attempts - 1] : NULL;
    const bool counted = u->present || u->estimated;
    char time_text[64];
    const struct view v = {
        .id = r->begin.id,
        .upstream_id = last ? last->upstream_id : PM_NSTR,
        .created_at = print_time(time_text, sizeof(time_text), PM_MAX(0, r->begin.unix_ms)),
        .model = r->model.n ? r->model : r->begin.model,
        .provider = r->provider,
        .api_type = pm_str_is(r->begin.operation, "embeddings") ? r->begin.operation
                                                                : PM_STR("completions"),
        .stream = r->begin.stream,
        .cancelled = r->status == SPOOL_CANCELLED,
        .finish = r->finish,
        .native_finish = r->native_finish,
        .prompt = counted ? u->prompt : -1,
        .completion = counted ? u->completion : -1,
        .images = counted ? u->image_out : -1,
        .reasoning = counted ? u->reasoning : -1,
        .cached = counted ? u->cached : -1,
        .cost_nano = r->cost.total_nano,
        .upstream_cost_nano = r->byok ? r->upstream_cost_nano : -1,
        .byok = r->byok,
        .service_tier = r->service_tier,
        .region = PM_STR("global"),
        .latency_ms = r->first_token_ms,
        .total_ms = r->total_ms,
        .origin = r->begin.origin,
        .user = r->begin.user,
        .session = r->begin.session,
    };

    pm_buf_lit(out, "{\"data\":{");
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        print_key(out, rows[i].key);
        print_row(out, &rows[i], &v);
        pm_buf_ch(out, ',');
    }
    print_attempts(out, r);
    pm_buf_lit(out, "}}");
    return !out->failed;
}
