/* SPDX-License-Identifier: Apache-2.0 */
/* The routing table: every provider, model, endpoint, alias, preset and policy, compiled from the
 * catalogue and the configuration. Immutable once built and reference-counted: a relay keeps the
 * table on which it began while the program swaps in the next one. All text lives in its arena.
 * Any thread may read; ref and unref are atomic. */
#ifndef PM_ROUTE_TABLE_H
#define PM_ROUTE_TABLE_H

#include "common/arena.h"
#include "common/map.h"
#include "common/money.h"

/* What a model or endpoint takes and gives. Bits of a uint32_t. */
enum pm_modality {
    PM_MOD_TEXT = 1 << 0,
    PM_MOD_IMAGE = 1 << 1,
    PM_MOD_AUDIO = 1 << 2,
    PM_MOD_FILE = 1 << 3,
    PM_MOD_VIDEO = 1 << 4,
    PM_MOD_EMBEDDING = 1 << 5, /* output only: an embeddings model */
};

/* Request parameters an endpoint may support; bits of a uint64_t. The names are OpenRouter's
 * `supported_parameters`; pm_param_name gives them. */
enum pm_param {
    PM_P_TEMPERATURE,
    PM_P_TOP_P,
    PM_P_TOP_K,
    PM_P_MIN_P,
    PM_P_TOP_A,
    PM_P_FREQUENCY_PENALTY,
    PM_P_PRESENCE_PENALTY,
    PM_P_REPETITION_PENALTY,
    PM_P_MAX_TOKENS,
    PM_P_MAX_COMPLETION_TOKENS,
    PM_P_LOGIT_BIAS,
    PM_P_LOGPROBS,
    PM_P_TOP_LOGPROBS,
    PM_P_PREDICTION,
    PM_P_SEED,
    PM_P_RESPONSE_FORMAT,
    PM_P_STRUCTURED_OUTPUTS,
    PM_P_STOP,
    PM_P_TOOLS,
    PM_P_TOOL_CHOICE,
    PM_P_PARALLEL_TOOL_CALLS,
    PM_P_INCLUDE_REASONING,
    PM_P_REASONING,
    PM_P_REASONING_EFFORT,
    PM_P_WEB_SEARCH_OPTIONS,
    PM_P_VERBOSITY,
    PM_P_MODALITIES,
    PM_P_COUNT
};
#define PM_PBIT(p) (1ULL << (p))
const char *pm_param_name(enum pm_param p);
/* The parameter of that name; PM_P_COUNT if it is none of them. */
enum pm_param pm_param_from(struct pm_str name);

enum pm_protocol {
    PM_PROTO_OPENAI, /* chat completions and its dialects */
    PM_PROTO_ANTHROPIC,
    PM_PROTO_GEMINI,
    PM_PROTO_BEDROCK,
    PM_PROTO_VERTEX,
    PM_PROTO_COUNT
};
const char *pm_protocol_name(enum pm_protocol p);
bool pm_protocol_from(struct pm_str name, enum pm_protocol *out);

enum pm_quant { /* bits, so that a request's list is a mask */
                PM_Q_UNKNOWN = 1 << 0,
                PM_Q_INT4 = 1 << 1,
                PM_Q_INT8 = 1 << 2,
                PM_Q_FP4 = 1 << 3,
                PM_Q_MXFP4 = 1 << 4,
                PM_Q_NVFP4 = 1 << 5,
                PM_Q_FP6 = 1 << 6,
                PM_Q_FP8 = 1 << 7,
                PM_Q_MXFP8 = 1 << 8,
                PM_Q_FP16 = 1 << 9,
                PM_Q_BF16 = 1 << 10,
                PM_Q_FP32 = 1 << 11,
};
const char *pm_quant_name(enum pm_quant q);
uint32_t pm_quant_from(struct pm_str name); /* 0 if unknown word */
/* A list that names fp4 means mxfp4 and nvfp4 too, one that names fp8 mxfp8. */
uint32_t pm_quants_widen(uint32_t mask);
#define PM_QUANTS_NONE (1U << 31) /* a mask that no endpoint is in, as 0 is any */

enum pm_tier { PM_TIER_DEFAULT, PM_TIER_FLEX, PM_TIER_PRIORITY };

