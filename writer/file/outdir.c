/* SPDX-License-Identifier: Apache-2.0 */
/* Opens, locks and identifies an output directory; datadir.c works with its files. */
#include "writer/file/outdir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/mode.h"

#define OUTDIR_MAGIC   UINT64_C(0x314449444c504c4f) /* "OLPLDID1" */
#define OUTDIR_VERSION 1

/* What the lock file holds. */
struct outdir_page {
	uint64_t magic;
	uint64_t version;
	uint64_t id;
	uint64_t runtime_id;
};

/* Where everybody may make files, somebody else could make ours. */
static int outdir_check(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	return st.st_mode & S_IWOTH ? -EPERM : 0;
}

/* Its own name must outlive a power cut too. Always: who made it may have died before this. */
static int outdir_sync_name(int fd)
{
	int parent = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	/* A directory that is not ours to read was not made by us either. */
	if (parent < 0)
		return errno == EACCES ? 0 : -errno;
	/* EINVAL: a file system that has nothing to sync for a directory. */
	rc = fsync(parent) < 0 && errno != EINVAL ? -errno : 0;
	close(parent);
	return rc;
}

/* Nothing is there, or nothing of ours: no id. */
static int outdir_read(int dirfd, int lock_fd, struct outdir_identity *ret)
{
	struct outdir_page page = {0};
	struct stat st;
	ssize_t n = 0;

	if (fstat(dirfd, &st) < 0)
		return -errno;
	do {
		if (lock_fd >= 0)
			n = pread(lock_fd, &page, sizeof(page), 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n != (ssize_t)sizeof(page) || page.magic != OUTDIR_MAGIC ||
	    page.version != OUTDIR_VERSION)
		page = (struct outdir_page){0};
	*ret = (struct outdir_identity){
		.id = page.id, .dev = st.st_dev, .ino = st.st_ino, .runtime_id = page.runtime_id};
	return 0;
}

static int outdir_write(int lock_fd, const struct outdir_identity *identity)
{
	const struct outdir_page page = {.magic = OUTDIR_MAGIC,
					 .version = OUTDIR_VERSION,
					 .id = identity->id,
					 .runtime_id = identity->runtime_id};
	ssize_t n;

	do
		n = pwrite(lock_fd, &page, sizeof(page), 0);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(page))
		return n < 0 ? -errno : -EIO;
	return fsync(lock_fd) < 0 ? -errno : 0;
}

static int outdir_identify(struct outdir *outdir)
{
	int rc = outdir_read(outdir->fd, outdir->lock_fd, &outdir->identity);

	if (rc < 0 || outdir->identity.id != 0)
		return rc;
	do {
		if (getrandom(&outdir->identity.id, sizeof(outdir->identity.id), 0) !=
		    (ssize_t)sizeof(outdir->identity.id))
			return -EIO;
	} while (outdir->identity.id == 0);
	rc = outdir_write(outdir->lock_fd, &outdir->identity);
	/* A disk that is full is no reason not to start: the inode has to do. */
	if (rc == -ENOSPC || rc == -EDQUOT)
		outdir->identity.id = 0;
	return outdir->identity.id == 0 ? 0 : rc;
}

int outdir_look(const char *path, struct outdir_identity *ret)
{
	int dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), lock_fd, rc;

	if (dirfd < 0)
		return -errno;
	lock_fd = openat(dirfd, OUTDIR_LOCK, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	rc = lock_fd < 0 && errno != ENOENT && errno != ELOOP ? -errno : 0;
	if (rc == 0)
		rc = outdir_read(dirfd, lock_fd, ret);
	if (lock_fd >= 0)
		close(lock_fd);
	close(dirfd);
	return rc;
}

bool outdir_is_same(const struct outdir_identity *a, const struct outdir_identity *b)
{
	if (a->id != 0 && b->id != 0)
		return a->id == b->id;
	return a->dev == b->dev && a->ino == b->ino;
}

int outdir_open(struct outdir *ret, const char *path, bool create, int64_t wait_ns)
{
	bool is_made = create && mkdir(path, mode_of_directory()) == 0;
	int rc;

	if (create && !is_made && errno != EEXIST)
		return -errno;
	ret->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ret->fd < 0)
		return -errno;
	rc = outdir_check(ret->fd);
	if (rc == 0 && is_made)
		rc = mode_set(ret->fd, mode_of_directory());
	if (rc == 0 && create)
		rc = outdir_sync_name(ret->fd);
	if (rc < 0) {
		close(ret->fd);
		return rc;
	}
	ret->manifest = NULL;
	ret->lock_fd = lock_open(ret->fd, OUTDIR_LOCK, wait_ns);
	rc = ret->lock_fd < 0 ? ret->lock_fd : outdir_identify(ret);
	if (rc == 0)
		rc = manifest_open(&ret->manifest, ret->fd);
	if (rc < 0) {
		outdir_close(ret);
		return rc;
	}
	return 0;
}

int outdir_adopt(struct outdir *outdir, uint64_t runtime_id)
{
	/* Without an id nothing is kept in it, and its files are those of nobody known. */
	if (outdir->identity.runtime_id == runtime_id || outdir->identity.id == 0)
		return 0;
	outdir->identity.runtime_id = runtime_id;
	return outdir_write(outdir->lock_fd, &outdir->identity);
}

void outdir_close(struct outdir *outdir)
{
	manifest_close(outdir->manifest);
	if (outdir->lock_fd >= 0)
		close(outdir->lock_fd);
	close(outdir->fd);
}
