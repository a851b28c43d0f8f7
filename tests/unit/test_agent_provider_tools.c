/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "agent/provider/tool_calls.h"
#include "tests/decoder_rows.h"

/* T2, T3, T21 */
static void tool_calls_are_told_apart_whatever_their_index(void **state)
{
    static const struct row rows[] = {
        /* two complete calls, both with index 0 */
        {"compatible", NULL,
         ROLE TOOL("'index':0,'id':'a','type':'function','function':{'name':'f','arguments':'{\\'x"
                   "\\':1}'}") TOOL("'index':0,'id':'b','type':'function','function':{'name':'g',"
                                    "'arguments':'{\\'y\\':2}'}") FINISH("tool_calls") DONE,
         "tool a\n name f\n args {\\'x\\':1}\ntool b\n name g\n args {\\'y\\':2}\n"
         "finish tool_calls\n native tool_calls\n",
         3},
        /* no index at all */
        {"xai", NULL,
         ROLE TOOL("'id':'a','type':'function','function':{'name':'f','arguments':'{}'}")
             TOOL("'id':'b','type':'function','function':{'name':'f','arguments':'{}'}")
                 FINISH("tool_calls"),
         "tool a\n name f\n args {}\ntool b\n name f\n args {}\n"
         "finish tool_calls\n native tool_calls\n",
         2},
        /* neither index nor id: fragments belong to the last call */
        {"compatible", NULL,
         ROLE TOOL("'id':'a','function':{'name':'f','arguments':''}")
             TOOL("'function':{'arguments':'{\\'x'}") TOOL("'function':{'arguments':'\\':1}'}")
                 FINISH("tool_calls"),
         "tool a\n name f\n args {\\'x\\':1}\nfinish tool_calls\n native tool_calls\n", 2},
        /* a new call under a known index, told by its name alone */
        {"compatible", NULL,
         ROLE TOOL("'index':0,'function':{'name':'f','arguments':'{}'},'id':'a'")
             TOOL("'index':0,'function':{'name':'g','arguments':'{}'}") FINISH("stop"),
         "tool a\n name f\n args {}\ntool made\n name g\n args {}\n"
         "finish tool_calls\n native stop\n",
         -1},
        /* a new id for every delta of one call */
        {"compatible", NULL,
         ROLE TOOL("'index':0,'id':'a1','type':'function','function':{'name':'f','arguments':''}")
             TOOL("'index':0,'id':'a2','function':{'arguments':'{\\'x\\''}")
                 TOOL("'index':0,'id':'a3','function':{'arguments':':1}'}") FINISH("tool_calls"),
         "tool a1\n name f\n args {\\'x\\':1}\nfinish tool_calls\n native tool_calls\n", -1},
        /* name null and id empty later on */
        {"compatible", NULL,
         ROLE TOOL("'index':0,'id':'a','type':'function','function':{'name':'f','arguments':''}")
             TOOL("'index':0,'id':'','type':null,'function':{'name':null,'arguments':'{}'}")
                 FINISH("tool_calls"),
         "tool a\n name f\n args {}\nfinish tool_calls\n native tool_calls\n", 3},
        /* the name comes late */
        {"compatible", NULL,
         ROLE TOOL("'index':0,'id':'a','function':{'arguments':'{\\'x\\''}")
             TOOL("'index':0,'function':{'arguments':':1}'}")
                 TOOL("'index':0,'function':{'name':'f'}") FINISH("tool_calls"),
         "tool a\n name f\n args {\\'x\\':1}\nfinish tool_calls\n native tool_calls\n", -1},
        /* one id for two calls */
        {"compatible", NULL,
         ROLE TOOL("'index':0,'id':'a','function':{'name':'f','arguments':'{}'}") TOOL(
             "'index':1,'id':'a','function':{'name':'f','arguments':'{}'}") FINISH("tool_calls"),
         "tool a\n name f\n args {}\ntool made\n name f\n args {}\n"
         "finish tool_calls\n native tool_calls\n",
         -1},
        /* interleaved, and beginning at 1 */
        {"compatible", NULL,
         ROLE TOOL("'index':1,'id':'a','function':{'name':'f','arguments':'{\\'x\\':'}")
             TOOL("'index':2,'id':'b','function':{'name':'g','arguments':'['}")
                 TOOL("'index':1,'function':{'arguments':'1}'}")
                     TOOL("'index':2,'function':{'arguments':']'}") FINISH("tool_calls"),
         "tool a\n name f\n args {\\'x\\':1}\ntool b\n name g\n args []\n"
         "finish tool_calls\n native tool_calls\n",
         2},
    };

    (void)state;
    CHECK(rows);
}

/* T6 of the OpenAI dialects, §2.4.8 */
static void arguments_are_always_a_text(void **state)
{
    static const struct row rows[] = {
        {"llamacpp", NULL,
         ROLE TOOL("'index':0,'id':'a','function':{'name':'f','arguments':{'x':'\\u00e9'}}")
             FINISH("tool_calls"),
         "tool a\n name f\n args {\\'x\\':\\'\\\\u00e9\\'}\nfinish tool_calls\n native "
         "tool_calls\n",
         2},
        {"openai", NULL,
         ROLE TOOL("'index':0,'id':'a','type':'function','function':{'name':'f','arguments':''}")
             TOOL("'index':0,'function':{'arguments':null}") FINISH("tool_calls"),
         "tool a\n name f\n args {}\nfinish tool_calls\n native tool_calls\n", 2},
        {"openai", NULL,
         ROLE TOOL("'index':0,'id':'a','type':'function','function':{'name':'f'}")
             FINISH("tool_calls"),
         "tool a\n name f\n args {}\nfinish tool_calls\n native tool_calls\n", 1},
        {"ollama", "application/json",
         MESSAGE("'role':'assistant','content':'','tool_calls':[{'index':0,'id':'a','type':"
                 "'function','function':{'name':'f','arguments':{}}},{'index':0,'id':'','type':"
                 "'function','function':{'name':'g','arguments':'[]'}}]",
                 "'stop'"),
         "tool a\n name f\n args {}\ntool made\n name g\n args []\n"
         "finish tool_calls\n native stop\n",
         0},
    };

    (void)state;
    CHECK(rows);
}

static void an_answer_of_ever_more_calls_is_given_up(void **state)
{
    struct assembled got;
    struct pm_buf bytes;

    (void)state;
    assembled_init(&got);
    pm_buf_init(&bytes, 1 << 20);
    pm_buf_lit(&bytes, "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\","
                       "\"tool_calls\":[");
    for (int i = 0; i <= TOOL_CALLS_MAX; i++)
        pm_buf_addf(&bytes, "%s{\"id\":\"%d\",\"function\":{\"name\":\"f\"}}", i ? "," : "", i);
    pm_buf_lit(&bytes, "]},\"finish_reason\":\"tool_calls\"}]}\n\n");
    assemble_bytes(&got, dialect_find(PM_STR("compatible")), PM_OP_CHAT, "text/event-stream",
                   pm_buf_view(&bytes), 65536, true);
    assert_int_equal(got.error, FAIL_PROTOCOL);
    assert_false(got.committed);
    pm_buf_fini(&bytes);
    assembled_fini(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tool_calls_are_told_apart_whatever_their_index),
        cmocka_unit_test(arguments_are_always_a_text),
        cmocka_unit_test(an_answer_of_ever_more_calls_is_given_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
