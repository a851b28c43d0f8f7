/* SPDX-License-Identifier: Apache-2.0 */
#include "common/http1.h"

#include <http_parser.h>

/* The head is collected whole and then parsed in one piece, so that its slices never move and no
 * split of the input can change what it means. Bodies with a length are counted here; the parser
 * is used again only to take chunked bodies apart.
 *
 * Debian builds http_parser without its strict mode: it takes any byte for the LF after a CR at the
 * end of a head and around chunks, blanks inside header names, and control characters in targets.
 * What follows from that is checked here, or made harmless by closing after chunked requests. */

#define BLANKS_MAX 4 /* CR and LF before a request line; old clients send one pair after a body */
#define HEADERS_FIRST 16
#define KEEP_HEADERS 32 /* what pm_http1_next leaves allocated: 1 kB */
#define KEEP_BYTES 2048

enum state { BETWEEN, IN_HEAD, IN_BODY, IN_CHUNKS, FINISHED, REFUSED };
enum line { IN_LINE, AFTER_LF, AFTER_LF_CR };

struct pm_http1 {
    http_parser parser;
    struct pm_http1_limits limits;
    enum state state;
    enum line line;
    unsigned blanks;
    struct pm_buf bytes; /* of the head */
    struct pm_http1_head head;
    struct pm_header *headers;
    size_t headers_cap;
    uint64_t body; /* still to come of a body with a length; what came of a chunked one */
    struct pm_str run; /* body bytes that the parser found */
    bool ended; /* the parser saw the end of the chunked body */
    unsigned status;
    const char *why;
};

/* Returns false; the first reason stays. */
static bool refuse(struct pm_http1 *h, unsigned status, const char *why)
{
    if (h->state != REFUSED) {
        h->state = REFUSED;
        h->status = status;
        h->why = why;
    }
    return false;
}

/* What the parser found wrong; at is the byte where it stopped. */
static bool refuse_parser(struct pm_http1 *h, char at)
{
    const enum http_errno e = HTTP_PARSER_ERRNO(&h->parser);
    unsigned status = 400;

    if (e == HPE_HEADER_OVERFLOW)
        status = 431;
    else if (e == HPE_INVALID_METHOD && ((at >= 'A' && at <= 'Z') || at == '-'))
        status = 501;
    return refuse(h, status, http_errno_description(e));
}

static int on_url(http_parser *parser, const char *at, size_t n)
{
    struct pm_http1 *h = parser->data;

    h->head.target = pm_str_n(at, n);
    return 0;
}

static int on_header_field(http_parser *parser, const char *at, size_t n)
{
    struct pm_http1 *h = parser->data;
    const size_t i = h->head.n_headers;

    if (i == PM_HTTP1_MAX_HEADERS) {
        refuse(h, 431, "too many headers");
        return 1;
    }
    if (i == h->headers_cap) {
        h->headers_cap = i ? 2 * i : HEADERS_FIRST;
        h->headers = pm_xrealloc(h->headers, h->headers_cap * sizeof(*h->headers));
    }
    h->headers[i] = (struct pm_header){{at, n}, {at + n, 0}};
    h->head.n_headers++;
    return 0;
}

static int on_header_value(http_parser *parser, const char *at, size_t n)
{
    struct pm_http1 *h = parser->data;

    if (n)
        h->headers[h->head.n_headers - 1].value = pm_str_trim(pm_str_n(at, n));
    return 0;
}

static int on_headers_complete(http_parser *parser)
{
    parser->upgrade = 0; /* an Upgrade is ignored, as RFC 9110 §7.8 allows: no tunnel */
    http_parser_pause(parser, 1);
    return 0;
}

static const http_parser_settings head_settings = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
};

static int on_chunk_header(http_parser *parser)
{
    struct pm_http1 *h = parser->data;

    if (parser->content_length > h->limits.body_bytes - h->body) {
        refuse(h, 413, "the body is too large");
        return 1;
    }
    h->body += parser->content_length;
    return 0;
}

