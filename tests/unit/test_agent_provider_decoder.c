/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "tests/decoder_rows.h"

/* T38, T39 */
static void what_azure_sends_around_an_answer_is_not_the_answer(void **state)
{
    static const struct row rows[] = {
        {"azure", NULL,
         "data: {'choices':[],'created':0,'id':'','model':'','object':'','prompt_filter_results':[{"
         "'prompt_index':0}]}\n\n" ROLE DELTA("'content':'Hi'") CHOICES(
             "{'content_filter_offsets':{'a':1},'content_filter_results':{},'finish_reason':null,"
             "'index':0}") FINISH("stop") DONE,
         "content Hi\nfinish stop\n native stop\n", 3},
        {"azure", NULL,
         CHOICES("{'index':0,'delta':{'role':'assistant','content':'Hi'},'finish_reason':'stop',"
                 "'content_filter_results':{}}"),
         "content Hi\nfinish stop\n native stop\n", 1},
    };

    (void)state;
    CHECK(rows);
}

/* T40: an end that nobody announced is never a good one. */
static void a_stream_without_its_end_is_never_a_success(void **state)
{
    static const struct row rows[] = {
        {"openai", NULL, ROLE DELTA("'content':'par'"), "content par\nlate error truncated\n", -1},
        {"openai", NULL, ROLE DELTA("'content':'par'") DONE, "content par\nlate error truncated\n",
         -1},
        {"openai", NULL, ROLE DELTA("'content':'par'") FINISH(""),
         "content par\nlate error truncated\n", -1},
        {"openai", NULL, ROLE DELTA("'content':'par'") "data: {'cho",
         "content par\nlate error protocol\n", -1},
        {"openai", NULL, ROLE DELTA("'content':'par'") "data: garbage\n\n" FINISH("stop") DONE,
         "content par\nlate error protocol\n", -1},
        {"openai", NULL, ROLE, "error empty\n", -1},
        {"openai", NULL, ROLE DONE, "error empty\n", -1},
        {"openai", NULL, "", "error empty\n", -1},
        {"openai", NULL, ": keep-alive\n\n\n\n", "error empty\n", -1},
        {"openai", NULL, "Internal Server Error", "error empty\n", -1},
        {"openai", NULL, "data: 17\n\n", "error protocol\n", -1},
        {"openai", NULL, "data: {'choices':[1]}\n\n", "error protocol\n", -1},
        {"openai", NULL, CHOICES("{'index':-1,'delta':{'content':'x'}}"), "error protocol\n", -1},
        {"openai", NULL, CHOICES("{'index':9999999,'delta':{'content':'x'}}"), "error protocol\n",
         -1},
        /* one of two choices never ended */
        {"openai", NULL,
         CHOICES("{'index':0,'delta':{'role':'assistant','content':'a'},'finish_reason':'stop'},{"
                 "'index':1,'delta':{'role':'assistant','content':'b'},'finish_reason':null}") DONE,
         "content a\nfinish stop\n native stop\nchoice 1\ncontent b\nlate error truncated\n", -1},
        {"openai", "application/json", "{'id':'c1','object':'chat.comp", "error protocol\n", -1},
    };
    static const struct row cut[] = {
        {"openai", "application/json", "{'id':'c1','object':'chat.comp", "error truncated\n", -1},
        /* all that matters had come */
        {"openai", NULL, ROLE DELTA("'content':'all'") FINISH("stop"),
         "content all\nfinish stop\n native stop\n", -1},
        {"openai", "application/json", MESSAGE("'role':'assistant','content':'all'", "'stop'"),
         "content all\nfinish stop\n native stop\n", -1},
    };

    (void)state;
    CHECK(rows);
    check_op(cut, PM_COUNT(cut), PM_OP_CHAT, false);
}

