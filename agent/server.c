/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "agent/server_conn.h"
#include "common/clock.h"
#include "common/log.h"

#define TICK_MS 250
#define IN_PLACE_MIN (16u << 10)
#define IN_PLACE_MAX (256u << 10)
#define LINGER_MS 2000
#define STASH_MAX (64u << 10) /* pipelined bytes kept while a request is served */
#define OUT_MAX (64u << 20) /* what is between two flushes */
#define REFUSED_MAX 64 /* connections above the limit that are told so; more are just closed */

static void conn_process(struct conn *c, const char *p, size_t n);

/* ---- closing ---- */

static void server_maybe_closed(struct server *s)
{
    if (s->closing && s->open_handles == 0 && s->closed) {
        void (*fn)(void *) = s->closed;
        s->closed = NULL;
        fn(s->closed_ctx);
    }
}

static void release_body(struct conn *c)
{
    *c->server->limits.memory_used -= c->body_charged;
    c->body_charged = 0;
    pm_buf_fini(&c->body);
}

static void on_conn_closed(uv_handle_t *h)
{
    struct conn *c = (struct conn *)h;
    struct server *s = c->server;

    pm_http1_free(c->http);
    release_body(c);
    pm_buf_fini(&c->stash);
    pm_buf_fini(&c->out);
    free(c);
    s->open_handles--;
    server_maybe_closed(s);
}

void conn_close(struct conn *c)
{
    struct server *s = c->server;

    if (c->closing)
        return;
    c->closing = true;
    if ((c->state == CONN_SERVING || c->state == CONN_STREAM) && c->req.on_gone)
        c->req.on_gone(&c->req);
    c->state = CONN_ENDING;
    if (c->prev)
        c->prev->next = c->next;
    else
        s->conns = c->next;
    if (c->next)
        c->next->prev = c->prev;
    s->n_conns--;
    if (s->n_conns == 0)
        uv_timer_stop(&s->tick);
    uv_close((uv_handle_t *)&c->tcp, on_conn_closed);
}

/* Ends the connection when its queued bytes have left. */
static void conn_retire(struct conn *c)
{
    c->state = CONN_ENDING;
    if (c->writing == 0)
        conn_close(c);
}

/* ---- deadlines ---- */

static void set_deadline(struct conn *c, uint32_t ms)
{
    c->deadline_ms = ms ? uv_now(c->server->loop) + ms : 0;
}

static void on_deadline(struct conn *c)
{
    switch (c->state) {
    case CONN_HEAD:
    case CONN_BODY:
        conn_refuse(c, 408, "the request did not come in time");
        break;
    case CONN_SERVING: /* its own timers bound it */
    case CONN_STREAM:
        c->deadline_ms = 0;
        break;
    case CONN_IDLE:
    case CONN_ENDING:
        conn_close(c);
        break;
    }
}

/* Has the client stopped reading? One that is slow is not cut, however long its answer takes.
 * The kernel asks for more only when much of its buffer is free, so what is in there counts too. */
static bool is_stuck(struct conn *c, uint64_t now)
{
    uint64_t taken = c->handed - uv_stream_get_write_queue_size((uv_stream_t *)&c->tcp);
    uv_os_fd_t fd;
    int in_kernel = 0;

    if (uv_fileno((uv_handle_t *)&c->tcp, &fd) == 0 && ioctl(fd, SIOCOUTQ, &in_kernel) == 0)
        taken -= (uint64_t)in_kernel;
    if (taken != c->taken)
        c->write_deadline_ms = now + c->server->limits.write_ms;
    c->taken = taken;
    return now >= c->write_deadline_ms;
}

static void on_tick(uv_timer_t *t)
{
    struct server *s = t->data;
    uint64_t now = uv_now(s->loop);
    struct conn *next;

    for (struct conn *c = s->conns; c; c = next) {
        next = c->next;
        if (c->writing) {
            if (is_stuck(c, now))
                conn_close(c);
            else if (c->state == CONN_IDLE) /* it is not, yet */
                set_deadline(c, s->limits.idle_ms);
        } else if (c->deadline_ms && now >= c->deadline_ms) {
            on_deadline(c);
        }
    }
}

/* ---- reading ---- */

