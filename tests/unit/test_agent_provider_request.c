/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "tests/request_writer.h"

/* Apostrophes stand for quotes in all JSON here. */
static struct pm_str quoted(struct pm_arena *a, const char *s)
{
    struct pm_str copy = pm_arena_str(a, pm_str(s));
    char *p = pm_arena_alloc(a, copy.n + 1);

    for (size_t i = 0; i < copy.n; i++)
        p[i] = copy.p[i] == '\'' ? '"' : copy.p[i];
    return pm_str_n(p, copy.n);
}

struct row {
    const char *dialect, *model, *body, *want;
};

static void check_rows(const struct row *rows, size_t n, void (*prepare)(struct written *))
{
    for (size_t i = 0; i < n; i++) {
        struct written w;
        struct pm_str want;

        written_init(&w, rows[i].model);
        if (prepare)
            prepare(&w);
        want = quoted(&w.a, rows[i].want);
        if (!written_write(&w, rows[i].dialect, quoted(&w.a, rows[i].body)))
            fail_msg("row %zu: %s", i, w.err.text);
        if (!pm_str_eq(pm_buf_view(&w.body), want))
            fail_msg("row %zu: got\n%.*s\nwant\n%.*s", i, (int)w.body.n, w.body.p, PM_FMT(want));
        written_fini(&w);
    }
}
#define CHECK(rows) check_rows(rows, PM_COUNT(rows), NULL)

static void the_model_is_replaced_and_nothing_else_is_touched(void **state)
{
    static const struct row rows[] = {
        {"openai", "gpt-4.1", "{'model':'openai/gpt-4.1','messages':[]}",
         "{'model':'gpt-4.1','messages':[]}"},
        {"openai", "gpt-4.1",
         "{ 'messages' : [ {'role':'user','content':'\\u0000 \\ud800 1e999'} ] ,\n 'model':'x',"
         "'temperature':0.10000000000000000001, 'seed':12345678901234567890 }",
         "{ 'messages' : [ {'role':'user','content':'\\u0000 \\ud800 1e999'} ] ,\n "
         "'model':'gpt-4.1','temperature':0.10000000000000000001, 'seed':12345678901234567890 }"},
        {"openai", "gpt-4.1", "{'messages':[]}", "{'messages':[],'model':'gpt-4.1'}"},
        {"openai", "gpt-4.1", "{}", "{'model':'gpt-4.1'}"},
        {"vllm", "a\"b\xc3\xa9", "{'model':'x'}", "{'model':'a\\'b\xc3\xa9'}"},
    };

    (void)state;
    CHECK(rows);
}

static void what_was_meant_for_a_router_stays_with_the_router(void **state)
{
    static const struct row rows[] = {
        {"compatible", "m",
         "{'models':['a'],'provider':{},'route':'fallback','model':'x','transforms':[],'messages':"
         "[],'plugins':[],'preset':'p','usage':{'include':true},'session_id':'s','trace':{},"
         "'top_a':1,'debug':{},'stop_server_tools_when':[],'image_config':{},'cache_control':{},"
         "'include_reasoning':true,'user':'u','top_k':5,'custom':1}",
         "{'model':'m','messages':[],'top_k':5,'custom':1}"},
        {"openai", "gpt-4.1",
         "{'model':'x','top_k':5,'custom':1,'store':true,'metadata':{'a':'b'}}",
         "{'model':'gpt-4.1','store':true,'metadata':{'a':'b'}}"},
        {"together", "m", "{'model':'x','store':true,'verbosity':'low','top_k':5}",
         "{'model':'m','top_k':5}"},
        /* a name with escapes is another way to say the same */
        {"compatible", "m", "{'model':'x','mod\\u0065l':'dear'}", "{'model':'m'}"},
        /* what OpenRouter itself knows goes there, but for what names our own providers */
        {"openrouter", "openai/gpt-5.1",
         "{'model':'x','models':['a'],'provider':{'order':['vllm'],'sort':'price','only':['a'],"
         "'zdr':true},'plugins':[],'reasoning':{'effort':'low'},'preset':'p','top_a':1,'messages':"
         "[{'role':'assistant','reasoning_details':[{}],'content':[{'type':'text','cache_control':"
         "{}}]}]}",
         "{'model':'openai/gpt-5.1','provider':{'sort':'price','zdr':true},'plugins':[],"
         "'reasoning':{'effort':'low'},'top_a':1,'messages':[{'role':'assistant',"
         "'reasoning_details':[{}],'content':[{'type':'text','cache_control':{}}]}]}"},
    };

    (void)state;
    CHECK(rows);
}

