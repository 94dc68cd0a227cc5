/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attaching a region, and looking at it.
 *
 * Is what a region makes its reader touch reserved? Reading a hole of a file on tmpfs through a
 * mapping makes the page, for whoever reads: a file of 8 KiB that says it is a region of 1 GiB
 * would take 1 GiB of the writer's memory. That question never touches the mapping, so a file that
 * is cut meanwhile is an error and no signal.
 */
#include "shm/region_view.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "shm/identity.h"
#include "shm/region_lock.h"

#define STAT_BLOCK_BYTES 512u

/* ---- space ---- */

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
	uint32_t state, table_tail;
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
	rc = read_at(view, offsetof(struct region_header, table_tail), &table_tail,
		     sizeof(table_tail));
	if (rc < 0)
		return rc;
	if (table_tail < view->table_bytes)
		needed -= view->table_bytes - table_tail;
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

/* ---- attaching ---- */

static bool range_fits(uint64_t offset, uint64_t bytes, uint64_t align, uint64_t total)
{
	return offset % align == 0 && offset >= LAYOUT_PAGE_BYTES && offset <= total &&
	       bytes <= total - offset;
}

static bool ranges_overlap(uint64_t a, uint64_t a_bytes, uint64_t b, uint64_t b_bytes)
{
	return a < b + b_bytes && b < a + a_bytes;
}

/* Check a private copy of the header, and take the checked numbers over. */
static int region_check(struct region_view *view, const struct region_header *header)
{
	struct {
		uint64_t offset, bytes;
	} used[1 + 2 * REGION_RINGS_MAX];
	size_t count = 0, a, b;
	uint32_t i;

	if (header->magic != REGION_MAGIC)
		return -EBADMSG;
	if (header->major != LAYOUT_MAJOR)
		return -EPROTO;
	if (header->header_bytes != sizeof(*header) || header->region_bytes != view->bytes ||
	    header->region_id != view->region_id || header->pid != view->pid ||
	    header->ring_count > REGION_RINGS_MAX ||
	    (header->producer_state != REGION_STATE_READY &&
	     header->producer_state != REGION_STATE_CLOSED))
		return -EBADMSG;
	if (header->table_bytes > TABLE_BYTES ||
	    !range_fits(header->table_offset, header->table_bytes, LAYOUT_LINE_BYTES, view->bytes))
		return -EBADMSG;
	used[count].offset = view->table_offset = header->table_offset;
	used[count++].bytes = view->table_bytes = header->table_bytes;
	for (i = 0; i < header->ring_count; i++) {
		const struct ring_desc *ring = &header->rings[i];

		if (ring->number >= REGION_RINGS_MAX || view->rings[ring->number].shared != NULL ||
		    ring->data_bytes < RING_BYTES_MIN || ring->data_bytes > RING_BYTES_MAX ||
		    (ring->data_bytes & (ring->data_bytes - 1)) != 0 ||
		    !range_fits(ring->data_offset, ring->data_bytes, LAYOUT_PAGE_BYTES,
				view->bytes) ||
		    !range_fits(ring->control_offset, sizeof(struct ring_shared), LAYOUT_LINE_BYTES,
				view->bytes))
			return -EBADMSG;
		used[count].offset = ring->control_offset;
		used[count++].bytes = sizeof(struct ring_shared);
		used[count].offset = ring->data_offset;
		used[count++].bytes = ring->data_bytes;
		view->rings[ring->number].shared =
			(struct ring_shared *)(void *)((uint8_t *)view->header +
						       ring->control_offset);
		view->rings[ring->number].data = (uint8_t *)view->header + ring->data_offset;
		view->rings[ring->number].bytes = ring->data_bytes;
	}
	for (a = 0; a < count; a++)
		for (b = a + 1; b < count; b++)
			if (ranges_overlap(used[a].offset, used[a].bytes, used[b].offset,
					   used[b].bytes))
				return -EBADMSG;
	view->ring_count = header->ring_count;
	view->start_unix_ns = header->start_unix_ns;
	view->is_reached = (header->flags & REGION_FLAG_NOT_REACHED) == 0;
	memcpy(view->program, header->program, sizeof(view->program));
	view->program[sizeof(view->program) - 1] = '\0';
	for (i = 0; view->program[i] != '\0'; i++)
		if (!isprint((unsigned char)view->program[i]))
			view->program[i] = '?';
	return 0;
}

/* Read the header with pread(), which no truncation can turn into a signal. */
static int region_read_header(const struct region_view *view, struct region_header *ret)
{
	ssize_t n = pread(view->fd, ret, sizeof(*ret), 0);

	if (n < 0)
		return -errno;
	if (n != (ssize_t)sizeof(*ret))
		return -EBADMSG;
	return ret->producer_state == 0 ? -EAGAIN : 0;
}

