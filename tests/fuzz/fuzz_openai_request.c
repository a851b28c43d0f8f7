/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte picks the dialect, the second the operation and what is known of the endpoint, the
 * third the model; the rest is a request. If it is JSON, what goes out is JSON of which each member
 * was either there or is ours. */
#include "tests/request_writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond)                                                                                 \
    do {                                                                                           \
        if (!(cond))                                                                               \
            abort();                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const models[] = {"m",
                                         "gpt-5.1",
                                         "o3",
                                         "deepseek-v4-pro",
                                         "kimi-k2.6",
                                         "qwq",
                                         "openai/gpt-oss-20b",
                                         "a\"b/\xc3\xa9"};
    static const struct pm_preset preset = {
        .body = PM_STR_INIT("{\"seed\":1,\"max_tokens\":9,\"top_k\":2,\"reasoning\":{}}"),
        .system = PM_STR_INIT("Be \"brief\"."),
    };
    static const struct pm_prefs prefs = {.deny_collection = true, .zdr = true};
    struct pm_jval root;
    struct written w;

    if (size < 3)
        return 0;
    written_init(&w, models[data[2] % PM_COUNT(models)]);
    w.call.op = data[1] % 3;
    w.in.preset = data[1] & 4 ? &preset : NULL;
    w.in.prefs = data[1] & 8 ? &prefs : NULL;
    w.in.force_stream = data[1] & 16;
    w.in.user = data[1] & 32 ? PM_STR("user\n1") : PM_NSTR;
    w.endpoint.max_output = data[1] & 64 ? 100 : 0;
    w.endpoint.params = data[1] & 128 ? 0x5555555 : 0;
    w.endpoint.tier = data[2] >> 6 & 1 ? PM_TIER_FLEX : PM_TIER_DEFAULT;
    if (written_write(&w, dialect_at(data[0] % 16)->name,
                      pm_str_n((const char *)data + 3, size - 3))) {
        MUST(pm_json_ok(pm_buf_view(&w.body), &root) && root.type == PM_JOBJ);
        MUST(pm_str_is(pm_json_get(root, "provider").raw, "") || data[0] % 16 == 14);
        MUST(pm_json_get(root, "models").type == PM_JNONE);
        MUST(pm_json_get(root, "model").type == PM_JSTR);
        MUST(w.out.path.n > 0 && w.out.path.p[0] == '/');
    }
    written_fini(&w);
    return 0;
}
