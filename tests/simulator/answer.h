/* SPDX-License-Identifier: Apache-2.0 */
/* Turns a request and its fault into a plan. The answer is a function of the request:
 *   `say: X` in the last user message → the text X; `words: N` or max_tokens → N words, else 20;
 *   tools given and the last message not a tool's → a call (`calls: N` → N of them) with arguments
 *   made from the schema; a json_schema → an object made from it; reasoning asked for → `think: N`
 *   words of it, else 5.
 * Tokens are counted as pieces of content; the prompt is a quarter of its bytes. */
#ifndef SIM_ANSWER_H
#define SIM_ANSWER_H

#include "tests/simulator/errors.h"
#include "tests/simulator/plan.h"

struct sim_usage {
    uint32_t prompt, cached, cache_write; /* the latter two are part of prompt */
    uint32_t completion, reasoning; /* the latter is part of completion */
};

struct sim_call {
    struct pm_str id, name, args;
};
enum { SIM_MAX_CALLS = 16 };

/* What is being said, before it is put into a dialect's words. */
struct sim_answer {
    const struct sim_request *r;
    const struct sim_fault *f;
    uint64_t id;
    int64_t created;
    struct pm_str text; /* or, if empty, this many words: */
    uint32_t words;
    uint32_t reasoning_words;
    struct sim_call calls[SIM_MAX_CALLS];
    size_t n_calls;
    const char *finish;
    struct sim_usage usage;
};

/* What the account is told of it. */
struct sim_outline {
    struct sim_usage usage;
    bool answered; /* a good answer was planned, not an error */
};

/* Builds the whole answer, or what a fault or the provider's own rules put in its place. */
void sim_answer_plan(const struct sim_request *r, const struct sim_fault *f, uint64_t id,
                     int64_t now_ms, struct plan *p, struct sim_outline *out);
/* The body was no JSON object. */
void sim_answer_bad_body(const struct sim_request *r, uint64_t id, struct plan *p);

/* In chunks.c and whole.c, of the same answer. */
void sim_answer_stream(const struct sim_answer *w, struct plan *p);
void sim_answer_whole(const struct sim_answer *w, struct plan *p);
void sim_answer_embeddings(const struct sim_request *r, uint64_t id, struct plan *p,
                           struct sim_usage *u);
/* Length of the first piece in which text is streamed: a word, at most 12 bytes. */
size_t sim_fragment(struct pm_str text);
/* `{"prompt_tokens":…}` as the dialect writes it. */
void sim_usage_write(const struct sim_answer *w, const struct sim_usage *u, struct pm_buf *b);
/* Everything but the choices and usage: `"id":…,"object":…,"created":…,"model":…,`. */
void sim_answer_stamp(const struct sim_answer *w, const char *object, struct pm_buf *b);
struct pm_str sim_answer_finish(const struct sim_answer *w); /* in the dialect's words */

#endif
