/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulator/errors.h"

#include "common/json.h"

/* Rows of one dialect stand before the rows of all (dialect NULL); the first that fits wins. */
struct row {
    const char *dialect;
    struct sim_error e;
};

/* clang-format off */
static const struct row rows[] = {
    {"openai", {400, "context_length", "invalid_request_error", "context_length_exceeded", "messages", "This model's maximum context length is 128000 tokens. However, your messages resulted in 130001 tokens. Please reduce the length of the messages."}},
    {"openai", {429, "too_large", "tokens", "rate_limit_exceeded", NULL, "Request too large for gpt-4o in organization org-sim on tokens per min (TPM): Limit 30000, Requested 30601. The input or output tokens must be reduced in order to run successfully."}},
    {"openai", {429, "rate_limit", "requests", "rate_limit_exceeded", NULL, "Rate limit reached for gpt-5.1 in organization org-sim on requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in 20s."}},
    {"openai", {503, "overloaded", "server_error", NULL, NULL, "The server is currently overloaded with other requests. Sorry about that! You can retry your request."}},
    {"azure", {400, "content_policy", NULL, "content_filter", "prompt", "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt and retry."}},
    {"azure", {429, "rate_limit", NULL, "429", NULL, "Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024-10-21 have exceeded token rate limit of your current OpenAI S0 pricing tier. Please retry after 45 seconds."}},
    {"azure", {404, "not_found", NULL, "DeploymentNotFound", NULL, "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again."}},
    {"azure", {401, "auth", NULL, "401", NULL, "Access denied due to invalid subscription key or wrong API endpoint."}},
    {"xai", {400, "auth", NULL, "Client specified an invalid argument", NULL, "Incorrect API key provided: sk***im. You can obtain an API key from the console."}},
    {"xai", {400, "context_length", NULL, "Client specified an invalid argument", NULL, "This model's maximum prompt length is 131072 but the request contains 136973 tokens."}},
    {"xai", {503, "overloaded", NULL, "The service is currently unavailable", NULL, "The service is currently unavailable. Please try again later."}},
    {"xai", {429, "rate_limit", NULL, "Some resource has been exhausted", NULL, "Too many requests for team. Your team's rate limit is 60 requests per minute."}},
    {"deepseek", {402, "quota", "unknown_error", "invalid_request_error", NULL, "Insufficient Balance"}},
    {"deepseek", {400, "context_length", "invalid_request_error", "invalid_request_error", NULL, "This model's maximum context length is 65536 tokens. However, you requested 70000 tokens (66000 in the messages, 4000 in the completion)."}},
    {"moonshotai", {429, "quota", "exceeded_current_quota_error", NULL, NULL, "Your account is suspended, please check your plan and billing details"}},
    {"moonshotai", {429, "overloaded", "engine_overloaded_error", NULL, NULL, "The engine is currently overloaded, please try again later"}},
    {"moonshotai", {429, "rate_limit", "rate_limit_reached_error", NULL, NULL, "Your account reached max request: 3, please try again after 1 seconds"}},
    {"moonshotai", {400, "context_length", "invalid_request_error", NULL, NULL, "Invalid request: Your request exceeded model token limit: 262144"}},
    {"moonshotai", {400, "content_policy", "content_filter", NULL, NULL, "The request was rejected because it was considered high risk"}},
    {"moonshotai", {401, "auth", "invalid_authentication_error", NULL, NULL, "Invalid Authentication"}},
    {"alibaba", {400, "content_policy", "data_inspection_failed", "data_inspection_failed", NULL, "Input data may contain inappropriate content. For details, see the documentation."}},
    {"alibaba", {400, "context_length", "invalid_request_error", "invalid_parameter_error", NULL, "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 204800]"}},
    {"alibaba", {429, "rate_limit", "limit_requests", "Throttling.RateQuota", NULL, "Requests rate limit exceeded, please try again later."}},
    {"alibaba", {429, "quota", "insufficient_quota", "Throttling.AllocationQuota", NULL, "Free allocated quota exceeded."}},
    {"mistral", {429, "rate_limit", "rate_limited", "1300", NULL, "Requests rate limit exceeded"}},
    {"mistral", {400, "context_length", "invalid_request_message_error", "3051", NULL, "Prompt contains 140000 tokens and 0 draft tokens, too large for model with 131072 maximum context length"}},
    {"mistral", {400, "tool_id", "invalid_request_message_error", "3280", NULL, "Tool call id was call_0123456789 but must be a-z, A-Z, 0-9, with a length of 9."}},
    {"groq", {400, "bad_generation", "invalid_request_error", "tool_use_failed", NULL, "Failed to call a function. Please adjust your prompt. See 'failed_generation' for more details."}},
    {"groq", {498, "capacity", "capacity_exceeded", "capacity_exceeded", NULL, "Flex tier capacity exceeded"}},
    {"groq", {413, "too_large", "tokens", "rate_limit_exceeded", NULL, "Request too large for model on tokens per minute (TPM): Limit 6000, Requested 9000, please reduce your message size and try again."}},
    {"together", {403, "context_length", "invalid_request_error", NULL, NULL, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4097. Given: 4000 `inputs` tokens and 512 `max_new_tokens`"}},
    {"fireworks", {412, "suspended", "error", "PRECONDITION_FAILED", NULL, "Account sim is suspended, possibly due to reaching the monthly spending limit."}},
    {"vllm", {400, "context_length", "BadRequestError", NULL, NULL, "This model's maximum context length is 32768 tokens. However, you requested 1024 output tokens and your prompt contains at least 32000 input tokens. Please reduce the length of the input prompt or the number of requested output tokens."}},
    {"vllm", {404, "not_found", "NotFoundError", NULL, NULL, "The model `nothing` does not exist."}},
    {"llamacpp", {400, "context_length", "exceed_context_size_error", NULL, NULL, "request (9000 tokens) exceeds the available context size (8192 tokens), try increasing it"}},
    {"llamacpp", {503, "overloaded", "unavailable_error", NULL, NULL, "Loading model"}},
    {"ollama", {404, "not_found", "not_found_error", NULL, NULL, "model 'nothing' not found"}},
    {"ollama", {500, "server", "api_error", NULL, NULL, "llama runner process has terminated: signal: killed"}},
    {"openrouter", {429, "rate_limit", NULL, NULL, NULL, "Provider returned error"}},
    {"openrouter", {402, "quota", NULL, NULL, NULL, "Insufficient credits. Add more and try again."}},

    {NULL, {400, "invalid_request", "invalid_request_error", NULL, NULL, "Invalid value for a parameter of the request."}},
    {NULL, {400, "context_length", "invalid_request_error", "context_length_exceeded", "messages", "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens. Please reduce the length of the messages."}},
    {NULL, {400, "content_policy", "invalid_request_error", "content_policy_violation", NULL, "Your request was rejected as a result of our safety system."}},
    {NULL, {401, "auth", "invalid_request_error", "invalid_api_key", NULL, "Incorrect API key provided: sk-s***key. You can find your API key in your account settings."}},
    {NULL, {402, "payment", "billing_error", "payment_required", NULL, "Payment required: your balance is used up."}},
    {NULL, {403, "permission", "permission_error", "permission_denied", NULL, "You do not have access to this model."}},
    {NULL, {404, "not_found", "invalid_request_error", "model_not_found", "model", "The model does not exist or you do not have access to it."}},
    {NULL, {408, "timeout", "timeout", NULL, NULL, "Request timed out."}},
    {NULL, {409, "conflict", "conflict_error", NULL, NULL, "The resource was changed by another request."}},
    {NULL, {413, "payload", "invalid_request_error", "request_too_large", NULL, "Request body too large."}},
    {NULL, {422, "unprocessable", "invalid_request_error", "unprocessable_entity", NULL, "The request was well-formed but could not be processed."}},
    {NULL, {429, "rate_limit", "requests", "rate_limit_exceeded", NULL, "Rate limit reached. Please try again later."}},
    {NULL, {429, "quota", "insufficient_quota", "insufficient_quota", NULL, "You exceeded your current quota, please check your plan and billing details."}},
    {NULL, {451, "region", "permission_error", "unsupported_country_region_territory", NULL, "Country, region, or territory not supported"}},
    {NULL, {500, "server", "server_error", NULL, NULL, "The server had an error while processing your request. Sorry about that!"}},
    {NULL, {502, "bad_gateway", "server_error", NULL, NULL, "Bad gateway"}},
    {NULL, {503, "overloaded", "server_error", NULL, NULL, "The engine is currently overloaded, please try again later"}},
    {NULL, {504, "gateway_timeout", "server_error", NULL, NULL, "Gateway timeout"}},
    {NULL, {524, "edge_timeout", "server_error", NULL, NULL, "A timeout occurred"}},
    {NULL, {529, "busy", "overloaded_error", NULL, NULL, "Overloaded"}},
};
/* clang-format on */

static bool row_is_for(const struct row *r, const struct sim_dialect *d)
{
    return !r->dialect || strcmp(r->dialect, d->name) == 0;
}

struct sim_error sim_error_for_status(const struct sim_dialect *d, unsigned status)
{
    static const char *const wanted[] = {"invalid_request", "rate_limit", NULL};

    /* A status can have several rows; the plain one of its meaning goes first. */
    for (size_t w = 0; w < PM_COUNT(wanted); w++)
        for (size_t i = 0; i < PM_COUNT(rows); i++)
            if (rows[i].e.status == status && row_is_for(&rows[i], d) &&
                (!wanted[w] || strcmp(rows[i].e.name, wanted[w]) == 0))
                return rows[i].e;
    return (struct sim_error){status, "other", "server_error", NULL, NULL, "Unexpected error"};
}

bool sim_error_named(const struct sim_dialect *d, struct pm_str name, struct sim_error *out)
{
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        if (pm_str_is(name, rows[i].e.name) && row_is_for(&rows[i], d)) {
            *out = rows[i].e;
            return true;
        }
    }
    return false;
}

static void member(struct pm_buf *b, const char *name, const char *text)
{
    pm_buf_addf(b, "\"%s\":", name);
    if (text)
        pm_json_quote(b, pm_str(text));
    else
        pm_buf_lit(b, "null");
}

/* `{"message":…,"type":…` and as much more as the shape has, without the closing brace. */
static void message_and_type(struct pm_buf *b, const struct sim_error *e)
{
    pm_buf_ch(b, '{');
    member(b, "message", e->message);
    pm_buf_ch(b, ',');
    member(b, "type", e->type);
}

static void full(struct pm_buf *b, const struct sim_error *e)
{
    message_and_type(b, e);
    pm_buf_ch(b, ',');
    member(b, "param", e->param);
    pm_buf_ch(b, ',');
    member(b, "code", e->code);
    pm_buf_ch(b, '}');
}

/* The shapes in which the error is not under `error` as an object. */
static bool write_flat(const struct sim_dialect *d, const struct sim_error *e, struct pm_buf *b)
{
    if (d->error == ERR_XAI) {
        pm_buf_ch(b, '{');
        member(b, "code", e->code ? e->code : e->type);
        pm_buf_ch(b, ',');
        member(b, "error", e->message);
    } else if (d->error == ERR_MISTRAL) {
        pm_buf_lit(b, "{\"object\":\"error\",");
        member(b, "message", e->message);
        pm_buf_ch(b, ',');
        member(b, "type", e->type);
        pm_buf_lit(b, ",\"param\":null,");
        member(b, "code", e->code);
    } else if (d->error == ERR_FIREWORKS && e->status < 500) {
        pm_buf_ch(b, '{');
        member(b, "error", e->message);
    } else {
        return false;
    }
    pm_buf_ch(b, '}');
    return true;
}

static void write_azure(const struct sim_error *e, struct pm_buf *b)
{
    pm_buf_ch(b, '{');
    member(b, "code", e->code ? e->code : e->type);
    pm_buf_ch(b, ',');
    member(b, "message", e->message);
    if (e->code && strcmp(e->code, "content_filter") == 0)
        pm_buf_lit(b, ",\"param\":\"prompt\",\"status\":400,\"innererror\":{\"code\":"
                      "\"ResponsibleAIPolicyViolation\"}");
    pm_buf_ch(b, '}');
}

static void write_groq(const struct sim_error *e, struct pm_buf *b)
{
    message_and_type(b, e);
    pm_buf_ch(b, ',');
    member(b, "code", e->code);
    if (strcmp(e->name, "bad_generation") == 0)
        pm_buf_lit(b, ",\"failed_generation\":\"<function=x>{\"");
    pm_buf_ch(b, '}');
}

void sim_error_write(const struct sim_dialect *d, const struct sim_error *e, uint64_t id,
                     struct pm_buf *b)
{
    if (write_flat(d, e, b))
        return;
    pm_buf_lit(b, "{\"error\":");
    switch (d->error) {
    case ERR_MOONSHOT:
        message_and_type(b, e);
        pm_buf_ch(b, '}');
        break;
    case ERR_GROQ:
        write_groq(e, b);
        break;
    case ERR_NUMERIC:
        message_and_type(b, e);
        pm_buf_addf(b, ",\"param\":null,\"code\":%u}", e->status);
        break;
    case ERR_LLAMACPP:
        message_and_type(b, e);
        pm_buf_addf(b, ",\"code\":%u}", e->status);
        break;
    case ERR_OLLAMA:
        message_and_type(b, e);
        pm_buf_lit(b, ",\"param\":null,\"code\":null}");
        break;
    case ERR_AZURE:
        write_azure(e, b);
        break;
    case ERR_OPENROUTER:
        pm_buf_addf(b, "{\"code\":%u,", e->status);
        member(b, "message", e->message);
        pm_buf_lit(b, ",\"metadata\":{\"provider_name\":\"Sim\",\"raw\":\"upstream said no\"}}");
        break;
    default:
        full(b, e);
    }
    if (d->error == ERR_DASHSCOPE)
        pm_buf_addf(b, ",\"id\":\"chatcmpl-sim-%llu\",\"request_id\":\"sim-%llu\"",
                    (unsigned long long)id, (unsigned long long)id);
    pm_buf_ch(b, '}');
}
