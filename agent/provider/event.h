/* SPDX-License-Identifier: Apache-2.0 */
/* The neutral form between provider codecs and client fronts (provider-protocols §1.1).
 * A codec turns an answer's bytes into chunks; a chunk holds the events of one piece of the
 * answer, and, where both sides speak the same protocol, also its bytes, so that they can pass
 * with only the needed splices. Slices live until the chunk callback returns. */
#ifndef AGENT_PROVIDER_EVENT_H
#define AGENT_PROVIDER_EVENT_H

#include "agent/provider/failure.h"

enum event_kind {
    EV_START, /* id and name (the model) as the provider says them; once, carries no content */
    EV_CHOICE, /* a choice begins: once for each, before its other events. A client's stream wants
                * the role here; where the chunk is verbatim it has it */
    EV_TEXT, /* text: JSON string body, still escaped, as in all of these */
    EV_REASONING, /* text: plain reasoning */
    EV_REASONING_DETAIL, /* text: a raw JSON object of `reasoning_details` */
    EV_REFUSAL,
    EV_TOOL_START, /* tool, id, name; always before its EV_TOOL_ARGS */
    EV_TOOL_ARGS, /* tool, text */
    EV_MEDIA, /* text: raw JSON value; name: the member it belongs in ("audio", "images",
               * "annotations"; "logprobs", which is the choice's; "data" of embeddings) */
    EV_FINISH, /* finish, native */
    EV_USAGE, /* usage; a later one replaces an earlier one, never adds */
    EV_ERROR /* failure; nothing follows it */
};

enum finish {
    FINISH_NONE = 0,
    FINISH_STOP,
    FINISH_LENGTH,
    FINISH_TOOL_CALLS,
    FINISH_CONTENT_FILTER,
    FINISH_ERROR
};
const char *finish_name(enum finish f); /* "stop", ... NULL for NONE */

struct event {
    enum event_kind kind;
    uint32_t choice; /* index of the choice */
    uint32_t tool; /* dense from 0 within the choice, assigned by the codec */
    struct pm_str text, id, name;
    enum finish finish;
    struct pm_str native; /* the provider's own finish reason, JSON string body */
    const struct pm_usage *usage;
    const struct failure *failure;
};

struct chunk {
    const struct event *ev;
    size_t n;
    struct pm_str raw; /* the chunk's (or whole body's) JSON text in the OpenAI form, or empty */
    /* raw may be passed on with nothing changed inside `choices` but the finish reason words.
     * False: it has something a strict client chokes on (repeated role, wrong tool index, null
     * members, usage inside a choice, ...) and must be written anew from the events. It says
     * nothing of what stands around `choices`: that is the front's to write. */
    bool verbatim;
    struct pm_str choices; /* the `choices` array in raw; PM_NSTR: it was not looked up */
    bool whole; /* the entire answer of a call without streaming, not a piece of one */
};

/* True if it commits the answer: any content, a tool name, or a finish reason. */
bool chunk_is_meaningful(const struct chunk *c);

#endif
