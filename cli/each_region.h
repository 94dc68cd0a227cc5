/* SPDX-License-Identifier: Apache-2.0 */
/* The regions of a runtime directory by name, for subcommands that only look. */
#ifndef OTLPIPE_CLI_EACH_REGION_H
#define OTLPIPE_CLI_EACH_REGION_H

#include "shm/runtime.h"

/**
 * Call look() with each name that is a region's, until it answers a negative value.
 *
 * @return 0, what look() answered, or the errno of reading the directory
 */
int each_region(const struct runtime_dir *dir, int (*look)(void *context, const char *name),
		void *context);

#endif
