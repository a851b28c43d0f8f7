/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent.h"

#include "agent/api.h"
#include "agent/relay.h"
#include "common/clock.h"
#include "common/log.h"

#define HOUSEKEEPING_MS 200
#define CONFIG_ERRORS_MAX (64u << 10)

/* ---- timers ---- */

static void maybe_stopped(struct agent *a);

static void on_tick(uv_timer_t *t)
{
    struct agent *a = t->data;
    uint64_t now = uv_now(a->loop);
    struct relay *next;

    for (struct relay *r = a->relays; r; r = next) {
        next = r->next;
        relay_tick(r, now);
    }
}

static void on_housekeeping(uv_timer_t *t)
{
    struct agent *a = t->data;

    pm_log_flush();
    if (a->now->table->n_keys)
        key_usage_catch_up(a->key_usage);
    if (a->draining)
        maybe_stopped(a);
}

/* ---- start ---- */

static struct server_limits limits_of(struct agent *a, const struct pm_agent_config *c)
{
    return (struct server_limits){
        .max_connections = c->max_connections,
        .head_bytes = c->max_head_bytes,
        .body_bytes = c->max_body_bytes,
        .memory_used = &a->body_bytes,
        .memory_max = c->max_memory_bytes,
        .head_ms = c->client_head_ms,
        .body_ms = c->client_body_ms,
        .idle_ms = c->client_idle_ms,
        .write_ms = c->client_write_ms,
    };
}

static bool open_spool(struct agent *a, const struct pm_agent_config *c, struct pm_error *err)
{
    char *dir = pm_xstrndup(c->spool_dir);
    size_t cut = 0;
    const struct spool_config sc = {.dir = dir,
                                    .segment_bytes = c->spool_segment_bytes,
                                    .max_bytes = c->spool_max_bytes,
                                    .fsync_ms = c->spool_fsync_ms};

    a->spool = spool_open(&sc, a->loop, &cut, err);
    if (a->spool && cut)
        pm_log(PM_WARN, "calls were cut by the last stop", KV_I("count", cut), KV_C("spool", dir));
    free(dir);
    return a->spool != NULL;
}

static bool listen_on(struct agent *a, const struct pm_agent_config *c, struct pm_error *err)
{
    struct server_limits limits = limits_of(a, c);
    char *api = pm_xstrndup(c->listen_address), *probes = pm_xstrndup(c->probe_address);

    a->api = server_new(a->loop, api, c->listen_port, &limits, &api_ops, a, err);
    limits.body_bytes = 0;
    if (a->api)
        a->probes = server_new(a->loop, probes, c->probe_port, &limits, &probe_ops, a, err);
    free(api);
    free(probes);
    return a->api && a->probes;
}

static void use_snapshot(struct agent *a, struct snapshot *s)
{
    const struct pm_agent_config *c = &s->config->agent;
    struct server_limits limits = limits_of(a, c);

    snapshot_unref(a->now);
    a->now = s;
    health_use_table(a->health, s->table);
    health_set_limits(a->health, (struct health_limits){c->breaker_failures, c->breaker_open_ms});
    keystate_use_table(a->keystate, s->table);
    a->retry_budget.percent = c->retry_percent;
    a->retry_budget.floor_per_s = c->retry_floor_per_s;
    upstream_set_connect_timeout(a->upstream, c->connect_ms);
    if (a->api)
        server_set_limits(a->api, &limits);
    if (c->warm_connections)
        snapshot_warm(s);
}

struct agent *agent_new(uv_loop_t *loop, const char *config_path, struct pm_config *config,
                        struct pm_error *err)
{
    const struct pm_agent_config *c = &config->agent;
    struct agent *a = pm_xcalloc(1, sizeof(*a));
    uint64_t seed;

    a->loop = loop;
    a->config_path = config_path;
    a->began_ns = pm_now_ns();
    a->on_tick = on_tick;
    a->upstream = upstream_new(loop, c->connect_ms, err);
    if (!a->upstream || !open_spool(a, c, err) || !listen_on(a, c, err)) {
        pm_config_free(config);
        return NULL; /* the program ends; the kernel closes what is open */
    }
    pm_random(&seed, sizeof(seed));
    a->health = health_new((struct health_limits){c->breaker_failures, c->breaker_open_ms}, seed);
    a->keystate = keystate_new();
    a->sticky = sticky_new(STICKY_ENTRIES, STICKY_IDLE_MS);
    a->metrics = metrics_new();
    a->key_usage = key_usage_new(a->spool);
    retry_budget_init(&a->retry_budget, c->retry_percent, c->retry_floor_per_s);
    uv_timer_init(loop, &a->tick);
    uv_timer_init(loop, &a->sweep);
    uv_timer_init(loop, &a->housekeeping);
    a->tick.data = a->sweep.data = a->housekeeping.data = a;
    uv_timer_start(&a->housekeeping, on_housekeeping, HOUSEKEEPING_MS, HOUSEKEEPING_MS);
    use_snapshot(a, snapshot_new(config, a->upstream));
    return a;
}

