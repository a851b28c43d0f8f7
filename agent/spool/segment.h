/* SPDX-License-Identifier: Apache-2.0 */
/* One file of the spool: a header, then entries at multiples of 8, then zeros while it is written.
 *
 *     header   magic, version, number, salt, made, first sequence, CRC
 *     entry    length, CRC-32C, sequence, kind, flags | payload, padded to 8
 *
 * An entry's payload is written first, and its length and CRC last and at once, so that what a
 * kill leaves behind is not an entry. Its CRC starts from the segment's random salt: bytes that a
 * client chose never pass for an entry when a damaged file is searched for the next good one.
 * Numbers are in the machine's byte order: a spool does not move between machines.
 *
 * A segment is written through its mapping by one thread; making, ending and deleting one may
 * happen on another. */
#ifndef AGENT_SPOOL_SEGMENT_H
#define AGENT_SPOOL_SEGMENT_H

#include "agent/spool.h"

#define SEGMENT_NAME_SIZE 25 /* twenty digits, ".seg" and a NUL */
#define SEGMENT_BYTES_MIN (256 * 1024)
#define SEGMENT_BYTES_MAX (1024 * 1024 * 1024)

struct segment_header {
    char magic[8];
    uint32_t version, number; /* the number is the file's name too */
    uint32_t salt, unused;
    int64_t made_unix_ms; /* this and first_seq are 0 while the segment waits to be used */
    uint64_t first_seq;
    uint32_t reserved[5];
    uint32_t crc; /* of all bytes before it */
};

/* Kinds beside those of enum spool_kind. The checkpoint is a segment's first entry, the index its
 * last, once it is full. */
enum { SEGMENT_INDEX = 14, SEGMENT_CHECKPOINT = 15 };
#define ENTRY_REPEATED 1 /* flag: a copy of an entry whose segment is dropped */
#define ENTRY_PARTIAL 2 /* flag: not every open call is in this checkpoint */

struct segment_entry {
    uint32_t length, crc; /* of the payload; of this with crc 0 and the payload, from the salt */
    uint64_t seq;
    uint16_t kind, flags;
    uint32_t reserved;
};

static inline uint32_t segment_padded(size_t n)
{
    return (uint32_t)(n + 7) & ~7u;
}

/* The index: a row for each settled record, and after them, as the file's last eight bytes, the
 * place of the index itself. */
struct index_row {
    uint32_t hash, at; /* segment_hash of the id; place in the file */
};
uint32_t segment_hash(struct pm_str id);

/* CRC of an entry, whatever its crc says. */
uint32_t segment_entry_crc(uint32_t salt, const struct segment_entry *e, const char *payload);

/* A segment that is being written. Owns its index. */
struct segment {
    char *map; /* NULL: there is none */
    int fd;
    uint32_t number, salt;
    uint32_t size; /* of the mapping */
    uint32_t end; /* where the next entry goes */
    struct index_row *index; /* of the settled records in it; room for it in the file is kept */
    uint32_t records, cap; /* rows in use, rows allocated */
};

void segment_name(char name[static SEGMENT_NAME_SIZE], uint32_t number);
bool segment_number(const char *name, uint32_t *number); /* false: not a segment's name */

/* Makes and maps a file whose disk space is taken already. Any thread. *no_space: that is what is
 * missing, and it may come back. */
bool segment_make(int dirfd, uint32_t number, uint32_t size, struct segment *out, bool *no_space,
                  struct pm_error *err);
/* Cuts an old one at its end and maps it to be written on. The same failures. */
bool segment_reopen(int dirfd, const struct segment *old, struct segment *out, bool *no_space,
                    struct pm_error *err);
/* From now on it is in use: `first_seq` is the sequence of its first entry. */
void segment_begin(struct segment *g, uint64_t first_seq, int64_t unix_ms);

/* Notes a settled record that was published. */
void segment_index(struct segment *g, uint32_t hash, uint32_t at);

/* Where the payload of the next entry goes, and how much of it there is room for. */
char *segment_room(const struct segment *g, size_t *room);
/* Makes the n bytes written there an entry; gives its place in the file. */
uint32_t segment_publish(struct segment *g, uint64_t seq, uint16_t kind, uint16_t flags, size_t n);

/* Bytes of the file once the index is in it. */
uint32_t segment_full_size(const struct segment *g);
/* Syncs, cuts off what is not used, unmaps and closes. Any thread. False: the sync failed.
 * index_seq: the sequence of the index; 0 if it will be written on, and gets none. */
bool segment_end(struct segment *g, uint64_t index_seq);
/* Unmaps, closes and deletes one that was never used. */
void segment_discard(int dirfd, struct segment *g);

enum segment_state { SEGMENT_USED, SEGMENT_UNUSED, SEGMENT_NEWER, SEGMENT_BAD };
/* What the header of file `number` says. */
enum segment_state segment_check(const struct segment_header *h, uint32_t number);

#endif
