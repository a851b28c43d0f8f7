/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/front/assemble.h"

#include "agent/front/fragments.h"
#include "agent/front/writer.h"
#include "common/json_out.h"

#define MAX_TOOLS 1024 /* of one choice */

struct tool {
    struct pm_buf id, name, args;
};

struct choice {
    bool begun, finished;
    enum finish finish;
    struct pm_buf native, content, reasoning, refusal;
    struct tool *tools;
    size_t n_tools, cap_tools;
    struct details details;
    struct fragments audio, images, annotations, logprobs;
};

struct front_assembly {
    size_t left; /* bytes that may still be added */
    struct choice *choices;
    size_t n_choices;
};

struct front_assembly *front_assembly_new(size_t max_bytes)
{
    struct front_assembly *a = pm_xcalloc(1, sizeof(*a));

    a->left = max_bytes;
    return a;
}

static void choice_fini(struct choice *c)
{
    pm_buf_fini(&c->native);
    pm_buf_fini(&c->content);
    pm_buf_fini(&c->reasoning);
    pm_buf_fini(&c->refusal);
    for (size_t i = 0; i < c->n_tools; i++) {
        pm_buf_fini(&c->tools[i].id);
        pm_buf_fini(&c->tools[i].name);
        pm_buf_fini(&c->tools[i].args);
    }
    free(c->tools);
    details_fini(&c->details);
    fragments_fini(&c->audio);
    fragments_fini(&c->images);
    fragments_fini(&c->annotations);
    fragments_fini(&c->logprobs);
}

void front_assembly_free(struct front_assembly *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->n_choices; i++)
        choice_fini(&a->choices[i]);
    free(a->choices);
    free(a);
}

/* The tool of that number; they come dense, so at most one is new. NULL: too many. */
static struct tool *tool_at(struct choice *c, uint32_t number)
{
    if (number < c->n_tools)
        return &c->tools[number];
    if (number > c->n_tools || number >= MAX_TOOLS)
        return NULL;
    if (c->n_tools == c->cap_tools) {
        c->cap_tools = c->cap_tools ? c->cap_tools * 2 : 4;
        c->tools = pm_xrealloc(c->tools, c->cap_tools * sizeof(*c->tools));
    }
    c->tools[c->n_tools] = (struct tool){0};
    return &c->tools[c->n_tools++];
}

static bool add_tool(struct choice *c, const struct event *e)
{
    struct tool *t = tool_at(c, e->tool);

    if (!t)
        return false;
    if (e->kind == EV_TOOL_ARGS)
        return fragments_append(&t->args, e->text);
    pm_buf_reset(&t->id);
    pm_buf_reset(&t->name);
    return fragments_append(&t->id, e->id) && fragments_append(&t->name, e->name);
}

static bool add_media(struct choice *c, const struct event *e)
{
    if (pm_str_is(e->name, "audio"))
        return fragments_add(&c->audio, e->text);
    if (pm_str_is(e->name, "images"))
        return fragments_add(&c->images, e->text);
    if (pm_str_is(e->name, "annotations"))
        return fragments_add(&c->annotations, e->text);
    if (pm_str_is(e->name, "logprobs"))
        return fragments_add(&c->logprobs, e->text);
    return true;
}

/* plain: the chunk has no details of its own, so its reasoning becomes one. */
static bool add_to_choice(struct choice *c, const struct event *e, bool plain)
{
    switch (e->kind) {
    case EV_TEXT:
        return fragments_append(&c->content, e->text);
    case EV_REASONING:
        return fragments_append(&c->reasoning, e->text) &&
               (!plain || details_add_text(&c->details, e->text));
    case EV_REASONING_DETAIL:
        return details_add(&c->details, e->text);
    case EV_REFUSAL:
        return fragments_append(&c->refusal, e->text);
    case EV_TOOL_START:
    case EV_TOOL_ARGS:
        return add_tool(c, e);
    case EV_MEDIA:
        return add_media(c, e);
    case EV_FINISH:
        c->finished = true;
        c->finish = e->finish;
        pm_buf_reset(&c->native);
        return fragments_append(&c->native, e->native);
    default:
        return true;
    }
}

static struct choice *choice_at(struct front_assembly *a, uint32_t index)
{
    if (index >= a->n_choices) {
        a->choices = pm_xrealloc(a->choices, (index + 1) * sizeof(*a->choices));
        memset(a->choices + a->n_choices, 0, (index + 1 - a->n_choices) * sizeof(*a->choices));
        a->n_choices = index + 1;
    }
    return &a->choices[index];
}