static const struct pm_prefs strict_prefs = {.deny_collection = true, .zdr = true};

static void prepare_prefs(struct written *w)
{
    w->in.prefs = &strict_prefs;
    w->in.user = PM_STR("u\"1");
}

static void what_the_policy_denies_is_denied_at_the_next_router_too(void **state)
{
    static const struct row rows[] = {
        {"openrouter", "m", "{'model':'x','user':'raw'}",
         "{'model':'m','user':'u\\'1','provider':{'data_collection':'deny','zdr':true}}"},
        {"openrouter", "m",
         "{'model':'x','provider':{'data_collection':'allow','sort':'price','zdr':false}}",
         "{'model':'m','provider':{'sort':'price','data_collection':'deny','zdr':true},"
         "'user':'u\\'1'}"},
        {"openrouter", "m", "{'model':'x','provider':{'only':['a']}}",
         "{'model':'m','provider':{'data_collection':'deny','zdr':true},'user':'u\\'1'}"},
        /* who must not know the user does not, and no raw name of a user ever leaves */
        {"mistral", "m", "{'user':'raw','model':'x'}", "{'model':'m'}"},
    };

    (void)state;
    check_rows(rows, PM_COUNT(rows), prepare_prefs);
}

static void prepare_limit(struct written *w)
{
    w->endpoint.max_output = 16384;
}

/* T48 */
static void the_limit_of_the_answer_has_the_name_and_size_that_the_provider_takes(void **state)
{
    static const struct row rows[] = {
        {"openai", "gpt-4o", "{'model':'x','max_tokens':64000}",
         "{'model':'gpt-4o','max_tokens':16384}"},
        {"openai", "gpt-4o", "{'model':'x','max_tokens':100}",
         "{'model':'gpt-4o','max_tokens':100}"},
        {"openai", "o3", "{'model':'x','max_tokens':100}",
         "{'model':'o3','max_completion_tokens':100}"},
        {"openai", "gpt-4o", "{'max_tokens':5,'model':'x','max_completion_tokens':7}",
         "{'model':'gpt-4o','max_completion_tokens':7}"},
        {"deepseek", "deepseek-v4-pro", "{'max_completion_tokens':7,'model':'x','max_tokens':5}",
         "{'max_tokens':7,'model':'deepseek-v4-pro'}"},
        {"mistral", "mistral-large-latest", "{'model':'x','max_completion_tokens':99999}",
         "{'model':'mistral-large-latest','max_tokens':16384}"},
        {"xai", "grok-4.3", "{'model':'x','max_tokens':100,'max_completion_tokens':null}",
         "{'model':'grok-4.3','max_completion_tokens':100}"},
        {"vllm", "m", "{'model':'x','max_tokens':null}", "{'model':'m'}"},
    };

    (void)state;
    check_rows(rows, PM_COUNT(rows), prepare_limit);
}

static void prepare_forced(struct written *w)
{
    w->in.force_stream = true;
}

