/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer's lock on its runtime directory, what it remembers there, and what
 * it lets others see: the file writer.lock, locked and mapped. Its output
 * directory is remembered so that the next writer can recover that one first,
 * wherever it writes itself.
 */
#ifndef OTLPIPE_SHM_STATUS_H
#define OTLPIPE_SHM_STATUS_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/guard.h"
#include "shm/layout.h"
#include "shm/runtime.h"

#define STATUS_MAGIC	     UINT64_C(0x3157544952455750)
#define STATUS_MAJOR	     2
#define STATUS_MINOR	     7 /* a higher number: fields were added in the room */
#define STATUS_MINOR_FLIGHT  7
#define STATUS_OUTPUT_BYTES  3968
#define STATUS_MESSAGE_BYTES 256
#define STATUS_VERSION_BYTES 32

enum status_state {
	STATUS_STARTING = 1,
	STATUS_RUNNING,
	STATUS_STALLED,
	STATUS_STOPPED,
};

/* Counts of one signal, by the number of its ring. */
struct status_signal {
	uint64_t batches;
	uint64_t batch_bytes;
	uint64_t written_items;
	uint64_t invalid_items;
	uint64_t lost_items;
	uint64_t torn_bytes;
	uint64_t files_sealed;
	uint64_t errors; /* of reading or writing files */
};

/* How long a file's sync took, from its start to the moment at which the writer saw its end. */
struct status_sync {
	uint64_t count; /* of good ones, since the writer started */
	uint64_t total_ns;
	uint64_t last_ns;
	uint64_t longest_ns;
};

/* What producers dropped, by the counters of their rings: it only grows while a writer runs. */
struct status_drops {
	uint64_t full_items;	  /* the ring was full */
	uint64_t too_large_items; /* larger than the ring takes */
	uint64_t invalid_items;	  /* not valid */
};

/* What retention has done since the writer started. */
struct status_retention {
	uint64_t runs; /* looks at all files */
	uint64_t removed_files;
	uint64_t removed_bytes;
	uint64_t missing_files;	 /* that somebody else has removed */
	uint64_t failures;	 /* of its runs */
	uint64_t waits_on_clock; /* 1: nothing is removed for its age until it has kept its pace */
	char problem[STATUS_MESSAGE_BYTES]; /* of its last run, or empty */
};

#define STATUS_SNAPSHOTS      3 /* results that are kept */
#define STATUS_SNAPSHOT_BYTES 160
#define STATUS_PATH_BYTES     768

/* How a snapshot ended. Its number stands in it, and the place is that number modulo the count. */
struct status_snapshot {
	uint64_t number; /* from 1 on; 0: none yet, or it is just being written */
	uint64_t error;	 /* an errno; 0: all of it is on the disk */
	uint64_t files;
	uint64_t bytes;
	uint64_t begin_unix_ns; /* of what it has: when the first batch was closed, and the last */
	uint64_t end_unix_ns;
	uint64_t items[REGION_SIGNALS_MAX];
	uint64_t let_go_items[REGION_SIGNALS_MAX]; /* since the one before: its files say so too */
	char problem[STATUS_SNAPSHOT_BYTES];	   /* what went wrong, for people; or empty */
};

/* A writer that keeps the last of it in memory, and writes that when a snapshot is asked for. */
struct status_flight {
	uint64_t is_on;
	uint64_t keep_ns;    /* 0: no limit by age */
	uint64_t keep_bytes; /* what it may take */
	uint64_t held_files;
	uint64_t held_bytes;
	uint64_t held_since_unix_ns; /* the oldest file that is held; 0: none is */
	uint64_t held_items[REGION_SIGNALS_MAX];
	uint64_t let_go_files; /* since the writer started */
	uint64_t let_go_bytes;
	uint64_t let_go_items[REGION_SIGNALS_MAX];
	uint64_t snapshots_begun; /* the number of the last one */
	uint64_t snapshots_done;  /* the same, of those that are over, however they ended */
	struct status_snapshot snapshots[STATUS_SNAPSHOTS];
	char output[STATUS_PATH_BYTES]; /* where snapshots go; cut if it is longer */
};

