/* SPDX-License-Identifier: Apache-2.0 */
/* `otlpipe load`: what its options, its workers and its parent share. */
#ifndef OTLPIPE_CLI_LOAD_SHARED_H
#define OTLPIPE_CLI_LOAD_SHARED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/record/signal.h"

#define LOAD_PROCESSES_MAX 256
#define LOAD_THREADS_MAX   256
#define LOAD_RATE_MAX	   UINT64_C(1000000000)
#define LOAD_SERIES_MAX	   UINT64_C(1000000000)

struct load_options {
	uint64_t processes;
	uint64_t threads; /* of each process */
	uint64_t rate;	  /* records of each signal a second, all producers together; 0: no limit */
	uint64_t count;	  /* records of each signal, all producers together; 0: until a signal */
	uint64_t seed;
	uint64_t series;		   /* of each producer; 0: each point is one of its own */
	uint64_t ring_bytes[SIGNAL_COUNT]; /* 0: the library's default */
	const char *dir;		   /* NULL: the library's default */
	bool pushes[SIGNAL_COUNT];
	bool wait;
	bool retry;
};

/* By what the calls returned. Stored after each, so that a killed worker's is known: it lags by
 * the one record that was being pushed. */
struct load_counts {
	_Atomic uint64_t accepted;
	_Atomic uint64_t dropped; /* given up */
	_Atomic uint64_t retries; /* refused and tried again */
};

/* One producer: a thread of a worker. Written by it alone, read by the parent. */
struct load_slot {
	_Alignas(64) struct load_counts counts[SIGNAL_COUNT];
	_Atomic int64_t begin_ns; /* monotonic; 0: not begun */
	_Atomic int64_t end_ns;	  /* 0: not ended */
};

/*
 * Between the parent and its workers, in memory that they share. All relaxed: no word says
 * anything about another, and what is read for the last line was written by threads that were
 * joined, in processes that were reaped.
 */
struct load_shared {
	_Atomic uint32_t ready; /* workers that have opened their library */
	_Atomic uint32_t go;
	_Atomic uint32_t stop;
	struct load_slot slots[]; /* process * threads + thread */
};

#endif
