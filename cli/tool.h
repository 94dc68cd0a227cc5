/* SPDX-License-Identifier: Apache-2.0 */
/* What the subcommands of `otlpipe` share. */
#ifndef OTLPIPE_CLI_TOOL_H
#define OTLPIPE_CLI_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tool_exit {
	TOOL_OK = 0,
	TOOL_FAILED = 1,
	TOOL_USAGE = 2, /* the command line is wrong: one line on stderr says how */
};

/* Each gets argv[0] as "otlpipe cat", for getopt's messages, and returns an enum tool_exit. */
int cat_main(int argc, char **argv);
int load_main(int argc, char **argv);
int stat_main(int argc, char **argv);
int verify_main(int argc, char **argv);

/* One line on stderr, "otlpipe: " before it. */
void tool_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same for a wrong command line. Returns TOOL_USAGE. */
int tool_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * All output goes through these, so that a full disk behind a redirect is an error: 0, or
 * -errno; -EPIPE: nobody reads any more. The first error stays.
 */
int tool_write(const void *bytes, size_t count);
int tool_flush(void);

/* To be the last call of a subcommand: flushes, says what went wrong with stdout, and returns
 * the exit status. A reader that has left is no failure. */
int tool_finish(int status);

/* From now on SIGINT and SIGTERM set the flag, a second one kills. */
void tool_catch_signals(void);
bool tool_interrupted(void);

#endif
