/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is synced and in which order, when batch files are made, sealed and found again; and a file
 * that is another one by the time its lock is free.
 */
#include "writer/file/datafile.h"

#include <sys/stat.h>

#include "tests/unit/io_testing.h"

/* cmocka wants these before it. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NEW_YEAR  ((time_t)1767225600) /* 2026-01-01T00:00:00Z */
#define SYNCS_MAX 8u

/* The inodes that were synced, in their order. */
static ino_t synced[SYNCS_MAX];
static unsigned synced_count;

int __real_fsync(int fd);
int __wrap_fsync(int fd);

static ino_t inode_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

int __wrap_fsync(int fd)
{
	synced[synced_count++ % SYNCS_MAX] = inode_of(fd);
	return __real_fsync(fd);
}

static void expect_synced(unsigned count, ino_t first, ino_t second)
{
	assert_int_equal(synced_count, count);
	assert_int_equal(synced[0], first);
	if (count > 1)
		assert_int_equal(synced[1], second);
	synced_count = 0;
}

/* A name counts once its directory is synced, a content once its file is. */
static void each_step_is_durable_before_the_next_is_built_on_it(void **state)
{
	struct data_file file, again;
	struct scratch scratch;
	struct data_name name;
	struct data_dir dir;
	ino_t inode;

	(void)state;
	assert_int_equal(scratch_open(&scratch), 0);
	synced_count = 0;
	for (unsigned i = 0; i < 2; i++) {
		/* The second time it is there already: who made it may have died before. */
		assert_int_equal(data_dir_open(scratch.fd, "traces", &dir), 0);
		expect_synced(1, inode_of(scratch.fd), 0);
		if (i == 0)
			data_dir_close(&dir);
	}
	assert_int_equal(data_file_create(&dir, DATA_BLOCK_BYTES, NEW_YEAR, &file), 0);
	inode = inode_of(file.fd);
	expect_synced(2, inode, inode_of(dir.fd));
	name = file.name;
	data_file_release(&file);
	assert_int_equal(data_file_open_existing(&dir, &name, 0, &again), 0);
	expect_synced(1, inode, 0);
	assert_int_equal(data_file_seal(&dir, &again, DATA_BLOCK_BYTES), 0);
	expect_synced(2, inode, inode_of(dir.fd));
	/* Nothing in it: the name is what goes. */
	assert_int_equal(data_file_create(&dir, DATA_BLOCK_BYTES, NEW_YEAR, &file), 0);
	synced_count = 0;
	assert_int_equal(data_file_seal(&dir, &file, 0), 0);
	expect_synced(1, inode_of(dir.fd), 0);
	data_dir_close(&dir);
	assert_int_equal(scratch_close(&scratch), 0);
}

/* Armed: the file is sealed by its holder between our open and our look at its lock. */
static struct {
	struct data_dir *dir;
	struct data_file *file;
} holder;

int __real_fcntl64(int fd, int command, void *argument);
int __wrap_fcntl64(int fd, int command, void *argument);

int __wrap_fcntl64(int fd, int command, void *argument)
{
	struct data_file *file = holder.file;

	holder.file = NULL;
	if (file != NULL)
		assert_int_equal(data_file_seal(holder.dir, file, DATA_BLOCK_BYTES), 0);
	return __real_fcntl64(fd, command, argument);
}

static void a_file_that_was_sealed_while_its_lock_was_awaited_is_not_opened(void **state)
{
	struct data_file file, again;
	struct scratch scratch;
	struct data_name name;
	struct data_dir dir;

	(void)state;
	assert_int_equal(scratch_open(&scratch), 0);
	assert_int_equal(data_dir_open(scratch.fd, "traces", &dir), 0);
	assert_int_equal(data_file_create(&dir, DATA_BLOCK_BYTES, NEW_YEAR, &file), 0);
	name = file.name;
	holder.dir = &dir;
	holder.file = &file;
	assert_int_equal(data_file_open_existing(&dir, &name, 0, &again), -ESTALE);
	assert_null(holder.file);
	data_dir_close(&dir);
	synced_count = 0;
	assert_int_equal(scratch_close(&scratch), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_step_is_durable_before_the_next_is_built_on_it),
		cmocka_unit_test(a_file_that_was_sealed_while_its_lock_was_awaited_is_not_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
