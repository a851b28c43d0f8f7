/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/spool/segment.h"

#include "common/clock.h"
#include "common/crc32c.h"
#include "common/map.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define VERSION 1
#define SEQ_MAX (UINT64_MAX / 2) /* far from where it would wrap */
static const char magic[8] = "PMSPOOL";

_Static_assert(sizeof(struct segment_header) == 64, "entries begin at a multiple of 8");
_Static_assert(sizeof(struct segment_entry) == 24, "payloads begin at a multiple of 8");

void segment_name(char name[static SEGMENT_NAME_SIZE], uint32_t number)
{
    snprintf(name, SEGMENT_NAME_SIZE, "%020u.seg", number);
}

bool segment_number(const char *name, uint32_t *number)
{
    const struct pm_str s = pm_str(name);
    uint64_t v;

    if (s.n != SEGMENT_NAME_SIZE - 1 || !pm_str_is(pm_str_cut(s, 20, s.n), ".seg") ||
        !pm_str_u64(pm_str_cut(s, 0, 20), &v) || v == 0 || v > UINT32_MAX)
        return false;
    *number = (uint32_t)v;
    return true;
}

static uint32_t header_crc(const struct segment_header *h)
{
    return pm_crc32c(0, h, offsetof(struct segment_header, crc));
}

static bool out_of_space(int code)
{
    return code == ENOSPC || code == EDQUOT || code == EFBIG;
}

/* Takes the disk space and maps the file. An errno, or 0. */
static int occupy(int fd, uint32_t size, char **map)
{
    /* On file systems that cannot do it, libc writes a byte to each block instead. */
    int code = posix_fallocate(fd, 0, size);
    void *p;

    if (code)
        return code;
    p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return errno;
    *map = p;
    return 0;
}

bool segment_make(int dirfd, uint32_t number, uint32_t size, struct segment *out, bool *no_space,
                  struct pm_error *err)
{
    char name[SEGMENT_NAME_SIZE];
    struct segment g = {.number = number, .size = size, .end = sizeof(struct segment_header)};
    struct segment_header h = {.version = VERSION, .number = number};
    int code;

    *no_space = false;
    segment_name(name, number);
    g.fd = openat(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    code = g.fd < 0 ? errno : occupy(g.fd, size, &g.map);
    if (code || !g.map) {
        if (g.fd >= 0) {
            close(g.fd);
            unlinkat(dirfd, name, 0);
        }
        *no_space = out_of_space(code);
        return pm_fail(err, PM_EINTERNAL, "%s: %s", name, strerror(code));
    }
    memcpy(h.magic, magic, sizeof(magic));
    pm_random(&h.salt, sizeof(h.salt));
    h.crc = header_crc(&h);
    memcpy(g.map, &h, sizeof(h));
    g.salt = h.salt;
    *out = g;
    return true;
}

bool segment_reopen(int dirfd, const struct segment *old, struct segment *out, bool *no_space,
                    struct pm_error *err)
{
    char name[SEGMENT_NAME_SIZE];
    struct segment g = *old;
    int code;

    *no_space = false;
    segment_name(name, g.number);
    g.fd = openat(dirfd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    /* Cutting leaves zeros after `end` when the space is taken again. */
    code = g.fd < 0 || ftruncate(g.fd, g.end) != 0 ? errno : occupy(g.fd, g.size, &g.map);
    if (code) {
        if (g.fd >= 0)
            close(g.fd);
        *no_space = out_of_space(code);
        return pm_fail(err, PM_EINTERNAL, "%s: %s", name, strerror(code));
    }
    *out = g;
    return true;
}

void segment_begin(struct segment *g, uint64_t first_seq, int64_t unix_ms)
{
    struct segment_header *h = (struct segment_header *)(void *)g->map;

    h->made_unix_ms = unix_ms;
    h->first_seq = first_seq;
    h->crc = header_crc(h);
}

enum segment_state segment_check(const struct segment_header *h, uint32_t number)
{
    static const struct segment_header none;
    struct segment_header unused = *h;

