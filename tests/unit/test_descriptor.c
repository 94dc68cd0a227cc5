/* SPDX-License-Identifier: Apache-2.0 */
/* What is about descriptors 0 to 2 runs in a child, which may close its own. */
#include "base/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* cmocka wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* What went wrong is the child's exit status: it may have nothing to print to. */
static int in_a_child(int (*scene)(unsigned closed), unsigned closed)
{
	int status, fd;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		for (fd = 0; fd <= 2; fd++)
			if (closed & 1u << fd)
				close(fd);
		_exit(scene(closed));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static bool is_null_device(int fd)
{
	struct stat found, null;

	return fstat(fd, &found) == 0 && stat("/dev/null", &null) == 0 && S_ISCHR(found.st_mode) &&
	       found.st_rdev == null.st_rdev;
}

static int fill_and_look(unsigned closed)
{
	struct stat before[3], after;
	char byte = 0;
	int fd;

	for (fd = 0; fd <= 2; fd++)
		if (!(closed & 1u << fd) && fstat(fd, &before[fd]) < 0)
			return 1;
	if (descriptor_fill_standard() != 0)
		return 2;
	for (fd = 0; fd <= 2; fd++) {
		if (!(closed & 1u << fd)) {
			if (fstat(fd, &after) < 0 || after.st_ino != before[fd].st_ino)
				return 3;
			continue;
		}
		if (!is_null_device(fd))
			return 4;
		if (fd == 0 ? read(fd, &byte, 1) >= 0 : write(fd, &byte, 1) >= 0)
			return 5;
		if (errno != EBADF)
			return 6;
	}
	/* The next file gets none of the three. */
	fd = open("/", O_RDONLY | O_CLOEXEC);
	return fd > 2 ? 0 : 7;
}

static void closed_ones_become_the_null_device_and_the_others_stay(void **state)
{
	unsigned closed;

	(void)state;
	for (closed = 0; closed < 8; closed++)
		assert_int_equal(in_a_child(fill_and_look, closed), 0);
}

static int open_and_look(unsigned closed)
{
	int fd = descriptor_openat(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY, 0), at;

	if (fd <= 2 || fcntl(fd, F_GETFD) != FD_CLOEXEC)
		return 1;
	for (at = 0; at <= 2; at++)
		if ((fcntl(at, F_GETFD) >= 0) != !(closed & 1u << at))
			return 2;
	return 0;
}

static void what_a_library_opens_never_gets_a_number_of_the_three(void **state)
{
	unsigned closed;

	(void)state;
	for (closed = 0; closed < 8; closed++)
		assert_int_equal(in_a_child(open_and_look, closed), 0);
	assert_int_equal(descriptor_openat(AT_FDCWD, "/no/such/file", O_RDONLY, 0), -ENOENT);
}

static unsigned count_names(int dirfd)
{
	DIR *stream = NULL;
	unsigned count = 0;

	assert_int_equal(descriptor_opendir(dirfd, &stream), 0);
	while (readdir(stream) != NULL)
		count++;
	closedir(stream);
	return count;
}

static void a_directory_is_read_from_its_first_name_each_time(void **state)
{
	int dirfd = open("/proc/self/attr", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	DIR *stream = NULL;
	unsigned first;

	(void)state;
	assert_true(dirfd >= 0 && file >= 0);
	first = count_names(dirfd);
	assert_true(first > 2);
	assert_int_equal(count_names(dirfd), first);
	assert_int_equal(descriptor_opendir(file, &stream), -ENOTDIR);
	assert_null(stream);
	close(dirfd);
	close(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closed_ones_become_the_null_device_and_the_others_stay),
		cmocka_unit_test(what_a_library_opens_never_gets_a_number_of_the_three),
		cmocka_unit_test(a_directory_is_read_from_its_first_name_each_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
