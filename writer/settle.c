/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compares the done position of a ring with the entries in the files, one after the other. If only
 * writers and an honest producer touched the region, there are two cases. The position is at the
 * end of the entry or after it: then the ring had its space back. Or it is at the beginning of the
 * entry: then the writer was killed in between. Everything else means that the region lies, or is
 * damaged.
 */
#include "writer/settle.h"

#include <string.h>

bool settle_makes_sense(const struct batch_entry *entry, enum otlp_signal signal)
{
	return entry->region_id != 0 && entry->ring < REGION_RINGS_MAX &&
	       ring_signal(entry->ring) == (unsigned)signal && entry->from <= entry->to &&
	       entry->from % ENTRY_ALIGN_BYTES == 0 && entry->to % ENTRY_ALIGN_BYTES == 0;
}

static uint64_t entry_items(const struct batch_entry *entry)
{
	return entry->written_items + entry->invalid_items + entry->lost_items;
}

static uint64_t totals_items(const struct ring_totals *totals)
{
	return totals->written_items + totals->invalid_items + totals->lost_items;
}

/* The next batch's account of this ring begins where the ring is done. */
static void ring_begin_at_done(struct source *source, struct source_ring *ring, unsigned number)
{
	source->taken &= ~(UINT32_C(1) << number);
	memset(&ring->taken, 0, sizeof(ring->taken));
	ring->taken.from = ring->taken.to = ring->staged.position;
	ring->taken.items_before = totals_items(&ring->staged.totals);
}

static const char *ring_contradiction(const struct source_ring *ring,
				      const struct batch_entry *entry)
{
	uint64_t tail;

	if (entry->from != ring->staged.position)
		return "it is not done where the files say that it is";
	if (ring_reader_tail(&ring->reader, &tail) < 0 || entry->to > tail)
		return "the files have more of it than it has ever held";
	if (entry->items_before != totals_items(&ring->staged.totals))
		return "it has not counted the items that are in the files";
	return NULL;
}

static void ring_apply(struct source *source, struct source_ring *ring,
		       const struct batch_entry *entry)
{
	struct ring_totals *totals = &ring->staged.totals;

	if (entry->from == entry->to)
		return;
	totals->written_items += entry->written_items;
	totals->invalid_items += entry->invalid_items;
	totals->lost_items += entry->lost_items;
	totals->torn_bytes += entry->torn_bytes;
	ring->staged.position = ring->reader.read = entry->to;
	ring_reader_release(&ring->reader, &ring->staged);
	ring_begin_at_done(source, ring, entry->ring);
}

/*
 * Its last entry, which is due now, goes on where the files end. Its memory is left alone, and its
 * reader with it: what stands there is not known to fit.
 */
static void ring_overrule(struct source *source, struct source_ring *ring,
			  const struct batch_entry *entry)
{
	ring->is_overruled = true;
	ring->staged.position = entry->to;
	memset(&ring->staged.totals, 0, sizeof(ring->staged.totals));
	ring->staged.totals.written_items = entry->items_before + entry_items(entry);
	ring_begin_at_done(source, ring, entry->ring);
	if (entry->flags & BATCH_ENTRY_FINAL)
		ring->final_taken = ring->final_done = true;
}

bool settle_is_of(const struct source *source, const struct batch_entry *entry)
{
	return source->view.region_id == entry->region_id && source->view.pid == entry->pid &&
	       source->view.start_unix_ns == entry->start_unix_ns;
}

const char *settle_entry(struct source *source, const struct batch_entry *entry)
{
	struct source_ring *ring = source_ring(source, entry->ring);
	const char *why = NULL;
	bool is_done;

	if (source->is_broken) {
		if (ring != NULL)
			ring_overrule(source, ring, entry);
		return NULL;
	}
	if (!settle_is_of(source, entry))
		return "its id is that of another in the files";
	if (ring == NULL)
		return "the files have of a ring that it does not have";
	is_done = entry->from == entry->to ? entry->to < ring->staged.position
					   : entry->to <= ring->staged.position;
	if (!is_done) {
		why = ring_contradiction(ring, entry);
		if (why != NULL)
			return why;
		ring_apply(source, ring, entry);
	}
	if ((entry->flags & BATCH_ENTRY_FINAL) && entry->to == ring->staged.position)
		ring->final_taken = ring->final_done = true;
	return NULL;
}
