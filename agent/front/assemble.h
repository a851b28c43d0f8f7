/* SPDX-License-Identifier: Apache-2.0 */
/* Puts the events of an answer together again: what a stream said, as one message. For answers
 * that came as a stream and go out whole, and for tests that compare both ways.
 * Fragments of one thing become one: texts are joined, lists are joined, reasoning details of the
 * same type and index are one. One owner; events are copied. */
#ifndef AGENT_FRONT_ASSEMBLE_H
#define AGENT_FRONT_ASSEMBLE_H

#include "agent/provider/codec.h"

struct front_assembly;
/* max_bytes: most text it may hold in all. */
struct front_assembly *front_assembly_new(size_t max_bytes);
void front_assembly_free(struct front_assembly *a); /* NULL is fine */
/* `reasoning` false leaves the reasoning out. False: too large, too many choices or tool calls. */
bool front_assembly_add(struct front_assembly *a, const struct chunk *c, bool reasoning);
/* The `choices` array of a chat completion, or of a completion. */
void front_assembly_write(const struct front_assembly *a, enum pm_operation op, struct pm_buf *out);

#endif
