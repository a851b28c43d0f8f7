/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/metrics.h"

#include "common/clock.h"
#include "common/map.h"
#include "common/utf8.h"

#include <assert.h>
#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#define LABEL_MAX 128 /* bytes of one label value */
#define KEY_MAX (METRIC_LABELS * (LABEL_MAX + 1))
#define NO_DESCRIPTORS (-1)

enum kind { COUNTER, GAUGE, HISTOGRAM };
static const char *const kind_names[] = {"counter", "gauge", "histogram"};

struct label {
    const char *name;
    bool open; /* its values come from configuration or peers: "other" when they are too many */
};

/* Series that one metric may have before its open labels become "other". */
#define FEW 100
#define SOME 500
#define MANY 2000

/* clang-format off */
static const struct row {
    const char *name;
    enum kind kind;
    unsigned digits; /* of the value, after the point */
    size_t limit;
    const char *help;
    struct label labels[METRIC_LABELS];
} rows[METRIC_COUNT] = {
    [METRIC_REQUESTS] = {"pointsman_requests_total", COUNTER, 0, SOME,
        "Requests answered, by the status that the client saw.",
        {{"operation", false}, {"status", false}}},
    [METRIC_REQUEST_SECONDS] = {"pointsman_request_seconds", HISTOGRAM, 0, FEW,
        "From a request's head to the end of its answer.",
        {{"operation", false}}},
    [METRIC_FIRST_TOKEN_SECONDS] = {"pointsman_first_token_seconds", HISTOGRAM, 0, FEW,
        "From a request's head to its first content.",
        {{"provider", true}}},
    [METRIC_ATTEMPTS] = {"pointsman_attempts_total", COUNTER, 0, MANY,
        "Tries at providers, by how, in which phase and by whom they were ended.",
        {{"provider", true}, {"outcome", false}, {"phase", false}, {"who", false}}},
    [METRIC_FALLBACKS] = {"pointsman_fallbacks_total", COUNTER, 0, FEW,
        "Times a call went on to another endpoint, by the failure before.",
        {{"reason", false}}},
    [METRIC_TOKENS] = {"pointsman_tokens_total", COUNTER, 0, MANY,
        "Tokens of calls that succeeded.",
        {{"provider", true}, {"model", true}, {"kind", false}}},
    [METRIC_COST_NANO_USD] = {"pointsman_cost_nano_usd_total", COUNTER, 0, MANY,
        "What calls that succeeded cost, in 1e-9 US dollars.",
        {{"provider", true}, {"model", true}}},
    [METRIC_RETRY_BUDGET_EXHAUSTED] = {"pointsman_retry_budget_exhausted_total", COUNTER, 0, 1,
        "Fallbacks not made because the retry budget was empty."},
    [METRIC_CONFIG_RELOADS] = {"pointsman_config_reloads_total", COUNTER, 0, FEW,
        "Configuration files read again.",
        {{"result", false}}},
    [METRIC_INFLIGHT] = {"pointsman_inflight", GAUGE, 0, 1,
        "Calls that have begun and are not settled."},
    [METRIC_CONNECTIONS] = {"pointsman_connections", GAUGE, 0, 1,
        "Open connections of clients."},
    [METRIC_BODY_BYTES] = {"pointsman_body_bytes", GAUGE, 0, 1,
        "Memory held for the bodies of requests and answers."},
    [METRIC_BREAKER_STATE] = {"pointsman_breaker_state", GAUGE, 0, MANY,
        "Circuit breaker: 0 closed, 1 half open, 2 open.",
        {{"endpoint", true}}},
    [METRIC_TABLE_VERSION] = {"pointsman_table_version", GAUGE, 0, 1,
        "Version of the routing table in use."},
    [METRIC_SPOOL_BYTES] = {"pointsman_spool_bytes", GAUGE, 0, 1,
        "The spool's files on disk."},
    [METRIC_SPOOL_SEQ] = {"pointsman_spool_seq", GAUGE, 0, 1,
        "Sequence of the spool's last entry."},
    [METRIC_SPOOL_ERRORS] = {"pointsman_spool_errors_total", COUNTER, 0, 1,
        "Entries that the disk refused, and syncs that failed."},
    [METRIC_SPOOL_DROPPED_SEGMENTS] = {"pointsman_spool_dropped_segments_total", COUNTER, 0, 1,
        "Segments deleted because the spool was at its bound."},
    [METRIC_BUILD_INFO] = {"pointsman_build_info", GAUGE, 0, FEW,
        "Always 1; the label says what runs.",
        {{"version", false}}},
    [METRIC_PROCESS_RSS] = {"process_resident_memory_bytes", GAUGE, 0, 1,
        "Resident memory."},
    [METRIC_PROCESS_CPU] = {"process_cpu_seconds_total", COUNTER, 6, 1,
        "Processor time, user and system."},
    [METRIC_PROCESS_START] = {"process_start_time_seconds", GAUGE, 3, 1,
        "When the process was started, since 1970."},
    [METRIC_PROCESS_FDS] = {"process_open_fds", GAUGE, 0, 1,
        "Open file descriptors."},
    [METRIC_PROCESS_MAX_FDS] = {"process_max_fds", GAUGE, 0, 1,
        "Most file descriptors allowed."},
};
/* clang-format on */

