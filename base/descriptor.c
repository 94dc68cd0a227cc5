/* SPDX-License-Identifier: Apache-2.0 */
#include "base/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int fill(int fd)
{
	const int flags = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
	int found;

	if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
		return 0;
	found = open("/dev/null", flags | O_NOCTTY);
	/* No /dev here, or not for us: a descriptor that takes and gives nothing does as well. */
	if (found < 0)
		found = open("/", O_PATH);
	if (found < 0)
		return -errno;
	if (found == fd)
		return 0;
	/* Another thread of a preloaded library closed or took one meanwhile. */
	if (dup2(found, fd) < 0) {
		int rc = -errno;

		close(found);
		return rc;
	}
	close(found);
	return 0;
}

int descriptor_fill_standard(void)
{
	int fd, rc = 0;

	/* In this order, so that each open() gets the lowest number that is free: this one. */
	for (fd = STDIN_FILENO; fd <= STDERR_FILENO && rc == 0; fd++)
		rc = fill(fd);
	return rc;
}

/* A number of the three that another thread of the host has freed since they were held. */
static int lift(int fd)
{
	int lifted;

	if (fd > STDERR_FILENO)
		return fd;
	lifted = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (lifted < 0)
		lifted = -errno;
	close(fd);
	return lifted;
}

int descriptor_openat(int dirfd, const char *path, int flags, mode_t mode)
{
	int held[STDERR_FILENO + 1], fd, at;

	/* Held by what cannot be written to: the host may be printing to them just now. */
	for (at = STDIN_FILENO; at <= STDERR_FILENO; at++) {
		held[at] = -1;
		if (fcntl(at, F_GETFD) < 0 && errno == EBADF)
			held[at] = open("/", O_PATH | O_CLOEXEC);
	}
	fd = openat(dirfd, path, flags | O_CLOEXEC, mode);
	fd = fd < 0 ? -errno : lift(fd);
	for (at = STDIN_FILENO; at <= STDERR_FILENO; at++)
		if (held[at] >= 0)
			close(held[at]);
	return fd;
}

int descriptor_opendir(int dirfd, DIR **ret)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	if (fd < 0)
		return -errno;
	*ret = fdopendir(fd);
	if (*ret != NULL)
		return 0;
	rc = -errno;
	close(fd);
	return rc;
}
