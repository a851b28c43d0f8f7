/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "common/json.h"
#include "tests/unit/upstream_fixture.h"

/* n bytes that do not repeat soon. */
static char *noise(size_t n)
{
    char *p = pm_xmalloc(n + 1);
    uint32_t x = 12345;

    for (size_t i = 0; i < n; i++) {
        x = x * 1103515245 + 12345;
        p[i] = (char)(x >> 16);
    }
    p[n] = '\0';
    return p;
}

/* ---- request bodies ---- */

static void expect_body(struct peer *p, struct pm_str want)
{
    char length[64];
    size_t at;

    until(request_came(p, &at));
    snprintf(length, sizeof(length), "\r\nContent-Length: %zu\r\n", want.n);
    assert_non_null(strstr(p->in.p, length));
    assert_int_equal(p->in.n - at, want.n);
    assert_memory_equal(p->in.p + at, want.p, want.n);
    pm_buf_reset(&p->in);
}

/* Of every size around the one from which on bodies are read in pieces. */
static void the_edited_body_arrives_to_the_byte(void **state)
{
    static const size_t sizes[] = {40,    65475, 65476, 65520, 65535,  65536,
                                   65537, 70000, 81920, 81921, 3000000};
    char *bytes = noise(3000000);
    struct pm_buf want;
    struct call c;

    (void)state;
    upstream_open(5000);
    pm_buf_init(&want, SIZE_MAX / 2);
    for (unsigned i = 0; i < PM_COUNT(sizes); i++) {
        const size_t n = sizes[i];
        const struct pm_str body = {bytes, n};
        const struct pm_edit edits[] = {
            {.at = 0, .del = 3, .ins = PM_STR("first")}, {.at = 7, .del = 0, .ins = PM_STR("+")},
            {.at = 7, .del = 1, .ins = PM_STR("")},      {.at = n / 2, .del = 9, .ins = PM_NSTR},
            {.at = n - 2, .del = 2, .ins = body},        {.at = n, .del = 0, .ins = PM_STR("}")},
        };
        pm_buf_reset(&want);
        pm_json_splice(body, edits, PM_COUNT(edits), &want);
        call_new(&c, target);
        transfer_body(c.transfer, body, edits, PM_COUNT(edits));
        transfer_start(c.transfer);
        until(provider.n == 1);
        expect_body(&provider.conn[0], pm_buf_view(&want));
        answer_ok(&provider.conn[0], "ok");
        expect_ok(&c, "ok");
    }
    pm_buf_fini(&want);
    free(bytes);
    upstream_shut();
}

static void a_provider_that_reads_slowly_gets_the_whole_body(void **state)
{
    const size_t big = 12u << 20;
    char *bytes = noise(big);
    const struct pm_edit edit = {.at = 1, .del = 0, .ins = PM_STR("in")};
    struct pm_buf want;
    struct call c;

    (void)state;
    upstream_open(5000);
    pm_buf_init(&want, SIZE_MAX / 2);
    pm_json_splice(pm_str_n(bytes, big), &edit, 1, &want);
    call_new(&c, target);
    transfer_body(c.transfer, pm_str_n(bytes, big), &edit, 1);
    transfer_start(c.transfer);
    until(provider.n == 1);
    for (size_t got = 0; got < want.n; got = provider.conn[0].in.n) {
        peer_read(&provider.conn[0], false);
        turns(20);
        peer_read(&provider.conn[0], true);
        until(provider.conn[0].in.n > got);
    }
    expect_body(&provider.conn[0], pm_buf_view(&want));
    answer_ok(&provider.conn[0], "ok");
    expect_ok(&c, "ok");
    pm_buf_fini(&want);
    free(bytes);
    upstream_shut();
}

/* A 413 before the body was read, as servers give it. */
static void an_answer_before_the_end_of_the_body_is_heard(void **state)
{
    const size_t big = 12u << 20;
    char *bytes = noise(big);
    struct call c;

    (void)state;
    upstream_open(5000);
    call_new(&c, target);
    transfer_body(c.transfer, pm_str_n(bytes, big), NULL, 0);
    transfer_start(c.transfer);
    until(provider.n == 1 && provider.conn[0].in.n > 1000);
    peer_read(&provider.conn[0], false);
    peer_send(&provider.conn[0],
              "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig");
    until(!c.transfer);
    assert_int_equal(c.dones, 1);
    assert_int_equal(c.status, 413);
    assert_str(pm_buf_view(&c.data), "big");
    call_free(&c);
    call_start(&c, target, "{}"); /* what was not sent does not follow */
    until(provider.n == 2);
    expect_body(&provider.conn[1], PM_STR("{}"));
    answer_ok(&provider.conn[1], "ok");
    expect_ok(&c, "ok");
    free(bytes);
    upstream_shut();
}

