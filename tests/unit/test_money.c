/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "common/money.h"

static const struct pm_price plain = {
    .known = true,
    .input = 1250000, /* 1.25 USD per million tokens */
    .output = 10000000,
    .cache_read = PM_PRICE_NONE,
    .cache_write = PM_PRICE_NONE,
    .cache_write_1h = PM_PRICE_NONE,
    .reasoning = PM_PRICE_NONE,
    .audio_in = PM_PRICE_NONE,
    .audio_out = PM_PRICE_NONE,
    .image_in = PM_PRICE_NONE,
    .image_out = PM_PRICE_NONE,
};

/* Each rate is another power of ten, so that a sum tells which tokens were priced at which. */
static const struct pm_price rates = {
    .known = true,
    .input = 1000,
    .cache_read = 10000,
    .cache_write = 100000,
    .cache_write_1h = 1000000,
    .audio_in = 10000000,
    .image_in = 100000000,
    .output = 1000,
    .reasoning = 10000,
    .audio_out = 100000,
    .image_out = 1000000,
};

typedef bool read_fn(struct pm_str, int64_t *);

static void prices_are_read_exactly(void **state)
{
    static const struct {
        read_fn *read;
        const char *text;
        int64_t want;
    } rows[] = {
        {pm_money_per_mtok, "0.003625", 3625},
        {pm_money_per_mtok, "0.00362500000", 3625},
        {pm_money_per_mtok, "0", 0},
        {pm_money_per_mtok, "0.000000000000000", 0},
        {pm_money_per_mtok, "15", 15000000},
        {pm_money_per_mtok, "600.000", 600000000},
        {pm_money_per_mtok, "10203.0405", 10203040500},
        {pm_money_per_mtok, "0007.10", 7100000},
        {pm_money_per_mtok, "9223372036854.775807", INT64_MAX},
        {pm_money_per_token, "0.00000125", 1250000},
        {pm_money_per_token, "0.000000003625", 3625},
        {pm_money_per_token, "1.25e-6", 1250000},
        {pm_money_per_token, "1.25E-06", 1250000},
        {pm_money_per_token, "125e-8", 1250000},
        {pm_money_per_token, "5e-12", 5},
        {pm_money_per_token, "0e60", 0},
        {pm_money_per_token, "2e+3", 2000000000000000},
        {pm_money_usd, "12.50", 12500000000},
        {pm_money_usd, "0.000000001", 1},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        int64_t got = -7;

        if (!rows[i].read(pm_str(rows[i].text), &got) || got != rows[i].want)
            fail_msg("%s: got %lld", rows[i].text, (long long)got);
    }
}

static void what_is_no_price_is_refused(void **state)
{
    static const struct {
        read_fn *read;
        const char *text;
    } rows[] = {
        {pm_money_per_mtok, ""},
        {pm_money_per_mtok, "-1"},
        {pm_money_per_mtok, "+1"},
        {pm_money_per_mtok, "."},
        {pm_money_per_mtok, "1."},
        {pm_money_per_mtok, ".5"},
        {pm_money_per_mtok, "1.2.3"},
        {pm_money_per_mtok, "1,5"},
        {pm_money_per_mtok, " 1"},
        {pm_money_per_mtok, "1 "},
        {pm_money_per_mtok, "1e3"},
        {pm_money_per_mtok, "nan"},
        {pm_money_per_mtok, "0x10"},
        {pm_money_per_mtok, "0.0000001"},
        {pm_money_per_mtok, "9223372036854.775808"},
        {pm_money_per_mtok, "99999999999999999999999999"},
        {pm_money_per_token, "1e-13"},
        {pm_money_per_token, "1e"},
        {pm_money_per_token, "1e-"},
        {pm_money_per_token, "1e+-6"},
        {pm_money_per_token, "1e99999999999999999999"},
        {pm_money_per_token, "1e60"},
        {pm_money_usd, "0.0000000001"},
    };
    char zeros[4096];
    int64_t got;

    (void)state;
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        if (rows[i].read(pm_str(rows[i].text), &got))
            fail_msg("\"%s\" was taken for %lld", rows[i].text, (long long)got);
    }
    memset(zeros, '0', sizeof(zeros));
    assert_false(pm_money_per_mtok(pm_str_n(zeros, sizeof(zeros)), &got));
}

