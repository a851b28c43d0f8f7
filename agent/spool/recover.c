/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a folder that an earlier process left, in whatever state. The newest segment begins with
 * a checkpoint of the calls that were open, so only it is read, and older ones that were not ended.
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

/* What one segment was found to be. The index in g is complete; g is not mapped. */
struct replayed {
    struct segment g;
    bool failed; /* it cannot be read */
    bool indexed; /* it ends with its index */
};

static void replay_entry(struct spool *s, uint32_t number, const struct scan_entry *e)
{
    const struct pm_str id = record_id((enum spool_kind)e->kind, e->payload);
    const uint64_t at = place(number, e->at);

    if (e->kind == SPOOL_CALL_BEGUN)
        open_call_begin(s, id, at);
    else if (e->kind == SPOOL_CALL_ATTEMPT)
        open_call_attempt(s, id, at);
    else if (e->kind == SPOOL_USAGE_RECORD)
        open_call_settle(s, id);
}

static void report(struct spool *s, const struct segment_info *info, const struct scan *c)
{
    char name[SEGMENT_NAME_SIZE];

    segment_name(name, info->number);
    s->damaged += c->damaged + c->failed;
    if (c->damaged || c->failed)
        pm_log(PM_WARN, "spool segment damaged", KV_C("file", name), KV_I("places", c->damaged),
               KV_B("unreadable", c->failed));
    if (c->trailing)
        pm_log(PM_INFO, "spool tail cut", KV_C("file", name), KV_I("at", c->end));
}

/* Reads one segment: its calls too if they are not known from a later checkpoint. */
static void replay(struct spool *s, const struct segment_info *info, bool calls,
                   struct replayed *out)
{
    struct scan c = {.fd = -1};
    struct scan_entry e;

    *out = (struct replayed){.g = {.number = info->number, .salt = info->salt, .fd = -1}};
    if (!scan_info(s, info, &c)) {
        s->damaged++;
        out->failed = true;
        return;
    }
    while (scan_next(&c, &e)) {
        out->indexed = e.kind == SEGMENT_INDEX && c.end == info->bytes;
        if (e.kind == SPOOL_USAGE_RECORD)
            segment_index(&out->g, segment_hash(record_id(SPOOL_USAGE_RECORD, e.payload)), e.at);
        if (calls)
            replay_entry(s, info->number, &e);
    }
    report(s, info, &c);
    out->g.end = c.end;
    out->failed = c.failed;
    s->next_seq = PM_MAX(s->next_seq, c.last_seq + 1);
    scan_close(&c);
}

/* Maps what was replayed, to be written on up to `size` at least. Takes the index. */
static bool reopen(struct spool *s, struct segment_info *info, struct replayed *r, size_t size,
                   struct segment *out, bool *no_space, struct pm_error *err)
{
    bool ok;

    r->g.size = PM_MAX((uint32_t)size, (segment_full_size(&r->g) / 4096 + 2) * 4096);
    ok = segment_reopen(s->dirfd, &r->g, out, no_space, err);
    info->bytes = ok ? out->size : r->g.end;
    if (!ok)
        free(r->g.index);
    r->g.index = NULL;
    return ok;
}

/* Ends a full segment that the earlier process did not come to end: the next sync does it. */
static void retire(struct spool *s, struct segment_info *info, struct replayed *r)
{
    struct retired *old = pm_xmalloc(sizeof(*old));
    bool no_space;

    /* The sequence before the next segment's was kept for this. */
    *old = (struct retired){.index_seq = info[1].first_seq - 1, .next = s->retired};
    if (r->failed || r->indexed || !reopen(s, info, r, 0, &old->segment, &no_space, NULL)) {
        free(r->g.index);
        free(old);
        return;
    }
    info->bytes = segment_full_size(&old->segment);
    s->retired = old;
}

static bool ends_with_index(struct spool *s, const struct segment_info *info)
{
    struct scan c = {.fd = -1};
    struct scan_entry e;
    const bool found = scan_info(s, info, &c) && scan_index(&c, &e);

    scan_close(&c);
    return found;
}

/* Everything that a full scan must see. *last: the newest segment, to be written on. */
static void replay_all(struct spool *s, struct replayed *last)
{
    const size_t from = find_checkpoint(s);

    for (size_t i = from; i > 0 && !ends_with_index(s, &s->segments[i - 1]); i--) {
        struct replayed r;

        replay(s, &s->segments[i - 1], false, &r);
        retire(s, &s->segments[i - 1], &r);
    }
    for (size_t i = from; i < s->n_segments; i++) {
        replay(s, &s->segments[i], true, last);
        if (i + 1 < s->n_segments)
            retire(s, &s->segments[i], last);
    }
}

/* Goes on in the last segment, and in a new one if that has little room. A full disk is no reason
 * not to open. */
static bool take_up(struct spool *s, struct replayed *last, struct pm_error *err)
{
    const uint32_t size = (uint32_t)s->cfg.segment_bytes;
    bool no_space = false;

    if (s->n_segments && !last->failed) {
        struct segment_info *info = &s->segments[s->n_segments - 1];

        if (!reopen(s, info, last, size, &s->current, &no_space, err) && !no_space)
            return false;
        if (s->current.map && s->current.end < size / 4 * 3)
            return true;
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
    size_t n = 0;
    bool ok = list_segments(s, &numbers, &n, err), lost = false;
    struct replayed last = {0};
    struct pm_str id;
    void *call;

    for (size_t i = 0; ok && i < n; i++)
        ok = take(s, numbers[i], &lost, err);
    s->last_number = n ? numbers[n - 1] : 0;
    free(numbers);
    if (!ok)
        return false;
    replay_all(s, &last);
    s->next_seq += lost ? LOST_SEQUENCES : 0;
    for (size_t i = 0; pm_map_next(&s->open, &i, &id, &call);)
        ((struct open_call *)call)->orphan = true;
    s->orphans = s->open.n;
    s->folder_dirty = true;
    ok = take_up(s, &last, err);
    free(last.g.index);
    if (ok)
        keeper_dirty(s);
    return ok;
}
