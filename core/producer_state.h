/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process has of its connection to the shared memory.
 *
 * Everything that belongs to one process alone stands in pages that a fork
 * wipes (MADV_WIPEONFORK). So its count of regions tells a child from its parent,
 * for the price of a load, however the child was made.
 *
 * Making a region is for one thread at a time, and nobody waits for it: the word
 * `maker` is a try-lock. Its owner cannot be taken out of the making by a signal
 * handler that jumps away or by pthread_cancel() (base/undisturbed.h). What is left
 * are the signals that the code itself would cause (a seccomp filter's SIGSYS, say),
 * and a thread that ends in the handler of one. So the word names its owner and the
 * time, and whoever finds a maker that is gone, or that has been at it for longer
 * than PRODUCER_MAKING_S_MAX, takes its place. A maker that lives after all, and was
 * only slow, finds that out before it shows its region, and throws that away.
 */
#ifndef OTLPIPE_CORE_PRODUCER_STATE_H
#define OTLPIPE_CORE_PRODUCER_STATE_H

#include <otlpipe/otlpipe.h>

#include "core/lane.h"
#include "core/last_error.h"
#include "core/record/signal.h"
#include "core/scope.h"
#include "shm/atomic.h"
#include "shm/control.h"
#include "shm/counters.h"
#include "shm/region.h"

static_assert(SIGNAL_COUNT <= REGION_SIGNALS_MAX, "each signal has its rings");

/*
 * Regions that one process may make in turn; each but the last was abandoned by a writer, or lost
 * its name. They stay mapped: a thread may still be in a push to one.
 */
#define PRODUCER_REGIONS_MAX 32

static_assert(PRODUCER_REGIONS_MAX <= 32, "producer_page.displaced has a bit for each");

/* Pushes look at most so often whether what they push to has its name still. */
#define PRODUCER_LOOK_MS 100

/* A making that takes longer is taken to be lost. */
#define PRODUCER_MAKING_S_MAX 5

/* After a making that failed pushes try again: soon first, then at longer intervals. */
#define PRODUCER_RETRY_MS_MIN 20
#define PRODUCER_RETRY_MS_MAX 2000

/* Counted here where there is no region to count in; shm/counters.h has them for others. */
struct producer_counters {
	uint64_t dropped_full_items[SIGNAL_COUNT];
	uint64_t rejected_after_shutdown;
};

/*
 * The maker's word: who is at it, and since when, so that another thread can tell whether
 * somebody still is. Thread ids are below 2^22 (the kernel's PID_MAX_LIMIT).
 *
 *     31        30        29      22 21            0
 *     ┌─────────┬─────────┬─────────┬──────────────┐
 *     │ shows   │ 1       │ seconds │ thread id    │
 *     └─────────┴─────────┴─────────┴──────────────┘
 *
 * "shows": its region is whole and being entered, a few stores in which nothing can get lost.
 * Nobody takes the place of such a maker.
 */
#define MAKER_SHOWS	  (UINT32_C(1) << 31)
#define MAKER_TAKEN	  (UINT32_C(1) << 30)
#define MAKER_THREAD_BITS 22
#define MAKER_SECONDS	  UINT32_C(0xff)

struct producer_page {
	uint32_t region_count; /* the last of them is the one to push to; 0: there is none yet */
	uint32_t maker;	       /* who makes one: its form is above; 0: nobody */
	uint32_t error;	       /* int: why the last making failed; 0: none did, or one did not */
	uint32_t failures;     /* makings that failed since one did not */
	uint32_t retry_ms;     /* then a push tries again */
	uint32_t looked_ms;    /* when it was looked for the region's name; 0: never */
	uint32_t displaced;    /* bits: the name of that region is gone (core/displaced.h) */
	struct producer_counters counters;
	struct last_error last_error;
	/* A flush has said of what is before these positions that nobody will write it. */
	uint64_t told[PRODUCER_REGIONS_MAX][REGION_RINGS_MAX];
};

#define PRODUCER_PAGE_BYTES (3 * LAYOUT_PAGE_BYTES)

static_assert(sizeof(struct producer_page) <= PRODUCER_PAGE_BYTES, "it has room");

struct producer {
	struct producer_page *page;
	struct lanes lanes;
	struct control control;
	struct counters counters; /* what is dropped while there is no region */
	struct region regions[PRODUCER_REGIONS_MAX];
	struct scopes scopes; /* in the table of the last of them */
	struct region_options options;
	bool is_group;	   /* its directory is for several users: nobody but root makes that */
	uint64_t measured; /* the device, plus 1, whose file system will do; 0: none yet */
	char path[RUNTIME_PATH_BYTES_MAX]; /* absolute; a descriptor could be closed by the host */
};

/**
 * How many regions this process made: 0 in a child that has not pushed, or where none
 * could be made.
 */
static inline uint32_t producer_region_count(const struct producer *producer)
{
	/* PAIR(producer-count): with making_publish(): a region comes with its count. */
	return atomic_load_acquire_u32(&producer->page->region_count);
}

#endif
