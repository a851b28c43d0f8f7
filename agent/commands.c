/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/commands.h"

#include <getopt.h>

#include "agent/front/front.h"
#include "agent/secrets.h"

#define EXIT_USAGE 2
#define MAX_INPUT (256u << 20)

static const char usage[] =
    "Usage: pointsman-agent --config FILE [--port-file FILE]\n"
    "       pointsman-agent --config FILE --check\n"
    "       pointsman-agent explain --config FILE --request FILE [--operation NAME] [--seed N]\n"
    "                               [--output table|json]\n"
    "       pointsman-agent import-openrouter FILE\n"
    "       pointsman-agent config-reference\n"
    "\n"
    "The sidecar: serves the OpenAI API on loopback and routes each call to a provider.\n"
    "\n"
    "  -c, --config FILE     YAML configuration; SIGHUP reads it again\n"
    "      --check           check the configuration, print its errors with their lines, end\n"
    "      --port-file FILE  write the API's port there once it listens (for port 0)\n"
    "  -h, --help            this text\n"
    "      --version         the version\n"
    "\n"
    "Commands:\n"
    "  explain            why each endpoint would be tried first, later or never for a request;\n"
    "                     nothing is sent. FILE holds the JSON body; \"-\" reads standard input.\n"
    "                     --operation is chat (default), completions or embeddings; --seed picks\n"
    "                     the draw of the balance (default 0)\n"
    "  import-openrouter  OpenRouter's GET /models JSON to `models:` YAML on standard output\n"
    "  config-reference   every setting with type, default and meaning, as Markdown\n"
    "\n"
    "Ports (configurable): API 127.0.0.1:8787, probes and metrics 127.0.0.1:8788.\n"
    "Stops on SIGTERM or SIGINT after running calls have ended (agent.timeouts.drain at most);\n"
    "a second signal cuts them. Exit codes: 0 done, 1 failed, 2 wrong usage.\n";

static int wrong(const char *what)
{
    fprintf(stderr, "pointsman-agent: %s\nTry 'pointsman-agent --help'.\n", what);
    return EXIT_USAGE;
}

struct pm_config *commands_load(const char *path)
{
    struct pm_buf text;
    struct pm_config_errors errors = {.text = &text};
    struct pm_config *c;

    pm_buf_init(&text, 1 << 20);
    c = pm_config_load(path, &errors);
    if (text.n)
        fwrite(text.p, 1, text.n, stderr);
    if (!c)
        fprintf(stderr, "%s: %zu error%s\n", path, errors.n, errors.n == 1 ? "" : "s");
    pm_buf_fini(&text);
    return c;
}

static bool read_input(const char *path, struct pm_buf *out)
{
    char block[8192];
    size_t n;
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    bool ok = f != NULL;

    while (ok && (n = fread(block, 1, sizeof(block), f)) > 0)
        ok = pm_buf_add(out, block, n);
    ok = ok && !ferror(f);
    if (!ok)
        fprintf(stderr, "pointsman-agent: cannot read %s: %m\n", path);
    if (f && f != stdin)
        fclose(f);
    return ok;
}

static int check(const char *path)
{
    struct pm_config *c = commands_load(path);

    if (!c)
        return EXIT_FAILURE;
    printf("%s: ok (%zu models, %zu endpoints, %zu providers)\n", path, c->table->n_models,
           c->table->n_endpoints, c->table->n_providers);
    pm_config_free(c);
    return EXIT_SUCCESS;
}

static int print_reference(void)
{
    struct pm_buf out;
    int rc;

    pm_buf_init(&out, 1 << 20);
    rc = pm_config_reference(&out) && fwrite(out.p, 1, out.n, stdout) == out.n ? EXIT_SUCCESS
                                                                               : EXIT_FAILURE;
    pm_buf_fini(&out);
    return rc;
}

static int import(const char *path)
{
    struct pm_buf in, yaml, skipped;
    struct pm_error err = {0};
    int rc = EXIT_FAILURE;

    pm_buf_init(&in, MAX_INPUT);
    pm_buf_init(&yaml, MAX_INPUT);
    pm_buf_init(&skipped, MAX_INPUT);
    if (!read_input(path, &in))
        goto done;
    if (!pm_import_openrouter(pm_buf_view(&in), &yaml, &skipped, &err)) {
        fprintf(stderr, "%s: %s\n", path, err.text);
        goto done;
    }
    fwrite(yaml.p, 1, yaml.n, stdout);
    if (skipped.n)
        fwrite(skipped.p, 1, skipped.n, stderr);
    rc = EXIT_SUCCESS;
done:
    pm_buf_fini(&in);
    pm_buf_fini(&yaml);
    pm_buf_fini(&skipped);
    return rc;
}

struct explain_options {
    const char *config, *request;
    enum pm_operation op;
    uint64_t seed;
    bool json;
};