/* What a provider does with prompts. Unknown is taken as the worst (openrouter-api §12). */
struct pm_data_policy {
    bool known;
    bool trains;
    int32_t
        retention_days; /* 0: nothing is kept (zero data retention); -1: kept, unknown how long */
};

/* Where a provider key comes from. The secret itself is never in the table: the agent holds it. */
enum pm_key_section { PM_KEY_PRIORITIZED, PM_KEY_SHARED, PM_KEY_FALLBACK };
struct pm_credential {
    struct pm_str name; /* for people and records, e.g. "openai/team-a" */
    enum { PM_CRED_NONE, PM_CRED_ENV, PM_CRED_FILE } source; /* NONE: the provider needs no key */
    struct pm_str ref; /* the variable's or file's name */
    enum pm_key_section section;
    bool byok; /* billed by the provider to the key's owner, not by us */
    struct pm_str *models; /* globs of model ids it may be used for; n_models == 0: all */
    size_t n_models;
    uint32_t index; /* position in pm_table.credentials */
    uint32_t provider;
};

struct pm_provider {
    struct pm_str slug, name; /* "xai", "xAI" */
    enum pm_protocol protocol;
    struct pm_str dialect; /* "openai", "xai", "vllm", ...; the agent knows what it means */
    struct pm_str base_url; /* without a slash at the end */
    struct pm_str *regions; /* lower case: us, eu, ...; none: global */
    size_t n_regions;
    struct pm_data_policy data;
    struct pm_str privacy_url, terms_url, status_url, headquarters; /* PM_NSTR if unknown */
    bool is_private; /* tried first; not in lists for others than its callers */
    bool enabled;
    bool moderated;
    const struct pm_credential **creds; /* in the order of the configuration */
    size_t n_creds;
    struct pm_header_kv {
        struct pm_str name, value;
    } * headers; /* sent with every request */
    size_t n_headers;
    struct pm_str ca_file, proxy; /* PM_NSTR: the system's */
    uint32_t index;
};

struct pm_model;
struct pm_endpoint {
    const struct pm_model *model;
    const struct pm_provider *provider;
    struct pm_str tag; /* the slug of order/only/ignore: "azure/eu", "deepinfra/turbo" */
    struct pm_str upstream_model; /* what the provider calls it */
    struct pm_str region; /* PM_NSTR: as the provider's */
    enum pm_quant quant;
    enum pm_tier tier;
    struct pm_price price;
    int64_t context, max_output; /* tokens; 0: unknown */
    uint32_t in_modalities, out_modalities;
    uint64_t params; /* PM_PBIT of what it supports */
    struct pm_data_policy data;
    bool enabled;
    bool free; /* serves the :free variant */
    uint32_t index; /* position in pm_table.endpoints and in the health array */
};

struct pm_model {
    struct pm_str id, canonical, name, description; /* "openai/gpt-5.1" */
    int64_t created; /* unix seconds; 0 if unknown */
    int64_t context, max_output; /* tokens */
    uint32_t in_modalities, out_modalities;
    bool reasoning; /* it can think */
    bool distillable;
    uint64_t params; /* PM_PBIT of what any of its endpoints supports */
    const struct pm_endpoint **endpoints;
    size_t n_endpoints;
    uint32_t index;
};

/* Preferences of order, as `provider` in a request, a preset, an alias or a policy gives them. */
enum pm_sort { PM_SORT_NONE, PM_SORT_PRICE, PM_SORT_THROUGHPUT, PM_SORT_LATENCY, PM_SORT_EXACTO };
struct pm_cutoffs {
    double p50, p75, p90, p99;
}; /* <= 0: not asked */
struct pm_prefs {
    struct pm_str *order, *only, *ignore;
    size_t n_order, n_only, n_ignore;
    bool only_set; /* an empty allow-list allows nothing */
    bool no_fallbacks; /* allow_fallbacks: false */
    bool require_parameters;
    bool deny_collection; /* data_collection: deny */
    bool zdr;
    bool distillable; /* enforce_distillable_text */
    uint32_t quants; /* 0: any */
    enum pm_sort sort;
    bool partition_none; /* sort {partition: none} */
    struct pm_cutoffs min_throughput; /* tokens per second */
    struct pm_cutoffs max_latency; /* seconds to the first token */
    int64_t max_prompt, max_completion; /* pico-dollars per token; PM_PRICE_NONE: no bound */
    int64_t max_request, max_image; /* pico-dollars each; PM_PRICE_NONE: no bound */
    int64_t max_audio; /* pico-dollars per token of audio input; PM_PRICE_NONE: no bound */
    struct pm_str *regions; /* allowed regions; n_regions == 0: any */
    size_t n_regions;
};
/* The one region of a list that allows none, as an empty list allows all. No endpoint is there. */
#define PM_REGION_NOWHERE PM_STR("nowhere")
#define PM_PREFS_NONE                                                                              \
    ((struct pm_prefs){.max_prompt = PM_PRICE_NONE,                                                \
                       .max_completion = PM_PRICE_NONE,                                            \
                       .max_request = PM_PRICE_NONE,                                               \
                       .max_image = PM_PRICE_NONE,                                                 \
                       .max_audio = PM_PRICE_NONE})

