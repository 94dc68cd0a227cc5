/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The account of each ring: its entries in the order of the files, and at the
 * end what its producer says, what the files hold, and what is in the ring.
 */
#include "cli/verify_ledger.h"

#include <errno.h>
#include <inttypes.h>

/* ---- entries ---- */

static uint64_t entry_items(const struct batch_entry *entry)
{
	return entry->written_items + entry->invalid_items + entry->lost_items;
}

/* What every entry must be by itself. */
static bool entry_is_sound(struct verify *verify, const struct verify_place *place,
			   const struct batch_head *head, const struct batch_entry *entry)
{
	if (entry->region_id == 0 || entry->ring != head->signal || entry->from > entry->to ||
	    entry->from % ENTRY_ALIGN_BYTES != 0 || entry->to % ENTRY_ALIGN_BYTES != 0) {
		verify_problem(verify, place,
			       "the ledger's entry of region %016" PRIx64 " makes no sense",
			       entry->region_id);
		return false;
	}
	return true;
}

/*
 * A ring that does not begin at 0. Retention removes the oldest files first, so what came before
 * can be gone only if the region is older than the oldest batch that is left.
 */
static void ring_begins_late(struct verify *verify, const struct verify_place *place,
			     const struct verify_region *region, unsigned signal, uint64_t from)
{
	struct verify_signal *sums = &verify->signals[signal];

	if (sums->first_closed_unix_ns == 0 ||
	    region->start_unix_ns <= sums->first_closed_unix_ns) {
		sums->headless_rings++;
		return;
	}
	verify_problem(verify, place,
		       "region %016" PRIx64 ": positions 0 to %" PRIu64
		       " are missing, and no file of its time was removed",
		       region->id, from);
}

static void ring_begin(struct verify *verify, const struct verify_place *place,
		       struct verify_region *region, const struct batch_entry *entry)
{
	struct verify_ring *ring = &region->rings[entry->ring];

	ring->is_seen = true;
	ring->to = entry->from;
	ring->items_next = entry->items_before;
	ring->removed_items = entry->items_before;
	if (entry->from != 0)
		ring_begins_late(verify, place, region, entry->ring, entry->from);
	else if (entry->items_before != 0)
		verify_problem(verify, place,
			       "region %016" PRIx64 ": %" PRIu64 " items before position 0",
			       region->id, entry->items_before);
}

/* Does the entry go on where the ring's last one ended? */
static void ring_check_place(struct verify *verify, const struct verify_place *place,
			     const struct verify_region *region, struct verify_ring *ring,
			     const struct batch_entry *entry)
{
	if (entry->from < ring->to) {
		verify_problem(verify, place,
			       "region %016" PRIx64 ": positions %" PRIu64 " to %" PRIu64
			       " are written twice",
			       region->id, entry->from,
			       entry->to < ring->to ? entry->to : ring->to);
		ring->twice_items += entry_items(entry);
		return;
	}
	if (ring->is_final && (entry->to != ring->to || entry_items(entry) != 0))
		verify_problem(verify, place,
			       "region %016" PRIx64 ": positions %" PRIu64 " to %" PRIu64
			       " behind its last entry",
			       region->id, entry->from, entry->to);
	if (entry->from > ring->to) {
		verify_problem(verify, place,
			       "region %016" PRIx64 ": a gap, positions %" PRIu64 " to %" PRIu64
			       " are missing",
			       region->id, ring->to, entry->from);
		if (entry->items_before > ring->items_next)
			ring->missing_items += entry->items_before - ring->items_next;
	} else if (entry->items_before != ring->items_next) {
		verify_problem(verify, place,
			       "region %016" PRIx64 ": %" PRIu64
			       " items were before position %" PRIu64 ", its ledger says %" PRIu64,
			       region->id, ring->items_next, entry->from, entry->items_before);
	}
	ring->to = entry->to;
	ring->items_next = entry->items_before + entry_items(entry);
}

