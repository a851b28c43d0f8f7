/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/secrets.h"

#include "common/log.h"

#define MAX_SECRET (16u << 10) /* service-account documents are the largest */

struct secrets {
    size_t n;
    char **values; /* NULL: absent */
    bool *present;
};

static char *read_file(const char *path)
{
    char *out = NULL;
    char *text = pm_xmalloc(MAX_SECRET + 1);
    FILE *f = fopen(path, "re");
    size_t n = f ? fread(text, 1, MAX_SECRET + 1, f) : 0;
    struct pm_str value = pm_str_trim(pm_str_n(text, n));

    if (f && n > MAX_SECRET)
        pm_log(PM_ERROR, "secret file is too large", KV_C("path", path));
    else if (value.n)
        out = pm_xstrndup(value);
    if (f)
        fclose(f);
    explicit_bzero(text, MAX_SECRET + 1);
    free(text);
    return out;
}

/* A header value must stay on its line. */
static bool is_clean(const char *s)
{
    for (; *s; s++) {
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return false;
    }
    return true;
}

static char *read_value(const struct pm_credential *c)
{
    char *ref = pm_xstrndup(c->ref);
    const char *env = c->source == PM_CRED_ENV ? getenv(ref) : NULL;
    char *value = NULL;

    if (c->source == PM_CRED_FILE)
        value = read_file(ref);
    else if (env && *env)
        value = pm_xstrndup(pm_str_trim(pm_str(env)));
    if (value && (!*value || !is_clean(value))) {
        pm_log(PM_ERROR, "secret has control characters and is not used", KV_S("name", c->name));
        explicit_bzero(value, strlen(value));
        free(value);
        value = NULL;
    }
    free(ref);
    return value;
}

struct secrets *secrets_load(const struct pm_table *t)
{
    struct secrets *s = pm_xcalloc(1, sizeof(*s));

    s->n = t->n_credentials;
    s->values = pm_xcalloc(s->n, sizeof(*s->values));
    s->present = pm_xcalloc(s->n, sizeof(*s->present));
    for (size_t i = 0; i < s->n; i++) {
        const struct pm_credential *c = t->credentials[i];
        if (c->source != PM_CRED_NONE)
            s->values[i] = read_value(c);
        s->present[i] = c->source == PM_CRED_NONE || s->values[i];
    }
    return s;
}

void secrets_free(struct secrets *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++) {
        if (s->values[i])
            explicit_bzero(s->values[i], strlen(s->values[i]));
        free(s->values[i]);
    }
    free(s->values);
    free(s->present);
    free(s);
}

struct pm_str secrets_get(const struct secrets *s, const struct pm_credential *c)
{
    return c->index < s->n && s->values[c->index] ? pm_str(s->values[c->index]) : PM_NSTR;
}

const bool *secrets_present(const struct secrets *s)
{
    return s->present;
}
