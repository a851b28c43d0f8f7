/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulator/schema.h"

enum { MAX_DEPTH = 12 };

static void sample(struct pm_jval root, struct pm_jval schema, unsigned depth, struct pm_buf *out);

/* "#/$defs/Name" and the like; PM_JNONE if it points nowhere. */
static struct pm_jval follow(struct pm_jval root, struct pm_str ref)
{
    struct pm_jval at = root;

    if (!pm_str_starts(ref, PM_STR("#")))
        return (struct pm_jval){0};
    ref = pm_str_cut(ref, 1, ref.n);
    while (ref.n > 1) {
        char name[128];
        ref = pm_str_cut(ref, 1, ref.n);
        ptrdiff_t slash = pm_str_find(ref, '/');
        size_t n = slash >= 0 ? (size_t)slash : ref.n;
        if (n >= sizeof(name))
            return (struct pm_jval){0};
        memcpy(name, ref.p, n);
        name[n] = '\0';
        at = pm_json_get(at, name);
        ref = pm_str_cut(ref, n, ref.n);
    }
    return at;
}

static bool is_required(struct pm_jval required, struct pm_str key)
{
    struct pm_jiter it = pm_json_iter(required);
    struct pm_jval name;

    if (required.type != PM_JARR)
        return true;
    while (pm_json_item(&it, &name))
        if (pm_str_eq(pm_json_body(name), key))
            return true;
    return false;
}

static void sample_object(struct pm_jval root, struct pm_jval schema, unsigned depth,
                          struct pm_buf *out)
{
    struct pm_jval required = pm_json_get(schema, "required"), property;
    struct pm_jiter it = pm_json_iter(pm_json_get(schema, "properties"));
    struct pm_str key;
    bool first = true;

    pm_buf_ch(out, '{');
    while (pm_json_member(&it, &key, &property)) {
        if (!is_required(required, key))
            continue;
        pm_buf_addf(out, "%s\"%.*s\":", first ? "" : ",", PM_FMT(key));
        sample(root, property, depth + 1, out);
        first = false;
    }
    pm_buf_ch(out, '}');
}

static void sample_array(struct pm_jval root, struct pm_jval schema, unsigned depth,
                         struct pm_buf *out)
{
    struct pm_jval items = pm_json_get(schema, "items");
    int64_t least = 1;

    if (!pm_json_i64(pm_json_get(schema, "minItems"), &least))
        least = 1;
    least = PM_MIN(PM_MAX(least, 0), 16);
    pm_buf_ch(out, '[');
    for (int64_t i = 0; i < least; i++) {
        if (i)
            pm_buf_ch(out, ',');
        sample(root, items, depth + 1, out);
    }
    pm_buf_ch(out, ']');
}

static void sample_string(struct pm_jval schema, struct pm_buf *out)
{
    static const struct {
        const char *format, *text;
    } formats[] = {
        {"date-time", "2026-01-02T03:04:05Z"},
        {"date", "2026-01-02"},
        {"time", "03:04:05Z"},
        {"email", "sim@example.com"},
        {"uri", "https://example.com/"},
        {"uuid", "00000000-0000-4000-8000-000000000000"},
    };
    struct pm_str format = pm_json_body(pm_json_get(schema, "format"));
    const char *text = "lorem";
    int64_t least = 0;

    for (size_t i = 0; i < PM_COUNT(formats); i++)
        if (pm_str_is(format, formats[i].format))
            text = formats[i].text;
    pm_json_i64(pm_json_get(schema, "minLength"), &least);
    pm_buf_addf(out, "\"%s", text);
    for (int64_t i = (int64_t)strlen(text); i < PM_MIN(least, 1000); i++)
        pm_buf_ch(out, 'x');
    pm_buf_ch(out, '"');
}

static void sample_number(struct pm_jval schema, bool integer, struct pm_buf *out)
{
    struct pm_jval least = pm_json_get(schema, "minimum"), most = pm_json_get(schema, "maximum");

    if (least.type == PM_JNUM)
        pm_buf_str(out, least.raw);
    else if (most.type == PM_JNUM)
        pm_buf_str(out, most.raw);
    else
        pm_buf_cstr(out, integer ? "7" : "1.5");
}

/* The word of `type`; of a list the first that is not null. */
static struct pm_str type_of(struct pm_jval schema)
{
    struct pm_jval type = pm_json_get(schema, "type"), word;
    struct pm_jiter it = pm_json_iter(type);

    while (type.type == PM_JARR && pm_json_item(&it, &word))
        if (!pm_str_is(pm_json_body(word), "null"))
            return pm_json_body(word);
    if (type.type == PM_JNONE && pm_json_get(schema, "properties").type == PM_JOBJ)
        return PM_STR("object");
    return pm_json_body(type);
}

/* The first schema of anyOf, oneOf or allOf that is not for null, or what $ref points at. */
static struct pm_jval other_schema(struct pm_jval root, struct pm_jval schema)
{
    static const char *const lists[] = {"anyOf", "oneOf", "allOf"};
    struct pm_jval ref = pm_json_get(schema, "$ref"), one;

    if (ref.type == PM_JSTR)
        return follow(root, pm_json_body(ref));
    for (size_t i = 0; i < PM_COUNT(lists); i++) {
        struct pm_jiter it = pm_json_iter(pm_json_get(schema, lists[i]));
        while (pm_json_item(&it, &one))
            if (!pm_str_is(pm_json_body(pm_json_get(one, "type")), "null"))
                return one;
    }
    return (struct pm_jval){0};
}

static void sample(struct pm_jval root, struct pm_jval schema, unsigned depth, struct pm_buf *out)
{
    struct pm_jval fixed = pm_json_get(schema, "const"), other = other_schema(root, schema);
    struct pm_jiter it = pm_json_iter(pm_json_get(schema, "enum"));
    struct pm_str type = type_of(schema);

    if (depth > MAX_DEPTH)
        pm_buf_lit(out, "null");
    else if (fixed.type != PM_JNONE || pm_json_item(&it, &fixed))
        pm_buf_str(out, fixed.raw);
    else if (other.type == PM_JOBJ)
        sample(root, other, depth + 1, out);
    else if (pm_str_is(type, "array"))
        sample_array(root, schema, depth, out);
    else if (pm_str_is(type, "string"))
        sample_string(schema, out);
    else if (pm_str_is(type, "integer") || pm_str_is(type, "number"))
        sample_number(schema, pm_str_is(type, "integer"), out);
    else if (pm_str_is(type, "boolean"))
        pm_buf_lit(out, "true");
    else if (pm_str_is(type, "null"))
        pm_buf_lit(out, "null");
    else
        sample_object(root, schema, depth, out);
}

void sim_schema_sample(struct pm_jval schema, struct pm_buf *out)
{
    sample(schema, schema, 0, out);
}
