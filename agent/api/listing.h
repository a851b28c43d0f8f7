/* SPDX-License-Identifier: Apache-2.0 */
/* The answers about models, endpoints, providers and keys, in OpenRouter's shapes
 * (openrouter-api §10), with the few members that OpenAI's SDKs want beside them.
 * Pure: a table in, JSON out. What cannot be routed to is not listed. Any thread. */
#ifndef AGENT_API_LISTING_H
#define AGENT_API_LISTING_H

#include "agent/health.h"
#include "common/error.h"

/* What is looked at, and through whose eyes. */
struct listing {
    const struct pm_table *table;
    /* The endpoint could be tried now: enabled, its protocol spoken, its key there. */
    bool (*usable)(void *ctx, const struct pm_endpoint *e);
    /* How it does. NULL: nothing is known of any. */
    void (*report)(void *ctx, const struct pm_endpoint *e, struct health_report *out);
    void *ctx;
    bool private_ok; /* endpoints of private providers are shown */
    struct pm_str prefix; /* of links: "/api/v1" */
};

/* GET /models, /models/count, /embeddings/models. query: as it came, without '?'; what it asks
 * wrongly is PM_EINVAL, what is not known is ignored. */
bool listing_models(const struct listing *l, struct pm_str query, struct pm_buf *out,
                    struct pm_error *err);
bool listing_count(const struct listing *l, struct pm_str query, struct pm_buf *out,
                   struct pm_error *err);
bool listing_embedding_models(const struct listing *l, struct pm_str query, struct pm_buf *out,
                              struct pm_error *err);

/* GET /model/{author}/{slug} and /models/{author}/{slug}/endpoints. Author and slug as they stand
 * in the path. With an empty slug the author is the whole id, escaped, as OpenAI's SDKs ask for a
 * model, and the answer is the bare object that they expect. PM_EINVAL: no such model here, which
 * is a 404. */
bool listing_model(const struct listing *l, struct pm_str author, struct pm_str slug,
                   struct pm_buf *out, struct pm_error *err);
bool listing_endpoints(const struct listing *l, struct pm_str author, struct pm_str slug,
                       struct pm_buf *out, struct pm_error *err);

/* GET /endpoints/zdr and /providers. False: out is full. */
bool listing_zdr(const struct listing *l, struct pm_buf *out);
bool listing_providers(const struct listing *l, struct pm_buf *out);

/* GET /key. */
struct listing_key {
    const struct pm_client_key *key; /* NULL: none is needed here */
    int64_t usage_nano, daily_nano, weekly_nano, monthly_nano; /* USD, current UTC windows */
    int64_t byok_nano, byok_daily_nano, byok_weekly_nano, byok_monthly_nano;
};
bool listing_key(const struct listing_key *k, struct pm_buf *out);

#endif
