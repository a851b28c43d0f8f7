/* SPDX-License-Identifier: Apache-2.0 */
/* Included before every file of the project (-include): these do not compile.
 * They have no bound, no error, hidden state, or a locale. The replacement stands beside each. */
#ifndef PM_BANNED_H
#define PM_BANNED_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Macros where clang compiles with fortification. */
#undef sprintf
#undef vsprintf

#pragma GCC poison strcpy strcat /* pm_buf, snprintf */
#pragma GCC poison strncpy strncat /* memcpy with a checked size */
#pragma GCC poison sprintf vsprintf /* snprintf, pm_buf_addf */
#pragma GCC poison strtok /* pm_str_find */
#pragma GCC poison atoi atol atoll atof /* pm_str_u64 */
#pragma GCC poison gets /* fgets */
#pragma GCC poison localtime gmtime ctime asctime /* gmtime_r */
#pragma GCC poison tmpnam mktemp /* mkstemp */

#endif
