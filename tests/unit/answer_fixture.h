/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP answers as a client reads them that forgives nothing: what is wrong fails the test. */
#ifndef PM_TESTS_ANSWER_FIXTURE_H
#define PM_TESTS_ANSWER_FIXTURE_H

#include "tests/unit/loop_fixture.h"

struct answer {
    unsigned status;
    struct pm_buf head, body;
    bool chunked;
};

static inline void answer_free(struct answer *a)
{
    pm_buf_fini(&a->head);
    pm_buf_fini(&a->body);
    memset(a, 0, sizeof(*a));
}

/* The value of that header, or PM_NSTR. */
static inline struct pm_str answer_header(const struct answer *a, const char *name)
{
    char want[64];
    const char *at;

    snprintf(want, sizeof(want), "\r\n%s: ", name);
    at = a->head.p ? strcasestr(a->head.p, want) : NULL;
    if (!at)
        return PM_NSTR;
    at += strlen(want);
    return pm_str_n(at, (size_t)(strstr(at, "\r\n") - at));
}

/* Chunks from at on into body. False: not all is there. *end: behind the last one. */
static inline bool read_chunks(struct pm_str in, size_t at, struct pm_buf *body, size_t *end)
{
    for (;;) {
        char *stop;
        size_t size;
        const char *line_end = memmem(in.p + at, in.n - at, "\r\n", 2);
        if (!line_end)
            return false;
        size = strtoul(in.p + at, &stop, 16);
        assert_ptr_equal(stop, line_end); /* nothing but the size */
        at = (size_t)(line_end - in.p) + 2;
        if (in.n - at < size + 2)
            return false;
        assert_memory_equal(in.p + at + size, "\r\n", 2);
        pm_buf_add(body, in.p + at, size);
        at += size + 2;
        if (size == 0) {
            *end = at;
            return true;
        }
    }
}

/* Takes one whole answer from what the peer has. no_body: it was a HEAD. */
static inline bool take(struct peer *p, struct answer *a, bool no_body)
{
    const char *head_end = p->in.n ? memmem(p->in.p, p->in.n, "\r\n\r\n", 4) : NULL;
    struct pm_str length;
    uint64_t n = 0;
    size_t head_n, end;

    if (!head_end)
        return false;
    answer_free(a);
    pm_buf_init(&a->head, SIZE_MAX / 2);
    pm_buf_init(&a->body, SIZE_MAX / 2);
    end = head_n = (size_t)(head_end - p->in.p) + 4;
    pm_buf_add(&a->head, p->in.p, head_n);
    assert_memory_equal(a->head.p, "HTTP/1.1 ", 9);
    a->status = (unsigned)strtoul(a->head.p + 9, NULL, 10);
    length = answer_header(a, "Content-Length");
    a->chunked = pm_str_is(answer_header(a, "Transfer-Encoding"), "chunked");
    assert_false(a->chunked && length.p);
    if (a->status >= 200 && !no_body && a->chunked) {
        if (!read_chunks(pm_buf_view(&p->in), head_n, &a->body, &end))
            return false;
    } else if (a->status >= 200 && length.p) {
        assert_true(pm_str_u64(length, &n));
        if (!no_body && p->in.n - head_n < n)
            return false;
        if (!no_body)
            pm_buf_add(&a->body, p->in.p + head_n, (size_t)n);
        end += no_body ? 0 : (size_t)n;
    } else if (a->status >= 200) { /* to the end of the connection */
        if (!p->eof)
            return false;
        pm_buf_add(&a->body, p->in.p + head_n, p->in.n - head_n);
        end = p->in.n;
    }
    pm_buf_drop(&p->in, end);
    return true;
}

static inline void expect_answer(struct peer *p, unsigned status, const char *body)
{
    struct answer a = {0};

    until(take(p, &a, false));
    assert_int_equal(a.status, status);
    assert_str(pm_buf_view(&a.body), body);
    answer_free(&a);
}

#endif
