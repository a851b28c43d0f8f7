/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulator/account.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/map.h"

enum { KEPT = 100000, FIRST_CAP = 256 };

struct totals {
    uint64_t requests, complete, faults, client_closed;
    struct sim_usage_sum {
        uint64_t prompt, cached, cache_write, completion, reasoning;
    } sum; /* of complete answers */
};

struct sim_account {
    struct sim_record *ring; /* grows up to KEPT */
    size_t cap;
    uint64_t first, next; /* ids that are kept: first <= id < next */
    struct pm_map totals;
    FILE *file;
};

static const char *const outcome_names[] = {"open", "complete", "fault", "client_closed"};

struct sim_account *sim_account_new(const char *file)
{
    struct sim_account *a = pm_xcalloc(1, sizeof(*a));

    pm_map_init(&a->totals);
    a->first = a->next = 1;
    a->cap = FIRST_CAP;
    a->ring = pm_xcalloc(a->cap, sizeof(*a->ring));
    if (file) {
        a->file = fopen(file, "ae");
        if (!a->file) {
            sim_account_free(a);
            return NULL;
        }
    }
    return a;
}

static struct sim_record *slot(struct sim_account *a, uint64_t id)
{
    return &a->ring[id % a->cap];
}

static void free_record(struct sim_record *r)
{
    free(r->texts);
    r->texts = NULL;
}

void sim_account_reset(struct sim_account *a)
{
    struct pm_str key;
    void *value;

    for (uint64_t id = a->first; id < a->next; id++)
        free_record(slot(a, id));
    a->first = a->next;
    for (size_t i = 0; pm_map_next(&a->totals, &i, &key, &value);) {
        free((char *)(uintptr_t)key.p);
        free(value);
    }
    pm_map_fini(&a->totals);
    pm_map_init(&a->totals);
}

void sim_account_free(struct sim_account *a)
{
    sim_account_reset(a);
    pm_map_fini(&a->totals);
    free(a->ring);
    if (a->file)
        fclose(a->file);
    free(a);
}

/* Ids stay in their slots only if the ring is laid out anew. */
static void grow(struct sim_account *a)
{
    size_t cap = a->cap * 2;
    struct sim_record *ring = pm_xcalloc(cap, sizeof(*ring));

    for (uint64_t id = a->first; id < a->next; id++)
        ring[id % cap] = *slot(a, id);
    free(a->ring);
    a->ring = ring;
    a->cap = cap;
}

static struct pm_str keep(char **at, struct pm_str s)
{
    struct pm_str copy = {*at, s.n};

    if (s.n)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    return copy;
}

/* Copies of the request's texts in one block. */
static void copy_texts(struct sim_record *rec, const struct sim_request *r,
                       const struct sim_fault *f)
{
    struct pm_str last = pm_str_cut(r->key, r->key.n > 4 ? r->key.n - 4 : 0, r->key.n);
    struct pm_buf faults, unknown;
    char *at;

    pm_buf_init(&faults, 4096);
    pm_buf_init(&unknown, 4096);
    for (unsigned k = 0; k < F_KINDS; k++)
        if (sim_fault_has(f, k))
            pm_buf_addf(&faults, "%s%s", faults.n ? " " : "", sim_fault_name(k));
    for (size_t i = 0; i < r->n_unknown; i++)
        pm_buf_addf(&unknown, "%s%.*s", unknown.n ? " " : "", PM_FMT(r->unknown[i]));
    rec->texts = pm_xmalloc(r->dialect_name.n + r->model.n + last.n + faults.n + unknown.n + 1);
    at = rec->texts;
    rec->dialect = keep(&at, r->dialect_name);
    rec->model = keep(&at, r->model);
    rec->key = keep(&at, last);
    rec->fault = keep(&at, pm_buf_view(&faults));
    rec->unknown = keep(&at, pm_buf_view(&unknown));
    pm_buf_fini(&faults);
    pm_buf_fini(&unknown);
}

struct sim_record *sim_account_begin(struct sim_account *a, const struct sim_request *r,
                                     const struct sim_fault *f)
{
    struct sim_record *rec;

    if (a->next - a->first >= a->cap && a->cap < KEPT)
        grow(a);
    if (a->next - a->first >= a->cap)
        free_record(slot(a, a->first++));
    rec = slot(a, a->next);
    memset(rec, 0, sizeof(*rec));
    rec->id = a->next++;
    rec->op = pm_str(sim_op_name(r->op));
    rec->stream = r->stream;
    rec->started_unix_ms = pm_unix_ms();
    rec->started_ms = pm_now_ms();
    rec->first_ms = rec->ended_ms = rec->closed_ms = -1;
    copy_texts(rec, r, f);
    return rec;
}

struct sim_record *sim_account_get(struct sim_account *a, uint64_t id)
{
    return id >= a->first && id < a->next ? slot(a, id) : NULL;
}

