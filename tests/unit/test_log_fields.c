/* SPDX-License-Identifier: Apache-2.0 */
/* Severities, times and ids, as programs write them into their lines. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/array.h"
#include "cli/log_fields.h"

#define NS_PER_S UINT64_C(1000000000)
/* 2026-11-28T09:15:44Z */
#define SECONDS UINT64_C(1795857344)

static void each_word_of_a_severity_is_known_in_any_case(void **state)
{
	static const struct {
		const char *word;
		enum otlp_severity_number number;
	} words[] = {
		{"trace", OTLP_SEVERITY_TRACE},	    {"DEBUG", OTLP_SEVERITY_DEBUG},
		{"Fine", OTLP_SEVERITY_DEBUG2},	    {"info", OTLP_SEVERITY_INFO},
		{"NOTICE", OTLP_SEVERITY_INFO2},    {"warn", OTLP_SEVERITY_WARN},
		{"Warning", OTLP_SEVERITY_WARN},    {"err", OTLP_SEVERITY_ERROR},
		{"ERROR", OTLP_SEVERITY_ERROR},	    {"crit", OTLP_SEVERITY_ERROR2},
		{"panic", OTLP_SEVERITY_ERROR3},    {"FATAL", OTLP_SEVERITY_FATAL},
		{"", OTLP_SEVERITY_UNSPECIFIED},    {"warnings", OTLP_SEVERITY_UNSPECIFIED},
		{"war", OTLP_SEVERITY_UNSPECIFIED}, {" info", OTLP_SEVERITY_UNSPECIFIED},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(words); i++)
		assert_int_equal(log_severity_of_word(words[i].word), words[i].number);
}

static void a_priority_is_a_severity_with_its_name(void **state)
{
	static const enum otlp_severity_number numbers[] = {
		OTLP_SEVERITY_FATAL, OTLP_SEVERITY_ERROR3, OTLP_SEVERITY_ERROR2,
		OTLP_SEVERITY_ERROR, OTLP_SEVERITY_WARN,   OTLP_SEVERITY_INFO2,
		OTLP_SEVERITY_INFO,  OTLP_SEVERITY_DEBUG,
	};
	struct otlp_str text;
	unsigned i;

	(void)state;
	for (i = 0; i < COUNT_OF(numbers); i++)
		assert_int_equal(log_severity_of_priority(i, &text), numbers[i]);
	log_severity_of_priority(4, &text);
	assert_int_equal(text.len, strlen("warning"));
	assert_memory_equal(text.ptr, "warning", text.len);
}

static void a_level_is_that_of_pino_or_a_priority(void **state)
{
	static const int64_t none[] = {-1, 8, 9, 15, 61, 70, 100, INT64_MIN, INT64_MAX};
	enum otlp_severity_number number;
	size_t i;

	(void)state;
	for (i = 1; i <= 6; i++) {
		assert_true(log_severity_of_level((int64_t)i * 10, &number));
		assert_int_equal(number, (i - 1) * 4 + 1);
	}
	assert_true(log_severity_of_level(0, &number));
	assert_int_equal(number, OTLP_SEVERITY_FATAL);
	assert_true(log_severity_of_level(7, &number));
	assert_int_equal(number, OTLP_SEVERITY_DEBUG);
	for (i = 0; i < COUNT_OF(none); i++)
		assert_false(log_severity_of_level(none[i], &number));
}

static void a_time_of_rfc_3339_is_to_the_nanosecond(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} times[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2026-11-28T09:15:44Z", SECONDS * NS_PER_S},
		{"2026-11-28t09:15:44z", SECONDS * NS_PER_S},
		{"2026-11-28 09:15:44Z", SECONDS * NS_PER_S},
		{"2026-11-28T09:15:44.1Z", SECONDS * NS_PER_S + 100000000},
		{"2026-11-28T09:15:44,123Z", SECONDS * NS_PER_S + 123000000},
		{"2026-11-28T09:15:44.123456789Z", SECONDS * NS_PER_S + 123456789},
		{"2026-11-28T09:15:44.1234567899999Z", SECONDS * NS_PER_S + 123456789},
		{"2026-11-28T10:15:44+01:00", SECONDS * NS_PER_S},
		{"2026-11-28T10:15:44+0100", SECONDS * NS_PER_S},
		{"2026-11-28T03:45:44-05:30", SECONDS * NS_PER_S},
		{"2026-11-28T09:15:43Z", (SECONDS - 1) * NS_PER_S},
		{"2024-02-29T00:00:00Z", UINT64_C(1709164800) * NS_PER_S},
		{"2016-12-31T23:59:60Z", UINT64_C(1483228800) * NS_PER_S}, /* a leap second */
	};
	uint64_t ns;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(times); i++) {
		assert_true(log_time_of_text(times[i].text, &ns));
		assert_int_equal(ns, times[i].ns);
	}
}

