/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "agent/front/front.h"
#include "agent/front/members.h"

#define MODEL "\"model\":\"openai/gpt-5.1\""
#define HELLO "\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]"

static struct pm_arena arena;
static struct front_request request;
static struct pm_error error;

static int setup(void **state)
{
    (void)state;
    pm_arena_init(&arena, 4096, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pm_arena_fini(&arena);
    return 0;
}

static bool try_read(enum pm_operation op, struct pm_str body, const struct front_headers *h)
{
    error = (struct pm_error){0};
    return front_read(op, body, h, &arena, &request, &error);
}

static bool read_chat(const char *body)
{
    return try_read(PM_OP_CHAT, pm_str(body), NULL);
}

static const struct pm_call *chat(const char *body)
{
    if (!read_chat(body))
        fail_msg("%s\n%s", error.text, body);
    return &request.call;
}

/* The members of a request that is otherwise fine. */
static const struct pm_call *chat_with(const char *members)
{
    static char body[4096];

    snprintf(body, sizeof(body), "{" MODEL "," HELLO ",%s}", members);
    return chat(body);
}

static void refused(enum pm_operation op, const char *body, const char *words)
{
    if (try_read(op, pm_str(body), NULL))
        fail_msg("accepted: %s", body);
    assert_int_equal(error.code, PM_EINVAL);
    if (!strstr(error.text, words))
        fail_msg("\"%s\" has no \"%s\"", error.text, words);
}

static void refused_with(const char *members, const char *words)
{
    char body[4096];

    snprintf(body, sizeof(body), "{" MODEL "," HELLO ",%s}", members);
    refused(PM_OP_CHAT, body, words);
}

static void a_plain_request_is_understood(void **state)
{
    const struct pm_call *c = chat("{" MODEL "," HELLO "}");

    (void)state;
    assert_int_equal(c->op, PM_OP_CHAT);
    assert_int_equal(c->n_models, 1);
    assert_str(c->models[0], "openai/gpt-5.1");
    assert_false(c->stream);
    assert_int_equal(c->params, 0);
    assert_int_equal(c->in_modalities, PM_MOD_TEXT);
    assert_int_equal(c->out_modalities, PM_MOD_TEXT);
    assert_in_range(c->prompt_tokens, 2, 10);
    assert_int_equal(c->max_tokens, 0);
    assert_null(c->session.p);
    assert_int_equal(request.n_members, 2);
    assert_str(request.members[0].key, "model");
    assert_str(request.members[1].key, "messages");
}

static void the_model_comes_before_its_fallbacks(void **state)
{
    const struct pm_call *c = chat("{\"models\":[\"a/1\",\"b\\/2\",\"c/3\"]," MODEL "," HELLO "}");

    (void)state;
    assert_int_equal(c->n_models, 4);
    assert_str(c->models[0], "openai/gpt-5.1");
    assert_str(c->models[1], "a/1");
    assert_str(c->models[2], "b/2"); /* as PHP writes it */
    assert_str(c->models[3], "c/3");
    refused_with("\"models\":[\"a\",\"b\",\"c\",\"d\"]",
                 "'models' array must have 3 items or fewer.");
    refused_with("\"models\":[1]", "models: must be a string");
    refused(PM_OP_CHAT, "{" HELLO "}", "model: missing");
    refused(PM_OP_CHAT, "{\"model\":\"\"," HELLO "}", "model: must have 1 to 256 bytes");
    refused(PM_OP_CHAT, "{\"model\":null," HELLO "}", "model: missing");
    assert_str(chat("{\"preset\":\"fast\"," HELLO "}")->preset, "fast");
    assert_int_equal(request.call.n_models, 0);
}

static void a_model_id_of_any_length_is_not_carried_along(void **state)
{
    char body[1024], id[300];

    (void)state;
    memset(id, 'x', sizeof(id));
    snprintf(body, sizeof(body), "{\"model\":\"%.*s\"," HELLO "}", 257, id);
    refused(PM_OP_CHAT, body, "model: must have 1 to 256 bytes");
    snprintf(body, sizeof(body), "{\"model\":\"%.*s\"," HELLO "}", 256, id);
    assert_int_equal(chat(body)->models[0].n, 256);
}

static void a_member_that_is_there_twice_is_refused(void **state)
{
    (void)state;
    refused_with("\"model\":\"other/cheaper\"", "model: is there twice");
    refused_with("\"model\":null", "model: is there twice");
    refused_with("\"provider\":{},\"provider\":{}", "provider: is there twice");
    refused_with("\"mod\\u0065l\":\"other/cheaper\"", "escapes");
    chat_with("\"own\":1,\"own\":2"); /* not ours: the provider may judge */
}

static void every_known_member_refuses_a_wrong_type_by_its_name(void **state)
{
    static const struct {
        enum pm_jtype type;
        const char *text;
    } values[] = {{PM_JTRUE, "true"}, {PM_JNUM, "7"},  {PM_JSTR, "\"x\""},
                  {PM_JOBJ, "{}"},    {PM_JARR, "[]"}, {PM_JFALSE, "false"}};

    (void)state;
    for (int m = 0; m < MEMBER_COUNT; m++) {
        const struct front_member_row *row = front_member_row((enum front_member)m);

        assert_int_equal(front_member_find(row->name), m);
        for (size_t i = 0; i < PM_COUNT(values); i++) {
            char body[200], words[100];

            if (row->types & 1u << values[i].type)
                continue;
            snprintf(body, sizeof(body), "{\"%s\":%s}", row->name.p, values[i].text);
            snprintf(words, sizeof(words), "%s: must be ", row->name.p);
            refused(PM_OP_CHAT, body, words);
        }
        if (m != MEMBER_MODEL && m != MEMBER_MESSAGES) {
            char members[100];

            snprintf(members, sizeof(members), "\"%s\":null", row->name.p);
            assert_int_equal(chat_with(members)->params, 0);
        }
    }
    assert_int_equal(front_member_find(PM_STR("modelx")), MEMBER_COUNT);
    assert_int_equal(front_member_find(PM_STR("")), MEMBER_COUNT);
}

static void parameters_that_are_given_become_bits(void **state)
{
    const struct pm_call *c = chat_with(
        "\"temperature\":0.5,\"seed\":null,\"stop\":[\"a\"],\"tools\":[],\"max_tokens\":9");

    (void)state;
    assert_int_equal(c->params,
                     PM_PBIT(PM_P_TEMPERATURE) | PM_PBIT(PM_P_STOP) | PM_PBIT(PM_P_MAX_TOKENS));
    for (int p = 0; p < PM_P_COUNT; p++) {
        enum front_member m = front_member_find(pm_str(pm_param_name((enum pm_param)p)));

        assert_true(m < MEMBER_COUNT);
        assert_int_equal(front_member_row(m)->param, p);
    }
}

static void an_output_limit_is_a_positive_integer(void **state)
{
    (void)state;
    assert_int_equal(chat_with("\"max_tokens\":50")->max_tokens, 50);
    assert_int_equal(chat_with("\"max_tokens\":50,\"max_completion_tokens\":70")->max_tokens, 70);
    refused_with("\"max_tokens\":0", "max_tokens: must be an integer");
    refused_with("\"max_tokens\":1.5", "max_tokens: must be an integer");
    refused_with("\"max_completion_tokens\":-1", "max_completion_tokens: must be an integer");
    refused_with("\"max_tokens\":1e99", "max_tokens: must be an integer");
}

static void media_are_seen_and_their_bytes_do_not_count_as_text(void **state)
{
    static const struct {
        const char *part;
        uint32_t modality;
    } parts[] = {
        {"{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,%s\"}}",
         PM_MOD_IMAGE},
        {"{\"image_url\":\"data:image/png;base64,%s\",\"type\":\"image_url\"}", PM_MOD_IMAGE},
        {"{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"%s\",\"format\":\"wav\"}}",
         PM_MOD_AUDIO},
        {"{\"type\":\"file\",\"file\":{\"file_data\":\"%s\"}}", PM_MOD_FILE},
        {"{\"type\":\"video_url\",\"video_url\":{\"url\":\"%s\"}}", PM_MOD_VIDEO},
        {"{\"type\":\"input_video\",\"video_url\":{\"url\":\"%s\"},\"cache_control\":{}}",
         PM_MOD_VIDEO},
    };
    static char data[40001];

    (void)state;
    memset(data, 'A', sizeof(data) - 1);
    for (size_t i = 0; i < PM_COUNT(parts); i++) {
        static char body[50000], part[45000];
        int64_t small;

        for (int big = 0; big < 2; big++) {
            char *at = strstr(parts[i].part, "%s");

            snprintf(part, sizeof(part), "%.*s%s%s", (int)(at - parts[i].part), parts[i].part,
                     big ? data : "AAAA", at + 2);
            snprintf(body, sizeof(body),
                     "{" MODEL ",\"messages\":[{\"role\":\"user\",\"content\":["
                     "{\"type\":\"text\",\"text\":\"What is this?\"},%s]}]}",
                     part);
            assert_int_equal(chat(body)->in_modalities, PM_MOD_TEXT | parts[i].modality);
            assert_int_equal(request.call.images, parts[i].modality == PM_MOD_IMAGE);
            if (big)
                assert_int_equal(request.call.prompt_tokens, small);
            small = request.call.prompt_tokens;
            assert_in_range(small, 500, 5000);
        }
    }
}

static void text_is_counted_wherever_the_model_reads_it(void **state)
{
    static const char *const texts[] = {
        "{\"role\":\"user\",\"content\":\"%s\"}",
        "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"%s\"}]}",
        "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"%s\"}",
        "{\"role\":\"assistant\",\"reasoning_content\":\"%s\",\"content\":null}",
        "{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"arguments\":\"%s\"}}]}",
    };
    char text[401], body[2048];

    (void)state;
    memset(text, 'x', 400);
    text[400] = '\0';
    for (size_t i = 0; i < PM_COUNT(texts); i++) {
        const char *at = strstr(texts[i], "%s");

        snprintf(body, sizeof(body), "{" MODEL ",\"messages\":[%.*s%s%s]}", (int)(at - texts[i]),
                 texts[i], text, at + 2);
        assert_in_range(chat(body)->prompt_tokens, 100, 140);
    }
    snprintf(body, sizeof(body),
             "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
             "\"description\":\"%s\"}}]",
             text);
    assert_in_range(chat_with(body)->prompt_tokens, 110, 140);
}

static void a_message_out_of_shape_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *messages, *words;
    } cases[] = {
        {"[]", "messages: must not be empty"},
        {"null", "messages: missing"},
        {"[1]", "messages[0]: must be an object"},
        {"[{\"role\":\"user\",\"content\":\"a\"},{\"content\":\"b\"}]", "messages[1].role"},
        {"[{\"role\":\"boss\",\"content\":\"a\"}]", "messages[0].role"},
        {"[{\"role\":1,\"content\":\"a\"}]", "messages[0].role"},
        {"[{\"role\":\"user\"}]", "messages[0].content: missing"},
        {"[{\"role\":\"user\",\"content\":null}]", "messages[0].content: missing"},
        {"[{\"role\":\"user\",\"content\":7}]", "messages[0].content: must be"},
        {"[{\"role\":\"user\",\"content\":[\"a\"]}]", "messages[0].content[0]: must be an object"},
        {"[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{}]}]",
         "messages[0].content[1].type"},
        {"[{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}]", "messages[0].content[0].text"},
        {"[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}]",
         "messages[0].content[0].image_url"},
        {"[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":3}]}]",
         "messages[0].content[0].image_url"},
        {"[{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"image_url\":{}}]}]",
         "messages[0].content[0].file"},
        {"[{\"role\":\"assistant\",\"tool_calls\":{}}]", "messages[0].tool_calls"},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(cases); i++) {
        char body[1024];

        snprintf(body, sizeof(body), "{" MODEL ",\"messages\":%s}", cases[i].messages);
        refused(PM_OP_CHAT, body, cases[i].words);
    }
    refused(PM_OP_CHAT, "{" MODEL "}", "messages: missing");
    chat("{" MODEL ",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"new_kind\"}]}]}");
}

