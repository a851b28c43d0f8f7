/* SPDX-License-Identifier: Apache-2.0 */
/* Why an attempt failed, in the classes that decide what happens next
 * (provider-protocols §1.4 and §9). Pure: classification reads bytes and answers; it keeps nothing.
 */
#ifndef AGENT_PROVIDER_FAILURE_H
#define AGENT_PROVIDER_FAILURE_H

#include "agent/provider/dialect.h"
#include "common/error.h"
#include "common/json.h"

enum failure_class {
    FAIL_NONE = 0,
    FAIL_CONNECT, /* no connection, TLS, DNS, reset before the head */
    FAIL_TIMEOUT, /* first byte, first token, silence or total */
    FAIL_RATE_LIMIT,
    FAIL_TOO_LARGE_FOR_LIMIT, /* TPM limit smaller than this request: waiting never helps */
    FAIL_QUOTA, /* the key's account has no money or quota */
    FAIL_OVERLOADED, /* 500, 502, 503, 529 and the like */
    FAIL_AUTH, /* the provider refused our key */
    FAIL_PERMISSION, /* 403, 404, model or deployment missing there */
    FAIL_REGION, /* 451, data-policy refusals */
    FAIL_CONTEXT_LENGTH,
    FAIL_CONTENT_POLICY,
    FAIL_INVALID_REQUEST,
    FAIL_BAD_GENERATION, /* malformed tool call, empty or senseless answer */
    FAIL_EMPTY, /* a 200 without any content */
    FAIL_TRUNCATED, /* ended without its end mark after content */
    FAIL_PROTOCOL, /* bytes that no provider should send */
    FAIL_CONFLICT, /* 409 */
    FAIL_CLIENT_GONE, /* the client hung up: nobody's fault */
    FAIL_SHUTDOWN, /* this agent is stopping */
    FAIL_INTERNAL,
    FAIL_COUNT
};

/* What each class means; one row per class in failure.c. */
struct failure_rule {
    const char *name; /* "rate_limit": logs, metrics, records */
    const char *error_type; /* OpenRouter's word for clients */
    unsigned client_status; /* when it is the last word */
    bool retry_same; /* once, with jitter, where no alternative is left */
    bool next_endpoint;
    bool next_model; /* may go on with the next of `models` */
    bool hurts_endpoint; /* counts against its uptime and breaker */
    bool hurts_key; /* the credential is set aside */
    uint32_t key_cooldown_ms; /* least time for which it is */
    bool cools_endpoint; /* wait for Retry-After before sending there again */
    bool larger_window; /* next_endpoint only to one that takes a longer context */
};
const struct failure_rule *failure_rule(enum failure_class c);

struct failure {
    enum failure_class cls;
    unsigned upstream_status; /* 0: there was none */
    int64_t retry_after_ms; /* -1: not said */
    bool parameter; /* INVALID_REQUEST for a parameter that another provider may well take */
    struct pm_str code; /* the provider's own code or type; PM_NSTR if none */
    struct pm_str message; /* the provider's text, unescaped, at most 2 KiB, may be empty */
};

struct failure_input {
    unsigned status; /* HTTP status; 200 for an error inside a good answer */
    struct pm_str content_type;
    struct pm_str retry_after; /* header text, PM_NSTR if absent */
    struct pm_str retry_after_ms;
    struct pm_str body; /* what came of it, at most 64 KiB */
    int64_t now_unix_ms; /* for Retry-After as a date */
};
/* Never fails: an unreadable body is classified by its status. Texts are copied into `a`. */
void failure_classify(const struct dialect *d, const struct failure_input *in, struct pm_arena *a,
                      struct failure *out);

#endif
