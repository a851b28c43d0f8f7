/* SPDX-License-Identifier: Apache-2.0 */
/* Server-sent events, read as providers send them (WHATWG HTML §9.2.6, with the leniency that
 * real providers need). Pure: bytes in, events out; no clock, no I/O. One owner.
 * Events that lie whole inside one fed chunk are not copied. */
#ifndef PM_SSE_H
#define PM_SSE_H

#include "common/buf.h"

struct pm_sse_event {
    struct pm_str type; /* the `event:` field, empty if none */
    struct pm_str data; /* the `data:` lines joined with \n */
    bool comment; /* a line that starts with ':'; data holds its text */
};

/* The slices live until the callback returns. false stops the feed, and pm_sse_feed gives false.
 * The callback must not feed or finish the reader that calls it. */
typedef bool pm_sse_fn(void *ctx, const struct pm_sse_event *ev);

struct pm_sse {
    struct pm_buf line; /* an unfinished line from the chunks before */
    struct pm_buf data, type; /* what `event` points to once its chunk is gone */
    struct pm_sse_event event; /* the unfinished event */
    bool has_data, after_cr, began, stopped;
    pm_sse_fn *fn;
    void *ctx;
};

/* max_event: most bytes of one event's data or of one line. */
void pm_sse_init(struct pm_sse *s, size_t max_event, pm_sse_fn *fn, void *ctx);
void pm_sse_fini(struct pm_sse *s);
/* False if an event is larger than the cap, or the callback said so; then always false. */
bool pm_sse_feed(struct pm_sse *s, const char *p, size_t n);
/* The peer ended: an event without its blank line, or even without its line end, still counts. */
bool pm_sse_end(struct pm_sse *s);

#endif
