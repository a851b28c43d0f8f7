/* SPDX-License-Identifier: Apache-2.0 */
/* pointsman-sim: a provider that answers, and fails, on demand. */
#include <getopt.h>
#include <unistd.h>

#include "common/log.h"
#include "tests/simulator/sim.h"

static const char help[] =
    "Usage: pointsman-sim [--listen ADDRESS:PORT] [--port-file FILE] [--account FILE]\n"
    "\n"
    "Plays model providers that speak the OpenAI protocol. The first segment of the path chooses\n"
    "the dialect: http://127.0.0.1:9900/openai/v1, /xai/v1, /deepseek, /mistral/v1, ... A suffix\n"
    "as in /openai~2/v1 makes a second provider of that kind.\n"
    "\n"
    "  --listen ADDRESS:PORT  default 127.0.0.1:9900; port 0 takes any that is free\n"
    "  --port-file FILE       writes the port there once it listens\n"
    "  --account FILE         appends each served request as a line of JSON\n"
    "  --version, --help\n"
    "\n"
    "In the last user message `say: TEXT`, `words: N`, `calls: N` and `think: N` steer the "
    "answer.\n"
    "PUT /_sim/script sets rules for faults, PUT /_sim/random makes a share of requests fail,\n"
    "POST /_sim/reset forgets all, GET /_sim/account and /_sim/stats tell what was served.\n";

static void on_signal(uv_signal_t *h, int number)
{
    (void)number;
    if (uv_is_closing((uv_handle_t *)h))
        return;
    sim_stop(h->data);
    uv_stop(h->loop);
}

static bool parse_listen(const char *text, char *address, size_t size, uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    uint64_t n;

    if (!colon || (size_t)(colon - text) >= size || !pm_str_u64(pm_str(colon + 1), &n) || n > 65535)
        return false;
    memcpy(address, text, (size_t)(colon - text));
    address[colon - text] = '\0';
    *port = (uint16_t)n;
    return true;
}

static bool write_port(const char *path, uint16_t port)
{
    FILE *f = fopen(path, "we");

    if (!f)
        return false;
    fprintf(f, "%u\n", port);
    return fclose(f) == 0;
}

static void run(struct sim *s)
{
    uv_signal_t term, interrupt;

    signal(SIGPIPE, SIG_IGN);
    uv_signal_init(s->loop, &term);
    uv_signal_init(s->loop, &interrupt);
    term.data = interrupt.data = s;
    uv_signal_start(&term, on_signal, SIGTERM);
    uv_signal_start(&interrupt, on_signal, SIGINT);
    uv_run(s->loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&term, NULL);
    uv_close((uv_handle_t *)&interrupt, NULL);
    uv_run(s->loop, UV_RUN_DEFAULT);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"listen", required_argument, NULL, 'l'},  {"port-file", required_argument, NULL, 'p'},
        {"account", required_argument, NULL, 'a'}, {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
    };
    struct sim s = {.loop = uv_default_loop()};
    const char *listen = "127.0.0.1:9900", *port_file = NULL, *account = NULL;
    char address[64];
    uint16_t port;
    struct pm_error err;

    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'l':
            listen = optarg;
            break;
        case 'p':
            port_file = optarg;
            break;
        case 'a':
            account = optarg;
            break;
        case 'v':
            puts("pointsman-sim " PM_VERSION);
            return 0;
        case 'h':
            fputs(help, stdout);
            return 0;
        default:
            return 2;
        }
    }
    if (!parse_listen(listen, address, sizeof(address), &port)) {
        fprintf(stderr, "pointsman-sim: not an ADDRESS:PORT: %s\n", listen);
        return 2;
    }
    s.account = sim_account_new(account);
    s.faults = sim_faults_new();
    if (!s.account || !sim_listen(&s, address, &port, &err) ||
        (port_file && !write_port(port_file, port))) {
        fprintf(stderr, "pointsman-sim: cannot start: %s\n",
                s.account ? err.text : "the account file cannot be opened");
        return 1;
    }
    pm_log_setup(PM_INFO, PM_LOG_AUTO, "pointsman-sim");
    pm_log(PM_INFO, "listening", KV_C("address", address), KV_I("port", port));
    run(&s);
    sim_account_free(s.account);
    sim_faults_free(s.faults);
    return 0;
}
