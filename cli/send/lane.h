/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The requests of one signal in the order of their records, from the first that is not acknowledged
 * on. Answers come in any order; from the lane follows what the cursor says at any moment.
 */
#ifndef OTLPIPE_CLI_SEND_LANE_H
#define OTLPIPE_CLI_SEND_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/send/destination.h"
#include "writer/file/cursor.h"

/* Records of one batch that are in a request, one behind the other. */
struct lane_piece {
	uint64_t file;
	uint64_t sequence;
	uint64_t item;
	uint64_t count;
};

enum lane_state {
	LANE_READY, /* to be begun, now or later */
	LANE_BEGUN, /* the destination has it */
	LANE_DONE,  /* acknowledged, or set aside */
};

/* A request, and where its records come from. All are of one epoch. */
struct parcel {
	struct send_request request; /* the first member */
	struct parcel *previous, *next;
	uint8_t *body;
	enum lane_state state;
	struct cursor_position from, to;
	struct lane_piece *pieces;
	size_t piece_count;
	uint64_t closed_unix_ns; /* of its oldest batch */
	uint64_t repeated_items; /* that an earlier run may have sent */
	bool is_doubtful;	 /* the last try got no answer, and may have been taken */
	bool may_be_there;	 /* some try did */
	unsigned tries;
	/* The halves of a request that was refused: its number, and the other half's fate. */
	uint64_t family;
	bool is_sibling_taken;
	size_t family_bytes; /* of the whole */
};

struct lane {
	struct parcel *first, *last;
	size_t open_count;  /* not done */
	size_t begun_count; /* the destination has them */
	/* What an earlier run has acknowledged out of order: kept until it lies behind. */
	const struct cursor_signal *resume;
};

/** Takes the parcel over, with its body and pieces. */
void lane_append(struct lane *lane, struct parcel *parcel);

/** The first that can be begun; NULL: there is none. */
struct parcel *lane_ready(const struct lane *lane);

void lane_begin(struct lane *lane, struct parcel *parcel);
void lane_again(struct lane *lane, struct parcel *parcel);
/** It is freed sooner or later. */
void lane_done(struct lane *lane, struct parcel *parcel);

/** The place before its nth record. */
struct cursor_position parcel_place(const struct parcel *parcel, uint64_t number);

/**
 * Put two halves in its place, the first with so many records. It is freed.
 *
 * @param bodies  taken over on success
 * @return 0 or -ENOMEM: nothing has changed
 */
int lane_split(struct lane *lane, struct parcel *parcel, uint64_t first_count, uint8_t *bodies[2],
	       const size_t bytes[2], struct parcel *ret[2]);

/**
 * What the cursor has to say. The ranges are the caller's to free().
 *
 * @param read  all before it is in the lane, or was
 * @return 0 or -ENOMEM
 */
int lane_look(const struct lane *lane, const struct cursor_position *read,
	      struct cursor_signal *ret);

/** When the oldest batch was closed that is not acknowledged; 0: there is none. */
uint64_t lane_oldest_ns(const struct lane *lane);

void lane_free(struct lane *lane);

#endif
