/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1 requests: the same events however the input is split, nothing taken behind a request
 * before pm_http1_next, and heads that hold to what http1.h says.
 * The first byte of the input chooses the pieces. */
#include "common/http1.h"
#include "tests/fuzz/must.h"

static const struct pm_http1_limits limits = {.head_bytes = 1024, .body_bytes = 2000};

static void check_text(struct pm_str s, bool blanks)
{
    for (size_t i = 0; i < s.n; i++) {
        const unsigned char c = (unsigned char)s.p[i];

        must(c > ' ' ? c != 0x7f : blanks && (c == ' ' || c == '\t'));
    }
}

static void check_head(const struct pm_http1_head *h)
{
    unsigned hosts = 0, framings = 0;

    check_text(h->method, false);
    check_text(h->target, false);
    must(h->method.n && h->target.n && (h->target.p[0] == '/' || pm_str_is(h->target, "*")));
    must(h->minor <= 1 && (h->minor == 1 || !h->chunked));
    must(!h->chunked || h->content_length == 0);
    must(h->content_length <= limits.body_bytes);
    must(h->n_headers <= PM_HTTP1_MAX_HEADERS);
    for (size_t i = 0; i < h->n_headers; i++) {
        const struct pm_header *x = &h->headers[i];

        must(x->name.n && x->value.p);
        check_text(x->name, false);
        check_text(x->value, true);
        hosts += pm_str_ieq(x->name, PM_STR("host"));
        framings += pm_str_ieq(x->name, PM_STR("content-length")) ||
                    pm_str_ieq(x->name, PM_STR("transfer-encoding"));
    }
    must(hosts <= 1 && hosts >= h->minor && framings <= 1);
}

struct server {
    struct pm_http1 *http;
    struct pm_buf log; /* all that was heard, bodies in one */
    uint64_t body;
    bool open;
};

static void on_head(struct server *s)
{
    const struct pm_http1_head *h = pm_http1_head_of(s->http);

    check_head(h);
    s->body = 0;
    pm_buf_addf(&s->log, "%.*s %.*s %u%d%d%d %llu\n", PM_FMT(h->method), PM_FMT(h->target),
                h->minor, h->keep_alive, h->expect_continue, h->chunked,
                (unsigned long long)h->content_length);
    for (size_t i = 0; i < h->n_headers; i++)
        pm_buf_addf(&s->log, "%.*s:%.*s\n", PM_FMT(h->headers[i].name),
                    PM_FMT(h->headers[i].value));
}

static void on_done(struct server *s, const char *p, size_t n)
{
    const struct pm_http1_head *h = pm_http1_head_of(s->http);
    const size_t left = n;
    struct pm_str body;

    must(h->chunked || s->body == h->content_length);
    must(pm_http1_feed(s->http, &p, &n, &body, NULL) == PM_HTTP1_DONE && n == left);
    pm_buf_lit(&s->log, "\ndone\n");
    s->open = !pm_http1_must_close(s->http);
    must(!s->open || (h->keep_alive && !h->chunked));
    pm_http1_next(s->http);
    must(pm_http1_between(s->http));
}

static void feed(struct server *s, const char *p, size_t n)
{
    enum pm_http1_event event = PM_HTTP1_DONE;
    struct pm_error err = {0};
    struct pm_str body;

    while (s->open && event != PM_HTTP1_MORE) {
        const char *from = p, *end = p + n;

        event = pm_http1_feed(s->http, &p, &n, &body, &err);
        must(p >= from && p + n == end);
        switch (event) {
        case PM_HTTP1_MORE:
            must(n == 0);
            break;
        case PM_HTTP1_HEAD:
            on_head(s);
            break;
        case PM_HTTP1_BODY:
            must(body.n && body.p >= from && body.p + body.n <= end);
            s->body += body.n;
            must(s->body <= limits.body_bytes);
            pm_buf_str(&s->log, body);
            break;
        case PM_HTTP1_DONE:
            on_done(s, p, n);
            break;
        case PM_HTTP1_BAD:
            must(err.code != PM_OK && err.text[0]);
            pm_buf_addf(&s->log, "!%u", pm_http1_status(s->http));
            s->open = false;
            break;
        }
    }
}

/* In pieces of 1 to `most` bytes that follow from `seed`; 0: in one piece. */
static struct pm_buf run(struct pm_str text, unsigned seed, size_t most)
{
    struct server s = {.http = pm_http1_new(limits), .open = true};

    pm_buf_init(&s.log, 16 * text.n + 4096);
    for (size_t at = 0; at < text.n && s.open;) {
        const size_t n = most ? PM_MIN(1 + seed % most, text.n - at) : text.n;
        char *copy = pm_xmalloc(n); /* gone after the feed */

        memcpy(copy, text.p + at, n);
        feed(&s, copy, n);
        free(copy);
        at += n;
        seed = seed * 1103515245u + 12345u;
    }
    must(!s.log.failed);
    pm_http1_free(s.http);
    return s.log;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t most[] = {1, 3, 50};
    struct pm_buf whole, pieces;
    struct pm_str text;

    if (size < 1)
        return 0;
    text = pm_str_n((const char *)data + 1, size - 1);
    whole = run(text, 0, 0);
    for (size_t i = 0; i < PM_COUNT(most); i++) {
        pieces = run(text, data[0], most[i]);
        must(pm_str_eq(pm_buf_view(&whole), pm_buf_view(&pieces)));
        pm_buf_fini(&pieces);
    }
    pm_buf_fini(&whole);
    return 0;
}
