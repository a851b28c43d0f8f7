/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "tests/unit/server_fixture.h"

#define GET "GET /held HTTP/1.1\r\nHost: a\r\n\r\n"
#define GET_NOW "GET /now HTTP/1.1\r\nHost: a\r\n\r\n"

/* ---- one request after the other ---- */

static void pipelined_requests_are_served_one_at_a_time_in_their_order(void **state)
{
    struct peer p;

    (void)state;
    serve(&roomy);
    dial(&p);
    peer_send(&p, "GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n" GET_NOW
                  "POST /c HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    until(app.n_held == 1);
    turns(5);
    assert_int_equal(app.n_held, 1);
    assert_str(app.held[0]->path, "/a");
    reply(app.held[0], 200, "one");
    assert_int_equal(app.n_held, 2);
    assert_str(app.held[1]->path, "/b");
    reply(app.held[1], 404, "two");
    assert_int_equal(app.n_held, 3);
    assert_str(app.held[2]->body, "abc");
    reply(app.held[2], 200, "three");
    expect_answer(&p, 200, "one");
    expect_answer(&p, 404, "two");
    expect_answer(&p, 200, "now");
    expect_answer(&p, 200, "three");
    assert_int_equal(p.in.n, 0);
    assert_int_equal(app.gone, 0);
    peer_close(&p);
    stop_serving();
}

/* More of them than the server keeps: the rest waits in the kernel, and none is lost. */
static void a_long_pipeline_loses_nothing(void **state)
{
    enum { REQUESTS = 6000 };
    struct pm_buf all;
    struct answer a = {0};
    struct peer p;

    (void)state;
    pm_buf_init(&all, SIZE_MAX / 2);
    pm_buf_lit(&all, GET);
    for (unsigned i = 0; i < REQUESTS; i++)
        pm_buf_lit(&all, GET_NOW);
    serve(&roomy);
    dial(&p);
    peer_send_n(&p, all.p, all.n);
    until(app.n_held == 1);
    turns(20);
    reply(app.held[0], 200, "first");
    expect_answer(&p, 200, "first");
    for (unsigned i = 0; i < REQUESTS; i++) {
        until(take(&p, &a, false));
        assert_int_equal(a.status, 200);
    }
    answer_free(&a);
    pm_buf_fini(&all);
    peer_close(&p);
    stop_serving();
}

static void after_each_kind_of_answer_the_connection_serves_on(void **state)
{
    struct answer a = {0};
    struct peer p;

    (void)state;
    serve(&roomy);
    dial(&p);
    for (unsigned round = 0; round < 2; round++) {
        app.n_held = 0;
        peer_send(&p, GET);
        until(app.n_held == 1);
        reply(app.held[0], 500, "");
        expect_answer(&p, 500, "");

        peer_send(&p, GET);
        until(app.n_held == 2);
        http_stream_begin(app.held[1], &(struct http_reply){.status = 200});
        http_stream_write(app.held[1], PM_STR("one "));
        http_stream_flush(app.held[1]);
        http_stream_flush(app.held[1]); /* an empty chunk would end the answer */
        http_stream_write(app.held[1], PM_STR("two"));
        http_stream_end(app.held[1], false);
        expect_answer(&p, 200, "one two");

        peer_send(&p, GET);
        until(app.n_held == 3);
        http_stream_begin(app.held[2], &(struct http_reply){.status = 200});
        http_stream_end(app.held[2], false);
        expect_answer(&p, 200, "");

        peer_send(&p, "HEAD /now HTTP/1.1\r\nHost: a\r\n\r\n");
        until(take(&p, &a, true));
        assert_int_equal(a.status, 200);
        assert_str(answer_header(&a, "Content-Length"), "3");
        assert_null(answer_header(&a, "Connection").p);
        assert_int_equal(p.in.n, 0);
    }
    assert_false(p.eof);
    answer_free(&a);
    peer_close(&p);
    stop_serving();
}

/* Blank lines behind a body are what old clients send; they begin no request. */
static void a_blank_line_between_requests_is_nothing(void **state)
{
    struct server_limits limits = roomy;
    struct peer p;

    (void)state;
    limits.head_ms = 1;
    limits.idle_ms = 400;
    serve(&limits);
    dial(&p);
    peer_send(&p, GET_NOW "\r\n");
    expect_answer(&p, 200, "now");
    until(p.eof); /* idle for too long: no word is said */
    assert_int_equal(p.in.n, 0);
    assert_int_equal(app.refused, 0);
    peer_close(&p);
    stop_serving();
}

/* ---- HTTP/1.0, HEAD, 100-continue, close ---- */

static void http_1_0_ends_with_its_answer_unless_it_asks_to_stay(void **state)
{
    struct answer a = {0};
    struct peer p, q;

    (void)state;
    serve(&roomy);
    dial(&p);
    peer_send(&p, "GET /now HTTP/1.0\r\n\r\n");
    until(take(&p, &a, false));
    assert_str(answer_header(&a, "Connection"), "close");
    until(p.eof);
    peer_close(&p);

    dial(&q);
    peer_send(&q, "GET /now HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    until(take(&q, &a, false));
    assert_str(answer_header(&a, "Connection"), "keep-alive");
    /* A stream has no length and 1.0 no chunks: its end is the connection's. */
    peer_send(&q, "GET /held HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    until(app.n_held == 1);
    http_stream_begin(app.held[0], &(struct http_reply){.status = 200});
    http_stream_write(app.held[0], PM_STR("some"));
    http_stream_flush(app.held[0]);
    http_stream_write(app.held[0], PM_STR("thing"));
    http_stream_end(app.held[0], false);
    until(take(&q, &a, false));
    assert_false(a.chunked);
    assert_str(answer_header(&a, "Connection"), "close");
    assert_str(pm_buf_view(&a.body), "something");
    answer_free(&a);
    peer_close(&q);
    stop_serving();
}

static void a_client_that_asks_first_is_told_to_continue(void **state)
{
    struct answer a = {0};
    struct peer p;

    (void)state;
    serve(&roomy);
    dial(&p);
    for (unsigned i = 0; i < 2; i++) {
        peer_send(&p, "POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                      "Content-Length: 4\r\n\r\n");
        until(take(&p, &a, true));
        assert_int_equal(a.status, 100);
        assert_int_equal(app.n_held, i);
        peer_send(&p, "body");
        until(app.n_held == i + 1);
        assert_str(app.held[i]->body, "body");
        http_stream_begin(app.held[i], &(struct http_reply){.status = 200});
        http_stream_write(app.held[i], PM_STR("done"));
        http_stream_end(app.held[i], false);
        expect_answer(&p, 200, "done");
    }
    app.refuse_heads = true;
    peer_send(&p, "POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                  "Content-Length: 4\r\n\r\n");
    expect_answer(&p, 401, "who are you?");
    until(p.eof);
    answer_free(&a);
    peer_close(&p);
    stop_serving();
}

/* And what comes behind it, from a client that has not seen the answer yet, does not destroy it:
 * a connection that is closed with bytes unread ends in a reset. */
static void after_connection_close_nothing_else_is_served(void **state)
{
    struct answer a = {0};
    struct peer p;

    (void)state;
    serve(&roomy);
    peer_connect(&p, server_port(app.server), false);
    peer_send(&p, "GET /now HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" GET);
    until(p.writes == 0);
    turns(5);
    peer_send(&p, GET);
    turns(5);
    peer_read(&p, true);
    until(take(&p, &a, false));
    assert_str(answer_header(&a, "Connection"), "close");
    until(p.eof || p.broken);
    assert_true(p.eof);
    assert_int_equal(app.n_held, 0);
    answer_free(&a);
    peer_close(&p);
    stop_serving();
}

static void what_the_app_says_about_closing_is_done(void **state)
{
    struct answer a = {0};
    struct peer p;

    (void)state;
    serve(&roomy);
    dial(&p);
    peer_send(&p, GET);
    until(app.n_held == 1);
    http_stream_begin(app.held[0], &(struct http_reply){.status = 200});
    http_stream_write(app.held[0], PM_STR("half"));
    http_stream_end(app.held[0], true);
    expect_answer(&p, 200, "half");
    until(p.eof);
    answer_free(&a);
    peer_close(&p);
    stop_serving();
}

/* ---- clients that leave ---- */

static void a_client_that_leaves_is_told_once(void **state)
{
    struct peer p[3];

    (void)state;
    serve(&roomy);
    for (unsigned i = 0; i < 3; i++) {
        dial(&p[i]);
        peer_send(&p[i], GET);
        until(app.n_held == i + 1);
    }
    peer_close(&p[0]); /* while it waits */
    until(app.gone == 1);
    assert_null(app.held[0]);

    http_stream_begin(app.held[1], &(struct http_reply){.status = 200});
    http_stream_write(app.held[1], PM_STR("x"));
    http_stream_flush(app.held[1]);
    peer_reset(&p[1]); /* in its stream */
    until(app.gone == 2);
    assert_null(app.held[1]);

    reply(app.held[2], 200, ""); /* answered: not gone */
    expect_answer(&p[2], 200, "");
    peer_close(&p[2]);
    until(server_connections(app.server) == 0);
    assert_int_equal(app.gone, 2);
    stop_serving();
}

/* The write itself finds out: on_gone comes inside of the flush. */
static void a_flush_may_find_the_client_gone(void **state)
{
    struct http_request *r;
    struct peer p;

    (void)state;
    serve(&roomy);
    dial(&p);
    peer_send(&p, GET);
    until(app.n_held == 1);
    r = app.held[0];
    http_stream_begin(r, &(struct http_reply){.status = 200});
    http_stream_write(r, PM_STR("x"));
    http_stream_flush(r);
    uv_tcp_close_reset(&p.tcp, peer_on_closed);
    p.closing = true;
    for (unsigned i = 0; i < 1000000 && app.gone == 0; i++) { /* no turn of the loop */
        http_stream_write(r, PM_STR("more"));
        http_stream_flush(r);
    }
    assert_int_equal(app.gone, 1);
    http_stream_flush(r); /* the connection is closing: nothing happens */
    http_stream_end(r, false);
    until(p.closed);
    turns(3);
    assert_int_equal(app.gone, 1);
    pm_buf_fini(&p.in);
    stop_serving();
}

/* An answer that is complete does not suffer from a client that has no more to say. */
static void the_end_of_the_client_does_not_cut_its_answer(void **state)
{
    const size_t big = 8u << 20;
    char *body = pm_xmalloc(big);
    struct answer a = {0};
    struct peer p;

    (void)state;
    memset(body, 'b', big);
    serve(&roomy);
    peer_connect(&p, server_port(app.server), false);
    peer_send(&p, GET);
    until(app.n_held == 1);
    http_reply(app.held[0], &(struct http_reply){.status = 200, .body = {body, big}});
    peer_end(&p);
    turns(5);
    peer_read(&p, true);
    until(take(&p, &a, false));
    assert_int_equal(a.body.n, big);
    until(p.eof);
    assert_int_equal(app.gone, 0);
    answer_free(&a);
    free(body);
    peer_close(&p);
    stop_serving();
}

/* ---- the end of the server ---- */

static void draining_closes_what_is_idle_and_lets_the_rest_end(void **state)
{
    struct peer idle, busy, slow;
    const size_t big = 8u << 20;
    char *body = pm_xcalloc(1, big);
    struct answer a = {0};

    (void)state;
    serve(&roomy);
    dial(&idle);
    dial(&busy);
    peer_send(&busy, GET);
    until(app.n_held == 1);
    peer_connect(&slow, server_port(app.server), false);
    peer_send(&slow, GET);
    until(app.n_held == 2);
    http_reply(app.held[1], &(struct http_reply){.status = 200, .body = {body, big}});
    until(server_connections(app.server) == 3);

    server_drain(app.server);
    until(idle.eof);
    turns(3);
    assert_false(busy.eof);
    reply(app.held[0], 200, "last");
    until(take(&busy, &a, false));
    assert_str(answer_header(&a, "Connection"), "close");
    until(busy.eof);
    peer_read(&slow, true); /* its answer was on its way */
    until(take(&slow, &a, false));
    assert_int_equal(a.body.n, big);
    until(slow.eof && server_connections(app.server) == 0);
    answer_free(&a);
    free(body);
    peer_close(&idle);
    peer_close(&busy);
    peer_close(&slow);
    stop_serving();
}

static void closing_cuts_everything(void **state)
{
    struct peer stream, waiting, half;

    (void)state;
    serve(&roomy);
    dial(&stream);
    peer_send(&stream, GET GET);
    until(app.n_held == 1);
    dial(&waiting);
    peer_send(&waiting, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nwhole");
    until(app.n_held == 2);
    dial(&half);
    peer_send(&half, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nha");
    until(app.memory_used > 64);
    http_stream_begin(app.held[0], &(struct http_reply){.status = 200});
    http_stream_write(app.held[0], PM_STR("x"));
    http_stream_flush(app.held[0]);

    server_close(app.server, app_closed, NULL);
    assert_int_equal(app.gone, 2);
    until(app.server_closed);
    assert_int_equal(app.memory_used, 0);
    assert_int_equal(app.gone, 2);
    until((stream.eof || stream.broken) && (waiting.eof || waiting.broken) &&
          (half.eof || half.broken));
    peer_close(&stream);
    peer_close(&waiting);
    peer_close(&half);
    stop_serving();
}

static void an_address_that_is_taken_is_an_error(void **state)
{
    static const struct server_ops ops = {app_head, app_request, app_refuse};
    struct pm_error err = {0};

    (void)state;
    serve(&roomy);
    assert_null(server_new(&loop, "127.0.0.1", server_port(app.server), &roomy, &ops, NULL, &err));
    assert_int_equal(err.code, PM_EINVAL);
    assert_non_null(strstr(err.text, "address already in use"));
    assert_null(server_new(&loop, "no.address", 0, &roomy, &ops, NULL, &err));
    stop_serving();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pipelined_requests_are_served_one_at_a_time_in_their_order),
        cmocka_unit_test(a_long_pipeline_loses_nothing),
        cmocka_unit_test(after_each_kind_of_answer_the_connection_serves_on),
        cmocka_unit_test(a_blank_line_between_requests_is_nothing),
        cmocka_unit_test(http_1_0_ends_with_its_answer_unless_it_asks_to_stay),
        cmocka_unit_test(a_client_that_asks_first_is_told_to_continue),
        cmocka_unit_test(after_connection_close_nothing_else_is_served),
        cmocka_unit_test(what_the_app_says_about_closing_is_done),
        cmocka_unit_test(a_client_that_leaves_is_told_once),
        cmocka_unit_test(a_flush_may_find_the_client_gone),
        cmocka_unit_test(the_end_of_the_client_does_not_cut_its_answer),
        cmocka_unit_test(draining_closes_what_is_idle_and_lets_the_rest_end),
        cmocka_unit_test(closing_cuts_everything),
        cmocka_unit_test(an_address_that_is_taken_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
