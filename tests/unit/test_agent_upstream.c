/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "tests/unit/upstream_fixture.h"

/* ---- connections ---- */

static void many_requests_one_connection(void **state)
{
    struct call c;

    (void)state;
    upstream_open(5000);
    for (unsigned i = 0; i < 20; i++) {
        call_start(&c, target, "{}");
        until(provider.n == 1);
        request_take(&provider.conn[0]);
        answer_ok(&provider.conn[0], "yes");
        expect_end(&c, END_CLEAN);
        assert_int_equal(c.end.reused, i > 0);
        assert_true(c.end.sent);
        assert_str(pm_buf_view(&c.data), "yes");
        call_free(&c);
    }
    assert_int_equal(provider.n, 1);
    upstream_shut();
}

static void many_at_once_each_get_their_own_answer(void **state)
{
    enum { CALLS = 100 };
    static struct call c[CALLS];
    static char body[CALLS][16];
    struct pm_buf answer;
    size_t at;

    (void)state;
    upstream_open(5000);
    pm_buf_init(&answer, 4096);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < CALLS; i++) {
            snprintf(body[i], sizeof(body[i]), "[%u]", i);
            call_start(&c[i], target, body[i]);
        }
        until(provider.n == CALLS); /* the second round needs no more of them */
        for (unsigned i = CALLS; i-- > 0;) {
            until(request_came(&provider.conn[i], &at));
            pm_buf_reset(&answer);
            pm_buf_addf(&answer, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            pm_buf_addf(&answer, "%zx\r\n%s\r\n0\r\n\r\n", provider.conn[i].in.n - at,
                        provider.conn[i].in.p + at);
            pm_buf_reset(&provider.conn[i].in);
            peer_send(&provider.conn[i], answer.p);
        }
        for (unsigned i = 0; i < CALLS; i++)
            expect_ok(&c[i], body[i]);
    }
    assert_int_equal(provider.n, CALLS);
    pm_buf_fini(&answer);
    upstream_shut();
}

static void a_pooled_connection_that_the_provider_closed_is_not_used(void **state)
{
    struct call c;

    (void)state;
    upstream_open(5000);
    call_start(&c, target, "{}");
    until(provider.n == 1);
    request_take(&provider.conn[0]);
    answer_ok(&provider.conn[0], "one");
    expect_ok(&c, "one");
    peer_close(&provider.conn[0]);
    turns(3);
    call_start(&c, target, "{}");
    until(provider.n == 2);
    request_take(&provider.conn[1]);
    answer_ok(&provider.conn[1], "two");
    expect_ok(&c, "two");
    upstream_shut();
}

/* It closes just as the request arrives: nothing came back, so the request goes out again. */
static void a_request_into_a_dying_connection_is_sent_again(void **state)
{
    const size_t big = 300000;
    char *body = pm_xmalloc(big + 1);
    struct call c;
    size_t at;

    (void)state;
    memset(body, 'b', big);
    body[big] = '\0';
    upstream_open(5000);
    for (unsigned round = 0; round < 2; round++) {
        const char *text = round ? body : "{\"small\":1}";
        unsigned first = provider.n;
        call_start(&c, target, "{}");
        until(provider.n == first + 1);
        request_take(&provider.conn[first]);
        answer_ok(&provider.conn[first], "one");
        expect_ok(&c, "one");
        call_start(&c, target, text);
        until(request_came(&provider.conn[first], &at));
        peer_reset(&provider.conn[first]);
        until(provider.n == first + 2);
        until(request_came(&provider.conn[first + 1], &at));
        assert_str(pm_str(provider.conn[first + 1].in.p + at), text);
        peer_send(&provider.conn[first + 1],
                  "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\ntwo");
        expect_end(&c, END_CLEAN);
        assert_false(c.end.reused);
        assert_str(pm_buf_view(&c.data), "two");
        call_free(&c);
    }
    free(body);
    upstream_shut();
}

/* Bytes that nobody asked for are never taken for the next call's answer. */
static void what_comes_between_requests_is_no_answer(void **state)
{
    struct call c;

    (void)state;
    upstream_open(5000);
    call_start(&c, target, "{}");
    until(provider.n == 1);
    request_take(&provider.conn[0]);
    peer_send(&provider.conn[0], "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none"
                                 "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong");
    expect_ok(&c, "one");
    call_start(&c, target, "{}");
    until(provider.n == 2);
    request_take(&provider.conn[1]);
    answer_ok(&provider.conn[1], "two");
    expect_ok(&c, "two");
    answer_ok(&provider.conn[1], "wrong");
    until(provider.conn[1].writes == 0);
    turns(3);
    call_start(&c, target, "{}");
    until(provider.n == 3);
    request_take(&provider.conn[2]);
    answer_ok(&provider.conn[2], "three");
    expect_ok(&c, "three");
    upstream_shut();
}

