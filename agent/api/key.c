/* SPDX-License-Identifier: Apache-2.0 */
/* GET /key (openrouter-api §10.5). */
#include "agent/api/listing.h"

#include "common/json_out.h"

#include <time.h>

/* OpenRouter's words for regions are not ours. */
static const char *region_word(struct pm_str region)
{
    if (pm_str_ieq(region, PM_STR("eu")))
        return "europe";
    return pm_str_ieq(region, PM_STR("us")) ? "us" : NULL;
}

static void write_regions(struct pm_jout *o, const struct pm_client_key *key)
{
    const struct pm_prefs *prefs = key ? &key->policy->prefs : NULL;

    pm_jout_open(o, "allowed_data_regions", '[');
    if (!prefs || prefs->n_regions == 0)
        pm_jout_cstr(o, NULL, "global");
    for (size_t i = 0; prefs && i < prefs->n_regions; i++) {
        const char *word = region_word(prefs->regions[i]);

        if (word)
            pm_jout_cstr(o, NULL, word);
        else
            pm_jout_str(o, NULL, prefs->regions[i]);
    }
    pm_jout_close(o, ']');
}

static void write_limit(struct pm_jout *o, const struct listing_key *k)
{
    const struct pm_client_key *key = k->key;

    if (!key || key->limit_nano == PM_PRICE_NONE) {
        pm_jout_null(o, "limit");
        pm_jout_null(o, "limit_remaining");
    } else {
        pm_jout_nano(o, "limit", key->limit_nano);
        pm_jout_nano(o, "limit_remaining", PM_MAX(0, key->limit_nano - k->usage_nano));
    }
    pm_jout_null(o, "limit_reset");
    pm_jout_bool(o, "include_byok_in_limit", false);
}

static void write_usage(struct pm_jout *o, const struct listing_key *k)
{
    const struct {
        const char *name;
        int64_t nano;
    } sums[] = {
        {"usage", k->usage_nano},
        {"usage_daily", k->daily_nano},
        {"usage_weekly", k->weekly_nano},
        {"usage_monthly", k->monthly_nano},
        {"byok_usage", k->byok_nano},
        {"byok_usage_daily", k->byok_daily_nano},
        {"byok_usage_weekly", k->byok_weekly_nano},
        {"byok_usage_monthly", k->byok_monthly_nano},
    };

    for (size_t i = 0; i < PM_COUNT(sums); i++)
        pm_jout_nano(o, sums[i].name, sums[i].nano);
}

static void write_expiry(struct pm_jout *o, const struct pm_client_key *key)
{
    const time_t at = key ? (time_t)(key->expires_unix_ms / 1000) : 0;
    char text[40];
    struct tm tm;

    if (at > 0 && gmtime_r(&at, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
        pm_jout_cstr(o, "expires_at", text);
    else
        pm_jout_null(o, "expires_at");
}

/* Limits of calls are what this router does not have; clients demand the members. */
static void write_rates(struct pm_jout *o)
{
    pm_jout_open(o, "free_model_daily_requests", '{');
    pm_jout_i64(o, "limit", -1);
    pm_jout_i64(o, "remaining", -1);
    pm_jout_i64(o, "used", 0);
    pm_jout_close(o, '}');
    pm_jout_open(o, "rate_limit", '{');
    pm_jout_i64(o, "requests", -1);
    pm_jout_cstr(o, "interval", "10s");
    pm_jout_cstr(o, "note", "deprecated, safe to ignore");
    pm_jout_close(o, '}');
}

bool listing_key(const struct listing_key *k, struct pm_buf *out)
{
    const struct pm_client_key *key = k->key;
    struct pm_jout o = {.b = out};

    pm_jout_open(&o, NULL, '{');
    pm_jout_open(&o, "data", '{');
    if (key)
        pm_jout_str(&o, "label", key->label.n ? key->label : key->name);
    else
        pm_jout_cstr(&o, "label", "no key needed");
    write_limit(&o, k);
    write_usage(&o, k);
    pm_jout_bool(&o, "is_free_tier", false);
    pm_jout_bool(&o, "is_management_key", false);
    pm_jout_bool(&o, "is_provisioning_key", false);
    pm_jout_null(&o, "creator_user_id");
    pm_jout_null(&o, "organization_id");
    pm_jout_null(&o, "workspace_id");
    write_expiry(&o, key);
    write_regions(&o, key);
    write_rates(&o);
    pm_jout_close(&o, '}');
    pm_jout_close(&o, '}');
    return !out->failed;
}
