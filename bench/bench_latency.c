/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long single pushes of S take while the writer works on another processor: one push, then
 * nothing until the next is due, so that the writer keeps up and is never idle. Each is timed with
 * the processor's time stamp counter, or where there is none with the clock; what reading that
 * twice costs is measured the same way and reported, not subtracted.
 *
 * Halfway between two pushes a loop that only reads that counter is timed, for as long as a push
 * usually takes: what its percentiles have beyond that, the machine did (interrupts, a hypervisor),
 * and does to a push as well.
 *
 * usage: bench_latency PUSHES INTERVAL_NS
 * One line of JSON on standard output: the percentiles.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench/bench_data.h"
#include "bench/ticks.h"

#define FLUSH_TIMEOUT_NS INT64_C(10000000000)

/* Counts by time in 32 steps to each power of two: 3 % wide at most. */
#define STEP_BITS     5
#define BUCKETS	      ((64 - STEP_BITS) << STEP_BITS)
#define RING_BYTES    (16u << 20) /* a disk's hiccup of 70 ms drops nothing */
#define WARM_UP	      50000	  /* more than once round the ring */
#define OVERHEAD_RUNS 200000

struct histogram {
	uint64_t counts[BUCKETS];
	uint64_t total;
	uint64_t max;
};

static unsigned bucket_of(uint64_t value)
{
	unsigned shift;

	if (value < 1u << STEP_BITS)
		return (unsigned)value;
	shift = 63u - STEP_BITS - (unsigned)__builtin_clzll(value);
	return (shift << STEP_BITS) + (unsigned)(value >> shift);
}

/* The upper end of a bucket. */
static uint64_t bucket_end(unsigned bucket)
{
	unsigned shift = bucket >> STEP_BITS;

	if (shift == 0)
		return bucket;
	shift--;
	return ((((uint64_t)bucket & ((1u << STEP_BITS) - 1)) + (1u << STEP_BITS) + 1) << shift) -
	       1;
}

static void add(struct histogram *histogram, uint64_t value)
{
	histogram->counts[bucket_of(value)]++;
	histogram->total++;
	if (value > histogram->max)
		histogram->max = value;
}

static double percentile(const struct histogram *histogram, double share, double ns_per_tick)
{
	uint64_t wanted = (uint64_t)(share * (double)histogram->total), seen = 0;

	for (unsigned i = 0; i < BUCKETS; i++) {
		seen += histogram->counts[i];
		if (seen > wanted)
			return (double)bucket_end(i) * ns_per_tick;
	}
	return (double)histogram->max * ns_per_tick;
}

static void print_percentiles(const char *prefix, const struct histogram *of, double ns_per_tick)
{
	printf(", \"%sp50\": %.1f, \"%sp99\": %.1f, \"%sp99.9\": %.1f, \"%sp99.99\": %.1f, "
	       "\"%smax\": %.1f",
	       prefix, percentile(of, 0.5, ns_per_tick), prefix, percentile(of, 0.99, ns_per_tick),
	       prefix, percentile(of, 0.999, ns_per_tick), prefix,
	       percentile(of, 0.9999, ns_per_tick), prefix, (double)of->max * ns_per_tick);
}

static void spin(struct histogram *ret, uint64_t duration)
{
	uint64_t started = ticks_now(), now;

	do {
		now = ticks_now();
	} while (now - started < duration);
	add(ret, now - started);
}

int main(int argc, char **argv)
{
	static struct histogram warm_up, pushes, spins, overhead;
	struct otlp_library *library;
	struct otlp_options options;
	struct otlp_stats stats;
	uint64_t count, next, step, usual = 0;
	double ns_per_tick;

	if (argc != 3) {
		fputs("usage: bench_latency PUSHES INTERVAL_NS\n", stderr);
		return 2;
	}
	count = strtoull(argv[1], NULL, 10);
	ns_per_tick = ticks_ns();
	step = (uint64_t)(strtod(argv[2], NULL) / ns_per_tick);
	otlp_options_init(&options, sizeof(options));
	options.ring_bytes[OTLP_SIGNAL_TRACES] = RING_BYTES;
	if (otlp_library_open(&library, &options) < 0 ||
	    otlp_library_flush(library, FLUSH_TIMEOUT_NS) < 0) {
		fputs("bench_latency: no writer\n", stderr);
		return 1;
	}
	for (unsigned i = 0; i < OVERHEAD_RUNS; i++) {
		uint64_t started = ticks_now();

		add(&overhead, ticks_now() - started);
	}
	next = ticks_now();
	for (uint64_t i = 0; i < count + WARM_UP; i++) {
		uint64_t started, ended;
		int rc;

		while (ticks_now() < next - step / 2)
			;
		if (i == WARM_UP)
			usual = (uint64_t)percentile(&warm_up, 0.5, 1);
		if (i >= WARM_UP)
			spin(&spins, usual);
		while (ticks_now() < next)
			;
		started = ticks_now();
		rc = otlp_library_export_traces(library, &bench_span_s, 1);
		ended = ticks_now();
		if (rc == 0)
			add(i >= WARM_UP ? &pushes : &warm_up, ended - started);
		next = started + step;
	}
	otlp_library_get_stats(library, &stats, sizeof(stats));
	printf("{\"count\": %llu, \"dropped\": %llu, \"clock_ns\": %.1f",
	       (unsigned long long)pushes.total,
	       (unsigned long long)stats.signals[OTLP_SIGNAL_TRACES].dropped_full,
	       percentile(&overhead, 0.5, ns_per_tick));
	print_percentiles("", &pushes, ns_per_tick);
	print_percentiles("spin_", &spins, ns_per_tick);
	puts("}");
	otlp_library_shutdown(library, FLUSH_TIMEOUT_NS);
	otlp_library_unref(library);
	return 0;
}
