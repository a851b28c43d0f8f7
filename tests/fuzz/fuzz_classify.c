/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte picks dialect and status, up to the first newline are the headers, the rest is
 * the body. Whatever it is, there is a class, and texts are bounded. */
#include "agent/provider/failure.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned statuses[] = {200, 302, 400, 401, 403, 404, 413, 422,
                                        429, 498, 500, 503, 504, 529, 0,   999};
    const struct dialect *d;
    struct pm_str text = {(const char *)data, size}, head = PM_NSTR;
    struct failure_input in;
    struct failure f;
    struct pm_arena a;
    ptrdiff_t line;

    if (size == 0)
        return 0;
    d = dialect_at(data[0] >> 4);
    in = (struct failure_input){.status = statuses[data[0] & 15], .now_unix_ms = 1767225600000};
    text = pm_str_cut(text, 1, size);
    line = pm_str_find(text, '\n');
    if (line >= 0) {
        head = pm_str_cut(text, 0, (size_t)line);
        text = pm_str_cut(text, (size_t)line + 1, text.n);
    }
    in.retry_after = in.retry_after_ms = head;
    in.content_type = head;
    in.body = text;
    pm_arena_init(&a, 4096, 1 << 20);
    failure_classify(d, &in, &a, &f);
    if (f.cls == FAIL_NONE || f.cls >= FAIL_COUNT || f.message.n > 2048 || f.code.n > 2048 ||
        f.retry_after_ms < -1)
        abort();
    pm_arena_fini(&a);
    return 0;
}