static void a_stream_brings_its_usage_wherever_that_must_be_asked_for(void **state)
{
    static const struct row rows[] = {
        {"openai", "gpt-4.1", "{'model':'x','stream':true}",
         "{'model':'gpt-4.1','stream':true,'stream_options':{'include_usage':true}}"},
        {"openai", "gpt-4.1",
         "{'model':'x','stream_options':{'include_usage':false,'include_obfuscation':false},"
         "'stream':true}",
         "{'model':'gpt-4.1','stream':true,'stream_options':{'include_usage':true,"
         "'include_obfuscation':false}}"},
        {"openai", "gpt-4.1", "{'model':'x','stream_options':null,'stream':true}",
         "{'model':'gpt-4.1','stream':true,'stream_options':{'include_usage':true}}"},
        {"openai", "gpt-4.1", "{'model':'x','stream':false,'stream_options':{}}",
         "{'model':'gpt-4.1','stream':false}"},
        {"mistral", "m", "{'model':'x','stream':true,'stream_options':{'include_usage':true}}",
         "{'model':'m','stream':true}"},
        /* T57 */
        {"alibaba", "qwq-plus", "{'model':'x','stream':false}",
         "{'model':'qwq-plus','stream':true,'stream_options':{'include_usage':true}}"},
    };
    static const struct row forced[] = {
        {"openai", "gpt-4.1", "{'model':'x'}",
         "{'model':'gpt-4.1','stream':true,'stream_options':{'include_usage':true}}"},
        {"openai", "gpt-4.1", "{'stream':false,'model':'x'}",
         "{'model':'gpt-4.1','stream':true,'stream_options':{'include_usage':true}}"},
    };

    (void)state;
    CHECK(rows);
    check_rows(forced, PM_COUNT(forced), prepare_forced);
}

/* §6.15 */
static void thinking_is_said_in_the_words_of_each_provider(void **state)
{
    static const struct row rows[] = {
        {"openai", "gpt-5.2", "{'model':'x','reasoning':{'effort':'high'}}",
         "{'model':'gpt-5.2','reasoning_effort':'high'}"},
        {"openai", "gpt-5.2", "{'model':'x','reasoning_effort':'minimal'}",
         "{'model':'gpt-5.2','reasoning_effort':'low'}"},
        {"openai", "gpt-5.2", "{'model':'x','reasoning':{'effort':'max'}}",
         "{'model':'gpt-5.2','reasoning_effort':'xhigh'}"},
        {"openai", "o3", "{'model':'x','reasoning':{'enabled':false}}",
         "{'model':'o3','reasoning_effort':'low'}"},
        {"openai", "gpt-4.1", "{'model':'x','reasoning':{'effort':'high'}}", "{'model':'gpt-4.1'}"},
        {"openai", "gpt-5.2", "{'model':'x','reasoning':{'exclude':true}}", "{'model':'gpt-5.2'}"},
        {"openai", "gpt-5.2", "{'model':'x','reasoning':{'enabled':true}}",
         "{'model':'gpt-5.2','reasoning_effort':'medium'}"},
        {"openai", "gpt-5.2", "{'model':'x','reasoning':{'max_tokens':5000},'max_tokens':10000}",
         "{'model':'gpt-5.2','max_completion_tokens':10000,'reasoning_effort':'medium'}"},
        {"openai", "gpt-5.2", "{'model':'x','reasoning':null,'reasoning_effort':null}",
         "{'model':'gpt-5.2'}"},
        {"deepseek", "deepseek-v4-pro", "{'model':'x','reasoning':{'effort':'medium'}}",
         "{'model':'deepseek-v4-pro','thinking':{'type':'enabled'},'reasoning_effort':'high'}"},
        {"deepseek", "deepseek-v4-pro", "{'model':'x','reasoning':{'effort':'none'}}",
         "{'model':'deepseek-v4-pro','thinking':{'type':'disabled'}}"},
        {"deepseek", "deepseek-v4-pro",
         "{'model':'x','reasoning':{'effort':'low'},'thinking':{'type':'disabled'}}",
         "{'model':'deepseek-v4-pro','thinking':{'type':'disabled'}}"},
        {"moonshotai", "kimi-k2.6", "{'model':'x','reasoning':{'effort':'high'}}",
         "{'model':'kimi-k2.6','thinking':{'type':'enabled'}}"},
        {"moonshotai", "kimi-k3", "{'model':'x','reasoning':{'effort':'medium'}}",
         "{'model':'kimi-k3','reasoning_effort':'high'}"},
        {"alibaba", "qwen3.7-max",
         "{'model':'x','max_tokens':10000,'reasoning':{'effort':'medium'}}",
         "{'model':'qwen3.7-max','max_tokens':10000,'enable_thinking':true,'thinking_budget':"
         "5000}"},
        {"alibaba", "qwen3.7-max", "{'model':'x','reasoning':{'max_tokens':2000}}",
         "{'model':'qwen3.7-max','enable_thinking':true,'thinking_budget':2000}"},
        {"alibaba", "qwen3.7-max", "{'model':'x','max_tokens':1000,'reasoning':{'effort':'high'}}",
         "{'model':'qwen3.7-max','max_tokens':1000,'enable_thinking':true,'thinking_budget':999}"},
        {"alibaba", "qwen3.7-max", "{'model':'x','reasoning_effort':'none'}",
         "{'model':'qwen3.7-max','enable_thinking':false}"},
        {"mistral", "mistral-small-2603", "{'model':'x','reasoning_effort':'low'}",
         "{'model':'mistral-small-2603','reasoning_effort':'high'}"},
        {"groq", "openai/gpt-oss-120b", "{'model':'x','reasoning_effort':'xhigh'}",
         "{'model':'openai/gpt-oss-120b','reasoning_effort':'high'}"},
        {"groq", "qwen/qwen3-32b", "{'model':'x','reasoning':{'effort':'low','exclude':true}}",
         "{'model':'qwen/qwen3-32b','reasoning_format':'hidden','reasoning_effort':'default'}"},
        {"groq", "llama-3.3-70b-versatile", "{'model':'x','reasoning':{'effort':'low'}}",
         "{'model':'llama-3.3-70b-versatile'}"},
        {"vllm", "m", "{'model':'x','reasoning':{'enabled':false}}",
         "{'model':'m','chat_template_kwargs':{'enable_thinking':false,'thinking':false}}"},
        {"xai", "grok-4", "{'model':'x','reasoning_effort':'low'}", "{'model':'grok-4'}"},
        {"ollama", "m", "{'model':'x','reasoning_effort':'xhigh'}",
         "{'model':'m','reasoning_effort':'high'}"},
    };

    (void)state;
    CHECK(rows);
}

