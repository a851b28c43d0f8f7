/* SPDX-License-Identifier: Apache-2.0 */
#include "common/log.h"

#include <pthread.h>
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

#define put_lit(l, lit) put((l), "" lit, sizeof(lit) - 1)

static void put_cstr(struct line *l, const char *s)
{
    put(l, s, strlen(s));
}

static void put_int(struct line *l, int64_t v)
{
    char t[20];
    size_t i = sizeof(t);
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

    do {
        t[--i] = (char)('0' + u % 10);
        u /= 10;
    } while (u);
    if (v < 0)
        t[--i] = '-';
    put(l, t + i, sizeof(t) - i);
}

/* Control bytes and bytes that are not ASCII are escaped, so a peer cannot forge a line. */
static void put_escaped(struct line *l, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    const char plain[2] = {'\\', (char)c};
    const char code[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

    if (c == '"' || c == '\\')
        put(l, plain, sizeof(plain));
    else
        put(l, code, sizeof(code));
}

static void put_text(struct line *l, struct pm_str s)
{
    size_t from = 0;

    put_lit(l, "\"");
    for (size_t i = 0; i < s.n && !l->full; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\')
            continue;
        put(l, s.p + from, i - from);
        put_escaped(l, c);
        from = i + 1;
    }
    if (s.n > from)
        put(l, s.p + from, s.n - from);
    put_lit(l, "\"");
}

static void put_value(struct line *l, const struct pm_kv *kv)
{
    switch (kv->type) {
    case PM_KV_STR:
        put_text(l, kv->s);
        break;
    case PM_KV_INT:
        put_int(l, kv->i);
        break;
    case PM_KV_BOOL:
        put_cstr(l, kv->i ? "true" : "false");
        break;
    }
}

/* 2026-01-31T23:59:59.999Z; all but the last part is made anew once a second, per thread. */
static void put_time(struct line *l)
{
    static _Thread_local char text[24];
    static _Thread_local time_t made;
    struct timespec ts;
    struct tm tm;
    char ms[5] = {'.', '0', '0', '0', 'Z'};

    clock_gettime(CLOCK_REALTIME, &ts);
    if (ts.tv_sec != made) {
        gmtime_r(&ts.tv_sec, &tm);
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
        made = ts.tv_sec;
    }
    ms[1] = (char)('0' + ts.tv_nsec / 100000000);
    ms[2] = (char)('0' + ts.tv_nsec / 10000000 % 10);
    ms[3] = (char)('0' + ts.tv_nsec / 1000000 % 10);
    put_cstr(l, text);
    put(l, ms, sizeof(ms));
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

static void put_head(struct line *l, enum pm_level level, const char *event)
{
    if (as_json) {
        put_lit(l, "{\"time\":\"");
        put_time(l);
        put_lit(l, "\",\"level\":\"");
        put_cstr(l, level_names[level]);
        put_lit(l, "\",\"program\":\"");
        put_cstr(l, program_name);
        put_lit(l, "\",\"event\":\"");
        put_cstr(l, event);
        put_lit(l, "\"");
    } else {
        put_time(l);
        put_lit(l, " ");
        put_cstr(l, level_names[level]);
        put_lit(l, " ");
        put_cstr(l, event);
    }
}

static void put_pair(struct line *l, const struct pm_kv *kv)
{
    put_cstr(l, as_json ? ",\"" : " ");
    put_cstr(l, kv->key);
    put_cstr(l, as_json ? "\":" : "=");
    put_value(l, kv);
}

void pm_log_kv(enum pm_level level, const char *event, size_t n, const struct pm_kv *kv)
{
    struct line l; /* 8 KiB that need no zeroing */

    l.n = 0;
    l.full = false;
    put_head(&l, level, event);
    for (size_t i = 0; i < n; i++) {
        size_t mark = l.n;
        put_pair(&l, &kv[i]);
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
