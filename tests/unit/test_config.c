/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the agent, and what is said of a file that is wrong. */
#include "tests/unit/parse.h"

#include "common/config/schema.h"

static void an_empty_file_gives_every_default(void **state)
{
    struct pm_config *c = parse("");
    const struct pm_agent_config *a = &c->agent;

    (void)state;
    assert_str(a->listen_address, "127.0.0.1");
    assert_int_equal(a->listen_port, 8787);
    assert_str(a->probe_address, "127.0.0.1");
    assert_int_equal(a->probe_port, 8788);
    assert_null(a->region.p);
    assert_int_equal(a->connect_ms, 5000);
    assert_int_equal(a->first_token_ms, 60000);
    assert_int_equal(a->token_idle_ms, 60000);
    assert_int_equal(a->total_ms, 900000);
    assert_int_equal(a->comment_after_ms, 15000);
    assert_int_equal(a->drain_ms, 25000);
    assert_int_equal(a->client_head_ms, 10000);
    assert_int_equal(a->client_body_ms, 30000);
    assert_int_equal(a->client_idle_ms, 75000);
    assert_int_equal(a->client_write_ms, 60000);
    assert_int_equal(a->max_head_bytes, 32 << 10);
    assert_int_equal(a->max_body_bytes, 100 << 20);
    assert_int_equal(a->max_memory_bytes, 512 << 20);
    assert_int_equal(a->max_connections, 8192);
    assert_int_equal(a->retry_percent, 20);
    assert_int_equal(a->retry_floor_per_s, 3);
    assert_int_equal(a->max_attempts, 8);
    assert_int_equal(a->breaker_failures, 5);
    assert_int_equal(a->breaker_open_ms, 10000);
    assert_true(a->warm_connections);
    assert_str(a->spool_dir, "./data/spool");
    assert_int_equal(a->spool_segment_bytes, 4 << 20);
    assert_int_equal(a->spool_max_bytes, 256 << 20);
    assert_int_equal(a->spool_fsync_ms, 20);
    assert_str(a->log_level, "info");
    assert_str(a->log_format, "auto");
    assert_false(a->sim_hint);
    assert_int_equal(c->table->n_keys, 0);
    pm_config_free(c);
}

static void every_agent_setting_is_read(void **state)
{
    struct pm_config *c =
        parse("agent:\n"
              "  listen: {address: '::1', port: 0}\n"
              "  probes: {address: 0.0.0.0, port: 65535}\n"
              "  region: eu-west-1\n"
              "  limits: {connections: 10, head: 8KiB, body: 1MiB, memory: 1GiB}\n"
              "  timeouts: {connect: 250ms, total: 1h, comment_after: 0}\n"
              "  retry: {attempts: 1, percent: 0, floor_per_second: 0}\n"
              "  breaker: {failures: 2, open: 1m}\n"
              "  warm_connections: false\n"
              "  spool: {dir: /var/spool, segment: 65536B, max: 2MiB, fsync: 5ms}\n"
              "  log: {level: debug, format: json}\n");
    const struct pm_agent_config *a = &c->agent;

    (void)state;
    assert_str(a->listen_address, "::1");
    assert_int_equal(a->listen_port, 0);
    assert_int_equal(a->probe_port, 65535);
    assert_str(a->region, "eu-west-1");
    assert_int_equal(a->max_head_bytes, 8192);
    assert_int_equal(a->max_memory_bytes, 1 << 30);
    assert_int_equal(a->connect_ms, 250);
    assert_int_equal(a->total_ms, 3600000);
    assert_int_equal(a->comment_after_ms, 0);
    assert_int_equal(a->first_token_ms, 60000); /* what is not named stays */
    assert_int_equal(a->max_attempts, 1);
    assert_int_equal(a->breaker_open_ms, 60000);
    assert_false(a->warm_connections);
    assert_int_equal(a->spool_segment_bytes, 65536);
    assert_str(a->log_format, "json");
    pm_config_free(c);
}

