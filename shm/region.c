/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a region: in the host's process, perhaps in a forked child or a signal
 * handler, so with no allocation, no stdio and no locks.
 */
#include "shm/region.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/host_limits.h"
#include "shm/control.h"
#include "shm/identity.h"
#include "shm/region_lock.h"
#include "shm/region_name.h"

#define RESERVE_STEP_BYTES (UINT64_C(256) << 10)
#define RESERVE_TRIES_MAX  10000

/* A region may take all of a memory limit but one part in so many. */
#define REGION_MEMORY_LEFT 16

static uint64_t round_up(uint64_t value, uint64_t to)
{
	return (value + to - 1) & ~(to - 1);
}

/*
 * Where everything is to stand. The header itself is written where it stays: it is a page, and the
 * stack may be that of a signal handler.
 */
struct region_plan {
	uint64_t region_id; /* once there is a file */
	uint32_t flags;
	uint64_t table_offset;
	uint64_t region_bytes;
	uint32_t ring_count;
	struct ring_desc rings[REGION_RINGS_MAX];
};

/* All but the id; every offset is stored. */
static int region_lay_out(struct region_plan *ret, const struct region_options *options)
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
	header->flags = plan->flags;
	memcpy(header->rings, plan->rings, sizeof(header->rings));
	if (options->program != NULL)
		memcpy(header->program, options->program,
		       strnlen(options->program, sizeof(header->program) - 1));
	return 0;
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

/* @param fd  -1: memory of the process's own */
static void *region_map(int fd, uint64_t bytes)
{
	void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, fd, 0);

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

static void region_unmap(struct region *region)
{
	if (region->rings != NULL)
		munmap(region->rings, REGION_RINGS_MAX * sizeof(*region->rings));
	if (region->header != NULL)
		munmap(region->header, region->bytes);
	region->rings = NULL;
	region->header = NULL;
}

/* A quarter of all lanes of a signal; half of this one, where that is less. */
static uint64_t region_payload_bytes_max(const struct region_plan *plan, const struct ring_desc *of)
{
	const uint64_t bound = ring_payload_bytes_bound(of->data_bytes);
	uint64_t bytes = 0, quarter;
	unsigned i;

	for (i = 0; i < plan->ring_count; i++)
		if (ring_signal(plan->rings[i].number) == ring_signal(of->number))
			bytes += plan->rings[i].data_bytes;
	quarter = ring_payload_bytes_max(bytes);
	return quarter < bound ? quarter : bound;
}

static void region_init_views(struct region *region, const struct region_plan *plan)
{
	struct region_header *header = region->header;
	uint8_t *base = (uint8_t *)header;
	unsigned i;

	region->table = base + plan->table_offset;
	for (i = 0; i < plan->ring_count; i++) {
		const struct ring_desc *desc = &plan->rings[i];
		struct ring *ring = &region->rings[desc->number];

		ring_init_unused(ring, (struct ring_shared *)(void *)(base + desc->control_offset),
				 base + desc->data_offset, desc->data_bytes, &header->rings_used,
				 UINT32_C(1) << desc->number);
		ring->payload_bytes_max = region_payload_bytes_max(plan, desc);
	}
}

/* Map what is reserved and locked, and fill it in. */
static int region_fill(struct region *ret, int fd, const struct region_plan *plan,
		       const struct region_options *options)
{
	struct stat st;
	int rc;

	if (fstat(fd, &st) < 0)
		return -errno;
	ret->device = st.st_dev;
	ret->inode = st.st_ino;
	ret->bytes = plan->region_bytes;
	ret->rings = NULL;
	ret->header = region_map(fd, plan->region_bytes);
	if (ret->header != NULL)
		ret->rings = region_map(-1, REGION_RINGS_MAX * sizeof(*ret->rings));
	rc = ret->rings == NULL ? -errno : region_write_header(ret->header, plan, options);
	if (rc < 0) {
		region_unmap(ret);
		return rc;
	}
	region_init_views(ret, plan);
	if (!control_register_producer())
		ret->header->flags |= REGION_FLAG_NOT_REACHED;
	/* PAIR(region-ready): with region_attach(): the header comes with the state. */
	atomic_store_release_u32(&ret->header->producer_state, REGION_STATE_READY);
	return 0;
}

/* Reserve, lock, map and name what fd is. */
static int region_make(struct region *ret, const struct runtime_dir *dir, int fd,
		       struct region_plan *plan, const struct region_options *options,
		       struct failure *failure)
{
	char name[REGION_NAME_BYTES_MAX];
	int rc;

	failure->step = FAILURE_SHARE;
	rc = runtime_share(dir, fd);
	if (rc < 0)
		return rc;
	failure->step = FAILURE_RESERVE;
	rc = region_reserve(fd, plan->region_bytes);
	if (rc < 0)
		return rc;
	failure->step = FAILURE_LOCK;
	rc = region_lock(fd, REGION_LOCK_PRODUCER);
	if (rc < 0)
		return rc;
	failure->step = FAILURE_RANDOM;
	rc = identity_make(fd, &plan->flags, &plan->region_id);
	if (rc < 0)
		return rc;
	failure->step = FAILURE_MAP;
	rc = region_fill(ret, fd, plan, options);
	if (rc < 0)
		return rc;
	failure->step = FAILURE_NAME;
	region_format_name(name, ret->header->pid, plan->region_id);
	rc = runtime_link(dir, fd, name);
	if (rc < 0)
		region_unmap(ret);
	return rc;
}