/* Upper bounds of the buckets in microseconds, as wide as model calls are. */
static const struct {
    uint64_t us;
    const char *le; /* the same in seconds */
} buckets[] = {
    {1000, "0.001"},    {2500, "0.0025"},   {5000, "0.005"},    {10000, "0.01"},  {25000, "0.025"},
    {50000, "0.05"},    {100000, "0.1"},    {250000, "0.25"},   {500000, "0.5"},  {1000000, "1"},
    {2500000, "2.5"},   {5000000, "5"},     {10000000, "10"},   {30000000, "30"}, {60000000, "60"},
    {120000000, "120"}, {300000000, "300"}, {600000000, "600"},
};

struct metrics_histogram {
    uint64_t counts[PM_COUNT(buckets) + 1]; /* not summed up; the last is above all bounds */
    uint64_t sum_us;
};

struct series {
    union {
        uint64_t counter;
        int64_t gauge;
        struct metrics_histogram histogram;
    } cell;
    struct pm_str key; /* for each label, the length of its value and the value; after the struct */
    char *labels; /* name="value",... as printed */
};

struct family {
    struct pm_map by_key;
    struct series **series; /* in the order in which they were made */
    size_t n, cap;
};

struct metrics {
    struct family families[METRIC_COUNT];
};

enum replaced { REPLACE_NONE, REPLACE_OPEN, REPLACE_ALL };

/* Finding a series takes no formatting; its labels are printed when it is made. */
static struct pm_str make_key(char key[static KEY_MAX], const struct row *row,
                              const struct pm_str *values, enum replaced replaced)
{
    char *p = key;

    for (size_t i = 0; i < METRIC_LABELS && row->labels[i].name; i++) {
        const bool other =
            replaced == REPLACE_ALL || (replaced == REPLACE_OPEN && row->labels[i].open);
        const struct pm_str value = other ? PM_STR("other") : values[i];
        const size_t n = pm_utf8_bounded(value, LABEL_MAX);

        *p++ = (char)n;
        if (value.p)
            memcpy(p, value.p, n);
        pm_utf8_clean(p, n);
        p += n;
    }
    return pm_str_n(key, (size_t)(p - key));
}