static void a_wrong_value_is_told_with_its_place_and_what_it_should_be(void **state)
{
    static const struct {
        const char *yaml, *want;
    } rows[] = {
        {"agent: {listen: {address: localhost}}",
         "f:1:27: agent.listen.address: must be an IP address: 127.0.0.1, 0.0.0.0, ::1\n"},
        {"agent: {listen: {port: 65536}}",
         "f:1:24: agent.listen.port: must be a port, 0 to 65535\n"},
        {"agent: {listen: {port: -1}}", "f:1:24: agent.listen.port: must be a port, 0 to 65535\n"},
        {"agent: {listen: {port: [1]}}",
         "f:1:24: agent.listen.port: must be a port, 0 to 65535, not a list\n"},
        {"agent: {listen: {port: }}",
         "f:1:24: agent.listen.port: must be a port, 0 to 65535, not nothing\n"},
        {"agent: {limits: {connections: 0}}",
         "f:1:31: agent.limits.connections: must be 1 to 1000000\n"},
        {"agent: {limits: {connections: many}}",
         "f:1:31: agent.limits.connections: must be a number\n"},
        {"agent: {limits: {body: 5}}", "f:1:24: agent.limits.body: must be a size with its unit: "
                                       "64KiB, 4MiB or 1GiB\n"},
        {"agent: {limits: {body: 5MB}}", "f:1:24: agent.limits.body: must be a size with its unit: "
                                         "64KiB, 4MiB or 1GiB\n"},
        {"agent: {limits: {body: 2GiB}}", "f:1:24: agent.limits.body: must be 1KiB to 1GiB\n"},
        {"agent: {limits: {body: 99999999999999GiB}}",
         "f:1:24: agent.limits.body: must be a size with its unit: 64KiB, 4MiB or 1GiB\n"},
        {"agent: {timeouts: {connect: 5}}", "f:1:29: agent.timeouts.connect: must be a time with "
                                            "its unit: 500ms, 5s, 10m or 1h\n"},
        {"agent: {timeouts: {connect: 1.5s}}", "f:1:29: agent.timeouts.connect: must be a time "
                                               "with its unit: 500ms, 5s, 10m or 1h\n"},
        {"agent: {timeouts: {drain: 2h}}", "f:1:27: agent.timeouts.drain: must be 0 to 1h\n"},
        {"agent: {warm_connections: yes}",
         "f:1:27: agent.warm_connections: must be true or false\n"},
        {"agent: {log: {level: loud}}",
         "f:1:22: agent.log.level: must be debug, info, warn or error\n"},
        {"agent: {region: Europe}", "f:1:17: agent.region: must be lower-case letters, digits and "
                                    "'-': eu, us, ap-southeast\n"},
        {"agent: {region: nowhere}", "f:1:17: agent.region: must be a region: eu, us, "
                                     "ap-southeast\n"},
        {"providers: {a: {dialect: opnai, base_url: 'http://h'}}",
         "f:1:26: providers.a.dialect: must be openai, azure, azure-classic, xai, deepseek, "
         "moonshotai, moonshot, kimi, alibaba, dashscope, qwen, mistral, groq, together, "
         "fireworks, vllm, llamacpp, llama.cpp, llama-cpp, ollama, openrouter, compatible or "
         "generic\n"},
        {"agent: [1]", "f:1:8: agent: must be a mapping, not a list\n"},
        {"agent: 5", "f:1:8: agent: must be a mapping, not a single value\n"},
        {"- agent", "f:1:1: must be a mapping, not a list\n"},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(rows); i++)
        assert_findings(rows[i].yaml, rows[i].want);
}

static void an_unknown_key_is_told_with_the_nearest_one(void **state)
{
    static const struct {
        const char *yaml, *want;
    } rows[] = {
        {"agnet: {}\n", "f:1:1: agnet: unknown key (did you mean \"agent\"?)\n"},
        {"provider: {}\n", "f:1:1: provider: unknown key (did you mean \"providers\"?)\n"},
        {"agent: {limits: {heda: 1KiB}}",
         "f:1:18: agent.limits.heda: unknown key (did you mean \"head\"?)\n"},
        {"agent: {completely_different: 1}", "f:1:9: agent.completely_different: unknown key\n"},
        {"agent: {\"a\\n\\e[1m\": 1}", "f:1:9: agent.a??[1m: unknown key\n"},
        {"agent: {'': 1}", "f:1:9: agent.\"\": unknown key\n"},
        {"agent: {listen: {'*': 1}}", "f:1:18: agent.listen.*: unknown key\n"},
        {"aliases: {a: {models: [openai/gpt-5.1], srot: price}}",
         "f:1:41: aliases.a.srot: unknown key (did you mean \"sort\"?)\n"},
        {"policies: {teams: {t: {maxprice: {}}}}",
         "f:1:24: policies.teams.t.maxprice: unknown key (did you mean \"max_price\"?)\n"},
    };

    (void)state;
    for (size_t i = 0; i < PM_COUNT(rows); i++)
        assert_findings(rows[i].yaml, rows[i].want);
}

