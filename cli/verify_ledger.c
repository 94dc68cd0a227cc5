/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The account of each ring: its entries in the order of the files, and at the
 * end what its producer says, what the files hold, and what is in the ring.
 */
#include "cli/verify_ledger.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cli/verify_expect.h"
#include "cli/verify_gaps.h"

/* ---- entries ---- */

/* What every entry must be by itself. */
static bool entry_is_sound(struct verify *verify, const struct verify_place *place,
			   const struct batch_head *head, const struct batch_entry *entry)
{
	if (entry->region_id == 0 || entry->ring >= REGION_RINGS_MAX ||
	    ring_signal(entry->ring) != head->signal || entry->from > entry->to ||
	    entry->from % ENTRY_ALIGN_BYTES != 0 || entry->to % ENTRY_ALIGN_BYTES != 0) {
		verify_problem(verify, place,
			       "the ledger's entry of region %016" PRIx64 " makes no sense",
			       entry->region_id);
		return false;
	}
	return true;
}

static int ring_begin(struct verify *verify, const struct verify_place *place,
		      const struct verify_region *region, struct verify_ring *ring,
		      const struct batch_entry *entry)
{
	ring->is_seen = true;
	ring->to = entry->from;
	ring->items_next = entry->items_before;
	if (entry->from != 0)
		return verify_gap_add(ring,
				      (struct verify_gap){.to = entry->from,
							  .items_behind = entry->items_before,
							  .dir = verify->dir},
				      place);
	if (entry->items_before != 0)
		verify_problem(verify, place,
			       "region %016" PRIx64 ": %" PRIu64 " items before position 0",
			       region->id, entry->items_before);
	return 0;
}

/* It stands in front of where the ring has ended already. */
static int ring_check_earlier(struct verify *verify, const struct verify_place *place,
			      const struct verify_region *region, struct verify_ring *ring,
			      const struct batch_entry *entry)
{
	switch (verify_gap_fill(ring, entry, verify->dir)) {
	case FILL_DONE:
		return 0;
	case FILL_NO_MEMORY:
		return -ENOMEM;
	case FILL_WRONG:
		verify_problem(verify, place,
			       "region %016" PRIx64 ": positions %" PRIu64 " to %" PRIu64
			       " do not go with the numbers of items that another directory has "
			       "around them",
			       region->id, entry->from, entry->to);
		return 0;
	case FILL_NOT:
	default:
		verify_problem(verify, place,
			       "region %016" PRIx64 ": positions %" PRIu64 " to %" PRIu64
			       " are written twice",
			       region->id, entry->from,
			       entry->to < ring->to ? entry->to : ring->to);
		ring->twice_items += batch_entry_items(entry);
		return 0;
	}
}

/* Does the entry go on where the ring's last one ended? */
static int ring_check_place(struct verify *verify, const struct verify_place *place,
			    const struct verify_region *region, struct verify_ring *ring,
			    const struct batch_entry *entry, uint64_t epoch)
{
	int rc = 0;

	if (entry->from < ring->to)
		return ring_check_earlier(verify, place, region, ring, entry);
	if (ring->is_final && (entry->to != ring->to || batch_entry_items(entry) != 0))
		verify_problem(verify, place,
			       "region %016" PRIx64 ": positions %" PRIu64 " to %" PRIu64
			       " behind its last entry",
			       region->id, entry->from, entry->to);
	if (entry->from > ring->to)
		rc = verify_gap_add(ring,
				    (struct verify_gap){.from = ring->to,
							.to = entry->from,
							.items_before = ring->items_next,
							.items_behind = entry->items_before,
							.dir = verify->dir,
							.is_of_runs = ring->epoch != epoch},
				    place);
	else if (entry->items_before != ring->items_next)
		verify_problem(verify, place,
			       "region %016" PRIx64 ": %" PRIu64
			       " items were before position %" PRIu64 ", its ledger says %" PRIu64,
			       region->id, ring->items_next, entry->from, entry->items_before);
	ring->to = entry->to;
	ring->items_next = entry->items_before + batch_entry_items(entry);
	ring->epoch = epoch;
	return rc;
}

