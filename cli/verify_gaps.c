/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gaps of a ring. Several output directories are read one after the other, so what one lacks
 * may be in the next. What is left at the end is missing, unless a manifest has a reason for it.
 */
#include "cli/verify_gaps.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/verify_expect.h"

/* A place in the list: those of a directory that is read later may come before others. */
static int gap_insert(struct verify_ring *ring, size_t at, const struct verify_gap *gap)
{
	struct verify_gap *larger = reallocarray(ring->gaps, ring->gap_count + 1, sizeof(*larger));

	if (larger == NULL)
		return -ENOMEM;
	ring->gaps = larger;
	memmove(&larger[at + 1], &larger[at], (ring->gap_count - at) * sizeof(*larger));
	larger[at] = *gap;
	ring->gap_count++;
	return 0;
}

static void gap_remove(struct verify_ring *ring, size_t at)
{
	free(ring->gaps[at].where);
	ring->gap_count--;
	memmove(&ring->gaps[at], &ring->gaps[at + 1], (ring->gap_count - at) * sizeof(*ring->gaps));
}

int verify_gap_add(struct verify_ring *ring, struct verify_gap gap,
		   const struct verify_place *place)
{
	int rc;

	gap.where = NULL;
	if (place != NULL &&
	    asprintf(&gap.where, "%s: offset %" PRIu64 ": ", place->file, place->offset) < 0)
		return -ENOMEM;
	rc = gap_insert(ring, ring->gap_count, &gap);
	if (rc < 0)
		free(gap.where);
	return rc;
}

enum verify_fill verify_gap_fill(struct verify_ring *ring, const struct batch_entry *entry,
				 size_t dir)
{
	const uint64_t items = batch_entry_items(entry);
	struct verify_gap *gap = NULL, front;
	size_t i;

	for (i = 0; i < ring->gap_count; i++) {
		gap = &ring->gaps[i];
		if (gap->dir != dir && entry->from >= gap->from && entry->to <= gap->to)
			break;
	}
	if (i == ring->gap_count)
		return FILL_NOT;
	if (entry->items_before < gap->items_before ||
	    entry->items_before + items > gap->items_behind ||
	    (entry->from == gap->from && entry->items_before != gap->items_before) ||
	    (entry->to == gap->to && entry->items_before + items != gap->items_behind))
		return FILL_WRONG;
	if (entry->from == entry->to)
		return FILL_DONE;
	front = *gap;
	front.to = entry->from;
	front.items_behind = entry->items_before;
	if (entry->to == gap->to && entry->from == gap->from) {
		gap_remove(ring, i);
	} else if (entry->to == gap->to) {
		gap->to = front.to;
		gap->items_behind = front.items_behind;
	} else {
		gap->from = entry->to;
		gap->items_before = entry->items_before + items;
		if (front.from == front.to)
			return FILL_DONE;
		front.where = front.where != NULL ? strdup(front.where) : NULL;
		if (gap_insert(ring, i, &front) < 0) {
			free(front.where);
			return FILL_NO_MEMORY;
		}
	}
	return FILL_DONE;
}

static enum verify_reason gap_reason(const struct verify *verify, const struct verify_gap *gap,
				     enum otlp_signal signal)
{
	size_t i;

	if (gap->is_last) {
		enum verify_reason reason = verify_reason_behind(verify);

		/* No file names the ring: all that it had may have been removed, too. */
		for (i = 0; reason == REASON_NONE && gap->from == 0 && i < verify->dir_count; i++)
			reason = verify_reason_before(&verify->dirs[i], signal, true);
		return reason;
	}
	/* In one run a writer writes to one directory. */
	if (gap->from != 0 && !gap->is_of_runs)
		return REASON_NONE;
	return verify_reason_before(&verify->dirs[gap->dir], signal, gap->from == 0);
}

static void say_gap(struct verify *verify, const struct verify_region *region,
		    const struct verify_gap *gap, enum otlp_signal signal)
{
	const char *where = gap->where != NULL ? gap->where : "";

	if (gap->is_last)
		verify_problem(verify, NULL,
			       "%s: region %016" PRIx64 ": positions %" PRIu64 " to %" PRIu64
			       " were written, and are in no file",
			       signal_name(signal), region->id, gap->from, gap->to);
	else if (gap->from == 0)
		verify_problem(verify, NULL,
			       "%sregion %016" PRIx64 ": positions 0 to %" PRIu64
			       " are missing, and retention removed no file of %s",
			       where, region->id, gap->to, signal_name(signal));
	else
		verify_problem(verify, NULL,
			       "%sregion %016" PRIx64 ": a gap, positions %" PRIu64 " to %" PRIu64
			       " are missing",
			       where, region->id, gap->from, gap->to);
}

void verify_gaps_conclude(struct verify *verify, const struct verify_region *region,
			  struct verify_ring *ring, enum otlp_signal signal)
{
	struct verify_signal *sums = &verify->signals[signal];
	bool is_headless = false, is_elsewhere = false;
	size_t i;

	for (i = 0; i < ring->gap_count; i++) {
		const struct verify_gap *gap = &ring->gaps[i];
		const uint64_t items = gap->items_behind > gap->items_before
					       ? gap->items_behind - gap->items_before
					       : 0;

		switch (gap_reason(verify, gap, signal)) {
		case REASON_REMOVED:
		case REASON_UNKNOWN:
			ring->removed_items += items;
			is_headless = true;
			break;
		case REASON_ELSEWHERE:
			ring->elsewhere_items += items;
			is_elsewhere = true;
			break;
		case REASON_NONE:
		default:
			ring->missing_items += items;
			say_gap(verify, region, gap, signal);
		}
	}
	sums->headless_rings += is_headless;
	sums->elsewhere_rings += is_elsewhere;
}
