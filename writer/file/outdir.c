/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and locking; what is in it is data_dir's. */
#include "writer/file/outdir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/mode.h"

#define OUTDIR_LOCK ".otlpipe-writer.lock"

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
	rc = ret->lock_fd < 0 ? ret->lock_fd : manifest_open(&ret->manifest, ret->fd);
	if (rc < 0) {
		outdir_close(ret);
		return rc;
	}
	return 0;
}

void outdir_close(struct outdir *outdir)
{
	manifest_close(outdir->manifest);
	if (outdir->lock_fd >= 0)
		close(outdir->lock_fd);
	close(outdir->fd);
}
