/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pushes that find the ring's lines in the writer's cache (cold.h), and memcpy in the same
 * situation: into a buffer of the ring's size, one copy behind the other, in which a thread on the
 * other processor zeroes what was copied. A writer must be at work on the other processor.
 *
 * usage: bench_cold
 * One line of JSON on standard output. It places itself on the first processor.
 */
#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "bench/bench_data.h"
#include "bench/cold.h"
#include "core/record/signal.h"

#define FLUSH_TIMEOUT_NS INT64_C(10000000000)
#define RING_BYTES	 (4u << 20)
#define READER_PAUSE_US	 1000

static struct otlp_library *library;
static struct otlp_shape *shape;
static struct otlp_log_shape *log_shape;

static void push_s(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		otlp_library_export_traces(library, &bench_span_s, 1);
}

static void push_s_shaped(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		otlp_library_export_shaped(library, shape, &bench_span_s, 1);
}

static void push_s0(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		otlp_library_export_traces(library, &bench_span_s0, 1);
}

static void push_128(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		otlp_library_export_traces(library, &bench_span_128, 1);
}

static void push_l(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		otlp_library_export_logs(library, &bench_log_l, 1);
}

/* What memcpy writes into, and somebody else zeroes. */
struct copies {
	uint8_t *buffer;
	uint8_t source[1024];
	uint64_t position; /* of the next copy; never goes back */
	uint64_t zeroed;   /* by the reader */
};

static struct copies copies;
static uint32_t is_over;

static void copy(uint64_t count, size_t len)
{
	for (uint64_t i = 0; i < count; i++) {
		uint64_t at = copies.position % RING_BYTES;

		if (at + len > RING_BYTES) {
			copies.position += RING_BYTES - at;
			at = 0;
		}
		memcpy(copies.buffer + at, copies.source, len);
		__atomic_store_n(&copies.position, copies.position + len, __ATOMIC_RELEASE);
	}
}

static size_t bytes_of_s, bytes_of_s0;

static void copy_s(uint64_t count)
{
	copy(count, bytes_of_s);
}

static void copy_s0(uint64_t count)
{
	copy(count, bytes_of_s0);
}

static void *read_copies(void *unused)
{
	cold_place(1);
	while (__atomic_load_n(&is_over, __ATOMIC_RELAXED) == 0) {
		const uint64_t to = __atomic_load_n(&copies.position, __ATOMIC_ACQUIRE);

		for (; copies.zeroed < to; copies.zeroed += 8)
			memset(copies.buffer + copies.zeroed % RING_BYTES, 0, 8);
		usleep(READER_PAUSE_US);
	}
	return unused;
}

/* What a record takes in the ring: by the library's own statistics. */
static size_t bytes_of(const struct otlp_span *span)
{
	struct otlp_stats before, after;

	otlp_library_get_stats(library, &before, sizeof(before));
	otlp_library_export_traces(library, span, 1);
	otlp_library_get_stats(library, &after, sizeof(after));
	return after.signals[OTLP_SIGNAL_TRACES].accepted_bytes -
	       before.signals[OTLP_SIGNAL_TRACES].accepted_bytes;
}

static int set_up(void)
{
	struct otlp_options options;

	otlp_options_init(&options, sizeof(options));
	options.ring_bytes[OTLP_SIGNAL_TRACES] = RING_BYTES;
	options.ring_bytes[OTLP_SIGNAL_LOGS] = RING_BYTES;
	copies.buffer = calloc(1, RING_BYTES);
	if (copies.buffer == NULL || otlp_library_open(&library, &options) < 0 ||
	    otlp_shape_register(&bench_span_s, &shape) < 0 ||
	    otlp_log_shape_register(&bench_log_l, &log_shape) < 0 ||
	    otlp_library_flush(library, FLUSH_TIMEOUT_NS) < 0)
		return -1;
	bytes_of_s = bytes_of(&bench_span_s);
	bytes_of_s0 = bytes_of(&bench_span_s0);
	return 0;
}

int main(void)
{
	static const struct cold_subject subjects[] = {
		{"S", push_s},		{"S_shaped", push_s_shaped},
		{"S0", push_s0},	{"128", push_128},
		{"L", push_l},		{"memcpy/S", copy_s},
		{"memcpy/S0", copy_s0},
	};
	struct otlp_stats stats;
	uint64_t dropped = 0;
	pthread_t reader;

	static_assert(COUNT_OF(subjects) <= COLD_SUBJECTS_MAX, "room for their samples");
	cold_place(0);
	if (set_up() < 0 || pthread_create(&reader, NULL, read_copies, NULL) != 0) {
		fputs("bench_cold: no writer, or no memory\n", stderr);
		return 1;
	}
	printf("{");
	cold_run(subjects, COUNT_OF(subjects));
	printf(", ");
	cold_run_together(&(const struct cold_subject){"128", push_128});
	otlp_library_get_stats(library, &stats, sizeof(stats));
	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		dropped += stats.signals[i].dropped_full;
	printf(", \"dropped\": %llu}\n", (unsigned long long)dropped);
	__atomic_store_n(&is_over, 1, __ATOMIC_RELAXED);
	pthread_join(reader, NULL);
	otlp_library_shutdown(library, FLUSH_TIMEOUT_NS);
	otlp_shape_unref(shape);
	otlp_log_shape_unref(log_shape);
	otlp_library_unref(library);
	free(copies.buffer);
	return 0;
}
