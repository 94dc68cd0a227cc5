/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making regions at the right moments: at open, in a child's first push, when
 * the writer abandoned one. The state word is a try-lock: who finds it taken
 * drops its record and counts it, and never waits, so that a signal handler
 * that interrupted the making may push too.
 */
#include "core/producer.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/error.h"

/* The path must hold when the program has changed its directory. */
static int producer_set_path(struct producer *producer, const char *runtime_dir)
{
	char path[RUNTIME_PATH_BYTES_MAX];
	size_t used, len;
	int rc;

	rc = runtime_path(path, sizeof(path), runtime_dir);
	if (rc < 0)
		return rc;
	len = strlen(path) + 1;
	if (path[0] == '/') {
		memcpy(producer->path, path, len);
		return 0;
	}
	if (getcwd(producer->path, sizeof(producer->path)) == NULL)
		return -errno;
	used = strlen(producer->path);
	if (used + 1 + len > sizeof(producer->path))
		return -ENAMETOOLONG;
	producer->path[used] = '/';
	memcpy(producer->path + used + 1, path, len);
	return 0;
}

/* Make region `index` and let it be seen; the caller holds the state word as BUSY. */
static int producer_make(struct producer *producer, uint32_t index)
{
	struct runtime_dir dir;
	int rc;

	rc = runtime_open(&dir, producer->path, true);
	if (rc == 0) {
		if (producer->control.late_dir == NULL) {
			rc = control_open(&producer->control, &dir);
			if (rc == 0)
				producer->control.late_dir = producer->path;
		}
		if (rc == 0)
			rc = region_create(&producer->regions[index], &dir, &producer->options);
		runtime_close(&dir);
	}
	if (rc < 0)
		return rc;
	/* PAIR(producer-count): with producer_region_count(): the region is whole. */
	atomic_store_release_u32(&producer->page->region_count, index + 1);
	/* PAIR(producer-ready): with producer_region(). */
	atomic_store_release_u32(&producer->page->state, PRODUCER_READY);
	/* The writer finds the region by itself; this tells it to look now. */
	control_wake_writer(&producer->control);
	return 0;
}

static struct producer_page *producer_map_page(void)
{
	void *page = mmap(NULL, LAYOUT_PAGE_BYTES, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return NULL;
	if (madvise(page, LAYOUT_PAGE_BYTES, MADV_WIPEONFORK) < 0) {
		munmap(page, LAYOUT_PAGE_BYTES);
		return NULL;
	}
	return page;
}

int producer_open(struct producer *producer, const char *runtime_dir,
		  const struct region_options *options)
{
	int rc;

	producer->options = *options;
	rc = producer_set_path(producer, runtime_dir);
	if (rc < 0)
		return rc;
	producer->page = producer_map_page();
	if (producer->page == NULL)
		return -ENOMEM;
	atomic_store_relaxed_u32(&producer->page->state, PRODUCER_BUSY);
	rc = producer_make(producer, 0);
	if (rc < 0) {
		control_close(&producer->control);
		munmap(producer->page, LAYOUT_PAGE_BYTES);
	}
	return rc;
}

/* A region through which nothing ever went is no news for the writer: take its name back. */
static bool region_is_unused(const struct region *region)
{
	size_t i;

	for (i = 0; i < SIGNAL_COUNT; i++) {
		const struct ring_shared *shared = region->rings[i].shared;

		if (atomic_load_relaxed_u64(&shared->tail) != 0 ||
		    atomic_load_relaxed_u64(&shared->dropped_full_items) != 0 ||
		    atomic_load_relaxed_u64(&shared->dropped_too_large_items) != 0 ||
		    atomic_load_relaxed_u64(&shared->dropped_invalid_items) != 0)
			return false;
	}
	return true;
}

void producer_close(struct producer *producer)
{
	/* In a child that never pushed the regions are its parent's, and not mapped here. */
	uint32_t i, count = producer_region_count(producer);
	struct runtime_dir dir;

	for (i = 0; i < count; i++) {
		struct region *region = &producer->regions[i];

		if (region_is_unused(region) && runtime_open(&dir, producer->path, false) == 0) {
			region_unlink(region, &dir);
			runtime_close(&dir);
		}
		region_close(region);
	}
	/* Their locks are free: the writer can drain the rest and be done with them. */
	if (count > 0)
		control_wake_writer(&producer->control);
	control_close(&producer->control);
	munmap(producer->page, LAYOUT_PAGE_BYTES);
	producer->page = NULL;
}

uint32_t producer_region_count(const struct producer *producer)
{
	/* PAIR(producer-count): with producer_make(). */
	return atomic_load_acquire_u32(&producer->page->region_count);
}

static struct region *producer_try(struct producer *producer, uint32_t from, int *ret_error)
{
	int saved = errno, rc;

