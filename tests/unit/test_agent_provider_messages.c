/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "tests/request_writer.h"

/* What stands between the brackets of `messages` or `tools`, before and after. Apostrophes stand
 * for quotes. */
struct row {
    const char *dialect, *model, *before, *after;
};

static struct pm_str quoted(struct pm_arena *a, const char *s)
{
    struct pm_str copy = pm_arena_str(a, pm_str(s));
    char *p = pm_arena_alloc(a, copy.n + 1);

    for (size_t i = 0; i < copy.n; i++)
        p[i] = copy.p[i] == '\'' ? '"' : copy.p[i];
    return pm_str_n(p, copy.n);
}

static void check_rows(const char *member, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct written w;
        struct pm_str before, after;

        written_init(&w, rows[i].model);
        before = quoted(&w.a, rows[i].before);
        after = quoted(&w.a, rows[i].after);
        before = pm_arena_fmt(&w.a, "{\"model\":\"\",\"%s\":[%.*s]}", member, PM_FMT(before));
        after = pm_arena_fmt(&w.a, "{\"model\":\"%s\",\"%s\":[%.*s]", rows[i].model, member,
                             PM_FMT(after));
        if (!written_write(&w, rows[i].dialect, before))
            fail_msg("row %zu: %s", i, w.err.text);
        if (!pm_str_starts(pm_buf_view(&w.body), after))
            fail_msg("row %zu: got\n%.*s\nwant\n%.*s...", i, (int)w.body.n, w.body.p,
                     PM_FMT(after));
        written_fini(&w);
    }
}
#define CHECK(rows) check_rows("messages", rows, PM_COUNT(rows))

/* T25, T27 */
static void earlier_reasoning_goes_back_only_where_it_is_wanted(void **state)
{
    static const struct row rows[] = {
        {"deepseek", "deepseek-v4-pro", "{'role':'assistant','content':'a'},{'role':'user'}",
         "{'role':'assistant','content':'a','reasoning_content':''},{'role':'user'}"},
        {"deepseek", "deepseek-v4-pro", "{'reasoning':'r','role':'assistant','content':'a'}",
         "{'role':'assistant','content':'a','reasoning_content':'r'}"},
        {"deepseek", "deepseek-v4-pro",
         "{'role':'assistant','reasoning_content':'r','reasoning':'r','content':'a'}",
         "{'role':'assistant','reasoning_content':'r','content':'a'}"},
        {"deepseek", "deepseek-v4-pro",
         "{'role':'assistant','content':'a','reasoning_content':null,'reasoning_details':[{'type':"
         "'reasoning.text','text':'x\\n'},{'type':'reasoning.encrypted','data':'e'},{'type':"
         "'reasoning.summary','summary':'y'}]}",
         "{'role':'assistant','content':'a','reasoning_content':'x\\ny'}"},
        {"deepseek", "deepseek-reasoner",
         "{'role':'assistant','reasoning_content':'r','content':'a'}",
         "{'role':'assistant','content':'a'}"},
        {"openai", "gpt-5.1",
         "{'role':'assistant','reasoning':'r','reasoning_details':[{'signature':'s'}],'content':'a'"
         "}",
         "{'role':'assistant','content':'a'}"},
        {"vllm", "m", "{'role':'assistant','reasoning_content':'r','content':'a'}",
         "{'role':'assistant','content':'a','reasoning':'r'}"},
        {"groq", "m", "{'role':'assistant','reasoning':'r','content':'a'}",
         "{'role':'assistant','reasoning':'r','content':'a'}"},
        {"moonshotai", "kimi-k2.6", "{'role':'assistant','tool_calls':[]},{'role':'tool'}",
         "{'role':'assistant','tool_calls':[],'reasoning_content':''},{'role':'tool'}"},
        {"mistral", "m", "{'role':'assistant','content':'a','reasoning':'r'},{'role':'user'}",
         "{'role':'assistant','content':[{'type':'thinking','thinking':[{'type':'text','text':'r'}]"
         ","
         "'closed':true},{'type':'text','text':'a'}]},{'role':'user'}"},
        {"mistral", "m",
         "{'role':'assistant','content':[{'type':'text','text':'a'}],'reasoning':'r'},{'role':"
         "'user'}",
         "{'role':'assistant','content':[{'type':'thinking','thinking':[{'type':'text','text':'r'}]"
         ","
         "'closed':true},{'type':'text','text':'a'}]},{'role':'user'}"},
        {"mistral", "m",
         "{'role':'assistant','content':[],'reasoning':'r'},{'role':'assistant','content':null,"
         "'reasoning':'r'},{'role':'assistant','reasoning':'r'},{'role':'user'}",
         "{'role':'assistant','content':[{'type':'thinking','thinking':[{'type':'text','text':'r'}]"
         ","
         "'closed':true}]},{'role':'assistant','content':[{'type':'thinking','thinking':[{'type':"
         "'text','text':'r'}],'closed':true}]},{'role':'assistant','content':[{'type':'thinking',"
         "'thinking':[{'type':'text','text':'r'}],'closed':true}]},{'role':'user'}"},
        /* of others than the assistant it never goes */
        {"deepseek", "deepseek-v4-pro", "{'role':'user','reasoning':'r','content':'a'}",
         "{'role':'user','content':'a'}"},
    };

    (void)state;
    CHECK(rows);
}

