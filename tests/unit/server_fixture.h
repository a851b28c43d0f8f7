/* SPDX-License-Identifier: Apache-2.0 */
/* A real HTTP server on the test's loop, with an app behind it that the test plays: requests for
 * /now are answered at once, all others wait in app.held until the test answers them. */
#ifndef PM_TESTS_SERVER_FIXTURE_H
#define PM_TESTS_SERVER_FIXTURE_H

#include "agent/server.h"
#include "tests/unit/loop_fixture.h"

#define MAX_HELD 8

static struct {
    struct server *server;
    uint64_t memory_used;
    struct http_request *held[MAX_HELD]; /* in the order they came; NULL: gone */
    unsigned n_held, gone, drained, refused;
    bool refuse_heads, take_bodies, server_closed;
    void (*on_drain)(struct http_request *r);
} app;

static inline void app_on_gone(struct http_request *r)
{
    app.gone++;
    for (unsigned i = 0; i < app.n_held; i++) {
        if (app.held[i] == r)
            app.held[i] = NULL;
    }
}

static inline void app_on_drain(struct http_request *r)
{
    app.drained++;
    if (app.on_drain)
        app.on_drain(r);
}

static inline void reply(struct http_request *r, unsigned status, const char *body)
{
    http_reply(r, &(struct http_reply){.status = status, .body = pm_str(body)});
}

static inline bool app_head(void *ctx, struct http_request *r)
{
    (void)ctx;
    if (app.refuse_heads)
        reply(r, 401, "who are you?");
    return !app.refuse_heads;
}

static inline void app_request(void *ctx, struct http_request *r)
{
    (void)ctx;
    if (pm_str_is(r->path, "/now")) {
        reply(r, 200, "now");
        return;
    }
    assert_true(app.n_held < MAX_HELD);
    r->on_gone = app_on_gone;
    r->on_drain = app_on_drain;
    app.held[app.n_held++] = r;
}

static inline void app_refuse(void *ctx, unsigned status, const char *why, struct pm_buf *body)
{
    (void)ctx;
    app.refused++;
    pm_buf_addf(body, "%u: %s", status, why);
}

static const struct server_limits roomy = {
    .max_connections = 16,
    .head_bytes = 8 << 10,
    .body_bytes = 1 << 20,
    .memory_used = &app.memory_used,
    .memory_max = 64 << 20,
    .head_ms = 60000,
    .body_ms = 60000,
    .idle_ms = 60000,
    .write_ms = 60000,
};

static inline void serve(const struct server_limits *limits)
{
    static const struct server_ops ops = {app_head, app_request, app_refuse};
    struct pm_error err = {0};

    memset(&app, 0, sizeof(app));
    loop_open();
    app.server = server_new(&loop, "127.0.0.1", 0, limits, &ops, NULL, &err);
    if (!app.server)
        fail_msg("%s", err.text);
}

static inline void app_closed(void *ctx)
{
    (void)ctx;
    app.server_closed = true;
}

/* Ends the server, and checks that nothing of it is left. */
static inline void stop_serving(void)
{
    if (!app.server_closed) {
        server_close(app.server, app_closed, NULL);
        until(app.server_closed);
    }
    assert_int_equal(server_connections(app.server), 0);
    assert_int_equal(app.memory_used, 0);
    server_free(app.server);
    loop_shut();
}

static inline void dial(struct peer *p)
{
    peer_connect(p, server_port(app.server), true);
}

/* ---- answers, read strictly ---- */

struct answer {
    unsigned status;
    struct pm_buf head, body;
    bool chunked;
};

static inline void answer_free(struct answer *a)
{
    pm_buf_fini(&a->head);
    pm_buf_fini(&a->body);
    memset(a, 0, sizeof(*a));
}

/* The value of that header, or PM_NSTR. */
static inline struct pm_str answer_header(const struct answer *a, const char *name)
{
    char want[64];
    const char *at;

    snprintf(want, sizeof(want), "\r\n%s: ", name);
    at = a->head.p ? strcasestr(a->head.p, want) : NULL;
    if (!at)
        return PM_NSTR;
    at += strlen(want);
    return pm_str_n(at, (size_t)(strstr(at, "\r\n") - at));
}

/* Chunks from at on into body. False: not all is there. *end: behind the last one. */
static inline bool read_chunks(struct pm_str in, size_t at, struct pm_buf *body, size_t *end)
{
    for (;;) {
        char *stop;
        size_t size;
        const char *line_end = memmem(in.p + at, in.n - at, "\r\n", 2);
        if (!line_end)
            return false;
        size = strtoul(in.p + at, &stop, 16);
        assert_ptr_equal(stop, line_end); /* nothing but the size */
        at = (size_t)(line_end - in.p) + 2;
        if (in.n - at < size + 2)
            return false;
        assert_memory_equal(in.p + at + size, "\r\n", 2);
        pm_buf_add(body, in.p + at, size);
        at += size + 2;
        if (size == 0) {
            *end = at;
            return true;
        }
    }
}

/* Takes one whole answer from what the peer has. no_body: it was a HEAD. */
static inline bool take(struct peer *p, struct answer *a, bool no_body)
{
    const char *head_end = p->in.n ? memmem(p->in.p, p->in.n, "\r\n\r\n", 4) : NULL;
    struct pm_str length;
    uint64_t n = 0;
    size_t head_n, end;

    if (!head_end)
        return false;
    answer_free(a);
    pm_buf_init(&a->head, SIZE_MAX / 2);
    pm_buf_init(&a->body, SIZE_MAX / 2);
    end = head_n = (size_t)(head_end - p->in.p) + 4;
    pm_buf_add(&a->head, p->in.p, head_n);
    assert_memory_equal(a->head.p, "HTTP/1.1 ", 9);
    a->status = (unsigned)strtoul(a->head.p + 9, NULL, 10);
    length = answer_header(a, "Content-Length");
    a->chunked = pm_str_is(answer_header(a, "Transfer-Encoding"), "chunked");
    assert_false(a->chunked && length.p);
    if (a->status >= 200 && !no_body && a->chunked) {
        if (!read_chunks(pm_buf_view(&p->in), head_n, &a->body, &end))
            return false;
    } else if (a->status >= 200 && length.p) {
        assert_true(pm_str_u64(length, &n));
        if (!no_body && p->in.n - head_n < n)
            return false;
        if (!no_body)
            pm_buf_add(&a->body, p->in.p + head_n, (size_t)n);
        end += no_body ? 0 : (size_t)n;
    } else if (a->status >= 200) { /* to the end of the connection */
        if (!p->eof)
            return false;
        pm_buf_add(&a->body, p->in.p + head_n, p->in.n - head_n);
        end = p->in.n;
    }
    pm_buf_drop(&p->in, end);
    return true;
}

static inline void expect_answer(struct peer *p, unsigned status, const char *body)
{
    struct answer a = {0};

    until(take(p, &a, false));
    assert_int_equal(a.status, status);
    assert_str(pm_buf_view(&a.body), body);
    answer_free(&a);
}

/* A request with a body of n bytes 'x'; returns what to send, to be freed. */
static inline char *post(const char *path, size_t n)
{
    char *text = pm_xmalloc(n + 256);
    int head =
        snprintf(text, 256, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", path, n);

    memset(text + head, 'x', n);
    text[(size_t)head + n] = '\0';
    return text;
}

#endif
