/* SPDX-License-Identifier: Apache-2.0 */
/* Inside failure classification only: how long a provider asks us to wait. Pure.
 * Milliseconds; -1 where it does not say, 0 where the time is over. At most seven days. */
#ifndef AGENT_PROVIDER_RETRY_AFTER_H
#define AGENT_PROVIDER_RETRY_AFTER_H

#include "common/base.h"

/* retry-after-ms before retry-after, which is in seconds or an HTTP date. */
int64_t retry_after_header(struct pm_str ms, struct pm_str seconds_or_date, int64_t now_unix_ms);
/* "retry after 45 seconds", "try again in 1m2.5s" in a message in lower case. */
int64_t retry_after_text(struct pm_str lower);

#endif
