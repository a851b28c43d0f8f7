/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/spool_fixture.h"

#include "agent/spool/record.h"

#include <pointsman/v1/usage.pb-c.h>

typedef Pointsman__V1__UsageRecord usage_record;
typedef Pointsman__V1__CallAttempt call_attempt;
typedef Pointsman__V1__CallBegun call_begun;

static char bytes[RECORD_MAX_BYTES];

static usage_record *unpack(size_t n)
{
    usage_record *r = pointsman__v1__usage_record__unpack(NULL, n, (const uint8_t *)bytes);

    assert_non_null(r);
    return r;
}

static void check_begun(const call_begun *c, const struct spool_begin *b)
{
    assert_str(b->id, c->id);
    assert_true(c->begun_unix_ms == b->unix_ms);
    assert_str(b->operation, c->operation);
    assert_int_equal(c->stream, b->stream);
    assert_str(b->model, c->model);
    assert_str(b->key, c->key);
    assert_str(b->policy, c->policy);
    assert_str(b->app, c->app);
    assert_str(b->user, c->user);
    assert_str(b->session, c->session);
    assert_str(b->origin, c->origin);
    assert_str(b->provider, c->provider);
    assert_str(b->endpoint, c->endpoint);
    assert_true(c->bound_nano_usd == b->bound_nano);
    assert_true(c->prompt_tokens_estimate == b->prompt_tokens);
}

static void check_attempt(const Pointsman__V1__Attempt *p, const struct spool_attempt *a)
{
    assert_str(a->provider, p->provider);
    assert_str(a->endpoint, p->endpoint);
    assert_str(a->credential, p->credential);
    assert_str(a->upstream_id, p->upstream_id);
    assert_int_equal(p->status, a->status);
    assert_str(a->outcome, p->outcome);
    assert_str(a->who, p->who);
    assert_str(a->phase, p->phase);
    assert_true(p->started_ms == a->started_ms);
    assert_true(p->first_token_ms == a->first_token_ms);
    assert_true(p->ended_ms == a->ended_ms);
    assert_int_equal(p->byok, a->byok);
    assert_str(a->code, p->provider_code);
}

static void check_usage(const Pointsman__V1__Usage *p, const struct pm_usage *u)
{
    assert_int_equal(p->present, u->present);
    assert_int_equal(p->estimated, u->estimated);
    assert_true(p->prompt == u->prompt && p->completion == u->completion);
    assert_true(p->cached == u->cached && p->cache_write == u->cache_write);
    assert_true(p->cache_write_1h == u->cache_write_1h && p->reasoning == u->reasoning);
    assert_true(p->audio_in == u->audio_in && p->audio_out == u->audio_out);
    assert_true(p->image_in == u->image_in && p->image_out == u->image_out);
    assert_true(p->accepted_prediction == u->accepted_prediction);
    assert_true(p->rejected_prediction == u->rejected_prediction);
    assert_true(p->images == u->images);
    assert_int_equal(p->has_provider_cost, u->has_provider_cost);
    assert_true(p->provider_cost_nano_usd == u->provider_cost_nano);
}

/* No two fields alike, so that none can stand for another. */
static struct spool_settled full(void)
{
    static struct spool_attempt attempts[2];
    struct spool_settled r = a_settled("gen-1");

    memcpy(attempts, r.attempts, sizeof(attempts));
    attempts[0].byok = true;
    r.attempts = attempts;
    r.begin.app = PM_STR("the app");
    r.begin.bound_nano = -1;
    r.status = SPOOL_CANCELLED;
    r.usage = (struct pm_usage){
        .present = true,
        .prompt = 1 << 20,
        .completion = 2 << 20,
        .cached = 3,
        .cache_write = 4,
        .cache_write_1h = 5,
        .reasoning = 6,
        .audio_in = 7,
        .audio_out = 8,
        .image_in = 9,
        .image_out = 10,
        .accepted_prediction = 11,
        .rejected_prediction = 12,
        .images = 13,
        .has_provider_cost = true,
        .provider_cost_nano = INT64_MAX,
    };
    r.cost = (struct pm_cost){INT64_MAX, 14, 15, true};
    r.upstream_cost_nano = -1;
    r.price_unknown = r.byok = true;
    r.finish = PM_STR("length");
    r.native_finish = PM_STR("MAX_TOKENS");
    r.first_token_ms = 0;
    r.total_ms = -1;
    r.client_status = 499;
    r.found_unix_ms = 1766000009999;
    return r;
}

