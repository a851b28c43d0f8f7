/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/spool/record.h"

#include "common/utf8.h"

enum type { NONE, TEXT, BOOL, UINT, INT, SINT, SUB };
enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

/* Fields of one message, indexed by their number. */
struct table {
    const struct row {
        enum type type;
        size_t offset; /* of the member in the C struct */
        const struct table *sub;
    } * rows;
    size_t n;
};
#define ROW(type, of, member)                                                                      \
    {                                                                                              \
        type, offsetof(struct of, member), NULL                                                    \
    }
#define TABLE(rows) ((const struct table){(rows), PM_COUNT(rows)})

static const struct row begun_rows[] = {
    [1] = ROW(TEXT, spool_begin, id),
    [2] = ROW(INT, spool_begin, unix_ms),
    [3] = ROW(TEXT, spool_begin, operation),
    [4] = ROW(BOOL, spool_begin, stream),
    [5] = ROW(TEXT, spool_begin, model),
    [6] = ROW(TEXT, spool_begin, key),
    [7] = ROW(TEXT, spool_begin, policy),
    [8] = ROW(TEXT, spool_begin, app),
    [9] = ROW(TEXT, spool_begin, user),
    [10] = ROW(TEXT, spool_begin, session),
    [11] = ROW(TEXT, spool_begin, origin),
    [12] = ROW(TEXT, spool_begin, provider),
    [13] = ROW(TEXT, spool_begin, endpoint),
    [14] = ROW(SINT, spool_begin, bound_nano),
    [15] = ROW(INT, spool_begin, prompt_tokens),
};
static const struct table begun = TABLE(begun_rows);

static const struct row attempt_rows[] = {
    [1] = ROW(TEXT, spool_attempt, provider),   [2] = ROW(TEXT, spool_attempt, endpoint),
    [3] = ROW(TEXT, spool_attempt, credential), [4] = ROW(TEXT, spool_attempt, upstream_id),
    [5] = ROW(UINT, spool_attempt, status),     [6] = ROW(TEXT, spool_attempt, outcome),
    [7] = ROW(TEXT, spool_attempt, who),        [8] = ROW(TEXT, spool_attempt, phase),
    [9] = ROW(SINT, spool_attempt, started_ms), [10] = ROW(SINT, spool_attempt, first_token_ms),
    [11] = ROW(SINT, spool_attempt, ended_ms),  [12] = ROW(BOOL, spool_attempt, byok),
    [13] = ROW(TEXT, spool_attempt, code),
};
static const struct table attempt = TABLE(attempt_rows);

static const struct row call_attempt_rows[] = {
    [1] = ROW(TEXT, record_attempt, id),
    [2] = {SUB, offsetof(struct record_attempt, attempt), &attempt},
};
static const struct table call_attempt = TABLE(call_attempt_rows);

static const struct row usage_rows[] = {
    [1] = ROW(BOOL, pm_usage, present),
    [2] = ROW(BOOL, pm_usage, estimated),
    [3] = ROW(INT, pm_usage, prompt),
    [4] = ROW(INT, pm_usage, completion),
    [5] = ROW(INT, pm_usage, cached),
    [6] = ROW(INT, pm_usage, cache_write),
    [7] = ROW(INT, pm_usage, cache_write_1h),
    [8] = ROW(INT, pm_usage, reasoning),
    [9] = ROW(INT, pm_usage, audio_in),
    [10] = ROW(INT, pm_usage, audio_out),
    [11] = ROW(INT, pm_usage, image_in),
    [12] = ROW(INT, pm_usage, image_out),
    [13] = ROW(INT, pm_usage, accepted_prediction),
    [14] = ROW(INT, pm_usage, rejected_prediction),
    [15] = ROW(INT, pm_usage, images),
    [16] = ROW(BOOL, pm_usage, has_provider_cost),
    [17] = ROW(INT, pm_usage, provider_cost_nano),
};
static const struct table usage = TABLE(usage_rows);

static const struct row settled_rows[] = {
    [1] = {SUB, offsetof(struct spool_settled, begin), &begun},
    [2] = ROW(UINT, spool_settled, status),
    [3] = ROW(TEXT, spool_settled, model),
    [4] = ROW(TEXT, spool_settled, provider),
    [5] = ROW(TEXT, spool_settled, endpoint),
    [6] = ROW(TEXT, spool_settled, finish),
    [7] = ROW(TEXT, spool_settled, native_finish),
    [8] = {SUB, offsetof(struct spool_settled, usage), &usage},
    [9] = ROW(INT, spool_settled, cost.total_nano),
    [10] = ROW(INT, spool_settled, cost.prompt_nano),
    [11] = ROW(INT, spool_settled, cost.completion_nano),
    [12] = ROW(BOOL, spool_settled, cost.overflow),
    [13] = ROW(SINT, spool_settled, upstream_cost_nano),
    [14] = ROW(BOOL, spool_settled, price_unknown),
    [15] = ROW(BOOL, spool_settled, byok),
    [16] = ROW(SINT, spool_settled, first_token_ms),
    [17] = ROW(SINT, spool_settled, total_ms),
    [18] = ROW(UINT, spool_settled, client_status),
    [19] = ROW(TEXT, spool_settled, service_tier),
    [22] = ROW(INT, spool_settled, found_unix_ms),
};
static const struct table settled = TABLE(settled_rows);
#define FIELD_ATTEMPTS 20
#define FIELD_ATTEMPTS_TOTAL 21

