/* SPDX-License-Identifier: Apache-2.0 */
/* The second port: what Kubernetes and Prometheus ask. */
#include "agent/api.h"

#define METRICS_MAX (8u << 20)

static void fill_gauges(struct agent *a)
{
    struct metrics *m = a->metrics;
    struct spool_stats s = spool_stats(a->spool);
    const struct pm_health *h = health_view(a->health, uv_now(a->loop));
    const struct pm_table *t = a->now->table;

    *metrics_gauge(m, METRIC_INFLIGHT, PM_NSTR) = (int64_t)a->n_relays;
    *metrics_gauge(m, METRIC_CONNECTIONS, PM_NSTR) = (int64_t)server_connections(a->api);
    *metrics_gauge(m, METRIC_BODY_BYTES, PM_NSTR) = (int64_t)a->body_bytes;
    *metrics_gauge(m, METRIC_TABLE_VERSION, PM_NSTR) = (int64_t)t->version;
    *metrics_gauge(m, METRIC_SPOOL_BYTES, PM_NSTR) = (int64_t)s.bytes;
    *metrics_gauge(m, METRIC_SPOOL_SEQ, PM_NSTR) = (int64_t)s.last_seq;
    *metrics_counter(m, METRIC_SPOOL_ERRORS, PM_NSTR) = s.errors;
    *metrics_counter(m, METRIC_SPOOL_DROPPED_SEGMENTS, PM_NSTR) = s.dropped_segments;
    metrics_clear(m, METRIC_BREAKER_STATE);
    for (size_t i = 0; i < t->n_endpoints; i++) {
        char name[256];
        const struct pm_endpoint *e = t->endpoints[i];
        if (h[i].breaker == PM_BREAKER_CLOSED)
            continue; /* only what is not well: 700 rows of zero help nobody */
        snprintf(name, sizeof(name), "%.*s@%.*s", PM_FMT(e->model->id), PM_FMT(e->tag));
        *metrics_gauge(m, METRIC_BREAKER_STATE, pm_str(name)) =
            h[i].breaker == PM_BREAKER_OPEN ? 2 : 1;
    }
}

static void reply_text(struct http_request *r, unsigned status, struct pm_str text)
{
    http_reply(r, &(struct http_reply){
                      .status = status, .content_type = "text/plain; charset=utf-8", .body = text});
}

static void on_request(void *ctx, struct http_request *r)
{
    struct agent *a = ctx;
    struct pm_buf out;

    if (!pm_str_is(r->head->method, "GET") && !pm_str_is(r->head->method, "HEAD")) {
        reply_text(r, 405, PM_STR("only GET\n"));
    } else if (pm_str_is(r->path, "/live") || pm_str_is(r->path, "/livez")) {
        reply_text(r, 200, PM_STR("ok\n"));
    } else if (pm_str_is(r->path, "/ready") || pm_str_is(r->path, "/readyz")) {
        /* Readiness never depends on providers or a control plane: calls are held or refused
         * with a reason, which is more than a pod without traffic can say. */
        reply_text(r, a->draining ? 503 : 200, a->draining ? PM_STR("draining\n") : PM_STR("ok\n"));
    } else if (pm_str_is(r->path, "/metrics")) {
        pm_buf_init(&out, METRICS_MAX);
        fill_gauges(a);
        metrics_print(a->metrics, &out);
        http_reply(r, &(struct http_reply){.status = 200,
                                           .content_type = METRICS_CONTENT_TYPE,
                                           .body = pm_buf_view(&out)});
        pm_buf_fini(&out);
    } else {
        reply_text(r, 404, PM_STR("there are /live, /ready and /metrics\n"));
    }
}

static bool on_head(void *ctx, struct http_request *r)
{
    (void)ctx;
    reply_text(r, 413, PM_STR("no body is expected here\n"));
    return false;
}

static void on_refuse(void *ctx, unsigned status, const char *why, struct pm_buf *body)
{
    (void)ctx;
    (void)status;
    pm_buf_addf(body, "%s\n", why);
}

const struct server_ops probe_ops = {on_head, on_request, on_refuse};
