/* SPDX-License-Identifier: Apache-2.0 */
/* `otlpipe doctor`: the regions of programs, what waits in them, and what was dropped. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/doctor_view.h"
#include "cli/stat_look.h"

#define BLOCKED_LOOKS	5
#define BLOCKED_STEP_NS 200000000

static const struct stat_region *find_region(const struct stat_view *view, uint64_t id)
{
	size_t i;

	for (i = 0; i < view->region_count; i++)
		if (view->regions[i].id == id)
			return &view->regions[i];
	return NULL;
}

static void keep_blocked_lanes(struct stat_ring *ring, const struct stat_ring *later)
{
	unsigned lane;

	for (lane = 0; lane < REGION_LANES_MAX; lane++)
		if (later == NULL || (later->blocked_lanes & 1u << lane) == 0 ||
		    later->read_positions[lane] != ring->read_positions[lane])
			ring->blocked_lanes &= ~(1u << lane);
	ring->is_blocked = ring->blocked_lanes != 0;
}

/* Of the rings that are blocked those that still are, by the same claim. @return is there one? */
static bool keep_blocked(struct stat_view *view, const struct stat_view *later)
{
	unsigned signal;
	bool any = false;
	size_t i;

	for (i = 0; i < view->region_count; i++) {
		struct stat_region *region = &view->regions[i];
		const struct stat_region *now = find_region(later, region->id);

		for (signal = 0; signal < SIGNAL_COUNT; signal++) {
			struct stat_ring *ring = &region->rings[signal];

			keep_blocked_lanes(ring, now != NULL ? &now->rings[signal] : NULL);
			any |= ring->is_blocked;
		}
	}
	return any;
}

/* A push that is just going on is no news: only one that does not end. */
static void look_again(struct doctor *doctor)
{
	const struct timespec step = {.tv_nsec = BLOCKED_STEP_NS};
	bool is_blocked = doctor->view.total.is_blocked;
	unsigned look;

	for (look = 0; look < BLOCKED_LOOKS && is_blocked; look++) {
		struct stat_view *later = calloc(1, sizeof(*later));

		nanosleep(&step, NULL);
		if (later == NULL || stat_look_regions(later, &doctor->dir) < 0)
			is_blocked = false;
		else
			is_blocked = keep_blocked(&doctor->view, later);
		if (later != NULL)
			free(later->regions);
		free(later);
	}
}

void doctor_look_regions(struct doctor *doctor)
{
	int rc;

	if (!doctor->has_dir)
		return;
	rc = stat_look_regions(&doctor->view, &doctor->dir);
	if (rc == 0)
		look_again(doctor);
	if (rc == 0)
		rc = counters_read(&doctor->dir, &doctor->view.without_ring);
	if (rc == 0)
		return;
	doctor_add(&doctor->report, DOCTOR_WRONG, "regions",
		   "%s: its regions cannot be looked at: %s", doctor->view.path, strerror(-rc));
	if (rc == -EMFILE)
		doctor_mend(&doctor->report, "ulimit -n 1024");
}

static void check_all(struct doctor *doctor)
{
	const struct stat_memory *memory = &doctor->view.memory;
	char held[DOCTOR_SIZE_BYTES], waits[DOCTOR_SIZE_BYTES], ended[DOCTOR_SIZE_BYTES];

	doctor_add(&doctor->report, DOCTOR_OK, "regions",
		   "%" PRIu64 " of living programs, %" PRIu64
		   " of programs that have ended; together they hold %s of memory",
		   memory->regions - memory->ended_regions, memory->ended_regions,
		   doctor_size(memory->held_bytes, held));
	if (memory->ended_regions > 0)
		doctor_add(&doctor->report, DOCTOR_NOTE, "waiting",
			   "programs that have ended: %" PRIu64
			   "; they left %s of records that are "
			   "not written yet, and their regions hold %s",
			   memory->ended_regions, doctor_size(memory->ended_waiting_bytes, waits),
			   doctor_size(memory->ended_held_bytes, ended));
}

static void check_unreadable(struct doctor *doctor)
{
	const struct stat_unreadable *unreadable = &doctor->view.unreadable;

	if (unreadable->other_layout > 0) {
		doctor_add(&doctor->report, DOCTOR_WRONG, "layout",
			   "regions of layout %u.%u: %" PRIu64 "; this version has %d.%d, and "
			   "leaves them aside",
			   unreadable->layout_major, unreadable->layout_minor,
			   unreadable->other_layout, LAYOUT_MAJOR, LAYOUT_MINOR);
		doctor_mend(&doctor->report,
			    "otlpipe-writer --dir %s --output DIR --drain   (with the "
			    "otlpipe-writer of that version), then start the programs with this "
			    "version's library",
			    doctor->shell_path);
	}
	if (unreadable->damaged > 0) {
		doctor_add(&doctor->report, DOCTOR_WRONG, "damaged",
			   "files that have the name of a region and are none: %" PRIu64
			   ", %s for one; the writer leaves them aside",
			   unreadable->damaged, unreadable->damaged_name);
		doctor_mend(&doctor->report, "rm %s/%s   (after a copy, if it may be worth a look)",
			    doctor->shell_path, unreadable->damaged_name);
	}
	if (unreadable->foreign > 0)
		doctor_add(&doctor->report, DOCTOR_NOTE, "regions",
			   "other users', not for you to read: %" PRIu64, unreadable->foreign);
}

