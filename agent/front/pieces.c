/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces of a stream, written anew from events. Members of an object must not be there twice,
 * so a piece takes events for as long as they come in the order of the slots; what comes out of
 * this order begins the next piece. So any sequence of events is written in one pass. */
#include "agent/front/writer.h"

enum slot {
    SLOT_NONE,
    SLOT_REASONING,
    SLOT_DETAILS,
    SLOT_CONTENT,
    SLOT_REFUSAL,
    SLOT_TOOLS,
    SLOT_AUDIO,
    SLOT_IMAGES,
    SLOT_ANNOTATIONS,
    SLOT_COUNT
};

/* How a slot begins and ends. Only those with an end take more than one event. */
static const struct {
    const char *begin, *end;
} slots[SLOT_COUNT] = {
    [SLOT_REASONING] = {"\"reasoning\":", NULL},  [SLOT_DETAILS] = {"\"reasoning_details\":[", "]"},
    [SLOT_CONTENT] = {"\"content\":\"", "\""},    [SLOT_REFUSAL] = {"\"refusal\":\"", "\""},
    [SLOT_TOOLS] = {"\"tool_calls\":[", "\"}}]"}, [SLOT_AUDIO] = {"\"audio\":", NULL},
    [SLOT_IMAGES] = {"\"images\":", NULL},        [SLOT_ANNOTATIONS] = {"\"annotations\":", NULL},
};

struct piece {
    struct front_writer *w;
    struct pm_buf *out;
    struct pm_str raw; /* of the chunk */
    bool has_details; /* the chunk has reasoning_details of its own */
    bool open, comma;
    bool lacks_content; /* a first piece has a content, be it empty */
    uint32_t choice, tool;
    enum slot slot;
    struct pm_str logprobs;
    const struct event *finish;
};

/* JSON that came in several lines, from `start` on: line ends can only be between its tokens. */
static void join_lines(struct pm_buf *out, size_t start)
{
    for (size_t i = start; i < out->n; i++) {
        if (out->p[i] == '\n' || out->p[i] == '\r')
            out->p[i] = ' ';
    }
}

static void add_line(struct pm_buf *out, struct pm_str json)
{
    const size_t start = out->n;

    pm_buf_str(out, json);
    join_lines(out, start);
}

/* The service tier and the like go out once, with the finish reason. */
static void add_extras(struct piece *p)
{
    const size_t start = p->out->n;

    front_copy_extras(p->raw, p->out);
    join_lines(p->out, start);
}

static void end_slot(struct piece *p)
{
    if (p->slot != SLOT_NONE && slots[p->slot].end)
        pm_buf_cstr(p->out, slots[p->slot].end);
}

static void add_finish(struct piece *p)
{
    const struct event *e = p->finish;
    const char *word = e ? finish_name(e->finish) : NULL;
    struct pm_buf *out = p->out;

    if (!word) {
        pm_buf_lit(out, ",\"finish_reason\":null,\"native_finish_reason\":null,\"logprobs\":");
        return;
    }
    pm_buf_lit(out, ",\"finish_reason\":\"");
    pm_buf_cstr(out, word);
    pm_buf_lit(out, "\",\"native_finish_reason\":\"");
    pm_buf_str(out, e->native.n ? e->native : pm_str(word));
    pm_buf_lit(out, "\",\"logprobs\":");
}

static void close_piece(struct piece *p)
{
    const bool chat = p->w->op == PM_OP_CHAT;

    if (!p->open)
        return;
    end_slot(p);
    if (p->lacks_content) {
        if (p->comma)
            pm_buf_ch(p->out, ',');
        if (chat)
            pm_buf_lit(p->out, "\"content\":\"\"");
        else
            pm_buf_lit(p->out, "\"text\":\"\"");
    }
    if (chat)
        pm_buf_ch(p->out, '}');
    add_finish(p);
    add_line(p->out, p->logprobs.n ? p->logprobs : PM_STR("null"));
    pm_buf_lit(p->out, "}]");
    if (p->finish && p->raw.n)
        add_extras(p);
    pm_buf_lit(p->out, "}\n\n");
    p->open = false;
}

static void open_piece(struct piece *p, uint32_t choice)
{
    uint64_t *begun = &p->w->begun[choice / 64];
    const uint64_t bit = 1ULL << (choice % 64);

    p->open = true;
    p->choice = choice;
    p->slot = SLOT_NONE;
    p->logprobs = PM_NSTR;
    p->finish = NULL;
    pm_buf_str(p->out, pm_buf_view(&p->w->head));
    pm_buf_lit(p->out, "[{\"index\":");
    pm_buf_u64(p->out, choice);
    pm_buf_ch(p->out, ',');
    if (p->w->op == PM_OP_COMPLETION) {
        p->lacks_content = true;
        p->comma = false;
        return;
    }
    pm_buf_lit(p->out, "\"delta\":{");
    p->comma = p->lacks_content = !(*begun & bit);
    if (p->lacks_content)
        pm_buf_lit(p->out, "\"role\":\"assistant\"");
    *begun |= bit;
}

/* A piece of this choice that has not ended. */
static void need_piece(struct piece *p, uint32_t choice)
{
    if (p->open && (p->choice != choice || p->finish))
        close_piece(p);
    if (!p->open)
        open_piece(p, choice);
}

