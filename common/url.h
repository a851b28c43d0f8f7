/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the path and the query of a request target. Pure, any thread. */
#ifndef PM_URL_H
#define PM_URL_H

#include "common/buf.h"

/* The next pair of a query such as "a=1&b&c=%20", still encoded; *query is moved past it.
 * Empty pairs are skipped, a name without '=' has an empty value. False at the end. */
bool pm_url_param(struct pm_str *query, struct pm_str *name, struct pm_str *value);

/* Appends s with its %XX resolved; `form`: a '+' is a space, as in queries. False if a '%' has not
 * two hexadecimal digits after it, if what comes out has a NUL in it, or if out is full; out then
 * holds what it held. */
bool pm_url_decode(struct pm_str s, bool form, struct pm_buf *out);

/* Appends s with all but letters, digits and "-._~" as %XX. */
bool pm_url_encode(struct pm_str s, struct pm_buf *out);

#endif
