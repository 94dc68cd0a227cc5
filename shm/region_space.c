/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is what a region makes its reader touch reserved? Reading a hole of a file on tmpfs through a
 * mapping makes the page, for whoever reads: a file of 8 KiB that says it is a region of 1 GiB
 * would take 1 GiB of the writer's memory.
 *
 * Nothing here touches the mapping, so a file that is cut meanwhile is an error and no signal.
 */
#include "shm/region.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAT_BLOCK_BYTES 512u

static int read_at(const struct region_view *view, uint64_t offset, void *ret, size_t bytes)
{
	const ssize_t n = pread(view->fd, ret, bytes, (off_t)offset);

	if (n < 0)
		return -errno;
	return n == (ssize_t)bytes ? 0 : -EBADMSG;
}

/* Of a ring that is closed: what lies between the writer's head and the last record's end. */
static int ring_used_bytes(const struct region_view *view, unsigned ring, uint64_t *ret)
{
	const uint64_t offset = (uint64_t)((const uint8_t *)view->rings[ring].shared -
					   (const uint8_t *)view->header);
	uint64_t head, tail;
	int rc;

	rc = read_at(view, offset + offsetof(struct ring_shared, tail), &tail, sizeof(tail));
	if (rc == 0)
		rc = read_at(view, offset + offsetof(struct ring_shared, head), &head,
			     sizeof(head));
	/* Positions that cannot be are found elsewhere, and are no reason to touch more. */
	*ret = rc == 0 && tail - head < view->rings[ring].bytes ? tail - head
								: view->rings[ring].bytes;
	return rc;
}

int region_is_reserved(const struct region_view *view)
{
	uint64_t needed = view->bytes, used;
	uint32_t state;
	struct stat st;
	unsigned ring;
	int rc;

	if (fstat(view->fd, &st) < 0)
		return -errno;
	if ((uint64_t)st.st_blocks * STAT_BLOCK_BYTES >= view->bytes)
		return 1;
	rc = read_at(view, offsetof(struct region_header, producer_state), &state, sizeof(state));
	if (rc < 0 || state != REGION_STATE_CLOSED)
		return rc;
	for (ring = 0; ring < REGION_RINGS_MAX; ring++) {
		if (view->rings[ring].shared == NULL)
			continue;
		rc = ring_used_bytes(view, ring, &used);
		if (rc < 0)
			return rc;
		needed -= view->rings[ring].bytes - used;
	}
	return (uint64_t)st.st_blocks * STAT_BLOCK_BYTES >= needed;
}
