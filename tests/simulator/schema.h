/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON value that satisfies a schema, as a model with structured output would give it.
 * Understands what clients commonly send: types, properties, required, items, enum, const, anyOf,
 * oneOf, allOf (first), local $ref, minimum, minItems, common formats. Pure. */
#ifndef SIM_SCHEMA_H
#define SIM_SCHEMA_H

#include "common/json.h"

/* Appends the sample. A schema that it does not understand gives an empty object. */
void sim_schema_sample(struct pm_jval schema, struct pm_buf *out);

#endif
