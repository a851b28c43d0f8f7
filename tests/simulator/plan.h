/* SPDX-License-Identifier: Apache-2.0 */
/* An answer as the connection sends it: a head, pieces of body, waits between them, and an end.
 * Faults are changes to a finished plan. A piece may stand for many sends of nearly the same
 * bytes, so that a long stream costs no memory. All memory is from the request's arena. */
#ifndef SIM_PLAN_H
#define SIM_PLAN_H

#include "tests/simulator/fault.h"

struct piece {
    struct pm_str head, tail; /* tail only with `words` */
    struct pm_str again; /* with `words`: not empty, the word follows once more behind this */
    uint32_t repeat; /* at least 1 */
    uint32_t first_word; /* with `words`: number of the word in the first send */
    uint32_t wait_ms; /* before each send */
    uint32_t tokens; /* completion tokens that one send carries */
    bool words; /* a word of sim_word() stands between head and tail */
    bool content; /* something that a client would show */
};

enum plan_end { END_CLEAN, END_FIN, END_RST, END_STALL };

struct plan {
    struct pm_arena *a;
    struct piece *pieces;
    size_t n, cap;
    unsigned status;
    struct pm_str content_type;
    struct pm_buf headers; /* more header lines, each with its CRLF */
    bool stream; /* chunked, as the answer's length is not known */
    bool raw; /* no head: the pieces are all that is sent */
    bool stall_head;
    bool close;
    uint32_t head_wait_ms; /* before the head; with head_bytewise before each of its bytes */
    bool head_bytewise;
    bool bytewise; /* every byte of the body is a write of its own */
    bool alone; /* every send of a piece is a write of its own */
    struct pm_str before_head; /* interim responses */
    int64_t length_delta;
    enum plan_end end;
};

void plan_init(struct plan *p, struct pm_arena *a);
void plan_fini(struct plan *p);
struct piece *plan_add(struct plan *p, struct pm_str bytes); /* borrows bytes */
/* A whole body in one piece; copies it. */
void plan_body(struct plan *p, unsigned status, const char *content_type, struct pm_str body);
void plan_header(struct plan *p, const char *fmt, ...) PM_PRINTF(2, 3);
/* Cuts, stalls, waits and broken framing. `note` is what error_mid sends; may be empty. */
void plan_break(struct plan *p, const struct sim_fault *f, struct pm_str note);
/* The bytes of the head, for an answer of HTTP/1.minor. */
void plan_head(const struct plan *p, unsigned minor, bool keep_alive, struct pm_buf *out);

/* Appends one send of a piece. */
void piece_write(const struct piece *one, uint32_t nth, struct pm_buf *out);
size_t piece_size(const struct piece *one, uint32_t nth);

/* The i-th word of the text that the simulator speaks; ends with a space. */
struct pm_str sim_word(uint32_t i);

#endif
