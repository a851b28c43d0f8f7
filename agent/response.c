/* SPDX-License-Identifier: Apache-2.0 */
/* The writing half of the HTTP server: heads, chunks, queued writes. */
#include "agent/server_conn.h"
#include "common/clock.h"

struct write_job {
    uv_write_t req; /* first */
    struct conn *conn;
    char *bytes;
};

static const char *reason_phrase(unsigned status)
{
    static const struct {
        unsigned status;
        const char *text;
    } rows[] = {
        {200, "OK"},
        {202, "Accepted"},
        {204, "No Content"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {402, "Payment Required"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {413, "Content Too Large"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        if (rows[i].status == status)
            return rows[i].text;
    }
    return "Unknown";
}

/* The Date header's value (RFC 9110 §6.6.1), made anew once a second. */
static struct pm_str http_date(void)
{
    static char text[32];
    static time_t made;
    time_t now = (time_t)(pm_unix_ms() / 1000);
    struct tm tm;

    if (now != made) {
        gmtime_r(&now, &tm);
        strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        made = now;
    }
    return pm_str(text);
}

/* ---- bytes out ---- */

static void on_written(uv_write_t *req, int status)
{
    struct write_job *job = (struct write_job *)req;
    struct conn *c = job->conn;

    free(job->bytes);
    free(job);
    c->writing--;
    if (c->closing)
        return;
    if (status < 0) {
        conn_close(c);
        return;
    }
    if (c->writing == 0 && c->state == CONN_ENDING && !c->unread)
        conn_close(c);
    else if (c->state == CONN_STREAM && c->req.on_drain &&
             uv_stream_get_write_queue_size((uv_stream_t *)&c->tcp) < HTTP_QUEUE_LOW)
        c->req.on_drain(&c->req);
}

/* What the socket did not take at once waits in a copy. */
static bool queue_rest(struct conn *c, const uv_buf_t *bufs, unsigned n_bufs, size_t skip)
{
    struct write_job *job;
    size_t total = 0, at = 0;
    uv_buf_t one;

    for (unsigned i = 0; i < n_bufs; i++)
        total += bufs[i].len;
    if (skip == total)
        return true;
    job = pm_xcalloc(1, sizeof(*job));
    job->conn = c;
    job->bytes = pm_xmalloc(total - skip);
    for (unsigned i = 0; i < n_bufs; i++) {
        size_t from = PM_MIN(skip, bufs[i].len);
        memcpy(job->bytes + at, bufs[i].base + from, bufs[i].len - from);
        at += bufs[i].len - from;
        skip -= from;
    }
    one = uv_buf_init(job->bytes, (unsigned)at);
    if (c->writing == 0)
        c->write_deadline_ms = uv_now(c->server->loop) + c->server->limits.write_ms;
    if (uv_write(&job->req, (uv_stream_t *)&c->tcp, &one, 1, on_written) != 0) {
        free(job->bytes);
        free(job);
        return false;
    }
    c->writing++;
    c->handed += at;
    return true;
}

/* Head, and what is behind it: as one chunk (RFC 9112 §7.1) where the answer is chunked. */
static unsigned frame(const struct conn *c, uv_buf_t bufs[static 4], char *size_line, size_t room)
{
    size_t payload = c->out.n - c->out_head;
    unsigned n = 0;

    if (c->out_head)
        bufs[n++] = uv_buf_init(c->out.p, (unsigned)c->out_head);
    if (c->whole.n)
        bufs[n++] = uv_buf_init((char *)c->whole.p, (unsigned)c->whole.n);
    if (payload && c->chunked)
        bufs[n++] = uv_buf_init(size_line, (unsigned)snprintf(size_line, room, "%zx\r\n", payload));
    if (payload)
        bufs[n++] = uv_buf_init(c->out.p + c->out_head, (unsigned)payload);
    if (c->chunked && payload)
        bufs[n++] = c->last_chunk ? uv_buf_init((char *)"\r\n0\r\n\r\n", 7)
                                  : uv_buf_init((char *)"\r\n", 2);
    else if (c->chunked && c->last_chunk)
        bufs[n++] = uv_buf_init((char *)"0\r\n\r\n", 5);
    return n;
}

bool conn_flush(struct conn *c)
{
    uv_buf_t bufs[4] = {{NULL, 0}};
    unsigned n = 0;
    char size_line[24];
    int sent = 0;
    bool ok;

    if (c->closing)
        return false;
    if (c->out.failed) { /* what is missing must not look like an end */
        conn_close(c);
        return false;
    }
    if (c->out.n == 0 && !c->last_chunk)
        return true;
    n = frame(c, bufs, size_line, sizeof(size_line));
    if (c->writing == 0) {
        sent = uv_try_write((uv_stream_t *)&c->tcp, bufs, n);
        if (sent == UV_EAGAIN)
            sent = 0;
    }
    ok = sent >= 0 && queue_rest(c, bufs, n, (size_t)sent);
    pm_buf_reset(&c->out);
    c->out_head = 0;
    c->whole = PM_NSTR;
    c->last_chunk = false;
    if (c->out.cap > (64u << 10))
        pm_buf_fini(&c->out); /* an idle connection holds no large buffer */
    if (!ok)
        conn_close(c);
    return ok;
}

/* ---- heads ---- */

static void put_head(struct conn *c, const struct http_reply *reply, bool streamed)
{
    struct pm_buf *b = &c->out;

    if (reply->close)
        c->must_close = true;
    pm_buf_lit(b, "HTTP/1.1 ");
    pm_buf_u64(b, reply->status);
    pm_buf_ch(b, ' ');
    pm_buf_cstr(b, reason_phrase(reply->status));
    pm_buf_lit(b, "\r\nDate: ");
    pm_buf_str(b, http_date());
    pm_buf_lit(b, "\r\nContent-Type: ");
    pm_buf_cstr(b, reply->content_type ? reply->content_type : "application/json");
    for (size_t i = 0; i < reply->n_headers; i++) {
        pm_buf_lit(b, "\r\n");
        pm_buf_str(b, reply->headers[i].name);
        pm_buf_lit(b, ": ");
        pm_buf_str(b, reply->headers[i].value);
    }
    if (!streamed) {
        pm_buf_lit(b, "\r\nContent-Length: ");
        pm_buf_u64(b, reply->body.n);
    } else if (c->chunked) {
        pm_buf_lit(b, "\r\nTransfer-Encoding: chunked");
    }
    if (c->must_close || c->unread || c->server->draining)
        pm_buf_lit(b, "\r\nConnection: close");
    else if (c->req.head && c->req.head->minor == 0)
        pm_buf_lit(b, "\r\nConnection: keep-alive");
    pm_buf_lit(b, "\r\n\r\n");
}

void http_reply(struct http_request *r, const struct http_reply *reply)
{
    struct conn *c = conn_of(r);

    if (c->closing)
        return;
    r->on_gone = NULL; /* answered: its handler is done with it */
    c->chunked = false;
    put_head(c, reply, false);
    c->out_head = c->out.n;
    if (!pm_str_eq(r->head->method, PM_STR("HEAD")))
        c->whole = reply->body;
    conn_answered(c);
}

void http_stream_begin(struct http_request *r, const struct http_reply *head)
{
    struct conn *c = conn_of(r);

    if (c->closing)
        return;
    c->chunked = r->head->minor == 1;
    if (!c->chunked)
        c->must_close = true; /* HTTP/1.0 knows the end of a stream by the end of the connection */
    c->state = CONN_STREAM;
    put_head(c, head, true);
    c->out_head = c->out.n;
}

void http_stream_write(struct http_request *r, struct pm_str bytes)
{
    struct conn *c = conn_of(r);

    if (!c->closing)
        pm_buf_str(&c->out, bytes);
}

struct pm_buf *http_stream_buf(struct http_request *r)
{
    return &conn_of(r)->out;
}

void http_take_body(struct http_request *r, struct pm_buf *body, uint64_t *charged)
{
    struct conn *c = conn_of(r);

    *body = c->body;
    *charged = c->body_charged;
    c->body = (struct pm_buf){.max = body->max};
    c->body_charged = 0;
}

void http_stream_flush(struct http_request *r)
{
    conn_flush(conn_of(r));
}

void http_stream_end(struct http_request *r, bool close)
{
    struct conn *c = conn_of(r);

    if (c->closing)
        return;
    r->on_gone = NULL;
    r->on_drain = NULL;
    if (close)
        c->must_close = true;
    c->last_chunk = c->chunked;
    conn_answered(c);
}

size_t http_queued(const struct http_request *r)
{
    const struct conn *c = conn_of(r);

    return c->out.n + uv_stream_get_write_queue_size((const uv_stream_t *)&c->tcp);
}

void conn_refuse(struct conn *c, unsigned status, const char *why)
{
    struct server *s = c->server;
    struct pm_buf body;
    static const struct pm_header soon[] = {{PM_STR_INIT("Retry-After"), PM_STR_INIT("1")}};

    if (c->closing)
        return;
    pm_buf_init(&body, 16 << 10);
    s->ops.refuse(s->ctx, status, why, &body);
    c->unread = true; /* whatever is on its way will not be read as a request */
    c->chunked = false;
    put_head(c,
             &(struct http_reply){.status = status,
                                  .body = pm_buf_view(&body),
                                  .headers = soon,
                                  .n_headers = status == 503 ? 1 : 0,
                                  .close = true},
             false);
    c->out_head = c->out.n;
    c->whole = pm_buf_view(&body);
    conn_answered(c);
    pm_buf_fini(&body);
}
