/* SPDX-License-Identifier: Apache-2.0 */
/* Structured fields come before text, and throttling before everything that its text may look
 * like. Numbers in a text are never taken for a status: request ids and token counts have them. */
#include "agent/provider/error_body.h"
#include "agent/provider/failure.h"
#include "agent/provider/retry_after.h"

/* A provider's own word for what happened; '*' at the end stands for any rest. */
struct code_row {
    const char *code;
    enum failure_class cls;
};
static const struct code_row codes[] = {
    {"insufficient_quota", FAIL_QUOTA},
    {"exceeded_current_quota_error", FAIL_QUOTA},
    {"billing_error", FAIL_QUOTA},
    {"billing_not_active", FAIL_QUOTA},
    {"insufficient_balance", FAIL_QUOTA},
    {"payment_required", FAIL_QUOTA},
    {"Arrearage", FAIL_QUOTA},
    {"AllocationQuota*", FAIL_QUOTA},
    {"Throttling.AllocationQuota*", FAIL_QUOTA},
    {"rate_limit_exceeded", FAIL_RATE_LIMIT},
    {"rate_limit_error", FAIL_RATE_LIMIT},
    {"rate_limit_reached_error", FAIL_RATE_LIMIT},
    {"too_many_requests", FAIL_RATE_LIMIT},
    {"RESOURCE_EXHAUSTED", FAIL_RATE_LIMIT},
    {"capacity_exceeded", FAIL_RATE_LIMIT},
    {"Throttling*", FAIL_RATE_LIMIT},
    {"1300", FAIL_RATE_LIMIT}, /* Mistral */
    {"engine_overloaded_error", FAIL_OVERLOADED},
    {"overloaded_error", FAIL_OVERLOADED},
    {"provider_overloaded", FAIL_OVERLOADED},
    {"provider_unavailable", FAIL_OVERLOADED},
    {"unavailable_error", FAIL_OVERLOADED}, /* llama.cpp while it loads */
    {"UNAVAILABLE", FAIL_OVERLOADED},
    {"context_length_exceeded", FAIL_CONTEXT_LENGTH},
    {"exceed_context_size_error", FAIL_CONTEXT_LENGTH},
    {"prompt_too_long", FAIL_CONTEXT_LENGTH},
    {"max_tokens_exceeded", FAIL_CONTEXT_LENGTH},
    {"token_limit_exceeded", FAIL_CONTEXT_LENGTH},
    {"request_too_large", FAIL_CONTEXT_LENGTH},
    {"string_too_long", FAIL_CONTEXT_LENGTH},
    {"content_filter", FAIL_CONTENT_POLICY},
    {"content_filter_policy", FAIL_CONTENT_POLICY},
    {"content_policy_violation", FAIL_CONTENT_POLICY},
    {"ResponsibleAIPolicyViolation", FAIL_CONTENT_POLICY},
    {"data_inspection_failed", FAIL_CONTENT_POLICY},
    {"DataInspectionFailed", FAIL_CONTENT_POLICY},
    {"invalid_prompt", FAIL_CONTENT_POLICY},
    {"bio_policy", FAIL_CONTENT_POLICY},
    {"image_content_policy_violation", FAIL_CONTENT_POLICY},
    {"moderation*", FAIL_CONTENT_POLICY},
    {"refusal", FAIL_CONTENT_POLICY},
    {"tool_use_failed", FAIL_BAD_GENERATION}, /* Groq */
    {"json_validate_failed", FAIL_BAD_GENERATION},
    {"insufficient_system_resource", FAIL_BAD_GENERATION}, /* DeepSeek */
    {"model_not_found", FAIL_PERMISSION},
    {"DeploymentNotFound", FAIL_PERMISSION},
    {"unsupported_country_region_territory", FAIL_REGION},
    {"data_residency_mismatch", FAIL_REGION},
    {"invalid_api_key", FAIL_AUTH},
    {"invalid_authentication_error", FAIL_AUTH},
    {"incorrect_api_key_error", FAIL_AUTH},
    {"unsupported_parameter", FAIL_INVALID_REQUEST},
    {"unsupported_value", FAIL_INVALID_REQUEST},
    {"unknown_parameter", FAIL_INVALID_REQUEST},
    {"extra_forbidden", FAIL_INVALID_REQUEST},
};

