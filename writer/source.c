/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One region in the writer. writer.c knows which regions there are, queue.c what happens to a
 * batch.
 */
#include "writer/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "writer/encode/encode.h"
#include "writer/encode/encode_usual.h"

/* Begin the next batch's account of a ring where the last one ended. */
static void ring_begin_entry(struct source_ring *ring)
{
	const struct ring_totals *totals = &ring->staged.totals;

	memset(&ring->taken, 0, sizeof(ring->taken));
	ring->taken.from = ring->taken.to = ring->staged.position;
	ring->taken.items_before =
		totals->written_items + totals->invalid_items + totals->lost_items;
}

/* Note which rings there are, of signals that we know. */
static int source_place_rings(struct source *source)
{
	uint8_t count = 0;
	unsigned number;

	for (number = 0; number < REGION_RINGS_MAX; number++) {
		const unsigned signal = ring_signal(number);

		if (source->view.rings[number].shared == NULL)
			continue;
		if (signal >= SIGNAL_COUNT) {
			source->unknown_ring = number;
			continue;
		}
		source->places[number] = ++count;
		source->present |= UINT32_C(1) << number;
		source->signal_bytes[signal] += source->view.rings[number].bytes;
	}
	/* One more: none at all is no lack of memory. */
	source->rings = aligned_alloc(SOURCE_LINE_BYTES, (count + 1u) * sizeof(*source->rings));
	if (source->rings == NULL)
		return -ENOMEM;
	memset(source->rings, 0, (count + 1u) * sizeof(*source->rings));
	return 0;
}

static int source_open_rings(struct source *source)
{
	uint32_t bits;
	int rc = source_place_rings(source);

	for (bits = source->present; rc == 0 && bits != 0; bits &= bits - 1) {
		const unsigned number = ring_first(bits);
		struct source_ring *ring = source_ring(source, number);

		rc = ring_reader_init(&ring->reader, source->view.rings[number].shared,
				      source->view.rings[number].data,
				      source->view.rings[number].bytes, true);
		if (rc < 0)
			return rc;
		ring_reader_get_done(&ring->reader, &ring->staged);
		if (ring->staged.position != ring->reader.read)
			return -EBADMSG; /* changed between two looks */
		ring_begin_entry(ring);
	}
	source_find_used(source);
	return rc;
}

int source_open(struct source **ret, const struct runtime_dir *dir, const char *name,
		uint64_t epoch)
{
	struct source *source = calloc(1, sizeof(*source));
	int rc;

	if (source == NULL)
		return -ENOMEM;
	if (strlen(name) >= sizeof(source->name)) {
		free(source);
		return -EBADMSG;
	}
	strcpy(source->name, name);
	source->dir = dir;
	rc = region_attach(&source->view, dir, name, true);
	if (rc < 0) {
		free(source);
		return rc;
	}
	guard_add(&source->guard, source->view.header, source->view.bytes);
	/* Before a position is read: another writer may be moving them. */
	rc = region_take(&source->view, epoch);
	if (rc == 0)
		rc = source_open_rings(source);
	/* A writer that was killed in its sleep left that word. */
	if (rc == 0) {
		source_set_deep_sleep(source, 0);
		source->snapshots_heard = region_snapshots_taken(&source->view);
	}
	if (rc == 0 && source->guard.has_failed)
		rc = -EBADMSG;
	if (rc < 0) {
		source_close(source);
		return rc;
	}
	*ret = source;
	return 0;
}

void source_close(struct source *source)
{
	guard_remove(&source->guard);
	region_detach(&source->view);
	table_close(&source->table);
	free(source->rings);
	free(source);
}

uint32_t source_lanes(struct source *source, enum otlp_signal signal)
{
	/* PAIR(ring-used): with ring_announce(), and loosely: who sees it late looks late. What
	 * keeps a sleep from missing it is the barrier of control_announce_sleep(). */
	source->used |= region_used(&source->view) & source->present;
	return source->used & ring_bits(signal);
}

