/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command line by argp, for every program of ours. --help, --help-all, --usage and --version are
 * added here and not by argp, which would end the process, and would not notice that what it
 * printed went nowhere: a full disk behind stdout is an error.
 */
#ifndef OTLPIPE_BASE_ARGUMENTS_H
#define OTLPIPE_BASE_ARGUMENTS_H

#include <argp.h>

/* For the flags of an option that few need, where all are more than a screen: --help leaves it out,
 * and
 * --help-all has it. */
#define ARGUMENTS_RARE OPTION_HIDDEN

/* What arguments_parse() found when the program has nothing more to do. */
#define ARGUMENTS_SHOWN 1

/**
 * Read the command line. The parser of argp gets input, and refuses a value with
 * arguments_refuse().
 *
 * @param version  the line that --version prints, without its end
 * @return 0: go on; ARGUMENTS_SHOWN: help or the version is on stdout, and flushed; -EINVAL: the
 *         command line is wrong, and stderr says how; another errno: stdout did not take the help,
 *         which was said too, but for -EPIPE (the reader has left)
 */
int arguments_parse(const struct argp *argp, const char *version, int argc, char **argv,
		    void *input);

/**
 * Say on one line what is wrong, and where the help is. To be what the parser returns.
 *
 * @return EINVAL
 */
error_t arguments_refuse(const struct argp_state *state, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