static int on_body(http_parser *parser, const char *at, size_t n)
{
    struct pm_http1 *h = parser->data;

    h->run = pm_str_n(at, n);
    http_parser_pause(parser, 1);
    return 0;
}

static int on_message_complete(http_parser *parser)
{
    struct pm_http1 *h = parser->data;

    h->ended = true;
    http_parser_pause(parser, 1);
    return 0;
}

static const http_parser_settings chunk_settings = {
    .on_chunk_header = on_chunk_header,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

enum { TOKEN = 1, AUTHORITY = 2 }; /* RFC 9110 §5.6.2; RFC 3986 §3.2 without a user */

static const unsigned char classes[256] = {
    ['0' ... '9'] = TOKEN | AUTHORITY,
    ['A' ... 'Z'] = TOKEN | AUTHORITY,
    ['a' ... 'z'] = TOKEN | AUTHORITY,
    ['!'] = TOKEN | AUTHORITY,
    ['$'] = TOKEN | AUTHORITY,
    ['%'] = TOKEN | AUTHORITY,
    ['&'] = TOKEN | AUTHORITY,
    ['\''] = TOKEN | AUTHORITY,
    ['*'] = TOKEN | AUTHORITY,
    ['+'] = TOKEN | AUTHORITY,
    ['-'] = TOKEN | AUTHORITY,
    ['.'] = TOKEN | AUTHORITY,
    ['_'] = TOKEN | AUTHORITY,
    ['~'] = TOKEN | AUTHORITY,
    ['#'] = TOKEN,
    ['^'] = TOKEN,
    ['`'] = TOKEN,
    ['|'] = TOKEN,
    ['('] = AUTHORITY,
    [')'] = AUTHORITY,
    [':'] = AUTHORITY,
    [';'] = AUTHORITY,
    ['='] = AUTHORITY,
    ['['] = AUTHORITY,
    [']'] = AUTHORITY,
};

static bool only(struct pm_str s, unsigned char class)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!(classes[(unsigned char)s.p[i]] & class))
            return false;
    }
    return true;
}

