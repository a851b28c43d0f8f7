/* SPDX-License-Identifier: Apache-2.0 */
/* The top-level members of requests that this codec knows, and how each is treated. Pure. */
#ifndef AGENT_PROVIDER_REQUEST_MEMBERS_H
#define AGENT_PROVIDER_REQUEST_MEMBERS_H

#include "common/route/table.h"

enum member_group {
    GROUP_OTHER, /* not known: goes to whoever is not strict */
    GROUP_COMMON, /* goes unless it is refused */
    GROUP_EXTRA, /* OpenAI's own: goes only where it is allowed */
    GROUP_ROUTER, /* OpenRouter's: goes only to OpenRouter */
    GROUP_OWN, /* never goes: it was meant for this router */
    GROUP_CODED /* see enum member */
};

/* Members that are changed, not only sent or left out. */
enum member {
    M_PLAIN,
    M_MODEL,
    M_MESSAGES,
    M_STREAM,
    M_STREAM_OPTIONS,
    M_MAX_TOKENS,
    M_MAX_COMPLETION_TOKENS,
    M_REASONING,
    M_REASONING_EFFORT,
    M_INCLUDE_REASONING,
    M_NATIVE_REASONING, /* a provider's own words for it: they hold as they are */
    M_USER,
    M_SEED,
    M_SERVICE_TIER,
    M_RESPONSE_FORMAT,
    M_TOOLS,
    M_TOOL_CHOICE,
    M_PROVIDER,
    M_COUNT
};

struct request_member {
    struct pm_str name;
    enum member_group group;
    enum member id;
    enum pm_param param; /* what an endpoint must support for it; PM_P_COUNT: nothing */
};

/* Never NULL: a row of GROUP_OTHER for names that are not known. */
const struct request_member *request_member(struct pm_str name);
/* The rows in the order of the table; NULL past the end. For tests. */
const struct request_member *request_member_at(size_t i);

#endif
