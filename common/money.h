/* SPDX-License-Identifier: Apache-2.0 */
/* Money is integers. Prices are pico-dollars (1e-12 USD) per token or per unit, which holds every
 * price of the catalogue exactly; a cost is summed in 128 bits and rounded once, half up, to
 * nano-dollars (1e-9 USD). Pure. */
#ifndef PM_MONEY_H
#define PM_MONEY_H

#include "common/buf.h"
#include "common/error.h"

#define PM_PRICE_NONE (-1) /* not priced apart: see pm_price_of_usage for what is used instead */

/* Pico-dollars per token; `request` and `image_unit` per request and per image. */
struct pm_price {
    bool known; /* false: nobody told us; it is never taken as zero */
    int64_t input, output;
    int64_t cache_read, cache_write; /* NONE: as input */
    int64_t cache_write_1h; /* NONE: as cache_write */
    int64_t reasoning; /* NONE: as output */
    int64_t audio_in, audio_out; /* NONE: as input, output */
    int64_t image_in, image_out; /* tokens; NONE: as input, output */
    int64_t request; /* 0: none */
    int64_t image_unit; /* 0: none */
};
#define PM_PRICE_UNKNOWN ((struct pm_price){false, 0, 0, -1, -1, -1, -1, -1, -1, -1, -1, 0, 0})

/* Tokens in one form for all providers: prompt includes cached and written, completion includes
 * reasoning. */
struct pm_usage {
    bool present; /* the provider said it */
    bool estimated; /* or we had to guess it from bytes */
    int64_t prompt, completion;
    int64_t cached, cache_write; /* parts of prompt */
    int64_t cache_write_1h; /* the part of cache_write that is kept for an hour */
    int64_t reasoning;
    int64_t audio_in, audio_out, image_in, image_out;
    int64_t accepted_prediction, rejected_prediction;
    int64_t images; /* images charged by the unit */
    bool has_provider_cost; /* the provider told its own charge (OpenRouter as an upstream) */
    int64_t provider_cost_nano;
};

struct pm_cost {
    int64_t total_nano;
    int64_t prompt_nano, completion_nano; /* sum up to total but for requests and images */
    bool overflow; /* numbers no provider could mean: total is INT64_MAX */
};

/* "0.003625" USD per million tokens → 3625. At most 6 digits after the point that are not 0.
 * False: not a non-negative decimal, too fine, or too large. No exponent. */
bool pm_money_per_mtok(struct pm_str s, int64_t *pico);
/* "0.00000125" USD per token (OpenRouter's form, an exponent is allowed) → 1250000. */
bool pm_money_per_token(struct pm_str s, int64_t *pico);
/* "12.50" USD → nano-dollars. */
bool pm_money_usd(struct pm_str s, int64_t *nano);
/* Back to OpenRouter's string: 1250000 → "0.00000125". No trailing zeros. */
bool pm_money_print_per_token(struct pm_buf *b, int64_t pico);
bool pm_money_print_per_mtok(struct pm_buf *b, int64_t pico);

/* What this usage costs at this price: zero if the price is not known (ask price->known). A charge
 * that the provider told itself is taken as it is. Parts that exceed their whole are cut to it. */
struct pm_cost pm_price_of_usage(const struct pm_price *price, const struct pm_usage *u);
/* The most a call can cost: all of prompt at the dearest input rate, all of completion at the
 * dearest output rate, but no images charged by the unit. -1: the price is not known. */
int64_t pm_price_bound(const struct pm_price *price, int64_t prompt, int64_t completion);

#endif
