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
    struct pm_buf head; /* what opens every chunk, or the body: all up to `choices` */
    /* Streaming. */
    uint64_t begun[FRONT_MAX_CHOICES / 64]; /* choices that were told their role */
    bool finished;
    enum finish finish; /* of the first choice, or the one that ended first */
    struct pm_buf native;
    /* Without streaming. */
    struct front_assembly *assembly; /* NULL: no event has come */
    struct pm_buf choices; /* of a body that came whole; `data` of embeddings */
    struct pm_buf extras; /* its other members that clients may know, each after a comma */
    bool has_fingerprint;
};

/* Appends `"a":b` pairs, all after a comma, from openrouter-api §4.5 and §9. */
void front_write_usage(const struct front_writer *w, const struct front_bill *b,
                       struct pm_buf *out);

/* Writes the events of a chunk as the pieces of a stream. */
void front_write_events(struct front_writer *w, const struct chunk *c, struct pm_buf *out);

/* True of top-level members of a provider's answer that are passed on as they are: not those that
 * are written anew, and none that is null. */
bool front_keeps_member(struct pm_str key, struct pm_jval val);

#endif
