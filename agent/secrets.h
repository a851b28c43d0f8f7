/* SPDX-License-Identifier: Apache-2.0 */
/* The values of the table's credentials, read from the environment or from files. The only place
 * that holds them besides prepared request headers; never logged, wiped when freed.
 * Immutable after load; loop thread. */
#ifndef AGENT_SECRETS_H
#define AGENT_SECRETS_H

#include "common/route/table.h"

struct secrets;
/* Missing variables and files are not errors: the credential is then absent, and routing says so.
 */
struct secrets *secrets_load(const struct pm_table *t);
void secrets_free(struct secrets *s); /* NULL is fine */
/* PM_NSTR if absent or if the provider needs none. */
struct pm_str secrets_get(const struct secrets *s, const struct pm_credential *c);
/* [n_credentials]: usable, which includes credentials that need no value. */
const bool *secrets_present(const struct secrets *s);

#endif