static void an_end_without_its_mark_is_good_after_a_finish_reason(void **state)
{
    static const struct row rows[] = {
        {"openai", NULL, ROLE DELTA("'content':'Hi'") FINISH("stop"),
         "content Hi\nfinish stop\n native stop\n", 3},
        {"openai", NULL, ROLE DELTA("'content':'Hi'") FINISH("stop") DONE "data: {junk\n\n",
         "content Hi\nfinish stop\n native stop\n", 3},
        {"openai", NULL, ROLE DELTA("'content':'Hi'") FINISH("stop") "data:  [DONE] \n\n",
         "content Hi\nfinish stop\n native stop\n", 3},
        /* nothing said, but said so */
        {"openai", NULL, ROLE FINISH("stop") DONE, "finish stop\n native stop\n", 2},
    };

    (void)state;
    CHECK(rows);
}

/* T41, T42, T43 */
static void an_error_inside_a_stream_is_an_error(void **state)
{
    static const struct row rows[] = {
        {"openai", NULL, "data: {'error':{'message':'x','type':'server_error'}}\n\n" DONE,
         "error overloaded\n", 0},
        {"openai", NULL,
         ROLE "event: error\ndata: {'type':'error','error':{'type':'overloaded_error','message':"
              "'Overloaded'}}\n\n",
         "error overloaded\n", -1},
        {"openai", NULL, ROLE "event: error\ndata: broken\n\n", "error overloaded\n", -1},
        {"vllm", NULL,
         ROLE DELTA("'content':'par'") "data: {'error':{'message':'boom','type':"
                                       "'InternalServerError','code':500}}\n\n" DONE,
         "content par\nlate error overloaded\n", 2},
        {"xai", "application/json",
         "{'code':'The service is currently unavailable','error':'Service temporarily "
         "unavailable.'}",
         "error overloaded\n", 0},
        {"mistral", "application/json",
         "{'object':'error','message':'Requests rate limit exceeded','type':'x','code':1300}",
         "error rate_limit\n", 0},
        {"compatible", "application/json", "{'detail':'Not Found'}", "error overloaded\n", 0},
        {"compatible", "application/json", "[{'error':{'code':429,'message':'x'}}]",
         "error rate_limit\n", 0},
        {"groq", NULL,
         ROLE "data: {" TOP ",'choices':[],'x_groq':{'id':'r','error':'over capacity, rate "
              "limited'}}\n\n",
         "error overloaded\n", -1},
        {"deepseek", NULL, ROLE DELTA("'content':'par'") FINISH("insufficient_system_resource"),
         "content par\nlate error bad_generation\n", -1},
        {"mistral", NULL, ROLE FINISH("error"), "error bad_generation\n", -1},
        {"openrouter", "application/json",
         "{'id':'c1','object':'chat.completion','created':1,'model':'m','choices':[{'index':0,"
         "'message':{'role':'assistant','content':'par'},'finish_reason':'error','error':{'code':"
         "502,'message':'Upstream gone'}}]}",
         "error overloaded\n", 0},
        {"openai", NULL,
         "data: {'error':null," TOP ",'choices':[{'index':0,'delta':{'role':"
         "'assistant','content':'Hi'},'finish_reason':'stop'}]}\n\n",
         "content Hi\nfinish stop\n native stop\n", 1},
    };

    (void)state;
    CHECK(rows);
}

/* T44, T57, §1.5 */
static void the_form_of_an_answer_is_what_it_is_and_not_what_was_asked_for(void **state)
{
    static const struct row rows[] = {
        {"compatible", "application/json", MESSAGE("'role':'assistant','content':'Hi'", "'stop'"),
         "content Hi\nfinish stop\n native stop\n", 1},
        {"compatible", "text/event-stream",
         "\n\n  " MESSAGE("'role':'assistant','content':'Hi'", "'stop'"),
         "content Hi\nfinish stop\n native stop\n", 1},
        {"compatible", "application/json", ROLE DELTA("'content':'Hi'") FINISH("stop"),
         "content Hi\nfinish stop\n native stop\n", 3},
        {"compatible", "", "\xef\xbb\xbf" ROLE DELTA("'content':'Hi'") FINISH("stop"),
         "content Hi\nfinish stop\n native stop\n", 3},
        {"compatible", "text/html; charset=utf-8", "Service Unavailable", "error overloaded\n", 0},
        {"compatible", "text/plain", "<!DOCTYPE html><html></html>", "error overloaded\n", 0},
        {"compatible", "application/json", "nothing", "error protocol\n", 0},
        {"compatible", "application/json", "", "error empty\n", 0},
    };

    (void)state;
    CHECK(rows);
}

