/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Push by 1, 2, 4 and 8 threads on all processors, into one ring: does the total hold when threads
 * are preempted in the middle of a push?
 *
 * A burst is three quarters of a ring of 64 MiB, divided among the threads; its time is from the
 * first start to the last end. Between bursts this process empties the ring, so there is no writer
 * that would take a processor away, and nothing is dropped. Only the producers' side is measured.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "bench/bench_data.h"
#include "bench/micro.h"
#include "bench/own_ring.h"
#include "bench/tap.h"
#include "core/record/signal.h"

#define RING_BYTES  (64u << 20)
#define BURST_BYTES (48u << 20)
#define THREADS_MAX 8

struct thread {
	pthread_t id;
	const struct otlp_span *span;
	uint64_t operations;
	uint64_t started_ns;
	uint64_t ended_ns;
};

static struct otlp_library *library;
static struct tap tap;
static struct thread threads[THREADS_MAX];
static pthread_barrier_t barrier; /* the threads and the caller, twice a burst */
static bool is_ending;

static void *thread_main(void *argument)
{
	struct thread *thread = argument;

	/* Woken together, they would all run where the caller does: a burst is too short for the
	 * scheduler to spread them. */
	bench_place((unsigned)(thread - threads));
	for (;;) {
		pthread_barrier_wait(&barrier);
		if (is_ending)
			return NULL;
		thread->started_ns = bench_now_ns();
		for (uint64_t i = 0; i < thread->operations; i++)
			otlp_library_export_traces(library, thread->span, 1);
		thread->ended_ns = bench_now_ns();
		pthread_barrier_wait(&barrier);
	}
}

static uint64_t operations_of(const struct bench *bench)
{
	enum bench_record record =
		bench->argument == &bench_span_s ? BENCH_RECORD_S : BENCH_RECORD_S0;
	uint64_t bytes = bench_record_bytes(record);

	return bytes > 0 ? BURST_BYTES / bytes / bench->threads * bench->threads : 0;
}

static int64_t threads_burst(const struct bench *bench, uint64_t operations)
{
	uint64_t started_ns = UINT64_MAX, ended_ns = 0;
	int rc;

	(void)operations; /* it depends on a record's bytes: threads_counters() says it */
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	for (uint64_t i = 0; i < bench->threads; i++) {
		if (threads[i].started_ns < started_ns)
			started_ns = threads[i].started_ns;
		if (threads[i].ended_ns > ended_ns)
			ended_ns = threads[i].ended_ns;
	}
	rc = tap_drain(&tap, OTLP_SIGNAL_TRACES);
	return rc < 0 ? rc : (int64_t)(ended_ns - started_ns);
}

static int threads_setup(const struct bench *bench)
{
	struct otlp_options options;
	uint64_t operations = operations_of(bench);
	int rc;

	otlp_options_init(&options, sizeof(options));
	options.ring_bytes[OTLP_SIGNAL_TRACES] = RING_BYTES;
	options.runtime_dir = own_dir();
	rc = otlp_library_open(&library, &options);
	if (rc == 0)
		rc = tap_open(&tap, options.runtime_dir, true);
	if (rc < 0)
		return rc;
	is_ending = false;
	pthread_barrier_init(&barrier, NULL, (unsigned)bench->threads + 1);
	for (uint64_t i = 0; i < bench->threads; i++) {
		threads[i] = (struct thread){
			.span = bench->argument,
			.operations = operations / bench->threads,
		};
		if (pthread_create(&threads[i].id, NULL, thread_main, &threads[i]) != 0)
			abort();
	}
	/* Twice round the ring, so that all its pages are mapped. */
	for (int i = 0; i < 3 && rc == 0; i++)
		rc = threads_burst(bench, 1) < 0 ? -EIO : 0;
	return rc;
}

static size_t threads_counters(const struct bench *bench, struct bench_counter *ret)
{
	struct otlp_stats stats;

	otlp_library_get_stats(library, &stats, sizeof(stats));
	ret[0] = (struct bench_counter){"operations", operations_of(bench)};
	ret[1] = (struct bench_counter){"dropped", stats.signals[OTLP_SIGNAL_TRACES].dropped_full};
	return 2;
}

static void threads_teardown(const struct bench *bench)
{
	is_ending = true;
	pthread_barrier_wait(&barrier);
	for (uint64_t i = 0; i < bench->threads; i++)
		pthread_join(threads[i].id, NULL);
	pthread_barrier_destroy(&barrier);
	tap_close(&tap);
	otlp_library_unref(library);
}

#define THREADS(title, span, count)                                                              \
	{                                                                                        \
		.name = title, .setup = threads_setup, .burst = threads_burst,                   \
		.counters = threads_counters, .teardown = threads_teardown, .argument = &(span), \
		.burst_operations = 1, .threads = count                                          \
	}

const struct bench bench_threads_table[] = {
	THREADS("threads/S/1", bench_span_s, 1),
	THREADS("threads/S/2", bench_span_s, 2),
	THREADS("threads/S/4", bench_span_s, 4),
	THREADS("threads/S/8", bench_span_s, 8),
	THREADS("threads/S0/1", bench_span_s0, 1),
	THREADS("threads/S0/2", bench_span_s0, 2),
	THREADS("threads/S0/4", bench_span_s0, 4),
	THREADS("threads/S0/8", bench_span_s0, 8),
	{.name = NULL},
};
