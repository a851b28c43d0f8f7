/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the front only: what its files that write answers share. */
#ifndef AGENT_FRONT_WRITER_H
#define AGENT_FRONT_WRITER_H

#include "agent/front/front.h"

#define FRONT_MAX_CHOICES 128 /* OpenAI's bound of `n`; events of choices above it are dropped */

struct front_assembly;
struct front_writer {
    enum pm_operation op;
    bool stream, exclude_reasoning, base64_embeddings, is_byok;
    /* What opens every chunk, from "data: " on, or the body: all up to the value of `choices`. */
    struct pm_buf head;
    /* Streaming. */
    uint64_t begun[FRONT_MAX_CHOICES / 64]; /* choices that were told their role */
    bool finished;
    enum finish finish; /* of the first choice, or the one that ended first */
    struct pm_buf native;
    /* Without streaming. */
    struct front_assembly *assembly; /* NULL: no event has come */
    struct pm_buf choices; /* of a body that came whole; `data` of embeddings */
    struct pm_buf extras; /* its other members that clients may know, each after a comma */
};

/* A chunk's bytes as the object that they are; blanks may stand around it. */
static inline struct pm_jval front_root(struct pm_str raw)
{
    return (struct pm_jval){PM_JOBJ, pm_str_trim(raw)};
}

/* Appends `"a":b` pairs, all after a comma, from openrouter-api §4.5 and §9. */
void front_write_usage(const struct front_writer *w, const struct front_bill *b,
                       struct pm_buf *out);

/* Writes the events of a chunk as the pieces of a stream. */
void front_write_events(struct front_writer *w, const struct chunk *c, struct pm_buf *out);

/* Appends, each after a comma, the top-level members of a provider's answer that are not ours to
 * write: neither those that are written anew, nor any that is null. */
void front_copy_extras(struct pm_str answer, struct pm_buf *out);

#endif
