/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the wall clock can be believed when files are removed for their age. A clock that was
 * set makes them look old all at once; so it has to keep its pace for a while first.
 */
#ifndef OTLPIPE_WRITER_FILE_RETAIN_CLOCK_H
#define OTLPIPE_WRITER_FILE_RETAIN_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "writer/file/manifest.h"

/*
 * After a step of the clock nothing is removed for its age for as long as files are kept, but so
 * long at least and at most.
 */
#define RETAIN_STEP_WAIT_MIN_NS INT64_C(60000000000)
#define RETAIN_STEP_WAIT_MAX_NS INT64_C(3600000000000)

struct retain_clock {
	struct manifest *manifest;
	int64_t age_ns;	       /* how long files are kept; 0: for ever */
	int64_t wait_until_ns; /* by the time since boot; 0: it is believed */
};

void retain_clock_open(struct retain_clock *clock, struct manifest *manifest, int64_t age_ns);

/** Look at it, and say what is to be said. @return it is believed */
bool retain_clock_look(struct retain_clock *clock);

#endif