/* T49 */
static void models_that_think_get_no_members_that_they_refuse(void **state)
{
    static const struct row rows[] = {
        {"openai", "gpt-5",
         "{'temperature':1,'top_p':1,'model':'x','presence_penalty':0,'logit_bias':{},'logprobs':"
         "true,'top_logprobs':2,'frequency_penalty':0,'seed':1}",
         "{'model':'gpt-5','seed':1}"},
        {"openai", "gpt-5.1", "{'model':'x','temperature':1,'top_p':1}", "{'model':'gpt-5.1'}"},
        {"openai", "gpt-5.1", "{'model':'x','temperature':1,'reasoning_effort':'none'}",
         "{'model':'gpt-5.1','temperature':1,'reasoning_effort':'none'}"},
        {"openai", "gpt-5.1-chat-latest", "{'model':'x','temperature':1}",
         "{'model':'gpt-5.1-chat-latest','temperature':1}"},
        {"deepseek", "deepseek-v4-pro", "{'temperature':1,'model':'x'}",
         "{'model':'deepseek-v4-pro'}"},
        {"deepseek", "deepseek-v4-pro",
         "{'temperature':1,'model':'x','reasoning':{'enabled':false}}",
         "{'temperature':1,'model':'deepseek-v4-pro','thinking':{'type':'disabled'}}"},
        {"moonshotai", "kimi-k2.6",
         "{'model':'x','temperature':1,'tool_choice':'required','top_p':1,'n':1}",
         "{'model':'kimi-k2.6','tool_choice':'auto'}"},
        {"groq", "m", "{'model':'x','logprobs':true,'temperature':1}",
         "{'model':'m','temperature':1}"},
    };

    (void)state;
    CHECK(rows);
}

static void prepare_params(struct written *w)
{
    w->endpoint.params = PM_PBIT(PM_P_TEMPERATURE) | PM_PBIT(PM_P_RESPONSE_FORMAT);
}