/* The rest of a body of known length is read to where it will stay, as far as there is room: a
 * large one is then copied only where its buffer grows. */
static bool read_in_place(struct conn *c, uv_buf_t *buf)
{
    const struct pm_http1_head *h = c->req.head;
    uint64_t left;
    size_t room;

    if (c->state != CONN_BODY || h->chunked || h->content_length <= c->body.n || !c->body.cap)
        return false;
    left = h->content_length - c->body.n;
    room = c->body.cap - c->body.n - 1; /* the NUL of pm_buf */
    if (room < left && room < IN_PLACE_MIN)
        return false;
    *buf = uv_buf_init(c->body.p + c->body.n, (unsigned)PM_MIN(PM_MIN(room, left), IN_PLACE_MAX));
    return true;
}

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *buf)
{
    struct conn *c = (struct conn *)h;

    (void)hint;
    if (!read_in_place(c, buf))
        *buf = uv_buf_init(c->server->scratch, sizeof(c->server->scratch));
}

static void on_read(uv_stream_t *h, ssize_t n, const uv_buf_t *buf)
{
    struct conn *c = (struct conn *)h;

    if (n > 0) {
        conn_process(c, buf->base, (size_t)n);
    } else if (n == UV_EOF && (c->state == CONN_IDLE || c->state == CONN_ENDING)) {
        c->reading = false; /* libuv stops at the end by itself */
        c->unread = false;
        conn_retire(c); /* it asks no more, but it may still be reading its last answer */
    } else if (n < 0) {
        conn_close(c);
    }
}

static void want_reading(struct conn *c, bool on)
{
    if (c->closing || c->reading == on)
        return;
    c->reading = on;
    if (on)
        uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
    else
        uv_read_stop((uv_stream_t *)&c->tcp);
}

/* Bytes of the next requests wait here; a client that sends too many of them waits too. */
static void stash(struct conn *c, const char *p, size_t n)
{
    if (n == 0)
        return;
    pm_buf_add(&c->stash, p, n);
    if (c->stash.n >= STASH_MAX)
        want_reading(c, false);
}

static bool charge(struct conn *c, uint64_t n)
{
    struct server_limits *l = &c->server->limits;

    if (*l->memory_used + n > l->memory_max)
        return false;
    *l->memory_used += n;
    c->body_charged += n;
    return true;
}

/* Room for n more bytes of body, counted. False: refused. */
static bool grow_body(struct conn *c, size_t n)
{
    if (!pm_buf_reserve(&c->body, n)) {
        conn_refuse(c, 413, "the request body is too large");
        return false;
    }
    if (c->body.cap > c->body_charged && !charge(c, c->body.cap - c->body_charged)) {
        conn_refuse(c, 503, "too many request bytes are being held, try again");
        return false;
    }
    return true;
}