static void prices_are_printed_as_openrouter_prints_them(void **state)
{
    static const struct {
        int64_t pico;
        const char *per_token, *per_mtok;
    } rows[] = {
        {0, "0", "0"},
        {1250000, "0.00000125", "1.25"},
        {3625, "0.000000003625", "0.003625"},
        {1, "0.000000000001", "0.000001"},
        {1000000000000, "1", "1000000"},
        {INT64_MAX, "9223372.036854775807", "9223372036854.775807"},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        struct pm_buf b;
        int64_t back;

        pm_buf_init(&b, 64);
        assert_true(pm_money_print_per_token(&b, rows[i].pico));
        assert_str(pm_buf_view(&b), rows[i].per_token);
        assert_true(pm_money_per_token(pm_buf_view(&b), &back));
        assert_true(back == rows[i].pico);
        pm_buf_reset(&b);
        assert_true(pm_money_print_per_mtok(&b, rows[i].pico));
        assert_str(pm_buf_view(&b), rows[i].per_mtok);
        assert_true(pm_money_per_mtok(pm_buf_view(&b), &back));
        assert_true(back == rows[i].pico);
        pm_buf_fini(&b);
    }
}

static void each_token_is_priced_once_at_the_rate_of_its_kind(void **state)
{
    static const struct {
        const char *what;
        struct pm_usage u;
        int64_t prompt, completion; /* nano: digit k counts the tokens at rate k */
    } rows[] = {
        {"plain", {.prompt = 9, .completion = 8}, 9, 8},
        {"cached inside prompt", {.prompt = 9, .cached = 4}, 45, 0},
        {"all cached", {.prompt = 4, .cached = 4}, 40, 0},
        {"written inside prompt", {.prompt = 9, .cached = 2, .cache_write = 3}, 324, 0},
        {"an hour's inside written",
         {.prompt = 9, .cached = 2, .cache_write = 3, .cache_write_1h = 2},
         2124,
         0},
        {"media in", {.prompt = 9, .audio_in = 2, .image_in = 3}, 320004, 0},
        {"reasoning inside completion", {.completion = 9, .reasoning = 5}, 0, 54},
        {"media out", {.completion = 9, .reasoning = 1, .audio_out = 2, .image_out = 3}, 0, 3213},
        {"parts beyond the whole", {.prompt = 3, .cached = 7, .cache_write = 7}, 30, 0},
        {"an hour's beyond written", {.prompt = 9, .cache_write = 1, .cache_write_1h = 5}, 1008, 0},
        {"less than nothing",
         {.prompt = -5, .completion = -5, .cached = -1, .reasoning = -1, .images = -1},
         0,
         0},
        {"negative parts", {.prompt = 5, .cached = -3, .audio_in = -3}, 5, 0},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        struct pm_cost c = pm_price_of_usage(&rates, &rows[i].u);

        if (c.prompt_nano != rows[i].prompt || c.completion_nano != rows[i].completion ||
            c.total_nano != c.prompt_nano + c.completion_nano || c.overflow)
            fail_msg("%s: prompt %lld, completion %lld, total %lld", rows[i].what,
                     (long long)c.prompt_nano, (long long)c.completion_nano,
                     (long long)c.total_nano);
    }
}

static void a_rate_that_is_not_told_is_the_plain_one(void **state)
{
    const struct pm_usage u = {.prompt = 100,
                               .completion = 100,
                               .cached = 10,
                               .cache_write = 10,
                               .cache_write_1h = 5,
                               .audio_in = 10,
                               .image_in = 10,
                               .reasoning = 10,
                               .audio_out = 10,
                               .image_out = 10};
    struct pm_price p = plain;

    (void)state;
    assert_int_equal(pm_price_of_usage(&p, &u).prompt_nano, 125000);
    assert_int_equal(pm_price_of_usage(&p, &u).completion_nano, 1000000);
    p.cache_write = 2500000; /* and so is the hour's */
    assert_int_equal(pm_price_of_usage(&p, &u).prompt_nano, 125000 + 12500);
    p.cache_read = 0; /* told, and free */
    assert_int_equal(pm_price_of_usage(&p, &u).prompt_nano, 125000 + 12500 - 12500);
}