static void ring_add(struct verify_ring *ring, const struct batch_entry *entry)
{
	ring->written_items += entry->written_items;
	ring->invalid_items += entry->invalid_items;
	ring->lost_items += entry->lost_items;
	ring->torn_bytes += entry->torn_bytes;
	ring->counters = (struct verify_counters){
		.accepted_items = entry->accepted_items,
		.dropped_full_items = entry->dropped_full_items,
		.dropped_too_large_items = entry->dropped_too_large_items,
		.dropped_invalid_items = entry->dropped_invalid_items,
	};
	if (entry->flags & BATCH_ENTRY_FINAL) {
		ring->is_final = true;
		ring->is_closed |= (entry->flags & BATCH_ENTRY_CLOSED) != 0;
		ring->is_broken |= (entry->flags & BATCH_ENTRY_BROKEN) != 0;
	}
}

int verify_ledger(struct verify *verify, const struct verify_place *place,
		  const struct batch_head *head, const struct batch_entry *entries)
{
	uint32_t i;

	for (i = 0; i < head->entry_count; i++) {
		const struct batch_entry *entry = &entries[i];
		struct verify_region *region;
		struct verify_ring *ring;

		if (!entry_is_sound(verify, place, head, entry))
			continue;
		region = verify_region(verify, entry->region_id);
		if (region == NULL)
			return -ENOMEM;
		if (region->pid == 0) {
			region->pid = entry->pid;
			region->start_unix_ns = entry->start_unix_ns;
		}
		if (region->pid != entry->pid || region->start_unix_ns != entry->start_unix_ns)
			verify_problem(verify, place,
				       "region %016" PRIx64 ": another producer's now", region->id);
		ring = &region->rings[entry->ring];
		if (!ring->is_seen)
			ring_begin(verify, place, region, entry);
		ring_check_place(verify, place, region, ring, entry);
		if (entry->lost_items != 0)
			verify_problem(verify, place,
				       "region %016" PRIx64 ": %" PRIu64
				       " items were lost by a failed disk",
				       region->id, entry->lost_items);
		if (entry->invalid_items != 0)
			verify_problem(verify, place,
				       "region %016" PRIx64 ": %" PRIu64 " records were invalid",
				       region->id, entry->invalid_items);
		ring_add(ring, entry);
	}
	return 0;
}

/* ---- the end ---- */

/* A ring that was looked at, of which the files may know more by now. Returns what it holds. */
static uint64_t ring_conclude_live(struct verify *verify, const struct verify_region *region,
				   struct verify_ring *ring, unsigned signal,
				   uint64_t *ret_open_bytes)
{
	const struct verify_live *live = &ring->live;

	if (!ring->is_seen) {
		ring->removed_items = live->done_items;
		if (live->done != 0)
			ring_begins_late(verify, NULL, region, signal, live->done);
		return verify_live_items(live, live->done, ret_open_bytes);
	}
	if (ring->to < live->done) {
		verify_problem(verify, NULL,
			       "%s: region %016" PRIx64 ": positions %" PRIu64 " to %" PRIu64
			       " were written, and are in no file",
			       signal_name(signal), region->id, ring->to, live->done);
		if (live->done_items > ring->items_next)
			ring->missing_items += live->done_items - ring->items_next;
	}
	return verify_live_items(live, ring->to > live->done ? ring->to : live->done,
				 ret_open_bytes);
}

/*
 * What the producer says against what is there. It counts with the claim: more than is there is
 * what it had claimed and not committed, when it was killed or looked at, and no more than fits
 * there. Once it can claim nothing any more it cannot say less.
 */
