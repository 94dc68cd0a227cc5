/* SPDX-License-Identifier: Apache-2.0 */
/* What was looked at, to stdout through tool_write(). */
#ifndef OTLPIPE_CLI_STAT_PRINT_H
#define OTLPIPE_CLI_STAT_PRINT_H

#include "cli/stat_view.h"

/** For people. */
void stat_print(const struct stat_view *view);

/** @return 0 or -errno */
void stat_print_json(const struct stat_view *view);

#endif