static void all_that_is_wrong_is_told_at_once_in_the_order_of_the_file(void **state)
{
    (void)state;
    assert_findings("policies:\n"
                    "  default: {sort: fast}\n"
                    "agent:\n"
                    "  log: {level: info, level: warn}\n"
                    "  retry: {percent: 200}\n"
                    "models:\n"
                    "  acme/a: {endpoints: {nobody: {}}}\n"
                    "nonsense: 1\n",
                    "f:2:19: policies.default.sort: must be price, throughput, latency or exacto\n"
                    "f:4:22: duplicate key \"level\", first in line 4\n"
                    "f:5:20: agent.retry.percent: must be 0 to 100\n"
                    "f:7:24: models.acme/a.endpoints.nobody: unknown provider \"nobody\"\n"
                    "f:8:1: nonsense: unknown key\n");
}

static void settings_that_contradict_each_other_are_told(void **state)
{
    (void)state;
    assert_findings("agent: {spool: {segment: 4MiB, max: 7MiB}}",
                    "f: agent.spool.max must be at least twice agent.spool.segment\n");
    assert_findings("agent: {limits: {body: 2MiB, memory: 1MiB}}",
                    "f: agent.limits.memory must be at least agent.limits.body\n");
    assert_findings("agent: {probes: {port: 8787}}",
                    "f: agent.listen.port and agent.probes.port must differ\n");
    pm_config_free(parse("agent: {listen: {port: 0}, probes: {port: 0}}"));
}

static void a_misplaced_secret_is_never_repeated(void **state)
{
    static const char *const rows[] = {
        "providers: {openai: {key: sk-very-secret}}",
        "providers: {openai: {key: {env: sk-very-secret}}}",
        "providers: {openai: {base_url: 'https://me:sk-very-secret@h/v1'}}",
        "providers: {openai: {headers: {Authorization: Bearer sk-very-secret}}}",
        "keys: {a: {sha256: sk-very-secret}}",
        "keys: {a: {sha256: sk-very-secret, disabled: sk-very-secret}}",
    };
    struct pm_buf text;
    struct pm_config_errors errs = {.text = &text};

    (void)state;
    pm_buf_init(&text, 1 << 16);
    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        pm_buf_reset(&text);
        assert_null(pm_config_parse("f", pm_str(rows[i]), &errs));
        assert_true(text.n > 0);
        assert_false(pm_str_icontains(pm_buf_view(&text), PM_STR("secret")));
    }
    pm_buf_fini(&text);
}

static void a_file_that_cannot_be_read_is_told(void **state)
{
    struct pm_buf text;
    struct pm_config_errors errs = {.text = &text};

    (void)state;
    pm_buf_init(&text, 1 << 16);
    assert_null(pm_config_load("/nonexistent/pointsman.yaml", &errs));
    assert_str(pm_buf_view(&text), "/nonexistent/pointsman.yaml: No such file or directory\n");
    pm_buf_reset(&text);
    assert_null(pm_config_load("/tmp", &errs));
    assert_str(pm_buf_view(&text), "/tmp: Is a directory\n");
    pm_buf_reset(&text);
    assert_null(pm_config_load("/dev/zero", &errs));
    assert_str(pm_buf_view(&text), "/dev/zero: larger than 16 MiB\n");
    assert_int_equal(errs.n, 3);
    assert_null(pm_config_load("/nonexistent", NULL));
    pm_buf_fini(&text);
    pm_config_free(NULL);
}

static void the_example_is_right(void **state)
{
    struct pm_buf text;
    struct pm_config_errors errs = {.text = &text};
    struct pm_config *c;

    (void)state;
    pm_buf_init(&text, 1 << 16);
    c = pm_config_load(PM_TEST_DATA "/../agent/pointsman.example.yaml", &errs);
    if (!c)
        fail_msg("%s", text.p);
    pm_config_free(c);
    pm_buf_fini(&text);
}

