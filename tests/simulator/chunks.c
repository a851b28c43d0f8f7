/* SPDX-License-Identifier: Apache-2.0 */
/* The streamed form of an answer: one piece of the plan per server-sent event. */
#include "common/json.h"
#include "tests/simulator/answer.h"

struct chunker {
    const struct sim_answer *w;
    struct plan *p;
    struct pm_str open; /* `data: {"id":…,"choices":[` */
    struct pm_str text; /* the member that holds text, with its colon */
    const char *end; /* of an event */
    uint64_t habits; /* F_BIT of the form kinds, from dialect and fault */
    uint32_t said; /* tokens so far, for cumulative usage */
    bool began[8]; /* per choice: the role was sent */
};

/* One chunk. Texts are JSON members without the comma before them. */
struct delta {
    unsigned choice;
    struct pm_str before, after; /* of `delta`; a word goes between if `words` */
    struct pm_str again; /* between the word and the word */
    struct pm_str beside; /* in the choice, after the finish reason */
    struct pm_str last; /* in the chunk, after the choices */
    struct pm_str finish; /* empty: null */
    uint32_t words, first_word, tokens;
    bool content;
};

static bool has(const struct chunker *c, enum fault_kind kind)
{
    return (c->habits & F_BIT(kind)) != 0;
}

static void comma(struct pm_buf *b)
{
    if (b->n && b->p[b->n - 1] != '{')
        pm_buf_ch(b, ',');
}

static void add_delta_open(struct chunker *c, const struct delta *d, struct pm_buf *b)
{
    bool first = !c->began[d->choice];

    pm_buf_str(b, c->open);
    if (c->w->r->op == SIM_COMPLETIONS) {
        pm_buf_addf(b, "{\"index\":%u,", d->choice);
        pm_buf_str(b, d->before.n ? d->before : PM_STR("\"text\":\"\""));
        return;
    }
    pm_buf_addf(b, "{\"index\":%u,\"delta\":{", d->choice);
    if (first || has(c, F_ROLE_REPEATED))
        pm_buf_lit(b, "\"role\":\"assistant\"");
    if (has(c, F_NULL_MEMBERS)) {
        comma(b);
        pm_buf_lit(b, "\"refusal\":null,\"function_call\":null,\"audio\":null");
        if (!pm_str_starts(d->before, PM_STR("\"tool_calls\"")))
            pm_buf_lit(b, ",\"tool_calls\":null");
        if (!pm_str_starts(d->before, PM_STR("\"reasoning_content\"")))
            pm_buf_lit(b, ",\"reasoning_content\":null");
    }
    if (d->before.n) {
        comma(b);
        pm_buf_str(b, d->before);
    }
    c->began[d->choice] = true;
}

static void add_delta_close(struct chunker *c, const struct delta *d, struct pm_buf *b)
{
    pm_buf_str(b, d->after);
    if (c->w->r->op != SIM_COMPLETIONS)
        pm_buf_lit(b, "}");
    if (c->w->r->logprobs && d->content)
        pm_buf_lit(b, ",\"logprobs\":{\"content\":[{\"token\":\"x\",\"logprob\":-0.1,"
                      "\"bytes\":[120],\"top_logprobs\":[]}],\"refusal\":null}");
    else
        pm_buf_lit(b, ",\"logprobs\":null");
    pm_buf_lit(b, ",\"finish_reason\":");
    if (d->finish.n)
        pm_json_quote(b, d->finish);
    else
        pm_buf_lit(b, "null");
    if (c->w->r->dialect->error == ERR_AZURE)
        pm_buf_lit(b, ",\"content_filter_results\":{}");
    if (c->w->r->dialect->error == ERR_OPENROUTER) {
        pm_buf_lit(b, ",\"native_finish_reason\":");
        if (d->finish.n)
            pm_json_quote(b, d->finish);
        else
            pm_buf_lit(b, "null");
    }
    if (d->beside.n) {
        pm_buf_ch(b, ',');
        pm_buf_str(b, d->beside);
    }
    pm_buf_lit(b, "}]");
    if (d->last.n) {
        pm_buf_ch(b, ',');
        pm_buf_str(b, d->last);
    }
    if (has(c, F_USAGE_EVERY) && d->tokens) {
        struct sim_usage so_far = c->w->usage;
        so_far.completion = c->said;
        so_far.reasoning = 0;
        pm_buf_lit(b, ",\"usage\":");
        sim_usage_write(c->w, &so_far, b);
    } else if (has(c, F_USAGE_NULL) && !d->last.n) {
        pm_buf_lit(b, ",\"usage\":null");
    }
    pm_buf_addf(b, "}%s", c->end);
}

