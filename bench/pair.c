/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/pair.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "bench/harness.h"

#define THREADS 2u

static pthread_t threads[THREADS];
static pthread_barrier_t barrier; /* the threads and the caller, twice a burst */
static void (*work)(uint64_t operations);
static uint64_t share, spent_ns[THREADS];
static bool is_ending;

static void *thread_main(void *argument)
{
	const uintptr_t number = (uintptr_t)argument;

	bench_place((unsigned)number);
	for (;;) {
		uint64_t started_ns;

		pthread_barrier_wait(&barrier);
		if (is_ending)
			return NULL;
		started_ns = bench_cpu_ns();
		work(share);
		spent_ns[number] = bench_cpu_ns() - started_ns;
		pthread_barrier_wait(&barrier);
	}
}

void pair_open(void (*run)(uint64_t operations))
{
	work = run;
	is_ending = false;
	pthread_barrier_init(&barrier, NULL, THREADS + 1);
	for (uintptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, thread_main, (void *)i) != 0)
			abort();
}

uint64_t pair_burst(uint64_t operations)
{
	share = operations / THREADS;
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return spent_ns[0] + spent_ns[1];
}

void pair_close(void)
{
	is_ending = true;
	pthread_barrier_wait(&barrier);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&barrier);
}
