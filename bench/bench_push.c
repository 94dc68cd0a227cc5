/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a push costs the program that pushes, through the public API alone.
 *
 *   push/…         uncontended, ring warm: this process empties its own ring between the bursts,
 *                  on the same processor, so nobody else touches the ring's lines
 *   push_writer/…  a writer on another processor drains, encodes and writes each burst: the ring's
 *                  lines come back from its cache
 *
 *   …_shaped/…     through a registered shape
 *   …/2            by two threads at the same time (pair.h), of one of them
 *
 * A burst fits into half of the first of two lanes, so nothing is dropped, and no push finds its
 * ring near full; the counter says so.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "bench/bench_data.h"
#include "bench/micro.h"
#include "bench/own_ring.h"
#include "bench/pair.h"
#include "bench/tap.h"
#include "core/record/signal.h"

#define BURST_SPANS	 2048
#define BURST_LOGS	 2048
#define BURST_POINTS	 (64 * BENCH_METRICS_M_POINTS)
#define WARM_UP_BURSTS	 12 /* the smallest records: all of the ring */
#define RING_BYTES	 (4u << 20)
#define FLUSH_TIMEOUT_NS INT64_C(10000000000)

enum subject {
	SUBJECT_SPAN,
	SUBJECT_SHAPED,
	SUBJECT_VARIED,
	SUBJECT_METRICS,
	SUBJECT_LOG,
	SUBJECT_SHAPED_LOG
};

struct push_case {
	const struct otlp_span *span;
	enum subject subject;
	bool has_writer;
};

static enum otlp_signal signal_of(const struct push_case *of)
{
	if (of->subject == SUBJECT_LOG || of->subject == SUBJECT_SHAPED_LOG)
		return OTLP_SIGNAL_LOGS;
	return of->subject == SUBJECT_METRICS ? OTLP_SIGNAL_METRICS : OTLP_SIGNAL_TRACES;
}

static struct otlp_library *library;
static struct otlp_shape *shape; /* of the subject's span */
static struct otlp_log_shape *log_shape;
static struct tap tap;
static const struct otlp_span *varied;

static int64_t push_burst(const struct bench *bench, uint64_t operations);
static void push_128(uint64_t operations);

/* The pages of the whole ring are mapped, and its lines as warm as they will be. */
static int warm_up(const struct bench *bench)
{
	for (int i = 0; i < WARM_UP_BURSTS; i++) {
		int64_t rc = push_burst(bench, bench->burst_operations);

		if (rc < 0)
			return (int)rc;
	}
	return 0;
}

static int push_setup(const struct bench *bench)
{
	const struct push_case *of = bench->argument;
	struct otlp_options options;
	int rc;

	varied = bench_spans_varied();
	otlp_options_init(&options, sizeof(options));
	options.ring_bytes[OTLP_SIGNAL_TRACES] = RING_BYTES;
	options.ring_bytes[OTLP_SIGNAL_METRICS] = RING_BYTES;
	options.ring_bytes[OTLP_SIGNAL_LOGS] = RING_BYTES;
	if (!of->has_writer)
		options.runtime_dir = own_dir();
	rc = otlp_library_open(&library, &options);
	if (rc < 0)
		return rc;
	if (of->subject == SUBJECT_SHAPED && otlp_shape_register(of->span, &shape) < 0)
		abort();
	if (of->subject == SUBJECT_SHAPED_LOG &&
	    otlp_log_shape_register(&bench_log_l, &log_shape) < 0)
		abort();
	/* Without a writer the figures would be those of a full ring. */
	rc = of->has_writer ? otlp_library_flush(library, FLUSH_TIMEOUT_NS)
			    : tap_open(&tap, own_dir(), true);
	if (bench->threads > 0)
		pair_open(push_128);
	if (rc == 0)
		rc = warm_up(bench);
	if (rc < 0 && bench->threads > 0)
		pair_close();
	if (rc < 0)
		otlp_library_unref(library);
	return rc;
}

/* A function each, so that nothing is decided within the loop. */
static void push_span(const struct otlp_span *span, uint64_t operations)
{
	for (uint64_t i = 0; i < operations; i++)
		otlp_library_export_traces(library, span, 1);
}

static void push_128(uint64_t operations)
{
	push_span(&bench_span_128, operations);
}

static void push_shaped(const struct otlp_span *span, uint64_t operations)
{
	for (uint64_t i = 0; i < operations; i++)
		otlp_library_export_shaped(library, shape, span, 1);
}

static void push_varied(uint64_t operations)
{
	for (uint64_t i = 0; i < operations; i++)
		otlp_library_export_traces(library, &varied[i % BENCH_VARIED_COUNT], 1);
}

static void push_metrics(uint64_t operations)
{
	for (uint64_t i = 0; i < operations; i += BENCH_METRICS_M_POINTS)
		otlp_library_export_metrics_ref(library, &bench_metrics_m);
}

static void push_logs(uint64_t operations)
{
	for (uint64_t i = 0; i < operations; i++)
		otlp_library_export_logs(library, &bench_log_l, 1);
}

static void push_shaped_logs(uint64_t operations)
{
	for (uint64_t i = 0; i < operations; i++)
		otlp_library_export_logs_shaped(library, log_shape, &bench_log_l, 1);
}

