/* SPDX-License-Identifier: Apache-2.0 */
/* OpenRouter's list of models into the configuration's words. cJSON would lose digits of numbers,
 * but all prices in this list are text. */
#include <cJSON.h>

#include "common/config/config.h"
#include "common/json.h"

#define MAX_UNIX_S 99999999999.0
#define MAX_TOKENS 1e9

struct import {
    struct pm_map by_id; /* every entry of the list that has an id */
    struct pm_buf *yaml, *skipped;
};

/* OpenRouter's names of prices and ours. A price of "0" says that there is none of the kind. */
static const struct {
    const char *theirs, *ours;
    bool per_token; /* else in USD each */
    bool always; /* written even if it is 0 */
} prices[] = {
    {"prompt", "input", true, true},
    {"completion", "output", true, true},
    {"input_cache_read", "cache_read", true, false},
    {"input_cache_write", "cache_write", true, false},
    {"input_cache_write_1h", "cache_write_1h", true, false},
    {"internal_reasoning", "reasoning", true, false},
    {"audio", "audio_in", true, false},
    {"audio_output", "audio_out", true, false},
    {"image_token", "image_in", true, false},
    {"image_output", "image_out", true, false},
    {"request", "request", false, false},
    {"image", "image", false, false},
};

static bool is_id(struct pm_str s)
{
    size_t slashes = 0;

    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        slashes += c == '/';
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              strchr("-_.+/", c)))
            return false;
    }
    return slashes == 1 && s.p[0] != '/' && s.p[s.n - 1] != '/';
}

/* Takes back what was written since. */
static void cut_back(struct pm_buf *b, size_t start)
{
    b->n = start;
    if (b->p)
        b->p[start] = '\0';
}

static const char *text_of(const cJSON *obj, const char *key)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(obj, key);

    return cJSON_IsString(v) ? v->valuestring : NULL;
}

/* Length of a character at p that YAML takes only escaped: controls (also those of U+0080 to
 * U+009F), the byte order mark, U+FFFE and U+FFFF. 0: p is none of them. */
static size_t unprintable(const unsigned char *p)
{
    if (p[0] < ' ' || p[0] == 127)
        return 1;
    if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
        return 2;
    if (p[0] == 0xef && ((p[1] == 0xbb && p[2] == 0xbf) || (p[1] == 0xbf && p[2] >= 0xbe)))
        return 3;
    return 0;
}

/* A string of JSON is one of YAML, but for those characters: each becomes blanks. */
static void add_quoted(struct pm_buf *b, const char *s)
{
    char *clean = pm_xstrdup(s);

    for (char *p = clean; *p; p++) {
        size_t n = unprintable((const unsigned char *)p);
        if (n) {
            memset(p, ' ', n);
            p += n - 1;
        }
    }
    pm_json_quote(b, pm_str(clean));
    free(clean);
}

static void add_number(struct pm_buf *b, const char *name, const cJSON *v, double max)
{
    if (cJSON_IsNumber(v) && v->valuedouble >= 1 && v->valuedouble <= max)
        pm_buf_addf(b, "    %s: %.0f\n", name, v->valuedouble);
}

/* False: a price that is no price, such as "-1" for a router; then nothing was written. */
static bool add_prices(struct pm_buf *b, const cJSON *pricing)
{
    size_t start = b->n;
    int64_t pico;

    pm_buf_lit(b, "{");
    for (size_t i = 0; i < PM_COUNT(prices); i++) {
        const char *s = text_of(pricing, prices[i].theirs);
        if (!s && !prices[i].always)
            continue;
        if (!s || !pm_money_per_token(pm_str(s), &pico)) {
            cut_back(b, start);
            return false;
        }
        if (pico == 0 && !prices[i].always)
            continue;
        pm_buf_addf(b, "%s%s: ", b->n == start + 1 ? "" : ", ", prices[i].ours);
        if (prices[i].per_token)
            pm_money_print_per_mtok(b, pico);
        else
            pm_money_print_per_token(b, pico);
    }
    return pm_buf_lit(b, "}");
}

static bool is_modality(struct pm_str s)
{
    return pm_str_is(s, "text") || pm_str_is(s, "image") || pm_str_is(s, "audio") ||
           pm_str_is(s, "file") || pm_str_is(s, "video");
}

static bool is_param(struct pm_str s)
{
    return pm_param_from(s) != PM_P_COUNT;
}

/* "[a, b]" of the members of list that `known` knows. */
static void add_list(struct pm_buf *b, const char *name, const cJSON *list,
                     bool (*known)(struct pm_str))
{
    const cJSON *v;
    bool any = false;

    cJSON_ArrayForEach(v, list)
    {
        if (!cJSON_IsString(v) || !known(pm_str(v->valuestring)))
            continue;
        if (any)
            pm_buf_addf(b, ", %s", v->valuestring);
        else
            pm_buf_addf(b, "%s: [%s", name, v->valuestring);
        any = true;
    }
    if (any)
        pm_buf_lit(b, "]\n");
}

