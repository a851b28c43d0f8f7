/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/spool_fixture.h"

#include "agent/spool/record.h"
#include "agent/spool/segment.h"

#define CALLS 5

static const char *const ids[CALLS] = {"gen-a", "gen-b", "gen-c", "gen-d", "gen-e"};

static void segment_path(const struct fixture *f, uint32_t number, char path[200])
{
    char name[SEGMENT_NAME_SIZE];

    segment_name(name, number);
    snprintf(path, 200, "%s/%s", f->dir, name);
}

/* A closed spool of one segment with CALLS settled records; gives its bytes. */
static struct pm_buf make_records(struct fixture *f, char path[200])
{
    open_spool(f);
    for (size_t i = 0; i < CALLS; i++) {
        const struct spool_settled r = a_settled(ids[i]);

        assert_true(spool_append_settled(f->spool, &r) > 0);
    }
    close_spool(f);
    segment_path(f, 1, path);
    return read_all(path);
}

/* One bit for each of the ids that are found, and no id twice. */
static unsigned found(struct fixture *f)
{
    struct spool_reader *reader = spool_reader_new(f->spool, 0);
    struct spool_entry e;
    unsigned bits = 0;

    while (spool_reader_next(reader, &e)) {
        for (unsigned i = 0; i < CALLS; i++) {
            if (!pm_str_is(record_id(e.kind, e.bytes), ids[i]))
                continue;
            assert_false(bits >> i & 1);
            bits |= 1u << i;
        }
    }
    spool_reader_free(reader);
    return bits;
}

static void check_append_works(struct fixture *f)
{
    const struct spool_settled r = a_settled("gen-new");
    struct pm_buf out;

    pm_buf_init(&out, 10000);
    assert_true(spool_append_settled(f->spool, &r) > 0);
    close_spool(f);
    open_spool(f);
    assert_true(spool_generation_json(f->spool, r.begin.id, PM_NSTR, &out));
    pm_buf_fini(&out);
}

/* Where the entries begin: CALLS of them after the checkpoint, and the end of the last. */
static void entry_places(const struct pm_buf *file, size_t places[CALLS + 1])
{
    size_t at = sizeof(struct segment_header);

    for (size_t i = 0; i < CALLS + 2; i++) {
        struct segment_entry e = {0};

        if (i)
            places[i - 1] = at;
        if (i == CALLS + 1)
            break;
        memcpy(&e, file->p + at, sizeof(e));
        at += sizeof(e) + segment_padded(e.length);
    }
    assert_int_equal(at, file->n);
}

static void a_tail_torn_at_any_byte_costs_the_last_entry_only(void **state)
{
    struct fixture *f = *state;
    char path[200];
    struct pm_buf file = make_records(f, path);
    size_t places[CALLS + 1];

    entry_places(&file, places);
    /* The last bytes may be padding, without which the entry is whole. */
    for (size_t cut = places[CALLS - 1]; cut + 8 <= file.n; cut++) {
        for (int as_zeros = 0; as_zeros < 2; as_zeros++) {
            struct pm_buf torn;

            pm_buf_init(&torn, SIZE_MAX / 2);
            pm_buf_add(&torn, file.p, cut);
            for (size_t i = cut; as_zeros && i < file.n + 100; i++)
                pm_buf_ch(&torn, 0);
            write_all(path, pm_buf_view(&torn));
            pm_buf_fini(&torn);
            open_spool(f);
            if (found(f) != (1u << (CALLS - 1)) - 1)
                fail_msg("cut at %zu: %x", cut, found(f));
            assert_true(spool_stats(f->spool).damaged == 0);
            if (cut % 50 == 0)
                check_append_works(f);
            close_spool(f);
        }
    }
    pm_buf_fini(&file);
}

static void a_flipped_bit_costs_its_entry_only_and_is_never_served(void **state)
{
    struct fixture *f = *state;
    char path[200];
    struct pm_buf file = make_records(f, path);
    const unsigned all = (1u << CALLS) - 1;
    size_t places[CALLS + 1];

    entry_places(&file, places);
    for (size_t at = sizeof(struct segment_header); at < file.n; at++) {
        unsigned want = all;

        for (unsigned i = 0; i < CALLS; i++) {
            struct segment_entry e;

            memcpy(&e, file.p + places[i], sizeof(e));
            if (at >= places[i] && at < places[i] + sizeof(e) + e.length)
                want &= ~(1u << i);
        }
        file.p[at] ^= (char)(1 << at % 8);
        write_all(path, pm_buf_view(&file));
        file.p[at] ^= (char)(1 << at % 8);
        open_spool(f);
        if (found(f) != want)
            fail_msg("bit at %zu: %x instead of %x", at, found(f), want);
        close_spool(f);
        each_file(f->dir, "2.seg", delete_file);
    }
    pm_buf_fini(&file);
}

