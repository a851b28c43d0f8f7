/* SPDX-License-Identifier: Apache-2.0 */
/* The provider of the benchmark: canned answers, as cheap as they can be, so that the proxy
 * between is what is measured. It lives in the same process as the clients, which lets a stream
 * be driven event by event: the next leaves when the client has the last one, so that every
 * event crosses the proxy by itself, as tokens do, however fast or slow the proxy is.
 *
 * What to answer stands where a text of the request begins: "load:STREAM:EVENTS:PACE", with PACE
 * "each" (on origin_next) or "second" (one a second). Without it, one body of 300 bytes. */
#ifndef BENCH_ORIGIN_H
#define BENCH_ORIGIN_H

#include "common/base.h"

#define ORIGIN_MAX_STREAMS 8192

void origin_start(uint16_t *port);
void origin_tick(void); /* after every turn of the loop: sends what is due by the clock */
/* The client has seen so many events of this stream: sends one more if that is all that left. */
void origin_next(uint32_t stream, uint32_t seen);
uint64_t origin_requests(void); /* complete requests since the start */

#endif
