/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/front/fragments.h"

#define MAX_MEMBERS 64 /* of an object; the rest is dropped */

struct fragment_member {
    struct pm_buf key, value; /* value: without quotes or brackets where it is joined */
    enum pm_jtype type;
    bool joined;
};

bool fragments_append(struct pm_buf *b, struct pm_str s)
{
    b->max = SIZE_MAX / 4;
    return pm_buf_str(b, s);
}

static struct pm_str inside(struct pm_jval v)
{
    return v.raw.n < 2 ? PM_STR("") : pm_str_trim(pm_str_cut(v.raw, 1, v.raw.n - 1));
}

static bool join(struct pm_buf *b, struct pm_jval array)
{
    const struct pm_str items = inside(array);

    if (b->n && items.n && !fragments_append(b, PM_STR(",")))
        return false;
    return fragments_append(b, items);
}

static struct fragment_member *member_of(struct fragments *f, struct pm_str key)
{
    for (size_t i = 0; i < f->n_members; i++) {
        if (pm_str_eq(pm_buf_view(&f->members[i].key), key))
            return &f->members[i];
    }
    if (f->n_members == MAX_MEMBERS)
        return NULL;
    if (f->n_members == f->cap_members) {
        f->cap_members = f->cap_members ? f->cap_members * 2 : 4;
        f->members = pm_xrealloc(f->members, f->cap_members * sizeof(*f->members));
    }
    f->members[f->n_members] = (struct fragment_member){0};
    if (!fragments_append(&f->members[f->n_members].key, key))
        return NULL;
    return &f->members[f->n_members++];
}

static bool add_member(struct fragments *f, struct pm_str key, struct pm_jval val)
{
    struct fragment_member *m = member_of(f, key);
    const bool text = pm_str_is(key, "data") || pm_str_is(key, "transcript");

    if (!m || (val.type == PM_JNULL && m->type != PM_JNONE))
        return true;
    if (m->type != val.type) {
        m->type = val.type;
        m->joined = val.type == PM_JARR || (val.type == PM_JSTR && text);
        pm_buf_reset(&m->value);
    }
    if (val.type == PM_JARR)
        return join(&m->value, val);
    if (m->joined)
        return fragments_append(&m->value, pm_json_body(val));
    pm_buf_reset(&m->value);
    return fragments_append(&m->value, val.raw);
}

bool fragments_add(struct fragments *f, struct pm_str json)
{
    const enum pm_jtype type = json.n && json.p[0] == '[' ? PM_JARR : PM_JOBJ;
    const struct pm_jval v = {type, json};
    struct pm_jiter it = pm_json_iter(v);
    struct pm_jval val;
    struct pm_str key;

    if (json.n < 2 || (f->type != PM_JNONE && f->type != type))
        return true;
    f->type = type;
    if (type == PM_JARR)
        return join(&f->items, v);
    while (pm_json_member(&it, &key, &val)) {
        if (!add_member(f, key, val))
            return false;
    }
    return true;
}

static void write_joined(struct pm_jout *o, const char *key, char begin, struct pm_str text,
                         char end)
{
    pm_jout_raw(o, key, pm_str_n(&begin, 1));
    pm_buf_str(o->b, text);
    pm_buf_ch(o->b, end);
}

static void write_member(struct pm_jout *o, const struct fragment_member *m)
{
    const struct pm_str value = pm_buf_view(&m->value);

    /* The key is as it came, still escaped. */
    write_joined(o, NULL, '"', pm_buf_view(&m->key), '"');
    pm_buf_ch(o->b, ':');
    o->comma = false;
    if (m->type == PM_JARR)
        write_joined(o, NULL, '[', value, ']');
    else if (m->joined)
        write_joined(o, NULL, '"', value, '"');
    else
        pm_jout_raw(o, NULL, value);
}

bool fragments_write(const struct fragments *f, struct pm_jout *o, const char *key)
{
    if (f->type == PM_JNONE)
        return false;
    if (f->type == PM_JARR) {
        write_joined(o, key, '[', pm_buf_view(&f->items), ']');
        return true;
    }
    pm_jout_open(o, key, '{');
    for (size_t i = 0; i < f->n_members; i++)
        write_member(o, &f->members[i]);
    pm_jout_close(o, '}');
    return true;
}

void fragments_fini(struct fragments *f)
{
    pm_buf_fini(&f->items);
    for (size_t i = 0; i < f->n_members; i++) {
        pm_buf_fini(&f->members[i].key);
        pm_buf_fini(&f->members[i].value);
    }
    free(f->members);
    *f = (struct fragments){0};
}

