/* SPDX-License-Identifier: Apache-2.0 */
/* What the subcommands of `otlpipe` share. */
#ifndef OTLPIPE_CLI_TOOL_H
#define OTLPIPE_CLI_TOOL_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "shm/runtime.h"

enum tool_exit {
	TOOL_OK = 0,
	TOOL_FAILED = 1,
	TOOL_USAGE = 2, /* the command line is wrong, and stderr says how */
};

/** Each gets argv[0] as "otlpipe cat", the name in its messages, and returns an enum tool_exit. */
int cat_main(int argc, char **argv);
int doctor_main(int argc, char **argv);
int flat_main(int argc, char **argv);
int load_main(int argc, char **argv);
int log_main(int argc, char **argv);
int report_main(int argc, char **argv);
int rotate_main(int argc, char **argv);
int send_main(int argc, char **argv);
int snapshot_main(int argc, char **argv);
int stat_main(int argc, char **argv);
int summary_main(int argc, char **argv);
int top_main(int argc, char **argv);
int trace_main(int argc, char **argv);
int verify_main(int argc, char **argv);

/**
 * Read a subcommand's words by argp; its parser refuses them by arguments_refuse() or tool_usage().
 *
 * @return 0: go on; else there is no more to do, and this is the exit status + 1
 */
int tool_parse(const struct argp *argp, int argc, char **argv, void *input);

/** One line on stderr, the subcommand's name before it. */
void tool_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** While hushed it says nothing: for a second look at files whose damage was told at the first. */
void tool_hush(bool is_hushed);

/** The same for a wrong command line, and where the help is. Returns TOOL_USAGE. */
int tool_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * One line: the path, what cannot be done with it, the errno's own text, and what to do where that
 * is known. Returns TOOL_FAILED.
 */
int tool_path_error(const char *path, const char *what, int error);

/** What keeps a runtime directory from being opened, and what to do. Returns TOOL_FAILED. */
int tool_runtime_error(const char *path, int error);

/**
 * Open the runtime directory of a command: the given one, or NULL: $OTLPIPE_DIR, else the user's.
 *
 * @param path  gets its path, also where it cannot be opened
 * @return TOOL_OK, or TOOL_FAILED and it was said
 */
int tool_open_runtime(struct runtime_dir *ret, char path[RUNTIME_PATH_BYTES_MAX],
		      const char *given);

/**
 * All output goes through these, so that a full disk behind a redirect is an error: 0, or
 * -errno; -EPIPE: nobody reads any more. The first error stays.
 */
int tool_write(const void *bytes, size_t count);
int tool_flush(void);

/** Is stdout a terminal whose user wants colours? $NO_COLOR and TERM=dumb say no. */
bool tool_output_is_coloured(void);

/**
 * One line of JSON. Takes the document over. What goes wrong, also with memory, is told at the end.
 */
void tool_write_json(json_object *document);

/**
 * To be the last call of a subcommand: flushes, says what went wrong with stdout, and returns
 * the exit status. A reader that has left is no failure.
 */
int tool_finish(int status);

/**
 * Catch SIGBUS, before a command looks at regions: one may be cut meanwhile.
 *
 * @return TOOL_OK, or TOOL_FAILED, and it was said
 */
int tool_guard(void);

/** From now on SIGINT and SIGTERM set the flag, a second one kills. */
void tool_catch_signals(void);
bool tool_interrupted(void);

/**
 * Wait, for a subcommand that goes on until it is told to stop.
 *
 * @return false: there is no reason to go on: a signal has come, or nobody reads stdout any more
 */
bool tool_rest(int64_t ns);

/** The same, until there is something to read from a pipe. */
bool tool_wait_input(int fd);

#endif
