/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 requests as a server reads them: bytes in, events out. Pure: no sockets, no clock.
 * On libhttp-parser, with a strict guard around it: what a proxy in front could read in another
 * way than we do is refused (RFC 9112 §11.2), see the table in the tests.
 * One reader per connection, one owner. */
#ifndef PM_HTTP1_H
#define PM_HTTP1_H

#include "common/buf.h"
#include "common/error.h"

struct pm_header {
    struct pm_str name, value; /* value without blanks around it */
};

#define PM_HTTP1_MAX_HEADERS 128

/* The head of a request. Slices live until the next pm_http1_next. */
struct pm_http1_head {
    struct pm_str method; /* GET HEAD POST PUT PATCH DELETE OPTIONS; others are refused */
    struct pm_str target; /* begins with '/', or is "*"; absolute-form is reduced to its path */
    unsigned minor; /* HTTP/1.minor: 0 or 1 */
    bool keep_alive; /* the connection may serve another request after this one */
    bool expect_continue; /* `Expect: 100-continue` */
    bool chunked;
    uint64_t content_length; /* 0 if chunked or none */
    size_t n_headers;
    const struct pm_header *headers; /* in the order they came; trailers are dropped */
};

/* The value of the first header of that name (ASCII case ignored); PM_NSTR if absent. */
struct pm_str pm_http1_header(const struct pm_http1_head *h, const char *name);

struct pm_http1_limits {
    size_t head_bytes; /* request line and headers: 431 above it. The parser's own cap is 80 kB */
    uint64_t body_bytes; /* 413 above it, as soon as it is known */
};

enum pm_http1_event {
    PM_HTTP1_MORE, /* all bytes are taken, feed more */
    PM_HTTP1_HEAD, /* head is complete: *pm_http1_head_of() */
    PM_HTTP1_BODY, /* a run of body bytes: *body; it points into the fed bytes */
    PM_HTTP1_DONE, /* the request ended. The reader takes nothing more until pm_http1_next */
    PM_HTTP1_BAD, /* refuse with pm_http1_status and close; err says why, now and ever after */
};

/* A reader between requests keeps at most 3 kB of buffers, which is what common heads need. */

struct pm_http1;
struct pm_http1 *pm_http1_new(struct pm_http1_limits limits);
void pm_http1_free(struct pm_http1 *h);
/* Takes bytes from *p (*n of them), moves both past what was taken, and returns at the first event.
 * Call it again while it does not say MORE, DONE or BAD. */
enum pm_http1_event pm_http1_feed(struct pm_http1 *h, const char **p, size_t *n,
                                  struct pm_str *body, struct pm_error *err);
const struct pm_http1_head *pm_http1_head_of(const struct pm_http1 *h);
unsigned pm_http1_status(const struct pm_http1 *h); /* after BAD: 400, 413, 431, 501 or 505 */
bool pm_http1_between(const struct pm_http1 *h); /* no byte of a request has come yet */
/* True when the connection must close after this answer: not keep-alive, or a chunked body, whose
 * framing the parser reads too leniently for another request to be trusted behind it. */
bool pm_http1_must_close(const struct pm_http1 *h);
void pm_http1_next(struct pm_http1 *h); /* after DONE: ready for the connection's next request */

#endif
