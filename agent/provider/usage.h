/* SPDX-License-Identifier: Apache-2.0 */
/* A provider's usage object in the one form that is billed (provider-protocols §10): prompt with
 * what was cached and written, completion with reasoning. Numbers that cannot be are put right or
 * not believed. Pure. */
#ifndef AGENT_PROVIDER_USAGE_H
#define AGENT_PROVIDER_USAGE_H

#include "agent/provider/dialect.h"
#include "common/json.h"

/* False if it says nothing that can be billed: out is left as it was. */
bool usage_read(const struct dialect *d, struct pm_jval usage, struct pm_usage *out);
/* llama.cpp's `timings`: fills what the usage object has not said. */
void usage_read_timings(struct pm_jval timings, struct pm_usage *out);

#endif