/* Words so general that a text or the status may know better. */
static const struct code_row vague_codes[] = {
    {"not_found*", FAIL_PERMISSION},
    {"NotFoundError", FAIL_PERMISSION},
    {"resource_not_found_error", FAIL_PERMISSION},
    {"permission*", FAIL_PERMISSION},
    {"authentication*", FAIL_AUTH},
    {"AuthenticationError", FAIL_AUTH},
    {"timeout*", FAIL_TIMEOUT},
    {"DEADLINE_EXCEEDED", FAIL_TIMEOUT},
    {"server_error", FAIL_OVERLOADED},
    {"server", FAIL_OVERLOADED},
    {"api_error", FAIL_OVERLOADED},
    {"internal*", FAIL_OVERLOADED},
    {"service_unavailable*", FAIL_OVERLOADED},
    {"invalid_request*", FAIL_INVALID_REQUEST},
    {"BadRequestError", FAIL_INVALID_REQUEST},
};

/* Parts of messages, in lower case. Both must be there where there are two. */
struct text_row {
    const char *text, *also;
    enum failure_class cls;
};
static const struct text_row quota_texts[] = {
    {"credit balance is too low", NULL, FAIL_QUOTA},
    {"insufficient balance", NULL, FAIL_QUOTA},
    {"exceeded your current quota", NULL, FAIL_QUOTA},
    {"check your plan and billing", NULL, FAIL_QUOTA},
    {"allocated quota exceeded", NULL, FAIL_QUOTA},
    {"insufficient credits", NULL, FAIL_QUOTA},
    {"available credits", NULL, FAIL_QUOTA}, /* xAI: used all, or has none */
    {"doesn't have any credits", NULL, FAIL_QUOTA},
    {"account is suspended", NULL, FAIL_QUOTA},
};
static const struct text_row overload_texts[] = {
    {"overloaded", NULL, FAIL_OVERLOADED},
    {"currently unavailable", NULL, FAIL_OVERLOADED},
};
static const struct text_row texts[] = {
    {"too many tokens, please wait", NULL, FAIL_RATE_LIMIT},
    {"maximum context length", NULL, FAIL_CONTEXT_LENGTH},
    {"maximum context limit", NULL, FAIL_CONTEXT_LENGTH},
    {"maximum prompt length is", NULL, FAIL_CONTEXT_LENGTH},
    {"prompt is too long", NULL, FAIL_CONTEXT_LENGTH},
    {"input is too long for requested model", NULL, FAIL_CONTEXT_LENGTH},
    {"too many total text bytes", NULL, FAIL_CONTEXT_LENGTH},
    {"exceed context limit", NULL, FAIL_CONTEXT_LENGTH},
    {"exceeds the context window", NULL, FAIL_CONTEXT_LENGTH},
    {"exceeds the available context size", NULL, FAIL_CONTEXT_LENGTH},
    {"exceeds context length", NULL, FAIL_CONTEXT_LENGTH},
    {"is longer than the model's context length", NULL, FAIL_CONTEXT_LENGTH},
    {"exceeds the maximum number of tokens allowed", NULL, FAIL_CONTEXT_LENGTH},
    {"input tokens exceed the configured limit", NULL, FAIL_CONTEXT_LENGTH},
    {"`inputs` tokens + `max_new_tokens` must be", NULL, FAIL_CONTEXT_LENGTH},
    {"range of input length should be", NULL, FAIL_CONTEXT_LENGTH},
    {"input token length too long", NULL, FAIL_CONTEXT_LENGTH},
    {"exceeded model token limit", NULL, FAIL_CONTEXT_LENGTH},
    {"too large for model with", NULL, FAIL_CONTEXT_LENGTH},
    {"maximum input length is", NULL, FAIL_CONTEXT_LENGTH},
    {"exceeds the maximum allowed input length", NULL, FAIL_CONTEXT_LENGTH},
    {"expected maxlength:", NULL, FAIL_CONTEXT_LENGTH},
    {"reduce the length of the messages", NULL, FAIL_CONTEXT_LENGTH},
    {"context_window", NULL, FAIL_CONTEXT_LENGTH},
    {"content management policy", NULL, FAIL_CONTENT_POLICY},
    {"safety system", NULL, FAIL_CONTENT_POLICY},
    {"violating our usage policy", NULL, FAIL_CONTENT_POLICY},
    {"violates usage guidelines", NULL, FAIL_CONTENT_POLICY},
    {"flagged", NULL, FAIL_CONTENT_POLICY},
    {"inappropriate content", NULL, FAIL_CONTENT_POLICY},
    {"the model produced invalid content", NULL, FAIL_CONTENT_POLICY},
    {"considered high risk", NULL, FAIL_CONTENT_POLICY},
    {"output blocked by content filtering policy", NULL, FAIL_CONTENT_POLICY},
    {"model", "does not exist", FAIL_PERMISSION},
    {"deployment", "does not exist", FAIL_PERMISSION},
    {"model", "not found", FAIL_PERMISSION},
    {"unsupported model", NULL, FAIL_PERMISSION},
    {"not deployed", NULL, FAIL_PERMISSION},
    {"api key not valid", NULL, FAIL_AUTH},
    {"incorrect api key", NULL, FAIL_AUTH},
    {"invalid api key", NULL, FAIL_AUTH},
    {"invalid subscription key", NULL, FAIL_AUTH},
    {"unsupported parameter", NULL, FAIL_INVALID_REQUEST},
    {"unknown parameter", NULL, FAIL_INVALID_REQUEST},
    {"unrecognized request argument", NULL, FAIL_INVALID_REQUEST},
    {"extra inputs are not permitted", NULL, FAIL_INVALID_REQUEST},
    {"maximum allowed number of output tokens", NULL, FAIL_INVALID_REQUEST},
    {"max_tokens is too large", NULL, FAIL_INVALID_REQUEST},
    {"property", "is unsupported", FAIL_INVALID_REQUEST}, /* Groq */
    {"server had an error", NULL, FAIL_OVERLOADED},
    {"unknown error", NULL, FAIL_OVERLOADED},
};

