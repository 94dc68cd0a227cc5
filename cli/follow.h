/* SPDX-License-Identifier: Apache-2.0 */
/* `otlpipe cat --follow`. */
#ifndef OTLPIPE_CLI_FOLLOW_H
#define OTLPIPE_CLI_FOLLOW_H

#include "cli/cat_file.h"

/**
 * Print what these files and directories hold, and what is added to them, until a signal
 * comes or nothing can follow.
 *
 * @return an enum tool_exit
 */
int cat_follow(struct cat_options *options, char **paths, size_t count);

#endif
