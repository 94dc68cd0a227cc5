/* SPDX-License-Identifier: Apache-2.0 */
/* Counts of what has no region: one file a user, a child's mapping from its parent, files that are
 * none. */
#include "shm/counters.h"
#include "shm/counters_view.h"
#include "tests/unit/shm_fixture.h"

static void expect_sum(uint64_t first, uint64_t second, uint64_t refused)
{
	struct counters_sum sum;

	assert_int_equal(counters_read(&shm_fixture_dir, &sum), 0);
	assert_int_equal(sum.dropped_items[0], first);
	assert_int_equal(sum.dropped_items[1], second);
	assert_int_equal(sum.refused_opens, refused);
}

/* The name of this user's file. */
static void name_of_file(char ret[64])
{
	snprintf(ret, 64, "counters.%u", (unsigned)geteuid());
}

static void two_libraries_count_in_one_file(void **state)
{
	struct counters one = {NULL, 0}, other = {NULL, 0};
	char name[64];
	struct stat st;

	expect_sum(0, 0, 0);
	assert_int_equal(counters_open(&one, *state), 0);
	assert_int_equal(counters_open(&one, *state), 0); /* once more is nothing */
	assert_int_equal(counters_open(&other, *state), 0);
	counters_add_dropped(&one, 0, 3);
	counters_add_dropped(&other, 0, 4);
	counters_add_dropped(&other, 1, 5);
	counters_add_refused_open(&one);
	expect_sum(7, 5, 1);
	name_of_file(name);
	assert_int_equal(fstatat(shm_fixture_dir.fd, name, &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	counters_close(&one);
	counters_close(&other);
	expect_sum(7, 5, 1); /* it outlives who counted */
}

static void who_has_none_counts_nothing(void **state)
{
	struct counters none = {NULL, 0};

	(void)state;
	counters_add_dropped(&none, 0, 1);
	counters_add_refused_open(&none);
	counters_close(&none);
	expect_sum(0, 0, 0);
}

static void a_child_counts_where_its_parent_did(void **state)
{
	struct counters counters = {NULL, 0};
	pid_t pid;

	assert_int_equal(counters_open(&counters, *state), 0);
	pid = fork_child();
	if (pid == 0) {
		counters_add_dropped(&counters, 1, 9);
		_exit(0);
	}
	expect_child_succeeds(pid);
	expect_sum(0, 9, 0);
	counters_close(&counters);
}

static void in_a_directory_that_took_the_place_of_another_it_is_made_again(void **state)
{
	struct counters counters = {NULL, 0};
	struct runtime_dir other;
	char path[96];

	assert_int_equal(counters_open(&counters, *state), 0);
	counters_add_dropped(&counters, 0, 1);
	snprintf(path, sizeof(path), "%s/other", shm_fixture_path);
	assert_int_equal(runtime_open(&other, path, true), 0);
	assert_int_equal(counters_open(&counters, &other), 0);
	counters_add_dropped(&counters, 0, 1);
	expect_sum(1, 0, 0);
	counters_close(&counters);
	snprintf(path, sizeof(path), "other/counters.%u", (unsigned)geteuid());
	assert_int_equal(unlinkat(shm_fixture_dir.fd, path, 0), 0);
	runtime_close(&other);
}

static void put(const char *name, const void *bytes, size_t count)
{
	int fd = openat(shm_fixture_dir.fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, count), count);
	close(fd);
}

static void a_file_that_is_none_is_neither_mapped_nor_read(void **state)
{
	struct counters_page page = {.magic = COUNTERS_MAGIC, .major = COUNTERS_MAJOR};
	struct counters counters = {NULL, 0};
	char name[64];

	name_of_file(name);
	page.dropped_items[0] = 1;
	put(name, &page, sizeof(page) - 1); /* cut */
	assert_int_equal(counters_open(&counters, *state), -EPROTO);
	expect_sum(0, 0, 0);
	page.magic++;
	put(name, &page, sizeof(page));
	assert_int_equal(counters_open(&counters, *state), -EPROTO);
	expect_sum(0, 0, 0);
	page.magic--;
	put(name, &page, sizeof(page));
	/* Names that are nobody's, or not its owner's. */
	put("counters.", &page, sizeof(page));
	put("counters.1x", &page, sizeof(page));
	put("counters.4294967295", &page, sizeof(page));
	put("counters.99999999999999999999999", &page, sizeof(page));
	expect_sum(1, 0, 0);
	assert_int_equal(unlinkat(shm_fixture_dir.fd, name, 0), 0);
	assert_int_equal(symlinkat("counters.", shm_fixture_dir.fd, name), 0);
	assert_true(counters_open(&counters, *state) < 0);
	expect_sum(0, 0, 0);
	assert_null(counters.page);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, shm_fixture_setup, shm_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(two_libraries_count_in_one_file),
		TEST(who_has_none_counts_nothing),
		TEST(a_child_counts_where_its_parent_did),
		TEST(in_a_directory_that_took_the_place_of_another_it_is_made_again),
		TEST(a_file_that_is_none_is_neither_mapped_nor_read),
	};

	return cmocka_run_group_tests_name("counters", tests, NULL, NULL);
}
