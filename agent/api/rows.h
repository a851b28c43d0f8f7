/* SPDX-License-Identifier: Apache-2.0 */
/* Inside agent/api only: the objects that the lists are made of. */
#ifndef AGENT_API_ROWS_H
#define AGENT_API_ROWS_H

#include "agent/api/filter.h"
#include "common/json_out.h"

void row_model(const struct listing *l, const struct listed *x, struct pm_jout *o);
void row_architecture(const struct pm_model *m, struct pm_jout *o);
void row_endpoint(const struct listing *l, const struct pm_endpoint *e, struct pm_jout *o);

#endif