static void on_head(struct conn *c)
{
    const struct pm_http1_head *h = pm_http1_head_of(c->http);
    struct http_request *r = &c->req;
    ptrdiff_t q;

    *r = (struct http_request){.head = h, .began_ns = r->began_ns};
    q = pm_str_find(h->target, '?');
    r->path = q < 0 ? h->target : pm_str_cut(h->target, 0, (size_t)q);
    r->query = q < 0 ? PM_NSTR : pm_str_cut(h->target, (size_t)q + 1, h->target.n);
    c->must_close = pm_http1_must_close(c->http) || c->server->draining;
    c->state = CONN_BODY;
    pm_buf_init(&c->body, (size_t)c->server->limits.body_bytes);
    if (h->content_length == 0 && !h->chunked)
        return;
    c->unread = true;
    if (!c->server->ops.head(c->server->ctx, r))
        return; /* it has answered, and the connection ends */
    set_deadline(c, c->server->limits.body_ms);
    /* At first no more than a small body: a client that only promises bytes holds no memory. */
    if (h->content_length > 0 && !grow_body(c, (size_t)PM_MIN(h->content_length, 64u << 10)))
        return;
    if (h->expect_continue) {
        pm_buf_lit(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
        c->out_head = c->out.n;
        conn_flush(c);
    }
}

static void on_body(struct conn *c, struct pm_str bytes)
{
    if (c->body.p && bytes.p == c->body.p + c->body.n) { /* read in place */
        c->body.n += bytes.n;
        c->body.p[c->body.n] = '\0';
        set_deadline(c, c->server->limits.body_ms);
    } else if (grow_body(c, bytes.n)) {
        pm_buf_str(&c->body, bytes);
        set_deadline(c, c->server->limits.body_ms);
    }
}

static void on_whole(struct conn *c)
{
    c->state = CONN_SERVING;
    c->unread = false;
    c->deadline_ms = 0;
    c->req.body = pm_buf_view(&c->body);
    c->server->ops.request(c->server->ctx, &c->req);
}

/* One event after the other until the bytes are used up or a request is being served. */
static void feed(struct conn *c, const char **p, size_t *n)
{
    struct pm_error err = {0};
    struct pm_str body;

    while (!c->closing &&
           (c->state == CONN_IDLE || c->state == CONN_HEAD || c->state == CONN_BODY)) {
        if (c->state == CONN_IDLE) {
            if (*n == 0)
                return;
            c->state = CONN_HEAD;
            c->req.began_ns = pm_now_ns();
            set_deadline(c, c->server->limits.head_ms);
        }
        switch (pm_http1_feed(c->http, p, n, &body, &err)) {
        case PM_HTTP1_MORE:
            if (pm_http1_between(c->http)) { /* only blank lines (RFC 9112 §2.2) */
                c->state = CONN_IDLE;
                set_deadline(c, c->server->limits.idle_ms);
            }
            return;
        case PM_HTTP1_HEAD:
            on_head(c);
            break;
        case PM_HTTP1_BODY:
            on_body(c, body);
            break;
        case PM_HTTP1_DONE:
            c->followed = *n > 0;
            on_whole(c);
            break;
        case PM_HTTP1_BAD:
            conn_refuse(c, pm_http1_status(c->http), err.text);
            break;
        }
    }
}

static void conn_process(struct conn *c, const char *p, size_t n)
{
    if (c->state == CONN_ENDING || c->closing)
        return; /* whatever comes after the last request is of no interest */
    if (c->in_feed || c->state == CONN_SERVING || c->state == CONN_STREAM) {
        stash(c, p, n);
        return;
    }
    c->in_feed = true;
    feed(c, &p, &n);
    if (!c->closing && c->state != CONN_ENDING)
        stash(c, p, n);
    c->in_feed = false;
}

/* The connection's next request, from what is already here. */
static void conn_next(struct conn *c)
{
    struct server *s = c->server;

    release_body(c);
    c->req = (struct http_request){0};
    c->state = CONN_IDLE;
    pm_http1_next(c->http);
    set_deadline(c, s->limits.idle_ms);
    if (c->in_feed)
        return; /* the loop in feed() goes on by itself */
    if (c->stash.n) {
        struct pm_buf held = c->stash;
        pm_buf_init(&c->stash, STASH_MAX + sizeof(s->scratch));
        conn_process(c, held.p, held.n);
        pm_buf_fini(&held);
    }
    if (c->stash.n < STASH_MAX)
        want_reading(c, true);
}

static void on_shutdown(uv_shutdown_t *req, int status)
{
    (void)status; /* the deadline closes what does not close by itself */
    free(req);
}

/* Says that no more will come, but reads on for a while: closing with unread bytes makes the
 * kernel send a reset, which can destroy the answer before the client has read it. */
static void linger(struct conn *c)
{
    uv_shutdown_t *req = pm_xcalloc(1, sizeof(*req));

    set_deadline(c, LINGER_MS);
    if (uv_shutdown(req, (uv_stream_t *)&c->tcp, on_shutdown) != 0) {
        free(req);
        conn_close(c);
        return;
    }
    want_reading(c, true);
}

void conn_answered(struct conn *c)
{
    bool last = c->must_close || c->unread || c->server->draining;

    if (last) {
        c->state = CONN_ENDING;
        c->deadline_ms = 0;
        c->unread |= c->followed || c->stash.n > 0; /* who sends more than we take may go on */
    }
    if (!conn_flush(c))
        return;
    if (!last) {
        conn_next(c);
        return;
    }
    release_body(c);
    if (c->unread)
        linger(c);
    else
        conn_retire(c);
}

/* ---- accepting ---- */

static void on_connection(uv_stream_t *listener, int status)
{
    struct server *s = listener->data;
    struct conn *c;

    if (status < 0) {
        pm_log(PM_WARN, "accept failed", KV_C("reason", uv_strerror(status)));
        return;
    }
    c = pm_xcalloc(1, sizeof(*c));
    c->server = s;
    uv_tcp_init(s->loop, &c->tcp);
    s->open_handles++;
    c->next = s->conns;
    if (s->conns)
        s->conns->prev = c;
    s->conns = c;
    if (s->n_conns++ == 0)
        uv_timer_start(&s->tick, on_tick, TICK_MS, TICK_MS);
    c->http = pm_http1_new((struct pm_http1_limits){s->limits.head_bytes, s->limits.body_bytes});
    pm_buf_init(&c->out, OUT_MAX);
    pm_buf_init(&c->stash, STASH_MAX + sizeof(s->scratch));
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) != 0) {
        conn_close(c);
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    if (s->n_conns > (size_t)s->limits.max_connections + REFUSED_MAX) {
        conn_close(c);
        return;
    }
    if (s->n_conns > s->limits.max_connections) {
        conn_refuse(c, 503, "too many connections");
        return;
    }
    set_deadline(c, s->limits.idle_ms);
    want_reading(c, true);
}