/* What a writer leaves to the next one, beside the path of its output directory. */
struct status_memory {
	uint64_t version;    /* STATUS_MEMORY_VERSION, or all of it is zero */
	uint64_t runtime_id; /* of this runtime directory: random, and as old as the file */
	/* Which directory had that path: struct outdir_identity. */
	uint64_t output_id;
	uint64_t output_dev;
	uint64_t output_ino;
	/*
	 * What is there that the rings do not know yet; 0: the directory can be done without. A bit
	 * for each signal: it has batches in a file, and no ring has its space back for them.
	 */
	uint64_t unsettled;
	uint64_t room[10];
};

#define STATUS_MEMORY_VERSION	1
#define STATUS_UNSETTLED_CLAIMS (UINT64_C(1) << 32) /* of regions that have not come */

/* One page of numbers with one writer, read by monitors at any time. */
struct status_page {
	uint64_t magic;
	uint16_t major;
	uint16_t minor;
	uint32_t pid;
	uint64_t start_unix_ns;
	uint64_t epoch;
	uint32_t state; /* enum status_state */
	uint32_t regions;
	uint64_t regions_broken;    /* left aside: no regions, or broken ones */
	uint64_t heartbeat_unix_ns; /* when it last looked at the rings */
	struct status_signal signals[REGION_SIGNALS_MAX];
	char io[STATUS_MESSAGE_BYTES]; /* how it writes */
	/* Why a signal is stalled, or empty: each has its own, so that none takes another's away.
	 */
	char problems[REGION_SIGNALS_MAX][STATUS_MESSAGE_BYTES];
	/* Told to stop with --wait-for-producers: how many still live, and for how long at most. */
	uint64_t waits_until_unix_ns; /* 0: no limit */
	uint32_t waits_for_producers; /* 0: it does not wait */
	uint32_t reserved;
	uint64_t regions_waiting;		       /* there is no room for them yet; minor 1 */
	struct status_retention retention;	       /* minor 3 */
	char version[STATUS_VERSION_BYTES];	       /* of the writer, as "0.2.0"; minor 4 */
	struct status_sync syncs[REGION_SIGNALS_MAX];  /* minor 5 */
	struct status_drops drops[REGION_SIGNALS_MAX]; /* minor 6 */
	struct status_flight flight;		       /* minor 7 */
	char room[4096 - 24 - 56 - REGION_SIGNALS_MAX * (64 + STATUS_MESSAGE_BYTES) -
		  STATUS_MESSAGE_BYTES - sizeof(struct status_retention) - STATUS_VERSION_BYTES -
		  REGION_SIGNALS_MAX * (sizeof(struct status_sync) + sizeof(struct status_drops)) -
		  sizeof(struct status_flight)];
	/* At the same place in every version. Absolute; empty: none yet. */
	char output[STATUS_OUTPUT_BYTES];
	struct status_memory memory;
};

static_assert(sizeof(struct status_memory) == 128, "layout");
static_assert(offsetof(struct status_page, output) == 4096, "layout");
static_assert(offsetof(struct status_page, memory) == 8064, "layout");
static_assert(sizeof(struct status_page) == 8192, "layout");

struct status {
	int fd;
	struct status_page *page;
	struct guard guard;
};

/**
 * Take the lock, and map the page with what the last writer left in it.
 *
 * @param wait_ns  how long to wait for a writer that is going
 * @return 0, -EBUSY: another writer holds it; or the errno of what failed
 */
int status_open(struct status *ret, const struct runtime_dir *dir, int64_t wait_ns);
void status_close(struct status *status);

/** Is the locked file the one that has the name? Else a second writer can start. */
bool status_has_name(const struct status *status, const struct runtime_dir *dir);

/**
 * Take the lock of this directory in place of the one that is held, and have the page there: at the
 * same address, with what it says. For a directory whose lock file was removed, or another one.
 *
 * @return 0; -EBUSY: another writer holds it; -ESTALE: a writer remembered another output directory
 *         there, which is to be recovered by a start; or the errno of what failed. The old lock
 *         is held on then
 */
int status_move(struct status *status, const struct runtime_dir *dir);

/** The pid of the writer that holds the lock, for a message; 0: unknown. */
uint32_t status_holder(const struct runtime_dir *dir);

/**
 * For monitors: a copy of the page. The output directory in it is that of the files that stay: of a
 * flight recorder not its spool.
 *
 * @return 0, -ENOENT, or -EPROTO
 */
int status_read(const struct runtime_dir *dir, struct status_page *ret, bool *ret_running);

#endif
