/* SPDX-License-Identifier: Apache-2.0 */
/* One connection: requests in, plans out, as fast as the peer takes them and no faster. */
#include "tests/simulator/sim.h"

#include "common/clock.h"
#include "common/http1.h"

enum {
    SEND_BYTES = 16384, /* most that one write holds */
    HELD_BYTES = 1 << 20, /* most that waits behind the request being answered */
    MAX_BODY = 160 << 20,
    KEPT_BODY = 1 << 20 /* larger ones give their memory back at once */
};

enum conn_state { CONN_READING, CONN_ANSWERING, CONN_STALLED, CONN_CLOSING };

struct conn {
    struct sim *sim;
    struct conn *next, *prev;
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_write_t write;
    uv_shutdown_t shutdown;
    unsigned open_handles;
    enum conn_state state;
    struct pm_http1 *http;
    struct pm_buf body; /* of the request being read */
    struct pm_buf held; /* bytes of later requests */
    struct pm_arena arena; /* of the request being answered */
    struct sim_request req;
    struct sim_fault fault;
    struct plan plan;
    bool has_plan, bench, keep_alive, feeding;
    unsigned minor;
    uint64_t id; /* of its record; 0: none */
    struct sim_usage usage;
    struct pm_buf head;
    size_t head_at; /* bytes of the head that are out */
    size_t piece; /* next one to send */
    uint32_t sent; /* times that it was */
    bool waited; /* its wait is over */
    bool ended; /* the end mark is in `out` */
    struct pm_buf out;
    size_t out_at;
    bool writing;
};

static void pump(struct conn *c);
static void feed(struct conn *c);

static void on_handle_closed(uv_handle_t *h)
{
    struct conn *c = h->data;

    if (--c->open_handles)
        return;
    pm_http1_free(c->http);
    pm_buf_fini(&c->body);
    pm_buf_fini(&c->held);
    pm_buf_fini(&c->head);
    pm_buf_fini(&c->out);
    if (c->has_plan)
        plan_fini(&c->plan);
    pm_arena_fini(&c->arena);
    free(c);
}

static struct sim_record *record_of(struct conn *c)
{
    return c->id ? sim_account_get(c->sim->account, c->id) : NULL;
}

/* The account's last word on the answer of this connection. */
static void settle(struct conn *c, enum sim_outcome outcome)
{
    struct sim_record *rec = record_of(c);

    if (c->bench)
        sim_account_count(c->sim->account, c->req.dialect_name, c->req.model, &c->usage, outcome);
    else if (rec && rec->outcome == SIM_OPEN)
        sim_account_end(c->sim->account, rec, outcome);
    c->bench = false;
}

static void conn_close(struct conn *c, bool reset)
{
    if (c->state == CONN_CLOSING)
        return;
    c->state = CONN_CLOSING;
    if (c->prev)
        c->prev->next = c->next;
    else
        c->sim->conns = c->next;
    if (c->next)
        c->next->prev = c->prev;
    c->sim->n_conns--;
    uv_close((uv_handle_t *)&c->timer, on_handle_closed);
    if (!reset || uv_tcp_close_reset(&c->tcp, on_handle_closed) != 0)
        uv_close((uv_handle_t *)&c->tcp, on_handle_closed);
}

/* The client hung up, or the simulator stops. */
static void conn_gone(struct conn *c)
{
    struct sim_record *rec = record_of(c);

    if (c->state == CONN_CLOSING)
        return;
    if (rec && rec->closed_ms < 0)
        rec->closed_ms = (int64_t)(pm_now_ms() - rec->started_ms);
    if (c->state == CONN_ANSWERING)
        settle(c, SIM_CLIENT_CLOSED);
    if (c->state == CONN_STALLED)
        settle(c, SIM_FAULT);
    conn_close(c, false);
}

static void next_request(struct conn *c)
{
    plan_fini(&c->plan);
    c->has_plan = false;
    pm_arena_reset(&c->arena);
    memset(&c->req, 0, sizeof(c->req));
    c->id = 0;
    c->head_at = c->piece = c->sent = 0;
    c->waited = c->ended = false;
    if (c->body.cap > KEPT_BODY) {
        pm_buf_fini(&c->body);
        pm_buf_init(&c->body, MAX_BODY);
    }
    pm_buf_reset(&c->body);
    pm_buf_reset(&c->head);
    pm_http1_next(c->http);
    c->state = CONN_READING;
    if (!c->feeding)
        feed(c);
}

