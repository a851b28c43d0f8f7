/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing: the folder, the lock, and what is left of an earlier process. */
#include "agent/spool/internal.h"

#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool check_config(const struct spool_config *cfg, struct pm_error *err)
{
    if (cfg->segment_bytes < SEGMENT_BYTES_MIN || cfg->segment_bytes > SEGMENT_BYTES_MAX)
        return pm_fail(err, PM_EINVAL, "spool segments must have %d to %d bytes", SEGMENT_BYTES_MIN,
                       SEGMENT_BYTES_MAX);
    if (cfg->max_bytes / 3 < cfg->segment_bytes)
        return pm_fail(err, PM_EINVAL, "the spool must have room for 3 segments");
    return true;
}

/* Makes the folder and those above it. */
static bool make_folder(const char *dir, struct pm_error *err)
{
    char *path = pm_xstrdup(dir);
    bool ok = true;

    for (char *p = path + 1; ok && *path; p++) {
        const char c = *p;

        if (c != '/' && c != '\0')
            continue;
        *p = '\0';
        ok = mkdir(path, 0700) == 0 || errno == EEXIST;
        *p = c;
        if (c == '\0')
            break;
    }
    if (!ok)
        pm_fail(err, PM_EINTERNAL, "spool %s: %s", dir, strerror(errno));
    free(path);
    return ok;
}

static bool open_folder(struct spool *s, const char *dir, struct pm_error *err)
{
    if (!make_folder(dir, err))
        return false;
    s->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->dirfd < 0)
        return pm_fail(err, PM_EINTERNAL, "spool %s: %s", dir, strerror(errno));
    s->lockfd = openat(s->dirfd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (s->lockfd < 0)
        return pm_fail(err, PM_EINTERNAL, "spool %s/lock: %s", dir, strerror(errno));
    if (flock(s->lockfd, LOCK_EX | LOCK_NB) != 0)
        return pm_fail(err, PM_EINTERNAL, "spool %s: %s", dir,
                       errno == EWOULDBLOCK ? "in use by another process" : strerror(errno));
    return true;
}

static void close_folder(struct spool *s)
{
    if (s->lockfd >= 0)
        close(s->lockfd);
    if (s->dirfd >= 0)
        close(s->dirfd);
    s->lockfd = s->dirfd = -1;
}

struct spool *spool_open(const struct spool_config *cfg, struct uv_loop_s *loop,
                         size_t *interrupted, struct pm_error *err)
{
    struct spool *s;
    struct pm_error why = {0};

    if (!check_config(cfg, err))
        return NULL;
    s = pm_xcalloc(1, sizeof(*s));
    s->cfg = *cfg;
    s->cfg.dir = NULL;
    s->cfg.segment_bytes &= ~(size_t)4095;
    s->loop = loop;
    s->dirfd = s->lockfd = -1;
    s->next_seq = 1;
    if (!open_folder(s, cfg->dir, err)) {
        close_folder(s);
        free(s);
        return NULL;
    }
    keeper_init(s);
    if (!recover(s, &why)) {
        pm_fail(err, why.code, "spool %s: %s", cfg->dir, why.text);
        spool_close(s);
        return NULL;
    }
    *interrupted = s->orphans;
    open_calls_settle_orphans(s);
    keeper_prepare(s);
    return s;
}

void spool_close(struct spool *s)
{
    if (!s)
        return;
    keeper_close(s);
    close_folder(s);
}

void spool_free(struct spool *s)
{
    open_calls_free(s);
    free(s->segments);
    uv_mutex_destroy(&s->mutex);
    uv_cond_destroy(&s->cond);
    free(s);
}

struct spool_stats spool_stats(const struct spool *s)
{
    return (struct spool_stats){
        .first_seq = s->n_segments ? s->segments[0].first_seq : s->next_seq,
        .last_seq = s->next_seq - 1,
        .bytes = keeper_bytes(s),
        .dropped_segments = s->dropped_segments,
        .fsyncs = s->fsyncs,
        .errors = s->errors,
        .synced_seq = s->synced_seq,
        .damaged = s->damaged,
        .open_calls = s->open.n,
    };
}
