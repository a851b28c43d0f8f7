/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "tests/unit/calls_fixture.h"

/* ---- answers ---- */

static void a_stream_goes_through_and_is_settled_before_its_end(void **state)
{
    struct answer a = {0};
    struct peer client, *p;

    (void)state;
    agent_open("");
    dial(&client);
    for (unsigned i = 0; i < 3; i++) {
        ask(&client, STREAM("t/one"));
        p = request_on(0);
        peer_send(p, SSE_HEAD);
        send_chunk(p, TEXT_DELTA);
        until(has(&client, "hello"));
        assert_int_equal(disk.settled, i);
        send_end(p);
        until(take(&client, &a, false));
        assert_int_equal(a.status, 200);
        assert_int_equal(disk.settled, i + 1);
        assert_non_null(strstr(a.body.p, "\"prompt_tokens\":10"));
        assert_non_null(strstr(a.body.p, "data: [DONE]\n\n"));
        assert_int_equal(disk.records[i].status, SPOOL_OK);
        assert_int_equal(disk.records[i].nano, 20000);
        assert_string_equal(disk.records[i].phase, "done");
    }
    assert_int_equal(provider.n, 1);
    answer_free(&a);
    peer_close(&client);
    agent_shut();
}

static void a_whole_answer_of_many_megabytes_arrives(void **state)
{
    const size_t big = 70u << 20; /* more than the buffer of a connection holds */
    const char *tail = strstr(WHOLE, "hello\"") + 5;
    struct pm_buf text;
    struct answer a = {0};
    struct peer client, *p;
    char head[128];

    (void)state;
    agent_open("");
    pm_buf_init(&text, SIZE_MAX / 2);
    pm_buf_add(&text, WHOLE, (size_t)(strstr(WHOLE, "hello") - WHOLE));
    pm_buf_reserve(&text, big + 1024);
    memset(text.p + text.n, 'x', big);
    text.n += big;
    pm_buf_cstr(&text, tail);
    dial(&client);
    ask(&client, CHAT("t/one", ""));
    p = request_on(0);
    snprintf(head, sizeof(head),
             "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
             text.n);
    peer_send(p, head);
    peer_send_n(p, text.p, text.n);
    pm_buf_fini(&text);
    until(take(&client, &a, false));
    assert_int_equal(a.status, 200);
    assert_true(a.body.n > big);
    answer_free(&a);
    peer_close(&client);
    agent_shut();
}

static void a_slow_client_holds_the_provider_back(void **state)
{
    enum { EVENTS = 20000, LONG = 1000 };
    struct answer a = {0};
    struct peer client, *p;
    struct pm_buf all;
    size_t n = 0;
    char size[24];

    (void)state;
    agent_open("");
    peer_connect(&client, server_port(agent->api), false);
    ask(&client, STREAM("t/one"));
    p = request_on(0);
    pm_buf_init(&all, SIZE_MAX / 2);
    for (unsigned i = 0; i < EVENTS; i++) {
        pm_buf_lit(&all, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"");
        pm_buf_reserve(&all, LONG);
        memset(all.p + all.n, 'x', LONG);
        all.n += LONG;
        pm_buf_lit(&all, "#\"},\"finish_reason\":null}]}\n\n");
    }
    peer_send(p, SSE_HEAD);
    snprintf(size, sizeof(size), "%zx\r\n", all.n);
    peer_send(p, size);
    peer_send_n(p, all.p, all.n);
    peer_send(p, "\r\n");
    send_end(p);
    until(disk.begun == 1);
    pass(300);
    assert_true(p->writes > 0); /* the provider cannot get rid of it */
    assert_int_equal(disk.settled, 0);
    peer_read(&client, true);
    until(client.in.n > 5 && memcmp(client.in.p + client.in.n - 5, "0\r\n\r\n", 5) == 0);
    assert_true(take(&client, &a, false));
    for (const char *at = a.body.p, *end = at + a.body.n;
         (at = memmem(at, (size_t)(end - at), "x#\"}", 4)); at++)
        n++;
    assert_int_equal(n, EVENTS);
    assert_non_null(strstr(a.body.p, "data: [DONE]\n\n"));
    pm_buf_fini(&all);
    answer_free(&a);
    peer_close(&client);
    agent_shut();
}

/* ---- failures ---- */

static void a_failure_before_the_content_goes_to_the_next(void **state)
{
    struct answer a = {0};
    struct peer client;

    (void)state;
    agent_open("");
    dial(&client);
    ask(&client, STREAM("t/both"));
    send_json(request_on(0), 500, "{\"error\":{\"message\":\"no\"}}");
    for (unsigned i = 0; !has(&client, "\r\n\r\n"); i++) { /* on whichever connection */
        uv_run(&loop, UV_RUN_ONCE);
        for (unsigned k = 0; k < provider.n; k++) {
            size_t at;
            if (!request_came(&provider.conn[k], &at))
                continue;
            pm_buf_reset(&provider.conn[k].in);
            peer_send(&provider.conn[k], SSE_HEAD);
            send_chunk(&provider.conn[k], TEXT_DELTA);
            send_end(&provider.conn[k]);
        }
    }
    until(take(&client, &a, false));
    assert_int_equal(a.status, 200);
    assert_int_equal(disk.records[0].attempts, 2);
    assert_int_equal(disk.records[0].status, SPOOL_OK);
    answer_free(&a);
    peer_close(&client);
    agent_shut();
}

