/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one look of `otlpipe verify` adds up: the account of each ring of each region, the
 * sums of each signal, and what was found. Who fills it in and who reads it:
 *
 *   verify.c         options, the attempts, exit status
 *   verify_live.c    what the rings hold now, from the runtime directory
 *   verify_files.c   the files, batch by batch: frames, sequences, decoding
 *   verify_ledger.c  the entries of each ring across all files, and the identity at the end
 *   verify_report.c  how it is shown
 */
#ifndef OTLPIPE_CLI_VERIFY_ACCOUNT_H
#define OTLPIPE_CLI_VERIFY_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "shm/counters_view.h"
#include "shm/layout.h"
#include "shm/runtime.h"
#include "writer/file/batch.h"
#include "writer/file/dataname.h"

/* Shown; the others are counted. */
#define VERIFY_FINDINGS_MAX 100u
#define VERIFY_TEXT_BYTES   512

struct verify_findings {
	char *texts[VERIFY_FINDINGS_MAX];
	uint64_t count;
};

struct verify_counters {
	uint64_t accepted_items;
	uint64_t dropped_full_items;
	uint64_t dropped_too_large_items;
	uint64_t dropped_invalid_items;
};

/* No item takes less in a ring: a point has a head of 32 bytes, a record a word before it. */
#define VERIFY_ITEM_BYTES_MIN 16u

/* An entry that stands in a ring: what it takes, and the items that it will give. */
struct verify_held {
	uint32_t bytes;
	uint32_t items : 31;
	uint32_t is_open : 1; /* claimed and not committed: its items are not known */
};

/* A ring when it was looked at. */
struct verify_live {
	bool is_present;
	uint64_t done; /* before it everything is in files */
	uint64_t done_items;
	uint64_t tail;
	struct verify_counters counters; /* accepted: as it was with this tail */
	/* At most so many are of claims that were open then, or were given up about then: the count
	 * may have these, and nothing else has. */
	uint64_t doubt_items;
	struct verify_held *held; /* from done to tail */
	size_t held_count;
	size_t held_capacity;
};

struct verify_ring {
	bool is_seen; /* some file names it */
	bool is_final;
	bool is_closed;
	bool is_broken;
	uint64_t to;		/* everything before it was met */
	uint64_t items_next;	/* what the next entry must say came before it */
	uint64_t removed_items; /* of the start, where it is in no file any more */
	uint64_t missing_items; /* what gaps lack */
	uint64_t twice_items;
	uint64_t written_items;
	uint64_t invalid_items;
	uint64_t lost_items;
	uint64_t torn_bytes;
	struct verify_counters counters; /* of the last entry */
	struct verify_live live;
};

struct verify_region {
	uint64_t id;
	uint64_t start_unix_ns;
	uint32_t pid;
	bool is_in_runtime;
	bool is_alive;	/* if it is there */
	bool is_closed; /* if it is there */
	struct verify_ring rings[SIGNAL_COUNT];
	UT_hash_handle hh;
};

/* What is added up for each signal. */
struct verify_signal {
	uint64_t files;
	uint64_t open_files;
	uint64_t batches;
	uint64_t bytes;
	uint64_t first_closed_unix_ns; /* of the first batch; 0: there is none */
	uint64_t epoch, sequence;      /* of the batch before */
	uint64_t committed_items;
	uint64_t written_items;
	uint64_t invalid_items;
	uint64_t lost_items;
	uint64_t held_items; /* in the rings */
	uint64_t removed_items;
	uint64_t torn_items; /* claimed by producers that died before they committed */
	uint64_t torn_bytes;
	struct verify_counters counters;
	uint64_t unknown_rings;	 /* neither final nor looked at */
	uint64_t headless_rings; /* that begin in files that are gone */
};

struct verify {
	const struct runtime_dir *runtime; /* NULL: not given */
	struct verify_region *regions; /* a hash table by id, in the order of their first entry */
	size_t region_count;
	struct verify_signal signals[SIGNAL_COUNT];
	struct counters_sum without_ring; /* with a runtime directory */
	uint64_t final_regions, killed_regions, broken_regions, alive_regions;
	struct verify_findings problems;
	struct verify_findings notes;
	bool may_have_raced; /* a problem may come from what changed meanwhile */
	uint8_t *record;     /* RING_PAYLOAD_BYTES_MAX, for the rings */
};

/* Where a batch stands. */
struct verify_place {
	const char *file;
	uint64_t offset;
};

void verify_free(struct verify *verify);

/** The region with this id, made if it is new; NULL: no memory. */
struct verify_region *verify_region(struct verify *verify, uint64_t id);

/** The items that stand in the ring at this position and behind it; and the bytes of open claims.
 */
uint64_t verify_live_items(const struct verify_live *live, uint64_t from, uint64_t *ret_open_bytes);

/** The sums of all signals. */
struct verify_signal verify_total(const struct verify *verify);

/** Does the identity hold, with nothing invalid, lost or wrong? */
bool verify_is_ok(const struct verify *verify);

/**
 * Note what was found.
 *
 * @param place  NULL: nowhere in particular
 */
void verify_problem(struct verify *verify, const struct verify_place *place, const char *format,
		    ...) __attribute__((format(printf, 3, 4)));
void verify_note(struct verify *verify, const struct verify_place *place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
