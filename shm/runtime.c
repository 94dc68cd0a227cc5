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
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/environment.h"
#include "base/host_limits.h"
#include "shm/trust.h"

#define NAME_BYTES_MAX	       256
#define RUNTIME_DEFAULT_PREFIX "/dev/shm/otlpipe-"

/* POSIX ACLs as the kernel takes them. */
#define ACL_XATTR   "system.posix_acl_access"
#define ACL_VERSION UINT32_C(2)
#define ACL_NO_ID   UINT32_C(0xffffffff)

enum acl_tag {
	ACL_OWNER = 0x01,
	ACL_USER = 0x02,
	ACL_GROUP = 0x04,
	ACL_MASK = 0x10,
	ACL_OTHER = 0x20
};

struct acl_entry {
	uint16_t tag;
	uint16_t rights; /* as in a mode */
	uint32_t id;
};

struct acl {
	uint32_t version;
	struct acl_entry entries[5];
};

_Static_assert(sizeof(struct acl) == 44, "the kernel's layout");

int runtime_path(char *ret, size_t ret_bytes, const char *path)
{
	const char *named;
	size_t len;
	int n;

	if (path != NULL && path[0] != '\0')
		n = snprintf(ret, ret_bytes, "%s", path);
	else if (environment_get("OTLPIPE_DIR", &named, &len))
		n = snprintf(ret, ret_bytes, "%.*s", len < INT_MAX ? (int)len : INT_MAX, named);
	else
		n = snprintf(ret, ret_bytes, RUNTIME_DEFAULT_PREFIX "%ju", (uintmax_t)geteuid());
	return n < 0 || (size_t)n >= ret_bytes ? -ENAMETOOLONG : 0;
}

bool runtime_is_default_path(const char *path)
{
	const size_t prefix = sizeof(RUNTIME_DEFAULT_PREFIX) - 1;
	uint64_t uid = 0;
	size_t at;

	if (strncmp(path, RUNTIME_DEFAULT_PREFIX, prefix) != 0)
		return false;
	for (at = prefix; path[at] >= '0' && path[at] <= '9' && uid <= UINT32_MAX; at++)
		uid = uid * 10 + (uint64_t)(path[at] - '0');
	return at > prefix && path[at + strspn(path + at, "/")] == '\0' && uid == geteuid();
}

/*
 * What a umask took from the mode of a directory of our own is given back to it: without all three
 * bits nobody can use it, and who made it may have been killed before it could do this.
 */
static bool needs_mode(const struct stat *st)
{
	return S_ISDIR(st->st_mode) && st->st_uid == geteuid() &&
	       (st->st_mode & (S_IRWXG | S_IRWXO)) == 0 && (st->st_mode & S_IRWXU) != S_IRWXU;
}

/* A last component that is a symlink is refused: it could lead to a directory of ours that is
 * meant for something else. */
static int runtime_open_path(const char *path)
{
	return descriptor_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
}

