/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of everything in shared memory, version 3.
 *
 * Region: one file per producer process in the runtime directory, named
 * <pid>-<16 hex digits of the region's id>.region.
 *
 *   0        4096          4096+n*1024         table             data 0        data 1
 *   ┌────────┬─────────────┬─────────────┬─────┬────────────────┬─────────────┬──────────┐
 *   │ header │ ring 0      │ ring 1      │  …  │ table          │ ring 0      │ ring 1   │
 *   │        │ control     │ control     │     │ append-only    │ data        │ data …   │
 *   └────────┴─────────────┴─────────────┴─────┴────────────────┴─────────────┴──────────┘
 *
 * Offsets are stored in the header, never summed by a reader; each side takes
 * sizes and masks from a private, checked copy. Little-endian, fixed-width
 * types, one writer per cache line (128 bytes: lines are fetched in pairs).
 *
 * Ring entry: a header word, then the payload, then zeros up to a multiple of 8.
 *
 *     63            32 31             0
 *     ┌───────────────┬────────────────┐
 *     │ state         │ payload bytes  │   zero: not claimed (yet)
 *     └───────────────┴────────────────┘
 *
 * Positions count bytes since the region was made and never wrap; a position
 * modulo the ring's size is the offset in its data.
 *
 *          head                 tail        zero everywhere else, always: the
 *     ──────┬────────────────────┬─────     writer zeroes what it consumed
 *      free │ claimed, committed │ free     before it moves the head
 *     ──────┴────────────────────┴─────
 */
#ifndef OTLPIPE_SHM_LAYOUT_H
#define OTLPIPE_SHM_LAYOUT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the layout is little-endian");

#define LAYOUT_LINE_BYTES 128
#define LAYOUT_PAGE_BYTES 4096

#define REGION_MAGIC	  UINT64_C(0x314e474550494c4f) /* "OLIPEGN1" */
#define CONTROL_MAGIC	  UINT64_C(0x314c54434c504c4f) /* "OLPLCTL1" */
#define LAYOUT_MAJOR	  3			       /* another number: not readable */
#define LAYOUT_MINOR	  0 /* a higher number: fields were added in reserved space */

/*
 * A signal has one ring or more, its lanes, so that threads do not push to the same lines. Each
 * ring has a number, which says of which signal and of which lane it is: lane 0 has the signal's
 * number. A region may have any of them. What exists once for a signal is counted by
 * REGION_SIGNALS_MAX.
 */
#define REGION_SIGNALS_MAX 4
#define REGION_LANES_MAX   8
#define REGION_RINGS_MAX   (REGION_SIGNALS_MAX * REGION_LANES_MAX)

static inline unsigned ring_number(unsigned signal, unsigned lane)
{
	return lane * REGION_SIGNALS_MAX + signal;
}

static inline unsigned ring_signal(unsigned number)
{
	return number % REGION_SIGNALS_MAX;
}

static inline unsigned ring_lane(unsigned number)
{
	return number / REGION_SIGNALS_MAX;
}

/** The rings of one signal, as bits by number. */
static inline uint32_t ring_bits(unsigned signal)
{
	return UINT32_C(0x11111111) << signal;
}

/** The smallest number in bits that are not 0. */
static inline unsigned ring_first(uint32_t bits)
{
	return (unsigned)__builtin_ctz(bits);
}

static_assert(REGION_RINGS_MAX == 32 && REGION_SIGNALS_MAX == 4, "ring_bits()");

#define RING_BYTES_MIN	       (UINT64_C(4) << 10)
#define RING_BYTES_MAX	       (UINT64_C(1) << 30)
#define RING_PAYLOAD_BYTES_MAX (UINT64_C(4) << 20)
#define TABLE_BYTES	       (UINT64_C(64) << 10)
#define REGION_BYTES_MAX       (UINT64_C(3) << 30)

/* States of a ring entry, in the upper half of its header word. */
#define ENTRY_CLAIMED	   UINT32_C(0xc1a10001)
#define ENTRY_COMMITTED	   UINT32_C(0xc1a10002)
#define ENTRY_PADDING	   UINT32_C(0xc1a10003)
#define ENTRY_ABORTED	   UINT32_C(0xc1a10004)
#define ENTRY_HEADER_BYTES 8
#define ENTRY_ALIGN_BYTES  8

static inline uint64_t entry_word(uint32_t state, uint32_t payload_bytes)
{
	return (uint64_t)state << 32 | payload_bytes;
}

static inline uint32_t entry_state(uint64_t word)
{
	return (uint32_t)(word >> 32);
}

static inline uint32_t entry_payload_bytes(uint64_t word)
{
	return (uint32_t)word;
}

/** What an entry with this payload takes in the ring. */
static inline uint64_t entry_bytes(uint64_t payload_bytes)
{
	return ENTRY_HEADER_BYTES +
	       ((payload_bytes + ENTRY_ALIGN_BYTES - 1) & ~(uint64_t)(ENTRY_ALIGN_BYTES - 1));
}

