/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/provider/openai.h"

bool openai_write_request(const struct dialect *d, const struct request_in *in, struct pm_arena *a,
                          struct request_out *out, struct pm_error *err)
{
    (void)in;
    *out = (struct request_out){.path = pm_arena_str(a, pm_str(d->chat_path))};
    return pm_fail(err, PM_EINTERNAL, "requests are not written yet");
}