/* `aliases:` in the configuration, and `presets:` (which also hold body members). */
struct pm_alias {
    struct pm_str name;
    struct pm_str *models;
    size_t n_models;
    struct pm_prefs prefs;
};
struct pm_preset {
    struct pm_str name;
    struct pm_str *models;
    size_t n_models;
    struct pm_prefs prefs;
    struct pm_str body; /* a JSON object of request members to add where the request has none */
    struct pm_str system; /* a system prompt, PM_NSTR if none */
};

/* What a tenant may do. Every layer only narrows the one above it (see pm_policy_narrow). */
enum pm_unknown_price { PM_UNKNOWN_DENY, PM_UNKNOWN_CEILING, PM_UNKNOWN_FLAG };
struct pm_policy {
    struct pm_str name;
    struct pm_prefs prefs; /* its order and sort are defaults, its limits are limits */
    struct pm_str *models, *deny_models; /* globs; n_models == 0: all */
    size_t n_models, n_deny_models;
    enum pm_unknown_price unknown_price;
    int64_t default_max_output; /* tokens assumed where a request names none; 0: the model's */
    bool sticky_off;
    struct pm_spend {
        int64_t daily_nano, weekly_nano, monthly_nano, total_nano;
    } budget; /* PM_PRICE_NONE: no bound. Enforced by the control plane */
};
#define PM_SPEND_NONE                                                                              \
    ((struct pm_spend){PM_PRICE_NONE, PM_PRICE_NONE, PM_PRICE_NONE, PM_PRICE_NONE})

/* A client's API key: only its hash is known. */
struct pm_client_key {
    struct pm_str name, label;
    unsigned char sha256[32];
    const struct pm_policy *policy; /* never NULL */
    int64_t limit_nano; /* PM_PRICE_NONE: unlimited. Enforced by the control plane */
    int64_t expires_unix_ms; /* 0: never */
    bool disabled;
};

struct pm_table {
    struct pm_arena arena;
    uint64_t version;
    const struct pm_provider **providers;
    size_t n_providers;
    const struct pm_model **models;
    size_t n_models;
    const struct pm_endpoint **endpoints;
    size_t n_endpoints;
    const struct pm_credential **credentials;
    size_t n_credentials;
    const struct pm_client_key **keys;
    size_t n_keys;
    const struct pm_policy *policy; /* the default one, never NULL */
    struct pm_map model_by_id; /* id and canonical, without suffix → struct pm_model */
    struct pm_map provider_by_slug;
    struct pm_map alias_by_name;
    struct pm_map preset_by_name;
    struct pm_map policy_by_name;
    int refs; /* use ref and unref */
};

struct pm_table *pm_table_new(void); /* empty, one reference, default policy set */
struct pm_table *pm_table_ref(struct pm_table *t);
void pm_table_unref(struct pm_table *t); /* NULL is fine */
const struct pm_model *pm_table_model(const struct pm_table *t, struct pm_str id);
/* True if a slug of order, only or ignore means this endpoint tag: the same, or the provider's slug
 * before its '/'. ASCII case is ignored. */
bool pm_slug_covers(struct pm_str slug, struct pm_str tag);
/* The narrower of both: lists intersect, denials and demands add up, bounds take the lower. */
struct pm_prefs pm_prefs_narrow(struct pm_arena *a, const struct pm_prefs *wide,
                                const struct pm_prefs *tight);

#endif