static void an_empty_answer_is_not_an_answer(void **state)
{
    static const struct row rows[] = {
        {"compatible", "application/json", "{'id':'c1','choices':[]}", "error empty\n", 0},
        {"compatible", "application/json", "{'id':'c1'}", "error empty\n", 0},
        {"compatible", "application/json", "{}", "error empty\n", 0},
        {"compatible", "application/json", MESSAGE("'role':'assistant','content':''", "null"),
         "error empty\n", -1},
        {"compatible", "application/json", MESSAGE("'role':'assistant','content':null", "''"),
         "error empty\n", -1},
        {"compatible", "application/json", MESSAGE("'role':'assistant','content':'x'", "null"),
         "content x\nfinish stop\n", 0},
        {"compatible", "application/json", MESSAGE("'role':'assistant','content':''", "'stop'"),
         "finish stop\n native stop\n", 1},
    };

    (void)state;
    CHECK(rows);
}

static void reasoning_is_given_once_in_whichever_form_it_comes(void **state)
{
    static const struct row rows[] = {
        {"deepseek", NULL,
         ROLE DELTA("'reasoning_content':'Hm'") DELTA("'content':'Hi'") FINISH("stop"),
         "reasoning Hm\ncontent Hi\nfinish stop\n native stop\n", 3},
        {"vllm", NULL, ROLE DELTA("'reasoning':'Hm'") DELTA("'content':'Hi'") FINISH("stop"),
         "reasoning Hm\ncontent Hi\nfinish stop\n native stop\n", 4},
        {"vllm", NULL, ROLE DELTA("'reasoning':'Hm','reasoning_content':'Hm'") FINISH("stop"),
         "reasoning Hm\nfinish stop\n native stop\n", 2},
        {"deepseek", NULL,
         DELTA("'role':'assistant','content':null,'reasoning_content':''")
             DELTA("'content':'Hi','reasoning_content':null") FINISH("stop"),
         "content Hi\nfinish stop\n native stop\n", 3},
        {"mistral", NULL,
         ROLE DELTA("'content':[{'type':'thinking','thinking':[{'type':'text','text':'Hm'}]}]")
             DELTA("'content':[{'type':'text','text':'Hi'},{'type':'reference','reference_ids':[1]}"
                   "]") DELTA("'content':'!'") FINISH("stop"),
         "reasoning Hm\ncontent Hi!\nfinish stop\n native stop\n", 3},
        {"mistral", "application/json",
         MESSAGE("'role':'assistant','content':[{'type':'thinking','thinking':'Hm'},'Hi']",
                 "'model_length'"),
         "reasoning Hm\ncontent Hi\nfinish length\n native model_length\n", 0},
    };

    (void)state;
    CHECK(rows);
}

/* §2.4.9 */
static void finish_reasons_of_all_providers_become_the_five_known_ones(void **state)
{
    static const struct row rows[] = {
        {"together", NULL, ROLE FINISH("eos"), "finish stop\n native eos\n", 2},
        {"mistral", NULL, ROLE FINISH("model_length"), "finish length\n native model_length\n", 2},
        {"openai", NULL, ROLE FINISH("content_filter"),
         "finish content_filter\n native content_filter\n", 2},
        {"openai", NULL,
         ROLE DELTA("'function_call':{'name':'f','arguments':'{}'}") FINISH("function_call"),
         "tool made\n name f\n args {}\nfinish tool_calls\n native "
         "function_call\n",
         -1},
        {"openai", NULL, ROLE FINISH("whatever"), "finish stop\n native whatever\n", 2},
        /* only the first one counts */
        {"openrouter", NULL, ROLE FINISH("length") FINISH("stop"),
         "finish length\n native length\n", 2},
    };

    (void)state;
    CHECK(rows);
}

