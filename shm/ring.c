/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring's cold producer part and its reader. The hot path is in ring.h. What
 * a payload means, and whether a producer lives, is for others to know.
 */
#include "shm/ring.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* How often a monitor looks again when the writer moved the head meanwhile. */
#define RING_LOOKS_MAX	    1000
#define RING_HOLE_BYTES_MAX (UINT64_C(64) << 10)

void ring_init(struct ring *ring, struct ring_shared *shared, uint8_t *data, uint64_t bytes)
{
	assert(bytes >= RING_BYTES_MIN && (bytes & (bytes - 1)) == 0);
	ring->shared = shared;
	ring->data = data;
	ring->bytes = bytes;
	ring->payload_bytes_max = ring_payload_bytes_max(bytes);
	ring->used = NULL;
	ring->used_bit = 0;
	ring->is_announced = 1;
	ring_refresh_head(ring);
}

void ring_init_unused(struct ring *ring, struct ring_shared *shared, uint8_t *data, uint64_t bytes,
		      uint32_t *used, uint32_t used_bit)
{
	ring_init(ring, shared, data, bytes);
	ring->used = used;
	ring->used_bit = used_bit;
	ring->is_announced = 0;
	/* As if it were full: so the first claim asks for the head, which is where it is announced,
	 * and the others do not pay for that. */
	ring->cached_head = ring->cached_head - bytes;
}

__attribute__((cold, noinline)) void ring_announce(struct ring *ring)
{
	(void)atomic_or_relaxed_u32(ring->used, ring->used_bit);
	/* PAIR(ring-used): with ring_refresh_head(). */
	atomic_store_release_u32(&ring->is_announced, 1);
}

void ring_reader_get_done(const struct ring_reader *reader, struct ring_done *ret)
{
	const struct ring_shared *shared = reader->shared;
	uint32_t slot;

	/* PAIR(ring-done): with ring_reader_release() of a writer that may have been
	 * killed since: the slot's content comes with its number. */
	slot = atomic_load_acquire_u32(&shared->done_slot) & 1;
	memcpy(ret, &shared->done[slot], sizeof(*ret));
}

/* Zero the bytes of [from, to), at most one whole ring. */
static void reader_zero(struct ring_reader *reader, uint64_t from, uint64_t to)
{
	uint64_t offset = from & (reader->bytes - 1);
	uint64_t count = to - from;
	uint64_t first = count < reader->bytes - offset ? count : reader->bytes - offset;

	memset(reader->data + offset, 0, first);
	memset(reader->data, 0, count - first);
}

static void reader_move_head(struct ring_reader *reader, uint64_t to)
{
	reader_zero(reader, reader->head, to);
	/* PAIR(ring-head) PAIR(ring-look): with ring_refresh_head(): who sees the head sees
	 * zeroes below it; with ring_reader_init() of a monitor: and done with it. */
	atomic_store_release_u64(&reader->shared->head, to);
	reader->head = to;
}

/* Read where the last reader left off, and check it. */
static int reader_load(struct ring_reader *reader)
{
	struct ring_done done;
	uint64_t tail;

	/* PAIR(ring-look): with reader_move_head() of a writer at work: done is not older. */
	reader->head = atomic_load_acquire_u64(&reader->shared->head);
	ring_reader_get_done(reader, &done);
	reader->read = done.position;
	if (done.position < reader->head || done.position % ENTRY_ALIGN_BYTES != 0)
		return -EBADMSG;
	return ring_reader_tail(reader, &tail);
}

int ring_reader_init(struct ring_reader *reader, struct ring_shared *shared, uint8_t *data,
		     uint64_t bytes, bool writable)
{
	unsigned tries = 0;
	bool same;
	int rc;

	reader->shared = shared;
	reader->data = data;
	reader->bytes = bytes;
	reader->payload_bytes_max = ring_payload_bytes_bound(bytes);
	do {
		rc = reader_load(reader);
		/* PAIR(ring-look): with reader_move_head() of a writer at work beside a
		 * monitor: where the head stood still, done and tail belong to it. */
		atomic_fence_load();
		same = atomic_load_relaxed_u64(&shared->head) == reader->head;
	} while (!writable && !same && ++tries < RING_LOOKS_MAX);
	if (rc < 0)
		return rc;
	/* PAIR(ring-done-first): with ring_reader_release() of a writer that was killed: what
	 * it zeroed is below the position that we just read. */
	if (writable && reader->head != reader->read)
		reader_move_head(reader, reader->read);
	return 0;
}