static int64_t push_burst(const struct bench *bench, uint64_t operations)
{
	const struct push_case *of = bench->argument;
	const uint64_t started_ns = bench_cpu_ns();
	uint64_t elapsed_ns = 0;
	int rc;

	if (bench->threads > 0)
		elapsed_ns = pair_burst(operations);
	else if (of->subject == SUBJECT_SPAN)
		push_span(of->span, operations);
	else if (of->subject == SUBJECT_SHAPED)
		push_shaped(of->span, operations);
	else if (of->subject == SUBJECT_VARIED)
		push_varied(operations);
	else if (of->subject == SUBJECT_LOG)
		push_logs(operations);
	else if (of->subject == SUBJECT_SHAPED_LOG)
		push_shaped_logs(operations);
	else
		push_metrics(operations);
	if (bench->threads == 0)
		elapsed_ns = bench_cpu_ns() - started_ns;
	if (of->has_writer)
		rc = otlp_library_flush(library, FLUSH_TIMEOUT_NS);
	else
		rc = tap_drain(&tap, signal_of(of));
	return rc < 0 ? rc : (int64_t)elapsed_ns;
}

static size_t push_counters(const struct bench *bench, struct bench_counter *ret)
{
	const struct push_case *of = bench->argument;
	struct otlp_stats stats;
	const struct otlp_signal_stats *of_signal = &stats.signals[signal_of(of)];
	uint64_t lost;

	otlp_library_get_stats(library, &stats, sizeof(stats));
	lost = of_signal->dropped_full + of_signal->dropped_invalid + of_signal->dropped_too_large;
	ret[0] = (struct bench_counter){
		"record_bytes",
		of_signal->accepted_bytes / (of_signal->accepted > 0 ? of_signal->accepted : 1),
	};
	ret[1] = (struct bench_counter){"dropped", lost};
	return 2;
}

static void push_teardown(const struct bench *bench)
{
	const struct push_case *of = bench->argument;

	if (bench->threads > 0)
		pair_close();
	if (of->has_writer) {
		otlp_library_shutdown(library, FLUSH_TIMEOUT_NS);
	} else {
		tap_close(&tap);
	}
	otlp_library_unref(library);
	otlp_shape_unref(shape);
	otlp_log_shape_unref(log_shape);
	library = NULL;
	shape = NULL;
	log_shape = NULL;
}

uint64_t bench_record_bytes(enum bench_record record)
{
	static const struct push_case cases[] = {
		[BENCH_RECORD_S] = {.span = &bench_span_s},
		[BENCH_RECORD_S0] = {.span = &bench_span_s0},
		[BENCH_RECORD_128] = {.span = &bench_span_128},
		[BENCH_RECORD_S_SHAPED] = {.span = &bench_span_s, .subject = SUBJECT_SHAPED},
		[BENCH_RECORD_M_POINT] = {.subject = SUBJECT_METRICS},
	};
	static uint64_t known[COUNT_OF(cases)];
	const struct bench bench = {.argument = &cases[record],
				    .burst_operations = 10 * BENCH_METRICS_M_POINTS};
	struct bench_counter counters[BENCH_COUNTERS_MAX];

	if (known[record] == 0 && push_setup(&bench) == 0) {
		if (push_burst(&bench, bench.burst_operations) >= 0) {
			push_counters(&bench, counters);
			known[record] = counters[0].value;
		}
		push_teardown(&bench);
	}
	return known[record];
}

#define PUSH(title, span, subject, count, writer)                             \
	{                                                                     \
		.name = title, .setup = push_setup, .burst = push_burst,      \
		.counters = push_counters, .teardown = push_teardown,         \
		.argument = &(const struct push_case){span, subject, writer}, \
		.burst_operations = count                                     \
	}
#define SPAN(title, span, writer)   PUSH(title, &(span), SUBJECT_SPAN, BURST_SPANS, writer)
#define SHAPED(title, span, writer) PUSH(title, &(span), SUBJECT_SHAPED, BURST_SPANS, writer)

const struct bench bench_push_table[] = {
	SPAN("push/S", bench_span_s, false),
	SPAN("push/S0", bench_span_s0, false),
	SPAN("push/S_no_scope", bench_span_s_no_scope, false),
	SPAN("push/S0_no_scope", bench_span_s0_no_scope, false),
	SPAN("push/128", bench_span_128, false),
	PUSH("push/S_varied", NULL, SUBJECT_VARIED, BURST_SPANS, false),
	PUSH("push/M_point", NULL, SUBJECT_METRICS, BURST_POINTS, false),
	PUSH("push/L", NULL, SUBJECT_LOG, BURST_LOGS, false),
	SHAPED("push_shaped/S", bench_span_s, false),
	SHAPED("push_shaped/S0", bench_span_s0, false),
	PUSH("push_shaped/L", NULL, SUBJECT_SHAPED_LOG, BURST_LOGS, false),
	SPAN("push_writer/S", bench_span_s, true),
	SPAN("push_writer/S0", bench_span_s0, true),
	SPAN("push_writer/128", bench_span_128, true),
	{.name = "push_writer/128/2",
	 .setup = push_setup,
	 .burst = push_burst,
	 .counters = push_counters,
	 .teardown = push_teardown,
	 .argument = &(const struct push_case){&bench_span_128, SUBJECT_SPAN, true},
	 .burst_operations = BURST_SPANS,
	 .threads = 2},
	PUSH("push_writer/L", NULL, SUBJECT_LOG, BURST_LOGS, true),
	PUSH("push_writer_shaped/L", NULL, SUBJECT_SHAPED_LOG, BURST_LOGS, true),
	SHAPED("push_writer_shaped/S", bench_span_s, true),
	{.name = NULL},
};
