/* SPDX-License-Identifier: Apache-2.0 */
/* What is said, and how often at most, whatever the clock does. */
#include "base/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct timespec now = {.tv_sec = 1000};

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
	assert_int_equal(clock, CLOCK_MONOTONIC);
	*ret = now;
	return 0;
}

static char said[1 << 20];

/* Standard error goes here meanwhile. */
static int capture_fd = -1, kept_fd = -1;

static void capture(void)
{
	capture_fd = memfd_create("said", MFD_CLOEXEC);
	kept_fd = dup(STDERR_FILENO);
	assert_true(capture_fd >= 0 && kept_fd >= 0);
	assert_true(dup2(capture_fd, STDERR_FILENO) >= 0);
}

/* How many lines were said since capture(). */
static unsigned release(void)
{
	ssize_t n = pread(capture_fd, said, sizeof(said) - 1, 0);
	unsigned lines = 0;

	assert_true(dup2(kept_fd, STDERR_FILENO) >= 0);
	close(kept_fd);
	close(capture_fd);
	assert_true(n >= 0);
	said[n] = '\0';
	for (const char *at = said; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	return lines;
}

static void of_one_kind_a_few_are_said_and_the_rest_is_summed_up(void **state)
{
	(void)state;
	capture();
	for (int i = 0; i < 100000; i++)
		log_line("region %d is broken", i);
	log_sum_up();
	/* Another kind is not held up by it. */
	log_line("a word of another kind");
	assert_int_equal(release(), LOG_BURST_LINES + 1);
	assert_non_null(strstr(said, "otlpipe-writer: region 0 is broken\n"));
	assert_non_null(strstr(said, "region 15 is broken\n"));
	assert_non_null(strstr(said, "a word of another kind\n"));

	capture();
	now.tv_sec += LOG_SUMMARY_NS / 1000000000;
	log_sum_up();
	log_sum_up();
	assert_int_equal(release(), 1);
	assert_non_null(strstr(said, "99984 lines like this one were left out: region 99999 is "
				     "broken\n"));
}

static void a_line_a_second_goes_on_being_said(void **state)
{
	(void)state;
	capture();
	for (int i = 0; i < 1000; i++) {
		log_line("once a second, for the time number %d", i);
		now.tv_sec++;
	}
	log_end();
	assert_int_equal(release(), 1000);
	/* And twice a second, half of them, after the first ones. */
	capture();
	for (int i = 0; i < 1000; i++) {
		log_line("twice a second, for the time number %d", i);
		now.tv_nsec += 500000000;
		now.tv_sec += now.tv_nsec / 1000000000;
		now.tv_nsec %= 1000000000;
	}
	log_end();
	assert_in_range(release(), 500, 500 + LOG_BURST_LINES + 2);
}

static void the_end_sums_up_at_once(void **state)
{
	(void)state;
	capture();
	for (int i = 0; i < LOG_BURST_LINES + 3; i++)
		log_line("the end is near: %d", i);
	log_end();
	log_end();
	assert_int_equal(release(), LOG_BURST_LINES + 1);
	assert_non_null(strstr(said, "3 lines like this one were left out: the end is near: 18\n"));
}

static void what_others_wrote_is_printable_and_cut_off(void **state)
{
	char *text = malloc(5000);

	(void)state;
	memset(text, 'x', 4999);
	text[4999] = '\0';
	capture();
	log_line("a name: %s", "\033[31m\nred\177");
	log_line("a long name: %s", text);
	assert_int_equal(release(), 2);
	assert_non_null(strstr(said, "otlpipe-writer: a name: ?[31m?red?\n"));
	assert_int_equal(strlen(strchr(said, '\n') + 1), 1024 - 1);
	free(text);
	/* The summary of such a line is one line too. */
	capture();
	for (int i = 0; i < LOG_BURST_LINES + 1; i++)
		log_line("%s and so on", "\n\n\n");
	log_end();
	assert_int_equal(release(), LOG_BURST_LINES + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_one_kind_a_few_are_said_and_the_rest_is_summed_up),
		cmocka_unit_test(a_line_a_second_goes_on_being_said),
		cmocka_unit_test(the_end_sums_up_at_once),
		cmocka_unit_test(what_others_wrote_is_printable_and_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
