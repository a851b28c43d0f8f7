/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/origin.h"

#include "common/buf.h"
#include "common/clock.h"
#include "tests/bench/loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define MAX_CONNECTIONS 16384
#define HEAD_MAX 8192
#define SLOTS 100 /* slow streams are spread over the second as they began */
#define SLOT_MS 10

/* The first HEAD_MAX bytes of a request are kept: its head, and what of its body says what to
 * answer. The rest is only counted. */
struct conn {
    struct watch watch;
    size_t have, body_left;
    bool in_body, streaming;
    uint32_t stream, events, events_sent;
    size_t slot; /* SLOTS: driven by origin_next */
    struct conn *next_in_slot;
    char head[HEAD_MAX];
};

static struct watch listener;
static struct conn *conns[MAX_CONNECTIONS]; /* by descriptor */
static struct conn *by_stream[ORIGIN_MAX_STREAMS];
static struct conn *slots[SLOTS];
static uint64_t last_slot, requests;
/* What is sent, whole: an answer; a stream's head with its first event; one event more; its end. */
static struct pm_buf whole, first, an_event, the_end;

#define EVENT(delta, finish)                                                                       \
    "data: {\"id\":\"chatcmpl-bench0123456789\",\"object\":\"chat.completion.chunk\","             \
    "\"created\":1766000000,\"model\":\"bench\",\"system_fingerprint\":\"fp_0123456789\","         \
    "\"choices\":[{\"index\":0,\"delta\":" delta ",\"logprobs\":null,\"finish_reason\":" finish    \
    "}]}\n\n"
#define CONTENT EVENT("{\"content\":\" word\"}", "null")
#define USAGE "{\"prompt_tokens\":20,\"completion_tokens\":100,\"total_tokens\":120}"

static const char body_300[] =
    "{\"id\":\"chatcmpl-bench0123456789\",\"object\":\"chat.completion\",\"created\":1766000000,"
    "\"model\":\"bench\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
    "\"content\":\"Loopback has corner for every word of it.\"},\"finish_reason\":\"stop\"}],"
    "\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":10,\"total_tokens\":30}}\n";
_Static_assert(sizeof(body_300) - 1 == 300, "the table speaks of 300 bytes");
static const char stream_head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                                  "Transfer-Encoding: chunked\r\n\r\n";
static const char first_event[] = EVENT("{\"role\":\"assistant\",\"content\":\"A\"}", "null");
static const char last_events[] = EVENT(
    "{}",
    "\"stop\"") "data: {\"id\":\"chatcmpl-bench0123456789\",\"object\":\"chat.completion.chunk\","
                "\"created\":1766000000,\"model\":\"bench\",\"choices\":[],\"usage\":" USAGE "}\n\n"
                "data: [DONE]\n\n";

static void leave_stream(struct conn *c)
{
    c->streaming = false;
    if (by_stream[c->stream] == c)
        by_stream[c->stream] = NULL;
    if (c->slot == SLOTS)
        return;
    for (struct conn **at = &slots[c->slot]; *at; at = &(*at)->next_in_slot)
        if (*at == c) {
            *at = c->next_in_slot;
            return;
        }
}

static void hang_up(struct conn *c)
{
    if (c->streaming)
        leave_stream(c);
    loop_close(&c->watch);
}

/* Answers are far smaller than a socket's buffer and the reader waits for them: what does not go
 * out at once is a fault of the benchmark. */
static void put(struct conn *c, const struct pm_buf *b)
{
    ssize_t sent = send(c->watch.fd, b->p, b->n, MSG_NOSIGNAL);

    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET))
        hang_up(c);
    else if (sent < 0 || (size_t)sent < b->n)
        die("origin: send");
}

static void put_event(struct conn *c)
{
    if (c->events_sent < c->events) {
        c->events_sent++;
        put(c, &an_event);
        return;
    }
    leave_stream(c);
    put(c, &the_end);
}

