/* SPDX-License-Identifier: Apache-2.0 */
/* What is missing between batches, by ledgers that are made by hand. */
#include "cli/missing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "writer/file/batch.h"

#define CLOSED_NS   UINT64_C(1000)
#define ENTRIES_MAX 8u

static struct missing missing;
static struct missing_gap gap;

static int teardown(void **state)
{
	(void)state;
	missing_free(&missing);
	return 0;
}

/* The range [from, to) of a ring that has an item in each 10 bytes, of a region made that late. */
static struct batch_entry range(uint64_t region, uint16_t ring, uint64_t from, uint64_t to,
				uint64_t start_ns)
{
	return (struct batch_entry){
		.region_id = region,
		.ring = ring,
		.pid = 7,
		.from = from,
		.to = to,
		.items_before = from / 10,
		.written_items = (to - from) / 10,
		.start_unix_ns = start_ns,
	};
}

static void see(const struct batch_entry *entries, uint32_t count)
{
	static uint8_t batch[BATCH_BLOCK_BYTES];
	struct batch_head head = {.closed_unix_ns = CLOSED_NS, .entry_count = count};
	size_t bytes;

	assert_true(count <= ENTRIES_MAX);
	memset(batch, 0, sizeof(batch));
	bytes = batch_seal(batch, head, entries, 0);
	assert_int_equal(
		missing_check(&missing, &(struct chunk){.data = batch, .bytes = bytes}, &gap), 0);
}

static void see_one(struct batch_entry entry)
{
	see(&entry, 1);
}

static void nothing_is_missing_where_ranges_adjoin(void **state)
{
	(void)state;
	see_one(range(1, 0, 0, 100, 1));
	see_one(range(1, 0, 100, 300, 1));
	assert_int_equal(gap.rings, 0);
	/* Another ring of the same region, and the same ring of another. */
	see_one(range(1, 1, 0, 50, 1));
	see_one(range(2, 0, 0, 50, 1));
	see_one(range(1, 1, 50, 60, 1));
	see_one(range(1, 0, 300, 310, 1));
	assert_int_equal(gap.rings, 0);
	assert_int_equal(missing.items, 0);
}

static void a_hole_between_two_ranges_is_missing(void **state)
{
	(void)state;
	see_one(range(1, 0, 0, 100, 1));
	see_one(range(1, 0, 250, 300, 1));
	assert_int_equal(gap.rings, 1);
	assert_int_equal(gap.items, 15);
	assert_int_equal(gap.region_id, 1);
	assert_int_equal(gap.pid, 7);
	assert_int_equal(gap.from, 100);
	assert_int_equal(gap.to, 250);
	/* It is told once. */
	see_one(range(1, 0, 300, 310, 1));
	assert_int_equal(gap.rings, 0);
	assert_int_equal(missing.items, 15);
}

static void holes_of_several_rings_are_one_gap(void **state)
{
	struct batch_entry first[3], second[3];

	(void)state;
	for (uint16_t i = 0; i < 3; i++) {
		first[i] = range(i + 1, 0, 0, 100, 1);
		second[i] = range(i + 1, 0, i == 0 ? 100 : 200, 300, 1);
	}
	see(first, 3);
	see(second, 3);
	assert_int_equal(gap.rings, 2);
	assert_int_equal(gap.items, 20);
	assert_int_equal(gap.region_id, 2);
	assert_int_equal(missing.items, 20);
}

static void what_came_before_the_first_batch_is_not_missing(void **state)
{
	(void)state;
	/* The first batch, and a region that is older than it and was idle for long. */
	see_one(range(1, 0, 500, 600, 1));
	see_one(range(2, 0, 700, 800, CLOSED_NS - 1));
	assert_int_equal(gap.rings, 0);
	assert_int_equal(missing.items, 0);
	/* A region that was made since must be there from its beginning. */
	see_one(range(3, 0, 900, 1000, CLOSED_NS));
	assert_int_equal(gap.rings, 1);
	assert_int_equal(gap.items, 90);
	assert_int_equal(gap.from, 0);
	assert_int_equal(gap.to, 900);
}

static void a_batch_that_is_seen_again_takes_nothing_back(void **state)
{
	(void)state;
	see_one(range(1, 0, 0, 100, 1));
	see_one(range(1, 0, 100, 300, 1));
	see_one(range(1, 0, 100, 300, 1));
	see_one(range(1, 0, 100, 200, 1));
	assert_int_equal(gap.rings, 0);
	see_one(range(1, 0, 300, 400, 1));
	assert_int_equal(gap.rings, 0);
}

static void a_lie_about_the_items_before_makes_no_huge_number(void **state)
{
	struct batch_entry lie = range(1, 0, 250, 300, 1);

	(void)state;
	see_one(range(1, 0, 0, 100, 1));
	lie.items_before = 3;
	see_one(lie);
	assert_int_equal(gap.rings, 1);
	assert_int_equal(gap.items, 0);
}

static void what_is_no_batch_is_passed_over(void **state)
{
	static const uint8_t field[] = {0x0a, 0x05, 0x1a, 0x03, 'a', 'b', 'c'};
	const struct chunk chunk = {.data = field, .bytes = sizeof(field)};

	(void)state;
	gap.rings = 5;
	assert_int_equal(missing_check(&missing, &chunk, &gap), 0);
	assert_int_equal(gap.rings, 0);
}

static void of_very_many_rings_the_oldest_are_forgotten(void **state)
{
	(void)state;
	see_one(range(UINT64_MAX, 0, 0, 100, 1));
	for (uint64_t region = 1; region <= MISSING_RINGS_MAX; region++) {
		see_one(range(region, 0, 0, 100, 1));
		/* One that is seen now and then is not forgotten. */
		if (region % 100000 == 0)
			see_one(range(1, 0, 100, 100, 1));
	}
	see_one(range(UINT64_MAX, 0, 200, 300, 1));
	assert_int_equal(gap.rings, 0);
	see_one(range(1, 0, 200, 300, 1));
	assert_int_equal(gap.rings, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(nothing_is_missing_where_ranges_adjoin, teardown),
		cmocka_unit_test_teardown(a_hole_between_two_ranges_is_missing, teardown),
		cmocka_unit_test_teardown(holes_of_several_rings_are_one_gap, teardown),
		cmocka_unit_test_teardown(what_came_before_the_first_batch_is_not_missing,
					  teardown),
		cmocka_unit_test_teardown(a_batch_that_is_seen_again_takes_nothing_back, teardown),
		cmocka_unit_test_teardown(a_lie_about_the_items_before_makes_no_huge_number,
					  teardown),
		cmocka_unit_test_teardown(what_is_no_batch_is_passed_over, teardown),
		cmocka_unit_test_teardown(of_very_many_rings_the_oldest_are_forgotten, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
