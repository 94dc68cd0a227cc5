/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making and attaching a region. The making runs in the host's process, perhaps
 * in a forked child or a signal handler: no allocation, no stdio, no locks.
 */
#include "shm/region.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "shm/control.h"

#define RESERVE_STEP_BYTES (UINT64_C(256) << 10)
#define RESERVE_TRIES_MAX  10000

static const char region_suffix[] = ".region";

static uint64_t round_up(uint64_t value, uint64_t to)
{
	return (value + to - 1) & ~(to - 1);
}

/*
 * Where everything is to stand. The header itself is written where it stays: it is a page, and the
 * stack may be that of a signal handler.
 */
struct region_plan {
	uint64_t region_id;
	uint64_t table_offset;
	uint64_t region_bytes;
	uint32_t ring_count;
	struct ring_desc rings[REGION_RINGS_MAX];
};

/* Every offset is stored. */
static int region_plan(struct region_plan *ret, const struct region_options *options)
{
	uint64_t at = LAYOUT_PAGE_BYTES;
	unsigned i, number;

	memset(ret, 0, sizeof(*ret));
	for (number = 0; number < REGION_RINGS_MAX; number++) {
		struct ring_desc *ring = &ret->rings[ret->ring_count];

		if (options->ring_bytes[number] == 0)
			continue;
		ring->number = number;
		ring->control_offset = at;
		at += sizeof(struct ring_shared);
		ret->ring_count++;
	}
	if (ret->ring_count == 0)
		return -EINVAL;
	ret->table_offset = round_up(at, LAYOUT_PAGE_BYTES);
	at = ret->table_offset + TABLE_BYTES;
	for (i = 0; i < ret->ring_count; i++) {
		uint64_t bytes = options->ring_bytes[ret->rings[i].number];

		if (bytes < RING_BYTES_MIN || bytes > RING_BYTES_MAX || (bytes & (bytes - 1)) != 0)
			return -EINVAL;
		ret->rings[i].data_offset = at;
		ret->rings[i].data_bytes = bytes;
		at += round_up(bytes, LAYOUT_PAGE_BYTES);
	}
	ret->region_bytes = at;
	do {
		if (getrandom(&ret->region_id, sizeof(ret->region_id), GRND_NONBLOCK) !=
		    (ssize_t)sizeof(ret->region_id))
			return errno != 0 ? -errno : -EIO;
	} while (ret->region_id == 0);
	return 0;
}

/* Into a page of zeros. */
static int region_write_header(struct region_header *header, const struct region_plan *plan,
			       const struct region_options *options)
{
	struct timespec now;

	if (clock_gettime(CLOCK_REALTIME, &now) < 0)
		return -errno;
	header->magic = REGION_MAGIC;
	header->major = LAYOUT_MAJOR;
	header->minor = LAYOUT_MINOR;
	header->header_bytes = sizeof(*header);
	header->region_id = plan->region_id;
	header->region_bytes = plan->region_bytes;
	header->pid = (uint32_t)getpid();
	header->uid = (uint32_t)geteuid();
	header->start_unix_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	header->table_offset = plan->table_offset;
	header->table_bytes = TABLE_BYTES;
	header->ring_count = plan->ring_count;
	memcpy(header->rings, plan->rings, sizeof(header->rings));
	if (options->program != NULL)
		memcpy(header->program, options->program,
		       strnlen(options->program, sizeof(header->program) - 1));
	return 0;
}

void region_format_name(char ret[REGION_NAME_BYTES_MAX], uint32_t pid, uint64_t id)
{
	static const char hex[] = "0123456789abcdef";
	char digits[12];
	size_t n = 0, at = 0;
	int shift;

	do {
		digits[n++] = (char)('0' + pid % 10);
		pid /= 10;
	} while (pid != 0);
	while (n > 0)
		ret[at++] = digits[--n];
	ret[at++] = '-';
	for (shift = 60; shift >= 0; shift -= 4)
		ret[at++] = hex[id >> shift & 15];
	memcpy(ret + at, region_suffix, sizeof(region_suffix));
}

/*
 * In steps: a signal makes tmpfs undo the step that it is at. All at once, a
 * program with a profiler's timer would start over for ever; and on a slow machine
 * with each step that is too large to be done between two of its ticks.
 */
static int region_reserve(int fd, uint64_t bytes)
{
	uint64_t at = 0, step_max = RESERVE_STEP_BYTES;
	unsigned tries = 0;

	while (at < bytes) {
		uint64_t step = bytes - at < step_max ? bytes - at : step_max;

		if (fallocate(fd, 0, (off_t)at, (off_t)step) == 0)
			at += step;
		else if (errno != EINTR || ++tries > RESERVE_TRIES_MAX)
			return -errno;
		else if (step_max > LAYOUT_PAGE_BYTES)
			step_max /= 2;
	}
	return 0;
}

static int region_lock(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_OFD_SETLK, &lock) < 0 ? -errno : 0;
}

static struct region_header *region_map(int fd, uint64_t bytes)
{
	void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		return NULL;
	/* A child must not keep the lock, nor write into its parent's rings. */
	if (madvise(map, bytes, MADV_DONTFORK) < 0) {
		int saved = errno;

		munmap(map, bytes);
		errno = saved;
		return NULL;
	}
	return map;
}

