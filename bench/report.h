/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs of the bench that google-benchmark cannot run have in common. */
#ifndef OTLPIPE_BENCH_REPORT_H
#define OTLPIPE_BENCH_REPORT_H

#include <stdint.h>
#include <sys/resource.h>
#include <time.h>

static inline uint64_t report_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Seconds of processor time, user and system, of this process or of its children. */
static inline double report_cpu_seconds(int who)
{
	struct rusage usage;

	getrusage(who, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

#endif
