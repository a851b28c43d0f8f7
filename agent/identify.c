/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/identify.h"

#include <openssl/evp.h>

#define MAX_CALLER_KEYS 32
#define MAX_CALLER_KEY_BYTES 4096

struct pm_str identify_token(const struct pm_http1_head *h)
{
    struct pm_str auth = pm_http1_header(h, "authorization");

    if (auth.n > 7 && pm_str_ieq(pm_str_cut(auth, 0, 7), PM_STR("Bearer ")))
        return pm_str_trim(pm_str_cut(auth, 7, auth.n));
    return pm_http1_header(h, "x-api-key");
}

static bool refuse(struct front_error *e, unsigned status, const char *message)
{
    *e = (struct front_error){.status = status, .message = pm_str(message), .retry_after_ms = -1};
    return false;
}

bool identify_key(const struct snapshot *s, const struct pm_http1_head *h,
                  const struct pm_client_key **key, struct front_error *refusal)
{
    struct pm_str token = identify_token(h);

    *key = NULL;
    if (s->table->n_keys == 0)
        return true;
    if (token.n == 0)
        return refuse(refusal, 401, "No auth credentials found");
    *key = snapshot_client_key(s, token);
    if (!*key)
        return refuse(refusal, 401, "User not found.");
    if ((*key)->disabled)
        return refuse(refusal, 401, "This API key is disabled.");
    if ((*key)->expires_unix_ms && pm_unix_ms() >= (*key)->expires_unix_ms)
        return refuse(refusal, 401, "This API key has expired.");
    return true;
}

/* {"openai": "sk-...", ...}: providers by slug; unknown ones are ignored, as clients send what
 * they have. */
static bool read_caller_keys(struct relay *r, struct pm_str json, struct front_error *refusal)
{
    struct pm_jval root, val;
    struct pm_jiter it;
    struct pm_str key;

    if (!json.n)
        return true;
    if (!pm_json_ok(json, &root) || root.type != PM_JOBJ)
        return refuse(refusal, 400, "X-Provider-API-Keys must be a JSON object of provider to key");
    r->caller_providers = PM_ARENA_ARRAY(&r->arena, const struct pm_provider *, MAX_CALLER_KEYS);
    r->caller_keys = PM_ARENA_ARRAY(&r->arena, struct pm_str, MAX_CALLER_KEYS);
    it = pm_json_iter(root);
    while (r->n_caller_keys < MAX_CALLER_KEYS && pm_json_member(&it, &key, &val)) {
        const struct pm_provider *p = pm_map_get(&r->snap->table->provider_by_slug, key);
        struct pm_str secret = pm_json_body(val);
        if (!p || val.type == PM_JNULL)
            continue;
        /* One that cannot be used is not passed over: the call would be billed to our own key. */
        if (secret.n == 0 || secret.n > MAX_CALLER_KEY_BYTES || memchr(secret.p, '\\', secret.n))
            return refuse(refusal, 400, "X-Provider-API-Keys holds a key that is not one");
        r->caller_providers[r->n_caller_keys] = p;
        r->caller_keys[r->n_caller_keys++] = pm_arena_str(&r->arena, secret);
    }
    return true;
}

bool identify(struct relay *r, const struct pm_http1_head *h, struct front_error *refusal)
{
    if (!identify_key(r->snap, h, &r->key, refusal))
        return false;
    r->policy = r->key ? r->key->policy : r->snap->table->policy;
    return read_caller_keys(r, pm_http1_header(h, "x-provider-api-keys"), refusal);
}

struct pm_str identify_user(struct relay *r)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    struct pm_str text;
    char *out;

    if (!r->req.user.n)
        return PM_NSTR;
    text = pm_arena_fmt(&r->arena, "%.*s\n%.*s", PM_FMT(r->key ? r->key->name : PM_STR("-")),
                        PM_FMT(r->req.user));
    if (EVP_Digest(text.p, text.n, digest, &n, EVP_sha256(), NULL) != 1)
        return PM_NSTR;
    out = pm_arena_alloc(&r->arena, 32);
    for (size_t i = 0; i < 16; i++) {
        out[2 * i] = hex[digest[i] >> 4];
        out[2 * i + 1] = hex[digest[i] & 15];
    }
    return pm_str_n(out, 32);
}
