/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "common/sse.h"

/* What was heard, one line per event: type|data; or #comment. */
struct heard {
    struct pm_buf log;
    unsigned events, stop_after;
    const char *from, *to; /* the chunk; */
    unsigned copied; /* and events whose data lay elsewhere */
};

static bool hear(void *ctx, const struct pm_sse_event *ev)
{
    struct heard *h = ctx;

    if (ev->comment)
        pm_buf_addf(&h->log, "#%.*s;", PM_FMT(ev->data));
    else
        pm_buf_addf(&h->log, "%.*s|%.*s;", PM_FMT(ev->type), PM_FMT(ev->data));
    h->copied += ev->data.p < h->from || ev->data.p > h->to;
    return ++h->events != h->stop_after;
}

static void hear_init(struct heard *h)
{
    *h = (struct heard){0};
    pm_buf_init(&h->log, 1 << 20);
}

/* Feeds a copy of exactly its size, and overwrites it before it is freed. */
static bool feed(struct pm_sse *s, struct heard *h, struct pm_str chunk)
{
    char *p = pm_xmalloc(chunk.n);
    bool ok;

    if (chunk.n)
        memcpy(p, chunk.p, chunk.n);
    h->from = p;
    h->to = p + chunk.n;
    ok = pm_sse_feed(s, p, chunk.n);
    memset(p, 'X', chunk.n);
    free(p);
    return ok;
}

/* The stream in pieces that end at a and b, then its end. */
static bool run(struct heard *h, struct pm_str text, size_t a, size_t b, size_t max)
{
    struct pm_sse s;
    bool ok;

    hear_init(h);
    pm_sse_init(&s, max, hear, h);
    ok = feed(&s, h, pm_str_cut(text, 0, a)) && feed(&s, h, pm_str_cut(text, a, b)) &&
         feed(&s, h, pm_str_cut(text, b, text.n)) && pm_sse_end(&s);
    pm_sse_fini(&s);
    return ok;
}

static const struct {
    struct pm_str text;
    const char *want;
} streams[] = {
    {PM_STR_INIT(""), ""},
    {PM_STR_INIT("data: a\n\n"), "|a;"},
    {PM_STR_INIT("data: a\r\n\r\n"), "|a;"},
    {PM_STR_INIT("data: a\r\r"), "|a;"},
    {PM_STR_INIT("data: a\r\n\rdata: b\n\r\ndata: c\r\n\n"), "|a;|b;|c;"},
    {PM_STR_INIT("data: a\n\ndata: b\n\ndata: [DONE]\n\n"), "|a;|b;|[DONE];"},
    {PM_STR_INIT("data:a\n\n"), "|a;"},
    {PM_STR_INIT("data:  a \n\n"), "| a ;"},
    {PM_STR_INIT("data:\ta\n\n"), "|\ta;"},
    {PM_STR_INIT("data: a\ndata: b\ndata:\ndata: c\n\n"), "|a\nb\n\nc;"},
    {PM_STR_INIT("data\n\n"), "|;"},
    {PM_STR_INIT("data:\n\n"), "|;"},
    {PM_STR_INIT("data\ndata\n\n"), "|\n;"},
    {PM_STR_INIT("data:\ndata: a\n\n"), "|\na;"},
    {PM_STR_INIT("event: ping\ndata: {}\n\n"), "ping|{};"},
    {PM_STR_INIT("data: {}\nevent:late\n\n"), "late|{};"},
    {PM_STR_INIT("event: a\nevent: bb\ndata: x\n\ndata: y\n\n"), "bb|x;|y;"},
    {PM_STR_INIT("event: alone\n\ndata: x\n\n"), "|x;"},
    {PM_STR_INIT(": hello\n\n"), "#hello;"},
    {PM_STR_INIT(":\n:x\ndata: a\n\n"), "#;#x;|a;"},
    {PM_STR_INIT("data: a\n: OPENROUTER PROCESSING\ndata: b\n\n"), "#OPENROUTER PROCESSING;|a\nb;"},
    {PM_STR_INIT("id: 1\nretry: 5\nDATA: no\ndatax: no\ndat: no\n data: no\ndata: a\n\n"), "|a;"},
    {PM_STR_INIT("data: a:b: c\n\n"), "|a:b: c;"},
    {PM_STR_INIT("\n\n\n\r\n\rdata: a\n\n\n\n"), "|a;"},
    {PM_STR_INIT("\xef\xbb\xbf"
                 "data: a\n\n"),
     "|a;"},
    {PM_STR_INIT("\xef\xbb\xbf\n\ndata: a\n\n"), "|a;"},
    {PM_STR_INIT("\xef\xbb\xbf\xef\xbb\xbf"
                 "data: a\n\ndata: b\n\n"),
     "|b;"},
    {PM_STR_INIT("data: a\n\n\xef\xbb\xbf"
                 "data: b\n\n"),
     "|a;"},
    {PM_STR_INIT("\xef\xbb\xbf"), ""},
    {PM_STR_INIT("\xef\xbb"), ""},
    {PM_STR_INIT("data: \xe2\x82\xac\xf0\x9f\x98\x80\n\n"), "|\xe2\x82\xac\xf0\x9f\x98\x80;"},
    /* The end of the stream ends the last event. */
    {PM_STR_INIT("data: a\n\ndata: b\n"), "|a;|b;"},
    {PM_STR_INIT("data: a\n\ndata: b"), "|a;|b;"},
    {PM_STR_INIT("data: a\r\n\r\ndata: b\r"), "|a;|b;"},
    {PM_STR_INIT("event: e\ndata: a\ndata: b"), "e|a\nb;"},
    {PM_STR_INIT("data: a\nevent: e"), "e|a;"},
    {PM_STR_INIT("data: a\n: bye"), "#bye;|a;"},
    {PM_STR_INIT("data"), "|;"},
    {PM_STR_INIT("event: e"), ""},
};

