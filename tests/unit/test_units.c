/* SPDX-License-Identifier: Apache-2.0 */
/* Durations and sizes as typed on a command line. */
#include "base/array.h"
#include "base/units.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void durations_of_every_unit_are_nanoseconds(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} cases[] = {
		{"0", 0},
		{"90", INT64_C(90000000000)},
		{"7ns", 7},
		{"3us", 3000},
		{"250ms", 250000000},
		{"1s", 1000000000},
		{"2m", INT64_C(120000000000)},
		{"1h", INT64_C(3600000000000)},
		{"30d", INT64_C(2592000000000000)},
		{"1.5s", 1500000000},
		{"0.25", 250000000},
		{"0.000000001s", 1},
		{"1.9ns", 1},
		{"9223372036854775807ns", INT64_MAX},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t ns = -1;

		assert_int_equal(units_parse_duration(cases[i].text, &ns), 0);
		assert_true(ns == cases[i].ns);
	}
}

static void durations_that_are_none_are_refused_and_change_nothing(void **state)
{
	static const char *const garbage[] = {
		"",	 "s",	"-1s",	"+1s", " 1s", "1s ",   "1 s",	"1S",  "1sec",
		"1e3",	 "1e",	"0x10", ".5s", "1.s", "1..5s", "1h30m", "inf", "1.0000000001s",
		"0.4ns", "nan", "1,5s", "1M",  "1µs", "--1",   "1s\n",
	};
	static const char *const too_much[] = {
		"9223372036854775808ns",
		"106752d",
		"18446744073709551616",
		"9223372036.854775808s",
	};
	int64_t ns = 42;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(garbage); i++)
		assert_int_equal(units_parse_duration(garbage[i], &ns), -EINVAL);
	for (size_t i = 0; i < COUNT_OF(too_much); i++)
		assert_int_equal(units_parse_duration(too_much[i], &ns), -ERANGE);
	assert_true(ns == 42);
}

static void sizes_know_binary_and_decimal_units(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} cases[] = {
		{"0", 0},
		{"4096", 4096},
		{"512B", 512},
		{"64MiB", UINT64_C(64) << 20},
		{"64M", UINT64_C(64) << 20},
		{"64m", UINT64_C(64) << 20},
		{"64MB", 64000000},
		{"64mb", 64000000},
		{"1K", 1024},
		{"1k", 1024},
		{"1KiB", 1024},
		{"1KB", 1000},
		{"2G", UINT64_C(2) << 30},
		{"2GiB", UINT64_C(2) << 30},
		{"2GB", 2000000000},
		{"3T", UINT64_C(3) << 40},
		{"3TB", UINT64_C(3000000000000)},
		{"1.5MiB", 1572864},
		{"0.5K", 512},
		{"18446744073709551615", UINT64_MAX},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint64_t bytes = 1;

		assert_int_equal(units_parse_size(cases[i].text, &bytes), 0);
		assert_true(bytes == cases[i].bytes);
	}
}

static void sizes_that_are_none_are_refused_and_change_nothing(void **state)
{
	static const char *const garbage[] = {
		"",    "MiB", "-1", "+1", " 1",	  "1 M", "1MiBs",
		"1Mi", "1KK", "1s", "1.", "0.1B", "0x1",
	};
	static const char *const too_much[] = {
		"18446744073709551616",
		"16777216TiB",
		"18446744073709551615.9K",
		"99999999999T",
	};
	uint64_t bytes = 42;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(garbage); i++)
		assert_int_equal(units_parse_size(garbage[i], &bytes), -EINVAL);
	for (size_t i = 0; i < COUNT_OF(too_much); i++)
		assert_int_equal(units_parse_size(too_much[i], &bytes), -ERANGE);
	assert_true(bytes == 42);
}

static void counts_are_digits_within_their_limits(void **state)
{
	uint64_t n = 42;

	(void)state;
	assert_int_equal(units_parse_count("0", 1, 10, &n), -ERANGE);
	assert_int_equal(units_parse_count("11", 1, 10, &n), -ERANGE);
	assert_int_equal(units_parse_count("1.0", 1, 10, &n), -EINVAL);
	assert_int_equal(units_parse_count("1k", 1, 10, &n), -EINVAL);
	assert_int_equal(units_parse_count("", 0, 10, &n), -EINVAL);
	assert_int_equal(units_parse_count("18446744073709551616", 0, UINT64_MAX, &n), -ERANGE);
	assert_true(n == 42);
	assert_int_equal(units_parse_count("10", 1, 10, &n), 0);
	assert_true(n == 10);
	assert_int_equal(units_parse_count("18446744073709551615", 0, UINT64_MAX, &n), 0);
	assert_true(n == UINT64_MAX);
}

static void durations_are_formatted_in_their_largest_unit(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} cases[] = {
		{0, "0s"},
		{1, "1ns"},
		{999, "999ns"},
		{1500, "1.5us"},
		{999999999, "999.99ms"},
		{1000000000, "1s"},
		{INT64_C(1050000000), "1.05s"},
		{INT64_C(90000000000), "1.5m"},
		{INT64_C(86400000000000), "1d"},
		{-250000000, "-250ms"},
		{INT64_MIN, "-106751.99d"},
		{INT64_MAX, "106751.99d"},
	};
	char text[UNITS_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_string_equal(units_format_duration(cases[i].ns, text), cases[i].text);
		assert_ptr_equal(units_format_duration(cases[i].ns, text), text);
	}
}

static void a_formatted_duration_can_be_parsed_again(void **state)
{
	char text[UNITS_TEXT_BYTES];

	(void)state;
	for (unsigned int shift = 0; shift < 63; shift++) {
		int64_t ns = INT64_C(1) << shift, again = -1;

		assert_int_equal(units_parse_duration(units_format_duration(ns, text), &again), 0);
		/* Two decimals: within a hundredth, and never above. */
		assert_true(again <= ns && again >= ns - ns / 100);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_of_every_unit_are_nanoseconds),
		cmocka_unit_test(durations_that_are_none_are_refused_and_change_nothing),
		cmocka_unit_test(sizes_know_binary_and_decimal_units),
		cmocka_unit_test(sizes_that_are_none_are_refused_and_change_nothing),
		cmocka_unit_test(counts_are_digits_within_their_limits),
		cmocka_unit_test(durations_are_formatted_in_their_largest_unit),
		cmocka_unit_test(a_formatted_duration_can_be_parsed_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
