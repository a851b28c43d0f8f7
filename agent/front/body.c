/* SPDX-License-Identifier: Apache-2.0 */
/* Answers in one piece. What a provider sent whole and well-formed keeps its bytes but for the
 * members around it; everything else is put together from its events. */
#include "agent/front/writer.h"

#include "agent/front/assemble.h"
#include "agent/front/vectors.h"
#include "common/json_out.h"

/* A choice as it is, with the finish words that clients know. */
static void copy_choice(struct pm_buf *out, struct pm_jval choice, const struct event *finish)
{
    struct pm_jiter it = pm_json_iter(choice);
    const char *word = finish ? finish_name(finish->finish) : NULL;
    struct pm_jout o = {.b = out};
    struct pm_jval val;
    struct pm_str key;

    pm_jout_open(&o, NULL, '{');
    while (pm_json_member(&it, &key, &val)) {
        if (!pm_str_is(key, "finish_reason") && !pm_str_is(key, "native_finish_reason"))
            pm_jout_raw(&o, NULL, pm_str_n(key.p - 1, (size_t)(val.raw.p + val.raw.n - key.p) + 1));
    }
    pm_jout_cstr(&o, "finish_reason", word);
    if (finish && finish->native.n) {
        pm_jout_raw(&o, "native_finish_reason", PM_STR("\""));
        pm_buf_str(out, finish->native);
        pm_buf_ch(out, '"');
    } else {
        pm_jout_cstr(&o, "native_finish_reason", word);
    }
    pm_jout_close(&o, '}');
}

/* The finish events stand in the order of the choices. */
static bool copy_choices(struct front_writer *w, const struct chunk *c, struct pm_jval choices)
{
    struct pm_jiter it = pm_json_iter(choices);
    struct pm_jval choice;
    size_t i = 0;

    pm_buf_reset(&w->choices);
    pm_buf_ch(&w->choices, '[');
    while (pm_json_item(&it, &choice)) {
        while (i < c->n && c->ev[i].kind != EV_FINISH)
            i++;
        if (w->choices.n > 1)
            pm_buf_ch(&w->choices, ',');
        copy_choice(&w->choices, choice, i < c->n ? &c->ev[i] : NULL);
        i++;
    }
    return pm_buf_ch(&w->choices, ']');
}

/* True if the bytes say it as clients want to read it: providers have other names for reasoning. */
static bool keeps_bytes(const struct chunk *c)
{
    if (!c->verbatim || !c->whole)
        return false;
    for (size_t i = 0; i < c->n; i++) {
        if (c->ev[i].kind == EV_REASONING || c->ev[i].kind == EV_REASONING_DETAIL)
            return false;
    }
    return true;
}

static bool collect_whole(struct front_writer *w, const struct chunk *c)
{
    const struct pm_jval root = front_root(c->raw);

    if (w->op == PM_OP_EMBEDDING) {
        vectors_write(pm_json_get(root, "data"), w->base64_embeddings, &w->choices);
        return !w->choices.failed;
    }
    pm_buf_reset(&w->extras);
    front_copy_extras(c->raw, &w->extras);
    if (pm_json_get(root, "system_fingerprint").type <= PM_JNULL)
        pm_buf_lit(&w->extras, ",\"system_fingerprint\":null");
    if (w->extras.failed)
        return false;
    return !keeps_bytes(c) || copy_choices(w, c, pm_json_get(root, "choices"));
}

bool front_collect(struct front_writer *w, const struct chunk *c)
{
    if (c->whole && c->raw.n && !collect_whole(w, c))
        return false;
    if (w->choices.n || w->op == PM_OP_EMBEDDING)
        return true;
    if (!w->assembly)
        w->assembly = front_assembly_new(CODEC_MAX_BODY);
    return front_assembly_add(w->assembly, c, !w->exclude_reasoning);
}

bool front_write_body(struct front_writer *w, const struct front_bill *b, struct pm_buf *out)
{
    const size_t start = out->n;

    pm_buf_reserve(out, w->head.n + w->choices.n + w->extras.n + 1024);
    pm_buf_str(out, pm_buf_view(&w->head));
    if (w->choices.n)
        pm_buf_str(out, pm_buf_view(&w->choices));
    else if (w->assembly)
        front_assembly_write(w->assembly, w->op, out);
    else
        pm_buf_lit(out, "[]");
    if (w->op != PM_OP_EMBEDDING && w->extras.n == 0)
        pm_buf_lit(out, ",\"system_fingerprint\":null"); /* clients demand it */
    pm_buf_str(out, pm_buf_view(&w->extras));
    front_write_usage(w, b, out);
    pm_buf_ch(out, '}');
    if (out->failed)
        out->n = start;
    return !out->failed;
}
