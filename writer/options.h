/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer's options. Each comes from the command line, else from the environment (OTLPIPE_…),
 * else from the configuration file, else it has its default. Which of them it was is kept, for
 * --print-config and for a reload.
 */
#ifndef OTLPIPE_WRITER_OPTIONS_H
#define OTLPIPE_WRITER_OPTIONS_H

#include "writer/option_data.h"

/**
 * Read the command line, the environment and the configuration file. Wrong values end the process
 * with status 2 and one line on standard error; --help, --usage, --version and --print-config end
 * it with 0, or with 1 where standard output does not take them.
 */
void options_parse(struct options *ret, int argc, char **argv);

/**
 * Read the configuration file again.
 *
 * @param ret      what would be in effect now; on success its texts are the caller's, see
 *                 options_free_texts()
 * @param problem  why that is not to be had, on one line
 * @return 0, or -EINVAL with the problem set
 */
int options_read_again(const struct options *options, struct options *ret,
		       char problem[OPTION_PROBLEM_BYTES]);

/** Of options that options_read_again() made, and that nobody uses any more. */
void options_free_texts(struct options *options);

#endif
