/* SPDX-License-Identifier: Apache-2.0 */
/* pointsman-load: clients and provider of the benchmark in one process (see origin.h), so that
 * what stands between them has a core of its own. It prints its provider's port, then carries
 * out one order per line of its input and answers each with one line of name=value pairs. */
#include "common/buf.h"
#include "common/clock.h"
#include "tests/bench/client.h"
#include "tests/bench/origin.h"
#include "tests/bench/process.h"

#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

static const char usage[] =
    "usage: pointsman-load [PORT]   (of the provider; default: any free one)\n"
    "Orders, one per line, `name key=value...`; times in seconds, sizes in bytes:\n"
    "  requests port= [connections=1] [seconds=2] [count=] [body=300] [pid=]\n"
    "      closed loop: each connection sends its next request when it has its answer\n"
    "  streams  port= [connections=64] [seconds=2] [events=100] [pid=]\n"
    "      the same with streams, each event sent when the one before has arrived\n"
    "  slow     port= [connections=5000] [seconds=15] [ramp=3] [pid=]\n"
    "      streams of one event a second, begun within `ramp`\n"
    "  start    port= [core=-1] [times=1] command=PROGRAM [ARGUMENT...]\n"
    "      starts the program, and measures until it has answered one request\n"
    "  memory   pid=\n";

#define MAX_CLIENTS ORIGIN_MAX_STREAMS
#define MAX_SAMPLES (1u << 20)

/* One order. Its command, if any, is the rest of the line. */
struct order {
    uint32_t port, connections, count, body, events, ramp, core, times;
    double seconds;
    pid_t pid;
    char *command;
};

static struct {
    struct client clients[MAX_CLIENTS];
    struct pm_buf requests[MAX_CLIENTS];
    const struct order *order;
    uint32_t open; /* clients with a request on its way */
    bool over; /* no new requests */
    uint64_t begun, done, events, errors;
    uint64_t cpu_ns, began_ns;
    const char *why; /* the first error */
    float *samples_us;
    size_t n_samples;
    struct process_memory peak;
} run;

static void turn(void)
{
    loop_turn();
    origin_tick();
}

/* A request of about `body` bytes, with escapes in every line of its conversation. The last
 * message begins with what the provider is to do (origin.h). */
