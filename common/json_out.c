/* SPDX-License-Identifier: Apache-2.0 */
#include "common/json_out.h"

/* What comes before a value. After it the next one needs a comma. */
static struct pm_buf *begin(struct pm_jout *o, const char *key)
{
    if (o->comma)
        pm_buf_ch(o->b, ',');
    if (key) {
        pm_buf_ch(o->b, '"');
        pm_buf_cstr(o->b, key);
        pm_buf_lit(o->b, "\":");
    }
    o->comma = true;
    return o->b;
}

void pm_jout_open(struct pm_jout *o, const char *key, char bracket)
{
    pm_buf_ch(begin(o, key), bracket);
    o->comma = false;
}

void pm_jout_close(struct pm_jout *o, char bracket)
{
    pm_buf_ch(o->b, bracket);
    o->comma = true;
}

void pm_jout_str(struct pm_jout *o, const char *key, struct pm_str utf8)
{
    pm_json_quote(begin(o, key), utf8);
}

void pm_jout_cstr(struct pm_jout *o, const char *key, const char *utf8)
{
    if (utf8)
        pm_jout_str(o, key, pm_str(utf8));
    else
        pm_jout_null(o, key);
}

void pm_jout_str_or_null(struct pm_jout *o, const char *key, struct pm_str utf8)
{
    if (utf8.n)
        pm_jout_str(o, key, utf8);
    else
        pm_jout_null(o, key);
}

void pm_jout_raw(struct pm_jout *o, const char *key, struct pm_str json)
{
    pm_buf_str(begin(o, key), json);
}

void pm_jout_i64(struct pm_jout *o, const char *key, int64_t v)
{
    pm_buf_i64(begin(o, key), v);
}

void pm_jout_bool(struct pm_jout *o, const char *key, bool v)
{
    pm_jout_raw(o, key, v ? PM_STR("true") : PM_STR("false"));
}

void pm_jout_null(struct pm_jout *o, const char *key)
{
    pm_jout_raw(o, key, PM_STR("null"));
}

void pm_jout_nano(struct pm_jout *o, const char *key, int64_t nano_usd)
{
    pm_json_nano(begin(o, key), nano_usd);
}
