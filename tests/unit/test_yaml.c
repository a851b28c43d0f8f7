/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include "common/yaml.h"

struct fixture {
    struct pm_arena arena;
    struct pm_diags diags;
    struct pm_buf out;
};

static int set_up(void **state)
{
    struct fixture *f = pm_xcalloc(1, sizeof(*f));

    pm_arena_init(&f->arena, 4096, 1 << 20);
    pm_diags_init(&f->diags, &f->arena);
    pm_buf_init(&f->out, 1 << 20);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    pm_arena_fini(&f->arena);
    pm_buf_fini(&f->out);
    free(f);
    return 0;
}

/* The tree in one line: {key@line:col=value}, [..], text in quotes. */
static void show(const struct pm_yaml *n, struct pm_buf *b)
{
    switch (n->type) {
    case PM_YAML_NULL:
        pm_buf_lit(b, "null");
        return;
    case PM_YAML_TEXT:
        pm_buf_addf(b, "%s%.*s", n->quoted ? "'" : "", PM_FMT(n->text));
        return;
    case PM_YAML_SEQ:
    case PM_YAML_MAP:
        break;
    }
    pm_buf_ch(b, n->type == PM_YAML_MAP ? '{' : '[');
    for (const struct pm_yaml *m = n->first; m; m = m->next) {
        if (n->type == PM_YAML_MAP)
            pm_buf_addf(b, "%.*s@%u:%u=", PM_FMT(m->key), m->key_at.line, m->key_at.col);
        show(m, b);
        if (m->next)
            pm_buf_lit(b, ", ");
    }
    pm_buf_ch(b, n->type == PM_YAML_MAP ? '}' : ']');
}

static void assert_tree(struct fixture *f, const char *text, const char *want)
{
    struct pm_yaml *root = pm_yaml_parse(pm_str(text), &f->arena, &f->diags);

    pm_buf_reset(&f->out);
    pm_diags_print(&f->diags, "f", &f->out);
    if (!root)
        fail_msg("%s", f->out.p);
    show(root, &f->out);
    assert_str(pm_buf_view(&f->out), want);
}

static void assert_error(struct fixture *f, const char *text, const char *want)
{
    struct pm_yaml *root;

    pm_diags_init(&f->diags, &f->arena);
    pm_buf_reset(&f->out);
    root = pm_yaml_parse(pm_str(text), &f->arena, &f->diags);
    pm_diags_print(&f->diags, "f", &f->out);
    assert_str(pm_buf_view(&f->out), want);
    assert_null(root);
}

static void a_tree_keeps_its_order_and_every_place(void **state)
{
    assert_tree(*state,
                "b: 1\n"
                "a:\n"
                "  - x\n"
                "  - {y: [2, three]}\n"
                "c: |\n"
                "  text\n",
                "{b@1:1=1, a@2:1=[x, {y@4:6=[2, three]}], c@5:1='text\n}");
}

static void scalars_stay_text_as_they_were_written(void **state)
{
    assert_tree(*state, "[0.10, 007, yes, true, 1e3, '5', \"a\\nb\", 2026-01-01, \xC3\xA4]",
                "[0.10, 007, yes, true, 1e3, '5, 'a\nb, 2026-01-01, \xC3\xA4]");
}

static void only_an_unquoted_null_is_null(void **state)
{
    assert_tree(*state, "{a: , b: ~, c: null, d: 'null', e: ''}",
                "{a@1:2=null, b@1:7=null, c@1:13=null, d@1:22='null, e@1:33='}");
}

static void an_empty_file_is_a_null_document(void **state)
{
    assert_tree(*state, "", "null");
    assert_tree(*state, "# only a comment\n", "null");
    assert_tree(*state, "---\n", "null");
    assert_tree(*state,
                "\xEF\xBB\xBF"
                "a: 1\n",
                "{a@1:2=1}");
}

static void what_would_multiply_or_hide_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"a: &x 1\n", "f:1:4: anchors, aliases and tags are not supported\n"},
        {"a: 1\nb: *x\n", "f:2:4: anchors, aliases and tags are not supported\n"},
        {"a: !!binary aGk=\n", "f:1:4: anchors, aliases and tags are not supported\n"},
        {"a: &x [1]\n", "f:1:4: anchors, aliases and tags are not supported\n"},
        {"a: &x {}\n", "f:1:4: anchors, aliases and tags are not supported\n"},
        {"a: 1\n---\nb: 2\n", "f:2:1: more than one document in the file\n"},
        {"? [a, b]\n: 1\n", "f:1:3: a key must be plain text\n"},
        {"{{a: 1}: 2}\n", "f:1:2: a key must be plain text\n"},
    };

    for (size_t i = 0; i < PM_COUNT(rows); i++)
        assert_error(*state, rows[i].text, rows[i].want);
}

