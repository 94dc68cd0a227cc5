/* SPDX-License-Identifier: Apache-2.0 */
/* The lanes of a ring: how many there are, which one a thread takes, and that a full one is not
 * full. */
#include "core/lane.h"

#include <sched.h>

#include "core/library.h"
#include "tests/unit/library_fixture.h"

#define SPANS_BYTES (UINT32_C(256) << 10)
#define LANES	    8

/* The region that this process made, as a monitor sees it. */
static void attach_own(struct region_view *ret)
{
	char name[REGION_NAME_BYTES_MAX];

	assert_true(find_region_of(getpid(), name));
	assert_int_equal(region_attach(ret, &shm_fixture_dir, name, false), 0);
}

static struct otlp_library *open_lanes(uint32_t lanes)
{
	struct otlp_options options = fixture_options();
	struct otlp_library *library = NULL;

	options.lanes = lanes;
	options.ring_bytes[OTLP_SIGNAL_TRACES] = SPANS_BYTES;
	assert_int_equal(otlp_library_open(&library, &options), OTLP_OK);
	return library;
}

static const struct ring_shared *lane_of(const struct region_view *view, unsigned lane)
{
	return view->rings[ring_number(OTLP_SIGNAL_TRACES, lane)].shared;
}

static void a_lane_is_never_smaller_than_is_useful(void **state)
{
	(void)state;
	assert_int_equal(lane_count(4 << 20, 1), 1);
	assert_int_equal(lane_count(4 << 20, 2), 2);
	assert_int_equal(lane_count(4 << 20, 8), 8);
	assert_int_equal(lane_count(4 << 20, 1000), REGION_LANES_MAX);
	assert_int_equal(lane_count(UINT64_C(1) << 30, 8), 8);
	assert_int_equal(lane_count(16 * LANE_BYTES_MIN, 8), 8);
	assert_int_equal(lane_count(8 * LANE_BYTES_MIN, 8), 4);
	assert_int_equal(lane_count(4 * LANE_BYTES_MIN, 8), 2);
	assert_int_equal(lane_count(2 * LANE_BYTES_MIN, 8), 2);
	assert_int_equal(lane_count(LANE_BYTES_MIN, 8), 1);
	assert_int_equal(lane_count(RING_BYTES_MIN, 8), 1);
	/* By itself it takes larger ones. */
	assert_int_equal(lane_count(LANE_BYTES_DEFAULT_MIN, 0), 1);
	assert_true(lane_count(2 * LANE_BYTES_DEFAULT_MIN, 0) <= 2);
	assert_true(lane_count(8 * LANE_BYTES_DEFAULT_MIN, 0) <= 4);
	assert_true(lane_count(UINT64_C(1) << 30, 0) <= REGION_LANES_MAX);
}

static void by_default_there_are_as_many_as_processors_that_may_be_used(void **state)
{
	cpu_set_t all, one;
	int cpu = 0;
	unsigned count;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	for (count = 1; count < (unsigned)CPU_COUNT(&all) && count < REGION_LANES_MAX; count *= 2)
		;
	assert_int_equal(lane_count(4 << 20, 0), count);
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(lane_count(4 << 20, 0), 1);
	/* Who asks for more has more, to find out on a small machine what a large one does. */
	assert_int_equal(lane_count(4 << 20, 8), 8);
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
}

static void the_first_lane_has_half_and_the_others_share_the_rest(void **state)
{
	unsigned count, lane;

	(void)state;
	assert_int_equal(lane_bytes(4 << 20, 1, 0), 4 << 20);
	for (count = 2; count <= REGION_LANES_MAX; count *= 2) {
		uint64_t sum = 0;

		for (lane = 0; lane < count; lane++) {
			const uint64_t bytes = lane_bytes(4 << 20, count, lane);

			assert_int_equal(bytes & (bytes - 1), 0);
			assert_true(lane == 0 || bytes <= lane_bytes(4 << 20, count, lane - 1));
			sum += bytes;
		}
		assert_int_equal(lane_bytes(4 << 20, count, 0), 2 << 20);
		assert_int_equal(sum, 4 << 20);
	}
}

