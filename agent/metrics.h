/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent counts, as Prometheus text (format 0.0.4). Every metric is a row of the table in
 * metrics.c. A series is one choice of label values; asking for it makes it, and gives a cell that
 * the caller may keep and add to: `*cell += 1`. Cells stay where they are until metrics_free, but
 * for metrics_clear. Label values are copied. Each metric holds a bounded number of series: past
 * it, those labels whose values are not ours to bound (provider, model, endpoint, ...) become
 * "other". Loop thread only; nothing here fails. */
#ifndef AGENT_METRICS_H
#define AGENT_METRICS_H

#include "common/buf.h"

enum metric {
    METRIC_REQUESTS, /* counter: operation, status (HTTP, as text) */
    METRIC_REQUEST_SECONDS, /* histogram: operation */
    METRIC_FIRST_TOKEN_SECONDS, /* histogram: provider */
    METRIC_ATTEMPTS, /* counter: provider, outcome, phase, who */
    METRIC_FALLBACKS, /* counter: reason */
    METRIC_TOKENS, /* counter: provider, model, kind (prompt, completion, cached, ...) */
    METRIC_COST_NANO_USD, /* counter: provider, model */
    METRIC_RETRY_BUDGET_EXHAUSTED, /* counter */
    METRIC_CONFIG_RELOADS, /* counter: result (ok, failed) */
    METRIC_INFLIGHT, /* gauge: calls not settled yet */
    METRIC_CONNECTIONS, /* gauge: client connections */
    METRIC_BODY_BYTES, /* gauge: memory held for bodies */
    METRIC_BREAKER_STATE, /* gauge: endpoint; 0 closed, 1 half open, 2 open */
    METRIC_TABLE_VERSION, /* gauge */
    METRIC_SPOOL_BYTES, /* gauge */
    METRIC_SPOOL_SEQ, /* gauge: last sequence */
    METRIC_SPOOL_ERRORS, /* counter */
    METRIC_SPOOL_DROPPED_SEGMENTS, /* counter */
    METRIC_BUILD_INFO, /* gauge: version; set by metrics_new */
    METRIC_PROCESS_RSS, /* these five are filled by metrics_print */
    METRIC_PROCESS_CPU,
    METRIC_PROCESS_START,
    METRIC_PROCESS_FDS,
    METRIC_PROCESS_MAX_FDS,
    METRIC_COUNT
};

#define METRIC_LABELS 4 /* most labels of one metric */

struct metrics;
struct metrics_histogram;

struct metrics *metrics_new(void);
void metrics_free(struct metrics *m); /* NULL is fine */

/* metrics_counter(m, METRIC_FALLBACKS, PM_STR("timeout")): the labels in the order of the row;
 * those left out are empty. */
#define metrics_counter(m, id, ...)                                                                \
    metrics_cell((m), (id), (const struct pm_str[METRIC_LABELS]){__VA_ARGS__})
#define metrics_gauge(m, id, ...)                                                                  \
    metrics_gauge_cell((m), (id), (const struct pm_str[METRIC_LABELS]){__VA_ARGS__})
#define metrics_histogram(m, id, ...)                                                              \
    metrics_histogram_cell((m), (id), (const struct pm_str[METRIC_LABELS]){__VA_ARGS__})

uint64_t *metrics_cell(struct metrics *m, enum metric id, const struct pm_str *labels);
int64_t *metrics_gauge_cell(struct metrics *m, enum metric id, const struct pm_str *labels);
struct metrics_histogram *metrics_histogram_cell(struct metrics *m, enum metric id,
                                                 const struct pm_str *labels);
void metrics_observe(struct metrics_histogram *h, uint64_t us); /* microseconds */

/* Forgets all series of a gauge whose labels come and go, to set it anew before a scrape.
 * Cells of it that were given out are gone. */
void metrics_clear(struct metrics *m, enum metric id);

/* Appends the whole exposition; false if out is full. Reads /proc/self for the process rows. */
bool metrics_print(struct metrics *m, struct pm_buf *out);
#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

#endif
