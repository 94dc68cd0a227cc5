/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which regions ask for a batch before its time, and how long they may not ask again. queue.c
 * closes the batch.
 */
#include "writer/early.h"

enum early_wish { EARLY_NONE, EARLY_PAID, EARLY_FREE };

static enum early_wish source_wish(const struct source *source, enum otlp_signal signal)
{
	const uint64_t ring_bytes = source_wants_release(source, signal);

	if (ring_bytes != 0)
		return ring_bytes < EARLY_SMALL_RING_BYTES ? EARLY_PAID : EARLY_FREE;
	return source_wants_flush(source, signal) ? EARLY_PAID : EARLY_NONE;
}

/* Users rest too, but not where there is one: then its regions are enough. */
static int64_t source_rests_until_ns(const struct regions *regions, const struct source *source,
				     enum otlp_signal signal)
{
	const int64_t owner_ns = source->owner->rests_until_ns[signal];

	if (regions->owners.count < 2 || owner_ns < source->rests_until_ns[signal])
		return source->rests_until_ns[signal];
	return owner_ns;
}

bool early_is_wanted(const struct regions *regions, enum otlp_signal signal, int64_t now_ns,
		     int64_t *ret_next_ns)
{
	struct source *source;
	bool is_wanted = false;

	for (source = regions->sources; source != NULL; source = source->next) {
		const enum early_wish wish = source_wish(source, signal);
		int64_t until_ns;

		source->asks_early[signal] = wish == EARLY_PAID;
		if (wish == EARLY_NONE)
			continue;
		until_ns = wish == EARLY_FREE ? now_ns
					      : source_rests_until_ns(regions, source, signal);
		if (until_ns <= now_ns)
			is_wanted = true;
		else if (until_ns < *ret_next_ns)
			*ret_next_ns = until_ns;
	}
	return is_wanted;
}

void early_pay(struct regions *regions, enum otlp_signal signal, int64_t cost_ns, int64_t now_ns)
{
	const int64_t until_ns = now_ns + EARLY_REST * cost_ns;
	struct source *source;

	for (source = regions->sources; source != NULL; source = source->next) {
		if (!source->asks_early[signal])
			continue;
		source->asks_early[signal] = false;
		source->rests_until_ns[signal] = until_ns;
		source->owner->rests_until_ns[signal] = until_ns;
	}
}
