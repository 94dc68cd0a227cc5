/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One signal's way from the stage to the disk: closes batches, writes them in
 * order, syncs, rotates, and lets the rings have their space back when a batch
 * counts. What cannot be written is kept and tried again; what was written and
 * turns out not to be readable is reported as lost in the ledger.
 *
 * A batch is a job, in one queue:
 *
 *   PENDING ── io_write ──▶ SUBMITTED ── completion ──▶ WRITTEN ──▶ released
 *      ▲                        │ error                    │        when all before it
 *      └────────────────────────┴──────────────────────────┘        are, and with
 *         the file is given up: once more, into a new one           --sync batch synced
 */
#ifndef OTLPIPE_WRITER_SINK_H
#define OTLPIPE_WRITER_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "writer/file/batch.h"
#include "writer/file/datafile.h"
#include "writer/io/io.h"
#include "writer/io/iobuf.h"
#include "writer/source.h"
#include "writer/status.h"

enum sink_sync { SINK_SYNC_INTERVAL, SINK_SYNC_BATCH, SINK_SYNC_NONE };

/* --sync interval: a sync is started after this much or this long. */
#define SINK_SYNC_BYTES (UINT64_C(16) << 20)
#define SINK_SYNC_NS	INT64_C(200000000)
#define SINK_RETRY_NS	INT64_C(1000000000) /* after a file could not be made */
#define SINK_WRITES_MAX 3		    /* in flight */

struct sink_options {
	enum sink_sync sync;
	uint64_t rotate_bytes;
	int64_t rotate_age_ns;		   /* 0: never */
	void (*want_space)(void *context); /* the disk is full: let retention run */
	void *want_space_context;
	const struct runtime_dir *runtime; /* where rescued batches are kept; NULL: nowhere */
};

/* One ring's part in a job. */
struct sink_part {
	struct source *source;
	struct ring_done done;
	bool is_final;
};

enum sink_job_state { SINK_PENDING, SINK_SUBMITTED, SINK_WRITTEN };

/* What a batch says and where it stands; kept after its release until a sync covers it. */
struct sink_ledger {
	struct sink_ledger *next;
	uint64_t offset; /* in the file, once submitted */
	uint64_t bytes;
	uint64_t sequence;
	uint32_t entry_count;
	struct batch_entry entries[];
};

struct sink_job {
	struct sink_job *next;
	struct sink *sink;
	enum sink_job_state state;
	struct iobuf *buffer; /* of the pool, or own_buffer */
	struct iobuf own_buffer;
	struct sink_ledger *ledger;
	uint32_t part_count; /* 0 where the rings have their space back already */
	struct sink_part parts[];
};

struct sink {
	enum signal signal;
	const struct sink_options *options;
	struct io *io;
	struct iobuf_pool *pool;
	struct status_page *status;
	uint64_t epoch;
	uint64_t next_sequence;
	struct stage *stage;
	struct data_dir dir;

	struct data_file file;	/* fd -1: none */
	uint64_t file_bytes;	/* submitted so far: where the next batch goes */
	uint64_t written_bytes; /* the prefix that is complete */
	uint64_t synced_bytes;
	uint64_t sync_to_bytes; /* what the sync in flight covers */
	bool sync_in_flight;
	int64_t last_sync_ns;
	int64_t file_since_ns;
	unsigned writes_in_flight;

	struct sink_job *jobs, **jobs_end;
	struct sink_ledger *unsynced, **unsynced_end; /* released, not covered by a sync */
	bool has_rescued; /* batches of a given-up file are kept in the runtime directory */
	uint64_t rescued_sequence; /* of the last one of them */

	bool wants_rotation;
	int failed;   /* the file is to be given up for this error, once nothing is in flight */
	bool is_full; /* it failed for want of space: what is written is good */
	bool is_abandoning; /* given up, and its name still says open */
	uint64_t abandoned_bytes;
	int64_t retry_ns;	 /* no new file before this */
	bool is_stalled;	 /* said so, and nothing was written since */
	bool awaits_sync;	 /* stalled, and only a good sync would tell that it is over */
	bool has_released_flush; /* somebody waits to hear of a release */
};

int sink_open(struct sink *sink, enum signal signal, int out_dirfd,
	      const struct sink_options *options, struct io *io, struct iobuf_pool *pool,
	      struct status_page *status, uint64_t epoch);

/** Everything must be done: sink_is_idle(). Seals the file. @return 0 or a negative errno */
int sink_finish(struct sink *sink);
void sink_close(struct sink *sink);

/** How many rings the batch would name, were it closed now. */
size_t sink_count_parts(const struct sink *sink, const struct source *sources);

/**
 * Close the batch with what is staged and what the sources took; nothing to
 * close is fine.
 *
 * @return 0, -EAGAIN: no buffer is free, pump first; -ENOMEM
 */
int sink_close_batch(struct sink *sink, struct source *sources);

/** Go on with whatever can go on. @return whether something did */
bool sink_pump(struct sink *sink, int64_t now_ns);

/** A completion, of whichever sink started it. */
void sink_complete(const struct io_result *result, int64_t now_ns);

/** Nothing queued, nothing in flight. */
bool sink_is_idle(const struct sink *sink);

/** When sink_pump() has something to do again by the clock; INT64_MAX: it does not. */
int64_t sink_deadline_ns(const struct sink *sink);

/* Between sink.c and sink_file.c. */

/** Release every job that counts, in order. @return whether one did */
bool sink_release_ready(struct sink *sink);

/** After a stall something was written again. */
void sink_say_going_on(struct sink *sink);

/** A file with room for the job, made or rotated to if need be; false: not now. */
bool sink_prepare_file(struct sink *sink, uint64_t job_bytes, int64_t now_ns);

/** Nothing in flight: seal the file that is there. @return 0, or negative and failed is set */
int sink_seal_file(struct sink *sink);

/** Nothing in flight, failed is set: give the file up and queue again what is not safe in it. */
void sink_give_up_file(struct sink *sink, int64_t now_ns);

#endif
