/* SPDX-License-Identifier: Apache-2.0 */
/* How many regions there is room for, by the limits of the process. */
#include "writer/capacity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#define MANY ((size_t)1 << 20)

/* With so many descriptors allowed; this test has a few open itself. */
static struct capacity with_descriptors(rlim_t count)
{
	struct rlimit before, low;
	struct capacity capacity;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	low = before;
	low.rlim_cur = count;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	capacity_measure(&capacity, MANY);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	return capacity;
}

static void descriptors_are_left_for_what_is_no_region(void **state)
{
	struct capacity capacity = with_descriptors(1024);

	(void)state;
	assert_in_range(capacity.regions, 1024 - 64 - 32, 1024 - 64);
	assert_string_equal(capacity.reason, "RLIMIT_NOFILE is 1024");
	/* Where there are few, there is room for some regions still, and for the rest more. */
	capacity = with_descriptors(64);
	assert_in_range(capacity.regions, 4, 16);
	capacity = with_descriptors(24);
	assert_in_range(capacity.regions, 1, 6);
}

static void mappings_are_a_limit_too(void **state)
{
	struct rlimit limit;
	struct capacity capacity;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	capacity_measure(&capacity, MANY);
	assert_true(capacity.regions < MANY);
	assert_true(strncmp(capacity.reason, "RLIMIT_NOFILE", 13) == 0 ||
		    strncmp(capacity.reason, "vm.max_map_count is ", 20) == 0);
	capacity_measure(&capacity, 3);
	assert_int_equal(capacity.regions, 3);
	assert_string_equal(capacity.reason, "a batch names no more");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptors_are_left_for_what_is_no_region),
		cmocka_unit_test(mappings_are_a_limit_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
