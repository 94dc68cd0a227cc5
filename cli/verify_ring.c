/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two things move while a ring is looked at.
 *
 * The writer takes entries, and zeroes them. It stores its done position before that, so a walk is
 * good if that position is the same afterwards; if not, what it met may have been zeros, and it is
 * walked again from the new position to the same tail: shorter each time.
 *
 * Producers claim, and what they claim is counted as accepted at once; a claim that is given up
 * leaves that count again. So the tail and the count are read as they were in one moment, and the
 * walk finds every claim that the count has, but those that were given up after that moment. Which
 * of the given-up ones are these? Not those that were seen given up before it: hence a first pass,
 * up to the moment, that notes which claims are still open. Of those that were, and of those that
 * the pass did not meet, what became of them is in doubt, unless they are found committed. A look
 * without doubt is exact, and there are several; if none is, it is known how many are in doubt: a
 * claim for each thread that is just pushing.
 */
#include "cli/verify_ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/record/record.h"

#define LOOKS_MAX	20
#define LOOKS_EXACT_MAX 5 /* without doubt */
/* Bounds for what only a liar reaches: the writer going on, claims being committed meanwhile. */
#define WALK_ROUNDS_MAX	 10000
#define WALK_CHANGES_MAX 1000000
#define PAUSE_NS	 1000000L
/* The first pass follows the tail at most so often: producers may be as quick. */
#define PASS_ROUNDS_MAX	 8
#define PASS_OPEN_MAX	 65536
#define MOMENT_TRIES_MAX 100000

/* Positions of claims that were open when the first pass was there; they may be several in one. */
struct span {
	uint64_t from, to;
};

struct look {
	const struct region_view *view;
	unsigned number;   /* of the ring */
	struct span *open; /* in their order */
	size_t open_count;
	size_t open_capacity;
	uint64_t passed; /* before this position the first pass met everything */
};

static struct verify_held *held_add(struct verify_live *live)
{
	if (live->held_count == live->held_capacity) {
		size_t capacity = live->held_capacity != 0 ? live->held_capacity * 2 : 1024;
		struct verify_held *larger = reallocarray(live->held, capacity, sizeof(*larger));

		if (larger == NULL)
			return NULL;
		live->held = larger;
		live->held_capacity = capacity;
	}
	return &live->held[live->held_count++];
}

/* ---- where the writer is ---- */

/* -EBADMSG: it makes no sense, at this moment at least. */
static int look_done(const struct look *look, struct ring_reader *reader, struct verify_live *live)
{
	const struct region_view *view = look->view;
	struct ring_done done;
	int rc;

	rc = ring_reader_init(reader, view->rings[look->number].shared,
			      view->rings[look->number].data, view->rings[look->number].bytes,
			      false);
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

/* ---- the first pass ---- */

static int open_add(struct look *look, uint64_t from, uint64_t to)
{
	if (look->open_count == PASS_OPEN_MAX)
		return -EBADMSG;
	if (look->open_count == look->open_capacity) {
		size_t capacity = look->open_capacity != 0 ? look->open_capacity * 2 : 64;
		struct span *larger = reallocarray(look->open, capacity, sizeof(*larger));

		if (larger == NULL)
			return -ENOMEM;
		look->open = larger;
		look->open_capacity = capacity;
	}
	look->open[look->open_count++] = (struct span){from, to};
	return 0;
}

/* Note what is open from the reader's position to the tail. */
static int pass_on(struct look *look, struct ring_reader *reader, uint64_t tail)
{
	int rc = 0;

	while (rc == 0 && reader->read != tail) {
		struct ring_entry entry;

		rc = ring_reader_peek(reader, tail, true, &entry);
		if (rc == 0 && entry.bytes == 0)
			rc = -EBADMSG;
		if (rc == 0 && entry.kind == RING_ENTRY_TORN)
			rc = open_add(look, reader->read, reader->read + entry.bytes);
		if (rc == 0)
			ring_reader_next(reader, &entry);
	}
	return rc;
}

/* Forget those that are not open any more. */
static int pass_again(struct look *look, struct ring_reader reader)
{
	size_t count = look->open_count, i;
	int rc = 0;

	look->open_count = 0;
	for (i = 0; rc == 0 && i < count; i++) {
		const struct span span = look->open[i];

		reader.read = span.from;
		/* No more spans than before come of it: what is resolved takes none. */
		while (rc == 0 && reader.read < span.to) {
			struct ring_entry entry;

			rc = ring_reader_peek(&reader, span.to, true, &entry);
			if (rc < 0 || entry.bytes == 0 || entry.kind == RING_ENTRY_TORN)
				break;
			ring_reader_next(&reader, &entry);
		}
		/* Where its structure makes no sense just now it stays as it was. */
		if (reader.read < span.to)
			look->open[look->open_count++] = (struct span){reader.read, span.to};
		rc = 0;
	}
	return rc;
}

static int first_pass(struct look *look, struct ring_reader reader)
{
	unsigned rounds;
	uint64_t tail;
	int rc = 0;

	look->open_count = 0;
	for (rounds = 0; rc == 0 && rounds < PASS_ROUNDS_MAX; rounds++) {
		rc = ring_reader_tail(&reader, &tail);
		if (rc == 0 && tail == reader.read && look->open_count == 0)
			break;
		if (rc == 0)
			rc = pass_on(look, &reader, tail);
		if (rc == 0)
			rc = pass_again(look, reader);
	}
	look->passed = reader.read;
	return rc;
}

/* Did the first pass see that no claim is open there? */
static bool was_passed(const struct look *look, uint64_t from, uint64_t to)
{
	size_t low = 0, high = look->open_count;

	if (to > look->passed)
		return false;
	/* The first span that ends behind it. */
	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (look->open[middle].to <= from)
			low = middle + 1;
		else
			high = middle;
	}
	return low == look->open_count || look->open[low].from >= to;
}

