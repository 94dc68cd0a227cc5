/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Benchmarks in C, run by google-benchmark: this is all that a bench sees of it.
 *
 * A benchmark works in bursts. burst() does `operations` of what is measured
 * and returns the nanoseconds they took by a clock of its choice, so that what comes
 * between bursts (waiting for a ring to drain) is not in the figure.
 */
#ifndef OTLPIPE_BENCH_HARNESS_H
#define OTLPIPE_BENCH_HARNESS_H

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
	uint64_t operation_bytes; /* the bench's own; 0: it has none */
	uint64_t threads;	  /* the bench's own; 0: the calling one, on the first processor */
};

/* Monotonic nanoseconds. */
uint64_t bench_now_ns(void);

/* Nanoseconds that this thread had a processor: for what never waits, so that being preempted by
 * somebody else's program is not in the figure. Reading it takes some 200 ns. */
uint64_t bench_cpu_ns(void);

/* The calling thread on the first processor, so that a writer has the second; or on any. */
void bench_pin(int is_pinned);

/* The calling thread on the processor of this number, counted round those that are allowed. */
void bench_place(unsigned index);

/* The compiler must assume that the memory is read and written. */
static inline void bench_use(const void *memory)
{
	__asm__ __volatile__("" : : "g"(memory) : "memory");
}

/* Bench by bench from an array that ends with a NULL name; before bench_main(). */
void bench_register(const struct bench *table);

/* google-benchmark's flags. The status of the process: 0, though a bench may have failed, which
 * its output then says; 1 for wrong flags. */
int bench_main(int argc, char **argv);

#ifdef __cplusplus
}
#endif

#endif