static void parameters_that_the_endpoint_lacks_are_left_out(void **state)
{
    static const struct row rows[] = {
        {"compatible", "m",
         "{'model':'x','temperature':1,'top_p':1,'tools':[],'tool_choice':'auto','seed':3,"
         "'parallel_tool_calls':true,'reasoning_effort':'low','max_tokens':5}",
         "{'model':'m','temperature':1,'max_tokens':5}"},
        {"compatible", "m",
         "{'model':'x','response_format':{'type':'json_schema','json_schema':{'name':'n'}}}",
         "{'model':'m','response_format':{'type':'json_object'}}"},
        {"compatible", "m", "{'model':'x','response_format':{'type':'json_object'}}",
         "{'model':'m','response_format':{'type':'json_object'}}"},
    };

    (void)state;
    check_rows(rows, PM_COUNT(rows), prepare_params);
}

static const struct pm_preset a_preset = {
    .body = PM_STR_INIT("{\"temperature\":0.5,\"max_tokens\":50,\"seed\":1,\"model\":\"no\","
                        "\"stream\":true,\"reasoning\":{\"effort\":\"low\"},\"models\":[]}"),
    .system = PM_STR_INIT("Say \"hi\"."),
};

static void prepare_preset(struct written *w)
{
    w->in.preset = &a_preset;
}

static void a_preset_adds_what_the_request_does_not_say(void **state)
{
    static const struct row rows[] = {
        {"mistral", "mistral-small-2603",
         "{'model':'x','messages':[{'role':'user','content':'a'}]}",
         "{'model':'mistral-small-2603','messages':[{'role':'system','content':'Say \\'hi\\'.'},{"
         "'role':'user','content':'a'}],'temperature':0.5,'random_seed':1,'max_tokens':50,"
         "'reasoning_effort':'high'}"},
        {"openai", "gpt-5.2",
         "{'model':'x','max_completion_tokens':7,'reasoning_effort':'high','messages':[],'seed':2}",
         "{'model':'gpt-5.2','max_completion_tokens':7,'messages':[{'role':'developer','content':"
         "'Say \\'hi\\'.'}],'seed':2,'reasoning_effort':'high'}"},
    };

    (void)state;
    check_rows(rows, PM_COUNT(rows), prepare_preset);
}

static void prepare_flex(struct written *w)
{
    w->endpoint.tier = PM_TIER_FLEX;
}

static void the_tier_that_is_asked_for_is_the_one_that_is_billed(void **state)
{
    static const struct row flex[] = {
        {"openai", "gpt-4.1", "{'model':'x','service_tier':'auto'}",
         "{'model':'gpt-4.1','service_tier':'flex'}"},
        {"openai", "gpt-4.1", "{'model':'x'}", "{'model':'gpt-4.1','service_tier':'flex'}"},
        {"together", "m", "{'model':'x'}", "{'model':'m'}"},
    };
    static const struct row plain[] = {
        {"openai", "gpt-4.1", "{'model':'x','service_tier':'fast'}", "{'model':'gpt-4.1'}"},
        {"openai", "gpt-4.1", "{'model':'x','service_tier':'default'}",
         "{'model':'gpt-4.1','service_tier':'default'}"},
    };

    (void)state;
    check_rows(flex, PM_COUNT(flex), prepare_flex);
    CHECK(plain);
}

static void prepare_embedding(struct written *w)
{
    w->call.op = PM_OP_EMBEDDING;
}

static void prepare_completion(struct written *w)
{
    w->call.op = PM_OP_COMPLETION;
}

static void embeddings_and_completions_have_their_own_shape(void **state)
{
    static const struct row vectors[] = {
        {"openai", "text-embedding-3-small",
         "{'model':'x','input':['a',[1]],'encoding_format':'base64','dimensions':5,'provider':{},"
         "'stream':true}",
         "{'model':'text-embedding-3-small','input':['a',[1]],'encoding_format':'base64',"
         "'dimensions':5}"},
    };
    static const struct row texts[] = {
        {"vllm", "m",
         "{'model':'x','prompt':'a','max_completion_tokens':5,'stream':true,'suffix':'b',"
         "'reasoning':{'effort':'low'}}",
         "{'model':'m','prompt':'a','max_tokens':5,'stream':true,'suffix':'b','stream_options':{"
         "'include_usage':true}}"},
    };

    (void)state;
    check_rows(vectors, PM_COUNT(vectors), prepare_embedding);
    check_rows(texts, PM_COUNT(texts), prepare_completion);
}