static void a_damaged_header_sets_the_file_aside(void **state)
{
    struct fixture *f = *state;
    char path[200], bad[210];
    struct pm_buf file = make_records(f, path);
    const uint64_t seq = 1 + CALLS;

    for (size_t at = 0; at < sizeof(struct segment_header); at += 3) {
        const struct spool_settled r = a_settled("gen-new");
        struct pm_error err = {0};
        size_t n;

        file.p[at] ^= 0x10;
        write_all(path, pm_buf_view(&file));
        file.p[at] ^= 0x10;
        f->spool = spool_open(&f->cfg, &f->loop, &n, &err);
        if (at >= offsetof(struct segment_header, version) &&
            at < offsetof(struct segment_header, number)) {
            assert_null(f->spool);
            assert_non_null(strstr(err.text, "newer version"));
            continue;
        }
        assert_non_null(f->spool);
        assert_true(spool_stats(f->spool).damaged == 1);
        assert_int_equal(found(f), 0);
        /* What the lost one used is not used again. */
        assert_true(spool_append_settled(f->spool, &r) > seq);
        snprintf(bad, sizeof(bad), "%s.bad", path);
        assert_int_equal(access(bad, F_OK), 0);
        close_spool(f);
        each_file(f->dir, ".seg", delete_file);
    }
    pm_buf_fini(&file);
}

static void foreign_files_are_no_segments(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *name;
        struct pm_str bytes;
        bool stays;
    } rows[] = {
        {"00000000000000000007.seg", PM_STR_INIT("hello"), false},
        {"00000000000000000008.seg", PM_STR_INIT(""), false},
        {"00000000000000000009.seg",
         PM_STR_INIT("0123456789012345678901234567890123456789012345678901234567890123456789"),
         false},
        {"0000000000000000000x.seg", PM_STR_INIT("hello"), true},
        {"00000000000000000000.seg", PM_STR_INIT("hello"), true},
        {"99999999999999999999.seg", PM_STR_INIT("hello"), true},
        {"notes.txt", PM_STR_INIT("hello"), true},
    };
    char path[200];

    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        snprintf(path, sizeof(path), "%s/%s", f->dir, rows[i].name);
        write_all(path, rows[i].bytes);
    }
    snprintf(path, sizeof(path), "%s/00000000000000000010.seg", f->dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    open_spool(f);
    assert_true(spool_stats(f->spool).damaged == 3);
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        snprintf(path, sizeof(path), "%s/%s", f->dir, rows[i].name);
        assert_int_equal(access(path, F_OK) == 0, rows[i].stays);
    }
    check_append_works(f);
}

static void a_segment_of_another_spool_is_set_aside(void **state)
{
    struct fixture *f = *state;
    char path[200], second[200];
    struct pm_buf file = make_records(f, path);

    /* The same under another number, and with that number written into it too. */
    segment_path(f, 2, second);
    write_all(second, pm_buf_view(&file));
    open_spool(f);
    assert_int_equal(found(f), (1u << CALLS) - 1);
    assert_true(spool_stats(f->spool).damaged == 1);
    pm_buf_fini(&file);
}

static void a_segment_that_was_never_used_leaves_no_trace(void **state)
{
    struct fixture *f = *state;
    const struct spool_settled r = a_settled("gen-a");

    open_spool(f);
    spool_append_settled(f->spool, &r);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(each_file(f->dir, ".seg", NULL), 2); /* the next one is prepared */
    kill_and_reopen(f);
    assert_true(spool_stats(f->spool).damaged == 0);
    assert_int_equal(found(f), 1);
    close_spool(f);
    assert_int_equal(each_file(f->dir, ".seg", NULL), 1);
}

static struct spool_settled read_record(struct fixture *f, const char *id, struct pm_buf *bytes,
                                        struct spool_attempt *attempts)
{
    struct spool_reader *reader = spool_reader_new(f->spool, 0);
    struct spool_settled r = {0};
    struct spool_entry e;
    unsigned n = 0;

    while (spool_reader_next(reader, &e)) {
        if (e.kind != SPOOL_USAGE_RECORD || !pm_str_is(record_id(e.kind, e.bytes), id))
            continue;
        n++;
        pm_buf_reset(bytes);
        pm_buf_str(bytes, e.bytes);
    }
    spool_reader_free(reader);
    assert_int_equal(n, 1);
    assert_true(record_get_settled(pm_buf_view(bytes), &r, attempts));
    return r;
}