static const struct stat_ring *find_ring(const struct stat_region *region, bool is_blocked)
{
	unsigned signal;

	for (signal = 0; signal < SIGNAL_COUNT; signal++) {
		const struct stat_ring *ring = &region->rings[signal];

		if (ring->is_present && (is_blocked ? ring->is_blocked : !ring->is_sound))
			return ring;
	}
	return NULL;
}

/* One line for each kind, with the first region that has it. */
static void check_each(struct doctor *doctor)
{
	bool has_unsound = false, has_given_up = false, has_blocked = false, has_unknown = false;
	size_t i;

	for (i = 0; i < doctor->view.region_count; i++) {
		const struct stat_region *region = &doctor->view.regions[i];

		if (!has_unsound && find_ring(region, false) != NULL) {
			has_unsound = true;
			doctor_add(&doctor->report, DOCTOR_WRONG, "damaged",
				   "a ring of process %" PRIu32 " (%s), region %016" PRIx64
				   ", has positions that make no sense: the writer leaves it aside",
				   region->pid, region->program, region->id);
			doctor_mend(&doctor->report, "restart process %" PRIu32, region->pid);
		}
		if (!has_given_up && region->is_given_up) {
			has_given_up = true;
			doctor_add(&doctor->report, DOCTOR_WARNING, "damaged",
				   "the writer has given up region %016" PRIx64
				   " of process %" PRIu32 " (%s), which was damaged",
				   region->id, region->pid, region->program);
		}
		if (!has_blocked && find_ring(region, true) != NULL) {
			has_blocked = true;
			doctor_add(&doctor->report, DOCTOR_WARNING, "blocked",
				   "a push of process %" PRIu32
				   " (%s) was begun and has not ended: what was pushed behind it "
				   "waits until that process goes on or ends",
				   region->pid, region->program);
			doctor_mend(&doctor->report, "kill -CONT %" PRIu32 "   (if it is stopped)",
				    region->pid);
		}
		if (!has_unknown && region->unknown_ring != 0) {
			has_unknown = true;
			doctor_add(&doctor->report, DOCTOR_WRONG, "signals",
				   "region %016" PRIx64 " of process %" PRIu32
				   " (%s) has a ring of signal %u, which this version does not "
				   "know: it waits whole for a newer writer",
				   region->id, region->pid, region->program, region->unknown_ring);
			doctor_mend(&doctor->report,
				    "install the version of otlpipe-writer that the program's "
				    "library is of, and restart the writer");
		}
	}
}

static void check_drops(struct doctor *doctor)
{
	const struct stat_ring *total = &doctor->view.total;
	uint64_t without_ring = 0;
	unsigned signal;

	for (signal = 0; signal < REGION_SIGNALS_MAX; signal++)
		without_ring += doctor->view.without_ring.dropped_items[signal];
	if (total->dropped_full_items > 0) {
		doctor_add(&doctor->report, DOCTOR_WARNING, "drops",
			   "dropped since their ring was full: %" PRIu64 " records",
			   total->dropped_full_items);
		doctor_mend(&doctor->report,
			    "export OTLPIPE_SPAN_RING_BYTES=64MiB   (or _METRIC_, _LOG_; otlpipe "
			    "stat shows which ring), and have a writer run");
	}
	if (total->dropped_too_large_items > 0) {
		doctor_add(&doctor->report, DOCTOR_WARNING, "drops",
			   "dropped since they were larger than a quarter of their ring, or than "
			   "4 MiB: %" PRIu64 " records",
			   total->dropped_too_large_items);
		doctor_mend(&doctor->report,
			    "export OTLPIPE_SPAN_RING_BYTES=16MiB   (or _METRIC_, _LOG_), or "
			    "smaller records");
	}
	if (total->dropped_invalid_items > 0) {
		doctor_add(&doctor->report, DOCTOR_WARNING, "drops",
			   "refused since they were not valid: %" PRIu64 " records",
			   total->dropped_invalid_items);
		doctor_mend(&doctor->report,
			    "look at the result of the program's export calls, and "
			    "at otlp_library_last_error()");
	}
	if (without_ring > 0) {
		doctor_add(&doctor->report, DOCTOR_WARNING, "drops",
			   "dropped by processes that could make no ring, since the directory was "
			   "made: %" PRIu64 " records",
			   without_ring);
		doctor_mend(&doctor->report,
			    "look at otlp_library_last_error() in those processes; mostly a limit, "
			    "or no space");
	}
	if (doctor->view.without_ring.refused_opens > 0) {
		doctor_add(&doctor->report, DOCTOR_WARNING, "refused",
			   "opens of the library that failed, since the directory was made: "
			   "%" PRIu64,
			   doctor->view.without_ring.refused_opens);
		doctor_mend(&doctor->report,
			    "run otlpipe doctor as that program's user and in its environment; "
			    "otlp_library_last_error(NULL, …) in it says why");
	}
}

void doctor_regions(struct doctor *doctor)
{
	if (!doctor->has_dir)
		return;
	check_all(doctor);
	check_unreadable(doctor);
	check_each(doctor);
	check_drops(doctor);
}
