/* SPDX-License-Identifier: Apache-2.0 */
/* Writes JSON with its commas. `key` is a member's name, written as it is, or NULL for an item of
 * an array. Nothing here fails by itself: a buffer that is full remembers it (pm_buf.failed), so a
 * whole text is checked once, at its end. One owner, any thread. */
#ifndef PM_JSON_OUT_H
#define PM_JSON_OUT_H

#include "common/json.h"

struct pm_jout {
    struct pm_buf *b;
    bool comma; /* the next member or item needs one before it */
};

void pm_jout_open(struct pm_jout *o, const char *key, char bracket); /* '{' or '[' */
void pm_jout_close(struct pm_jout *o, char bracket); /* '}' or ']' */
void pm_jout_str(struct pm_jout *o, const char *key, struct pm_str utf8);
void pm_jout_cstr(struct pm_jout *o, const char *key, const char *utf8); /* NULL: null */
void pm_jout_str_or_null(struct pm_jout *o, const char *key, struct pm_str utf8); /* empty: null */
void pm_jout_raw(struct pm_jout *o, const char *key, struct pm_str json);
void pm_jout_i64(struct pm_jout *o, const char *key, int64_t v);
void pm_jout_bool(struct pm_jout *o, const char *key, bool v);
void pm_jout_null(struct pm_jout *o, const char *key);
void pm_jout_nano(struct pm_jout *o, const char *key, int64_t nano_usd);

#endif