static bool add_event(struct front_assembly *a, const struct event *e, bool plain)
{
    const size_t n = e->text.n + e->id.n + e->name.n + e->native.n;
    struct choice *c;

    if (e->kind == EV_START || e->kind == EV_USAGE || e->kind == EV_ERROR)
        return true;
    if (e->choice >= FRONT_MAX_CHOICES || n > a->left)
        return false;
    a->left -= n;
    c = choice_at(a, e->choice);
    c->begun = true;
    return add_to_choice(c, e, plain);
}

bool front_assembly_add(struct front_assembly *a, const struct chunk *c, bool reasoning)
{
    bool plain = true;

    for (size_t i = 0; i < c->n; i++)
        plain &= c->ev[i].kind != EV_REASONING_DETAIL;
    for (size_t i = 0; i < c->n; i++) {
        const enum event_kind kind = c->ev[i].kind;

        if (!reasoning && (kind == EV_REASONING || kind == EV_REASONING_DETAIL))
            continue;
        if (!add_event(a, &c->ev[i], plain))
            return false;
    }
    return true;
}

/* Text that is still escaped, as it came. */
static void write_body(struct pm_jout *o, const char *key, struct pm_str body)
{
    pm_jout_raw(o, key, PM_STR("\""));
    pm_buf_str(o->b, body);
    pm_buf_ch(o->b, '"');
}

static void write_tools(struct pm_jout *o, const struct choice *c)
{
    if (c->n_tools == 0)
        return;
    pm_jout_open(o, "tool_calls", '[');
    for (size_t i = 0; i < c->n_tools; i++) {
        const struct tool *t = &c->tools[i];

        pm_jout_open(o, NULL, '{');
        pm_jout_i64(o, "index", (int64_t)i);
        write_body(o, "id", pm_buf_view(&t->id));
        pm_jout_cstr(o, "type", "function");
        pm_jout_open(o, "function", '{');
        write_body(o, "name", pm_buf_view(&t->name));
        write_body(o, "arguments", t->args.n ? pm_buf_view(&t->args) : PM_STR("{}"));
        pm_jout_close(o, '}');
        pm_jout_close(o, '}');
    }
    pm_jout_close(o, ']');
}

static void write_reasoning(struct pm_jout *o, const struct choice *c)
{
    if (c->reasoning.n)
        write_body(o, "reasoning", pm_buf_view(&c->reasoning));
    if (c->details.n == 0)
        return;
    pm_jout_open(o, "reasoning_details", '[');
    details_write(&c->details, o);
    pm_jout_close(o, ']');
}

static void write_message(struct pm_jout *o, const struct choice *c)
{
    pm_jout_open(o, "message", '{');
    pm_jout_cstr(o, "role", "assistant");
    if (c->content.n || c->n_tools == 0)
        write_body(o, "content", pm_buf_view(&c->content));
    else
        pm_jout_null(o, "content");
    if (c->refusal.n)
        write_body(o, "refusal", pm_buf_view(&c->refusal));
    else
        pm_jout_null(o, "refusal");
    write_reasoning(o, c);
    write_tools(o, c);
    fragments_write(&c->audio, o, "audio");
    fragments_write(&c->images, o, "images");
    fragments_write(&c->annotations, o, "annotations");
    pm_jout_close(o, '}');
}

static void write_choice(struct pm_jout *o, const struct choice *c, size_t index,
                         enum pm_operation op)
{
    const char *word = c->finished ? finish_name(c->finish) : NULL;

    pm_jout_open(o, NULL, '{');
    pm_jout_i64(o, "index", (int64_t)index);
    if (op == PM_OP_COMPLETION) {
        write_body(o, "text", pm_buf_view(&c->content));
        write_reasoning(o, c);
    } else {
        write_message(o, c);
    }
    if (!fragments_write(&c->logprobs, o, "logprobs"))
        pm_jout_null(o, "logprobs");
    pm_jout_cstr(o, "finish_reason", word);
    if (c->native.n)
        write_body(o, "native_finish_reason", pm_buf_view(&c->native));
    else
        pm_jout_cstr(o, "native_finish_reason", word);
    pm_jout_close(o, '}');
}

void front_assembly_write(const struct front_assembly *a, enum pm_operation op, struct pm_buf *out)
{
    struct pm_jout o = {.b = out};

    pm_jout_open(&o, NULL, '[');
    for (size_t i = 0; i < a->n_choices; i++) {
        if (a->choices[i].begun)
            write_choice(&o, &a->choices[i], i, op);
    }
    pm_jout_close(&o, ']');
}