void source_find_used(struct source *source)
{
	uint32_t bits;

	for (bits = source->present & ~source->used; bits != 0; bits &= bits - 1) {
		const unsigned number = ring_first(bits);

		if (atomic_load_relaxed_u64(&source->view.rings[number].shared->tail) != 0)
			source->used |= UINT32_C(1) << number;
	}
}

void source_check_alive(struct source *source)
{
	/* Where the kernel cannot say, it counts as alive: nothing is skipped then. */
	if (!source->is_dead && region_is_alive(&source->view) == 0)
		source->is_dead = true;
	/* Its last entries: those of rings that dropped all that came, too. */
	if (source->is_dead)
		source->used = source->present;
}

void source_break(struct source *source)
{
	source->is_broken = true;
	source->used = source->present;
	region_abandon(&source->view);
}

void source_limit(struct source *source)
{
	uint32_t bits;

	source->is_limited = true;
	source->used = source->present;
	for (bits = source->present; bits != 0; bits &= bits - 1) {
		struct source_ring *ring = source_ring(source, ring_first(bits));

		/* A tail that makes no sense: the drain finds it out, and one that goes back then.
		 */
		if (ring_reader_tail(&ring->reader, &ring->limit) < 0)
			ring->limit = ring->reader.read;
		else if (ring->limit > ring->seen_tail)
			ring->seen_tail = ring->limit;
		ring->is_limited = true;
	}
}

bool source_asks_snapshot(const struct source *source)
{
	return !source->is_broken &&
	       region_snapshots_asked(&source->view) != source->snapshots_heard;
}

bool source_hear_snapshot(struct source *source)
{
	const uint32_t asked = region_snapshots_asked(&source->view);
	const bool is_new = !source->is_broken && asked != source->snapshots_heard;

	source->snapshots_heard = asked;
	if (is_new)
		region_set_snapshots_taken(&source->view, asked);
	return is_new;
}

void source_begin_snapshot(struct source *source)
{
	uint32_t bits;

	source_find_used(source);
	for (bits = source->present; bits != 0; bits &= bits - 1) {
		struct source_ring *ring = source_ring(source, ring_first(bits));

		/* One that makes no sense breaks when it is drained. */
		if (ring_reader_tail(&ring->reader, &ring->snapshot_to) < 0)
			ring->snapshot_to = ring->reader.read;
	}
}

bool source_has_snapshot(const struct source *source, bool accept_busy)
{
	uint32_t bits;

	for (bits = source->present; bits != 0 && !source->is_broken; bits &= bits - 1) {
		const struct source_ring *ring = source_ring(source, ring_first(bits));

		if (!ring->is_over && (int64_t)(ring->snapshot_to - ring->reader.read) > 0 &&
		    !(accept_busy && ring->is_busy))
			return false;
	}
	return true;
}

bool source_has_news(const struct source *source)
{
	uint32_t bits = (source->used | region_used(&source->view)) & source->present;

	if (source_asks_snapshot(source))
		return true;
	for (; bits != 0 && !source->is_broken; bits &= bits - 1) {
		const struct source_ring *ring = source_ring(source, ring_first(bits));
		const struct ring_shared *shared = ring->reader.shared;
		uint64_t tail;

		/* What is over is not looked at again, so its news would never get old. */
		if (ring->is_over || ring->final_taken)
			continue;
		tail = atomic_load_relaxed_u64(&shared->tail);
		if (tail != ring->seen_tail && tail - ring->reader.head > ring->reader.bytes / 2)
			return true;
		if (atomic_load_relaxed_u64(&shared->flush_to) != ring->seen_flush_to)
			return true;
	}
	return false;
}

bool source_is_quiet(const struct source *source)
{
	uint32_t bits;

	if (source->is_dead || source->is_broken || source_asks_snapshot(source))
		return false;
	/* All that there are: nobody looks again before a push or the directory wakes us. */
	for (bits = source->present; bits != 0; bits &= bits - 1) {
		const struct source_ring *ring = source_ring(source, ring_first(bits));
		const struct ring_shared *shared = ring->reader.shared;

		if (atomic_load_relaxed_u64(&shared->tail) != ring->reader.head ||
		    atomic_load_relaxed_u64(&shared->flush_to) != ring->seen_flush_to)
			return false;
	}
	return true;
}