/* T58 and the rest of what an answer may hold */
static void refusals_sounds_pictures_and_citations_are_kept(void **state)
{
    static const struct row rows[] = {
        {"openai", NULL, ROLE DELTA("'refusal':'I '") DELTA("'refusal':'cannot'") FINISH("stop"),
         "refusal I cannot\nfinish stop\n native stop\n", 4},
        {"openai", NULL,
         ROLE DELTA("'audio':{'id':'a','data':'AAA='}")
             DELTA("'annotations':[{'type':'url_citation'}]") FINISH("stop"),
         "media audio{'id':'a','data':'AAA='}annotations[{'type':'url_citation'}]\n"
         "finish stop\n native stop\n",
         4},
        {"openrouter", NULL,
         ROLE DELTA("'images':[{'type':'image_url','image_url':{'url':'data:'}}]") FINISH("stop"),
         "media images[{'type':'image_url','image_url':{'url':'data:'}}]\n"
         "finish stop\n native stop\n",
         3},
        {"openai", NULL,
         CHOICES("{'index':0,'delta':{'role':'assistant','content':'a'},'logprobs':{'content':[]},"
                 "'finish_reason':'stop'}"),
         "content a\nmedia logprobs{'content':[]}\nfinish stop\n native stop\n", 1},
    };

    (void)state;
    CHECK(rows);
}

static void a_chunk_that_a_strict_client_refuses_is_not_passed_as_it_is(void **state)
{
    static const struct row rows[] = {
        /* role missing, then repeated */
        {"compatible", NULL, DELTA("'content':'a'") DELTA("'content':'b'") FINISH("stop"),
         "content ab\nfinish stop\n native stop\n", 2},
        {"compatible", NULL,
         ROLE DELTA("'role':'assistant','content':'a'") DELTA("'role':null,'content':'b'")
             FINISH("stop"),
         "content ab\nfinish stop\n native stop\n", 2},
        /* members that are null where they must be absent */
        {"compatible", NULL, ROLE DELTA("'content':'a','tool_calls':null") FINISH("stop"),
         "content a\nfinish stop\n native stop\n", 2},
        {"compatible", NULL, ROLE DELTA("'content':'a','audio':null") FINISH("stop"),
         "content a\nfinish stop\n native stop\n", 2},
        /* no finish_reason, no index */
        {"compatible", NULL, ROLE CHOICES("{'index':0,'delta':{'content':'a'}}") FINISH("stop"),
         "content a\nfinish stop\n native stop\n", 2},
        {"compatible", NULL,
         ROLE CHOICES("{'delta':{'content':'a'},'finish_reason':null}") FINISH("stop"),
         "content a\nfinish stop\n native stop\n", 2},
        /* what stands around the choices does not matter */
        {"compatible", NULL,
         ROLE "data: {'id':'','object':'chunk','created':1.5,'choices':[{'index':0,'delta':{"
              "'content':'a'},'finish_reason':'stop'}],'system_fingerprint':null}\n\n",
         "content a\nfinish stop\n native stop\n", 2},
        /* choices twice */
        {"compatible", NULL,
         ROLE "data: {'choices':[{'index':0,'delta':{'content':'a'},'finish_reason':null}],"
              "'choices':[{'index':0,'delta':{'content':'b'},'finish_reason':'stop'}]}\n\n",
         "content ab\nfinish stop\n native stop\n", 1},
        /* an event of two lines */
        {"compatible", NULL,
         ROLE "data: {" TOP ",'choices':[{'index':0,\ndata: 'delta':{'content':'a'},"
              "'finish_reason':'stop'}]}\n\n",
         "content a\nfinish stop\n native stop\n", 1},
        /* unknown members are everybody's own business */
        {"groq", NULL, ROLE DELTA("'content':'a','channel':'final'") FINISH("stop"),
         "content a\nfinish stop\n native stop\n", 3},
    };

    (void)state;
    CHECK(rows);
}

static void choices_keep_to_themselves(void **state)
{
    static const struct row rows[] = {
        {"openai", NULL,
         CHOICES("{'index':1,'delta':{'role':'assistant','content':'b'},'finish_reason':null}")
             CHOICES("{'index':0,'delta':{'role':'assistant','content':'a'},'finish_reason':null}")
                 CHOICES("{'index':1,'delta':{'content':'B'},'finish_reason':'stop'},{'index':0,"
                         "'delta':{'content':'A'},'finish_reason':'length'}"),
         "content aA\nfinish length\n native length\nchoice 1\ncontent bB\nfinish stop\n native "
         "stop\n",
         3},
    };

    (void)state;
    CHECK(rows);
}

