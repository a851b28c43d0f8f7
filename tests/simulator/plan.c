/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulator/plan.h"

#include <stdarg.h>

struct pm_str sim_word(uint32_t i)
{
    static const struct pm_str words[] = {
        PM_STR_INIT("lorem "),      PM_STR_INIT("ipsum "),       PM_STR_INIT("dolor "),
        PM_STR_INIT("sit "),        PM_STR_INIT("amet "),        PM_STR_INIT("consectetur "),
        PM_STR_INIT("adipiscing "), PM_STR_INIT("elit "),        PM_STR_INIT("sed "),
        PM_STR_INIT("do "),         PM_STR_INIT("eiusmod "),     PM_STR_INIT("tempor "),
        PM_STR_INIT("incididunt "), PM_STR_INIT("caf\xc3\xa9 "), PM_STR_INIT("labore "),
        PM_STR_INIT("magna "),
    };
    return words[i % PM_COUNT(words)];
}

size_t piece_size(const struct piece *one, uint32_t nth)
{
    size_t word = one->words ? sim_word(one->first_word + nth).n : 0;

    return one->head.n + word + one->again.n + (one->again.n ? word : 0) + one->tail.n;
}

void piece_write(const struct piece *one, uint32_t nth, struct pm_buf *out)
{
    pm_buf_str(out, one->head);
    if (one->words)
        pm_buf_str(out, sim_word(one->first_word + nth));
    if (one->again.n) {
        pm_buf_str(out, one->again);
        pm_buf_str(out, sim_word(one->first_word + nth));
    }
    pm_buf_str(out, one->tail);
}

void plan_init(struct plan *p, struct pm_arena *a)
{
    memset(p, 0, sizeof(*p));
    p->a = a;
    p->status = 200;
    pm_buf_init(&p->headers, 16384);
}

void plan_fini(struct plan *p)
{
    pm_buf_fini(&p->headers);
}

/* Room for n pieces, kept in the arena: what outgrew its place is freed with the request. */
static void grow(struct plan *p, size_t n)
{
    if (n <= p->cap)
        return;
    size_t cap = PM_MAX(n, p->cap ? p->cap * 2 : 16);
    struct piece *more = PM_ARENA_ARRAY(p->a, struct piece, cap);
    if (p->n)
        memcpy(more, p->pieces, p->n * sizeof(*more));
    p->pieces = more;
    p->cap = cap;
}

struct piece *plan_add(struct plan *p, struct pm_str bytes)
{
    grow(p, p->n + 1);
    struct piece *piece = &p->pieces[p->n++];
    *piece = (struct piece){.head = bytes, .repeat = 1};
    return piece;
}

void plan_body(struct plan *p, unsigned status, const char *content_type, struct pm_str body)
{
    p->status = status;
    p->content_type = pm_str(content_type);
    p->stream = false;
    p->n = 0;
    plan_add(p, pm_arena_str(p->a, body))->content = true;
}

void plan_header(struct plan *p, const char *fmt, ...)
{
    va_list args;
    char line[1024];

    va_start(args, fmt);
    vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    pm_buf_cstr(&p->headers, line);
    pm_buf_lit(&p->headers, "\r\n");
}

static struct piece *insert(struct plan *p, size_t at, struct pm_str bytes)
{
    grow(p, p->n + 1);
    memmove(&p->pieces[at + 1], &p->pieces[at], (p->n - at) * sizeof(*p->pieces));
    p->n++;
    p->pieces[at] = (struct piece){.head = bytes, .repeat = 1};
    return &p->pieces[at];
}

/* The index before which `after` sends of content have happened; splits a piece if need be. */
static size_t cut_point(struct plan *p, uint32_t after)
{
    if (!p->stream) { /* no events: the middle of the body */
        if (!p->n)
            return 0;
        struct piece first = p->pieces[0];
        struct piece *rest = insert(p, 1, PM_NSTR);
        *rest = first;
        rest->head = pm_str_cut(first.head, first.head.n / 2, first.head.n);
        p->pieces[0].head = pm_str_cut(first.head, 0, first.head.n / 2);
        return 1;
    }
    for (size_t i = 0; i < p->n; i++) {
        struct piece *one = &p->pieces[i];
        if (!one->content)
            continue;
        if (one->repeat <= after) {
            after -= one->repeat;
            continue;
        }
        if (!after)
            return i;
        struct piece rest = *one;
        rest.repeat -= after;
        rest.first_word += after;
        one->repeat = after;
        *insert(p, i + 1, PM_NSTR) = rest;
        return i + 1;
    }
    return p->n;
}

static void stop_at(struct plan *p, size_t at, enum plan_end end)
{
    p->n = at;
    p->end = end;
}