static void region_init_views(struct region *region)
{
	struct region_header *header = region->header;
	uint8_t *base = (uint8_t *)header;
	unsigned i;

	region->table = base + header->table_offset;
	for (i = 0; i < header->ring_count; i++)
		ring_init(&region->rings[header->rings[i].number],
			  (struct ring_shared *)(void *)(base + header->rings[i].control_offset),
			  base + header->rings[i].data_offset, header->rings[i].data_bytes);
}

/* Map what is reserved and locked, and fill it in. */
static int region_fill(struct region *ret, int fd, const struct region_plan *plan,
		       const struct region_options *options)
{
	int rc;

	ret->bytes = plan->region_bytes;
	ret->header = region_map(fd, plan->region_bytes);
	if (ret->header == NULL)
		return -errno;
	rc = region_write_header(ret->header, plan, options);
	if (rc < 0) {
		munmap(ret->header, ret->bytes);
		ret->header = NULL;
		return rc;
	}
	region_init_views(ret);
	control_register_producer();
	/* PAIR(region-ready): with region_attach(): the header comes with the state. */
	atomic_store_release_u32(&ret->header->producer_state, REGION_STATE_READY);
	return 0;
}

int region_create(struct region *ret, const struct runtime_dir *dir,
		  const struct region_options *options)
{
	char name[REGION_NAME_BYTES_MAX];
	struct region_plan plan;
	int fd, rc;

	rc = region_plan(&plan, options);
	if (rc < 0)
		return rc;
	fd = descriptor_openat(dir->fd, ".", O_TMPFILE | O_RDWR, 0600);
	if (fd < 0)
		return fd;
	rc = runtime_share(dir, fd);
	if (rc == 0)
		rc = region_reserve(fd, plan.region_bytes);
	if (rc == 0)
		rc = region_lock(fd);
	if (rc == 0)
		rc = region_fill(ret, fd, &plan, options);
	if (rc == 0) {
		region_format_name(name, ret->header->pid, plan.region_id);
		rc = runtime_link(dir, fd, name);
		if (rc < 0) {
			munmap(ret->header, ret->bytes);
			ret->header = NULL;
		}
	}
	close(fd);
	return rc;
}

void region_close(struct region *region)
{
	if (region->header == NULL)
		return;
	/* PAIR(region-closed): with region_is_closed(): the counters are final. */
	atomic_store_release_u32(&region->header->producer_state, REGION_STATE_CLOSED);
	munmap(region->header, region->bytes);
	region->header = NULL;
}

void region_unlink(const struct region *region, const struct runtime_dir *dir)
{
	char name[REGION_NAME_BYTES_MAX];

	region_format_name(name, region->header->pid, region->header->region_id);
	/* Somebody may have removed it before, which is as good. */
	(void)unlinkat(dir->fd, name, 0);
}

bool region_is_abandoned(const struct region *region)
{
	return atomic_load_relaxed_u32(&region->header->writer_state) == REGION_STATE_ABANDONED;
}

uint32_t region_table_add(struct region *region, const void *payload, uint32_t payload_bytes)
{
	struct region_header *header = region->header;
	uint64_t bytes = entry_bytes(payload_bytes);
	uint64_t *word;
	uint32_t at;

	do {
		at = atomic_load_relaxed_u32(&header->table_tail);
		/* The word is shared: whoever may write the file can have changed it. */
		if (payload_bytes == 0 || at % ENTRY_ALIGN_BYTES != 0 || at > TABLE_BYTES ||
		    bytes > TABLE_BYTES - at)
			return 0;
	} while (!atomic_cas_relaxed_u32(&header->table_tail, at, at + (uint32_t)bytes));
	word = (uint64_t *)(void *)(region->table + at);
	memcpy(region->table + at + ENTRY_HEADER_BYTES, payload, payload_bytes);
	/* PAIR(table-commit): with region_table_get(): the entry comes with its word. */
	atomic_store_release_u64(word, entry_word(ENTRY_COMMITTED, payload_bytes));
	return at + 1;
}

bool region_parse_name(const char *name, uint32_t *ret_pid, uint64_t *ret_id)
{
	uint64_t pid = 0, id = 0;
	unsigned n;

	for (n = 0; n < 10 && *name >= '0' && *name <= '9'; n++)
		pid = pid * 10 + (uint64_t)(*name++ - '0');
	if (n == 0 || pid > UINT32_MAX || *name++ != '-')
		return false;
	for (n = 0; n < 16; n++, name++) {
		if (*name >= '0' && *name <= '9')
			id = id << 4 | (uint64_t)(*name - '0');
		else if (*name >= 'a' && *name <= 'f')
			id = id << 4 | (uint64_t)(*name - 'a' + 10);
		else
			return false;
	}
	if (strcmp(name, region_suffix) != 0 || id == 0)
		return false;
	*ret_pid = (uint32_t)pid;
	*ret_id = id;
	return true;
}

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
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(view->fd, F_OFD_GETLK, &lock) < 0)
		return -errno;
	return lock.l_type != F_UNLCK;
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
