/* SPDX-License-Identifier: Apache-2.0 */
/* Copies: each byte of each length arrives, none beside it changes, and all are gathered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"

#define LENGTH_MAX 300 /* some turns of the loop for long text, and each rest of one */
#define BESIDE	   32

static uint8_t from[LENGTH_MAX], to[BESIDE + LENGTH_MAX + BESIDE];

static void fill(void)
{
	size_t i;

	for (i = 0; i < LENGTH_MAX; i++)
		from[i] = (uint8_t)(i % 127 + 1);
	memset(to, 0xee, sizeof(to));
}

/* Text of this length at the end of the array: a sanitizer sees who reads on. */
static const uint8_t *text_of(size_t len)
{
	return from + LENGTH_MAX - len;
}

static void expect_copied(const uint8_t *end, size_t len)
{
	size_t i;

	assert_ptr_equal(end, to + BESIDE + len);
	assert_memory_equal(to + BESIDE, text_of(len), len);
	for (i = 0; i < sizeof(to); i++)
		if (i < BESIDE || i >= BESIDE + len)
			assert_int_equal(to[i], 0xee);
}

static void each_length_is_copied_and_nothing_beside_it_is_touched(void **state)
{
	size_t len;

	(void)state;
	for (len = 0; len <= LENGTH_MAX; len++) {
		uint64_t high = 0;

		fill();
		expect_copied(bytes_copy_text(to + BESIDE, text_of(len), len, &high), len);
		assert_int_equal(high & BYTES_HIGH_BITS, 0);
		fill();
		expect_copied(bytes_copy(to + BESIDE, text_of(len), len), len);
	}
	assert_ptr_equal(bytes_copy(to, NULL, 0), to);
}

static void a_byte_beyond_ascii_is_seen_wherever_it_stands(void **state)
{
	size_t len, at;

	(void)state;
	for (len = 1; len <= LENGTH_MAX; len++)
		for (at = 0; at < len; at++) {
			uint64_t high = 0;

			fill();
			from[LENGTH_MAX - len + at] = 0x80;
			bytes_copy_text(to + BESIDE, text_of(len), len, &high);
			assert_int_not_equal(high & BYTES_HIGH_BITS, 0);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_length_is_copied_and_nothing_beside_it_is_touched),
		cmocka_unit_test(a_byte_beyond_ascii_is_seen_wherever_it_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