/* Its numbers, and, of the last one that the ring has, what it says of the producer. */
static void ring_add(const struct verify *verify, struct verify_ring *ring,
		     const struct batch_entry *entry)
{
	if (verify->is_in_spool)
		ring->recorder_items += entry->written_items;
	else
		ring->written_items += entry->written_items;
	ring->let_go_items += entry->let_go_items;
	ring->invalid_items += entry->invalid_items;
	ring->lost_items += entry->lost_items;
	ring->torn_bytes += entry->torn_bytes;
	if (entry->to != ring->to)
		return;
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

/* Producers that have ended, and of which nothing is in any file: no ring of theirs is known. */
static void add_summed(struct verify *verify, enum otlp_signal signal,
		       const struct batch_entry *entry)
{
	struct verify_signal *sums = &verify->signals[signal];
	const uint64_t items = batch_entry_items(entry);

	sums->let_go_items += entry->let_go_items;
	sums->invalid_items += entry->invalid_items;
	sums->lost_items += entry->lost_items;
	sums->torn_bytes += entry->torn_bytes;
	sums->torn_items += entry->accepted_items > items ? entry->accepted_items - items : 0;
	sums->committed_items += items;
	sums->counters.accepted_items += entry->accepted_items;
	sums->counters.dropped_full_items += entry->dropped_full_items;
	sums->counters.dropped_too_large_items += entry->dropped_too_large_items;
	sums->counters.dropped_invalid_items += entry->dropped_invalid_items;
}

static bool is_summed(const struct batch_entry *entry)
{
	return entry->region_id == BATCH_REGION_SUMMED && (entry->flags & BATCH_ENTRY_LET_GO);
}

static void say_bad_items(struct verify *verify, const struct verify_place *place,
			  const struct batch_entry *entry)
{
	if (entry->lost_items != 0)
		verify_problem(verify, place,
			       "region %016" PRIx64 ": %" PRIu64
			       " items were lost by a failed disk",
			       entry->region_id, entry->lost_items);
	if (entry->invalid_items != 0)
		verify_problem(verify, place,
			       "region %016" PRIx64 ": %" PRIu64 " records were invalid",
			       entry->region_id, entry->invalid_items);
}

int verify_ledger(struct verify *verify, const struct verify_place *place,
		  const struct batch_head *head, const struct batch_entry *entries)
{
	uint32_t i;
	int rc;

	for (i = 0; i < head->entry_count; i++) {
		const struct batch_entry *entry = &entries[i];
		struct verify_region *region;
		struct verify_ring *ring;

		if (!entry_is_sound(verify, place, head, entry))
			continue;
		if (is_summed(entry)) {
			add_summed(verify, head->signal, entry);
			say_bad_items(verify, place, entry);
			continue;
		}
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
		ring = verify_region_ring(region, entry->ring);
		if (ring == NULL)
			return -ENOMEM;
		rc = ring->is_seen ? 0 : ring_begin(verify, place, region, ring, entry);
		if (rc == 0)
			rc = ring_check_place(verify, place, region, ring, entry, head->epoch);
		if (rc < 0)
			return rc;
		say_bad_items(verify, place, entry);
		ring_add(verify, ring, entry);
	}
	return 0;
}

/* ---- the end ---- */

/* What a ring holds that was looked at; of what it says was written the files may know more by now,
 * or less. */
static int ring_conclude_live(struct verify_ring *ring, uint64_t *ret_items,
			      uint64_t *ret_open_bytes)
{
	const struct verify_live *live = &ring->live;
	uint64_t to = ring->is_seen ? ring->to : 0;
	int rc = 0;

	if (to < live->done)
		rc = verify_gap_add(ring,
				    (struct verify_gap){.from = to,
							.to = live->done,
							.items_before = ring->items_next,
							.items_behind = live->done_items,
							.is_last = true},
				    NULL);
	*ret_items = verify_live_items(live, to > live->done ? to : live->done, ret_open_bytes);
	return rc;
}

/* More was accepted than is there, the ring was not looked at, and it has no last entry. */
static uint64_t ring_conclude_unseen(struct verify *verify, const struct verify_region *region,
				     struct verify_ring *ring, struct verify_signal *sums,
				     uint64_t more)
{
	more -= more < ring->missing_items ? more : ring->missing_items;
	if (verify->runtime_count == 0 || region->is_not_looked_at)
		sums->unlooked_items += more;
	else if (verify_reason_behind(verify) == REASON_ELSEWHERE)
		ring->elsewhere_items += more;
	else
		return 0;
	return more;
}

/*
 * What the producer says against what is there. It counts with the claim: more than is there is
 * what it had claimed and not committed, when it was killed or looked at, and no more than fits
 * there. Once it can claim nothing any more it cannot say less.
 */
static int ring_conclude(struct verify *verify, struct verify_region *region,
			 struct verify_ring *ring, enum otlp_signal signal)
{
	struct verify_signal *sums = &verify->signals[signal];
	const bool is_live = ring->live.is_present && !ring->is_final;
	const bool is_over =
		ring->is_final || (is_live && (!region->is_alive || region->is_closed));
	const char *name = signal_name(signal);
	uint64_t held = 0, open_bytes = 0, there, accepted;

	if (is_live) {
		if (ring_conclude_live(ring, &held, &open_bytes) < 0)
			return -ENOMEM;
		ring->counters = ring->live.counters;
		/* A claim of a producer that lives may have been given up since, wherever the files
		 * end by now. */
		if (region->is_alive)
			open_bytes = ring->live.doubt_items * VERIFY_ITEM_BYTES_MIN;
	}
	verify_gaps_conclude(verify, region, ring, signal);
	accepted = ring->counters.accepted_items;
	there = ring->removed_items + ring->elsewhere_items + ring->written_items +
		ring->invalid_items + ring->lost_items + ring->let_go_items + ring->recorder_items +
		held - ring->twice_items;
	if (accepted > there && !is_live && !ring->is_final)
		there += ring_conclude_unseen(verify, region, ring, sums, accepted - there);
	sums->unknown_rings += ring->is_seen && !is_live && !ring->is_final;
	open_bytes += ring->torn_bytes;
	if (accepted > there && ring->missing_items == 0 &&
	    accepted - there <= open_bytes / VERIFY_ITEM_BYTES_MIN) {
		sums->torn_items += is_over ? accepted - there : 0;
		accepted = there;
	} else if (accepted > there) {
		verify_problem(verify, NULL,
			       "%s: region %016" PRIx64 " (pid %" PRIu32 ") accepted %" PRIu64
			       " items, %" PRIu64 " are accounted for: %" PRIu64 " are gone%s",
			       name, region->id, region->pid, accepted, there, accepted - there,
			       is_live || ring->is_final
				       ? ""
				       : ", and the region is in no runtime directory that was "
					 "given");
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
	sums->let_go_items += ring->let_go_items;
	sums->recorder_items += ring->recorder_items;
	sums->held_items += held;
	sums->removed_items += ring->removed_items;
	sums->elsewhere_items += ring->elsewhere_items;
	sums->torn_bytes += ring->torn_bytes;
	sums->counters.accepted_items += ring->counters.accepted_items;
	sums->counters.dropped_full_items += ring->counters.dropped_full_items;
	sums->counters.dropped_too_large_items += ring->counters.dropped_too_large_items;
	sums->counters.dropped_invalid_items += ring->counters.dropped_invalid_items;
	return 0;
}

static void region_count(struct verify *verify, const struct verify_region *region)
{
	bool is_used = false, is_final = true, is_closed = true, is_broken = false;
	unsigned number;

	for (number = 0; number < REGION_RINGS_MAX; number++) {
		const struct verify_ring *ring = region->rings[number];

		if (ring == NULL)
			continue;
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
		verify->unclosed_regions++;
	if (!is_final && region->is_in_runtime && region->is_alive)
		verify->alive_regions++;
}

static void signal_note(struct verify *verify, enum otlp_signal signal)
{
	const struct verify_signal *sums = &verify->signals[signal];
	const char *name = signal_name(signal);

	if (sums->headless_rings != 0)
		verify_note(verify, NULL,
			    "%s: start removed by retention, or from before the manifest: %" PRIu64
			    " rings, %" PRIu64 " items",
			    name, sums->headless_rings, sums->removed_items);
	if (sums->let_go_items != 0)
		verify_note(verify, NULL,
			    "%s: let go: %" PRIu64 " of %" PRIu64
			    " items, by a flight recorder, before a snapshot was asked for",
			    name, sums->let_go_items, sums->committed_items);
	if (sums->elsewhere_rings != 0 || sums->elsewhere_items != 0)
		verify_note(verify, NULL,
			    "%s: %" PRIu64
			    " items were written to another output directory: verify all at once",
			    name, sums->elsewhere_items);
	if (sums->unknown_rings != 0)
		verify_note(verify, NULL,
			    verify->runtime_count == 0
				    ? "%s: %" PRIu64 " rings have no last entry: what they hold is "
				      "known with --dir only"
				    : "%s: %" PRIu64 " rings have no last entry, and are not in "
				      "the runtime directory",
			    name, sums->unknown_rings);
	if (sums->torn_items != 0)
		verify_note(verify, NULL,
			    "%s: torn: %" PRIu64
			    " items were being pushed when their producers were killed",
			    name, sums->torn_items);
}

/* Which other output directories there are, as far as the manifests name them. */
static void note_elsewhere(struct verify *verify)
{
	bool is_partly_elsewhere = verify_total(verify).elsewhere_items != 0;
	bool has_unknown = false;
	char path[MANIFEST_PATH_BYTES_MAX];
	enum otlp_signal signal;
	size_t i;

	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		has_unknown |= verify->signals[signal].unknown_rings != 0;
	for (i = 0; i < verify->dir_count; i++) {
		const struct verify_dir *dir = &verify->dirs[i];

		if (dir->manifest_error != 0)
			continue;
		if (is_partly_elsewhere && dir->manifest.has_come &&
		    strcmp(dir->manifest.came, "-") != 0) {
			manifest_path_of_word(dir->manifest.came, path);
			verify_note(verify, NULL,
				    "before %s the records went to %s, its manifest says",
				    dir->path, path);
		}
		if (dir->manifest.is_left && (is_partly_elsewhere || has_unknown)) {
			manifest_path_of_word(dir->manifest.left, path);
			verify_note(verify, NULL,
				    "after %s the records went to %s, its manifest says", dir->path,
				    path);
		}
	}
}

int verify_conclude(struct verify *verify)
{
	struct verify_region *region;
	enum otlp_signal signal;
	unsigned number;

	for (region = verify->regions; region != NULL; region = region->hh.next) {
		for (number = 0; number < REGION_RINGS_MAX; number++)
			if (region->rings[number] != NULL &&
			    ring_conclude(verify, region, region->rings[number],
					  ring_signal(number)) < 0)
				return -ENOMEM;
		region_count(verify, region);
	}
	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		signal_note(verify, signal);
	note_elsewhere(verify);
	return 0;
}
