/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulator/sim.h"

static void put_json(struct plan *p, struct pm_buf *b)
{
    plan_body(p, 200, "application/json", pm_buf_view(b));
}

static void put_result(struct plan *p, bool ok, const struct pm_error *err)
{
    struct pm_buf b;

    pm_buf_init(&b, 4096);
    if (ok) {
        pm_buf_lit(&b, "{\"ok\":true}");
    } else {
        pm_buf_lit(&b, "{\"error\":");
        pm_json_quote(&b, pm_str(err->text));
        pm_buf_ch(&b, '}');
    }
    plan_body(p, ok ? 200 : 400, "application/json", pm_buf_view(&b));
    pm_buf_fini(&b);
}

/* The number behind `name=` in a query; 0 if it is not there. Ids may be chatcmpl-sim-N. */
static uint64_t query_number(struct pm_str target, struct pm_str name)
{
    for (size_t i = 0; i + name.n < target.n; i++) {
        if (!pm_str_starts(pm_str_cut(target, i, target.n), name))
            continue;
        struct pm_str v = pm_str_cut(target, i + name.n, target.n);
        size_t n = 0;
        uint64_t number;
        if (pm_str_starts(v, PM_STR("chatcmpl-sim-")))
            v = pm_str_cut(v, 13, v.n);
        while (n < v.n && v.p[n] >= '0' && v.p[n] <= '9')
            n++;
        return pm_str_u64(pm_str_cut(v, 0, n), &number) ? number : 0;
    }
    return 0;
}

static void put_account(struct sim *s, struct pm_str target, struct plan *p)
{
    struct pm_buf b;

    pm_buf_init(&b, 256u << 20);
    pm_buf_lit(&b, "{\"records\":");
    sim_account_list(s->account, query_number(target, PM_STR("since=")),
                     query_number(target, PM_STR("id=")), &b);
    pm_buf_lit(&b, ",\n\"totals\":");
    sim_account_totals(s->account, &b);
    pm_buf_lit(&b, "}\n");
    put_json(p, &b);
    pm_buf_fini(&b);
}

static void put_stats(struct sim *s, struct plan *p)
{
    struct pm_buf b;
    uv_rusage_t used;

    pm_buf_init(&b, 1u << 20);
    uv_getrusage(&used);
    pm_buf_addf(&b,
                "{\"connections\":%zu,\"accepted\":%llu,\"requests\":%llu,\"bench\":%llu,"
                "\"cpu_us\":%lld,\"totals\":",
                s->n_conns, (unsigned long long)s->n_accepted, (unsigned long long)s->n_requests,
                (unsigned long long)s->n_bench,
                (long long)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
                    used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    sim_account_totals(s->account, &b);
    pm_buf_lit(&b, "}\n");
    put_json(p, &b);
    pm_buf_fini(&b);
}

void sim_admin(struct sim *s, struct pm_str method, struct pm_str target, struct pm_str body,
               struct plan *p)
{
    struct pm_str path = pm_str_cut(target, strlen("/_sim/"), target.n);
    ptrdiff_t query = pm_str_find(path, '?');
    bool writes = pm_str_is(method, "PUT") || pm_str_is(method, "POST");
    struct pm_error err = {0};

    if (query >= 0)
        path = pm_str_cut(path, 0, (size_t)query);
    if (pm_str_is(path, "account") && !writes) {
        put_account(s, target, p);
    } else if (pm_str_is(path, "stats") && !writes) {
        put_stats(s, p);
    } else if (pm_str_is(path, "script") && writes) {
        bool add = pm_str_is(method, "POST");
        put_result(p, sim_faults_script(s->faults, body, add, &err), &err);
    } else if (pm_str_is(path, "random") && writes) {
        put_result(p, sim_faults_random(s->faults, body, &err), &err);
    } else if (pm_str_is(path, "reset") && writes) {
        sim_faults_reset(s->faults);
        sim_account_reset(s->account);
        put_result(p, true, NULL);
    } else {
        pm_fail(&err, PM_EINVAL,
                "GET account, GET stats, PUT or POST script, PUT random, POST reset");
        put_result(p, false, &err);
    }
}
