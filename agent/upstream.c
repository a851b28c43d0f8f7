/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl's sockets and timer on the loop. */
#include "agent/upstream_inner.h"

#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"

#define MAX_IDLE_CONNECTIONS 512

static void upstream_maybe_closed(struct upstream *u)
{
    if (u->closing && u->open_handles == 0 && u->closed) {
        void (*fn)(void *) = u->closed;
        u->closed = NULL;
        fn(u->closed_ctx);
    }
}

static void on_sock_closed(uv_handle_t *h)
{
    struct sock *s = (struct sock *)h;
    struct upstream *u = s->up;

    free(s);
    u->open_handles--;
    upstream_maybe_closed(u);
}

static struct sock *sock_at(struct upstream *u, curl_socket_t fd)
{
    return (size_t)fd < u->n_socks ? u->socks[fd] : NULL;
}

static void sock_drop(struct sock *s)
{
    s->up->socks[s->fd] = NULL;
    uv_poll_stop(&s->poll);
    uv_close((uv_handle_t *)&s->poll, on_sock_closed);
}

static struct sock *sock_add(struct upstream *u, curl_socket_t fd, bool ours)
{
    struct sock *s = sock_at(u, fd);

    if (s)
        sock_drop(s); /* closed without a word to us: the number is used again */
    s = pm_xcalloc(1, sizeof(*s));
    if ((size_t)fd >= u->n_socks) {
        size_t n = (size_t)fd * 2 + 16;
        u->socks = pm_xrealloc(u->socks, n * sizeof(struct sock *));
        memset(u->socks + u->n_socks, 0, (n - u->n_socks) * sizeof(struct sock *));
        u->n_socks = n;
    }
    s->up = u;
    s->fd = fd;
    s->ours = ours;
    s->idle = true;
    if (uv_poll_init_socket(u->loop, &s->poll, fd) != 0) {
        free(s);
        return NULL;
    }
    u->open_handles++;
    u->socks[fd] = s;
    return s;
}

static void on_poll(uv_poll_t *p, int status, int events);

static void watch(struct sock *s, int events)
{
    if (s->events == events)
        return;
    s->events = events;
    uv_poll_start(&s->poll, events, on_poll);
}

static void on_poll(uv_poll_t *p, int status, int events)
{
    struct sock *s = (struct sock *)p;
    struct upstream *u = s->up;
    const curl_socket_t fd = s->fd;
    int wanted = 0, flags = 0, running;

    if (s->idle) {
        /* The provider closed a pooled connection: libcurl finds out when it wants to use it. What
         * else it may have sent libcurl would take for the answer to the next request. */
        uv_poll_stop(p);
        s->events = 0;
        if (s->quiet)
            shutdown(fd, SHUT_RDWR);
        return;
    }
    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    if (status < 0) {
        /* An error on the socket. libcurl must find it by itself: told of it, it neither reads what
         * came before it, nor tries again where a pooled connection has died. The loop does not
         * watch such a socket on its own. */
        flags = CURL_CSELECT_IN | CURL_CSELECT_OUT;
        wanted = s->events;
        s->events = 0;
    }
    u->in_curl++;
    curl_multi_socket_action(u->multi, fd, flags, &running);
    u->in_curl--;
    if (wanted && sock_at(u, fd) == s && s->events == 0 && !s->idle)
        watch(s, wanted);
    upstream_reap(u);
}

static struct transfer *transfer_of(CURL *easy)
{
    struct transfer *t = NULL;

    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &t);
    return t;
}

/* May bytes still come on a connection that this transfer leaves? */
static bool is_quiet(CURL *easy)
{
    struct transfer *t = transfer_of(easy);
    long version = 0;

    curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
    return t && !t->paused &&
           (version == CURL_HTTP_VERSION_1_0 || version == CURL_HTTP_VERSION_1_1);
}

/* libcurl closes a socket that has not reached its provider without a word to us, and only then
 * says that it is to be watched no more: by then the number may be someone else's. Not so the
 * sockets of its connections. It looks through all of them for the answer, so it is asked once. */
static bool is_open(struct sock *s, CURL *easy)
{
    struct transfer *t = transfer_of(easy);
    curl_socket_t fd = CURL_SOCKET_BAD;

    if (!s->connected && t && t->paused)
        s->connected = true;
    else if (!s->connected)
        s->connected =
            curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &fd) == CURLE_OK && fd == s->fd;
    return s->connected;
}

