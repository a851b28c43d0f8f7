/* SPDX-License-Identifier: Apache-2.0 */
/* A small world for tests of routing: build endpoints, route a call, look at the order. */
#ifndef PM_TESTS_ROUTE_FIXTURE_H
#define PM_TESTS_ROUTE_FIXTURE_H

#include "tests/check.h"

#include <stdlib.h>

#include "common/route/build.h"
#include "common/route/route.h"

#define WORLD_ROWS 64

struct world {
    struct pm_table_build *build;
    struct pm_policy *policy; /* the default one */
    struct pm_table *table; /* once routed */
    struct pm_arena arena;
    struct pm_call call;
    struct pm_route_input in;
    struct pm_decision d;
    struct pm_health health[WORLD_ROWS];
    struct pm_cred_health creds[WORLD_ROWS];
    bool present[WORLD_ROWS];
    struct pm_buf text; /* what order() and the like give */
};

static inline struct world *world_new(void)
{
    struct world *w = pm_xcalloc(1, sizeof(*w));

    w->build = pm_table_build_new();
    w->policy = pm_table_add_policy(w->build, PM_STR("default"));
    w->policy->unknown_price = PM_UNKNOWN_FLAG;
    pm_arena_init(&w->arena, 1 << 16, 1 << 26);
    pm_buf_init(&w->text, 1 << 20);
    w->call = (struct pm_call){.models = {PM_STR_INIT("acme/one")},
                               .n_models = 1,
                               .preset = PM_NSTR,
                               .prefs = PM_PREFS_NONE,
                               .in_modalities = PM_MOD_TEXT,
                               .out_modalities = PM_MOD_TEXT};
    for (size_t i = 0; i < WORLD_ROWS; i++)
        w->present[i] = true;
    w->in = (struct pm_route_input){.call = &w->call,
                                    .health = w->health,
                                    .creds = w->creds,
                                    .cred_present = w->present,
                                    .protocols = 1U << PM_PROTO_OPENAI};
    return w;
}

static inline void world_free(struct world *w)
{
    if (w->build)
        pm_table_build_free(w->build);
    pm_table_unref(w->table);
    pm_arena_fini(&w->arena);
    pm_buf_fini(&w->text);
    free(w);
}

/* The provider that serves tag; it needs no key unless the test adds some. */
static inline struct pm_provider *world_provider(struct world *w, const char *tag)
{
    struct pm_str slug = pm_str_n(tag, strcspn(tag, "/"));
    struct pm_provider *p = pm_table_find_provider(w->build, slug);

    if (!p) {
        p = pm_table_add_provider(w->build, slug);
        pm_table_add_credential(w->build, p, slug);
    }
    return p;
}

/* usd: of a million tokens, prompt and completion alike. */
static inline struct pm_endpoint *world_add(struct world *w, const char *model, const char *tag,
                                            double usd)
{
    struct pm_model *m = pm_table_add_model(w->build, pm_str(model));
    struct pm_endpoint *e = pm_table_add_endpoint(w->build, m, world_provider(w, tag), pm_str(tag));

    e->price = PM_PRICE_UNKNOWN;
    e->price.known = true;
    e->price.input = e->price.output = (int64_t)(usd * 1e6);
    e->params = ~0ULL;
    return e;
}

static inline void world_finish(struct world *w)
{
    if (w->build) {
        w->table = pm_table_finish(w->build);
        w->build = NULL;
        w->in.table = w->table;
        assert_true(w->table->n_endpoints <= WORLD_ROWS);
        assert_true(w->table->n_credentials <= WORLD_ROWS);
    }
}

static inline void world_route(struct world *w)
{
    world_finish(w);
    pm_route(&w->in, &w->arena, &w->d);
}

/* The tags of the attempts in their order, with a space between. */
static inline struct pm_str world_order(struct world *w)
{
    world_route(w);
    pm_buf_reset(&w->text);
    for (size_t i = 0; i < w->d.n_attempts; i++) {
        pm_buf_cstr(&w->text, i ? " " : "");
        pm_buf_str(&w->text, w->d.attempts[i].endpoint->tag);
    }
    return pm_buf_view(&w->text);
}

static inline const struct pm_note *world_note(struct world *w, const char *tag)
{
    for (size_t i = 0; i < w->d.n_notes; i++) {
        if (pm_str_is(w->d.notes[i].endpoint->tag, tag))
            return &w->d.notes[i];
    }
    fail_msg("%s has no note", tag);
    return NULL;
}

static inline struct pm_health *world_health(struct world *w, const struct pm_endpoint *e)
{
    world_finish(w);
    return &w->health[e->index];
}

#define assert_reason(w, tag, why)                                                                 \
    assert_string_equal(pm_reason_name(world_note((w), (tag))->reason), pm_reason_name(why))

/* Sets a list of slugs and its length. */
#define SET_SLUGS(prefs, name, ...)                                                                \
    do {                                                                                           \
        static struct pm_str slugs_[] = {__VA_ARGS__};                                             \
        (prefs)->name = slugs_;                                                                    \
        (prefs)->n_##name = PM_COUNT(slugs_);                                                      \
    } while (0)
#define S(lit) PM_STR_INIT(lit)

#endif
