/* SPDX-License-Identifier: Apache-2.0 */
/* Targets and transfers: one libcurl handle each, reused. */
#include <curl/curl.h>

#include "agent/upstream_inner.h"

#define MAX_IDLE_HANDLES 64 /* prepared handles per target */
#define SMALL_BODY (64u << 10) /* spliced into one block; larger ones are read in pieces */
#define MAX_FIELDS (4u << 10) /* of the values we keep from one head */
#define WARM_MS 10000 /* how long a provider may think about a HEAD */

/* ---- targets ---- */

/* libcurl looks through the environment for every request; where there is nothing to find, it is
 * told so once. */
static bool environment_has_proxy(void)
{
    static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                        "ALL_PROXY"};

    for (size_t i = 0; i < PM_COUNT(names); i++) {
        const char *v = getenv(names[i]);
        if (v && *v)
            return true;
    }
    return false;
}

/* libcurl copies header lines; this list is ours, so the secrets in it are wiped by us. */
static void wipe_slist(struct curl_slist *l)
{
    for (struct curl_slist *i = l; i; i = i->next)
        explicit_bzero(i->data, strlen(i->data));
    curl_slist_free_all(l);
}

static struct curl_slist *add_header(struct curl_slist *l, struct pm_str name, struct pm_str value)
{
    struct pm_buf line;
    struct curl_slist *more;

    pm_buf_init(&line, 64 << 10);
    pm_buf_str(&line, name);
    pm_buf_lit(&line, ": ");
    pm_buf_str(&line, value);
    more = curl_slist_append(l, line.p);
    explicit_bzero(line.p, line.n);
    pm_buf_fini(&line);
    return more ? more : l;
}

struct target *target_new(struct upstream *u, const struct target_spec *spec)
{
    struct target *t = pm_xcalloc(1, sizeof(*t));

    t->up = u;
    t->refs = 1;
    t->url = pm_xstrndup(spec->url);
    t->ca_file = spec->ca_file.n ? pm_xstrndup(spec->ca_file) : NULL;
    t->proxy = spec->proxy.n ? pm_xstrndup(spec->proxy) : NULL;
    /* No 100-continue round trip, and no Accept-Encoding: streams must come as they are made. */
    t->headers = curl_slist_append(NULL, "Expect:");
    t->headers = curl_slist_append(t->headers, "Accept:");
    t->headers = curl_slist_append(t->headers, "Content-Type: application/json");
    for (size_t i = 0; i < spec->n_headers; i++)
        t->headers = add_header(t->headers, spec->headers[i].name, spec->headers[i].value);
    return t;
}

struct target *target_ref(struct target *t)
{
    t->refs++;
    return t;
}

static void transfer_destroy(struct transfer *t)
{
    curl_easy_cleanup(t->easy);
    pm_buf_fini(&t->send);
    pm_buf_fini(&t->fields);
    free(t);
}

void target_unref(struct target *t)
{
    if (!t || --t->refs)
        return;
    while (t->idle) {
        struct transfer *x = t->idle;
        t->idle = x->next;
        transfer_destroy(x);
    }
    wipe_slist(t->headers);
    free(t->url);
    free(t->ca_file);
    free(t->proxy);
    free(t);
}

/* ---- callbacks of libcurl ---- */

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;

    n *= size;
    if (t->dead)
        return CURL_WRITEFUNC_ERROR;
    if (t->warming)
        return n;
    switch (t->ops.data(t->ctx, p, n)) {
    case TRANSFER_GO:
        return n;
    case TRANSFER_PAUSE:
        t->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    case TRANSFER_STOP:
        break;
    }
    t->stopped = true;
    return CURL_WRITEFUNC_ERROR;
}

