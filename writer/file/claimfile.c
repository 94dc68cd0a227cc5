/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes the bytes of .otlpipe-claims. claims.c decides which claims there are. */
#include "writer/file/claimfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/write_all.h"

#define CLAIMFILE_NEW  CLAIMFILE_NAME ".new"
#define CLAIMFILE_MODE 0600

static int read_all(int fd, void *to, size_t bytes, off_t at)
{
	size_t done = 0;

	while (done < bytes) {
		ssize_t n = pread(fd, (uint8_t *)to + done, bytes - done, at + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EBADMSG;
		done += (size_t)n;
	}
	return 0;
}

static int read_claims(int fd, struct claim **ret, size_t *ret_count)
{
	struct claimfile_head head;
	struct claim *claims;
	struct stat st;
	size_t bytes;
	int rc;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EBADMSG;
	rc = read_all(fd, &head, sizeof(head), 0);
	if (rc < 0)
		return rc;
	if (head.magic != CLAIMFILE_MAGIC)
		return -EBADMSG;
	if (head.version != CLAIMFILE_VERSION)
		return -EPROTO;
	if (head.count == 0 || head.count > CLAIMFILE_CLAIMS_MAX ||
	    (uint64_t)st.st_size != sizeof(head) + head.count * sizeof(*claims))
		return -EBADMSG;
	bytes = head.count * sizeof(*claims);
	claims = malloc(bytes);
	if (claims == NULL)
		return -ENOMEM;
	rc = read_all(fd, claims, bytes, sizeof(head));
	if (rc == 0 && XXH3_64bits(claims, bytes) != head.checksum)
		rc = -EBADMSG;
	if (rc < 0) {
		free(claims);
		return rc;
	}
	*ret = claims;
	*ret_count = head.count;
	return 0;
}

int claimfile_read(int out_dirfd, struct claim **ret, size_t *ret_count)
{
	int fd = openat(out_dirfd, CLAIMFILE_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int rc;

	*ret = NULL;
	*ret_count = 0;
	if (fd < 0)
		return errno == ENOENT ? 0 : errno == ELOOP ? -EBADMSG : -errno;
	rc = read_claims(fd, ret, ret_count);
	close(fd);
	return rc;
}

static int sync_dir(int fd)
{
	/* EINVAL: a file system that has nothing to sync for a directory. */
	return fsync(fd) < 0 && errno != EINVAL ? -errno : 0;
}

static int write_claims(int fd, const struct claim *claims, size_t count)
{
	const size_t bytes = count * sizeof(*claims);
	const struct claimfile_head head = {.magic = CLAIMFILE_MAGIC,
					    .version = CLAIMFILE_VERSION,
					    .checksum = XXH3_64bits(claims, bytes),
					    .count = count};
	int rc = fchmod(fd, CLAIMFILE_MODE) < 0 ? -errno : 0;

	if (rc == 0)
		rc = write_all(fd, &head, sizeof(head));
	if (rc == 0)
		rc = write_all(fd, claims, bytes);
	if (rc == 0 && fsync(fd) < 0)
		rc = -errno;
	return rc;
}

int claimfile_write(int out_dirfd, const struct claim *claims, size_t count)
{
	int fd, rc;

	if (count == 0) {
		if (unlinkat(out_dirfd, CLAIMFILE_NAME, 0) < 0)
			return errno == ENOENT ? 0 : -errno;
		return sync_dir(out_dirfd);
	}
	if (count > CLAIMFILE_CLAIMS_MAX)
		return -EFBIG;
	/* What a writer left that was killed just here. */
	(void)unlinkat(out_dirfd, CLAIMFILE_NEW, 0);
	fd = openat(out_dirfd, CLAIMFILE_NEW, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    CLAIMFILE_MODE);
	if (fd < 0)
		return -errno;
	rc = write_claims(fd, claims, count);
	close(fd);
	if (rc == 0 && renameat(out_dirfd, CLAIMFILE_NEW, out_dirfd, CLAIMFILE_NAME) < 0)
		rc = -errno;
	if (rc < 0) {
		(void)unlinkat(out_dirfd, CLAIMFILE_NEW, 0);
		return rc;
	}
	return sync_dir(out_dirfd);
}
