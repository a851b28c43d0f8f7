/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a folder that an earlier process left, in whatever state. The newest segment begins with
 * a checkpoint of the calls that were open, so only it (and one before it, for the index) is read.
 * A file that makes no sense is renamed and left for people to look at. */
#include "agent/spool/internal.h"

#include "common/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Sequences that a segment set aside may have used; they must not be given out again. */
#define LOST_SEQUENCES (1ULL << 32)

static int by_number(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* The numbers of all files that look like segments, in order. */
static bool list_segments(struct spool *s, uint32_t **numbers, size_t *n, struct pm_error *err)
{
    int fd = fcntl(s->dirfd, F_DUPFD_CLOEXEC, 0);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    size_t cap = 0;

    if (!d) {
        if (fd >= 0)
            close(fd);
        return pm_fail(err, PM_EINTERNAL, "cannot be listed: %s", strerror(errno));
    }
    rewinddir(d);
    while ((entry = readdir(d))) {
        uint32_t number;

        if (!segment_number(entry->d_name, &number))
            continue;
        if (*n == cap) {
            cap = cap ? 2 * cap : 64;
            *numbers = pm_xrealloc(*numbers, cap * sizeof(**numbers));
        }
        (*numbers)[(*n)++] = number;
    }
    closedir(d);
    if (*n)
        qsort(*numbers, *n, sizeof(**numbers), by_number);
    return true;
}

static void set_aside(struct spool *s, uint32_t number, const char *why)
{
    char from[SEGMENT_NAME_SIZE], to[SEGMENT_NAME_SIZE + 4];

    segment_name(from, number);
    snprintf(to, sizeof(to), "%s.bad", from);
    renameat(s->dirfd, from, s->dirfd, to);
    s->damaged++;
    pm_log(PM_WARN, "spool segment set aside", KV_C("file", to), KV_C("reason", why));
}

/* Takes one file into s->segments, deletes it, or sets it aside. *lost: it was the newest one. */
static bool take(struct spool *s, uint32_t number, bool *lost, struct pm_error *err)
{
    const struct segment_info *last = s->n_segments ? &s->segments[s->n_segments - 1] : NULL;
    char name[SEGMENT_NAME_SIZE];
    struct segment_header h;
    uint64_t size = 0;
    enum segment_state state = SEGMENT_BAD;

    segment_name(name, number);
    if (scan_header(s->dirfd, number, &h, &size))
        state = segment_check(&h, number);
    if (state == SEGMENT_NEWER)
        return pm_fail(err, PM_EINTERNAL, "%s was written by a newer version (%u)", name,
                       h.version);
    if (state == SEGMENT_UNUSED) {
        unlinkat(s->dirfd, name, 0);
    } else if (state == SEGMENT_BAD || size > SEGMENT_BYTES_MAX) {
        set_aside(s, number, "its header is not a segment's");
        *lost = true;
    } else if (last && h.first_seq <= last->first_seq) {
        set_aside(s, number, "its sequences are older than those before it");
    } else {
        const struct segment_info info = {.number = number,
                                          .salt = h.salt,
                                          .first_seq = h.first_seq,
                                          .made_unix_ms = h.made_unix_ms,
                                          .bytes = size};

        spool_add_segment(s, &info);
        *lost = false;
    }
    return true;
}

static bool scan_info(struct spool *s, const struct segment_info *info, struct scan *c)
{
    return scan_open(c, s->dirfd, info->number, info->salt, info->first_seq, (uint32_t)info->bytes);
}

static void load_checkpoint(struct spool *s, struct pm_str payload)
{
    struct checkpoint_row row;
    struct scan_entry e;

    for (; payload.n >= sizeof(row); payload = pm_str_cut(payload, sizeof(row), payload.n)) {
        struct scan c = {.fd = -1};

        memcpy(&row, payload.p, sizeof(row));
        /* If it is gone, a copy of it comes later. */
        if (spool_read_place(s, row.begun, &c, &e) && e.kind == SPOOL_CALL_BEGUN) {
            const struct pm_str id = record_id(e.kind, e.payload);

            open_call_begin(s, id, row.begun);
            open_call_attempt(s, id, row.attempt);
        }
        scan_close(&c);
    }
}

/* The newest segment that begins with a whole checkpoint, which is loaded; else the first. */
static size_t find_checkpoint(struct spool *s)
{
    size_t i = s->n_segments;
    bool found = false;

    while (i > 0 && !found) {
        const struct segment_info *info = &s->segments[--i];
        struct scan c = {.fd = -1};
        struct scan_entry e;

        found = scan_info(s, info, &c) && scan_at(&c, sizeof(struct segment_header), &e) &&
                e.kind == SEGMENT_CHECKPOINT && !(e.flags & ENTRY_PARTIAL);
        if (found)
            load_checkpoint(s, e.payload);
        scan_close(&c);
    }
    return i;
}

static void replay_entry(struct spool *s, uint32_t number, const struct scan_entry *e, bool calls)
{
    const struct pm_str id = record_id((enum spool_kind)e->kind, e->payload);
    const uint64_t at = place(number, e->at);

    if (e->kind == SPOOL_USAGE_RECORD)
        index_put(&s->index, pm_hash(id), at);
    if (!calls)
        return;
    if (e->kind == SPOOL_CALL_BEGUN)
        open_call_begin(s, id, at);
    else if (e->kind == SPOOL_CALL_ATTEMPT)
        open_call_attempt(s, id, at);
    else if (e->kind == SPOOL_USAGE_RECORD)
        open_call_settle(s, id);
}

/* Reads one segment, and cuts off what follows its last entry. *whole: all of it was good. */
static void replay(struct spool *s, struct segment_info *info, bool calls, bool *whole)
{
    struct scan c = {.fd = -1};
    struct scan_entry e;
    char name[SEGMENT_NAME_SIZE];
    int fd;

    *whole = false;
    if (!scan_info(s, info, &c)) {
        s->damaged++;
        return;
    }
    while (scan_next(&c, &e)) {
        if (e.kind != SEGMENT_CHECKPOINT)
            replay_entry(s, info->number, &e, calls);
    }
    segment_name(name, info->number);
    if (c.damaged || c.failed)
        pm_log(PM_WARN, "spool segment damaged", KV_C("file", name), KV_I("places", c.damaged),
               KV_B("unreadable", c.failed));
    if (c.trailing)
        pm_log(PM_INFO, "spool tail cut", KV_C("file", name), KV_I("at", c.end));
    s->damaged += c.damaged + c.failed;
    s->next_seq = PM_MAX(s->next_seq, c.last_seq + 1);
    *whole = !c.damaged && !c.failed;
    fd = c.failed || c.end == info->bytes ? -1 : openat(s->dirfd, name, O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        if (ftruncate(fd, c.end) == 0)
            info->bytes = c.end;
        close(fd);
    }
    scan_close(&c);
}

/* Goes on in the last segment if there is room in it, else in a new one. A full disk is no reason
 * not to open. */
static bool take_up(struct spool *s, bool whole, struct pm_error *err)
{
    struct segment_info *last = s->n_segments ? &s->segments[s->n_segments - 1] : NULL;
    const uint32_t size = (uint32_t)s->cfg.segment_bytes;
    bool no_space;

    if (last && whole && last->bytes % 8 == 0 && last->bytes < size / 4 * 3) {
        if (segment_reopen(s->dirfd, last->number, last->salt, (uint32_t)last->bytes, size,
                           &s->current, &no_space, err)) {
            last->bytes = size;
            return true;
        }
        if (!no_space)
            return false;
    }
    if (segment_make(s->dirfd, ++s->last_number, size, &s->next, &no_space, err)) {
        spool_rotate(s);
        return true;
    }
    if (!no_space)
        return false;
    s->errors++;
    pm_log(PM_ERROR, "spool has no room", KV_C("error", err->text));
    return true;
}

bool recover(struct spool *s, struct pm_error *err)
{
    uint32_t *numbers = NULL;
    size_t n = 0, from;
    bool ok = list_segments(s, &numbers, &n, err), whole = false, lost = false;
    struct pm_str id;
    void *call;

    for (size_t i = 0; ok && i < n; i++)
        ok = take(s, numbers[i], &lost, err);
    s->last_number = n ? numbers[n - 1] : 0;
    free(numbers);
    if (!ok)
        return false;
    from = find_checkpoint(s);
    for (size_t i = from ? from - 1 : 0; i < s->n_segments; i++)
        replay(s, &s->segments[i], i >= from, &whole);
    s->next_seq += lost ? LOST_SEQUENCES : 0;
    for (size_t i = 0; pm_map_next(&s->open, &i, &id, &call);)
        ((struct open_call *)call)->orphan = true;
    s->orphans = s->open.n;
    s->folder_dirty = true;
    return take_up(s, whole, err);
}
