/* SPDX-License-Identifier: Apache-2.0 */
/* `models:` with their endpoints and prices. */
#include "common/config/entries.h"

bool unknown_model(struct load *l, struct pm_place at, struct pm_str id)
{
    struct nearest near = nearest_to(id);
    const struct pm_model *m;
    char hint[128];

    for (size_t i = 0; (m = pm_table_model_at(l->build, i)) != NULL; i++)
        nearest_try(&near, m->id);
    return load_fail(l, at, "unknown model \"%.*s\"%s", (int)PM_MIN(id.n, 80), id.p,
                     nearest_hint(&near, hint, sizeof(hint)));
}

bool hook_price(struct load *l, const struct row *row, void *obj, const struct pm_yaml *node)
{
    struct pm_endpoint *e = obj;
    struct pm_price p = e->price;

    if (!p.known) {
        p = PM_PRICE_UNKNOWN;
        p.input = p.output = PM_PRICE_NONE;
    }
    if (!schema_read(l, row->of, &p, node))
        return false;
    if (p.input == PM_PRICE_NONE || p.output == PM_PRICE_NONE)
        return load_fail(l, node->at, "needs input and output");
    p.known = true;
    e->price = p;
    return true;
}

bool hook_endpoint(struct load *l, const struct row *row, void *obj, const struct pm_yaml *node)
{
    struct pm_model *m = obj;
    ptrdiff_t slash = pm_str_find(node->key, '/');
    struct pm_str slug = pm_str_cut(node->key, 0, slash < 0 ? node->key.n : (size_t)slash);
    const struct pm_provider *p = pm_table_find_provider(l->build, slug);
    struct pm_endpoint *e = pm_table_find_endpoint(l->build, m, node->key);

    if (!p)
        return unknown_provider(l, node->key_at, slug);
    if (check_slug(node->key) || node->key.p[node->key.n - 1] == '/')
        return load_fail(l, node->key_at, "must be provider or provider/variant");
    if (node->type == PM_YAML_NULL) {
        if (!e)
            return load_fail(l, node->at, "there is no such endpoint to remove");
        pm_table_remove_endpoint(l->build, e);
        return true;
    }
    if (!e) {
        e = pm_table_add_endpoint(l->build, m, p, pm_arena_str(l->keep, node->key));
        schema_defaults(l, row->path, e);
    }
    return schema_read(l, row->path, e, node);
}

bool hook_model(struct load *l, const struct row *row, void *obj, const struct pm_yaml *node)
{
    struct pm_model *m = pm_table_find_model(l->build, node->key);
    const char *wrong = check_model_id(node->key);
    bool ok;

    (void)obj;
    if (wrong)
        return load_fail(l, node->key_at, "an id %s", wrong);
    if (node->type == PM_YAML_NULL) {
        if (!m)
            return unknown_model(l, node->key_at, node->key);
        pm_table_remove_model(l->build, m);
        return true;
    }
    if (!m) {
        m = pm_table_add_model(l->build, pm_arena_str(l->keep, node->key));
        schema_defaults(l, row->path, m);
    }
    ok = schema_read(l, row->path, m, node);
    if (ok && !pm_table_next_endpoint(m, NULL))
        return load_fail(l, node->key_at, "needs endpoints: who serves it");
    return ok;
}

/* The id within a reference: without "~", ":variant" and "@preset/name". */
static struct pm_str id_of(struct pm_str ref)
{
    ptrdiff_t at = pm_str_find(ref, '@'), colon;

    if (at >= 0)
        ref = pm_str_cut(ref, 0, (size_t)at);
    colon = pm_str_find(ref, ':');
    return colon < 0 ? ref : pm_str_cut(ref, 0, (size_t)colon);
}

bool hook_model_refs(struct load *l, const struct row *row, void *obj, const struct pm_yaml *node)
{
    bool ok = true;

    (void)row;
    (void)obj;
    for (const struct pm_yaml *m = node->first; m; m = m->next) {
        struct pm_str id = id_of(m->text);
        /* ~author/family-latest moves with the table; a bare preset has no model of its own. */
        if (id.n > 0 && id.p[0] != '~' && !pm_table_find_model(l->build, id))
            ok = unknown_model(l, m->at, id);
    }
    return ok;
}