void source_set_deep_sleep(struct source *source, uint32_t deep_sleep)
{
	uint32_t bits;

	for (bits = source->present; bits != 0; bits &= bits - 1)
		atomic_store_relaxed_u32(
			&source_ring(source, ring_first(bits))->reader.shared->deep_sleep,
			deep_sleep);
}

uint64_t source_progress(const struct source *source)
{
	uint64_t sum = 0;
	uint32_t bits;

	for (bits = source->present; bits != 0; bits &= bits - 1)
		sum += source_ring(source, ring_first(bits))->reader.read;
	return sum;
}

bool source_waits_for_claim(const struct source *source)
{
	uint32_t bits;

	for (bits = source->busy; bits != 0 && !source->is_broken; bits &= bits - 1) {
		const struct source_ring *ring = source_ring(source, ring_first(bits));

		if (ring->final_taken)
			continue;
		if (ring->seen_tail - ring->reader.head > ring->reader.bytes / 2 ||
		    (int64_t)(ring->seen_flush_to - ring->reader.read) > 0)
			return true;
	}
	return false;
}

bool source_take_late_flush(struct source *source)
{
	bool is_late = source->has_late_flush;

	source->has_late_flush = false;
	return is_late;
}

/* A flush that is new and has nothing to wait for may have looked just before the head moved. */
static void source_look_at_flush(struct source *source, struct source_ring *ring)
{
	uint64_t flush_to = atomic_load_relaxed_u64(&ring->reader.shared->flush_to);

	if (flush_to != ring->seen_flush_to && (int64_t)(flush_to - ring->reader.head) <= 0)
		source->has_late_flush = true;
	ring->seen_flush_to = flush_to;
}

enum take_end { TAKE_OK, TAKE_INVALID, TAKE_FULL, TAKE_BROKEN };

/* What a record costs beside its bytes, as bytes; and how much is compared in the time of one. */
#define SOURCE_RECORD_WORK_BYTES 64u
#define SOURCE_COMPARED_BYTES	 16u

#define SOURCE_AHEAD_BYTES	 1536u /* a few records; more did not help */

/*
 * Ask for the lines that the records behind this one stand in: they come from the producer's cache,
 * and the processor's own prefetcher does not see far enough ahead between all that a record takes.
 * Measured: 9 % of the writer's time. Beyond the ring's end it asks for what is nobody's, which
 * does nothing.
 */
static inline void source_prefetch(const struct ring_entry *entry)
{
	const uint8_t *const ahead = entry->payload + SOURCE_AHEAD_BYTES;
	uint32_t at;

	for (at = 0; at < entry->payload_bytes && at < SOURCE_AHEAD_BYTES; at += SOURCE_LINE_BYTES)
		__builtin_prefetch(ahead + at);
}

/* A record on its way into the stage. */
struct taken_record {
	const uint8_t *bytes;
	size_t bytes_count;
	uint32_t shape_ref; /* of a shaped one, which was made whole; else 0 */
	struct record_view view;
};

/* A private copy of the record, one with a shape made whole. */
static enum take_end source_copy_record(struct source *source, const struct drain *drain,
					const struct ring_entry *entry, struct taken_record *ret,
					uint64_t *work)
{
	struct table_copy shape;
	uint32_t reference;
	int rc;

	memcpy(drain->record, entry->payload, entry->payload_bytes);
	if (source->guard.has_failed)
		return TAKE_BROKEN; /* some of the copy is zeros that nobody wrote */
	ret->bytes = drain->record;
	ret->bytes_count = entry->payload_bytes;
	reference = ret->shape_ref = record_shape_ref(drain->record, entry->payload_bytes);
	if (reference == 0)
		return TAKE_OK;
	rc = table_find(&source->table, &source->view, reference, TABLE_SHAPE, &shape);
	if (rc < 0)
		return rc == -ENOMEM ? TAKE_FULL : TAKE_INVALID;
	*work += shape.bytes_count + entry->payload_bytes;
	if (record_expand_bound(entry->payload_bytes, shape.shape) > DRAIN_WHOLE_BYTES_MAX ||
	    record_expand(drain->record, entry->payload_bytes, shape.shape, drain->whole,
			  &ret->bytes_count) < 0)
		return TAKE_INVALID;
	ret->bytes = drain->whole;
	return TAKE_OK;
}