static void tools_and_formats_set_what_an_endpoint_needs(void **state)
{
    static const char tool[] = "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]";
    char members[512];
    const struct pm_call *c = chat_with(tool);

    (void)state;
    assert_true(c->needs_tools);
    assert_true(c->params & PM_PBIT(PM_P_TOOLS));
    assert_false(c->needs_tool_choice);
    snprintf(members, sizeof(members), "%s,\"tool_choice\":\"auto\"", tool);
    assert_false(chat_with(members)->needs_tool_choice);
    snprintf(members, sizeof(members), "%s,\"tool_choice\":\"required\"", tool);
    assert_true(chat_with(members)->needs_tool_choice);
    snprintf(members, sizeof(members), "%s,\"tool_choice\":{\"type\":\"function\"}", tool);
    assert_true(chat_with(members)->needs_tool_choice);
    assert_true(chat_with("\"functions\":[{\"name\":\"f\"}]")->needs_tools);
    assert_false(chat_with("\"tools\":[]")->needs_tools);

    c = chat_with("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{}}");
    assert_true(c->needs_json_schema && c->needs_response_format);
    c = chat_with("\"response_format\":{\"type\":\"json_object\"}");
    assert_true(!c->needs_json_schema && c->needs_response_format);
    c = chat_with("\"response_format\":{\"type\":\"text\"}");
    assert_true(!c->needs_json_schema && !c->needs_response_format);

    refused_with("\"tools\":[1]", "tools[0]: must be an object");
    refused_with("\"tools\":[{}]", "tools[0].type: must be a string");
    refused_with("\"tools\":[{\"type\":\"function\",\"function\":{}}]", "tools[0].function.name");
    refused_with("\"response_format\":{}", "response_format.type");
}