static void a_call_that_was_cut_is_found_as_interrupted_with_what_is_known(void **state)
{
    struct fixture *f = *state;
    const struct spool_begin first = a_begin("gen-first"), again = a_begin("gen-again");
    const struct spool_begin done = a_begin("gen-done");
    const struct spool_settled settled = a_settled("gen-done");
    struct spool_attempt a = {.provider = PM_STR("groq"),
                              .endpoint = PM_STR("groq/us"),
                              .credential = PM_STR("g1"),
                              .started_ms = 90,
                              .first_token_ms = -1};
    struct spool_attempt attempts[RECORD_ATTEMPTS_MAX];
    struct spool_settled r;
    struct pm_buf bytes;

    pm_buf_init(&bytes, 100000);
    open_spool(f);
    spool_append_begin(f->spool, &first);
    spool_append_begin(f->spool, &done);
    spool_append_begin(f->spool, &again);
    spool_append_attempt(f->spool, again.id, &settled.attempts[0]);
    spool_append_settled(f->spool, &settled);
    spool_append_attempt(f->spool, again.id, &a);
    kill_and_reopen(f);
    assert_int_equal(f->interrupted, 2);

    r = read_record(f, "gen-first", &bytes, attempts);
    assert_int_equal(r.status, SPOOL_INTERRUPTED);
    assert_str(r.begin.user, "u-7");
    assert_true(r.begin.bound_nano == 5000000 && r.begin.unix_ms == 1766000000123);
    assert_str(r.provider, "azure");
    assert_true(r.cost.total_nano == 0 && r.upstream_cost_nano == -1);
    assert_true(r.total_ms == -1 && r.found_unix_ms > 1766000000123);
    assert_int_equal(r.n_attempts, 1);
    assert_str(attempts[0].endpoint, "azure/eu");
    assert_str(attempts[0].outcome, "interrupted");

    r = read_record(f, "gen-again", &bytes, attempts);
    assert_int_equal(r.status, SPOOL_INTERRUPTED);
    assert_int_equal(r.n_attempts, 2);
    assert_str(r.endpoint, "groq/us");
    assert_str(attempts[1].credential, "g1");
    assert_true(attempts[1].started_ms == 90 && attempts[1].ended_ms == -1);

    r = read_record(f, "gen-done", &bytes, attempts);
    assert_int_equal(r.status, SPOOL_OK);

    kill_and_reopen(f);
    assert_int_equal(f->interrupted, 0);
    read_record(f, "gen-first", &bytes, attempts);
    pm_buf_fini(&bytes);
}

static void calls_left_open_by_a_clean_close_are_interrupted_too(void **state)
{
    struct fixture *f = *state;
    const struct spool_begin b = a_begin("gen-a");

    open_spool(f);
    spool_append_begin(f->spool, &b);
    close_spool(f);
    open_spool(f);
    assert_int_equal(f->interrupted, 1);
    close_spool(f);
    open_spool(f);
    assert_int_equal(f->interrupted, 0);
}

/* Many calls open over many segments: the checkpoints must carry every one of them. */
static void calls_from_older_segments_are_found(void **state)
{
    struct fixture *f = *state;
    unsigned open_calls = 0;

    open_spool(f);
    for (unsigned i = 0; i < 3000; i++) {
        char id[40];
        struct spool_begin b;
        struct spool_settled r;

        snprintf(id, sizeof(id), "gen-%u", i);
        b = a_begin(id);
        r = a_settled(id);
        assert_true(spool_append_begin(f->spool, &b) > 0);
        if (i % 7 == 0)
            open_calls++;
        else
            assert_true(spool_append_settled(f->spool, &r) > 0);
        if (i % 100 == 0)
            uv_run(&f->loop, UV_RUN_DEFAULT);
    }
    assert_true(spool_stats(f->spool).open_calls == open_calls);
    kill_and_reopen(f);
    assert_int_equal(f->interrupted, open_calls);
    assert_true(spool_stats(f->spool).damaged == 0);
}

static void a_full_segment_that_was_not_ended_is_ended_by_the_next_start(void **state)
{
    struct fixture *f = *state;
    char path[200], id[40];
    struct pm_buf file, out;
    size_t before;
    unsigned n = 0;

    open_spool(f);
    uv_run(&f->loop, UV_RUN_DEFAULT); /* the next segment is prepared */
    for (uint64_t last = 0, seq = 1; seq - last < 3; n++) { /* index and checkpoint lie between */
        struct spool_settled r;

        snprintf(id, sizeof(id), "gen-%u", n);
        r = a_settled(id);
        last = spool_stats(f->spool).last_seq;
        seq = spool_append_settled(f->spool, &r);
        assert_true(seq > 0);
    }
    segment_path(f, 1, path);
    file = read_all(path);
    before = file.n;
    pm_buf_fini(&file);
    kill_and_reopen(f);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    file = read_all(path);
    assert_true(file.n < before);
    pm_buf_fini(&file);
    assert_true(spool_stats(f->spool).damaged == 0);
    pm_buf_init(&out, 10000);
    for (unsigned i = 0; i < n; i++) {
        snprintf(id, sizeof(id), "gen-%u", i);
        pm_buf_reset(&out);
        assert_true(spool_generation_json(f->spool, pm_str(id), PM_NSTR, &out));
    }
    pm_buf_fini(&out);
}

