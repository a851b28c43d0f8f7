/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the OpenAI decoder only: its state, and what its files ask of each other. */
#ifndef AGENT_PROVIDER_OPENAI_DECODER_H
#define AGENT_PROVIDER_OPENAI_DECODER_H

#include "agent/provider/codec.h"
#include "agent/provider/tool_calls.h"
#include "common/sse.h"

#define MAX_CHOICES 128
#define MAX_EVENTS 65536 /* in one chunk */

struct choice_state {
    bool begun; /* EV_CHOICE was given */
    bool finished;
    struct tool_calls tools;
};

struct decoder {
    const struct dialect *dialect;
    enum pm_operation op;
    chunk_fn *fn;
    void *ctx;
    /* UNKNOWN until the first byte that is no blank. */
    enum { FORM_UNKNOWN, FORM_SSE, FORM_BODY } form;
    bool says_json, says_html; /* the content type */
    bool ended; /* nothing more is read: an error was given, or the callback said so */
    bool done_mark; /* [DONE] came */
    bool started; /* EV_START was given */
    bool meaningful; /* something was given that commits the answer */
    struct pm_sse sse;
    struct pm_buf body;
    struct choice_state *choices;
    size_t n_choices;
    struct pm_usage usage;
    bool usage_is_new; /* the chunk said it */
    /* The chunk that is being read. */
    struct event *events;
    size_t n_events, cap_events;
    bool verbatim, whole, too_much;
    bool gave_up; /* a finish reason says so; what else the chunk says may tell why */
    struct pm_str id, model; /* as far as they are known */
    struct pm_jval choice_error;
    struct pm_arena scratch; /* texts made for this chunk */
};

/* Adds an event of a choice to the chunk; texts may be set in it. Never NULL. */
struct event *decoder_emit(struct decoder *d, enum event_kind kind, uint32_t choice);
/* Gives an error as a chunk of its own and ends. Always false. */
bool decoder_fail(struct decoder *d, enum failure_class cls, const char *message);
/* One element of `choices`, at which the walk stands and past which it is moved. False: it ended
 * with an error. */
bool decoder_read_choice(struct decoder *d, struct pm_jiter *it, uint32_t position);

#endif