static void what_this_router_does_not_do_is_refused_clearly(void **state)
{
    (void)state;
    refused_with("\"plugins\":[{\"id\":\"web\"}]", "plugins[0]: plugins are not supported");
    refused_with("\"plugins\":[7]", "plugins[0]: must be an object");
    refused_with("\"tools\":[{\"type\":\"openrouter:web_search\"}]", "server tools are not supp");
    chat_with("\"plugins\":[]");
    chat_with("\"plugins\":[{\"id\":\"web\",\"enabled\":false}]");
    chat_with("\"transforms\":[\"middle-out\"],\"route\":\"fallback\"");
}

static void reasoning_is_asked_for_in_one_way_only(void **state)
{
    (void)state;
    refused_with("\"reasoning\":{\"effort\":\"high\",\"max_tokens\":9}", "Only one of");
    refused_with("\"reasoning\":{\"effort\":\"huge\"}", "reasoning.effort: must be one of");
    refused_with("\"reasoning_effort\":\"huge\"", "reasoning_effort: must be one of");
    refused_with("\"reasoning\":{\"max_tokens\":\"9\"}", "reasoning.max_tokens");
    refused_with("\"reasoning\":{\"exclude\":1}", "reasoning.exclude: must be true or false");
    assert_true(
        chat_with("\"reasoning\":{\"effort\":\"high\",\"max_tokens\":null}")->needs_reasoning);
    assert_true(chat_with("\"reasoning\":{\"max_tokens\":9}")->needs_reasoning);
    assert_true(chat_with("\"reasoning\":{\"enabled\":true}")->needs_reasoning);
    assert_true(chat_with("\"reasoning_effort\":\"low\"")->needs_reasoning);
    assert_false(chat_with("\"reasoning_effort\":\"none\"")->needs_reasoning);
    assert_false(chat_with("\"reasoning\":{\"exclude\":true}")->needs_reasoning);
    assert_true(request.exclude_reasoning);
    chat_with("\"include_reasoning\":false");
    assert_true(request.exclude_reasoning);
    chat_with("\"include_reasoning\":true");
    assert_false(request.exclude_reasoning);
}

