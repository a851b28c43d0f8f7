/* SPDX-License-Identifier: Apache-2.0 */
/* A provider protocol: writes the request and reads the answer. Pure: no sockets, clock or log,
 * so each codec is a table of golden files and a fuzz target. One decoder per attempt. */
#ifndef AGENT_PROVIDER_CODEC_H
#define AGENT_PROVIDER_CODEC_H

#include "agent/provider/event.h"
#include "common/route/route.h"

/* The client's request as a codec sees it: validated JSON and its top-level members. */
struct body_member {
    struct pm_str key; /* between the quotes */
    struct pm_jval val;
};
struct request_in {
    struct pm_str body;
    struct pm_jval root;
    const struct body_member *members;
    size_t n_members;
    const struct pm_call *call;
    const struct pm_endpoint *endpoint;
    const struct pm_preset *preset; /* members to add where the body has none, or NULL */
    const struct pm_prefs *prefs; /* as decided, for a provider that routes on; or NULL */
    struct pm_str user; /* the end user as the provider may know him; PM_NSTR: not at all */
    bool drop_unsupported; /* parameters the endpoint lacks are left out */
    bool force_stream; /* stream upstream even if the client does not */
};
struct request_out {
    struct pm_str path; /* after base_url, with query */
    struct pm_edit *edits; /* sorted; the body with these is what goes out */
    size_t n_edits;
    struct pm_header_kv *headers; /* besides authorization and content-type */
    size_t n_headers;
    bool stream; /* what it asks for, which is not always what the client did */
};

/* Called for each chunk; false makes the decoder stop (the attempt is being given up). */
typedef bool chunk_fn(void *ctx, const struct chunk *c);

struct decoder;
struct codec {
    const char *name;
    /* PM_EINVAL if the request cannot be said in this protocol. All memory from `a`. */
    bool (*write_request)(const struct dialect *d, const struct request_in *in, struct pm_arena *a,
                          struct request_out *out, struct pm_error *err);
    /* stream: what was asked of the provider. The decoder looks at the content type and copes
     * with the other kind of answer. status is 2xx: others go to failure_classify. */
    struct decoder *(*decoder_new)(const struct dialect *d, enum pm_operation op, bool stream,
                                   struct pm_str content_type, chunk_fn *fn, void *ctx);
    /* False when it stopped: the callback said so, or an EV_ERROR was given. */
    bool (*decoder_feed)(struct decoder *d, const char *p, size_t n);
    /* The provider ended its answer; clean: in the way HTTP wants. Gives what is left, and an
     * EV_ERROR (FAIL_EMPTY, FAIL_TRUNCATED, ...) unless the answer was whole. */
    void (*decoder_end)(struct decoder *d, bool clean);
    void (*decoder_free)(struct decoder *d);
};

extern const struct codec codec_openai;
/* NULL if this agent does not speak it (yet). */
const struct codec *codec_for(enum pm_protocol p);
uint32_t codec_protocols(void); /* bits 1 << enum pm_protocol */

/* Largest answer without streaming, and largest single event of a stream. */
#define CODEC_MAX_BODY (128u << 20)
#define CODEC_MAX_EVENT (32u << 20)

#endif
