/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The batch: what is written to a file at once, and the unit in which it counts.
 *
 *   ┌───────────────────────────┬──────────────────────────────┬───────────────────┐
 *   │ field 1000: opening field │ field 1: ResourceSpans … or  │ field 1001: zeros │
 *   │ struct batch_head         │ ResourceMetrics …            │ up to a multiple  │
 *   │ struct batch_entry[]      │                              │ of 4096 bytes     │
 *   └───────────────────────────┴──────────────────────────────┴───────────────────┘
 *
 * Both outer fields are length-delimited fields that OTLP does not know, so a
 * batch, and any run of batches, is an OTLP message that every decoder reads. A
 * batch starts and ends on a block: a reader hops from head to head and can find
 * its way again at any block. A batch may hold no records, only its ledger.
 *
 * The ledger entry names what the batch took from one ring: the positions
 * [from, to) and what became of them. The entries of one ring, in the order of
 * the files and of the batches in them, adjoin: that is the proof that nothing
 * was lost and nothing written twice, and anyone can check it offline.
 *
 * Little-endian, like everything in protobuf. docs/file-format.md is the
 * description for readers in other languages.
 */
#ifndef OTLPIPE_WRITER_FILE_BATCH_H
#define OTLPIPE_WRITER_FILE_BATCH_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/record/signal.h"

#define BATCH_BLOCK_BYTES 4096u
#define BATCH_MAGIC	  UINT64_C(0x0a31455049504c4f) /* "OLPIPE1\n" */
#define BATCH_VERSION	  1
#define BATCH_BYTES_MAX	  (UINT64_C(256) << 20)
#define BATCH_ENTRIES_MAX 65536u

struct batch_head {
	uint8_t tag[2];		 /* field 1000, length-delimited */
	uint8_t length[4];	 /* of what follows, up to the last entry: a varint of 4 bytes */
	uint16_t version;	 /* BATCH_VERSION */
	uint64_t magic;		 /* BATCH_MAGIC */
	uint64_t checksum;	 /* XXH3-64 of everything behind this field, to the batch's end */
	uint64_t batch_bytes;	 /* from the tag to the end of the padding */
	uint64_t epoch;		 /* random, one for each run of a writer */
	uint64_t sequence;	 /* of this signal, in this epoch, from 0 */
	uint64_t closed_unix_ns; /* the writer's clock */
	uint32_t signal;	 /* enum otlp_signal: a number less than SIGNAL_COUNT */
	uint32_t entry_count;
};

/* Bits of batch_entry.flags. */
#define BATCH_ENTRY_FINAL  0x1u	 /* the producer is dead, its ring drained: the last entry */
#define BATCH_ENTRY_CLOSED 0x2u	 /* with FINAL: it was closed in order, its counters are exact */
#define BATCH_ENTRY_BROKEN 0x4u	 /* with FINAL: the ring made no sense from here on */
#define BATCH_ENTRY_LOST   0x8u	 /* what had been written of this range cannot be read back */
#define BATCH_ENTRY_LET_GO 0x10u /* a flight recorder let it go before a snapshot was asked for */

/*
 * With LET_GO: in place of a region's id, the sum of producers that have ended and of which nothing
 * is in any file. There may be any number of them, and an entry each would be too many.
 */
#define BATCH_REGION_SUMMED UINT64_MAX

struct batch_entry {
	uint64_t region_id;
	uint32_t pid;
	uint16_t ring; /* its number: the batch's signal */
	uint16_t flags;
	uint64_t from; /* positions */
	uint64_t to;
	/* Of this range. Items are spans or data points. */
	uint64_t written_items;
	uint64_t invalid_items; /* records that were no valid ones, and are not in the file */
	uint64_t lost_items;
	uint64_t torn_bytes;   /* claimed and never committed */
	uint64_t items_before; /* of all ranges before this one, whatever became of them */
	/* The producer's own counters when the batch was closed. */
	uint64_t accepted_items;
	uint64_t dropped_full_items;
	uint64_t dropped_too_large_items;
	uint64_t dropped_invalid_items;
	uint64_t start_unix_ns;	 /* when the region was made */
	uint64_t let_go_items;	 /* with LET_GO: valid ones that are in no file; else zero */
	uint64_t summed_regions; /* of BATCH_REGION_SUMMED: so many; else zero */
};

static_assert(offsetof(struct batch_head, version) == 6, "file format");
static_assert(offsetof(struct batch_head, magic) == 8, "file format");
static_assert(offsetof(struct batch_head, checksum) == 16, "file format");
static_assert(offsetof(struct batch_head, batch_bytes) == 24, "file format");
static_assert(offsetof(struct batch_head, closed_unix_ns) == 48, "file format");
static_assert(offsetof(struct batch_head, signal) == 56, "file format");
static_assert(sizeof(struct batch_head) == 64, "file format");
static_assert(offsetof(struct batch_entry, from) == 16, "file format");
static_assert(offsetof(struct batch_entry, written_items) == 32, "file format");
static_assert(offsetof(struct batch_entry, items_before) == 64, "file format");
static_assert(offsetof(struct batch_entry, start_unix_ns) == 104, "file format");
static_assert(offsetof(struct batch_entry, let_go_items) == 112, "file format");
static_assert(sizeof(struct batch_entry) == 128, "file format");

/** The opening field's bytes for this many entries. */
static inline size_t batch_head_bytes(size_t entry_count)
{
	return sizeof(struct batch_head) + entry_count * sizeof(struct batch_entry);
}

/** The whole batch's bytes for a body of this many: with the padding. */
size_t batch_total_bytes(size_t entry_count, size_t body_bytes);

/**
 * Finish a batch whose body already stands behind the room for the opening
 * field: writes the padding, the opening field and the checksum.
 *
 * @param head  epoch, sequence, closed_unix_ns, signal, entry_count; the rest is set here
 * @return the batch's bytes
 */
size_t batch_seal(uint8_t *batch, struct batch_head head, const struct batch_entry *entries,
		  size_t body_bytes);

/**
 * Read the head that may stand at the start of these bytes: of its own values
 * only; the checksum is batch_verify()'s.
 *
 * @return 0, -ENODATA (a zero byte: the end of what was written), -EAGAIN (the
 *         head is not all there), or -EBADMSG
 */
int batch_parse_head(const uint8_t *bytes, size_t len, struct batch_head *ret);

/** Is the whole batch what was written? bytes holds ret->batch_bytes. */
bool batch_verify(const uint8_t *bytes, const struct batch_head *head);

/** What an entry accounts for, whatever became of it: the next one's items_before counts on. */
static inline uint64_t batch_entry_items(const struct batch_entry *entry)
{
	return entry->written_items + entry->invalid_items + entry->lost_items +
	       entry->let_go_items;
}

static inline const struct batch_entry *batch_entries(const uint8_t *batch)
{
	return (const struct batch_entry *)(const void *)(batch + sizeof(struct batch_head));
}

#endif
