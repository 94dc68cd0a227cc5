/* SPDX-License-Identifier: Apache-2.0 */
/* Flags and the environment; each parse in a child, since wrong values end the process. */
#include "base/array.h"
#include "writer/options.h"

#include <sys/mman.h>

#include "tests/unit/io_testing.h"

/* cmocka wants these before it. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ARGUMENTS_MAX 16

struct parse {
	char *arguments[ARGUMENTS_MAX + 1];
	int count;
	int (*check)(const struct options *options);
	int error_fd;
};

static int parse_in_child(void *context)
{
	struct parse *parse = context;
	struct options options;

	if (parse->error_fd >= 0)
		dup2(parse->error_fd, STDERR_FILENO);
	options_parse(&options, parse->count, parse->arguments);
	return parse->check != NULL ? parse->check(&options) : 0;
}

/* The arguments are in one string, with single blanks between. */
static int parse(const char *line, int (*check)(const struct options *options), char *ret_error,
		 size_t ret_bytes)
{
	static char program[] = "otlpipe-writer";
	struct parse parsed = {.arguments = {program}, .count = 1, .check = check};
	char copy[256], *rest = copy, *word;
	ssize_t n;
	int fd = memfd_create("stderr", MFD_CLOEXEC), status;

	assert_true(fd >= 0);
	parsed.error_fd = fd;
	snprintf(copy, sizeof(copy), "%s", line);
	while ((word = strsep(&rest, " ")) != NULL && word[0] != '\0') {
		assert_true(parsed.count < ARGUMENTS_MAX);
		parsed.arguments[parsed.count++] = word;
	}
	status = run_in_child(parse_in_child, &parsed);
	n = pread(fd, ret_error, ret_bytes - 1, 0);
	assert_true(n >= 0);
	ret_error[n] = '\0';
	close(fd);
	return status;
}

static int check_defaults(const struct options *options)
{
	CHECK(options->dir == NULL);
	CHECK(options->interval_ns == 1000000000);
	CHECK(options->batch_bytes == 1 << 20);
	CHECK(options->sync == SYNC_INTERVAL);
	CHECK(options->files.rotate_bytes == 64 << 20);
	CHECK(options->files.rotate_age_ns == INT64_C(3600000000000));
	CHECK(options->retain.total_bytes == 0 && options->retain.age_ns == 0);
	CHECK(options->io == IO_AUTO && !options->drain);
	return 0;
}

static int check_flags(const struct options *options)
{
	CHECK(strcmp(options->dir, "/d") == 0 && strcmp(options->output, "/o") == 0);
	CHECK(options->interval_ns == 200000000);
	CHECK(options->sync == SYNC_BATCH);
	CHECK(options->io == IO_PWRITE && options->drain);
	return 0;
}

static int check_environment(const struct options *options)
{
	CHECK(options->interval_ns == 5000000);
	CHECK(options->batch_bytes == 128 << 10);
	CHECK(options->drain);
	return 0;
}

static int check_flag_wins(const struct options *options)
{
	CHECK(options->interval_ns == 7000000);
	return 0;
}

static void values_come_from_defaults_flags_and_environment(void **state)
{
	char error[512];

	(void)state;
	assert_int_equal(parse("", check_defaults, error, sizeof(error)), 0);
	assert_int_equal(parse("-d /d --output=/o -i 200ms --sync=batch --io=pwrite --drain",
			       check_flags, error, sizeof(error)),
			 0);
	setenv("OTLPIPE_INTERVAL", "5ms", 1);
	setenv("OTLPIPE_BATCH_BYTES", "128KiB", 1);
	setenv("OTLPIPE_DRAIN", "1", 1);
	assert_int_equal(parse("", check_environment, error, sizeof(error)), 0);
	assert_int_equal(parse("-i 7ms", check_flag_wins, error, sizeof(error)), 0);
	assert_string_equal(error, "");
	unsetenv("OTLPIPE_INTERVAL");
	unsetenv("OTLPIPE_BATCH_BYTES");
	unsetenv("OTLPIPE_DRAIN");
}

static void a_wrong_value_gets_one_line_and_status_2(void **state)
{
	static const char *const lines[] = {
		"--interval=0",		"--interval=2h",     "--interval=-1s",
		"--interval=soon",	"--batch-bytes=1",   "--batch-bytes=65MiB",
		"--sync=always",	"--io=sync",	     "--rotate-bytes=1KiB",
		"--rotate-age=x",	"--output=",	     "stray",
		"--retain-bytes=x",	"--retain-age=x",    "--min-free=x",
		"--rotate-bytes=64KiB", "--retain-for=../x", "--retain-for=a",
		"--retain-for=a,",
	};
	char error[512];

	(void)state;
	for (unsigned i = 0; i < COUNT_OF(lines); i++) {
		assert_int_equal(parse(lines[i], NULL, error, sizeof(error)), 2);
		assert_non_null(strchr(error, '\n'));
		assert_string_equal(strchr(error, '\n'), "\n");
		assert_memory_equal(error, "otlpipe-writer: ", 16);
	}
	assert_int_equal(parse("--unknown", NULL, error, sizeof(error)), 2);
	setenv("OTLPIPE_SYNC", "sometimes", 1);
	assert_int_equal(parse("", NULL, error, sizeof(error)), 2);
	assert_non_null(strstr(error, "$OTLPIPE_SYNC"));
	unsetenv("OTLPIPE_SYNC");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_come_from_defaults_flags_and_environment),
		cmocka_unit_test(a_wrong_value_gets_one_line_and_status_2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
