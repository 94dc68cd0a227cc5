/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a queue's batches go. A destination takes batches, one behind the other, into what it
 * has open (a file) until that is sealed or given up; the next batch opens another. The queue
 * decides when, and in which order: a destination calls nobody back.
 *
 *   prepare ──▶ submit … submit ──▶ sync … ──▶ seal           all of it is safe
 *                                    └──────▶ give_up         what was synced is safe
 *
 * Writes and syncs are started here and end in the queue, which has their completions. Positions
 * count bytes in what is open.
 */
#ifndef OTLPIPE_WRITER_DESTINATION_H
#define OTLPIPE_WRITER_DESTINATION_H

#include <stdbool.h>
#include <stdint.h>

#include "writer/io/iobuf.h"

/* When what was written is synced: each so many bytes or so long, before it counts, never. */
enum destination_sync { SYNC_INTERVAL, SYNC_BATCH, SYNC_NONE };

struct destination;

struct destination_ops {
	/**
	 * Have something open that takes a batch of this many bytes; what is open must have no
	 * write and no sync in flight where it is to be left.
	 *
	 * @return 0; DESTINATION_SEAL_FIRST; or a negative errno, and ret_problem says of what
	 */
	int (*prepare)(struct destination *destination, uint64_t bytes, int64_t now_ns,
		       const char **ret_problem);

	/** Start to write a batch at end_bytes. @return 0, -EAGAIN: later; or a negative errno */
	int (*submit)(struct destination *destination, struct iobuf *batch, uint64_t bytes,
		      uint64_t user);

	/** Start to make durable what is written. @return as submit() */
	int (*sync)(struct destination *destination, uint64_t user);

	/** The same, and wait for it. @return 0 or a negative errno */
	int (*sync_now)(struct destination *destination);

	/** So many bytes of it are written without a gap. */
	void (*advance)(struct destination *destination, uint64_t written_bytes);

	/**
	 * Is what is open where its readers find it, and whole? Before anything there counts.
	 *
	 * @return 0; or a negative errno: it is to be given up, and that was said
	 */
	int (*look)(struct destination *destination);

	/**
	 * Nothing is in flight: make it durable up to end_bytes, and close it.
	 *
	 * @return 0; DESTINATION_SEALED_BADLY: it is sealed, and something went wrong then that
	 *         was said; or a negative errno: it is as it was, and to be given up
	 */
	int (*seal)(struct destination *destination);

	/** Nothing is in flight: read a batch back. @return false: it cannot be read */
	bool (*read_back)(struct destination *destination, uint64_t offset, uint8_t *to,
			  uint64_t bytes);

	/**
	 * Nothing is in flight: close it, and let nobody trust what is behind synced_bytes.
	 *
	 * @return 0 or a negative errno; it is closed in any case
	 */
	int (*give_up)(struct destination *destination);

	/** What could not be done in give_up(), once more. @return 0 or a negative errno */
	int (*settle)(struct destination *destination);
};

enum { DESTINATION_SEAL_FIRST = 1, DESTINATION_SEALED_BADLY = 1 };

struct destination {
	const struct destination_ops *ops;
	bool is_open;
	bool wants_seal;    /* before the next batch, or when there is nothing to write */
	const char *name;   /* of what is open, or was last, for messages */
	int64_t seal_at_ns; /* then it has been open for long enough; INT64_MAX: never */
	int64_t synced_ns;  /* when it was opened, or the last sync ended */

	uint64_t end_bytes;	/* submitted: where the next batch goes */
	uint64_t written_bytes; /* complete, without a gap */
	uint64_t synced_bytes;	/* durable */
	unsigned writes_in_flight;
	bool sync_in_flight;
	int failed;    /* it is to be given up for this error, once nothing is in flight */
	bool is_full;  /* it failed for want of space: what is written is good */
	bool is_taken; /* somebody has taken it away or cut it: the disk is well */
};

static inline bool destination_is_busy(const struct destination *destination)
{
	return destination->writes_in_flight != 0 || destination->sync_in_flight;
}

/** It is closed; the next one begins at 0. */
static inline void destination_forget(struct destination *destination)
{
	destination->end_bytes = destination->written_bytes = destination->synced_bytes = 0;
	destination->wants_seal = false;
	destination->failed = 0;
	destination->is_full = destination->is_taken = false;
}

static inline void destination_fail(struct destination *destination, int error, bool is_full)
{
	destination->failed = error;
	destination->is_full = is_full;
}

#endif
