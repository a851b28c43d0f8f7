/* SPDX-License-Identifier: Apache-2.0 */
/* Embeddings as numbers and as base64 of little-endian float32, from one form into the other:
 * a client that asked for base64 reads nothing out of a list of numbers. Pure, any thread. */
#ifndef AGENT_FRONT_VECTORS_H
#define AGENT_FRONT_VECTORS_H

#include "common/json.h"

/* The `data` array of an answer with every `embedding` in the form that is asked for; what is
 * neither form stays as it is. Appends to out. */
void vectors_write(struct pm_jval data, bool base64, struct pm_buf *out);

#endif
