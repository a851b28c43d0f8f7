/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/provider/error_body.h"

/* At most max bytes, and no half of a UTF-8 character at the end. */
static struct pm_str shortened(struct pm_str s, size_t max)
{
    if (s.n <= max)
        return s;
    while (max > 0 && ((unsigned char)s.p[max] & 0xc0) == 0x80)
        max--;
    return pm_str_n(s.p, max);
}

/* What a string says, or the digits of a number; PM_NSTR of anything else and of "". */
static struct pm_str text_of(struct pm_jval v, struct pm_arena *a)
{
    struct pm_str text = PM_NSTR;
    struct pm_buf buf;

    if (v.type == PM_JNUM)
        return pm_arena_str(a, shortened(v.raw, 32));
    pm_buf_init(&buf, v.raw.n + 1);
    if (pm_json_text(v, &buf, &text) && text.n > 0)
        text = pm_arena_str(a, shortened(text, ERROR_TEXT_MAX));
    else
        text = PM_NSTR;
    pm_buf_fini(&buf);
    return text;
}

static void set_once(struct pm_str *field, struct pm_jval v, struct pm_arena *a)
{
    if (!field->p)
        *field = text_of(v, a);
}

/* FastAPI: "detail": "text", or [{"loc", "msg", "type"}, ...]. */
static void read_detail(struct pm_jval v, struct pm_arena *a, struct error_body *out)
{
    struct pm_jiter it = pm_json_iter(v);
    struct pm_jval item;

    if (v.type == PM_JARR && pm_json_item(&it, &item) && item.type == PM_JOBJ) {
        set_once(&out->message, pm_json_get(item, "msg"), a);
        set_once(&out->type, pm_json_get(item, "type"), a);
        return;
    }
    if (v.type == PM_JOBJ)
        v = pm_json_get(v, "message");
    set_once(&out->message, v, a);
}

/* OpenRouter's error.metadata. Its error_type says more than its code, which is the status. */
static void read_metadata(struct pm_jval v, struct pm_arena *a, struct error_body *out)
{
    const struct pm_jval raw = v.type == PM_JOBJ ? pm_json_get(v, "raw") : v;

    if (v.type != PM_JOBJ)
        return;
    set_once(&out->inner, pm_json_get(v, "error_type"), a);
    set_once(&out->raw, raw, a);
    out->moderated |= pm_json_get(v, "reasons").type == PM_JARR;
}

static void read_fields(struct pm_jval object, struct pm_arena *a, struct error_body *out)
{
    struct pm_jiter it = pm_json_iter(object);
    struct pm_jval val;
    struct pm_str key;

    while (pm_json_member(&it, &key, &val)) {
        if (pm_str_is(key, "message") || pm_str_is(key, "msg"))
            set_once(&out->message, val, a);
        else if (pm_str_is(key, "code"))
            set_once(&out->code, val, a);
        else if (pm_str_is(key, "type"))
            set_once(&out->type, val, a);
        else if (pm_str_is(key, "param"))
            set_once(&out->param, val, a);
        else if (pm_str_is(key, "innererror") && val.type == PM_JOBJ)
            set_once(&out->inner, pm_json_get(val, "code"), a);
        else if (pm_str_is(key, "status") && val.type == PM_JSTR)
            set_once(&out->inner, val, a);
        else if (pm_str_is(key, "metadata"))
            read_metadata(val, a, out);
        else if (pm_str_is(key, "detail"))
            read_detail(val, a, out);
    }
}

static void read_json(struct pm_jval root, struct pm_arena *a, struct error_body *out)
{
    struct pm_jiter it = pm_json_iter(root);
    struct pm_jval error;
    uint64_t status;

    if (root.type == PM_JARR && !pm_json_item(&it, &root))
        return;
    if (root.type == PM_JSTR)
        set_once(&out->message, root, a);
    if (root.type != PM_JOBJ)
        return;
    error = pm_json_get(root, "error");
    if (error.type == PM_JOBJ)
        read_fields(error, a, out);
    else
        set_once(&out->message, error, a);
    read_fields(root, a, out);
    if (pm_str_u64(out->code, &status) && status >= 400 && status < 600)
        out->status = (unsigned)status;
}

void error_body_read(struct pm_str body, struct pm_str content_type, struct pm_arena *a,
                     struct error_body *out)
{
    struct pm_jval root;

    *out = (struct error_body){.kind = BODY_EMPTY};
    body = pm_str_trim(body);
    if (body.n == 0)
        return;
    if (body.p[0] == '<' || pm_str_icontains(content_type, PM_STR("text/html"))) {
        out->kind = BODY_HTML;
        return;
    }
    if (pm_json_ok(body, &root)) {
        out->kind = BODY_JSON;
        read_json(root, a, out);
        return;
    }
    /* Plain text, or JSON of which the end was cut off. */
    out->kind = BODY_TEXT;
    out->message = pm_arena_str(a, shortened(body, ERROR_TEXT_MAX));
}
