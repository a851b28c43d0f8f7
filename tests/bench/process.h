/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel tells of another process. */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

#include "common/base.h"

#include <sys/types.h>

/* User and system time of all its threads so far; 0 if there is no such process. */
uint64_t process_cpu_ns(pid_t pid);

struct process_memory {
    uint64_t rss_kib, anon_kib;
};
struct process_memory process_memory(pid_t pid);

/* Starts a program on one core (-1: any), its output as ours. Ends this program if it cannot. */
pid_t process_start(char *const argv[], int core);
/* SIGTERM, then waits. The exit status as waitpid gives it. */
int process_stop(pid_t pid);

#endif
