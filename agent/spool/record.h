/* SPDX-License-Identifier: Apache-2.0 */
/* The spool's messages between C structs and protobuf bytes (proto/pointsman/v1/usage.proto), by
 * one table for both ways. Encoding writes straight into the segment and allocates nothing, which
 * is what protobuf-c cannot do for text without a NUL. Pure, any thread. */
#ifndef AGENT_SPOOL_RECORD_H
#define AGENT_SPOOL_RECORD_H

#include "agent/spool.h"

#define RECORD_TEXT_MAX 256 /* bytes of one text */
#define RECORD_ATTEMPTS_MAX 32 /* of one record: the first ones and the last */
#define RECORD_MAX_BYTES (96 * 1024) /* no message is longer, by the two above */

struct record_attempt { /* CallAttempt */
    struct pm_str id;
    struct spool_attempt attempt;
};

/* Encode into dst; give the bytes written, or 0 if they are more than room. The argument is a
 * struct spool_begin, record_attempt or spool_settled. */
typedef size_t record_put_fn(char *dst, size_t room, const void *message);
record_put_fn record_put_begun, record_put_attempt, record_put_settled;

/* False: not such a message. Texts borrow the bytes. */
bool record_get_begun(struct pm_str bytes, struct spool_begin *out);
bool record_get_attempt(struct pm_str bytes, struct record_attempt *out);
/* out->attempts is set to `attempts`. */
bool record_get_settled(struct pm_str bytes, struct spool_settled *out,
                        struct spool_attempt attempts[static RECORD_ATTEMPTS_MAX]);
/* The call's id from any of the three; empty if it is none. */
struct pm_str record_id(enum spool_kind kind, struct pm_str bytes);

#endif
