/* SPDX-License-Identifier: Apache-2.0 */
/* The UTF-8 check: each boundary of RFC 3629, at every length and place. */
#include "base/utf8.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after its prerequisites */
#include <cmocka.h>

#define LENGTH_MAX 100

/* Does the answer hold with the sequence anywhere in ASCII text of up to LENGTH_MAX bytes? */
static void check_everywhere(const char *sequence, size_t bytes, bool valid)
{
	for (size_t len = bytes; len <= LENGTH_MAX; len++) {
		for (size_t at = 0; at + bytes <= len; at++) {
			/* An allocation of its exact size: a sanitizer sees a read outside it. */
			uint8_t *const text = malloc(len);

			assert_non_null(text);
			memset(text, 'a', len);
			memcpy(text + at, sequence, bytes);
			if (utf8_is_valid(text, len) != valid)
				fail_msg("length %zu, at %zu", len, at);
			assert_int_equal(utf8_is_valid_any(text, len), valid);
			free(text);
		}
	}
}

#define CHECK(literal, valid) check_everywhere(literal, sizeof(literal) - 1, valid)

static void check_repair(const char *text, size_t len, const char *expected)
{
	char *to = malloc(3 * len + 1);
	size_t repaired;

	assert_non_null(to);
	repaired = utf8_repair(to, text, len);
	assert_int_equal(repaired, strlen(expected));
	assert_memory_equal(to, expected, repaired);
	assert_true(utf8_is_valid(to, repaired));
	free(to);
}

#define CHECK_REPAIR(literal, expected) check_repair(literal, sizeof(literal) - 1, expected)
#define WRONG				"\xef\xbf\xbd"

static void each_wrong_byte_is_replaced_and_nothing_else(void **state)
{
	(void)state;
	CHECK_REPAIR("", "");
	CHECK_REPAIR("plain", "plain");
	CHECK_REPAIR("M\xfcller", "M" WRONG "ller");
	CHECK_REPAIR("\xc3\xa9\xf0\x9f\x98\x80", "\xc3\xa9\xf0\x9f\x98\x80");
	CHECK_REPAIR("\xc3", WRONG);
	CHECK_REPAIR("\xf0\x9f\x98", WRONG WRONG WRONG);
	CHECK_REPAIR("a\xed\xa0\x80z", "a" WRONG WRONG WRONG "z");
	CHECK_REPAIR("\xff\xfe\xc3\xa9", WRONG WRONG "\xc3\xa9");
}

static void empty_text_is_valid_even_without_a_pointer(void **state)
{
	(void)state;
	assert_true(utf8_is_valid(NULL, 0));
	assert_true(utf8_is_valid("x", 0));
}

static void nul_and_all_ascii_are_valid(void **state)
{
	(void)state;
	CHECK("\0", true);
	CHECK("\x7f", true);
}

static void first_and_last_of_each_length_are_valid(void **state)
{
	(void)state;
	CHECK("\xc2\x80", true);
	CHECK("\xdf\xbf", true);
	CHECK("\xe0\xa0\x80", true);
	CHECK("\xec\xbf\xbf", true);
	CHECK("\xef\xbf\xbf", true);
	CHECK("\xf0\x90\x80\x80", true);
	CHECK("\xf3\xbf\xbf\xbf", true);
	CHECK("\xf4\x8f\xbf\xbf", true);
}

static void overlong_forms_are_refused(void **state)
{
	(void)state;
	CHECK("\xc0\x80", false);
	CHECK("\xc1\xbf", false);
	CHECK("\xe0\x9f\xbf", false);
	CHECK("\xf0\x8f\xbf\xbf", false);
}

static void surrogates_are_refused(void **state)
{
	(void)state;
	CHECK("\xed\x9f\xbf", true);
	CHECK("\xed\xa0\x80", false);
	CHECK("\xed\xbf\xbf", false);
	CHECK("\xee\x80\x80", true);
}

static void beyond_unicode_is_refused(void **state)
{
	(void)state;
	CHECK("\xf4\x90\x80\x80", false);
	CHECK("\xf5\x80\x80\x80", false);
	CHECK("\xff", false);
}

static void lone_and_missing_continuations_are_refused(void **state)
{
	(void)state;
	CHECK("\x80", false);
	CHECK("\xbf", false);
	CHECK("\xc3", false);
	CHECK("\xc3\xc3\xa4", false);
	CHECK("\xe2\x82", false);
	CHECK("\xe2\x28\xa1", false);
	CHECK("\xf0\x9f\x98", false);
	CHECK("\xf0\x9f\x28\x80", false);
	CHECK("\xf0\x9f\x98\x28", false);
}

/* What the inlined check and RFC 3629's table say of every two bytes. */
static void every_pair_of_bytes_is_judged_by_the_table(void **state)
{
	(void)state;
	for (unsigned int a = 0; a < 256; a++) {
		for (unsigned int b = 0; b < 256; b++) {
			const uint8_t text[2] = {(uint8_t)a, (uint8_t)b};
			const bool two = a >= 0xc2 && a <= 0xdf && b >= 0x80 && b <= 0xbf;

			assert_int_equal(utf8_is_valid(text, 2), two || (a < 0x80 && b < 0x80));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_text_is_valid_even_without_a_pointer),
		cmocka_unit_test(each_wrong_byte_is_replaced_and_nothing_else),
		cmocka_unit_test(nul_and_all_ascii_are_valid),
		cmocka_unit_test(first_and_last_of_each_length_are_valid),
		cmocka_unit_test(overlong_forms_are_refused),
		cmocka_unit_test(surrogates_are_refused),
		cmocka_unit_test(beyond_unicode_is_refused),
		cmocka_unit_test(lone_and_missing_continuations_are_refused),
		cmocka_unit_test(every_pair_of_bytes_is_judged_by_the_table),
	};

	return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