	if (!atomic_cas_relaxed_u32(&producer->page->state, from, PRODUCER_BUSY)) {
		*ret_error = OTLP_ERR_FULL;
		return NULL;
	}
	rc = producer_make(producer, 0);
	errno = saved;
	if (rc < 0) {
		rc = error_from_errno(rc);
		atomic_store_relaxed_u32(&producer->page->error, (uint32_t)rc);
		/* PAIR(producer-failed): with producer_region_slow(): the error comes first. */
		atomic_store_release_u32(&producer->page->state, PRODUCER_FAILED);
		*ret_error = rc;
		return NULL;
	}
	return &producer->regions[0];
}

struct region *producer_region_slow(struct producer *producer, int *ret_error)
{
	/* PAIR(producer-failed): with producer_try(). PAIR(producer-ready): with
	 * producer_make() in another thread, just now. */
	uint32_t state = atomic_load_acquire_u32(&producer->page->state);

	switch (state) {
	case PRODUCER_READY:
		return &producer->regions[producer_region_count(producer) - 1];
	case PRODUCER_FORKED:
		return producer_try(producer, PRODUCER_FORKED, ret_error);
	case PRODUCER_FAILED:
		*ret_error = (int)atomic_load_relaxed_u32(&producer->page->error);
		return NULL;
	default:
		*ret_error = OTLP_ERR_FULL;
		return NULL;
	}
}

void producer_retry(struct producer *producer)
{
	uint32_t count = producer_region_count(producer);
	int unused;

	if (atomic_load_relaxed_u32(&producer->page->state) == PRODUCER_FAILED)
		(void)producer_try(producer, PRODUCER_FAILED, &unused);
	else if (count > 0)
		producer_renew(producer, &producer->regions[count - 1]);
}

void producer_renew(struct producer *producer, const struct region *full)
{
	uint32_t count = producer_region_count(producer);
	int saved = errno, rc;

	if (full != &producer->regions[count - 1] || !region_is_abandoned(full) ||
	    count == PRODUCER_REGIONS_MAX ||
	    !atomic_cas_relaxed_u32(&producer->page->state, PRODUCER_READY, PRODUCER_BUSY))
		return; /* no reason to, or another thread is at it or was faster */
	rc = count == producer_region_count(producer) ? producer_make(producer, count) : -EAGAIN;
	errno = saved;
	/* PAIR(producer-ready): with producer_region(): the old region goes on. */
	if (rc < 0)
		atomic_store_release_u32(&producer->page->state, PRODUCER_READY);
}

int producer_has_writer(const struct producer *producer)
{
	struct runtime_dir dir;
	int rc;

	rc = runtime_open(&dir, producer->path, false);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	rc = runtime_has_writer(&dir);
	runtime_close(&dir);
	return rc;
}

static void add_ring_stats(struct otlp_signal_stats *to, const struct ring_shared *from)
{
	to->accepted += atomic_load_relaxed_u64(&from->accepted_items);
	to->accepted_bytes += atomic_load_relaxed_u64(&from->tail);
	to->dropped_full += atomic_load_relaxed_u64(&from->dropped_full_items);
	to->dropped_too_large += atomic_load_relaxed_u64(&from->dropped_too_large_items);
	to->dropped_invalid += atomic_load_relaxed_u64(&from->dropped_invalid_items);
}

void producer_get_stats(const struct producer *producer, struct otlp_stats *ret)
{
	const struct producer_counters *counters = &producer->page->counters;
	enum signal signal;

	memset(ret, 0, sizeof(*ret));
	ret->rejected_after_shutdown = atomic_load_relaxed_u64(&counters->rejected_after_shutdown);
	for (signal = 0; signal < SIGNAL_COUNT; signal++) {
		uint32_t n;

		ret->signals[signal].dropped_full =
			atomic_load_relaxed_u64(&counters->dropped_full_items[signal]);
		for (n = 0; n < producer_region_count(producer); n++)
			add_ring_stats(&ret->signals[signal],
				       producer->regions[n].rings[signal].shared);
	}
}
