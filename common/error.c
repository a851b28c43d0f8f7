/* SPDX-License-Identifier: Apache-2.0 */
#include "common/error.h"

#include <stdarg.h>
#include <stdio.h>

bool pm_fail(struct pm_error *err, enum pm_errc code, const char *fmt, ...)
{
    va_list ap;

    if (!err)
        return false;
    err->code = code;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, ap);
    va_end(ap);
    return false;
}
