/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a segment's entries with pread, in pieces that grow while reading goes on, so that one
 * entry costs little and a whole file few calls. Damage is passed over: the next good entry is
 * searched for. Never trusts a byte of the file. One owner, any thread. */
#ifndef AGENT_SPOOL_SCAN_H
#define AGENT_SPOOL_SCAN_H

#include "agent/spool/segment.h"

struct scan {
    int fd; /* -1: closed */
    uint32_t salt;
    uint64_t last_seq; /* entries must be later than this */
    uint32_t at; /* where to look next */
    uint32_t limit; /* where to stop */
    uint32_t end; /* after the last good entry that was given out */
    bool failed; /* the file could not be read to its limit */
    bool trailing; /* bytes that are not zero follow the last good entry */
    unsigned damaged; /* runs of bad bytes with a good entry after them */
    char *buf;
    size_t cap, have; /* bytes of buf, and those that are filled */
    uint32_t base; /* place in the file of buf[0] */
    size_t piece; /* size of the next read */
};

struct scan_entry {
    uint64_t seq;
    uint16_t kind, flags;
    uint32_t at; /* place in the file */
    struct pm_str payload; /* until the next call */
};

/* The header of file `number`, in *h, and the size of the file. False: cannot be read. */
bool scan_header(int dirfd, uint32_t number, struct segment_header *h, uint64_t *size);
/* Opens it to read from the first entry on up to `limit`, or to the end of the file. */
bool scan_open(struct scan *c, int dirfd, uint32_t number, uint32_t salt, uint64_t first_seq,
               uint32_t limit);
void scan_close(struct scan *c); /* closing twice is fine */
bool scan_next(struct scan *c, struct scan_entry *e);
/* The entry at one place; nothing is searched for. */
bool scan_at(struct scan *c, uint32_t at, struct scan_entry *e);
/* The index, if the file ends with one. */
bool scan_index(struct scan *c, struct scan_entry *e);
/* For a file that grows: forgets what was read past the last entry, and goes on to `limit`. */
void scan_extend(struct scan *c, uint32_t limit);

#endif