/*
 * What says which resource and scope a record has, without a look at them: references into a table
 * whose copies never change. A shape's scope is one with the shape, whose number stands behind all
 * references: a scope with this number is another thing.
 */
static struct stage_origin refs_origin(const struct source *source, uint32_t refs,
				       uint32_t shape_ref)
{
	struct stage_origin ret = {source->table.number, refs};

	if (shape_ref != 0)
		ret.refs |= ((uint64_t)shape_ref | UINT64_C(1) << 31) << 32;
	return ret;
}

/* Inline parts say nothing. */
static struct stage_origin record_origin(const struct source *source,
					 const struct taken_record *record)
{
	const struct record_view *const view = &record->view;
	struct stage_origin ret = refs_origin(
		source, RECORD_REFS(view->resource_ref, view->scope_ref), record->shape_ref);

	if (view->resource_ref == 0 || (view->scope != NULL && record->shape_ref == 0))
		ret.table = 0;
	return ret;
}

static bool stage_takes(const struct stage *stage, const struct drain *drain, size_t head_bytes,
			size_t bound)
{
	/* Alone a record may be larger than a batch is meant to be. */
	return stage_is_empty(stage) ||
	       head_bytes + stage_bytes_bound(stage) + bound + BATCH_BLOCK_BYTES <=
		       drain->batch_bytes_max;
}

/* A checked record whose resource or scope was not met in this batch, or is inline. */
static enum take_end source_add(struct source *source, const struct drain *drain,
				struct stage *stage, struct record_view *view,
				const struct stage_origin *origin, size_t head_bytes,
				uint64_t *work)
{
	const uint8_t *resource = view->resource;
	size_t resource_bytes = view->resource_bytes;
	struct table_copy by_reference;
	int rc;

	if (resource == NULL) {
		rc = table_find(&source->table, &source->view, view->resource_ref, TABLE_RESOURCE,
				&by_reference);
		if (rc < 0)
			return rc == -ENOMEM ? TAKE_FULL : TAKE_INVALID;
		resource = by_reference.bytes;
		resource_bytes = by_reference.bytes_count;
		*work += resource_bytes / SOURCE_COMPARED_BYTES;
	}
	if (view->scope_ref != 0) {
		rc = table_find(&source->table, &source->view, view->scope_ref, TABLE_SCOPE,
				&by_reference);
		if (rc < 0)
			return rc == -ENOMEM ? TAKE_FULL : TAKE_INVALID;
		view->scope = by_reference.bytes;
		view->scope_bytes = by_reference.bytes_count;
		*work += view->scope_bytes / SOURCE_COMPARED_BYTES;
	}
	if (!stage_takes(stage, drain, head_bytes, stage_add_bound(view, resource_bytes)))
		return TAKE_FULL;
	/* No memory: it stays in the ring. */
	return stage_add(stage, view, resource, resource_bytes, origin) < 0 ? TAKE_FULL : TAKE_OK;
}

/* A record that was parsed, into the group that its kind belongs to. */
static enum take_end source_add_to(const struct drain *drain, struct stage *stage, uint32_t group,
				   const struct record_view *view, size_t head_bytes)
{
	const size_t bound = encode_bound(view);
	uint8_t *to;

	if (!stage_takes(stage, drain, head_bytes, bound))
		return TAKE_FULL;
	to = stage_room(stage, bound);
	if (to == NULL)
		return TAKE_FULL; /* no memory: it stays in the ring */
	stage_take(stage, group, encode_record(view, to));
	return TAKE_OK;
}

