/* SPDX-License-Identifier: Apache-2.0 */
/* Turns: by a clock that goes on by what each record is said to cost. */
#include "tests/unit/pipe_fixture.h"

#include "writer/drain.h"

#define RING_BYTES   (UINT64_C(256) << 10)
#define RECORD_BYTES 100u
#define RECORDS	     400u
#define MICRO_NS     INT64_C(1000)
#define MILLI_NS     INT64_C(1000000)

static struct pipe fixture;
static int64_t now_ns;
static int64_t cost_ns[PIPE_REGIONS_MAX];  /* of a record of each region */
static unsigned counts[PIPE_REGIONS_MAX];  /* of them, until now */
static int64_t spent_ns[PIPE_REGIONS_MAX]; /* on them */
static int64_t done_ns[PIPE_REGIONS_MAX];  /* when the last of RECORDS was taken */

static int64_t fake_clock(void)
{
	return now_ns;
}

/* A span's region is in its id. */
int __real_stage_add(struct stage *stage, const struct record_view *view, const uint8_t *resource,
		     size_t resource_bytes, const struct stage_origin *origin);
int __wrap_stage_add(struct stage *stage, const struct record_view *view, const uint8_t *resource,
		     size_t resource_bytes, const struct stage_origin *origin);

int __wrap_stage_add(struct stage *stage, const struct record_view *view, const uint8_t *resource,
		     size_t resource_bytes, const struct stage_origin *origin)
{
	const unsigned region = view->head.span.span_id[1];
	const int rc = __real_stage_add(stage, view, resource, resource_bytes, origin);

	assert_true(region < PIPE_REGIONS_MAX);
	if (rc < 0)
		return rc;
	now_ns += cost_ns[region];
	spent_ns[region] += cost_ns[region];
	if (++counts[region] == RECORDS)
		done_ns[region] = now_ns;
	return rc;
}

static size_t head_bytes_max;

enum drain_end __real_source_drain(struct source *source, enum otlp_signal signal,
				   const struct drain *drain, struct stage *stage,
				   size_t head_bytes);
enum drain_end __wrap_source_drain(struct source *source, enum otlp_signal signal,
				   const struct drain *drain, struct stage *stage,
				   size_t head_bytes);

enum drain_end __wrap_source_drain(struct source *source, enum otlp_signal signal,
				   const struct drain *drain, struct stage *stage,
				   size_t head_bytes)
{
	if (head_bytes > head_bytes_max)
		head_bytes_max = head_bytes;
	return __real_source_drain(source, signal, drain, stage, head_bytes);
}

static int setup(void **state)
{
	pipe_open(&fixture, 3, RING_BYTES);
	fixture.drain.batch_bytes_max = 4 << 20;
	fixture.drain.quota_bytes = UINT64_C(64) << 10;
	fixture.drain.now_ns = fake_clock;
	pipe_open_queue(&fixture);
	memset(counts, 0, sizeof(counts));
	memset(spent_ns, 0, sizeof(spent_ns));
	memset(done_ns, 0, sizeof(done_ns));
	for (unsigned i = 0; i < PIPE_REGIONS_MAX; i++)
		cost_ns[i] = MICRO_NS;
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pipe_close_queue(&fixture);
	pipe_close(&fixture);
	return 0;
}

static void push(unsigned region, unsigned count, size_t bytes)
{
	while (count-- > 0)
		assert_true(pipe_push(&fixture, region, bytes));
}

static bool drain(void)
{
	return drain_rings(&fixture.drain, &fixture.regions, &fixture.queue);
}

static struct source *source_of(unsigned region)
{
	return regions_find(&fixture.regions, fixture.producers[region].header->region_id);
}

/* As if it belonged to this user. */
static void give_to(unsigned region, uint32_t uid)
{
	struct source *source = source_of(region);

	owners_remove(&fixture.regions.owners, source);
	owners_add(&fixture.regions.owners, owners_get(&fixture.regions.owners, uid), source);
}

/* One whose records take a hundred times as long: 40 ms for what the others do in 0.4. */
static void dear_records_of_one_hold_up_no_other(void **state)
{
	const unsigned dear = 1;

	(void)state;
	now_ns = 0;
	cost_ns[dear] = MILLI_NS / 10;
	for (unsigned i = 0; i < PIPE_REGIONS_MAX; i++)
		push(i, RECORDS, RECORD_BYTES);
	for (unsigned turns = 0; drain(); turns++)
		assert_true(turns < 1000);
	for (unsigned i = 0; i < PIPE_REGIONS_MAX; i++) {
		assert_int_equal(counts[i], RECORDS);
		/* By its quota of bytes alone the first turn of the dear one would take 30 ms. */
		if (i != dear)
			assert_in_range(done_ns[i], 1, 15 * MILLI_NS);
	}
	assert_in_range(done_ns[dear], RECORDS * MILLI_NS / 10, INT64_MAX);
}

