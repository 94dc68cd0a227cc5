/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Benchmarks in C, run by google-benchmark: this is all that a bench sees of it.
 *
 * A benchmark works in bursts. burst() does `operations` of what is measured
 * and returns the nanoseconds they took by its own clock, so that what comes
 * between bursts (waiting for a ring to drain) is not in the figure.
 */
#ifndef BENCH_HARNESS_H
#define BENCH_HARNESS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bench_counter {
	const char *name;
	uint64_t value;
};

#define BENCH_COUNTERS_MAX 4

struct bench {
	const char *name;
	/* Negative errno: the benchmark is reported as failed. May be NULL. */
	int (*setup)(const struct bench *bench);
	/* Nanoseconds for this many operations, or a negative errno. */
	int64_t (*burst)(const struct bench *bench, uint64_t operations);
	/* Counters to print beside the times, up to BENCH_COUNTERS_MAX; returns how many. May be
	 * NULL. */
	size_t (*counters)(const struct bench *bench, struct bench_counter *ret);
	void (*teardown)(const struct bench *bench); /* May be NULL. */
	const void *argument;			     /* the bench's own */
	uint64_t burst_operations;
	uint64_t operation_bytes; /* for the throughput; 0: not printed */
};

/* Monotonic nanoseconds. */
uint64_t bench_now_ns(void);

/* The compiler must assume that the memory is read and written. */
static inline void bench_use(const void *memory)
{
	__asm__ __volatile__("" : : "g"(memory) : "memory");
}

/* The benches of this program; the array ends with a NULL name. */
extern const struct bench bench_table[];

#ifdef __cplusplus
}
#endif

#endif
