/* SPDX-License-Identifier: Apache-2.0 */
/* The spool: every call's beginning, attempts and settled record, on disk, in order, numbered.
 * Segments are memory-mapped files; an append is a copy into the page cache, so a record is in the
 * kernel when spool_* returns and survives kill -9 of this process without a system call. A thread
 * of the loop's pool makes it durable in groups, so that a power loss takes at most fsync_ms.
 * Each entry: length, CRC-32C, sequence, kind, protobuf bytes (proto/pointsman/v1/usage.proto).
 * On open, the tail is checked, a torn entry is cut off, and calls that began and never settled
 * get a settled record of status INTERRUPTED with what is known. A lock file keeps a second
 * process out. Loop thread only, but for the group fsync inside. */
#ifndef AGENT_SPOOL_H
#define AGENT_SPOOL_H

#include "common/error.h"
#include "common/money.h"

struct spool_config {
    const char *dir; /* made if missing, mode 0700 */
    size_t segment_bytes; /* size of one file */
    uint64_t max_bytes; /* of all files; the oldest whole settled segments go first */
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
};

struct spool;
struct uv_loop_s;
/* NULL and *err if the folder cannot be used. *interrupted: calls found cut by a kill. */
struct spool *spool_open(const struct spool_config *cfg, struct uv_loop_s *loop,
                         size_t *interrupted, struct pm_error *err);
void spool_close(struct spool *s); /* fsyncs; NULL is fine */

/* All three return the sequence of the entry, or 0 when the disk refused (the call must then not
 * go out, or its end must be held back). */
uint64_t spool_append_begin(struct spool *s, const struct spool_begin *b);
/* Before each further attempt: a kill during it is then found with the right provider. */
uint64_t spool_append_attempt(struct spool *s, struct pm_str id, const struct spool_attempt *a);
uint64_t spool_append_settled(struct spool *s, const struct spool_settled *r);

/* The settled record of a generation as OpenRouter's GET /generation body ({"data":...}), or false
 * if it is not (or no longer) there. */
struct pm_buf;
bool spool_generation_json(struct spool *s, struct pm_str id, struct pm_buf *out);

struct spool_stats {
    uint64_t first_seq, last_seq, bytes, dropped_segments, fsyncs, errors;
};
struct spool_stats spool_stats(const struct spool *s);

#endif
