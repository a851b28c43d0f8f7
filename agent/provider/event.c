/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/provider/event.h"

const char *finish_name(enum finish f)
{
    static const char *const names[] = {
        [FINISH_NONE] = NULL,
        [FINISH_STOP] = "stop",
        [FINISH_LENGTH] = "length",
        [FINISH_TOOL_CALLS] = "tool_calls",
        [FINISH_CONTENT_FILTER] = "content_filter",
        [FINISH_ERROR] = "error",
    };

    return (unsigned)f < PM_COUNT(names) ? names[f] : NULL;
}

static bool is_meaningful(const struct event *e)
{
    switch (e->kind) {
    case EV_TEXT:
    case EV_REASONING:
    case EV_REASONING_DETAIL:
    case EV_REFUSAL:
    case EV_MEDIA:
        return e->text.n > 0;
    case EV_TOOL_START:
        return e->name.n > 0;
    case EV_FINISH:
        return true;
    default:
        return false;
    }
}

bool chunk_is_meaningful(const struct chunk *c)
{
    for (size_t i = 0; i < c->n; i++) {
        if (is_meaningful(&c->ev[i]))
            return true;
    }
    return false;
}
