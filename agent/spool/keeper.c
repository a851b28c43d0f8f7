/* SPDX-License-Identifier: Apache-2.0 */
/* What the disk may take its time for: syncing in groups, preparing the next segment, ending and
 * deleting old ones. Two jobs, each at most once at a time, on threads of the loop's pool. */
#include "agent/spool/internal.h"

#include "common/log.h"

#include <unistd.h>

#define RETRY_MS 250 /* between two tries while the disk is full */
#define CARRY_CALLS 64 /* at a time, to keep the loop free */

static void run_job(uv_work_t *work)
{
    struct job *j = PM_CONTAINER(work, struct job, work);

    j->run(j);
    uv_mutex_lock(&j->spool->mutex);
    j->done = true;
    uv_cond_signal(&j->spool->cond);
    uv_mutex_unlock(&j->spool->mutex);
}

static void apply_job(struct job *j)
{
    if (j->applied)
        return;
    j->applied = true;
    j->apply(j);
}

static void maybe_free(struct spool *s)
{
    if (s->closing && !s->timers && !s->sync.job.queued && !s->prepare.job.queued)
        spool_free(s);
}

static void after_job(uv_work_t *work, int status)
{
    struct job *j = PM_CONTAINER(work, struct job, work);
    struct spool *s = j->spool;

    (void)status; /* cancelled ones were run by finish_job */
    j->queued = false;
    apply_job(j);
    maybe_free(s);
}

static void start_job(struct job *j)
{
    j->applied = j->done = false;
    j->queued = true;
    uv_queue_work(j->spool->loop, &j->work, run_job, after_job);
}

/* Without the loop: waits for the thread, or does it here when none has begun. */
static void finish_job(struct job *j)
{
    struct spool *s = j->spool;

    if (!j->queued || j->applied)
        return;
    if (uv_cancel((uv_req_t *)&j->work) == 0) {
        j->run(j);
    } else {
        uv_mutex_lock(&s->mutex);
        while (!j->done)
            uv_cond_wait(&s->cond, &s->mutex);
        uv_mutex_unlock(&s->mutex);
    }
    apply_job(j);
}

static void run_sync(struct job *job)
{
    struct sync_job *j = PM_CONTAINER(job, struct sync_job, job);

    j->ok = true;
    while (j->retired) {
        struct retired *r = j->retired;

        j->retired = r->next;
        if (!segment_end(&r->segment, r->index_seq))
            j->ok = false;
        free(r);
    }
    if (j->fd >= 0 && fdatasync(j->fd) != 0)
        j->ok = false;
    if (j->folder && fsync(job->spool->dirfd) != 0)
        j->ok = false;
}

static void fill_sync(struct spool *s)
{
    struct sync_job *j = &s->sync;

    j->fd = s->current.map ? s->current.fd : -1;
    j->retired = s->retired;
    j->folder = s->folder_dirty;
    j->seq = s->next_seq - 1;
    s->retired = NULL;
    s->folder_dirty = false;
}

static void start_sync(struct spool *s)
{
    s->dirty = false;
    fill_sync(s);
    start_job(&s->sync.job);
}

static void on_sync_timer(uv_timer_t *t)
{
    struct spool *s = PM_CONTAINER(t, struct spool, sync_timer);

    if (!s->sync.job.queued)
        start_sync(s);
}

static void apply_sync(struct job *job)
{
    struct sync_job *j = PM_CONTAINER(job, struct sync_job, job);
    struct spool *s = job->spool;

    if (j->ok) {
        s->fsyncs++;
        s->synced_seq = j->seq;
    } else {
        s->errors++;
        pm_log(PM_ERROR, "spool sync failed", KV_I("last_seq", j->seq));
    }
    if (!s->closing && s->dirty && !uv_is_active((uv_handle_t *)&s->sync_timer))
        start_sync(s); /* it came due while this one ran */
}

void keeper_dirty(struct spool *s)
{
    if (s->dirty)
        return;
    s->dirty = true;
    uv_timer_start(&s->sync_timer, on_sync_timer, s->cfg.fsync_ms, 0);
}

static void delete_segments(int dirfd, uint32_t **numbers, size_t *n)
{
    char name[SEGMENT_NAME_SIZE];

    for (size_t i = 0; i < *n; i++) {
        segment_name(name, (*numbers)[i]);
        unlinkat(dirfd, name, 0);
    }
    free(*numbers);
    *numbers = NULL;
    *n = 0;
}