static void on_shutdown(uv_shutdown_t *req, int status)
{
    (void)status;
    conn_close(req->data, false);
}

/* All of the plan is in the kernel. */
static void finish(struct conn *c)
{
    struct sim_record *rec = record_of(c);
    bool good = c->plan.end == END_CLEAN && !c->plan.raw && (c->bench || (rec && rec->answered));

    if (c->plan.end == END_STALL) {
        c->state = CONN_STALLED;
        return;
    }
    settle(c, good ? SIM_COMPLETE : SIM_FAULT);
    if (c->plan.end == END_RST) {
        conn_close(c, true);
    } else if (c->plan.end == END_FIN || c->plan.raw || c->plan.close || !c->keep_alive) {
        c->shutdown.data = c;
        c->state = CONN_STALLED; /* nothing is left to say */
        if (uv_shutdown(&c->shutdown, (uv_stream_t *)&c->tcp, on_shutdown) != 0)
            conn_close(c, false);
    } else {
        next_request(c);
    }
}

static void on_timer(uv_timer_t *t)
{
    struct conn *c = t->data;

    c->waited = true;
    pump(c);
}

/* True if it is too early; then the timer calls pump. */
static bool must_wait(struct conn *c, uint32_t ms)
{
    if (!ms || c->waited)
        return false;
    if (!c->out.n)
        uv_timer_start(&c->timer, on_timer, ms, 0);
    return true;
}

static bool fill_head(struct conn *c)
{
    if (c->plan.raw)
        return true;
    if (c->plan.stall_head) {
        c->plan.end = END_STALL;
        c->piece = c->plan.n;
        c->ended = true;
        return true;
    }
    if (c->head.n == 0)
        plan_head(&c->plan, c->minor, c->keep_alive && !c->plan.close, &c->head);
    while (c->head_at < c->head.n) {
        size_t n = c->plan.head_bytewise ? 1 : c->head.n - c->head_at;
        if (must_wait(c, c->plan.head_wait_ms))
            return false;
        pm_buf_add(&c->out, c->head.p + c->head_at, n);
        c->head_at += n;
        c->waited = c->head_at == c->head.n ? false : !c->plan.head_bytewise;
    }
    return true;
}

static void add_send(struct conn *c, const struct piece *one)
{
    size_t n = piece_size(one, c->sent);
    bool framed = c->plan.stream && c->minor > 0;
    struct sim_record *rec = record_of(c);

    if (rec)
        rec->tokens_sent += one->tokens;
    if (!n)
        return;
    if (framed)
        pm_buf_addf(&c->out, "%zx\r\n", n);
    piece_write(one, c->sent, &c->out);
    if (framed)
        pm_buf_lit(&c->out, "\r\n");
}

static void add_end(struct conn *c)
{
    if (c->ended)
        return;
    c->ended = true;
    if (!c->plan.stream || c->plan.raw || c->minor == 0)
        return;
    if (sim_fault_has(&c->fault, F_BAD_CHUNK))
        pm_buf_lit(&c->out, "xyz\r\nnot a chunk\r\n");
    else if (c->plan.end == END_CLEAN)
        pm_buf_lit(&c->out, "0\r\n\r\n");
}

/* Fills `out` with what may be sent now. False if nothing may: a wait is on. */
static bool fill(struct conn *c)
{
    if (!c->plan.raw && c->head_at < PM_MAX(c->head.n, 1) && !fill_head(c))
        return c->out.n > 0;
    while (c->piece < c->plan.n && c->out.n < SEND_BYTES) {
        const struct piece *one = &c->plan.pieces[c->piece];
        if (must_wait(c, one->wait_ms))
            return c->out.n > 0;
        add_send(c, one);
        c->waited = false;
        if (++c->sent == one->repeat) {
            c->piece++;
            c->sent = 0;
        }
        if (c->plan.alone && c->out.n)
            return true;
    }
    if (c->piece == c->plan.n)
        add_end(c);
    return true;
}

