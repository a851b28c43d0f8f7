/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the HTTP server: what its reading half (server.c) and its writing half (response.c)
 * share. Nobody else includes it. */
#ifndef AGENT_SERVER_CONN_H
#define AGENT_SERVER_CONN_H

#include "agent/server.h"

enum conn_state {
    CONN_IDLE, /* between requests, no byte of the next one yet */
    CONN_HEAD, /* bytes of a head have come */
    CONN_BODY, /* head accepted, body is coming */
    CONN_SERVING, /* the handler has it, nothing was answered */
    CONN_STREAM, /* a streamed answer is on its way */
    CONN_ENDING /* answered; only queued bytes are left before the close */
};

struct conn {
    uv_tcp_t tcp; /* first: handle and conn have one address */
    struct server *server;
    struct conn *prev, *next;
    struct pm_http1 *http;
    struct http_request req;
    struct pm_buf body;
    uint64_t body_charged; /* bytes counted in *limits.memory_used */
    struct pm_buf stash; /* bytes that came while a request was being served */
    struct pm_buf out; /* answer bytes since the last flush */
    size_t out_head; /* how many of them are head: they are no part of a chunk */
    struct pm_str whole; /* the body of a whole answer; the caller's, until the flush */
    size_t writing; /* uv_write calls under way */
    uint64_t handed, taken; /* bytes given to the loop; of them gone at the last tick */
    uint64_t deadline_ms; /* 0: none; it waits while answers are being written */
    uint64_t write_deadline_ms; /* moves on with each byte that the client takes */
    enum conn_state state;
    bool closing, reading, in_feed, must_close;
    bool chunked; /* the answer is */
    bool last_chunk; /* the next flush ends the chunked answer */
    bool followed; /* bytes of the next request came with this one */
    bool unread; /* more may come than was read: linger, or a reset eats the answer */
};

struct server {
    uv_loop_t *loop;
    uv_tcp_t listener;
    uv_timer_t tick; /* looks at deadlines; runs while there are connections */
    struct server_limits limits;
    struct server_ops ops;
    void *ctx;
    struct conn *conns;
    size_t n_conns;
    unsigned open_handles;
    bool draining, closing, listener_closed;
    void (*closed)(void *ctx);
    void *closed_ctx;
    char scratch[64 << 10]; /* every read lands here first; one loop, one reader at a time */
};

/* server.c, for response.c */
void conn_close(struct conn *c);
void conn_answered(struct conn *c); /* the answer is complete in `out`: flush, then go on */
/* response.c, for server.c */
void conn_refuse(struct conn *c, unsigned status, const char *why);
bool conn_flush(struct conn *c); /* false: the connection broke and is closing */

static inline struct conn *conn_of(const struct http_request *r)
{
    return PM_CONTAINER(r, struct conn, req);
}

#endif