static char *print_labels(const struct row *row, struct pm_str key)
{
    const char *p = key.p;
    struct pm_buf b;

    pm_buf_init(&b, 3 * KEY_MAX);
    pm_buf_lit(&b, "");
    for (size_t i = 0; i < METRIC_LABELS && row->labels[i].name; i++) {
        const char *const end = p + 1 + (unsigned char)*p;

        pm_buf_addf(&b, "%s%s=\"", i ? "," : "", row->labels[i].name);
        for (p++; p < end; p++) {
            if (*p == '\n')
                pm_buf_lit(&b, "\\n");
            else if (*p == '"' || *p == '\\')
                pm_buf_addf(&b, "\\%c", *p);
            else
                pm_buf_ch(&b, *p);
        }
        pm_buf_ch(&b, '"');
    }
    return pm_buf_detach(&b);
}

static struct series *add_series(struct family *f, const struct row *row, struct pm_str key)
{
    struct series *s = pm_xcalloc(1, sizeof(*s) + key.n + 1);

    memcpy(s + 1, key.p, key.n);
    s->key = pm_str_n((const char *)(s + 1), key.n);
    s->labels = print_labels(row, key);
    if (f->n == f->cap) {
        f->cap = f->cap ? 2 * f->cap : 4;
        f->series = pm_xrealloc(f->series, f->cap * sizeof(struct series *));
    }
    f->series[f->n++] = s;
    pm_map_put(&f->by_key, s->key, s);
    return s;
}

static struct series *find_series(struct metrics *m, enum metric id, const struct pm_str *values)
{
    const struct row *row = &rows[id];
    struct family *f = &m->families[id];
    struct series *s = NULL;
    char text[KEY_MAX];

    /* The values that are ours to bound keep telling apart as long as they are few. */
    for (int replaced = REPLACE_NONE; !s && replaced <= REPLACE_ALL; replaced++) {
        const struct pm_str key = make_key(text, row, values, (enum replaced)replaced);
        const bool room =
            f->n < row->limit * (replaced == REPLACE_OPEN ? 2 : 1) || replaced == REPLACE_ALL;

        s = pm_map_get(&f->by_key, key);
        if (!s && room)
            s = add_series(f, row, key);
    }
    return s;
}

uint64_t *metrics_cell(struct metrics *m, enum metric id, const struct pm_str *labels)
{
    assert(rows[id].kind == COUNTER);
    return &find_series(m, id, labels)->cell.counter;
}

int64_t *metrics_gauge_cell(struct metrics *m, enum metric id, const struct pm_str *labels)
{
    assert(rows[id].kind == GAUGE);
    return &find_series(m, id, labels)->cell.gauge;
}

struct metrics_histogram *metrics_histogram_cell(struct metrics *m, enum metric id,
                                                 const struct pm_str *labels)
{
    assert(rows[id].kind == HISTOGRAM);
    return &find_series(m, id, labels)->cell.histogram;
}

void metrics_observe(struct metrics_histogram *h, uint64_t us)
{
    size_t i = 0;

    while (i < PM_COUNT(buckets) && us > buckets[i].us)
        i++;
    h->counts[i]++;
    h->sum_us += us;
}

static void clear_family(struct family *f)
{
    for (size_t i = 0; i < f->n; i++) {
        free(f->series[i]->labels);
        free(f->series[i]);
    }
    free(f->series);
    pm_map_fini(&f->by_key);
    *f = (struct family){0};
}

void metrics_clear(struct metrics *m, enum metric id)
{
    clear_family(&m->families[id]);
}

struct metrics *metrics_new(void)
{
    static const struct pm_str none[METRIC_LABELS];
    struct metrics *m = pm_xcalloc(1, sizeof(*m));

    /* What has no labels is there from the first scrape on, as zero. */
    for (int id = 0; id < METRIC_COUNT; id++) {
        if (!rows[id].labels[0].name)
            find_series(m, (enum metric)id, none);
    }
    *metrics_gauge(m, METRIC_BUILD_INFO, PM_STR(PM_VERSION)) = 1;
    *metrics_gauge(m, METRIC_PROCESS_START) = pm_unix_ms();
    return m;
}