static void emit(struct chunker *c, const struct delta *d)
{
    struct plan *p = c->p;
    struct pm_buf b;
    struct piece *one;

    c->said += d->tokens;
    if (has(c, F_COMMENTS))
        plan_add(p, has(c, F_CRLF) ? PM_STR(": keep-alive\r\n\r\n") : PM_STR(": keep-alive\n\n"));
    pm_buf_init(&b, 64u << 20);
    add_delta_open(c, d, &b);
    if (!d->words)
        add_delta_close(c, d, &b);
    one = plan_add(p, pm_arena_str(p->a, pm_buf_view(&b)));
    if (d->words) {
        pm_buf_reset(&b);
        add_delta_close(c, d, &b);
        one->tail = pm_arena_str(p->a, pm_buf_view(&b));
        one->words = true;
        one->again = d->again;
        one->repeat = d->words;
        one->first_word = d->first_word;
    }
    one->tokens = d->tokens;
    one->content = d->content;
    pm_buf_fini(&b);
}

/* Many chunks of one word each: as one piece where each has the same form. */
static void emit_words(struct chunker *c, struct delta d, uint32_t n)
{
    static const uint64_t each_differs = F_BIT(F_USAGE_EVERY) | F_BIT(F_COMMENTS);

    d.tokens = 1;
    d.content = true;
    if ((c->habits & each_differs) || !c->began[d.choice]) {
        uint32_t alone = (c->habits & each_differs) ? n : PM_MIN(n, 1);
        for (uint32_t i = 0; i < alone; i++, n--, d.first_word++) {
            d.words = 1;
            emit(c, &d);
        }
    }
    d.words = n;
    if (n)
        emit(c, &d);
}

static void emit_reasoning(struct chunker *c, unsigned choice)
{
    struct delta d = {.choice = choice, .after = PM_STR("\"")};

    switch (c->w->r->dialect->reasoning) {
    case REASON_HIDDEN:
        return;
    case REASON_PLAIN:
        d.before = PM_STR("\"reasoning\":\"");
        break;
    case REASON_PARTS:
        d.before = PM_STR("\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\","
                          "\"text\":\"");
        d.after = PM_STR("\"}]}]");
        break;
    case REASON_DETAILS:
        d.before = PM_STR("\"content\":\"\",\"reasoning\":\"");
        d.again = PM_STR("\",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"format\":"
                         "\"unknown\",\"index\":0,\"text\":\"");
        d.after = PM_STR("\"}]");
        break;
    case REASON_CONTENT:
        d.before = PM_STR("\"reasoning_content\":\"");
        break;
    }
    emit_words(c, d, c->w->reasoning_words);
}

static void emit_text(struct chunker *c, unsigned choice)
{
    struct pm_str left = c->w->text;
    struct pm_buf b;

    if (!left.n) {
        struct delta d = {.choice = choice,
                          .before = pm_arena_fmt(c->p->a, "%.*s\"", PM_FMT(c->text)),
                          .after = PM_STR("\"")};
        emit_words(c, d, c->w->words);
        return;
    }
    pm_buf_init(&b, 1024);
    while (left.n) {
        size_t n = sim_fragment(left);
        pm_buf_reset(&b);
        pm_buf_str(&b, c->text);
        pm_json_quote(&b, pm_str_cut(left, 0, n));
        emit(c, &(struct delta){
                    .choice = choice, .before = pm_buf_view(&b), .tokens = 1, .content = true});
        left = pm_str_cut(left, n, left.n);
    }
    pm_buf_fini(&b);
}