static int runtime_open_or_make(const char *path, bool create)
{
	int fd = runtime_open_path(path);
	struct stat st;

	if (fd == -ENOENT && create) {
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return -errno;
		fd = runtime_open_path(path);
	}
	/* It cannot even be opened to set its mode. */
	if (fd == -EACCES && create && lstat(path, &st) == 0 && needs_mode(&st)) {
		if (fchmodat(AT_FDCWD, path, 0700, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
		fd = runtime_open_path(path);
	}
	return fd;
}

static int runtime_check(int fd, const char *path, bool create, struct runtime_dir *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	switch (trust_look(fd, &st, runtime_is_default_path(path))) {
	case TRUST_PRIVATE:
		ret->group = false;
		break;
	case TRUST_GROUP:
		ret->group = true;
		break;
	default:
		return -EACCES;
	}
	if (create && needs_mode(&st) && fchmod(fd, 0700) < 0)
		return -errno;
	ret->owner = st.st_uid;
	ret->device = st.st_dev;
	ret->inode = st.st_ino;
	return 0;
}

int runtime_open(struct runtime_dir *ret, const char *path, bool create)
{
	struct runtime_dir dir = {.fd = -1};
	int fd, rc;

	fd = runtime_open_or_make(path, create);
	if (fd < 0)
		return fd;
	rc = runtime_check(fd, path, create, &dir);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	dir.fd = fd;
	*ret = dir;
	return 0;
}

void runtime_close(struct runtime_dir *dir)
{
	if (dir->fd >= 0)
		close(dir->fd);
	dir->fd = -1;
}

int runtime_share(const struct runtime_dir *dir, int fd)
{
	const struct acl acl = {
		.version = ACL_VERSION,
		.entries = {{ACL_OWNER, 06, ACL_NO_ID},
			    {ACL_USER, 06, (uint32_t)dir->owner},
			    {ACL_GROUP, 0, ACL_NO_ID},
			    {ACL_MASK, 06, ACL_NO_ID},
			    {ACL_OTHER, 0, ACL_NO_ID}},
	};

	if (!dir->group)
		return fchmod(fd, 0600) < 0 ? -errno : 0;
	return fsetxattr(fd, ACL_XATTR, &acl, sizeof(acl), 0) < 0 ? -errno : 0;
}

bool runtime_is_writers(const struct runtime_dir *dir, int fd)
{
	struct stat st;

	/* Root's is as good: nothing keeps root out. */
	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
	       (st.st_uid == dir->owner || st.st_uid == 0) &&
	       (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

bool runtime_is_foreign(const struct runtime_dir *dir, const char *name)
{
	struct stat st;

	return fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_uid != dir->owner &&
	       st.st_uid != 0;
}

int runtime_random_name(char *ret, size_t ret_bytes, const char *name)
{
	uint64_t id;
	int n;

	if (getrandom(&id, sizeof(id), GRND_NONBLOCK) != (ssize_t)sizeof(id))
		return -EIO;
	n = snprintf(ret, ret_bytes, "%s.%016jx", name, (uintmax_t)id);
	return n < 0 || (size_t)n >= ret_bytes ? -ENAMETOOLONG : 0;
}

int runtime_displace(const struct runtime_dir *dir, const char *name)
{
	char to[NAME_BYTES_MAX];
	int rc = runtime_random_name(to, sizeof(to), name);

	if (rc < 0)
		return rc;
	/* The directory's owner may do that in spite of the sticky bit, to directories too. */
	return renameat(dir->fd, name, dir->fd, to) < 0 ? -errno : 0;
}

void runtime_fd_path(char ret[RUNTIME_FD_PATH_BYTES], int fd)
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

int runtime_write_unnamed(const struct runtime_dir *dir, const void *from, size_t bytes)
{
	ssize_t n;
	int fd, rc;

	if (bytes > limits_file_bytes())
		return -EFBIG;
	fd = descriptor_openat(dir->fd, ".", O_TMPFILE | O_RDWR, 0600);
	if (fd < 0)
		return fd;
	n = write(fd, from, bytes);
	if (n == (ssize_t)bytes)
		return fd;
	rc = n < 0 ? -errno : -ENOSPC;
	close(fd);
	return rc;
}

int runtime_link(const struct runtime_dir *dir, int fd, const char *name)
{
	char path[RUNTIME_FD_PATH_BYTES];

	/* Without a path, which newer kernels allow to whoever opened the file. */
	if (linkat(fd, "", dir->fd, name, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno == EEXIST)
		return -EEXIST;
	runtime_fd_path(path, fd);
	if (linkat(AT_FDCWD, path, dir->fd, name, AT_SYMLINK_FOLLOW) < 0)
		return -errno;
	return 0;
}

int runtime_has_writer(const struct runtime_dir *dir)
{
	/* A member of the group can hold a lock for reading: that is not the writer's. */
	struct flock lock = {.l_type = dir->group ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET};
	int fd, rc;

	fd = descriptor_openat(dir->fd, dir->group ? RUNTIME_CONTROL : RUNTIME_WRITER_LOCK,
			       O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	/* What a member put there in a group directory is no writer's page. */
	if (fd == -ENOENT || (dir->group && (fd == -ELOOP || fd == -EACCES)))
		return 0;
	if (fd < 0)
		return fd;
	if (dir->group && !runtime_is_writers(dir, fd)) {
		close(fd);
		return 0;
	}
	rc = fcntl(fd, F_OFD_GETLK, &lock) < 0 ? -errno : lock.l_type != F_UNLCK;
	close(fd);
	return rc;
}