static void on_written(uv_write_t *w, int status)
{
    struct conn *c = w->data;

    c->writing = false;
    pm_buf_reset(&c->out);
    c->out_at = 0;
    if (status < 0)
        conn_gone(c);
    else
        pump(c);
}

/* Sends `out`. False if it is not all gone yet, or the peer is. */
static bool send_out(struct conn *c)
{
    struct sim_record *rec = record_of(c);

    if (rec) {
        rec->bytes_sent += c->out.n;
        if (rec->first_ms < 0 && c->out.n)
            rec->first_ms = (int64_t)(pm_now_ms() - rec->started_ms);
    }
    while (c->out_at < c->out.n) {
        size_t n = c->plan.bytewise ? 1 : c->out.n - c->out_at;
        uv_buf_t b = uv_buf_init(c->out.p + c->out_at, (unsigned)n);
        int done = uv_try_write((uv_stream_t *)&c->tcp, &b, 1);
        if (done < 0 && done != UV_EAGAIN) {
            conn_gone(c);
            return false;
        }
        if (done > 0)
            c->out_at += (size_t)done;
        if (done == UV_EAGAIN || ((size_t)done < n && !c->plan.bytewise)) {
            b = uv_buf_init(c->out.p + c->out_at, (unsigned)(c->out.n - c->out_at));
            c->writing = uv_write(&c->write, (uv_stream_t *)&c->tcp, &b, 1, on_written) == 0;
            if (!c->writing)
                conn_gone(c);
            return false;
        }
    }
    pm_buf_reset(&c->out);
    c->out_at = 0;
    return true;
}

static void pump(struct conn *c)
{
    while (c->state == CONN_ANSWERING && !c->writing) {
        if (!fill(c))
            return;
        if (c->out.n && !send_out(c))
            return;
        if (c->ended && !c->out.n) {
            finish(c);
            return;
        }
    }
}

/* The key without its scheme. */
static struct pm_str key_of(const struct pm_http1_head *h, const struct sim_dialect *d)
{
    struct pm_str v = pm_http1_header(h, "authorization");

    if (v.n > 7 && pm_str_ieq(pm_str_cut(v, 0, 7), PM_STR("Bearer ")))
        return pm_str_trim(pm_str_cut(v, 7, v.n));
    if (d->habits & HABIT_API_KEY)
        return pm_http1_header(h, "api-key");
    return PM_NSTR;
}

static void answer_model(struct conn *c, const struct pm_http1_head *h)
{
    struct sim_outline outline = {0};
    struct sim_record *rec;
    struct pm_error err;
    bool good = true;
    uint64_t id;

    sim_request_target(&c->req, h->target);
    c->req.key = key_of(h, c->req.dialect);
    if (pm_str_is(h->method, "POST"))
        good = sim_request_read(&c->req, pm_buf_view(&c->body), &c->arena, &err);
    c->bench = pm_str_starts(c->req.model, PM_STR("bench-"));
    sim_faults_pick(c->sim->faults, &c->req, &c->fault);
    if (c->bench) {
        id = (UINT64_C(1) << 40) + c->sim->n_bench++;
    } else {
        rec = sim_account_begin(c->sim->account, &c->req, &c->fault);
        id = c->id = rec->id;
    }
    if (good)
        sim_answer_plan(&c->req, &c->fault, id, pm_unix_ms(), &c->plan, &outline);
    else
        sim_answer_bad_body(&c->req, id, &c->plan);
    c->usage = outline.usage;
    if ((rec = record_of(c)) != NULL) {
        rec->usage = outline.usage;
        rec->answered = outline.answered;
        rec->status = c->plan.status;
    }
}

static void answer(struct conn *c)
{
    const struct pm_http1_head *h = pm_http1_head_of(c->http);

    c->state = CONN_ANSWERING;
    c->minor = h->minor;
    c->keep_alive = h->keep_alive;
    c->sim->n_requests++;
    plan_init(&c->plan, &c->arena);
    c->has_plan = true;
    memset(&c->fault, 0, sizeof(c->fault));
    if (pm_str_starts(h->target, PM_STR("/_sim/")))
        sim_admin(c->sim, h->method, h->target, pm_buf_view(&c->body), &c->plan);
    else
        answer_model(c, h);
    pump(c);
}

