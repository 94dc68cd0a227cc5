/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which region a push goes to, and when another one has to be made: at open, in a
 * child's first push, when the writer abandoned one or its name is gone. The making itself is
 * core/making.c.
 */
#include "core/producer.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/undisturbed.h"
#include "core/displaced.h"
#include "core/making.h"

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

static struct producer_page *producer_map_page(void)
{
	void *page = mmap(NULL, PRODUCER_PAGE_BYTES, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return NULL;
	if (madvise(page, PRODUCER_PAGE_BYTES, MADV_WIPEONFORK) < 0) {
		int saved = errno;

		munmap(page, PRODUCER_PAGE_BYTES);
		errno = saved;
		return NULL;
	}
	return page;
}

/* By the rings that its regions get: a signal's lanes have the numbers from 0 on. */
static void producer_count_lanes(struct producer *producer)
{
	enum otlp_signal signal;

	for (signal = 0; signal < SIGNAL_COUNT; signal++) {
		unsigned lane = 1;

		while (lane < REGION_LANES_MAX &&
		       producer->options.ring_bytes[ring_number(signal, lane)] != 0)
			lane++;
		producer->lanes.masks[signal] = lane - 1;
	}
}

int producer_open(struct producer *producer, const char *runtime_dir,
		  const struct region_options *options, struct failure *ret_failure)
{
	int rc;

	producer->options = *options;
	lane_open(&producer->lanes);
	producer_count_lanes(producer);
	ret_failure->step = FAILURE_DIRECTORY;
	rc = producer_set_path(producer, runtime_dir);
	if (rc < 0)
		return rc;
	ret_failure->step = FAILURE_MAP;
	ret_failure->needed_bytes = PRODUCER_PAGE_BYTES;
	producer->page = producer_map_page();
	if (producer->page == NULL)
		return -errno;
	rc = making_first(producer, ret_failure);
	if (rc < 0) {
		counters_add_refused_open(&producer->counters);
		counters_close(&producer->counters);
		control_close(&producer->control);
		munmap(producer->page, PRODUCER_PAGE_BYTES);
	}
	return rc;
}

/* A region through which nothing ever went is no news for the writer: take its name back. */
static bool region_is_unused(const struct region *region)
{
	size_t i;

	for (i = 0; i < REGION_RINGS_MAX; i++) {
		const struct ring_shared *shared = region->rings[i].shared;

		if (shared == NULL)
			continue;
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
	counters_close(&producer->counters);
	control_close(&producer->control);
	munmap(producer->page, PRODUCER_PAGE_BYTES);
	producer->page = NULL;
}

struct region *producer_region_slow(struct producer *producer, int *ret_error)
{
	const struct producer_page *page = producer->page;
	int rc = -EALREADY;

	if (!making_must_wait(page))
		rc = making_try(producer, 0);
	if (rc == 0)
		return &producer->regions[producer_region_count(producer) - 1];
	if (rc == -EALREADY)
		rc = (int)atomic_load_relaxed_u32(&page->error);
	*ret_error = rc != 0 ? rc : OTLP_ERR_FULL;
	return NULL;
}

/* Is the newest region one that the writer gave up, or that no later writer would find? */
static bool producer_needs_another(struct producer *producer, uint32_t count, bool anyway)
{
	return region_is_abandoned(&producer->regions[count - 1]) ||
	       displaced_look(producer, anyway);
}

int producer_retry(struct producer *producer)
{
	const struct producer_page *page = producer->page;
	const uint32_t count = producer_region_count(producer);

	if (count == 0)
		return atomic_load_relaxed_u32(&page->error) != 0 ||
				       atomic_load_relaxed_u32(&page->maker) != 0
			       ? making_try(producer, 0)
			       : 0;
	if (count < PRODUCER_REGIONS_MAX && producer_needs_another(producer, count, true))
		(void)making_try(producer, count); /* the old one goes on */
	return 0;
}

void producer_renew(struct producer *producer, const struct region *full)
{
	const uint32_t count = producer_region_count(producer);

	if (full != &producer->regions[count - 1] || count == PRODUCER_REGIONS_MAX ||
	    making_must_wait(producer->page) || !producer_needs_another(producer, count, false))
		return; /* no reason to, or another thread was faster */
	(void)making_try(producer, count);
}

void producer_end_deep_sleep(struct producer *producer, const struct region *region,
			     struct ring *ring, uint32_t deep_sleep)
{
	control_end_deep_sleep(&producer->control, producer->path, !region_is_filtered(region));
	ring_woke_writer(ring, deep_sleep);
}

void producer_end_deep_sleeps(struct producer *producer, uint32_t region_count)
{
	uint32_t i, number;

	for (i = 0; i < region_count; i++) {
		struct region *region = &producer->regions[i];

		for (number = 0; number < REGION_RINGS_MAX; number++) {
			struct ring *ring = &region->rings[number];
			uint32_t deep_sleep;

			if (ring->shared == NULL)
				continue;
			deep_sleep = ring_deep_sleep(ring);
			if (deep_sleep != 0)
				producer_end_deep_sleep(producer, region, ring, deep_sleep);
		}
	}
}

int producer_has_writer(const struct producer *producer)
{
	struct undisturbed undisturbed;
	struct runtime_dir dir;
	int rc;

	/* A thread that is cancelled in a flush must not leave a descriptor behind. */
	undisturbed_begin(&undisturbed);
	rc = runtime_open(&dir, producer->path, false);
	if (rc == 0) {
		rc = runtime_has_writer(&dir);
		runtime_close(&dir);
	} else if (rc == -ENOENT) {
		rc = 0;
	}
	undisturbed_end(&undisturbed);
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
	enum otlp_signal signal;

	memset(ret, 0, sizeof(*ret));
	ret->rejected_after_shutdown = atomic_load_relaxed_u64(&counters->rejected_after_shutdown);
	ret->ring_error = (int)atomic_load_relaxed_u32(&producer->page->error);
	ret->ring_failures = atomic_load_relaxed_u32(&producer->page->failures);
	for (signal = 0; signal < SIGNAL_COUNT; signal++) {
		uint32_t n, lane;

		ret->signals[signal].dropped_full =
			atomic_load_relaxed_u64(&counters->dropped_full_items[signal]);
		for (n = 0; n < producer_region_count(producer); n++)
			for (lane = 0; lane <= producer->lanes.masks[signal]; lane++)
				add_ring_stats(&ret->signals[signal],
					       producer->regions[n]
						       .rings[ring_number(signal, lane)]
						       .shared);
	}
}