static void the_path_follows_the_operation_and_holds_the_model_where_azure_wants_it(void **state)
{
    static const struct {
        const char *dialect, *model, *path;
        enum pm_operation op;
    } rows[] = {
        {"openai", "m", "/chat/completions", PM_OP_CHAT},
        {"openai", "m", "/completions", PM_OP_COMPLETION},
        {"openai", "m", "/embeddings", PM_OP_EMBEDDING},
        {"azure", "m", "/chat/completions", PM_OP_CHAT},
        {"azure-classic", "dep.1/\xc3\xa9 x",
         "/openai/deployments/dep.1%2F%C3%A9%20x/chat/completions?api-version=2024-10-21",
         PM_OP_CHAT},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        struct written w;

        written_init(&w, rows[i].model);
        w.call.op = rows[i].op;
        assert_true(written_write(&w, rows[i].dialect, PM_STR("{}")));
        assert_str(w.out.path, rows[i].path);
        written_fini(&w);
    }
}

static void a_deployment_of_any_name_has_the_rules_of_its_model(void **state)
{
    static const struct pm_model model = {.id = PM_STR_INIT("openai/gpt-5.1")};
    struct written w;

    (void)state;
    written_init(&w, "my-deployment");
    w.endpoint.model = &model;
    assert_true(written_write(&w, "azure", PM_STR("{\"model\":\"x\",\"max_tokens\":5}")));
    assert_str(pm_buf_view(&w.body), "{\"model\":\"my-deployment\",\"max_completion_tokens\":5}");
    written_fini(&w);
}

static void a_request_that_needs_more_than_its_memory_is_refused(void **state)
{
    struct written w;
    struct pm_buf body;

    (void)state;
    written_init(&w, "deepseek-v4-pro");
    pm_buf_init(&body, 1 << 20);
    pm_buf_lit(&body, "{\"messages\":[{}");
    for (int i = 0; i < 5000; i++)
        pm_buf_lit(&body, ",{\"role\":\"assistant\"}");
    pm_buf_lit(&body, "]}");
    pm_arena_fini(&w.a);
    pm_arena_init(&w.a, 4096, 300u << 10);
    assert_false(written_write(&w, "deepseek", pm_buf_view(&body)));
    assert_int_equal(w.err.code, PM_ELIMIT);
    pm_buf_fini(&body);
    written_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_model_is_replaced_and_nothing_else_is_touched),
        cmocka_unit_test(what_was_meant_for_a_router_stays_with_the_router),
        cmocka_unit_test(what_the_policy_denies_is_denied_at_the_next_router_too),
        cmocka_unit_test(the_limit_of_the_answer_has_the_name_and_size_that_the_provider_takes),
        cmocka_unit_test(a_stream_brings_its_usage_wherever_that_must_be_asked_for),
        cmocka_unit_test(thinking_is_said_in_the_words_of_each_provider),
        cmocka_unit_test(models_that_think_get_no_members_that_they_refuse),
        cmocka_unit_test(parameters_that_the_endpoint_lacks_are_left_out),
        cmocka_unit_test(a_preset_adds_what_the_request_does_not_say),
        cmocka_unit_test(the_tier_that_is_asked_for_is_the_one_that_is_billed),
        cmocka_unit_test(embeddings_and_completions_have_their_own_shape),
        cmocka_unit_test(the_path_follows_the_operation_and_holds_the_model_where_azure_wants_it),
        cmocka_unit_test(a_deployment_of_any_name_has_the_rules_of_its_model),
        cmocka_unit_test(a_request_that_needs_more_than_its_memory_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
