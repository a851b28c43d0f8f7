/* SPDX-License-Identifier: Apache-2.0 */
/* kill -9 at any moment. A child appends and tells through a pipe what it then would have sent to
 * its client; the parent kills it and looks at what a restart finds. */
#include "tests/unit/spool_fixture.h"

#include "agent/spool/record.h"

#include <errno.h>
#include <sys/wait.h>

#define ROUNDS 200
#define CALLS_OPEN 8 /* at a time in the child */

enum stage { BEGUN = 'b', SETTLED = 's' };
struct told {
    char stage;
    unsigned call;
};

static struct pm_str call_id(char id[40], unsigned call)
{
    snprintf(id, 40, "gen-%u", call);
    return pm_str(id);
}

static void tell(int fd, enum stage stage, unsigned call)
{
    const struct told t = {(char)stage, call};

    if (write(fd, &t, sizeof(t)) != sizeof(t))
        _exit(2);
}

/* Never returns. Calls overlap: each begins CALLS_OPEN before it settles. */
static void run_child(struct fixture *f, int fd, unsigned first)
{
    open_spool(f);
    for (unsigned call = first;; call++) {
        char id[40];
        struct spool_begin b;
        struct spool_settled r;

        call_id(id, call);
        b = a_begin(id);
        while (!spool_append_begin(f->spool, &b))
            uv_run(&f->loop, UV_RUN_ONCE);
        tell(fd, BEGUN, call);
        if (call % 3 == 0)
            spool_append_attempt(f->spool, b.id, &a_settled(id).attempts[0]);
        if (call >= first + CALLS_OPEN) {
            call_id(id, call - CALLS_OPEN);
            r = a_settled(id);
            while (!spool_append_settled(f->spool, &r))
                uv_run(&f->loop, UV_RUN_ONCE);
            tell(fd, SETTLED, call - CALLS_OPEN);
        }
        uv_run(&f->loop, UV_RUN_NOWAIT);
    }
}

/* Reads what the child says and kills it after `n` words; reads on to the end. */
static unsigned kill_after(pid_t child, int fd, unsigned n, struct told *told, unsigned most)
{
    unsigned have = 0;

    while (have < most && read(fd, &told[have], sizeof(*told)) == sizeof(*told)) {
        if (++have == n)
            kill(child, SIGKILL);
    }
    return have;
}

struct ledger {
    char *told; /* by call: 0, BEGUN or SETTLED */
    unsigned n;
};

/* Every call that was told of has one record; an untold one has one at most. */
static void check_records(struct fixture *f, const struct ledger *l)
{
    unsigned char *records = pm_xcalloc(l->n, 1);
    struct spool_reader *reader = spool_reader_new(f->spool, 0);
    struct spool_entry e;

    while (spool_reader_next(reader, &e)) {
        struct spool_attempt attempts[RECORD_ATTEMPTS_MAX];
        struct spool_settled r;
        uint64_t call;

        if (e.kind != SPOOL_USAGE_RECORD)
            continue;
        assert_true(record_get_settled(e.bytes, &r, attempts));
        assert_true(pm_str_u64(pm_str_cut(r.begin.id, 4, 40), &call) && call < l->n);
        assert_int_equal(records[call], 0);
        records[call] = (unsigned char)r.status;
    }
    spool_reader_free(reader);
    for (unsigned i = 0; i < l->n; i++) {
        if (l->told[i] == SETTLED && records[i] != SPOOL_OK)
            fail_msg("call %u was sent and is lost (%u)", i, records[i]);
        if (l->told[i] == BEGUN && records[i] != SPOOL_INTERRUPTED && records[i] != SPOOL_OK)
            fail_msg("call %u began and is lost", i);
    }
    free(records);
}

static void one_round(struct fixture *f, struct ledger *l, unsigned kill_at)
{
    static struct told told[10000];
    const unsigned first = l->n;
    unsigned have;
    int fds[2], status;
    pid_t child;

    assert_int_equal(pipe(fds), 0);
    fcntl(fds[1], F_SETPIPE_SZ, 4096); /* so that the child is not far ahead when it dies */
    child = fork();
    if (child == 0) {
        close(fds[0]);
        run_child(f, fds[1], first);
    }
    close(fds[1]);
    have = kill_after(child, fds[0], kill_at, told, PM_COUNT(told));
    close(fds[0]);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status) && have >= kill_at && have < PM_COUNT(told));
    for (unsigned i = 0; i < have; i++) {
        if (told[i].call >= l->n) {
            l->told = pm_xrealloc(l->told, told[i].call + 1);
            memset(l->told + l->n, 0, told[i].call + 1 - l->n);
            l->n = told[i].call + 1;
        }
        l->told[told[i].call] = told[i].stage;
    }
}

static void no_kill_loses_or_doubles_a_record(void **state)
{
    struct fixture *f = *state;
    struct ledger l = {0};
    unsigned random = 12345;

    f->cfg.max_bytes = 4096ULL * SEGMENT;
    for (int round = 0; round < ROUNDS; round++) {
        random = random * 1103515245 + 12345;
        one_round(f, &l, 1 + (random >> 16) % 400);
        l.n++; /* the child may have begun one more than it could tell */
        l.told = pm_xrealloc(l.told, l.n);
        l.told[l.n - 1] = 0;
        if (round % 10 == 9 || round < 10) {
            open_spool(f);
            check_records(f, &l);
            close_spool(f);
        }
    }
    assert_true(l.n > 5000);
    free(l.told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_kill_loses_or_doubles_a_record, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