static void completions_and_embeddings_are_read_too(void **state)
{
    static const struct row texts[] = {
        {"compatible", NULL,
         "data: {'id':'c','object':'text_completion','created':1,'model':'m','choices':[{'text':"
         "'Hi','index':0,'logprobs':null,'finish_reason':null}]}\n\n"
         "data: {'id':'c','object':'text_completion','created':1,'model':'m','choices':[{'text':"
         "'!','index':0,'logprobs':null,'finish_reason':'stop'}]}\n\n" DONE,
         "content Hi!\nfinish stop\n native stop\n", 2},
        {"compatible", "application/json",
         "{'id':'c','object':'text_completion','created':1,'model':'m','choices':[{'text':'Hi',"
         "'index':0,'logprobs':null,'finish_reason':'length'}],'usage':{'prompt_tokens':3,"
         "'completion_tokens':1,'total_tokens':4}}",
         "content Hi\nfinish length\n native length\nusage 3+1 cached 0 written 0 reasoning 0\n",
         1},
    };
    static const struct row vectors[] = {
        {"openai", "application/json",
         "{'object':'list','data':[{'object':'embedding','index':0,'embedding':[1,-2.5,0.25]}],"
         "'model':'m','usage':{'prompt_tokens':3,'total_tokens':3}}",
         "media data[{'object':'embedding','index':0,'embedding':[1,-2.5,0.25]}]\n"
         "usage 3+0 cached 0 written 0 reasoning 0\n",
         1},
        {"openai", "application/json", "{'object':'list','data':[]}", "error empty\n", 0},
        {"openai", "application/json", "{'message':'no'}", "error overloaded\n", 0},
    };

    (void)state;
    check_op(texts, PM_COUNT(texts), PM_OP_COMPLETION, true);
    check_op(vectors, PM_COUNT(vectors), PM_OP_EMBEDDING, true);
}

static void nothing_is_given_after_the_receiver_said_stop(void **state)
{
    char *bytes = quoted(ROLE DELTA("'content':'a'") DELTA("'content':'b'") FINISH("stop"));

    (void)state;
    for (size_t stop = 1; stop <= 3; stop++) {
        struct assembled got;

        assembled_init(&got);
        got.stop_after = stop;
        assemble_bytes(&got, dialect_find(PM_STR("openai")), PM_OP_CHAT, "text/event-stream",
                       pm_str(bytes), 4096, true);
        assert_int_equal(got.n_chunks, stop);
        assert_int_equal(got.error, FAIL_NONE);
        assembled_fini(&got);
    }
    free(bytes);
}

static void the_codec_is_found_by_its_protocol(void **state)
{
    (void)state;
    assert_ptr_equal(codec_for(PM_PROTO_OPENAI), &codec_openai);
    assert_true(codec_protocols() & 1u << PM_PROTO_OPENAI);
    assert_null(codec_for(PM_PROTO_COUNT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_azure_sends_around_an_answer_is_not_the_answer),
        cmocka_unit_test(a_stream_without_its_end_is_never_a_success),
        cmocka_unit_test(an_end_without_its_mark_is_good_after_a_finish_reason),
        cmocka_unit_test(an_error_inside_a_stream_is_an_error),
        cmocka_unit_test(the_form_of_an_answer_is_what_it_is_and_not_what_was_asked_for),
        cmocka_unit_test(an_empty_answer_is_not_an_answer),
        cmocka_unit_test(reasoning_is_given_once_in_whichever_form_it_comes),
        cmocka_unit_test(finish_reasons_of_all_providers_become_the_five_known_ones),
        cmocka_unit_test(refusals_sounds_pictures_and_citations_are_kept),
        cmocka_unit_test(a_chunk_that_a_strict_client_refuses_is_not_passed_as_it_is),
        cmocka_unit_test(choices_keep_to_themselves),
        cmocka_unit_test(completions_and_embeddings_are_read_too),
        cmocka_unit_test(nothing_is_given_after_the_receiver_said_stop),
        cmocka_unit_test(the_codec_is_found_by_its_protocol),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
