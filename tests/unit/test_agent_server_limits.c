/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "tests/unit/server_fixture.h"

#define GET "GET /held HTTP/1.1\r\nHost: a\r\n\r\n"

/* ---- sizes ---- */

/* Sends it all and reads only then, as simple clients do: the answer must still be there. */
static void expect_refusal_after(const char *bytes, size_t n, unsigned status)
{
    struct answer a = {0};
    struct peer p;

    peer_connect(&p, server_port(app.server), false);
    peer_send_n(&p, bytes, n);
    until(p.writes == 0);
    assert_false(p.write_failed);
    peer_read(&p, true);
    until(take(&p, &a, false));
    assert_int_equal(a.status, status);
    assert_str(answer_header(&a, "Connection"), "close");
    until(p.eof);
    assert_false(p.broken);
    peer_close(&p);
    answer_free(&a);
    until(server_connections(app.server) == 0);
    assert_int_equal(app.n_held, 0);
    assert_int_equal(app.memory_used, 0);
}

static void a_refusal_reaches_a_client_that_is_still_sending(void **state)
{
    const size_t big = 12u << 20;
    char *body = post("/x", big), *chunked = pm_xmalloc(big + 256);
    char *head = pm_xcalloc(1, big + 256);
    int n;

    (void)state;
    serve(&roomy);
    expect_refusal_after(body, strlen(body), 413); /* it said so in its head */
    n = snprintf(chunked, 256,
                 "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n", big);
    memset(chunked + n, 'x', big);
    expect_refusal_after(chunked, (size_t)n + big, 413); /* only the bytes tell */
    n = snprintf(head, 256, "GET /x HTTP/1.1\r\nHost: a\r\nX-Long: ");
    memset(head + n, 'y', big);
    expect_refusal_after(head, (size_t)n + big, 431);
    memset(head, 'z', big);
    expect_refusal_after(head, big, 400); /* not HTTP at all */
    app.refuse_heads = true;
    memcpy(strstr(body, "12582912"), "00900000", 8);
    expect_refusal_after(body, 900000, 401);
    free(body);
    free(chunked);
    free(head);
    stop_serving();
}

static void above_the_memory_cap_a_request_is_told_to_come_again(void **state)
{
    struct server_limits limits = roomy;
    char *body = post("/x", 100000);
    struct answer a = {0};
    struct peer p, q, r;

    (void)state;
    limits.memory_max = 250000;
    serve(&limits);
    dial(&p);
    peer_send(&p, body);
    until(app.n_held == 1);
    assert_in_range(app.memory_used, 100000, 200000);
    dial(&q);
    peer_send(&q, body);
    until(take(&q, &a, false));
    assert_int_equal(a.status, 503);
    assert_non_null(answer_header(&a, "Retry-After").p);
    until(q.eof);
    peer_close(&q);
    reply(app.held[0], 200, "ok"); /* gives its memory back */
    expect_answer(&p, 200, "ok");
    assert_int_equal(app.memory_used, 0);
    dial(&r);
    peer_send(&r, body);
    until(app.n_held == 2);
    peer_close(&r); /* so does one that leaves */
    until(server_connections(app.server) == 1);
    assert_int_equal(app.memory_used, 0);
    free(body);
    answer_free(&a);
    peer_close(&p);
    stop_serving();
}