/* A thread's pointer less this one's: where the kernel's number is made to stand. */
static struct lanes lanes_at(const uint32_t *number)
{
	struct lanes lanes = {.masks = {LANES - 1, 0, 1}};

	lanes.number_offset =
		(ptrdiff_t)((uintptr_t)number - (uintptr_t)__builtin_thread_pointer());
	return lanes;
}

/* Of a library: from now on the lane of this thread is what stands there. */
static void take_lane_of(struct otlp_library *library, const uint32_t *number)
{
	library->producer.lanes.number_offset = lanes_at(number).number_offset;
}

static void a_thread_takes_the_lane_of_the_kernels_number(void **state)
{
	uint32_t number = 0;
	const struct lanes lanes = lanes_at(&number);

	(void)state;
	for (number = 0; number < 4 * LANES; number++) {
		assert_int_equal(lane_of_thread(&lanes, OTLP_SIGNAL_TRACES), number % LANES);
		assert_int_equal(lane_of_thread(&lanes, OTLP_SIGNAL_METRICS), 0);
		assert_int_equal(lane_of_thread(&lanes, OTLP_SIGNAL_LOGS), number % 2);
	}
}

static void a_thread_that_the_kernel_does_not_know_takes_one_by_its_address(void **state)
{
	const uint32_t expected = lane_hash((uintptr_t)__builtin_thread_pointer());
	uint32_t number = UINT32_MAX; /* RSEQ_CPU_ID_UNINITIALIZED */
	struct lanes lanes = lanes_at(&number);

	(void)state;
	assert_int_equal(lane_of_thread(&lanes, OTLP_SIGNAL_TRACES), expected);
	assert_int_equal(lane_of_thread(&lanes, OTLP_SIGNAL_METRICS), 0);
	number = UINT32_MAX - 1; /* RSEQ_CPU_ID_REGISTRATION_FAILED */
	assert_int_equal(lane_of_thread(&lanes, OTLP_SIGNAL_TRACES), expected);
	lanes.number_offset = 0;
	assert_int_equal(lane_of_thread(&lanes, OTLP_SIGNAL_TRACES), expected);
}

static void the_addresses_of_threads_spread_over_all_lanes(void **state)
{
	static const uint64_t distances[] = {0x801000, 0x21000, 0x11000, 0x40000};
	size_t d;

	(void)state;
	for (d = 0; d < COUNT_OF(distances); d++) {
		unsigned counts[LANES] = {0}, lane;
		uint64_t thread;

		for (thread = 0; thread < 128; thread++)
			counts[lane_hash((uintptr_t)(UINT64_C(0x7f0123456700) +
						     thread * distances[d])) %
			       LANES]++;
		for (lane = 0; lane < LANES; lane++)
			assert_in_range(counts[lane], 4, 40);
	}
}

static void lanes_divide_a_ring_and_take_no_more_memory(void **state)
{
	uint64_t bytes[2];
	unsigned n, lane;

	(void)state;
	for (n = 0; n < 2; n++) {
		const unsigned lanes = n == 0 ? 1 : LANES;
		struct otlp_library *library = open_lanes(lanes);
		struct region_view view;
		uint64_t sum = 0;

		attach_own(&view);
		for (lane = 0; lane < LANES; lane++) {
			const unsigned number = ring_number(OTLP_SIGNAL_TRACES, lane);

			assert_int_equal(view.rings[number].shared != NULL, lane < lanes);
			sum += view.rings[number].bytes;
		}
		assert_int_equal(sum, SPANS_BYTES);
		/* But for a control block of each lane. */
		bytes[n] = view.bytes - view.ring_count * sizeof(struct ring_shared);
		region_detach(&view);
		otlp_library_unref(library);
	}
	assert_in_range(bytes[1], bytes[0] - LAYOUT_PAGE_BYTES, bytes[0] + LAYOUT_PAGE_BYTES);
}

/* A span whose lane is filled to the last byte that it needs. */
static void push_until_full(struct otlp_library *library, uint64_t *pushed)
{
	struct otlp_span span = fixture_span(0);
	int rc;

	while ((rc = otlp_library_export_traces(library, &span, 1)) == OTLP_OK)
		++*pushed;
	assert_int_equal(rc, OTLP_ERR_FULL);
}