/* One of the details. */
struct detail {
    struct pm_buf members; /* all but its text, with commas between them */
    struct pm_buf text;
    const char *text_key; /* "text", "summary", "data"; NULL: it has none yet */
};

static const char *text_key(struct pm_str key)
{
    static const char *const keys[] = {"text", "summary", "data"};

    for (size_t i = 0; i < PM_COUNT(keys); i++) {
        if (pm_str_is(key, keys[i]))
            return keys[i];
    }
    return NULL;
}

/* A member of what is held, PM_JNONE if it is not there. */
static struct pm_jval held(const struct detail *d, struct pm_str name)
{
    struct pm_jiter it = {NULL, NULL};
    struct pm_jval val;
    struct pm_str key;

    if (d->members.n)
        it = (struct pm_jiter){d->members.p, d->members.p + d->members.n};
    while (pm_json_member(&it, &key, &val)) {
        if (pm_str_eq(key, name))
            return val;
    }
    return (struct pm_jval){PM_JNONE, PM_NSTR};
}

/* True if the object goes on with what the detail holds. Encrypted data comes in one piece. */
static bool continues(const struct detail *d, struct pm_jval object)
{
    static const char *const same[] = {"type", "index"};
    const struct pm_str type = pm_json_get(object, "type").raw;
    const struct pm_jval id = pm_json_get(object, "id"), old_id = held(d, PM_STR("id"));

    for (size_t i = 0; i < PM_COUNT(same); i++) {
        if (!pm_str_eq(held(d, pm_str(same[i])).raw, pm_json_get(object, same[i]).raw))
            return false;
    }
    if (!pm_str_is(type, "\"reasoning.text\"") && !pm_str_is(type, "\"reasoning.summary\""))
        return false;
    if (id.type == PM_JSTR && old_id.type == PM_JSTR && !pm_str_eq(id.raw, old_id.raw))
        return false;
    return held(d, PM_STR("signature")).type <= PM_JNULL;
}

static struct detail *next_detail(struct details *d)
{
    if (!d->v || d->n == d->cap) {
        d->cap = d->cap ? d->cap * 2 : 4;
        d->v = pm_xrealloc(d->v, d->cap * sizeof(*d->v));
    }
    d->v[d->n] = (struct detail){0};
    return &d->v[d->n++];
}

static bool add_other(struct detail *d, struct pm_str key, struct pm_jval val)
{
    const struct pm_str whole = {key.p - 1, (size_t)(val.raw.p + val.raw.n - key.p) + 1};

    if (val.type == PM_JNULL || held(d, key).type != PM_JNONE)
        return true;
    if (d->members.n && !fragments_append(&d->members, PM_STR(",")))
        return false;
    return fragments_append(&d->members, whole);
}

bool details_add(struct details *d, struct pm_str object)
{
    const struct pm_jval v = {PM_JOBJ, object};
    struct pm_jiter it = pm_json_iter(v);
    struct detail *at = d->n ? &d->v[d->n - 1] : NULL;
    struct pm_jval val;
    struct pm_str key;

    if (!at || !continues(at, v))
        at = next_detail(d);
    while (pm_json_member(&it, &key, &val)) {
        const char *text = val.type == PM_JSTR ? text_key(key) : NULL;

        if (text && (!at->text_key || at->text_key == text)) {
            at->text_key = text;
            if (!fragments_append(&at->text, pm_json_body(val)))
                return false;
        } else if (!add_other(at, key, val)) {
            return false;
        }
    }
    return true;
}

bool details_add_text(struct details *d, struct pm_str body)
{
    static const struct pm_str plain =
        PM_STR_INIT("{\"type\":\"reasoning.text\",\"format\":\"unknown\",\"index\":0}");

    if (!details_add(d, plain))
        return false;
    d->v[d->n - 1].text_key = text_key(PM_STR("text"));
    return fragments_append(&d->v[d->n - 1].text, body);
}

void details_write(const struct details *d, struct pm_jout *o)
{
    for (size_t i = 0; i < d->n; i++) {
        const struct detail *at = &d->v[i];

        pm_jout_open(o, NULL, '{');
        if (at->members.n)
            pm_jout_raw(o, NULL, pm_buf_view(&at->members));
        if (at->text_key)
            write_joined(o, at->text_key, '"', pm_buf_view(&at->text), '"');
        pm_jout_close(o, '}');
    }
}

void details_fini(struct details *d)
{
    for (size_t i = 0; i < d->n; i++) {
        pm_buf_fini(&d->v[i].members);
        pm_buf_fini(&d->v[i].text);
    }
    free(d->v);
    *d = (struct details){0};
}
