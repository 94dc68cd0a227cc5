/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Push by 1, 2, 4 and 8 threads on all processors: does the total hold when they push at the same
 * time, and are preempted in the middle of a push?
 *
 *   threads/…        through one library, with as many lanes as it takes by itself
 *   threads_one/…    the same with one lane
 *   threads_each/…   each through a library of its own, with one lane and its part of the memory
 *
 * A burst is divided among the threads, and takes less than half of the first of two lanes, so that
 * one thread too meets no ring that is near full. All of the rings fit into the cache that
 * processors share: else two lanes would be slower than one for being larger. Its time is from the
 * first start to the last end; where each thread has a processor, they wait for each other before
 * they start. Between bursts this process empties the rings, so there is no writer that would take
 * a processor away, and nothing is dropped. Only the producers' side is measured.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/bench_data.h"
#include "bench/micro.h"
#include "bench/own_ring.h"
#include "bench/tap.h"
#include "core/record/signal.h"

#define RING_BYTES     (8u << 20)
#define BURST_BYTES    (1792u << 10)
#define THREADS_MAX    8
#define WARM_UP_BURSTS 10 /* twice round the largest ring: its pages are mapped */

struct thread {
	pthread_t id;
	struct otlp_library *library;
	const struct otlp_span *span;
	uint64_t operations;
	uint64_t started_ns;
	uint64_t ended_ns;
};

struct threads_case {
	const struct otlp_span *span;
	enum bench_record record;
	uint32_t lanes; /* 0: what the library takes */
	bool each;	/* a library for each thread */
};

static struct otlp_library *libraries[THREADS_MAX];
static struct tap taps[THREADS_MAX];
static size_t library_count;
static struct thread threads[THREADS_MAX];
static pthread_barrier_t barrier; /* the threads and the caller, twice a burst */
static bool is_ending;
static uint32_t awake_each; /* threads, if each has a processor; else 0 */
static uint32_t awake;	    /* so many, of all bursts */

/* A barrier wakes them one after the other, and who is woken last would start late. */
static void start_together(uint32_t burst)
{
	if (awake_each == 0)
		return;
	__atomic_add_fetch(&awake, 1, __ATOMIC_RELAXED);
	while (__atomic_load_n(&awake, __ATOMIC_RELAXED) < burst * awake_each)
		;
}

static void *thread_main(void *argument)
{
	struct thread *thread = argument;
	uint32_t burst = 0;

	/* Woken together, they would all run where the caller does: a burst is too short for the
	 * scheduler to spread them. */
	bench_place((unsigned)(thread - threads));
	for (;;) {
		pthread_barrier_wait(&barrier);
		if (is_ending)
			return NULL;
		start_together(++burst);
		thread->started_ns = bench_now_ns();
		for (uint64_t i = 0; i < thread->operations; i++)
			otlp_library_export_traces(thread->library, thread->span, 1);
		thread->ended_ns = bench_now_ns();
		pthread_barrier_wait(&barrier);
	}
}

static uint64_t operations_of(const struct bench *bench)
{
	const struct threads_case *of = bench->argument;
	const uint64_t bytes = bench_record_bytes(of->record);

	return bytes > 0 ? BURST_BYTES / bytes / bench->threads * bench->threads : 0;
}

static int64_t threads_burst(const struct bench *bench, uint64_t operations)
{
	uint64_t started_ns = UINT64_MAX, ended_ns = 0;
	int rc = 0;

	(void)operations; /* it depends on a record's bytes: threads_counters() says it */
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	for (uint64_t i = 0; i < bench->threads; i++) {
		if (threads[i].started_ns < started_ns)
			started_ns = threads[i].started_ns;
		if (threads[i].ended_ns > ended_ns)
			ended_ns = threads[i].ended_ns;
	}
	for (size_t i = 0; i < library_count && rc == 0; i++)
		rc = tap_drain(&taps[i], OTLP_SIGNAL_TRACES);
	return rc < 0 ? rc : (int64_t)(ended_ns - started_ns);
}

static void close_libraries(void)
{
	while (library_count > 0) {
		library_count--;
		tap_close(&taps[library_count]);
		otlp_library_unref(libraries[library_count]);
	}
}

