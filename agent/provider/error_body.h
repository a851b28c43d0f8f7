/* SPDX-License-Identifier: Apache-2.0 */
/* Inside failure classification only: what a provider's error body says, in whichever of their
 * many shapes it comes. Texts are unescaped copies in the arena. Never fails. */
#ifndef AGENT_PROVIDER_ERROR_BODY_H
#define AGENT_PROVIDER_ERROR_BODY_H

#include "common/arena.h"
#include "common/json.h"

enum error_body_kind { BODY_EMPTY, BODY_JSON, BODY_HTML, BODY_TEXT };

struct error_body {
    enum error_body_kind kind;
    struct pm_str inner, code, type; /* from the most to the least particular; PM_NSTR if none */
    struct pm_str param;
    struct pm_str message; /* at most ERROR_TEXT_MAX bytes */
    struct pm_str raw; /* what a router in between says that its provider said */
    unsigned status; /* code, where it is an HTTP status of an error; else 0 */
    bool moderated; /* it lists reasons of a moderation */
};

#define ERROR_TEXT_MAX 2048

void error_body_read(struct pm_str body, struct pm_str content_type, struct pm_arena *a,
                     struct error_body *out);

#endif
