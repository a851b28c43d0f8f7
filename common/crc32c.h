/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C (Castagnoli), by the processor's own instruction where it has one. Pure, any thread. */
#ifndef PM_CRC32C_H
#define PM_CRC32C_H

#include "common/base.h"

/* Starts from `crc`: 0, or the result for the bytes before these. */
uint32_t pm_crc32c(uint32_t crc, const void *p, size_t n);
/* The same without the instruction: what machines without it get. */
uint32_t pm_crc32c_soft(uint32_t crc, const void *p, size_t n);

#endif
