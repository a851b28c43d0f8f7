/* SPDX-License-Identifier: Apache-2.0 */
/* What a request says to the model, as far as routing must know it: how long it is, which kinds of
 * media are in it, and which conversation it belongs to. One walk over the bytes, which are most of
 * every large body, and no copies.
 * Pure, any thread. Fails with PM_EINVAL and the place, as in "messages[2].content[0].type". */
#ifndef AGENT_FRONT_CONTENT_H
#define AGENT_FRONT_CONTENT_H

#include "common/json.h"

struct front_content {
    int64_t text_bytes; /* text as it stands in the JSON, without media data */
    int64_t media_tokens; /* flat guesses for everything that is not text */
    int64_t images;
    uint32_t modalities; /* PM_MOD_*; text is always in it */
    uint64_t conversation; /* hash of the first instruction and the first turn; 0: none */
};

/* Both read the value that `it` is at, give it in *whole and move `it` past it. */
bool front_read_messages(struct pm_jiter *it, struct pm_jval *whole, struct front_content *c,
                         struct pm_error *err);
/* `prompt` and `input`: text, tokens, lists of either, and for embeddings objects with `content`.
 */
bool front_read_input(const char *name, struct pm_jiter *it, struct pm_jval *whole,
                      struct front_content *c, struct pm_error *err);

#endif