static void a_provider_that_keeps_thinking_is_told_so_once_there_is_any(void **state)
{
    struct written w;

    (void)state;
    written_init(&w, "qwen3.7-max");
    assert_true(written_write(
        &w, "alibaba", PM_STR("{\"messages\":[{\"role\":\"assistant\",\"reasoning\":\"r\"}]}")));
    assert_str(pm_buf_view(&w.body),
               "{\"messages\":[{\"role\":\"assistant\",\"reasoning_content\":\"r\"}],\"model\":"
               "\"qwen3.7-max\",\"preserve_thinking\":true}");
    written_fini(&w);
}

/* T13 and what else tool calls need */
static void tool_calls_of_the_history_are_what_the_provider_takes(void **state)
{
    static const struct row rows[] = {
        {"mistral", "m",
         "{'role':'assistant','tool_calls':[{'index':0,'id':'call_abc123','type':'function',"
         "'function':{'name':'f','arguments':''}},{'id':'abcDEF123','function':{'name':'g'}}]},{"
         "'role':'tool','tool_call_id':'call_abc123','content':'r'},{'role':'tool','tool_call_id':"
         "'abcDEF123'}",
         "{'role':'assistant','tool_calls':[{'id':'KUASa67mi','type':'function','function':{'name':"
         "'f','arguments':'{}'}},{'id':'abcDEF123','function':{'name':'g'}}]},{'role':'tool',"
         "'tool_call_id':'KUASa67mi','content':'r','name':'f'},{'role':'tool','tool_call_id':"
         "'abcDEF123','name':'g'}"},
        {"mistral", "m", "{'role':'tool','tool_call_id':'zzzzzzzzz','name':'kept'}",
         "{'role':'tool','tool_call_id':'zzzzzzzzz','name':'kept'}"},
        {"compatible", "m", "{'role':'assistant','tool_calls':[{'id':'a','index':0}]}",
         "{'role':'assistant','tool_calls':[{'id':'a'}]}"},
        {"openrouter", "m", "{'role':'assistant','tool_calls':[{'id':'a','index':0}]}",
         "{'role':'assistant','tool_calls':[{'id':'a','index':0}]}"},
    };

    (void)state;
    CHECK(rows);
}

static void roles_and_names_are_those_that_the_provider_knows(void **state)
{
    static const struct row rows[] = {
        {"openai", "o3", "{'content':'a','role':'system'}", "{'content':'a','role':'developer'}"},
        {"openai", "gpt-4.1", "{'role':'system'}", "{'role':'system'}"},
        {"together", "m", "{'role':'developer','content':'a'}", "{'role':'system','content':'a'}"},
        {"groq", "m", "{'role':'user','name':'n','content':'a'}", "{'role':'user','content':'a'}"},
        {"openai", "gpt-4.1", "{'role':'user','name':'n','content':'a','odd':1}",
         "{'role':'user','name':'n','content':'a'}"},
        {"vllm", "m", "{'role':'assistant','odd':1,'images':[],'annotations':[],'content':'a'}",
         "{'role':'assistant','odd':1,'content':'a'}"},
        {"openai", "gpt-4.1", "{'role':'assistant','refusal':null,'annotations':[],'content':'a'}",
         "{'role':'assistant','refusal':null,'content':'a'}"},
        {"mistral", "m", "{'role':'user','content':'a'},{'role':'assistant','content':'b'}",
         "{'role':'user','content':'a'},{'role':'assistant','content':'b','prefix':true}"},
        {"moonshotai", "kimi-k3",
         "{'role':'assistant','content':'a','reasoning_content':'r','partial':false}",
         "{'role':'assistant','content':'a','reasoning_content':'r','partial':false}"},
        /* whatever is no message is the provider's to refuse */
        {"openai", "o3", "1,null,[],{},{'role':5}", "1,null,[],{},{'role':5}"},
    };

    (void)state;
    CHECK(rows);
}

