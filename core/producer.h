/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process's connection to the shared memory: its region, the next one if the
 * writer gave that up, its child's own after a fork, and the control page.
 */
#ifndef OTLPIPE_CORE_PRODUCER_H
#define OTLPIPE_CORE_PRODUCER_H

#include "core/producer_state.h"

/**
 * Make the first region.
 *
 * @return 0 or a negative errno, and ret_failure says more
 */
int producer_open(struct producer *producer, const char *runtime_dir,
		  const struct region_options *options, struct failure *ret_failure);
void producer_close(struct producer *producer);

/** A first push in a child, one after a making that failed, or beside another thread's making. */
struct region *producer_region_slow(struct producer *producer, int *ret_error);

/**
 * The region to push to. Async-signal-safe, never waits.
 *
 * @return NULL: there is none now, and ret_error is the enum otlp_error that says why
 */
static inline struct region *producer_region(struct producer *producer, int *ret_error)
{
	const uint32_t count = producer_region_count(producer);

	if (__builtin_expect(count != 0, 1))
		return &producer->regions[count - 1];
	return producer_region_slow(producer, ret_error);
}

/**
 * After a ring was found full, or half full: make a new region if the writer
 * abandoned this one, or its name is gone. Until it is there the old one goes on.
 */
void producer_renew(struct producer *producer, const struct region *full);

/**
 * For a flush: make the region that a push could not make, or the one after what the writer
 * abandoned or what has lost its name.
 *
 * @return 0: there is one, or nothing was ever pushed; -EALREADY: another thread is at it;
 *         else the enum otlp_error for which there is none
 */
int producer_retry(struct producer *producer);

/**
 * A push has found that the writer sleeps until somebody wakes it: wake it. One or two system calls
 * for the first push after a pause. Async-signal-safe; errno is kept.
 *
 * @param deep_sleep  what ring_deep_sleep() said
 */
void producer_end_deep_sleep(struct producer *producer, const struct region *region,
			     struct ring *ring, uint32_t deep_sleep) __attribute__((cold));

/** The same for all rings of the first so many regions: for a flush. */
void producer_end_deep_sleeps(struct producer *producer, uint32_t region_count);

/** Is there a writer? 1, 0, or a negative errno. */
int producer_has_writer(const struct producer *producer);

/** The sums over all regions of this process. */
void producer_get_stats(const struct producer *producer, struct otlp_stats *ret);

#endif
