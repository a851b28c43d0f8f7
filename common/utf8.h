/* SPDX-License-Identifier: Apache-2.0 */
/* Making foreign text safe for those who require UTF-8 and a bound. Pure, any thread. */
#ifndef PM_UTF8_H
#define PM_UTF8_H

#include "common/base.h"

/* The length of s when it is cut to at most `max` bytes (4 or more) between two characters. */
size_t pm_utf8_bounded(struct pm_str s, size_t max);
/* Replaces in place every byte that is not part of a well-formed character, and NUL, by '?'. */
void pm_utf8_clean(char *p, size_t n);

#endif