/* What was encoded behind the batch, end NULL if it was not, into a group that is known. */
static inline bool source_take_encoded(const struct source *source, struct stage *stage,
				       const uint8_t *end, uint32_t refs, uint32_t shape_ref)
{
	struct stage_origin origin;
	uint32_t group;

	/* If the file was cut, some of it is zeros that nobody wrote. */
	if (end == NULL || source->guard.has_failed)
		return false;
	origin = refs_origin(source, refs, shape_ref);
	group = stage_find(stage, &origin);
	if (group == STAGE_NO_GROUP)
		return false;
	stage_take(stage, group, end);
	return true;
}

static __attribute__((noinline)) bool
source_take_shaped(struct source *source, const struct drain *drain, struct stage *stage,
		   const struct ring_entry *entry, uint32_t shape_ref, size_t head_bytes)
{
	struct table_copy copy;
	uint32_t refs = 0;
	const uint8_t *end;
	uint8_t *to;
	size_t bound;

	if (table_find(&source->table, &source->view, shape_ref, TABLE_SHAPE, &copy) < 0)
		return false;
	bound = record_expand_bound(entry->payload_bytes, copy.shape);
	if (bound > DRAIN_WHOLE_BYTES_MAX)
		return false;
	bound = ENCODE_GROWTH_MAX * bound + ENCODE_SLACK_BYTES;
	if (!stage_takes(stage, drain, head_bytes, bound))
		return false;
	to = stage_room(stage, bound);
	if (to == NULL)
		return false;
	end = encode_usual_shaped(entry->payload, entry->payload_bytes, copy.shape, to, &refs);
	return source_take_encoded(source, stage, end, refs, shape_ref);
}

/*
 * The usual record, straight from the ring, into a group that is known. False: it goes the long
 * way, which finds out what there is to be found out; nothing has changed.
 */
static bool source_take_usual(struct source *source, const struct drain *drain, struct stage *stage,
			      const struct ring_entry *entry, unsigned number, size_t head_bytes)
{
	const struct ring_reader *const reader = &source_ring(source, number)->reader;
	const enum otlp_signal signal = ring_signal(number);
	const size_t bound = ENCODE_GROWTH_MAX * (size_t)entry->payload_bytes + ENCODE_SLACK_BYTES;
	const size_t to_end = (size_t)(reader->data + reader->bytes - entry->payload);
	uint32_t refs = 0, shape_ref;
	const uint8_t *end;
	uint8_t *to;

	if (signal == OTLP_SIGNAL_METRICS || /* of which none is usual */
	    to_end < (size_t)entry->payload_bytes + RECORD_SLACK_BYTES)
		return false;
	shape_ref = encode_usual_shape_ref(signal, entry->payload, entry->payload_bytes);
	if (shape_ref != 0)
		return source_take_shaped(source, drain, stage, entry, shape_ref, head_bytes);
	if (!stage_takes(stage, drain, head_bytes, bound))
		return false;
	to = stage_room(stage, bound);
	if (to == NULL)
		return false;
	end = encode_usual(signal, entry->payload, entry->payload_bytes, to, &refs);
	return source_take_encoded(source, stage, end, refs, 0);
}

/* One committed record, from the ring into the stage. */
static enum take_end source_take_record(struct source *source, const struct drain *drain,
					struct stage *stage, const struct ring_entry *entry,
					unsigned number, size_t head_bytes, uint32_t *ret_items,
					uint64_t *work)
{
	struct stage_origin origin;
	struct taken_record record;
	enum take_end end;
	uint32_t group;

	source_prefetch(entry);
	if (source_take_usual(source, drain, stage, entry, number, head_bytes)) {
		*ret_items = 1;
		return TAKE_OK;
	}
	end = source_copy_record(source, drain, entry, &record, work);
	if (end != TAKE_OK)
		return end;
	if (record_parse(record.bytes, record.bytes_count, record.bytes_count + RECORD_SLACK_BYTES,
			 &record.view) < 0 ||
	    record.view.signal != ring_signal(number))
		return TAKE_INVALID;
	origin = record_origin(source, &record);
	group = stage_find(stage, &origin);
	if (group == STAGE_NO_GROUP)
		end = source_add(source, drain, stage, &record.view, &origin, head_bytes, work);
	else
		end = source_add_to(drain, stage, group, &record.view, head_bytes);
	*ret_items = record.view.item_count;
	return end;
}

