/* SPDX-License-Identifier: Apache-2.0 */
/* Looks whether a region still has its name. */
#include "core/displaced.h"

#include <errno.h>
#include <time.h>

#include "base/undisturbed.h"

/* Milliseconds, which wrap: never 0. */
static uint32_t now_ms(void)
{
	struct timespec now = {0};

	/* No system call where the kernel has a vDSO. */
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return ((uint32_t)now.tv_sec * 1000 + (uint32_t)now.tv_nsec / 1000000) | 1;
}

static bool is_too_early(struct producer_page *page)
{
	const uint32_t now = now_ms(), looked = atomic_load_relaxed_u32(&page->looked_ms);

	if (looked != 0 && now - looked < PRODUCER_LOOK_MS)
		return true;
	/* Of several threads one looks. */
	return !atomic_cas_relaxed_u32(&page->looked_ms, looked, now);
}

static void displaced_note(struct producer_page *page, uint32_t index)
{
	const uint32_t bit = UINT32_C(1) << index;
	uint32_t before;

	do {
		before = atomic_load_relaxed_u32(&page->displaced);
	} while ((before & bit) == 0 &&
		 !atomic_cas_relaxed_u32(&page->displaced, before, before | bit));
}

bool displaced_is(const struct producer *producer, uint32_t index)
{
	return (atomic_load_relaxed_u32(&producer->page->displaced) >> index & 1) != 0;
}

/* @return whether its name is gone, as far as can be told */
static bool look_for(struct producer *producer, const struct region *region)
{
	struct runtime_dir dir;
	bool is_gone;
	int rc = runtime_open(&dir, producer->path, false);

	if (rc < 0)
		return rc == -ENOENT;
	is_gone = !region_is_listed(region, &dir);
	control_refresh(&producer->control, &dir);
	runtime_close(&dir);
	return is_gone;
}

bool displaced_look(struct producer *producer, bool anyway)
{
	const uint32_t count = producer_region_count(producer);
	struct undisturbed undisturbed;
	int saved = errno;
	bool is_gone;

	if (count == 0)
		return false;
	if (displaced_is(producer, count - 1))
		return true;
	if (!anyway && is_too_early(producer->page))
		return false;
	undisturbed_begin(&undisturbed);
	is_gone = look_for(producer, &producer->regions[count - 1]);
	undisturbed_end(&undisturbed);
	if (is_gone)
		displaced_note(producer->page, count - 1);
	errno = saved;
	return is_gone;
}

int displaced_epoch(const struct producer *producer, uint64_t *ret)
{
	struct undisturbed undisturbed;
	struct runtime_dir dir;
	int rc;

	undisturbed_begin(&undisturbed);
	rc = runtime_open(&dir, producer->path, false);
	if (rc == 0) {
		rc = control_read_epoch(&dir, ret);
		/* A page that a producer made, and no writer has seen yet. */
		if (rc == 0 && *ret == 0)
			rc = -EAGAIN;
		runtime_close(&dir);
	}
	undisturbed_end(&undisturbed);
	return rc;
}
