/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of provider answers and what a client must make of them, for the decoder's tests. */
#ifndef PM_TESTS_DECODER_ROWS_H
#define PM_TESTS_DECODER_ROWS_H

#include "tests/assemble.h"

/* Apostrophes stand for quotes in all JSON here. */
#define TOP "'id':'c1','object':'chat.completion.chunk','created':1,'model':'m'"
#define CHOICES(c) "data: {" TOP ",'choices':[" c "]}\n\n"
#define DELTA(d) CHOICES("{'index':0,'delta':{" d "},'finish_reason':null}")
#define FINISH(word) CHOICES("{'index':0,'delta':{},'finish_reason':'" word "'}")
#define ROLE DELTA("'role':'assistant','content':''")
#define USAGE(u) "data: {" TOP ",'choices':[],'usage':{" u "}}\n\n"
#define DONE "data: [DONE]\n\n"
#define TOOL(rest) DELTA("'tool_calls':[{" rest "}]")
#define MESSAGE(m, finish)                                                                         \
    "{'id':'c1','object':'chat.completion','created':1,'model':'m','choices':[{'index':0,"         \
    "'message':{" m "},'finish_reason':" finish "}]}"

struct row {
    const char *dialect;
    const char *type; /* content type; NULL: text/event-stream */
    const char *bytes;
    const char *want;
    int verbatim; /* chunks that may pass as they are; -1: not looked at */
};

static char *quoted(const char *s)
{
    char *copy = pm_xstrdup(s);

    for (char *p = copy; *p; p++) {
        if (*p == '\'')
            *p = '"';
    }
    return copy;
}

static void check_op(const struct row *rows, size_t n, enum pm_operation op, bool clean)
{
    static const size_t steps[] = {1, 7, 1024};

    for (size_t i = 0; i < n; i++) {
        char *bytes = quoted(rows[i].bytes), *want = quoted(rows[i].want);
        const struct dialect *d = dialect_find(pm_str(rows[i].dialect));

        for (size_t k = 0; k < PM_COUNT(steps); k++) {
            struct assembled got;
            struct pm_buf text;

            assembled_init(&got);
            pm_buf_init(&text, 1 << 20);
            assemble_bytes(&got, d, op, rows[i].type ? rows[i].type : "text/event-stream",
                           pm_str(bytes), steps[k], clean);
            assembled_print(&got, &text);
            if (!pm_str_is(pm_buf_view(&text), want))
                fail_msg("row %zu at step %zu: got\n%.*s(%.*s)\nwant\n%s", i, steps[k], (int)text.n,
                         text.p, (int)got.message.n, got.message.p, want);
            if (rows[i].verbatim >= 0 && (size_t)rows[i].verbatim != got.n_verbatim)
                fail_msg("row %zu: %zu chunks are verbatim, not %d:\n%.*s", i, got.n_verbatim,
                         rows[i].verbatim, (int)got.raws.n, got.raws.p ? got.raws.p : "");
            pm_buf_fini(&text);
            assembled_fini(&got);
        }
        free(bytes);
        free(want);
    }
}
#define CHECK(rows) check_op(rows, PM_COUNT(rows), PM_OP_CHAT, true)

#endif
