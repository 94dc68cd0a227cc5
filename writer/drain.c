/* SPDX-License-Identifier: Apache-2.0 */
/* The turns of users and of regions. source.c takes the records in a turn. */
#include "writer/drain.h"

/* One call, and its passes over all rings. */
struct pass {
	struct drain *drain;
	struct regions *regions;
	struct queue *queue;
	enum otlp_signal signal;
	size_t parts;	   /* rings that the batch would name, closed now */
	int64_t now_ns;	   /* read again whenever something was taken */
	int64_t end_ns;	   /* of the call */
	uint64_t drained;  /* bytes, in this call */
	uint64_t progress; /* the same, in this pass */
	bool has_more;	   /* of this owner's rings some have more */
	bool again;	   /* some have, of all */
	bool is_indebted;  /* one of this owner's regions was left out for what it owes */
	bool has_debtors;  /* and some user */
	bool is_blocked;   /* there is no buffer: nothing is taken any more */
};

/* What may still be used of a slice; what was used beyond it is owed. */
static int64_t slice_begin(int64_t *owes_ns, int64_t slice_ns)
{
	const int64_t left_ns = slice_ns - *owes_ns;

	*owes_ns = left_ns < 0 ? -left_ns : 0;
	return left_ns;
}

static void slice_end(int64_t *owes_ns, int64_t left_ns, int64_t used_ns)
{
	if (used_ns > left_ns)
		*owes_ns = used_ns - left_ns;
	if (*owes_ns > DRAIN_OWED_MAX_NS)
		*owes_ns = DRAIN_OWED_MAX_NS;
}

/* The batch is full: close it. False: there is no buffer, or no memory for a single record. */
static bool pass_make_room(struct pass *pass)
{
	if ((stage_is_empty(pass->queue->stage) && pass->parts < BATCH_ENTRIES_MAX) ||
	    queue_close_batch(pass->queue, pass->regions->sources) < 0)
		return false;
	(void)queue_pump(pass->queue, pass->drain->now_ns());
	pass->parts = 0;
	return true;
}

/* One ring. @return is the region's turn over with it? */
static bool pass_drain_ring(struct pass *pass, struct source *source, unsigned number,
			    struct drain *drain)
{
	const bool took_part = job_would_take(source, number);
	const struct source_ring *ring = source_ring(source, number);
	const uint64_t before = ring->reader.read;
	enum drain_end end = DRAIN_FULL;
	uint64_t taken;

	/* One more than a batch may name needs the next batch, as does a record too many. */
	if (took_part || pass->parts < BATCH_ENTRIES_MAX)
		end = source_drain(source, number, drain, pass->queue->stage,
				   batch_head_bytes(pass->parts + !took_part));
	switch (end) {
	case DRAIN_BROKEN:
		regions_break_unreadable(pass->regions, source);
		break;
	case DRAIN_QUOTA:
		pass->has_more = true;
		break;
	case DRAIN_FULL:
		pass->has_more = true;
		pass->is_blocked = !pass_make_room(pass);
		break;
	case DRAIN_EMPTY:
		break;
	}
	/* After a batch was closed it counts from the start. */
	if (job_would_take(source, number) && (!took_part || pass->parts == 0))
		pass->parts++;
	taken = ring->reader.read - before;
	pass->drained += taken;
	pass->progress += taken;
	drain->quota_bytes -= taken < drain->quota_bytes ? taken : drain->quota_bytes;
	if (taken > 0 || pass->is_blocked)
		pass->now_ns = pass->drain->now_ns();
	/* What did not fit comes first; who used the quota up lets the others go first. */
	if (end != DRAIN_EMPTY)
		source->first_lane[pass->signal] =
			(uint8_t)((ring_lane(number) + (end != DRAIN_FULL)) % REGION_LANES_MAX);
	return end != DRAIN_EMPTY;
}

/* Its lanes, beginning with the one whose turn it is: together they have one quota and one slice.
 */
static void pass_drain(struct pass *pass, struct source *source, int64_t left_ns)
{
	const uint32_t lanes = source_lanes(source, pass->signal);
	const uint32_t before =
		(UINT32_C(1) << ring_number(0, source->first_lane[pass->signal])) - 1;
	uint32_t turn = lanes & ~before, rest = lanes & before;
	struct drain drain = *pass->drain;

	drain.until_ns = pass->now_ns + left_ns;
	if (drain.until_ns > pass->end_ns)
		drain.until_ns = pass->end_ns;
	while (turn != 0 || rest != 0) {
		uint32_t *bits = turn != 0 ? &turn : &rest;
		const unsigned number = ring_first(*bits);

		*bits &= *bits - 1;
		if (pass_drain_ring(pass, source, number, &drain))
			return;
		if ((turn != 0 || rest != 0) &&
		    (drain.quota_bytes == 0 || pass->now_ns >= drain.until_ns)) {
			pass->has_more = true;
			source->first_lane[pass->signal] =
				(uint8_t)((ring_lane(number) + 1) % REGION_LANES_MAX);
			return;
		}
	}
}

