/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "agent/provider/usage.h"
#include "tests/decoder_rows.h"

/* T31, T32, T34, T36, §10 */
static void usage_is_found_wherever_it_is_and_never_added_up(void **state)
{
    static const struct row rows[] = {
        {"moonshotai", NULL,
         "data:{" TOP ",'choices':[{'index':0,'delta':{'role':'assistant','content':'Hi'},"
         "'finish_reason':null}]}\n\n"
         "data:{" TOP ",'choices':[{'index':0,'delta':{},'finish_reason':'stop','usage':{"
         "'prompt_tokens':9,'completion_tokens':2,'total_tokens':11,'cached_tokens':4}}]}\n\n" DONE,
         "content Hi\nfinish stop\n native stop\nusage 9+2 cached 4 written 0 reasoning 0\n", 1},
        {"vllm", NULL,
         "data: {" TOP ",'choices':[{'index':0,'delta':{'role':'assistant','content':'a'},"
         "'finish_reason':null}],'usage':{'prompt_tokens':5,'completion_tokens':1}}\n\n"
         "data: {" TOP ",'choices':[{'index':0,'delta':{'content':'b'},'finish_reason':'length'}],"
         "'usage':{'prompt_tokens':5,'completion_tokens':2}}\n\n" DONE,
         "content ab\nfinish length\n native length\nusage 5+2 cached 0 written 0 reasoning 0\n",
         2},
        {"openai", NULL,
         ROLE DELTA("'content':'x'") FINISH("stop")
             USAGE("'prompt_tokens':3,'completion_tokens':1,'total_tokens':4,"
                   "'prompt_tokens_details':null") DONE,
         "content x\nfinish stop\n native stop\nusage 3+1 cached 0 written 0 reasoning 0\n", 4},
        /* what was said stands when zeros follow */
        {"openai", NULL,
         ROLE DELTA("'content':'x'") FINISH("stop") USAGE("'prompt_tokens':3,'completion_tokens':1")
             USAGE("'prompt_tokens':0,'completion_tokens':0,'total_tokens':0"),
         "content x\nfinish stop\n native stop\nusage 3+1 cached 0 written 0 reasoning 0\n", -1},
        /* reasoning beside the completion, unless the total says that it is inside */
        {"xai", NULL,
         ROLE FINISH("stop") USAGE("'prompt_tokens':32,'completion_tokens':9,'total_tokens':135,"
                                   "'completion_tokens_details':{'reasoning_tokens':94}"),
         "finish stop\n native stop\nusage 32+103 cached 0 written 0 reasoning 94\n", -1},
        {"xai", NULL,
         ROLE FINISH("stop") USAGE("'prompt_tokens':32,'completion_tokens':103,'total_tokens':135,"
                                   "'completion_tokens_details':{'reasoning_tokens':94}"),
         "finish stop\n native stop\nusage 32+103 cached 0 written 0 reasoning 94\n", -1},
        {"deepseek", NULL,
         ROLE FINISH("stop") USAGE("'completion_tokens':7,'prompt_cache_hit_tokens':64,"
                                   "'prompt_cache_miss_tokens':36"),
         "finish stop\n native stop\nusage 100+7 cached 64 written 0 reasoning 0\n", -1},
        {"alibaba", NULL,
         ROLE FINISH("stop") USAGE("'prompt_tokens':100,'completion_tokens':7,"
                                   "'prompt_tokens_details':{'cached_tokens':30,"
                                   "'cache_creation_input_tokens':50}"),
         "finish stop\n native stop\nusage 100+7 cached 30 written 50 reasoning 0\n", -1},
        {"mistral", NULL,
         ROLE FINISH("stop") USAGE("'prompt_tokens':100,'completion_tokens':7,"
                                   "'prompt_token_details':{'cached_tokens':30}"),
         "finish stop\n native stop\nusage 100+7 cached 30 written 0 reasoning 0\n", -1},
        {"llamacpp", NULL,
         ROLE "data: {" TOP ",'choices':[{'index':0,'delta':{},'finish_reason':'stop'}],'timings':{"
              "'cache_n':20,'prompt_n':5,'predicted_n':7,'predicted_ms':1.5}}\n\n",
         "finish stop\n native stop\nusage 25+7 cached 20 written 0 reasoning 0\n", -1},
        {"llamacpp", NULL,
         ROLE "data: {" TOP ",'choices':[{'index':0,'delta':{},'finish_reason':'stop'}],'usage':{"
              "'prompt_tokens':25,'completion_tokens':7},'timings':{'cache_n':20}}\n\n",
         "finish stop\n native stop\nusage 25+7 cached 20 written 0 reasoning 0\n", -1},
        /* numbers that cannot be */
        {"openai", NULL,
         ROLE FINISH("stop") USAGE("'prompt_tokens':10,'completion_tokens':5,"
                                   "'prompt_tokens_details':{'cached_tokens':99,"
                                   "'cache_write_tokens':-4},'completion_tokens_details':{"
                                   "'reasoning_tokens':77}"),
         "finish stop\n native stop\nusage 10+5 cached 10 written 0 reasoning 5\n", -1},
        {"openai", NULL, ROLE FINISH("stop") USAGE("'prompt_tokens':-1,'completion_tokens':5"),
         "finish stop\n native stop\n", -1},
        {"openai", NULL,
         ROLE FINISH("stop") USAGE("'prompt_tokens':1,'completion_tokens':99999999999999999999"),
         "finish stop\n native stop\n", -1},
        {"openai", NULL, ROLE FINISH("stop") USAGE("'prompt_tokens':'many'"),
         "finish stop\n native stop\n", -1},
    };

    (void)state;
    CHECK(rows);
}

