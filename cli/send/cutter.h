/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts records together to a request, which is a whole Export…ServiceRequest below a limit: each
 * record stands in a copy of its resource, scope and metric, once for all its neighbours.
 *
 * The ledger of a batch (fields 1000 and 1001) is left out: receivers need not know it, and its
 * padding is worth nothing to them.
 */
#ifndef OTLPIPE_CLI_SEND_CUTTER_H
#define OTLPIPE_CLI_SEND_CUTTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/send/records.h"

struct cutter {
	size_t limit_bytes; /* of a request */
	uint8_t *data;	    /* the request so far */
	size_t bytes;
	size_t capacity;
	uint64_t count; /* records in it */
	/* The nodes that the request's last record is in, and where their lengths stand. */
	const struct records *open_in;
	uint32_t open[RECORDS_DEPTH_MAX];
	size_t length_at[RECORDS_DEPTH_MAX];
	unsigned depth;
};

void cutter_free(struct cutter *cutter);

/**
 * Put the next record into the request. The first one is put in whatever its size: a record that is
 * larger than the limit goes alone.
 *
 * @return 1: it is in; 0: the request is full, and is to be taken first; -ENOMEM; -EFBIG: it is
 *         larger than 256 MiB
 */
int cutter_add(struct cutter *cutter, const struct records *records, size_t number);

/** The records were of a batch that goes away: what comes next has nodes of its own. */
void cutter_leave(struct cutter *cutter);

/**
 * Take the request, and begin a new one.
 *
 * @return its bytes, the caller's to free(); NULL: it has no record
 */
uint8_t *cutter_take(struct cutter *cutter, size_t *ret_bytes);

#endif
