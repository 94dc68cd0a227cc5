/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first push after the writer's deep sleep, which wakes it: what the push costs, and how long
 * it takes from its start until the record is in the file, which the ring's head says. Beside it
 * the same with a flush, which returns when the record is there. Before each push it waits until
 * the writer sleeps deeply, and a little longer.
 *
 * usage: bench_deep SAMPLES
 * One line of JSON on standard output: medians and the longest, in nanoseconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench_data.h"
#include "bench/report.h"
#include "bench/tap.h"
#include "core/record/signal.h"

#define SAMPLES_MAX	 1000u
#define FLUSH_TIMEOUT_NS INT64_C(10000000000)
#define SLEEP_WAIT_MS	 20000u /* the writer's housekeeping may put it off */
#define SETTLE_US	 5000

struct figures {
	double push[SAMPLES_MAX];    /* of the call alone */
	double written[SAMPLES_MAX]; /* until the record is in the file */
	double flushed[SAMPLES_MAX]; /* until a flush behind the push has returned */
};

static struct otlp_library *library;
static struct tap tap;

static bool sleeps_deeply(void)
{
	const struct ring_shared *shared = tap.view.rings[OTLP_SIGNAL_TRACES].shared;

	return atomic_load_relaxed_u32(&shared->deep_sleep) != 0;
}

static int wait_for_sleep(void)
{
	for (unsigned i = 0; i < SLEEP_WAIT_MS; i++) {
		if (sleeps_deeply()) {
			usleep(SETTLE_US);
			return 0;
		}
		usleep(1000);
	}
	return -1;
}

static int compare(const void *a, const void *b)
{
	const double left = *(const double *)a, right = *(const double *)b;

	return left < right ? -1 : left > right;
}

static void print(const char *name, double *values, unsigned count)
{
	qsort(values, count, sizeof(*values), compare);
	printf("\"%s_ns\": %.0f, \"%s_max_ns\": %.0f", name, values[count / 2], name,
	       values[count - 1]);
}

static int sample(struct figures *to, unsigned number)
{
	uint64_t started_ns, pushed_ns;

	if (wait_for_sleep() < 0)
		return -1;
	started_ns = report_now_ns();
	if (otlp_library_export_traces(library, &bench_span_s0, 1) < 0)
		return -1;
	pushed_ns = report_now_ns();
	while (tap_fill(&tap, OTLP_SIGNAL_TRACES) != 0)
		;
	to->written[number] = (double)(report_now_ns() - started_ns);
	to->push[number] = (double)(pushed_ns - started_ns);
	if (wait_for_sleep() < 0)
		return -1;
	started_ns = report_now_ns();
	if (otlp_library_export_traces(library, &bench_span_s0, 1) < 0 ||
	    otlp_library_flush(library, FLUSH_TIMEOUT_NS) < 0)
		return -1;
	to->flushed[number] = (double)(report_now_ns() - started_ns);
	return 0;
}

int main(int argc, char **argv)
{
	static struct figures figures;
	const unsigned count = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;

	if (count == 0 || count > SAMPLES_MAX) {
		fputs("usage: bench_deep SAMPLES\n", stderr);
		return 2;
	}
	if (otlp_library_open(&library, NULL) < 0 ||
	    otlp_library_flush(library, FLUSH_TIMEOUT_NS) < 0 ||
	    tap_open(&tap, getenv("OTLPIPE_DIR"), false) < 0) {
		fputs("bench_deep: no writer\n", stderr);
		return 1;
	}
	for (unsigned i = 0; i < count; i++) {
		if (sample(&figures, i) < 0) {
			fputs("bench_deep: the writer does not sleep, or nothing was taken\n",
			      stderr);
			return 1;
		}
	}
	printf("{");
	print("push", figures.push, count);
	printf(", ");
	print("written", figures.written, count);
	printf(", ");
	print("flushed", figures.flushed, count);
	puts("}");
	tap_close(&tap);
	otlp_library_shutdown(library, FLUSH_TIMEOUT_NS);
	otlp_library_unref(library);
	return 0;
}
