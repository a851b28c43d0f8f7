/* SPDX-License-Identifier: Apache-2.0 */
/* What a decoder gives, put together as a client would, for tests and fuzzers: one line of text
 * for each thing that a client sees. Breaking a rule between codecs and fronts aborts. */
#ifndef PM_TESTS_ASSEMBLE_H
#define PM_TESTS_ASSEMBLE_H

#include "agent/provider/codec.h"

#define ASSEMBLED_CHOICES 4
#define ASSEMBLED_TOOLS 8

struct assembled_tool {
    struct pm_buf id, name, args;
};
struct assembled_choice {
    bool begun;
    struct pm_buf content, reasoning, details, refusal, media, native;
    struct assembled_tool tools[ASSEMBLED_TOOLS];
    uint32_t n_tools;
    enum finish finish;
};
struct assembled {
    struct assembled_choice choices[ASSEMBLED_CHOICES];
    struct pm_buf id, model, message;
    struct pm_usage usage;
    enum failure_class error;
    bool committed, whole, started;
    size_t n_chunks, n_verbatim, n_finishes;
    struct pm_buf raws; /* of the verbatim chunks, a line each */
    size_t stop_after; /* chunks; 0: never */
};

#define ASSEMBLED_MAX (64u << 20)
#define ASSEMBLED_MUST(cond)                                                                       \
    do {                                                                                           \
        if (!(cond))                                                                               \
            abort();                                                                               \
    } while (0)

static void assembled_init(struct assembled *s)
{
    *s = (struct assembled){0};
    pm_buf_init(&s->id, ASSEMBLED_MAX);
    pm_buf_init(&s->model, ASSEMBLED_MAX);
    pm_buf_init(&s->message, ASSEMBLED_MAX);
    pm_buf_init(&s->raws, ASSEMBLED_MAX);
    for (size_t i = 0; i < ASSEMBLED_CHOICES; i++) {
        struct assembled_choice *c = &s->choices[i];
        struct pm_buf *bufs[] = {&c->content, &c->reasoning, &c->details,
                                 &c->refusal, &c->media,     &c->native};

        for (size_t k = 0; k < PM_COUNT(bufs); k++)
            pm_buf_init(bufs[k], ASSEMBLED_MAX);
        for (size_t k = 0; k < ASSEMBLED_TOOLS; k++) {
            pm_buf_init(&c->tools[k].id, ASSEMBLED_MAX);
            pm_buf_init(&c->tools[k].name, ASSEMBLED_MAX);
            pm_buf_init(&c->tools[k].args, ASSEMBLED_MAX);
        }
    }
}

static void assembled_fini(struct assembled *s)
{
    pm_buf_fini(&s->id);
    pm_buf_fini(&s->model);
    pm_buf_fini(&s->message);
    pm_buf_fini(&s->raws);
    for (size_t i = 0; i < ASSEMBLED_CHOICES; i++) {
        struct assembled_choice *c = &s->choices[i];
        struct pm_buf *bufs[] = {&c->content, &c->reasoning, &c->details,
                                 &c->refusal, &c->media,     &c->native};

        for (size_t k = 0; k < PM_COUNT(bufs); k++)
            pm_buf_fini(bufs[k]);
        for (size_t k = 0; k < ASSEMBLED_TOOLS; k++) {
            pm_buf_fini(&c->tools[k].id);
            pm_buf_fini(&c->tools[k].name);
            pm_buf_fini(&c->tools[k].args);
        }
    }
}

static void assembled_tool_event(struct assembled_choice *c, const struct event *e)
{
    const bool start = e->kind == EV_TOOL_START;

    if (start)
        ASSEMBLED_MUST(e->tool == c->n_tools++ && e->id.n > 0 && e->name.n > 0);
    else
        ASSEMBLED_MUST(e->tool < c->n_tools && e->text.n > 0);
    if (e->tool >= ASSEMBLED_TOOLS)
        return;
    pm_buf_str(&c->tools[e->tool].id, e->id);
    pm_buf_str(&c->tools[e->tool].name, e->name);
    pm_buf_str(&c->tools[e->tool].args, e->text);
}

static void assembled_choice_event(struct assembled *s, const struct event *e)
{
    struct assembled_choice *c = &s->choices[e->choice % ASSEMBLED_CHOICES];

    if (e->choice >= ASSEMBLED_CHOICES)
        return;
    if (e->kind == EV_CHOICE) {
        ASSEMBLED_MUST(!c->begun);
        c->begun = true;
        return;
    }
    switch (e->kind) {
    case EV_TEXT:
        pm_buf_str(&c->content, e->text);
        break;
    case EV_REASONING:
        pm_buf_str(&c->reasoning, e->text);
        break;
    case EV_REASONING_DETAIL:
        pm_buf_str(&c->details, e->text);
        break;
    case EV_REFUSAL:
        pm_buf_str(&c->refusal, e->text);
        break;
    case EV_MEDIA:
        pm_buf_str(&c->media, e->name);
        pm_buf_str(&c->media, e->text);
        break;
    case EV_FINISH:
        ASSEMBLED_MUST(c->finish == FINISH_NONE && e->finish != FINISH_NONE);
        c->finish = e->finish;
        pm_buf_str(&c->native, e->native);
        s->n_finishes++;
        break;
    default:
        assembled_tool_event(c, e);
        break;
    }
}

