/* SPDX-License-Identifier: Apache-2.0 */
/* The spool: every call's beginning, attempts and settled record, on disk, in order, numbered.
 * Segments are memory-mapped files; an append is a copy into the page cache, so a record is in the
 * kernel when spool_append_* returns and survives kill -9 of this process without a system call.
 * A thread of the loop's pool makes it durable in groups, so that a power loss takes at most
 * fsync_ms, and prepares the next segment ahead, its disk space taken, so that a full disk is an
 * append that returns 0 and never a signal.
 * Each entry: length, CRC-32C, sequence, kind, protobuf bytes (proto/pointsman/v1/usage.proto).
 * On open, the tail is checked, a torn entry is cut off, and calls that began and never settled
 * get a settled record of status INTERRUPTED with what is known. A lock file keeps a second
 * process out. Loop thread only, but for the group fsync inside.
 * The process should ignore SIGXFSZ, so that a file size limit is a full disk too. */
#ifndef AGENT_SPOOL_H
#define AGENT_SPOOL_H

#include "common/error.h"
#include "common/money.h"

struct spool_config {
    const char *dir; /* made if missing, mode 0700 */
    size_t segment_bytes; /* size of one file, 256 KiB to 1 GiB */
    uint64_t max_bytes; /* of all files, at least 3 segments; the oldest segment goes first */
    uint32_t fsync_ms; /* longest time a record waits for its fsync */
};

struct spool_attempt {
    struct pm_str provider, endpoint, credential, upstream_id;
    unsigned status; /* HTTP; 0: none came */
    struct pm_str outcome; /* failure class name, or "ok" */
    struct pm_str who, phase; /* termination: who ended it, in which phase */
    int64_t started_ms, first_token_ms, ended_ms; /* from the call's begin; -1: never */
    bool byok;
    struct pm_str code; /* the provider's error code */
};

struct spool_begin {
    struct pm_str id; /* generation id */
    int64_t unix_ms;
    struct pm_str model, key, policy; /* model asked for; client key name, policy name */
    struct pm_str provider, endpoint; /* of the first attempt */
    struct pm_str app, user, session, origin, operation;
    bool stream;
    int64_t bound_nano; /* the most it can cost; -1: unknown */
    int64_t prompt_tokens; /* estimate */
};

enum spool_status { SPOOL_OK = 1, SPOOL_FAILED, SPOOL_CANCELLED, SPOOL_INTERRUPTED };

struct spool_settled {
    struct spool_begin begin; /* repeated, so that one record tells all */
    enum spool_status status;
    struct pm_str model, provider, endpoint; /* that answered; empty if none */
    struct pm_str finish, native_finish;
    struct pm_usage usage;
    struct pm_cost cost; /* billed to the tenant: 0 unless it succeeded */
    int64_t upstream_cost_nano; /* what the provider is thought to bill; -1 unknown */
    bool price_unknown, byok;
    int64_t first_token_ms, total_ms;
    const struct spool_attempt *attempts;
    size_t n_attempts;
    unsigned client_status; /* HTTP status the client saw */
    struct pm_str service_tier;
    int64_t found_unix_ms; /* when an interrupted call was found; 0 from the caller */
};

struct spool;
struct uv_loop_s;
/* NULL and *err if the folder cannot be used. *interrupted: calls found cut by a kill. */
struct spool *spool_open(const struct spool_config *cfg, struct uv_loop_s *loop,
                         size_t *interrupted, struct pm_error *err);
/* Returns when all is on the disk. NULL is fine. The loop must run once more: its handles close. */
void spool_close(struct spool *s);

/* All three return the sequence of the entry, or 0 when the disk refused (the call must then not
 * go out, or its end must be held back). With the disk full, the room that is left is kept for the
 * records of calls that have begun. Texts are cut to 256 bytes. */
uint64_t spool_append_begin(struct spool *s, const struct spool_begin *b);
/* Before each further attempt: a kill during it is then found with the right provider. */
uint64_t spool_append_attempt(struct spool *s, struct pm_str id, const struct spool_attempt *a);
uint64_t spool_append_settled(struct spool *s, const struct spool_settled *r);

/* The settled record of a generation as OpenRouter's GET /generation body ({"data":...}), or false
 * if it is not (or no longer) there, or was made with another client key. key PM_NSTR: any. */
struct pm_buf;
bool spool_generation_json(struct spool *s, struct pm_str id, struct pm_str key,
                           struct pm_buf *out);

/* Reads on from a sequence, for whoever passes records on: everything up to stats.synced_seq is
 * final, and it may then remember the last one it is sure of. Entries of segments that were dropped
 * are skipped. False: no more for now; asking again later goes on. */
enum spool_kind { SPOOL_CALL_BEGUN = 1, SPOOL_CALL_ATTEMPT, SPOOL_USAGE_RECORD };
struct spool_entry {
    uint64_t seq;
    enum spool_kind kind;
    bool repeated; /* a copy: its first segment was dropped while the call still ran */
    struct pm_str bytes; /* a message of usage.proto, until the next call */
};
struct spool_reader;
struct spool_reader *spool_reader_new(struct spool *s, uint64_t from_seq);
bool spool_reader_next(struct spool_reader *r, struct spool_entry *e);
void spool_reader_free(struct spool_reader *r); /* before spool_close; NULL is fine */

struct spool_stats {
    uint64_t first_seq, last_seq, bytes, dropped_segments, fsyncs, errors;
    uint64_t synced_seq; /* up to here, a power loss takes nothing */
    uint64_t damaged; /* places that could not be read, and files set aside */
    size_t open_calls; /* begun, not settled */
};
struct spool_stats spool_stats(const struct spool *s);

#endif
