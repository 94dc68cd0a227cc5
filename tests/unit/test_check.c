/* SPDX-License-Identifier: Apache-2.0 */
/* What an open would say of the environment, the limits and the space, without an open. */
#include "core/check.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "tests/unit/shm_fixture.h"

#define LINES_MAX 8

static char lines[LINES_MAX][512];
static unsigned line_count;

static void take_line(void *context, int error, const char *line)
{
	assert_null(context);
	assert_true(error < 0);
	assert_true(line_count < LINES_MAX);
	snprintf(lines[line_count++], sizeof(lines[0]), "%s", line);
}

static void ask(void)
{
	line_count = 0;
	check_variables(take_line, NULL);
}

static int setup(void **state)
{
	unsigned i;

	for (i = 0; check_variable(i) != NULL; i++)
		unsetenv(check_variable(i));
	return shm_fixture_setup(state);
}

static int teardown(void **state)
{
	unsigned i;

	for (i = 0; check_variable(i) != NULL; i++)
		unsetenv(check_variable(i));
	return shm_fixture_teardown(state);
}

static void each_variable_that_the_library_reads_has_a_number(void **state)
{
	bool has_dir = false, has_ring = false;
	unsigned i;

	(void)state;
	for (i = 0; check_variable(i) != NULL; i++) {
		has_dir |= strcmp(check_variable(i), "OTLPIPE_DIR") == 0;
		has_ring |= strcmp(check_variable(i), "OTLPIPE_LOG_RING_BYTES") == 0;
	}
	assert_true(has_dir && has_ring);
	assert_null(check_variable(i + 1));
}

static void of_variables_that_are_right_nothing_is_told(void **state)
{
	(void)state;
	ask();
	assert_int_equal(line_count, 0);
	setenv("OTEL_RESOURCE_ATTRIBUTES", "a=b,c=d%2Ce", 1);
	setenv("OTEL_SERVICE_NAME", "shop", 1);
	setenv("OTLPIPE_BUDGET", "25%", 1);
	setenv("OTLPIPE_SPAN_RING_BYTES", "8MiB", 1);
	ask();
	assert_int_equal(line_count, 0);
}

/* Also of each of several, and its name is at the beginning. */
static void a_variable_that_is_wrong_is_told_by_its_name(void **state)
{
	static const char *const names[] = {
		"OTEL_RESOURCE_ATTRIBUTES",
		"OTEL_SERVICE_NAME",
		"OTLPIPE_BUDGET",
		"OTLPIPE_SPAN_RING_BYTES",
		"OTLPIPE_METRIC_RING_BYTES",
		"OTLPIPE_LOG_RING_BYTES",
		"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
	};
	const unsigned count = sizeof(names) / sizeof(names[0]);
	unsigned i, line;

	(void)state;
	for (i = 0; i < count; i++) {
		setenv(names[i], "\xff", 1);
		ask();
		assert_int_equal(line_count, i + 1);
		for (line = 0; line < line_count; line++)
			if (strncmp(lines[line], names[i], strlen(names[i])) == 0)
				break;
		assert_true(line < line_count);
	}
}

static void a_file_size_limit_is_named(void **state)
{
	struct rlimit before, limit;
	struct check_region region;

	(void)state;
	check_limits(&region, shm_fixture_path);
	assert_int_equal(region.error, 0);
	assert_in_range(region.bytes, 1 << 20, 64 << 20);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 4096;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	check_limits(&region, shm_fixture_path);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(region.error, -EFBIG);
	assert_non_null(strstr(region.text, "RLIMIT_FSIZE (ulimit -f) is 4 KiB"));
	assert_non_null(strstr(region.text, shm_fixture_path));
}

static void a_budget_that_is_used_up_is_named(void **state)
{
	struct check_region region;

	(void)state;
	check_budget(&region, shm_fixture_path, &shm_fixture_dir);
	assert_int_equal(region.error, 0);
	setenv("OTLPIPE_BUDGET", "1MiB", 1);
	check_budget(&region, shm_fixture_path, &shm_fixture_dir);
	assert_int_equal(region.error, -EDQUOT);
	assert_int_equal(region.step, FAILURE_BUDGET);
	assert_non_null(strstr(region.text, "it may hold 1024 KiB"));
}

static void the_rings_of_the_environment_decide_what_a_region_takes(void **state)
{
	struct check_region small, large;

	(void)state;
	setenv("OTLPIPE_SPAN_RING_BYTES", "4KiB", 1);
	setenv("OTLPIPE_METRIC_RING_BYTES", "4KiB", 1);
	setenv("OTLPIPE_LOG_RING_BYTES", "4KiB", 1);
	check_space(&small, shm_fixture_path, &shm_fixture_dir);
	assert_int_equal(small.error, 0);
	setenv("OTLPIPE_LOG_RING_BYTES", "1MiB", 1);
	check_space(&large, shm_fixture_path, &shm_fixture_dir);
	assert_int_equal(large.bytes - small.bytes, (1 << 20) - (4 << 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_variable_that_the_library_reads_has_a_number,
						setup, teardown),
		cmocka_unit_test_setup_teardown(of_variables_that_are_right_nothing_is_told, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_variable_that_is_wrong_is_told_by_its_name, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_file_size_limit_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(a_budget_that_is_used_up_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_rings_of_the_environment_decide_what_a_region_takes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