static void what_breaks_in_the_stream_is_told_in_the_stream(void **state)
{
    struct answer a = {0};
    struct peer client, *p;

    (void)state;
    agent_open("");
    dial(&client);
    ask(&client, STREAM("t/both"));
    p = request_on(0);
    peer_send(p, SSE_HEAD);
    send_chunk(p, TEXT_DELTA);
    until(has(&client, "hello"));
    peer_close(p);
    until(take(&client, &a, false));
    assert_int_equal(a.status, 200);
    assert_non_null(strstr(a.body.p, "\"error\":"));
    assert_null(strstr(a.body.p, "[DONE]"));
    assert_false(client.eof); /* the connection may serve the next call */
    assert_int_equal(disk.records[0].status, SPOOL_FAILED);
    assert_int_equal(disk.records[0].nano, 0);
    assert_string_equal(disk.records[0].outcome, "truncated");
    assert_string_equal(disk.records[0].phase, "stream");
    answer_free(&a);
    peer_close(&client);
    agent_shut();
}

/* Nothing else is left: the same once more, after a moment. */
static void the_only_endpoint_is_asked_twice(void **state)
{
    struct answer a = {0};
    struct peer client;

    (void)state;
    agent_open("");
    dial(&client);
    ask(&client, CHAT("t/one", ""));
    send_json(request_on(0), 503, "{}");
    send_json(request_on(0), 200, WHOLE);
    until(take(&client, &a, false));
    assert_int_equal(a.status, 200);
    assert_int_equal(disk.records[0].attempts, 2);
    answer_free(&a);
    peer_close(&client);
    agent_shut();
}

static void the_phase_of_a_timeout_is_where_it_waited(void **state)
{
    struct answer a = {0};
    struct peer client, *p;

    (void)state;
    agent_open("  timeouts: {first_token: 150ms}\n  retry: {attempts: 1}\n");
    dial(&client);
    ask(&client, STREAM("t/one"));
    request_on(0);
    until(take(&client, &a, false));
    assert_string_equal(disk.records[0].outcome, "timeout");
    assert_string_equal(disk.records[0].phase, "head");
    until(provider.conn[0].eof || provider.conn[0].broken);
    ask(&client, STREAM("t/one"));
    p = request_on(1);
    peer_send(p, SSE_HEAD);
    until(take(&client, &a, false));
    assert_string_equal(disk.records[1].outcome, "timeout");
    assert_string_equal(disk.records[1].phase, "first_token");
    answer_free(&a);
    peer_close(&client);
    agent_shut();
}

/* Ids, codes and reasons as long and as many as a provider likes. */
static void endless_texts_of_a_provider_do_no_harm(void **state)
{
    const size_t big = 3u << 20;
    char *text = pm_xmalloc(big + 512);
    struct peer client, *p;
    int n;

    (void)state;
    agent_open("");
    dial(&client);
    ask(&client, STREAM("t/one"));
    p = request_on(0);
    peer_send(p, SSE_HEAD);
    for (unsigned i = 0; i < 60; i++) {
        n = snprintf(text, 256, "data: {\"id\":\"%u", i);
        memset(text + n, 'i', big / 2);
        n += (int)(big / 2);
        n += snprintf(text + n, 256,
                      "\",\"choices\":[{\"index\":%u,\"delta\":{\"content\":\"x\"},"
                      "\"finish_reason\":\"",
                      i);
        memset(text + n, 'f', big / 2 - 256);
        n += (int)(big / 2) - 256;
        snprintf(text + n, 128, "\"}]}\n\n");
        send_chunk(p, text);
    }
    until(p->writes == 0);
    peer_close(p);
    until(disk.settled == 1);
    peer_close(&client);
    free(text);
    agent_shut();
}

/* ---- clients that leave ---- */

static void expect_cancelled(unsigned i)
{
    until(disk.settled > i);
    assert_int_equal(disk.records[i].status, SPOOL_CANCELLED);
    assert_int_equal(disk.records[i].client_status, 499);
}

static void a_client_that_leaves_cancels_the_provider(void **state)
{
    enum { WAITING, AFTER_THE_HEAD, STREAMING, WHOLE_ANSWER, WAYS };
    struct peer client, *p;

    (void)state;
    agent_open("");
    for (unsigned way = 0; way < WAYS; way++) {
        dial(&client);
        ask(&client, way == WHOLE_ANSWER ? CHAT("t/one", "") : STREAM("t/one"));
        p = request_on(way);
        if (way == AFTER_THE_HEAD || way == STREAMING)
            peer_send(p, SSE_HEAD);
        if (way == STREAMING) {
            send_chunk(p, TEXT_DELTA);
            until(has(&client, "hello"));
        }
        turns(3);
        peer_close(&client);
        expect_cancelled(way);
        assert_string_equal(disk.records[way].outcome, "client_gone");
        assert_string_equal(disk.records[way].who, "client");
        assert_int_equal(disk.records[way].nano > 0, way == STREAMING);
        until(p->eof || p->broken);
    }
    agent_shut();
}

