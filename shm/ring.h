/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A multi-producer, single-consumer byte ring in shared memory (layout.h).
 *
 * Producers: claim() takes space and counts its items with one compare-and-swap,
 * or says at once that there is none; the caller then writes the payload and commits.
 * Nobody waits for anybody: entries are committed in any order, each in its own
 * header word. Both calls are lock-free and async-signal-safe.
 *
 * Consumer: one process, one thread. It reads entries in order of position,
 * stops at one that is claimed and not yet committed, and gives space back only
 * with ring_reader_release(), after what it read is safe elsewhere.
 *
 * Why every consumed byte is zeroed before the head moves: a header word that
 * was never stored must read as zero, so that a producer's death between the
 * compare-and-swap and that store leaves a run of zeros that ends at the next
 * header word, and so can be skipped without guessing.
 */
#ifndef OTLPIPE_SHM_RING_H
#define OTLPIPE_SHM_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/atomic.h"
#include "shm/layout.h"

/* A producer process's view of one ring; shared by its threads. */
struct ring {
	struct ring_shared *shared;
	uint8_t *data;
	uint64_t bytes;
	uint64_t payload_bytes_max;
	uint32_t *used;	       /* region_header.rings_used; NULL: a ring alone */
	uint32_t used_bit;     /* of this ring */
	uint32_t is_announced; /* that bit is set there */
	/* The newest head that any thread has seen: saves the read of the writer's line. */
	_Alignas(LAYOUT_LINE_BYTES) uint64_t cached_head;
};

static_assert(sizeof(struct ring) == 256, "the next one begins on a line of its own");

struct ring_claim {
	uint8_t *payload; /* payload_bytes of it, zeroed */
	uint64_t *word;
	uint32_t payload_bytes;
	uint32_t items;
	bool passes_half; /* this claim took the ring past half full: worth a wake-up */
};

/**
 * The largest payload that one ring takes: a quarter of it, header included. A lane takes a quarter
 * of all that its signal has, but no more than ring_payload_bytes_bound().
 */
static inline uint64_t ring_payload_bytes_max(uint64_t ring_bytes)
{
	uint64_t quarter = ring_bytes / 4 - ENTRY_HEADER_BYTES;

	return quarter < RING_PAYLOAD_BYTES_MAX ? quarter : RING_PAYLOAD_BYTES_MAX;
}

/** No payload is larger, which a reader relies on: it fits into an empty ring at any position. */
static inline uint64_t ring_payload_bytes_bound(uint64_t ring_bytes)
{
	uint64_t half = ring_bytes / 2 - ENTRY_HEADER_BYTES;

	return half < RING_PAYLOAD_BYTES_MAX ? half : RING_PAYLOAD_BYTES_MAX;
}

void ring_init(struct ring *ring, struct ring_shared *shared, uint8_t *data, uint64_t bytes);

/** The same with a ring that was never used, and that says so in the region's header when it is. */
void ring_init_unused(struct ring *ring, struct ring_shared *shared, uint8_t *data, uint64_t bytes,
		      uint32_t *used, uint32_t used_bit);

void ring_announce(struct ring *ring);

/** The head as the writer last stored it, remembered for the next claims. */
static inline uint64_t ring_refresh_head(struct ring *ring)
{
	/* PAIR(ring-used): with ring_announce() in another thread: the bit comes before our claim.
	 * Nobody claims in a ring without having been here, or after one who was. */
	if (__builtin_expect(atomic_load_acquire_u32(&ring->is_announced) == 0, 0))
		ring_announce(ring);
	/* PAIR(ring-head): with ring_reader_release(). The zeroes that the writer stored
	 * there come before our stores, so weaker would let them overwrite our entry. */
	uint64_t head = atomic_load_acquire_u64(&ring->shared->head);

	/* PAIR(ring-cached-head): with ring_claim() in another thread of this process,
	 * which then may rely on the same zeroes without reading the head itself. */
	atomic_store_release_u64(&ring->cached_head, head);
	return head;
}

/**
 * Claim an entry.
 *
 * @param payload_bytes  1 to payload_bytes_max, checked by the caller
 * @param items          what it adds to the ring's accepted_items
 * @return true, and ret is set and must be committed or aborted; false: full
 */
static inline bool ring_claim(struct ring *ring, uint32_t payload_bytes, uint32_t items,
			      struct ring_claim *ret)
{
	struct ring_shared *const shared = ring->shared;
	uint8_t *const data = ring->data;
	const uint64_t ring_bytes = ring->bytes;
	const uint64_t bytes = entry_bytes(payload_bytes);
	const uint64_t half = ring_bytes / 2;
	uint64_t head, tail, accepted, end, offset, padding;
	bool is_near_half;