static void ring_conclude(struct verify *verify, struct verify_region *region, unsigned signal)
{
	struct verify_signal *sums = &verify->signals[signal];
	struct verify_ring *ring = &region->rings[signal];
	const bool is_live = ring->live.is_present && !ring->is_final;
	const bool is_over =
		ring->is_final || (is_live && (!region->is_alive || region->is_closed));
	const char *name = signal_name(signal);
	uint64_t held = 0, open_bytes = 0, there, accepted;

	if (is_live) {
		held = ring_conclude_live(verify, region, ring, signal, &open_bytes);
		ring->counters = ring->live.counters;
		/* A claim of a producer that lives may have been given up since, wherever the files
		 * end by now. */
		if (region->is_alive)
			open_bytes = ring->live.doubt_items * VERIFY_ITEM_BYTES_MIN;
	}
	accepted = ring->counters.accepted_items;
	there = ring->removed_items + ring->written_items + ring->invalid_items + ring->lost_items +
		held - ring->twice_items;
	if (accepted > there && !is_live && !ring->is_final) {
		/* Nobody looked: it may stand in the ring. */
		uint64_t unwritten = accepted - there;

		unwritten -= unwritten < ring->missing_items ? unwritten : ring->missing_items;
		held += unwritten;
		there += unwritten;
	}
	sums->unknown_rings += ring->is_seen && !is_live && !ring->is_final;
	open_bytes += ring->torn_bytes;
	if (accepted > there && ring->missing_items == 0 &&
	    accepted - there <= open_bytes / VERIFY_ITEM_BYTES_MIN) {
		sums->torn_items += is_over ? accepted - there : 0;
		accepted = there;
	} else if (accepted > there) {
		verify_problem(verify, NULL,
			       "%s: region %016" PRIx64 " (pid %" PRIu32 ") accepted %" PRIu64
			       " items, %" PRIu64 " are accounted for: %" PRIu64 " are gone",
			       name, region->id, region->pid, accepted, there, accepted - there);
		verify->may_have_raced |= is_live;
	} else if (is_over && accepted < there) {
		verify_problem(verify, NULL,
			       "%s: region %016" PRIx64 " (pid %" PRIu32 ") accepted %" PRIu64
			       " items, but %" PRIu64 " are there",
			       name, region->id, region->pid, accepted, there);
	}
	if (!is_over && accepted < there + ring->missing_items)
		accepted = there + ring->missing_items;
	sums->committed_items += accepted;
	sums->written_items += ring->written_items;
	sums->invalid_items += ring->invalid_items;
	sums->lost_items += ring->lost_items;
	sums->held_items += held;
	sums->removed_items += ring->removed_items;
	sums->torn_bytes += ring->torn_bytes;
	sums->counters.accepted_items += ring->counters.accepted_items;
	sums->counters.dropped_full_items += ring->counters.dropped_full_items;
	sums->counters.dropped_too_large_items += ring->counters.dropped_too_large_items;
	sums->counters.dropped_invalid_items += ring->counters.dropped_invalid_items;
}

static void region_count(struct verify *verify, const struct verify_region *region)
{
	bool is_used = false, is_final = true, is_closed = true, is_broken = false;
	unsigned signal;

	for (signal = 0; signal < SIGNAL_COUNT; signal++) {
		const struct verify_ring *ring = &region->rings[signal];

		is_broken |= ring->is_broken;
		/* A ring that was never used has no entry. */
		if (ring->is_seen || ring->live.tail != 0) {
			is_used = true;
			is_final &= ring->is_final;
			is_closed &= ring->is_closed;
		}
	}
	is_final &= is_used;
	if (is_final)
		verify->final_regions++;
	if (is_broken)
		verify->broken_regions++;
	else if (is_final ? !is_closed
			  : region->is_in_runtime && !region->is_alive && !region->is_closed)
		verify->killed_regions++;
	if (!is_final && region->is_in_runtime && region->is_alive)
		verify->alive_regions++;
}

void verify_conclude(struct verify *verify)
{
	struct verify_region *region;
	unsigned signal;
	size_t i;

	for (region = verify->regions; region != NULL; region = region->hh.next) {
		for (signal = 0; signal < SIGNAL_COUNT; signal++)
			ring_conclude(verify, region, signal);
		region_count(verify, region);
	}
	for (i = 0; i < SIGNAL_COUNT; i++) {
		const struct verify_signal *sums = &verify->signals[i];
		const char *name = signal_name(i);

		if (sums->headless_rings != 0)
			verify_note(verify, NULL,
				    "%s: start removed by retention, or written elsewhere: %" PRIu64
				    " rings, %" PRIu64 " items",
				    name, sums->headless_rings, sums->removed_items);
		if (sums->unknown_rings != 0)
			verify_note(verify, NULL,
				    verify->runtime == NULL
					    ? "%s: %" PRIu64 " rings have no last entry: what they "
					      "hold is known with --dir only"
					    : "%s: %" PRIu64
					      " rings have no last entry, and are not "
					      "in the runtime directory",
				    name, sums->unknown_rings);
		if (sums->torn_items != 0)
			verify_note(verify, NULL,
				    "%s: torn: %" PRIu64
				    " items were being pushed when their producers were killed",
				    name, sums->torn_items);
	}
}