static void ring_take(struct source_ring *ring, const struct ring_entry *entry, uint64_t written,
		      uint64_t invalid, uint64_t torn_bytes)
{
	ring_reader_next(&ring->reader, entry);
	ring->staged.position = ring->reader.read;
	ring->staged.totals.written_items += written;
	ring->staged.totals.invalid_items += invalid;
	ring->staged.totals.torn_bytes += torn_bytes;
	ring->taken.to = ring->reader.read;
	ring->taken.written_items += written;
	ring->taken.invalid_items += invalid;
	ring->taken.torn_bytes += torn_bytes;
}

/* Has anything ever happened in it that the ledger should close with? */
static bool ring_was_used(const struct source_ring *ring)
{
	const struct ring_shared *shared = ring->reader.shared;

	return ring->staged.position != 0 ||
	       atomic_load_relaxed_u64(&shared->dropped_full_items) != 0 ||
	       atomic_load_relaxed_u64(&shared->dropped_too_large_items) != 0 ||
	       atomic_load_relaxed_u64(&shared->dropped_invalid_items) != 0;
}

/* What makes no sense, for the line that says so. */
static enum drain_end source_fault(struct source *source)
{
	source->fault = source->guard.has_failed ? "its file was cut" : "its ring makes no sense";
	return DRAIN_BROKEN;
}

/*
 * Nothing more is there. Whether that is for ever is decided here, once: shared memory may say
 * something else at the next look, and what a batch names must not change while it is closed.
 */
static enum drain_end ring_end(const struct source *source, struct source_ring *ring)
{
	if (source->is_dead && ring->reader.read == ring->seen_tail) {
		ring->is_over = true;
		ring->was_used = ring_was_used(ring);
	}
	return DRAIN_EMPTY;
}

/* Is it the others' turn, by the clock? That is asked each DRAIN_WORK_STEP_BYTES. */
static bool drain_is_late(const struct drain *drain, uint64_t work, uint64_t *asked_at)
{
	if (drain->now_ns == NULL || work - *asked_at < DRAIN_WORK_STEP_BYTES)
		return false;
	*asked_at = work;
	return drain->now_ns() >= drain->until_ns;
}