static void call_open(struct chunker *c, size_t k, struct pm_buf *b)
{
    pm_buf_reset(b);
    pm_buf_lit(b, "\"tool_calls\":[{");
    if (!has(c, F_TOOLS_NO_INDEX))
        pm_buf_addf(b, "\"index\":%zu,", has(c, F_TOOLS_INDEX0) ? 0 : k);
}

static void emit_call(struct chunker *c, unsigned choice, size_t k)
{
    const struct sim_call *call = &c->w->calls[k];
    struct pm_str left = call->args;
    struct delta d = {.choice = choice, .tokens = 1, .content = true};
    struct pm_buf b;

    pm_buf_init(&b, 1u << 20);
    call_open(c, k, &b);
    pm_buf_addf(&b, "\"id\":\"%.*s\",\"type\":\"function\",\"function\":{\"name\":\"%.*s\",",
                PM_FMT(call->id), PM_FMT(call->name));
    pm_buf_lit(&b, "\"arguments\":");
    if (has(c, F_ARGS_OBJECT)) {
        pm_buf_str(&b, left);
        left.n = 0;
    } else if (has(c, F_TOOLS_WHOLE) || has(c, F_TOOLS_NO_INDEX)) {
        pm_json_quote(&b, left);
        left.n = 0;
    } else {
        pm_buf_lit(&b, "\"\"");
    }
    pm_buf_lit(&b, "}}]");
    d.before = pm_buf_view(&b);
    emit(c, &d);
    while (left.n) {
        size_t n = sim_fragment(left);
        call_open(c, k, &b);
        if (has(c, F_NULL_MEMBERS))
            pm_buf_lit(&b, "\"id\":null,\"type\":null,\"function\":{\"name\":null,\"arguments\":");
        else
            pm_buf_lit(&b, "\"function\":{\"arguments\":");
        pm_json_quote(&b, pm_str_cut(left, 0, n));
        pm_buf_lit(&b, "}}]");
        d.before = pm_buf_view(&b);
        emit(c, &d);
        left = pm_str_cut(left, n, left.n);
    }
    pm_buf_fini(&b);
}

static enum usage_place place_of(const struct chunker *c)
{
    if (has(c, F_USAGE_CHOICE))
        return USAGE_CHOICE;
    if (has(c, F_USAGE_X_GROQ))
        return USAGE_X_GROQ;
    if (has(c, F_USAGE_FINISH))
        return USAGE_FINISH;
    return c->w->r->dialect->usage;
}

/* The finish chunk of each choice, and the usage wherever it goes. */
static void emit_finish(struct chunker *c)
{
    const struct sim_answer *w = c->w;
    enum usage_place place = place_of(c);
    bool wanted = w->r->include_usage || (w->r->dialect->habits & HABIT_USAGE_ALWAYS) ||
                  has(c, F_USAGE_CHOICE) || has(c, F_USAGE_X_GROQ) || has(c, F_USAGE_FINISH) ||
                  has(c, F_OTHER_KIND);
    struct pm_buf usage, b;

    wanted = wanted && !has(c, F_USAGE_ABSENT);
    pm_buf_init(&usage, 4096);
    pm_buf_init(&b, 8192);
    pm_buf_lit(&usage, "\"usage\":");
    sim_usage_write(w, &w->usage, &usage);
    for (unsigned k = 0; k < w->r->n && !has(c, F_NO_FINISH); k++) {
        struct delta d = {.choice = k, .finish = sim_answer_finish(w)};
        bool last = k + 1 == w->r->n;
        if (wanted && last && place == USAGE_FINISH)
            d.last = pm_buf_view(&usage);
        if (wanted && last && place == USAGE_CHOICE)
            d.beside = pm_buf_view(&usage);
        if (wanted && last && place == USAGE_X_GROQ) {
            pm_buf_addf(&b, "\"x_groq\":{\"id\":\"req_%llu\",%.*s}", (unsigned long long)w->id,
                        PM_FMT(pm_buf_view(&usage)));
            d.last = pm_buf_view(&b);
        }
        if (w->r->dialect->habits & HABIT_TIMINGS && last)
            d.last = PM_STR("\"timings\":{\"cache_n\":0,\"prompt_n\":4,\"predicted_n\":20}");
        emit(c, &d);
    }
    if (wanted && place == USAGE_CHUNK) {
        pm_buf_reset(&b);
        pm_buf_addf(&b, "%.*s],%.*s}%s", PM_FMT(c->open), PM_FMT(pm_buf_view(&usage)), c->end);
        plan_add(c->p, pm_arena_str(c->p->a, pm_buf_view(&b)));
    }
    pm_buf_fini(&usage);
    pm_buf_fini(&b);
}

