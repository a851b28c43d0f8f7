/* SPDX-License-Identifier: Apache-2.0 */
/* `<preferences>`: what the `provider` object of a request may say too. */
#include "common/config/entries.h"

/* Requests may write "OpenAI", and so may this. */
static bool is_provider(struct load *l, struct pm_str slug)
{
    const struct pm_provider *p;

    for (size_t i = 0; (p = pm_table_provider_at(l->build, i)) != NULL; i++) {
        if (pm_str_ieq(p->slug, slug))
            return true;
    }
    return false;
}

bool hook_slugs(struct load *l, const struct row *row, void *obj, const struct pm_yaml *node)
{
    bool ok = true;

    (void)row;
    (void)obj;
    for (const struct pm_yaml *m = node->first; m; m = m->next) {
        ptrdiff_t slash = pm_str_find(m->text, '/');
        struct pm_str slug = pm_str_cut(m->text, 0, slash < 0 ? m->text.n : (size_t)slash);
        if (!is_provider(l, slug))
            ok = unknown_provider(l, m->at, slug);
    }
    return ok;
}

bool hook_only(struct load *l, const struct row *row, void *obj, const struct pm_yaml *node)
{
    ((struct pm_prefs *)obj)->only_set = true;
    return hook_slugs(l, row, obj, node);
}

static bool read_sort(struct load *l, const struct pm_yaml *node, enum pm_sort *out)
{
    unsigned word = PM_SORT_NONE;

    if (node->type != PM_YAML_TEXT || !value_word(words_sort, node->text, &word) ||
        word == PM_SORT_NONE)
        return load_fail(l, node->at, "must be price, throughput, latency or exacto");
    *out = word;
    return true;
}

bool hook_sort(struct load *l, const struct row *row, void *obj, const struct pm_yaml *node)
{
    struct pm_prefs *p = obj;
    bool ok = true;

    (void)row;
    if (node->type != PM_YAML_MAP)
        return read_sort(l, node, &p->sort);
    for (const struct pm_yaml *m = node->first; m; m = m->next) {
        load_push(l, m->key);
        if (pm_str_is(m->key, "by"))
            ok &= read_sort(l, m, &p->sort);
        else if (!pm_str_is(m->key, "partition"))
            ok = load_fail(l, m->key_at, "unknown key");
        else if (pm_str_is(m->text, "none") || pm_str_is(m->text, "model"))
            p->partition_none = pm_str_is(m->text, "none");
        else
            ok = load_fail(l, m->at, "must be model or none");
        load_pop(l);
    }
    if (ok && p->sort == PM_SORT_NONE)
        return load_fail(l, node->at, "needs by: price, throughput, latency or exacto");
    return ok;
}

static bool read_cutoff(struct load *l, const struct pm_yaml *node, double *out)
{
    if (node->type != PM_YAML_TEXT || !value_double(node->text, out) || *out <= 0)
        return load_fail(l, node->at, "must be a number above 0");
    return true;
}

bool hook_cutoffs(struct load *l, const struct row *row, void *obj, const struct pm_yaml *node)
{
    struct pm_cutoffs *c = (void *)((char *)obj + row->at);
    const struct {
        const char *name;
        double *at;
    } members[] = {{"p50", &c->p50}, {"p75", &c->p75}, {"p90", &c->p90}, {"p99", &c->p99}};
    bool ok = true;

    if (node->type != PM_YAML_MAP)
        return read_cutoff(l, node, &c->p50);
    for (const struct pm_yaml *m = node->first; m; m = m->next) {
        size_t i = 0;
        while (i < PM_COUNT(members) && !pm_str_is(m->key, members[i].name))
            i++;
        load_push(l, m->key);
        if (i == PM_COUNT(members))
            ok = load_fail(l, m->key_at, "must be p50, p75, p90 or p99");
        else
            ok &= read_cutoff(l, m, members[i].at);
        load_pop(l);
    }
    return ok;
}
