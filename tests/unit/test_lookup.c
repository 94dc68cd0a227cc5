/* SPDX-License-Identifier: Apache-2.0 */
/* Chains that grow, are emptied, and end where they get too long. */
#include "writer/encode/lookup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct lookup lookup;

static int setup(void **state)
{
	(void)state;
	memset(&lookup, 0, sizeof(lookup));
	return lookup_open(&lookup);
}

static int teardown(void **state)
{
	(void)state;
	lookup_close(&lookup);
	return 0;
}

static uint32_t add(uint64_t hash)
{
	assert_int_equal(lookup_reserve(&lookup), 0);
	return lookup_add(&lookup, hash);
}

/* How many of those with this hash a search finds. */
static unsigned find(uint64_t hash)
{
	struct lookup_search search;
	unsigned count = 0;
	uint32_t i;

	assert_int_equal(lookup_reserve(&lookup), 0);
	for (i = lookup_first(&lookup, hash, &search); i != LOOKUP_NONE;
	     i = lookup_next(&lookup, &search)) {
		assert_true(i < lookup.count && lookup.links[i].hash == hash);
		count++;
	}
	return count;
}

static void what_was_added_is_found_however_many_there_are(void **state)
{
	enum { COUNT = 100000 };

	(void)state;
	for (uint32_t i = 0; i < COUNT; i++) {
		const uint64_t hash = lookup_hash(&lookup, &i, sizeof(i), 0);

		assert_int_equal(find(hash), 0);
		assert_int_equal(add(hash), i);
	}
	assert_true(lookup.bucket_count >= COUNT);
	lookup.steps = 0;
	for (uint32_t i = 0; i < COUNT; i++)
		assert_int_equal(find(lookup_hash(&lookup, &i, sizeof(i), 0)), 1);
	assert_in_range(lookup.steps, COUNT, 2 * COUNT);
}

static void a_search_ends_however_many_have_one_hash(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		add(7);
	lookup.steps = 0;
	assert_int_equal(find(7), LOOKUP_STEPS_MAX);
	assert_int_equal(lookup.steps, LOOKUP_STEPS_MAX);
	/* And what is in the same bucket, and is another thing. */
	assert_int_equal(find(7 + ((uint64_t)lookup.bucket_count << 3)), 0);
	assert_int_equal(lookup.steps, 2 * LOOKUP_STEPS_MAX);
}

static void nothing_is_found_in_an_empty_one(void **state)
{
	static const unsigned counts[] = {1, 10, 5000, 3, 100000, 0, 2};

	(void)state;
	for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++) {
		for (unsigned i = 0; i < counts[k]; i++)
			add(i * UINT64_C(0x9e3779b97f4a7c15));
		assert_int_equal(lookup.count, counts[k]);
		lookup_clear(&lookup);
		assert_int_equal(lookup.count, 0);
		for (uint32_t i = 0; i < lookup.bucket_count; i++)
			assert_int_equal(lookup.buckets[i], LOOKUP_NONE);
	}
}

/* Whoever knows one writer's buckets knows nothing of the next one's. */
static void two_of_them_have_two_secrets(void **state)
{
	struct lookup other = {0};
	unsigned same = 0;

	(void)state;
	assert_int_equal(lookup_open(&other), 0);
	for (uint32_t i = 0; i < 1000; i++)
		same += lookup_hash(&lookup, &i, sizeof(i), i) ==
			lookup_hash(&other, &i, sizeof(i), i);
	assert_int_equal(same, 0);
	lookup_close(&other);
}

static void what_bytes_belong_to_is_a_part_of_the_hash(void **state)
{
	(void)state;
	assert_int_not_equal(lookup_hash(&lookup, "a", 1, 0), lookup_hash(&lookup, "a", 1, 1));
	assert_int_not_equal(lookup_hash(&lookup, NULL, 0, 0), lookup_hash(&lookup, NULL, 0, 1));
	assert_int_equal(lookup_hash(&lookup, NULL, 0, 5), lookup_hash(&lookup, "", 0, 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define LOOKUP_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		LOOKUP_TEST(what_was_added_is_found_however_many_there_are),
		LOOKUP_TEST(a_search_ends_however_many_have_one_hash),
		LOOKUP_TEST(nothing_is_found_in_an_empty_one),
		LOOKUP_TEST(two_of_them_have_two_secrets),
		LOOKUP_TEST(what_bytes_belong_to_is_a_part_of_the_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