static void one_thread_fills_all_lanes_before_it_drops(void **state)
{
	struct otlp_library *library = open_lanes(LANES);
	uint64_t pushed = 0, accepted = 0, dropped = 0, entry;
	struct region_view view;
	unsigned lane;

	(void)state;
	attach_own(&view);
	push_until_full(library, &pushed);
	entry = lane_of(&view, 0)->tail / lane_of(&view, 0)->accepted_items;
	for (lane = 0; lane < LANES; lane++) {
		const struct ring_shared *shared = lane_of(&view, lane);

		assert_true(lane_bytes(SPANS_BYTES, LANES, lane) - (shared->tail - shared->head) <
			    entry);
		accepted += shared->accepted_items;
		dropped += shared->dropped_full_items;
	}
	assert_int_equal(accepted, pushed);
	assert_int_equal(dropped, 1);
	assert_int_equal(fixture_stats(library).signals[OTLP_SIGNAL_TRACES].accepted, pushed);
	assert_int_equal(fixture_stats(library).signals[OTLP_SIGNAL_TRACES].dropped_full, 1);
	region_detach(&view);
	otlp_library_unref(library);
}

static void a_span_that_is_given_up_leaves_the_count_of_the_lane_that_it_went_to(void **state)
{
	/* Too long for the buffer on the stack: what is wrong with it is found behind the claim. */
	static char text[16 << 10];
	struct otlp_library *library = open_lanes(2);
	const struct otlp_span good = fixture_span(0);
	struct otlp_span bad = fixture_span(0);
	uint32_t lane = 1, own_items, own_tail;
	struct region_view view;

	(void)state;
	attach_own(&view);
	take_lane_of(library, &lane);
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\xff';
	bad.name = (struct otlp_str){text, sizeof(text)};
	while (lane_of(&view, 0)->tail == 0)
		assert_int_equal(otlp_library_export_traces(library, &good, 1), OTLP_OK);
	own_items = (uint32_t)lane_of(&view, 1)->accepted_items;
	own_tail = (uint32_t)lane_of(&view, 1)->tail;
	assert_int_equal(otlp_library_export_traces(library, &bad, 1), OTLP_ERR_INVALID);
	assert_int_equal(lane_of(&view, 0)->accepted_items, 1);
	assert_true(lane_of(&view, 0)->tail > sizeof(text));
	assert_int_equal(lane_of(&view, 0)->dropped_invalid_items, 1);
	assert_int_equal(lane_of(&view, 1)->accepted_items, own_items);
	assert_int_equal(lane_of(&view, 1)->tail, own_tail);
	assert_int_equal(lane_of(&view, 1)->dropped_invalid_items, 0);
	region_detach(&view);
	otlp_library_unref(library);
}

static void a_ring_says_that_it_is_used_before_its_first_claim(void **state)
{
	struct otlp_library *library = open_lanes(LANES);
	struct otlp_span span = fixture_span(0);
	uint64_t pushed = 0;
	struct region_view view;
	unsigned number;

	(void)state;
	attach_own(&view);
	assert_int_equal(region_used(&view), 0);
	assert_int_equal(otlp_library_export_traces(library, &span, 1), OTLP_OK);
	for (number = 0; number < REGION_RINGS_MAX; number++)
		if (view.rings[number].shared != NULL)
			assert_int_equal(region_used(&view) >> number & 1,
					 view.rings[number].shared->tail != 0);
	assert_int_equal(__builtin_popcount(region_used(&view)), 1);
	push_until_full(library, &pushed);
	assert_int_equal(region_used(&view), ring_bits(OTLP_SIGNAL_TRACES));
	region_detach(&view);
	otlp_library_unref(library);
}

static void a_flush_waits_for_each_lane(void **state)
{
	struct otlp_library *library = open_lanes(2);
	uint64_t pushed = 0;
	struct region_view view;
	unsigned lane;

	(void)state;
	attach_own(&view);
	push_until_full(library, &pushed);
	/* Nobody writes. What it asked for stays in the rings. */
	assert_int_equal(otlp_library_flush(library, 0), OTLP_ERR_NO_WRITER);
	for (lane = 0; lane < 2; lane++)
		assert_int_equal(lane_of(&view, lane)->flush_to, lane_of(&view, lane)->tail);
	region_detach(&view);
	otlp_library_unref(library);
}

