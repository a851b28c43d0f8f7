/* SPDX-License-Identifier: Apache-2.0 */
/* The one tree of configuration: file, ConfigMap, chart values and `apply -f` take the same YAML.
 * Read with libyaml into typed structs by one table of rows (schema.c), which also prints the
 * reference page. Unknown keys, wrong types and duplicate keys are errors with line and column;
 * all errors of a file are reported, not only the first. Pure but for reading the file. */
#ifndef PM_CONFIG_H
#define PM_CONFIG_H

#include "common/route/table.h"

/* `agent:`, settings of one sidecar. Times in milliseconds, sizes in bytes. */
struct pm_agent_config {
    struct pm_str listen_address;
    uint16_t listen_port; /* 127.0.0.1:8787; port 0: any free */
    struct pm_str probe_address;
    uint16_t probe_port; /* 127.0.0.1:8788 */
    struct pm_str region; /* where this agent runs; PM_NSTR */
    uint32_t max_connections;
    uint64_t max_head_bytes, max_body_bytes, max_memory_bytes;
    uint32_t client_head_ms, client_body_ms /* silence */, client_idle_ms, client_write_ms;
    uint32_t connect_ms, first_token_ms, token_idle_ms, total_ms;
    uint32_t comment_after_ms; /* 0: never commit 200 before the first content */
    uint32_t drain_ms; /* SIGTERM: longest wait for running streams */
    uint32_t retry_percent, retry_floor_per_s; /* retry budget: share of traffic, and least */
    uint32_t breaker_failures, breaker_open_ms;
    uint32_t max_attempts; /* per call */
    bool warm_connections;
    struct pm_str spool_dir;
    uint64_t spool_segment_bytes, spool_max_bytes;
    uint32_t spool_fsync_ms;
    struct pm_str log_level, log_format;
    bool sim_hint; /* internal: printed by `make run` only */
};

struct pm_config {
    struct pm_arena arena;
    struct pm_agent_config agent;
    struct pm_table *table; /* catalogue and tree compiled; one reference */
};

struct pm_config_errors {
    struct pm_buf *text;
    size_t n;
}; /* one line each: file:line:col: what */

/* Reads, checks and compiles. NULL on error, with all of them in errs. */
struct pm_config *pm_config_load(const char *path, struct pm_config_errors *errs);
struct pm_config *pm_config_parse(const char *name, struct pm_str yaml,
                                  struct pm_config_errors *errs);
void pm_config_free(struct pm_config *c); /* NULL is fine; drops its table reference */

/* The reference page in Markdown, made from the same rows that read the file. */
bool pm_config_reference(struct pm_buf *out);

/* OpenRouter's GET /models JSON → the tree's `models:` as YAML, each served by provider
 * `openrouter`. Models it cannot price are named in *skipped lines and left out. */
bool pm_import_openrouter(struct pm_str json, struct pm_buf *yaml, struct pm_buf *skipped,
                          struct pm_error *err);

#endif