static void streams_are_read_the_same_however_they_are_split(void **state)
{
    struct heard h;

    (void)state;
    for (size_t i = 0; i < PM_COUNT(streams); i++) {
        for (size_t a = 0; a <= streams[i].text.n; a++) {
            for (size_t b = a; b <= streams[i].text.n; b++) {
                assert_true(run(&h, streams[i].text, a, b, 1000));
                if (!pm_str_is(pm_buf_view(&h.log), streams[i].want))
                    fail_msg("stream %zu at %zu, %zu: %.*s", i, a, b, PM_FMT(pm_buf_view(&h.log)));
                pm_buf_fini(&h.log);
            }
        }
    }
}

static void streams_are_read_byte_by_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < PM_COUNT(streams); i++) {
        struct heard h;
        struct pm_sse s;

        hear_init(&h);
        pm_sse_init(&s, 1000, hear, &h);
        for (size_t at = 0; at < streams[i].text.n; at++)
            assert_true(feed(&s, &h, pm_str_cut(streams[i].text, at, at + 1)));
        assert_true(pm_sse_end(&s));
        assert_str(pm_buf_view(&h.log), streams[i].want);
        pm_sse_fini(&s);
        pm_buf_fini(&h.log);
    }
}

static void nul_bytes_are_data_like_others(void **state)
{
    const struct pm_str text = PM_STR("data: a\0b\n\n");
    struct heard h;
    struct pm_sse s;

    (void)state;
    hear_init(&h);
    pm_sse_init(&s, 100, hear, &h);
    assert_true(feed(&s, &h, text));
    assert_int_equal(h.events, 1);
    pm_sse_fini(&s);
    pm_buf_fini(&h.log);
}

static void an_event_inside_one_chunk_is_not_copied(void **state)
{
    struct heard h;
    struct pm_sse s;

    (void)state;
    hear_init(&h);
    pm_sse_init(&s, 100, hear, &h);
    assert_true(feed(&s, &h, PM_STR("data: one\n\nevent: e\ndata: two\n\n: three\n\n")));
    assert_int_equal(h.events, 3);
    assert_int_equal(h.copied, 0);
    assert_null(s.line.p);
    assert_null(s.data.p);
    assert_null(s.type.p);
    pm_sse_fini(&s);
    pm_buf_fini(&h.log);
}

