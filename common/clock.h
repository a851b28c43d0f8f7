/* SPDX-License-Identifier: Apache-2.0 */
/* Time, and what is random. Any thread. Pure code takes a `now` argument instead. */
#ifndef PM_CLOCK_H
#define PM_CLOCK_H

#include "common/base.h"

uint64_t pm_now_ns(void); /* monotonic */
uint64_t pm_now_ms(void); /* monotonic */
int64_t pm_unix_ms(void); /* wall clock */
void pm_random(void *p, size_t n); /* from the kernel; aborts if it has none */

uint64_t pm_random_u64(void); /* the same, cheap: from a pool of the thread */

#define PM_GENERATION_ID_LEN 35 /* "gen-" + 10 digits + "-" + 20 letters or digits */
/* OpenRouter's form: gen-<unix seconds>-<20 of A-Za-z0-9>. Writes a NUL after it. */
void pm_generation_id(char out[static PM_GENERATION_ID_LEN + 1], int64_t unix_ms);

#endif
