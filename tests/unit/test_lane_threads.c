/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that push through the library into lanes that are full most of the time, so that they
 * fall over from one to the other, and that are moved from lane to lane as by the kernel, while
 * another thread reads: nothing lost, nothing twice, and what was taken from one lane by one thread
 * in its order. Under ThreadSanitizer as well.
 */
#include "tests/unit/library_fixture.h"

#include <pthread.h>
#include <sched.h>

#include "core/library.h"

#define THREADS	     4u
#define LANES	     8u
#define PUSHES	     10000u /* of each thread */
#define SPANS_BYTES  (UINT32_C(256) << 10)
#define MOVES_EACH   50u /* pushes, or so, a thread gets another number */
#define THREAD_SHIFT 32	 /* of its number, in a span's start time */

static _Thread_local uint32_t kernels_number;

static struct {
	struct otlp_library *library;
	uint32_t running;
	bool gives_up; /* a full ring drops; else a push is tried until it is taken */
} shared;

struct pusher {
	pthread_t thread;
	uint64_t number, accepted, full, invalid, wrong;
};

static void *push(void *context)
{
	/* Beyond the buffer on the stack: what is wrong with it is found behind the claim. */
	static const char long_text[6000] = {[0] = '\xff', [1] = 'a'};
	static const char large_text[40 << 10]; /* more than any lane but the first takes */
	struct pusher *pusher = context;
	uint64_t random = pusher->number + 1, i;

	for (i = 0; i < PUSHES; i++) {
		struct otlp_span span =
			fixture_span(pusher->number << THREAD_SHIFT | pusher->accepted);
		int rc;

		random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		if (random >> 32 < UINT32_MAX / MOVES_EACH)
			kernels_number = (uint32_t)(random >> 20) % 64;
		if (random >> 58 == 0)
			span.name = (struct otlp_str){long_text, sizeof(long_text)};
		else if (random >> 57 == 2)
			span.name = (struct otlp_str){large_text, sizeof(large_text)};
		while ((rc = otlp_library_export_traces(shared.library, &span, 1)) ==
		       OTLP_ERR_FULL) {
			pusher->full++;
			sched_yield();
			if (shared.gives_up)
				break;
		}
		pusher->accepted += rc == OTLP_OK;
		pusher->invalid += rc == OTLP_ERR_INVALID;
		pusher->wrong += rc != OTLP_OK && rc != OTLP_ERR_INVALID && rc != OTLP_ERR_FULL;
	}
	atomic_sub_acq_rel_u32(&shared.running, 1);
	return NULL;
}

/* Through the producer's own mapping: by another one ThreadSanitizer would not see who waits for
 * whom. */
struct reading {
	struct ring_reader readers[LANES];
	uint64_t next[THREADS][LANES]; /* at least, of a thread's numbers in a lane */
	uint8_t counts[THREADS][PUSHES];
};

static void reading_open(struct reading *reading)
{
	memset(reading, 0, sizeof(*reading));
	for (unsigned lane = 0; lane < LANES; lane++) {
		const struct ring *ring = &shared.library->producer.regions[0]
						   .rings[ring_number(OTLP_SIGNAL_TRACES, lane)];

		assert_int_equal(ring_reader_init(&reading->readers[lane], ring->shared, ring->data,
						  ring->bytes, true),
				 0);
	}
}

static void see(struct reading *reading, unsigned lane, const struct ring_entry *entry)
{
	struct record_view record;
	uint64_t thread, number;

	assert_int_equal(
		record_parse(entry->payload, entry->payload_bytes, entry->payload_bytes, &record),
		0);
	thread = record.head.span.start_time_unix_ns >> THREAD_SHIFT;
	number = record.head.span.start_time_unix_ns & UINT32_MAX;
	assert_true(thread < THREADS && number < PUSHES);
	assert_true(number >= reading->next[thread][lane]);
	reading->next[thread][lane] = number + 1;
	reading->counts[thread][number]++;
}

static bool read_all(struct reading *reading)
{
	bool any = false;

	for (unsigned lane = 0; lane < LANES; lane++) {
		struct ring_reader *reader = &reading->readers[lane];
		const uint64_t before = reader->read;
		struct ring_done done = {0};
		struct ring_entry entry;

		while (fixture_next_record(reader, &entry))
			see(reading, lane, &entry);
		if (reader->read == before)
			continue;
		any = true;
		done.position = reader->read;
		ring_reader_release(reader, &done);
	}
	return any;
}

static void run(bool gives_up)
{
	static struct reading reading;
	struct pusher pushers[THREADS] = {0};
	struct otlp_options options = fixture_options();
	uint64_t accepted = 0, full = 0, invalid = 0;
	struct otlp_signal_stats stats;
	bool is_last = false;

	options.lanes = LANES;
	options.ring_bytes[OTLP_SIGNAL_TRACES] = SPANS_BYTES;
	assert_int_equal(otlp_library_open(&shared.library, &options), OTLP_OK);
	/* Each thread has its number at the same distance from its pointer. */
	shared.library->producer.lanes.number_offset =
		(ptrdiff_t)((uintptr_t)&kernels_number - (uintptr_t)__builtin_thread_pointer());
	shared.gives_up = gives_up;
	shared.running = THREADS;
	reading_open(&reading);
	for (unsigned i = 0; i < THREADS; i++) {
		pushers[i].number = i;
		assert_int_equal(pthread_create(&pushers[i].thread, NULL, push, &pushers[i]), 0);
	}
	while (!is_last) {
		/* Looked at before the rings: then nothing comes behind it. */
		is_last = atomic_load_acquire_u32(&shared.running) == 0;
		/* Once they are full. */
		stats = fixture_stats(shared.library).signals[OTLP_SIGNAL_TRACES];
		if (is_last || stats.dropped_full > full) {
			full = stats.dropped_full;
			(void)read_all(&reading);
		} else {
			sched_yield();
		}
	}
	full = 0;
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(pushers[i].thread, NULL), 0);
		assert_int_equal(pushers[i].wrong, 0);
		accepted += pushers[i].accepted;
		full += pushers[i].full;
		invalid += pushers[i].invalid;
		for (uint64_t n = 0; n < PUSHES; n++)
			assert_int_equal(reading.counts[i][n], n < pushers[i].accepted);
		assert_true(gives_up || pushers[i].accepted + pushers[i].invalid == PUSHES);
	}
	stats = fixture_stats(shared.library).signals[OTLP_SIGNAL_TRACES];
	assert_int_equal(stats.accepted, accepted);
	assert_int_equal(stats.dropped_full, full);
	assert_int_equal(stats.dropped_invalid, invalid);
	assert_true(full > 0 && invalid > 0);
	assert_int_equal(shared.library->producer.regions[0].header->rings_used,
			 ring_bits(OTLP_SIGNAL_TRACES));
	otlp_library_unref(shared.library);
}

static void threads_that_fall_over_between_full_lanes_lose_nothing(void **state)
{
	(void)state;
	run(false);
}

static void threads_that_give_up_when_all_lanes_are_full_count_each_drop_once(void **state)
{
	(void)state;
	run(true);
}

#define LANE_TEST(test) \
	cmocka_unit_test_setup_teardown(test, shm_fixture_setup, shm_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LANE_TEST(threads_that_fall_over_between_full_lanes_lose_nothing),
		LANE_TEST(threads_that_give_up_when_all_lanes_are_full_count_each_drop_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
