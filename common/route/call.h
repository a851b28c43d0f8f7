/* SPDX-License-Identifier: Apache-2.0 */
/* What routing needs to know of a request. A front fills it from the body; nothing in it is tied
 * to one client protocol. Slices borrow the body or the request's arena. */
#ifndef PM_ROUTE_CALL_H
#define PM_ROUTE_CALL_H

#include "common/route/table.h"

enum pm_operation { PM_OP_CHAT, PM_OP_COMPLETION, PM_OP_EMBEDDING };

#define PM_MAX_MODELS 4 /* `model` plus three in `models` */

struct pm_call {
    enum pm_operation op;
    struct pm_str models[PM_MAX_MODELS]; /* as the client wrote them, suffixes and all */
    size_t n_models; /* more than PM_MAX_MODELS: `models` had too many, and models[] is not read */
    struct pm_str preset; /* the `preset` member; PM_NSTR if none */
    struct pm_prefs prefs; /* the `provider` member */
    bool stream;
    bool needs_tools, needs_tool_choice, needs_json_schema, needs_response_format;
    bool needs_reasoning;
    uint64_t params; /* PM_PBIT of every parameter the body has and is not null */
    uint32_t in_modalities; /* of its messages */
    uint32_t out_modalities; /* of `modalities`; text if it has none */
    int64_t prompt_tokens; /* estimate: text bytes / 4, images at a flat rate */
    int64_t max_tokens; /* asked output; 0 if not said */
    int64_t images; /* image parts */
    enum pm_tier tier; /* `service_tier`: PM_TIER_DEFAULT if absent or auto */
    bool tier_set; /* it was given, and not `auto` */
    struct pm_str session; /* session_id, x-session-id or prompt_cache_key; PM_NSTR */
    bool session_explicit; /* session_id or x-session-id: sticks after any success */
    uint64_t conversation; /* stable hash of the first system and first other message; 0 none */
};

#endif
