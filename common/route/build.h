/* SPDX-License-Identifier: Apache-2.0 */
/* How a routing table is made: catalogue, configuration and tests add rows, then finish.
 * Every add returns the row to fill in; adding a row that is there returns that one, so that a
 * later layer changes only what it names. Text is borrowed: it must live as long as the table, as
 * literals do; pm_table_text copies other text into the table. One owner, one thread. It cannot
 * fail: whoever reads what others wrote checks it first. */
#ifndef PM_ROUTE_BUILD_H
#define PM_ROUTE_BUILD_H

#include "common/route/table.h"

struct pm_table_build;

struct pm_table_build *pm_table_build_new(void);
void pm_table_build_free(struct pm_table_build *b); /* gives up the table; NULL is fine */
struct pm_arena *pm_table_arena(struct pm_table_build *b); /* the table's own */
struct pm_str pm_table_text(struct pm_table_build *b, struct pm_str s);

/* Enabled, protocol openai, no regions, data policy unknown, its slug as its name. */
struct pm_provider *pm_table_add_provider(struct pm_table_build *b, struct pm_str slug);
/* Source NONE and shared; the name is that of the provider or "provider/name". */
struct pm_credential *pm_table_add_credential(struct pm_table_build *b, struct pm_provider *p,
                                              struct pm_str name);
/* Drops all credentials of p: a configuration that names keys means only those. */
void pm_table_drop_credentials(struct pm_table_build *b, const struct pm_provider *p);
/* Its id as canonical and name; text in, text out unless filled in. */
struct pm_model *pm_table_add_model(struct pm_table_build *b, struct pm_str id);
/* Enabled, price unknown. tag: the provider's slug, or "provider/variant"; unique in the model.
 * What is left at zero is taken at the end from the model (context, max_output, modalities,
 * params, upstream_model = its id) and the provider (data). */
struct pm_endpoint *pm_table_add_endpoint(struct pm_table_build *b, struct pm_model *m,
                                          const struct pm_provider *p, struct pm_str tag);
struct pm_alias *pm_table_add_alias(struct pm_table_build *b, struct pm_str name);
struct pm_preset *pm_table_add_preset(struct pm_table_build *b, struct pm_str name);
/* "default" is there from the beginning. */
struct pm_policy *pm_table_add_policy(struct pm_table_build *b, struct pm_str name);
struct pm_client_key *pm_table_add_key(struct pm_table_build *b, struct pm_str name);

/* What was added so far; NULL if absent. */
struct pm_provider *pm_table_find_provider(struct pm_table_build *b, struct pm_str slug);
struct pm_model *pm_table_find_model(struct pm_table_build *b, struct pm_str id);
struct pm_endpoint *pm_table_find_endpoint(struct pm_table_build *b, struct pm_model *m,
                                           struct pm_str tag);
struct pm_policy *pm_table_find_policy(struct pm_table_build *b, struct pm_str name);
/* The i-th in the order of adding; NULL past the end. */
struct pm_provider *pm_table_provider_at(struct pm_table_build *b, size_t i);
struct pm_model *pm_table_model_at(struct pm_table_build *b, size_t i);
/* Walks the endpoints of a model in order: NULL gives the first; NULL at the end. */
struct pm_endpoint *pm_table_next_endpoint(struct pm_model *m, struct pm_endpoint *e);
void pm_table_remove_endpoint(struct pm_table_build *b, struct pm_endpoint *e);
void pm_table_remove_model(struct pm_table_build *b, struct pm_model *m);

/* Numbers all rows, links them and frees b. The caller holds the one reference. */
struct pm_table *pm_table_finish(struct pm_table_build *b) PM_MUST_CHECK;

#endif