/* Running totals of one ring, as the writer counts them. An entry holds one item or more. */
struct ring_totals {
	uint64_t written_items; /* in a batch that counts */
	uint64_t invalid_items; /* entries that were no valid record, one item each */
	uint64_t lost_items;	/* released, and then not found on the disk */
	uint64_t torn_bytes;	/* claimed and never committed by a producer that died */
};

/* How far the writer is done: everything before the position is in a batch that counts. */
struct ring_done {
	uint64_t position;
	struct ring_totals totals;
};

struct ring_shared {
	/* Line 0, producers. A claim moves the first two at once, as one 16-byte word. */
	_Alignas(LAYOUT_LINE_BYTES) union {
		uint64_t claimed[2];
		struct {
			uint64_t tail; /* next position to claim */
			/* Items since the region was made, those of claims that are not committed
			 * yet included: a producer that is killed leaves what it tore in here. */
			uint64_t accepted_items;
		};
	};
	uint64_t flush_to; /* a flush waits for the head to reach this; 0: none */
	/* The writer sleeps until somebody wakes it: the number of that sleep; 0: it does not. In
	 * this line, since a push has it at hand anyway. It is written when nothing is pushed. */
	uint32_t deep_sleep;
	uint32_t reserved_claims;

	/* Line 1, the writer: what it gave back. */
	_Alignas(LAYOUT_LINE_BYTES) uint64_t head;

	/* Lines 2 and 3, the writer: two slots, so that one is whole at every instruction. */
	_Alignas(LAYOUT_LINE_BYTES) uint32_t done_slot; /* 0 or 1 */
	uint32_t reserved;
	struct ring_done done[2];

	/* Line 4, producers: items since the region was made. */
	_Alignas(LAYOUT_LINE_BYTES) uint64_t dropped_full_items;
	uint64_t dropped_too_large_items;
	uint64_t dropped_invalid_items;

	_Alignas(LAYOUT_LINE_BYTES) uint8_t room[512]; /* zero */
};

static_assert(offsetof(struct ring_shared, tail) == 0, "layout");
static_assert(offsetof(struct ring_shared, accepted_items) == 8, "layout");
static_assert(offsetof(struct ring_shared, flush_to) == 16, "layout");
static_assert(offsetof(struct ring_shared, deep_sleep) == 24, "layout");
static_assert(offsetof(struct ring_shared, head) == 128, "layout");
static_assert(offsetof(struct ring_shared, done_slot) == 256, "layout");
static_assert(offsetof(struct ring_shared, done) == 264, "layout");
static_assert(offsetof(struct ring_shared, dropped_full_items) == 384, "layout");
static_assert(offsetof(struct ring_shared, dropped_invalid_items) == 400, "layout");
static_assert(sizeof(struct ring_totals) == 32, "layout");
static_assert(sizeof(struct ring_done) == 40, "layout");
static_assert(sizeof(struct ring_shared) == 1024, "layout");

struct ring_desc {
	uint32_t number; /* ring_number(): of no other ring in this region */
	uint32_t reserved;
	uint64_t control_offset; /* struct ring_shared */
	uint64_t data_offset;	 /* multiple of a page */
	uint64_t data_bytes;	 /* power of two */
};

static_assert(offsetof(struct ring_desc, control_offset) == 8, "layout");
static_assert(sizeof(struct ring_desc) == 32, "layout");

/*
 * Locks of open file descriptions on single bytes of a region's file, which say who is there and
 * nothing of what stands at those bytes. The producer's: it lives. The other is that of the writer
 * that drains the region: no second one does, whatever becomes of the files beside it.
 */
#define REGION_LOCK_PRODUCER 0
#define REGION_LOCK_WRITER   1

/* States of a region, each in a word with one writer. */
#define REGION_STATE_READY     UINT32_C(0x59444552) /* producer: the header is whole */
#define REGION_STATE_CLOSED    UINT32_C(0x44534c43) /* producer: closed in order, counters final */
#define REGION_STATE_ABANDONED UINT32_C(0x4e444241) /* writer: it does not drain this one */

/* The writer's barrier (control.h) does not reach this process. */
#define REGION_FLAG_NOT_REACHED UINT32_C(1)
/* The id is made of the file's time of birth too (shm/identity.h). */
#define REGION_FLAG_BIRTH UINT32_C(2)

struct region_header {
	uint64_t magic;
	uint16_t major;
	uint16_t minor;
	uint32_t header_bytes; /* of this struct */
	uint64_t region_id;    /* of this file and no other (shm/identity.h), in its name */
	uint64_t region_bytes; /* of the file */
	uint32_t pid;
	uint32_t uid;
	uint64_t start_unix_ns;
	uint64_t table_offset;
	uint64_t table_bytes;
	uint32_t ring_count;
	uint32_t flags; /* REGION_FLAG_… */
	struct ring_desc rings[REGION_RINGS_MAX];
	char program[64]; /* for people; zero-terminated */