static void what_is_no_time_is_none(void **state)
{
	static const char *const none[] = {
		"",
		"now",
		"2026-11-28",
		"2026-11-28T09:15",
		"2026-11-28T09:15:44", /* of which zone? */
		"2026-11-28T09:15:44 Z",
		"2026-11-28T09:15:44Zulu",
		"2026-11-28T09:15:44+1",
		"2026-11-28T09:15:44+24:00",
		"2026-11-28T09:15:44+01:60",
		"2026-11-28T09:15:44.Z.",
		"2026-11-28x09:15:44Z",
		"2026-13-28T09:15:44Z",
		"2026-00-28T09:15:44Z",
		"2026-11-31T09:15:44Z",
		"2026-02-29T09:15:44Z",
		"2026-11-00T09:15:44Z",
		"2026-11-28T24:00:00Z",
		"2026-11-28T09:60:44Z",
		"2026-11-28T09:15:61Z",
		"+226-11-28T09:15:44Z",
		"2026-+1-28T09:15:44Z",
		"1969-12-31T23:59:59Z",
		"1970-01-01T00:00:00+00:01",
		"2554-07-22T00:00:00Z", /* more nanoseconds than 64 bits hold */
		"9999-12-31T23:59:59Z",
	};
	uint64_t ns;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(none); i++)
		assert_false(log_time_of_text(none[i], &ns));
}

static void a_number_is_of_the_unit_that_makes_it_a_time_of_now(void **state)
{
	uint64_t ns;

	(void)state;
	assert_true(log_time_of_number(SECONDS, SECONDS, true, &ns));
	assert_int_equal(ns, SECONDS * NS_PER_S);
	assert_true(log_time_of_number(SECONDS * 1e3 + 1, SECONDS * 1000 + 1, true, &ns));
	assert_int_equal(ns, SECONDS * NS_PER_S + 1000000);
	assert_true(log_time_of_number(SECONDS * 1e6 + 1, SECONDS * 1000000 + 1, true, &ns));
	assert_int_equal(ns, SECONDS * NS_PER_S + 1000);
	assert_true(log_time_of_number(SECONDS * 1e9, SECONDS * NS_PER_S + 1, true, &ns));
	assert_int_equal(ns, SECONDS * NS_PER_S + 1);
	assert_true(log_time_of_number(SECONDS + 0.5, 0, false, &ns));
	assert_int_equal(ns, SECONDS * NS_PER_S + NS_PER_S / 2);
	assert_true(log_time_of_number(0, 0, true, &ns));
	assert_int_equal(ns, 0);
	assert_false(log_time_of_number(-1, -1, true, &ns));
	assert_false(log_time_of_number(-0.5, 0, false, &ns));
	assert_false(log_time_of_number(1e300, 0, false, &ns));
	assert_false(log_time_of_number(__builtin_nan(""), 0, false, &ns));
	assert_false(log_time_of_number(__builtin_inf(), 0, false, &ns));
}

static void an_id_is_so_many_hexadecimal_digits_and_not_all_zero(void **state)
{
	static const uint8_t expected[8] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
	uint8_t id[8];

	(void)state;
	assert_true(log_id_of_text("0123456789abCDEF", 16, id, sizeof(id)));
	assert_memory_equal(id, expected, sizeof(id));
	assert_false(log_id_of_text("0123456789abcde", 15, id, sizeof(id)));
	assert_false(log_id_of_text("0123456789abcdef0", 17, id, sizeof(id)));
	assert_false(log_id_of_text("0123456789abcdeg", 16, id, sizeof(id)));
	assert_false(log_id_of_text("0x23456789abcdef", 16, id, sizeof(id)));
	assert_false(log_id_of_text("0000000000000000", 16, id, sizeof(id)));
	assert_false(log_id_of_text("", 0, id, sizeof(id)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_word_of_a_severity_is_known_in_any_case),
		cmocka_unit_test(a_priority_is_a_severity_with_its_name),
		cmocka_unit_test(a_level_is_that_of_pino_or_a_priority),
		cmocka_unit_test(a_time_of_rfc_3339_is_to_the_nanosecond),
		cmocka_unit_test(what_is_no_time_is_none),
		cmocka_unit_test(a_number_is_of_the_unit_that_makes_it_a_time_of_now),
		cmocka_unit_test(an_id_is_so_many_hexadecimal_digits_and_not_all_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
