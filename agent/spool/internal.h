/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the spool share. Loop thread only, but for the jobs' run functions, which see
 * nothing but their own job and the folder's descriptor. */
#ifndef AGENT_SPOOL_INTERNAL_H
#define AGENT_SPOOL_INTERNAL_H

#include "agent/spool/record.h"
#include "agent/spool/scan.h"
#include "common/map.h"

#include <uv.h>

/* A place in the spool: the segment's number and the offset in its file. 0: none. Places are
 * ordered as their entries are. */
static inline uint64_t place(uint32_t number, uint32_t at)
{
    return (uint64_t)number << 32 | at;
}

static inline uint32_t place_number(uint64_t p)
{
    return (uint32_t)(p >> 32);
}

static inline uint32_t place_at(uint64_t p)
{
    return (uint32_t)p;
}

/* What a checkpoint holds of each open call. */
struct checkpoint_row {
    uint64_t begun, attempt;
};

/* A call that began and has not settled; in spool.open by its id. */
struct open_call {
    uint64_t begun, attempt; /* places of its entries; attempt 0: only the first so far */
    bool orphan; /* of a process that is gone */
    struct pm_str id; /* these follow the struct */
};

/* A segment that exists on disk. */
struct segment_info {
    uint32_t number, salt;
    uint64_t first_seq;
    int64_t made_unix_ms;
    uint64_t bytes; /* size of the file */
    size_t refs; /* entries in it that open calls still need */
};

/* Work for a thread of the pool. Its result is applied once, on the loop: by the callback, or by
 * spool_close, which does not wait for the loop. */
struct job {
    uv_work_t work;
    struct spool *spool;
    void (*run)(struct job *j);
    void (*apply)(struct job *j);
    bool queued; /* libuv holds `work` */
    bool applied;
    bool done; /* under spool.mutex: run has returned */
};

struct retired {
    struct segment segment;
    uint64_t index_seq;
    struct retired *next;
};

struct sync_job {
    struct job job;
    int fd; /* of the current segment; -1: none */
    struct retired *retired; /* to be ended */
    bool folder; /* names are new too */
    uint64_t seq; /* what is synced when it succeeds */
    bool ok;
};

struct prepare_job {
    struct job job;
    uint32_t number; /* of the segment to make; 0: none */
    uint32_t *unlink; /* numbers of segments to delete first */
    size_t n_unlink;
    struct segment made;
    bool ok, no_space;
    struct pm_error err;
};

struct spool {
    struct spool_config cfg; /* dir is not kept */
    uv_loop_t *loop;
    int dirfd, lockfd;

    struct segment current, next; /* next: prepared, not in use */
    struct segment_info *segments; /* oldest first; the last is `current` when there is one */
    size_t n_segments, cap_segments;
    uint32_t last_number; /* of any segment that was ever made */
    uint64_t next_seq, synced_seq;

    struct pm_map open;
    size_t orphans; /* of them */

    uv_timer_t sync_timer, retry_timer;
    uv_mutex_t mutex;
    uv_cond_t cond;
    struct sync_job sync;
    struct prepare_job prepare;
    struct retired *retired; /* not handed to a sync yet */
    uint32_t *unlink; /* not handed to a job yet */
    size_t n_unlink;
    bool dirty; /* there are entries that no sync was begun for */
    bool folder_dirty;
    bool reclaiming; /* keeps an append inside of it from coming back to it */
    bool no_space_logged;
    bool closing;
    unsigned timers; /* not closed yet */

    uint64_t dropped_segments, fsyncs, errors, damaged;
};

/* append.c */
/* Appends the n-byte message as it is; 0: no room. */
uint64_t spool_append_raw(struct spool *s, uint16_t kind, uint16_t flags, struct pm_str payload,
                          uint64_t *at);
bool spool_rotate(struct spool *s); /* false: no segment is prepared */
struct segment_info *spool_segment(struct spool *s, uint32_t number); /* NULL: gone */
void spool_add_segment(struct spool *s, const struct segment_info *info);

/* open_calls.c */
void open_call_begin(struct spool *s, struct pm_str id, uint64_t at);
void open_call_attempt(struct spool *s, struct pm_str id, uint64_t at);
void open_call_settle(struct spool *s, struct pm_str id);
void open_calls_free(struct spool *s);
/* The checkpoint of all open calls at the head of the current segment. */
void open_calls_checkpoint(struct spool *s);
/* Copies what the calls of a segment still need of it to the current one, at most `most` calls, so
 * that it can be dropped. */
void open_calls_carry(struct spool *s, uint32_t number, size_t most);
/* Appends the settled record of every orphan; those that find no room stay orphans. */
void open_calls_settle_orphans(struct spool *s);

/* keeper.c */
void keeper_init(struct spool *s);
void keeper_dirty(struct spool *s); /* something is to be synced */
void keeper_prepare(struct spool *s); /* sees to it that a segment is prepared, within the bound */
uint64_t keeper_bytes(const struct spool *s); /* on disk, of all segments */
/* Waits, syncs and closes all files. The memory goes when the loop has closed the handles. */
void keeper_close(struct spool *s);
void spool_free(struct spool *s); /* spool.c */

/* recover.c */
/* Takes over what is in the folder. Orphans stay open. False: *err; nothing was changed that
 * matters. */
bool recover(struct spool *s, struct pm_error *err);

/* lookup.c */
/* The entry at a place, through *c, which the caller closes. */
bool spool_read_place(struct spool *s, uint64_t at, struct scan *c, struct scan_entry *e);
/* Up to where a segment may be read. */
uint32_t spool_segment_end(const struct spool *s, const struct segment_info *info);

/* generation.c */
bool generation_print(const struct spool_settled *r, struct pm_buf *out);

#endif