/* How many items at most a claim of which nothing else is known may have. */
static uint64_t items_of(uint64_t bytes)
{
	return (bytes + VERIFY_ITEM_BYTES_MIN - 1) / VERIFY_ITEM_BYTES_MIN;
}

/* In front of this position: what the first pass left open, or did not meet. */
static uint64_t doubt_before(const struct look *look, uint64_t position)
{
	uint64_t bytes = position > look->passed ? position - look->passed : 0;
	size_t i;

	for (i = 0; i < look->open_count && look->open[i].from < position; i++)
		bytes += (look->open[i].to < position ? look->open[i].to : position) -
			 look->open[i].from;
	return items_of(bytes);
}

/* ---- the moment ---- */

/* The tail, and how many were accepted when it was there. */
static int look_moment(const struct look *look, const struct ring_reader *reader,
		       struct verify_live *live)
{
	const struct ring_shared *shared = look->view->rings[look->number].shared;
	unsigned tries;
	uint64_t tail;
	int rc;

	for (tries = 0; tries < MOMENT_TRIES_MAX; tries++) {
		rc = ring_reader_tail(reader, &live->tail);
		if (rc < 0)
			return rc;
		/* Both words are one to the producers' compare-and-swap, and the tail only grows:
		 * where it is the same before and after, the count was its own. */
		atomic_fence_load();
		live->counters.accepted_items = atomic_load_relaxed_u64(&shared->accepted_items);
		atomic_fence_load();
		rc = ring_reader_tail(reader, &tail);
		if (rc < 0)
			return rc;
		if (tail == live->tail)
			break;
	}
	live->counters.dropped_full_items = atomic_load_relaxed_u64(&shared->dropped_full_items);
	live->counters.dropped_too_large_items =
		atomic_load_relaxed_u64(&shared->dropped_too_large_items);
	live->counters.dropped_invalid_items =
		atomic_load_relaxed_u64(&shared->dropped_invalid_items);
	return tries < MOMENT_TRIES_MAX ? 0 : -EBADMSG;
}

/* ---- the walk ---- */

/* The items that the writer would count for a committed entry. */
static uint32_t record_items(uint8_t *buffer, const struct ring_entry *entry, unsigned signal)
{
	struct record_view view;

	memcpy(buffer, entry->payload, entry->payload_bytes);
	if (record_parse(buffer, entry->payload_bytes, entry->payload_bytes, &view) < 0 ||
	    view.signal != signal)
		return 1; /* one by its shape, or one that is invalid: an item each */
	return view.item_count;
}

