/* SPDX-License-Identifier: Apache-2.0 */
/* Which models a query asks for, and in which order. Pure. */
#ifndef AGENT_API_FILTER_H
#define AGENT_API_FILTER_H

#include "agent/api/listing.h"

enum filter_sort {
    SORT_AS_IS,
    SORT_NEWEST,
    SORT_CHEAPEST,
    SORT_DEAREST,
    SORT_LARGEST_CONTEXT,
    SORT_FASTEST, /* by throughput */
    SORT_SOONEST, /* by latency */
};

struct filter {
    uint64_t params; /* PM_PBIT: all of them */
    uint32_t in, out; /* PM_MOD_*: all of `in`, any of `out`; 0: whatever it takes or gives */
    struct pm_str text; /* in id or name; empty: any */
    struct pm_str providers, authors; /* comma lists; empty: any */
    struct pm_str region; /* empty: any */
    bool zdr, distillable;
    int64_t min_input, max_input, min_output, max_output; /* pico-dollars; PM_PRICE_NONE: any */
    int64_t context; /* at least */
    enum filter_sort sort;
    bool paged;
    size_t offset, limit;
    struct pm_buf decoded; /* what the texts above point into */
};
/* filter_fini also after a failure. */
bool filter_read(struct pm_str query, struct filter *f, struct pm_error *err);
void filter_fini(struct filter *f);

/* A model with what its endpoints are to this caller. */
struct listed {
    const struct pm_model *model;
    const struct pm_endpoint *top; /* the cheapest of known price, else the first */
    uint64_t params; /* of all of them together */
    double throughput, latency; /* best median; 0: unknown. Only where the order needs it */
};
/* The models that match, sorted; the caller frees the array. */
struct listed *filter_models(const struct listing *l, const struct filter *f, size_t *n);
/* False: none of its endpoints is for this caller. f NULL: whatever they are. */
bool filter_summary(const struct listing *l, const struct filter *f, const struct pm_model *m,
                    struct listed *out);
bool filter_shows(const struct listing *l, const struct pm_endpoint *e);

#endif