int region_check_limits(const struct region_options *options, struct failure *ret)
{
	struct limits_memory memory;
	struct region_plan plan;
	int rc;

	ret->step = FAILURE_RESERVE;
	rc = region_lay_out(&plan, options);
	if (rc < 0)
		return rc;
	ret->needed_bytes = plan.region_bytes;
	if (plan.region_bytes > limits_file_bytes())
		return -EFBIG;
	limits_get_memory(&memory);
	if (memory.limit_bytes == LIMITS_NONE ||
	    plan.region_bytes + memory.limit_bytes / REGION_MEMORY_LEFT <= memory.left_bytes)
		return 0;
	ret->step = FAILURE_MEMORY_LIMIT;
	ret->limit_bytes = memory.limit_bytes;
	ret->left_bytes = memory.left_bytes;
	return -ENOMEM;
}

int region_create(struct region *ret, const struct runtime_dir *dir,
		  const struct region_options *options)
{
	struct failure unused, *failure = options->failure != NULL ? options->failure : &unused;
	struct region_plan plan;
	int fd, rc;

	failure->step = FAILURE_RESERVE;
	rc = region_lay_out(&plan, options);
	if (rc < 0)
		return rc;
	failure->needed_bytes = plan.region_bytes;
	failure->step = FAILURE_FILE;
	fd = descriptor_openat(dir->fd, ".", O_TMPFILE | O_RDWR, 0600);
	if (fd < 0)
		return fd;
	rc = region_make(ret, dir, fd, &plan, options, failure);
	close(fd);
	return rc;
}

/* Whole pages of [from, to) of the mapping; where it cannot be done they stay, and that is all. */
static void give_back(const struct region *region, uint8_t *base, uint64_t from, uint64_t to)
{
	const uint64_t first =
		round_up((uint64_t)(base - (uint8_t *)region->header) + from, LAYOUT_PAGE_BYTES);
	const uint64_t end = ((uint64_t)(base - (uint8_t *)region->header) + to) &
			     ~(uint64_t)(LAYOUT_PAGE_BYTES - 1);

	if (first < end)
		(void)madvise((uint8_t *)region->header + first, end - first, MADV_REMOVE);
}

/*
 * What no record is in: zeros, which nobody reads and nobody claims any more. The file gives these
 * pages back now, or a program that ends while no writer runs would leave all that it had reserved.
 */
static void region_give_back(const struct region *region)
{
	uint64_t head, tail, table_tail = atomic_load_relaxed_u32(&region->header->table_tail);
	unsigned number;

	/* A program that locks all of its memory could give back nothing. */
	(void)munlock(region->header, region->bytes);
	if (table_tail <= TABLE_BYTES)
		give_back(region, region->table, table_tail, TABLE_BYTES);
	for (number = 0; number < REGION_RINGS_MAX; number++) {
		const struct ring *ring = &region->rings[number];
		uint64_t bytes, from, to;

		if (ring->shared == NULL)
			continue;
		bytes = ring->bytes;
		/* The writer may move the head on meanwhile: then there is more, and it stays. */
		head = atomic_load_relaxed_u64(&ring->shared->head);
		tail = atomic_load_relaxed_u64(&ring->shared->tail);
		if (tail - head >= bytes)
			continue;
		from = tail & (bytes - 1);
		to = head & (bytes - 1);
		if (from < to || (from == to && tail != head)) {
			give_back(region, ring->data, from, to);
		} else {
			give_back(region, ring->data, from, bytes);
			give_back(region, ring->data, 0, to);
		}
	}
}

void region_close(struct region *region)
{
	if (region->header == NULL)
		return;
	/* PAIR(region-closed): with region_is_closed(): the counters are final. */
	atomic_store_release_u32(&region->header->producer_state, REGION_STATE_CLOSED);
	/* Behind that, which is what tells the writer that there may be holes. */
	region_give_back(region);
	region_unmap(region);
}

void region_unlink(const struct region *region, const struct runtime_dir *dir)
{
	char name[REGION_NAME_BYTES_MAX];

	region_format_name(name, region->header->pid, region->header->region_id);
	/* Somebody may have removed it before, which is as good. */
	(void)unlinkat(dir->fd, name, 0);
}

bool region_is_listed(const struct region *region, const struct runtime_dir *dir)
{
	char name[REGION_NAME_BYTES_MAX];
	struct stat st;

	region_format_name(name, region->header->pid, region->header->region_id);
	return fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_dev == region->device && st.st_ino == region->inode;
}

uint64_t region_writer_epoch(const struct region *region)
{
	return atomic_load_relaxed_u64(&region->header->writer_epoch);
}

bool region_is_filtered(const struct region *region)
{
	return (region->header->flags & REGION_FLAG_NOT_REACHED) != 0;
}

bool region_is_abandoned(const struct region *region)
{
	return atomic_load_relaxed_u32(&region->header->writer_state) == REGION_STATE_ABANDONED;
}

void region_ask_snapshot(struct region *region)
{
	/* PAIR(snapshot-asked): with region_snapshots_asked(): a writer that sees this number sees
	 * the tails of all that was pushed before. */
	atomic_fence_full();
	(void)atomic_add_relaxed_u32(&region->header->snapshots_asked, 1);
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
