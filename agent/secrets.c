/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/secrets.h"

#include <errno.h>

#include "common/log.h"

#define MAX_SECRET (16u << 10) /* service-account documents are the largest */

struct secrets {
    size_t n;
    char **values; /* NULL: absent */
    bool *present;
};

/* A header value must stay on its line. */
static bool is_clean(struct pm_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return false;
    }
    return true;
}

/* A copy; NULL if there is no value, or none that can be used. */
static char *keep(const struct pm_credential *c, struct pm_str value)
{
    value = pm_str_trim(value);
    if (!is_clean(value)) {
        pm_log(PM_ERROR, "secret has control characters and is not used", KV_S("name", c->name));
        return NULL;
    }
    return value.n ? pm_xstrndup(value) : NULL;
}

static char *read_file(const struct pm_credential *c, const char *path)
{
    char *out = NULL;
    char *text = pm_xmalloc(MAX_SECRET + 1);
    FILE *f = fopen(path, "re");
    size_t n = 0;

    if (f) {
        setvbuf(f, NULL, _IONBF, 0); /* no second copy, which nobody would wipe */
        n = fread(text, 1, MAX_SECRET + 1, f);
        fclose(f);
    } else {
        pm_log(PM_ERROR, "secret file cannot be read", KV_C("path", path),
               KV_C("error", strerror(errno)));
    }
    if (n > MAX_SECRET)
        pm_log(PM_ERROR, "secret file is too large", KV_C("path", path));
    else
        out = keep(c, pm_str_n(text, n));
    explicit_bzero(text, MAX_SECRET + 1);
    free(text);
    return out;
}

static char *read_value(const struct pm_credential *c)
{
    char *ref = pm_xstrndup(c->ref);
    char *value = c->source == PM_CRED_FILE ? read_file(c, ref) : keep(c, pm_str(getenv(ref)));

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
