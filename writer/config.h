/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration file: lines of "key = value" with the names of the flags as keys, comments
 * behind # or ; at the start of a line, and behind " ;". No sections, each key once.
 */
#ifndef OTLPIPE_WRITER_CONFIG_H
#define OTLPIPE_WRITER_CONFIG_H

#include "writer/option_data.h"

#define CONFIG_BYTES_MAX 65536u

/**
 * Read it, and check each value by itself.
 *
 * @param ret      by row: what the file has, to be freed; the others are left as they are
 * @param problem  one line: the path, the line, what is wrong and what is allowed
 * @return 0, or -EINVAL with the problem set and nothing to free
 */
int config_read(const char *path, struct option_text ret[OPTION_COUNT],
		char problem[OPTION_PROBLEM_BYTES]);

#endif
