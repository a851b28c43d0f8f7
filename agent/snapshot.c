/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/snapshot.h"

#include <openssl/evp.h>

#include "agent/provider/codec.h"

#define MAX_WARM 8

struct snapshot *snapshot_new(struct pm_config *config, struct upstream *up)
{
    struct snapshot *s = pm_xcalloc(1, sizeof(*s));

    s->refs = 1;
    s->config = config;
    s->table = config->table;
    s->secrets = secrets_load(s->table);
    s->upstream = up;
    pm_map_init(&s->targets);
    pm_map_init(&s->keys);
    pm_arena_init(&s->arena, 4096, 16 << 20);
    for (size_t i = 0; i < s->table->n_keys; i++) {
        const struct pm_client_key *k = s->table->keys[i];
        pm_map_put(&s->keys, pm_str_n((const char *)k->sha256, sizeof(k->sha256)), (void *)k);
    }
    return s;
}

struct snapshot *snapshot_ref(struct snapshot *s)
{
    s->refs++;
    return s;
}

void snapshot_unref(struct snapshot *s)
{
    struct pm_str key;
    void *value;
    size_t i = 0;

    if (!s || --s->refs)
        return;
    while (pm_map_next(&s->targets, &i, &key, &value))
        target_unref(value);
    pm_map_fini(&s->targets);
    pm_map_fini(&s->keys);
    pm_arena_fini(&s->arena);
    secrets_free(s->secrets);
    pm_config_free(s->config);
    free(s);
}

#define MAX_TARGET_HEADERS 34

static struct target *make_target(struct snapshot *s, const struct pm_provider *p,
                                  struct pm_str url, struct pm_str key)
{
    const struct dialect *d = dialect_find(p->dialect);
    struct target_header headers[MAX_TARGET_HEADERS];
    struct pm_buf bearer;
    struct target *t;
    size_t n = 0;

    pm_buf_init(&bearer, 64 << 10);
    if (key.n && d && d->auth == AUTH_API_KEY_HEADER) {
        headers[n++] = (struct target_header){PM_STR("api-key"), key};
    } else if (key.n) {
        pm_buf_lit(&bearer, "Bearer ");
        pm_buf_str(&bearer, key);
        headers[n++] = (struct target_header){PM_STR("Authorization"), pm_buf_view(&bearer)};
    }
    for (size_t i = 0; i < p->n_headers && n < MAX_TARGET_HEADERS; i++)
        headers[n++] = (struct target_header){p->headers[i].name, p->headers[i].value};
    t = target_new(s->upstream, &(struct target_spec){.url = url,
                                                      .headers = headers,
                                                      .n_headers = n,
                                                      .ca_file = p->ca_file,
                                                      .proxy = p->proxy});
    if (bearer.p)
        explicit_bzero(bearer.p, bearer.n);
    pm_buf_fini(&bearer);
    return t;
}

struct target *snapshot_target(struct snapshot *s, const struct pm_provider *p,
                               const struct pm_credential *cred, struct pm_str path,
                               struct pm_str caller_key)
{
    char text[2048];
    struct pm_str url, key;
    struct target *t;

    text[0] = '\0';
    url = pm_str_n(text, p->base_url.n + path.n);
    if (url.n > sizeof(text) - sizeof(cred->index)) {
        url.n = 0; /* libcurl refuses an empty URL, and the attempt says so */
    } else {
        memcpy(text, p->base_url.p, p->base_url.n);
        memcpy(text + p->base_url.n, path.p, path.n);
    }
    if (!cred)
        return make_target(s, p, url, caller_key);
    memcpy(text + url.n, &cred->index, sizeof(cred->index));
    key = pm_str_n(text, url.n + sizeof(cred->index));
    t = pm_map_get(&s->targets, key);
    if (!t) {
        t = make_target(s, p, url, secrets_get(s->secrets, cred));
        pm_map_put(&s->targets, pm_arena_str(&s->arena, key), t);
    }
    return target_ref(t);
}

const struct pm_client_key *snapshot_client_key(const struct snapshot *s, struct pm_str token)
{
    unsigned char digest[32];
    unsigned n = 0;

    if (EVP_Digest(token.p, token.n, digest, &n, EVP_sha256(), NULL) != 1 || n != sizeof(digest))
        return NULL;
    /* The map compares hashes of random-looking bytes: timing tells nothing of the token. */
    return pm_map_get(&s->keys, pm_str_n((const char *)digest, sizeof(digest)));
}

void snapshot_warm(struct snapshot *s)
{
    size_t warmed = 0;

    for (size_t i = 0; i < s->table->n_providers && warmed < MAX_WARM; i++) {
        const struct pm_provider *p = s->table->providers[i];
        const struct dialect *d = dialect_find(p->dialect);
        if (!p->enabled || !p->n_creds || !d || !codec_for(p->protocol) || !p->base_url.n ||
            !pm_str_starts(p->base_url, PM_STR("https:")) ||
            !secrets_present(s->secrets)[p->creds[0]->index])
            continue;
        struct target *t = snapshot_target(s, p, p->creds[0], pm_str(d->chat_path), PM_NSTR);
        target_warm(t);
        target_unref(t);
        warmed++;
    }
}
