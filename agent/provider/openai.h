/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the OpenAI codec only: the half that writes requests (see struct codec). */
#ifndef AGENT_PROVIDER_OPENAI_H
#define AGENT_PROVIDER_OPENAI_H

#include "agent/provider/codec.h"

bool openai_write_request(const struct dialect *d, const struct request_in *in, struct pm_arena *a,
                          struct request_out *out, struct pm_error *err);

#endif
