/* SPDX-License-Identifier: Apache-2.0 */
/* Reading batches back. What a sequence of them must look like is the caller's. */
#include "writer/file/batch_scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "writer/file/unzst.h"

#define PACKED_BYTES ((size_t)64 << 10)

/* Packed bytes on their way into the batch. */
struct batch_packed {
	struct unzst unzst;
	uint64_t fetched; /* in the file */
	size_t begin, filled;
	size_t ready; /* bytes of the batch that are unpacked */
	uint8_t bytes[PACKED_BYTES];
};

void batch_scan_open(struct batch_scan *scan, int fd, uint64_t limit)
{
	memset(scan, 0, sizeof(*scan));
	scan->fd = fd;
	scan->limit = limit;
}

void batch_scan_close(struct batch_scan *scan)
{
	free(scan->bytes);
	scan->bytes = NULL;
	if (scan->packed != NULL)
		unzst_close(&scan->packed->unzst);
	free(scan->packed);
	scan->packed = NULL;
}

static int scan_reserve(struct batch_scan *scan, size_t bytes)
{
	uint8_t *larger;

	if (bytes <= scan->capacity)
		return 0;
	larger = realloc(scan->bytes, bytes);
	if (larger == NULL)
		return -ENOMEM;
	scan->bytes = larger;
	scan->capacity = bytes;
	return 0;
}

/* So many bytes of the file from there on, or fewer at its end; or a negative errno. */
static ssize_t read_at(int fd, uint8_t *to, size_t bytes, uint64_t offset)
{
	size_t at = 0;

	while (at < bytes) {
		ssize_t n = pread(fd, to + at, bytes - at, (off_t)(offset + at));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		at += (size_t)n;
	}
	return (ssize_t)at;
}

/* The batch's first bytes; those that are there already are not unpacked again. */
static ssize_t read_packed(struct batch_scan *scan, size_t bytes)
{
	struct batch_packed *packed = scan->packed;

	while (packed->ready < bytes) {
		size_t used, made;
		ssize_t n;
		int rc = unzst_step(&packed->unzst, packed->bytes + packed->begin, packed->filled,
				    &used, scan->bytes + packed->ready, bytes - packed->ready,
				    &made);

		if (rc < 0)
			return rc == -ENOMEM ? rc : -EBADMSG;
		packed->begin += used;
		packed->filled -= used;
		packed->ready += made;
		if (made > 0 || packed->filled > 0)
			continue;
		n = read_at(scan->fd, packed->bytes, sizeof(packed->bytes), packed->fetched);
		if (n < 0)
			return n;
		/* Cut short, also where a whole batch ended just before. */
		if (n == 0 && packed->unzst.is_inside && packed->ready == 0)
			return -EAGAIN;
		if (n == 0)
			break;
		packed->begin = 0;
		packed->filled = (size_t)n;
		packed->fetched += (uint64_t)n;
	}
	return (ssize_t)packed->ready;
}

static int find_packed(struct batch_scan *scan)
{
	uint8_t first[UNZST_MAGIC_BYTES];
	ssize_t n = read_at(scan->fd, first, sizeof(first), 0);
	int rc;

	if (n < 0)
		return (int)n;
	scan->is_known = true;
	if (n < (ssize_t)sizeof(first) || memcmp(first, UNZST_MAGIC, sizeof(first)) != 0)
		return 0;
	scan->packed = calloc(1, sizeof(*scan->packed));
	rc = scan->packed != NULL ? unzst_open(&scan->packed->unzst) : -ENOMEM;
	return rc;
}

/* Up to `bytes` from the scan's offset on; how many there were, or a negative errno. */
static ssize_t scan_read(struct batch_scan *scan, size_t bytes)
{
	int rc = scan->is_known ? 0 : find_packed(scan);

	if (rc < 0)
		return rc;
	if (scan->packed != NULL)
		return read_packed(scan, bytes);
	if (scan->offset >= scan->limit)
		return 0;
	if (bytes > scan->limit - scan->offset)
		bytes = (size_t)(scan->limit - scan->offset);
	return read_at(scan->fd, scan->bytes, bytes, scan->offset);
}

int batch_scan_next(struct batch_scan *scan, struct batch_head *ret)
{
	struct batch_head head;
	ssize_t n;
	int rc;

	rc = scan_reserve(scan, BATCH_BLOCK_BYTES);
	if (rc < 0)
		return rc;
	n = scan_read(scan, BATCH_BLOCK_BYTES);
	if (n < 0)
		return (int)n;
	if (n == 0)
		return -ENODATA;
	rc = batch_parse_head(scan->bytes, (size_t)n, &head);
	if (rc == 0)
		rc = scan_reserve(scan, head.batch_bytes);
	if (rc < 0)
		return rc;
	n = scan_read(scan, head.batch_bytes);
	if (n < 0)
		return (int)n;
	if ((uint64_t)n < head.batch_bytes)
		return -EAGAIN;
	if (!batch_verify(scan->bytes, &head))
		return -EBADMSG;
	scan->offset += head.batch_bytes;
	if (scan->packed != NULL)
		scan->packed->ready = 0;
	*ret = head;
	return 0;
}
