/* SPDX-License-Identifier: Apache-2.0 */
/* The processor's time stamp counter, or the clock where there is none. */
#ifndef OTLPIPE_BENCH_TICKS_H
#define OTLPIPE_BENCH_TICKS_H

#include "bench/report.h"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#define TICKS_CALIBRATE_NS 50000000u

static inline uint64_t ticks_now(void)
{
#if defined(__x86_64__)
	unsigned unused;

	return __rdtscp(&unused);
#else
	return report_now_ns();
#endif
}

static inline double ticks_ns(void)
{
	uint64_t started_ns = report_now_ns(), started = ticks_now(), now_ns;

	do {
		now_ns = report_now_ns();
	} while (now_ns - started_ns < TICKS_CALIBRATE_NS);
	return (double)(now_ns - started_ns) / (double)(ticks_now() - started);
}

#endif
