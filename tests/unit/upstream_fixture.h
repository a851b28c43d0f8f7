/* SPDX-License-Identifier: Apache-2.0 */
/* A provider that the test plays, byte by byte, and calls to it through the real upstream. */
#ifndef PM_TESTS_UPSTREAM_FIXTURE_H
#define PM_TESTS_UPSTREAM_FIXTURE_H

#include <curl/curl.h>

#include "agent/upstream.h"
#include "tests/unit/loop_fixture.h"

#define MAX_CONNECTIONS 128

static struct {
    uv_tcp_t listener;
    uint16_t port;
    struct peer conn[MAX_CONNECTIONS]; /* in the order they came */
    unsigned n;
    bool closed;
} provider;

static struct upstream *up;
static struct target *target;
static bool up_closed;

static inline void provider_on_connection(uv_stream_t *listener, int status)
{
    struct peer *p = &provider.conn[provider.n];

    assert_int_equal(status, 0);
    assert_true(provider.n < MAX_CONNECTIONS);
    peer_init(p);
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&p->tcp), 0);
    uv_tcp_nodelay(&p->tcp, 1);
    peer_read(p, true);
    provider.n++;
}

static inline void provider_on_closed(uv_handle_t *h)
{
    (void)h;
    provider.closed = true;
}

/* Listens on 127.0.0.1 alone. */
static inline void provider_open(void)
{
    struct sockaddr_in sa;
    int n = sizeof(sa);

    memset(&provider, 0, sizeof(provider));
    uv_tcp_init(&loop, &provider.listener);
    uv_ip4_addr("127.0.0.1", 0, &sa);
    assert_int_equal(uv_tcp_bind(&provider.listener, (struct sockaddr *)&sa, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&provider.listener, 128, provider_on_connection), 0);
    uv_tcp_getsockname(&provider.listener, (struct sockaddr *)&sa, &n);
    provider.port = ntohs(sa.sin_port);
}

/* No one answers there any more. */
static inline void provider_unlisten(void)
{
    uv_close((uv_handle_t *)&provider.listener, provider_on_closed);
    until(provider.closed);
}

static inline struct target *target_at(const char *scheme_host, const char *key)
{
    char url[128];
    const struct target_header header = {PM_STR("Authorization"), pm_str(key)};

    snprintf(url, sizeof(url), "%s:%u/v1/chat", scheme_host, provider.port);
    return target_new(
        up, &(struct target_spec){.url = pm_str(url), .headers = &header, .n_headers = 1});
}

static inline void upstream_open(uint32_t connect_ms)
{
    struct pm_error err = {0};

    loop_open();
    provider_open();
    up = upstream_new(&loop, connect_ms, &err);
    assert_non_null(up);
    up_closed = false;
    target = target_at("http://127.0.0.1", "Bearer secret");
}

static inline void on_up_closed(void *ctx)
{
    (void)ctx;
    up_closed = true;
}

static inline void upstream_shut(void)
{
    upstream_close(up, on_up_closed, NULL);
    until(up_closed);
    target_unref(target);
    upstream_free(up);
    if (!provider.closed)
        provider_unlisten();
    for (unsigned i = 0; i < provider.n; i++) {
        if (!provider.conn[i].closed)
            peer_close(&provider.conn[i]);
    }
    loop_shut();
}

/* ---- calls ---- */

struct call {
    struct transfer *transfer; /* NULL: over */
    unsigned heads, dones;
    unsigned status;
    char content_type[64], request_id[64];
    struct pm_buf data;
    size_t room; /* data beyond this is not taken yet */
    unsigned pauses;
    size_t stop_at; /* give up once this much came; 0: never */
    bool stop_at_head, cancel_at_head, cancel_in_data;
    struct transfer_end end;
    char what[256];
};

static inline void copy_text(char *to, size_t room, struct pm_str s)
{
    snprintf(to, room, "%.*s", PM_FMT(s));
}

static inline bool call_head(void *ctx, const struct transfer_head *h)
{
    struct call *c = ctx;

    assert_non_null(c->transfer); /* not after a cancel */
    c->heads++;
    c->status = h->status;
    copy_text(c->content_type, sizeof(c->content_type), h->content_type);
    copy_text(c->request_id, sizeof(c->request_id), h->request_id);
    if (c->cancel_at_head) {
        transfer_cancel(c->transfer);
        c->transfer = NULL;
    }
    return !c->stop_at_head;
}

static inline enum transfer_verdict call_data(void *ctx, const char *p, size_t n)
{
    struct call *c = ctx;

    assert_non_null(c->transfer);
    assert_int_equal(c->heads, 1);
    if (c->cancel_in_data) {
        transfer_cancel(c->transfer);
        c->transfer = NULL;
        return TRANSFER_GO;
    }
    if (c->data.n + n > c->room) {
        c->pauses++;
        return TRANSFER_PAUSE;
    }
    pm_buf_add(&c->data, p, n);
    return c->stop_at && c->data.n >= c->stop_at ? TRANSFER_STOP : TRANSFER_GO;
}

static inline void call_done(void *ctx, const struct transfer_end *end)
{
    struct call *c = ctx;

    assert_non_null(c->transfer);
    c->transfer = NULL;
    c->dones++;
    c->end = *end;
    copy_text(c->what, sizeof(c->what), pm_str(end->what));
}

static inline void call_new(struct call *c, struct target *t)
{
    static const struct transfer_ops ops = {call_head, call_data, call_done};

    memset(c, 0, sizeof(*c));
    pm_buf_init(&c->data, SIZE_MAX / 2);
    c->room = SIZE_MAX;
    c->transfer = transfer_new(t, &ops, c);
}

static inline void call_free(struct call *c)
{
    pm_buf_fini(&c->data);
}

/* The body is not copied: a literal, or what outlives the call. */
static inline void call_start(struct call *c, struct target *t, const char *body)
{
    call_new(c, t);
    transfer_body(c->transfer, pm_str(body), NULL, 0);
    transfer_start(c->transfer);
}

/* Has one whole request come on this connection? Its head ends at *body. */
static inline bool request_came(const struct peer *p, size_t *body)
{
    const char *end = p->in.n ? memmem(p->in.p, p->in.n, "\r\n\r\n", 4) : NULL;
    const char *length;

    if (!end)
        return false;
    *body = (size_t)(end - p->in.p) + 4;
    length = strcasestr(p->in.p, "\r\nContent-Length: ");
    if (!length || length > end)
        return true;
    return p->in.n - *body >= strtoul(length + 18, NULL, 10);
}

/* Takes the request and leaves the connection ready for the next one. */
static inline void request_take(struct peer *p)
{
    size_t body;

    until(request_came(p, &body));
    pm_buf_reset(&p->in);
}

static inline void answer_ok(struct peer *p, const char *body)
{
    char text[512];

    snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body),
             body);
    peer_send(p, text);
}

static inline void expect_end(struct call *c, enum transfer_end_kind kind)
{
    until(!c->transfer);
    if (c->dones != 1 || c->end.kind != kind)
        fail_msg("ended %u times, kind %d: %s", c->dones, c->end.kind, c->what);
}

static inline void expect_ok(struct call *c, const char *body)
{
    expect_end(c, END_CLEAN);
    assert_int_equal(c->status, 200);
    assert_str(pm_buf_view(&c->data), body);
    call_free(c);
}

#endif
