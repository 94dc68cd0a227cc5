/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batch files on disk: made, sealed, given up and found again, always relative to a directory's
 * descriptor and never through a symbolic link.
 *
 * Durability rule: a name counts once its directory is synced, a content once its file is; both
 * before anything is built on them. Contents and their writing are left to others.
 */
#include "writer/file/datafile.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mode.h"

#define LOCK_RETRY_NS	  10000000l
#define INTERRUPTIONS_MAX 100u

/* The lock belongs to the open file description, and so ends with the last user of it. */
static int lock_file(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_OFD_SETLK, &lock) < 0 ? -errno : 0;
}

static int create_next(struct data_dir *dir, time_t wall_now, struct data_file *file)
{
	for (unsigned tries = 0; tries < DATA_CREATE_TRIES_MAX; tries++) {
		if (dir->next_sequence > DATA_SEQUENCE_MAX)
			return -EOVERFLOW;

		/* Used up even if we fail: a number is never given twice. */
		data_name_make(dir->signal, wall_now, dir->next_sequence++, &file->name);
		file->fd =
			openat(dir->fd, file->name.name,
			       O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode_of_file());
		if (file->fd >= 0)
			return 0;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

/* Reserves without KEEP_SIZE: writes that move i_size go through a worker thread on ext4. */
static int preallocate(struct data_file *file, uint64_t bytes)
{
	unsigned interruptions = 0;

	if (bytes == 0)
		return 0;
	if (bytes > (uint64_t)INT64_MAX - DATA_BLOCK_BYTES)
		return -EFBIG;
	bytes = (bytes + DATA_BLOCK_BYTES - 1) / DATA_BLOCK_BYTES * DATA_BLOCK_BYTES;

	file->size_bytes = bytes;
	while (fallocate(file->fd, 0, 0, (off_t)bytes) < 0) {
		if (errno == EOPNOTSUPP || errno == ENOSYS)
			return ftruncate(file->fd, (off_t)bytes) < 0 ? -errno : 0;
		if (errno != EINTR || ++interruptions > INTERRUPTIONS_MAX)
			return -errno;
	}
	file->prealloc_bytes = bytes;
	return 0;
}

/* One block of zeros at the start, which is what a reserved file has there anyway. */
static int probe_direct(int fd)
{
	void *block;
	ssize_t n;
	int rc = 0;

	block = mmap(NULL, DATA_BLOCK_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (block == MAP_FAILED)
		return -errno;
	n = pwrite(fd, block, DATA_BLOCK_BYTES, 0);
	if (n < 0)
		rc = -errno;
	munmap(block, DATA_BLOCK_BYTES);
	return rc;
}

/* 1: our blocks suit, 0: they do not, -ENODATA: the file system does not say. */
static int ask_alignment(int fd)
{
#ifdef STATX_DIOALIGN
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &stx) == 0 &&
	    (stx.stx_mask & STATX_DIOALIGN))
		return stx.stx_dio_offset_align > 0 && stx.stx_dio_mem_align > 0 &&
		       DATA_BLOCK_BYTES % stx.stx_dio_offset_align == 0 &&
		       DATA_BLOCK_BYTES % stx.stx_dio_mem_align == 0;
#else
	(void)fd;
#endif
	return -ENODATA;
}

/*
 * Set after the file is made: an open with O_DIRECT that is refused would leave the file behind.
 * A file system may accept the flag and refuse the writes, hence the questions.
 */
static int set_direct(struct data_file *file)
{
	int flags = fcntl(file->fd, F_GETFL);
	int rc;

	if (flags < 0)
		return -errno;
	if (fcntl(file->fd, F_SETFL, flags | O_DIRECT) < 0)
		return 0;

	rc = ask_alignment(file->fd);
	if (rc == -ENODATA) {
		rc = probe_direct(file->fd);
		if (rc < 0 && rc != -EINVAL && rc != -EOPNOTSUPP)
			return rc;
		rc = rc == 0;
	}

	file->direct = rc == 1;
	if (!file->direct && fcntl(file->fd, F_SETFL, flags) < 0)
		return -errno;
	return 0;
}

int data_file_create(struct data_dir *dir, uint64_t prealloc_bytes, time_t wall_now,
		     struct data_file *ret)
{
	struct data_file file = {.fd = -1, .io_slot = DATA_NO_IO_SLOT};
	int rc;

	rc = create_next(dir, wall_now, &file);
	if (rc < 0)
		return rc;

	rc = lock_file(file.fd);
	if (rc == 0)
		rc = mode_set(file.fd, mode_of_file());
	if (rc == 0)
		rc = preallocate(&file, prealloc_bytes);
	if (rc == 0 && !dir->buffered)
		rc = set_direct(&file);
	if (rc == 0 && fsync(file.fd) < 0)
		rc = -errno;
	if (rc == 0)
		rc = data_dir_sync(dir);
	if (rc == 0 && dir->manifest != NULL)
		rc = manifest_enter_open(dir->manifest, dir->signal, &file.name, file.size_bytes);
	if (rc < 0) {
		/* A failed fallocate may have taken a part; somebody may hold the file open. */
		(void)!ftruncate(file.fd, 0);
		(void)unlinkat(dir->fd, file.name.name, 0);
		close(file.fd);
		return rc;
	}

	*ret = file;
	return 0;
}

static int lock_file_wait(int fd, int64_t timeout_ns)
{
	struct timespec pause = {.tv_nsec = LOCK_RETRY_NS};

	/* Sleeps at least that long each time, so the number of tries bounds the time. */
	for (int64_t waited_ns = 0;; waited_ns += LOCK_RETRY_NS) {
		int rc = lock_file(fd);

		if (rc == -EACCES)
			rc = -EAGAIN;
		if (rc != -EAGAIN || waited_ns >= timeout_ns)
			return rc;
		nanosleep(&pause, NULL);
	}
}

/* While we waited for the lock its holder may have sealed or removed the file. */
static int check_same_file(const struct data_dir *dir, const char *name, int fd)
{
	struct stat by_fd, by_name;

	if (fstat(fd, &by_fd) < 0)
		return -errno;
	if (fstatat(dir->fd, name, &by_name, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? -ESTALE : -errno;
	return by_fd.st_dev == by_name.st_dev && by_fd.st_ino == by_name.st_ino ? 0 : -ESTALE;
}

int data_file_open_existing(const struct data_dir *dir, const struct data_name *name,
			    int64_t lock_timeout_ns, struct data_file *ret)
{
	struct data_file file = {
		.name = *name, .is_sealed = name->kind == DATA_SEALED, .io_slot = DATA_NO_IO_SLOT};
	struct manifest_entry entry;
	struct stat st;
	int rc;

	/* O_NONBLOCK: a FIFO in its place must not stop us. */
	file.fd = openat(dir->fd, name->name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (file.fd < 0)
		return -errno;

	rc = fstat(file.fd, &st) < 0 ? -errno : 0;
	if (rc == 0 && !S_ISREG(st.st_mode))
		rc = -EINVAL;
	if (rc == 0)
		rc = lock_file_wait(file.fd, lock_timeout_ns);
	if (rc == 0)
		rc = check_same_file(dir, name->name, file.fd);
	/* What the cache shows may not be on disk: sync before building on it. */
	if (rc == 0 && fsync(file.fd) < 0)
		rc = -errno;
	if (rc < 0) {
		close(file.fd);
		return rc;
	}

	if (dir->manifest != NULL &&
	    manifest_find(dir->manifest, dir->signal, name->sequence, &entry))
		file.is_cut = entry.state != MANIFEST_BAD && (uint64_t)st.st_size < entry.bytes;
	*ret = file;
	return 0;
}

/* Whether two names are links to one file. */
static bool is_same_file(int dirfd, const char *a, const char *b)
{
	struct stat sa, sb;

	return fstatat(dirfd, a, &sa, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstatat(dirfd, b, &sb, AT_SYMLINK_NOFOLLOW) == 0 && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

/*
 * Renames and never replaces; done already is success. Where the kernel or the file system has no
 * RENAME_NOREPLACE, a link and an unlink do the same, and a kill in between leaves both names.
 */
static int rename_once(int dirfd, const char *from, const char *to)
{
	int error;

	if (renameat2(dirfd, from, dirfd, to, RENAME_NOREPLACE) == 0)
		return 0;
	error = errno;

	if (error == EINVAL || error == ENOSYS) {
		if (linkat(dirfd, from, dirfd, to, 0) == 0)
			return unlinkat(dirfd, from, 0) < 0 ? -errno : 0;
		error = errno;
	}
	if (error == EEXIST && is_same_file(dirfd, from, to))
		return unlinkat(dirfd, from, 0) < 0 ? -errno : 0;
	if (error == ENOENT && faccessat(dirfd, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return -error;
}

/* Is there a block of zeros, where the next batch would have come? Then nothing is missing. */
static bool has_zeros_at(int fd, uint64_t at)
{
	uint8_t block[DATA_BLOCK_BYTES];
	ssize_t n = pread(fd, block, sizeof(block), (off_t)at);

	for (ssize_t i = 0; i < n; i++)
		if (block[i] != 0)
			return false;
	return n == (ssize_t)sizeof(block);
}

/*
 * Note it before it is done: a cut that nobody noted would look like somebody else's. Where it
 * cannot be written it is done all the same, and the next line has it.
 */
static void note_end(const struct data_dir *dir, struct data_file *file, uint64_t bytes)
{
	bool is_cut = file->is_cut && !has_zeros_at(file->fd, bytes);

	/* Noted already; but one whose seal failed may be given up at another size. */
	if (dir->manifest == NULL || (file->is_noted && file->noted_bytes == bytes))
		return;
	file->is_noted = true;
	file->noted_bytes = bytes;
	if (bytes == 0 && !is_cut)
		(void)manifest_enter_dropped(dir->manifest, dir->signal, file->name.sequence);
	else
		(void)manifest_enter_end(dir->manifest, dir->signal, &file->name,
					 is_cut ? MANIFEST_CUT : MANIFEST_SEALED, bytes);
}

static int remove_empty(struct data_dir *dir, struct data_file *file)
{
	int rc;

	note_end(dir, file, 0);
	if (unlinkat(dir->fd, file->name.name, 0) < 0 && errno != ENOENT)
		return -errno;
	rc = data_dir_sync(dir);
	if (rc < 0)
		return rc;
	data_file_release(file);
	return 0;
}

int data_file_cut(struct data_dir *dir, struct data_file *file, uint64_t bytes)
{
	note_end(dir, file, bytes);
	return ftruncate(file->fd, (off_t)bytes) < 0 ? -errno : 0;
}

int data_file_seal(struct data_dir *dir, struct data_file *file, uint64_t bytes)
{
	struct data_name sealed;
	int rc;

	assert(file->fd >= 0 && file->name.kind != DATA_BAD);

	if (bytes == 0 && !file->is_sealed)
		return remove_empty(dir, file);

	if (!file->is_sealed) {
		note_end(dir, file, bytes);
		if (ftruncate(file->fd, (off_t)bytes) < 0 || fsync(file->fd) < 0)
			return -errno;
		data_name_as(&file->name, DATA_SEALED, 0, &sealed);
		rc = rename_once(dir->fd, file->name.name, sealed.name);
		if (rc < 0)
			return rc;
		file->name = sealed;
		file->is_sealed = true;
	}

	rc = data_dir_sync(dir);
	if (rc < 0)
		return rc;
	data_file_release(file);
	return 0;
}

int data_name_abandon(struct data_dir *dir, const struct data_name *name, uint64_t durable_bytes)
{
	struct data_name bad;
	int rc;

	data_name_as(name, DATA_BAD, durable_bytes, &bad);
	rc = rename_once(dir->fd, name->name, bad.name);
	(void)data_dir_sync(dir);
	if (rc == 0 && dir->manifest != NULL)
		(void)manifest_enter_end(dir->manifest, dir->signal, &bad, MANIFEST_BAD,
					 durable_bytes);
	return rc;
}

int data_file_abandon(struct data_dir *dir, struct data_file *file, uint64_t durable_bytes)
{
	int rc = 0;

	assert(file->fd >= 0);

	/* Sealed: its contents are durable, and an unsynced name is found by recovery. */
	if (!file->is_sealed) {
		rc = data_name_abandon(dir, &file->name, durable_bytes);
		(void)!ftruncate(file->fd, (off_t)durable_bytes);
	}
	data_file_release(file);
	return rc;
}

void data_file_release(struct data_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

void data_file_writeback(struct data_file *file, uint64_t written_bytes)
{
	uint64_t from = file->writeback_bytes;

	if (file->direct || written_bytes < from + DATA_WRITEBACK_BYTES)
		return;

	(void)sync_file_range(file->fd, (off_t)from, (off_t)(written_bytes - from),
			      SYNC_FILE_RANGE_WRITE);
	file->writeback_bytes = written_bytes;
}