static bool assemble(void *ctx, const struct chunk *chunk)
{
    struct assembled *s = ctx;

    ASSEMBLED_MUST(chunk->n > 0 && s->error == FAIL_NONE);
    s->n_chunks++;
    s->whole |= chunk->whole;
    s->committed |= chunk_is_meaningful(chunk);
    if (chunk->verbatim) {
        s->n_verbatim++;
        pm_buf_str(&s->raws, chunk->whole ? chunk->raw : chunk->choices);
        pm_buf_ch(&s->raws, '\n');
    }
    for (size_t i = 0; i < chunk->n; i++) {
        const struct event *e = &chunk->ev[i];

        if (e->kind == EV_START) {
            ASSEMBLED_MUST(!s->started && i == 0);
            s->started = true;
            pm_buf_str(&s->id, e->id);
            pm_buf_str(&s->model, e->name);
        } else if (e->kind == EV_USAGE) {
            s->usage = *e->usage;
        } else if (e->kind == EV_ERROR) {
            ASSEMBLED_MUST(chunk->n == 1 && e->failure->cls != FAIL_NONE);
            s->error = e->failure->cls;
            pm_buf_str(&s->message, e->failure->message);
        } else {
            assembled_choice_event(s, e);
        }
    }
    return s->stop_after == 0 || s->n_chunks < s->stop_after;
}

static void assembled_line(struct pm_buf *out, const char *name, struct pm_str text)
{
    if (text.n > 0) {
        pm_buf_cstr(out, name);
        pm_buf_str(out, text);
        pm_buf_ch(out, '\n');
    }
}

/* What a client would have; the error's text is left out. */
static void assembled_print(const struct assembled *s, struct pm_buf *out)
{
    const struct pm_usage *u = &s->usage;

    for (size_t i = 0; i < ASSEMBLED_CHOICES; i++) {
        const struct assembled_choice *c = &s->choices[i];

        if (c->begun && i > 0)
            pm_buf_addf(out, "choice %zu\n", i);
        assembled_line(out, "reasoning ", pm_buf_view(&c->reasoning));
        assembled_line(out, "details ", pm_buf_view(&c->details));
        assembled_line(out, "content ", pm_buf_view(&c->content));
        assembled_line(out, "refusal ", pm_buf_view(&c->refusal));
        for (uint32_t k = 0; k < PM_MIN(c->n_tools, ASSEMBLED_TOOLS); k++) {
            const struct pm_str id = pm_buf_view(&c->tools[k].id);
            const bool made = id.n == 27 && pm_str_starts(id, PM_STR("call_"));

            assembled_line(out, "tool ", made ? PM_STR("made") : id);
            assembled_line(out, " name ", pm_buf_view(&c->tools[k].name));
            assembled_line(out, " args ", pm_buf_view(&c->tools[k].args));
        }
        assembled_line(out, "media ", pm_buf_view(&c->media));
        if (c->finish != FINISH_NONE) {
            assembled_line(out, "finish ", pm_str(finish_name(c->finish)));
            assembled_line(out, " native ", pm_buf_view(&c->native));
        }
    }
    if (u->present)
        pm_buf_addf(out, "usage %lld+%lld cached %lld written %lld reasoning %lld\n",
                    (long long)u->prompt, (long long)u->completion, (long long)u->cached,
                    (long long)u->cache_write, (long long)u->reasoning);
    if (s->error != FAIL_NONE)
        assembled_line(out, s->committed ? "late error " : "error ",
                       pm_str(failure_rule(s->error)->name));
}

/* Feeds the bytes in pieces of `step` and ends. */
static void assemble_bytes(struct assembled *s, const struct dialect *d, enum pm_operation op,
                           const char *content_type, struct pm_str bytes, size_t step, bool clean)
{
    const struct codec *codec = codec_for(PM_PROTO_OPENAI);
    struct decoder *dec = codec->decoder_new(d, op, true, pm_str(content_type), assemble, s);

    for (size_t at = 0; at < bytes.n; at += step) {
        const struct pm_str piece = pm_str_cut(bytes, at, at + step);
        /* A copy of its own, so that a read past it is seen. */
        char *copy = pm_xstrndup(piece);
        const bool go = codec->decoder_feed(dec, copy, piece.n);

        memset(copy, '#', piece.n);
        free(copy);
        if (!go)
            break;
    }
    codec->decoder_end(dec, clean);
    codec->decoder_free(dec);
}

#endif