static void a_sum_is_rounded_once_and_half_up(void **state)
{
    struct pm_price p = plain;
    struct pm_usage u = {.prompt = 1, .completion = 1};

    (void)state;
    p.input = 400;
    p.output = 400; /* 0.4 + 0.4 nano: rounded apart they would be nothing */
    assert_int_equal(pm_price_of_usage(&p, &u).total_nano, 1);
    p.input = 499;
    p.output = 0;
    assert_int_equal(pm_price_of_usage(&p, &u).total_nano, 0);
    p.input = 500;
    assert_int_equal(pm_price_of_usage(&p, &u).total_nano, 1);
    p.input = 3625;
    u.prompt = 1000000; /* the finest price there is, for a million tokens */
    assert_int_equal(pm_price_of_usage(&p, &u).total_nano, 3625000);
}

static void requests_and_images_are_charged_by_the_piece(void **state)
{
    struct pm_price p = plain;
    const struct pm_usage u = {.prompt = 4, .completion = 1, .images = 3};
    struct pm_cost c;

    (void)state;
    p.request = 5000000000;
    p.image_unit = 40000000000;
    c = pm_price_of_usage(&p, &u);
    assert_int_equal(c.prompt_nano, 5000);
    assert_int_equal(c.completion_nano, 10000);
    assert_int_equal(c.total_nano, 5000 + 10000 + 5000000 + 3 * 40000000);
}

static void an_unknown_price_gives_no_cost_and_no_bound(void **state)
{
    const struct pm_price unknown = PM_PRICE_UNKNOWN;
    const struct pm_usage u = {.prompt = 1000, .completion = 1000};

    (void)state;
    assert_int_equal(pm_price_of_usage(&unknown, &u).total_nano, 0);
    assert_int_equal(pm_price_bound(&unknown, 1000, 1000), -1);
}

static void the_charge_a_provider_tells_is_taken_as_it_is(void **state)
{
    const struct pm_price unknown = PM_PRICE_UNKNOWN;
    struct pm_usage u = {
        .prompt = 4, .completion = 1, .has_provider_cost = true, .provider_cost_nano = 7000};
    struct pm_cost c = pm_price_of_usage(&plain, &u);

    (void)state;
    assert_int_equal(c.total_nano, 7000);
    assert_int_equal(c.prompt_nano, 5000);
    assert_int_equal(c.completion_nano, 2000);
    assert_int_equal(pm_price_of_usage(&unknown, &u).total_nano, 7000);
    u.provider_cost_nano = -1;
    assert_int_equal(pm_price_of_usage(&plain, &u).total_nano, 0);
}

static void senseless_numbers_cost_the_most_there_is_and_say_so(void **state)
{
    struct pm_price p = plain;
    struct pm_usage u = {.prompt = INT64_MAX, .completion = INT64_MAX, .images = INT64_MAX};
    struct pm_cost c;

    (void)state;
    p.input = p.output = p.request = p.image_unit = INT64_MAX;
    c = pm_price_of_usage(&p, &u);
    assert_true(c.overflow);
    assert_true(c.total_nano == INT64_MAX && c.prompt_nano == INT64_MAX);
    assert_true(c.completion_nano >= 0);
    assert_true(pm_price_bound(&p, INT64_MAX, INT64_MAX) == INT64_MAX);

    /* The last sum that fits, and the first that does not. */
    p = plain;
    p.input = 1000;
    u = (struct pm_usage){.prompt = INT64_MAX};
    c = pm_price_of_usage(&p, &u);
    assert_true(c.total_nano == INT64_MAX && !c.overflow);
    p.request = 500;
    c = pm_price_of_usage(&p, &u);
    assert_true(c.total_nano == INT64_MAX && c.overflow);
}

static uint64_t seed = 88172645463325252u;