/* Each last name of the table stands in the example; what few do not are listed. */
static void the_example_shows_nearly_every_setting(void **state)
{
    static const char *const missing[] = {"sim_hint",
                                          "moderated",
                                          "privacy_url",
                                          "terms_url",
                                          "status_url",
                                          "headquarters",
                                          "none",
                                          "canonical",
                                          "created",
                                          "reasoning",
                                          "distillable",
                                          "tier",
                                          "free",
                                          "cache_write",
                                          "cache_write_1h",
                                          "audio_in",
                                          "audio_out",
                                          "image_in",
                                          "image_out",
                                          "image",
                                          "sticky",
                                          "daily_usd",
                                          "weekly_usd",
                                          "total_usd",
                                          "only",
                                          "allow_fallbacks",
                                          "require_parameters",
                                          "enforce_distillable_text",
                                          "preferred_min_throughput",
                                          "prompt",
                                          "completion"};
    struct pm_arena a;
    struct pm_buf text;
    char line[512];
    FILE *f = fopen(PM_TEST_DATA "/../agent/pointsman.example.yaml", "r");

    (void)state;
    assert_non_null(f);
    pm_arena_init(&a, 4096, 1 << 20);
    pm_buf_init(&text, 1 << 20);
    while (fgets(line, sizeof(line), f))
        pm_buf_cstr(&text, line);
    fclose(f);
    for (size_t i = 0; i < schema_n_rows; i++) {
        const char *dot = strrchr(schema_rows[i].path, '.'), *name = dot ? dot + 1 : "agent";
        struct pm_str want = pm_arena_fmt(&a, "%s:", name);
        bool excused = name[0] == '*' || name[0] == '+';
        for (size_t j = 0; j < PM_COUNT(missing); j++)
            excused |= strcmp(name, missing[j]) == 0;
        if (!excused && !pm_str_icontains(pm_buf_view(&text), want))
            fail_msg("%s is not in the example", schema_rows[i].path);
    }
    pm_buf_fini(&text);
    pm_arena_fini(&a);
}

static void the_reference_page_lists_every_row_with_its_default(void **state)
{
    struct pm_arena a;
    struct pm_buf page;

    (void)state;
    pm_arena_init(&a, 4096, 1 << 20);
    pm_buf_init(&page, 1 << 20);
    assert_true(pm_config_reference(&page));
    for (size_t i = 0; i < schema_n_rows; i++) {
        const struct row *r = &schema_rows[i];
        struct pm_str path = pm_str(r->path);
        if (r->path[0] == '<')
            path = pm_str_cut(path, (size_t)pm_str_find(path, '.') + 1, path.n);
        if (path.p[path.n - 1] == '+')
            path = PM_STR("| all of [preferences](#preferences) |");
        else if (!strchr(r->path, '.'))
            path = pm_arena_fmt(&a, "## %s\n", r->path);
        else
            path = pm_arena_fmt(&a, "| `%.*s` |", PM_FMT(path));
        if (!pm_str_icontains(pm_buf_view(&page), path))
            fail_msg("%.*s is not on the page", PM_FMT(path));
        if (!pm_str_icontains(pm_buf_view(&page), pm_str(r->text)))
            fail_msg("%s has no text on the page", r->path);
        if (r->deflt && !pm_str_icontains(pm_buf_view(&page), pm_arena_fmt(&a, "`%s`", r->deflt)))
            fail_msg("%s has no default on the page", r->path);
    }
    pm_buf_fini(&page);
    pm_arena_fini(&a);
}

/* Rows are data; nothing else would notice one that leads nowhere. */
static void every_row_is_well_formed(void **state)
{
    (void)state;
    for (size_t i = 0; i < schema_n_rows; i++) {
        const struct row *r = &schema_rows[i];
        bool listed = false;
        assert_true(r->text && r->text[0]);
        assert_false(strpbrk(r->text, "|\n"));
        if ((r->kind == ROW_ENTRY || r->kind == ROW_CUSTOM) && !r->hook)
            fail_msg("%s has no hook", r->path);
        if ((r->kind == ROW_WORD || r->kind == ROW_BIT || r->kind == ROW_BITS ||
             r->kind == ROW_BITS64) &&
            !r->words)
            fail_msg("%s has no words", r->path);
        for (size_t j = 0; r->of && j < schema_n_rows; j++) {
            listed |= strncmp(schema_rows[j].path, r->of, strlen(r->of)) == 0;
        }
        if (r->of && !listed)
            fail_msg("%s: there is nothing below %s", r->path, r->of);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_file_gives_every_default),
        cmocka_unit_test(every_agent_setting_is_read),
        cmocka_unit_test(a_wrong_value_is_told_with_its_place_and_what_it_should_be),
        cmocka_unit_test(an_unknown_key_is_told_with_the_nearest_one),
        cmocka_unit_test(all_that_is_wrong_is_told_at_once_in_the_order_of_the_file),
        cmocka_unit_test(settings_that_contradict_each_other_are_told),
        cmocka_unit_test(a_misplaced_secret_is_never_repeated),
        cmocka_unit_test(a_file_that_cannot_be_read_is_told),
        cmocka_unit_test(the_example_is_right),
        cmocka_unit_test(the_example_shows_nearly_every_setting),
        cmocka_unit_test(the_reference_page_lists_every_row_with_its_default),
        cmocka_unit_test(every_row_is_well_formed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
