/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals' directories with very many files in them: on a real disk, and where there would have to
 * be too many for a test, names that only the directory's reader sees.
 */
#include "writer/file/datadir.h"

#include <dirent.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "tests/unit/io_testing.h"

/* cmocka wants these before it. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define FILES 100u
/* More than the listing took that once was asked for the next number. Under valgrind, less. */
#define VERY_MANY	((UINT64_C(1) << 20) + 3)
#define VERY_MANY_SHORT (UINT64_C(1) << 14)

/* Without a fake: the functions themselves. */
static struct {
	bool is_on;
	uint64_t left; /* names to come, with this as their number */
	struct dirent entry;
} fake;

struct dirent *__real_readdir64(DIR *stream);
struct dirent *__wrap_readdir64(DIR *stream);
struct dirent *__wrap_readdir64(DIR *stream)
{
	if (!fake.is_on)
		return __real_readdir64(stream);
	if (fake.left == 0)
		return NULL;
	fake.entry.d_type = DT_REG;
	snprintf(fake.entry.d_name, sizeof(fake.entry.d_name),
		 "traces-20260131T235959Z-%08" PRIu64 ".binpb", fake.left--);
	return &fake.entry;
}

/* When this name is looked at, its file is sealed just before. */
static const char *sealed_now;

int __real_fstatat64(int dirfd, const char *name, struct stat *ret, int flags);
int __wrap_fstatat64(int dirfd, const char *name, struct stat *ret, int flags);
int __wrap_fstatat64(int dirfd, const char *name, struct stat *ret, int flags)
{
	if (sealed_now != NULL && strcmp(name, sealed_now) == 0) {
		char sealed[DATA_NAME_BYTES];

		snprintf(sealed, sizeof(sealed), "%.*s", (int)(strlen(name) - strlen(".open")),
			 name);
		assert_int_equal(renameat(dirfd, name, dirfd, sealed), 0);
		sealed_now = NULL;
	}
	if (!fake.is_on)
		return __real_fstatat64(dirfd, name, ret, flags);
	*ret = (struct stat){.st_mode = S_IFREG | 0640, .st_size = 10};
	return 0;
}

static uint64_t very_many(void)
{
	return getenv("OTLPIPE_TEST_SHORT") != NULL ? VERY_MANY_SHORT : VERY_MANY;
}

static void make(const struct data_dir *dir, unsigned sequence)
{
	char name[DATA_NAME_BYTES];
	int fd;

	snprintf(name, sizeof(name), "traces-20260131T235959Z-%08u.binpb", sequence);
	fd = openat(dir->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, sequence), 0);
	close(fd);
}

static void check_end(const struct data_dir *dir, enum data_dir_end end, size_t count_max)
{
	const size_t expected = count_max < FILES ? count_max : FILES;
	const uint64_t first = end == DATA_DIR_OLDEST ? 1 : FILES - expected + 1;
	struct data_dir_rest rest = {.files = 77};
	struct data_name *names;
	uint64_t bytes = 0;
	size_t count;

	assert_int_equal(data_dir_list_end(dir, DATA_SEALED, end, count_max, &names, &count, &rest),
			 0);
	assert_int_equal(count, expected);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(names[i].sequence, first + i);
		assert_int_equal(names[i].bytes, first + i);
		bytes += names[i].bytes;
	}
	free(names);
	assert_int_equal(rest.files, FILES - expected);
	assert_int_equal(rest.bytes, FILES * (FILES + 1) / 2 - bytes);
}

static void of_too_many_files_a_listing_keeps_one_end_and_counts_the_others(void **state)
{
	static const size_t sizes[] = {1, 2, 7, 49, 50, 51, 99, 100, 101, 1000};
	struct scratch scratch;
	struct data_dir dir;

	(void)state;
	assert_int_equal(scratch_open(&scratch), 0);
	assert_int_equal(data_dir_open(scratch.fd, "traces", &dir), 0);
	/* 37 and 101 have no common divisor: each number once, in no order. */
	for (unsigned i = 1; i <= FILES; i++)
		make(&dir, i * 37 % (FILES + 1));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		check_end(&dir, DATA_DIR_OLDEST, sizes[i]);
		check_end(&dir, DATA_DIR_NEWEST, sizes[i]);
	}
	data_dir_close(&dir);
	assert_int_equal(scratch_close(&scratch), 0);
}