static void add_modalities(struct pm_buf *b, const cJSON *model)
{
    const cJSON *a = cJSON_GetObjectItemCaseSensitive(model, "architecture");
    const cJSON *in = cJSON_GetObjectItemCaseSensitive(a, "input_modalities");
    const cJSON *out = cJSON_GetObjectItemCaseSensitive(a, "output_modalities");
    const cJSON *first = cJSON_GetArrayItem(out, 0);

    if (cJSON_GetArraySize(in) == 0 || cJSON_GetArraySize(out) == 0)
        return;
    pm_buf_lit(b, "    modalities:\n");
    add_list(b, "      input", in, is_modality);
    if (cJSON_IsString(first) && strcmp(first->valuestring, "embeddings") == 0)
        pm_buf_lit(b, "      output: [embedding]\n");
    else
        add_list(b, "      output", out, is_modality);
}

static void skip(struct import *im, const char *id, const char *why)
{
    pm_buf_addf(im->skipped, "%s: %s\n", id, why);
}

static bool add_endpoint(struct import *im, const cJSON *model, const char *id, const char *tag)
{
    size_t start = im->yaml->n;

    pm_buf_addf(im->yaml, "      %s:\n        model: ", tag);
    add_quoted(im->yaml, id);
    pm_buf_lit(im->yaml, "\n        price: ");
    if (!add_prices(im->yaml, cJSON_GetObjectItemCaseSensitive(model, "pricing"))) {
        cut_back(im->yaml, start);
        skip(im, id, "it has no price");
        return false;
    }
    return pm_buf_ch(im->yaml, '\n');
}

/* The entry of id, its free twin as a second endpoint; either may be NULL. */
static void add_model(struct import *im, struct pm_str id, const cJSON *paid, const cJSON *free_one)
{
    const cJSON *m = paid ? paid : free_one;
    const cJSON *top = cJSON_GetObjectItemCaseSensitive(m, "top_provider");
    const char *name = text_of(m, "name"), *canonical = text_of(m, "canonical_slug");
    struct pm_buf *b = im->yaml;
    size_t start = b->n;
    bool any = false;

    pm_buf_addf(b, "  \"%.*s\":\n", PM_FMT(id));
    if (name && name[0]) {
        pm_buf_lit(b, "    name: ");
        add_quoted(b, name);
        pm_buf_ch(b, '\n');
    }
    if (canonical && is_id(pm_str(canonical)))
        pm_buf_addf(b, "    canonical: \"%s\"\n", canonical);
    add_number(b, "created", cJSON_GetObjectItemCaseSensitive(m, "created"), MAX_UNIX_S);
    add_number(b, "context", cJSON_GetObjectItemCaseSensitive(m, "context_length"), MAX_TOKENS);
    add_number(b, "max_output", cJSON_GetObjectItemCaseSensitive(top, "max_completion_tokens"),
               MAX_TOKENS);
    add_modalities(b, m);
    add_list(b, "    parameters", cJSON_GetObjectItemCaseSensitive(m, "supported_parameters"),
             is_param);
    pm_buf_lit(b, "    endpoints:\n");
    if (paid)
        any |= add_endpoint(im, paid, text_of(paid, "id"), "openrouter");
    if (free_one && add_endpoint(im, free_one, text_of(free_one, "id"), "openrouter/free")) {
        pm_buf_lit(b, "        free: true\n");
        any = true;
    }
    if (!any)
        cut_back(b, start);
}

static void import_one(struct import *im, const cJSON *m)
{
    struct pm_str tail = PM_STR(":free"), id = pm_str(text_of(m, "id")), base = id;
    bool is_free = id.n > tail.n && pm_str_eq(pm_str_cut(id, id.n - tail.n, id.n), tail);
    struct pm_buf twin;

    if (is_free)
        base.n -= tail.n;
    if (!is_id(base)) {
        skip(im, id.p, "its id is no author/slug");
        return;
    }
    if (is_free) {
        if (!pm_map_get(&im->by_id, base))
            add_model(im, base, NULL, m);
        return; /* else with its paid twin */
    }
    pm_buf_init(&twin, id.n + tail.n);
    pm_buf_str(&twin, id);
    pm_buf_str(&twin, tail);
    add_model(im, base, m, pm_map_get(&im->by_id, pm_buf_view(&twin)));
    pm_buf_fini(&twin);
}

bool pm_import_openrouter(struct pm_str json, struct pm_buf *yaml, struct pm_buf *skipped,
                          struct pm_error *err)
{
    struct import im = {.yaml = yaml, .skipped = skipped};
    cJSON *root = cJSON_ParseWithLength(json.p, json.n);
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(root, "data");
    const cJSON *m;
    bool ok = false;

    pm_map_init(&im.by_id);
    if (!cJSON_IsArray(data)) {
        pm_fail(err, PM_EINVAL, "not a list of models: it has no array `data`");
        goto done;
    }
    cJSON_ArrayForEach(m, data)
    {
        char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(m, "id"));
        if (id && id[0])
            pm_map_put(&im.by_id, pm_str(id), (void *)(uintptr_t)m);
    }
    pm_buf_lit(yaml, "models:\n");
    cJSON_ArrayForEach(m, data)
    {
        const char *id = text_of(m, "id");
        if (!id || !id[0])
            pm_buf_lit(skipped, "an entry without an id\n");
        else if (pm_map_get(&im.by_id, pm_str(id)) == m) /* of two with one id, the last */
            import_one(&im, m);
    }
    ok = !yaml->failed && !skipped->failed;
    if (!ok)
        pm_fail(err, PM_ELIMIT, "the list is too large");
done:
    pm_map_fini(&im.by_id);
    cJSON_Delete(root);
    return ok;
}