/* The parser looks at all bytes of a value but the first. */
static bool is_text(struct pm_str value)
{
    for (size_t i = 0; i < value.n; i++) {
        const unsigned char c = (unsigned char)value.p[i];

        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static bool check_request_line(struct pm_http1 *h)
{
    static const struct pm_str methods[] = {
        PM_STR_INIT("GET"), PM_STR_INIT("POST"),  PM_STR_INIT("HEAD"),   PM_STR_INIT("OPTIONS"),
        PM_STR_INIT("PUT"), PM_STR_INIT("PATCH"), PM_STR_INIT("DELETE"),
    };
    const struct pm_str bytes = pm_buf_view(&h->bytes), target = h->head.target;
    size_t i = 0;

    h->head.method = pm_str_cut(bytes, 0, (size_t)pm_str_find(bytes, ' '));
    while (i < PM_COUNT(methods) && !pm_str_eq(h->head.method, methods[i]))
        i++;
    if (i == PM_COUNT(methods))
        return refuse(h, 501, "this method is not served");
    if (h->parser.http_major > 1)
        return refuse(h, 505, "this version of HTTP is not served");
    if (h->parser.http_major != 1 || h->parser.http_minor > 1)
        return refuse(h, 400, "the version must be HTTP/1.0 or HTTP/1.1");
    h->head.minor = h->parser.http_minor;
    for (i = 0; i < target.n; i++) {
        if (target.p[i] <= ' ' || target.p[i] >= 0x7f || target.p[i] == '#')
            return refuse(h, 400, "the target has a byte that must be percent-encoded");
    }
    return true;
}

/* Reduces http://authority/path to its path. RFC 9112 §3.2.2 wants it understood; an authority
 * that is not the Host is refused, since someone on the way may have looked at the other one. */
static bool check_target(struct pm_http1 *h, struct pm_str host, bool has_host)
{
    struct pm_str *target = &h->head.target, authority;
    const bool http = target->n >= 7 && pm_str_ieq(pm_str_n(target->p, 7), PM_STR("http://"));
    const bool https = target->n >= 8 && pm_str_ieq(pm_str_n(target->p, 8), PM_STR("https://"));
    ptrdiff_t slash;

    if (target->n && target->p[0] == '/')
        return true;
    if (pm_str_eq(*target, PM_STR("*")) && pm_str_eq(h->head.method, PM_STR("OPTIONS")))
        return true;
    if (!http && !https)
        return refuse(h, 400, "the target must be a path");
    authority = pm_str_cut(*target, http ? 7 : 8, target->n);
    slash = pm_str_find(authority, '/');
    if (slash >= 0) {
        *target = pm_str_cut(authority, (size_t)slash, authority.n);
        authority.n = (size_t)slash;
    } else {
        *target = PM_STR("/");
    }
    if (has_host ? !pm_str_ieq(authority, host) : !only(authority, AUTHORITY))
        return refuse(h, 400, "the target's authority is not the Host");
    return true;
}

enum special { HOST, LENGTH, ENCODING, EXPECT, N_SPECIAL };

/* The headers that decide where the request ends and for whom it is. */
static bool check_framing(struct pm_http1 *h, const struct pm_str value[], const unsigned count[])
{
    struct pm_http1_head *head = &h->head;

    if (count[HOST] > 1 || (count[HOST] == 0 && head->minor == 1))
        return refuse(h, 400, "exactly one Host header is needed");
    if (!only(value[HOST], AUTHORITY))
        return refuse(h, 400, "the Host header is not valid");
    if (count[LENGTH] > 1 || count[ENCODING] > 1 || count[LENGTH] + count[ENCODING] > 1)
        return refuse(h, 400, "more than one header gives the length of the body");
    if (count[LENGTH] && !pm_str_u64(value[LENGTH], &head->content_length))
        return refuse(h, 400, "Content-Length is not a number");
    if (count[ENCODING] && (head->minor == 0 || !pm_str_ieq(value[ENCODING], PM_STR("chunked"))))
        return refuse(h, 400, "the only Transfer-Encoding is chunked, in HTTP/1.1");
    head->chunked = count[ENCODING] > 0;
    /* Two opinions about the framing must never differ. */
    if (head->chunked != ((h->parser.flags & F_CHUNKED) != 0) ||
        (count[LENGTH] && head->content_length != h->parser.content_length))
        return refuse(h, 400, "the length of the body is not clear");
    if (head->content_length > h->limits.body_bytes)
        return refuse(h, 413, "the body is too large");
    return true;
}

static bool check_head(struct pm_http1 *h)
{
    static const struct pm_str names[N_SPECIAL] = {
        [HOST] = PM_STR_INIT("Host"),
        [LENGTH] = PM_STR_INIT("Content-Length"),
        [ENCODING] = PM_STR_INIT("Transfer-Encoding"),
        [EXPECT] = PM_STR_INIT("Expect"),
    };
    struct pm_str value[N_SPECIAL] = {PM_NSTR};
    unsigned count[N_SPECIAL] = {0};
    struct pm_http1_head *head = &h->head;

    head->headers = h->headers;
    if (!check_request_line(h))
        return false;
    for (size_t i = 0; i < head->n_headers; i++) {
        if (!only(h->headers[i].name, TOKEN))
            return refuse(h, 400, "a header's name is not a token");
        if (!is_text(h->headers[i].value))
            return refuse(h, 400, "a control character in a header");
        for (size_t s = 0; s < N_SPECIAL; s++) {
            if (pm_str_ieq(h->headers[i].name, names[s])) {
                value[s] = h->headers[i].value;
                count[s]++;
            }
        }
    }
    if (!check_framing(h, value, count) || !check_target(h, value[HOST], count[HOST]))
        return false;
    head->keep_alive =
        http_should_keep_alive(&h->parser) && !(h->parser.flags & F_CONNECTION_CLOSE);
    head->expect_continue = head->minor == 1 && (head->chunked || head->content_length) &&
                            pm_str_ieq(value[EXPECT], PM_STR("100-continue"));
    return true;
}

static bool parse_head(struct pm_http1 *h)
{
    const struct pm_str bytes = pm_buf_view(&h->bytes);
    size_t n;

    http_parser_init(&h->parser, HTTP_REQUEST);
    h->parser.data = h;
    n = http_parser_execute(&h->parser, &head_settings, bytes.p, bytes.n);
    /* Pausing leaves the last LF. Anywhere else, a CR stood alone at the end of a line. */
    if (HTTP_PARSER_ERRNO(&h->parser) == HPE_PAUSED && n != bytes.n - 1)
        return refuse(h, 400, "a CR without its LF");
    if (HTTP_PARSER_ERRNO(&h->parser) == HPE_OK)
        return refuse(h, 400, "the head does not end where it should");
    if (HTTP_PARSER_ERRNO(&h->parser) != HPE_PAUSED)
        return refuse_parser(h, bytes.p[n]);
    if (!check_head(h))
        return false;
    if (h->head.chunked) {
        http_parser_pause(&h->parser, 0);
        http_parser_execute(&h->parser, &chunk_settings, "\n", 1);
        h->state = IN_CHUNKS;
    } else {
        h->body = h->head.content_length;
        h->state = IN_BODY;
    }
    return true;
}

/* After the empty line that ends the head; NULL if it is not among these bytes. */
static const char *find_head_end(struct pm_http1 *h, const char *p, const char *end)
{
    while (p < end) {
        switch (h->line) {
        case IN_LINE:
            p = memchr(p, '\n', (size_t)(end - p));
            if (!p)
                return NULL;
            p++;
            h->line = AFTER_LF;
            break;
        case AFTER_LF:
            if (*p == '\n')
                return p + 1;
            if (*p == ' ' || *p == '\t') {
                refuse(h, 400, "a header that goes on in the next line");
                return NULL;
            }
            h->line = *p == '\r' ? AFTER_LF_CR : IN_LINE;
            p++;
            break;
        case AFTER_LF_CR:
            if (*p == '\n')
                return p + 1;
            refuse(h, 400, "a CR without its LF");
            return NULL;
        }
    }
    return NULL;
}

static enum pm_http1_event read_head(struct pm_http1 *h, const char **p, size_t *n)
{
    const char *end = *p + *n, *stop;
    size_t room, took;

    if (h->state == BETWEEN) {
        while (*p < end && (**p == '\r' || **p == '\n') && h->blanks++ < BLANKS_MAX) {
            (*p)++;
            (*n)--;
        }
        if (*p == end)
            return PM_HTTP1_MORE;
        /* Not to keep a client waiting that speaks TLS to us. */
        if (**p < 'A' || **p > 'Z') {
            refuse(h, 400, "a request begins with its method");
            return PM_HTTP1_BAD;
        }
        h->state = IN_HEAD;
    }
    /* Not a byte further than what decides, so that all splits of the input are refused alike. */
    room = h->limits.head_bytes - h->bytes.n;
    stop = find_head_end(h, *p, *n > room ? *p + room + 1 : end);
    if (h->state == REFUSED)
        return PM_HTTP1_BAD;
    took = stop ? (size_t)(stop - *p) : *n;
    if (!pm_buf_add(&h->bytes, *p, took)) {
        refuse(h, 431, "the head is too large");
        return PM_HTTP1_BAD;
    }
    *p += took;
    *n -= took;
    if (!stop)
        return PM_HTTP1_MORE;
    return parse_head(h) ? PM_HTTP1_HEAD : PM_HTTP1_BAD;
}

static enum pm_http1_event read_body(struct pm_http1 *h, const char **p, size_t *n,
                                     struct pm_str *body)
{
    const size_t take = PM_MIN(h->body, *n);

    if (h->body == 0) {
        h->state = FINISHED;
        return PM_HTTP1_DONE;
    }
    if (take == 0)
        return PM_HTTP1_MORE;
    *body = pm_str_n(*p, take);
    h->body -= take;
    *p += take;
    *n -= take;
    return PM_HTTP1_BODY;
}

static enum pm_http1_event read_chunks(struct pm_http1 *h, const char **p, size_t *n,
                                       struct pm_str *body)
{
    size_t took;

    if (*n == 0)
        return PM_HTTP1_MORE;
    h->run.n = 0;
    http_parser_pause(&h->parser, 0);
    took = http_parser_execute(&h->parser, &chunk_settings, *p, *n);
    if (HTTP_PARSER_ERRNO(&h->parser) != HPE_OK && HTTP_PARSER_ERRNO(&h->parser) != HPE_PAUSED) {
        refuse_parser(h, '\0');
        return PM_HTTP1_BAD;
    }
    *p += took;
    *n -= took;
    if (h->ended) {
        h->state = FINISHED;
        return PM_HTTP1_DONE;
    }
    *body = h->run;
    return body->n ? PM_HTTP1_BODY : PM_HTTP1_MORE;
}

enum pm_http1_event pm_http1_feed(struct pm_http1 *h, const char **p, size_t *n,
                                  struct pm_str *body, struct pm_error *err)
{
    enum pm_http1_event event = PM_HTTP1_BAD;

    switch (h->state) {
    case BETWEEN:
    case IN_HEAD:
        event = *n ? read_head(h, p, n) : PM_HTTP1_MORE;
        break;
    case IN_BODY:
        event = read_body(h, p, n, body);
        break;
    case IN_CHUNKS:
        event = read_chunks(h, p, n, body);
        break;
    case FINISHED:
        return PM_HTTP1_DONE;
    case REFUSED:
        break;
    }
    if (event == PM_HTTP1_BAD)
        pm_fail(err, h->status == 413 || h->status == 431 ? PM_ELIMIT : PM_EINVAL, "%s", h->why);
    return event;
}

struct pm_http1 *pm_http1_new(struct pm_http1_limits limits)
{
    struct pm_http1 *h = pm_xcalloc(1, sizeof(*h));

    h->limits = limits;
    pm_buf_init(&h->bytes, limits.head_bytes);
    return h;
}

void pm_http1_free(struct pm_http1 *h)
{
    if (!h)
        return;
    pm_buf_fini(&h->bytes);
    free(h->headers);
    free(h);
}

void pm_http1_next(struct pm_http1 *h)
{
    if (h->state == REFUSED)
        return;
    if (h->bytes.cap > KEEP_BYTES)
        pm_buf_fini(&h->bytes);
    pm_buf_reset(&h->bytes);
    if (h->headers_cap > KEEP_HEADERS) {
        free(h->headers);
        h->headers = NULL;
        h->headers_cap = 0;
    }
    h->head = (struct pm_http1_head){0};
    h->state = BETWEEN;
    h->line = IN_LINE;
    h->blanks = 0;
    h->body = 0;
    h->ended = false;
}

const struct pm_http1_head *pm_http1_head_of(const struct pm_http1 *h)
{
    return &h->head;
}

unsigned pm_http1_status(const struct pm_http1 *h)
{
    return h->status;
}

bool pm_http1_between(const struct pm_http1 *h)
{
    return h->state == BETWEEN;
}

bool pm_http1_must_close(const struct pm_http1 *h)
{
    if (h->state == BETWEEN || h->state == IN_HEAD)
        return false;
    return h->state == REFUSED || !h->head.keep_alive || h->head.chunked;
}

struct pm_str pm_http1_header(const struct pm_http1_head *h, const char *name)
{
    const struct pm_str want = pm_str(name);

    for (size_t i = 0; i < h->n_headers; i++) {
        if (pm_str_ieq(h->headers[i].name, want))
            return h->headers[i].value;
    }
    return PM_NSTR;
}
