/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process's connection to the shared memory: its region, the next one if the
 * writer gave that up, its child's own after a fork, and the control page.
 *
 * Everything that belongs to one process alone stands in a page that a fork
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
#ifndef OTLPIPE_CORE_PRODUCER_H
#define OTLPIPE_CORE_PRODUCER_H

#include <otlpipe/otlpipe.h>

#include "core/last_error.h"
#include "core/record/signal.h"
#include "shm/atomic.h"
#include "shm/control.h"
#include "shm/region.h"

static_assert(SIGNAL_COUNT <= REGION_RINGS_MAX, "one ring a signal");

/* Regions that one process may make in turn; each but the last was abandoned by a writer. */
#define PRODUCER_REGIONS_MAX 8

/* A making that takes longer is taken to be lost. */
#define PRODUCER_MAKING_S_MAX 5

/* After a making that failed pushes try again: soon first, then at longer intervals. */
#define PRODUCER_RETRY_MS_MIN 20
#define PRODUCER_RETRY_MS_MAX 2000

/* Counted here where there is no region to count in. */
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
	struct producer_counters counters;
	struct last_error last_error;
	/* A flush has said of what is before these positions that nobody will write it. */
	uint64_t told[PRODUCER_REGIONS_MAX][SIGNAL_COUNT];
};

static_assert(sizeof(struct producer_page) <= LAYOUT_PAGE_BYTES, "it is one page");

struct producer {
	struct producer_page *page;
	struct control control;
	struct region regions[PRODUCER_REGIONS_MAX];
	struct region_options options;
	uint64_t measured; /* the device, plus 1, whose file system will do; 0: none yet */
	char path[RUNTIME_PATH_BYTES_MAX]; /* absolute; a descriptor could be closed by the host */
};

/**
 * Make the first region.
 *
 * @return 0 or a negative errno, and ret_failure says more
 */
int producer_open(struct producer *producer, const char *runtime_dir,
		  const struct region_options *options, struct failure *ret_failure);
void producer_close(struct producer *producer);

/**
 * How many regions this process made: 0 in a child that has not pushed, or where none
 * could be made.
 */
static inline uint32_t producer_region_count(const struct producer *producer)
{
	/* PAIR(producer-count): with making_publish(): a region comes with its count. */
	return atomic_load_acquire_u32(&producer->page->region_count);
}

/* A first push in a child, one after a making that failed, or beside another thread's making. */
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
 * abandoned this one. Until it is there the old one goes on.
 */
void producer_renew(struct producer *producer, const struct region *full);

/**
 * For a flush: make the region that a push could not make, or the one after what the writer
 * abandoned.
 *
 * @return 0: there is one, or nothing was ever pushed; -EALREADY: another thread is at it;
 *         else the enum otlp_error for which there is none
 */
int producer_retry(struct producer *producer);

/** Is there a writer? 1, 0, or a negative errno. */
int producer_has_writer(const struct producer *producer);

/** The sums over all regions of this process. */
void producer_get_stats(const struct producer *producer, struct otlp_stats *ret);

#endif