/* In a directory of its own: the tap takes the one region of this process that it finds there. */
static int open_library(const struct threads_case *of, uint32_t ring_bytes)
{
	const size_t number = library_count;
	struct otlp_options options;
	char path[256];
	int rc;

	(void)snprintf(path, sizeof(path), "%s/%zu", own_dir(), number);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	otlp_options_init(&options, sizeof(options));
	options.ring_bytes[OTLP_SIGNAL_TRACES] = ring_bytes;
	options.lanes = of->lanes;
	options.runtime_dir = path;
	rc = otlp_library_open(&libraries[number], &options);
	if (rc < 0)
		return rc;
	rc = tap_open(&taps[number], path, true);
	if (rc < 0)
		otlp_library_unref(libraries[number]);
	else
		library_count++;
	return rc;
}

static int threads_setup(const struct bench *bench)
{
	const struct threads_case *of = bench->argument;
	const size_t count = of->each ? bench->threads : 1;
	const uint64_t operations = operations_of(bench);
	int rc = 0;

	for (size_t i = 0; i < count && rc == 0; i++)
		rc = open_library(of, RING_BYTES / (uint32_t)count);
	if (rc < 0) {
		close_libraries();
		return rc;
	}
	is_ending = false;
	awake = 0;
	awake_each = bench->threads <= (uint64_t)sysconf(_SC_NPROCESSORS_ONLN)
			     ? (uint32_t)bench->threads
			     : 0;
	pthread_barrier_init(&barrier, NULL, (unsigned)bench->threads + 1);
	for (uint64_t i = 0; i < bench->threads; i++) {
		threads[i] = (struct thread){
			.library = libraries[i % count],
			.span = of->span,
			.operations = operations / bench->threads,
		};
		if (pthread_create(&threads[i].id, NULL, thread_main, &threads[i]) != 0)
			abort();
	}
	for (int i = 0; i < WARM_UP_BURSTS && rc == 0; i++)
		rc = threads_burst(bench, 1) < 0 ? -EIO : 0;
	return rc;
}

static size_t threads_counters(const struct bench *bench, struct bench_counter *ret)
{
	uint64_t dropped = 0;

	for (size_t i = 0; i < library_count; i++) {
		struct otlp_stats stats;

		otlp_library_get_stats(libraries[i], &stats, sizeof(stats));
		dropped += stats.signals[OTLP_SIGNAL_TRACES].dropped_full;
	}
	ret[0] = (struct bench_counter){"operations", operations_of(bench)};
	ret[1] = (struct bench_counter){"dropped", dropped};
	return 2;
}

static void threads_teardown(const struct bench *bench)
{
	is_ending = true;
	pthread_barrier_wait(&barrier);
	for (uint64_t i = 0; i < bench->threads; i++)
		pthread_join(threads[i].id, NULL);
	pthread_barrier_destroy(&barrier);
	close_libraries();
}

#define THREADS(title, of, count)                                                              \
	{                                                                                      \
		.name = title, .setup = threads_setup, .burst = threads_burst,                 \
		.counters = threads_counters, .teardown = threads_teardown, .argument = &(of), \
		.burst_operations = 1, .threads = count                                        \
	}

static const struct threads_case s = {&bench_span_s, BENCH_RECORD_S, 0, false};
static const struct threads_case s_one = {&bench_span_s, BENCH_RECORD_S, 1, false};
static const struct threads_case s_each = {&bench_span_s, BENCH_RECORD_S, 1, true};
static const struct threads_case s0 = {&bench_span_s0, BENCH_RECORD_S0, 0, false};
static const struct threads_case s0_one = {&bench_span_s0, BENCH_RECORD_S0, 1, false};
static const struct threads_case s0_each = {&bench_span_s0, BENCH_RECORD_S0, 1, true};

const struct bench bench_threads_table[] = {
	THREADS("threads/S/1", s, 1),
	THREADS("threads/S/2", s, 2),
	THREADS("threads/S/4", s, 4),
	THREADS("threads/S/8", s, 8),
	THREADS("threads_one/S/1", s_one, 1),
	THREADS("threads_one/S/2", s_one, 2),
	THREADS("threads_one/S/8", s_one, 8),
	THREADS("threads_each/S/2", s_each, 2),
	THREADS("threads_each/S/8", s_each, 8),
	THREADS("threads/S0/1", s0, 1),
	THREADS("threads/S0/2", s0, 2),
	THREADS("threads/S0/4", s0, 4),
	THREADS("threads/S0/8", s0, 8),
	THREADS("threads_one/S0/1", s0_one, 1),
	THREADS("threads_one/S0/2", s0_one, 2),
	THREADS("threads_one/S0/8", s0_one, 8),
	THREADS("threads_each/S0/2", s0_each, 2),
	THREADS("threads_each/S0/8", s0_each, 8),
	{.name = NULL},
};