static int hold(struct verify *verify, const struct look *look, const struct ring_reader *reader,
		const struct ring_entry *entry, struct verify_live *live)
{
	struct verify_held *held = held_add(live);

	if (held == NULL)
		return -ENOMEM;
	*held = (struct verify_held){.bytes = (uint32_t)entry->bytes};
	if (entry->kind == RING_ENTRY_RECORD)
		held->items =
			record_items(verify->record, entry, ring_signal(look->number)) & INT32_MAX;
	held->is_open = entry->kind == RING_ENTRY_TORN;
	if (held->is_open ||
	    (entry->is_given_up && !was_passed(look, reader->read, reader->read + entry->bytes)))
		/* A record of spans is one; where no header is, there may be several. */
		live->doubt_items += ring_signal(look->number) != OTLP_SIGNAL_METRICS &&
						     entry->payload_bytes != 0
					     ? 1
					     : items_of(entry->bytes);
	return 0;
}

/*
 * Note every entry up to the tail. Claims that are not committed are stepped over like those of
 * a dead producer. Where the claim's header is not stored yet, that ends at the next word that
 * is not zero. Could that be a byte of the payload that this claim is just getting? The header is
 * stored before it, so a second look would see the header, and differ.
 */
static int walk(struct verify *verify, const struct look *look, struct ring_reader *reader,
		struct verify_live *live)
{
	unsigned changes = 0;

	live->held_count = 0;
	live->doubt_items = 0;
	while (reader->read != live->tail) {
		struct ring_entry entry, again;
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
		if (entry.bytes == 0)
			return -EBADMSG;
		rc = hold(verify, look, reader, &entry, live);
		if (rc < 0)
			return rc;
		ring_reader_next(reader, &entry);
	}
	return 0;
}

/* Walk until the writer took nothing meanwhile, or everything. */
static int look_once(struct verify *verify, struct look *look, struct verify_live *live)
{
	struct ring_reader reader;
	unsigned rounds;
	int rc, again;

	live->doubt_items = 0;
	rc = look_done(look, &reader, live);
	if (rc == 0)
		rc = first_pass(look, reader);
	if (rc == 0)
		rc = look_moment(look, &reader, live);
	for (rounds = 0; rc != -ENOMEM && rounds < WALK_ROUNDS_MAX; rounds++) {
		const uint64_t done = live->done;

		if (rc == 0)
			rc = walk(verify, look, &reader, live);
		if (rc == -ENOMEM)
			return rc;
		again = look_done(look, &reader, live);
		if (again < 0)
			return again;
		if (live->done == done) {
			live->doubt_items += doubt_before(look, done);
			return rc;
		}
		if (live->done < done)
			break;
		if (live->done >= live->tail) {
			live->held_count = 0;
			live->doubt_items = doubt_before(look, live->tail);
			return 0;
		}
		rc = 0;
	}
	return rc == -ENOMEM ? rc : -EBADMSG;
}

/* Keep this look, and go on with the memory of the one kept before. */
static void keep_look(struct verify_live *kept, struct verify_live *live)
{
	const struct verify_live before = *kept;

	*kept = *live;
	live->held = before.held;
	live->held_capacity = before.held_capacity;
}

int verify_ring_look(struct verify *verify, const struct region_view *view,
		     const struct guard *guard, unsigned number, bool is_alive,
		     struct verify_live *ret)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	struct look look = {.view = view, .number = number};
	struct verify_live live = {0};
	bool is_exact = false;
	unsigned looks;
	int rc = 0;

	for (looks = 0; !is_exact && looks < (ret->is_present ? LOOKS_EXACT_MAX : LOOKS_MAX);
	     looks++) {
		if (looks > 0)
			nanosleep(&pause, NULL);
		rc = look_once(verify, &look, &live);
		if (rc == -ENOMEM || guard->has_failed)
			break;
		/* A dead producer gives nothing up any more. */
		is_exact = rc == 0 && (live.doubt_items == 0 || !is_alive);
		if (rc == 0 &&
		    (is_exact || !ret->is_present || live.doubt_items < ret->doubt_items)) {
			live.is_present = true;
			keep_look(ret, &live);
		}
	}
	free(live.held);
	free(look.open);
	if (rc == -ENOMEM)
		return rc;
	return ret->is_present && !guard->has_failed ? 0 : -EBADMSG;
}