static enum drain_end source_drain_ring(struct source *source, unsigned number,
					const struct drain *drain, struct stage *stage,
					size_t head_bytes)
{
	struct source_ring *ring = source_ring(source, number);
	struct ring_entry entry;
	uint64_t tail, start, work = 0, asked_at = 0;
	uint32_t items;

	source_look_at_flush(source, ring);
	if (ring_reader_tail(&ring->reader, &tail) < 0)
		return source_fault(source);
	/* It only ever grows: one that went back would be waited for without an end. */
	if (tail < ring->seen_tail)
		return source_fault(source);
	ring->seen_tail = tail;
	if (ring->is_limited && tail - ring->reader.head > ring->limit - ring->reader.head)
		tail = ring->limit;
	ring->is_busy = false;
	start = ring->reader.read;
	/* Each time: who made the region can give its space back between two looks. */
	if (tail != start && region_is_reserved(&source->view) != 1) {
		source->fault = "its space is not reserved";
		return DRAIN_BROKEN;
	}
	while (ring->reader.read - start < drain->quota_bytes &&
	       work < DRAIN_WORK_FACTOR * drain->quota_bytes &&
	       !drain_is_late(drain, work, &asked_at)) {
		if (ring_reader_peek(&ring->reader, tail, source->is_dead, &entry) < 0 ||
		    source->guard.has_failed)
			return source_fault(source);
		switch (entry.kind) {
		case RING_ENTRY_BUSY:
			ring->is_busy = true;
			return DRAIN_EMPTY;
		case RING_ENTRY_NONE:
			return ring_end(source, ring);
		case RING_ENTRY_SKIP:
			ring_take(ring, &entry, 0, 0, 0);
			break;
		case RING_ENTRY_TORN:
			ring_take(ring, &entry, 0, 0, entry.bytes);
			break;
		case RING_ENTRY_RECORD:
			items = 0;
			work += SOURCE_RECORD_WORK_BYTES + entry.bytes;
			switch (source_take_record(source, drain, stage, &entry, number, head_bytes,
						   &items, &work)) {
			case TAKE_OK:
				ring_take(ring, &entry, items, 0, 0);
				break;
			case TAKE_INVALID:
				ring_take(ring, &entry, 0, 1, 0);
				break;
			case TAKE_FULL:
				return DRAIN_FULL;
			case TAKE_BROKEN:
				return source_fault(source);
			}
		}
	}
	return DRAIN_QUOTA;
}

enum drain_end source_drain(struct source *source, unsigned number, const struct drain *drain,
			    struct stage *stage, size_t head_bytes)
{
	struct source_ring *ring = source_ring(source, number);
	const uint32_t bit = UINT32_C(1) << number;
	enum drain_end end;

	if (ring == NULL || source->is_broken || ring->is_over || ring->final_taken)
		return DRAIN_EMPTY;
	source->used |= bit; /* whatever the producer says */
	end = source_drain_ring(source, number, drain, stage, head_bytes);
	if (ring->taken.to != ring->taken.from)
		source->taken |= bit;
	source->busy = ring->is_busy ? source->busy | bit : source->busy & ~bit;
	return end;
}

bool source_is_idle(struct source *source, enum otlp_signal signal)
{
	uint32_t bits = source_lanes(source, signal);

	if (source->is_dead || source->is_broken || source->is_limited)
		return false;
	for (; bits != 0; bits &= bits - 1) {
		const struct source_ring *ring = source_ring(source, ring_first(bits));
		const struct ring_shared *shared = ring->reader.shared;

		if (ring->reader.read != ring->seen_tail ||
		    atomic_load_relaxed_u64(&shared->tail) != ring->seen_tail ||
		    atomic_load_relaxed_u64(&shared->flush_to) != ring->seen_flush_to)
			return false;
	}
	/* Behind the loads: of a file that was cut they are zeros that nobody wrote. */
	return !source->guard.has_failed;
}

void source_look(struct source *source, enum otlp_signal signal)
{
	uint32_t bits = source_lanes(source, signal);
	uint64_t tail;

	for (; bits != 0 && !source->is_broken; bits &= bits - 1) {
		struct source_ring *ring = source_ring(source, ring_first(bits));

		if (ring->is_over || ring->final_taken)
			continue;
		source_look_at_flush(source, ring);
		/* One that makes no sense is for the drain to find out. */
		if (ring_reader_tail(&ring->reader, &tail) == 0 && tail > ring->seen_tail)
			ring->seen_tail = tail;
	}
}

bool source_ring_is_final_due(const struct source *source, unsigned number)
{
	const struct source_ring *ring = source_ring(source, number);

	if (ring == NULL || ring->final_taken)
		return false;
	return source->is_broken || (ring->is_over && ring->was_used);
}