struct status_row {
    const char *dialect; /* NULL: any */
    unsigned status;
    enum failure_class cls;
    const char *text; /* it must be there, if not NULL */
};
static const struct status_row statuses[] = {
    {"together", 403, FAIL_CONTEXT_LENGTH, "token"},
    {"fireworks", 412, FAIL_QUOTA}, /* account suspended, or an add-on that does not load */
    {NULL, 400, FAIL_INVALID_REQUEST},
    {NULL, 401, FAIL_AUTH},
    {NULL, 402, FAIL_QUOTA},
    {NULL, 403, FAIL_PERMISSION},
    {NULL, 404, FAIL_PERMISSION},
    {NULL, 408, FAIL_TIMEOUT},
    {NULL, 409, FAIL_CONFLICT},
    {NULL, 410, FAIL_PERMISSION},
    {NULL, 413, FAIL_CONTEXT_LENGTH},
    {NULL, 424, FAIL_BAD_GENERATION}, /* Groq: a failed dependency of the answer */
    {NULL, 425, FAIL_OVERLOADED},
    {NULL, 429, FAIL_RATE_LIMIT},
    {NULL, 451, FAIL_REGION},
    {NULL, 498, FAIL_RATE_LIMIT}, /* Groq: no capacity in the flex tier */
    {NULL, 499, FAIL_OVERLOADED},
    {NULL, 504, FAIL_TIMEOUT},
    {NULL, 522, FAIL_TIMEOUT},
    {NULL, 524, FAIL_TIMEOUT},
};

struct reading {
    const struct dialect *dialect;
    struct error_body body;
    struct pm_str lower; /* all texts of the body in lower case */
    unsigned status; /* 0: only that it is an error */
    int64_t retry_after_ms;
};

static enum failure_class find_code(const struct code_row *rows, size_t n, struct pm_str word)
{
    for (size_t i = 0; i < n && word.n > 0; i++) {
        struct pm_str code = pm_str(rows[i].code);
        const bool prefix = code.p[code.n - 1] == '*';

        code.n -= prefix;
        if (pm_str_ieq(prefix ? pm_str_cut(word, 0, code.n) : word, code))
            return rows[i].cls;
    }
    return FAIL_NONE;
}

