/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the OpenAI request writer only: what its files share. */
#ifndef AGENT_PROVIDER_OPENAI_REQUEST_H
#define AGENT_PROVIDER_OPENAI_REQUEST_H

#include "agent/provider/codec.h"
#include "agent/provider/edits.h"
#include "agent/provider/request_members.h"
#include "agent/provider/thinking.h"

struct request_writer {
    const struct dialect *dialect;
    const struct model_rule *rule;
    const struct request_in *in;
    struct edits edits;
    struct pm_jval got[M_COUNT]; /* of the body, else of the preset */
    struct pm_jval preset; /* its members; PM_JNONE: none */
    struct thinking thinking;
    enum dialect_reasoning reasoning; /* how it is said to this model */
    enum dialect_history history;
    int64_t max_tokens; /* 0: not said */
    bool stream;
    bool no_tools; /* there is none that this provider could know */
    bool history_sent; /* earlier reasoning goes back */
};

/* The value of `messages`, or of `tools`, which stays. */
void openai_edit_messages(struct request_writer *w, struct pm_jval messages);
void openai_edit_tools(struct request_writer *w, struct pm_jval tools);
/* True if all tools are such that only OpenRouter knows them. */
bool openai_only_server_tools(struct pm_jval tools);
/* Adds what the dialect says for w->thinking. */
void openai_add_thinking(struct request_writer *w, struct edit_walk *root);

#endif