static void a_damaged_checkpoint_is_made_up_for_by_an_older_segment(void **state)
{
    struct fixture *f = *state;
    const struct spool_begin slow = a_begin("gen-slow");
    uint32_t last = 0;
    char path[200];
    struct pm_buf file;

    open_spool(f);
    spool_append_begin(f->spool, &slow);
    for (unsigned i = 0; each_file(f->dir, ".seg", NULL) < 4; i++) {
        const struct spool_settled r = a_settled("gen-x");

        assert_true(spool_append_settled(f->spool, &r) > 0);
        if (i % 100 == 0)
            uv_run(&f->loop, UV_RUN_DEFAULT);
    }
    spool_append_attempt(f->spool, slow.id, &a_settled("x").attempts[0]);
    close_spool(f);
    for (uint32_t n = 1; n < 10; n++) {
        segment_path(f, n, path);
        if (access(path, F_OK) == 0)
            last = n;
    }
    segment_path(f, last, path);
    file = read_all(path);
    file.p[sizeof(struct segment_header) + 4] ^= 1;
    write_all(path, pm_buf_view(&file));
    pm_buf_fini(&file);
    open_spool(f);
    assert_int_equal(f->interrupted, 1);
    assert_true(spool_stats(f->spool).damaged == 1);
}

/* What a client writes into its own fields must never come back as an entry. */
static void bytes_of_a_client_never_pass_for_an_entry(void **state)
{
    struct fixture *f = *state;
    char path[200], forged[200];
    struct spool_begin b = a_begin("gen-a");
    const struct spool_begin inner = {.id = PM_STR("gen-b")};
    struct segment_entry e = {.seq = 1000, .kind = SPOOL_CALL_BEGUN};
    struct pm_buf file;
    size_t n;

    memset(forged, ' ', sizeof(forged));
    n = record_put_begun(forged + sizeof(e), sizeof(forged) - sizeof(e), &inner);
    e.length = (uint32_t)n;
    e.crc = segment_entry_crc(0, &e, forged + sizeof(e));
    memcpy(forged, &e, sizeof(e));
    b.user = pm_str_n(forged, sizeof(e) + n);
    open_spool(f);
    for (int shift = 0; shift < 8; shift++) { /* once it stands at a multiple of 8 */
        b.app = pm_str_n("        ", (size_t)shift);
        spool_append_begin(f->spool, &b);
    }
    close_spool(f);
    segment_path(f, 1, path);
    file = read_all(path);
    for (size_t at = sizeof(struct segment_header); at + 24 < file.n;) {
        struct segment_entry real;

        memcpy(&real, file.p + at, sizeof(real));
        file.p[at + 4] ^= 1; /* every real one is damaged */
        at += sizeof(real) + segment_padded(real.length);
    }
    write_all(path, pm_buf_view(&file));
    pm_buf_fini(&file);
    open_spool(f);
    assert_int_equal(found(f), 0);
}

#define SPOOL_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPOOL_TEST(a_tail_torn_at_any_byte_costs_the_last_entry_only),
        SPOOL_TEST(a_flipped_bit_costs_its_entry_only_and_is_never_served),
        SPOOL_TEST(a_damaged_header_sets_the_file_aside),
        SPOOL_TEST(foreign_files_are_no_segments),
        SPOOL_TEST(a_segment_of_another_spool_is_set_aside),
        SPOOL_TEST(a_segment_that_was_never_used_leaves_no_trace),
        SPOOL_TEST(a_call_that_was_cut_is_found_as_interrupted_with_what_is_known),
        SPOOL_TEST(calls_left_open_by_a_clean_close_are_interrupted_too),
        SPOOL_TEST(calls_from_older_segments_are_found),
        SPOOL_TEST(a_full_segment_that_was_not_ended_is_ended_by_the_next_start),
        SPOOL_TEST(a_damaged_checkpoint_is_made_up_for_by_an_older_segment),
        SPOOL_TEST(bytes_of_a_client_never_pass_for_an_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
