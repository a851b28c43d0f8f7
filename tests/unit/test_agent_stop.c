/* SPDX-License-Identifier: Apache-2.0 */
/* The agent under a disk that refuses, a reload, and a stop: at every moment of a call. */
#include "tests/check.h"

#include <unistd.h>

#include "tests/unit/calls_fixture.h"

static void answer_stream(struct peer *p)
{
    peer_send(p, SSE_HEAD);
    send_chunk(p, TEXT_DELTA);
    send_end(p);
}

/* ---- a disk that refuses ---- */

static void without_a_record_no_call_begins(void **state)
{
    struct answer a = {0};
    struct peer client;

    (void)state;
    agent_open("");
    disk.refuses = true;
    dial(&client);
    ask(&client, STREAM("t/one"));
    until(take(&client, &a, false));
    assert_int_equal(a.status, 503);
    assert_non_null(answer_header(&a, "Retry-After").p);
    assert_int_equal(provider.n, 0);
    disk.refuses = false;
    ask(&client, STREAM("t/one"));
    answer_stream(request_on(0));
    until(take(&client, &a, false));
    assert_int_equal(a.status, 200);
    answer_free(&a);
    peer_close(&client);
    agent_shut();
}

/* The end of the answer waits; what was there before does not. */
static void the_end_of_an_answer_waits_for_its_record(void **state)
{
    struct answer a = {0};
    struct peer stream, whole;

    (void)state;
    agent_open("");
    dial(&stream);
    ask(&stream, STREAM("t/one"));
    until(disk.begun == 1);
    dial(&whole);
    ask(&whole, CHAT("t/one", ""));
    until(disk.begun == 2);
    disk.refuses = true;
    for (unsigned i = 0; i < 2; i++) {
        until(provider.n == 2);
        until(provider.conn[i].in.n > 0);
        if (has(&provider.conn[i], "\"stream\":true"))
            answer_stream(&provider.conn[i]);
        else
            send_json(&provider.conn[i], 200, WHOLE);
    }
    until(disk.refused >= 4);
    assert_true(has(&stream, "hello"));
    assert_false(has(&stream, "[DONE]"));
    assert_int_equal(whole.in.n, 0);
    disk.refuses = false;
    until(take(&stream, &a, false));
    assert_non_null(strstr(a.body.p, "data: [DONE]\n\n"));
    until(take(&whole, &a, false));
    assert_int_equal(a.status, 200);
    assert_int_equal(disk.records[0].status, SPOOL_OK);
    assert_int_equal(disk.records[1].status, SPOOL_OK);
    answer_free(&a);
    peer_close(&stream);
    peer_close(&whole);
    agent_shut();
}

/* Nobody waits for these any more, but their money does. */
static void the_records_of_failed_and_cancelled_calls_wait_for_the_disk(void **state)
{
    struct answer a = {0};
    struct peer failed, left, *p;

    (void)state;
    agent_open("  retry: {attempts: 1}\n");
    dial(&failed);
    ask(&failed, CHAT("t/one", ""));
    p = request_on(0);
    dial(&left);
    ask(&left, STREAM("t/one"));
    answer_stream(request_on(1));
    disk.refuses = true;
    send_json(p, 500, "{}");
    until(take(&failed, &a, false)); /* told at once */
    assert_true(a.status >= 500);
    until(disk.refused >= 2);
    peer_close(&left); /* while its good answer is held */
    pass(250);
    assert_int_equal(disk.settled, 0);
    disk.refuses = false;
    until(disk.settled == 2);
    assert_int_equal(disk.records[0].status, SPOOL_FAILED);
    assert_int_equal(disk.records[1].status, SPOOL_CANCELLED);
    answer_free(&a);
    peer_close(&failed);
    agent_shut();
}

/* ---- stopping ---- */