/* ---- reload ---- */

struct reload {
    uv_work_t work; /* first */
    struct agent *agent;
    struct pm_config *config;
    struct pm_buf errors;
    size_t n_errors;
};

static void on_load(uv_work_t *w)
{
    struct reload *l = (struct reload *)w;
    struct pm_config_errors errors = {.text = &l->errors};

    l->config = pm_config_load(l->agent->config_path, &errors);
    l->n_errors = errors.n;
}

static void on_loaded(uv_work_t *w, int status)
{
    struct reload *l = (struct reload *)w;
    struct agent *a = l->agent;
    bool ok = status == 0 && l->config;

    a->reloading = false;
    ++*metrics_counter(a->metrics, METRIC_CONFIG_RELOADS, ok ? PM_STR("ok") : PM_STR("failed"));
    if (ok && !a->draining) {
        uint64_t version = a->now->table->version + 1;
        l->config->table->version = version;
        use_snapshot(a, snapshot_new(l->config, a->upstream));
        pm_log(PM_INFO, "configuration reloaded", KV_I("version", version));
    } else if (ok) {
        pm_config_free(l->config); /* it is not needed any more */
    } else {
        pm_log(PM_ERROR, "configuration refused, the old one stays",
               KV_S("errors", pm_buf_view(&l->errors)), KV_I("count", l->n_errors));
        pm_config_free(l->config);
    }
    pm_buf_fini(&l->errors);
    free(l);
}

void agent_reload(struct agent *a)
{
    struct reload *l;

    if (a->reloading || a->draining)
        return;
    l = pm_xcalloc(1, sizeof(*l));
    l->agent = a;
    pm_buf_init(&l->errors, CONFIG_ERRORS_MAX);
    a->reloading = true;
    if (uv_queue_work(a->loop, &l->work, on_load, on_loaded) != 0) {
        a->reloading = false;
        free(l);
    }
}

/* ---- stop ---- */

static void on_part_closed(void *ctx)
{
    struct agent *a = ctx;

    if (--a->closing_parts == 0 && a->stopped)
        a->stopped(a);
}

static void on_timer_closed(uv_handle_t *h)
{
    on_part_closed(h->data);
}

static void maybe_stopped(struct agent *a)
{
    bool over = uv_now(a->loop) >= a->drain_until_ms;
    struct relay *next;

    if (a->closing_parts || !a->draining)
        return;
    if (over) {
        for (struct relay *r = a->relays; r; r = next) {
            next = r->next;
            relay_cut(r);
        }
        relay_sweep(a);
    }
    if (a->n_relays || a->reloading)
        return;
    if (!over && server_connections(a->api))
        return; /* last answers are still on their way */
    a->closing_parts = 6;
    uv_close((uv_handle_t *)&a->tick, on_timer_closed);
    uv_close((uv_handle_t *)&a->sweep, on_timer_closed);
    uv_close((uv_handle_t *)&a->housekeeping, on_timer_closed);
    server_close(a->api, on_part_closed, a);
    server_close(a->probes, on_part_closed, a);
    upstream_close(a->upstream, on_part_closed, a);
}

void agent_stop(struct agent *a, void (*stopped)(struct agent *a))
{
    uint64_t now = uv_now(a->loop);

    if (a->draining) { /* asked again: do not wait */
        a->drain_until_ms = now;
        return;
    }
    a->draining = true;
    a->stopped = stopped;
    a->drain_until_ms = now + a->now->config->agent.drain_ms;
    pm_log(PM_INFO, "stopping", KV_I("calls", a->n_relays));
    server_drain(a->api);
    maybe_stopped(a);
}

void agent_free(struct agent *a)
{
    if (!a)
        return;
    key_usage_free(a->key_usage);
    spool_close(a->spool);
    snapshot_unref(a->now);
    server_free(a->api);
    server_free(a->probes);
    upstream_free(a->upstream);
    health_free(a->health);
    keystate_free(a->keystate);
    sticky_free(a->sticky);
    metrics_free(a->metrics);
    free(a);
}