static void on_server_handle_closed(uv_handle_t *h)
{
    struct server *s = h->data;

    s->open_handles--;
    server_maybe_closed(s);
}

struct server *server_new(uv_loop_t *loop, const char *address, uint16_t port,
                          const struct server_limits *limits, const struct server_ops *ops,
                          void *ctx, struct pm_error *err)
{
    struct sockaddr_storage sa = {0};
    struct server *s = pm_xcalloc(1, sizeof(*s));
    int rc;

    s->loop = loop;
    s->limits = *limits;
    s->ops = *ops;
    s->ctx = ctx;
    uv_tcp_init(loop, &s->listener);
    uv_timer_init(loop, &s->tick);
    s->listener.data = s->tick.data = s;
    s->open_handles = 2;
    rc = uv_ip4_addr(address, port, (struct sockaddr_in *)&sa);
    if (rc != 0)
        rc = uv_ip6_addr(address, port, (struct sockaddr_in6 *)&sa);
    if (rc == 0)
        rc = uv_tcp_bind(&s->listener, (struct sockaddr *)&sa, 0);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&s->listener, 1024, on_connection);
    if (rc != 0) {
        pm_fail(err, PM_EINVAL, "cannot listen on %s:%u: %s", address, port, uv_strerror(rc));
        server_close(s, NULL, NULL);
        uv_run(loop, UV_RUN_NOWAIT);
        server_free(s);
        return NULL;
    }
    return s;
}

uint16_t server_port(const struct server *s)
{
    struct sockaddr_storage sa;
    int n = sizeof(sa);

    if (uv_tcp_getsockname(&s->listener, (struct sockaddr *)&sa, &n) != 0)
        return 0;
    if (sa.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&sa)->sin6_port);
    return ntohs(((struct sockaddr_in *)&sa)->sin_port);
}

size_t server_connections(const struct server *s)
{
    return s->n_conns;
}

void server_set_limits(struct server *s, const struct server_limits *limits)
{
    s->limits = *limits;
}

void server_drain(struct server *s)
{
    struct conn *next;

    if (!s->draining && !s->listener_closed) {
        s->listener_closed = true;
        uv_close((uv_handle_t *)&s->listener, on_server_handle_closed);
    }
    s->draining = true;
    for (struct conn *c = s->conns; c; c = next) {
        next = c->next;
        if (c->state == CONN_IDLE)
            conn_retire(c);
    }
}

void server_close(struct server *s, void (*closed)(void *ctx), void *ctx)
{
    s->closing = true;
    s->closed = closed;
    s->closed_ctx = ctx;
    while (s->conns)
        conn_close(s->conns);
    if (!s->listener_closed) {
        s->listener_closed = true;
        uv_close((uv_handle_t *)&s->listener, on_server_handle_closed);
    }
    uv_close((uv_handle_t *)&s->tick, on_server_handle_closed);
}

void server_free(struct server *s)
{
    free(s);
}
