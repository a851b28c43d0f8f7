/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/api.h"

#include "agent/identify.h"
#include "agent/lists.h"
#include "agent/relay.h"
#include "common/url.h"

#define ERROR_MAX (256u << 10)
#define LIST_MAX (64u << 20)

struct api_call {
    struct agent *agent;
    struct http_request *http;
    struct pm_str author, slug; /* of paths that name a model */
    const struct pm_client_key *key;
};

struct api_route {
    const char *method, *path; /* after /v1; '*' is the author or slug of a model */
    enum { OPEN, NEEDS_KEY, INFERENCE } access;
    enum pm_operation op; /* of INFERENCE */
    enum list_kind list; /* of the others, unless they have a function of their own */
    void (*run)(struct api_call *c);
};

static void reply_error(struct http_request *r, const struct front_error *e)
{
    struct pm_buf body;

    pm_buf_init(&body, ERROR_MAX);
    front_write_error(e, &body);
    http_reply(r, &(struct http_reply){.status = e->status, .body = pm_buf_view(&body)});
    pm_buf_fini(&body);
}

static void reply_message(struct http_request *r, unsigned status, const char *message)
{
    reply_error(r, &(struct front_error){
                       .status = status, .message = pm_str(message), .retry_after_ms = -1});
}

/* GET /generation?id=: a caller sees what was made with its own key. */
static void run_generation(struct api_call *c)
{
    struct pm_str id = PM_NSTR, query = c->http->query, name;
    struct pm_buf out;

    while (pm_url_param(&query, &name, &id) && !pm_str_is(name, "id"))
        id = PM_NSTR;
    if (!id.n) {
        reply_message(c->http, 400, "The query must name a generation: ?id=gen-...");
        return;
    }
    pm_buf_init(&out, ERROR_MAX);
    if (spool_generation_json(c->agent->spool, id, c->key ? c->key->name : PM_NSTR, &out))
        http_reply(c->http, &(struct http_reply){.status = 200, .body = pm_buf_view(&out)});
    else
        reply_message(c->http, 404, "Generation not found");
    pm_buf_fini(&out);
}

static void run_list(struct api_call *c, enum list_kind kind)
{
    const struct list_query q = {
        .kind = kind,
        .query = c->http->query,
        .author = c->author,
        .slug = c->slug,
        .prefix = pm_str_starts(c->http->path, PM_STR("/api/")) ? PM_STR("/api/v1") : PM_STR("/v1"),
        .key = c->key,
    };
    struct pm_error err = {0};
    struct pm_buf out;
    unsigned status;

    pm_buf_init(&out, LIST_MAX);
    status = list_write(c->agent, &q, &out, &err);
    if (status == 200)
        http_reply(c->http, &(struct http_reply){.status = 200, .body = pm_buf_view(&out)});
    else
        reply_message(c->http, status, status == 500 ? "Internal error" : err.text);
    pm_buf_fini(&out);
}

static const struct api_route routes[] = {
    {"POST", "/chat/completions", INFERENCE, .op = PM_OP_CHAT},
    {"POST", "/completions", INFERENCE, .op = PM_OP_COMPLETION},
    {"POST", "/embeddings", INFERENCE, .op = PM_OP_EMBEDDING},
    {"GET", "/models", OPEN, .list = LIST_MODELS},
    {"GET", "/models/count", OPEN, .list = LIST_COUNT},
    {"GET", "/models/user", NEEDS_KEY, .list = LIST_MODELS},
    {"GET", "/models/*/*/endpoints", OPEN, .list = LIST_ENDPOINTS},
    {"GET", "/models/*/*", OPEN, .list = LIST_MODEL},
    {"GET", "/models/*", OPEN, .list = LIST_MODEL}, /* OpenAI's: author%2Fslug */
    {"GET", "/model/*/*", OPEN, .list = LIST_MODEL},
    {"GET", "/embeddings/models", OPEN, .list = LIST_EMBEDDING_MODELS},
    {"GET", "/endpoints/zdr", OPEN, .list = LIST_ZDR},
    {"GET", "/providers", OPEN, .list = LIST_PROVIDERS},
    {"GET", "/key", NEEDS_KEY, .list = LIST_KEY},
    {"GET", "/auth/key", NEEDS_KEY, .list = LIST_KEY},
    {"GET", "/generation", NEEDS_KEY, .run = run_generation},
};

