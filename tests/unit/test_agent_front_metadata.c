/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/route_fixture.h"

#include "agent/front/front.h"
#include "tests/shapes.h"

static const struct shape shape[] = {{"openrouter_metadata", "o"}, SHAPE_METADATA};

/* The object for this trace, checked as clients do. */
static struct pm_str metadata_of(const struct front_trace *t, struct pm_buf *out)
{
    pm_buf_init(out, 1 << 20);
    pm_buf_lit(out, "{\"openrouter_metadata\":");
    assert_true(front_write_metadata(t, out));
    pm_buf_ch(out, '}');
    assert_shape(pm_buf_view(out), shape);
    return pm_buf_view(out);
}

static struct world *two_and_one_too_dear(void)
{
    struct world *w = world_new();

    world_add(w, "acme/one", "alpha", 1);
    world_add(w, "acme/one", "beta", 2);
    world_add(w, "acme/one", "gamma", 9);
    SET_SLUGS(&w->call.prefs, order, S("alpha"), S("beta"));
    w->call.prefs.max_prompt = 5000000;
    world_route(w);
    assert_int_equal(w->d.n_attempts, 2);
    return w;
}

static void it_tells_each_attempt_and_why_others_were_left_out(void **state)
{
    struct world *w = two_and_one_too_dear();
    const struct front_attempt attempts[] = {{w->d.attempts[0].endpoint, 503},
                                             {w->d.attempts[1].endpoint, 200}};
    const struct front_trace t = {.decision = &w->d,
                                  .requested = S("acme/one:floor"),
                                  .region = S("eu"),
                                  .attempts = attempts,
                                  .n_attempts = 2,
                                  .succeeded = true,
                                  .generation_ms = 812};
    struct pm_buf out;
    const char *text = metadata_of(&t, &out).p;

    (void)state;
    assert_non_null(strstr(
        text, "{\"requested\":\"acme/one:floor\",\"strategy\":\"direct\",\"region\":\"eu\","
              "\"summary\":\"available=2, selected=beta\",\"attempt\":2,\"is_byok\":false,"
              "\"attempts\":[{\"provider\":\"alpha\",\"model\":\"acme/one\",\"status\":503},"
              "{\"provider\":\"beta\",\"model\":\"acme/one\",\"status\":200}],"
              "\"endpoints\":{\"total\":3,\"available\":[{\"provider\":\"alpha\",\"model\":"
              "\"acme/one\",\"selected\":false},{\"provider\":\"beta\",\"model\":\"acme/one\","
              "\"selected\":true}]},\"pipeline\":[],\"generation_time\":812,"));
    assert_non_null(strstr(text, "\"endpoint\":\"gamma\",\"provider\":\"gamma\",\"attempt\":null,"
                                 "\"reason\":\"max_price\",\"text\":\""));
    assert_non_null(strstr(text, "\"endpoint\":\"beta\",\"provider\":\"beta\",\"attempt\":2,"));
    pm_buf_fini(&out);
    world_free(w);
}

static void on_a_failure_nothing_is_selected(void **state)
{
    struct world *w = two_and_one_too_dear();
    const struct front_attempt attempts[] = {{w->d.attempts[0].endpoint, 0}};
    struct front_trace t = {.decision = &w->d,
                            .requested = S("acme/one"),
                            .attempts = attempts,
                            .n_attempts = 1,
                            .generation_ms = -1};
    struct pm_buf out;
    const char *text = metadata_of(&t, &out).p;

    (void)state;
    assert_null(strstr(text, "\"selected\":true"));
    assert_non_null(strstr(text, "selected=none\",\"attempt\":1,"));
    assert_non_null(strstr(text, "\"region\":null"));
    assert_null(strstr(text, "generation_time"));
    pm_buf_fini(&out);

    t.n_attempts = 0;
    assert_non_null(strstr(metadata_of(&t, &out).p, "\"attempt\":0,\"is_byok\":false,"
                                                    "\"attempts\":[]"));
    pm_buf_fini(&out);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_tells_each_attempt_and_why_others_were_left_out),
        cmocka_unit_test(on_a_failure_nothing_is_selected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