/* ---- pausing ---- */

static void send_big(struct peer *p, const char *bytes, size_t n, bool chunked)
{
    char head[128];
    int len =
        chunked ? snprintf(head, sizeof(head),
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n", n)
                : snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", n);

    peer_send_n(p, head, (size_t)len);
    peer_send_n(p, bytes, n);
    if (chunked)
        peer_send(p, "\r\n0\r\n\r\n");
}

static void a_paused_answer_holds_the_provider_back_and_goes_on(void **state)
{
    const size_t big = 24u << 20;
    char *bytes = noise(big);
    struct call c;

    (void)state;
    upstream_open(5000);
    for (unsigned chunked = 0; chunked < 2; chunked++) {
        call_start(&c, target, "{}");
        c.room = 100000;
        until(provider.n == 1);
        request_take(&provider.conn[0]);
        send_big(&provider.conn[0], bytes, big, chunked);
        until(c.pauses > 0);
        turns(50);
        assert_true(provider.conn[0].writes > 0); /* it cannot get rid of it */
        while (c.transfer) {
            unsigned pauses = c.pauses;
            c.room += 700000;
            transfer_resume(c.transfer);
            until(!c.transfer || c.pauses > pauses);
        }
        expect_end(&c, END_CLEAN);
        assert_true(c.pauses > 20);
        assert_int_equal(c.data.n, big);
        assert_memory_equal(c.data.p, bytes, big);
        call_free(&c);
    }
    assert_int_equal(provider.n, 1);
    free(bytes);
    upstream_shut();
}

/* The whole answer is there already, and its connection gone, when the reader wants it. */
static void a_short_answer_survives_a_pause_and_its_connection(void **state)
{
    struct call c;

    (void)state;
    upstream_open(5000);
    for (unsigned i = 0; i < 3; i++) {
        call_start(&c, target, "{}");
        c.room = 2;
        until(provider.n == i + 1);
        request_take(&provider.conn[i]);
        answer_ok(&provider.conn[i], "short");
        until(c.pauses == 1);
        if (i == 1)
            peer_close(&provider.conn[i]);
        else if (i == 2)
            peer_reset(&provider.conn[i]);
        turns(5);
        assert_non_null(c.transfer);
        c.room = 5;
        transfer_resume(c.transfer);
        expect_ok(&c, "short");
        if (i == 0)
            peer_close(&provider.conn[0]);
    }
    upstream_shut();
}

static void to_stop_inside_of_a_resume_ends_the_call(void **state)
{
    struct call c;

    (void)state;
    upstream_open(5000);
    call_start(&c, target, "{}");
    c.room = 0;
    until(provider.n == 1);
    request_take(&provider.conn[0]);
    peer_send(&provider.conn[0], "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nonly this");
    until(c.pauses == 1);
    c.room = SIZE_MAX;
    c.stop_at = 1;
    transfer_resume(c.transfer); /* its bytes come inside of this */
    assert_int_equal(c.data.n, 9);
    assert_int_equal(c.dones, 0);
    expect_end(&c, END_STOPPED);
    until(provider.conn[0].eof || provider.conn[0].broken); /* the provider is told */
    call_free(&c);
    upstream_shut();
}

/* ---- giving up ---- */

static void a_call_can_be_given_up_by_its_head_and_by_its_data(void **state)
{
    struct call c;

    (void)state;
    upstream_open(5000);
    for (unsigned i = 0; i < 2; i++) {
        call_start(&c, target, "{}");
        c.stop_at_head = i == 0;
        c.stop_at = 1;
        until(provider.n == i + 1);
        request_take(&provider.conn[i]);
        peer_send(&provider.conn[i], "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nbeginning");
        expect_end(&c, END_STOPPED);
        assert_int_equal(c.data.n, i == 0 ? 0 : 9);
        until(provider.conn[i].eof || provider.conn[i].broken);
        call_free(&c);
    }
    upstream_shut();
}

static void after_a_cancel_no_word_comes_and_the_provider_knows(void **state)
{
    enum { AT_ONCE, BEFORE_THE_HEAD, IN_THE_HEAD, IN_THE_DATA, PAUSED, IN_A_RESUME, WAYS };
    struct call c;

    (void)state;
    upstream_open(5000);
    call_new(&c, target); /* and before it is started */
    transfer_cancel(c.transfer);
    for (unsigned way = 0; way < WAYS; way++) {
        struct peer *p = &provider.conn[way];
        call_start(&c, target, "{}");
        c.cancel_at_head = way == IN_THE_HEAD;
        c.cancel_in_data = way == IN_THE_DATA;
        c.room = way >= PAUSED ? 0 : SIZE_MAX;
        until(provider.n == way + 1);
        if (way != AT_ONCE)
            request_take(p);
        if (way > BEFORE_THE_HEAD)
            peer_send(p, "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nbeginning");
        if (way >= PAUSED)
            until(c.pauses == 1);
        c.cancel_in_data = way == IN_THE_DATA || way == IN_A_RESUME;
        if (way == IN_A_RESUME)
            transfer_resume(c.transfer);
        if (way == AT_ONCE || way == BEFORE_THE_HEAD || way == PAUSED) {
            transfer_cancel(c.transfer);
            c.transfer = NULL;
        }
        until(p->eof || p->broken);
        assert_null(c.transfer);
        assert_int_equal(c.dones, 0);
        call_free(&c);
    }
    upstream_shut();
}

/* A cancelled call with a large body: the body is gone, and libcurl must not read it. */
static void a_cancelled_body_is_not_touched(void **state)
{
    const size_t big = 12u << 20;
    char *bytes = noise(big);
    struct call c;

    (void)state;
    upstream_open(5000);
    call_new(&c, target);
    transfer_body(c.transfer, pm_str_n(bytes, big), NULL, 0);
    transfer_start(c.transfer);
    until(provider.n == 1 && provider.conn[0].in.n > 1000);
    transfer_cancel(c.transfer);
    free(bytes);
    until(provider.conn[0].eof || provider.conn[0].broken);
    call_free(&c);
    upstream_shut();
}

/* ---- what callbacks do ---- */

static struct {
    struct call first, second, third;
} chain;

static void chain_done(void *ctx, const struct transfer_end *end)
{
    call_done(ctx, end);
    transfer_cancel(chain.second.transfer); /* another one, which may have ended, too */
    chain.second.transfer = NULL;
    call_start(&chain.third, target, "[3]");
}

static void a_done_may_cancel_and_start_others(void **state)
{
    static const struct transfer_ops ops = {call_head, call_data, chain_done};

    (void)state;
    upstream_open(5000);
    call_new(&chain.first, target);
    transfer_cancel(chain.first.transfer);
    chain.first.transfer = transfer_new(target, &ops, &chain.first);
    transfer_body(chain.first.transfer, PM_STR("[1]"), NULL, 0);
    transfer_start(chain.first.transfer);
    call_start(&chain.second, target, "[2]");
    until(provider.n == 2);
    request_take(&provider.conn[0]);
    request_take(&provider.conn[1]);
    answer_ok(&provider.conn[0], "one"); /* both in the same turn */
    answer_ok(&provider.conn[1], "two");
    until(chain.first.dones == 1);
    assert_int_equal(chain.second.dones, 0);
    until(provider.conn[0].in.n || provider.conn[1].in.n || provider.n == 3);
    for (unsigned i = 0; i < provider.n; i++) {
        if (provider.conn[i].in.n)
            answer_ok(&provider.conn[i], "three");
    }
    expect_ok(&chain.third, "three");
    call_free(&chain.first);
    call_free(&chain.second);
    upstream_shut();
}

static void a_target_lives_as_long_as_its_calls(void **state)
{
    struct target *own;
    struct call c;

    (void)state;
    upstream_open(5000);
    own = target_at("http://127.0.0.1", "Bearer of a caller");
    call_start(&c, own, "{}");
    target_unref(own);
    until(provider.n == 1 && provider.conn[0].in.n > 0);
    assert_non_null(strstr(provider.conn[0].in.p, "Authorization: Bearer of a caller\r\n"));
    request_take(&provider.conn[0]);
    answer_ok(&provider.conn[0], "ok");
    expect_ok(&c, "ok");
    upstream_shut();
}

static int set_up(void **state)
{
    (void)state;
    unsetenv("http_proxy");
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
        cmocka_unit_test(the_edited_body_arrives_to_the_byte),
        cmocka_unit_test(a_provider_that_reads_slowly_gets_the_whole_body),
        cmocka_unit_test(an_answer_before_the_end_of_the_body_is_heard),
        cmocka_unit_test(a_paused_answer_holds_the_provider_back_and_goes_on),
        cmocka_unit_test(a_short_answer_survives_a_pause_and_its_connection),
        cmocka_unit_test(to_stop_inside_of_a_resume_ends_the_call),
        cmocka_unit_test(a_call_can_be_given_up_by_its_head_and_by_its_data),
        cmocka_unit_test(after_a_cancel_no_word_comes_and_the_provider_knows),
        cmocka_unit_test(a_cancelled_body_is_not_touched),
        cmocka_unit_test(a_done_may_cancel_and_start_others),
        cmocka_unit_test(a_target_lives_as_long_as_its_calls),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