/* Does path match the pattern, segment by segment? What stands for '*' goes into got. */
static bool matches(struct pm_str path, const char *pattern, struct pm_str got[2])
{
    struct pm_str want = pm_str(pattern);
    size_t n_got = 0;

    while (path.n && want.n) {
        struct pm_str p = pm_str_cut(path, 1, path.n), w = pm_str_cut(want, 1, want.n);
        ptrdiff_t pe = pm_str_find(p, '/'), we = pm_str_find(w, '/');
        struct pm_str ps = pe < 0 ? p : pm_str_cut(p, 0, (size_t)pe);
        struct pm_str ws = we < 0 ? w : pm_str_cut(w, 0, (size_t)we);
        if (pm_str_is(ws, "*") && ps.n && n_got < 2)
            got[n_got++] = ps;
        else if (!pm_str_eq(ps, ws))
            return false;
        path = pm_str_cut(p, ps.n, p.n);
        want = pm_str_cut(w, ws.n, w.n);
    }
    return path.n == 0 && want.n == 0;
}

/* NULL: no such path. *other: the path is there, with another method. */
static const struct api_route *find_route(const struct http_request *r, struct pm_str got[2],
                                          bool *other)
{
    struct pm_str path = r->path;

    *other = false;
    if (pm_str_starts(path, PM_STR("/api/")))
        path = pm_str_cut(path, 4, path.n);
    if (!pm_str_starts(path, PM_STR("/v1/")))
        return NULL;
    path = pm_str_cut(path, 3, path.n);
    for (size_t i = 0; i < PM_COUNT(routes); i++) {
        if (!matches(path, routes[i].path, got))
            continue;
        if (pm_str_is(r->head->method, routes[i].method) ||
            (pm_str_is(r->head->method, "HEAD") && strcmp(routes[i].method, "GET") == 0))
            return &routes[i];
        *other = true;
    }
    return NULL;
}

/* A page of some web site must not spend this machine's money through its browser: such requests
 * carry an Origin that is not of this machine (and no SDK on a server sends one). */
static bool is_foreign_page(const struct pm_http1_head *h)
{
    struct pm_str o = pm_http1_header(h, "origin");
    static const char *const local[] = {"http://localhost", "http://127.0.0.1", "http://[::1]",
                                        "https://localhost", "https://127.0.0.1"};

    if (!pm_str_starts(o, PM_STR("http")))
        return false;
    for (size_t i = 0; i < PM_COUNT(local); i++) {
        struct pm_str l = pm_str(local[i]);
        if (pm_str_starts(o, l) && (o.n == l.n || o.p[l.n] == ':'))
            return false;
    }
    return true;
}

/* NULL: refused, and answered. */
static const struct api_route *admit(struct http_request *r, struct pm_str got[2])
{
    bool other;
    const struct api_route *route = find_route(r, got, &other);

    if (is_foreign_page(r->head))
        reply_message(r, 403, "Requests from web pages of other origins are refused");
    else if (!route && other)
        reply_message(r, 405, "This path does not take this method");
    else if (!route)
        reply_message(r, 404, "Not supported by this router");
    else
        return route;
    return NULL;
}

static void run_route(const struct api_route *route, struct api_call *c)
{
    if (route->run)
        route->run(c);
    else
        run_list(c, route->list);
}

static bool on_head(void *ctx, struct http_request *r)
{
    struct agent *a = ctx;
    struct pm_str got[2];
    const struct pm_client_key *key;
    struct front_error refusal = {.retry_after_ms = -1};

    if (!admit(r, got))
        return false;
    if (identify_key(a->now, r->head, &key, &refusal))
        return true;
    reply_error(r, &refusal); /* no megabytes are read from someone who may not ask */
    return false;
}

static void on_request(void *ctx, struct http_request *r)
{
    struct api_call c = {.agent = ctx, .http = r};
    struct pm_str got[2] = {PM_NSTR, PM_NSTR};
    const struct api_route *route = admit(r, got);
    struct front_error refusal = {.retry_after_ms = -1};

    if (!route)
        return;
    if (route->access == INFERENCE) {
        relay_start(ctx, r, route->op);
        return;
    }
    c.author = got[0];
    c.slug = got[1];
    if (identify_key(c.agent->now, r->head, &c.key, &refusal) || route->access == OPEN)
        run_route(route, &c);
    else
        reply_error(r, &refusal);
}

static void on_refuse(void *ctx, unsigned status, const char *why, struct pm_buf *body)
{
    (void)ctx;
    front_write_error(
        &(struct front_error){.status = status, .message = pm_str(why), .retry_after_ms = -1},
        body);
}

const struct server_ops api_ops = {on_head, on_request, on_refuse};
