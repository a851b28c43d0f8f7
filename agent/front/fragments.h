/* SPDX-License-Identifier: Apache-2.0 */
/* JSON values that came in pieces and are one: lists of log probabilities, audio, images, and the
 * typed details of reasoning. Zero bytes are the empty state; pieces are copied. One owner. */
#ifndef AGENT_FRONT_FRAGMENTS_H
#define AGENT_FRONT_FRAGMENTS_H

#include "common/json_out.h"

/* Arrays are joined. Objects are joined member by member: arrays and the texts of audio are
 * joined, of other members the latest stands. */
struct fragments {
    enum pm_jtype type; /* PM_JNONE: nothing came yet */
    struct pm_buf items; /* of an array, without its brackets */
    struct fragment_member *members; /* of an object */
    size_t n_members, cap_members;
};
bool fragments_add(struct fragments *f, struct pm_str json);
/* False, and nothing written, if nothing came. */
bool fragments_write(const struct fragments *f, struct pm_jout *o, const char *key);
void fragments_fini(struct fragments *f);

/* `reasoning_details`: pieces of the same type and index are one, until it has its signature. */
struct details {
    struct detail *v;
    size_t n, cap;
};
bool details_add(struct details *d, struct pm_str object);
/* Reasoning that came as plain text; a JSON string body. */
bool details_add_text(struct details *d, struct pm_str body);
/* The items, without brackets. */
void details_write(const struct details *d, struct pm_jout *o);
void details_fini(struct details *d);

/* Appends to a buffer that began as zero bytes and whose bound is kept elsewhere. */
bool fragments_append(struct pm_buf *b, struct pm_str s);

#endif