static void a_settled_record_says_the_same_to_any_protobuf_reader(void **state)
{
    const struct spool_settled r = full();
    const size_t n = record_put_settled(bytes, sizeof(bytes), &r);
    usage_record *p = unpack(n);

    (void)state;
    check_begun(p->call, &r.begin);
    assert_int_equal(p->status, POINTSMAN__V1__CALL_STATUS__CALL_STATUS_CANCELLED);
    assert_str(r.model, p->model);
    assert_str(r.provider, p->provider);
    assert_str(r.endpoint, p->endpoint);
    assert_str(r.finish, p->finish_reason);
    assert_str(r.native_finish, p->native_finish_reason);
    check_usage(p->usage, &r.usage);
    assert_true(p->cost_nano_usd == r.cost.total_nano);
    assert_true(p->prompt_cost_nano_usd == r.cost.prompt_nano);
    assert_true(p->completion_cost_nano_usd == r.cost.completion_nano);
    assert_true(p->cost_overflow && p->price_unknown && p->byok);
    assert_true(p->upstream_cost_nano_usd == -1);
    assert_true(p->first_token_ms == 0 && p->total_ms == -1);
    assert_int_equal(p->client_status, 499);
    assert_str(r.service_tier, p->service_tier);
    assert_int_equal(p->n_attempts, 2);
    check_attempt(p->attempts[0], &r.attempts[0]);
    check_attempt(p->attempts[1], &r.attempts[1]);
    assert_int_equal(p->attempts_total, 0);
    assert_true(p->found_unix_ms == r.found_unix_ms);
    pointsman__v1__usage_record__free_unpacked(p, NULL);
}

static void an_attempt_says_the_same_to_any_protobuf_reader(void **state)
{
    const struct record_attempt a = {PM_STR("gen-2"), full().attempts[1]};
    const size_t n = record_put_attempt(bytes, sizeof(bytes), &a);
    call_attempt *p = pointsman__v1__call_attempt__unpack(NULL, n, (const uint8_t *)bytes);

    (void)state;
    assert_non_null(p);
    assert_string_equal(p->id, "gen-2");
    check_attempt(p->attempt, &a.attempt);
    pointsman__v1__call_attempt__free_unpacked(p, NULL);
}

static void what_protobuf_writes_is_read_the_same(void **state)
{
    const struct spool_settled r = full();
    usage_record *p = unpack(record_put_settled(bytes, sizeof(bytes), &r));
    struct spool_attempt attempts[RECORD_ATTEMPTS_MAX];
    struct spool_settled back;
    char again[4096];
    size_t n;

    (void)state;
    /* protobuf-c chooses other forms of the same lengths than our encoder does. */
    assert_true(pointsman__v1__usage_record__get_packed_size(p) < sizeof(bytes));
    n = pointsman__v1__usage_record__pack(p, (uint8_t *)bytes);
    pointsman__v1__usage_record__free_unpacked(p, NULL);
    assert_true(record_get_settled(pm_str_n(bytes, n), &back, attempts));
    assert_str(record_id(SPOOL_USAGE_RECORD, pm_str_n(bytes, n)), "gen-1");
    n = record_put_settled(again, sizeof(again), &back);
    p = pointsman__v1__usage_record__unpack(NULL, n, (const uint8_t *)again);
    assert_non_null(p);
    check_begun(p->call, &r.begin);
    check_usage(p->usage, &r.usage);
    check_attempt(p->attempts[1], &r.attempts[1]);
    assert_true(p->total_ms == -1 && p->cost_nano_usd == INT64_MAX);
    pointsman__v1__usage_record__free_unpacked(p, NULL);
}

