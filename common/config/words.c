/* SPDX-License-Identifier: Apache-2.0 */
/* The words of the configuration, each in the order of its enum. */
#include "common/config/entries.h"

static const char *pick(const char *const *words, size_t n, unsigned i)
{
    return i < n ? words[i] : "";
}

#define WORDS(name, ...)                                                                           \
    const char *words_##name(unsigned i)                                                           \
    {                                                                                              \
        static const char *const words[] = {__VA_ARGS__};                                          \
        return pick(words, PM_COUNT(words), i);                                                    \
    }

WORDS(section, [PM_KEY_PRIORITIZED] = "prioritized", [PM_KEY_SHARED] = "shared",
      [PM_KEY_FALLBACK] = "fallback")
WORDS(tier, [PM_TIER_DEFAULT] = "default", [PM_TIER_FLEX] = "flex", [PM_TIER_PRIORITY] = "priority")
WORDS(sort, [PM_SORT_NONE] = "none", [PM_SORT_PRICE] = "price", [PM_SORT_THROUGHPUT] = "throughput",
      [PM_SORT_LATENCY] = "latency", [PM_SORT_EXACTO] = "exacto")
WORDS(unknown_price, [PM_UNKNOWN_DENY] = "deny", [PM_UNKNOWN_CEILING] = "ceiling",
      [PM_UNKNOWN_FLAG] = "flag")
WORDS(modality, "text", "image", "audio", "file", "video", "embedding") /* by bit */
WORDS(collection, "allow", "deny") /* the second denies */
WORDS(log_level, "debug", "info", "warn", "error")
WORDS(log_format, "auto", "json", "text")
/* The names and other names in agent/provider/dialect.c, whose test compares them. */
WORDS(dialect, "openai", "azure", "azure-classic", "xai", "deepseek", "moonshotai", "moonshot",
      "kimi", "alibaba", "dashscope", "qwen", "mistral", "groq", "together", "fireworks", "vllm",
      "llamacpp", "llama.cpp", "llama-cpp", "ollama", "openrouter", "compatible", "generic")

const char *words_protocol(unsigned i)
{
    return pm_protocol_name(i);
}

const char *words_quant(unsigned i)
{
    return i < 32 ? pm_quant_name(1U << i) : "";
}

const char *words_param(unsigned i)
{
    return pm_param_name(i);
}
