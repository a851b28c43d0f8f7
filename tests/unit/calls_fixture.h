/* SPDX-License-Identifier: Apache-2.0 */
/* The whole agent on the test's loop, but for its spool, which is here: it counts what is written
 * and refuses when told to. The test plays clients and providers, both with raw sockets. */
#ifndef PM_TESTS_CALLS_FIXTURE_H
#define PM_TESTS_CALLS_FIXTURE_H

#include "agent/agent.h"
#include "common/log.h"
#include "tests/unit/answer_fixture.h"
#include "tests/unit/upstream_fixture.h"

/* ---- the spool ---- */

#define MAX_RECORDS 256

static struct {
    bool refuses;
    uint64_t seq;
    unsigned begun, settled, refused, attempts;
    struct record {
        char id[64];
        bool settled;
        enum spool_status status;
        unsigned client_status, attempts;
        char outcome[32], who[32], phase[32]; /* of the last attempt */
        int64_t nano;
        struct pm_usage usage;
    } records[MAX_RECORDS]; /* in the order in which they began */
} disk;

struct spool {
    int unused;
};

struct spool *spool_open(const struct spool_config *cfg, struct uv_loop_s *l, size_t *interrupted,
                         struct pm_error *err)
{
    static struct spool s;

    (void)cfg;
    (void)l;
    (void)err;
    *interrupted = 0;
    return &s;
}

void spool_close(struct spool *s)
{
    (void)s;
}

static inline struct record *record_of(struct pm_str id)
{
    for (unsigned i = 0; i < disk.begun; i++) {
        if (pm_str_is(id, disk.records[i].id))
            return &disk.records[i];
    }
    return NULL;
}

uint64_t spool_append_begin(struct spool *s, const struct spool_begin *b)
{
    (void)s;
    if (disk.refuses)
        return 0;
    assert_true(disk.begun < MAX_RECORDS);
    assert_null(record_of(b->id));
    copy_text(disk.records[disk.begun++].id, sizeof(disk.records->id), b->id);
    return ++disk.seq;
}

uint64_t spool_append_attempt(struct spool *s, struct pm_str id, const struct spool_attempt *a)
{
    (void)s;
    (void)a;
    assert_non_null(record_of(id));
    assert_false(record_of(id)->settled);
    disk.attempts++;
    return disk.refuses ? 0 : ++disk.seq;
}

uint64_t spool_append_settled(struct spool *s, const struct spool_settled *r)
{
    struct record *to = record_of(r->begin.id);
    const struct spool_attempt *last = r->n_attempts ? &r->attempts[r->n_attempts - 1] : NULL;

    (void)s;
    assert_non_null(to);
    assert_false(to->settled); /* once, and no more */
    if (disk.refuses) {
        disk.refused++;
        return 0;
    }
    disk.settled++;
    to->settled = true;
    to->status = r->status;
    to->client_status = r->client_status;
    to->attempts = (unsigned)r->n_attempts;
    to->nano = r->cost.total_nano;
    to->usage = r->usage;
    copy_text(to->outcome, sizeof(to->outcome), last ? last->outcome : PM_STR(""));
    copy_text(to->who, sizeof(to->who), last ? last->who : PM_STR(""));
    copy_text(to->phase, sizeof(to->phase), last ? last->phase : PM_STR(""));
    return ++disk.seq;
}

bool spool_generation_json(struct spool *s, struct pm_str id, struct pm_str key, struct pm_buf *out)
{
    (void)s;
    (void)id;
    (void)key;
    (void)out;
    return false;
}

struct spool_reader *spool_reader_new(struct spool *s, uint64_t from_seq)
{
    (void)s;
    (void)from_seq;
    return NULL;
}

bool spool_reader_next(struct spool_reader *r, struct spool_entry *e)
{
    (void)r;
    (void)e;
    return false;
}

void spool_reader_free(struct spool_reader *r)
{
    (void)r;
}

struct spool_stats spool_stats(const struct spool *s)
{
    (void)s;
    return (struct spool_stats){.last_seq = disk.seq};
}

/* ---- the agent ---- */

static struct agent *agent;
static bool agent_stopped;

