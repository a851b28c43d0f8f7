/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "common/http1.h"

#define H "Host: localhost\r\n"
#define POST "POST /a HTTP/1.1\r\n" H
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
/* What must never be served when it is hidden behind another request. */
#define SMUGGLED "GET /smuggled HTTP/1.1\r\n" H "\r\n"

static const struct pm_http1_limits limits = {.head_bytes = 32768, .body_bytes = 1000};

/* Writes what a server would see: "METHOD target [body]" for each request, "close" when it would
 * close after it, "!status" for a refusal. */
static void serve(struct pm_http1 *h, struct pm_str chunk, struct pm_buf *log, bool *open)
{
    /* A copy of exactly its size, gone after the feed: slices of the head must not need it. */
    char *copy = pm_xmalloc(chunk.n);
    const char *p = copy;
    size_t n = chunk.n;
    struct pm_str body;
    struct pm_error err;
    enum pm_http1_event event = PM_HTTP1_DONE;

    if (n)
        memcpy(copy, chunk.p, n);
    while (*open && event != PM_HTTP1_MORE) {
        event = pm_http1_feed(h, &p, &n, &body, &err);
        switch (event) {
        case PM_HTTP1_MORE:
            assert_int_equal(n, 0);
            break;
        case PM_HTTP1_HEAD:
            pm_buf_addf(log, "%.*s %.*s [", PM_FMT(pm_http1_head_of(h)->method),
                        PM_FMT(pm_http1_head_of(h)->target));
            break;
        case PM_HTTP1_BODY:
            assert_true(body.n > 0 && body.p >= copy && body.p + body.n <= copy + chunk.n);
            pm_buf_str(log, body);
            break;
        case PM_HTTP1_DONE:
            pm_buf_lit(log, "] ");
            assert_int_equal(pm_http1_feed(h, &p, &n, &body, &err), PM_HTTP1_DONE);
            if (pm_http1_must_close(h)) {
                pm_buf_lit(log, "close");
                *open = false;
            }
            pm_http1_next(h);
            break;
        case PM_HTTP1_BAD:
            assert_true(err.code == PM_EINVAL || err.code == PM_ELIMIT);
            assert_true(err.text[0]);
            assert_int_equal(pm_http1_feed(h, &p, &n, &body, &err), PM_HTTP1_BAD);
            assert_true(pm_http1_must_close(h));
            pm_buf_addf(log, "!%u", pm_http1_status(h));
            *open = false;
            break;
        }
    }
    free(copy);
}

/* The pieces are [0, split), then each of `step` bytes. */
static struct pm_buf run(struct pm_str text, size_t split, size_t step)
{
    struct pm_http1 *h = pm_http1_new(limits);
    struct pm_buf log;
    bool open = true;

    pm_buf_init(&log, 1 << 20);
    serve(h, pm_str_cut(text, 0, split), &log, &open);
    for (size_t at = split; at < text.n; at += step)
        serve(h, pm_str_cut(text, at, at + step), &log, &open);
    pm_http1_free(h);
    return log;
}

struct row {
    const char *name;
    struct pm_str text;
    const char *want;
};

static void check_rows(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct pm_str text = rows[i].text;

        for (size_t split = 0; split <= text.n; split++) {
            struct pm_buf log = run(text, split, split ? text.n : 1);

            if (!pm_str_is(pm_buf_view(&log), rows[i].want))
                fail_msg("%s, split at %zu: got \"%.*s\", want \"%s\"", rows[i].name, split,
                         PM_FMT(pm_buf_view(&log)), rows[i].want);
            pm_buf_fini(&log);
        }
    }
}

