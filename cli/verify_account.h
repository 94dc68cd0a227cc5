/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one look of `otlpipe verify` adds up: the account of each ring of each region, the
 * sums of each signal, and what was found. Who fills it in and who reads it:
 *
 *   verify.c         options, the attempts, exit status
 *   verify_live.c    the regions of the runtime directories
 *   verify_ring.c    what a ring holds now
 *   verify_expect.c  which files the manifest says there must be
 *   verify_files.c   the files, batch by batch: frames, sequences, decoding
 *   verify_ledger.c  the entries of each ring across all files, and the identity at the end
 *   verify_spool.c   what a flight recorder holds
 *   verify_gaps.c    what of a ring is in no file, and whether that has a reason
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
#include "writer/file/manifest_image.h"

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

/* Positions of a ring that no file has. */
struct verify_gap {
	uint64_t from, to;
	uint64_t items_before; /* as the ledgers say: in front of it, and with what is in it */
	uint64_t items_behind;
	size_t dir;	 /* the output directory in which it was found */
	bool is_of_runs; /* what is in front was written by another run of a writer than what
			    follows */
	bool is_last;	 /* the ring says that it was written, and no file has anything behind */
	char *where;	 /* file and offset of what follows; NULL: nothing does */
};

struct verify_ring {
	bool is_seen; /* some file names it */
	bool is_final;
	bool is_closed;
	bool is_broken;
	uint64_t to;		 /* everything before it was met, but for the gaps */
	uint64_t items_next;	 /* what the next entry must say came before it */
	uint64_t epoch;		 /* of the writer's run that the last entry is from */
	struct verify_gap *gaps; /* in their order */
	size_t gap_count;
	uint64_t removed_items;	  /* in files that retention removed, or that are from before */
	uint64_t elsewhere_items; /* in another output directory */
	uint64_t missing_items;	  /* what other gaps lack */
	uint64_t twice_items;
	uint64_t written_items;
	uint64_t invalid_items;
	uint64_t lost_items;
	uint64_t let_go_items;	 /* by a flight recorder */
	uint64_t recorder_items; /* that a flight recorder holds */
	uint64_t torn_bytes;
	struct verify_counters counters; /* of the last entry */
	struct verify_live live;
};

struct verify_region {
	uint64_t id;
	uint64_t start_unix_ns;
	uint32_t pid;
	bool is_in_runtime;    /* a runtime directory has it */
	bool is_not_looked_at; /* it has been there, but not when the others were looked at */
	bool is_alive;	       /* if it is there */
	bool is_closed;	       /* if it is there */
	struct verify_ring *rings[REGION_RINGS_MAX]; /* by number; NULL: nothing was met of it */
	UT_hash_handle hh;
};

/* What is added up for each signal. */
struct verify_signal {
	uint64_t files;
	uint64_t open_files;
	uint64_t batches;
	uint64_t bytes;
	bool has_before;	  /* a batch of the same output directory was met */
	uint64_t epoch, sequence; /* of that */
	bool is_behind_account;	  /* it is what a flight recorder let go: others came before */
	uint64_t account_epoch;	  /* of the last such batch; 0: there was none */
	uint64_t committed_items;
	uint64_t written_items;
	uint64_t invalid_items;
	uint64_t lost_items;
	uint64_t let_go_items;	 /* by a flight recorder, before a snapshot was asked for */
	uint64_t recorder_items; /* that a flight recorder holds now */
	uint64_t held_items;	 /* in the rings */
	uint64_t unlooked_items; /* in rings that nobody looked at, perhaps */
	uint64_t removed_items;
	uint64_t elsewhere_items;
	uint64_t torn_items; /* claimed by producers that died before they committed */
	uint64_t torn_bytes;
	struct verify_counters counters;
	uint64_t unknown_rings;	  /* neither final nor looked at */
	uint64_t headless_rings;  /* that begin in files that are gone */
	uint64_t elsewhere_rings; /* of which a part is in another output directory */
};

/* A file whose presence is to be judged when all are read. */
struct verify_doubt {
	enum { DOUBT_MISSING, DOUBT_UNKNOWN, DOUBT_SIZE } kind;
	enum otlp_signal signal;
	struct manifest_entry entry; /* what the manifest has of it; UNKNOWN: its sequence alone */
	uint64_t bytes;		     /* that it has */
	char name[DATA_NAME_BYTES];
};

/* An output directory, and what its manifest says. */
struct verify_dir {
	const char *path; /* the caller's */
	int fd;
	int manifest_error; /* 0: it is there; -ENOENT: there is none; or why it cannot be read */
	struct manifest_image manifest;
	struct verify_doubt *doubts;
	size_t doubt_count;
	size_t doubt_capacity;
};

struct verify_manifest_sums {
	uint64_t expected_files;
	uint64_t missing_files;
	uint64_t unknown_files;
	uint64_t cut_files;
	uint64_t removed_files; /* by retention */
	uint64_t removed_bytes;
};

struct verify {
	struct verify_dir *dirs;
	size_t dir_count;
	size_t dir; /* that is being looked at */
	const struct runtime_dir *runtimes;
	size_t runtime_count;
	uint64_t begin_unix_ns;	       /* when the look began */
	struct verify_region *regions; /* a hash table by id, in the order of their first entry */
	size_t region_count;
	struct verify_signal signals[SIGNAL_COUNT];
	struct counters_sum without_ring; /* with a runtime directory */
	uint64_t final_regions, unclosed_regions, broken_regions, alive_regions;
	struct verify_manifest_sums manifest;
	struct verify_findings problems;
	struct verify_findings notes;
	bool is_in_spool;    /* what is looked at is held by a flight recorder, and not written */
	bool may_have_raced; /* a problem may come from what changed meanwhile */
	uint8_t *record;     /* RING_PAYLOAD_BYTES_MAX, for the rings */
};

/* Where a batch stands. */
struct verify_place {
	const char *file;
	uint64_t offset;
};

#define VERIFY_PLACE_BYTES 512

void verify_free(struct verify *verify);

/** The region with this id; NULL: nothing was met of it. */
struct verify_region *verify_find_region(const struct verify *verify, uint64_t id);

/** The region with this id, made if it is new; NULL: no memory. */
struct verify_region *verify_region(struct verify *verify, uint64_t id);

/** A ring of a region, made if it is new; NULL: no memory. */
struct verify_ring *verify_region_ring(struct verify_region *region, unsigned number);

/** The items that stand in the ring at this position and behind it; and the bytes of open claims.
 */
uint64_t verify_live_items(const struct verify_live *live, uint64_t from, uint64_t *ret_open_bytes);

/** What is there or accounted for, of all that was committed. */
uint64_t verify_accounted_items(const struct verify_signal *signal);

/** The name of a file for people: with the directory where there are several. */
void verify_name_file(const struct verify *verify, enum otlp_signal signal, const char *name,
		      char ret[VERIFY_PLACE_BYTES]);

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
