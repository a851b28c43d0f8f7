/* SPDX-License-Identifier: Apache-2.0 */
/* A disk that is full: a limit on the size of files stands for it. */
#include "tests/unit/spool_fixture.h"

#include <sys/resource.h>

static void disk_full(bool full)
{
    struct rlimit l;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
    l.rlim_cur = full ? SEGMENT / 2 : l.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static int set_up_full(void **state)
{
    signal(SIGXFSZ, SIG_IGN);
    return set_up(state);
}

static int tear_down_full(void **state)
{
    disk_full(false);
    return tear_down(state);
}

static uint64_t begin(struct fixture *f, const char *id)
{
    const struct spool_begin b = a_begin(id);

    return spool_append_begin(f->spool, &b);
}

static uint64_t settle(struct fixture *f, const char *id)
{
    const struct spool_settled r = a_settled(id);

    return spool_append_settled(f->spool, &r);
}

/* The loop, until a call may begin again. */
static void wait_for_room(struct fixture *f)
{
    for (int i = 0; i < 1000 && begin(f, "gen-probe") == 0; i++)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_true(settle(f, "gen-probe") > 0);
}

static void a_spool_opens_on_a_full_disk_and_takes_nothing_until_there_is_room(void **state)
{
    struct fixture *f = *state;

    disk_full(true);
    open_spool(f);
    assert_int_equal(begin(f, "gen-a"), 0);
    assert_int_equal(settle(f, "gen-a"), 0);
    assert_true(spool_stats(f->spool).errors >= 2);
    disk_full(false);
    wait_for_room(f);
    assert_true(begin(f, "gen-a") > 0);
    assert_true(settle(f, "gen-a") > 0);
}

static void calls_that_run_still_have_room_when_no_more_may_begin(void **state)
{
    struct fixture *f = *state;
    char id[40];
    unsigned running = 0, settled = 0;

    open_spool(f);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    disk_full(true);
    for (;; running++) {
        snprintf(id, sizeof(id), "gen-%u", running);
        if (!begin(f, id))
            break;
    }
    assert_true(running > 100);
    for (unsigned i = 0; i < running; i++) {
        snprintf(id, sizeof(id), "gen-%u", i);
        if (!settle(f, id))
            break;
        settled++;
    }
    assert_true(settled > 40);
    assert_true(spool_stats(f->spool).open_calls == running - settled);
    disk_full(false);
    wait_for_room(f);
    for (unsigned i = settled; i < running; i++) {
        snprintf(id, sizeof(id), "gen-%u", i);
        assert_true(settle(f, id) > 0);
        if (i % 100 == 0)
            uv_run(&f->loop, UV_RUN_DEFAULT);
    }
    close_spool(f);
    open_spool(f);
    assert_int_equal(f->interrupted, 0);
}

static void interrupted_calls_wait_for_room_too(void **state)
{
    struct fixture *f = *state;
    struct pm_buf out;

    open_spool(f);
    begin(f, "gen-a");
    close_spool(f);
    disk_full(true);
    open_spool(f);
    assert_int_equal(f->interrupted, 1);
    assert_true(spool_stats(f->spool).open_calls == 1);
    close_spool(f); /* and another start finds them again */
    open_spool(f);
    assert_int_equal(f->interrupted, 1);
    disk_full(false);
    pm_buf_init(&out, 10000);
    for (int i = 0; i < 1000 && spool_stats(f->spool).open_calls; i++)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_true(spool_generation_json(f->spool, PM_STR("gen-a"), PM_NSTR, &out));
    pm_buf_fini(&out);
}

#define DISK_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_full, tear_down_full)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DISK_TEST(a_spool_opens_on_a_full_disk_and_takes_nothing_until_there_is_room),
        DISK_TEST(calls_that_run_still_have_room_when_no_more_may_begin),
        DISK_TEST(interrupted_calls_wait_for_room_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
