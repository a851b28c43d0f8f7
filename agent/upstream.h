/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP to providers: libcurl's multi interface on the program's loop. Connections are kept and
 * reused, TLS is verified, HTTP/2 is taken where offered, proxies come from the usual environment
 * variables. It knows nothing of JSON or of what an answer means. Loop thread only.
 *
 * A target is where requests of one kind go: URL, headers with the key, TLS settings. It keeps
 * prepared libcurl handles for reuse, so that a request sets only its body. Reference-counted.
 * A transfer is one request: new, start, callbacks, and `done` exactly once, unless cancelled.
 * The owner must not touch it after `done` or after transfer_cancel. */
#ifndef AGENT_UPSTREAM_H
#define AGENT_UPSTREAM_H

#include <uv.h>

#include "common/error.h"
#include "common/json.h"

struct upstream;
struct upstream *upstream_new(uv_loop_t *loop, uint32_t connect_ms, struct pm_error *err);
void upstream_set_connect_timeout(struct upstream *u, uint32_t connect_ms);
/* All transfers must be over or cancelled. The loop must run once more for its handles. */
void upstream_close(struct upstream *u, void (*closed)(void *ctx), void *ctx);
void upstream_free(struct upstream *u); /* after `closed` */

struct target_header {
    struct pm_str name, value;
};
struct target_spec {
    struct pm_str url;
    const struct target_header
        *headers; /* copied; they may hold secrets and are wiped at the end */
    size_t n_headers;
    struct pm_str ca_file, proxy; /* PM_NSTR: the system's */
};
struct target;
struct target *target_new(struct upstream *u, const struct target_spec *spec);
struct target *target_ref(struct target *t);
void target_unref(struct target *t); /* NULL is fine */

/* The head of an answer. Slices live until the callback returns. */
struct transfer_head {
    unsigned status;
    struct pm_str content_type, retry_after, retry_after_ms, request_id;
};

enum transfer_verdict {
    TRANSFER_GO,
    TRANSFER_PAUSE, /* these bytes were not taken; they come again after transfer_resume */
    TRANSFER_STOP /* give up: `done` comes with END_STOPPED */
};

enum transfer_end_kind {
    END_CLEAN, /* as HTTP wants it */
    END_CONNECT, /* no connection: refused, unreachable, name not found, proxy */
    END_TLS, /* handshake or verification */
    END_TIMEOUT, /* connect time-out */
    END_CUT, /* reset, or ended before its declared end */
    END_PROTOCOL, /* not HTTP */
    END_STOPPED, /* TRANSFER_STOP */
    END_INTERNAL
};
struct transfer_end {
    enum transfer_end_kind kind;
    bool sent; /* connected, with TLS: the provider may have seen the request */
    bool reused; /* the connection was used before */
    const char *what; /* libcurl's words */
};

struct transfer_ops {
    /* false: stop */
    bool (*head)(void *ctx, const struct transfer_head *h);
    enum transfer_verdict (*data)(void *ctx, const char *p, size_t n);
    void (*done)(void *ctx, const struct transfer_end *end);
};

struct transfer;
/* POST of `body` with its edits. All slices must live until the end of the transfer. */
struct transfer *transfer_new(struct target *g, const struct transfer_ops *ops, void *ctx);
void transfer_body(struct transfer *t, struct pm_str body, const struct pm_edit *edits,
                   size_t n_edits);
/* Further headers of this one request; copied. */
void transfer_header(struct transfer *t, struct pm_str name, struct pm_str value);
/* May call `head` and `data` before it returns, never `done`. */
void transfer_start(struct transfer *t);
/* As in transfer_end, while it runs. */
bool transfer_sent(const struct transfer *t);
/* Not from inside `data`. */
void transfer_resume(struct transfer *t);
/* From anywhere; no callback comes after it. The connection is closed, so the provider can stop. */
void transfer_cancel(struct transfer *t);

/* Opens a connection ahead of need, by a HEAD request whose answer does not matter. */
void target_warm(struct target *g);

#endif
