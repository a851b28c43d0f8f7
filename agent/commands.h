/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: options, and the commands that do their work and end. */
#ifndef AGENT_COMMANDS_H
#define AGENT_COMMANDS_H

#include "common/config/config.h"

struct options {
    const char *config;
    const char *port_file; /* the API's port is written here once it listens */
};

/* Returns -1 if the agent shall run, else the exit code: 0 done, 1 failed, 2 wrong usage. */
int commands_parse(int argc, char **argv, struct options *o);
/* Prints all errors to stderr; NULL if there were any. */
struct pm_config *commands_load(const char *path);

#endif
