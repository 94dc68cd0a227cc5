/* SPDX-License-Identifier: Apache-2.0 */
/* The counters of processes without a region (counters.h), as a monitor sees them. */
#ifndef OTLPIPE_SHM_COUNTERS_VIEW_H
#define OTLPIPE_SHM_COUNTERS_VIEW_H

#include <stdint.h>

#include "shm/layout.h"
#include "shm/runtime.h"

/* Of all users whose files may be read. */
struct counters_sum {
	uint64_t dropped_items[REGION_SIGNALS_MAX];
	uint64_t refused_opens;
};

/** @return 0, or the errno of reading the directory */
int counters_read(const struct runtime_dir *dir, struct counters_sum *ret);

#endif