/* Keeps "Name: value"'s value if line is that header. */
static bool keep(struct transfer *t, struct pm_str line, struct pm_str name, size_t *at, size_t *n)
{
    struct pm_str value;

    if (line.n <= name.n || line.p[name.n] != ':' || !pm_str_ieq(pm_str_cut(line, 0, name.n), name))
        return false;
    value = pm_str_trim(pm_str_cut(line, name.n + 1, line.n));
    *at = t->fields.n;
    *n = pm_buf_str(&t->fields, value) ? value.n : 0;
    return true;
}

static struct pm_str kept(const struct transfer *t, size_t at, size_t n)
{
    return n ? pm_str_n(t->fields.p + at, n) : PM_NSTR;
}

/* The blank line after a final head: 1xx answers are skipped. */
static bool on_head_end(struct transfer *t)
{
    struct transfer_head h;

    if (t->status < 200 || t->warming)
        return true;
    h = (struct transfer_head){
        .status = t->status,
        .content_type = kept(t, t->content_type.at, t->content_type.n),
        .retry_after = kept(t, t->retry_after.at, t->retry_after.n),
        .retry_after_ms = kept(t, t->retry_after_ms.at, t->retry_after_ms.n),
        .request_id = kept(t, t->request_id.at, t->request_id.n),
    };
    t->has_head = true;
    if (t->ops.head(t->ctx, &h))
        return true;
    t->stopped = true;
    return false;
}

static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    struct pm_str line = pm_str_n(p, n * size);

    if (t->dead)
        return 0;
    if (pm_str_starts(line, PM_STR("HTTP/"))) {
        long status = 0;
        curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
        t->status = (unsigned)status;
        t->content_type.n = t->retry_after.n = t->retry_after_ms.n = t->request_id.n = 0;
        pm_buf_reset(&t->fields);
        return line.n;
    }
    if (t->has_head)
        return line.n; /* trailers */
    if (pm_str_trim(line).n == 0)
        return on_head_end(t) ? line.n : 0;
    switch (line.p[0] | 0x20) {
    case 'c':
        keep(t, line, PM_STR("content-type"), &t->content_type.at, &t->content_type.n);
        break;
    case 'r':
        if (!keep(t, line, PM_STR("retry-after"), &t->retry_after.at, &t->retry_after.n))
            keep(t, line, PM_STR("retry-after-ms"), &t->retry_after_ms.at, &t->retry_after_ms.n);
        break;
    case 'x':
        keep(t, line, PM_STR("x-request-id"), &t->request_id.at, &t->request_id.n);
        break;
    default:
        break;
    }
    return line.n;
}

/* The next bytes of the edited body: body up to an edit, the edit's text, body after it, ... */
static size_t on_read(char *out, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    size_t room = size * n, done = 0;

    if (t->dead)
        return CURL_READFUNC_ABORT; /* the slices are gone */

    while (done < room) {
        bool editing = t->at_edit < t->n_edits;
        const struct pm_edit *e = editing ? &t->edits[t->at_edit] : NULL;
        size_t stop = editing ? e->at : t->body.n;
        struct pm_str piece;
        if (t->at_body < stop) {
            piece = pm_str_cut(t->body, t->at_body, PM_MIN(stop, t->at_body + (room - done)));
            t->at_body += piece.n;
        } else if (editing && t->at_ins < e->ins.n) {
            piece = pm_str_cut(e->ins, t->at_ins, t->at_ins + (room - done));
            t->at_ins += piece.n;
        } else if (editing) {
            t->at_body = e->at + e->del;
            t->at_edit++;
            t->at_ins = 0;
            continue;
        } else {
            break;
        }
        memcpy(out + done, piece.p, piece.n);
        done += piece.n;
    }
    return done;
}

/* libcurl sends the body again when a pooled connection turned out to be closed. */
static int on_seek(void *ctx, curl_off_t offset, int origin)
{
    struct transfer *t = ctx;

    if (offset != 0 || origin != SEEK_SET)
        return CURL_SEEKFUNC_CANTSEEK;
    t->at_edit = t->at_ins = t->at_body = 0;
    return CURL_SEEKFUNC_OK;
}