static void answer(struct conn *c)
{
    static const char mark[] = "\"load:";
    const char *at = memmem(c->head, c->have, mark, sizeof(mark) - 1);
    unsigned stream, events;
    char pace[8];

    requests++;
    if (!at || sscanf(at + sizeof(mark) - 1, "%u:%u:%7[a-z]", &stream, &events, pace) != 3 ||
        stream >= ORIGIN_MAX_STREAMS || events == 0) {
        put(c, &whole);
        return;
    }
    c->streaming = true;
    c->stream = stream;
    c->events = events;
    c->events_sent = 1;
    c->slot = SLOTS;
    by_stream[stream] = c;
    if (strcmp(pace, "second") == 0) {
        c->slot = last_slot % SLOTS;
        c->next_in_slot = slots[c->slot];
        slots[c->slot] = c;
    }
    put(c, &first);
}

/* True when the head is whole: body_left is what is missing of the body. */
static bool read_head(struct conn *c)
{
    static const char name[] = "content-length:";
    const char *end = memmem(c->head, c->have, "\r\n\r\n", 4), *at;
    size_t length = 0, got;

    if (!end)
        return false;
    for (at = c->head; at < end; at++)
        if (at[0] == '\n' && strncasecmp(at + 1, name, sizeof(name) - 1) == 0)
            length = strtoul(at + sizeof(name), NULL, 10);
    got = c->have - (size_t)(end + 4 - c->head);
    c->body_left = length > got ? length - got : 0;
    return true;
}

static void request_done(struct conn *c)
{
    c->head[c->have] = '\0';
    answer(c);
    c->have = 0;
    c->in_body = false;
}

static void conn_ready(struct watch *w, PM_UNUSED uint32_t events)
{
    static char sink[1 << 18];
    struct conn *c = PM_CONTAINER(w, struct conn, watch);
    size_t room = HEAD_MAX - 1 - c->have;
    bool keep = room > 0;
    ssize_t n = recv(w->fd, keep ? c->head + c->have : sink, keep ? room : sizeof(sink), 0);

    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            hang_up(c);
        return;
    }
    if (keep)
        c->have += (size_t)n;
    if (c->in_body)
        c->body_left -= PM_MIN((size_t)n, c->body_left);
    else
        c->in_body = read_head(c);
    if (c->in_body && c->body_left == 0)
        request_done(c);
}

static void accept_ready(struct watch *w, PM_UNUSED uint32_t events)
{
    int fd;

    while ((fd = loop_accept(w->fd)) >= 0) {
        if (fd >= MAX_CONNECTIONS)
            die("origin: too many connections");
        if (!conns[fd])
            conns[fd] = pm_xcalloc(1, sizeof(struct conn));
        conns[fd]->have = 0;
        conns[fd]->in_body = false;
        conns[fd]->watch = (struct watch){.fd = fd, .ready = conn_ready};
        loop_add(&conns[fd]->watch, EPOLLIN);
    }
}

static void chunk(struct pm_buf *out, const char *text)
{
    pm_buf_addf(out, "%zx\r\n%s\r\n", strlen(text), text);
}

static void write_answers(void)
{
    struct pm_buf *all[] = {&whole, &first, &an_event, &the_end};

    for (size_t i = 0; i < PM_COUNT(all); i++)
        pm_buf_init(all[i], 4096);
    pm_buf_addf(&whole,
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                "Content-Length: %zu\r\n\r\n%s",
                sizeof(body_300) - 1, body_300);
    pm_buf_cstr(&first, stream_head);
    chunk(&first, first_event);
    chunk(&an_event, CONTENT);
    chunk(&the_end, last_events);
    pm_buf_lit(&the_end, "0\r\n\r\n");
}

void origin_start(uint16_t *port)
{
    write_answers();
    listener = (struct watch){.fd = loop_listen(port), .ready = accept_ready};
    loop_add(&listener, EPOLLIN);
    last_slot = pm_now_ms() / SLOT_MS;
}

void origin_next(uint32_t stream, uint32_t seen)
{
    struct conn *c = by_stream[stream];

    if (c && c->slot == SLOTS && seen >= c->events_sent)
        put_event(c);
}

void origin_tick(void)
{
    uint64_t now = pm_now_ms() / SLOT_MS;

    while (last_slot < now) {
        struct conn *next;

        last_slot++;
        for (struct conn *c = slots[last_slot % SLOTS]; c; c = next) {
            next = c->next_in_slot;
            put_event(c);
        }
    }
}

uint64_t origin_requests(void)
{
    return requests;
}
