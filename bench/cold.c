/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/cold.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/ticks.h"

#define ROUNDS	    12
#define PAIR_BURSTS 20
#define NEAR_PUSHES 500 /* of a round, 10 us apart */
#define FAR_PUSHES  10	/* of a round, 1 ms apart */
#define NEAR_NS	    10000
#define FAR_NS	    1000000
#define PAUSE_NS    50000000
#define CLOCK_READS 10001
#define WARM_UP_BURSTS \
	300 /* of 64: more than once round a ring of 4 MiB, in records of 320 bytes */
#define WARM_UP_NS 1000000 /* 70 MB/s: a disk that stalls for a moment fills no ring */

void cold_place(unsigned index)
{
	static cpu_set_t allowed;
	cpu_set_t set;

	if (CPU_COUNT(&allowed) == 0 && sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		return;
	index %= (unsigned)CPU_COUNT(&allowed);
	CPU_ZERO(&set);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &allowed) && index-- == 0)
			CPU_SET(cpu, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

enum schedule { EVERY_10US, EVERY_1MS, BURST_50MS, SCHEDULES };

static const char *const names[SCHEDULES] = {"every_10us", "every_1ms", "burst_50ms"};

struct samples {
	uint64_t ticks[ROUNDS * NEAR_PUSHES];
	size_t count;
};

static int compare(const void *a, const void *b)
{
	const uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

static uint64_t median(uint64_t *ticks, size_t count)
{
	qsort(ticks, count, sizeof(*ticks), compare);
	return ticks[count / 2];
}

static void sleep_ns(long ns)
{
	const struct timespec pause = {.tv_nsec = ns};

	(void)nanosleep(&pause, NULL);
}

static void sample(const struct cold_subject *subject, uint64_t count, struct samples *to)
{
	const uint64_t started = ticks_now();

	subject->push(count);
	to->ticks[to->count++] = ticks_now() - started;
}

static void round_of(const struct cold_subject *subject, struct samples to[SCHEDULES],
		     double ns_per_tick)
{
	const uint64_t step = (uint64_t)(NEAR_NS / ns_per_tick);
	uint64_t due = ticks_now();

	for (unsigned i = 0; i < NEAR_PUSHES; i++) {
		due += step;
		while ((int64_t)(ticks_now() - due) < 0)
			;
		sample(subject, 1, &to[EVERY_10US]);
	}
	for (unsigned i = 0; i < FAR_PUSHES; i++) {
		sleep_ns(FAR_NS);
		sample(subject, 1, &to[EVERY_1MS]);
	}
	sleep_ns(PAUSE_NS);
	sample(subject, COLD_BURST, &to[BURST_50MS]);
}

static uint64_t clock_ticks(void)
{
	static uint64_t reads[CLOCK_READS];

	for (size_t i = 0; i < CLOCK_READS; i++) {
		const uint64_t started = ticks_now();

		reads[i] = ticks_now() - started;
	}
	return median(reads, CLOCK_READS);
}

static void print(const struct cold_subject *subject, struct samples of[SCHEDULES],
		  double ns_per_tick, uint64_t clock)
{
	printf("\"%s\": {", subject->name);
	for (unsigned i = 0; i < SCHEDULES; i++) {
		const uint64_t ticks = median(of[i].ticks, of[i].count);
		const double count = i == BURST_50MS ? COLD_BURST : 1;

		printf("%s\"%s\": %.1f", i > 0 ? ", " : "", names[i],
		       (double)(ticks > clock ? ticks - clock : 0) * ns_per_tick / count);
	}
	printf("}");
}

void cold_run(const struct cold_subject *subjects, size_t count)
{
	static struct samples samples[COLD_SUBJECTS_MAX][SCHEDULES];
	const double ns_per_tick = ticks_ns();
	const uint64_t clock = clock_ticks();

	for (unsigned i = 0; i < WARM_UP_BURSTS; i++) {
		for (size_t s = 0; s < count; s++)
			subjects[s].push(64);
		sleep_ns(WARM_UP_NS);
	}
	for (unsigned i = 0; i < ROUNDS; i++)
		for (size_t s = 0; s < count; s++)
			round_of(&subjects[s], samples[s], ns_per_tick);
	for (size_t s = 0; s < count; s++) {
		printf("%s", s > 0 ? ", " : "");
		print(&subjects[s], samples[s], ns_per_tick, clock);
	}
}

/* What both threads of a pair follow. */
struct together {
	const struct cold_subject *subject;
	uint64_t first_ns; /* when the first burst is due */
	uint64_t ticks[2][PAIR_BURSTS];
};

static void *burst_together(struct together *of, unsigned number)
{
	cold_place(number);
	for (unsigned i = 0; i < PAIR_BURSTS; i++) {
		const uint64_t due_ns = of->first_ns + (uint64_t)i * PAUSE_NS;
		const struct timespec due = {.tv_sec = (time_t)(due_ns / 1000000000u),
					     .tv_nsec = (long)(due_ns % 1000000000u)};
		uint64_t started;

		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) != 0)
			;
		started = ticks_now();
		of->subject->push(COLD_BURST);
		of->ticks[number][i] = ticks_now() - started;
	}
	return NULL;
}

static void *other_main(void *argument)
{
	return burst_together(argument, 1);
}

void cold_run_together(const struct cold_subject *subject)
{
	static struct together together;
	const double ns_per_tick = ticks_ns();
	pthread_t other;

	together.subject = subject;
	together.first_ns = report_now_ns() + PAUSE_NS;
	if (pthread_create(&other, NULL, other_main, &together) != 0)
		abort();
	(void)burst_together(&together, 0);
	pthread_join(other, NULL);
	printf("\"%s/2\": {\"burst_50ms\": %.1f}", subject->name,
	       (double)median(together.ticks[0], 2 * PAIR_BURSTS) * ns_per_tick / COLD_BURST);
}
