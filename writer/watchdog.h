/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watchdog of a service manager: it is told regularly that the loop turns, and restarts a
 * writer that says so no longer. By sd_watchdog_enabled(3): $WATCHDOG_USEC, and $WATCHDOG_PID if
 * that is set. Without them it does nothing, and the loop has no timer because of it.
 */
#ifndef OTLPIPE_WRITER_WATCHDOG_H
#define OTLPIPE_WRITER_WATCHDOG_H

#include <stdint.h>

struct watchdog {
	int64_t every_ns; /* 0: nobody asks */
	int64_t next_ns;  /* monotonic; INT64_MAX: nobody asks */
};

/** Read what the environment asks for. The first time is at once. */
void watchdog_open(struct watchdog *watchdog);

/** To be called in each round of the loop: says that it turns, when it is time to. */
void watchdog_tell(struct watchdog *watchdog, int64_t now_ns);

#endif
