/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue of one signal's batches: closes them, has them written in order and synced, and lets
 * the rings have their space back when a batch counts. What cannot be written is kept and tried
 * again; what was written and turns out not to be readable is reported as lost in the ledger.
 * Where batches go is a destination's.
 *
 *   PENDING ── submit ──▶ SUBMITTED ── completion ──▶ WRITTEN ──▶ released
 *      ▲                      │ error                    │        when all before it
 *      └──────────────────────┴──────────────────────────┘        are, and with
 *         what was open is given up: once more, into the next     --sync batch synced
 */
#ifndef OTLPIPE_WRITER_QUEUE_H
#define OTLPIPE_WRITER_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "writer/destination.h"
#include "writer/io/io.h"
#include "writer/job.h"

/* --sync interval: a sync is started after this much or this long. */
#define QUEUE_SYNC_BYTES  (UINT64_C(16) << 20)
#define QUEUE_SYNC_NS	  INT64_C(200000000)
#define QUEUE_RETRY_NS	  INT64_C(1000000000) /* after nothing could be opened */
#define QUEUE_WRITES_MAX  3		      /* in flight */
#define QUEUE_BUFFERS_MAX (IOBUF_COUNT - 1)   /* with batches: one is left to the other queues */

struct queue_options {
	enum destination_sync sync;
	const struct runtime_dir *runtime; /* where rescued batches are kept; NULL: nowhere */
	uint64_t output_id; /* of the output directory, for the regions to know; 0: they need not */
};

struct queue {
	enum otlp_signal signal;
	const struct queue_options *options;
	struct destination *destination;
	struct iobuf_pool *pool;
	struct status_page *status;
	struct status_drops ended_drops; /* of rings whose last entry counts */
	uint64_t epoch;
	uint64_t next_sequence;
	struct stage *stage;
	struct iobuf *staged; /* what the stage encodes into */

	struct job *jobs, **jobs_end;
	struct ledger *unsynced, **unsynced_end; /* released, not covered by a sync */
	uint64_t sync_to_bytes;			 /* what the sync in flight covers */
	int64_t sync_started_ns;		 /* by the clock that only goes forward */
	bool has_rescued; /* batches of a given-up file are kept in the runtime directory */
	int rescue_fd;	  /* in this file, which is locked */
	uint64_t rescued_sequence; /* of the last one of them */

	int64_t retry_ns;	 /* nothing new is opened before this */
	bool is_stalled;	 /* said so, and nothing was written since */
	bool awaits_sync;	 /* stalled, and only a good sync would tell that it is over */
	bool has_released_flush; /* somebody waits to hear of a release */
	bool left_open;		 /* what was given up last could not be closed: it may count yet */
};

/** @return 0 or -ENOMEM */
int queue_open(struct queue *queue, enum otlp_signal signal, const struct queue_options *options,
	       struct destination *destination, struct iobuf_pool *pool, struct status_page *status,
	       uint64_t epoch);

/** Everything must be done: queue_is_idle(). Seals what is open. @return 0 or a negative errno */
int queue_finish(struct queue *queue);
void queue_close(struct queue *queue);

/** What is kept in the runtime directory, once more: it is another directory now. */
void queue_keep_again(struct queue *queue);

/** Seal what is open before the next batch, or at once where there is none. */
void queue_rotate(struct queue *queue);

/** How many rings the batch would name, were it closed now. */
size_t queue_count_parts(const struct queue *queue, const struct source *sources);

/**
 * Close the batch with what is staged and what the sources took; nothing to
 * close is fine.
 *
 * @return 0, -EAGAIN: no buffer is free, pump first; -ENOMEM
 */
int queue_close_batch(struct queue *queue, struct source *sources);

/** Go on with whatever can go on. @return whether something did */
bool queue_pump(struct queue *queue, int64_t now_ns);

/** Release every job that counts, in order: a part of queue_pump(). @return whether one did */
bool queue_release(struct queue *queue);

/** A completion, of whichever queue started it. */
void queue_complete(const struct io_result *result, int64_t now_ns);

/** Items of batches that are closed and do not count yet. */
uint64_t queue_inflight_items(const struct queue *queue);

/** Nothing queued, nothing in flight. */
bool queue_is_idle(const struct queue *queue);

/** When queue_pump() has something to do again by the clock; INT64_MAX: it does not. */
int64_t queue_deadline_ns(const struct queue *queue);

#endif