static void pass_visit(struct pass *pass, struct source *source)
{
	int64_t *const owes_ns = &source->owes_ns[pass->signal];
	const int64_t begin_ns = pass->now_ns;
	int64_t left_ns;

	if (*owes_ns == 0 && source_is_idle(source, pass->signal))
		return;
	if (pass->is_blocked) {
		/* Or its news would not get old, and the writer would not sleep. */
		source_look(source, pass->signal);
		return;
	}
	left_ns = slice_begin(owes_ns, DRAIN_SLICE_NS);
	if (left_ns <= 0) {
		pass->is_indebted = pass->has_more = true;
		return;
	}
	pass_drain(pass, source, left_ns);
	slice_end(owes_ns, left_ns, pass->now_ns - begin_ns);
}

/* The regions of one user, from the one whose turn it is. */
static void pass_owner_round(struct pass *pass, struct owner *owner, int64_t until_ns)
{
	struct source_list *sources = &owner->sources[pass->signal];
	size_t n;

	pass->has_more = false;
	for (n = owner->count; n > 0; n--) {
		struct source *source = TAILQ_FIRST(sources);
		const bool was_blocked = pass->is_blocked;

		if (!was_blocked && pass->now_ns >= until_ns) {
			pass->has_more = true;
			return;
		}
		pass_visit(pass, source);
		TAILQ_REMOVE(sources, source, in_turn[pass->signal]);
		/* What there was no buffer for comes first when there is one. */
		if (pass->is_blocked && !was_blocked)
			TAILQ_INSERT_HEAD(sources, source, in_turn[pass->signal]);
		else
			TAILQ_INSERT_TAIL(sources, source, in_turn[pass->signal]);
	}
}

/* None of its other regions has anything to drain: those that owe something need not wait. */
static void owner_forgive_regions(struct owner *owner, enum otlp_signal signal)
{
	struct source *source;

	TAILQ_FOREACH(source, &owner->sources[signal], in_turn[signal])
	source->owes_ns[signal] = 0;
}

static void pass_owner(struct pass *pass, struct owner *owner)
{
	const bool is_alone = pass->regions->owners.count == 1;
	int64_t *const owes_ns = &owner->owes_ns[pass->signal];
	const int64_t begin_ns = pass->now_ns;
	int64_t left_ns = is_alone ? DRAIN_TURN_NS : slice_begin(owes_ns, DRAIN_OWNER_SLICE_NS);
	bool is_over;

	if (left_ns <= 0) {
		pass->has_debtors = pass->again = true;
		return;
	}
	do {
		const uint64_t before = pass->progress;
		bool has_progress;

		pass->is_indebted = false;
		pass_owner_round(pass, owner, begin_ns + left_ns);
		has_progress = pass->progress > before;
		if (!has_progress && pass->is_indebted)
			owner_forgive_regions(owner, pass->signal);
		is_over = pass->is_blocked || !pass->has_more ||
			  (has_progress ? is_alone : !pass->is_indebted) ||
			  pass->now_ns - begin_ns >= left_ns || pass->now_ns >= pass->end_ns;
	} while (!is_over);
	pass->again |= pass->has_more;
	if (!is_alone)
		slice_end(owes_ns, left_ns, pass->now_ns - begin_ns);
}

/* No other user has anything to drain: those that owe something need not wait. */
static void pass_forgive_owners(struct pass *pass)
{
	struct owner *owner;

	TAILQ_FOREACH(owner, &pass->regions->owners.turns[pass->signal], in_turn[pass->signal])
	owner->owes_ns[pass->signal] = 0;
}

/* Once over all users. False: it is time for something else. */
static bool pass_run(struct pass *pass)
{
	struct owner_list *owners = &pass->regions->owners.turns[pass->signal];
	size_t n;

	pass->again = pass->has_debtors = false;
	pass->progress = 0;
	pass->parts = queue_count_parts(pass->queue, pass->regions->sources);
	for (n = pass->regions->owners.count; n > 0; n--) {
		struct owner *owner = TAILQ_FIRST(owners);
		const bool was_blocked = pass->is_blocked;

		if (!was_blocked && pass->now_ns >= pass->end_ns)
			return false;
		pass_owner(pass, owner);
		TAILQ_REMOVE(owners, owner, in_turn[pass->signal]);
		if (pass->is_blocked && !was_blocked)
			TAILQ_INSERT_HEAD(owners, owner, in_turn[pass->signal]);
		else
			TAILQ_INSERT_TAIL(owners, owner, in_turn[pass->signal]);
	}
	if (pass->has_debtors && pass->progress == 0)
		pass_forgive_owners(pass);
	return true;
}

bool drain_rings(struct drain *drain, struct regions *regions, struct queue *queue)
{
	struct pass pass = {
		.drain = drain,
		.regions = regions,
		.queue = queue,
		.signal = queue->signal,
		.now_ns = drain->now_ns(),
	};
	bool is_over = false;

	pass.end_ns = pass.now_ns + DRAIN_TURN_NS;
	do {
		is_over = !pass_run(&pass);
	} while (pass.again && !pass.is_blocked && !is_over && pass.now_ns < pass.end_ns);
	return pass.drained >= DRAIN_BUSY_BYTES || (pass.again && !pass.is_blocked);
}
