/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/lists.h"

#include "agent/api/listing.h"
#include "agent/provider/codec.h"
#include "common/clock.h"

/* Enabled, its protocol spoken, and a key for it there. */
static bool usable(void *ctx, const struct pm_endpoint *e)
{
    const struct agent *a = ctx;
    const bool *present = secrets_present(a->now->secrets);

    if (!e->enabled || !e->provider->enabled || !codec_for(e->provider->protocol))
        return false;
    for (size_t i = 0; i < e->provider->n_creds; i++) {
        if (present[e->provider->creds[i]->index])
            return true;
    }
    return false;
}

static void report(void *ctx, const struct pm_endpoint *e, struct health_report *out)
{
    struct agent *a = ctx;

    health_report(a->health, e, uv_now(a->loop), out);
}

static bool write_key(struct agent *a, const struct pm_client_key *key, struct pm_buf *out)
{
    struct key_spend own, byok;

    key_usage_get(a->key_usage, key ? key->name : PM_NSTR, pm_unix_ms(), &own, &byok);
    return listing_key(&(struct listing_key){.key = key,
                                             .usage_nano = own.total,
                                             .daily_nano = own.day,
                                             .weekly_nano = own.week,
                                             .monthly_nano = own.month,
                                             .byok_nano = byok.total,
                                             .byok_daily_nano = byok.day,
                                             .byok_weekly_nano = byok.week,
                                             .byok_monthly_nano = byok.month},
                       out);
}

unsigned list_write(struct agent *a, const struct list_query *q, struct pm_buf *out,
                    struct pm_error *err)
{
    const struct listing l = {.table = a->now->table,
                              .usable = usable,
                              .report = report,
                              .ctx = a,
                              .private_ok = true, /* whoever reaches a sidecar may route to them */
                              .prefix = q->prefix};

    switch (q->kind) {
    case LIST_MODELS:
        return listing_models(&l, q->query, out, err) ? 200 : 400;
    case LIST_COUNT:
        return listing_count(&l, q->query, out, err) ? 200 : 400;
    case LIST_EMBEDDING_MODELS:
        return listing_embedding_models(&l, q->query, out, err) ? 200 : 400;
    case LIST_MODEL:
        return listing_model(&l, q->author, q->slug, out, err) ? 200 : 404;
    case LIST_ENDPOINTS:
        return listing_endpoints(&l, q->author, q->slug, out, err) ? 200 : 404;
    case LIST_ZDR:
        return listing_zdr(&l, out) ? 200 : 500;
    case LIST_PROVIDERS:
        return listing_providers(&l, out) ? 200 : 500;
    case LIST_KEY:
        return write_key(a, q->key, out) ? 200 : 500;
    }
    return 500;
}
