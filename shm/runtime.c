/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runtime directory. Used in the host's process too, also in the first push
 * after a fork, which may happen in a child of a threaded process: so no
 * allocation and no stdio, only system calls and functions that are
 * async-signal-safe.
 */
#include "shm/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int runtime_path(char *ret, size_t ret_bytes, const char *path)
{
	int n;

	if (path == NULL || path[0] == '\0')
		path = getenv("OTLPIPE_DIR");
	if (path != NULL && path[0] != '\0')
		n = snprintf(ret, ret_bytes, "%s", path);
	else
		n = snprintf(ret, ret_bytes, "/dev/shm/otlpipe-%ju", (uintmax_t)geteuid());
	return n < 0 || (size_t)n >= ret_bytes ? -ENAMETOOLONG : 0;
}

/* Is it a directory that we may trust, and of which kind? */
static int runtime_check(int fd, bool *ret_group)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (st.st_mode & S_IWOTH)
		return -EACCES;
	if ((st.st_mode & (S_ISGID | S_ISVTX | S_IWGRP)) == (S_ISGID | S_ISVTX | S_IWGRP)) {
		*ret_group = true;
		return 0;
	}
	if (st.st_uid != geteuid() || (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return -EACCES;
	*ret_group = false;
	return 0;
}

int runtime_open(struct runtime_dir *ret, const char *path, bool create)
{
	bool group = false;
	int fd, r;

	/* A last component that is a symlink is refused: it could lead to a directory of
	 * ours that is meant for something else. */
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && create) {
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return -errno;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	if (fd < 0)
		return -errno;
	r = runtime_check(fd, &group);
	if (r < 0) {
		close(fd);
		return r;
	}
	ret->fd = fd;
	ret->group = group;
	return 0;
}

void runtime_close(struct runtime_dir *dir)
{
	if (dir->fd >= 0)
		close(dir->fd);
	dir->fd = -1;
}

mode_t runtime_file_mode(const struct runtime_dir *dir)
{
	return dir->group ? 0660 : 0600;
}

/* "/proc/self/fd/<n>", without stdio: also made after a fork. */
static void proc_fd_path(char ret[32], int fd)
{
	char digits[12];
	size_t n = 0, at;

	memcpy(ret, "/proc/self/fd/", 14);
	do {
		digits[n++] = (char)('0' + fd % 10);
		fd /= 10;
	} while (fd != 0);
	for (at = 14; n > 0; at++)
		ret[at] = digits[--n];
	ret[at] = '\0';
}

int runtime_link(const struct runtime_dir *dir, int fd, const char *name)
{
	char path[32];

	/* Without a path, which newer kernels allow to whoever opened the file. */
	if (linkat(fd, "", dir->fd, name, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno == EEXIST)
		return -EEXIST;
	proc_fd_path(path, fd);
	if (linkat(AT_FDCWD, path, dir->fd, name, AT_SYMLINK_FOLLOW) < 0)
		return -errno;
	return 0;
}

int runtime_has_writer(const struct runtime_dir *dir)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd, r;

	fd = openat(dir->fd, RUNTIME_WRITER_LOCK, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	r = fcntl(fd, F_OFD_GETLK, &lock) < 0 ? -errno : lock.l_type != F_UNLCK;
	close(fd);
	return r;
}
