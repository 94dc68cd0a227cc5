/* SPDX-License-Identifier: Apache-2.0 */
/* What the doctor keeps of its checks, and how it writes sizes and paths. */
#include "cli/doctor_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct doctor_report report;

static int teardown(void **state)
{
	(void)state;
	doctor_free(&report);
	return 0;
}

static void a_check_is_kept_with_what_mends_it(void **state)
{
	(void)state;
	doctor_add(&report, DOCTOR_OK, "kernel", "version %d", 6);
	doctor_add(&report, DOCTOR_WRONG, "writer", "no writer runs for %s", "/x");
	doctor_mend(&report, "first");
	doctor_mend(&report, "otlpipe-writer --dir %s", "/x");
	assert_int_equal(report.count, 2);
	assert_string_equal(report.items[0].text, "version 6");
	assert_null(report.items[0].mend);
	assert_string_equal(report.items[1].check, "writer");
	assert_string_equal(report.items[1].mend, "otlpipe-writer --dir /x");
	assert_int_equal(report.states[DOCTOR_WRONG], 1);
	assert_int_equal(report.states[DOCTOR_WARNING], 0);
	assert_false(report.has_no_memory);
}

static void many_checks_are_all_kept(void **state)
{
	int i;

	(void)state;
	doctor_mend(&report, "nothing is there to be mended");
	assert_int_equal(report.count, 0);
	for (i = 0; i < 100; i++)
		doctor_add(&report, DOCTOR_NOTE, "regions", "%d", i);
	assert_int_equal(report.count, 100);
	assert_string_equal(report.items[99].text, "99");
	assert_int_equal(report.states[DOCTOR_NOTE], 100);
}

static void foreign_bytes_become_one_line_of_utf8(void **state)
{
	(void)state;
	doctor_add(&report, DOCTOR_WARNING, "writing", "a\x1b[2J\nb\x7f%s", "\xff");
	doctor_mend(&report, "c\td\xe4");
	assert_string_equal(report.items[0].text, "a?[2J?b?\xef\xbf\xbd");
	assert_string_equal(report.items[0].mend, "c?d\xef\xbf\xbd");
}

static void a_long_text_is_cut_and_ends(void **state)
{
	static char text[20000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	doctor_add(&report, DOCTOR_OK, "output", "%s", text);
	assert_in_range(strlen(report.items[0].text), 4000, sizeof(text) - 2);
}

static void sizes_have_a_unit(void **state)
{
	char text[DOCTOR_SIZE_BYTES];

	(void)state;
	assert_string_equal(doctor_size(0, text), "0 bytes");
	assert_string_equal(doctor_size(1023, text), "1023 bytes");
	assert_string_equal(doctor_size(1536, text), "1.5 KiB");
	assert_string_equal(doctor_size(UINT64_C(5) << 30, text), "5.0 GiB");
	assert_string_equal(doctor_size(UINT64_MAX, text), "16.0 EiB");
}

static void paths_are_quoted_where_a_shell_would_split_them(void **state)
{
	char text[DOCTOR_QUOTED_BYTES], path[DOCTOR_QUOTED_BYTES];

	(void)state;
	assert_string_equal(doctor_quote("/dev/shm/otlpipe-0", text), "/dev/shm/otlpipe-0");
	assert_string_equal(doctor_quote("/a b", text), "'/a b'");
	assert_string_equal(doctor_quote("/it's", text), "'/it'\\''s'");
	assert_string_equal(doctor_quote("$(rm x)", text), "'$(rm x)'");
	memset(path, '\'', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_in_range(strlen(doctor_quote(path, text)), DOCTOR_QUOTED_BYTES / 2,
			DOCTOR_QUOTED_BYTES - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_check_is_kept_with_what_mends_it, teardown),
		cmocka_unit_test_teardown(many_checks_are_all_kept, teardown),
		cmocka_unit_test_teardown(foreign_bytes_become_one_line_of_utf8, teardown),
		cmocka_unit_test_teardown(a_long_text_is_cut_and_ends, teardown),
		cmocka_unit_test(sizes_have_a_unit),
		cmocka_unit_test(paths_are_quoted_where_a_shell_would_split_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