/* ---- transfers ---- */

static void prepare(struct transfer *t, struct target *g)
{
    CURL *e = t->easy;

    curl_easy_setopt(e, CURLOPT_URL, g->url);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L); /* a cancel never waits for a name server */
    curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(e, CURLOPT_POST, 1L);
    curl_easy_setopt(e, CURLOPT_USERAGENT, "pointsman/" PM_VERSION);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    if (strncmp(g->url, "https:", 6) == 0)
        curl_easy_setopt(e, CURLOPT_PIPEWAIT,
                         1L); /* share an HTTP/2 connection rather than open more */
    curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, 290L);
    curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, 16L << 10);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(e, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(e, CURLOPT_READDATA, t);
    curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(e, CURLOPT_SEEKDATA, t);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->error);
    curl_easy_setopt(e, CURLOPT_PRIVATE, t);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, upstream_open_socket);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, g->up);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, upstream_close_socket);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, g->up);
    if (g->ca_file)
        curl_easy_setopt(e, CURLOPT_CAINFO, g->ca_file);
    if (g->proxy)
        curl_easy_setopt(e, CURLOPT_PROXY, g->proxy);
    else if (!environment_has_proxy())
        curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
}

struct transfer *transfer_new(struct target *g, const struct transfer_ops *ops, void *ctx)
{
    struct transfer *t = g->idle;

    if (t) {
        g->idle = t->next;
        g->n_idle--;
        t->next = NULL;
    } else {
        t = pm_xcalloc(1, sizeof(*t));
        t->easy = curl_easy_init();
        if (!t->easy)
            abort(); /* out of memory */
        pm_buf_init(&t->send, SIZE_MAX / 2);
        pm_buf_init(&t->fields, MAX_FIELDS);
        prepare(t, g);
    }
    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, g->headers);
    curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)g->up->connect_ms);
    t->target = target_ref(g);
    t->ops = *ops;
    t->ctx = ctx;
    t->error[0] = '\0';
    return t;
}

void transfer_body(struct transfer *t, struct pm_str body, const struct pm_edit *edits, size_t n)
{
    size_t total = body.n;

    for (size_t i = 0; i < n; i++)
        total = total - edits[i].del + edits[i].ins.n;
    t->at_edit = t->at_ins = t->at_body = 0;
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)total);
    if (total <= SMALL_BODY) {
        pm_buf_reset(&t->send);
        pm_json_splice(body, edits, n, &t->send);
        curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, t->send.p ? t->send.p : "");
        return;
    }
    t->body = body;
    t->edits = edits;
    t->n_edits = n;
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, NULL);
}

void transfer_header(struct transfer *t, struct pm_str name, struct pm_str value)
{
    if (!t->extra) {
        for (struct curl_slist *i = t->target->headers; i; i = i->next)
            t->extra = curl_slist_append(t->extra, i->data);
    }
    t->extra = add_header(t->extra, name, value);
    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->extra);
}

