/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which lane of a signal a thread pushes into (shm/layout.h). Any lane would do, since every claim
 * is a compare-and-swap: a thread that is moved to another processor in between, or interrupted by
 * a signal handler that pushes, costs a little time and nothing else. So the choice only has to
 * keep threads that run at the same time apart, and to be quick.
 *
 * The kernel tells each thread where it runs in an area that glibc registers (rseq, from glibc 2.35
 * on). Where the kernel is new enough (6.3) that area has a concurrency id too, which serves better
 * than the processor: threads that run at the same time have different ones, and they are small,
 * so a process of few threads uses few lanes, on whichever processors it runs. Where nothing is
 * registered a hash of the thread's address stands in.
 */
#ifndef OTLPIPE_CORE_LANE_H
#define OTLPIPE_CORE_LANE_H

#include <stddef.h>
#include <stdint.h>

#include "core/record/signal.h"
#include "shm/atomic.h"
#include "shm/layout.h"

/* A lane is not smaller than this, however many were asked for; and by default not than that. */
#define LANE_BYTES_MIN	       (UINT64_C(16) << 10)
#define LANE_BYTES_DEFAULT_MIN (UINT64_C(128) << 10)

struct lanes {
	ptrdiff_t number_offset;      /* of the kernel's number, from the thread pointer; 0: none */
	uint32_t masks[SIGNAL_COUNT]; /* how many lanes a signal has, minus 1: a power of two */
};

/** Find out what the kernel tells. */
void lane_open(struct lanes *lanes);

/**
 * How many lanes a signal gets.
 *
 * @param signal_bytes  of all of them, a power of two
 * @param asked         1 to REGION_LANES_MAX; 0: by the processors that the process may use
 * @return a power of two
 */
unsigned lane_count(uint64_t signal_bytes, unsigned asked);

/**
 * How large one of them is. The first has half of all: so the largest record is as large as without
 * lanes, a quarter of the signal's memory. Most processes have a thread or two that push, whose
 * numbers are the first. The others share the rest, the second one twice as much as each behind it,
 * which makes all of them powers of two.
 */
uint64_t lane_bytes(uint64_t signal_bytes, unsigned count, unsigned lane);

/** Of a thread that the kernel tells nothing. @param thread  its pointer */
uint32_t lane_hash(uintptr_t thread);

/** The lane of this thread, now. Async-signal-safe. */
static inline unsigned lane_of_thread(const struct lanes *lanes, enum otlp_signal signal)
{
	const uint32_t mask = lanes->masks[signal];
	const uintptr_t thread = (uintptr_t)__builtin_thread_pointer();

	if (mask == 0)
		return 0;
	if (__builtin_expect(lanes->number_offset != 0, 1)) {
		const uint32_t number = atomic_load_relaxed_u32(
			(const uint32_t *)(thread + (uintptr_t)lanes->number_offset));

		/* A thread that was made behind glibc's back has a negative one. */
		if (__builtin_expect((int32_t)number >= 0, 1))
			return number & mask;
	}
	return lane_hash(thread) & mask;
}

#endif
