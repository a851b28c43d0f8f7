/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/provider/codec.h"

static const struct codec *const codecs[PM_PROTO_COUNT] = {
    [PM_PROTO_OPENAI] = &codec_openai,
};

const struct codec *codec_for(enum pm_protocol p)
{
    return (unsigned)p < PM_PROTO_COUNT ? codecs[p] : NULL;
}

uint32_t codec_protocols(void)
{
    uint32_t bits = 0;

    for (unsigned p = 0; p < PM_PROTO_COUNT; p++) {
        if (codecs[p])
            bits |= UINT32_C(1) << p;
    }
    return bits;
}
