/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process's connection to the shared memory: its region, the next one if the
 * writer gave that up, its child's own after a fork, and the control page.
 *
 * Everything that belongs to one process alone stands in a page that a fork
 * wipes (MADV_WIPEONFORK). So its state word tells a child from its parent, for
 * the price of a load, however the child was made.
 */
#ifndef OTLPIPE_CORE_PRODUCER_H
#define OTLPIPE_CORE_PRODUCER_H

#include <otlpipe/otlpipe.h>

#include "core/record/signal.h"
#include "shm/atomic.h"
#include "shm/control.h"
#include "shm/region.h"

static_assert(SIGNAL_COUNT <= REGION_RINGS_MAX, "one ring a signal");

/* Regions that one process may make in turn; each but the last was abandoned by a writer. */
#define PRODUCER_REGIONS_MAX 8

enum producer_state {
	PRODUCER_FORKED = 0, /* a child that has not pushed yet: the page was wiped */
	PRODUCER_BUSY,	     /* one thread makes a region; nobody waits for it */
	PRODUCER_READY,
	PRODUCER_FAILED /* no region could be made; a flush tries again */
};

/* Counted here where there is no region to count in. */
struct producer_counters {
	uint64_t dropped_full_items[SIGNAL_COUNT];
	uint64_t rejected_after_shutdown;
};

struct producer_page {
	uint32_t state;	       /* enum producer_state */
	uint32_t region_count; /* the last of them is the one to push to */
	uint32_t error;	       /* int: why state is PRODUCER_FAILED */
	uint32_t told_regions; /* bits: a flush has said that what was in them is not written */
	struct producer_counters counters;
};

struct producer {
	struct producer_page *page;
	struct control control;
	struct region regions[PRODUCER_REGIONS_MAX];
	struct region_options options;
	char path[RUNTIME_PATH_BYTES_MAX]; /* absolute; a descriptor could be closed by the host */
};

/**
 * Make the first region.
 *
 * @return 0 or a negative errno
 */
int producer_open(struct producer *producer, const char *runtime_dir,
		  const struct region_options *options);
void producer_close(struct producer *producer);

/* A first push in a child, or a push while another thread is at it. */
struct region *producer_region_slow(struct producer *producer, int *ret_error);

/**
 * The region to push to. Async-signal-safe, never waits.
 *
 * @return NULL: there is none now, and ret_error is the enum otlp_error that says why
 */
static inline struct region *producer_region(struct producer *producer, int *ret_error)
{
	/* PAIR(producer-ready): with producer_make(): the region comes with the state. */
	if (__builtin_expect(atomic_load_acquire_u32(&producer->page->state) == PRODUCER_READY, 1))
		return &producer->regions[atomic_load_relaxed_u32(&producer->page->region_count) -
					  1];
	return producer_region_slow(producer, ret_error);
}

/**
 * After a ring was found full, or half full: make a new region if the writer
 * abandoned this one.
 */
void producer_renew(struct producer *producer, const struct region *full);

/** For a flush: try once more where a push could not make a region, or the writer left one. */
void producer_retry(struct producer *producer);

/** Is there a writer? 1, 0, or a negative errno. */
int producer_has_writer(const struct producer *producer);

/** How many regions this process made: 0 in a child that has not pushed. */
uint32_t producer_region_count(const struct producer *producer);

/** The sums over all regions of this process. */
void producer_get_stats(const struct producer *producer, struct otlp_stats *ret);

#endif