static enum failure_class by_code(const struct reading *r, const struct code_row *rows, size_t n)
{
    const struct pm_str words[] = {r->body.inner, r->body.code, r->body.type};
    enum failure_class cls = FAIL_NONE;

    for (size_t i = 0; i < PM_COUNT(words) && cls == FAIL_NONE; i++)
        cls = find_code(rows, n, words[i]);
    return cls;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool has(struct pm_str lower, const char *text)
{
    return lower.n > 0 && memmem(lower.p, lower.n, text, strlen(text)) != NULL;
}

static enum failure_class by_text(const struct reading *r, const struct text_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (has(r->lower, rows[i].text) && (!rows[i].also || has(r->lower, rows[i].also)))
            return rows[i].cls;
    }
    return FAIL_NONE;
}

/* The number that follows a word, at most a few bytes after it. */
static bool number_after(struct pm_str lower, const char *word, uint64_t *out)
{
    const char *end = lower.p + lower.n, *p = lower.p;
    const size_t n = strlen(word);

    while (p && p < end && (p = memmem(p, (size_t)(end - p), word, n)) != NULL) {
        uint64_t v = 0;

        p += n;
        for (int i = 0; i < 3 && p < end && !is_digit(*p); i++)
            p++;
        if (p == end || !is_digit(*p))
            continue;
        for (; p < end && (is_digit(*p) || *p == ','); p++) {
            if (*p != ',' && v < UINT64_MAX / 16)
                v = v * 10 + (uint64_t)(*p - '0');
        }
        *out = v;
        return true;
    }
    return false;
}

/* One request above the tokens per minute that this account may use: no wait helps. */
static bool above_limit(const struct reading *r)
{
    uint64_t limit, requested;

    if (number_after(r->lower, "limit", &limit) && number_after(r->lower, "requested", &requested))
        return requested > limit;
    if (has(r->lower, "request too large"))
        return true;
    return has(r->lower, "token rate limit") && r->retry_after_ms >= 86400 * INT64_C(1000);
}

static enum failure_class by_throttling(const struct reading *r, enum failure_class code)
{
    enum failure_class cls;

    if (above_limit(r))
        return FAIL_TOO_LARGE_FOR_LIMIT;
    if (code != FAIL_NONE && code != FAIL_RATE_LIMIT)
        return code;
    cls = by_text(r, quota_texts, PM_COUNT(quota_texts));
    if (cls != FAIL_NONE || code != FAIL_NONE)
        return cls != FAIL_NONE ? cls : code;
    cls = by_text(r, overload_texts, PM_COUNT(overload_texts));
    if (cls != FAIL_NONE)
        return cls;
    return r->status == 503 || r->status == 529 ? FAIL_OVERLOADED : FAIL_RATE_LIMIT;
}

static bool row_fits(const struct status_row *row, const struct reading *r)
{
    if (row->dialect && (!r->dialect || strcmp(row->dialect, r->dialect->name) != 0))
        return false;
    return row->status == r->status && (!row->text || has(r->lower, row->text));
}

static enum failure_class by_status(const struct reading *r)
{
    for (size_t i = 0; i < PM_COUNT(statuses); i++) {
        if (row_fits(&statuses[i], r))
            return statuses[i].cls;
    }
    if (r->status >= 300 && r->status < 400)
        return FAIL_PROTOCOL; /* redirects are not followed */
    return r->status >= 400 && r->status < 500 ? FAIL_INVALID_REQUEST : FAIL_OVERLOADED;
}

/* A page of some server in between, or nothing where the provider would have said why. */
static bool not_from_the_provider(const struct reading *r)
{
    if (r->body.kind == BODY_HTML)
        return r->status == 0 || r->status == 400 || r->status == 403;
    return r->body.kind == BODY_EMPTY && r->status == 403;
}

static enum failure_class class_of(const struct reading *r)
{
    const bool throttled =
        r->status == 429 || r->status == 498 || r->status == 503 || r->status == 529;
    enum failure_class cls = by_code(r, codes, PM_COUNT(codes));

