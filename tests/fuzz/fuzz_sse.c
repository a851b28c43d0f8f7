/* SPDX-License-Identifier: Apache-2.0 */
/* Server-sent events: the same events however the stream is split, and none over the cap.
 * The first byte of the input is the cap, the second chooses the pieces. */
#include "common/sse.h"
#include "tests/fuzz/must.h"

struct heard {
    struct pm_buf log;
    size_t cap;
};

static void record(struct pm_buf *log, char kind, struct pm_str s)
{
    pm_buf_ch(log, kind);
    pm_buf_u64(log, s.n);
    pm_buf_ch(log, ':');
    must(pm_buf_str(log, s));
}

static bool hear(void *ctx, const struct pm_sse_event *ev)
{
    struct heard *h = ctx;

    must(ev->data.n <= h->cap && ev->type.n <= h->cap);
    must(!ev->comment || ev->type.n == 0);
    record(&h->log, ev->comment ? '#' : 't', ev->type);
    record(&h->log, 'd', ev->data);
    return true;
}

/* In pieces of 1 to `most` bytes that follow from `seed`; 0: in one piece. */
static void run(struct pm_str text, size_t cap, unsigned seed, size_t most, struct heard *h)
{
    struct pm_sse s;
    bool ok = true;

    *h = (struct heard){.cap = cap};
    pm_buf_init(&h->log, 64 * text.n + 1000);
    pm_sse_init(&s, cap, hear, h);
    for (size_t at = 0; at < text.n && ok;) {
        const size_t n = most ? PM_MIN(1 + seed % most, text.n - at) : text.n;
        char *copy = pm_xmalloc(n); /* gone after the feed */

        memcpy(copy, text.p + at, n);
        ok = pm_sse_feed(&s, copy, n);
        free(copy);
        at += n;
        seed = seed * 1103515245u + 12345u;
    }
    ok = pm_sse_end(&s) && ok;
    record(&h->log, ok ? 'y' : 'n', PM_STR(""));
    must(pm_sse_feed(&s, "", 0) == ok);
    pm_sse_fini(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t most[] = {1, 2, 3, 7, 40};
    struct heard whole, pieces;
    struct pm_str text;
    size_t cap;

    if (size < 2)
        return 0;
    cap = data[0] < 250 ? data[0] : 100000;
    text = pm_str_n((const char *)data + 2, size - 2);
    run(text, cap, 0, 0, &whole);
    for (size_t i = 0; i < PM_COUNT(most); i++) {
        run(text, cap, data[1], most[i], &pieces);
        must(pm_str_eq(pm_buf_view(&whole.log), pm_buf_view(&pieces.log)));
        pm_buf_fini(&pieces.log);
    }
    pm_buf_fini(&whole.log);
    return 0;
}
