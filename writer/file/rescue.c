/* SPDX-License-Identifier: Apache-2.0 */
/* The files of rescued batches. What goes into them is queue.c's, what becomes of them
 * recover.c's. Nothing is synced: a runtime directory does not outlive the machine's run. */
#include "writer/file/rescue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/log.h"
#include "base/mode.h"

#define RESCUE_NAME_BYTES   32
#define RESCUE_LOCK_WAIT_NS INT64_C(1000000000)

static void rescue_name(enum otlp_signal signal, char ret[RESCUE_NAME_BYTES])
{
	snprintf(ret, RESCUE_NAME_BYTES, "rescue-%s", signal_name(signal));
}

int rescue_begin(const struct runtime_dir *dir)
{
	int fd = openat(dir->fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), rc;

	if (fd < 0)
		return -errno;
	/* Whatever the umask: the next writer must be able to read it. */
	rc = mode_set(fd, 0600);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return fd;
}

int rescue_add(int fd, const uint8_t *batch, uint64_t bytes)
{
	while (bytes > 0) {
		ssize_t n = write(fd, batch, bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		batch += n;
		bytes -= (uint64_t)n;
	}
	return 0;
}

int rescue_end(const struct runtime_dir *dir, enum otlp_signal signal, int fd, int rc)
{
	char from[2 * RESCUE_NAME_BYTES], to[RESCUE_NAME_BYTES];

	rescue_name(signal, to);
	if (rc == 0)
		rc = lock_take(fd, 0);
	if (rc == 0)
		rc = runtime_random_name(from, sizeof(from), to);
	/* A name of its own first: only a rename takes the other's place in one step. */
	if (rc == 0)
		rc = runtime_link(dir, fd, from);
	if (rc == 0 && renameat(dir->fd, from, dir->fd, to) < 0) {
		rc = -errno;
		(void)unlinkat(dir->fd, from, 0);
	}
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

void rescue_drop(const struct runtime_dir *dir, enum otlp_signal signal, int fd)
{
	char name[RESCUE_NAME_BYTES];

	rescue_name(signal, name);
	if (lock_has_name(fd, dir->fd, name))
		(void)unlinkat(dir->fd, name, 0);
	close(fd);
}

int rescue_put_aside(const struct runtime_dir *dir, enum otlp_signal signal)
{
	char from[RESCUE_NAME_BYTES], to[2 * RESCUE_NAME_BYTES];
	int rc;

	rescue_name(signal, from);
	rc = runtime_random_name(to, sizeof(to), from);
	if (rc == 0 && renameat(dir->fd, from, dir->fd, to) < 0)
		rc = -errno;
	if (rc == 0)
		log_line("%s: %s is damaged: the part that can be read is written again, and the "
			 "file "
			 "is kept as %s",
			 signal_name(signal), from, to);
	return rc;
}

int rescue_find(const struct runtime_dir *dir, enum otlp_signal signal)
{
	char name[RESCUE_NAME_BYTES];
	struct stat st;
	int fd, rc;

	rescue_name(signal, name);
	fd = openat(dir->fd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ELOOP ? -EPERM : -errno;
	/* In a group directory others can make files, too. */
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (st.st_mode & 077) != 0 ||
	    (st.st_uid != geteuid() && st.st_uid != 0 && st.st_uid != dir->owner)) {
		close(fd);
		return -EPERM;
	}
	/* A killed writer's lock lingers. */
	rc = lock_take(fd, RESCUE_LOCK_WAIT_NS);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return fd;
}