_Static_assert(sizeof(enum spool_status) == sizeof(unsigned), "UINT reads and writes both");

/* Where the next byte goes. Once something did not fit, p is NULL and nothing is written. */
struct out {
    char *p, *end;
};

#define VARINT_MAX 10
#define TAG_MAX 2 /* numbers below 2048 */

static bool room(struct out *o, size_t n)
{
    if (o->p && (size_t)(o->end - o->p) < n)
        o->p = NULL;
    return o->p != NULL;
}

static void varint(struct out *o, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *o->p++ = (char)(v | 0x80);
    *o->p++ = (char)v;
}

static void tag(struct out *o, size_t number, enum wire wire)
{
    varint(o, number << 3 | wire);
}

static void put_number(struct out *o, size_t number, uint64_t v)
{
    if (v == 0 || !room(o, TAG_MAX + VARINT_MAX))
        return;
    tag(o, number, WIRE_VARINT);
    varint(o, v);
}

/* Copies; true if no byte is a NUL or above ASCII. Both in one pass and by words, because most of
 * a record is short text. */
static bool copy_plain(char *dst, const char *src, size_t n)
{
    const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
    uint64_t bad = 0, word;
    size_t i = 0;

    for (; i + sizeof(word) <= n; i += sizeof(word)) {
        memcpy(&word, src + i, sizeof(word));
        memcpy(dst + i, &word, sizeof(word));
        bad |= word | (word - ones);
    }
    for (; i < n; i++) {
        dst[i] = src[i];
        word = (unsigned char)src[i];
        bad |= word | (word - 1);
    }
    return !(bad & tops);
}

static void put_text(struct out *o, size_t number, struct pm_str s)
{
    const size_t n = pm_utf8_bounded(s, RECORD_TEXT_MAX);

    if (n == 0 || !room(o, TAG_MAX + 2 + n))
        return;
    tag(o, number, WIRE_BYTES);
    varint(o, n);
    /* Protobuf text must be UTF-8, and C readers of it end at a NUL. */
    if (!copy_plain(o->p, s.p, n))
        pm_utf8_clean(o->p, n);
    o->p += n;
}

static void put_rows(struct out *o, const struct table *t, const void *from);

/* The length comes before the bytes and is not known yet: two bytes are kept for it. */
static void put_sub(struct out *o, size_t number, const struct table *t, const void *from)
{
    char *length;
    size_t n;

    if (!room(o, TAG_MAX + 2))
        return;
    tag(o, number, WIRE_BYTES);
    length = o->p;
    o->p += 2;
    put_rows(o, t, from);
    if (!o->p)
        return;
    n = (size_t)(o->p - length - 2);
    length[0] = (char)(n | 0x80);
    length[1] = (char)(n >> 7);
}