	/* Producer. */
	_Alignas(LAYOUT_LINE_BYTES) uint32_t producer_state; /* stored last, with release */
	uint32_t table_tail; /* bytes of the table that are claimed */
	/* Bits by number: rings that something was ever claimed in. Only ever added to, before the
	 * first claim. It saves the writer the look at rings that nobody uses; a liar delays what
	 * is its own: now and then, and at the end, all rings are looked at. */
	uint32_t rings_used;
	/* How often the program asked for a snapshot of what a flight recorder holds. */
	uint32_t snapshots_asked;

	/* Writer. */
	_Alignas(LAYOUT_LINE_BYTES) uint32_t writer_state;
	uint32_t snapshots_taken; /* so many of these asks are seen to */
	uint64_t writer_epoch;	  /* of the run of a writer that drains it, or did so last */
	/* The id of the output directory whose files may have what it does not have back; 0: none
	 */
	uint64_t unsettled_output;

	_Alignas(LAYOUT_LINE_BYTES) uint8_t room[2560]; /* zero */
};

static_assert(offsetof(struct region_header, region_id) == 16, "layout");
static_assert(offsetof(struct region_header, table_offset) == 48, "layout");
static_assert(offsetof(struct region_header, flags) == 68, "layout");
static_assert(offsetof(struct region_header, rings) == 72, "layout");
static_assert(offsetof(struct region_header, program) == 1096, "layout");
static_assert(offsetof(struct region_header, producer_state) == 1280, "layout");
static_assert(offsetof(struct region_header, table_tail) == 1284, "layout");
static_assert(offsetof(struct region_header, rings_used) == 1288, "layout");
static_assert(offsetof(struct region_header, snapshots_asked) == 1292, "layout");
static_assert(offsetof(struct region_header, writer_state) == 1408, "layout");
static_assert(offsetof(struct region_header, snapshots_taken) == 1412, "layout");
static_assert(offsetof(struct region_header, writer_epoch) == 1416, "layout");
static_assert(offsetof(struct region_header, unsettled_output) == 1424, "layout");
static_assert(sizeof(struct region_header) == LAYOUT_PAGE_BYTES, "layout");

/*
 * An entry of the table, a resource or a shape: a header word as in a ring (only committed
 * entries may be referred to), then the payload, then zeros up to 8 bytes. A
 * reference is the entry's offset in the table plus 1, so that zero is none.
 */

/*
 * The control page: one per runtime directory, in the file "control", for
 * waking each other up and for nothing else. Whatever stands here costs time
 * at worst, never data.
 */
struct control_page {
	uint64_t magic;
	uint16_t major;
	uint16_t minor;
	uint32_t reserved;

	/* 1 while the writer sleeps, and its futex; who sets it to 0 wakes it. */
	_Alignas(LAYOUT_LINE_BYTES) uint32_t sleeping;

	/* Counts the times that a flush may have come true, and the flushers' futex. */
	_Alignas(LAYOUT_LINE_BYTES) uint32_t flushed;

	/* The writer's run: which regions are drained now says region_header.writer_epoch. */
	_Alignas(LAYOUT_LINE_BYTES) uint64_t writer_epoch;

	/* The futex of the writer's deep sleep (ring_shared.deep_sleep). Its value says nothing. */
	_Alignas(LAYOUT_LINE_BYTES) uint32_t deep;

	_Alignas(LAYOUT_LINE_BYTES) uint8_t room[3456]; /* zero */
};

static_assert(offsetof(struct control_page, sleeping) == 128, "layout");
static_assert(offsetof(struct control_page, flushed) == 256, "layout");
static_assert(offsetof(struct control_page, writer_epoch) == 384, "layout");
static_assert(offsetof(struct control_page, deep) == 512, "layout");
static_assert(sizeof(struct control_page) == LAYOUT_PAGE_BYTES, "layout");

/*
 * The counters of one user, in the file "counters.<uid>" of the runtime directory: what its
 * processes dropped while they had no region to count it in. Only ever added to.
 */
#define COUNTERS_PREFIX "counters."
#define COUNTERS_MAGIC	UINT64_C(0x31544e43504c4f) /* "OLPCNT1" */
#define COUNTERS_MAJOR	1

struct counters_page {
	uint64_t magic;
	uint16_t major;
	uint16_t minor;
	uint32_t reserved;
	uint64_t refused_opens;

	_Alignas(LAYOUT_LINE_BYTES) uint64_t dropped_items[REGION_SIGNALS_MAX];

	_Alignas(LAYOUT_LINE_BYTES) uint8_t room[3840]; /* zero */
};

static_assert(offsetof(struct counters_page, refused_opens) == 16, "layout");
static_assert(offsetof(struct counters_page, dropped_items) == 128, "layout");
static_assert(sizeof(struct counters_page) == LAYOUT_PAGE_BYTES, "layout");

#endif
