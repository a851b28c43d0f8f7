/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/process.h"

#include "tests/bench/loop.h"

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

uint64_t process_cpu_ns(pid_t pid)
{
    clockid_t clock;
    struct timespec t;

    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) < 0)
        return 0;
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

struct process_memory process_memory(pid_t pid)
{
    struct process_memory m = {0};
    char path[64], line[256];
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    f = fopen(path, "re");
    if (!f)
        return m;
    while (fgets(line, sizeof(line), f)) {
        if (strncmp(line, "VmRSS:", 6) == 0)
            m.rss_kib = strtoull(line + 6, NULL, 10);
        else if (strncmp(line, "RssAnon:", 8) == 0)
            m.anon_kib = strtoull(line + 8, NULL, 10);
    }
    fclose(f);
    return m;
}

pid_t process_start(char *const argv[], int core)
{
    pid_t pid = fork();
    cpu_set_t set;

    if (pid < 0)
        die("fork");
    if (pid > 0)
        return pid;
    CPU_ZERO(&set);
    if (core >= 0) {
        CPU_SET((size_t)core, &set);
        sched_setaffinity(0, sizeof(set), &set);
    }
    dup2(STDERR_FILENO, STDOUT_FILENO);
    execv(argv[0], argv);
    die(argv[0]);
}

int process_stop(pid_t pid)
{
    int status = 0;

    kill(pid, SIGTERM);
    if (waitpid(pid, &status, 0) < 0)
        die("waitpid");
    return status;
}
