/* SPDX-License-Identifier: Apache-2.0 */
/* `aliases:`, `presets:` and `keys:`. */
#include "common/config/entries.h"
#include "common/json.h"

bool hook_alias(struct load *l, const struct row *row, void *obj, const struct pm_yaml *node)
{
    const char *wrong = check_slug(node->key);
    struct pm_alias *a;

    (void)obj;
    if (wrong)
        return load_fail(l, node->key_at, "a name %s", wrong);
    a = pm_table_add_alias(l->build, pm_arena_str(l->keep, node->key));
    schema_defaults(l, row->path, a);
    if (!schema_read(l, row->path, a, node))
        return false;
    return a->n_models || load_fail(l, node->key_at, "needs models");
}

bool hook_preset(struct load *l, const struct row *row, void *obj, const struct pm_yaml *node)
{
    const char *wrong = check_slug(node->key);
    struct pm_preset *p;

    (void)obj;
    if (wrong)
        return load_fail(l, node->key_at, "a name %s", wrong);
    p = pm_table_add_preset(l->build, pm_arena_str(l->keep, node->key));
    schema_defaults(l, row->path, p);
    return schema_read(l, row->path, p, node);
}

/* The grammar of JSON numbers, which is narrower than YAML's. */
static bool is_number(struct pm_str s)
{
    struct pm_jval v;

    return pm_json_ok(s, &v) && v.type == PM_JNUM;
}

static bool write_json(const struct pm_yaml *n, struct pm_buf *out)
{
    char open = n->type == PM_YAML_MAP ? '{' : '[';

    if (n->type == PM_YAML_NULL)
        return pm_buf_lit(out, "null");
    if (n->type == PM_YAML_TEXT) {
        if (!n->quoted &&
            (pm_str_is(n->text, "true") || pm_str_is(n->text, "false") || is_number(n->text)))
            return pm_buf_str(out, n->text);
        return pm_json_quote(out, n->text);
    }
    pm_buf_ch(out, open);
    for (const struct pm_yaml *m = n->first; m; m = m->next) {
        if (n->type == PM_YAML_MAP) {
            pm_json_quote(out, m->key);
            pm_buf_ch(out, ':');
        }
        write_json(m, out);
        if (m->next)
            pm_buf_ch(out, ',');
    }
    return pm_buf_ch(out, n->type == PM_YAML_MAP ? '}' : ']');
}

bool hook_request(struct load *l, const struct row *row, void *obj, const struct pm_yaml *node)
{
    static const char *const elsewhere[] = {"messages", "prompt", "input",    "stream",
                                            "model",    "models", "provider", "preset"};
    struct pm_str *body = (void *)((char *)obj + row->at);
    struct pm_buf json;
    bool ok = load_is_map(l, node);

    if (!ok || node->type == PM_YAML_NULL)
        return ok;
    for (size_t i = 0; i < PM_COUNT(elsewhere); i++) {
        const struct pm_yaml *m = pm_yaml_get(node, elsewhere[i]);
        if (m)
            ok = load_fail(l, m->key_at, "%s is not for a preset's request", elsewhere[i]);
    }
    pm_buf_init(&json, 1 << 20);
    write_json(node, &json);
    if (json.failed)
        ok = load_fail(l, node->at, "must be less than 1 MiB");
    *body = pm_arena_str(l->keep, pm_buf_view(&json));
    pm_buf_fini(&json);
    return ok;
}

static unsigned char hex_digit(char c)
{
    return (unsigned char)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

bool hook_client_key(struct load *l, const struct row *row, void *obj, const struct pm_yaml *node)
{
    struct client_entry c = {.row = {.limit_nano = PM_PRICE_NONE}};
    const char *wrong = check_slug(node->key);
    const struct pm_client_key *other;
    struct pm_client_key *k;
    struct pm_str hash;

    (void)obj;
    if (wrong)
        return load_fail(l, node->key_at, "a name %s", wrong);
    c.row.name = c.row.label = pm_arena_str(l->keep, node->key);
    schema_defaults(l, row->path, &c);
    if (!schema_read(l, row->path, &c, node))
        return false;
    if (c.sha256.n == 0)
        return load_fail(l, node->key_at, "needs sha256");
    for (size_t i = 0; i < sizeof(c.row.sha256); i++)
        c.row.sha256[i] =
            (unsigned char)(hex_digit(c.sha256.p[2 * i]) << 4 | hex_digit(c.sha256.p[2 * i + 1]));
    c.row.policy = pm_table_find_policy(l->build, c.policy);
    if (!c.row.policy)
        return load_fail(l, node->key_at, "there is no policy of that name");
    k = pm_table_add_key(l->build, c.row.name);
    *k = c.row;
    hash = pm_str_n((const char *)k->sha256, sizeof(k->sha256));
    other = pm_map_put(&l->key_by_hash, hash, k);
    if (other)
        return load_fail(l, node->key_at, "is the same key as \"%.*s\"", PM_FMT(other->name));
    return true;
}