static void what_is_over_the_cap_fails_however_it_is_split(void **state)
{
    static const struct {
        const char *text;
        const char *heard; /* before the fault */
        bool ok;
    } rows[] = {
        {"data: a\n\ndata: 3456789\n\n", "|a;", false},
        {"data: a\n\n12345678901234\n", "|a;", false},
        {"data: a\n\n123456789012", "|a;", true},
        {"data: a\n\n1234567890123", "|a;", false},
        {"data: 123456\n\n", "|123456;", true},
        {"data: 1234567\n\n", "", false},
        {"data: 12345\ndata: 12345\n\n", "|12345\n12345;", true},
        {"data: 12345\ndata: 123456\n\n", "|12345\n123456;", true},
        {"data: 123456\ndata: 123456\n\n", "", false},
        {"data\ndata\ndata\ndata\ndata\ndata\ndata\n\n", "|\n\n\n\n\n\n;", true},
        {"data:12\ndata:34\ndata:56\ndata:78\ndata:0\n\n", "", false},
        {": 2345678901\n: 23456789012\n", "#2345678901;", false},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        const struct pm_str text = pm_str(rows[i].text);

        for (size_t a = 0; a <= text.n; a++) {
            for (size_t b = a; b <= text.n; b++) {
                struct heard h;

                if (run(&h, text, a, b, 12) != rows[i].ok)
                    fail_msg("row %zu at %zu, %zu", i, a, b);
                assert_str(pm_buf_view(&h.log), rows[i].heard);
                pm_buf_fini(&h.log);
            }
        }
    }
}

static void a_callback_that_says_no_hears_nothing_more(void **state)
{
    struct heard h;
    struct pm_sse s;

    (void)state;
    hear_init(&h);
    h.stop_after = 2;
    pm_sse_init(&s, 100, hear, &h);
    assert_false(feed(&s, &h, PM_STR("data: a\n\ndata: b\n\ndata: c\n\ndata: d")));
    assert_false(feed(&s, &h, PM_STR("\n\ndata: e\n\n")));
    assert_false(pm_sse_end(&s));
    assert_str(pm_buf_view(&h.log), "|a;|b;");
    pm_sse_fini(&s);
    pm_buf_fini(&h.log);
}

static void a_large_event_in_many_pieces_comes_whole(void **state)
{
    struct pm_buf text;
    struct heard h;
    struct pm_sse s;

    (void)state;
    pm_buf_init(&text, 1 << 20);
    pm_buf_lit(&text, "data: ");
    for (int i = 0; i < 20000; i++)
        pm_buf_addf(&text, "%d,", i);
    pm_buf_lit(&text, "\n\n");
    hear_init(&h);
    pm_sse_init(&s, 1 << 20, hear, &h);
    for (size_t at = 0; at < text.n; at += 1000)
        assert_true(feed(&s, &h, pm_str_cut(pm_buf_view(&text), at, at + 1000)));
    assert_int_equal(h.events, 1);
    assert_true(pm_str_eq(pm_str_cut(pm_buf_view(&h.log), 1, h.log.n - 1),
                          pm_str_cut(pm_buf_view(&text), 6, text.n - 2)));
    pm_sse_fini(&s);
    pm_buf_fini(&h.log);
    pm_buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_are_read_the_same_however_they_are_split),
        cmocka_unit_test(streams_are_read_byte_by_byte),
        cmocka_unit_test(nul_bytes_are_data_like_others),
        cmocka_unit_test(an_event_inside_one_chunk_is_not_copied),
        cmocka_unit_test(what_is_over_the_cap_fails_however_it_is_split),
        cmocka_unit_test(a_callback_that_says_no_hears_nothing_more),
        cmocka_unit_test(a_large_event_in_many_pieces_comes_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