static void what_runs_may_end_before_the_stop(void **state)
{
    struct answer a = {0};
    struct peer client, idle, *p;

    (void)state;
    agent_open("");
    dial(&idle);
    dial(&client);
    ask(&client, STREAM("t/one"));
    p = request_on(0);
    peer_send(p, SSE_HEAD);
    send_chunk(p, TEXT_DELTA);
    until(has(&client, "hello"));
    agent_stop(agent, on_agent_stopped);
    until(idle.eof);
    pass(300);
    assert_false(agent_stopped);
    send_end(p);
    until(take(&client, &a, false));
    assert_non_null(strstr(a.body.p, "data: [DONE]\n\n"));
    until(agent_stopped && client.eof);
    answer_free(&a);
    peer_close(&client);
    peer_close(&idle);
    agent_shut();
}

/* A client that is slow to take its last bytes gets them all the same. */
static void the_stop_waits_for_answers_on_their_way(void **state)
{
    const size_t big = 20u << 20;
    struct answer a = {0};
    struct peer client, *p;
    struct pm_buf text;
    char head[128];

    (void)state;
    agent_open("");
    pm_buf_init(&text, SIZE_MAX / 2);
    pm_buf_add(&text, WHOLE, (size_t)(strstr(WHOLE, "hello") - WHOLE));
    pm_buf_reserve(&text, big);
    memset(text.p + text.n, 'x', big);
    text.n += big;
    pm_buf_cstr(&text, strstr(WHOLE, "hello") + 5);
    peer_connect(&client, server_port(agent->api), false);
    ask(&client, CHAT("t/one", ""));
    p = request_on(0);
    snprintf(head, sizeof(head),
             "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
             text.n);
    peer_send(p, head);
    peer_send_n(p, text.p, text.n);
    pm_buf_fini(&text);
    until(disk.settled == 1);
    agent_stop(agent, on_agent_stopped);
    pass(500);
    assert_false(agent_stopped);
    peer_read(&client, true);
    until(take(&client, &a, false));
    assert_true(a.body.n > big);
    until(agent_stopped);
    answer_free(&a);
    peer_close(&client);
    agent_shut();
}

/* A call at each of its stages, all cut by a second request to stop. */
static void a_second_stop_cuts_whatever_there_is(void **state)
{
    enum { WAITING, HEAD, STREAMING, PAUSED, WHOLE_ANSWER, RETRYING, HELD, READING, CALLS };
    static struct peer client[CALLS];
    const size_t big = 30u << 20;
    char *much = pm_xcalloc(1, big);
    struct peer *p;

    (void)state;
    agent_open("  retry: {attempts: 2}\n");
    for (unsigned i = 0; i < CALLS; i++) {
        peer_connect(&client[i], server_port(agent->api), i != PAUSED);
        if (i == READING) { /* by a thread; its call begins when all others are gone */
            int n = snprintf(much, 256, "%s", CHAT("t/one", "\"x\":\""));
            char *at = strstr(much, "\"messages");
            memset(at, 'x', 500000);
            snprintf(at + 500000, 256, "\",%s", strstr(CHAT("t/one", ""), "\"messages"));
            ask_n(&client[i], much, strlen(much));
            assert_true(n > 0);
            until(agent->n_relays == CALLS);
            break;
        }
        ask(&client[i], i == WHOLE_ANSWER ? CHAT("t/one", "") : STREAM("t/one"));
        p = request_on(i);
        if (i == RETRYING)
            send_json(p, 503, "{}");
        if (i == HELD)
            disk.refuses = true;
        if (i == HEAD || i == STREAMING || i == PAUSED || i == HELD)
            peer_send(p, SSE_HEAD);
        if (i == STREAMING || i == PAUSED || i == HELD)
            send_chunk(p, TEXT_DELTA);
        if (i == PAUSED) {
            peer_send(p, "2000000\r\n");
            for (size_t k = 0; k < big / 1000; k++)
                peer_send(p, TEXT_DELTA);
        }
        if (i == HELD)
            send_end(p);
        turns(20);
    }
    until(disk.refused > 0);
    disk.refuses = false;
    agent_stop(agent, on_agent_stopped);
    agent_stop(agent, on_agent_stopped);
    until(agent_stopped);
    assert_int_equal(disk.settled, disk.begun);
    assert_true(disk.begun >= READING);
    until(client[STREAMING].eof || client[STREAMING].broken);
    assert_true(has(&client[STREAMING], "\"error\""));
    assert_false(has(&client[STREAMING], "[DONE]"));
    for (unsigned i = 0; i < CALLS; i++)
        peer_close(&client[i]);
    free(much);
    agent_shut();
}