static void parts_of_a_content_are_what_the_provider_takes(void **state)
{
    static const struct row rows[] = {
        {"openai", "gpt-4.1",
         "{'role':'user','content':[{'type':'text','text':'a','cache_control':{'type':'ephemeral'}}"
         ","
         "{'cache_control':{},'type':'text','prompt_cache_breakpoint':{}}]}",
         "{'role':'user','content':[{'type':'text','text':'a'},{'type':'text',"
         "'prompt_cache_breakpoint':{}}]}"},
        {"vllm", "m",
         "{'role':'user','content':[{'cache_control':{},'prompt_cache_breakpoint':{}}]}",
         "{'role':'user','content':[{}]}"},
        {"alibaba", "m",
         "{'role':'user','content':[{'type':'text','text':'a','cache_control':{}}]}",
         "{'role':'user','content':[{'type':'text','text':'a','cache_control':{}}]}"},
        {"mistral", "m",
         "{'role':'user','content':[{'type':'image_url','image_url':{'detail':'low','url':'u'}},{"
         "'type':'file','file':{'filename':'f','file_data':'data:x'}},{'type':'image_url',"
         "'image_url':'v'},{'file':{'file_data':'y','filename':'f'},'type':'file'},{'type':'file',"
         "'file':{'file_id':'i'}}]}",
         "{'role':'user','content':[{'type':'image_url','image_url':'u'},{'type':'document_url',"
         "'document_url':'data:x'},{'type':'image_url','image_url':'v'},{'document_url':'y','type':"
         "'document_url'},{'type':'file','file':{'file_id':'i'}}]}"},
    };

    (void)state;
    CHECK(rows);
}

static void tools_are_what_the_provider_takes(void **state)
{
    static const struct row rows[] = {
        {"openai", "gpt-4.1",
         "{'type':'openrouter:web_search'},{'type':'function','function':{'name':'f'},"
         "'cache_control':{}},{'type':'openrouter:datetime'}",
         "{'type':'function','function':{'name':'f'}}"},
        {"moonshotai", "kimi-k3",
         "{'type':'function','function':{'name':'f','parameters':{'$schema':'s','type':'object',"
         "'properties':{'type':{'anyOf':[{'type':'string','$schema':'x'},{}],'type':'string'},"
         "'$schema':{'type':'string'}}}}}",
         "{'type':'function','function':{'name':'f','parameters':{'type':'object','properties':{"
         "'type':{'anyOf':[{'type':'string'},{}]},'$schema':{'type':'string'}}}}}"},
        {"openai", "gpt-4.1", "{'type':'function','function':{'parameters':{'$schema':'s'}}}",
         "{'type':'function','function':{'parameters':{'$schema':'s'}}}"},
    };
    struct written w;

    (void)state;
    check_rows("tools", rows, PM_COUNT(rows));
    /* where none is left, nothing is said of tools at all */
    written_init(&w, "m");
    assert_true(written_write(&w, "compatible",
                              PM_STR("{\"tools\":[{\"type\":\"openrouter:web_search\"}],"
                                     "\"tool_choice\":\"auto\",\"parallel_tool_calls\":true}")));
    assert_str(pm_buf_view(&w.body), "{\"model\":\"m\"}");
    written_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(earlier_reasoning_goes_back_only_where_it_is_wanted),
        cmocka_unit_test(a_provider_that_keeps_thinking_is_told_so_once_there_is_any),
        cmocka_unit_test(tool_calls_of_the_history_are_what_the_provider_takes),
        cmocka_unit_test(roles_and_names_are_those_that_the_provider_knows),
        cmocka_unit_test(parts_of_a_content_are_what_the_provider_takes),
        cmocka_unit_test(tools_are_what_the_provider_takes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