static void each_message_tells_its_id(void **state)
{
    const struct spool_begin b = a_begin("gen-b");
    const struct record_attempt a = {.id = PM_STR("gen-a")};
    const struct spool_settled r = a_settled("gen-r");
    size_t n;

    (void)state;
    n = record_put_begun(bytes, sizeof(bytes), &b);
    assert_str(record_id(SPOOL_CALL_BEGUN, pm_str_n(bytes, n)), "gen-b");
    n = record_put_attempt(bytes, sizeof(bytes), &a);
    assert_str(record_id(SPOOL_CALL_ATTEMPT, pm_str_n(bytes, n)), "gen-a");
    n = record_put_settled(bytes, sizeof(bytes), &r);
    assert_str(record_id(SPOOL_USAGE_RECORD, pm_str_n(bytes, n)), "gen-r");
    assert_int_equal(record_id(SPOOL_USAGE_RECORD, PM_STR("junk")).n, 0);
}

static void texts_are_cut_between_characters_and_made_utf8(void **state)
{
    char a256[256];
    char with_euro[300], with_part[300];
    struct {
        const char *what;
        struct pm_str in;
        size_t want_n;
        const char *tail; /* how it ends */
    } rows[] = {
        {"plain", PM_STR_INIT("abc"), 3, "abc"},
        {"just fits", {a256, 256}, 256, "aaa"},
        {"a character would be cut", {with_euro, 258}, 255, "aaa"},
        {"it is the last that fits", {with_euro + 2, 298}, 256, "\xe2\x82\xac"},
        {"no UTF-8", PM_STR_INIT("a\xff\xc3(\xe2\x82"), 6,
         "a?"
         "?("
         "?"
         "?"},
        {"a NUL", PM_STR_INIT("a\0b"), 3, "a?b"},
        {"an unpaired surrogate", PM_STR_INIT("\xed\xa0\x80!"), 4,
         "?"
         "?"
         "?"
         "!"},
        {"continuation bytes only",
         {with_part, 300},
         253,
         "?"
         "?"
         "?"},
    };

    (void)state;
    memset(a256, 'a', sizeof(a256));
    memset(with_euro, 'a', sizeof(with_euro));
    memcpy(with_euro + 255, "\xe2\x82\xac", 3);
    memset(with_part, 0x80, sizeof(with_part));
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        struct spool_begin b = {.id = PM_STR("gen-1"), .user = rows[i].in};
        const size_t n = record_put_begun(bytes, sizeof(bytes), &b);
        call_begun *p = pointsman__v1__call_begun__unpack(NULL, n, (const uint8_t *)bytes);
        const size_t tail = strlen(rows[i].tail);

        assert_non_null(p);
        if (strlen(p->user) != rows[i].want_n ||
            memcmp(p->user + rows[i].want_n - tail, rows[i].tail, tail) != 0)
            fail_msg("%s: %zu bytes: %s", rows[i].what, strlen(p->user), p->user);
        pointsman__v1__call_begun__free_unpacked(p, NULL);
    }
}