/* A stop that will not wait does not wait for the disk either. */
static void a_dead_disk_does_not_hold_a_stop_for_ever(void **state)
{
    struct peer client;

    (void)state;
    agent_open("  timeouts: {drain: 300ms}\n");
    dial(&client);
    ask(&client, STREAM("t/one"));
    answer_stream(request_on(0));
    disk.refuses = true;
    until(disk.refused > 0);
    agent_stop(agent, on_agent_stopped);
    until(agent_stopped);
    assert_true(has(&client, "\"error\""));
    assert_false(has(&client, "[DONE]"));
    assert_int_equal(disk.settled, 0); /* found as interrupted at the next start */
    disk.settled = disk.begun;
    peer_close(&client);
    agent_shut();
}

static void a_connection_that_is_being_warmed_does_not_hold_the_stop(void **state)
{
    struct target *t;

    (void)state;
    agent_open("");
    t = snapshot_target(agent->now, agent->now->table->providers[0],
                        agent->now->table->providers[0]->creds[0], PM_STR("/chat/completions"),
                        PM_NSTR);
    target_warm(t);
    target_unref(t);
    until(provider.n == 1 && provider.conn[0].in.n > 0);
    agent_shut();
}

/* ---- reloading ---- */

static void write_config(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");

    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

/* The stream began on a provider and a model that the new file does not have. */
static void a_reload_does_not_touch_what_runs(void **state)
{
    char path[] = "/tmp/pm-reload-XXXXXX";
    struct snapshot *old;
    struct answer a = {0};
    struct peer client, other, *p;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    agent_open("");
    agent->config_path = path;
    dial(&client);
    ask(&client, STREAM("t/one"));
    p = request_on(0);
    peer_send(p, SSE_HEAD);
    send_chunk(p, TEXT_DELTA);
    until(has(&client, "hello"));

    write_config(path, "nonsense: [\n");
    old = agent->now;
    agent_reload(agent);
    until(!agent->reloading);
    assert_ptr_equal(agent->now, old);

    write_config(path, "catalogue: {builtin: false}\nagent: {warm_connections: false}\n");
    agent_reload(agent);
    until(agent->now != old);
    dial(&other);
    ask(&other, STREAM("t/one"));
    until(take(&other, &a, false));
    assert_int_equal(a.status, 400);
    send_end(p);
    until(take(&client, &a, false));
    assert_non_null(strstr(a.body.p, "data: [DONE]\n\n"));
    assert_int_equal(disk.records[0].nano, 20000);

    agent_reload(agent); /* and a stop while the file is read */
    answer_free(&a);
    peer_close(&client);
    peer_close(&other);
    agent_shut();
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_record_no_call_begins),
        cmocka_unit_test(the_end_of_an_answer_waits_for_its_record),
        cmocka_unit_test(the_records_of_failed_and_cancelled_calls_wait_for_the_disk),
        cmocka_unit_test(what_runs_may_end_before_the_stop),
        cmocka_unit_test(the_stop_waits_for_answers_on_their_way),
        cmocka_unit_test(a_second_stop_cuts_whatever_there_is),
        cmocka_unit_test(a_dead_disk_does_not_hold_a_stop_for_ever),
        cmocka_unit_test(a_connection_that_is_being_warmed_does_not_hold_the_stop),
        cmocka_unit_test(a_reload_does_not_touch_what_runs),
    };

    curl_global_init(CURL_GLOBAL_DEFAULT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
