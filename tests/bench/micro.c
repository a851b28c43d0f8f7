/* SPDX-License-Identifier: Apache-2.0 */
/* Times the codecs of common/ alone: one line per operation, the best of some rounds. */
#include "common/clock.h"
#include "common/http1.h"
#include "common/json.h"
#include "common/sse.h"

#include <stdio.h>

#define ROUNDS 7

static const char chunk[] =
    "{\"id\":\"chatcmpl-9vJ1rTc3T0aXkzUqvJmF2yYw8bQfE\",\"object\":\"chat.completion.chunk\","
    "\"created\":1766000000,\"model\":\"gpt-5.1-2026-11-13\",\"service_tier\":\"default\","
    "\"system_fingerprint\":\"fp_560af6e559\",\"choices\":[{\"index\":0,\"delta\":{\"content\":"
    "\" token\"},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}";

static const char head[] =
    "POST /api/v1/chat/completions HTTP/1.1\r\n"
    "Host: 127.0.0.1:4000\r\n"
    "Accept: application/json\r\n"
    "Content-Type: application/json\r\n"
    "User-Agent: OpenAI/JS 5.12.2\r\n"
    "X-Stainless-Retry-Count: 0\r\n"
    "X-Stainless-Lang: js\r\n"
    "X-Stainless-Package-Version: 5.12.2\r\n"
    "X-Stainless-OS: Linux\r\n"
    "X-Stainless-Arch: x64\r\n"
    "X-Stainless-Runtime: node\r\n"
    "X-Stainless-Runtime-Version: v20.11.1\r\n"
    "Authorization: Bearer sk-0123456789abcdef0123456789abcdef0123456789abcdef\r\n"
    "Accept-Language: *\r\n"
    "Sec-Fetch-Mode: cors\r\n"
    "Accept-Encoding: gzip, deflate\r\n"
    "Connection: keep-alive\r\n"
    "Content-Length: 0\r\n\r\n";

/* What the loops compute goes here, so that none of them is left out by the compiler. */
static volatile size_t sink;

struct input {
    struct pm_buf text;
    struct pm_sse sse;
    struct pm_http1 *http;
};

static void check(struct input *in)
{
    struct pm_jval root;

    sink += pm_json_ok(pm_buf_view(&in->text), &root) + root.raw.n;
}

/* As a relay looks at a chunk: every member of it and of its first choice. */
static void check_and_walk(struct input *in)
{
    struct pm_jval root, val, item;
    struct pm_jiter it, choices;
    struct pm_str key;

    if (!pm_json_ok(pm_buf_view(&in->text), &root))
        return;
    for (it = pm_json_iter(root); pm_json_member(&it, &key, &val);) {
        sink += key.n;
        if (val.type != PM_JARR)
            continue;
        choices = pm_json_iter(val);
        if (pm_json_item(&choices, &item))
            sink += pm_json_get(pm_json_get(item, "delta"), "content").raw.n +
                    pm_json_get(item, "finish_reason").raw.n;
    }
}

static void walk(struct input *in)
{
    const struct pm_jval root = {PM_JOBJ, pm_buf_view(&in->text)};

    sink += pm_json_get(root, "nothing of that name").raw.n;
}

static bool on_event(void *ctx, const struct pm_sse_event *ev)
{
    (void)ctx;
    sink += ev->data.n;
    return true;
}

static void feed_sse(struct input *in)
{
    sink += pm_sse_feed(&in->sse, in->text.p, in->text.n);
}

static void read_head(struct input *in)
{
    const char *p = in->text.p;
    size_t n = in->text.n;
    struct pm_str body;

    while (pm_http1_feed(in->http, &p, &n, &body, NULL) != PM_HTTP1_DONE)
        sink += n;
    pm_http1_next(in->http);
}

static void measure(const char *name, void (*run)(struct input *), struct input *in, size_t times)
{
    uint64_t best = UINT64_MAX;

    for (int round = 0; round < ROUNDS; round++) {
        const uint64_t from = pm_now_ns();

        for (size_t i = 0; i < times; i++)
            run(in);
        best = PM_MIN(best, pm_now_ns() - from);
    }
    printf("%-34s %12.1f ns %10zu bytes %8.3f ns per byte\n", name, (double)best / (double)times,
           in->text.n, (double)best / (double)times / (double)in->text.n);
}

/* A request whose messages are strings of about `size` bytes together. */
static void write_request(struct pm_buf *b, size_t size)
{
    static const char words[] = "The quick brown fox jumps over the lazy dog, again and again.\\n";
    size_t in_message = 0;

    pm_buf_reset(b);
    pm_buf_lit(b, "{\"model\":\"openai/gpt-5.1\",\"messages\":[{\"role\":\"user\",\"content\":\"");
    while (b->n < size) {
        pm_buf_cstr(b, words);
        in_message += sizeof(words) - 1;
        if (in_message > 4000) {
            pm_buf_lit(b, "\"},{\"role\":\"user\",\"content\":\"");
            in_message = 0;
        }
    }
    pm_buf_lit(b, "\"}],\"stream\":true,\"temperature\":0.7}");
}

int main(void)
{
    struct input in = {.http = pm_http1_new((struct pm_http1_limits){32768, 1 << 20})};

    pm_buf_init(&in.text, 64 << 20);
    pm_sse_init(&in.sse, 1 << 20, on_event, NULL);

    pm_buf_cstr(&in.text, chunk);
    measure("json: check a stream chunk", check, &in, 100000);
    measure("json: check and walk a chunk", check_and_walk, &in, 100000);
    write_request(&in.text, 1000);
    measure("json: check 1 kB", check, &in, 100000);
    write_request(&in.text, 10000000);
    measure("json: check 10 MB", check, &in, 3);
    measure("json: walk 10 MB", walk, &in, 3);
    pm_buf_reset(&in.text);
    pm_buf_addf(&in.text, "data: %s\n\n", chunk);
    measure("sse: an event in a chunk", feed_sse, &in, 100000);
    pm_buf_reset(&in.text);
    for (int i = 0; i < 50; i++)
        pm_buf_addf(&in.text, "data: %s\n\n", chunk);
    measure("sse: 50 events in a chunk", feed_sse, &in, 10000);
    pm_buf_reset(&in.text);
    pm_buf_cstr(&in.text, head);
    measure("http1: a request without a body", read_head, &in, 100000);

    pm_sse_fini(&in.sse);
    pm_http1_free(in.http);
    pm_buf_fini(&in.text);
    return 0;
}
