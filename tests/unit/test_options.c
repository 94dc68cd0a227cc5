/* SPDX-License-Identifier: Apache-2.0 */
/* Flags and the environment; each parse in a child, since wrong values end the process. */
#include "base/array.h"
#include "writer/config.h"
#include "writer/option_table.h"
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

/* ---- the file ---- */

static void write_file(char path[32], const char *text)
{
	int fd;

	strcpy(path, "/dev/shm/test-options-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static unsigned row_of(const char *name)
{
	unsigned i = 0;

	while (strcmp(option_rows[i].name, name) != 0)
		assert_true(++i < OPTION_COUNT);
	return i;
}

static void a_file_gives_texts_with_their_lines(void **state)
{
	struct option_text texts[OPTION_COUNT];
	char path[32], problem[OPTION_PROBLEM_BYTES];
	unsigned i, count = 0;

	(void)state;
	memset(texts, 0, sizeof(texts));
	write_file(path, "# one\n\n\tinterval = 5ms ; why\r\noutput: /a b\n;io = pwrite");
	assert_int_equal(config_read(path, texts, problem), 0);
	unlink(path);
	assert_string_equal(texts[row_of("interval")].text, "5ms");
	assert_int_equal(texts[row_of("interval")].line, 3);
	assert_string_equal(texts[row_of("output")].text, "/a b");
	assert_int_equal(texts[row_of("output")].line, 4);
	for (i = 0; i < OPTION_COUNT; i++) {
		count += texts[i].text != NULL;
		free((char *)(uintptr_t)texts[i].text);
	}
	assert_int_equal(count, 2);
}

/* What was read before the line that is wrong is let go: a leak checker sees it otherwise. */
static void a_file_that_is_wrong_gives_nothing(void **state)
{
	static const char *const files[] = {
		"interval = 5ms\nnothing\n",   "interval = 5ms\ninterval = 6ms\n",
		"interval = 5ms\nIo = auto\n", "interval = 5ms\n[x]\nio = auto\n",
		"interval = 5ms\nio = \n",
	};
	struct option_text texts[OPTION_COUNT];
	char path[32], problem[OPTION_PROBLEM_BYTES];
	unsigned i, row;

	(void)state;
	for (i = 0; i < COUNT_OF(files); i++) {
		memset(texts, 0, sizeof(texts));
		write_file(path, files[i]);
		assert_int_equal(config_read(path, texts, problem), -EINVAL);
		unlink(path);
		assert_memory_equal(problem, path, strlen(path));
		assert_true(problem[strlen(path)] == ':' && problem[strlen(path) + 1] >= '2');
		assert_null(strchr(problem, '\n'));
		for (row = 0; row < OPTION_COUNT; row++)
			assert_null(texts[row].text);
	}
	assert_int_equal(config_read("/dev/shm/no-such-file", texts, problem), -EINVAL);
	assert_non_null(strstr(problem, "No such file"));
}

/* One table for all: a row without a text for a message would be found by a user. */
static void each_row_takes_its_own_default(void **state)
{
	struct options options;
	char variable[OPTION_VARIABLE_BYTES];
	unsigned i;

	(void)state;
	for (i = 0; i < OPTION_COUNT; i++) {
		const struct option_row *row = &option_rows[i];

		memset(&options, 0, sizeof(options));
		assert_non_null(row->takes);
		assert_non_null(row->help);
		if (row->otherwise != NULL)
			assert_int_equal(row->set(&options, row->otherwise), 0);
		assert_true(row->set(&options, "?,") < 0 || strcmp(row->takes, "a path") == 0);
		option_variable(row, variable);
		assert_null(strchr(variable, '-'));
	}
	option_variable(&option_rows[row_of("batch-bytes")], variable);
	assert_string_equal(variable, "OTLPIPE_BATCH_BYTES");
}

static void read_again_says_what_would_be_in_effect(void **state)
{
	struct options options, fresh;
	char path[32], problem[OPTION_PROBLEM_BYTES];

	(void)state;
	write_file(path, "interval = 5ms\n");
	memset(&options, 0, sizeof(options));
	options.config = path;
	options.given[row_of("io")] = (struct option_text){"pwrite", OPTION_FLAG, 0};
	assert_int_equal(options_read_again(&options, &fresh, problem), 0);
	assert_int_equal(fresh.interval_ns, 5000000);
	assert_int_equal(fresh.io, IO_PWRITE);
	assert_int_equal(fresh.texts[row_of("interval")].origin, OPTION_FILE);
	assert_int_equal(fresh.texts[row_of("sync")].origin, OPTION_DEFAULT);
	options_free_texts(&fresh);
	unlink(path);
	assert_int_equal(options_read_again(&options, &fresh, problem), -EINVAL);
	assert_non_null(strstr(problem, path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_come_from_defaults_flags_and_environment),
		cmocka_unit_test(a_wrong_value_gets_one_line_and_status_2),
		cmocka_unit_test(a_file_gives_texts_with_their_lines),
		cmocka_unit_test(a_file_that_is_wrong_gives_nothing),
		cmocka_unit_test(each_row_takes_its_own_default),
		cmocka_unit_test(read_again_says_what_would_be_in_effect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