static void refuse(struct conn *c, const struct pm_error *err)
{
    c->state = CONN_ANSWERING;
    c->minor = 1;
    c->keep_alive = false;
    plan_init(&c->plan, &c->arena);
    c->has_plan = true;
    plan_body(&c->plan, pm_http1_status(c->http), "text/plain", pm_str(err->text));
    pump(c);
}

static void on_head(struct conn *c)
{
    static char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    uv_buf_t go = uv_buf_init(text, sizeof(text) - 1);

    if (pm_http1_head_of(c->http)->expect_continue)
        uv_try_write((uv_stream_t *)&c->tcp, &go, 1);
}

/* Gives `held` to the reader until it needs more, or an answer is due. */
static void feed(struct conn *c)
{
    const char *p = c->held.p;
    size_t n = c->held.n;
    struct pm_str run;
    struct pm_error err = {0};

    c->feeding = true;
    while (c->state == CONN_READING) {
        switch (pm_http1_feed(c->http, &p, &n, &run, &err)) {
        case PM_HTTP1_MORE:
            goto done;
        case PM_HTTP1_HEAD:
            on_head(c);
            break;
        case PM_HTTP1_BODY:
            pm_buf_str(&c->body, run);
            break;
        case PM_HTTP1_DONE:
            answer(c);
            break;
        case PM_HTTP1_BAD:
            refuse(c, &err);
            break;
        }
    }
done:
    c->feeding = false;
    if (c->state != CONN_CLOSING)
        pm_buf_drop(&c->held, c->held.n - n);
}

static void on_alloc(uv_handle_t *h, size_t wanted, uv_buf_t *out)
{
    static char bytes[65536]; /* used up before the next read */

    (void)h;
    (void)wanted;
    *out = uv_buf_init(bytes, sizeof(bytes));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct conn *c = stream->data;

    if (n < 0) {
        conn_gone(c);
        return;
    }
    if (!pm_buf_add(&c->held, buf->base, (size_t)n)) {
        conn_gone(c);
        return;
    }
    if (c->state == CONN_READING)
        feed(c);
}

static void on_connection(uv_stream_t *server, int status)
{
    struct sim *s = server->data;
    struct conn *c;

    if (status < 0)
        return;
    c = pm_xcalloc(1, sizeof(*c));
    c->sim = s;
    c->open_handles = 2;
    uv_tcp_init(s->loop, &c->tcp);
    uv_timer_init(s->loop, &c->timer);
    c->tcp.data = c->timer.data = c->write.data = c;
    c->http = pm_http1_new((struct pm_http1_limits){65536, MAX_BODY});
    pm_buf_init(&c->body, MAX_BODY);
    pm_buf_init(&c->held, HELD_BYTES);
    pm_buf_init(&c->head, 65536);
    pm_buf_init(&c->out, 512u << 20); /* one piece can be a large body */
    pm_arena_init(&c->arena, 8192, 512u << 20);
    c->next = s->conns;
    if (c->next)
        c->next->prev = c;
    s->conns = c;
    s->n_conns++;
    s->n_accepted++;
    if (uv_accept(server, (uv_stream_t *)&c->tcp) != 0) {
        conn_close(c, false);
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
}

bool sim_listen(struct sim *s, const char *address, uint16_t *port, struct pm_error *err)
{
    struct sockaddr_storage at;
    int size = sizeof(at), rc;
    struct sockaddr_in in;

    uv_tcp_init(s->loop, &s->listener);
    s->listener.data = s;
    rc = uv_ip4_addr(address, *port, &in);
    if (!rc)
        rc = uv_tcp_bind(&s->listener, (const struct sockaddr *)&in, 0);
    if (!rc)
        rc = uv_listen((uv_stream_t *)&s->listener, 4096, on_connection);
    if (!rc)
        rc = uv_tcp_getsockname(&s->listener, (struct sockaddr *)&at, &size);
    if (rc)
        return pm_fail(err, PM_EINVAL, "cannot listen on %s:%u: %s", address, *port,
                       uv_strerror(rc));
    *port = ntohs(((struct sockaddr_in *)&at)->sin_port);
    return true;
}

void sim_stop(struct sim *s)
{
    uv_close((uv_handle_t *)&s->listener, NULL);
    while (s->conns)
        conn_gone(s->conns);
}