static void tiers_and_modalities_are_words_of_a_list(void **state)
{
    (void)state;
    assert_false(chat_with("\"service_tier\":\"auto\"")->tier_set);
    assert_true(chat_with("\"service_tier\":\"default\"")->tier_set);
    assert_int_equal(request.call.tier, PM_TIER_DEFAULT);
    assert_int_equal(chat_with("\"service_tier\":\"fast\"")->tier, PM_TIER_PRIORITY);
    assert_int_equal(chat_with("\"service_tier\":\"flex\"")->tier, PM_TIER_FLEX);
    refused_with("\"service_tier\":\"turbo\"", "service_tier: must be one of");
    assert_int_equal(chat_with("\"modalities\":[\"image\",\"text\"]")->out_modalities,
                     PM_MOD_IMAGE | PM_MOD_TEXT);
    refused_with("\"modalities\":[\"smell\"]", "modalities: must be a list of");
    refused_with("\"modalities\":[1]", "modalities: must be a list of");
}

static void the_body_names_the_session_before_the_header(void **state)
{
    struct front_headers h = {.session_id = PM_STR_INIT("head")};
    char longer[700];

    (void)state;
    assert_true(try_read(PM_OP_CHAT,
                         PM_STR("{" MODEL "," HELLO ",\"session_id\":\"body\","
                                "\"prompt_cache_key\":\"cache\"}"),
                         &h));
    assert_str(request.call.session, "body");
    assert_true(request.call.session_explicit);
    assert_true(try_read(PM_OP_CHAT, PM_STR("{" MODEL "," HELLO "}"), &h));
    assert_str(request.call.session, "head");
    assert_str(chat_with("\"prompt_cache_key\":\"cache\"")->session, "cache");
    assert_false(request.call.session_explicit);
    snprintf(longer, sizeof(longer), "\"session_id\":\"%0300d\"", 1);
    refused_with(longer, "session_id: must have at most 256 bytes");
    snprintf(longer, sizeof(longer), "\"prompt_cache_key\":\"%0300d\"", 1);
    assert_null(chat_with(longer)->session.p);
}