static int explain(const struct explain_options *o)
{
    const struct front_headers none = {0};
    struct pm_config *config = commands_load(o->config);
    struct secrets *secrets = NULL;
    struct front_request req;
    struct pm_decision d;
    struct pm_route_input in = {0};
    struct pm_error err = {0};
    struct pm_arena arena;
    struct pm_buf body, out;
    int rc = EXIT_FAILURE;

    pm_arena_init(&arena, 16 << 10, MAX_INPUT);
    pm_buf_init(&body, MAX_INPUT);
    pm_buf_init(&out, MAX_INPUT);
    if (!config || !read_input(o->request, &body))
        goto done;
    if (!front_read(o->op, pm_buf_view(&body), &none, &arena, &req, &err)) {
        fprintf(stderr, "%s: %s\n", o->request, err.text);
        goto done;
    }
    secrets = secrets_load(config->table);
    in = (struct pm_route_input){.call = &req.call,
                                 .table = config->table,
                                 .cred_present = secrets_present(secrets),
                                 .protocols = codec_protocols(),
                                 .seed = o->seed};
    pm_route(&in, &arena, &d);
    if (!(o->json ? pm_explain_json(&d, &in, &out) : pm_explain_text(&d, &in, &out)))
        goto done;
    fwrite(out.p, 1, out.n, stdout);
    rc = d.failed == PM_ROUTED ? EXIT_SUCCESS : EXIT_FAILURE;
done:
    secrets_free(secrets);
    pm_config_free(config);
    pm_arena_fini(&arena);
    pm_buf_fini(&body);
    pm_buf_fini(&out);
    return rc;
}

static bool operation_from(const char *name, enum pm_operation *op)
{
    static const struct {
        const char *name;
        enum pm_operation op;
    } rows[] = {
        {"chat", PM_OP_CHAT}, {"completions", PM_OP_COMPLETION}, {"embeddings", PM_OP_EMBEDDING}};

    for (size_t i = 0; i < PM_COUNT(rows); i++) {
        if (strcmp(rows[i].name, name) == 0) {
            *op = rows[i].op;
            return true;
        }
    }
    return false;
}

static int parse_explain(int argc, char **argv)
{
    static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
                                          {"request", required_argument, NULL, 'r'},
                                          {"operation", required_argument, NULL, 'p'},
                                          {"seed", required_argument, NULL, 's'},
                                          {"output", required_argument, NULL, 'o'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    struct explain_options o = {.op = PM_OP_CHAT};
    int c;

    while ((c = getopt_long(argc, argv, "c:r:o:h", longs, NULL)) != -1) {
        switch (c) {
        case 'c':
            o.config = optarg;
            break;
        case 'r':
            o.request = optarg;
            break;
        case 'p':
            if (!operation_from(optarg, &o.op))
                return wrong("--operation is chat, completions or embeddings");
            break;
        case 's':
            if (!pm_str_u64(pm_str(optarg), &o.seed))
                return wrong("--seed takes a number");
            break;
        case 'o':
            o.json = strcmp(optarg, "json") == 0;
            if (!o.json && strcmp(optarg, "table") != 0)
                return wrong("--output is table or json");
            break;
        case 'h':
            fputs(usage, stdout);
            return EXIT_SUCCESS;
        default:
            return wrong("see the usage of explain");
        }
    }
    if (!o.config || !o.request || optind < argc)
        return wrong("explain needs --config FILE and --request FILE");
    return explain(&o);
}

int commands_parse(int argc, char **argv, struct options *o)
{
    enum { OPT_CHECK = 256, OPT_PORT_FILE, OPT_VERSION };
    static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
                                          {"check", no_argument, NULL, OPT_CHECK},
                                          {"port-file", required_argument, NULL, OPT_PORT_FILE},
                                          {"help", no_argument, NULL, 'h'},
                                          {"version", no_argument, NULL, OPT_VERSION},
                                          {0}};
    bool only_check = false;
    int c;

    if (argc > 1 && strcmp(argv[1], "explain") == 0)
        return parse_explain(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "import-openrouter") == 0)
        return argc == 3 ? import(argv[2]) : wrong("import-openrouter takes one FILE");
    if (argc > 1 && strcmp(argv[1], "config-reference") == 0)
        return argc == 2 ? print_reference() : wrong("config-reference takes nothing");
    while ((c = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
        switch (c) {
        case 'c':
            o->config = optarg;
            break;
        case OPT_CHECK:
            only_check = true;
            break;
        case OPT_PORT_FILE:
            o->port_file = optarg;
            break;
        case 'h':
            fputs(usage, stdout);
            return EXIT_SUCCESS;
        case OPT_VERSION:
            puts("pointsman-agent " PM_VERSION);
            return EXIT_SUCCESS;
        default:
            fputs("Try 'pointsman-agent --help'.\n", stderr);
            return EXIT_USAGE;
        }
    }
    if (optind < argc)
        return wrong("there is no such command");
    if (!o->config)
        return wrong("--config FILE is missing");
    return only_check ? check(o->config) : -1;
}