    /* A power loss may leave a file that was made and never written to. */
    if (memcmp(h, &none, sizeof(none)) == 0)
        return SEGMENT_UNUSED;
    if (memcmp(h->magic, magic, sizeof(magic)) != 0)
        return SEGMENT_BAD;
    if (h->version > VERSION)
        return SEGMENT_NEWER;
    if (h->number != number || h->first_seq > SEQ_MAX)
        return SEGMENT_BAD;
    if (header_crc(h) == h->crc)
        return h->first_seq ? SEGMENT_USED : SEGMENT_UNUSED;
    /* A kill within segment_begin leaves the old CRC; there is no entry yet. */
    unused.made_unix_ms = 0;
    unused.first_seq = 0;
    return header_crc(&unused) == h->crc ? SEGMENT_UNUSED : SEGMENT_BAD;
}

uint32_t segment_entry_crc(uint32_t salt, const struct segment_entry *e, const char *payload)
{
    struct segment_entry h = *e;

    h.crc = 0;
    return pm_crc32c(pm_crc32c(salt, &h, sizeof(h)), payload, h.length);
}

uint32_t segment_hash(struct pm_str id)
{
    return (uint32_t)pm_hash_stable(id);
}

void segment_index(struct segment *g, uint32_t hash, uint32_t at)
{
    if (g->records == g->cap) {
        g->cap = g->cap ? 2 * g->cap : 512;
        g->index = pm_xrealloc(g->index, g->cap * sizeof(*g->index));
    }
    g->index[g->records++] = (struct index_row){hash, at};
}

static uint32_t index_length(uint32_t records)
{
    return records * (uint32_t)sizeof(struct index_row) + (uint32_t)sizeof(uint64_t);
}

char *segment_room(const struct segment *g, size_t *room)
{
    /* Of this entry, and of the index with one row more. Padding may take 7 bytes, and the length
     * of the entry that follows is set to 0 and must fit too. */
    const size_t frame =
        2 * sizeof(struct segment_entry) + index_length(g->records + 1) + 2 * sizeof(uint64_t);

    *room = g->size - g->end > frame ? g->size - g->end - frame : 0;
    return g->map + g->end + sizeof(struct segment_entry);
}

uint32_t segment_publish(struct segment *g, uint64_t seq, uint16_t kind, uint16_t flags, size_t n)
{
    const uint32_t at = g->end, next = at + sizeof(struct segment_entry) + segment_padded(n);
    char *p = g->map + at;
    struct segment_entry e = {.length = (uint32_t)n, .seq = seq, .kind = kind, .flags = flags};
    uint64_t first;

    e.crc = segment_entry_crc(g->salt, &e, p + sizeof(e));
    memcpy(&first, &e, sizeof(first));
    /* An entry that did not fit may have left bytes behind where the next one begins. */
    memset(g->map + next, 0, sizeof(first));
    memcpy(p + sizeof(first), (const char *)&e + sizeof(first), sizeof(e) - sizeof(first));
    __atomic_store_n((uint64_t *)(void *)p, first, __ATOMIC_RELEASE);
    g->end = next;
    return at;
}

uint32_t segment_full_size(const struct segment *g)
{
    return g->end + (uint32_t)sizeof(struct segment_entry) + index_length(g->records);
}

static void release(struct segment *g)
{
    munmap(g->map, g->size);
    close(g->fd);
    free(g->index);
    *g = (struct segment){.fd = -1};
}

static void write_index(struct segment *g, uint64_t seq)
{
    const uint64_t place = g->end;
    const size_t rows = g->records * sizeof(struct index_row);
    char *const p = g->map + g->end + sizeof(struct segment_entry);

    if (rows)
        memcpy(p, g->index, rows);
    memcpy(p + rows, &place, sizeof(place));
    segment_publish(g, seq, SEGMENT_INDEX, 0, rows + sizeof(place));
}

bool segment_end(struct segment *g, uint64_t index_seq)
{
    bool ok;

    if (!g->map)
        return true;
    if (index_seq)
        write_index(g, index_seq);
    ok = fdatasync(g->fd) == 0;
    if (ftruncate(g->fd, g->end) != 0)
        ok = false;
    release(g);
    return ok;
}

void segment_discard(int dirfd, struct segment *g)
{
    char name[SEGMENT_NAME_SIZE];

    if (!g->map)
        return;
    segment_name(name, g->number);
    unlinkat(dirfd, name, 0);
    release(g);
}
