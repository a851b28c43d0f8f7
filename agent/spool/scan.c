/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/spool/scan.h"

#include "agent/spool/record.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_FIRST 4096
#define PIECE_MOST (256 * 1024)

static int open_segment(int dirfd, uint32_t number)
{
    char name[SEGMENT_NAME_SIZE];

    segment_name(name, number);
    /* What is not a file must not make the opening wait. */
    return openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

/* As many bytes as there are, up to n. */
static size_t read_at(int fd, char *p, size_t n, uint64_t at)
{
    size_t have = 0;

    while (have < n) {
        ssize_t r = pread(fd, p + have, n - have, (off_t)(at + have));

        if (r <= 0)
            break;
        have += (size_t)r;
    }
    return have;
}

bool scan_header(int dirfd, uint32_t number, struct segment_header *h, uint64_t *size)
{
    struct stat st;
    int fd = open_segment(dirfd, number);
    bool ok = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);

    *h = (struct segment_header){0};
    if (ok) {
        *size = (uint64_t)st.st_size;
        read_at(fd, (char *)h, sizeof(*h), 0);
    }
    if (fd >= 0)
        close(fd);
    return ok;
}

bool scan_open(struct scan *c, int dirfd, uint32_t number, uint32_t salt, uint64_t first_seq,
               uint32_t limit)
{
    *c = (struct scan){
        .fd = open_segment(dirfd, number),
        .salt = salt,
        .last_seq = first_seq - 1,
        .at = sizeof(struct segment_header),
        .end = sizeof(struct segment_header),
        .limit = limit,
        .piece = PIECE_FIRST,
    };
    return c->fd >= 0;
}

void scan_close(struct scan *c)
{
    if (c->fd >= 0)
        close(c->fd);
    free(c->buf);
    *c = (struct scan){.fd = -1};
}

void scan_extend(struct scan *c, uint32_t limit)
{
    c->have = 0;
    c->at = c->end;
    c->limit = limit;
}

/* n bytes of the file; NULL if it has not that many. They stay until the next peek. */
static const char *peek(struct scan *c, uint32_t at, size_t n)
{
    size_t want;

    if (at >= c->base && at - c->base + n <= c->have)
        return c->buf + (at - c->base);
    if (at > c->limit || n > c->limit - at)
        return NULL;
    want = PM_MIN(PM_MAX(n, c->piece), c->limit - at);
    c->piece = PM_MIN(c->piece * 2, PIECE_MOST);
    if (want > c->cap) {
        c->cap = want;
        c->buf = pm_xrealloc(c->buf, want);
    }
    c->base = at;
    c->have = read_at(c->fd, c->buf, want, at);
    c->failed = c->failed || c->have < want;
    return c->have < n ? NULL : c->buf;
}

static bool plausible(const struct scan *c, const struct segment_entry *e)
{
    const uint64_t most = c->last_seq + SEGMENT_BYTES_MAX / sizeof(*e);

    return e->length > 0 && e->length <= SEGMENT_BYTES_MAX && e->seq > c->last_seq &&
           e->seq <= most && e->reserved == 0 &&
           ((e->kind >= SPOOL_CALL_BEGUN && e->kind <= SPOOL_USAGE_RECORD &&
             e->length <= RECORD_MAX_BYTES) ||
            e->kind == SEGMENT_CHECKPOINT || e->kind == SEGMENT_INDEX);
}

bool scan_at(struct scan *c, uint32_t at, struct scan_entry *out)
{
    struct segment_entry e;
    const char *p = peek(c, at, sizeof(e));

    if (!p)
        return false;
    memcpy(&e, p, sizeof(e));
    if (!plausible(c, &e))
        return false;
    p = peek(c, at, sizeof(e) + e.length);
    if (!p || segment_entry_crc(c->salt, &e, p + sizeof(e)) != e.crc)
        return false;
    *out = (struct scan_entry){.seq = e.seq,
                               .kind = e.kind,
                               .flags = e.flags,
                               .at = at,
                               .payload = pm_str_n(p + sizeof(e), e.length)};
    return true;
}

/* The next place that is not zero, or the end of what can be read. */
static uint32_t skip_zeros(struct scan *c, uint32_t at)
{
    const char *p = peek(c, at, sizeof(uint64_t));

    while (p) {
        const char *const end = c->buf + c->have - sizeof(uint64_t);
        uint64_t word = 0;

        for (; p <= end && word == 0; p += sizeof(word))
            memcpy(&word, p, sizeof(word));
        at = c->base + (uint32_t)(p - c->buf);
        if (word)
            return at - (uint32_t)sizeof(word);
        p = peek(c, at, sizeof(word));
    }
    return c->limit;
}

bool scan_index(struct scan *c, struct scan_entry *e)
{
    uint64_t at;
    const char *p =
        c->limit > sizeof(at) ? peek(c, c->limit - (uint32_t)sizeof(at), sizeof(at)) : NULL;

    if (!p)
        return false;
    memcpy(&at, p, sizeof(at));
    return at < c->limit && scan_at(c, (uint32_t)at, e) && e->kind == SEGMENT_INDEX &&
           at + sizeof(struct segment_entry) + e->payload.n == c->limit;
}

bool scan_next(struct scan *c, struct scan_entry *e)
{
    bool bad = false;

    c->trailing = false;
    while (c->at < c->limit && !scan_at(c, c->at, e)) {
        const uint32_t next = skip_zeros(c, c->at);

        bad = true;
        c->trailing = c->trailing || next == c->at;
        c->at = next > c->at ? next : c->at + 8;
    }
    if (c->at >= c->limit)
        return false;
    c->trailing = false;
    if (bad)
        c->damaged++;
    c->last_seq = e->seq;
    c->at += (uint32_t)sizeof(struct segment_entry) + segment_padded(e->payload.n);
    c->end = c->at;
    return true;
}
