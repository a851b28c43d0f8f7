/* SPDX-License-Identifier: Apache-2.0 */
/* One keep-alive connection of the load generator: sends a request, reads its answer to the end
 * and checks it. The owner keeps it in an array and is told by callbacks, from inside loop_turn;
 * it may send the next request from there. */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include "tests/bench/loop.h"

struct client;

struct client_owner {
    void (*done)(struct client *c); /* a whole, good answer */
    void (*event)(struct client *c, uint32_t n); /* n events with content arrived; may be NULL */
    void (*failed)(struct client *c, const char *why); /* the connection is closed */
};

struct client {
    struct watch watch; /* fd -1: not connected */
    const struct client_owner *owner;
    uint32_t id;
    uint64_t began_ns;
    /* the request on its way */
    struct pm_str out;
    size_t sent;
    /* the answer */
    enum { CLIENT_HEAD, CLIENT_SIZED, CLIENT_CHUNK_SIZE, CLIENT_CHUNK, CLIENT_CHUNK_END } state;
    size_t left; /* of the sized body, or of the chunk */
    char line[256]; /* start of the line that is being read, in head, framing or stream */
    size_t line_len;
    char text[24]; /* start of the event-stream line that is being read */
    size_t text_len;
    bool is_stream, is_chunked, saw_done, last_chunk;
    unsigned status;
    uint32_t events;
};

/* Begins a request of these bytes, which must live until done or failed; connects if needed.
 * False if the connection was refused; no callback then. */
bool client_send(struct client *c, uint16_t port, struct pm_str request);
void client_close(struct client *c);

#endif
