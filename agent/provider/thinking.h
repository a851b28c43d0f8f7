/* SPDX-License-Identifier: Apache-2.0 */
/* What a client asks for in `reasoning`, `reasoning_effort` and `include_reasoning`, and how a
 * dialect's words say it (provider-protocols §6.15). Pure. */
#ifndef AGENT_PROVIDER_THINKING_H
#define AGENT_PROVIDER_THINKING_H

#include "agent/provider/dialect.h"
#include "common/json.h"

struct thinking {
    bool asked; /* anything at all was said about whether or how much */
    bool off;
    bool exclude; /* it may think, but not tell */
    struct pm_str effort; /* the word, a JSON string body; empty: not said */
    int64_t budget; /* tokens; 0: not said */
};

/* Values are PM_JNONE where the request has none. */
struct thinking thinking_read(struct pm_jval reasoning, struct pm_jval effort,
                              struct pm_jval include);
/* The word of the list (struct dialect.efforts) for what is asked; empty: none fits, say nothing.
 * max_tokens: the answer's limit, 0 if unknown. */
struct pm_str thinking_word(const struct thinking *t, const char *efforts, int64_t max_tokens);
/* Tokens to think with, where it is said in tokens; 0: leave it to the provider. */
int64_t thinking_budget(const struct thinking *t, int64_t max_tokens);

#endif
