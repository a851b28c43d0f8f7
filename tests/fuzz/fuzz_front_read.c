/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte chooses the operation, the rest is the body of a request. What is accepted must
 * hold the promises that the codecs build on. */
#include "agent/front/front.h"
#include "tests/fuzz/must.h"

static bool inside(struct pm_str whole, struct pm_str part)
{
    return part.p >= whole.p && part.p + part.n <= whole.p + whole.n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct pm_str body = {(const char *)data + 1, size ? size - 1 : 0};
    struct front_request r;
    struct pm_arena a;
    struct pm_error err = {0};

    if (size == 0)
        return 0;
    pm_arena_init(&a, 4096, 1 << 20);
    if (front_read((enum pm_operation)(data[0] % 3), body, NULL, &a, &r, &err)) {
        must(r.call.n_models <= PM_MAX_MODELS && r.call.n_models + (r.call.preset.n > 0) > 0);
        must(r.call.prompt_tokens >= 0 && r.call.max_tokens >= 0 && r.call.images >= 0);
        must(r.call.in_modalities != 0 && r.call.out_modalities != 0);
        for (size_t i = 0; i < r.n_members; i++) {
            must(inside(body, r.members[i].key) && inside(body, r.members[i].val.raw));
            must(r.members[i].val.raw.n > 0);
            must(i == 0 || r.members[i].key.p > r.members[i - 1].val.raw.p);
        }
    } else {
        must(err.code == PM_EINVAL || err.code == PM_ELIMIT);
        must(err.text[0] != '\0');
    }
    pm_arena_fini(&a);
    return 0;
}
