/* SPDX-License-Identifier: Apache-2.0 */
/* A folder with any bytes in it opens, reads, and then keeps what is appended.
 * Input: 0, then the bytes of a segment's file; or another byte, then entries whose frames are
 * good (kind, length, payload) and flips (200 and up, place) of what they became. */
#include "agent/spool/segment.h"
#include "common/log.h"
#include "tests/fuzz/must.h"

#include <fcntl.h>
#include <unistd.h>
#include <uv.h>

#define SEGMENT SEGMENT_BYTES_MIN
#define FLIP 200

static char dir[] = "/dev/shm/pm-fuzz-spool-XXXXXX";
static int folder;
static uv_loop_t loop;

static void clear(void)
{
    char name[SEGMENT_NAME_SIZE], bad[SEGMENT_NAME_SIZE + 4];

    for (uint32_t number = 1; number < 12; number++) {
        segment_name(name, number);
        snprintf(bad, sizeof(bad), "%s.bad", name);
        unlinkat(folder, name, 0);
        unlinkat(folder, bad, 0);
    }
}

static void leave(void)
{
    clear();
    unlinkat(folder, "lock", 0);
    rmdir(dir);
}

static void write_raw(const uint8_t *p, size_t n)
{
    char name[SEGMENT_NAME_SIZE];
    int fd;

    segment_name(name, 1);
    fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    must(fd >= 0 && write(fd, p, n) == (ssize_t)n);
    close(fd);
}

static void write_entries(const uint8_t *p, size_t n)
{
    static const uint16_t kinds[] = {SPOOL_CALL_BEGUN, SPOOL_CALL_ATTEMPT, SPOOL_USAGE_RECORD,
                                     SEGMENT_INDEX, SEGMENT_CHECKPOINT};
    struct segment g;
    bool no_space;
    uint64_t seq = 1;

    must(segment_make(folder, 1, SEGMENT, &g, &no_space, NULL));
    segment_begin(&g, seq, 1766000000000);
    while (n >= 3) {
        const size_t length = PM_MIN((size_t)p[1] + 1, n - 2);
        size_t room;
        char *to = segment_room(&g, &room);

        if (p[0] >= FLIP) {
            g.map[(p[1] << 8 | p[2]) % g.end] ^= (char)(1 << p[0] % 8);
            p += 3;
            n -= 3;
            continue;
        }
        if (length > room)
            break;
        memcpy(to, p + 2, length);
        segment_publish(&g, seq++, kinds[p[0] % PM_COUNT(kinds)], p[0] >> 4 & 3, length);
        p += 2 + length;
        n -= 2 + length;
    }
    must(segment_end(&g, 0));
}

static void check(const struct spool_config *cfg)
{
    const struct spool_settled r = {.begin = {.id = PM_STR("gen-1766000000-new")}};
    struct spool_reader *reader;
    struct spool_entry e;
    struct pm_buf out;
    uint64_t last = 0;
    size_t interrupted;
    struct spool *s = spool_open(cfg, &loop, &interrupted, NULL);

    if (!s) /* a header of a newer version */
        return;
    reader = spool_reader_new(s, 0);
    while (spool_reader_next(reader, &e)) {
        must(e.seq > last);
        last = e.seq;
    }
    spool_reader_free(reader);
    pm_buf_init(&out, 1 << 20);
    spool_generation_json(s, PM_STR("gen-1"), PM_NSTR, &out);
    must(spool_append_settled(s, &r) > last);
    must(spool_stats(s).open_calls == 0);
    spool_close(s);
    uv_run(&loop, UV_RUN_DEFAULT);

    s = spool_open(cfg, &loop, &interrupted, NULL);
    must(s != NULL);
    pm_buf_reset(&out);
    must(spool_generation_json(s, r.begin.id, PM_NSTR, &out));
    spool_close(s);
    pm_buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    const struct spool_config cfg = {dir, SEGMENT, 8 * SEGMENT, 50};
    static bool ready;

    if (!ready) {
        must(mkdtemp(dir) != NULL);
        folder = open(dir, O_RDONLY | O_DIRECTORY);
        must(folder >= 0 && uv_loop_init(&loop) == 0);
        pm_log_setup(PM_ERROR + 1, PM_LOG_JSON, "fuzz");
        atexit(leave);
        ready = true;
    }
    if (n == 0)
        return 0;
    if (p[0] == 0)
        write_raw(p + 1, n - 1);
    else
        write_entries(p + 1, n - 1);
    check(&cfg);
    uv_run(&loop, UV_RUN_DEFAULT);
    clear();
    return 0;
}
