/* SPDX-License-Identifier: Apache-2.0 */
/* The tables themselves, taken in by the assembler as they are: pages of the program's file, which
 * the system reads when they are used and shares between processes. */
#include "common/catalogue/tables.h"

#define EMBED(symbol, file)                                                                        \
    __asm__(".pushsection .rodata\n"                                                               \
            ".hidden " #symbol "\n.global " #symbol "\n" #symbol ":\n"                             \
            ".incbin \"" PM_CATALOGUE_DIR "/" file "\"\n"                                          \
            ".hidden " #symbol "_end\n.global " #symbol "_end\n" #symbol "_end:\n"                 \
            ".byte 0\n"                                                                            \
            ".popsection\n")

EMBED(pm_catalogue_providers, "providers.tsv");
EMBED(pm_catalogue_models, "models.tsv");
EMBED(pm_catalogue_endpoints, "endpoints.tsv");
