/* SPDX-License-Identifier: Apache-2.0 */
/* What text may look like. Answers never hold the text itself, which may be a misplaced secret. */
#include "common/config/entries.h"

#include <arpa/inet.h>

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool has_control(struct pm_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 127)
            return true;
    }
    return false;
}

/* Letters, digits and the characters of `more`, at least one. */
static bool is_made_of(struct pm_str s, const char *more)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!is_lower(c) && !is_upper(c) && !is_digit(c) && (c == '\0' || !strchr(more, c)))
            return false;
    }
    return s.n > 0;
}

const char *check_text(struct pm_str s)
{
    return s.n == 0 || has_control(s) ? "must be one line of text" : NULL;
}

const char *check_path(struct pm_str s)
{
    return s.n == 0 || has_control(s) ? "must be a path" : NULL;
}

const char *check_address(struct pm_str s)
{
    char text[INET6_ADDRSTRLEN];
    unsigned char address[sizeof(struct in6_addr)];

    if (s.n < sizeof(text)) {
        memcpy(text, s.p, s.n);
        text[s.n] = '\0';
        if (inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1)
            return NULL;
    }
    return "must be an IP address: 127.0.0.1, 0.0.0.0, ::1";
}

/* The part between "//" and the next '/', or empty. */
static struct pm_str url_authority(struct pm_str s, const char *const *schemes)
{
    for (; *schemes; schemes++) {
        if (pm_str_starts(s, pm_str(*schemes))) {
            struct pm_str rest = pm_str_cut(s, strlen(*schemes), s.n);
            ptrdiff_t slash = pm_str_find(rest, '/');
            return slash < 0 ? rest : pm_str_cut(rest, 0, (size_t)slash);
        }
    }
    return PM_STR("");
}

const char *check_url(struct pm_str s)
{
    static const char *const schemes[] = {"https://", "http://", NULL};
    struct pm_str authority = url_authority(s, schemes);

    if (authority.n == 0 || authority.p[0] == ':')
        return "must be a URL that begins with https:// or http://";
    if (pm_str_find(authority, '@') >= 0)
        return "must not hold a user name or password";
    if (has_control(s) || pm_str_find(s, ' ') >= 0 || pm_str_find(s, '"') >= 0 ||
        pm_str_find(s, '#') >= 0 || pm_str_find(s, '?') >= 0)
        return "must be a URL without blanks, query and fragment";
    return NULL;
}

const char *check_proxy(struct pm_str s)
{
    static const char *const schemes[] = {"http://",   "https://",   "socks4://", "socks4a://",
                                          "socks5://", "socks5h://", NULL};

    if (url_authority(s, schemes).n == 0 || has_control(s) || pm_str_find(s, ' ') >= 0)
        return "must be a proxy URL: http://host:3128 or socks5://host:1080";
    return NULL;
}

const char *check_slug(struct pm_str s)
{
    return is_made_of(s, "-_./") ? NULL : "must be letters, digits, '-', '_', '.' and '/'";
}

const char *check_region(struct pm_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!is_lower(s.p[i]) && !is_digit(s.p[i]) && s.p[i] != '-')
            return "must be lower-case letters, digits and '-': eu, us, ap-southeast";
    }
    if (s.n == 0 || pm_str_eq(s, PM_REGION_NOWHERE))
        return "must be a region: eu, us, ap-southeast";
    return NULL;
}

/* author/slug. What the grammar of requests gives a meaning (~ : @) cannot be in an id. */
const char *check_model_id(struct pm_str s)
{
    ptrdiff_t slash = pm_str_find(s, '/');
    struct pm_str author = pm_str_cut(s, 0, slash < 0 ? 0 : (size_t)slash);
    struct pm_str slug = pm_str_cut(s, author.n + 1, s.n);

    if (!is_made_of(author, "-_.") || !is_made_of(slug, "-_.+"))
        return "must be author/slug, of letters, digits, '-', '_' and '.'";
    return NULL;
}

const char *check_model_ref(struct pm_str s)
{
    return is_made_of(s, "-_.+/:~@") ? NULL : "must be a model id";
}

const char *check_glob(struct pm_str s)
{
    return is_made_of(s, "-_.+/*") ? NULL : "must be a model id, in which '*' is any text";
}

const char *check_env(struct pm_str s)
{
    if (!is_made_of(s, "_") || is_digit(s.p[0]))
        return "must be the name of an environment variable, not the key itself";
    return NULL;
}

const char *check_sha256(struct pm_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!is_digit(s.p[i]) && !(s.p[i] >= 'a' && s.p[i] <= 'f') &&
            !(s.p[i] >= 'A' && s.p[i] <= 'F'))
            s.n = 0;
    }
    return s.n == 64 ? NULL : "must be 64 hex digits, the SHA-256 of the key and not the key";
}