int ring_reader_tail(const struct ring_reader *reader, uint64_t *ret)
{
	/* Relaxed: what counts is each entry's own word, and that is read with acquire. A
	 * dead producer's stores were all made before its lock was seen free. */
	uint64_t tail = atomic_load_relaxed_u64(&reader->shared->tail);

	/* Plain order, not differences: positions never wrap, and one that seems to would
	 * make ranges that run backwards. */
	if (tail < reader->read || tail - reader->head > reader->bytes ||
	    tail % ENTRY_ALIGN_BYTES != 0)
		return -EBADMSG;
	*ret = tail;
	return 0;
}

static uint64_t reader_word(const struct ring_reader *reader, uint64_t position)
{
	const uint8_t *at = reader->data + (position & (reader->bytes - 1));

	/* PAIR(ring-commit) PAIR(ring-abort) PAIR(ring-padding) PAIR(ring-claim-word): with
	 * ring_commit(), ring_abort() and ring_claim(): all stores up to it come with the word. */
	return atomic_load_acquire_u64((const uint64_t *)(const void *)at);
}

/*
 * A claim whose header was never stored: zeros up to the next header, at most to the tail. A large
 * hole is skipped in steps, so that who drains it can look after others in between.
 */
static uint64_t reader_hole_bytes(const struct ring_reader *reader, uint64_t tail)
{
	uint64_t position = reader->read;

	if (tail - position > RING_HOLE_BYTES_MAX)
		tail = position + RING_HOLE_BYTES_MAX;
	while (position < tail && reader_word(reader, position) == 0)
		position += ENTRY_ALIGN_BYTES;
	return position - reader->read;
}

int ring_reader_peek(const struct ring_reader *reader, uint64_t tail, bool dead,
		     struct ring_entry *ret)
{
	const uint64_t offset = reader->read & (reader->bytes - 1);
	const uint64_t to_end = reader->bytes - offset;
	const uint64_t to_tail = tail - reader->read;
	uint64_t word, bytes;
	uint32_t state;

	memset(ret, 0, sizeof(*ret));
	if (to_tail == 0)
		return 0;
	word = reader_word(reader, reader->read);
	if (word == 0) {
		ret->kind = dead ? RING_ENTRY_TORN : RING_ENTRY_BUSY;
		ret->bytes = dead ? reader_hole_bytes(reader, tail) : 0;
		return 0;
	}
	state = entry_state(word);
	bytes = entry_bytes(entry_payload_bytes(word));
	if (bytes > to_end || bytes > to_tail)
		return -EBADMSG;
	if (state == ENTRY_PADDING) {
		if (bytes != to_end)
			return -EBADMSG;
		ret->kind = RING_ENTRY_SKIP;
		ret->bytes = bytes;
		return 0;
	}
	if (entry_payload_bytes(word) == 0 || entry_payload_bytes(word) > reader->payload_bytes_max)
		return -EBADMSG;
	ret->payload_bytes = entry_payload_bytes(word);
	switch (state) {
	case ENTRY_COMMITTED:
		ret->kind = RING_ENTRY_RECORD;
		ret->payload = reader->data + offset + ENTRY_HEADER_BYTES;
		break;
	case ENTRY_ABORTED:
		ret->kind = RING_ENTRY_SKIP;
		ret->is_given_up = true;
		break;
	case ENTRY_CLAIMED:
		ret->kind = dead ? RING_ENTRY_TORN : RING_ENTRY_BUSY;
		break;
	default:
		return -EBADMSG;
	}
	ret->bytes = ret->kind == RING_ENTRY_BUSY ? 0 : bytes;
	return 0;
}

void ring_reader_release(struct ring_reader *reader, const struct ring_done *done)
{
	struct ring_shared *shared = reader->shared;
	uint32_t slot = (atomic_load_relaxed_u32(&shared->done_slot) & 1) ^ 1;

	assert(done->position - reader->head <= reader->read - reader->head);
	/* Done first: a writer that is killed during the zeroing must not leave the next one
	 * half of an entry to read. */
	memcpy(&shared->done[slot], done, sizeof(*done));
	/* PAIR(ring-done): with ring_reader_get_done() of the next writer. */
	atomic_store_release_u32(&shared->done_slot, slot);
	/* PAIR(ring-done-first): with ring_reader_init() of the next writer, through the
	 * kill: no zero may be seen without the position that says it is one. */
	atomic_fence_store();
	reader_move_head(reader, done->position);
}