	ret->passes_half = false;
	do {
		/* PAIR(ring-cached-head): with ring_refresh_head(). */
		head = atomic_load_acquire_u64(&ring->cached_head);
		tail = atomic_load_relaxed_u64(&shared->tail);
		accepted = atomic_load_relaxed_u64(&shared->accepted_items);
		/* A tail that somebody else misaligned must not lead us behind the data. */
		offset = tail & (ring_bytes - ENTRY_ALIGN_BYTES);
		padding = bytes > ring_bytes - offset ? ring_bytes - offset : 0;
		end = tail + padding + bytes;
		is_near_half = false;
		/* Signed: another thread's head may be beyond our tail, which then is old
		 * and fails the compare-and-swap. */
		if (__builtin_expect((int64_t)(end - head) > (int64_t)half, 0)) {
			head = ring_refresh_head(ring);
			if ((int64_t)(end - head) > (int64_t)ring_bytes)
				return false;
			is_near_half = true;
		}
		/* Both at once: a second locked instruction would cost what the claim does, and
		 * wait for the payload's stores. */
	} while (!atomic_cas_relaxed_pair(shared->claimed, tail, accepted, end, accepted + items));

	if (__builtin_expect(is_near_half, 0)) {
		/* By the head of now: by an older one the ring may have been beyond half already,
		 * and a writer that moved it since and then looked did not see our tail. One that
		 * moves it after this load does: control_announce_sleep() is our barrier too. */
		head = ring_refresh_head(ring);
		ret->passes_half = (int64_t)(end - head) > (int64_t)half &&
				   (int64_t)(tail - head) <= (int64_t)half;
	}

	if (__builtin_expect(padding != 0, 0)) {
		/* PAIR(ring-padding): with ring_reader_peek(): this store comes before the
		 * writer's zeroes over it. */
		atomic_store_release_u64(
			(uint64_t *)(void *)(data + offset),
			entry_word(ENTRY_PADDING, (uint32_t)(padding - ENTRY_HEADER_BYTES)));
		offset = 0;
	}
	ret->word = (uint64_t *)(void *)(data + offset);
	ret->payload = data + offset + ENTRY_HEADER_BYTES;
	ret->payload_bytes = payload_bytes;
	ret->items = items;
	atomic_store_relaxed_u64(ret->word, entry_word(ENTRY_CLAIMED, payload_bytes));
	/* PAIR(ring-claim-word): with ring_reader_peek() after this process died. No payload
	 * byte may be seen without the header in front of it, or it would be taken for one.
	 * PAIR(deep-sleep): with deep_announce() of a writer: it sees the tail that we moved, or
	 * ring_deep_sleep() sees that it sleeps. */
	atomic_fence_claim();
	return true;
}

/**
 * Behind a commit: does the writer sleep until somebody wakes it?
 *
 * @return 0, or what ring_woke_writer() takes
 */
static inline uint32_t ring_deep_sleep(const struct ring *ring)
{
	return atomic_load_relaxed_u32(&ring->shared->deep_sleep);
}

/**
 * It was woken from that sleep: the next push need not do it again. Not before, since who is killed
 * in between wakes nobody. And not from a later sleep, should this thread have been held up.
 */
static inline void ring_woke_writer(struct ring *ring, uint32_t deep_sleep)
{
	(void)atomic_cas_relaxed_u32(&ring->shared->deep_sleep, deep_sleep, 0);
}

static inline void ring_commit(const struct ring_claim *claim)
{
	/* PAIR(ring-commit): with ring_reader_peek(): who sees the word sees the payload. */
	atomic_store_release_u64(claim->word, entry_word(ENTRY_COMMITTED, claim->payload_bytes));
}

#define RING_CACHE_LINE 64u /* of every processor that we know of, or more */

/** Ask for a line as its next writer. */
static inline void ring_prefetch(uintptr_t line)
{
#if defined(__x86_64__)
	/* By hand: the compiler takes prefetchw only where it may count on more than the oldest
	 * processors, and else asks as a reader, so that the first store has to ask again. */
	__asm__ volatile("prefetchw %0" : : "m"(*(const char *)line));
#else
	__builtin_prefetch((const void *)line, 1);
#endif
}

