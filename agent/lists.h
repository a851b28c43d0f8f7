/* SPDX-License-Identifier: Apache-2.0 */
/* GET answers of the API that need no provider: models, endpoints, providers, the caller's key.
 * Writes the body with agent/api's pure writers, over what this agent can route to now. */
#ifndef AGENT_LISTS_H
#define AGENT_LISTS_H

#include "agent/agent.h"

enum list_kind {
    LIST_MODELS,
    LIST_COUNT,
    LIST_EMBEDDING_MODELS,
    LIST_MODEL,
    LIST_ENDPOINTS,
    LIST_ZDR,
    LIST_PROVIDERS,
    LIST_KEY
};
struct list_query {
    enum list_kind kind;
    struct pm_str query, author, slug; /* as they stand in the path; PM_NSTR if it has none */
    struct pm_str prefix; /* of links: "/v1" or "/api/v1" */
    const struct pm_client_key *key; /* the caller's, or NULL */
};
/* The status of the answer; unless it is 200, *err says why and `out` is not to be used. */
unsigned list_write(struct agent *a, const struct list_query *q, struct pm_buf *out,
                    struct pm_error *err);

#endif
