/* SPDX-License-Identifier: Apache-2.0 */
/* `providers:` and its keys. */
#include "common/config/entries.h"

bool unknown_provider(struct load *l, struct pm_place at, struct pm_str slug)
{
    struct nearest near = nearest_to(slug);
    const struct pm_provider *p;
    char hint[128];

    for (size_t i = 0; (p = pm_table_provider_at(l->build, i)) != NULL; i++)
        nearest_try(&near, p->slug);
    return load_fail(l, at, "unknown provider \"%.*s\"%s", (int)PM_MIN(slug.n, 64), slug.p,
                     nearest_hint(&near, hint, sizeof(hint)));
}

static bool read_key(struct load *l, struct pm_credential *c, const struct pm_yaml *node)
{
    struct key_entry k = {0};

    if (node->type != PM_YAML_MAP)
        return load_fail(l, node->at,
                         "must be {env: NAME} or {file: PATH}; the key itself has no place here");
    schema_defaults(l, "<key>", &k);
    if (!schema_read(l, "<key>", &k, node))
        return false;
    if ((k.env.p != NULL) + (k.file.p != NULL) + k.none != 1)
        return load_fail(l, node->at, "needs one of env, file and none: true");
    c->source = k.env.p ? PM_CRED_ENV : k.file.p ? PM_CRED_FILE : PM_CRED_NONE;
    c->ref = k.env.p ? k.env : k.file;
    c->section = k.section;
    c->byok = k.byok;
    c->models = k.models;
    c->n_models = k.n_models;
    return true;
}

bool hook_key(struct load *l, const struct row *row, void *obj, const struct pm_yaml *node)
{
    struct pm_provider *p = obj;

    (void)row;
    return read_key(l, pm_table_add_credential(l->build, p, p->slug), node);
}

bool hook_keys_entry(struct load *l, const struct row *row, void *obj, const struct pm_yaml *node)
{
    struct pm_provider *p = obj;
    const char *wrong = check_slug(node->key);
    struct pm_str name;

    (void)row;
    if (wrong)
        return load_fail(l, node->key_at, "a name %s", wrong);
    name = pm_arena_fmt(l->keep, "%.*s/%.*s", PM_FMT(p->slug), PM_FMT(node->key));
    return read_key(l, pm_table_add_credential(l->build, p, name), node);
}

bool hook_data(struct load *l, const struct row *row, void *obj, const struct pm_yaml *node)
{
    struct pm_data_policy *out = (void *)((char *)obj + row->at);
    struct data_entry d = {.retention_days = -1};

    if (!schema_read(l, row->of, &d, node))
        return false;
    if (!pm_yaml_get(node, "trains"))
        return load_fail(l, node->at, "needs trains: true or false");
    *out = (struct pm_data_policy){true, d.trains, (int32_t)d.retention_days};
    return true;
}

/* NULL, or why a request may not carry a header of that name from here. */
static const char *check_header_name(struct pm_str s)
{
    static const char *const ours[] = {"authorization",
                                       "api-key",
                                       "x-api-key",
                                       "x-goog-api-key",
                                       "host",
                                       "content-length",
                                       "transfer-encoding",
                                       "content-type",
                                       "connection",
                                       "accept",
                                       "expect",
                                       "upgrade"};

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] <= ' ' || s.p[i] > '~' || strchr("\"(),/:;<=>?@[\\]{}", s.p[i]))
            return "is no name of a header";
    }
    for (size_t i = 0; i < PM_COUNT(ours); i++) {
        if (pm_str_ieq(s, pm_str(ours[i])))
            return i < 4 ? "is a header for keys: use `key`" : "is a header that the agent sets";
    }
    return s.n ? NULL : "is no name of a header";
}

bool hook_headers(struct load *l, const struct row *row, void *obj, const struct pm_yaml *node)
{
    struct pm_provider *p = obj;
    bool ok = true;

    (void)row;
    if (!load_is_map(l, node))
        return false;
    p->headers = PM_ARENA_ARRAY(l->keep, struct pm_header_kv, node->n);
    p->n_headers = 0;
    for (const struct pm_yaml *m = node->first; m; m = m->next) {
        const char *wrong = check_header_name(m->key);
        load_push(l, m->key);
        if (wrong)
            ok = load_fail(l, m->key_at, "%s", wrong);
        else if (m->type != PM_YAML_TEXT || check_text(m->text))
            ok = load_fail(l, m->at, "must be one line of text");
        else
            p->headers[p->n_headers++] = (struct pm_header_kv){pm_arena_str(l->keep, m->key),
                                                               pm_arena_str(l->keep, m->text)};
        load_pop(l);
    }
    return ok;
}

static void trim_slashes(struct pm_str *url)
{
    while (url->n && url->p[url->n - 1] == '/')
        url->n--;
}

/* A provider without its URL: mostly a slip in the slug of a shipped one. */
static bool needs_base_url(struct load *l, const struct pm_yaml *node, const struct pm_provider *p)
{
    struct nearest near = nearest_to(node->key);
    const struct pm_provider *other;
    char hint[128];

    for (size_t i = 0; (other = pm_table_provider_at(l->build, i)) != NULL; i++) {
        if (other != p)
            nearest_try(&near, other->slug);
    }
    return load_fail(l, node->key_at, "needs base_url%s", nearest_hint(&near, hint, sizeof(hint)));
}

bool hook_provider(struct load *l, const struct row *row, void *obj, const struct pm_yaml *node)
{
    struct pm_provider *p = pm_table_find_provider(l->build, node->key);
    const struct pm_yaml *key = pm_yaml_get(node, "key"), *keys = pm_yaml_get(node, "keys");
    const struct pm_yaml *url = pm_yaml_get(node, "base_url");
    const struct pm_yaml *enabled = pm_yaml_get(node, "enabled");
    bool fresh = p == NULL, ok;

    (void)obj;
    /* A '/' separates a provider from its variant in the tags of endpoints. */
    if (check_slug(node->key) || pm_str_find(node->key, '/') >= 0)
        return load_fail(l, node->key_at, "a slug must be letters, digits, '-', '_' and '.'");
    if (fresh) {
        p = pm_table_add_provider(l->build, pm_arena_str(l->keep, node->key));
        schema_defaults(l, row->path, p);
    }
    if (key && keys)
        load_fail(l, keys->key_at, "key and keys exclude each other");
    if (key || keys)
        pm_table_drop_credentials(l->build, p);
    ok = schema_read(l, row->path, p, node);
    trim_slashes(&p->base_url);
    /* Shipped without its URL it is disabled, and the URL is what it waited for. */
    if (url && !enabled)
        p->enabled = true;
    if (p->base_url.n == 0 && !url && (p->enabled || !enabled))
        ok = needs_base_url(l, node, p);
    if (fresh && (keys ? keys->n == 0 : !key))
        pm_table_add_credential(l->build, p, p->slug);
    return ok;
}
