/* SPDX-License-Identifier: Apache-2.0 */
#include "common/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <unistd.h>

#define LINE_BYTES 8192

static enum pm_level least_level = PM_INFO;
static bool as_json = true;
static bool buffered;
static pthread_mutex_t held_lock = PTHREAD_MUTEX_INITIALIZER;
static char held[32 << 10]; /* under held_lock */
static size_t n_held;
static const char *program_name = "pointsman";
static const char *const level_names[] = {"debug", "info", "warn", "error"};

struct line {
    char p[LINE_BYTES];
    size_t n;
    bool full;
};

void pm_log_setup(enum pm_level least, enum pm_log_format format, const char *program)
{
    least_level = least;
    as_json = format == PM_LOG_JSON || (format == PM_LOG_AUTO && !isatty(STDERR_FILENO));
    program_name = program;
}

bool pm_log_on(enum pm_level level)
{
    return level >= least_level;
}

static void put(struct line *l, const char *p, size_t n)
{
    if (l->full || n > sizeof(l->p) - 4 - l->n) { /* room for "}\n" stays */
        l->full = true;
        return;
    }
    memcpy(l->p + l->n, p, n);
    l->n += n;
}

static void putf(struct line *l, const char *fmt, ...) PM_PRINTF(2, 3);
static void putf(struct line *l, const char *fmt, ...)
{
    char t[128];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(t, sizeof(t), fmt, ap);
    va_end(ap);
    if (n > 0)
        put(l, t, PM_MIN((size_t)n, sizeof(t) - 1));
}

/* Control bytes and bytes that are not ASCII are escaped, so a peer cannot forge a line. */
static void put_text(struct line *l, struct pm_str s)
{
    put(l, "\"", 1);
    for (size_t i = 0; i < s.n && !l->full; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\')
            putf(l, "\\%c", c);
        else if (c < 0x20 || c >= 0x7f)
            putf(l, "\\u%04x", c);
        else
            put(l, s.p + i, 1);
    }
    put(l, "\"", 1);
}

static void put_value(struct line *l, const struct pm_kv *kv)
{
    switch (kv->type) {
    case PM_KV_STR:
        put_text(l, kv->s);
        break;
    case PM_KV_INT:
        putf(l, "%lld", (long long)kv->i);
        break;
    case PM_KV_BOOL:
        putf(l, "%s", kv->i ? "true" : "false");
        break;
    }
}

static void write_out(const char *p, size_t n)
{
    ssize_t ignored = write(STDERR_FILENO, p, n);
    (void)ignored; /* there is nowhere left to say it */
}

static void flush_held(void)
{
    if (n_held)
        write_out(held, n_held);
    n_held = 0;
}

static void emit(const struct line *l, enum pm_level level)
{
    if (!buffered) {
        write_out(l->p, l->n);
        return;
    }
    pthread_mutex_lock(&held_lock);
    if (n_held + l->n > sizeof(held))
        flush_held();
    memcpy(held + n_held, l->p, l->n);
    n_held += l->n;
    if (level >= PM_WARN)
        flush_held();
    pthread_mutex_unlock(&held_lock);
}

void pm_log_buffered(bool on)
{
    pm_log_flush();
    buffered = on;
}

void pm_log_flush(void)
{
    pthread_mutex_lock(&held_lock);
    flush_held();
    pthread_mutex_unlock(&held_lock);
}

void pm_log_kv(enum pm_level level, const char *event, size_t n, const struct pm_kv *kv)
{
    struct line l = {.n = 0};
    struct timespec ts;
    struct tm tm;
    char when[40];

    clock_gettime(CLOCK_REALTIME, &ts);
    gmtime_r(&ts.tv_sec, &tm);
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
    if (as_json)
        putf(&l, "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"program\":\"%s\",\"event\":\"%s\"",
             when, ts.tv_nsec / 1000000, level_names[level], program_name, event);
    else
        putf(&l, "%s.%03ldZ %-5s %s", when, ts.tv_nsec / 1000000, level_names[level], event);
    for (size_t i = 0; i < n; i++) {
        size_t mark = l.n;
        putf(&l, as_json ? ",\"%s\":" : " %s=", kv[i].key);
        put_value(&l, &kv[i]);
        if (l.full) { /* drop the pair that did not fit, whole */
            l.n = mark;
            break;
        }
    }
    if (as_json)
        l.p[l.n++] = '}';
    l.p[l.n++] = '\n';
    emit(&l, level);
}