static void headers_are_taken_over(void **state)
{
    struct front_headers h = {.metadata = PM_STR_INIT("Enabled"), .title = PM_STR_INIT("app")};

    (void)state;
    assert_true(try_read(PM_OP_CHAT, PM_STR("{" MODEL "," HELLO ",\"user\":\"u-\\u00e9\"}"), &h));
    assert_true(request.metadata);
    assert_str(request.title, "app");
    assert_str(request.user, "u-\xc3\xa9");
    h.metadata = PM_STR("disabled");
    assert_true(try_read(PM_OP_CHAT, PM_STR("{" MODEL "," HELLO "}"), &h));
    assert_false(request.metadata);
    assert_null(request.user.p);
}

static uint64_t conversation(const char *messages)
{
    char body[4096];

    snprintf(body, sizeof(body), "{" MODEL ",\"messages\":[%s]}", messages);
    return chat(body)->conversation;
}

static void a_conversation_keeps_its_hash_as_it_grows(void **state)
{
    static const char begin[] = "{\"role\":\"system\",\"content\":\"Be brief.\"},"
                                "{\"role\":\"user\",\"content\":\"One\"}";
    const uint64_t first = conversation(begin);
    char more[1024], a[600], b[600];

    (void)state;
    snprintf(
        more, sizeof(more),
        "%s,{\"role\":\"assistant\",\"content\":\"1\"},{\"role\":\"system\",\"content\":\"x\"},"
        "{\"role\":\"user\",\"content\":\"Two\"}",
        begin);
    assert_true(first != 0);
    assert_true(conversation(more) == first);
    assert_true(conversation("{\"role\":\"user\",\"content\":\"One\"}") != first);
    assert_true(conversation("{\"role\":\"system\",\"content\":\"Be brief.\"},"
                             "{\"role\":\"user\",\"content\":\"Two\"}") != first);
    snprintf(a, sizeof(a), "{\"role\":\"user\",\"content\":\"%0500d\"}", 1);
    snprintf(b, sizeof(b), "{\"role\":\"user\",\"content\":\"%0500d\"}", 2);
    assert_true(conversation(a) != conversation(b));
}

static void completions_and_embeddings_take_text_or_tokens(void **state)
{
    static const char *const good[] = {"\"some text\"", "[\"a\",\"b\"]", "[1,2,3]", "[[1,2],[3]]"};
    static const char *const wrong[] = {"[]", "[null]", "[[\"a\"]]", "[true]"};

    (void)state;
    for (int op = PM_OP_COMPLETION; op <= PM_OP_EMBEDDING; op++) {
        const char *name = op == PM_OP_COMPLETION ? "prompt" : "input";
        char body[256];

        for (size_t i = 0; i < PM_COUNT(good); i++) {
            snprintf(body, sizeof(body), "{" MODEL ",\"%s\":%s}", name, good[i]);
            assert_true(try_read((enum pm_operation)op, pm_str(body), NULL));
            assert_in_range(request.call.prompt_tokens, 1, 5);
            assert_int_equal(request.call.out_modalities,
                             op == PM_OP_EMBEDDING ? PM_MOD_EMBEDDING : PM_MOD_TEXT);
        }
        for (size_t i = 0; i < PM_COUNT(wrong); i++) {
            snprintf(body, sizeof(body), "{" MODEL ",\"%s\":%s}", name, wrong[i]);
            refused((enum pm_operation)op, body, name);
        }
        snprintf(body, sizeof(body), "%s: missing", name);
        refused((enum pm_operation)op, "{" MODEL "," HELLO "}", body);
    }
    assert_true(
        try_read(PM_OP_EMBEDDING,
                 PM_STR("{" MODEL ",\"encoding_format\":\"base64\",\"input\":[{\"content\":["
                        "{\"type\":\"image_url\",\"image_url\":{\"url\":\"u\"}}]}]}"),
                 NULL));
    assert_true(request.base64_embeddings);
    assert_int_equal(request.call.images, 1);
    refused(PM_OP_EMBEDDING, "{" MODEL ",\"input\":\"a\",\"stream\":true}", "stream: ");
    refused(PM_OP_EMBEDDING, "{" MODEL ",\"input\":\"a\",\"encoding_format\":\"int8\"}",
            "encoding_format: must be");
}