/* All that it takes is the clock's word: no region needs to take longer than its slice. */
static void a_turn_ends_when_its_time_is_over(void **state)
{
	(void)state;
	now_ns = 0;
	cost_ns[0] = MILLI_NS / 2;
	push(0, RECORDS, RECORD_BYTES);
	assert_true(drain());
	assert_in_range(now_ns, DRAIN_TURN_NS, 2 * DRAIN_TURN_NS);
	assert_true(counts[0] < RECORDS);
	for (unsigned turns = 0; drain(); turns++)
		assert_true(turns < 1000);
	assert_int_equal(counts[0], RECORDS);
}

/* One user has two regions, the other one: each has half of the time. */
static void the_time_is_shared_by_users_and_not_by_regions(void **state)
{
	(void)state;
	now_ns = 0;
	for (unsigned i = 0; i < PIPE_REGIONS_MAX; i++) {
		cost_ns[i] = MILLI_NS / 10;
		push(i, RECORDS, 400);
	}
	give_to(1, 4711);
	assert_int_equal(fixture.regions.owners.count, 2);
	for (unsigned turns = 0; drain(); turns++)
		assert_true(turns < 1000);
	for (unsigned i = 0; i < PIPE_REGIONS_MAX; i++)
		assert_int_equal(counts[i], RECORDS);
	/* 40 ms of records each: who has half of the time is done after 80, the others after 120.
	 */
	assert_in_range(done_ns[1] - done_ns[0], INT64_MIN, -1);
	assert_in_range(done_ns[1], 70 * MILLI_NS, 95 * MILLI_NS);
}

/* It owes for each of them, and there is nobody to wait for. */
static void who_is_alone_does_not_wait_for_what_it_owes(void **state)
{
	unsigned turns = 0;

	(void)state;
	now_ns = 0;
	cost_ns[0] = 50 * MILLI_NS;
	push(0, 10, RECORD_BYTES);
	while (drain())
		assert_true(++turns <= 10);
	assert_int_equal(counts[0], 10);
	assert_int_equal(now_ns, 500 * MILLI_NS);
}

/* A batch names the rings that something was taken from, and not all that were looked at. */
static void idle_regions_take_no_room_in_a_batch(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		push(0, 1, 1000);
		head_bytes_max = 0;
		assert_false(drain());
		/* An idle one that is looked at later would be the second. */
		assert_true(head_bytes_max <= batch_head_bytes(2));
	}
	push(1, 1, 1000);
	push(2, 1, 1000);
	assert_false(drain());
	assert_int_equal(head_bytes_max, batch_head_bytes(3));
	assert_int_equal(queue_count_parts(&fixture.queue, fixture.regions.sources), 3);
}

/* No buffer is free: each ring is looked at, and none is copied from. */
static void a_writer_that_is_blocked_only_looks(void **state)
{
	unsigned before;

	(void)state;
	fixture.drain.batch_bytes_max = 64 << 10;
	fixture.fault->is_held = true;
	for (unsigned i = 0; i < PIPE_REGIONS_MAX; i++)
		push(i, 500, 300);
	(void)drain();
	before = counts[0] + counts[1] + counts[2];
	assert_true(before < 3 * 500);
	for (unsigned i = 0; i < 10; i++)
		assert_false(drain());
	assert_int_equal(counts[0] + counts[1] + counts[2], before);
	for (unsigned i = 0; i < PIPE_REGIONS_MAX; i++)
		assert_false(source_has_news(source_of(i)));
	fixture.fault->is_held = false;
	pipe_settle(&fixture);
	assert_int_equal(counts[0] + counts[1] + counts[2], 3 * 500);
	pipe_check_all_once(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define DRAIN_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		DRAIN_TEST(dear_records_of_one_hold_up_no_other),
		DRAIN_TEST(a_turn_ends_when_its_time_is_over),
		DRAIN_TEST(the_time_is_shared_by_users_and_not_by_regions),
		DRAIN_TEST(who_is_alone_does_not_wait_for_what_it_owes),
		DRAIN_TEST(idle_regions_take_no_room_in_a_batch),
		DRAIN_TEST(a_writer_that_is_blocked_only_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
