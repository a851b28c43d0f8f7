/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "tests/simulator/answer.h"
#include "tests/simulator/schema.h"

struct stage {
    struct pm_arena arena;
    struct plan plan;
    struct pm_buf out;
};

static void stage_init(struct stage *b)
{
    pm_arena_init(&b->arena, 4096, 1u << 24);
    plan_init(&b->plan, &b->arena);
    pm_buf_init(&b->out, 1u << 24);
}

static void stage_fini(struct stage *b)
{
    plan_fini(&b->plan);
    pm_buf_fini(&b->out);
    pm_arena_fini(&b->arena);
}

/* All bytes of the body, as a connection would send them without framing. */
static struct pm_str body_of(struct stage *b)
{
    pm_buf_reset(&b->out);
    for (size_t i = 0; i < b->plan.n; i++) {
        const struct piece *one = &b->plan.pieces[i];
        for (uint32_t k = 0; k < one->repeat; k++)
            piece_write(one, k, &b->out);
    }
    return pm_buf_view(&b->out);
}

static uint32_t content_sends(const struct plan *p)
{
    uint32_t n = 0;

    for (size_t i = 0; i < p->n; i++)
        n += p->pieces[i].content ? p->pieces[i].repeat : 0;
    return n;
}

static void ask(struct stage *b, const char *target, const char *body, const struct sim_fault *f,
                struct sim_outline *outline)
{
    struct sim_request r = {.key = PM_STR("k")};
    struct pm_error err;

    sim_request_target(&r, pm_str(target));
    assert_true(sim_request_read(&r, pm_str(body), &b->arena, &err));
    sim_answer_plan(&r, f, 7, 1000, &b->plan, outline);
}

static void a_sample_satisfies_its_schema(void **state)
{
    static const struct {
        const char *schema, *sample;
    } cases[] = {
        {"{}", "{}"},
        {"{\"type\":\"string\"}", "\"lorem\""},
        {"{\"type\":\"string\",\"minLength\":7}", "\"loremxx\""},
        {"{\"type\":[\"null\",\"integer\"],\"minimum\":-3}", "-3"},
        {"{\"enum\":[\"b\",\"a\"]}", "\"b\""},
        {"{\"const\":{\"x\":1}}", "{\"x\":1}"},
        {"{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"boolean\"}]}", "true"},
        {"{\"type\":\"array\",\"items\":{\"type\":\"number\"},\"minItems\":2}", "[1.5,1.5]"},
        {"{\"properties\":{\"a\":{\"type\":\"string\",\"format\":\"date\"},\"b\":{}},"
         "\"required\":[\"a\"]}",
         "{\"a\":\"2026-01-02\"}"},
        {"{\"$ref\":\"#/$defs/x/y\",\"$defs\":{\"x\":{\"y\":{\"type\":\"integer\"}}}}", "7"},
        {"{\"$ref\":\"#/nowhere\"}", "{}"},
    };
    struct pm_jval schema;
    struct pm_buf out;

    (void)state;
    pm_buf_init(&out, 4096);
    for (size_t i = 0; i < PM_COUNT(cases); i++) {
        pm_buf_reset(&out);
        assert_true(pm_json_ok(pm_str(cases[i].schema), &schema));
        sim_schema_sample(schema, &out);
        assert_string_equal(out.p, cases[i].sample);
    }
    pm_buf_fini(&out);
}

static void a_schema_that_contains_itself_ends(void **state)
{
    struct pm_jval schema, sample;
    struct pm_buf out;

    (void)state;
    pm_buf_init(&out, 1u << 20);
    assert_true(pm_json_ok(PM_STR("{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#\"}}}"),
                           &schema));
    sim_schema_sample(schema, &out);
    assert_true(pm_json_ok(pm_buf_view(&out), &sample));
    pm_buf_fini(&out);
}

