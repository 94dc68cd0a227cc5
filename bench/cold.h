/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a push costs a program that does other things in between: the lines that it needs are then
 * in the cache of the processor of whoever reads the ring. One schedule for ours and for peers:
 *
 *   every_10us, every_1ms  single pushes, so far apart; waiting by the counter, and asleep
 *   burst_50ms             256 pushes after 50 ms asleep; of one of them
 *
 * The subjects take turns, so that a slow moment of the machine hits each alike.
 */
#ifndef OTLPIPE_BENCH_COLD_H
#define OTLPIPE_BENCH_COLD_H

#include <stddef.h>
#include <stdint.h>

#define COLD_BURST	  256
#define COLD_SUBJECTS_MAX 8

struct cold_subject {
	const char *name;
	void (*push)(uint64_t count);
};

/** The calling thread on the first or the second of the processors that the process began with. */
void cold_place(unsigned index);

/**
 * Runs the schedule and prints the medians in nanoseconds, those of single pushes without what
 * reading the counter costs: the members of a JSON object, whose braces are the caller's.
 */
void cold_run(const struct cold_subject *subjects, size_t count);

/**
 * The bursts alone, by two threads that wake at the same time, the caller and one on the second
 * processor: of one push of either. Prints one member, whose name ends with /2. After cold_run().
 */
void cold_run_together(const struct cold_subject *subject);

#endif
