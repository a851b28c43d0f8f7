/* SPDX-License-Identifier: Apache-2.0 */
/* The load generator's loop: epoll, level-triggered, one thread. A watch is embedded in what it
 * watches, which must outlive the batch in which it was removed: nothing here frees inside a
 * callback, connections live in arrays. Every failure of the loop itself ends the program. */
#ifndef BENCH_LOOP_H
#define BENCH_LOOP_H

#include "common/base.h"

struct watch {
    int fd; /* -1: not watched */
    void (*ready)(struct watch *w, uint32_t events);
};

void loop_init(void);
void loop_add(struct watch *w, uint32_t events);
void loop_change(struct watch *w, uint32_t events);
void loop_close(struct watch *w); /* also closes the descriptor */
/* Waits for events, 10 ms at most, and calls what is ready. */
void loop_turn(void);

/* A nonblocking connection to 127.0.0.1; -1 if refused at once. Without Nagle's delay. */
int loop_connect(uint16_t port);
/* Listens on 127.0.0.1; *port 0 takes a free one and tells which. */
int loop_listen(uint16_t *port);
int loop_accept(int fd); /* nonblocking, without Nagle's delay; -1: nobody there */

void die(const char *what) __attribute__((noreturn)); /* with errno's text */

#endif
