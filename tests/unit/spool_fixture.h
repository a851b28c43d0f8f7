/* SPDX-License-Identifier: Apache-2.0 */
/* A spool in a folder of its own, for the tests of its files. */
#ifndef PM_TESTS_SPOOL_FIXTURE_H
#define PM_TESTS_SPOOL_FIXTURE_H

#include "tests/check.h"

#include "agent/spool.h"
#include "common/log.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#define SEGMENT (256 * 1024)

struct fixture {
    char dir[64];
    uv_loop_t loop;
    struct spool_config cfg;
    struct spool *spool;
    size_t interrupted;
};

PM_UNUSED static int set_up(void **state)
{
    struct fixture *f = pm_xcalloc(1, sizeof(*f));

    pm_log_setup(PM_ERROR + 1, PM_LOG_TEXT, "test");
    /* Thousands of syncs: in memory where that is possible. */
    snprintf(f->dir, sizeof(f->dir), "%s/pm-spool-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(f->dir));
    f->cfg = (struct spool_config){f->dir, SEGMENT, 64 * SEGMENT, 1};
    uv_loop_init(&f->loop);
    *state = f;
    return 0;
}

PM_UNUSED static void close_spool(struct fixture *f)
{
    spool_close(f->spool);
    f->spool = NULL;
    uv_run(&f->loop, UV_RUN_DEFAULT);
}

/* Calls `each` with the path of every file whose name contains `part`. */
PM_UNUSED static size_t each_file(const char *dir, const char *part, void (*each)(const char *path))
{
    DIR *d = opendir(dir);
    struct dirent *e;
    size_t n = 0;

    while (d && (e = readdir(d))) {
        char path[400];

        if (e->d_name[0] == '.' || !strstr(e->d_name, part))
            continue;
        snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        if (each)
            each(path);
        n++;
    }
    if (d)
        closedir(d);
    return n;
}

PM_UNUSED static void delete_file(const char *path)
{
    unlink(path);
}

PM_UNUSED static int tear_down(void **state)
{
    struct fixture *f = *state;

    close_spool(f);
    each_file(f->dir, "", delete_file);
    rmdir(f->dir);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    free(f);
    return 0;
}

PM_UNUSED static void open_spool(struct fixture *f)
{
    struct pm_error err = {0};

    f->interrupted = 99;
    f->spool = spool_open(&f->cfg, &f->loop, &f->interrupted, &err);
    if (!f->spool)
        fail_msg("%s", err.text);
}

/* What another process would find if this one was killed now. */
PM_UNUSED static void kill_and_reopen(struct fixture *f)
{
    struct fixture old = *f;
    char copy[80], command[200];

    snprintf(copy, sizeof(copy), "%s-copy", f->dir);
    snprintf(command, sizeof(command), "cp -r %s %s", f->dir, copy);
    assert_int_equal(system(command), 0);
    close_spool(f);
    each_file(old.dir, "", delete_file);
    rmdir(old.dir);
    assert_int_equal(rename(copy, old.dir), 0);
    open_spool(f);
}

PM_UNUSED static struct pm_buf read_all(const char *path)
{
    struct pm_buf b;
    FILE *in = fopen(path, "rb");
    char piece[65536];
    size_t n;

    pm_buf_init(&b, SIZE_MAX / 2);
    assert_non_null(in);
    while ((n = fread(piece, 1, sizeof(piece), in)) > 0)
        pm_buf_add(&b, piece, n);
    fclose(in);
    return b;
}

PM_UNUSED static void write_all(const char *path, struct pm_str bytes)
{
    FILE *out = fopen(path, "wb");

    assert_non_null(out);
    assert_int_equal(fwrite(bytes.p, 1, bytes.n, out), bytes.n);
    fclose(out);
}

PM_UNUSED static struct spool_begin a_begin(const char *id)
{
    return (struct spool_begin){
        .id = pm_str(id),
        .unix_ms = 1766000000123,
        .model = PM_STR("openai/gpt-5.1:nitro"),
        .key = PM_STR("team-a"),
        .policy = PM_STR("default"),
        .provider = PM_STR("azure"),
        .endpoint = PM_STR("azure/eu"),
        .app = PM_STR("https://app.example"),
        .user = PM_STR("u-7"),
        .session = PM_STR("s-1"),
        .origin = PM_STR("https://app.example"),
        .operation = PM_STR("chat"),
        .stream = true,
        .bound_nano = 5000000,
        .prompt_tokens = 12,
    };
}

PM_UNUSED static struct spool_settled a_settled(const char *id)
{
    static const struct spool_attempt attempts[] = {
        {.provider = PM_STR_INIT("openai"),
         .endpoint = PM_STR_INIT("openai/us"),
         .credential = PM_STR_INIT("main"),
         .status = 503,
         .outcome = PM_STR_INIT("overloaded"),
         .who = PM_STR_INIT("provider"),
         .phase = PM_STR_INIT("first_byte"),
         .started_ms = 0,
         .first_token_ms = -1,
         .ended_ms = 95,
         .code = PM_STR_INIT("server_error")},
        {.provider = PM_STR_INIT("azure"),
         .endpoint = PM_STR_INIT("azure/eu"),
         .credential = PM_STR_INIT("eu-1"),
         .upstream_id = PM_STR_INIT("chatcmpl-9"),
         .status = 200,
         .outcome = PM_STR_INIT("ok"),
         .who = PM_STR_INIT("provider"),
         .phase = PM_STR_INIT("stream"),
         .started_ms = 96,
         .first_token_ms = 820,
         .ended_ms = 1200},
    };

    return (struct spool_settled){
        .begin = a_begin(id),
        .status = SPOOL_OK,
        .model = PM_STR("openai/gpt-5.1-20251113"),
        .provider = PM_STR("azure"),
        .endpoint = PM_STR("azure/eu"),
        .finish = PM_STR("stop"),
        .native_finish = PM_STR("stop"),
        .usage = {.present = true, .prompt = 10, .completion = 25, .cached = 3, .reasoning = 5},
        .cost = {.total_nano = 1500000, .prompt_nano = 500000, .completion_nano = 1000000},
        .upstream_cost_nano = 1500000,
        .first_token_ms = 820,
        .total_ms = 1200,
        .attempts = attempts,
        .n_attempts = 2,
        .client_status = 200,
        .service_tier = PM_STR("default"),
    };
}

#endif