static void a_record_may_take_a_quarter_of_all_lanes_whichever_its_thread_has(void **state)
{
	static char text[SPANS_BYTES];
	unsigned lanes;

	(void)state;
	memset(text, 'a', sizeof(text));
	for (lanes = 1; lanes <= LANES; lanes *= 2) {
		uint32_t lane;

		for (lane = 0; lane < lanes; lane++) {
			struct otlp_library *library = open_lanes(lanes);
			struct otlp_span span = fixture_span(0);
			char said[256];

			take_lane_of(library, &lane);
			/* What a record has beside the text is far less than this. */
			span.name = (struct otlp_str){text, SPANS_BYTES / 4 - 512};
			assert_int_equal(otlp_library_export_traces(library, &span, 1), OTLP_OK);
			span.name.len = SPANS_BYTES / 4;
			assert_int_equal(otlp_library_export_traces(library, &span, 1),
					 OTLP_ERR_TOO_LARGE);
			assert_true(otlp_library_last_error(library, said, sizeof(said)) > 0);
			assert_non_null(strstr(said, "the ring carries 65528"));
			assert_int_equal(
				fixture_stats(library).signals[OTLP_SIGNAL_TRACES].accepted, 1);
			assert_int_equal(fixture_stats(library)
						 .signals[OTLP_SIGNAL_TRACES]
						 .dropped_too_large,
					 1);
			otlp_library_unref(library);
		}
	}
}

static void a_record_that_is_too_large_for_what_has_room_is_dropped_as_full(void **state)
{
	static char text[SPANS_BYTES];
	struct otlp_library *library = open_lanes(LANES);
	struct otlp_span span = fixture_span(0);
	uint32_t lane = LANES - 1;

	(void)state;
	memset(text, 'a', sizeof(text));
	take_lane_of(library, &lane);
	/* More than half of each lane but the first, which has room for three of them. */
	span.name = (struct otlp_str){text, SPANS_BYTES / 8};
	assert_int_equal(otlp_library_export_traces(library, &span, 1), OTLP_OK);
	assert_int_equal(otlp_library_export_traces(library, &span, 1), OTLP_OK);
	assert_int_equal(otlp_library_export_traces(library, &span, 1), OTLP_OK);
	assert_int_equal(otlp_library_export_traces(library, &span, 1), OTLP_ERR_FULL);
	assert_int_equal(fixture_stats(library).signals[OTLP_SIGNAL_TRACES].dropped_full, 1);
	assert_int_equal(fixture_stats(library).signals[OTLP_SIGNAL_TRACES].dropped_too_large, 0);
	/* Small ones still have the thread's own lane, and all the others. */
	span.name.len = 1;
	assert_int_equal(otlp_library_export_traces(library, &span, 1), OTLP_OK);
	otlp_library_unref(library);
}

static void points_that_are_too_large_for_a_lane_stay_in_one_record(void **state)
{
	struct otlp_options options = fixture_options();
	static struct otlp_number_point points[1024];
	struct otlp_library *library = NULL;
	struct fixture_gauge gauge;
	struct region_view view;
	uint32_t lane = LANES - 1;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(points); i++)
		points[i] = fixture_point((int64_t)i);
	fixture_gauge_init(&gauge, points, COUNT_OF(points));
	options.lanes = LANES;
	options.ring_bytes[OTLP_SIGNAL_METRICS] = SPANS_BYTES;
	assert_int_equal(otlp_library_open(&library, &options), OTLP_OK);
	take_lane_of(library, &lane);
	assert_int_equal(otlp_library_export_metrics_ref(library, &gauge.metrics), OTLP_OK);
	attach_own(&view);
	/* Into the first lane, which is the only one that takes so much at once. */
	assert_true(view.rings[ring_number(OTLP_SIGNAL_METRICS, 0)].shared->tail >
		    view.rings[ring_number(OTLP_SIGNAL_METRICS, LANES - 1)].bytes / 2);
	assert_int_equal(view.rings[ring_number(OTLP_SIGNAL_METRICS, 0)].shared->accepted_items,
			 COUNT_OF(points));
	region_detach(&view);
	otlp_library_unref(library);
}

