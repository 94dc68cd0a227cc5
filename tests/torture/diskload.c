/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a writer (--io pwrite): records what it does to files, in
 * order, for the power-cut test, and lets a sync fail.
 *
 *   DISKLOAD_LOG        the record: struct disk_op, the path, then the data of a write
 *   DISKLOAD_FAIL_SYNC  N: the Nth fdatasync() of a data file fails with EIO, once
 *   DISKLOAD_FAIL_SEAL  N: the same of the fsync() of a file that is sealed
 *   DISKLOAD_FAIL_WHILE a path: every fdatasync() fails for as long as it exists
 *   DISKLOAD_LOSE       with a failed sync, what was written to the file since its last one
 *                       is gone: "holes", it reads as zeros; "reads", it cannot be read; "some",
 *                       every second read of it fails
 *   DISKLOAD_CLOCK      the wall clock jumps months back and forth at every look
 *
 * Only files below the writer's output are asked about; the log itself is not.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define PATH_BYTES 4096

enum disk_kind {
	DISK_WRITE = 1,
	DISK_SYNC,
	DISK_TRUNCATE,
	DISK_RENAME,
	DISK_UNLINK,
	DISK_CREATE,
	DISK_ALLOCATE
};

struct disk_op {
	uint32_t kind;
	uint32_t path_bytes; /* of what follows: the path, for a rename both with a zero between */
	uint64_t offset;     /* or a length */
	uint64_t data_bytes;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int log_fd(void)
{
	static int fd = -1;
	const char *path = getenv("DISKLOAD_LOG");

	if (fd < 0 && path != NULL)
		fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	return fd;
}

static void put(const void *bytes, size_t count)
{
	if (count > 0 && write(log_fd(), bytes, count) != (ssize_t)count)
		abort();
}

static void record(enum disk_kind kind, const char *path, size_t path_bytes, uint64_t offset,
		   const void *data, size_t data_bytes)
{
	struct disk_op op = {.kind = kind,
			     .path_bytes = (uint32_t)path_bytes,
			     .offset = offset,
			     .data_bytes = data_bytes};
	int saved = errno;

	pthread_mutex_lock(&lock);
	if (log_fd() >= 0) {
		put(&op, sizeof(op));
		put(path, path_bytes);
		put(data, data_bytes);
	}
	pthread_mutex_unlock(&lock);
	errno = saved;
}

/* @return the bytes of the path, 0: it is no file on a disk */
static size_t path_of(int fd, const char *name, char ret[PATH_BYTES])
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, ret, PATH_BYTES - 1);
	if (n <= 0 || ret[0] != '/')
		return 0;
	if (name != NULL)
		n += snprintf(ret + n, PATH_BYTES - (size_t)n, "/%s", name);
	return (size_t)n;
}

static void record_fd(enum disk_kind kind, int fd, uint64_t offset, const void *data, size_t bytes)
{
	char path[PATH_BYTES];

	record(kind, path, path_of(fd, NULL, path), offset, data, bytes);
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* By descriptor: how far each file is written, and synced; reads fail from there on, once lost. */
#define FDS_MAX 1024
static struct {
	off_t written, synced;
	int is_lost, is_cut;
	unsigned reads;
} files[FDS_MAX];

static void lose(int fd)
{
	const char *how = getenv("DISKLOAD_LOSE");

	if (how == NULL || fd < 0 || fd >= FDS_MAX)
		return;
	if (strcmp(how, "holes") != 0)
		files[fd].is_lost = 1;
	else if (files[fd].written > files[fd].synced &&
		 NEXT(fallocate)(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, files[fd].synced,
				 files[fd].written - files[fd].synced) < 0)
		abort();
}

/* Does this one go wrong? @return a sync's result */
static int fail_nth(int fd, const char *variable, unsigned long *count)
{
	const char *nth = getenv(variable), *path = getenv("DISKLOAD_FAIL_WHILE");

	if ((nth == NULL ||
	     __atomic_add_fetch(count, 1, __ATOMIC_RELAXED) != strtoul(nth, NULL, 10)) &&
	    (path == NULL || access(path, F_OK) < 0))
		return 0;
	lose(fd);
	errno = EIO;
	return -1;
}

static void synced(int fd)
{
	if (fd >= 0 && fd < FDS_MAX)
		files[fd].synced = files[fd].written;
}

ssize_t pread(int fd, void *data, size_t bytes, off_t offset)
{
	if (fd >= 0 && fd < FDS_MAX && files[fd].is_lost && offset >= files[fd].synced &&
	    (strcmp(getenv("DISKLOAD_LOSE"), "reads") == 0 || files[fd].reads++ % 2 == 0)) {
		errno = EIO;
		return -1;
	}
	return NEXT(pread)(fd, data, bytes, offset);
}

ssize_t pread64(int fd, void *data, size_t bytes, off64_t offset)
{
	return pread(fd, data, bytes, offset);
}

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t offset)
{
	ssize_t n = NEXT(pwrite)(fd, data, bytes, offset);

	if (n > 0 && fd < FDS_MAX && offset + n > files[fd].written)
		files[fd].written = offset + n;
	if (n > 0)
		record_fd(DISK_WRITE, fd, (uint64_t)offset, data, (size_t)n);
	return n;
}

ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t offset)
{
	return pwrite(fd, data, bytes, offset);
}

