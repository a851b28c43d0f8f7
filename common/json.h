/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as bytes: validate once, then walk without building a tree, and splice instead of printing.
 * A body that passes through is never parsed and printed again, because that changes digits,
 * NUL escapes and unpaired surrogates. Pure: no I/O, any thread. All results borrow the text.
 *
 * Strict RFC 8259: one value, nothing after it but white space, no BOM, UTF-8 checked (no overlong
 * forms, no raw surrogates), \u escapes checked for form only (an unpaired one is legal JSON). */
#ifndef PM_JSON_H
#define PM_JSON_H

#include "common/buf.h"
#include "common/error.h"

enum pm_jtype { PM_JNONE = 0, PM_JNULL, PM_JFALSE, PM_JTRUE, PM_JNUM, PM_JSTR, PM_JOBJ, PM_JARR };

/* A value inside validated text. raw holds all its bytes: a string's with its quotes. */
struct pm_jval {
    enum pm_jtype type;
    struct pm_str raw;
};

#define PM_JSON_MAX_DEPTH 1024

struct pm_jlimits {
    unsigned depth; /* most nested arrays and objects; above PM_JSON_MAX_DEPTH counts as that */
    size_t members; /* most members of any one object */
};
#define PM_JLIMITS_DEFAULT ((struct pm_jlimits){.depth = 128, .members = 4096})

/* Checks the whole text. On success *root is its value. One pass, no allocation.
 * PM_EINVAL with the byte offset in the text, or PM_ELIMIT. */
bool pm_json_check(struct pm_str text, struct pm_jlimits limits, struct pm_jval *root,
                   struct pm_error *err);

/* The same at the default limits and without a reason, for stream chunks. */
bool pm_json_ok(struct pm_str text, struct pm_jval *root);

/* Walks are for values of validated text only: a value is skipped, not checked again.
 * A walk of members is for objects, one of items for arrays. */
struct pm_jiter {
    const char *p, *end;
};
struct pm_jiter pm_json_iter(struct pm_jval v); /* of an object or array; else an empty walk */
/* key is the string body between the quotes, still escaped. */
bool pm_json_member(struct pm_jiter *it, struct pm_str *key, struct pm_jval *val);
bool pm_json_item(struct pm_jiter *it, struct pm_jval *val);
/* The same walks in halves, for large texts: a value may be entered before its end was looked for,
 * which saves finding the end of everything around it first. The names and values are those of the
 * innermost walk; after its end, leave. */
bool pm_json_name(struct pm_jiter *it, struct pm_str *key); /* to a member's value; false: end */
bool pm_json_more(struct pm_jiter *it); /* to an array's next item; false: end */
enum pm_jtype pm_json_type(const struct pm_jiter *it); /* of the value it is at */
struct pm_jval pm_json_take(struct pm_jiter *it); /* the value it is at, skipped */
struct pm_jiter pm_json_enter(const struct pm_jiter *it); /* the object or array it is at */
struct pm_jval pm_json_leave(struct pm_jiter *it, const struct pm_jiter *inner);
/* First member of that name whose key has no escapes; PM_JNONE if none. Linear. */
struct pm_jval pm_json_get(struct pm_jval obj, const char *key);

/* What a value says. */
struct pm_str pm_json_body(struct pm_jval v); /* a string's bytes between its quotes, else n = 0 */
bool pm_json_i64(struct pm_jval v, int64_t *out); /* an integer that fits; 12.0 and 1e3 count */
/* A number that a double can hold (1e400 is none), of at most 1024 bytes. */
bool pm_json_f64(struct pm_jval v, double *out);
/* A string without escapes is returned as it is; else unescaped to UTF-8 into b (appended), and
 * then *out lasts until b grows again. It may hold NUL (\u0000). An unpaired surrogate becomes
 * U+FFFD. False if b is full or v is no string; b holds what it held before. */
bool pm_json_text(struct pm_jval v, struct pm_buf *b, struct pm_str *out);

/* Writing. */
bool pm_json_quote(struct pm_buf *b, struct pm_str utf8); /* with quotes; bad UTF-8 → U+FFFD */
/* Decimal USD without exponent or trailing zeros: 31000 → 0.000031, 0 → 0. */
bool pm_json_nano(struct pm_buf *b, int64_t nano_usd);

/* One change to a text: `del` bytes at `at` are replaced by `ins`. */
struct pm_edit {
    size_t at, del;
    struct pm_str ins;
};
/* Edits must be sorted by `at` and not overlap (false if they are not). Appends text with its
 * changes to out, or nothing if out has no room. To add a member to an object that keeps another,
 * insert `"name":value,` right after its opening bracket. */
bool pm_json_splice(struct pm_str text, const struct pm_edit *edits, size_t n, struct pm_buf *out);
/* The edit that takes member (key, val) out of obj with one comma; both were found in `text`.
 * Not to be combined with the cut of another member: neighbours share a comma. */
struct pm_edit pm_json_cut(struct pm_str text, struct pm_jval obj, struct pm_str key,
                           struct pm_jval val);

struct pm_jmember {
    struct pm_str key;
    struct pm_jval val;
};
/* The edits that take all of these members out of obj, which may be all that it has. `drop` is in
 * the order of the text, `edits` has room for n. Returns how many edits there are: neighbours
 * share one. They go together with edits of the values that stay. */
size_t pm_json_cut_many(struct pm_str text, struct pm_jval obj, const struct pm_jmember *drop,
                        size_t n, struct pm_edit *edits);

#endif