static inline struct pm_config *config_with(const char *settings)
{
    char yaml[4096], text[1024];
    struct pm_buf out;
    struct pm_config_errors errors = {.text = &out};
    struct pm_config *config;

    pm_buf_init(&out, 8192);
    snprintf(text, sizeof(text),
             "    protocol: openai\n    dialect: openai\n    key: {env: CALLS_KEY}\n"
             "    base_url: \"http://127.0.0.1:%u/v1\"\n"
             "    data: {trains: false, retention_days: 0}\n",
             provider.port);
    snprintf(yaml, sizeof(yaml),
             "catalogue: {builtin: false}\n"
             "agent:\n"
             "  listen: {address: 127.0.0.1, port: 0}\n"
             "  probes: {address: 127.0.0.1, port: 0}\n"
             "  warm_connections: false\n"
             "%s"
             "providers:\n  one:\n    name: ONE\n%s  two:\n    name: TWO\n%s"
             "models:\n"
             "  t/one:\n    context: 128000\n    max_output: 16384\n    endpoints:\n"
             "      one: {model: m, price: {input: 1, output: 2}}\n"
             "  t/both:\n    context: 128000\n    max_output: 16384\n    endpoints:\n"
             "      one: {model: m, price: {input: 1, output: 2}}\n"
             "      two: {model: m, price: {input: 1, output: 2}}\n",
             settings, text, text);
    config = pm_config_parse("test", pm_str(yaml), &errors);
    if (!config)
        fail_msg("%s\n%.*s", yaml, PM_FMT(pm_buf_view(&out)));
    pm_buf_fini(&out);
    return config;
}

/* settings: lines of YAML below `agent:`, indented by two. */
static inline void agent_open(const char *settings)
{
    struct pm_error err = {0};

    memset(&disk, 0, sizeof(disk));
    setenv("CALLS_KEY", "secret-of-the-test", 1);
    pm_log_setup(PM_ERROR + 1, PM_LOG_TEXT, "test");
    loop_open();
    provider_open();
    agent_stopped = false;
    agent = agent_new(&loop, "no-file", config_with(settings), &err);
    if (!agent)
        fail_msg("%s", err.text);
}

static inline void on_agent_stopped(struct agent *a)
{
    (void)a;
    agent_stopped = true;
}

/* After this every call that began is settled, once, and nothing is held any more. */
static inline void agent_shut(void)
{
    if (!agent->draining)
        agent_stop(agent, on_agent_stopped);
    until(agent_stopped);
    assert_int_equal(agent->n_relays, 0);
    assert_int_equal(agent->body_bytes, 0);
    assert_int_equal(disk.settled, disk.begun);
    agent_free(agent);
    if (!provider.closed)
        provider_unlisten();
    for (unsigned i = 0; i < provider.n; i++) {
        if (!provider.conn[i].closed)
            peer_close(&provider.conn[i]);
    }
    loop_shut();
}

/* ---- clients ---- */

static inline void ask_n(struct peer *client, const char *body, size_t n)
{
    char head[256];

    snprintf(head, sizeof(head),
             "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", n);
    peer_send(client, head);
    peer_send_n(client, body, n);
}

static inline void ask(struct peer *client, const char *body)
{
    ask_n(client, body, strlen(body));
}

static inline void dial(struct peer *client)
{
    peer_connect(client, server_port(agent->api), true);
}

#define CHAT(model, more)                                                                          \
    "{\"model\":\"" model "\"," more "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
#define STREAM(model) CHAT(model, "\"stream\":true,")

static inline bool has(const struct peer *p, const char *text)
{
    return p->in.n && memmem(p->in.p, p->in.n, text, strlen(text));
}

/* ---- providers ---- */

#define SSE_HEAD                                                                                   \
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

static inline void send_chunk(struct peer *p, const char *text)
{
    char size[24];

    snprintf(size, sizeof(size), "%zx\r\n", strlen(text));
    peer_send(p, size);
    peer_send(p, text);
    peer_send(p, "\r\n");
}

#define DELTA(delta, finish)                                                                       \
    "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\","     \
    "\"choices\":[{\"index\":0,\"delta\":" delta ",\"finish_reason\":" finish "}]}\n\n"
#define TEXT_DELTA DELTA("{\"role\":\"assistant\",\"content\":\"hello\"}", "null")
#define LAST_DELTA DELTA("{}", "\"stop\"")
#define USAGE                                                                                      \
    "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\","     \
    "\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15}}" \
    "\n\n"
#define DONE "data: [DONE]\n\n"

static inline void send_end(struct peer *p)
{
    send_chunk(p, LAST_DELTA);
    send_chunk(p, USAGE DONE);
    peer_send(p, "0\r\n\r\n");
}

static inline void send_json(struct peer *p, unsigned status, const char *body)
{
    char head[256];

    snprintf(head, sizeof(head),
             "HTTP/1.1 %u X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
             status, strlen(body));
    peer_send(p, head);
    peer_send(p, body);
}

#define WHOLE                                                                                      \
    "{\"id\":\"c1\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":["    \
    "{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"hello\"},\"finish_reason\":"   \
    "\"stop\"}],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15}}"

/* The n-th connection to the provider has a whole request; it is taken. */
static inline struct peer *request_on(unsigned n)
{
    until(provider.n > n);
    request_take(&provider.conn[n]);
    return &provider.conn[n];
}

#endif
