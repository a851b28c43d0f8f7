/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue that is shipped with the program: providers, models and endpoints as tables of
 * text beside this file, embedded at build time. Their first lines say what the columns are. */
#ifndef PM_CATALOGUE_H
#define PM_CATALOGUE_H

#include "common/error.h"
#include "common/route/build.h"

struct pm_catalogue_text {
    struct pm_str providers, models, endpoints;
};

/* Adds the shipped tables. Their text is part of the program and is not copied. It fails only if
 * the program was built from tables that do not hold together. */
bool pm_catalogue_add(struct pm_table_build *b, struct pm_error *err);

/* The same from any text, which must live as long as the table. PM_EINVAL names file and line. */
bool pm_catalogue_read(struct pm_table_build *b, const struct pm_catalogue_text *text,
                       struct pm_error *err);

#endif