static uint64_t draw(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static int64_t up_to(int64_t n)
{
    return (int64_t)(draw() % (uint64_t)(n + 1));
}

static int64_t rate_or_none(void)
{
    return draw() % 3 ? up_to(700000000) : PM_PRICE_NONE;
}

/* A usage whose parts fit into their wholes. */
static struct pm_usage any_usage(void)
{
    struct pm_usage u = {.prompt = up_to(2000000), .completion = up_to(200000)};

    u.cached = up_to(u.prompt);
    u.cache_write = up_to(u.prompt - u.cached);
    u.cache_write_1h = up_to(u.cache_write);
    u.audio_in = up_to(u.prompt - u.cached - u.cache_write);
    u.image_in = up_to(u.prompt - u.cached - u.cache_write - u.audio_in);
    u.reasoning = up_to(u.completion);
    u.audio_out = up_to(u.completion - u.reasoning);
    u.image_out = up_to(u.completion - u.reasoning - u.audio_out);
    u.images = up_to(10);
    return u;
}

static struct pm_price any_price(void)
{
    return (struct pm_price){
        .known = true,
        .input = up_to(700000000),
        .output = up_to(700000000),
        .cache_read = rate_or_none(),
        .cache_write = rate_or_none(),
        .cache_write_1h = rate_or_none(),
        .reasoning = rate_or_none(),
        .audio_in = rate_or_none(),
        .audio_out = rate_or_none(),
        .image_in = rate_or_none(),
        .image_out = rate_or_none(),
        .request = up_to(1000000000),
        .image_unit = up_to(1000000000),
    };
}

/* The same sum the other way round: everything at the plain rate, then each part's difference. */
static __int128 reference_pico(const struct pm_price *p, const struct pm_usage *u)
{
    const int64_t write = p->cache_write < 0 ? p->input : p->cache_write;
    const struct {
        int64_t n, rate, plain;
    } parts[] = {
        {u->cached, p->cache_read, p->input},          {u->cache_write, p->cache_write, p->input},
        {u->cache_write_1h, p->cache_write_1h, write}, {u->audio_in, p->audio_in, p->input},
        {u->image_in, p->image_in, p->input},          {u->reasoning, p->reasoning, p->output},
        {u->audio_out, p->audio_out, p->output},       {u->image_out, p->image_out, p->output},
    };
    __int128 sum = (__int128)u->prompt * p->input + (__int128)u->completion * p->output;

    for (size_t i = 0; i < PM_COUNT(parts); i++) {
        int64_t more = parts[i].rate < 0 ? 0 : parts[i].rate - parts[i].plain;
        /* An hour's write without a rate of its own costs what a plain write does. */
        sum += (__int128)parts[i].n * more;
    }
    return sum + p->request + (__int128)u->images * p->image_unit;
}

static void any_usage_costs_what_plain_arithmetic_says(void **state)
{
    (void)state;
    for (int i = 0; i < 20000; i++) {
        const struct pm_price p = any_price();
        const struct pm_usage u = any_usage();
        const struct pm_cost c = pm_price_of_usage(&p, &u);
        const __int128 pico = reference_pico(&p, &u);

        assert_true(c.total_nano == (int64_t)(pico / 1000 + (pico % 1000 >= 500)));
        assert_true(c.prompt_nano >= 0 && c.completion_nano >= 0 && !c.overflow);
        assert_true(c.prompt_nano + c.completion_nano <= c.total_nano);
    }
}

static void no_usage_costs_more_than_its_bound(void **state)
{
    (void)state;
    for (int i = 0; i < 20000; i++) {
        const struct pm_price p = any_price();
        struct pm_usage u = any_usage();

        u.images = 0;
        assert_true(pm_price_of_usage(&p, &u).total_nano <=
                    pm_price_bound(&p, u.prompt, u.completion));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prices_are_read_exactly),
        cmocka_unit_test(what_is_no_price_is_refused),
        cmocka_unit_test(prices_are_printed_as_openrouter_prints_them),
        cmocka_unit_test(each_token_is_priced_once_at_the_rate_of_its_kind),
        cmocka_unit_test(a_rate_that_is_not_told_is_the_plain_one),
        cmocka_unit_test(a_sum_is_rounded_once_and_half_up),
        cmocka_unit_test(requests_and_images_are_charged_by_the_piece),
        cmocka_unit_test(an_unknown_price_gives_no_cost_and_no_bound),
        cmocka_unit_test(the_charge_a_provider_tells_is_taken_as_it_is),
        cmocka_unit_test(senseless_numbers_cost_the_most_there_is_and_say_so),
        cmocka_unit_test(any_usage_costs_what_plain_arithmetic_says),
        cmocka_unit_test(no_usage_costs_more_than_its_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
