/* SPDX-License-Identifier: Apache-2.0 */
/* Inside common/config only. The configuration as one table of rows: each names a path, how its
 * text is read, where the value goes, its default, its range and one sentence for people. Reading,
 * checking, defaults and the reference page all walk this table.
 *
 * A path has its parts separated by '.'; '*' is any name. An entry under '*' is made by the row's
 * hook (a provider, a model, ...), which reads the members with schema_read. Rows below a path
 * that begins with '<' are shared: an INCLUDE row, or the hook of a row, reads them. */
#ifndef COMMON_CONFIG_SCHEMA_H
#define COMMON_CONFIG_SCHEMA_H

#include "common/config/config.h"
#include "common/route/build.h"
#include "common/yaml.h"

enum row_kind {
    ROW_OBJECT, /* fixed members: the rows below it, in the same object */
    ROW_INCLUDE, /* the members of path `of` in the object at `at`; name "+": at this level */
    ROW_NAMED, /* a mapping of names; the row below it, '*', is an ENTRY */
    ROW_ENTRY, /* hook(l, row, the object of the NAMED, node) */
    ROW_CUSTOM, /* hook(l, row, object, node) */
    ROW_BOOL, /* with `words`: the second one is true */
    ROW_NOT, /* stored as its opposite */
    ROW_PORT, /* uint16_t */
    ROW_U32,
    ROW_COUNT, /* int64_t */
    ROW_TIME, /* uint32_t, milliseconds */
    ROW_SIZE, /* uint64_t, bytes */
    ROW_DATE, /* int64_t, unix milliseconds */
    ROW_TEXT, /* struct pm_str; with `words`: one of them */
    ROW_WORD, /* one of `words`, stored as its number, uint32_t */
    ROW_BIT, /* one of `words`, stored as 1 << number, uint32_t */
    ROW_BITS, /* a list of `words`, uint32_t */
    ROW_BITS64,
    ROW_TEXTS, /* struct pm_str * at `at`, size_t at `n_at`; then the hook, if any, on it */
    ROW_USD_MTOK, /* USD per million tokens; int64_t pico-dollars per token */
    ROW_USD_UNIT, /* USD; int64_t pico-dollars */
    ROW_USD, /* int64_t nano-dollars */
};

struct load;
struct row;
typedef bool row_hook(struct load *l, const struct row *row, void *obj, const struct pm_yaml *node);
typedef const char *row_words(unsigned i); /* the i-th; "" past the end */
typedef const char *row_check(struct pm_str s); /* NULL, or what is wrong: "must be ..." */

struct row {
    const char *path;
    enum row_kind kind;
    uint16_t at, n_at; /* where in the object of its section */
    const char *deflt; /* as one would write it; lists separated by blanks; NULL: none */
    uint64_t min, max; /* of numbers, times and sizes; max 0: any */
    row_words *words;
    row_check *check; /* of TEXT and every one of TEXTS */
    row_hook *hook;
    const char *of; /* the shared path of its members */
    const char *form; /* of CUSTOM without `of`: what stands there, for the reference */
    const char *text;
};

extern const struct row schema_rows[];
extern const size_t schema_n_rows;

#define LOAD_MAX_PATH 16
struct load {
    struct pm_diags diags;
    struct pm_arena *scratch; /* the tree and the findings */
    struct pm_arena *keep; /* for text that the result holds */
    struct pm_table_build *build;
    struct pm_map key_by_hash; /* client keys, to find those given twice */
    struct pm_map sections; /* path → struct section: the rows right below it */
    struct pm_str path[LOAD_MAX_PATH]; /* of the member being read, for messages */
    size_t depth;
};

/* Ready to read into keep (which may change) with scratch for everything else. */
void load_init(struct load *l, struct pm_arena *scratch, struct pm_arena *keep);
void load_fini(struct load *l); /* not the arenas, not the build */
/* A finding about the member being read. Always false. */
bool load_fail(struct load *l, struct pm_place at, const char *fmt, ...) PM_PRINTF(3, 4);
void load_push(struct load *l, struct pm_str name);
void load_pop(struct load *l);
/* True if node is a mapping, or nothing, which is an empty one; else a finding. */
bool load_is_map(struct load *l, const struct pm_yaml *node);

/* Reads the members of node into obj by the rows below path. False if there was any finding. */
bool schema_read(struct load *l, const char *path, void *obj, const struct pm_yaml *node);
/* The same for one member. */
bool schema_read_member(struct load *l, const char *path, void *obj, const struct pm_yaml *member);
/* Writes the defaults of the rows below path into obj. */
void schema_defaults(struct load *l, const char *path, void *obj);
/* Reads the text of one scalar into the member of obj that row means. False: nothing was written,
 * and `wrong` (if it is not NULL) says what it should be: "must be ...". */
bool value_read(struct pm_arena *keep, const struct row *row, void *obj, struct pm_str text,
                struct pm_buf *wrong);
/* What a single value may be, for people: "a number", "allow or deny". */
void value_describe(const struct row *row, struct pm_buf *out);
void value_range(const struct row *row, struct pm_buf *out); /* "1s to 1h"; of rows with a max */
bool value_date(struct pm_str s, int64_t *unix_ms);
bool value_double(struct pm_str s, double *out); /* a plain decimal, not negative */
bool value_word(row_words *words, struct pm_str s, unsigned *out);
void value_words(row_words *words, const char *last, struct pm_buf *out); /* "a, b or c" */

/* Finds the name nearest to a wrong one; feed it all that there are. */
struct nearest {
    struct pm_str want, best;
    size_t distance;
};
struct nearest nearest_to(struct pm_str want);
void nearest_try(struct nearest *n, struct pm_str name);
/* " (did you mean \"x\"?)" in buf, or "". Returns buf. */
const char *nearest_hint(const struct nearest *n, char *buf, size_t size);

#endif
