/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/client.h"

#include "common/clock.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

void client_close(struct client *c)
{
    loop_close(&c->watch);
}

static void fail(struct client *c, const char *why)
{
    client_close(c);
    c->owner->failed(c, why);
}

/* One whole line of the head, without its end. */
static void head_line(struct client *c, struct pm_str line)
{
    static const struct pm_str length = PM_STR_INIT("content-length:");
    uint64_t n;

    if (c->status == 0 && line.n > 12)
        c->status = (unsigned)strtoul(line.p + 9, NULL, 10);
    else if (pm_str_ieq(pm_str_cut(line, 0, length.n), length) &&
             pm_str_u64(pm_str_trim(pm_str_cut(line, length.n, line.n)), &n))
        c->left = (size_t)n;
    else if (pm_str_ieq(pm_str_cut(line, 0, 18), PM_STR("transfer-encoding:")))
        c->is_chunked = true;
    else if (pm_str_ieq(pm_str_cut(line, 0, 13), PM_STR("content-type:")))
        c->is_stream = pm_str_icontains(line, PM_STR("text/event-stream"));
}

/* Takes bytes up to the end of a line into c->line; true when the line is whole. A line longer
 * than the buffer keeps its start. */
static bool take_line(struct client *c, struct pm_str *in)
{
    ptrdiff_t end = pm_str_find(*in, '\n');
    size_t n = end < 0 ? in->n : (size_t)end, room = sizeof(c->line) - c->line_len;

    memcpy(c->line + c->line_len, in->p, PM_MIN(n, room));
    c->line_len += PM_MIN(n, room);
    *in = pm_str_cut(*in, end < 0 ? in->n : n + 1, in->n);
    return end >= 0;
}

static struct pm_str the_line(struct client *c)
{
    struct pm_str line = pm_str_trim(pm_str_n(c->line, c->line_len));

    c->line_len = 0;
    return line;
}

/* Counts the events in bytes of a stream, however they are cut. Returns the new ones. */
static uint32_t scan_events(struct client *c, struct pm_str in)
{
    uint32_t found = 0;

    while (in.n > 0) {
        ptrdiff_t end = pm_str_find(in, '\n');
        size_t n = end < 0 ? in.n : (size_t)end;
        size_t room = PM_MIN(sizeof(c->text) - c->text_len, n);
        struct pm_str text;

        memcpy(c->text + c->text_len, in.p, room);
        c->text_len += room;
        if (end < 0)
            break;
        text = pm_str_n(c->text, c->text_len);
        if (pm_str_starts(text, PM_STR("data: [DONE]")))
            c->saw_done = true;
        else if (pm_str_starts(text, PM_STR("data: {\"error\"")))
            c->status = 0;
        else if (pm_str_starts(text, PM_STR("data: {")))
            found++;
        c->text_len = 0;
        in = pm_str_cut(in, n + 1, in.n);
    }
    return found;
}

static void take_body(struct client *c, struct pm_str in)
{
    uint32_t found;

    if (!c->is_stream)
        return;
    found = scan_events(c, in);
    c->events += found;
    if (found > 0 && c->owner->event)
        c->owner->event(c, found);
}

static void finish(struct client *c)
{
    c->state = CLIENT_HEAD;
    if (c->status != 200)
        fail(c, c->status ? "status is not 200" : "an error inside the stream");
    else if (c->is_stream && !c->saw_done)
        fail(c, "a stream ended without [DONE]");
    else
        c->owner->done(c);
}

static void head_done(struct client *c)
{
    if (c->is_chunked)
        c->state = CLIENT_CHUNK_SIZE;
    else if (c->left > 0)
        c->state = CLIENT_SIZED;
    else
        fail(c, "an answer without a length");
}

static void chunk_size(struct client *c, struct pm_str line)
{
    char text[20] = "";

    memcpy(text, line.p, PM_MIN(line.n, sizeof(text) - 1));
    c->left = strtoul(text, NULL, 16);
    c->last_chunk = c->left == 0;
    c->state = c->left ? CLIENT_CHUNK : CLIENT_CHUNK_END;
}

static void take_some(struct client *c, struct pm_str *in)
{
    size_t n = PM_MIN(in->n, c->left);

    take_body(c, pm_str_cut(*in, 0, n));
    *in = pm_str_cut(*in, n, in->n);
    c->left -= n;
}

/* One step through the bytes that came; false when the answer is over. */
static bool step(struct client *c, struct pm_str *in)
{
    switch (c->state) {
    case CLIENT_HEAD:
        if (!take_line(c, in))
            return true;
        if (c->line_len > 1)
            head_line(c, the_line(c));
        else
            c->line_len = 0, head_done(c);
        return c->watch.fd >= 0;
    case CLIENT_SIZED:
        take_some(c, in);
        return c->left > 0;
    case CLIENT_CHUNK_SIZE:
        if (take_line(c, in))
            chunk_size(c, the_line(c));
        return true;
    case CLIENT_CHUNK:
        take_some(c, in);
        if (c->left == 0)
            c->state = CLIENT_CHUNK_END;
        return c->watch.fd >= 0;
    case CLIENT_CHUNK_END:
        if (!take_line(c, in))
            return true;
        c->line_len = 0;
        c->state = CLIENT_CHUNK_SIZE;
        return !c->last_chunk;
    }
    return false;
}

static void read_answer(struct client *c)
{
    static char buf[1 << 18];
    ssize_t n = recv(c->watch.fd, buf, sizeof(buf), 0);
    struct pm_str in = pm_str_n(buf, n > 0 ? (size_t)n : 0);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        fail(c, n == 0 ? "closed before the end of the answer" : strerror(errno));
        return;
    }
    while (in.n > 0)
        if (!step(c, &in)) {
            if (c->watch.fd >= 0)
                finish(c);
            return;
        }
}

static void write_request(struct client *c)
{
    while (c->sent < c->out.n) {
        ssize_t n = send(c->watch.fd, c->out.p + c->sent, c->out.n - c->sent, MSG_NOSIGNAL);

        if (n < 0 && errno == EAGAIN) {
            loop_change(&c->watch, EPOLLIN | EPOLLOUT);
            return;
        }
        if (n < 0) {
            fail(c, strerror(errno));
            return;
        }
        c->sent += (size_t)n;
    }
}

static void client_ready(struct watch *w, uint32_t events)
{
    struct client *c = PM_CONTAINER(w, struct client, watch);

    if (events & EPOLLOUT) {
        loop_change(&c->watch, EPOLLIN);
        write_request(c);
    }
    if (c->watch.fd >= 0 && (events & ~(uint32_t)EPOLLOUT))
        read_answer(c);
}

bool client_send(struct client *c, uint16_t port, struct pm_str request)
{
    c->out = request;
    c->sent = c->left = c->line_len = c->text_len = 0;
    c->is_stream = c->is_chunked = c->saw_done = c->last_chunk = false;
    c->status = 0;
    c->events = 0;
    c->state = CLIENT_HEAD;
    c->began_ns = pm_now_ns();
    if (c->watch.fd >= 0) {
        write_request(c);
        return true;
    }
    c->watch = (struct watch){.fd = loop_connect(port), .ready = client_ready};
    if (c->watch.fd < 0)
        return false;
    loop_add(&c->watch, EPOLLIN | EPOLLOUT);
    return true;
}