static const struct row framing[] = {
    {"CL and TE together",
     PM_STR_INIT(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED),
     "!400"},
    {"TE and CL together",
     PM_STR_INIT(POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" SMUGGLED),
     "!400"},
    {"two different CL",
     PM_STR_INIT(POST "Content-Length: 0\r\nContent-Length: 55\r\n\r\n" SMUGGLED), "!400"},
    {"two equal CL", PM_STR_INIT(POST "Content-Length: 0\r\nContent-Length: 0\r\n\r\n" SMUGGLED),
     "!400"},
    {"a list of CL", PM_STR_INIT(POST "Content-Length: 0, 0\r\n\r\n" SMUGGLED), "!400"},
    {"TE with a blank before the colon, and CL",
     PM_STR_INIT(POST
                 "Content-Length: 55\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n" SMUGGLED),
     "!400"},
    {"TE with a blank before the colon",
     PM_STR_INIT(POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" SMUGGLED), "!400"},
    {"TE with a tab before the colon",
     PM_STR_INIT(POST "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n" SMUGGLED), "!400"},
    {"CL with a blank before the colon", PM_STR_INIT(POST "Content-Length : 5\r\n\r\n" SMUGGLED),
     "!400"},
    {"folded TE and CL",
     PM_STR_INIT(POST
                 "Content-Length: 5\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" SMUGGLED),
     "!400"},
    {"folded TE", PM_STR_INIT(POST "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" SMUGGLED),
     "!400"},
    {"folded value", PM_STR_INIT("GET / HTTP/1.1\r\n" H "X: 1\r\n\t2\r\n\r\n"), "!400"},
    {"fold of blanks only", PM_STR_INIT("GET / HTTP/1.1\r\n" H "X:\r\n \r\nY: 1\r\n\r\n"), "!400"},
    {"blank before the first header", PM_STR_INIT("GET / HTTP/1.1\r\n " H "\r\n"), "!400"},
    {"two TE headers",
     PM_STR_INIT(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "0\r\n\r\n" SMUGGLED),
     "!400"},
    {"TE of two codings",
     PM_STR_INIT(POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" SMUGGLED), "!400"},
    {"TE chunked, identity",
     PM_STR_INIT(POST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" SMUGGLED), "!400"},
    {"TE chunked, chunked",
     PM_STR_INIT(POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" SMUGGLED), "!400"},
    {"TE of another coding", PM_STR_INIT(POST "Transfer-Encoding: gzip\r\n\r\n" SMUGGLED), "!400"},
    {"TE identity", PM_STR_INIT(POST "Transfer-Encoding: identity\r\n\r\n" SMUGGLED), "!400"},
    {"TE xchunked", PM_STR_INIT(POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" SMUGGLED),
     "!400"},
    {"TE in quotes", PM_STR_INIT(POST "Transfer-Encoding: \"chunked\"\r\n\r\n" SMUGGLED), "!400"},
    {"TE with a parameter", PM_STR_INIT(POST "Transfer-Encoding: chunked;a=b\r\n\r\n" SMUGGLED),
     "!400"},
    {"TE empty", PM_STR_INIT(POST "Transfer-Encoding:\r\n\r\n" SMUGGLED), "!400"},
    {"TE empty, and CL",
     PM_STR_INIT(POST "Transfer-Encoding:\r\nContent-Length: 1\r\n\r\n" SMUGGLED), "!400"},
    {"TE in HTTP/1.0",
     PM_STR_INIT("POST /a HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED),
     "!400"},
    {"CL 5abc", PM_STR_INIT(POST "Content-Length: 5abc\r\n\r\n" SMUGGLED), "!400"},
    {"CL +5", PM_STR_INIT(POST "Content-Length: +5\r\n\r\nhello"), "!400"},
    {"CL -5", PM_STR_INIT(POST "Content-Length: -5\r\n\r\nhello"), "!400"},
    {"CL 0x5", PM_STR_INIT(POST "Content-Length: 0x5\r\n\r\nhello"), "!400"},
    {"CL 5 5", PM_STR_INIT(POST "Content-Length: 5 5\r\n\r\nhello"), "!400"},
    {"CL empty", PM_STR_INIT(POST "Content-Length:\r\n\r\n" SMUGGLED), "!400"},
    {"CL of 2^64", PM_STR_INIT(POST "Content-Length: 18446744073709551616\r\n\r\n"), "!400"},
    {"CL of 2^64+5", PM_STR_INIT(POST "Content-Length: 18446744073709551621\r\n\r\nhello"), "!400"},
    {"CL of 2^64-1", PM_STR_INIT(POST "Content-Length: 18446744073709551615\r\n\r\n"), "!400"},
    {"chunk size 0x5", PM_STR_INIT(CHUNKED "0x5\r\nhello\r\n0\r\n\r\n" SMUGGLED), "POST /a [!400"},
    {"chunk size with a sign", PM_STR_INIT(CHUNKED "+5\r\nhello\r\n0\r\n\r\n"), "POST /a [!400"},
    {"chunk size with a blank before it", PM_STR_INIT(CHUNKED " 5\r\nhello\r\n0\r\n\r\n"),
     "POST /a [!400"},
    {"chunk size empty", PM_STR_INIT(CHUNKED "\r\n\r\n" SMUGGLED), "POST /a [!400"},
    {"chunk size of 2^64+5", PM_STR_INIT(CHUNKED "10000000000000005\r\nhello\r\n0\r\n\r\n"),
     "POST /a [!400"},
    {"chunk data not followed by CRLF", PM_STR_INIT(CHUNKED "5\r\nhelloXX0\r\n\r\n" SMUGGLED),
     "POST /a [hello] close"},
    {"LF inside a chunk extension", PM_STR_INIT(CHUNKED "5;a\nb\r\nhello\r\n0\r\n\r\n" SMUGGLED),
     "POST /a [hello] close"},
    {"a request behind a chunked one", PM_STR_INIT(CHUNKED "0\r\n\r\n" SMUGGLED),
     "POST /a [] close"},
};

static void a_request_whose_end_is_not_clear_is_never_followed_by_another(void **state)
{
    (void)state;
    check_rows(framing, PM_COUNT(framing));
}

static const struct row heads[] = {
    {"NUL in a value", PM_STR_INIT("GET / HTTP/1.1\r\n" H "X: a\0b\r\n\r\n"), "!400"},
    {"control byte first in a value",
     PM_STR_INIT("GET / HTTP/1.1\r\n" H "X: \x1d"
                 "a\r\n\r\n"),
     "!400"},
    {"NUL alone in a value", PM_STR_INIT("GET / HTTP/1.1\r\n" H "X: \0\r\n\r\n"), "!400"},
    {"DEL in a value", PM_STR_INIT("GET / HTTP/1.1\r\n" H "X: a\x7f\r\n\r\n"), "!400"},
    {"control byte in a value", PM_STR_INIT("GET / HTTP/1.1\r\n" H "X: a\x01\r\n\r\n"), "!400"},
    {"NUL inside Connection", PM_STR_INIT("GET / HTTP/1.1\r\n" H "Connection: cl\0ose\r\n\r\n"),
     "!400"},
    {"NUL in a name", PM_STR_INIT("GET / HTTP/1.1\r\n" H "X\0Y: 1\r\n\r\n"), "!400"},
    {"blank in a name", PM_STR_INIT("GET / HTTP/1.1\r\n" H "X Y: 1\r\n\r\n"), "!400"},
    {"no colon", PM_STR_INIT("GET / HTTP/1.1\r\n" H "XY\r\n\r\n"), "!400"},
    {"no name", PM_STR_INIT("GET / HTTP/1.1\r\n" H ": 1\r\n\r\n"), "!400"},
    {"name not ASCII", PM_STR_INIT("GET / HTTP/1.1\r\n" H "X\xc3\xa9: 1\r\n\r\n"), "!400"},
    {"name with separators", PM_STR_INIT("GET / HTTP/1.1\r\n" H "X(Y): 1\r\n\r\n"), "!400"},
    {"bare CR in a value", PM_STR_INIT("GET / HTTP/1.1\r\n" H "X: a\rY: b\r\n\r\n"), "!400"},
    {"bare CR in a name", PM_STR_INIT("GET / HTTP/1.1\r\n" H "X\rY: b\r\n\r\n"), "!400"},
    {"bare CR as a line end", PM_STR_INIT("GET / HTTP/1.1\rHost: a\r\r" SMUGGLED), "!400"},
    {"bare CR before the empty line", PM_STR_INIT("GET / HTTP/1.1\r\n" H "\rX" SMUGGLED), "!400"},
    {"two CR in the empty line", PM_STR_INIT("GET / HTTP/1.1\r\n" H "\r\r\n" SMUGGLED), "!400"},
    {"no Host", PM_STR_INIT("GET / HTTP/1.1\r\n\r\n"), "!400"},
    {"two Host", PM_STR_INIT("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), "!400"},
    {"two equal Host", PM_STR_INIT("GET / HTTP/1.1\r\n" H H "\r\n"), "!400"},
    {"two Host in HTTP/1.0", PM_STR_INIT("GET / HTTP/1.0\r\n" H H "\r\n"), "!400"},
    {"blank in Host", PM_STR_INIT("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), "!400"},
    {"list in Host", PM_STR_INIT("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"), "!400"},
    {"user in Host", PM_STR_INIT("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"), "!400"},
    {"path in Host", PM_STR_INIT("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), "!400"},
    {"empty Host", PM_STR_INIT("GET / HTTP/1.1\r\nHost:\r\n\r\n"), "GET / [] "},
    {"IPv6 Host", PM_STR_INIT("GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"), "GET / [] "},
    {"no Host in HTTP/1.0", PM_STR_INIT("GET / HTTP/1.0\r\n\r\n"), "GET / [] close"},
    {"HTTP/1.9", PM_STR_INIT("GET / HTTP/1.9\r\n" H "\r\n"), "!400"},
    {"HTTP/1.11", PM_STR_INIT("GET / HTTP/1.11\r\n" H "\r\n"), "!400"},
    {"HTTP/0.9", PM_STR_INIT("GET /\r\n\r\n"), "!400"},
    {"HTTP/0.9 in words", PM_STR_INIT("GET / HTTP/0.9\r\n" H "\r\n"), "!400"},
    {"HTTP/2.0", PM_STR_INIT("GET / HTTP/2.0\r\n" H "\r\n"), "!505"},
    {"HTTP/x", PM_STR_INIT("GET / HTTP/x.1\r\n" H "\r\n"), "!400"},
    {"http/1.1", PM_STR_INIT("GET / http/1.1\r\n" H "\r\n"), "!400"},
    {"ICE/1.0", PM_STR_INIT("SOURCE / ICE/1.0\r\n" H "\r\n"), "!501"},
    {"HTTP/2 preface", PM_STR_INIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "!501"},
    {"TLS", PM_STR_INIT("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), "!400"},
    {"garbage", PM_STR_INIT("hello\r\n\r\n"), "!400"},
    {"method in small letters", PM_STR_INIT("get / HTTP/1.1\r\n" H "\r\n"), "!400"},
    {"unknown method", PM_STR_INIT("GETX / HTTP/1.1\r\n" H "\r\n"), "!501"},
    {"another unknown method", PM_STR_INIT("BREW / HTTP/1.1\r\n" H "\r\n"), "!501"},
    {"method with a control byte", PM_STR_INIT("GE\x01T / HTTP/1.1\r\n" H "\r\n"), "!400"},
    {"TRACE", PM_STR_INIT("TRACE / HTTP/1.1\r\n" H "\r\n"), "!501"},
    {"CONNECT", PM_STR_INIT("CONNECT a:443 HTTP/1.1\r\n" H "\r\n" SMUGGLED), "!501"},
    {"tab in the target", PM_STR_INIT("GET /a\tb HTTP/1.1\r\n" H "\r\n"), "!400"},
    {"form feed in the target", PM_STR_INIT("GET /a\fb HTTP/1.1\r\n" H "\r\n"), "!400"},
    {"NUL in the target", PM_STR_INIT("GET /a\0b HTTP/1.1\r\n" H "\r\n"), "!400"},
    {"DEL in the target", PM_STR_INIT("GET /a\x7f HTTP/1.1\r\n" H "\r\n"), "!400"},
    {"control byte in the query", PM_STR_INIT("GET /a?\x1f HTTP/1.1\r\n" H "\r\n"), "!400"},
    {"target not ASCII", PM_STR_INIT("GET /\xc3\xa9 HTTP/1.1\r\n" H "\r\n"), "!400"},
    {"fragment in the target", PM_STR_INIT("GET /a#b HTTP/1.1\r\n" H "\r\n"), "!400"},
    {"target without its slash", PM_STR_INIT("GET a HTTP/1.1\r\n" H "\r\n"), "!400"},
    {"no target", PM_STR_INIT("GET HTTP/1.1\r\n" H "\r\n"), "!400"},
    {"asterisk for GET", PM_STR_INIT("GET * HTTP/1.1\r\n" H "\r\n"), "!400"},
    {"asterisk and more", PM_STR_INIT("OPTIONS *a HTTP/1.1\r\n" H "\r\n"), "!400"},
    {"absolute target of another host", PM_STR_INIT("GET http://b/x HTTP/1.1\r\n" H "\r\n"),
     "!400"},
    {"absolute target with a user", PM_STR_INIT("GET http://u@localhost/x HTTP/1.1\r\n" H "\r\n"),
     "!400"},
    {"absolute target of another scheme", PM_STR_INIT("GET ftp://localhost/ HTTP/1.1\r\n" H "\r\n"),
     "!400"},
    {"absolute target with a query alone",
     PM_STR_INIT("GET http://localhost?x HTTP/1.1\r\n" H "\r\n"), "!400"},
    {"many empty lines", PM_STR_INIT("\r\n\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n"), "!400"},
};

static void a_head_that_someone_could_read_differently_is_refused(void **state)
{
    (void)state;
    check_rows(heads, PM_COUNT(heads));
}

static const struct row served[] = {
    {"no body", PM_STR_INIT("GET /v1/models?x=%20y HTTP/1.1\r\n" H "\r\n"),
     "GET /v1/models?x=%20y [] "},
    {"length", PM_STR_INIT(POST "Content-Length: 5\r\n\r\nhello"), "POST /a [hello] "},
    {"length of zero", PM_STR_INIT(POST "Content-Length: 0\r\n\r\n"), "POST /a [] "},
    {"length with blanks and zeros", PM_STR_INIT(POST "Content-Length:   005  \r\n\r\nhello"),
     "POST /a [hello] "},
    {"length in HTTP/1.0", PM_STR_INIT("POST /a HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello"),
     "POST /a [hello] close"},
    {"length with GET", PM_STR_INIT("GET /a HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello"),
     "GET /a [hello] "},
    {"unfinished body", PM_STR_INIT(POST "Content-Length: 6\r\n\r\nhello"), "POST /a [hello"},
    {"unfinished head", PM_STR_INIT(POST "Content-Length: 6\r\n"), ""},
    {"nothing", PM_STR_INIT(""), ""},
    {"the other methods",
     PM_STR_INIT("HEAD /h HTTP/1.1\r\n" H "\r\nOPTIONS * HTTP/1.1\r\n" H "\r\n"
                 "DELETE /d HTTP/1.1\r\n" H "\r\nPUT /p HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\n1"
                 "PATCH /q HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\n2"),
     "HEAD /h [] OPTIONS * [] DELETE /d [] PUT /p [1] PATCH /q [2] "},
    {"pipelined",
     PM_STR_INIT("GET /1 HTTP/1.1\r\n" H "\r\n" POST
                 "Content-Length: 3\r\n\r\nGETGET /2 HTTP/1.1\r\n" H "\r\n"),
     "GET /1 [] POST /a [GET] GET /2 [] "},
    {"empty lines between",
     PM_STR_INIT("\r\nGET /1 HTTP/1.1\r\n" H "\r\n\r\n\nGET /2 HTTP/1.1\r\n" H "\r\n"),
     "GET /1 [] GET /2 [] "},
    {"bare LF line ends",
     PM_STR_INIT("POST /a HTTP/1.1\nHost: a\nContent-Length: 2\n\nokGET /b HTTP/1.1\nHost: a\n\n"),
     "POST /a [ok] GET /b [] "},
    {"chunked", PM_STR_INIT(CHUNKED "5\r\nhello\r\n00A\r\n, world!!!\r\n0\r\n\r\n"),
     "POST /a [hello, world!!!] close"},
    {"chunked in capitals",
     PM_STR_INIT(POST "transfer-encoding: Chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"),
     "POST /a [x] close"},
    {"chunk extensions", PM_STR_INIT(CHUNKED "1;a=b\r\nx\r\n0;c\r\n\r\n"), "POST /a [x] close"},
    {"trailers",
     PM_STR_INIT(CHUNKED "1\r\nx\r\n0\r\nHost: evil\r\nContent-Length: 7\r\n\r\n" SMUGGLED),
     "POST /a [x] close"},
    {"unfinished chunk", PM_STR_INIT(CHUNKED "5\r\nhel"), "POST /a [hel"},
    {"unfinished trailer", PM_STR_INIT(CHUNKED "0\r\nX: 1\r\n"), "POST /a ["},
    {"Connection: close", PM_STR_INIT("GET / HTTP/1.1\r\n" H "Connection: Close\r\n\r\n" SMUGGLED),
     "GET / [] close"},
    {"Connection with several words",
     PM_STR_INIT("GET / HTTP/1.1\r\n" H "Connection: TE, close\r\n\r\n" SMUGGLED),
     "GET / [] close"},
    {"Connection twice",
     PM_STR_INIT("GET / HTTP/1.1\r\n" H
                 "Connection: keep-alive\r\nConnection: close\r\n\r\n" SMUGGLED),
     "GET / [] close"},
    {"HTTP/1.0", PM_STR_INIT("GET / HTTP/1.0\r\n" H "\r\n" SMUGGLED), "GET / [] close"},
    {"HTTP/1.0 with keep-alive",
     PM_STR_INIT("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /2 HTTP/1.0\r\n\r\n"),
     "GET / [] GET /2 [] close"},
    {"HTTP/1.0 with keep-alive and close",
     PM_STR_INIT("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n" SMUGGLED),
     "GET / [] close"},
    {"Upgrade is ignored",
     PM_STR_INIT("GET / HTTP/1.1\r\n" H "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                 "HTTP2-Settings: AAMAAABk\r\n\r\nGET /2 HTTP/1.1\r\n" H "\r\n"),
     "GET / [] GET /2 [] "},
    {"Upgrade with a body is ignored",
     PM_STR_INIT(POST "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nok"
                      "GET /2 HTTP/1.1\r\n" H "\r\n"),
     "POST /a [ok] GET /2 [] "},
    {"Upgrade with a chunked body is ignored",
     PM_STR_INIT(POST "Connection: upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "2\r\nok\r\n0\r\n\r\n" SMUGGLED),
     "POST /a [ok] close"},
    {"absolute target", PM_STR_INIT("GET HTTP://LOCALHOST/x?y=http://z/ HTTP/1.1\r\n" H "\r\n"),
     "GET /x?y=http://z/ [] "},
    {"absolute target without a path", PM_STR_INIT("GET https://localhost HTTP/1.1\r\n" H "\r\n"),
     "GET / [] "},
    {"absolute target in HTTP/1.0", PM_STR_INIT("GET http://a:80/x HTTP/1.0\r\n\r\n"),
     "GET /x [] close"},
    {"URL in the path", PM_STR_INIT("GET /http://b/ HTTP/1.1\r\n" H "\r\n"), "GET /http://b/ [] "},
};

static void what_real_clients_send_is_served(void **state)
{
    (void)state;
    check_rows(served, PM_COUNT(served));
}

/* One feed of a text that is expected to give its head. */
static const struct pm_http1_head *head_of(struct pm_http1 *h, struct pm_str text)
{
    const char *p = text.p;
    size_t n = text.n;
    struct pm_str body;
    struct pm_error err;

    if (pm_http1_feed(h, &p, &n, &body, &err) != PM_HTTP1_HEAD)
        fail_msg("no head: %.*s", PM_FMT(text));
    return pm_http1_head_of(h);
}

static void the_head_tells_what_the_client_said(void **state)
{
    struct pm_http1 *h = pm_http1_new(limits);
    const struct pm_http1_head *head = head_of(
        h,
        PM_STR("POST /v1/x HTTP/1.1\r\nhost:a\r\nX-A: \t one two \t \r\nX-Empty:\r\nX-Blank: \r\n"
               "x-a: second\r\nX-8bit: \xc3\xa9\r\nContent-Length: 12\r\nExpect: "
               "100-Continue\r\n\r\n"));

    (void)state;
    assert_str(head->method, "POST");
    assert_str(head->target, "/v1/x");
    assert_int_equal(head->minor, 1);
    assert_true(head->keep_alive);
    assert_true(head->expect_continue);
    assert_false(head->chunked);
    assert_int_equal(head->content_length, 12);
    assert_int_equal(head->n_headers, 8);
    assert_str(head->headers[0].name, "host");
    assert_str(head->headers[7].name, "Expect");
    assert_str(pm_http1_header(head, "HOST"), "a");
    assert_str(pm_http1_header(head, "x-A"), "one two");
    assert_str(pm_http1_header(head, "X-Empty"), "");
    assert_non_null(pm_http1_header(head, "X-Empty").p);
    assert_str(pm_http1_header(head, "X-Blank"), "");
    assert_str(pm_http1_header(head, "X-8bit"), "\xc3\xa9");
    assert_null(pm_http1_header(head, "X-None").p);
    assert_false(pm_http1_must_close(h));
    pm_http1_free(h);
}

static void a_client_is_told_to_continue_only_if_it_waits(void **state)
{
    static const struct {
        struct pm_str text;
        bool wait;
    } rows[] = {
        {PM_STR_INIT(POST "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"), true},
        {PM_STR_INIT(POST "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"), true},
        {PM_STR_INIT(POST "Content-Length: 0\r\nExpect: 100-continue\r\n\r\n"), false},
        {PM_STR_INIT(POST "Expect: 100-continue\r\n\r\n"), false},
        {PM_STR_INIT(POST "Content-Length: 5\r\nExpect: something\r\n\r\n"), false},
        {PM_STR_INIT("POST / HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"),
         false},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        struct pm_http1 *h = pm_http1_new(limits);

        assert_int_equal(head_of(h, rows[i].text)->expect_continue, rows[i].wait);
        pm_http1_free(h);
    }
}

static struct pm_buf with_headers(size_t count, size_t value_bytes)
{
    struct pm_buf b;

    pm_buf_init(&b, 1 << 20);
    pm_buf_lit(&b, "GET / HTTP/1.1\r\n" H);
    for (size_t i = 1; i < count; i++) /* Host is the first */
        pm_buf_addf(&b, "X-%zu: %0*d\r\n", i, (int)value_bytes, 0);
    pm_buf_lit(&b, "\r\n");
    return b;
}

static void too_many_or_too_large_headers_are_431(void **state)
{
    static const struct {
        size_t count, value_bytes;
        const char *want;
    } rows[] = {
        {PM_HTTP1_MAX_HEADERS, 1, "GET / [] "},
        {PM_HTTP1_MAX_HEADERS + 1, 1, "!431"},
        {300, 1, "!431"},
        {2, 32000, "GET / [] "},
        {2, 100000, "!431"},
        {100, 300, "GET / [] "},
        {100, 400, "!431"},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        struct pm_buf b = with_headers(rows[i].count, rows[i].value_bytes);

        for (size_t step = 100; step < 200000; step *= 10) {
            struct pm_buf log = run(pm_buf_view(&b), 0, step);

            assert_str(pm_buf_view(&log), rows[i].want);
            pm_buf_fini(&log);
        }
        pm_buf_fini(&b);
    }
}

static void the_limit_of_the_head_is_exact(void **state)
{
    const struct pm_str text = PM_STR("\r\nGET / HTTP/1.1\r\n" H "\r\n");
    const struct pm_http1_limits exact = {text.n - 2, 0}, less = {text.n - 3, 0};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct pm_http1 *h = pm_http1_new(i ? less : exact);
        struct pm_buf log;
        bool open = true;

        pm_buf_init(&log, 100);
        serve(h, text, &log, &open);
        assert_str(pm_buf_view(&log), i ? "!431" : "GET / [] ");
        pm_buf_fini(&log);
        pm_http1_free(h);
    }
    /* No line end at all must not be waited for without end. */
    {
        struct pm_http1 *h = pm_http1_new(exact);
        struct pm_buf log;
        bool open = true;

        pm_buf_init(&log, 100);
        for (int i = 0; i < 100 && open; i++)
            serve(h, PM_STR("A"), &log, &open);
        assert_str(pm_buf_view(&log), "!431");
        pm_buf_fini(&log);
        pm_http1_free(h);
    }
}

static void a_body_over_the_limit_is_413_as_soon_as_it_is_known(void **state)
{
    static const struct row rows[] = {
        {"length", PM_STR_INIT(POST "Content-Length: 1001\r\n\r\n"), "!413"},
        {"large length", PM_STR_INIT(POST "Content-Length: 9999999999999999999\r\n\r\n"), "!413"},
        {"first chunk", PM_STR_INIT(CHUNKED "3E9\r\n"), "POST /a [!413"},
        {"second chunk", PM_STR_INIT(CHUNKED "2\r\nok\r\n3E7\r\n"), "POST /a [ok!413"},
        {"large second chunk", PM_STR_INIT(CHUNKED "2\r\nok\r\nEFFFFFFFFFFFFFF0\r\n"),
         "POST /a [ok!413"},
        {"as large as it may be", PM_STR_INIT(POST "Content-Length: 1000\r\n\r\n"), "POST /a ["},
        {"as large a chunk", PM_STR_INIT(CHUNKED "3E8\r\n"), "POST /a ["},
    };

    (void)state;
    check_rows(rows, PM_COUNT(rows));
}

static void nothing_is_taken_behind_a_request_until_next(void **state)
{
    const struct pm_str text = PM_STR("GET /1 HTTP/1.1\r\n" H "\r\nGET /2 HTTP/1.1\r\n" H "\r\n");
    struct pm_http1 *h = pm_http1_new(limits);
    const char *p = text.p;
    size_t n = text.n;
    struct pm_str body;
    struct pm_error err;

    (void)state;
    assert_true(pm_http1_between(h));
    assert_int_equal(pm_http1_feed(h, &p, &n, &body, &err), PM_HTTP1_HEAD);
    assert_false(pm_http1_between(h));
    assert_int_equal(pm_http1_feed(h, &p, &n, &body, &err), PM_HTTP1_DONE);
    assert_int_equal(n, text.n / 2);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pm_http1_feed(h, &p, &n, &body, &err), PM_HTTP1_DONE);
    assert_int_equal(n, text.n / 2);
    assert_str(pm_http1_head_of(h)->target, "/1");
    pm_http1_next(h);
    assert_true(pm_http1_between(h));
    assert_int_equal(pm_http1_feed(h, &p, &n, &body, &err), PM_HTTP1_HEAD);
    assert_str(pm_http1_head_of(h)->target, "/2");
    pm_http1_free(h);
}

static void a_refusal_stays(void **state)
{
    struct pm_http1 *h = pm_http1_new(limits);
    struct pm_buf log;
    bool open = true;

    (void)state;
    pm_buf_init(&log, 100);
    serve(h, PM_STR("BREW / HTTP/1.1\r\n\r\n"), &log, &open);
    pm_http1_next(h);
    open = true;
    serve(h, PM_STR(SMUGGLED), &log, &open);
    assert_str(pm_buf_view(&log), "!501!501");
    pm_buf_fini(&log);
    pm_http1_free(h);
    pm_http1_free(NULL);
}

static void a_large_head_does_not_spoil_the_next_one(void **state)
{
    struct pm_http1 *h = pm_http1_new(limits);
    struct pm_buf large = with_headers(100, 100), log;
    bool open = true;

    (void)state;
    pm_buf_init(&log, 200);
    for (int i = 0; i < 3; i++) {
        serve(h, pm_buf_view(&large), &log, &open);
        serve(h, PM_STR(POST "Content-Length: 2\r\n\r\nok"), &log, &open);
    }
    assert_str(pm_buf_view(&log),
               "GET / [] POST /a [ok] GET / [] POST /a [ok] GET / [] POST /a [ok] ");
    pm_buf_fini(&log);
    pm_buf_fini(&large);
    pm_http1_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_whose_end_is_not_clear_is_never_followed_by_another),
        cmocka_unit_test(a_head_that_someone_could_read_differently_is_refused),
        cmocka_unit_test(what_real_clients_send_is_served),
        cmocka_unit_test(the_head_tells_what_the_client_said),
        cmocka_unit_test(a_client_is_told_to_continue_only_if_it_waits),
        cmocka_unit_test(too_many_or_too_large_headers_are_431),
        cmocka_unit_test(the_limit_of_the_head_is_exact),
        cmocka_unit_test(a_body_over_the_limit_is_413_as_soon_as_it_is_known),
        cmocka_unit_test(nothing_is_taken_behind_a_request_until_next),
        cmocka_unit_test(a_refusal_stays),
        cmocka_unit_test(a_large_head_does_not_spoil_the_next_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
