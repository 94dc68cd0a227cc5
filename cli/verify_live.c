/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the regions of a runtime directory. verify_ring.c looks into their rings. */
#include "cli/verify_live.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/guard.h"
#include "cli/each_region.h"
#include "cli/verify_ring.h"
#include "shm/region_name.h"
#include "shm/region_view.h"

static int look_region(struct verify *verify, const struct region_view *view, const char *name)
{
	struct verify_region *region = verify_region(verify, view->region_id);
	struct guard guard;
	struct verify_ring *ring;
	unsigned number;
	int rc = 0;

	if (region == NULL)
		return -ENOMEM;
	guard_add(&guard, view->header, view->bytes);
	region->pid = view->pid;
	region->start_unix_ns = view->start_unix_ns;
	region->is_in_runtime = true;
	/* Both before the counters, which do not change behind either. */
	region->is_alive = region_is_alive(view) != 0;
	region->is_closed = region_is_closed(view);
	for (number = 0; rc == 0 && number < REGION_RINGS_MAX; number++) {
		if (view->rings[number].shared == NULL)
			continue;
		if (ring_signal(number) >= SIGNAL_COUNT) {
			verify_note(
				verify, NULL,
				"%s: its ring %u is of a signal that this version does not know, "
				"and is not counted",
				name, number);
			continue;
		}
		ring = verify_region_ring(region, number);
		rc = ring == NULL ? -ENOMEM
				  : verify_ring_look(verify, view, &guard, number, region->is_alive,
						     &ring->live);
		if (rc == -EBADMSG) {
			verify_problem(verify, NULL, "%s: its ring of %s makes no sense", name,
				       signal_name(ring_signal(number)));
			verify->may_have_raced = true;
			rc = 0;
		}
	}
	guard_remove(&guard);
	return rc;
}

struct in_runtime {
	struct verify *verify;
	const struct runtime_dir *runtime;
};

static int look_name(void *context, const char *name)
{
	const struct in_runtime *in = context;
	struct verify *verify = in->verify;
	struct region_view view;
	int rc;

	rc = region_attach(&view, in->runtime, name, false);
	/* Gone since it was listed, and then its end is in the files; or not begun. */
	if (rc == -ENOENT || rc == -EAGAIN)
		return 0;
	if (rc == -ENOMEM || rc == -EMFILE || rc == -ENFILE)
		return rc;
	if (rc < 0) {
		verify_problem(verify, NULL, "%s: %s", name,
			       rc == -EPROTO	? "its layout is of another version"
			       : rc == -EBADMSG ? "it is no valid region"
			       : rc == -ENODATA ? "its space is not reserved"
						: strerror(-rc));
		verify->may_have_raced = true; /* it may be removed just now */
		return 0;
	}
	rc = look_region(verify, &view, name);
	region_detach(&view);
	return rc;
}

static int each_of_all(struct verify *verify, int (*look)(void *context, const char *name))
{
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < verify->runtime_count; i++) {
		struct in_runtime in = {verify, &verify->runtimes[i]};

		rc = each_region(in.runtime, look, &in);
	}
	return rc;
}

int verify_rings(struct verify *verify)
{
	struct timespec now;
	size_t i;
	int rc;

	clock_gettime(CLOCK_REALTIME, &now);
	verify->begin_unix_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	verify->record = malloc(RING_PAYLOAD_BYTES_MAX);
	if (verify->record == NULL)
		return -ENOMEM;
	rc = each_of_all(verify, look_name);
	for (i = 0; rc == 0 && i < verify->runtime_count; i++)
		rc = counters_read(&verify->runtimes[i], &verify->without_ring);
	return rc;
}

static int look_again(void *context, const char *name)
{
	const struct in_runtime *in = context;
	struct verify_region *region;
	uint32_t pid;
	uint64_t id;

	if (!region_parse_name(name, &pid, &id))
		return 0;
	region = verify_find_region(in->verify, id);
	if (region != NULL && !region->is_in_runtime)
		region->is_not_looked_at = true;
	return 0;
}

int verify_rings_again(struct verify *verify)
{
	struct verify_region *region;

	/* It may have come and be gone again. */
	for (region = verify->regions; region != NULL; region = region->hh.next)
		if (!region->is_in_runtime && region->start_unix_ns >= verify->begin_unix_ns)
			region->is_not_looked_at = true;
	return each_of_all(verify, look_again);
}