/* Never fails: libcurl would take the failure for the end of all transfers. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *sock_ctx)
{
    struct upstream *u = ctx;
    struct sock *s = sock_at(u, fd);

    (void)sock_ctx;
    if (what == CURL_POLL_REMOVE) {
        if (s && s->ours && is_open(s, easy)) {
            s->idle = true;
            s->quiet = is_quiet(easy);
            watch(s, UV_READABLE);
        } else if (s) {
            sock_drop(s);
        }
        return 0;
    }
    if (!s)
        s = sock_add(u, fd, false);
    if (!s) {
        pm_log(PM_ERROR, "a socket cannot be watched", KV_I("fd", fd));
        return 0; /* the attempt's own timers end what waits for it */
    }
    s->idle = s->quiet = false;
    watch(s, (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0));
    return 0;
}

curl_socket_t upstream_open_socket(void *up, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct upstream *u = up;
    int fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);

    (void)purpose;
    if (fd >= 0 && !sock_add(u, fd, true)) {
        close(fd);
        return CURL_SOCKET_BAD;
    }
    return fd;
}

int upstream_close_socket(void *up, curl_socket_t fd)
{
    struct sock *s = sock_at(up, fd);

    if (s)
        sock_drop(s);
    return close(fd);
}

static void on_timer(uv_timer_t *t)
{
    struct upstream *u = t->data;
    int running;

    u->in_curl++;
    curl_multi_socket_action(u->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    u->in_curl--;
    upstream_reap(u);
}

static int on_curl_timer(CURLM *multi, long ms, void *ctx)
{
    struct upstream *u = ctx;

    (void)multi;
    if (ms < 0)
        uv_timer_stop(&u->timer);
    else
        uv_timer_start(&u->timer, on_timer, (uint64_t)ms, 0);
    return 0;
}

void upstream_reap(struct upstream *u)
{
    CURLMsg *msg;
    int left;

    if (u->reaping || u->in_curl)
        return;
    u->reaping = true;
    while ((msg = curl_multi_info_read(u->multi, &left))) {
        struct transfer *t = NULL;
        CURLcode code = msg->data.result;
        if (msg->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &t);
        transfer_ended(t, code);
    }
    while (u->doomed) {
        struct transfer *t = u->doomed;
        u->doomed = t->next;
        if (t->dead)
            transfer_recycle(t);
        else
            transfer_ended(t, CURLE_WRITE_ERROR);
    }
    u->reaping = false;
}

static void on_reap(uv_timer_t *t)
{
    upstream_reap(t->data);
}

void upstream_kick(struct upstream *u)
{
    uv_timer_start(&u->reap, on_reap, 0, 0);
}

struct upstream *upstream_new(uv_loop_t *loop, uint32_t connect_ms, struct pm_error *err)
{
    struct upstream *u = pm_xcalloc(1, sizeof(*u));

    u->loop = loop;
    u->connect_ms = connect_ms;
    u->multi = curl_multi_init();
    if (!u->multi) {
        free(u);
        pm_fail(err, PM_EINTERNAL, "libcurl could not start");
        return NULL;
    }
    curl_multi_setopt(u->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(u->multi, CURLMOPT_SOCKETDATA, u);
    curl_multi_setopt(u->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(u->multi, CURLMOPT_TIMERDATA, u);
    curl_multi_setopt(u->multi, CURLMOPT_MAXCONNECTS, (long)MAX_IDLE_CONNECTIONS);
    uv_timer_init(loop, &u->timer);
    uv_timer_init(loop, &u->reap);
    u->timer.data = u->reap.data = u;
    u->open_handles = 2;
    return u;
}

void upstream_set_connect_timeout(struct upstream *u, uint32_t connect_ms)
{
    u->connect_ms = connect_ms;
}

static void on_timer_closed(uv_handle_t *h)
{
    struct upstream *u = h->data;

    u->open_handles--;
    upstream_maybe_closed(u);
}

void upstream_close(struct upstream *u, void (*closed)(void *ctx), void *ctx)
{
    u->closing = true;
    u->closed = closed;
    u->closed_ctx = ctx;
    upstream_reap(u);
    while (u->warming)
        transfer_recycle(u->warming);
    curl_multi_cleanup(u->multi); /* closes the pooled connections through our callbacks */
    u->multi = NULL;
    for (size_t fd = 0; fd < u->n_socks; fd++) {
        if (u->socks[fd])
            sock_drop(u->socks[fd]);
    }
    uv_close((uv_handle_t *)&u->timer, on_timer_closed);
    uv_close((uv_handle_t *)&u->reap, on_timer_closed);
}

void upstream_free(struct upstream *u)
{
    if (!u)
        return;
    free(u->socks);
    free(u);
}
