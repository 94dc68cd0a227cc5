/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting by trying again: the kernel's own wait has no limit. */
#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mode.h"

#define LOCK_STEP_NS   INT64_C(10000000)
#define LOCK_OPENS_MAX 16

int lock_take(int fd, int64_t wait_ns)
{
	const struct timespec step = {.tv_nsec = LOCK_STEP_NS};

	for (;;) {
		struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

		if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
			return 0;
		if (errno != EAGAIN && errno != EACCES)
			return -errno;
		if (wait_ns <= 0)
			return -EBUSY;
		nanosleep(&step, NULL);
		wait_ns -= LOCK_STEP_NS;
	}
}

int lock_is_held(int dirfd, const char *name)
{
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
	const int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	rc = fcntl(fd, F_OFD_GETLK, &lock) < 0 ? -errno : lock.l_type != F_UNLCK;
	close(fd);
	return rc;
}

bool lock_has_name(int fd, int dirfd, const char *name)
{
	struct stat ours, named;

	return fstat(fd, &ours) == 0 && fstatat(dirfd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

/* Not readable for others: to read is enough to take a lock that keeps us out. */
static int lock_open_file(int dirfd, const char *name)
{
	struct stat st;
	int fd, rc = 0;

	fd = openat(dirfd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		rc = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_nlink > 1)
		rc = -EINVAL;
	else if (st.st_uid == geteuid())
		rc = mode_set(fd, 0600);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return fd;
}

int lock_open(int dirfd, const char *name, int64_t wait_ns)
{
	unsigned opens;

	for (opens = 0; opens < LOCK_OPENS_MAX; opens++) {
		int fd = lock_open_file(dirfd, name), rc;

		if (fd < 0)
			return fd;
		rc = lock_take(fd, wait_ns);
		if (rc == 0 && lock_has_name(fd, dirfd, name))
			return fd;
		close(fd);
		/* A removed file's lock says nothing: the one that has the name now counts. */
		if (rc < 0 && rc != -EBUSY)
			return rc;
		if (rc == -EBUSY && wait_ns > 0)
			wait_ns = 0;
		else if (rc == -EBUSY)
			return rc;
	}
	return -EBUSY;
}