void metrics_free(struct metrics *m)
{
    if (!m)
        return;
    for (int id = 0; id < METRIC_COUNT; id++)
        clear_family(&m->families[id]);
    free(m);
}

static int64_t resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    unsigned long all = 0, resident = 0;

    if (f) {
        if (fscanf(f, "%lu %lu", &all, &resident) != 2)
            resident = 0;
        fclose(f);
    }
    return (int64_t)resident * sysconf(_SC_PAGESIZE);
}

static int64_t open_descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    int64_t n = -3; /* "." and "..", and the one that reads them */

    if (!d)
        return NO_DESCRIPTORS;
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void read_process(struct metrics *m)
{
    struct timespec cpu = {0};
    struct rlimit files = {0};

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    getrlimit(RLIMIT_NOFILE, &files);
    *metrics_gauge(m, METRIC_PROCESS_RSS) = resident_bytes();
    *metrics_counter(m, METRIC_PROCESS_CPU) =
        (uint64_t)cpu.tv_sec * 1000000 + (uint64_t)cpu.tv_nsec / 1000;
    *metrics_gauge(m, METRIC_PROCESS_FDS) = open_descriptors();
    *metrics_gauge(m, METRIC_PROCESS_MAX_FDS) = (int64_t)PM_MIN(files.rlim_cur, INT64_MAX);
}

/* A number with `digits` digits after its point. */
static void put_decimal(struct pm_buf *b, uint64_t v, unsigned digits)
{
    uint64_t unit = 1;

    for (unsigned i = 0; i < digits; i++)
        unit *= 10;
    pm_buf_u64(b, v / unit);
    if (digits)
        pm_buf_addf(b, ".%0*llu", (int)digits, (unsigned long long)(v % unit));
}

static void put_name(struct pm_buf *b, const char *name, const char *suffix, const char *labels)
{
    pm_buf_cstr(b, name);
    pm_buf_cstr(b, suffix);
    if (*labels) {
        pm_buf_ch(b, '{');
        pm_buf_cstr(b, labels);
        pm_buf_ch(b, '}');
    }
    pm_buf_ch(b, ' ');
}

static void print_histogram(struct pm_buf *b, const struct row *row, const struct series *s)
{
    const struct metrics_histogram *h = &s->cell.histogram;
    uint64_t below = 0;

    for (size_t i = 0; i <= PM_COUNT(buckets); i++) {
        below += h->counts[i];
        pm_buf_addf(b, "%s_bucket{%s%sle=\"%s\"} ", row->name, s->labels, *s->labels ? "," : "",
                    i < PM_COUNT(buckets) ? buckets[i].le : "+Inf");
        pm_buf_u64(b, below);
        pm_buf_ch(b, '\n');
    }
    put_name(b, row->name, "_sum", s->labels);
    put_decimal(b, h->sum_us, 6);
    pm_buf_ch(b, '\n');
    put_name(b, row->name, "_count", s->labels);
    pm_buf_u64(b, below);
    pm_buf_ch(b, '\n');
}

static void print_series(struct pm_buf *b, const struct row *row, const struct series *s)
{
    if (row->kind == HISTOGRAM) {
        print_histogram(b, row, s);
        return;
    }
    put_name(b, row->name, "", s->labels);
    if (row->kind == COUNTER)
        put_decimal(b, s->cell.counter, row->digits);
    else if (row->digits)
        put_decimal(b, (uint64_t)PM_MAX(0, s->cell.gauge), row->digits);
    else
        pm_buf_i64(b, s->cell.gauge);
    pm_buf_ch(b, '\n');
}

bool metrics_print(struct metrics *m, struct pm_buf *out)
{
    read_process(m);
    for (int id = 0; id < METRIC_COUNT; id++) {
        const struct row *row = &rows[id];

        pm_buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name,
                    kind_names[row->kind]);
        for (size_t i = 0; i < m->families[id].n; i++)
            print_series(out, row, m->families[id].series[i]);
    }
    return !out->failed;
}