static void a_directory_of_more_than_a_million_files_is_opened_and_listed(void **state)
{
	const uint64_t many = very_many();
	struct data_dir_rest rest;
	struct data_name *names;
	struct scratch scratch;
	struct data_dir dir;
	size_t count;

	(void)state;
	assert_int_equal(scratch_open(&scratch), 0);
	fake.is_on = true;
	fake.left = many;
	assert_int_equal(data_dir_open(scratch.fd, "traces", &dir), 0);
	assert_int_equal(dir.next_sequence, many + 1);
	fake.left = many;
	assert_int_equal(
		data_dir_list_end(&dir, DATA_SEALED, DATA_DIR_OLDEST, 10, &names, &count, &rest),
		0);
	fake.is_on = false;
	assert_int_equal(count, 10);
	assert_int_equal(names[9].sequence, 10);
	assert_int_equal(rest.files, many - 10);
	assert_int_equal(rest.bytes, 10 * (many - 10));
	free(names);
	data_dir_close(&dir);
	assert_int_equal(scratch_close(&scratch), 0);
}

static void make_named(const struct data_dir *dir, const char *name)
{
	int fd = openat(dir->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);

	assert_true(fd >= 0);
	close(fd);
}

/* The writer seals it and makes the next one while another process reads the directory. */
static void a_file_that_is_renamed_while_it_is_listed_is_not_left_out(void **state)
{
	static const char *const names[] = {"traces-20260131T235959Z-00000101.binpb.open",
					    "traces-20260131T235959Z-00000102.binpb.open"};
	struct data_name *listed;
	struct scratch scratch;
	struct data_dir dir;
	size_t count;

	(void)state;
	assert_int_equal(scratch_open(&scratch), 0);
	assert_int_equal(data_dir_open(scratch.fd, "traces", &dir), 0);
	for (unsigned i = 1; i <= FILES; i++)
		make(&dir, i);
	make_named(&dir, names[0]);
	make_named(&dir, names[1]);
	sealed_now = names[0];
	assert_int_equal(data_dir_list(&dir, DATA_ALL_KINDS, &listed, &count), 0);
	assert_null(sealed_now);
	assert_int_equal(count, FILES + 2);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(listed[i].sequence, i + 1);
	assert_int_equal(listed[FILES].kind, DATA_SEALED);
	free(listed);
	data_dir_close(&dir);
	assert_int_equal(scratch_close(&scratch), 0);
}

/* Numbers that no file had are no reason to look for ever, and what is removed meanwhile is kept.
 */
static void gaps_that_stay_and_two_files_of_one_number_are_listed_as_they_are(void **state)
{
	struct data_name *listed;
	struct scratch scratch;
	struct data_dir dir;
	size_t count;

	(void)state;
	assert_int_equal(scratch_open(&scratch), 0);
	assert_int_equal(data_dir_open(scratch.fd, "traces", &dir), 0);
	make(&dir, 3);
	make(&dir, 7);
	make_named(&dir, "traces-20260131T235958Z-00000007.binpb");
	make_named(&dir, "traces-20260131T235959Z-00000009.binpb.open");
	assert_int_equal(data_dir_list(&dir, DATA_ALL_KINDS, &listed, &count), 0);
	assert_int_equal(count, 4);
	assert_int_equal(listed[0].sequence, 3);
	assert_int_equal(listed[1].sequence, 7);
	assert_int_equal(listed[2].sequence, 7);
	assert_int_equal(listed[3].sequence, 9);
	free(listed);
	data_dir_close(&dir);
	assert_int_equal(scratch_close(&scratch), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_too_many_files_a_listing_keeps_one_end_and_counts_the_others),
		cmocka_unit_test(a_directory_of_more_than_a_million_files_is_opened_and_listed),
		cmocka_unit_test(a_file_that_is_renamed_while_it_is_listed_is_not_left_out),
		cmocka_unit_test(gaps_that_stay_and_two_files_of_one_number_are_listed_as_they_are),
	};

	return cmocka_run_group_tests_name("datadir", tests, NULL, NULL);
}