static void each_thread_fills_its_own_lane_first(void **state)
{
	struct otlp_library *library = open_lanes(LANES);
	struct region_view view;
	uint32_t lane;

	(void)state;
	attach_own(&view);
	take_lane_of(library, &lane);
	for (lane = 0; lane < LANES; lane++) {
		struct otlp_span span = fixture_span(lane);

		assert_int_equal(otlp_library_export_traces(library, &span, 1), OTLP_OK);
		assert_int_equal(lane_of(&view, lane)->accepted_items, 1);
		assert_int_equal(__builtin_popcount(region_used(&view)), lane + 1);
	}
	region_detach(&view);
	otlp_library_unref(library);
}

static void a_number_of_lanes_that_is_none_is_refused_or_told_of(void **state)
{
	static const uint32_t wrong[] = {3, 5, 6, 7, 9, 16, UINT32_MAX};
	struct otlp_options options = fixture_options();
	struct otlp_library *library = NULL;
	char text[256];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(wrong); i++) {
		options.lanes = wrong[i];
		assert_int_equal(otlp_library_open(&library, &options), OTLP_ERR_INVALID);
		assert_true(otlp_library_last_error(NULL, text, sizeof(text)) > 0);
		assert_non_null(strstr(text, "lanes"));
	}
	options.lanes = 0;
	options.reserved_1 = 1;
	assert_int_equal(otlp_library_open(&library, &options), OTLP_ERR_INVALID);
	options.reserved_1 = 0;
	setenv("OTLPIPE_LANES", "3", 1);
	assert_int_equal(otlp_library_open(&library, &options), OTLP_OK);
	assert_true(otlp_library_last_error(library, text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "OTLPIPE_LANES is left aside: \"3\""));
	otlp_library_unref(library);
	unsetenv("OTLPIPE_LANES");
}

static void the_variable_says_how_many_lanes_there_are(void **state)
{
	static const char *const numbers[] = {"1", "2", "4", "8"};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(numbers); i++) {
		struct otlp_options options = fixture_options();
		struct otlp_library *library = NULL;
		struct region_view view;
		unsigned lanes;

		setenv("OTLPIPE_LANES", numbers[i], 1);
		assert_int_equal(otlp_library_open(&library, &options), OTLP_OK);
		attach_own(&view);
		for (lanes = 0; lanes < REGION_LANES_MAX && lane_of(&view, lanes) != NULL; lanes++)
			;
		assert_int_equal(lanes, atoi(numbers[i]));
		region_detach(&view);
		otlp_library_unref(library);
	}
	unsetenv("OTLPIPE_LANES");
}

#define LANE_TEST(test) \
	cmocka_unit_test_setup_teardown(test, shm_fixture_setup, shm_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lane_is_never_smaller_than_is_useful),
		cmocka_unit_test(by_default_there_are_as_many_as_processors_that_may_be_used),
		cmocka_unit_test(the_first_lane_has_half_and_the_others_share_the_rest),
		cmocka_unit_test(a_thread_takes_the_lane_of_the_kernels_number),
		cmocka_unit_test(a_thread_that_the_kernel_does_not_know_takes_one_by_its_address),
		cmocka_unit_test(the_addresses_of_threads_spread_over_all_lanes),
		LANE_TEST(lanes_divide_a_ring_and_take_no_more_memory),
		LANE_TEST(one_thread_fills_all_lanes_before_it_drops),
		LANE_TEST(a_span_that_is_given_up_leaves_the_count_of_the_lane_that_it_went_to),
		LANE_TEST(a_ring_says_that_it_is_used_before_its_first_claim),
		LANE_TEST(a_flush_waits_for_each_lane),
		LANE_TEST(a_record_may_take_a_quarter_of_all_lanes_whichever_its_thread_has),
		LANE_TEST(a_record_that_is_too_large_for_what_has_room_is_dropped_as_full),
		LANE_TEST(points_that_are_too_large_for_a_lane_stay_in_one_record),
		LANE_TEST(each_thread_fills_its_own_lane_first),
		LANE_TEST(a_number_of_lanes_that_is_none_is_refused_or_told_of),
		LANE_TEST(the_variable_says_how_many_lanes_there_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
