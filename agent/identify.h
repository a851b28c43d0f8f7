/* SPDX-License-Identifier: Apache-2.0 */
/* Who calls: the API key of the request, where keys are configured, and keys of providers that the
 * request brings along (X-Provider-API-Keys). Fills key, policy and caller keys of the relay.
 * False: refused, with the answer's status and text. Loop thread. */
#ifndef AGENT_IDENTIFY_H
#define AGENT_IDENTIFY_H

#include "agent/relay.h"

bool identify(struct relay *r, const struct pm_http1_head *h, struct front_error *refusal);

/* The end user's name for providers: a hash with the client key's name, so that nobody outside can
 * tell who it is, or that two tenants' users have one name (openrouter-api §4.1). */
struct pm_str identify_user(struct relay *r);

/* The key alone, for answers that need no relay. *key may come back NULL: none is needed. */
bool identify_key(const struct snapshot *s, const struct pm_http1_head *h,
                  const struct pm_client_key **key, struct front_error *refusal);
/* The token of `Authorization: Bearer` or `x-api-key`; PM_NSTR if there is none. */
struct pm_str identify_token(const struct pm_http1_head *h);

#endif