static void put_rows(struct out *o, const struct table *t, const void *from)
{
    for (size_t i = 1; i < t->n; i++) {
        const struct row *r = &t->rows[i];
        const void *at = (const char *)from + r->offset;
        int64_t v;

        switch (r->type) {
        case TEXT:
            put_text(o, i, *(const struct pm_str *)at);
            break;
        case BOOL:
            put_number(o, i, *(const bool *)at);
            break;
        case UINT:
            put_number(o, i, *(const unsigned *)at);
            break;
        case INT:
            put_number(o, i, *(const uint64_t *)at);
            break;
        case SINT:
            v = *(const int64_t *)at;
            put_number(o, i, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
            break;
        case SUB:
            put_sub(o, i, r->sub, at);
            break;
        case NONE:
            break;
        }
    }
}

static size_t written(const struct out *o, const char *dst)
{
    return o->p ? (size_t)(o->p - dst) : 0;
}

size_t record_put_begun(char *dst, size_t room_bytes, const void *message)
{
    struct out o = {dst, dst + room_bytes};

    put_rows(&o, &begun, message);
    return written(&o, dst);
}

size_t record_put_attempt(char *dst, size_t room_bytes, const void *message)
{
    struct out o = {dst, dst + room_bytes};

    put_rows(&o, &call_attempt, message);
    return written(&o, dst);
}

size_t record_put_settled(char *dst, size_t room_bytes, const void *message)
{
    const struct spool_settled *r = message;
    const size_t n = PM_MIN(r->n_attempts, RECORD_ATTEMPTS_MAX);
    struct out o = {dst, dst + room_bytes};

    put_rows(&o, &settled, r);
    for (size_t i = 0; i < n; i++) {
        const size_t from = i + 1 == n ? r->n_attempts - 1 : i;

        put_sub(&o, FIELD_ATTEMPTS, &attempt, &r->attempts[from]);
    }
    if (n < r->n_attempts)
        put_number(&o, FIELD_ATTEMPTS_TOTAL, r->n_attempts);
    return written(&o, dst);
}

struct field {
    uint64_t number;
    enum wire wire;
    uint64_t v;
    struct pm_str bytes;
};

static bool take_varint(struct pm_str *in, uint64_t *v)
{
    *v = 0;
    for (size_t i = 0; i < in->n && i < VARINT_MAX; i++) {
        *v |= (uint64_t)(in->p[i] & 0x7f) << 7 * i;
        if (!(in->p[i] & 0x80)) {
            *in = pm_str_cut(*in, i + 1, in->n);
            return true;
        }
    }
    return false;
}

/* The next field of a message; false when it is malformed. in->n must not be 0. */
static bool take_field(struct pm_str *in, struct field *f)
{
    uint64_t key, n;

    if (!take_varint(in, &key))
        return false;
    f->number = key >> 3;
    f->wire = key & 7;
    f->v = 0;
    f->bytes = PM_NSTR;
    switch (f->wire) {
    case WIRE_VARINT:
        return take_varint(in, &f->v);
    case WIRE_BYTES:
        if (!take_varint(in, &n))
            return false;
        break;
    case WIRE_64:
        n = 8;
        break;
    case WIRE_32:
        n = 4;
        break;
    default:
        return false;
    }
    if (n > in->n)
        return false;
    f->bytes = pm_str_cut(*in, 0, n);
    *in = pm_str_cut(*in, n, in->n);
    return true;
}

/* Unknown fields, and known ones of another wire type, are skipped as protobuf says. */
static bool get_rows(struct pm_str in, const struct table *t, void *to)
{
    struct field f;

    while (in.n) {
        const struct row *r;
        void *at;

        if (!take_field(&in, &f))
            return false;
        if (f.number >= t->n)
            continue;
        r = &t->rows[f.number];
        at = (char *)to + r->offset;
        if (f.wire != (r->type == TEXT || r->type == SUB ? WIRE_BYTES : WIRE_VARINT))
            continue;
        switch (r->type) {
        case TEXT:
            *(struct pm_str *)at = f.bytes;
            break;
        case BOOL:
            *(bool *)at = f.v != 0;
            break;
        case UINT:
            *(unsigned *)at = (unsigned)f.v;
            break;
        case INT:
            *(uint64_t *)at = f.v;
            break;
        case SINT:
            *(uint64_t *)at = f.v >> 1 ^ (0 - (f.v & 1));
            break;
        case SUB:
            if (!get_rows(f.bytes, r->sub, at))
                return false;
            break;
        case NONE:
            break;
        }
    }
    return true;
}

bool record_get_begun(struct pm_str bytes, struct spool_begin *out)
{
    *out = (struct spool_begin){0};
    return get_rows(bytes, &begun, out);
}

bool record_get_attempt(struct pm_str bytes, struct record_attempt *out)
{
    *out = (struct record_attempt){0};
    return get_rows(bytes, &call_attempt, out);
}

bool record_get_settled(struct pm_str bytes, struct spool_settled *out,
                        struct spool_attempt attempts[static RECORD_ATTEMPTS_MAX])
{
    struct field f;

    *out = (struct spool_settled){.attempts = attempts};
    if (!get_rows(bytes, &settled, out))
        return false;
    while (bytes.n && take_field(&bytes, &f)) {
        struct spool_attempt *a = &attempts[out->n_attempts];

        if (f.number != FIELD_ATTEMPTS || f.wire != WIRE_BYTES ||
            out->n_attempts == RECORD_ATTEMPTS_MAX)
            continue;
        *a = (struct spool_attempt){0};
        if (!get_rows(f.bytes, &attempt, a))
            return false;
        out->n_attempts++;
    }
    return true;
}

struct pm_str record_id(enum spool_kind kind, struct pm_str bytes)
{
    struct field f;
    int depth = kind == SPOOL_USAGE_RECORD ? 2 : 1;

    /* The id is the first field of each message, and of the first field of the record. */
    for (; depth && bytes.n; depth--) {
        if (!take_field(&bytes, &f) || f.number != 1 || f.wire != WIRE_BYTES)
            return PM_STR("");
        bytes = f.bytes;
    }
    return bytes;
}
