/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a region in the host's process. The maker's word is a try-lock: who finds it
 * taken drops its record and counts it, and never waits (producer.h has the whole story).
 */
#include "core/making.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/undisturbed.h"
#include "core/explain.h"
#include "shm/filesystem.h"

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
static bool making_publish(struct producer *producer, uint32_t word, const struct region *made)
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
	/* PAIR(producer-maker): with making_try(): the next maker sees the count. */
	atomic_store_release_u32(&page->maker, 0);
	return true;
}

/* Once for a directory's device: a first push in a child must do as little as it can. */
static int making_measure(struct producer *producer, const struct runtime_dir *dir)
{
	int rc;

	/* Plus 1, so that 0 is none. A maker that was given up may come here late. */
	if (atomic_load_relaxed_u64(&producer->measured) == dir->device + 1)
		return 0;
	rc = filesystem_measure(dir->fd);
	atomic_store_relaxed_u64(&producer->measured, rc == 0 ? dir->device + 1 : 0);
	return rc;
}

/* Make a region and let it be seen; the caller holds the maker's word. */
static int making_make(struct producer *producer, uint32_t word, struct failure *failure)
{
	struct region_options options = producer->options;
	struct runtime_dir dir;
	uint64_t region_bytes;
	struct region made;
	int rc;

	rc = region_check_limits(&options, failure);
	if (rc < 0)
		return rc;
	region_bytes = failure->needed_bytes;
	options.failure = failure;
	failure->step = FAILURE_DIRECTORY;
	rc = runtime_open(&dir, producer->path, !producer->is_group);
	if (rc < 0)
		return rc;
	failure->step = FAILURE_FILESYSTEM;
	failure->needed_bytes = LAYOUT_PAGE_BYTES;
	rc = making_measure(producer, &dir);
	if (rc == 0 && producer->control.late_dir == NULL) {
		failure->step = FAILURE_CONTROL;
		rc = control_open(&producer->control, &dir);
		if (rc == 0) {
			producer->control.late_dir = producer->path;
			producer->is_group = dir.group;
		}
	}
	if (rc == 0) {
		/* Without it some drops are counted for this process alone. */
		(void)counters_open(&producer->counters, &dir);
		rc = budget_check(&options.budget, &dir, region_bytes, failure);
	}
	if (rc == 0) {
		rc = region_create(&made, &dir, &options);
	}
	if (rc == 0 && !making_publish(producer, word, &made)) {
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

static void making_explain(struct producer *producer, const struct failure *failure, int error)
{
	struct last_error_writer writer;
	struct explain_facts facts;
	struct text *text;

	explain_look(&facts, producer->path, failure, error);
	text = last_error_begin(&writer, &producer->page->last_error);
	if (text == NULL)
		return;
	explain_region(text, producer->path, failure, error, &facts);
	last_error_end(&writer);
}

/* Remember why, and when to try again. */
static void making_fail(struct producer *producer, uint32_t word, int error)
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

bool making_must_wait(const struct producer_page *page)
{
	struct timespec now;

	if (atomic_load_relaxed_u32(&page->error) == 0)
		return false;
	now = coarse_now();
	/* By the difference: the milliseconds wrap. */
	return (int32_t)((uint32_t)now.tv_sec * 1000 + (uint32_t)now.tv_nsec / 1000000 -
			 atomic_load_relaxed_u32(&page->retry_ms)) < 0;
}

int making_try(struct producer *producer, uint32_t count)
{
	struct producer_page *page = producer->page;
	const uint32_t before = atomic_load_relaxed_u32(&page->maker);
	struct undisturbed undisturbed;
	int saved = errno, rc = -EALREADY;
	struct failure failure;
	uint32_t word;

	if (before != 0 && !maker_is_lost(before)) {
		errno = saved;
		return rc;
	}
	undisturbed_begin(&undisturbed);
	word = maker_word();
	if (atomic_cas_relaxed_u32(&page->maker, before, word)) {
		/* PAIR(producer-maker): with making_publish() of the maker before us. */
		atomic_load_acquire_u32(&page->maker);
		if (producer_region_count(producer) == count) {
			rc = making_make(producer, word, &failure);
			if (rc < 0 && rc != -EALREADY) {
				making_explain(producer, &failure, rc);
				rc = explain_code(&failure, rc);
				making_fail(producer, word, rc);
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

int making_first(struct producer *producer, struct failure *ret_failure)
{
	struct undisturbed undisturbed;
	uint32_t word;
	int rc;

	undisturbed_begin(&undisturbed);
	word = maker_word();
	atomic_store_relaxed_u32(&producer->page->maker, word);
	rc = making_make(producer, word, ret_failure);
	undisturbed_end(&undisturbed);
	return rc;
}
