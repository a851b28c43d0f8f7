/* SPDX-License-Identifier: Apache-2.0 */
/* The OpenAI client protocols (chat completions, completions, embeddings): reads requests into a
 * call, writes answers from chunks, in OpenRouter's shapes (openrouter-api §1, §4, §8).
 * Pure: bytes in, bytes out. One writer per request. */
#ifndef AGENT_FRONT_FRONT_H
#define AGENT_FRONT_FRONT_H

#include "agent/provider/codec.h"

/* A request as the front understood it. Slices borrow the body and the arena. */
struct front_request {
    struct pm_call call;
    struct pm_str body;
    struct pm_jval root;
    struct body_member *members;
    size_t n_members;
    bool exclude_reasoning; /* reasoning.exclude or include_reasoning: false */
    bool base64_embeddings; /* encoding_format: base64 */
    bool metadata; /* X-OpenRouter-Metadata: enabled */
    struct pm_str user; /* `user`, as given; PM_NSTR */
    struct pm_str referer, title; /* attribution headers */
};

struct front_headers { /* what of the HTTP head matters here; PM_NSTR if absent */
    struct pm_str session_id, metadata, referer, title;
};

/* Body bytes → request. Checks the JSON (strictly, with limits) and the types of what it reads.
 * PM_EINVAL: a 400 whose text names the member; PM_ELIMIT: too deep, too many members (400). */
bool front_read(enum pm_operation op, struct pm_str body, const struct front_headers *h,
                struct pm_arena *a, struct front_request *out, struct pm_error *err);

/* What the answer is stamped with. */
struct front_stamp {
    struct pm_str generation_id;
    int64_t created; /* unix seconds */
    struct pm_str model; /* concrete model id that answers */
    struct pm_str provider; /* display name */
    bool is_byok;
};
struct front_bill {
    const struct pm_usage *usage;
    const struct pm_cost *cost; /* NULL: price unknown, `cost` is left out */
    struct pm_str metadata; /* openrouter_metadata object, or empty */
    int64_t upstream_cost_nano; /* BYOK: what the provider bills; -1 otherwise */
};

struct front_writer;
struct front_writer *front_writer_new(const struct front_request *r, const struct front_stamp *s);
void front_writer_free(struct front_writer *w);
/* Streaming: appends the SSE bytes for a chunk. Holds back finish and usage where the protocol
 * wants them later. False: `out` is full. */
bool front_write_chunk(struct front_writer *w, const struct chunk *c, struct pm_buf *out);
/* Streaming: the usage chunk and the end mark. */
bool front_write_end(struct front_writer *w, const struct front_bill *b, struct pm_buf *out);
/* Streaming, after the commit: the error chunk. No end mark follows, ever. */
bool front_write_stream_error(struct front_writer *w, const struct failure *f,
                              struct pm_str message, struct pm_buf *out);
/* Without streaming: collect every chunk, then write the body. */
bool front_collect(struct front_writer *w, const struct chunk *c);
bool front_write_body(struct front_writer *w, const struct front_bill *b, struct pm_buf *out);

/* `openrouter_metadata` (§4.5): how a request was routed, and what became of it. */
struct front_trace {
    const struct pm_decision *decision;
    struct pm_str requested; /* the first model, as the client wrote it */
    struct pm_str region; /* of this agent; PM_NSTR if it has none */
    const struct front_attempt {
        const struct pm_endpoint *endpoint;
        unsigned status; /* what the provider answered; 0: nothing */
    } * attempts;
    size_t n_attempts;
    bool succeeded; /* the last attempt did */
    bool is_byok;
    int64_t generation_ms; /* -1: not known */
};
/* The object, and in it what OpenRouter's has not: the reason for every endpoint. */
bool front_write_metadata(const struct front_trace *t, struct pm_buf *out);

/* The error envelope (§8.1). */
struct front_error {
    unsigned status;
    struct pm_str message;
    const char *error_type; /* metadata.error_type; NULL: from the status */
    struct pm_str provider_name, provider_code, raw;
    const struct pm_decision *decision; /* for `availability`, or NULL */
    struct pm_str availability; /* code when there is no decision to take it from */
    bool retryable;
    int64_t retry_after_ms; /* -1: none */
    struct front_previous {
        struct pm_str provider, code;
        unsigned status;
    } * previous;
    size_t n_previous;
    struct pm_str metadata; /* openrouter_metadata object, or empty */
    const struct pm_str *requested_models;
    size_t n_requested_models;
};
bool front_write_error(const struct front_error *e, struct pm_buf *out);
/* The error_type for a status (§8.2). */
const char *front_error_type(unsigned status);

#endif