void sim_account_count(struct sim_account *a, struct pm_str dialect, struct pm_str model,
                       const struct sim_usage *u, enum sim_outcome outcome)
{
    struct pm_buf name;
    struct totals *t;

    pm_buf_init(&name, 1024);
    pm_buf_addf(&name, "%.*s/%.*s", PM_FMT(dialect), PM_FMT(model));
    t = pm_map_get(&a->totals, pm_buf_view(&name));
    if (!t) {
        t = pm_xcalloc(1, sizeof(*t));
        size_t n = name.n;
        char *key = pm_buf_detach(&name);
        pm_map_put(&a->totals, pm_str_n(key, n), t);
    }
    t->requests++;
    t->complete += outcome == SIM_COMPLETE;
    t->faults += outcome == SIM_FAULT;
    t->client_closed += outcome == SIM_CLIENT_CLOSED;
    if (outcome == SIM_COMPLETE) {
        t->sum.prompt += u->prompt;
        t->sum.cached += u->cached;
        t->sum.cache_write += u->cache_write;
        t->sum.completion += u->completion;
        t->sum.reasoning += u->reasoning;
    }
    pm_buf_fini(&name);
}

static void add_usage(struct pm_buf *b, uint64_t prompt, uint64_t cached, uint64_t cache_write,
                      uint64_t completion, uint64_t reasoning)
{
    pm_buf_addf(b,
                "\"prompt_tokens\":%llu,\"cached_tokens\":%llu,\"cache_write_tokens\":%llu,"
                "\"completion_tokens\":%llu,\"reasoning_tokens\":%llu",
                (unsigned long long)prompt, (unsigned long long)cached,
                (unsigned long long)cache_write, (unsigned long long)completion,
                (unsigned long long)reasoning);
}

static void add_text(struct pm_buf *b, const char *name, struct pm_str s)
{
    pm_buf_addf(b, "\"%s\":", name);
    pm_json_quote(b, s);
    pm_buf_ch(b, ',');
}

static void add_record(const struct sim_record *r, struct pm_buf *b)
{
    pm_buf_addf(b, "{\"id\":\"chatcmpl-sim-%llu\",\"n\":%llu,", (unsigned long long)r->id,
                (unsigned long long)r->id);
    add_text(b, "dialect", r->dialect);
    add_text(b, "model", r->model);
    add_text(b, "op", r->op);
    add_text(b, "key", r->key);
    add_text(b, "unknown", r->unknown);
    add_text(b, "fault", r->fault);
    add_text(b, "outcome", pm_str(outcome_names[r->outcome]));
    pm_buf_addf(b, "\"stream\":%s,\"answered\":%s,\"status\":%u,", r->stream ? "true" : "false",
                r->answered ? "true" : "false", r->status);
    add_usage(b, r->usage.prompt, r->usage.cached, r->usage.cache_write, r->usage.completion,
              r->usage.reasoning);
    pm_buf_addf(b, ",\"tokens_sent\":%u,\"bytes_sent\":%llu,\"started\":%lld,", r->tokens_sent,
                (unsigned long long)r->bytes_sent, (long long)r->started_unix_ms);
    pm_buf_addf(b, "\"first_ms\":%lld,\"ended_ms\":%lld,\"closed_ms\":%lld}",
                (long long)r->first_ms, (long long)r->ended_ms, (long long)r->closed_ms);
}

void sim_account_end(struct sim_account *a, struct sim_record *r, enum sim_outcome outcome)
{
    struct pm_buf line;

    r->outcome = outcome;
    r->ended_ms = (int64_t)(pm_now_ms() - r->started_ms);
    sim_account_count(a, r->dialect, r->model, &r->usage, outcome);
    if (!a->file)
        return;
    pm_buf_init(&line, 1u << 20);
    add_record(r, &line);
    pm_buf_ch(&line, '\n');
    fwrite(line.p, 1, line.n, a->file);
    fflush(a->file);
    pm_buf_fini(&line);
}

void sim_account_list(struct sim_account *a, uint64_t since, uint64_t only, struct pm_buf *out)
{
    uint64_t from = PM_MAX(since, a->first), to = a->next;
    bool first = true;

    if (only) {
        from = PM_MAX(only, a->first);
        to = PM_MIN(only + 1, a->next);
    }
    pm_buf_ch(out, '[');
    for (uint64_t id = from; id < to; id++, first = false) {
        if (!first)
            pm_buf_lit(out, ",\n");
        add_record(slot(a, id), out);
    }
    pm_buf_ch(out, ']');
}

void sim_account_totals(struct sim_account *a, struct pm_buf *out)
{
    struct pm_str key;
    void *value;
    bool first = true;

    pm_buf_ch(out, '{');
    for (size_t i = 0; pm_map_next(&a->totals, &i, &key, &value); first = false) {
        const struct totals *t = value;
        if (!first)
            pm_buf_ch(out, ',');
        pm_json_quote(out, key);
        pm_buf_addf(out,
                    ":{\"requests\":%llu,\"complete\":%llu,\"faults\":%llu,"
                    "\"client_closed\":%llu,",
                    (unsigned long long)t->requests, (unsigned long long)t->complete,
                    (unsigned long long)t->faults, (unsigned long long)t->client_closed);
        add_usage(out, t->sum.prompt, t->sum.cached, t->sum.cache_write, t->sum.completion,
                  t->sum.reasoning);
        pm_buf_ch(out, '}');
    }
    pm_buf_ch(out, '}');
}
