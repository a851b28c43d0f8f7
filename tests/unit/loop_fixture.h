/* SPDX-License-Identifier: Apache-2.0 */
/* A loop for tests with real sockets, all in one thread: `until` turns it until something holds,
 * and fails the test when it does not come. A peer is the other end of a TCP connection, and a
 * raw one: it sends the bytes it is given and keeps those that come. */
#ifndef PM_TESTS_LOOP_FIXTURE_H
#define PM_TESTS_LOOP_FIXTURE_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "common/buf.h"

#define GIVE_UP_MS 20000

static uv_loop_t loop;
static uv_timer_t pulse; /* a turn that ran timers must not then wait for sockets */

static inline void on_pulse(uv_timer_t *t)
{
    (void)t;
}

#define until(condition)                                                                           \
    do {                                                                                           \
        uv_update_time(&loop);                                                                     \
        const uint64_t end_ = uv_now(&loop) + GIVE_UP_MS;                                          \
        uv_timer_start(&pulse, on_pulse, 5, 5);                                                    \
        while (!(condition)) {                                                                     \
            if (uv_now(&loop) > end_)                                                              \
                fail_msg("never came: %s", #condition);                                            \
            uv_run(&loop, UV_RUN_ONCE);                                                            \
        }                                                                                          \
        uv_timer_stop(&pulse);                                                                     \
    } while (0)

/* A few turns, in which what must not happen would happen. */
static inline void turns(unsigned n)
{
    while (n--)
        uv_run(&loop, UV_RUN_NOWAIT);
}

static inline void loop_open(void)
{
    assert_int_equal(uv_loop_init(&loop), 0);
    uv_timer_init(&loop, &pulse);
}

/* For what is about time itself. */
static inline void pass(uint64_t ms)
{
    const uint64_t over = uv_now(&loop) + ms;

    until(uv_now(&loop) >= over);
}

/* Every handle of the test must be closed, or closing. */
static inline void loop_shut(void)
{
    uv_close((uv_handle_t *)&pulse, NULL);
    for (unsigned i = 0; i < 1000 && uv_loop_alive(&loop); i++)
        uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

struct peer {
    uv_tcp_t tcp;
    struct pm_buf in;
    bool connected, reading;
    bool eof; /* the other side ended well */
    bool broken; /* reset */
    bool closing, closed;
    unsigned writes; /* under way */
    bool write_failed;
};

static inline void peer_on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *buf)
{
    static char space[64 << 10];

    (void)h;
    (void)hint;
    *buf = uv_buf_init(space, sizeof(space));
}

static inline void peer_on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct peer *p = (struct peer *)s;

    if (n > 0)
        pm_buf_add(&p->in, buf->base, (size_t)n);
    else if (n == UV_EOF)
        p->eof = true;
    else if (n < 0)
        p->broken = true;
}

static inline void peer_read(struct peer *p, bool on)
{
    p->reading = on;
    if (on)
        uv_read_start((uv_stream_t *)&p->tcp, peer_on_alloc, peer_on_read);
    else
        uv_read_stop((uv_stream_t *)&p->tcp);
}

static inline void peer_on_connect(uv_connect_t *c, int status)
{
    struct peer *p = c->data;

    free(c);
    if (status == UV_ECANCELED)
        return;
    assert_int_equal(status, 0);
    p->connected = true;
}

static inline void peer_init(struct peer *p)
{
    memset(p, 0, sizeof(*p));
    pm_buf_init(&p->in, SIZE_MAX / 2);
    uv_tcp_init(&loop, &p->tcp);
}

/* read: false, and the kernel's buffers are all that it takes until peer_read. */
static inline void peer_connect(struct peer *p, uint16_t port, bool read)
{
    struct sockaddr_in sa;
    uv_connect_t *c = pm_xcalloc(1, sizeof(*c));

    peer_init(p);
    c->data = p;
    uv_ip4_addr("127.0.0.1", port, &sa);
    assert_int_equal(uv_tcp_connect(c, &p->tcp, (struct sockaddr *)&sa, peer_on_connect), 0);
    until(p->connected);
    if (read)
        peer_read(p, true);
}

static inline void peer_on_written(uv_write_t *w, int status)
{
    struct peer *p = (struct peer *)w->handle;

    p->writes--;
    p->write_failed |= status != 0;
    free(w->data);
    free(w);
}

static inline void peer_send_n(struct peer *p, const char *bytes, size_t n)
{
    uv_write_t *w = pm_xcalloc(1, sizeof(*w));
    uv_buf_t buf;

    w->data = pm_xmalloc(n + 1);
    memcpy(w->data, bytes, n);
    buf = uv_buf_init(w->data, (unsigned)n);
    p->writes++;
    if (uv_write(w, (uv_stream_t *)&p->tcp, &buf, 1, peer_on_written) != 0) {
        p->writes--;
        p->write_failed = true;
        free(w->data);
        free(w);
    }
}

static inline void peer_send(struct peer *p, const char *text)
{
    peer_send_n(p, text, strlen(text));
}

static inline void peer_on_shut(uv_shutdown_t *s, int status)
{
    (void)status;
    free(s);
}

/* No more bytes from here, but it still reads. */
static inline void peer_end(struct peer *p)
{
    uv_shutdown_t *s = pm_xcalloc(1, sizeof(*s));

    if (uv_shutdown(s, (uv_stream_t *)&p->tcp, peer_on_shut) != 0)
        free(s);
}

static inline void peer_on_closed(uv_handle_t *h)
{
    ((struct peer *)h)->closed = true;
}

/* Returns at once; the peer must stay until `closed`. */
static inline void peer_close_soon(struct peer *p)
{
    if (!p->closing)
        uv_close((uv_handle_t *)&p->tcp, peer_on_closed);
    p->closing = true;
}

static inline void peer_close(struct peer *p)
{
    peer_close_soon(p);
    until(p->closed);
    pm_buf_fini(&p->in);
}

/* A reset instead of an end. */
static inline void peer_reset(struct peer *p)
{
    p->closing = true;
    assert_int_equal(uv_tcp_close_reset(&p->tcp, peer_on_closed), 0);
    until(p->closed);
    pm_buf_fini(&p->in);
}

#endif
