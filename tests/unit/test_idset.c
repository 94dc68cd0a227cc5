/* SPDX-License-Identifier: Apache-2.0 */
#include "base/idset.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void what_was_added_is_in_it_and_nothing_else(void **state)
{
	struct idset set = {0};

	(void)state;
	assert_false(idset_has(&set, 1));
	for (uint64_t i = 1; i <= 5000; i++) {
		assert_int_equal(idset_add(&set, i * 4096), 0);
		assert_int_equal(idset_add(&set, i * 4096), 0);
		assert_int_equal(set.count, i);
	}
	for (uint64_t i = 1; i <= 5000; i++) {
		assert_true(idset_has(&set, i * 4096));
		assert_false(idset_has(&set, i * 4096 + 1));
	}
	idset_clear(&set);
	assert_false(idset_has(&set, 4096));
	assert_int_equal(set.count, 0);
}

static void a_set_that_is_full_takes_no_more(void **state)
{
	struct idset set = {0};
	uint64_t id = 1;

	(void)state;
	while (set.count < IDSET_MAX)
		assert_int_equal(idset_add(&set, id++), 0);
	assert_int_equal(idset_add(&set, id), -ENOSPC);
	assert_false(idset_has(&set, id));
	assert_int_equal(idset_add(&set, 1), 0);
	idset_clear(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_added_is_in_it_and_nothing_else),
		cmocka_unit_test(a_set_that_is_full_takes_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
