/* SPDX-License-Identifier: Apache-2.0 */
/* Adds up; a ring is counted by its ledger or by its counters, and never by both. */
#include "writer/drops.h"

#include "shm/atomic.h"

static void drops_add(struct status_drops *sum, const struct ring_shared *ring)
{
	sum->full_items += atomic_load_relaxed_u64(&ring->dropped_full_items);
	sum->too_large_items += atomic_load_relaxed_u64(&ring->dropped_too_large_items);
	sum->invalid_items += atomic_load_relaxed_u64(&ring->dropped_invalid_items);
}

static void grow(uint64_t *shown, uint64_t sum)
{
	if (sum > *shown)
		*shown = sum;
}

void drops_show(struct status_page *page, const struct source *sources,
		const struct status_drops *const ended[SIGNAL_COUNT])
{
	const struct source *source;
	enum otlp_signal signal;

	for (signal = 0; signal < SIGNAL_COUNT; signal++) {
		struct status_drops sum = *ended[signal];

		for (source = sources; source != NULL; source = source->next) {
			uint32_t bits = source->is_broken ? 0 : source->present & ring_bits(signal);

			for (; bits != 0; bits &= bits - 1) {
				const struct source_ring *ring =
					source_ring(source, ring_first(bits));

				if (!ring->final_done)
					drops_add(&sum, ring->reader.shared);
			}
		}
		grow(&page->drops[signal].full_items, sum.full_items);
		grow(&page->drops[signal].too_large_items, sum.too_large_items);
		grow(&page->drops[signal].invalid_items, sum.invalid_items);
	}
}