static int region_open_file(struct region_view *view, const struct runtime_dir *dir,
			    const char *name, bool writable)
{
	struct stat st;

	view->fd = openat(dir->fd, name,
			  (writable ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (view->fd < 0)
		return -errno;
	if (fstat(view->fd, &st) < 0)
		return -errno;
	if (st.st_nlink == 0)
		return -ENOENT; /* removed between the two calls */
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_size < LAYOUT_PAGE_BYTES ||
	    (uint64_t)st.st_size > REGION_BYTES_MAX)
		return -EBADMSG;
	if (!dir->group && st.st_uid != geteuid())
		return -EACCES;
	view->bytes = (uint64_t)st.st_size;
	view->uid = st.st_uid;
	return 0;
}

int region_attach(struct region_view *ret, const struct runtime_dir *dir, const char *name,
		  bool writable)
{
	struct region_view view = {.fd = -1};
	struct region_header header;
	int rc;

	if (!region_parse_name(name, &view.pid, &view.region_id))
		return -EBADMSG;
	rc = region_open_file(&view, dir, name, writable);
	if (rc == 0)
		rc = region_read_header(&view, &header);
	if (rc == 0) {
		void *map = mmap(NULL, view.bytes, writable ? PROT_READ | PROT_WRITE : PROT_READ,
				 MAP_SHARED, view.fd, 0);

		rc = map == MAP_FAILED ? -errno : 0;
		view.header = map == MAP_FAILED ? NULL : map;
	}
	if (rc == 0)
		rc = region_check(&view, &header);
	/* In a private directory all files are one user's own, copies of regions too. */
	if (rc == 0 && dir->group)
		rc = identity_check(view.fd, header.flags, view.region_id);
	if (rc == 0) {
		rc = region_is_reserved(&view);
		rc = rc < 0 ? rc : rc == 0 ? -ENODATA : 0;
	}
	if (rc < 0) {
		region_detach(&view);
		return rc;
	}
	/* PAIR(region-ready): with region_create(); the copy above was made by the kernel, this
	 * orders our later reads of the mapping. The mapping is not touched here: nobody has a
	 * guard on it yet, and the file may have been cut since. */
	atomic_fence_load();
	*ret = view;
	return 0;
}

void region_detach(struct region_view *view)
{
	if (view->header != NULL)
		munmap(view->header, view->bytes);
	if (view->fd >= 0)
		close(view->fd);
	view->header = NULL;
	view->fd = -1;
}

int region_is_alive(const struct region_view *view)
{
	return region_is_locked(view->fd, REGION_LOCK_PRODUCER);
}

int region_is_drained(const struct region_view *view)
{
	return region_is_locked(view->fd, REGION_LOCK_WRITER);
}

bool region_is_given_up(const struct region_view *view)
{
	return atomic_load_relaxed_u32(&view->header->writer_state) == REGION_STATE_ABANDONED;
}

int region_read_layout(const struct runtime_dir *dir, const char *name, uint16_t *ret_major,
		       uint16_t *ret_minor)
{
	struct region_header header;
	ssize_t n;
	int fd = openat(dir->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), rc;

	if (fd < 0)
		return -errno;
	n = pread(fd, &header, sizeof(header), 0);
	rc = n < 0 ? -errno : 0;
	close(fd);
	if (rc == 0 && (n != (ssize_t)sizeof(header) || header.magic != REGION_MAGIC))
		rc = -EBADMSG;
	if (rc == 0) {
		*ret_major = header.major;
		*ret_minor = header.minor;
	}
	return rc;
}

int region_take(struct region_view *view, uint64_t epoch)
{
	int rc = region_lock(view->fd, REGION_LOCK_WRITER);
	struct stat st;

	if (rc < 0)
		return rc;
	/* Its last writer may have been done with it meanwhile. */
	if (fstat(view->fd, &st) < 0)
		return -errno;
	if (st.st_nlink == 0)
		return -ENOENT;
	atomic_store_relaxed_u64(&view->header->writer_epoch, epoch);
	return 0;
}

void region_set_unsettled(struct region_view *view, uint64_t output_id)
{
	atomic_store_relaxed_u64(&view->header->unsettled_output, output_id);
}

uint64_t region_unsettled(const struct region_view *view)
{
	return atomic_load_relaxed_u64(&view->header->unsettled_output);
}

uint32_t region_snapshots_taken(const struct region_view *view)
{
	return atomic_load_relaxed_u32(&view->header->snapshots_taken);
}

void region_set_snapshots_taken(struct region_view *view, uint32_t asked)
{
	atomic_store_relaxed_u32(&view->header->snapshots_taken, asked);
}

bool region_has_name(const struct region_view *view)
{
	struct stat st;

	return fstat(view->fd, &st) < 0 || st.st_nlink != 0;
}

bool region_is_closed(const struct region_view *view)
{
	/* PAIR(region-closed): with region_close(). */
	return atomic_load_acquire_u32(&view->header->producer_state) == REGION_STATE_CLOSED;
}

void region_abandon(struct region_view *view)
{
	atomic_store_relaxed_u32(&view->header->writer_state, REGION_STATE_ABANDONED);
}

int region_table_get(const struct region_view *view, uint32_t reference, const uint8_t **ret,
		     uint32_t *ret_bytes)
{
	const uint8_t *table = (const uint8_t *)view->header + view->table_offset;
	uint64_t offset, word, bytes;

	if (reference == 0)
		return -EBADMSG;
	offset = reference - 1;
	if (offset % ENTRY_ALIGN_BYTES != 0 || offset >= view->table_bytes ||
	    view->table_bytes - offset < ENTRY_HEADER_BYTES)
		return -EBADMSG;
	/* PAIR(table-commit): with region_table_add(). */
	word = atomic_load_acquire_u64((const uint64_t *)(const void *)(table + offset));
	bytes = entry_payload_bytes(word);
	if (entry_state(word) != ENTRY_COMMITTED ||
	    bytes > view->table_bytes - offset - ENTRY_HEADER_BYTES)
		return -EBADMSG;
	*ret = table + offset + ENTRY_HEADER_BYTES;
	*ret_bytes = (uint32_t)bytes;
	return 0;
}
