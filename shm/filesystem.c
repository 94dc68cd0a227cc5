/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The measuring of file systems.
 *
 * The lock: overlayfs maps the file below it, and so a mapping does not keep the overlay's own open
 * file, nor its lock. Seen by closing the descriptor and asking for the lock through another one.
 *
 * The space: a file system that never overwrites (copy on write) needs new blocks each time a page
 * is written out after it was changed, however much was reserved, and on a full disk the change
 * itself ends in SIGBUS. Seen by writing a page twice and asking where it stands. Memory has no
 * such map (FIEMAP): of what has none only tmpfs is accepted, where reserved pages are there.
 *
 * One kind is refused whatever is measured. Files of btrfs may be marked as not to be copied on
 * write, and then pass; but a snapshot has them copied all the same, and kernels before 6.17 demand
 * free space for each page that is written.
 */
#include "shm/filesystem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/array.h"
#include "base/descriptor.h"
#include "shm/layout.h"
#include "shm/runtime.h"

#define MEASURE_BYTES	  (2 * LAYOUT_PAGE_BYTES)
#define MEASURE_TRIES_MAX 1000

static const struct {
	unsigned long magic;
	const char *name;
} kinds[] = {
	{TMPFS_MAGIC, "tmpfs"},	      {OVERLAYFS_SUPER_MAGIC, "overlayfs"},
	{EXT4_SUPER_MAGIC, "ext4"},   {XFS_SUPER_MAGIC, "XFS"},
	{BTRFS_SUPER_MAGIC, "btrfs"}, {F2FS_SUPER_MAGIC, "F2FS"},
	{NFS_SUPER_MAGIC, "NFS"},     {FUSE_SUPER_MAGIC, "FUSE"},
	{RAMFS_MAGIC, "ramfs"},	      {V9FS_MAGIC, "9p"},
	{0x2fc12fc1, "ZFS"},	      {0xca451a4e, "bcachefs"},
};

void filesystem_name(int dirfd, char *ret, size_t ret_bytes)
{
	struct statfs fs;
	size_t i;

	if (fstatfs(dirfd, &fs) < 0) {
		snprintf(ret, ret_bytes, "a file system that cannot be asked");
		return;
	}
	for (i = 0; i < COUNT_OF(kinds); i++) {
		if (kinds[i].magic == (unsigned long)fs.f_type) {
			snprintf(ret, ret_bytes, "%s", kinds[i].name);
			return;
		}
	}
	snprintf(ret, ret_bytes, "a file system of type 0x%lx", (unsigned long)fs.f_type);
}

/* A nameless file with its space reserved. */
static int measure_make(int dirfd)
{
	int fd = descriptor_openat(dirfd, ".", O_TMPFILE | O_RDWR, 0600), rc;
	unsigned tries = 0;

	/* EISDIR: a file system that does not know the flag. */
	if (fd < 0)
		return fd == -EISDIR || fd == -EINVAL ? -EOPNOTSUPP : fd;
	/* A umask may have taken the rights to open it again. */
	rc = fchmod(fd, 0600) < 0 ? -errno : 0;
	while (rc == 0 && fallocate(fd, 0, 0, MEASURE_BYTES) < 0)
		rc = errno == EINTR && ++tries < MEASURE_TRIES_MAX ? 0 : -errno;
	if (rc < 0) {
		close(fd);
		return rc == -ENOSYS ? -EOPNOTSUPP : rc;
	}
	return fd;
}

/* Another open file description of it. Where there is no /proc it gets a name for a moment. */
static int measure_open_again(int dirfd, int fd)
{
	const struct runtime_dir dir = {.fd = dirfd};
	char path[RUNTIME_FD_PATH_BYTES], name[64];
	int again, rc;

	runtime_fd_path(path, fd);
	again = descriptor_openat(AT_FDCWD, path, O_RDWR, 0);
	if (again >= 0)
		return again;
	rc = runtime_random_name(name, sizeof(name), "measure");
	if (rc == 0)
		rc = runtime_link(&dir, fd, name);
	if (rc < 0)
		return rc;
	again = descriptor_openat(dirfd, name, O_RDWR | O_NOFOLLOW, 0);
	(void)unlinkat(dirfd, name, 0);
	return again;
}

static int measure_lock(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	/* A kernel without such locks, or a file system without any. */
	return errno == EINVAL || errno == ENOLCK || errno == ENOSYS ? -EOPNOTSUPP : -errno;
}

static int measure_is_locked(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
		return -errno;
	return lock.l_type != F_UNLCK;
}

/*
 * Where does the first page stand, once it is written out?
 *
 * @return 0, -EOPNOTSUPP: the file system does not say
 */
static int measure_find_page(int fd, uint64_t *ret)
{
	union {
		struct fiemap map;
		uint8_t room[sizeof(struct fiemap) + sizeof(struct fiemap_extent)];
	} ask;
	const struct fiemap_extent *extent = &ask.map.fm_extents[0];

	memset(&ask, 0, sizeof(ask));
	ask.map.fm_length = LAYOUT_PAGE_BYTES;
	ask.map.fm_flags = FIEMAP_FLAG_SYNC;
	ask.map.fm_extent_count = 1;
	if (ioctl(fd, FS_IOC_FIEMAP, &ask.map) < 0)
		return errno == EOPNOTSUPP || errno == ENOTTY || errno == EINVAL || errno == EBADR
			       ? -EOPNOTSUPP
			       : -errno;
	if (ask.map.fm_mapped_extents != 1 ||
	    (extent->fe_flags & (FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DATA_INLINE)))
		return -EOPNOTSUPP;
	*ret = extent->fe_physical;
	return 0;
}

/* With pwrite(): on a disk that is full now it fails, where a store would be a signal. */
static int measure_write(int fd)
{
	static const uint64_t word = 1;
	ssize_t n = pwrite(fd, &word, sizeof(word), 0);

	if (n < 0)
		return -errno;
	return n == (ssize_t)sizeof(word) ? 0 : -EIO;
}

static int measure_space(int fd)
{
	uint64_t first = 0, second = 0;
	struct statfs fs;
	int rc;

	if (fstatfs(fd, &fs) < 0)
		return -errno;
	if ((unsigned long)fs.f_type == TMPFS_MAGIC)
		return 0;
	if ((unsigned long)fs.f_type == BTRFS_SUPER_MAGIC)
		return -EMEDIUMTYPE;
	rc = measure_write(fd);
	if (rc == 0)
		rc = measure_find_page(fd, &first);
	if (rc == 0)
		rc = measure_write(fd);
	if (rc == 0)
		rc = measure_find_page(fd, &second);
	if (rc < 0)
		return rc;
	return first == second ? 0 : -EMEDIUMTYPE;
}

int filesystem_measure(int dirfd)
{
	int fd = measure_make(dirfd), again, rc;
	void *map;

	if (fd < 0)
		return fd;
	again = measure_open_again(dirfd, fd);
	if (again < 0) {
		close(fd);
		return again;
	}
	rc = measure_lock(fd);
	map = mmap(NULL, MEASURE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED && rc == 0)
		rc = -errno;
	close(fd);
	if (rc == 0) {
		rc = measure_is_locked(again);
		rc = rc == 0 ? -ENOLCK : rc < 0 ? rc : measure_space(again);
	}
	if (map != MAP_FAILED)
		munmap(map, MEASURE_BYTES);
	close(again);
	return rc;
}