/* Reset by the client, and bytes from the provider in the same turn: whichever is seen first. */
static void a_client_that_resets_is_never_a_failure_of_the_provider(void **state)
{
    struct peer client, *p;

    (void)state;
    agent_open("");
    for (unsigned i = 0; i < 30; i++) {
        dial(&client);
        ask(&client, STREAM("t/one"));
        p = request_on(i);
        peer_send(p, SSE_HEAD);
        send_chunk(p, TEXT_DELTA);
        until(has(&client, "hello"));
        send_chunk(p, TEXT_DELTA);
        if (i % 3 == 1)
            send_end(p);
        client.closing = true;
        uv_tcp_close_reset(&client.tcp, peer_on_closed);
        expect_cancelled(i);
        assert_string_equal(disk.records[i].who, i % 3 == 1 ? disk.records[i].who : "client");
        assert_true(disk.records[i].nano > 0); /* it got a part */
        until(client.closed);
        pm_buf_fini(&client.in);
        if (!p->eof && !p->broken && !p->closing)
            peer_close(p); /* a connection that is whole would be used again */
        turns(3);
    }
    agent_shut();
}

/* While a thread reads its body; the two ends meet in one turn of the loop now and then. */
static void a_client_may_leave_while_its_large_body_is_read(void **state)
{
    const size_t big = 600u << 10;
    char *body = pm_xcalloc(1, big + 256);
    struct peer client;
    int n =
        snprintf(body, 256, "{\"model\":\"t/one\",\"messages\":[{\"role\":\"user\",\"content\":\"");

    (void)state;
    memset(body + n, 'x', big);
    memcpy(body + strlen(body), "\"}]}", 5);
    agent_open("");
    for (unsigned i = 0; i < 60; i++) {
        dial(&client);
        ask_n(&client, body, strlen(body));
        until(agent->n_relays == 1);
        turns(i % 4);
        if (i % 2)
            peer_reset(&client);
        else
            peer_close(&client);
        until(agent->n_relays == 0);
    }
    free(body);
    agent_shut();
}

/* Between two attempts. */
static void a_client_may_leave_while_a_retry_is_waited_for(void **state)
{
    struct peer client, *p;

    (void)state;
    agent_open("");
    dial(&client);
    ask(&client, CHAT("t/one", ""));
    p = request_on(0);
    send_json(p, 503, "{}");
    until(p->writes == 0);
    turns(10);
    peer_close(&client);
    expect_cancelled(0);
    pass(400); /* the retry does not come */
    assert_int_equal(p->in.n, 0);
    assert_int_equal(provider.n, 1);
    agent_shut();
}

/* A client with its next requests already sent gets them served, one after the other. */
static void pipelined_calls_do_not_mix(void **state)
{
    struct answer a = {0};
    struct peer client, *p;

    (void)state;
    agent_open("");
    dial(&client);
    for (unsigned i = 0; i < 5; i++)
        ask(&client, i % 2 ? CHAT("t/one", "") : STREAM("t/one"));
    for (unsigned i = 0; i < 5; i++) {
        p = request_on(0);
        assert_int_equal(disk.begun, i + 1);
        if (i % 2) {
            send_json(p, 200, WHOLE);
        } else {
            peer_send(p, SSE_HEAD);
            send_chunk(p, TEXT_DELTA);
            send_end(p);
        }
        until(take(&client, &a, false));
        assert_int_equal(a.chunked, i % 2 == 0);
    }
    answer_free(&a);
    peer_close(&client);
    agent_shut();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_goes_through_and_is_settled_before_its_end),
        cmocka_unit_test(a_whole_answer_of_many_megabytes_arrives),
        cmocka_unit_test(a_slow_client_holds_the_provider_back),
        cmocka_unit_test(a_failure_before_the_content_goes_to_the_next),
        cmocka_unit_test(what_breaks_in_the_stream_is_told_in_the_stream),
        cmocka_unit_test(the_only_endpoint_is_asked_twice),
        cmocka_unit_test(the_phase_of_a_timeout_is_where_it_waited),
        cmocka_unit_test(endless_texts_of_a_provider_do_no_harm),
        cmocka_unit_test(a_client_that_leaves_cancels_the_provider),
        cmocka_unit_test(a_client_that_resets_is_never_a_failure_of_the_provider),
        cmocka_unit_test(a_client_may_leave_while_its_large_body_is_read),
        cmocka_unit_test(a_client_may_leave_while_a_retry_is_waited_for),
        cmocka_unit_test(pipelined_calls_do_not_mix),
    };

    curl_global_init(CURL_GLOBAL_DEFAULT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
