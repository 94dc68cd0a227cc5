/* SPDX-License-Identifier: Apache-2.0 */
/* Reading batches back. What a sequence of them must look like is the caller's. */
#include "writer/file/batch_scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* Up to `bytes` from the scan's offset on; how many there were, or a negative errno. */
static ssize_t scan_read(struct batch_scan *scan, size_t bytes)
{
	size_t at = 0;

	if (scan->offset >= scan->limit)
		return 0;
	if (bytes > scan->limit - scan->offset)
		bytes = (size_t)(scan->limit - scan->offset);
	while (at < bytes) {
		ssize_t n =
			pread(scan->fd, scan->bytes + at, bytes - at, (off_t)(scan->offset + at));

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
	*ret = head;
	return 0;
}
