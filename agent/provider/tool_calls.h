/* SPDX-License-Identifier: Apache-2.0 */
/* Which call a tool-call delta belongs to (provider-protocols §2.4.6). Providers repeat indexes,
 * leave them out, invent an id for every delta, or send the name late; what comes out are dense
 * numbers, an id and a name for each call, and no arguments before its name.
 * One owner; all ids and held texts live until tool_calls_fini. */
#ifndef AGENT_PROVIDER_TOOL_CALLS_H
#define AGENT_PROVIDER_TOOL_CALLS_H

#include "common/buf.h"

#define TOOL_CALLS_MAX 1024 /* in one choice */
#define TOOL_ID_MAX (64u << 10) /* some providers put signatures into ids */

/* Looks for the end of a JSON value that comes in pieces, each a JSON string body. */
struct json_end {
    uint32_t depth;
    bool in_string, escaped, done;
};

struct tool_call {
    char *id; /* "": not known yet */
    char *name;
    int64_t index; /* the provider's; -1: none */
    uint32_t number; /* ours */
    bool started; /* its name was given out */
    bool has_args;
    struct json_end args;
    struct pm_buf held; /* arguments that came before the name */
};

struct tool_calls {
    struct tool_call *v;
    size_t n, cap;
    uint32_t n_started;
};

/* Texts are JSON string bodies. index -1: not said; empty id, name: not said. */
struct tool_delta {
    int64_t index;
    struct pm_str id, name, args;
};

/* The call that a delta belongs to, made if it is a new one. NULL: too many, or too long an id. */
struct tool_call *tool_calls_find(struct tool_calls *t, const struct tool_delta *d);
/* Takes over what the delta says. *begins: the name is known now, and has just become so; then
 * number is set, and the id made from `seed` if the provider gave none. False: too large. */
bool tool_call_take(struct tool_calls *t, struct tool_call *c, const struct tool_delta *d,
                    struct pm_str seed, bool *begins);
void tool_calls_fini(struct tool_calls *t);

#endif
