/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "common/json_out.h"

static void values_are_separated_and_quoted(void **state)
{
    struct pm_buf b;
    struct pm_jout o = {.b = &b};
    struct pm_jval root;

    (void)state;
    pm_buf_init(&b, 1000);
    pm_jout_open(&o, NULL, '{');
    pm_jout_open(&o, "empty", '[');
    pm_jout_close(&o, ']');
    pm_jout_open(&o, "items", '[');
    pm_jout_i64(&o, NULL, -5);
    pm_jout_bool(&o, NULL, true);
    pm_jout_open(&o, NULL, '{');
    pm_jout_close(&o, '}');
    pm_jout_cstr(&o, NULL, NULL);
    pm_jout_close(&o, ']');
    pm_jout_str(&o, "text", PM_STR("a\"\n"));
    pm_jout_str_or_null(&o, "none", PM_STR(""));
    pm_jout_raw(&o, "raw", PM_STR("[1]"));
    pm_jout_nano(&o, "usd", 31000);
    pm_jout_null(&o, "last");
    pm_jout_close(&o, '}');
    assert_str(pm_buf_view(&b), "{\"empty\":[],\"items\":[-5,true,{},null],\"text\":\"a\\\"\\n\","
                                "\"none\":null,\"raw\":[1],\"usd\":0.000031,\"last\":null}");
    assert_true(pm_json_ok(pm_buf_view(&b), &root));
    pm_buf_fini(&b);
}

static void a_full_buffer_is_remembered(void **state)
{
    struct pm_buf b;
    struct pm_jout o = {.b = &b};

    (void)state;
    pm_buf_init(&b, 10);
    pm_jout_open(&o, NULL, '{');
    pm_jout_str(&o, "a", PM_STR("0123456789"));
    pm_jout_close(&o, '}');
    assert_true(b.failed);
    pm_buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_separated_and_quoted),
        cmocka_unit_test(a_full_buffer_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
