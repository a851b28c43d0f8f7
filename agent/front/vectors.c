/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/front/vectors.h"

#include <math.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Bytes on their way into base64. */
struct encoder {
    struct pm_buf *out;
    uint32_t bits;
    unsigned n; /* bytes in bits, less than 3 */
};

static void encode_byte(struct encoder *e, unsigned char byte)
{
    char quad[4];

    e->bits = e->bits << 8 | byte;
    if (++e->n < 3)
        return;
    for (int i = 0; i < 4; i++)
        quad[i] = digits[e->bits >> (18 - 6 * i) & 63];
    pm_buf_add(e->out, quad, sizeof(quad));
    e->bits = 0;
    e->n = 0;
}

static void encode_end(struct encoder *e)
{
    const uint32_t bits = e->bits << (e->n == 1 ? 16 : 8);

    if (e->n == 0)
        return;
    pm_buf_ch(e->out, digits[bits >> 18 & 63]);
    pm_buf_ch(e->out, digits[bits >> 12 & 63]);
    pm_buf_ch(e->out, e->n == 2 ? digits[bits >> 6 & 63] : '=');
    pm_buf_ch(e->out, '=');
}

static float float_of(struct pm_jval v)
{
    double d;

    if (v.type != PM_JNUM || !pm_json_f64(v, &d))
        return 0;
    return (float)d;
}

static void numbers_to_base64(struct pm_jval array, struct pm_buf *out)
{
    struct encoder e = {.out = out};
    struct pm_jiter it = pm_json_iter(array);
    struct pm_jval v;

    pm_buf_ch(out, '"');
    while (pm_json_item(&it, &v)) {
        const float f = float_of(v);
        uint32_t word;

        memcpy(&word, &f, sizeof(word));
        for (int i = 0; i < 4; i++)
            encode_byte(&e, (unsigned char)(word >> (8 * i)));
    }
    encode_end(&e);
    pm_buf_ch(out, '"');
}

static int value_of(char c)
{
    const char *at = c ? memchr(digits, c, 64) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* The shortest decimal that is this number; JSON has none for what is not finite. */
static void add_number(struct pm_buf *out, uint32_t word)
{
    char text[32];
    float f;

    memcpy(&f, &word, sizeof(f));
    if (!isfinite(f)) {
        pm_buf_lit(out, "null");
        return;
    }
    for (int precision = 6; precision <= 9; precision++) {
        snprintf(text, sizeof(text), "%.*g", precision, (double)f);
        if (strtof(text, NULL) == f)
            break;
    }
    pm_buf_cstr(out, text);
}

/* False, with nothing written, if it is not the base64 of whole numbers. */
static bool base64_to_numbers(struct pm_str text, struct pm_buf *out)
{
    const size_t start = out->n;
    uint32_t bits = 0, word = 0;
    unsigned n_bits = 0, n_bytes = 0;

    while (text.n && text.p[text.n - 1] == '=')
        text.n--;
    pm_buf_ch(out, '[');
    for (size_t i = 0; i < text.n; i++) {
        const int v = value_of(text.p[i]);

        if (v < 0)
            goto bad;
        bits = bits << 6 | (unsigned)v;
        n_bits += 6;
        if (n_bits < 8)
            continue;
        n_bits -= 8;
        word |= (bits >> n_bits & 0xff) << (8 * n_bytes);
        if (++n_bytes < 4)
            continue;
        if (out->n > start + 1)
            pm_buf_ch(out, ',');
        add_number(out, word);
        word = 0;
        n_bytes = 0;
    }
    if (n_bytes == 0) {
        pm_buf_ch(out, ']');
        return true;
    }
bad:
    out->n = start;
    return false;
}

void vectors_write(struct pm_jval data, bool base64, struct pm_buf *out)
{
    struct pm_jiter items = pm_json_iter(data);
    const char *done = data.raw.p;
    struct pm_jval item;

    while (pm_json_item(&items, &item)) {
        const struct pm_jval v = pm_json_get(item, "embedding");

        if (base64 ? v.type != PM_JARR : v.type != PM_JSTR)
            continue;
        pm_buf_add(out, done, (size_t)(v.raw.p - done));
        done = v.raw.p + v.raw.n;
        if (base64)
            numbers_to_base64(v, out);
        else if (!base64_to_numbers(pm_json_body(v), out))
            pm_buf_str(out, v.raw);
    }
    pm_buf_add(out, done, (size_t)(data.raw.p + data.raw.n - done));
}
