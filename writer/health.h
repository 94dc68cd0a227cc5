/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does the loop turn? It says when a turn begins, and when it goes to sleep; another thread asks. A
 * loop that sleeps is well, however long: it waits for work.
 */
#ifndef OTLPIPE_WRITER_HEALTH_H
#define OTLPIPE_WRITER_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/atomic.h"

/* A turn takes milliseconds; a disk that hangs in a system call takes all the time there is. */
#define HEALTH_TURN_MAX_NS INT64_C(10000000000)

struct health {
	uint64_t turn_ns;     /* monotonic: when the turn began; 0: the loop sleeps */
	uint64_t is_stopping; /* it was told to end */
};

static inline void health_turn(struct health *health, int64_t now_ns)
{
	atomic_store_relaxed_u64(&health->turn_ns, (uint64_t)now_ns);
}

static inline void health_sleep(struct health *health)
{
	atomic_store_relaxed_u64(&health->turn_ns, 0);
}

static inline void health_stop(struct health *health)
{
	atomic_store_relaxed_u64(&health->is_stopping, 1);
}

/** For how long the turn has gone on; 0: it sleeps. */
static inline int64_t health_turn_age_ns(const struct health *health, int64_t now_ns)
{
	const int64_t turn_ns = (int64_t)atomic_load_relaxed_u64(&health->turn_ns);

	return turn_ns != 0 && now_ns > turn_ns ? now_ns - turn_ns : 0;
}

static inline bool health_is_stopping(const struct health *health)
{
	return atomic_load_relaxed_u64(&health->is_stopping) != 0;
}

#endif
