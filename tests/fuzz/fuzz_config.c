/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration and the importer: any bytes give a table or findings, never both. */
#include "common/config/config.h"
#include "tests/fuzz/must.h"

static void read_config(struct pm_str text)
{
    struct pm_buf findings;
    struct pm_config_errors errs = {.text = &findings};
    struct pm_config *c;

    pm_buf_init(&findings, 1 << 20);
    c = pm_config_parse("fuzz", text, &errs);
    must((c == NULL) == (errs.n > 0));
    must((c == NULL) == (findings.n > 0));
    for (size_t i = 0; c && i < c->table->n_endpoints; i++) {
        must(c->table->endpoints[i]->index == i);
        must(c->table->endpoints[i]->upstream_model.n > 0);
    }
    pm_config_free(c);
    pm_buf_fini(&findings);
}

/* What is imported must be readable, whatever the list said. */
static void import(struct pm_str json)
{
    struct pm_buf yaml, skipped, findings;
    struct pm_config_errors errs = {.text = &findings};
    struct pm_config *c;

    pm_buf_init(&yaml, 1 << 20);
    pm_buf_init(&skipped, 1 << 20);
    pm_buf_init(&findings, 1 << 20);
    if (pm_import_openrouter(json, &yaml, &skipped, NULL)) {
        c = pm_config_parse("imported", pm_buf_view(&yaml), &errs);
        must(c != NULL);
        pm_config_free(c);
    }
    pm_buf_fini(&yaml);
    pm_buf_fini(&skipped);
    pm_buf_fini(&findings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pm_str text = pm_str_n((const char *)data, size);

    if (size > 0 && data[0] == '{')
        import(text);
    read_config(text);
    return 0;
}
