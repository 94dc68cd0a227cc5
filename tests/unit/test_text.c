/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of text in buffers of every size. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

static void numbers_sizes_and_modes_are_written_out(void **state)
{
	char to[256];
	struct text text;

	(void)state;
	text_begin(&text, to, sizeof(to));
	assert_string_equal(to, "");
	text_add(&text, "a ");
	text_add_number(&text, 0);
	text_add(&text, " ");
	text_add_number(&text, UINT64_MAX);
	assert_string_equal(to, "a 0 18446744073709551615");
	text_begin(&text, to, sizeof(to));
	text_add_size(&text, 0);
	text_add(&text, ", ");
	text_add_size(&text, 1000);
	text_add(&text, ", ");
	text_add_size(&text, 5316608);
	assert_string_equal(to, "0 bytes, 1000 bytes, 5192 KiB");
	text_begin(&text, to, sizeof(to));
	text_add_mode(&text, 0100755);
	text_add(&text, " ");
	text_add_mode(&text, 043770);
	assert_string_equal(to, "0755 03770");
	text_begin(&text, to, sizeof(to));
	text_add_errno(&text, ENOENT);
	text_add(&text, ", ");
	text_add_errno(&text, 12345);
	assert_string_equal(to, "No such file or directory, error 12345");
}

static void foreign_text_is_made_printable_and_cut_in_the_middle(void **state)
{
	char to[64];
	struct text text;

	(void)state;
	text_begin(&text, to, sizeof(to));
	text_add_quoted(&text, "a\nb\x7f\xc3\xa9", 6, 20);
	assert_string_equal(to, "a?b?\xc3\xa9");
	text_begin(&text, to, sizeof(to));
	text_add_quoted(&text, "0123456789abcdefghij", 20, 20);
	assert_string_equal(to, "0123456789abcdefghij");
	text_begin(&text, to, sizeof(to));
	text_add_quoted(&text, "0123456789abcdefghijk", 21, 15);
	assert_string_equal(to, "01234 ... ghijk");
}

static void what_does_not_fit_is_cut_off(void **state)
{
	static const char whole[] = "0123456789 18446744073709551615 5192 KiB";
	char to[sizeof(whole) + 8];
	size_t bytes;

	(void)state;
	for (bytes = 1; bytes <= sizeof(whole); bytes++) {
		struct text text;

		memset(to, 'x', sizeof(to));
		text_begin(&text, to, bytes);
		text_add(&text, "0123456789 ");
		text_add_number(&text, UINT64_MAX);
		text_add(&text, " ");
		text_add_size(&text, 5316608);
		assert_int_equal(text.used, bytes - 1);
		assert_int_equal(strlen(to), bytes - 1);
		assert_memory_equal(to, whole, bytes - 1);
		assert_int_equal(to[bytes], 'x');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_sizes_and_modes_are_written_out),
		cmocka_unit_test(foreign_text_is_made_printable_and_cut_in_the_middle),
		cmocka_unit_test(what_does_not_fit_is_cut_off),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