void transfer_start(struct transfer *t)
{
    struct upstream *u = t->target->up;
    int running = 0;

    t->in_multi = true;
    u->active++;
    if (curl_multi_add_handle(u->multi, t->easy) != CURLM_OK)
        abort(); /* only for handles that are misused, or out of memory */
    /* Do now what libcurl's timer asks for in 0 ms: it saves a turn of the loop. */
    u->in_curl++;
    curl_multi_socket_action(u->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    u->in_curl--;
    if ((size_t)running < u->active)
        upstream_kick(u);
}

static void unlink_from(struct transfer **at, struct transfer *t)
{
    while (*at && *at != t)
        at = &(*at)->next;
    if (*at)
        *at = t->next;
}

void transfer_recycle(struct transfer *t)
{
    struct target *g = t->target;
    struct upstream *u = g->up;

    if (t->in_multi) {
        u->in_curl++;
        curl_multi_remove_handle(u->multi, t->easy);
        u->in_curl--;
        u->active--;
    }
    if (t->warming) {
        unlink_from(&u->warming, t);
        curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, 0L);
    }
    wipe_slist(t->extra);
    t->extra = NULL;
    t->status = 0;
    t->has_head = t->dead = t->in_multi = t->stopped = t->warming = false;
    t->paused = t->broken = false;
    t->body = PM_NSTR;
    t->edits = NULL;
    t->n_edits = 0;
    t->target = NULL;
    if (t->send.cap > SMALL_BODY / 4)
        pm_buf_fini(&t->send);
    if (g->n_idle < MAX_IDLE_HANDLES && g->refs > 1) {
        t->next = g->idle;
        g->idle = t;
        g->n_idle++;
    } else {
        transfer_destroy(t);
    }
    target_unref(g);
}

static enum transfer_end_kind end_kind(const struct transfer *t, CURLcode code)
{
    if (t->stopped)
        return END_STOPPED;
    switch (code) {
    case CURLE_OK: /* libcurl thinks so of an answer that ended within its head, too */
        return t->has_head ? END_CLEAN : END_CUT;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY:
    case CURLE_INTERFACE_FAILED:
        return END_CONNECT;
    case CURLE_OPERATION_TIMEDOUT:
        return END_TIMEOUT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
        return END_TLS;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_SEND_FAIL_REWIND:
        return END_CUT;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_WRITE_ERROR: /* bad chunked framing is reported as this, too */
        return END_PROTOCOL;
    default:
        return END_INTERNAL;
    }
}

void transfer_ended(struct transfer *t, CURLcode code)
{
    struct transfer_end end = {.kind = end_kind(t, code)};
    long connects = 1;
    struct transfer_ops ops = t->ops;
    void *ctx = t->ctx;
    bool tell = !t->dead && !t->warming;
    char what[CURL_ERROR_SIZE];

    curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &connects);
    end.reused = connects == 0;
    end.sent = transfer_sent(t);
    snprintf(what, sizeof(what), "%s", t->error[0] ? t->error : curl_easy_strerror(code));
    end.what = what;
    if (t->dead || t->broken)
        unlink_from(&t->target->up->doomed, t);
    transfer_recycle(t);
    if (tell)
        ops.done(ctx, &end);
}

bool transfer_sent(const struct transfer *t)
{
    curl_off_t ready_us = 0; /* connected, with TLS and through the proxy */

    curl_easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
    return ready_us > 0;
}

static void doom(struct transfer *t)
{
    struct upstream *u = t->target->up;

    if (!t->dead && !t->broken) {
        t->next = u->doomed;
        u->doomed = t;
    }
    upstream_kick(u);
}

void transfer_resume(struct transfer *t)
{
    struct upstream *u = t->target->up;

    if (!t->paused)
        return;
    t->paused = false;
    u->in_curl++;
    curl_easy_pause(t->easy, CURLPAUSE_CONT);
    u->in_curl--;
    if (t->stopped && !t->dead && !t->broken) {
        /* libcurl tells a write error only to the caller here, and forgets the transfer. */
        doom(t);
        t->broken = true;
    }
    upstream_kick(u); /* it may have ended inside */
}

void transfer_cancel(struct transfer *t)
{
    struct upstream *u = t->target->up;

    if (t->dead)
        return;
    if (u->in_curl && t->in_multi) {
        doom(t);
        t->dead = true;
        return;
    }
    if (t->broken)
        unlink_from(&u->doomed, t);
    transfer_recycle(t);
}

void target_warm(struct target *g)
{
    static const struct transfer_ops none = {0};
    struct transfer *t = transfer_new(g, &none, NULL);

    t->warming = true;
    t->next = g->up->warming;
    g->up->warming = t;
    curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, (long)WARM_MS);
    transfer_start(t);
}
