/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of the configuration: text in, a config or the findings out. */
#ifndef PM_TESTS_PARSE_H
#define PM_TESTS_PARSE_H

#include "tests/check.h"

#include "common/config/config.h"

/* A configuration that must be right; free it. */
static inline struct pm_config *parse(const char *yaml)
{
    struct pm_buf text;
    struct pm_config_errors errs = {.text = &text};
    struct pm_config *c;

    pm_buf_init(&text, 1 << 20);
    c = pm_config_parse("f", pm_str(yaml), &errs);
    if (!c)
        fail_msg("%s", text.p);
    pm_buf_fini(&text);
    return c;
}

/* The findings of one that must be wrong, in full. */
static inline void assert_findings(const char *yaml, const char *want)
{
    struct pm_buf text;
    struct pm_config_errors errs = {.text = &text};
    struct pm_config *c;
    size_t lines = 0;

    pm_buf_init(&text, 1 << 20);
    c = pm_config_parse("f", pm_str(yaml), &errs);
    if (c)
        fail_msg("nothing found, wanted:\n%s", want);
    assert_str(pm_buf_view(&text), want);
    for (size_t i = 0; i < text.n; i++)
        lines += text.p[i] == '\n';
    assert_int_equal(errs.n, lines);
    pm_buf_fini(&text);
}

static inline const struct pm_provider *provider_of(const struct pm_config *c, const char *slug)
{
    const struct pm_provider *p = pm_map_get(&c->table->provider_by_slug, pm_str(slug));

    assert_non_null(p);
    return p;
}

static inline const struct pm_model *model_of(const struct pm_config *c, const char *id)
{
    const struct pm_model *m = pm_table_model(c->table, pm_str(id));

    if (!m)
        fail_msg("no model %s", id);
    return m;
}

/* NULL if the model has none of that tag. */
static inline const struct pm_endpoint *endpoint_of(const struct pm_model *m, const char *tag)
{
    for (size_t i = 0; i < m->n_endpoints; i++) {
        if (pm_str_is(m->endpoints[i]->tag, tag))
            return m->endpoints[i];
    }
    return NULL;
}

#endif