    if (throttled || cls == FAIL_RATE_LIMIT || cls == FAIL_OVERLOADED)
        return by_throttling(r, cls);
    if (cls != FAIL_NONE)
        return cls;
    if (pm_str_is(r->body.code, "string_above_max_length"))
        return pm_str_starts(r->body.param, PM_STR("messages")) ||
                       pm_str_starts(r->body.param, PM_STR("input"))
                   ? FAIL_CONTEXT_LENGTH
                   : FAIL_INVALID_REQUEST;
    if (r->body.moderated)
        return FAIL_CONTENT_POLICY;
    if (r->status == 401 || r->status == 402)
        return by_status(r);
    if (r->status == 413 && above_limit(r))
        return FAIL_TOO_LARGE_FOR_LIMIT;
    cls = by_text(r, quota_texts, PM_COUNT(quota_texts));
    if (cls == FAIL_NONE)
        cls = by_text(r, texts, PM_COUNT(texts));
    if (cls == FAIL_NONE)
        cls = by_text(r, overload_texts, PM_COUNT(overload_texts));
    if (cls == FAIL_NONE && not_from_the_provider(r))
        cls = FAIL_OVERLOADED;
    if (cls == FAIL_NONE && (r->status < 400 || r->status >= 500))
        cls = by_code(r, vague_codes, PM_COUNT(vague_codes));
    return cls != FAIL_NONE ? cls : by_status(r);
}

static struct pm_str lower_case(const struct error_body *b, struct pm_arena *a)
{
    const struct pm_str parts[] = {b->message, b->raw, b->code, b->inner};
    size_t n = 0;
    char *p;

    for (size_t i = 0; i < PM_COUNT(parts); i++)
        n += parts[i].n + 1;
    p = pm_arena_alloc(a, n);
    n = 0;
    for (size_t i = 0; i < PM_COUNT(parts); i++) {
        for (size_t k = 0; k < parts[i].n; k++) {
            const char c = parts[i].p[k];

            p[n++] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
        }
        p[n++] = '\n';
    }
    return pm_str_n(p, n);
}

/* Some providers repeat the key that they refuse. Long words with digits are taken out. */
static struct pm_str without_keys(struct pm_str text, struct pm_arena *a)
{
    char *p = pm_arena_alloc(a, text.n + 1);
    size_t n = 0, word = 0, digits = 0;

    for (size_t i = 0; i <= text.n; i++) {
        const char c = i < text.n ? text.p[i] : ' ';

        if (c != ' ' && c != '"' && c != '\'' && c != '\n') {
            word++;
            digits += is_digit(c);
        } else {
            if (word >= 20 && digits > 0) {
                n -= word;
                memcpy(p + n, "***", 3);
                n += 3;
            }
            word = digits = 0;
        }
        if (i < text.n)
            p[n++] = c;
    }
    return pm_str_n(p, n);
}

static int64_t wait_of(const struct failure_input *in, struct pm_str lower)
{
    int64_t ms = retry_after_header(in->retry_after_ms, in->retry_after, in->now_unix_ms);

    return ms >= 0 ? ms : retry_after_text(lower);
}

void failure_classify(const struct dialect *d, const struct failure_input *in, struct pm_arena *a,
                      struct failure *out)
{
    struct reading r = {.dialect = d, .status = in->status >= 300 ? in->status : 0};

    error_body_read(in->body, in->content_type, a, &r.body);
    if (r.status == 0)
        r.status = r.body.status;
    r.lower = lower_case(&r.body, a);
    r.retry_after_ms = wait_of(in, r.lower);
    *out = (struct failure){
        .cls = class_of(&r),
        .upstream_status = in->status,
        .retry_after_ms = r.retry_after_ms,
        .code = r.body.inner.p  ? r.body.inner
                : r.body.code.p ? r.body.code
                                : r.body.type,
        .message = r.body.message,
    };
    out->parameter = out->cls == FAIL_INVALID_REQUEST &&
                     (by_code(&r, codes, PM_COUNT(codes)) == FAIL_INVALID_REQUEST ||
                      by_text(&r, texts, PM_COUNT(texts)) == FAIL_INVALID_REQUEST);
    if (out->cls == FAIL_AUTH)
        out->message = without_keys(out->message, a);
}