static void the_longest_message_fits_its_bound(void **state)
{
    static char text[RECORD_TEXT_MAX];
    const struct pm_str s = {text, sizeof(text)};
    struct spool_attempt attempts[100];
    struct spool_settled r = full();
    usage_record *p;
    size_t n;

    (void)state;
    memset(text, 'x', sizeof(text));
    r.begin = (struct spool_begin){.id = s, .model = s, .key = s, .policy = s, .provider = s};
    r.begin.endpoint = r.begin.app = r.begin.user = r.begin.session = s;
    r.begin.origin = r.begin.operation = s;
    r.begin.unix_ms = r.begin.bound_nano = r.begin.prompt_tokens = INT64_MIN;
    r.model = r.provider = r.endpoint = r.finish = r.native_finish = r.service_tier = s;
    for (size_t i = 0; i < PM_COUNT(attempts); i++)
        attempts[i] = (struct spool_attempt){s, s,         s,         s,         (unsigned)i, s, s,
                                             s, INT64_MIN, INT64_MIN, INT64_MIN, true,        s};
    r.attempts = attempts;
    r.n_attempts = PM_COUNT(attempts);
    n = record_put_settled(bytes, sizeof(bytes), &r);
    assert_true(n > 0);
    p = unpack(n);
    assert_int_equal(p->n_attempts, RECORD_ATTEMPTS_MAX);
    assert_int_equal(p->attempts[RECORD_ATTEMPTS_MAX - 2]->status, RECORD_ATTEMPTS_MAX - 2);
    assert_int_equal(p->attempts[RECORD_ATTEMPTS_MAX - 1]->status, PM_COUNT(attempts) - 1);
    assert_int_equal(p->attempts_total, PM_COUNT(attempts));
    pointsman__v1__usage_record__free_unpacked(p, NULL);
}

static void a_message_that_does_not_fit_writes_nothing_past_its_room(void **state)
{
    const struct spool_settled r = full();
    const size_t whole = record_put_settled(bytes, sizeof(bytes), &r);

    (void)state;
    for (size_t room = 0; room < whole; room++) {
        char *tight = pm_xmalloc(room); /* the sanitizer watches its end */

        assert_int_equal(record_put_settled(tight, room, &r), 0);
        free(tight);
    }
}

static void broken_bytes_are_refused_or_read_without_harm(void **state)
{
    const struct spool_settled r = full();
    const size_t n = record_put_settled(bytes, sizeof(bytes), &r);
    struct spool_attempt attempts[RECORD_ATTEMPTS_MAX];
    struct spool_settled back;

    (void)state;
    for (size_t cut = 0; cut < n; cut++) {
        char *tight = pm_xmalloc(cut);

        memcpy(tight, bytes, cut);
        record_get_settled(pm_str_n(tight, cut), &back, attempts);
        free(tight);
    }
    assert_false(record_get_settled(PM_STR("\x0a\x7f"), &back, attempts)); /* longer than it is */
    assert_false(record_get_settled(PM_STR("\x0b\x01"), &back, attempts)); /* a group */
    assert_false(record_get_settled(PM_STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), &back,
                                    attempts));
}

static void fields_of_a_later_version_are_passed_over(void **state)
{
    /* Numbers 100 (of each wire type) and 1, 2 as something else, then status FAILED. */
    const struct pm_str in = PM_STR("\xa2\x06\x03xyz\xa0\x06\x05\xa5\x06"
                                    "1234\xa1\x06"
                                    "12345678"
                                    "\x08\x07\x12\x01z\x10\x02");
    struct spool_attempt attempts[RECORD_ATTEMPTS_MAX];
    struct spool_settled r;

    (void)state;
    assert_true(record_get_settled(in, &r, attempts));
    assert_int_equal(r.status, SPOOL_FAILED);
    assert_int_equal(r.begin.id.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_settled_record_says_the_same_to_any_protobuf_reader),
        cmocka_unit_test(an_attempt_says_the_same_to_any_protobuf_reader),
        cmocka_unit_test(what_protobuf_writes_is_read_the_same),
        cmocka_unit_test(each_message_tells_its_id),
        cmocka_unit_test(texts_are_cut_between_characters_and_made_utf8),
        cmocka_unit_test(the_longest_message_fits_its_bound),
        cmocka_unit_test(a_message_that_does_not_fit_writes_nothing_past_its_room),
        cmocka_unit_test(broken_bytes_are_refused_or_read_without_harm),
        cmocka_unit_test(fields_of_a_later_version_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
