/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in the rings, noted entry by entry, beside producers that push and
 * a writer that takes. The memory it takes is a fraction of the rings'.
 *
 * The writer stores a ring's done position before it zeroes what is below. So a
 * walk is good if that position is the same afterwards; if not, what it met may
 * have been zeros, and it is walked again from the new position to the same
 * tail: shorter each time. The counters are read before the tail: what they
 * count was claimed, and so is below it.
 */
#include "cli/verify_live.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/guard.h"
#include "cli/each_region.h"
#include "core/record/record.h"
#include "shm/region_view.h"

#define WALK_LOOKS_MAX 20
/* Bounds for what only a liar reaches: the writer going on, claims being committed meanwhile. */
#define WALK_ROUNDS_MAX	 10000
#define WALK_CHANGES_MAX 1000000
#define WALK_PAUSE_NS	 1000000L

static int hold(struct verify_live *live, uint64_t bytes, uint32_t items, bool is_open)
{
	if (live->held_count == live->held_capacity) {
		size_t capacity = live->held_capacity != 0 ? live->held_capacity * 2 : 1024;
		struct verify_held *larger = realloc(live->held, capacity * sizeof(*larger));

		if (larger == NULL)
			return -ENOMEM;
		live->held = larger;
		live->held_capacity = capacity;
	}
	live->held[live->held_count++] =
		(struct verify_held){.bytes = (uint32_t)bytes, .items = items, .is_open = is_open};
	return 0;
}

/* The items that the writer would count for a committed entry. */
static uint32_t record_items(uint8_t *buffer, const struct ring_entry *entry, unsigned signal)
{
	struct record_view view;

	memcpy(buffer, entry->payload, entry->payload_bytes);
	if (record_parse(buffer, entry->payload_bytes, entry->payload_bytes, &view) < 0 ||
	    view.signal != signal)
		return 1; /* a span by its shape, or one that is invalid: an item each */
	return view.item_count;
}

/*
 * Note every entry up to the tail. Claims that are not committed are stepped over like those of
 * a dead producer. Where the claim's header is not stored yet, that ends at the next word that
 * is not zero. Could that be a byte of the payload that this claim is just getting? The header is
 * stored before it, so a second look would see the header, and differ.
 */
static int walk(struct verify *verify, unsigned signal, struct ring_reader *reader,
		struct verify_live *live)
{
	unsigned changes = 0;

	live->held_count = 0;
	while (reader->read != live->tail) {
		struct ring_entry entry, again;
		uint32_t items = 0;
		int rc;

		rc = ring_reader_peek(reader, live->tail, true, &entry);
		if (rc < 0)
			return rc;
		if (entry.kind == RING_ENTRY_TORN) {
			rc = ring_reader_peek(reader, live->tail, true, &again);
			if (rc < 0)
				return rc;
			if (again.kind != entry.kind || again.bytes != entry.bytes) {
				if (++changes > WALK_CHANGES_MAX)
					return -EBADMSG;
				continue;
			}
		}
		if (entry.kind == RING_ENTRY_RECORD)
			items = record_items(verify->record, &entry, signal);
		if (entry.bytes == 0)
			return -EBADMSG;
		rc = hold(live, entry.bytes, items, entry.kind == RING_ENTRY_TORN);
		if (rc < 0)
			return rc;
		ring_reader_next(reader, &entry);
	}
	return 0;
}

/* Where the writer is done. -EBADMSG: it makes no sense, at this moment at least. */
static int look_done(const struct region_view *view, unsigned signal, struct ring_reader *reader,
		     struct verify_live *live)
{
	struct ring_done done;
	int rc;

	rc = ring_reader_init(reader, view->rings[signal].shared, view->rings[signal].data,
			      view->rings[signal].bytes, false);
	if (rc < 0)
		return rc;
	ring_reader_get_done(reader, &done);
	if (done.position != reader->read)
		return -EBADMSG;
	live->done = done.position;
	live->done_items =
		done.totals.written_items + done.totals.invalid_items + done.totals.lost_items;
	return 0;
}

static void look_counters(const struct ring_shared *shared, struct verify_counters *ret)
{
	ret->accepted_items = atomic_load_relaxed_u64(&shared->accepted_items);
	ret->dropped_full_items = atomic_load_relaxed_u64(&shared->dropped_full_items);
	ret->dropped_too_large_items = atomic_load_relaxed_u64(&shared->dropped_too_large_items);
	ret->dropped_invalid_items = atomic_load_relaxed_u64(&shared->dropped_invalid_items);
}

/* Walk until the writer took nothing meanwhile, or everything. */
static int look_walk(struct verify *verify, const struct region_view *view, unsigned signal,
		     struct verify_live *live)
{
	struct ring_reader reader;
	unsigned rounds;
	int rc, again;

	look_counters(view->rings[signal].shared, &live->counters);
	rc = look_done(view, signal, &reader, live);
	if (rc == 0)
		rc = ring_reader_tail(&reader, &live->tail);
	if (rc < 0)
		return rc;
	for (rounds = 0; rounds < WALK_ROUNDS_MAX; rounds++) {
		const uint64_t done = live->done;

		rc = walk(verify, signal, &reader, live);
		if (rc == -ENOMEM)
			return rc;
		again = look_done(view, signal, &reader, live);
		if (again < 0)
			return again;
		if (live->done == done)
			return rc;
		if (live->done < done)
			break;
		if (live->done >= live->tail) {
			live->held_count = 0;
			return 0;
		}
	}
	return -EBADMSG;
}

static int look_ring(struct verify *verify, const struct region_view *view,
		     const struct guard *guard, unsigned signal, struct verify_live *live)
{
	const struct timespec pause = {.tv_nsec = WALK_PAUSE_NS};
	unsigned looks;
	int rc = 0;

	for (looks = 0; looks < WALK_LOOKS_MAX; looks++) {
		rc = look_walk(verify, view, signal, live);
		if (rc == -ENOMEM || guard->has_failed)
			break;
		if (rc == 0) {
			live->is_present = true;
			return 0;
		}
		nanosleep(&pause, NULL);
	}
	live->held_count = 0;
	return rc == -ENOMEM ? rc : -EBADMSG;
}

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
		rc = look_ring(verify, view, &guard, signal, &region->rings[signal].live);
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
	verify->record = malloc(RING_PAYLOAD_BYTES_MAX);
	if (verify->record == NULL)
		return -ENOMEM;
	return each_region(verify->runtime, look_name, verify);
}
