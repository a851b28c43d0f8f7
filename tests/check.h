/* SPDX-License-Identifier: Apache-2.0 */
/* What every unit test includes. cmocka.h needs the four before it, in this order. */
#ifndef PM_TESTS_CHECK_H
#define PM_TESTS_CHECK_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "common/base.h"

#define assert_str(got, want)                                                                      \
    do {                                                                                           \
        struct pm_str got_ = (got), want_ = pm_str(want);                                          \
        if (!pm_str_eq(got_, want_))                                                               \
            fail_msg("got  \"%.*s\"\nwant \"%.*s\"", PM_FMT(got_), PM_FMT(want_));                 \
    } while (0)

#endif