static void break_body(struct plan *p, const struct sim_fault *f, struct pm_str note)
{
    static const uint64_t mid = F_BIT(F_CUT) | F_BIT(F_RESET) | F_BIT(F_STALL) |
                                F_BIT(F_ERROR_MID) | F_BIT(F_GARBAGE_MID) | F_BIT(F_BAD_CHUNK) |
                                F_BIT(F_PAUSE);

    if (!(f->kinds & mid))
        return;
    size_t at = cut_point(p, f->after);
    if (sim_fault_has(f, F_PAUSE) && at < p->n)
        insert(p, at, PM_NSTR)->wait_ms = f->ms;
    if (sim_fault_has(f, F_GARBAGE_MID))
        insert(p, at, PM_STR("data: {\"id\": nonsense \x01\xff\n\n"));
    if (sim_fault_has(f, F_ERROR_MID)) {
        insert(p, at, note);
        stop_at(p, at + 1, END_CLEAN);
    } else if (sim_fault_has(f, F_CUT) || sim_fault_has(f, F_BAD_CHUNK)) {
        stop_at(p, at, END_FIN);
    } else if (sim_fault_has(f, F_RESET)) {
        stop_at(p, at, END_RST);
        /* Else the reader may see data and reset at once, and report a plain end. */
        plan_add(p, PM_NSTR)->wait_ms = 10;
    } else if (sim_fault_has(f, F_STALL)) {
        stop_at(p, at, END_STALL);
    }
}

/* Raw plans: no head of ours, only these bytes and an end. */
static void instead(struct plan *p, struct pm_str bytes, enum plan_end end)
{
    p->raw = true;
    p->n = 0;
    if (bytes.n)
        plan_add(p, bytes);
    p->end = end;
}

static void break_head(struct plan *p, const struct sim_fault *f)
{
    static const char junk[] = "\x16\x03\x01\x02\x00\x01\x00\xfc\x00\xff\xfeHT\x00P/1.1 \x80\x81";

    if (sim_fault_has(f, F_CUT_HEAD))
        instead(p, PM_NSTR, END_FIN);
    else if (sim_fault_has(f, F_RESET_HEAD))
        instead(p, PM_NSTR, END_RST);
    else if (sim_fault_has(f, F_HALF_HEAD))
        instead(p, PM_STR("HTTP/1.1 200 OK\r\nContent-Ty"), END_FIN);
    else if (sim_fault_has(f, F_GARBAGE))
        instead(p, pm_str_n(junk, sizeof(junk) - 1), END_FIN);
    else if (sim_fault_has(f, F_NOT_HTTP))
        instead(p, PM_STR("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), END_FIN);
    p->stall_head = sim_fault_has(f, F_STALL_HEAD);
    if (sim_fault_has(f, F_SLOW_HEAD) || sim_fault_has(f, F_SLOW_HEAD_BYTES))
        p->head_wait_ms = f->ms;
    p->head_bytewise = sim_fault_has(f, F_SLOW_HEAD_BYTES);
    if (sim_fault_has(f, F_INTERIM))
        p->before_head = PM_STR("HTTP/1.1 100 Continue\r\n\r\n"
                                "HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n");
}

void plan_break(struct plan *p, const struct sim_fault *f, struct pm_str note)
{
    break_body(p, f, note);
    if (sim_fault_has(f, F_STALL_BODY))
        stop_at(p, 0, END_STALL);
    if (sim_fault_has(f, F_EMPTY_BODY))
        stop_at(p, 0, END_CLEAN);
    if (sim_fault_has(f, F_SLOW_FIRST) && p->n)
        insert(p, 0, PM_NSTR)->wait_ms = f->ms;
    if (sim_fault_has(f, F_SLOW_TOKENS))
        for (size_t i = 0; i < p->n; i++)
            if (p->pieces[i].content)
                p->pieces[i].wait_ms = f->ms;
    if (sim_fault_has(f, F_WRONG_LENGTH)) {
        p->length_delta = f->delta;
        p->stream = false;
        p->close = true; /* what stands behind a wrong length cannot be read */
    }
    p->close |= sim_fault_has(f, F_CLOSE);
    p->bytewise = sim_fault_has(f, F_SPLIT);
    break_head(p, f);
}

static const char *reason_of(unsigned status)
{
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 404:
        return "Not Found";
    case 429:
        return "Too Many Requests";
    case 500:
        return "Internal Server Error";
    case 503:
        return "Service Unavailable";
    default:
        return "Status";
    }
}

static uint64_t body_length(const struct plan *p)
{
    uint64_t n = 0;

    for (size_t i = 0; i < p->n; i++) {
        const struct piece *one = &p->pieces[i];
        for (uint32_t k = 0; k < one->repeat; k++)
            n += piece_size(one, k);
    }
    return n;
}

void plan_head(const struct plan *p, unsigned minor, bool keep_alive, struct pm_buf *out)
{
    pm_buf_str(out, p->before_head);
    pm_buf_addf(out, "HTTP/1.1 %u %s\r\nServer: pointsman-sim\r\n", p->status,
                reason_of(p->status));
    if (p->content_type.n)
        pm_buf_addf(out, "Content-Type: %.*s\r\n", PM_FMT(p->content_type));
    pm_buf_str(out, pm_buf_view(&p->headers));
    if (!p->stream) {
        /* A body that is cut was promised whole. */
        int64_t n = (int64_t)body_length(p) + p->length_delta;
        if (p->end != END_CLEAN)
            n += 100;
        pm_buf_addf(out, "Content-Length: %lld\r\n", (long long)PM_MAX(n, 0));
    } else if (minor > 0) {
        pm_buf_lit(out, "Transfer-Encoding: chunked\r\n");
    }
    if (!keep_alive)
        pm_buf_lit(out, "Connection: close\r\n");
    pm_buf_lit(out, "\r\n");
}
