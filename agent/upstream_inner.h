/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of upstream: what the loop glue (upstream.c) and the transfers (transfer.c) share. */
#ifndef AGENT_UPSTREAM_INNER_H
#define AGENT_UPSTREAM_INNER_H

#include <curl/curl.h>

#include "agent/upstream.h"

/* A socket that libcurl uses, watched by the loop. Those it opened through us stay watched while
 * their connection is idle in the pool: that saves two system calls per request, and a close by
 * the provider is seen at once. */
struct sock {
    uv_poll_t poll; /* first */
    struct upstream *up;
    curl_socket_t fd;
    int events; /* what the loop watches now */
    bool ours; /* opened and closed through our callbacks */
    bool connected; /* known to have reached its provider, once */
    bool idle; /* libcurl does not want it now */
    bool quiet; /* idle, and nothing but its end may come: what does is no one's answer */
};

struct upstream {
    uv_loop_t *loop;
    CURLM *multi;
    uv_timer_t timer; /* libcurl's */
    uv_timer_t reap; /* transfers ended where their owners could not be told */
    struct sock **socks; /* by descriptor */
    size_t n_socks;
    struct transfer *doomed; /* ended where libcurl or their owners cannot be told */
    struct transfer *warming; /* nobody owns them but us */
    unsigned in_curl; /* depth of calls into libcurl */
    size_t active;
    unsigned open_handles;
    bool reaping, closing;
    uint32_t connect_ms;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

struct target {
    struct upstream *up;
    unsigned refs;
    char *url, *ca_file, *proxy;
    struct curl_slist *headers;
    struct transfer *idle; /* prepared handles */
    size_t n_idle;
};

struct transfer {
    struct target *target; /* a reference, while in use */
    CURL *easy;
    struct transfer_ops ops;
    void *ctx;
    struct transfer *next; /* in target.idle or upstream.doomed */
    struct pm_buf send; /* a small body, spliced */
    struct pm_str body; /* a large one is read in pieces */
    const struct pm_edit *edits;
    size_t n_edits, total;
    size_t at_edit, at_ins, at_body; /* where the reading stands */
    struct curl_slist *extra; /* further headers; owns the list handed to libcurl */
    unsigned status;
    bool has_head, in_multi, stopped, paused, warming;
    bool dead; /* cancelled: its owner and the slices are gone */
    bool broken; /* ended by us inside of transfer_resume: `done` is still to come */
    struct pm_buf fields; /* copies of the head's values we keep */
    struct {
        size_t at, n;
    } content_type, retry_after, retry_after_ms, request_id;
    char error[CURL_ERROR_SIZE];
};

void upstream_reap(struct upstream *u);
void upstream_kick(struct upstream *u); /* reap soon, from the loop */
curl_socket_t upstream_open_socket(void *up, curlsocktype purpose, struct curl_sockaddr *a);
int upstream_close_socket(void *up, curl_socket_t fd);
void transfer_ended(struct transfer *t, CURLcode code);
void transfer_recycle(struct transfer *t);

#endif
