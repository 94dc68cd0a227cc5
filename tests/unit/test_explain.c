/* SPDX-License-Identifier: Apache-2.0 */
/* Each failure's text says what, where, who, which limit, and what to do; and has its code. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <otlpipe/otlpipe.h>

#include "base/host_limits.h"
#include "core/explain.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

struct explain_case {
	enum failure_step step;
	int error, code;
	struct explain_facts facts;
	const char *parts[5];
};

static const struct explain_case cases[] = {
	{FAILURE_DIRECTORY,
	 -EACCES,
	 OTLP_ERR_ACCESS,
	 {.has_owner = true, .owner = 4711, .mode = S_IFDIR | 0700},
	 {"the directory cannot be used: Permission denied", "uid 4711", "mode 0700",
	  "group directory"}},
	{FAILURE_DIRECTORY,
	 -ENOENT,
	 OTLP_ERR_ACCESS,
	 {0},
	 {"No such file", "/dev/shm", "OTLPIPE_DIR"}},
	{FAILURE_DIRECTORY,
	 -ENOTDIR,
	 OTLP_ERR_ACCESS,
	 {.has_owner = true, .mode = S_IFLNK | 0777},
	 {"Not a directory", "not a link"}},
	{FAILURE_DIRECTORY,
	 -EMFILE,
	 OTLP_ERR_LIMIT,
	 {.limit = 20},
	 {"Too many open files", "RLIMIT_NOFILE (ulimit -n) is 20"}},
	{FAILURE_FILESYSTEM, -ENOLCK, OTLP_ERR_ACCESS, {0}, {"file system is not fit", "tmpfs"}},
	{FAILURE_FILE, -ENFILE, OTLP_ERR_LIMIT, {0}, {"fs.file-max"}},
	{FAILURE_CONTROL, -EPROTO, OTLP_ERR_ABI, {0}, {"control page", "another version"}},
	{FAILURE_RESERVE,
	 -EFBIG,
	 OTLP_ERR_LIMIT,
	 {.limit = 1 << 20},
	 {"RLIMIT_FSIZE (ulimit -f) is 1024 KiB", "5192 KiB", "OTLPIPE_SPAN_RING_BYTES"}},
	{FAILURE_RESERVE,
	 -ENOSPC,
	 OTLP_ERR_NO_SPACE,
	 {.has_free = true, .free_bytes = 4096},
	 {"No space left", "4 KiB left", "5192 KiB", "OTLPIPE_METRIC_RING_BYTES"}},
	{FAILURE_MEMORY_LIMIT,
	 -ENOMEM,
	 OTLP_ERR_LIMIT,
	 {0},
	 {"cgroup is 8192 KiB", "1024 KiB of it", "5192 KiB", "memory.max"}},
	{FAILURE_MAP,
	 -EAGAIN,
	 OTLP_ERR_LIMIT,
	 {.limit = 65536},
	 {"RLIMIT_MEMLOCK (ulimit -l) is 64 KiB", "mlockall"}},
	{FAILURE_MAP,
	 -ENOMEM,
	 OTLP_ERR_NO_MEMORY,
	 {.limit = 1 << 30},
	 {"RLIMIT_AS (ulimit -v) is 1048576 KiB"}},
	{FAILURE_SHARE, -EOPNOTSUPP, OTLP_ERR_ACCESS, {0}, {"rights", "POSIX ACLs"}},
	{FAILURE_NAME, -ENOENT, OTLP_ERR_ACCESS, {.has_proc = false}, {"its name", "/proc"}},
	{FAILURE_RANDOM, -EAGAIN, OTLP_ERR_ACCESS, {0}, {"random"}},
	{FAILURE_LOCK, -EOPNOTSUPP, OTLP_ERR_ACCESS, {0}, {"cannot be locked", "not supported"}},
};

static void expect_text(const struct explain_case *of, const char *path, const char *line)
{
	char by[64];
	size_t i;

	snprintf(by, sizeof(by), "no ring can be made in %s by uid %u: ", path,
		 (unsigned)geteuid());
	if (strstr(line, by) == NULL)
		fail_msg("%s: without %s", line, by);
	for (i = 0; i < COUNT_OF(of->parts) && of->parts[i] != NULL; i++)
		if (strstr(line, of->parts[i]) == NULL)
			fail_msg("%s: without %s", line, of->parts[i]);
}

static void each_failure_says_what_where_and_what_to_do(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(cases); i++) {
		const struct failure failure = {cases[i].step, 5192 << 10, 8192 << 10, 1024 << 10};
		struct text text;
		char line[1024];

		text_begin(&text, line, sizeof(line));
		explain_region(&text, "/run/x", &failure, cases[i].error, &cases[i].facts);
		expect_text(&cases[i], "/run/x", line);
		assert_true(text.used < sizeof(line) - 1);
		assert_int_equal(explain_code(&failure, cases[i].error), cases[i].code);
	}
}

static void the_longest_path_is_cut_and_the_rest_is_said(void **state)
{
	const struct failure failure = {FAILURE_DIRECTORY, 0, 0, 0};
	struct explain_facts facts = {.has_owner = true, .owner = 4711, .mode = S_IFDIR | 0700};
	char path[4096], line[1024];
	struct text text;

	(void)state;
	memset(path, 'a', sizeof(path));
	memcpy(path, "/begin", 6);
	strcpy(path + sizeof(path) - 5, "/end");
	text_begin(&text, line, sizeof(line));
	explain_region(&text, path, &failure, -EACCES, &facts);
	assert_non_null(strstr(line, "/begin"));
	assert_non_null(strstr(line, "/end by uid"));
	assert_non_null(strstr(line, "OTLPIPE_DIR"));
	assert_true(text.used < sizeof(line) - 1);
}

static void a_look_finds_owner_space_and_limit(void **state)
{
	struct failure failure = {.step = FAILURE_DIRECTORY};
	struct explain_facts facts;

	(void)state;
	explain_look(&facts, "/", &failure, -EACCES);
	assert_true(facts.has_owner);
	assert_int_equal(facts.owner, 0);
	assert_true(S_ISDIR(facts.mode));
	assert_true(facts.limit == LIMITS_NONE);
	explain_look(&facts, "/nonexistent", &failure, -EMFILE);
	assert_false(facts.has_owner);
	assert_true(facts.limit != 0 && facts.limit != LIMITS_NONE);
	failure.step = FAILURE_RESERVE;
	explain_look(&facts, "/dev/shm", &failure, -ENOSPC);
	assert_true(facts.has_free && facts.free_bytes > 0);
}

static void a_record_that_is_too_large_names_sizes_and_option(void **state)
{
	struct text text;
	char line[512];

	(void)state;
	text_begin(&text, line, sizeof(line));
	explain_too_large(&text, OTLP_SIGNAL_TRACES, 5000000, 1048568);
	assert_non_null(strstr(line, "spans takes 5000000 bytes"));
	assert_non_null(strstr(line, "carries 1048568"));
	assert_non_null(strstr(line, "OTLPIPE_SPAN_RING_BYTES"));
	text_begin(&text, line, sizeof(line));
	explain_too_large(&text, OTLP_SIGNAL_METRICS, 0, 1016);
	assert_non_null(strstr(line, "takes more than 4194304 bytes"));
	assert_non_null(strstr(line, "OTLPIPE_METRIC_RING_BYTES"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_failure_says_what_where_and_what_to_do),
		cmocka_unit_test(the_longest_path_is_cut_and_the_rest_is_said),
		cmocka_unit_test(a_look_finds_owner_space_and_limit),
		cmocka_unit_test(a_record_that_is_too_large_names_sizes_and_option),
	};

	return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