static void the_tokens_of_a_plan_are_those_of_its_usage(void **state)
{
    static const char *const bodies[] = {
        "{\"model\":\"m\",\"stream\":true,\"messages\":[]}",
        "{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"say: a "
        "b\"}]}",
        "{\"model\":\"m-think\",\"stream\":true,\"max_tokens\":3,\"n\":2,\"messages\":[]}",
        "{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"calls: "
        "2\"}],"
        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{}}}]}",
        "{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"words: "
        "5\"}]}",
    };
    struct sim_fault none = {0}, each = {.kinds = F_BIT(F_USAGE_EVERY)};

    (void)state;
    for (size_t i = 0; i < PM_COUNT(bodies); i++) {
        for (int k = 0; k < 2; k++) {
            struct sim_outline outline;
            struct stage b;
            uint32_t tokens = 0;
            stage_init(&b);
            ask(&b, "/vllm/v1/chat/completions", bodies[i], k ? &each : &none, &outline);
            for (size_t j = 0; j < b.plan.n; j++)
                tokens += b.plan.pieces[j].tokens * b.plan.pieces[j].repeat;
            assert_true(outline.answered);
            assert_int_equal(tokens, outline.usage.completion);
            stage_fini(&b);
        }
    }
}

static void a_cut_leaves_as_many_pieces_as_it_says(void **state)
{
    (void)state;
    for (uint32_t after = 0; after < 25; after++) {
        struct sim_fault cut = {.kinds = F_BIT(F_CUT), .after = after};
        struct sim_outline outline;
        struct stage b;
        stage_init(&b);
        ask(&b, "/vllm/v1/chat/completions",
            "{\"model\":\"m\",\"stream\":true,\"messages\":[],\"max_tokens\":20}", &cut, &outline);
        assert_int_equal(content_sends(&b.plan), PM_MIN(after, 20));
        assert_int_equal(b.plan.end, END_FIN);
        stage_fini(&b);
    }
}

static void a_head_promises_the_length_of_its_body(void **state)
{
    struct sim_fault none = {0};
    struct sim_outline outline;
    struct stage b;
    struct pm_buf head;
    char wanted[64];

    (void)state;
    stage_init(&b);
    pm_buf_init(&head, 4096);
    ask(&b, "/mistral/v1/chat/completions", "{\"model\":\"m\",\"messages\":[]}", &none, &outline);
    plan_head(&b.plan, 1, true, &head);
    snprintf(wanted, sizeof(wanted), "Content-Length: %zu\r\n", body_of(&b).n);
    assert_non_null(strstr(head.p, wanted));
    pm_buf_fini(&head);
    stage_fini(&b);
}

static void a_benchmark_body_has_the_length_in_its_name(void **state)
{
    struct sim_fault none = {0};
    struct sim_outline outline;
    struct stage b;

    (void)state;
    stage_init(&b);
    ask(&b, "/vllm/v1/chat/completions", "{\"model\":\"bench-300\",\"messages\":[]}", &none,
        &outline);
    assert_int_equal(body_of(&b).n, 300);
    stage_fini(&b);
}

static void a_script_with_one_bad_rule_changes_nothing(void **state)
{
    struct sim_faults *f = sim_faults_new();
    struct sim_request r = {.dialect_name = PM_STR("x")};
    struct sim_fault got;
    struct pm_error err;

    (void)state;
    assert_true(sim_faults_script(f, PM_STR("[{\"fault\":{\"kind\":\"cut\"}}]"), false, &err));
    assert_false(sim_faults_script(
        f, PM_STR("[{\"fault\":{\"kind\":\"reset\"}},{\"fault\":{\"kind\":\"?\"}}]"), false, &err));
    sim_faults_pick(f, &r, &got);
    assert_true(got.kinds == F_BIT(F_CUT));
    sim_faults_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sample_satisfies_its_schema),
        cmocka_unit_test(a_schema_that_contains_itself_ends),
        cmocka_unit_test(the_tokens_of_a_plan_are_those_of_its_usage),
        cmocka_unit_test(a_cut_leaves_as_many_pieces_as_it_says),
        cmocka_unit_test(a_head_promises_the_length_of_its_body),
        cmocka_unit_test(a_benchmark_body_has_the_length_in_its_name),
        cmocka_unit_test(a_script_with_one_bad_rule_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