/**
 * Behind a commit: the lines of the entry after the next one, if both are as long as this one. The
 * writer has zeroed them, so they are in the cache of its processor, and each costs more than the
 * rest of a small push. Those of the next entry were asked for one push ago: so there is time for
 * them in a burst too. Nothing is read, and a place behind the ring's end does no harm.
 *
 * @param bytes  of the entry's payload; for usual entries: a long one would fill the cache
 */
static inline void ring_ahead(const struct ring_claim *claim, size_t bytes)
{
	uintptr_t line =
		((uintptr_t)claim->payload + 2 * bytes) & ~(uintptr_t)(RING_CACHE_LINE - 1);
	const uintptr_t end = (uintptr_t)claim->payload + 3 * bytes;

	/* Two at a time: one too many is the first of the entry behind. */
	do {
		ring_prefetch(line);
		ring_prefetch(line + RING_CACHE_LINE);
		line += 2 * RING_CACHE_LINE;
	} while (line < end);
}

/** Give a claim up: the writer skips it. */
static inline void ring_abort(struct ring *ring, const struct ring_claim *claim)
{
	struct ring_shared *const shared = ring->shared;
	uint64_t tail, accepted;

	/* First: killed in between, the claim is torn and does not count. The pair is changed as
	 * one word here too, so that it is one word to whatever makes it atomic. */
	do {
		tail = atomic_load_relaxed_u64(&shared->tail);
		accepted = atomic_load_relaxed_u64(&shared->accepted_items);
	} while (!atomic_cas_relaxed_pair(shared->claimed, tail, accepted, tail,
					  accepted - claim->items));
	/* PAIR(ring-abort): with ring_reader_peek(): our stores into the payload come before
	 * the writer's zeroes, or a late one would survive them. */
	atomic_store_release_u64(claim->word, entry_word(ENTRY_ABORTED, claim->payload_bytes));
}

/* The writer's view of one ring. */
struct ring_reader {
	struct ring_shared *shared;
	uint8_t *data;
	uint64_t bytes;
	uint64_t payload_bytes_max;
	uint64_t read; /* next position to look at */
	uint64_t head; /* what was given back, our own copy */
};

enum ring_entry_kind {
	RING_ENTRY_NONE,   /* nothing up to the tail */
	RING_ENTRY_BUSY,   /* claimed, and its producer lives: come back later */
	RING_ENTRY_RECORD, /* committed */
	RING_ENTRY_SKIP,   /* padding, or is_given_up */
	RING_ENTRY_TORN	   /* claimed by a producer that died before it committed */
};

struct ring_entry {
	enum ring_entry_kind kind;
	const uint8_t *payload; /* RECORD: in shared memory, so copy it before you look at it */
	uint32_t payload_bytes; /* RECORD; a claim with a header, whatever became of it */
	uint64_t bytes;		/* RECORD, SKIP, TORN: what to add to the position */
	bool is_given_up;	/* SKIP: a claim, and no padding */
};

/**
 * Take over a ring at the position where its last reader left it: finishes a
 * release that was cut short, and starts to read behind what is done.
 *
 * @param writable  false: only look, beside a writer that may be at work (a
 *                  monitor); nothing is stored, and ring_reader_tail() holds
 *                  only for as long as that writer gives nothing back
 * @return 0, or -EBADMSG: the positions cannot be
 */
int ring_reader_init(struct ring_reader *reader, struct ring_shared *shared, uint8_t *data,
		     uint64_t bytes, bool writable);

/**
 * The tail now, checked against the ring.
 *
 * @return 0, or -EBADMSG: it cannot be
 */
int ring_reader_tail(const struct ring_reader *reader, uint64_t *ret);

/**
 * Look at the entry at the reader's position, which does not move.
 *
 * @param tail  from ring_reader_tail()
 * @param dead  the producer was seen dead before that tail was read
 * @return 0, or -EBADMSG: what stands there cannot be an entry
 */
int ring_reader_peek(const struct ring_reader *reader, uint64_t tail, bool dead,
		     struct ring_entry *ret);

static inline void ring_reader_next(struct ring_reader *reader, const struct ring_entry *entry)
{
	reader->read += entry->bytes;
}

/** What the last reader stored as done. */
void ring_reader_get_done(const struct ring_reader *reader, struct ring_done *ret);

/**
 * Give back everything before a position: store it as done, zero the bytes,
 * move the head. Killed in between, the next reader's ring_reader_init() does
 * the rest.
 *
 * @param done  its position is at most the reader's
 */
void ring_reader_release(struct ring_reader *reader, const struct ring_done *done);

#endif
