/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel may take a part, or be interrupted before the first byte: here it does each time. */
#include "base/write_all.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define PART_BYTES 3u

ssize_t __real_write(int fd, const void *bytes, size_t count);
ssize_t __wrap_write(int fd, const void *bytes, size_t count);
ssize_t __real_pwrite64(int fd, const void *bytes, size_t count, off_t at);
ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t count, off_t at);

static bool takes_parts, takes_nothing;
static unsigned calls;

/* @return so much of it is taken by this call; -1: errno says why not */
static ssize_t taken(size_t count)
{
	if (!takes_parts)
		return (ssize_t)count;
	if (takes_nothing)
		return 0;
	if (calls++ % 2 == 0) {
		errno = EINTR;
		return -1;
	}
	return (ssize_t)(count < PART_BYTES ? count : PART_BYTES);
}

ssize_t __wrap_write(int fd, const void *bytes, size_t count)
{
	const ssize_t n = taken(count);

	return n <= 0 ? n : __real_write(fd, bytes, (size_t)n);
}

ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t count, off_t at)
{
	const ssize_t n = taken(count);

	return n <= 0 ? n : __real_pwrite64(fd, bytes, (size_t)n, at);
}

static void what_is_taken_in_parts_is_there_whole(void **state)
{
	int fd = memfd_create("write_all", MFD_CLOEXEC);
	char found[16] = {0};

	(void)state;
	assert_true(fd >= 0);
	takes_parts = true;
	assert_int_equal(write_all(fd, "abcdefgh", 8), 0);
	assert_int_equal(write_all_at(fd, "STUVWXYZ", 8, 5), 0);
	takes_parts = false;
	assert_int_equal(calls, 12);
	assert_int_equal(pread(fd, found, sizeof(found), 0), 13);
	assert_string_equal(found, "abcdeSTUVWXYZ");
	close(fd);
}

static void what_takes_nothing_is_an_error(void **state)
{
	(void)state;
	takes_parts = takes_nothing = true;
	assert_int_equal(write_all(-1, "a", 1), -EIO);
	assert_int_equal(write_all_at(-1, "a", 1, 0), -EIO);
	takes_parts = takes_nothing = false;
}

static void an_error_is_the_errno(void **state)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write_all(fd, "a", 1), -ENOSPC);
	assert_int_equal(write_all_at(fd, "a", 1, 0), -ENOSPC);
	assert_int_equal(write_all(fd, "", 0), 0);
	close(fd);
	assert_int_equal(write_all(-1, "a", 1), -EBADF);
	assert_int_equal(write_all_at(-1, "a", 1, 0), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_taken_in_parts_is_there_whole),
		cmocka_unit_test(what_takes_nothing_is_an_error),
		cmocka_unit_test(an_error_is_the_errno),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
