/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "agent/api/listing.h"
#include "tests/shapes.h"

#define S(text) PM_STR_INIT(text)

static const struct shape shape[] = {
    {"data", "o"},
    {"data.label", "s"},
    {"data.limit", "n0"},
    {"data.limit_remaining", "n0"},
    {"data.limit_reset", "s0"},
    {"data.include_byok_in_limit", "b"},
    {"data.usage", "n"},
    {"data.usage_daily", "n"},
    {"data.usage_weekly", "n"},
    {"data.usage_monthly", "n"},
    {"data.byok_usage", "n"},
    {"data.byok_usage_daily", "n"},
    {"data.byok_usage_weekly", "n"},
    {"data.byok_usage_monthly", "n"},
    {"data.is_free_tier", "b"},
    {"data.is_management_key", "b"},
    {"data.is_provisioning_key", "b"},
    {"data.creator_user_id", "s0"},
    {"data.organization_id", "s0"},
    {"data.workspace_id", "s0"},
    {"data.expires_at", "s?0"},
    {"data.allowed_data_regions", "a"},
    {"data.free_model_daily_requests", "o"},
    {"data.free_model_daily_requests.limit", "i"},
    {"data.free_model_daily_requests.remaining", "i"},
    {"data.free_model_daily_requests.used", "i"},
    {"data.rate_limit", "o"},
    {"data.rate_limit.requests", "i"},
    {"data.rate_limit.interval", "s"},
    {"data.rate_limit.note", "s"},
};

static struct pm_str key_of(const struct listing_key *k, struct pm_buf *out)
{
    pm_buf_init(out, 1 << 16);
    assert_true(listing_key(k, out));
    assert_shape(pm_buf_view(out), shape);
    return pm_buf_view(out);
}

static void a_key_tells_what_it_has_left(void **state)
{
    struct pm_str regions[] = {S("eu"), S("us"), S("ap")};
    struct pm_policy policy = {.prefs = {.regions = regions, .n_regions = 3}};
    const struct pm_client_key key = {.name = S("ci"),
                                      .label = S("sk-pm-v1-abc...123"),
                                      .policy = &policy,
                                      .limit_nano = 100000000000,
                                      .expires_unix_ms = 1766000000123};
    const struct listing_key k = {.key = &key, .usage_nano = 25500000001, .daily_nano = 1200000000};
    struct pm_buf out;
    const char *text = key_of(&k, &out).p;

    (void)state;
    assert_non_null(strstr(text, "\"label\":\"sk-pm-v1-abc...123\",\"limit\":100,"
                                 "\"limit_remaining\":74.499999999,"));
    assert_non_null(strstr(text, "\"usage\":25.500000001,\"usage_daily\":1.2,\"usage_weekly\":0,"));
    assert_non_null(strstr(text, "\"expires_at\":\"2025-12-17T19:33:20Z\""));
    assert_non_null(strstr(text, "\"allowed_data_regions\":[\"europe\",\"us\",\"ap\"]"));
    pm_buf_fini(&out);
}

static void without_keys_or_limits_nothing_is_bounded(void **state)
{
    struct pm_policy policy = {0};
    const struct pm_client_key key = {
        .name = S("ci"), .policy = &policy, .limit_nano = PM_PRICE_NONE};
    struct listing_key k = {.key = NULL};
    struct pm_buf out;

    (void)state;
    assert_non_null(strstr(key_of(&k, &out).p, "\"limit\":null,\"limit_remaining\":null"));
    assert_non_null(strstr(out.p, "\"allowed_data_regions\":[\"global\"]"));
    pm_buf_fini(&out);
    k.key = &key;
    assert_non_null(strstr(key_of(&k, &out).p, "\"label\":\"ci\",\"limit\":null"));
    assert_non_null(strstr(out.p, "\"expires_at\":null"));
    pm_buf_fini(&out);
}

static void a_limit_that_is_overdrawn_leaves_nothing(void **state)
{
    struct pm_policy policy = {0};
    const struct pm_client_key key = {.policy = &policy, .name = S("k"), .limit_nano = 5};
    const struct listing_key k = {.key = &key, .usage_nano = 7};
    struct pm_buf out;

    (void)state;
    assert_non_null(strstr(key_of(&k, &out).p, "\"limit_remaining\":0,"));
    pm_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_tells_what_it_has_left),
        cmocka_unit_test(without_keys_or_limits_nothing_is_bounded),
        cmocka_unit_test(a_limit_that_is_overdrawn_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