static void a_promise_of_bytes_holds_no_memory(void **state)
{
    struct peer p;

    (void)state;
    serve(&roomy);
    dial(&p);
    peer_send(&p, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n");
    until(app.memory_used > 0);
    assert_in_range(app.memory_used, 1, 128 << 10);
    peer_close(&p);
    until(server_connections(app.server) == 0);
    stop_serving();
}

static void a_body_that_is_taken_over_stays_charged_until_its_taker_frees_it(void **state)
{
    char *text = post("/x", 5000);
    struct pm_buf body;
    uint64_t charged;
    struct peer p;

    (void)state;
    serve(&roomy);
    dial(&p);
    peer_send(&p, text);
    until(app.n_held == 1);
    http_take_body(app.held[0], &body, &charged);
    assert_int_equal(body.n, 5000);
    assert_int_equal(charged, app.memory_used);
    reply(app.held[0], 200, "ok");
    expect_answer(&p, 200, "ok");
    assert_int_equal(app.memory_used, charged);
    peer_send(&p, text); /* the connection has a body of its own again */
    until(app.n_held == 2);
    assert_int_equal(app.held[1]->body.n, 5000);
    assert_int_equal(body.p[4999], 'x');
    reply(app.held[1], 200, "ok");
    pm_buf_fini(&body);
    app.memory_used -= charged;
    free(text);
    peer_close(&p);
    stop_serving();
}

static void one_connection_too_many_is_told_so(void **state)
{
    struct server_limits limits = roomy;
    struct peer p[4];

    (void)state;
    limits.max_connections = 2;
    serve(&limits);
    for (unsigned i = 0; i < 3; i++)
        dial(&p[i]);
    peer_send(&p[2], GET); /* although its request is not even read */
    expect_answer(&p[2], 503, "503: too many connections");
    until(p[2].eof);
    peer_close(&p[2]);
    peer_close(&p[0]);
    until(server_connections(app.server) == 1);
    dial(&p[3]);
    peer_send(&p[3], GET);
    until(app.n_held == 1);
    peer_close(&p[1]);
    peer_close(&p[3]);
    stop_serving();
}

/* ---- slow readers ---- */

#define STREAM_BYTES (10u << 20)
static size_t streamed, most_queued;

static void stream_on(struct http_request *r)
{
    static char piece[50000];

    while (streamed < STREAM_BYTES && http_queued(r) <= HTTP_QUEUE_HIGH) {
        memset(piece, 'a' + (int)(streamed / sizeof(piece) % 26), sizeof(piece));
        http_stream_write(r, pm_str_n(piece, sizeof(piece)));
        http_stream_flush(r);
        streamed += sizeof(piece);
        most_queued = PM_MAX(most_queued, http_queued(r));
    }
    if (streamed >= STREAM_BYTES)
        http_stream_end(r, false);
}

static void a_slow_reader_holds_the_writer_back_and_gets_every_byte(void **state)
{
    struct answer a = {0};
    struct peer p;

    (void)state;
    streamed = most_queued = 0;
    serve(&roomy);
    app.on_drain = stream_on;
    peer_connect(&p, server_port(app.server), false);
    peer_send(&p, GET);
    until(app.n_held == 1);
    http_stream_begin(app.held[0], &(struct http_reply){.status = 200});
    stream_on(app.held[0]);
    turns(20);
    assert_true(streamed < STREAM_BYTES);
    peer_read(&p, true);
    until(take(&p, &a, false));
    assert_int_equal(a.body.n, streamed);
    for (size_t i = 0; i < a.body.n; i += 50000)
        assert_int_equal(a.body.p[i], 'a' + (int)(i / 50000 % 26));
    assert_true(app.drained > 10);
    assert_in_range(most_queued, HTTP_QUEUE_HIGH, HTTP_QUEUE_HIGH + 60000);
    peer_send(&p, "GET /now HTTP/1.1\r\nHost: a\r\n\r\n");
    expect_answer(&p, 200, "now");
    answer_free(&a);
    peer_close(&p);
    stop_serving();
}

/* Larger than any buffer inside. */
static void a_huge_answer_is_sent_whole(void **state)
{
    const size_t big = 80u << 20;
    char *body = pm_xcalloc(1, big);
    struct answer a = {0};
    struct peer p;

    (void)state;
    serve(&roomy);
    dial(&p);
    peer_send(&p, GET);
    until(app.n_held == 1);
    http_reply(app.held[0], &(struct http_reply){.status = 200, .body = {body, big}});
    free(body);
    until(take(&p, &a, false));
    assert_int_equal(a.body.n, big);
    answer_free(&a);
    peer_close(&p);
    stop_serving();
}

static void a_stream_that_lost_bytes_does_not_look_whole(void **state)
{
    const size_t big = 80u << 20;
    char *body = pm_xcalloc(1, big);
    struct peer p;

    (void)state;
    serve(&roomy);
    dial(&p);
    peer_send(&p, GET);
    until(app.n_held == 1);
    http_stream_begin(app.held[0], &(struct http_reply){.status = 200});
    http_stream_write(app.held[0], PM_STR("first"));
    http_stream_flush(app.held[0]);
    http_stream_write(app.held[0], pm_str_n(body, big)); /* without a flush: it does not fit */
    http_stream_end(app.held[0], false);
    until(p.eof || p.broken);
    assert_null(memmem(p.in.p, p.in.n, "\r\n0\r\n", 5));
    assert_int_equal(app.gone, 0); /* the app has said its last word */
    free(body);
    peer_close(&p);
    stop_serving();
}

/* ---- time ---- */

static void slow_heads_and_silent_bodies_are_answered_408(void **state)
{
    struct server_limits limits = roomy;
    struct peer p, q;

    (void)state;
    limits.head_ms = limits.body_ms = 30;
    serve(&limits);
    dial(&p);
    peer_send(&p, "GET /x HTT");
    dial(&q);
    peer_send(&q, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nha");
    expect_answer(&p, 408, "408: the request did not come in time");
    expect_answer(&q, 408, "408: the request did not come in time");
    until(p.eof && q.eof);
    peer_close(&p);
    peer_close(&q);
    until(server_connections(app.server) == 0);
    assert_int_equal(app.n_held, 0);
    stop_serving();
}

static void an_idle_connection_is_closed_without_a_word(void **state)
{
    struct server_limits limits = roomy;
    struct peer p, q;

    (void)state;
    limits.idle_ms = 30;
    serve(&limits);
    dial(&p);
    dial(&q);
    peer_send(&q, GET); /* what waits for its answer is not idle */
    until(app.n_held == 1);
    until(p.eof);
    assert_int_equal(p.in.n, 0);
    turns(5);
    assert_int_equal(app.gone, 0);
    reply(app.held[0], 200, "ok");
    expect_answer(&q, 200, "ok");
    until(q.eof);
    peer_close(&p);
    peer_close(&q);
    stop_serving();
}

static void a_client_that_stops_reading_is_cut(void **state)
{
    struct server_limits limits = roomy;
    struct peer p;

    (void)state;
    limits.write_ms = 100;
    streamed = 0;
    serve(&limits);
    peer_connect(&p, server_port(app.server), false);
    peer_send(&p, GET);
    until(app.n_held == 1);
    http_stream_begin(app.held[0], &(struct http_reply){.status = 200});
    stream_on(app.held[0]);
    until(app.gone == 1);
    until(server_connections(app.server) == 0);
    peer_close(&p);
    stop_serving();
}

/* Much longer than the idle and the write limit, but never without progress. */
static void a_client_that_reads_slowly_is_not_cut(void **state)
{
    struct server_limits limits = roomy;
    const size_t big = 80u << 20;
    char *body = pm_xcalloc(1, big);
    struct answer a = {0};
    struct peer p;

    (void)state;
    limits.write_ms = limits.idle_ms = 600;
    serve(&limits);
    peer_connect(&p, server_port(app.server), false);
    peer_send(&p, GET);
    until(app.n_held == 1);
    http_reply(app.held[0], &(struct http_reply){.status = 200, .body = {body, big}});
    for (size_t i = 1; i <= 5; i++) {
        peer_read(&p, true);
        until(p.in.n >= i << 20);
        peer_read(&p, false);
        pass(300);
    }
    assert_int_equal(server_connections(app.server), 1);
    peer_read(&p, true);
    until(take(&p, &a, false));
    assert_int_equal(a.body.n, big);
    answer_free(&a);
    free(body);
    peer_close(&p);
    stop_serving();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_reaches_a_client_that_is_still_sending),
        cmocka_unit_test(above_the_memory_cap_a_request_is_told_to_come_again),
        cmocka_unit_test(a_promise_of_bytes_holds_no_memory),
        cmocka_unit_test(a_body_that_is_taken_over_stays_charged_until_its_taker_frees_it),
        cmocka_unit_test(one_connection_too_many_is_told_so),
        cmocka_unit_test(a_slow_reader_holds_the_writer_back_and_gets_every_byte),
        cmocka_unit_test(a_huge_answer_is_sent_whole),
        cmocka_unit_test(a_stream_that_lost_bytes_does_not_look_whole),
        cmocka_unit_test(slow_heads_and_silent_bodies_are_answered_408),
        cmocka_unit_test(an_idle_connection_is_closed_without_a_word),
        cmocka_unit_test(a_client_that_stops_reading_is_cut),
        cmocka_unit_test(a_client_that_reads_slowly_is_not_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