static struct pm_usage usage_of(const char *json)
{
    char *text = quoted(json);
    struct pm_usage u = {0};
    struct pm_jval root;

    assert_true(pm_json_ok(pm_str(text), &root));
    usage_read(dialect_find(PM_STR("openrouter")), root, &u);
    free(text);
    return u;
}

static void what_openrouter_charged_is_read_to_the_nano_dollar(void **state)
{
    static const struct {
        const char *cost;
        int64_t nano; /* -1: not believed */
    } rows[] = {
        {"0", 0},
        {"0.000031", 31000},
        {"1", INT64_C(1000000000)},
        {"12.5", INT64_C(12500000000)},
        {"0.00014599999999999997", 146000},
        {"0.0000000005", 1},
        {"0.00000000049", 0},
        {"1.46e-4", 146000},
        {"1.46E-04", 146000},
        {"25e-1", INT64_C(2500000000)},
        {"1e3", INT64_C(1000000000000)},
        {"1e-400", 0},
        {"-0.5", -1},
        {"1e30", -1},
        {"99999999999999999999", -1},
        {"null", -1},
        {"'0.1'", -1},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        char json[128];
        struct pm_usage u;

        snprintf(json, sizeof(json), "{'prompt_tokens':1,'completion_tokens':1,'cost':%s}",
                 rows[i].cost);
        u = usage_of(json);
        assert_int_equal(u.has_provider_cost, rows[i].nano >= 0);
        if (rows[i].nano >= 0 && u.provider_cost_nano != rows[i].nano)
            fail_msg("%s: got %lld", rows[i].cost, (long long)u.provider_cost_nano);
    }
    /* with a key of one's own there: its fee and what the provider bills */
    assert_int_equal(usage_of("{'prompt_tokens':1,'cost':0.001,'is_byok':true,'cost_details':{"
                              "'upstream_inference_cost':0.02}}")
                         .provider_cost_nano,
                     21000000);
    assert_int_equal(usage_of("{'prompt_tokens':1,'cost':0.001,'is_byok':false,'cost_details':{"
                              "'upstream_inference_cost':0.02}}")
                         .provider_cost_nano,
                     1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usage_is_found_wherever_it_is_and_never_added_up),
        cmocka_unit_test(what_openrouter_charged_is_read_to_the_nano_dollar),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
