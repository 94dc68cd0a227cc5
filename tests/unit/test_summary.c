/* SPDX-License-Identifier: Apache-2.0 */
/* What a summary is made of: quantiles, and things that are found by several texts. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/keyed.h"
#include "cli/quantile.h"

static int compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void quantiles_are_at_most_a_128th_too_much(void **state)
{
	enum { COUNT = 20000 };
	static uint64_t values[COUNT];
	static const double shares[] = {0.001, 0.25, 0.5, 0.95, 0.99, 0.999, 1};
	struct quantile quantile = {0};
	uint64_t random = 88172645463325252;

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		values[i] = random >> random % 64; /* of all sizes */
		assert_int_equal(quantile_add(&quantile, values[i]), 0);
	}
	qsort(values, COUNT, sizeof(values[0]), compare);
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		const size_t at = (size_t)(shares[i] * COUNT + 0.999999) - 1;
		const uint64_t found = quantile_at(&quantile, shares[i]);

		assert_true(found >= values[at]);
		assert_true(found - values[at] <= values[at] / 128);
	}
	assert_int_equal(quantile_at(&quantile, 1), values[COUNT - 1]);
	assert_int_equal(quantile.max, values[COUNT - 1]);
	assert_int_equal(quantile_count_to(&quantile, UINT64_MAX), COUNT);
	quantile_free(&quantile);
}

static void small_and_largest_numbers_are_exact(void **state)
{
	struct quantile quantile = {0};

	(void)state;
	assert_int_equal(quantile_at(&quantile, 0.5), 0);
	assert_int_equal(quantile_add(&quantile, UINT64_MAX), 0);
	assert_int_equal(quantile_at(&quantile, 0.5), UINT64_MAX);
	for (uint64_t i = 0; i < 255; i++)
		assert_int_equal(quantile_add(&quantile, i), 0);
	assert_int_equal(quantile_at(&quantile, 0.5), 127);
	assert_int_equal(quantile_at(&quantile, 0), 0);
	assert_int_equal(quantile_count_to(&quantile, 99), 100);
	assert_int_equal(quantile_at(&quantile, 1), UINT64_MAX);
	quantile_free(&quantile);
}

struct thing {
	struct keyed_entry entry;
	unsigned count;
};

static struct thing *take(struct keyed *keyed, struct view_bytes a, struct view_bytes b)
{
	const struct view_bytes texts[] = {a, b};
	struct keyed_entry *entry;

	assert_int_equal(keyed_take(keyed, texts, 2, sizeof(struct thing), &entry), 0);
	return (struct thing *)(void *)entry;
}

static void texts_that_join_to_the_same_are_different_things(void **state)
{
	struct keyed keyed = {.count_max = 4};
	const struct view_bytes texts[] = {VIEW_BYTES("e"), VIEW_BYTES("f")};
	struct keyed_entry *entry;
	struct thing *things[4];

	(void)state;
	things[0] = take(&keyed, VIEW_BYTES("ab"), VIEW_BYTES("c"));
	things[1] = take(&keyed, VIEW_BYTES("a"), VIEW_BYTES("bc"));
	things[2] = take(&keyed, VIEW_BYTES("abc"), (struct view_bytes){0});
	things[3] = take(&keyed, VIEW_BYTES("abc\0"), (struct view_bytes){0});
	for (size_t i = 0; i < 4; i++) {
		things[i]->count++;
		assert_int_equal(things[i]->count, 1);
	}
	assert_ptr_equal(take(&keyed, VIEW_BYTES("a"), VIEW_BYTES("bc")), things[1]);
	assert_true(view_equal(things[1]->entry.texts[1], VIEW_BYTES("bc")));
	assert_int_equal(keyed_take(&keyed, texts, 2, sizeof(struct thing), &entry), -ENOSPC);
	assert_int_equal(keyed_count(&keyed), 4);
	assert_true(keyed_compare(&things[0]->entry, &things[1]->entry) > 0);
	assert_true(keyed_compare(&things[2]->entry, &things[3]->entry) < 0);
	assert_int_equal(keyed_compare(&things[2]->entry, &things[2]->entry), 0);
	keyed_free(&keyed, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantiles_are_at_most_a_128th_too_much),
		cmocka_unit_test(small_and_largest_numbers_are_exact),
		cmocka_unit_test(texts_that_join_to_the_same_are_different_things),
	};

	return cmocka_run_group_tests_name("summary", tests, NULL, NULL);
}
