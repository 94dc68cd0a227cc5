/* SPDX-License-Identifier: Apache-2.0 */
/* The regions of a runtime directory. What stands in a ring, verify_ring.c finds out. */
#include "cli/verify_live.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/guard.h"
#include "cli/each_region.h"
#include "cli/verify_ring.h"
#include "shm/region_view.h"

static int look_region(struct verify *verify, const struct region_view *view, const char *name)
{
	struct verify_region *region = verify_region(verify, view->region_id);
	struct guard guard;
	unsigned signal;
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
	for (signal = 0; rc == 0 && signal < SIGNAL_COUNT; signal++) {
		if (view->rings[signal].shared == NULL)
			continue;
		rc = verify_ring_look(verify, view, &guard, signal, region->is_alive,
				      &region->rings[signal].live);
		if (rc == -EBADMSG) {
			verify_problem(verify, NULL, "%s: its ring of %s makes no sense", name,
				       signal_name(signal));
			verify->may_have_raced = true;
			rc = 0;
		}
	}
	for (; rc == 0 && signal < REGION_RINGS_MAX; signal++)
		if (view->rings[signal].shared != NULL)
			verify_note(
				verify, NULL,
				"%s: its ring %u is of a signal that this version does not know, "
				"and is not counted",
				name, signal);
	guard_remove(&guard);
	return rc;
}

static int look_name(void *context, const char *name)
{
	struct verify *verify = context;
	struct region_view view;
	int rc;

	rc = region_attach(&view, verify->runtime, name, false);
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

int verify_rings(struct verify *verify)
{
	int rc;

	verify->record = malloc(RING_PAYLOAD_BYTES_MAX);
	if (verify->record == NULL)
		return -ENOMEM;
	rc = each_region(verify->runtime, look_name, verify);
	return rc == 0 ? counters_read(verify->runtime, &verify->without_ring) : rc;
}