void source_take_entry(struct source *source, unsigned number, struct batch_entry *ret)
{
	struct source_ring *ring = source_ring(source, number);
	const struct ring_shared *shared = ring->reader.shared;
	struct batch_entry entry = ring->taken;

	entry.region_id = source->view.region_id;
	entry.pid = source->view.pid;
	entry.ring = (uint16_t)number;
	entry.start_unix_ns = source->view.start_unix_ns;
	entry.accepted_items = atomic_load_relaxed_u64(&shared->accepted_items);
	entry.dropped_full_items = atomic_load_relaxed_u64(&shared->dropped_full_items);
	entry.dropped_too_large_items = atomic_load_relaxed_u64(&shared->dropped_too_large_items);
	entry.dropped_invalid_items = atomic_load_relaxed_u64(&shared->dropped_invalid_items);
	if (source_is_final_due(source, number)) {
		entry.flags |= BATCH_ENTRY_FINAL;
		if (source->is_broken)
			entry.flags |= BATCH_ENTRY_BROKEN;
		else if (region_is_closed(&source->view))
			entry.flags |= BATCH_ENTRY_CLOSED;
		ring->final_taken = true;
	}
	*ret = entry;
	ring_begin_entry(ring);
	source->taken &= ~(UINT32_C(1) << number);
}

bool source_release(struct source *source, unsigned number, const struct ring_done *done,
		    bool is_final)
{
	struct source_ring *ring = source_ring(source, number);
	uint64_t before = ring->reader.head;
	uint64_t flush_to = atomic_load_relaxed_u64(&ring->reader.shared->flush_to);

	if (!ring->is_overruled)
		ring_reader_release(&ring->reader, done);
	if (is_final)
		ring->final_done = true;
	return flush_to - before - 1 < done->position - before;
}

bool source_wants_flush(const struct source *source, enum otlp_signal signal)
{
	uint32_t bits;

	for (bits = source->taken & ring_bits(signal); bits != 0; bits &= bits - 1) {
		const struct source_ring *ring = source_ring(source, ring_first(bits));
		uint64_t flush_to = atomic_load_relaxed_u64(&ring->reader.shared->flush_to);

		if ((int64_t)(flush_to - ring->taken.from) > 0)
			return true;
	}
	return false;
}

/* A quarter of all lanes; or half of one, since whoever pushes there would soon have to go
 * elsewhere.
 */
uint64_t source_wants_release(const struct source *source, enum otlp_signal signal)
{
	uint64_t held_bytes = 0, lane_bytes = 0;
	uint32_t bits;

	if ((source->taken & ring_bits(signal)) == 0)
		return 0;
	for (bits = source->used & ring_bits(signal); bits != 0; bits &= bits - 1) {
		const struct source_ring *ring = source_ring(source, ring_first(bits));
		const uint64_t bytes = ring->reader.read - ring->reader.head;

		held_bytes += bytes;
		if (source_has_taken(source, ring_first(bits)) && bytes > ring->reader.bytes / 2 &&
		    ring->reader.bytes > lane_bytes)
			lane_bytes = ring->reader.bytes;
	}
	if (held_bytes > source->signal_bytes[signal] / 4)
		return source->signal_bytes[signal];
	return 2 * lane_bytes;
}

static bool ring_is_at_limit(const struct source_ring *ring, bool accept_busy)
{
	return ring->is_limited && ring->taken.to == ring->taken.from && !ring->final_taken &&
	       (ring->reader.read == ring->limit || (ring->is_busy && accept_busy));
}

bool source_is_at_limit(const struct source *source, bool accept_busy)
{
	uint32_t bits;

	/* What is dead or broken is finished, or will be. */
	if (source->jobs != 0 || source->is_dead || source->is_broken)
		return false;
	for (bits = source->present; bits != 0; bits &= bits - 1)
		if (!ring_is_at_limit(source_ring(source, ring_first(bits)), accept_busy))
			return false;
	return true;
}

bool source_is_finished(const struct source *source)
{
	uint32_t bits;

	if (source->jobs != 0 || !(source->is_dead || source->is_broken))
		return false;
	for (bits = source->present; bits != 0; bits &= bits - 1) {
		const struct source_ring *ring = source_ring(source, ring_first(bits));

		if (ring->final_done)
			continue;
		/* A ring that was never used has no last entry. */
		if (source->is_broken || !ring->is_over || ring->was_used)
			return false;
	}
	return true;
}