/* "localhost" is ::1 first, where nobody listens. */
static void an_address_that_refuses_is_followed_by_the_next(void **state)
{
    struct target *local;
    struct call c;

    (void)state;
    upstream_open(5000);
    local = target_at("http://localhost", "Bearer secret");
    for (unsigned i = 0; i < 5; i++) {
        call_start(&c, local, "{}");
        until(provider.n == i + 1);
        request_take(&provider.conn[i]);
        peer_send(&provider.conn[i],
                  "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
        expect_ok(&c, "ok");
    }
    target_unref(local);
    upstream_shut();
}

static void a_call_may_be_given_up_at_any_step_of_connecting(void **state)
{
    struct call c;

    (void)state;
    upstream_open(5000);
    for (unsigned steps = 0; steps < 6; steps++) {
        call_start(&c, target, "{}");
        turns(steps);
        transfer_cancel(c.transfer);
        c.transfer = NULL;
        turns(5); /* the loop goes on, and what it accepts may get the number of the socket */
        assert_int_equal(c.dones, 0);
        call_free(&c);
    }
    call_start(&c, target, "{}");
    until(provider.n > 0 && provider.conn[provider.n - 1].in.n > 0 &&
          !provider.conn[provider.n - 1].eof);
    request_take(&provider.conn[provider.n - 1]);
    answer_ok(&provider.conn[provider.n - 1], "yes");
    expect_ok(&c, "yes");
    upstream_shut();
}

static void a_warm_connection_is_there_for_the_first_call(void **state)
{
    struct call c;

    (void)state;
    upstream_open(5000);
    target_warm(target);
    until(provider.n == 1 && provider.conn[0].in.n > 0);
    assert_memory_equal(provider.conn[0].in.p, "HEAD /v1/chat HTTP/1.1\r\n", 24);
    request_take(&provider.conn[0]);
    peer_send(&provider.conn[0], "HTTP/1.1 405 No\r\nContent-Length: 100\r\n\r\n");
    turns(5);
    call_start(&c, target, "{}");
    request_take(&provider.conn[0]);
    answer_ok(&provider.conn[0], "warm");
    expect_end(&c, END_CLEAN);
    assert_true(c.end.reused);
    call_free(&c);
    assert_int_equal(provider.n, 1);
    target_warm(target); /* nobody answers this one; the end does not wait for it */
    until(provider.conn[0].in.n > 0);
    upstream_shut();
}

/* ---- headers ---- */

static void the_headers_of_one_request_are_not_those_of_the_next(void **state)
{
    struct call c;
    size_t at;

    (void)state;
    upstream_open(5000);
    for (unsigned i = 0; i < 3; i++) {
        call_new(&c, target);
        if (i == 1)
            transfer_header(c.transfer, PM_STR("X-Once"), PM_STR("only here"));
        transfer_body(c.transfer, PM_STR("{}"), NULL, 0);
        transfer_start(c.transfer);
        until(provider.n == 1 && request_came(&provider.conn[0], &at));
        assert_non_null(strstr(provider.conn[0].in.p, "\r\nAuthorization: Bearer secret\r\n"));
        assert_non_null(strstr(provider.conn[0].in.p, "\r\nContent-Type: application/json\r\n"));
        assert_null(strstr(provider.conn[0].in.p, "Expect:"));
        assert_int_equal(strstr(provider.conn[0].in.p, "\r\nX-Once: only here\r\n") != NULL,
                         i == 1);
        pm_buf_reset(&provider.conn[0].in);
        answer_ok(&provider.conn[0], "ok");
        expect_ok(&c, "ok");
    }
    upstream_shut();
}

static void interim_heads_and_trailers_are_not_the_head(void **state)
{
    struct call c;

    (void)state;
    upstream_open(5000);
    call_start(&c, target, "{}");
    until(provider.n == 1);
    request_take(&provider.conn[0]);
    peer_send(
        &provider.conn[0],
        "HTTP/1.1 100 Continue\r\n\r\n"
        "HTTP/1.1 103 Early Hints\r\nContent-Type: text/hint\r\nX-Request-Id: no\r\n\r\n"
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream \r\nTransfer-Encoding: chunked\r\n"
        "Trailer: X-Request-Id\r\n\r\n"
        "4\r\ndata\r\n0\r\nX-Request-Id: late\r\nContent-Type: text/late\r\n\r\n");
    expect_end(&c, END_CLEAN);
    assert_int_equal(c.heads, 1);
    assert_int_equal(c.status, 200);
    assert_string_equal(c.content_type, "text/event-stream");
    assert_string_equal(c.request_id, "");
    assert_str(pm_buf_view(&c.data), "data");
    call_free(&c);
    upstream_shut();
}

/* ---- failures ---- */

static const struct {
    const char *what, *answer;
    bool reset; /* instead of an end */
    enum transfer_end_kind kind;
    const char *data;
} rows[] = {
    {"ended before its head", "", false, END_CUT, ""},
    {"reset before its head", "", true, END_CUT, ""},
    {"cut in its head", "HTTP/1.1 200 OK\r\nContent-Le", false, END_CUT, ""},
    {"cut in a body with a length", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", false,
     END_CUT, "half"},
    {"cut in a chunked body", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
     false, END_CUT, "half"},
    {"cut in a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf", false,
     END_CUT, "half"},
    {"no chunk at all", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhalf\r\n",
     false, END_CUT, ""},
    {"not HTTP", "SSH-2.0-OpenSSH_9.2\r\nwho are you?\r\n", false, END_PROTOCOL, ""},
    {"shorter than it says, then reset", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", true,
     END_CUT, "half"},
    {"longer than it says", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhalfway", false, END_CLEAN,
     "half"},
    {"whole, then reset", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole", true, END_CLEAN,
     "whole"},
    {"without a length, to its end", "HTTP/1.1 200 OK\r\n\r\nto the end", false, END_CLEAN,
     "to the end"},
    {"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nhalf", false,
     END_CUT, "half"},
};

static void how_an_answer_ended_is_told_once(void **state)
{
    struct call c;

    (void)state;
    upstream_open(5000);
    for (unsigned i = 0; i < PM_COUNT(rows); i++) {
        call_start(&c, target, "{}");
        until(provider.n == i + 1);
        request_take(&provider.conn[i]);
        peer_send(&provider.conn[i], rows[i].answer);
        until(provider.conn[i].writes == 0);
        if (rows[i].reset)
            peer_reset(&provider.conn[i]);
        else
            peer_close(&provider.conn[i]);
        until(!c.transfer);
        if (c.dones != 1 || c.end.kind != rows[i].kind || !c.end.sent ||
            !pm_str_is(pm_buf_view(&c.data), rows[i].data))
            fail_msg("%s: %u times, kind %d (%s), data \"%.*s\"", rows[i].what, c.dones, c.end.kind,
                     c.what, PM_FMT(pm_buf_view(&c.data)));
        call_free(&c);
    }
    upstream_shut();
}

static void without_a_connection_nothing_was_sent(void **state)
{
    struct target *tls;
    struct call c;

    (void)state;
    upstream_open(200);
    tls = target_at("https://127.0.0.1", "Bearer secret");
    call_start(&c, tls, "{}"); /* it takes the connection and says nothing */
    until(provider.n == 1);
    expect_end(&c, END_TIMEOUT);
    assert_false(c.end.sent);
    upstream_set_connect_timeout(up, 30000);
    call_start(&c, tls, "{}"); /* it does not speak TLS */
    until(provider.n == 2);
    peer_send(&provider.conn[1], "HTTP/1.1 400 Bad Request\r\n\r\n");
    expect_end(&c, END_TLS);
    assert_false(c.end.sent);
    provider_unlisten();
    call_start(&c, target, "{}");
    expect_end(&c, END_CONNECT);
    assert_false(c.end.sent);
    assert_null(strstr(c.what, "secret"));
    target_unref(tls);
    upstream_shut();
}

static void an_address_that_is_none_ends_the_call(void **state)
{
    struct target *none;
    struct call c;

    (void)state;
    upstream_open(5000);
    none = target_new(up, &(struct target_spec){.url = PM_STR("")});
    call_start(&c, none, "{}");
    assert_int_equal(c.dones, 0); /* never before transfer_start returns */
    expect_end(&c, END_INTERNAL);
    assert_false(c.end.sent);
    target_unref(none);
    upstream_shut();
}

static int set_up(void **state)
{
    (void)state;
    unsetenv("http_proxy");
    unsetenv("https_proxy");
    unsetenv("HTTPS_PROXY");
    unsetenv("all_proxy");
    unsetenv("ALL_PROXY");
    return curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK;
}

static int tear_down(void **state)
{
    (void)state;
    curl_global_cleanup();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_requests_one_connection),
        cmocka_unit_test(many_at_once_each_get_their_own_answer),
        cmocka_unit_test(a_pooled_connection_that_the_provider_closed_is_not_used),
        cmocka_unit_test(a_request_into_a_dying_connection_is_sent_again),
        cmocka_unit_test(what_comes_between_requests_is_no_answer),
        cmocka_unit_test(an_address_that_refuses_is_followed_by_the_next),
        cmocka_unit_test(a_call_may_be_given_up_at_any_step_of_connecting),
        cmocka_unit_test(a_warm_connection_is_there_for_the_first_call),
        cmocka_unit_test(the_headers_of_one_request_are_not_those_of_the_next),
        cmocka_unit_test(interim_heads_and_trailers_are_not_the_head),
        cmocka_unit_test(how_an_answer_ended_is_told_once),
        cmocka_unit_test(without_a_connection_nothing_was_sent),
        cmocka_unit_test(an_address_that_is_none_ends_the_call),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