/* Ready for an event of this slot: in the open piece if it can still take it. */
static void need_slot(struct piece *p, uint32_t choice, enum slot slot)
{
    if (p->open && (slot < p->slot || (slot == p->slot && !slots[slot].end)))
        close_piece(p);
    need_piece(p, choice);
    if (slot == p->slot)
        return;
    end_slot(p);
    p->slot = slot;
    if (p->comma)
        pm_buf_ch(p->out, ',');
    p->comma = true;
    if (slot == SLOT_CONTENT) {
        p->lacks_content = false;
        if (p->w->op == PM_OP_COMPLETION) {
            pm_buf_lit(p->out, "\"text\":\"");
            return;
        }
    }
    pm_buf_cstr(p->out, slots[slot].begin);
}

static void add_reasoning(struct piece *p, const struct event *e)
{
    need_slot(p, e->choice, SLOT_REASONING);
    pm_buf_ch(p->out, '"');
    pm_buf_str(p->out, e->text);
    pm_buf_ch(p->out, '"');
    if (p->has_details)
        return;
    pm_buf_lit(p->out, ",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"");
    pm_buf_str(p->out, e->text);
    pm_buf_lit(p->out, "\",\"format\":\"unknown\",\"index\":0}]");
}

static void add_tool(struct piece *p, const struct event *e)
{
    const bool begins = e->kind == EV_TOOL_START;
    struct pm_buf *out = p->out;
    bool first;

    first = !p->open || p->choice != e->choice || p->slot != SLOT_TOOLS || p->finish;
    need_slot(p, e->choice, SLOT_TOOLS);
    if (first || begins || p->tool != e->tool) {
        if (!first)
            pm_buf_lit(out, "\"}},");
        p->tool = e->tool;
        pm_buf_lit(out, "{\"index\":");
        pm_buf_u64(out, e->tool);
        if (begins) {
            pm_buf_lit(out, ",\"id\":\"");
            pm_buf_str(out, e->id);
            pm_buf_lit(out, "\",\"type\":\"function\",\"function\":{\"name\":\"");
            pm_buf_str(out, e->name);
            pm_buf_lit(out, "\",\"arguments\":\"");
        } else {
            pm_buf_lit(out, ",\"function\":{\"arguments\":\"");
        }
    }
    if (!begins)
        pm_buf_str(out, e->text);
}

static void add_media(struct piece *p, const struct event *e)
{
    static const struct {
        const char *name;
        enum slot slot;
    } media[] = {{"audio", SLOT_AUDIO}, {"images", SLOT_IMAGES}, {"annotations", SLOT_ANNOTATIONS}};

    if (pm_str_is(e->name, "logprobs")) {
        if (p->open && p->logprobs.n)
            close_piece(p);
        need_piece(p, e->choice);
        p->logprobs = e->text;
        return;
    }
    for (size_t i = 0; i < PM_COUNT(media); i++) {
        if (pm_str_is(e->name, media[i].name)) {
            need_slot(p, e->choice, media[i].slot);
            add_line(p->out, e->text);
        }
    }
}

static void note_finish(struct front_writer *w, const struct event *e)
{
    if (w->finished && e->choice != 0)
        return;
    w->finished = true;
    w->finish = e->finish;
    pm_buf_reset(&w->native);
    pm_buf_str(&w->native, e->native);
}

/* A completion has text and thoughts, and nothing else that its clients could read. */
static bool has_place(enum pm_operation op, const struct event *e)
{
    static const unsigned completion =
        1U << EV_CHOICE | 1U << EV_TEXT | 1U << EV_REASONING | 1U << EV_FINISH;

    return op == PM_OP_CHAT || (completion & 1U << e->kind) ||
           (e->kind == EV_MEDIA && pm_str_is(e->name, "logprobs"));
}

static void add_event(struct piece *p, const struct event *e)
{
    switch (e->kind) {
    case EV_CHOICE:
        need_piece(p, e->choice);
        break;
    case EV_TEXT:
        need_slot(p, e->choice, SLOT_CONTENT);
        pm_buf_str(p->out, e->text);
        break;
    case EV_REASONING:
        if (!p->w->exclude_reasoning)
            add_reasoning(p, e);
        break;
    case EV_REASONING_DETAIL:
        if (p->w->exclude_reasoning)
            break;
        if (p->open && p->choice == e->choice && p->slot == SLOT_DETAILS && !p->finish)
            pm_buf_ch(p->out, ',');
        need_slot(p, e->choice, SLOT_DETAILS);
        add_line(p->out, e->text);
        break;
    case EV_REFUSAL:
        need_slot(p, e->choice, SLOT_REFUSAL);
        pm_buf_str(p->out, e->text);
        break;
    case EV_TOOL_START:
    case EV_TOOL_ARGS:
        add_tool(p, e);
        break;
    case EV_MEDIA:
        add_media(p, e);
        break;
    case EV_FINISH:
        need_piece(p, e->choice);
        p->finish = e;
        note_finish(p->w, e);
        break;
    case EV_START:
    case EV_USAGE:
    case EV_ERROR:
        break;
    }
}

void front_write_events(struct front_writer *w, const struct chunk *c, struct pm_buf *out)
{
    struct piece p = {.w = w, .out = out, .raw = c->raw};

    for (size_t i = 0; i < c->n; i++)
        p.has_details |= c->ev[i].kind == EV_REASONING_DETAIL;
    for (size_t i = 0; i < c->n; i++) {
        if (c->ev[i].choice < FRONT_MAX_CHOICES && has_place(w->op, &c->ev[i]))
            add_event(&p, &c->ev[i]);
    }
    close_piece(&p);
}