static uint64_t habits_of(const struct sim_answer *w)
{
    static const struct {
        unsigned habit;
        enum fault_kind kind;
    } same[] = {
        {HABIT_WHOLE_TOOLS, F_TOOLS_WHOLE},
        {HABIT_NO_TOOL_INDEX, F_TOOLS_NO_INDEX},
        {HABIT_ROLE_REPEATED, F_ROLE_REPEATED},
        {HABIT_NO_SPACE, F_NO_SPACE},
    };
    uint64_t kinds = w->f->kinds;

    for (size_t i = 0; i < PM_COUNT(same); i++)
        if (w->r->dialect->habits & same[i].habit)
            kinds |= F_BIT(same[i].kind);
    return kinds;
}

static void begin(struct chunker *c)
{
    const struct sim_answer *w = c->w;
    struct plan *p = c->p;
    struct pm_buf b;

    pm_buf_init(&b, 8192);
    if (has(c, F_BOM))
        plan_add(p, PM_STR("\xef\xbb\xbf"));
    if (w->r->dialect->habits & HABIT_COMMENTS)
        plan_add(p, pm_arena_fmt(p->a, ": sim is on it%s", c->end));
    pm_buf_cstr(&b, has(c, F_NO_SPACE) ? "data:{" : "data: {");
    sim_answer_stamp(w, w->r->op == SIM_CHAT ? "chat.completion.chunk" : "text_completion", &b);
    pm_buf_lit(&b, "\"choices\":[");
    c->open = pm_arena_str(p->a, pm_buf_view(&b));
    if (w->r->dialect->habits & HABIT_PROMPT_FILTER)
        plan_add(p, pm_arena_fmt(p->a,
                                 "data: {\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\","
                                 "\"object\":\"\",\"prompt_filter_results\":[{\"prompt_index\":0,"
                                 "\"content_filter_results\":{}}]}%s",
                                 c->end));
    pm_buf_fini(&b);
}

void sim_answer_stream(const struct sim_answer *w, struct plan *p)
{
    struct chunker c = {.w = w, .p = p, .habits = habits_of(w)};

    c.text = w->r->op == SIM_CHAT ? PM_STR("\"content\":") : PM_STR("\"text\":");
    c.end = has(&c, F_CRLF) ? "\r\n\r\n" : "\n\n";
    p->status = 200;
    p->content_type = PM_STR("text/event-stream; charset=utf-8");
    p->stream = true;
    begin(&c);
    if (has(&c, F_NO_CHOICES)) {
        plan_add(p, pm_arena_fmt(p->a, "%.*s]}%s", PM_FMT(c.open), c.end));
        plan_add(p, pm_arena_fmt(p->a, "data: [DONE]%s", c.end));
        return;
    }
    for (unsigned k = 0; k < w->r->n; k++) {
        if (w->r->op == SIM_CHAT)
            emit(&c, &(struct delta){.choice = k, .before = PM_STR("\"content\":\"\"")});
        if (has(&c, F_ROLE_ONLY))
            continue;
        emit_reasoning(&c, k);
        if (w->n_calls == 0)
            emit_text(&c, k);
        for (size_t i = 0; i < w->n_calls; i++)
            emit_call(&c, k, i);
    }
    if (!has(&c, F_ROLE_ONLY))
        emit_finish(&c);
    if (!has(&c, F_NO_DONE))
        plan_add(p, pm_arena_fmt(p->a, "data: [DONE]%s", c.end));
    if (has(&c, F_AFTER_DONE))
        plan_add(p, pm_arena_fmt(p->a, "data: {\"more\":true}%s", c.end));
}
