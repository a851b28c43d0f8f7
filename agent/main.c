/* SPDX-License-Identifier: Apache-2.0 */
/* pointsman-agent: options, signals, and the loop. */
#include <curl/curl.h>
#include <malloc.h>
#include <sys/resource.h>

#include "agent/agent.h"
#include "agent/commands.h"
#include "common/log.h"

struct program {
    uv_loop_t loop;
    uv_signal_t hup, term, intr;
    struct agent *agent;
};

static void on_stopped(struct agent *a)
{
    struct program *p = a->loop->data;

    uv_close((uv_handle_t *)&p->hup, NULL);
    uv_close((uv_handle_t *)&p->term, NULL);
    uv_close((uv_handle_t *)&p->intr, NULL);
    uv_stop(&p->loop);
}

static void on_signal(uv_signal_t *s, int number)
{
    struct program *p = s->data;

    if (number == SIGHUP)
        agent_reload(p->agent);
    else
        agent_stop(p->agent, on_stopped);
}

static void watch(struct program *p, uv_signal_t *s, int number)
{
    uv_signal_init(&p->loop, s);
    s->data = p;
    uv_signal_start(s, on_signal, number);
}

/* No core files, which would hold provider keys; as many descriptors as we may have; few threads
 * and heaps, for a sidecar of a few megabytes. */
static void set_up_process(void)
{
    const struct rlimit none = {0, 0};
    struct rlimit files;

    setrlimit(RLIMIT_CORE, &none);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file size limit is a full disk to the spool */
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_TRIM_THRESHOLD, 2 << 20); /* bursts do not give back and fetch the same pages */
    setenv("UV_THREADPOOL_SIZE", "2", 0);
}

static bool write_port_file(const char *path, uint16_t port)
{
    FILE *f = fopen(path, "we");

    if (!f)
        return false;
    fprintf(f, "%u\n", port);
    return fclose(f) == 0;
}

static enum pm_level level_of(struct pm_str s)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};

    for (size_t i = 0; i < PM_COUNT(names); i++) {
        if (pm_str_is(s, names[i]))
            return (enum pm_level)i;
    }
    return PM_INFO;
}

static void set_up_log(const struct pm_agent_config *c)
{
    enum pm_log_format f = pm_str_is(c->log_format, "json")   ? PM_LOG_JSON
                           : pm_str_is(c->log_format, "text") ? PM_LOG_TEXT
                                                              : PM_LOG_AUTO;

    pm_log_setup(level_of(c->log_level), f, "pointsman-agent");
    pm_log_buffered(true);
}

static int serve(const struct options *o, struct pm_config *config)
{
    static struct program p;
    struct pm_error err = {0};

    set_up_log(&config->agent);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        return EXIT_FAILURE;
    uv_loop_init(&p.loop);
    p.loop.data = &p;
    p.agent = agent_new(&p.loop, o->config, config, &err);
    if (!p.agent) {
        fprintf(stderr, "pointsman-agent: %s\n", err.text);
        return EXIT_FAILURE;
    }
    if (o->port_file && !write_port_file(o->port_file, server_port(p.agent->api))) {
        fprintf(stderr, "pointsman-agent: cannot write %s\n", o->port_file);
        return EXIT_FAILURE;
    }
    watch(&p, &p.hup, SIGHUP);
    watch(&p, &p.term, SIGTERM);
    watch(&p, &p.intr, SIGINT);
    pm_log(PM_INFO, "listening", KV_S("address", p.agent->now->config->agent.listen_address),
           KV_I("port", server_port(p.agent->api)),
           KV_I("probe_port", server_port(p.agent->probes)),
           KV_I("models", p.agent->now->table->n_models), KV_C("version", PM_VERSION));
    pm_log_flush();
    uv_run(&p.loop, UV_RUN_DEFAULT);
    agent_free(p.agent);
    uv_run(&p.loop, UV_RUN_NOWAIT); /* the signals' handles */
    uv_loop_close(&p.loop);
    curl_global_cleanup();
    pm_log(PM_INFO, "stopped");
    pm_log_flush();
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct options o = {0};
    struct pm_config *config;
    int done = commands_parse(argc, argv, &o);

    if (done >= 0)
        return done;
    set_up_process();
    config = commands_load(o.config);
    if (!config)
        return EXIT_FAILURE;
    return serve(&o, config);
}
