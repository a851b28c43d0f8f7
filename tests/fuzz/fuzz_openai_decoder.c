/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte picks the dialect, the second the operation, how it ends and the content type;
 * the rest is the answer. It must come out the same however it is cut, and what may pass as it is
 * must be JSON on one line. */
#include "tests/assemble.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(const uint8_t *data, struct pm_str bytes, size_t step, struct pm_buf *text)
{
    static const char *const types[] = {"text/event-stream", "application/json", "text/html", ""};
    struct assembled got;

    assembled_init(&got);
    assemble_bytes(&got, dialect_at(data[0] % 16), data[1] % 3, types[data[1] >> 6], bytes, step,
                   data[1] & 16);
    assembled_print(&got, text);
    if (!got.whole) {
        struct pm_str rest = pm_buf_view(&got.raws);
        size_t lines = 0;
        ptrdiff_t n;

        for (; (n = pm_str_find(rest, '\n')) >= 0; lines++) {
            struct pm_jval root;

            ASSEMBLED_MUST(pm_json_ok(pm_str_cut(rest, 0, (size_t)n), &root));
            rest = pm_str_cut(rest, (size_t)n + 1, rest.n);
        }
        ASSEMBLED_MUST(lines == got.n_verbatim);
    }
    /* It is an answer or an error, and never both at once. */
    ASSEMBLED_MUST(got.error != FAIL_NONE || got.committed);
    assembled_fini(&got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pm_buf whole, cut;

    if (size < 3)
        return 0;
    pm_buf_init(&whole, ASSEMBLED_MAX);
    pm_buf_init(&cut, ASSEMBLED_MAX);
    run(data, pm_str_n((const char *)data + 2, size - 2), size, &whole);
    run(data, pm_str_n((const char *)data + 2, size - 2), 1 + data[1] % 9, &cut);
    ASSEMBLED_MUST(pm_str_eq(pm_buf_view(&whole), pm_buf_view(&cut)));
    pm_buf_fini(&whole);
    pm_buf_fini(&cut);
    return 0;
}
