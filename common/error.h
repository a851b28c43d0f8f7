/* SPDX-License-Identifier: Apache-2.0 */
/* How a function says that it failed: it returns false and fills one of these.
 * The code says what the caller can do about it; the text is for people and never holds a secret.
 */
#ifndef PM_ERROR_H
#define PM_ERROR_H

#include "common/base.h"

enum pm_errc {
    PM_OK = 0,
    PM_EINVAL, /* the input is wrong: answer 400, never retry */
    PM_ELIMIT, /* a configured cap was hit: 413, 429, 431 or 503 */
    PM_EUPSTREAM, /* a provider failed: the next candidate may work */
    PM_ETIMEOUT, /* a deadline passed */
    PM_EINTERNAL, /* our own fault or the machine's: 500, count it */
};

struct pm_error {
    enum pm_errc code;
    char text[240];
};

void pm_error_set(struct pm_error *err, enum pm_errc code, const char *fmt, ...) PM_PRINTF(3, 4);

/* Fills *err (NULL is fine) and is false, so that `return pm_fail(err, ...)` reads well. A macro,
 * so that whoever analyses one file alone knows that it is false. */
#define pm_fail(err, ...)                                                                          \
    ({                                                                                             \
        pm_error_set((err), __VA_ARGS__);                                                          \
        false;                                                                                     \
    })

#endif
