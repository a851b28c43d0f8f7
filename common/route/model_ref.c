/* SPDX-License-Identifier: Apache-2.0 */
#include "common/route/route.h"

/* Position of the last c, or -1. */
static ptrdiff_t find_last(struct pm_str s, char c)
{
    const char *at = s.n ? memrchr(s.p, c, s.n) : NULL;

    return at ? at - s.p : -1;
}

struct pm_model_ref pm_model_ref(struct pm_str text)
{
    static const struct pm_str mark = PM_STR_INIT("@preset/");
    struct pm_model_ref ref = {.id = text, .variant = PM_NSTR, .preset = PM_NSTR};
    ptrdiff_t at = pm_str_find(text, '@'), colon;

    if (at >= 0 && pm_str_starts(pm_str_cut(text, (size_t)at, text.n), mark)) {
        ref.preset = pm_str_cut(text, (size_t)at + mark.n, text.n);
        ref.id = pm_str_cut(text, 0, (size_t)at);
    }
    if (ref.id.n && ref.id.p[0] == '~') {
        ref.latest = true;
        ref.id = pm_str_cut(ref.id, 1, ref.id.n);
    }
    colon = find_last(ref.id, ':');
    if (colon > find_last(ref.id, '/')) {
        ref.variant = pm_str_cut(ref.id, (size_t)colon + 1, ref.id.n);
        ref.id = pm_str_cut(ref.id, 0, (size_t)colon);
    }
    return ref;
}
