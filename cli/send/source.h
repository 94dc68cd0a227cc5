/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where `otlpipe send` reads: one signal of an output directory, record by record, from where a
 * cursor stands. It knows batches by epoch and sequence: one that comes a second time, since its
 * file was given up and it was written again, is passed over; one that does not come is a gap.
 */
#ifndef OTLPIPE_CLI_SEND_SOURCE_H
#define OTLPIPE_CLI_SEND_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/send/records.h"
#include "cli/stream.h"
#include "writer/file/cursor.h"

struct source {
	enum otlp_signal signal;
	struct stream stream;
	struct cursor_position at;	    /* the next record is there, or behind it */
	const struct cursor_signal *resume; /* what an earlier run has left */
	bool has_reached_begun; /* nothing from here on was ever sent by an earlier run */
	struct records records; /* of the batch */
	bool has_batch;
	uint64_t closed_unix_ns; /* of the batch */
	uint64_t max_age_ns;	 /* older batches are passed over; 0: none is */
	/* So far. */
	uint64_t repeated_batches;
	uint64_t gaps;
	uint64_t old_items;
	int status; /* enum tool_exit: something cannot be read, or is missing */
};

/**
 * @param path    the output directory; it must stay
 * @param resume  it must stay; is_sent: where to go on, else from the oldest file on
 * @return 0; -EUCLEAN: the directory is not the one that the cursor is of, which was said; or
 *         another negative errno
 */
int source_open(struct source *source, const char *path, enum otlp_signal signal,
		const struct cursor_signal *resume, uint64_t max_age_ns);
void source_close(struct source *source);

/**
 * Have the next record ready, if there is one now. It is number at.item of source->records, until
 * source_step().
 *
 * @param ret_is_new_batch  the records are those of another batch than the last time
 * @return 1: there is one; 0: none now; -ENOMEM
 */
int source_next(struct source *source, bool *ret_is_new_batch);

/** The record is taken: go behind it. */
void source_step(struct source *source);

/** Nothing will come any more: the directory cannot be read. */
bool source_has_ended(const struct source *source);

/** Did an earlier run begin to send the record that is next? It may be there twice then. */
bool source_may_repeat(const struct source *source);

/** Of files that are complete: so much was not read yet. For people. */
uint64_t source_unread_bytes(const struct source *source);

#endif
