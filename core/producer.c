/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making regions at the right moments: at open, in a child's first push, when
 * the writer abandoned one. The maker's word is a try-lock: who finds it taken
 * drops its record and counts it, and never waits.
 */
#include "core/producer.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/undisturbed.h"
#include "core/error.h"
#include "shm/filesystem.h"

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

/* Once for a directory's device: a first push in a child must do as little as it can. */
static int producer_measure(struct producer *producer, const struct runtime_dir *dir)
{
	int rc;

	/* Plus 1, so that 0 is none. A maker that was given up may come here late. */
	if (atomic_load_relaxed_u64(&producer->measured) == dir->device + 1)
		return 0;
	rc = filesystem_measure(dir->fd);
	atomic_store_relaxed_u64(&producer->measured, rc == 0 ? dir->device + 1 : 0);
	return rc;
}

static struct timespec coarse_now(void)
{
	struct timespec now = {0};

	/* Costs no system call where the kernel has a vDSO, and its tick is fine enough here. */
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now;
}

static uint32_t maker_word(void)
{
	const uint32_t thread = (uint32_t)syscall(SYS_gettid);
	const uint32_t seconds = (uint32_t)coarse_now().tv_sec & MAKER_SECONDS;

	return MAKER_TAKEN | seconds << MAKER_THREAD_BITS |
	       (thread & ((UINT32_C(1) << MAKER_THREAD_BITS) - 1));
}

/* May another thread take the place of this maker? */
static bool maker_is_lost(uint32_t word)
{
	const uint32_t thread = word & ((UINT32_C(1) << MAKER_THREAD_BITS) - 1);
	const uint32_t age =
		((uint32_t)coarse_now().tv_sec - (word >> MAKER_THREAD_BITS)) & MAKER_SECONDS;

	/* The seconds wrap: half of the round is the past, the other half is not yet. */
	if ((word & MAKER_SHOWS) != 0 || age == 0 || age > MAKER_SECONDS / 2)
		return false;
	return age > PRODUCER_MAKING_S_MAX ||
	       (syscall(SYS_tgkill, getpid(), thread, 0) < 0 && errno == ESRCH);
}

/* Enter a region that is whole. @return false: another thread has taken our place meanwhile */
static bool producer_publish(struct producer *producer, uint32_t word, const struct region *made)
{
	struct producer_page *page = producer->page;
	const uint32_t index = atomic_load_relaxed_u32(&page->region_count);

	if (!atomic_cas_relaxed_u32(&page->maker, word, word | MAKER_SHOWS))
		return false;
	producer->regions[index] = *made;
	atomic_store_relaxed_u32(&page->error, 0);
	atomic_store_relaxed_u32(&page->failures, 0);
	/* PAIR(producer-count): with producer_region_count(): the region is whole. */
	atomic_store_release_u32(&page->region_count, index + 1);
	/* PAIR(producer-maker): with producer_try(): the next maker sees the count. */
	atomic_store_release_u32(&page->maker, 0);
	return true;
}

/* Make a region and let it be seen; the caller holds the maker's word. */
static int producer_make(struct producer *producer, uint32_t word)
{
	struct runtime_dir dir;
	struct region made;
	int rc;

	rc = runtime_open(&dir, producer->path, true);
	if (rc < 0)
		return rc;
	rc = producer_measure(producer, &dir);
	if (rc == 0 && producer->control.late_dir == NULL) {
		rc = control_open(&producer->control, &dir);
		if (rc == 0)
			producer->control.late_dir = producer->path;
	}
	if (rc == 0)
		rc = region_create(&made, &dir, &producer->options);
	if (rc == 0 && !producer_publish(producer, word, &made)) {
		region_unlink(&made, &dir);
		region_close(&made);
		rc = -EALREADY;
	}
	runtime_close(&dir);
	/* The writer finds the region by itself; this tells it to look now. */
	if (rc == 0)
		control_wake_writer(&producer->control);
	return rc;
}

/* Remember why, and when to try again. */
static void producer_fail(struct producer *producer, uint32_t word, int error)
{
	struct producer_page *page = producer->page;
	const struct timespec now = coarse_now();
	uint32_t failures = atomic_load_relaxed_u32(&page->failures);
	uint32_t pause_ms = PRODUCER_RETRY_MS_MIN;

	atomic_store_relaxed_u32(&page->failures, failures + 1);
	while (failures-- > 0 && pause_ms < PRODUCER_RETRY_MS_MAX)
		pause_ms *= 2;
	atomic_store_relaxed_u32(&page->retry_ms, (uint32_t)now.tv_sec * 1000 +
							  (uint32_t)now.tv_nsec / 1000000 +
							  pause_ms);
	atomic_store_relaxed_u32(&page->error, (uint32_t)error);
	/* Its place may be another thread's by now. */
	(void)atomic_cas_relaxed_u32(&page->maker, word, 0);
}