static void text_that_is_not_a_json_object_is_refused(void **state)
{
    static const char *const bodies[] = {
        "", " ", "[]", "\"a\"", "{", "{\"a\":01}", "{}x", "{\"model\":\"\xff\"}", "\xef\xbb\xbf{}"};

    (void)state;
    for (size_t i = 0; i < PM_COUNT(bodies); i++)
        refused(PM_OP_CHAT, bodies[i], "JSON");
}

static void hostile_sizes_are_a_limit_and_not_a_crash(void **state)
{
    struct pm_buf b;

    (void)state;
    pm_buf_init(&b, 1 << 20);
    pm_buf_lit(&b, "{" MODEL "," HELLO ",\"x\":");
    for (int i = 0; i < 5000; i++)
        pm_buf_ch(&b, '[');
    assert_false(try_read(PM_OP_CHAT, pm_buf_view(&b), NULL));
    assert_int_equal(error.code, PM_ELIMIT);

    pm_buf_reset(&b);
    pm_buf_lit(&b, "{" MODEL "," HELLO);
    for (int i = 0; i < 4000; i++)
        pm_buf_addf(&b, ",\"m%d\":%d", i, i);
    pm_buf_ch(&b, '}');
    assert_true(try_read(PM_OP_CHAT, pm_buf_view(&b), NULL));
    assert_int_equal(request.n_members, 4002);
    assert_str(request.members[4001].key, "m3999");
    b.n--;
    for (int i = 4000; i < 5000; i++)
        pm_buf_addf(&b, ",\"m%d\":%d", i, i);
    pm_buf_ch(&b, '}');
    assert_false(try_read(PM_OP_CHAT, pm_buf_view(&b), NULL));
    assert_int_equal(error.code, PM_ELIMIT);
    pm_buf_fini(&b);
}

static void a_full_arena_is_a_limit(void **state)
{
    struct pm_arena small;

    (void)state;
    pm_arena_init(&small, 64, 64);
    assert_false(
        front_read(PM_OP_CHAT, PM_STR("{" MODEL "," HELLO "}"), NULL, &small, &request, &error));
    assert_int_equal(error.code, PM_ELIMIT);
    pm_arena_fini(&small);
}

static void preferences_are_read_by_the_routing_engine(void **state)
{
    (void)state;
    assert_true(chat_with("\"provider\":{}")->prefs.max_prompt == PM_PRICE_NONE);
    refused_with("\"provider\":{\"bogus\":1}", "bogus");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_request_is_understood),
        cmocka_unit_test(the_model_comes_before_its_fallbacks),
        cmocka_unit_test(a_model_id_of_any_length_is_not_carried_along),
        cmocka_unit_test(a_member_that_is_there_twice_is_refused),
        cmocka_unit_test(every_known_member_refuses_a_wrong_type_by_its_name),
        cmocka_unit_test(parameters_that_are_given_become_bits),
        cmocka_unit_test(an_output_limit_is_a_positive_integer),
        cmocka_unit_test(media_are_seen_and_their_bytes_do_not_count_as_text),
        cmocka_unit_test(text_is_counted_wherever_the_model_reads_it),
        cmocka_unit_test(a_message_out_of_shape_is_refused_with_its_place),
        cmocka_unit_test(tools_and_formats_set_what_an_endpoint_needs),
        cmocka_unit_test(what_this_router_does_not_do_is_refused_clearly),
        cmocka_unit_test(reasoning_is_asked_for_in_one_way_only),
        cmocka_unit_test(tiers_and_modalities_are_words_of_a_list),
        cmocka_unit_test(the_body_names_the_session_before_the_header),
        cmocka_unit_test(headers_are_taken_over),
        cmocka_unit_test(a_conversation_keeps_its_hash_as_it_grows),
        cmocka_unit_test(completions_and_embeddings_take_text_or_tokens),
        cmocka_unit_test(text_that_is_not_a_json_object_is_refused),
        cmocka_unit_test(hostile_sizes_are_a_limit_and_not_a_crash),
        cmocka_unit_test(a_full_arena_is_a_limit),
        cmocka_unit_test(preferences_are_read_by_the_routing_engine),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