static void text_that_is_no_yaml_says_where_and_why(void **state)
{
    struct fixture *f = *state;

    assert_error(f, "a: 1\n b: 2\n", "f:2:3: mapping values are not allowed in this context\n");
    assert_error(f, "a: [1, 2\nb: 3\n",
                 "f:2:2: did not find expected ',' or ']', while parsing a flow sequence that "
                 "began in line 1\n");
    assert_error(f, "a:\n\tb: 1\n", "f:2:1: a tab; lines are indented with spaces\n");
    assert_error(f, "a: 1\nb:\n  \tc: 1\n", "f:3:3: a tab; lines are indented with spaces\n");
    assert_error(f, "a: @\n",
                 "f:1:4: found character that cannot start any token, while "
                 "scanning for the next token\n");
    assert_error(f, "a: 1\nb: \xFF\n", "f:2:4: invalid leading UTF-8 octet\n");
    assert_error(f, "a: 1\nb: \x01\n", "f:2:4: control characters are not allowed\n");
}

static void every_duplicate_key_is_found(void **state)
{
    struct fixture *f = *state;
    struct pm_yaml *root =
        pm_yaml_parse(PM_STR("a: 1\nb: {x: 1, x: 2, y: 3, x: 4}\na: 2\n"), &f->arena, &f->diags);

    pm_diags_print(&f->diags, "f", &f->out);
    assert_str(pm_buf_view(&f->out), "f:2:11: duplicate key \"x\", first in line 2\n"
                                     "f:2:23: duplicate key \"x\", first in line 2\n"
                                     "f:3:1: duplicate key \"a\", first in line 1\n");
    assert_non_null(root);
    assert_str(pm_yaml_get(root, "a")->text, "1");
    assert_int_equal(pm_yaml_get(root, "b")->n, 2);
    assert_null(pm_yaml_get(root, "c"));
    assert_null(pm_yaml_get(pm_yaml_get(root, "a"), "a"));
}

static void nesting_stops_at_its_bound(void **state)
{
    char text[PM_YAML_MAX_DEPTH * 2 + 4] = "";

    memset(text, '[', PM_YAML_MAX_DEPTH);
    memset(text + PM_YAML_MAX_DEPTH, ']', PM_YAML_MAX_DEPTH);
    assert_non_null(pm_yaml_parse(pm_str(text), &((struct fixture *)*state)->arena,
                                  &((struct fixture *)*state)->diags));
    memset(text, '[', PM_YAML_MAX_DEPTH + 1);
    assert_error(*state, text, "f:1:33: nested more than 32 deep\n");
}

static void a_file_larger_than_its_arena_is_refused(void **state)
{
    struct fixture *f = *state;
    struct pm_arena small;
    char *text = pm_xmalloc(100001);

    for (size_t i = 0; i < 100000; i += 2)
        memcpy(text + i, i == 0 ? "[1" : ",1", 2);
    text[100000] = '\0';
    pm_arena_init(&small, 4096, 64 << 10);
    assert_null(pm_yaml_parse(pm_str(text), &small, &f->diags));
    pm_diags_print(&f->diags, "f", &f->out);
    assert_non_null(strstr(f->out.p, "the file is too large"));
    pm_arena_fini(&small);
    free(text);
}

static void findings_come_in_the_order_of_the_file_and_the_rest_is_counted(void **state)
{
    struct fixture *f = *state;

    pm_diag(&f->diags, (struct pm_place){9, 1}, "third");
    pm_diag(&f->diags, (struct pm_place){2, 7}, "second");
    pm_diag(&f->diags, (struct pm_place){2, 3}, "first");
    pm_diag(&f->diags, (struct pm_place){0}, "whole");
    pm_diags_print(&f->diags, "f", &f->out);
    assert_str(pm_buf_view(&f->out), "f: whole\nf:2:3: first\nf:2:7: second\nf:9:1: third\n");
    for (uint32_t i = 0; i < 500; i++)
        pm_diag(&f->diags, (struct pm_place){i + 10, 1}, "more");
    pm_buf_reset(&f->out);
    pm_diags_print(&f->diags, "f", &f->out);
    assert_non_null(strstr(f->out.p, "f: and 304 more\n"));
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH(a_tree_keeps_its_order_and_every_place),
        WITH(scalars_stay_text_as_they_were_written),
        WITH(only_an_unquoted_null_is_null),
        WITH(an_empty_file_is_a_null_document),
        WITH(what_would_multiply_or_hide_is_refused_with_its_place),
        WITH(text_that_is_no_yaml_says_where_and_why),
        WITH(every_duplicate_key_is_found),
        WITH(nesting_stops_at_its_bound),
        WITH(a_file_larger_than_its_arena_is_refused),
        WITH(findings_come_in_the_order_of_the_file_and_the_rest_is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
