/* SPDX-License-Identifier: Apache-2.0 */
/* Who may ask for a batch before its time, and how often. */
#include "tests/unit/pipe_fixture.h"

#include "writer/early.h"

#define COST_NS INT64_C(1000)

static struct pipe fixture;

static int open_with(uint64_t lane_bytes, unsigned lanes)
{
	pipe_open_lanes(&fixture, 3, lane_bytes, lanes);
	pipe_open_queue(&fixture);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	return open_with(64 << 10, 1);
}

static int setup_small(void **state)
{
	(void)state;
	return open_with(16 << 10, 1);
}

static int setup_lanes(void **state)
{
	(void)state;
	return open_with(16 << 10, 8);
}

static int teardown(void **state)
{
	(void)state;
	pipe_close_queue(&fixture);
	pipe_close(&fixture);
	return 0;
}

static struct ring_shared *shared_of(unsigned region)
{
	return fixture.producers[region].rings[OTLP_SIGNAL_TRACES].shared;
}

static struct source *source_of(unsigned region)
{
	return regions_find(&fixture.regions, fixture.producers[region].header->region_id);
}

/* Push something, and have it taken; a flush waits for it. */
static void flush(unsigned region)
{
	assert_true(pipe_push(&fixture, region, 100));
	shared_of(region)->flush_to = shared_of(region)->tail;
	pipe_drain(&fixture);
}

/* When one may that may not yet, is what is answered; negative: the batch may be closed now. */
static int64_t wanted(int64_t now_ns)
{
	int64_t next_ns = INT64_MAX;

	return early_is_wanted(&fixture.regions, OTLP_SIGNAL_TRACES, now_ns, &next_ns) ? -1
										       : next_ns;
}

static void close_batch(int64_t now_ns)
{
	assert_int_equal(queue_close_batch(&fixture.queue, fixture.regions.sources), 0);
	early_pay(&fixture.regions, OTLP_SIGNAL_TRACES, COST_NS, now_ns);
	pipe_settle(&fixture);
}

static void give_to(unsigned region, uint32_t uid)
{
	struct source *source = source_of(region);

	owners_remove(&fixture.regions.owners, source);
	owners_add(&fixture.regions.owners, owners_get(&fixture.regions.owners, uid), source);
}

static void nobody_asks_for_nothing(void **state)
{
	(void)state;
	assert_int_equal(wanted(0), INT64_MAX);
	assert_true(pipe_push(&fixture, 0, 100));
	pipe_drain(&fixture);
	assert_int_equal(wanted(0), INT64_MAX);
}

static void who_asked_rests_as_long_as_it_must_and_asks_again_then(void **state)
{
	(void)state;
	flush(0);
	assert_int_equal(wanted(100), -1);
	close_batch(100);
	flush(0);
	assert_int_equal(wanted(100), 100 + EARLY_REST * COST_NS);
	assert_int_equal(wanted(100 + EARLY_REST * COST_NS - 1), 100 + EARLY_REST * COST_NS);
	assert_int_equal(wanted(100 + EARLY_REST * COST_NS), -1);
}

static void others_need_not_rest_with_it(void **state)
{
	(void)state;
	flush(0);
	assert_int_equal(wanted(0), -1);
	close_batch(0);
	flush(0);
	assert_int_not_equal(wanted(0), -1);
	flush(1);
	assert_int_equal(wanted(0), -1);
	/* Both asked, so both rest. */
	close_batch(10);
	flush(0);
	flush(1);
	assert_int_equal(wanted(10), 10 + EARLY_REST * COST_NS);
	flush(2);
	assert_int_equal(wanted(10), -1);
}

/* It asked for it with one region, and now does with another. */
static void a_user_of_several_rests_with_all_its_regions(void **state)
{
	(void)state;
	give_to(2, 4711);
	flush(0);
	assert_int_equal(wanted(0), -1);
	close_batch(0);
	flush(1);
	assert_int_equal(wanted(0), EARLY_REST * COST_NS);
	flush(2);
	assert_int_equal(wanted(0), -1);
}

static void a_ring_that_is_not_small_has_its_space_back_at_once(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned k = 0; k < 9; k++)
			assert_true(pipe_push(&fixture, 0, 1900));
		pipe_drain(&fixture);
		assert_true(source_wants_release(source_of(0), OTLP_SIGNAL_TRACES));
		assert_int_equal(wanted(0), -1);
		close_batch(0);
	}
}

static void a_small_ring_rests_between(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned k = 0; k < 3; k++)
			assert_true(pipe_push(&fixture, 0, 1900));
		pipe_drain(&fixture);
		assert_true(source_wants_release(source_of(0), OTLP_SIGNAL_TRACES));
		assert_int_equal(wanted(i * 5), i == 0 ? -1 : EARLY_REST * COST_NS);
		close_batch(0);
	}
}

/* More than half of it. */
static void fill_lane(unsigned lane)
{
	fixture.lane = lane;
	for (unsigned k = 0; k < 5; k++)
		assert_true(pipe_push(&fixture, 0, 1900));
	pipe_drain(&fixture);
}

/* However large all lanes are together: who made them could have made one of them tiny. */
static void a_small_lane_rests_as_a_small_ring_does(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		fill_lane(7);
		assert_int_equal(source_wants_release(source_of(0), OTLP_SIGNAL_TRACES), 32 << 10);
		assert_int_equal(wanted(i * 5), i == 0 ? -1 : EARLY_REST * COST_NS);
		close_batch(0);
	}
}

static void a_quarter_of_all_lanes_has_its_space_back_at_once(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned lane = 0; lane < 4; lane++)
			fill_lane(lane);
		assert_int_equal(source_wants_release(source_of(0), OTLP_SIGNAL_TRACES), 128 << 10);
		assert_int_equal(wanted(0), -1);
		close_batch(0);
	}
	pipe_check_all_once(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define EARLY_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		EARLY_TEST(nobody_asks_for_nothing),
		EARLY_TEST(who_asked_rests_as_long_as_it_must_and_asks_again_then),
		EARLY_TEST(others_need_not_rest_with_it),
		EARLY_TEST(a_user_of_several_rests_with_all_its_regions),
		EARLY_TEST(a_ring_that_is_not_small_has_its_space_back_at_once),
		cmocka_unit_test_setup_teardown(a_small_ring_rests_between, setup_small, teardown),
		cmocka_unit_test_setup_teardown(a_small_lane_rests_as_a_small_ring_does,
						setup_lanes, teardown),
		cmocka_unit_test_setup_teardown(a_quarter_of_all_lanes_has_its_space_back_at_once,
						setup_lanes, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