static void run_prepare(struct job *job)
{
    struct prepare_job *j = PM_CONTAINER(job, struct prepare_job, job);
    const int dirfd = job->spool->dirfd;

    delete_segments(dirfd, &j->unlink, &j->n_unlink);
    j->ok = !j->number || segment_make(dirfd, j->number, (uint32_t)job->spool->cfg.segment_bytes,
                                       &j->made, &j->no_space, &j->err);
}

static void on_retry_timer(uv_timer_t *t)
{
    keeper_prepare(PM_CONTAINER(t, struct spool, retry_timer));
}

static void apply_prepare(struct job *job)
{
    struct prepare_job *j = PM_CONTAINER(job, struct prepare_job, job);
    struct spool *s = job->spool;

    if (!j->ok) {
        s->errors++;
        if (!s->no_space_logged)
            pm_log(PM_ERROR, "spool segment not made", KV_C("error", j->err.text));
        s->no_space_logged = true;
        if (!s->closing)
            uv_timer_start(&s->retry_timer, on_retry_timer, RETRY_MS, 0);
        return;
    }
    if (j->number) {
        s->next = j->made;
        if (s->no_space_logged)
            pm_log(PM_INFO, "spool has room again", KV_I("segment", j->number));
        s->no_space_logged = false;
    }
    if (s->closing)
        return;
    open_calls_settle_orphans(s);
    keeper_prepare(s);
}

uint64_t keeper_bytes(const struct spool *s)
{
    uint64_t sum = s->next.map ? s->next.size : 0;

    for (size_t i = 0; i < s->n_segments; i++)
        sum += s->segments[i].bytes;
    return sum;
}

static void drop_oldest(struct spool *s)
{
    pm_log(PM_DEBUG, "spool segment dropped", KV_I("segment", s->segments[0].number),
           KV_I("first_seq", s->segments[0].first_seq));
    s->unlink = pm_xrealloc(s->unlink, (s->n_unlink + 1) * sizeof(*s->unlink));
    s->unlink[s->n_unlink++] = s->segments[0].number;
    s->n_segments--;
    memmove(s->segments, s->segments + 1, s->n_segments * sizeof(*s->segments));
    s->dropped_segments++;
}

/* Makes room for one more segment. False: calls still need the oldest one; again later. */
static bool reclaim(struct spool *s)
{
    const uint64_t more = s->next.map ? 0 : s->cfg.segment_bytes;

    while (s->n_segments > 1 && keeper_bytes(s) + more > s->cfg.max_bytes) {
        if (s->segments[0].refs)
            open_calls_carry(s, s->segments[0].number, CARRY_CALLS);
        if (s->segments[0].refs)
            return false;
        drop_oldest(s);
    }
    return true;
}

void keeper_prepare(struct spool *s)
{
    struct prepare_job *j = &s->prepare;

    if (s->closing || s->reclaiming || j->job.queued)
        return;
    s->reclaiming = true;
    if (!reclaim(s) && !uv_is_active((uv_handle_t *)&s->retry_timer))
        uv_timer_start(&s->retry_timer, on_retry_timer, 1, 0);
    s->reclaiming = false;
    j->number = s->next.map ? 0 : ++s->last_number;
    j->unlink = s->unlink;
    j->n_unlink = s->n_unlink;
    s->unlink = NULL;
    s->n_unlink = 0;
    if (j->number || j->n_unlink)
        start_job(&j->job);
}

void keeper_init(struct spool *s)
{
    s->sync.job = (struct job){.spool = s, .run = run_sync, .apply = apply_sync};
    s->prepare.job = (struct job){.spool = s, .run = run_prepare, .apply = apply_prepare};
    uv_mutex_init(&s->mutex);
    uv_cond_init(&s->cond);
    uv_timer_init(s->loop, &s->sync_timer);
    uv_timer_init(s->loop, &s->retry_timer);
    s->timers = 2;
}

static void on_closed(uv_handle_t *h)
{
    struct spool *s = h->data;

    s->timers--;
    maybe_free(s);
}

void keeper_close(struct spool *s)
{
    s->closing = true;
    finish_job(&s->sync.job);
    finish_job(&s->prepare.job);
    fill_sync(s);
    s->sync.fd = -1; /* ended below, which syncs it too */
    run_sync(&s->sync.job);
    if (!segment_end(&s->current, 0) || !s->sync.ok)
        pm_log(PM_ERROR, "spool sync failed", KV_I("last_seq", s->next_seq - 1));
    segment_discard(s->dirfd, &s->next);
    delete_segments(s->dirfd, &s->unlink, &s->n_unlink);
    s->sync_timer.data = s->retry_timer.data = s;
    uv_close((uv_handle_t *)&s->sync_timer, on_closed);
    uv_close((uv_handle_t *)&s->retry_timer, on_closed);
}
