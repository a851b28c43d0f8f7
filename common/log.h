/* SPDX-License-Identifier: Apache-2.0 */
/* One event per line on stderr: JSON, or readable text when stderr is a terminal.
 * Event names are constant strings; what varies goes into key-value pairs, never into prose.
 * Bodies of requests and answers are never logged; secrets have no constructor here, so they
 * cannot be. Any thread; a line is one write(2). Lines longer than 8 KiB lose their last pairs. */
#ifndef PM_LOG_H
#define PM_LOG_H

#include "common/base.h"

enum pm_level { PM_DEBUG, PM_INFO, PM_WARN, PM_ERROR };
enum pm_log_format { PM_LOG_AUTO, PM_LOG_JSON, PM_LOG_TEXT };

struct pm_kv {
    const char *key;
    enum { PM_KV_STR, PM_KV_INT, PM_KV_BOOL } type;
    struct pm_str s;
    int64_t i;
};

#define KV_S(k, v) ((struct pm_kv){.key = (k), .type = PM_KV_STR, .s = (v)})
#define KV_C(k, v) ((struct pm_kv){.key = (k), .type = PM_KV_STR, .s = pm_str(v)})
#define KV_I(k, v) ((struct pm_kv){.key = (k), .type = PM_KV_INT, .i = (int64_t)(v)})
#define KV_B(k, v) ((struct pm_kv){.key = (k), .type = PM_KV_BOOL, .i = (v) ? 1 : 0})

void pm_log_setup(enum pm_level least, enum pm_log_format format, const char *program);
/* Lines below PM_WARN wait in memory until pm_log_flush, or until 32 KiB are full: one system call
 * for many. A line of PM_WARN or above flushes. Off at first; for programs with a loop. */
void pm_log_buffered(bool on);
void pm_log_flush(void);
bool pm_log_on(enum pm_level level);
void pm_log_kv(enum pm_level level, const char *event, size_t n, const struct pm_kv *kv);

#define pm_log(level, event, ...)                                                                  \
    do {                                                                                           \
        if (pm_log_on(level)) {                                                                    \
            const struct pm_kv kv_[] = {__VA_ARGS__};                                              \
            pm_log_kv(level, event, sizeof(kv_) / sizeof(kv_[0]), kv_);                            \
        }                                                                                          \
    } while (0)

#endif
