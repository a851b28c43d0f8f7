/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP/1.1 server on the loop: accepts, reads requests one at a time per connection, writes
 * answers. It knows nothing of what is asked; one instance serves the API, another the probes.
 * Loop thread only.
 *
 * Ownership: the server owns connections and their one current request. A handler gets the request
 * when its body is whole and must answer it exactly once, now or later. If the client goes away
 * first, on_gone is called and the request is dead when that returns. An EOF from the client counts
 * as going away (as in other proxies), so nobody pays for an answer that nobody reads.
 * Limits: pm_http1's for head and body; a cap on the bytes of all bodies together (503 above it);
 * timeouts for a slow head, a silent body, an idle connection and a reader that does not read. */
#ifndef AGENT_SERVER_H
#define AGENT_SERVER_H

#include <uv.h>

#include "common/buf.h"
#include "common/http1.h"

struct server;

struct http_request {
    const struct pm_http1_head *head;
    struct pm_str path, query; /* the target, split at '?' */
    struct pm_str body; /* whole */
    uint64_t began_ns; /* monotonic: when its first byte was read */
    void *user; /* the handler's */
    void (*on_gone)(struct http_request *r); /* NULL: nothing to do */
    void (*on_drain)(struct http_request *r); /* what was queued has left: write on */
};

struct server_limits {
    uint32_t max_connections;
    size_t head_bytes;
    uint64_t body_bytes;
    uint64_t *memory_used, memory_max; /* all bodies of the process; the counter is shared */
    uint32_t head_ms, body_ms, idle_ms, write_ms;
};

struct server_ops {
    /* The head of a request with a body is there, the body is not. False: it was refused with
     * http_reply; the connection ends. Requests without a body go to `request` at once. */
    bool (*head)(void *ctx, struct http_request *r);
    /* The whole request. */
    void (*request)(void *ctx, struct http_request *r);
    /* The server itself refuses (bad syntax, too large, too slow, no memory): write the body of
     * the answer in the client's protocol. */
    void (*refuse)(void *ctx, unsigned status, const char *why, struct pm_buf *body);
};

/* NULL and *err if the address cannot be listened on. port 0 takes any free one. */
struct server *server_new(uv_loop_t *loop, const char *address, uint16_t port,
                          const struct server_limits *limits, const struct server_ops *ops,
                          void *ctx, struct pm_error *err);
uint16_t server_port(const struct server *s);
size_t server_connections(const struct server *s);
/* New limits for what comes from now on. */
void server_set_limits(struct server *s, const struct server_limits *limits);
/* Accepts no more, closes idle connections; busy ones close after their answer. */
void server_drain(struct server *s);
/* Closes everything now (on_gone is called for what runs). `closed` comes when all handles are. */
void server_close(struct server *s, void (*closed)(void *ctx), void *ctx);
void server_free(struct server *s); /* after `closed`; NULL is fine */

/* Answers. Header values must not hold CR or LF. */
struct http_reply {
    unsigned status;
    const char *content_type; /* NULL: application/json */
    struct pm_str body;
    const struct pm_header *headers;
    size_t n_headers;
    bool close; /* end the connection after it */
};
void http_reply(struct http_request *r, const struct http_reply *reply);

/* A streamed answer: begin, write and flush as often as needed, then end.
 * Bytes are kept until flush, so that what comes together leaves in one packet. */
void http_stream_begin(struct http_request *r, const struct http_reply *head);
void http_stream_write(struct http_request *r, struct pm_str bytes);
void http_stream_flush(struct http_request *r);
/* close: end the connection too. The request is dead when this returns. */
void http_stream_end(struct http_request *r, bool close);
/* The buffer that the next flush sends: writers append to it and save a copy. */
struct pm_buf *http_stream_buf(struct http_request *r);
/* Takes the body over from the connection, with the bytes it is charged for; slices of it stay
 * valid. The taker subtracts `charged` from *server_limits.memory_used when it frees the body. */
void http_take_body(struct http_request *r, struct pm_buf *body, uint64_t *charged);
/* Bytes that the client has not taken yet. */
size_t http_queued(const struct http_request *r);
/* Past this a writer must pause until on_drain. */
#define HTTP_QUEUE_HIGH (256u << 10)
#define HTTP_QUEUE_LOW (64u << 10)

#endif
