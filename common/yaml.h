/* SPDX-License-Identifier: Apache-2.0 */
/* The part of YAML that a configuration needs, as a small tree: mappings with text keys in their
 * order, sequences, and scalars that all stay text. Every node knows its place.
 * One document. Refused: anchors and aliases (so nothing can multiply), tags, keys that are not
 * scalars, duplicate keys, too deep nesting. The tree lives in the arena given, whose cap bounds
 * it. Pure. */
#ifndef PM_YAML_H
#define PM_YAML_H

#include "common/diag.h"

#define PM_YAML_MAX_DEPTH 32

enum pm_yaml_type { PM_YAML_NULL, PM_YAML_TEXT, PM_YAML_SEQ, PM_YAML_MAP };

struct pm_yaml {
    enum pm_yaml_type type; /* NULL: an unquoted ~, null or nothing at all */
    struct pm_place at;
    struct pm_str text; /* TEXT; also a NULL as it was written */
    bool quoted; /* TEXT in quotes or as a block: never a number, bool or null */
    struct pm_yaml *first, *last; /* SEQ, MAP: members in order */
    size_t n;
    struct pm_yaml *next; /* the one after this in its parent */
    struct pm_str key; /* member of a MAP: its name */
    struct pm_place key_at;
};

/* The root of the document, a NULL node at 1:1 if it is empty. NULL if the text is not YAML or
 * was refused; then d has at least one finding. Duplicate keys are findings, but the tree goes on
 * with the first, so that the rest of the file is checked too. */
struct pm_yaml *pm_yaml_parse(struct pm_str text, struct pm_arena *a, struct pm_diags *d);
/* The member of that name; NULL if absent or m is no MAP. */
const struct pm_yaml *pm_yaml_get(const struct pm_yaml *m, const char *key);
const char *pm_yaml_type_name(enum pm_yaml_type t); /* "a mapping" */

#endif
