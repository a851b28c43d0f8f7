/* SPDX-License-Identifier: Apache-2.0 */
/* Changes to a JSON text, collected in the order of the text while it is walked, for
 * pm_json_splice. All memory is the arena's; where that is full, `failed` is set and what follows
 * does nothing. Pure. */
#ifndef AGENT_PROVIDER_EDITS_H
#define AGENT_PROVIDER_EDITS_H

#include "common/arena.h"
#include "common/json.h"

struct edits {
    struct pm_arena *a;
    struct pm_str text;
    struct pm_edit *v;
    size_t n, cap;
    bool failed;
};

void edits_init(struct edits *e, struct pm_arena *a, struct pm_str text);
/* old is a slice of the text; at points into it. */
void edits_replace(struct edits *e, struct pm_str old, struct pm_str with);
void edits_insert(struct edits *e, const char *at, struct pm_str what);
/* Parts put together, in the arena; PM_NSTR if it is full. */
struct pm_str edits_join(struct edits *e, const struct pm_str *parts, size_t n);
#define EDITS_JOIN(e, ...)                                                                         \
    edits_join((e), (const struct pm_str[]){__VA_ARGS__},                                          \
               sizeof((const struct pm_str[]){__VA_ARGS__}) / sizeof(struct pm_str))
/* utf8 as a JSON string with its quotes. */
struct pm_str edits_quote(struct edits *e, struct pm_str utf8);

/* The elements of one object or array, each kept or cut in the order of the text; commas are minded
 * here. What is changed inside a kept element comes right after its edit_keep. */
struct edit_walk {
    struct edits *e;
    const char *close; /* its closing bracket */
    const char *kept_end; /* of the last kept element; NULL: none so far */
    const char *cut_from, *cut_to; /* elements cut since then; NULL: none */
};
struct edit_walk edit_walk(struct edits *e, struct pm_jval container);
void edit_keep(struct edit_walk *w, struct pm_str element);
void edit_cut(struct edit_walk *w, struct pm_str element);
/* After all elements of the text: one more at the end, its comma first. */
void edit_add(struct edit_walk *w, struct pm_str element);
/* The same for the member "name":value. */
void edit_add_member(struct edit_walk *w, struct pm_str name, struct pm_str value);
/* After the last call of the others. */
void edit_end(struct edit_walk *w);

/* A member's bytes, from the quote of its name to the end of its value. */
static inline struct pm_str edit_member(struct pm_str key, struct pm_jval val)
{
    return pm_str_n(key.p - 1, (size_t)(val.raw.p + val.raw.n - key.p) + 1);
}

#endif
