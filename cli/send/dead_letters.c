/* SPDX-License-Identifier: Apache-2.0 */
/* Appended, and synced before the cursor goes past them. */
#include "cli/send/dead_letters.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mode.h"
#include "cli/wire.h"

#define TAG_BYTES	 2u
#define LENGTH_BYTES_MAX 2u /* a reason is shorter than 16 KiB */

int dead_letters_name(struct dead_letters *letters, const char *dir, const char *sender,
		      const char *signal)
{
	letters->fd = -1;
	return snprintf(letters->path, sizeof(letters->path), "%s/otlpipe-send.%s.refused-%s.binpb",
			dir, sender, signal) < (int)sizeof(letters->path)
		       ? 0
		       : -ENAMETOOLONG;
}

void dead_letters_close(struct dead_letters *letters)
{
	if (letters->fd >= 0)
		close(letters->fd);
	letters->fd = -1;
}

/* Where the last whole field ends. */
static int find_end(int fd, off_t *ret)
{
	uint8_t head[WIRE_HEAD_BYTES_MAX];
	struct stat st;
	off_t at = 0;

	if (fstat(fd, &st) < 0)
		return -errno;
	for (;;) {
		struct wire_field field;
		ssize_t n = pread(fd, head, sizeof(head), at);

		if (n < 0)
			return -errno;
		*ret = at;
		if (n == 0 || wire_head(head, (size_t)n, &field) < 0 ||
		    field.payload_bytes > (uint64_t)(st.st_size - at) ||
		    (uint64_t)(st.st_size - at) - field.payload_bytes < field.head_bytes)
			return 0;
		at += (off_t)(field.head_bytes + field.payload_bytes);
	}
}

static int open_file(struct dead_letters *letters)
{
	int fd = open(letters->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	off_t end = 0;
	int rc;

	if (fd < 0)
		return -errno;
	rc = mode_set(fd, mode_of_file());
	if (rc == 0)
		rc = find_end(fd, &end);
	if (rc == 0 && (ftruncate(fd, end) < 0 || lseek(fd, end, SEEK_SET) < 0))
		rc = -errno;
	if (rc < 0) {
		close(fd);
		return rc;
	}
	letters->fd = fd;
	return 0;
}

static int write_all(int fd, struct iovec *parts, int count)
{
	while (count > 0) {
		ssize_t n = writev(fd, parts, count);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		while (count > 0 && (size_t)n >= parts->iov_len) {
			n -= (ssize_t)parts->iov_len;
			parts++;
			count--;
		}
		if (count > 0) {
			parts->iov_base = (uint8_t *)parts->iov_base + n;
			parts->iov_len -= (size_t)n;
		}
	}
	return 0;
}

int dead_letters_add(struct dead_letters *letters, const char *reason, const uint8_t *body,
		     size_t bytes)
{
	const size_t length = strlen(reason);
	/* Field 1002, length-delimited, its length as a varint of two bytes. */
	uint8_t head[TAG_BYTES + LENGTH_BYTES_MAX] = {
		(uint8_t)((DEAD_LETTERS_FIELD << 3 | WIRE_BYTES) | 0x80),
		(uint8_t)((DEAD_LETTERS_FIELD << 3 | WIRE_BYTES) >> 7),
		(uint8_t)(length | 0x80),
		(uint8_t)(length >> 7),
	};
	struct iovec parts[] = {
		{head, sizeof(head)},
		{(char *)(uintptr_t)reason, length},
		{(uint8_t *)(uintptr_t)body, bytes},
	};
	int rc = letters->fd >= 0 ? 0 : open_file(letters);

	if (rc == 0)
		rc = write_all(letters->fd, parts, 3);
	if (rc == 0 && fsync(letters->fd) < 0)
		rc = -errno;
	/* The next one begins by cutting off what is not whole. */
	if (rc < 0)
		dead_letters_close(letters);
	return rc;
}
