/* SPDX-License-Identifier: Apache-2.0 */
/* What the limits of a process and of its cgroups leave, in trees of files that are made up. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/host_limits.h"

#define MIB UINT64_C(1048576)

static char root[64];

static void put(const char *name, const char *content)
{
	char path[256], *slash;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	for (slash = path + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		(void)mkdir(path, 0700);
		*slash = '/';
	}
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(content, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int setup(void **state)
{
	(void)state;
	strcpy(root, "/tmp/otlpipe-limits-XXXXXX");
	return mkdtemp(root) != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command);
}

static struct limits_memory look(uint64_t free_swap_bytes)
{
	char own[128], v2[128], v1[128];
	struct limits_memory ret;

	snprintf(own, sizeof(own), "%s/own", root);
	snprintf(v2, sizeof(v2), "%s/v2", root);
	snprintf(v1, sizeof(v1), "%s/v1", root);
	limits_get_memory_from(&ret, own, v2, v1, free_swap_bytes);
	return ret;
}

static void expect(uint64_t free_swap_bytes, uint64_t limit_bytes, uint64_t left_bytes)
{
	const struct limits_memory memory = look(free_swap_bytes);

	assert_int_equal(memory.limit_bytes, limit_bytes);
	assert_int_equal(memory.left_bytes, left_bytes);
}

static void where_nothing_is_found_there_is_no_limit(void **state)
{
	(void)state;
	expect(0, LIMITS_NONE, LIMITS_NONE); /* no /proc */
	put("own", "");
	expect(0, LIMITS_NONE, LIMITS_NONE);
	put("own", "0::/a/b\n");
	expect(0, LIMITS_NONE, LIMITS_NONE); /* no such cgroup */
	put("own", "nonsense\n::::\n\n3:cpu:/a\n");
	expect(0, LIMITS_NONE, LIMITS_NONE);
	put("own", "0::/a/b\n");
	put("v2/a/b/memory.max", "max\n");
	put("v2/a/b/memory.current", "1000\n");
	expect(0, LIMITS_NONE, LIMITS_NONE);
	put("v2/a/b/memory.max", "1000000\n");
	put("v2/a/b/memory.current", "not a number\n");
	expect(0, LIMITS_NONE, LIMITS_NONE);
	put("v2/a/b/memory.max", "99999999999999999999999\n");
	expect(0, LIMITS_NONE, LIMITS_NONE);
}

static void the_tightest_of_all_levels_counts(void **state)
{
	(void)state;
	put("own", "0::/a/b\n");
	put("v2/a/b/memory.max", "10485760\n");
	put("v2/a/b/memory.current", "1048576\n");
	expect(0, 10 * MIB, 9 * MIB);
	put("v2/a/memory.max", "12582912\n");
	put("v2/a/memory.current", "11534336\n");
	expect(0, 12 * MIB, MIB);
	put("v2/a/memory.current", "99999999\n"); /* beyond its limit, as after that was lowered */
	expect(0, 12 * MIB, 0);
	put("v2/a/memory.max", "max\n");
	expect(0, 10 * MIB, 9 * MIB);
}

static void in_a_container_the_limit_may_stand_at_the_root(void **state)
{
	(void)state;
	put("own", "0::/\n");
	put("v2/memory.max", "4194304\n");
	put("v2/memory.current", "1048576\n");
	expect(0, 4 * MIB, 3 * MIB);
	/* The path is the host's, and none of it is mounted. */
	put("own", "0::/system.slice/docker-0123.scope\n");
	expect(0, 4 * MIB, 3 * MIB);
	put("own", "0::/../outside\n");
	expect(0, 4 * MIB, 3 * MIB);
}

static void page_cache_can_be_had_and_shared_memory_cannot(void **state)
{
	(void)state;
	put("own", "0::/a\n");
	put("v2/a/memory.max", "10485760\n");
	put("v2/a/memory.current", "10485760\n");
	expect(0, 10 * MIB, 0);
	put("v2/a/memory.stat", "anon 1\nfile 4194304\nshmem 1048576\ninactive_anon 1048576\n"
				"active_anon 7\ninactive_file 2097152\nactive_file 1048576\n");
	expect(0, 10 * MIB, 3 * MIB);
	put("v2/a/memory.stat", "active_file"); /* cut off */
	expect(0, 10 * MIB, 0);
}

static void swap_counts_as_far_as_the_cgroup_may_use_it(void **state)
{
	(void)state;
	put("own", "0::/a\n");
	put("v2/a/memory.max", "10485760\n");
	put("v2/a/memory.current", "9437184\n");
	put("v2/a/memory.swap.max", "3145728\n");
	put("v2/a/memory.swap.current", "1048576\n");
	expect(0, 10 * MIB, MIB);
	expect(100 * MIB, 10 * MIB, 3 * MIB);
	expect(MIB, 10 * MIB, 2 * MIB);
	put("v2/a/memory.swap.max", "0\n");
	expect(100 * MIB, 10 * MIB, MIB);
	put("v2/a/memory.swap.max", "max\n");
	expect(100 * MIB, 10 * MIB, 101 * MIB);
}

static void version_1_has_other_names_and_a_number_for_none(void **state)
{
	(void)state;
	put("own", "9:name=systemd:/\n4:hugetlb,memory:/a\n3:memoryless:/b\n0::/\n");
	put("v2/memory.max", "1\n");
	put("v2/memory.current", "1\n");
	put("v1/a/memory.limit_in_bytes", "9223372036854771712\n");
	put("v1/a/memory.usage_in_bytes", "1048576\n");
	expect(0, LIMITS_NONE, LIMITS_NONE);
	put("v1/memory.limit_in_bytes", "8388608\n");
	put("v1/memory.usage_in_bytes", "8388608\n");
	put("v1/memory.stat", "inactive_file 99\ntotal_inactive_file 1048576\n"
			      "total_active_file 1048576\n");
	expect(0, 8 * MIB, 2 * MIB);
	/* Memory and swap in one: 4 MiB of swap, of which none is used. */
	put("v1/memory.memsw.limit_in_bytes", "12582912\n");
	put("v1/memory.memsw.usage_in_bytes", "8388608\n");
	expect(100 * MIB, 8 * MIB, 6 * MIB);
}

static void a_path_that_is_too_long_is_no_limit(void **state)
{
	static char line[5000];

	(void)state;
	memset(line, 'a', sizeof(line) - 2);
	memcpy(line, "0::/", 4);
	line[sizeof(line) - 2] = '\n';
	put("own", line);
	expect(0, LIMITS_NONE, LIMITS_NONE);
}

static void resource_limits_are_told(void **state)
{
	struct rlimit limit = {.rlim_cur = 12345, .rlim_max = RLIM_INFINITY};
	pid_t pid = fork();
	int status;

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
			_exit(1);
		_exit(limits_file_bytes() == 12345 && limits_of(RLIMIT_FSIZE) == 12345 ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	limits_get_memory(&(struct limits_memory){0}); /* whatever this machine has */
}

#define IN_A_TREE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_TREE(where_nothing_is_found_there_is_no_limit),
		IN_A_TREE(the_tightest_of_all_levels_counts),
		IN_A_TREE(in_a_container_the_limit_may_stand_at_the_root),
		IN_A_TREE(page_cache_can_be_had_and_shared_memory_cannot),
		IN_A_TREE(swap_counts_as_far_as_the_cgroup_may_use_it),
		IN_A_TREE(version_1_has_other_names_and_a_number_for_none),
		IN_A_TREE(a_path_that_is_too_long_is_no_limit),
		cmocka_unit_test(resource_limits_are_told),
	};

	return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
