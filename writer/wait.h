/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --wait-for-producers: a writer that was told to stop goes on as before until
 * no producer lives. For where the memory goes with the writer: what is pushed
 * after its end would wait in rings that nobody finds.
 */
#ifndef OTLPIPE_WRITER_WAIT_H
#define OTLPIPE_WRITER_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/status.h"
#include "writer/regions.h"

struct wait {
	struct regions *regions;
	struct status_page *page;
	int64_t for_ns; /* the option: 0: not at all; INT64_MAX: no limit */
	bool has_begun;
	int64_t until_ns; /* monotonic; INT64_MAX: no limit */
	int64_t look_ns;  /* when the producers are looked at next */
};

void wait_open(struct wait *wait, int64_t for_ns, struct regions *regions,
	       struct status_page *page);

/**
 * May a writer that was told to stop do so? To be asked in each round; it looks at the producers
 * about as often as the writer does anyway, says what it waits for, and says when that is over.
 *
 * @param told  how often it was told; the second time it does not wait any more
 */
bool wait_is_over(struct wait *wait, unsigned told, int64_t now_ns);

#endif
