/* SPDX-License-Identifier: Apache-2.0 */
/* `usage` as clients demand it (openrouter-api §1 rules 3 and 5 to 7, §9): what is there is a
 * number, details come with the counts that their schemas require, and costs are decimals made
 * from integers. */
#include "agent/front/writer.h"

#include "common/json_out.h"

static void write_costs(struct pm_jout *o, const struct front_bill *b, bool byok)
{
    if (b->cost)
        pm_jout_nano(o, "cost", b->cost->total_nano);
    pm_jout_bool(o, "is_byok", byok);
    if (!b->cost)
        return;
    pm_jout_open(o, "cost_details", '{');
    if (b->upstream_cost_nano >= 0)
        pm_jout_nano(o, "upstream_inference_cost", b->upstream_cost_nano);
    else
        pm_jout_null(o, "upstream_inference_cost");
    pm_jout_nano(o, "upstream_inference_prompt_cost", b->cost->prompt_nano);
    pm_jout_nano(o, "upstream_inference_completions_cost", b->cost->completion_nano);
    pm_jout_close(o, '}');
}

static void write_details(struct pm_jout *o, const struct pm_usage *u)
{
    pm_jout_open(o, "prompt_tokens_details", '{');
    pm_jout_i64(o, "cached_tokens", u->cached);
    pm_jout_i64(o, "cache_write_tokens", u->cache_write);
    pm_jout_i64(o, "audio_tokens", u->audio_in);
    pm_jout_i64(o, "video_tokens", 0);
    pm_jout_close(o, '}');
    pm_jout_open(o, "completion_tokens_details", '{');
    pm_jout_i64(o, "reasoning_tokens", u->reasoning);
    pm_jout_i64(o, "image_tokens", u->image_out);
    pm_jout_i64(o, "audio_tokens", u->audio_out);
    if (u->accepted_prediction || u->rejected_prediction) {
        pm_jout_i64(o, "accepted_prediction_tokens", u->accepted_prediction);
        pm_jout_i64(o, "rejected_prediction_tokens", u->rejected_prediction);
    }
    pm_jout_close(o, '}');
}

void front_write_usage(const struct front_writer *w, const struct front_bill *b, struct pm_buf *out)
{
    const struct pm_usage *u = b->usage;
    struct pm_jout o = {.b = out, .comma = true};
    int64_t total;

    if (u) {
        if (__builtin_add_overflow(u->prompt, u->completion, &total))
            total = INT64_MAX;
        pm_jout_open(&o, "usage", '{');
        pm_jout_i64(&o, "prompt_tokens", u->prompt);
        if (w->op == PM_OP_EMBEDDING) {
            pm_jout_i64(&o, "total_tokens", u->prompt);
            write_costs(&o, b, w->is_byok);
        } else {
            pm_jout_i64(&o, "completion_tokens", u->completion);
            pm_jout_i64(&o, "total_tokens", total);
            write_costs(&o, b, w->is_byok);
            write_details(&o, u);
        }
        pm_jout_close(&o, '}');
    }
    if (b->metadata.n)
        pm_jout_raw(&o, "openrouter_metadata", b->metadata);
}
