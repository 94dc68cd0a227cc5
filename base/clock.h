/* SPDX-License-Identifier: Apache-2.0 */
/* The clocks, in nanoseconds. Async-signal-safe. */
#ifndef OTLPIPE_BASE_CLOCK_H
#define OTLPIPE_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/** Time that only goes forward. */
static inline int64_t clock_monotonic_ns(void)
{
	return clock_now_ns(CLOCK_MONOTONIC);
}

#endif