/* Has a making failed, and is it too early for a push to try again? */
static bool producer_must_wait(const struct producer_page *page)
{
	struct timespec now;

	if (atomic_load_relaxed_u32(&page->error) == 0)
		return false;
	now = coarse_now();
	/* By the difference: the milliseconds wrap. */
	return (int32_t)((uint32_t)now.tv_sec * 1000 + (uint32_t)now.tv_nsec / 1000000 -
			 atomic_load_relaxed_u32(&page->retry_ms)) < 0;
}

/*
 * Make the region after `count` of them, if no other thread is at it or has made it.
 *
 * @return 0: it is there; -EALREADY: another thread is at it; else an enum otlp_error
 */
static int producer_try(struct producer *producer, uint32_t count)
{
	struct producer_page *page = producer->page;
	const uint32_t before = atomic_load_relaxed_u32(&page->maker);
	struct undisturbed undisturbed;
	int saved = errno, rc = -EALREADY;
	uint32_t word;

	if (before != 0 && !maker_is_lost(before)) {
		errno = saved;
		return rc;
	}
	undisturbed_begin(&undisturbed);
	word = maker_word();
	if (atomic_cas_relaxed_u32(&page->maker, before, word)) {
		/* PAIR(producer-maker): with producer_publish() of the maker before us. */
		atomic_load_acquire_u32(&page->maker);
		if (producer_region_count(producer) == count) {
			rc = producer_make(producer, word);
			if (rc < 0 && rc != -EALREADY) {
				rc = error_from_errno(rc);
				producer_fail(producer, word, rc);
			}
		} else { /* it is there since we looked */
			rc = 0;
			(void)atomic_cas_relaxed_u32(&page->maker, word, 0);
		}
	}
	undisturbed_end(&undisturbed);
	errno = saved;
	return rc;
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
	struct undisturbed undisturbed;
	uint32_t word;
	int rc;

	producer->options = *options;
	rc = producer_set_path(producer, runtime_dir);
	if (rc < 0)
		return rc;
	producer->page = producer_map_page();
	if (producer->page == NULL)
		return -ENOMEM;
	undisturbed_begin(&undisturbed);
	word = maker_word();
	atomic_store_relaxed_u32(&producer->page->maker, word);
	rc = producer_make(producer, word);
	undisturbed_end(&undisturbed);
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

struct region *producer_region_slow(struct producer *producer, int *ret_error)
{
	const struct producer_page *page = producer->page;
	int rc = -EALREADY;

	if (!producer_must_wait(page))
		rc = producer_try(producer, 0);
	if (rc == 0)
		return &producer->regions[producer_region_count(producer) - 1];
	if (rc == -EALREADY)
		rc = (int)atomic_load_relaxed_u32(&page->error);
	*ret_error = rc != 0 ? rc : OTLP_ERR_FULL;
	return NULL;
}

int producer_retry(struct producer *producer)
{
	const struct producer_page *page = producer->page;
	const uint32_t count = producer_region_count(producer);

	if (count == 0)
		return atomic_load_relaxed_u32(&page->error) != 0 ||
				       atomic_load_relaxed_u32(&page->maker) != 0
			       ? producer_try(producer, 0)
			       : 0;
	if (count < PRODUCER_REGIONS_MAX && region_is_abandoned(&producer->regions[count - 1]))
		(void)producer_try(producer, count); /* the old one goes on */
	return 0;
}

void producer_renew(struct producer *producer, const struct region *full)
{
	const uint32_t count = producer_region_count(producer);

	if (full != &producer->regions[count - 1] || !region_is_abandoned(full) ||
	    count == PRODUCER_REGIONS_MAX || producer_must_wait(producer->page))
		return; /* no reason to, or another thread was faster */
	(void)producer_try(producer, count);
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
	for (signal = 0; signal < SIGNAL_COUNT; signal++) {
		uint32_t n;

		ret->signals[signal].dropped_full =
			atomic_load_relaxed_u64(&counters->dropped_full_items[signal]);
		for (n = 0; n < producer_region_count(producer); n++)
			add_ring_stats(&ret->signals[signal],
				       producer->regions[n].rings[signal].shared);
	}
}
