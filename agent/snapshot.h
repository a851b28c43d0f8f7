/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that a reload replaces: configuration, table, secrets and prepared targets, as one
 * reference-counted unit. A relay ends on the snapshot on which it began. Loop thread only. */
#ifndef AGENT_SNAPSHOT_H
#define AGENT_SNAPSHOT_H

#include "agent/secrets.h"
#include "agent/upstream.h"
#include "common/config/config.h"

struct snapshot {
    unsigned refs;
    struct pm_config *config;
    struct pm_table *table; /* the config's */
    struct secrets *secrets;
    struct upstream *upstream;
    struct pm_map targets; /* URL and credential → struct target */
    struct pm_map keys; /* SHA-256 → struct pm_client_key */
    struct pm_arena arena; /* the keys of `targets` */
};

/* Takes the configuration over. */
struct snapshot *snapshot_new(struct pm_config *config, struct upstream *up);
struct snapshot *snapshot_ref(struct snapshot *s);
void snapshot_unref(struct snapshot *s); /* NULL is fine */

/* Where to send a request for this provider and credential; path is what follows the base URL.
 * caller_key: the key came with the request (cred is NULL then), and nothing is kept of it.
 * Returns a reference. */
struct target *snapshot_target(struct snapshot *s, const struct pm_provider *p,
                               const struct pm_credential *cred, struct pm_str path,
                               struct pm_str caller_key);
/* The client key with that token, or NULL. Constant time in the token. */
const struct pm_client_key *snapshot_client_key(const struct snapshot *s, struct pm_str token);
/* Opens connections to the providers that can be used, ahead of the first call. */
void snapshot_warm(struct snapshot *s);

#endif