/* Or one of another kind, such as the manifest? */
static int is_data_file(int fd)
{
	char path[PATH_BYTES];
	size_t bytes = path_of(fd, NULL, path);

	path[bytes] = '\0';
	return strstr(path, ".binpb") != NULL;
}

int fdatasync(int fd)
{
	static unsigned long count;
	const char *variable = is_data_file(fd) ? "DISKLOAD_FAIL_SYNC" : "DISKLOAD_NONE";
	int rc;

	if (fail_nth(fd, variable, &count) < 0)
		return -1;
	rc = NEXT(fdatasync)(fd);
	if (rc == 0)
		synced(fd);
	if (rc == 0)
		record_fd(DISK_SYNC, fd, 0, NULL, 0);
	return rc;
}

int fsync(int fd)
{
	static unsigned long count;
	int rc;

	if (fd < FDS_MAX && files[fd].is_cut && getenv("DISKLOAD_FAIL_SEAL") != NULL &&
	    fail_nth(fd, "DISKLOAD_FAIL_SEAL", &count) < 0)
		return -1;
	rc = NEXT(fsync)(fd);
	if (rc == 0)
		synced(fd);
	if (rc == 0)
		record_fd(DISK_SYNC, fd, 0, NULL, 0);
	return rc;
}

int ftruncate(int fd, off_t bytes)
{
	int rc = NEXT(ftruncate)(fd, bytes);

	if (fd >= 0 && fd < FDS_MAX)
		files[fd].is_cut = 1;
	if (rc == 0)
		record_fd(DISK_TRUNCATE, fd, (uint64_t)bytes, NULL, 0);
	return rc;
}

int ftruncate64(int fd, off64_t bytes)
{
	return ftruncate(fd, bytes);
}

int fallocate(int fd, int mode, off_t offset, off_t bytes)
{
	int rc = NEXT(fallocate)(fd, mode, offset, bytes);

	if (rc == 0 && mode == 0)
		record_fd(DISK_ALLOCATE, fd, (uint64_t)(offset + bytes), NULL, 0);
	return rc;
}

int fallocate64(int fd, int mode, off64_t offset, off64_t bytes)
{
	return fallocate(fd, mode, offset, bytes);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned int flags)
{
	char paths[2 * PATH_BYTES];
	size_t first = path_of(from_dir, from, paths), second;
	int rc = NEXT(renameat2)(from_dir, from, to_dir, to, flags);

	if (rc == 0 && first > 0) {
		paths[first] = '\0';
		second = path_of(to_dir, to, paths + first + 1);
		record(DISK_RENAME, paths, first + 1 + second, 0, NULL, 0);
	}
	return rc;
}

int unlinkat(int dir, const char *name, int flags)
{
	char path[PATH_BYTES];
	size_t bytes = path_of(dir, name, path);
	int rc = NEXT(unlinkat)(dir, name, flags);

	if (rc == 0)
		record(DISK_UNLINK, path, bytes, 0, NULL, 0);
	return rc;
}

int openat(int dir, const char *name, int flags, ...)
{
	mode_t mode = 0;
	va_list rest;
	int fd;

	va_start(rest, flags);
	if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE)
		mode = va_arg(rest, mode_t);
	va_end(rest);
	fd = NEXT(openat)(dir, name, flags, mode);
	if (fd >= 0 && fd < FDS_MAX)
		memset(&files[fd], 0, sizeof(files[fd]));
	if (fd >= 0 && (flags & O_CREAT) != 0)
		record_fd(DISK_CREATE, fd, 0, NULL, 0);
	return fd;
}

int openat64(int dir, const char *name, int flags, ...)
{
	mode_t mode;
	va_list rest;

	va_start(rest, flags);
	mode = va_arg(rest, mode_t);
	va_end(rest);
	return openat(dir, name, flags, mode);
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	static unsigned count;
	int rc = NEXT(clock_gettime)(clock, ret);

	if (rc == 0 && clock == CLOCK_REALTIME && getenv("DISKLOAD_CLOCK") != NULL)
		ret->tv_sec +=
			((long)(__atomic_add_fetch(&count, 1, __ATOMIC_RELAXED) * 7 % 5) - 2) *
			10000000;
	return rc;
}

time_t time(time_t *ret)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (ret != NULL)
		*ret = now.tv_sec;
	return now.tv_sec;
}