static void write_request(struct pm_buf *out, uint32_t body, const char *begin, bool stream)
{
    static const char line[] =
        "She said \\\"the points are set for the harbour line\\\" and went on along the quay, "
        "past the cranes.\\n";
    struct pm_buf json;

    pm_buf_init(&json, body + 1024);
    pm_buf_addf(&json,
                "{\"model\":\"bench/echo\",%s\"max_tokens\":256,"
                "\"messages\":[{\"role\":\"system\",\"content\":\"Answer in few words.\"},"
                "{\"role\":\"user\",\"content\":\"%s",
                stream ? "\"stream\":true," : "", begin);
    while (json.n + sizeof(line) < body)
        pm_buf_add(&json, line, sizeof(line) - 1);
    pm_buf_lit(&json, "What follows?\"}]}");
    pm_buf_init(out, json.n + 1024);
    pm_buf_addf(out,
                "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                "Content-Type: application/json\r\nAccept: */*\r\nUser-Agent: pointsman-load\r\n"
                "Content-Length: %zu\r\n\r\n",
                json.n);
    pm_buf_str(out, pm_buf_view(&json));
    pm_buf_fini(&json);
}

static void send_next(struct client *c)
{
    const struct order *o = run.order;

    if (run.over || (o->count && run.begun >= o->count))
        return;
    run.begun++;
    run.open++;
    if (!client_send(c, (uint16_t)o->port, pm_buf_view(&run.requests[c->id]))) {
        run.open--;
        run.errors++;
        run.over = true;
        run.why = "connection refused";
    }
}

static void on_done(struct client *c)
{
    uint64_t took = pm_now_ns() - c->began_ns;

    run.open--;
    if (c->is_stream && c->events < run.order->events) {
        run.errors++;
        run.why = "a stream without all of its events";
    }
    if (!run.over) {
        run.done++;
        if (run.n_samples < MAX_SAMPLES)
            run.samples_us[run.n_samples++] = (float)took / 1000;
    }
    send_next(c);
}

static void on_event(struct client *c, uint32_t n)
{
    if (!run.over)
        run.events += n;
    origin_next(c->id, c->events);
}

/* A closed loop that lost a client measures something else: it ends at the first errors. */
static void on_failed(PM_UNUSED struct client *c, const char *why)
{
    run.open--;
    run.errors++;
    if (!run.why)
        run.why = why;
    if (run.errors > run.order->connections)
        run.over = true;
}

static void on_slow_done(struct client *c)
{
    on_done(c);
    client_close(c);
}

static const struct client_owner closed_loop = {on_done, on_event, on_failed};
static const struct client_owner slow_owner = {on_slow_done, on_event, on_failed};

static void run_begin(const struct order *o, const struct client_owner *owner, const char *pace)
{
    float *samples = run.samples_us;

    run.order = o;
    run.open = 0;
    run.over = false;
    run.begun = run.done = run.events = run.errors = 0;
    run.why = NULL;
    run.n_samples = 0;
    run.samples_us = samples ? samples : pm_xcalloc(MAX_SAMPLES, sizeof(*samples));
    run.peak = (struct process_memory){0};
    for (uint32_t i = 0; i < o->connections; i++) {
        char begin[64] = "";

        if (pace)
            snprintf(begin, sizeof(begin), "load:%u:%u:%s ", i, o->events, pace);
        write_request(&run.requests[i], o->body, begin, pace != NULL);
        run.clients[i].id = i;
        run.clients[i].owner = owner;
        run.clients[i].watch.fd = -1;
    }
    run.cpu_ns = process_cpu_ns(o->pid);
    run.began_ns = pm_now_ns();
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double percentile_us(double p)
{
    size_t at = (size_t)(p * (double)run.n_samples);

    return run.n_samples ? run.samples_us[PM_MIN(at, run.n_samples - 1)] : 0;
}

/* Closes the books first: what ends after it is not counted. */
static void run_end(const char *unit, uint64_t (*units)(void))
{
    double seconds = (double)(pm_now_ns() - run.began_ns) / 1e9;
    uint64_t cpu = process_cpu_ns(run.order->pid) - run.cpu_ns, patience = pm_now_ms() + 20000;
    uint64_t n = units();

    run.over = true;
    while (run.open > 0 && pm_now_ms() < patience)
        turn();
    if (run.open > 0) {
        run.errors += run.open;
        run.why = run.why ? run.why : "no end within 20 s";
    }
    for (uint32_t i = 0; i < run.order->connections; i++) {
        client_close(&run.clients[i]);
        pm_buf_fini(&run.requests[i]);
    }
    qsort(run.samples_us, run.n_samples, sizeof(*run.samples_us), by_value);
    printf("%s=%llu seconds=%.3f rate=%.1f p50_us=%.1f p99_us=%.1f cpu_us=%.3f rss_kib=%llu "
           "anon_kib=%llu errors=%llu why=%s\n",
           unit, (unsigned long long)n, seconds, (double)n / seconds, percentile_us(0.5),
           percentile_us(0.99), n ? (double)cpu / 1e3 / (double)n : 0,
           (unsigned long long)run.peak.rss_kib, (unsigned long long)run.peak.anon_kib,
           (unsigned long long)run.errors, run.why ? run.why : "-");
}

static uint64_t requests_done(void)
{
    return run.done;
}

static uint64_t events_seen(void)
{
    return run.events;
}

static void run_closed_loop(const struct order *o, const char *pace)
{
    uint64_t end;

    run_begin(o, &closed_loop, pace);
    end = run.began_ns + (uint64_t)(o->seconds * 1e9);
    for (uint32_t i = 0; i < o->connections; i++)
        send_next(&run.clients[i]);
    while (!run.over && run.open > 0 && (o->count || pm_now_ns() < end))
        turn();
    run_end(pace ? "events" : "requests", pace ? events_seen : requests_done);
}

static void run_requests(struct order *o)
{
    run_closed_loop(o, NULL);
}

static void run_streams(struct order *o)
{
    run_closed_loop(o, "each");
}

/* The peak of memory is looked at ten times a second. */
static void run_slow(struct order *o)
{
    uint64_t looked = 0;
    uint32_t begun = 0;

    o->events = (uint32_t)o->seconds;
    o->count = o->connections;
    run_begin(o, &slow_owner, "second");
    while (!run.over && (begun < o->connections || run.open > 0)) {
        double elapsed = (double)(pm_now_ns() - run.began_ns) / 1e9;
        double due = o->ramp ? elapsed / o->ramp * o->connections : o->connections;

        while (begun < o->connections && begun < due)
            send_next(&run.clients[begun++]);
        turn();
        if (pm_now_ms() - looked >= 100) {
            struct process_memory now = process_memory(o->pid);

            looked = pm_now_ms();
            run.peak = now.rss_kib > run.peak.rss_kib ? now : run.peak;
        }
        if (elapsed > o->seconds + o->ramp + 30)
            break;
    }
    run_end("streams", requests_done);
}

/* Milliseconds from fork to the end of the first good answer; -1 if none came in 3 s. */
static double first_answer_ms(struct order *o, char *const argv[])
{
    static const struct timespec nap = {.tv_nsec = 200000};
    uint64_t began = pm_now_ns(), took;
    pid_t pid = process_start(argv, (int)o->core);
    int status;

    do {
        run_begin(o, &closed_loop, NULL);
        run.why = NULL;
        send_next(&run.clients[0]);
        while (run.open > 0 && pm_now_ns() - began < 3000000000)
            turn();
        took = pm_now_ns() - began;
        client_close(&run.clients[0]);
        pm_buf_fini(&run.requests[0]);
        if (run.done == 0)
            nanosleep(&nap, NULL);
    } while (run.done == 0 && took < 3000000000);
    status = process_stop(pid);
    if (status != 0)
        fprintf(stderr, "pointsman-load: %s ended with status %d\n", argv[0], status);
    return run.done ? (double)took / 1e6 : -1;
}

static void run_start(struct order *o)
{
    char *argv[32], *rest = NULL;
    size_t n = 0;

    o->connections = o->count = 1;
    for (char *word = strtok_r(o->command, " ", &rest); word && n + 1 < PM_COUNT(argv);
         word = strtok_r(NULL, " ", &rest))
        argv[n++] = word;
    argv[n] = NULL;
    if (n == 0) {
        puts("error=no_command");
        return;
    }
    printf("start_ms=");
    for (uint32_t i = 0; i < o->times; i++)
        printf("%s%.1f", i ? "," : "", first_answer_ms(o, argv));
    puts("");
}

static void run_memory(struct order *o)
{
    struct process_memory m = process_memory(o->pid);

    printf("rss_kib=%llu anon_kib=%llu\n", (unsigned long long)m.rss_kib,
           (unsigned long long)m.anon_kib);
}

static const struct {
    const char *name;
    void (*run)(struct order *o);
    uint32_t connections;
    double seconds;
} kinds[] = {
    {"requests", run_requests, 1, 2}, {"streams", run_streams, 64, 2}, {"slow", run_slow, 5000, 15},
    {"start", run_start, 1, 2},       {"memory", run_memory, 1, 0},
};

static bool set_option(struct order *o, const char *word)
{
    const struct {
        const char *name;
        uint32_t *value;
    } numbers[] = {
        {"port=", &o->port},     {"connections=", &o->connections},
        {"count=", &o->count},   {"body=", &o->body},
        {"events=", &o->events}, {"ramp=", &o->ramp},
        {"core=", &o->core},     {"times=", &o->times},
    };

    if (strncmp(word, "seconds=", 8) == 0)
        o->seconds = strtod(word + 8, NULL);
    else if (strncmp(word, "pid=", 4) == 0)
        o->pid = (pid_t)strtol(word + 4, NULL, 10);
    else {
        for (size_t i = 0; i < PM_COUNT(numbers); i++)
            if (strncmp(word, numbers[i].name, strlen(numbers[i].name)) == 0) {
                *numbers[i].value = (uint32_t)strtol(word + strlen(numbers[i].name), NULL, 10);
                return true;
            }
        return false;
    }
    return true;
}

/* Reads the words of an order after its name; false at one that is not known. */
static bool read_order(struct order *o, char *rest)
{
    char *save = NULL, *command = strstr(rest, "command=");

    if (command) {
        o->command = command + strlen("command=");
        *command = '\0';
    }
    for (char *word = strtok_r(rest, " ", &save); word; word = strtok_r(NULL, " ", &save))
        if (!set_option(o, word))
            return false;
    return o->connections > 0 && o->connections <= MAX_CLIENTS;
}

static void obey(char *line)
{
    char *space = strchr(line, ' '), nothing[] = "";

    if (space)
        *space = '\0';
    for (size_t i = 0; i < PM_COUNT(kinds); i++) {
        struct order o = {.connections = kinds[i].connections,
                          .seconds = kinds[i].seconds,
                          .body = 300,
                          .events = 100,
                          .ramp = 3,
                          .core = (uint32_t)-1,
                          .times = 1};

        if (strcmp(line, kinds[i].name) != 0)
            continue;
        if (read_order(&o, space ? space + 1 : nothing))
            kinds[i].run(&o);
        else
            puts("error=bad_order");
        return;
    }
    puts("error=no_such_order");
}

enum input { IN_WAITING, IN_ORDER, IN_END };

/* One order into line, if there is one; the provider must be served while there is none. */
static enum input read_input(char *line, size_t size)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    size_t n = 0;
    char byte;

    if (poll(&in, 1, 0) <= 0)
        return IN_WAITING;
    /* A byte at a time: orders are few, and what follows one stays for later. */
    while (read(in.fd, &byte, 1) == 1 && byte != '\n')
        if (n + 1 < size)
            line[n++] = byte;
    line[n] = '\0';
    return n > 0 ? IN_ORDER : IN_END;
}

int main(int argc, char **argv)
{
    char line[8192];
    struct rlimit files;
    uint16_t port = 0;

    if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
        fputs(usage, stdout);
        return argc == 2 && strcmp(argv[1], "--help") == 0 ? 0 : 2;
    }
    if (argc == 2)
        port = (uint16_t)strtoul(argv[1], NULL, 10);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    setvbuf(stdout, NULL, _IOLBF, 0);
    loop_init();
    origin_start(&port);
    printf("port=%u\n", port);
    for (;;) {
        turn();
        switch (read_input(line, sizeof(line))) {
        case IN_WAITING:
            break;
        case IN_ORDER:
            obey(line);
            break;
        case IN_END:
            return 0;
        }
    }
}
