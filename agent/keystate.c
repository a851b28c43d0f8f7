/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/keystate.h"

#include <stdlib.h>

#define LONGEST_MS (24ULL * 3600 * 1000) /* a provider may ask for no more than a day */

struct keystate {
    struct pm_table *table;
    struct pm_cred_health *view;
    uint64_t *until_ms; /* by credential; 0: fine */
    size_t n_bad; /* in view */
};

struct keystate *keystate_new(void)
{
    return pm_xcalloc(1, sizeof(struct keystate));
}

void keystate_free(struct keystate *k)
{
    if (!k)
        return;
    pm_table_unref(k->table);
    free(k->view);
    free(k->until_ms);
    free(k);
}

static bool is_same_key(const struct pm_credential *a, const struct pm_credential *b)
{
    return a->source == b->source && pm_str_eq(a->name, b->name) && pm_str_eq(a->ref, b->ref);
}

/* Where t has c, which may be of another table; n_credentials if nowhere. */
static size_t find(const struct pm_table *t, const struct pm_credential *c)
{
    size_t i = 0;

    if (c->index < t->n_credentials && t->credentials[c->index] == c)
        return c->index;
    while (i < t->n_credentials && !is_same_key(t->credentials[i], c))
        i++;
    return i;
}

void keystate_use_table(struct keystate *k, struct pm_table *t)
{
    struct keystate next = {.table = pm_table_ref(t)};

    next.view = pm_xcalloc(t->n_credentials, sizeof(*next.view));
    next.until_ms = pm_xcalloc(t->n_credentials, sizeof(*next.until_ms));
    for (size_t i = 0; k->table && k->n_bad > 0 && i < t->n_credentials; i++) {
        size_t before = find(k->table, t->credentials[i]);
        if (before == k->table->n_credentials)
            continue;
        next.view[i] = k->view[before];
        next.until_ms[i] = k->until_ms[before];
        next.n_bad += next.view[i].bad;
    }
    pm_table_unref(k->table);
    free(k->view);
    free(k->until_ms);
    *k = next;
}

void keystate_set_aside(struct keystate *k, const struct pm_credential *cred, uint32_t least_ms,
                        int64_t retry_after_ms, uint64_t now_ms)
{
    uint64_t wait = least_ms, until;
    size_t i = cred && k->table ? find(k->table, cred) : 0;

    if (!cred || !k->table || i == k->table->n_credentials)
        return;
    if (retry_after_ms > 0)
        wait = PM_MAX(wait, (uint64_t)retry_after_ms);
    until = now_ms + PM_MIN(wait, LONGEST_MS);
    k->until_ms[i] = PM_MAX(k->until_ms[i], until);
    k->n_bad += !k->view[i].bad;
    k->view[i].bad = true;
}

static void clear(struct keystate *k, size_t i)
{
    k->n_bad -= k->view[i].bad;
    k->view[i].bad = false;
    k->until_ms[i] = 0;
}

void keystate_clear(struct keystate *k, const struct pm_credential *cred)
{
    size_t i;

    if (!cred || !k->table || k->n_bad == 0)
        return;
    i = find(k->table, cred);
    if (i < k->table->n_credentials)
        clear(k, i);
}

const struct pm_cred_health *keystate_view(struct keystate *k, uint64_t now_ms)
{
    for (size_t i = 0; k->n_bad > 0 && i < k->table->n_credentials; i++) {
        if (k->view[i].bad && k->until_ms[i] <= now_ms)
            clear(k, i);
    }
    return k->view;
}
