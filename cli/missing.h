/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is missing from a run of batches, by their own ledgers: each entry says where in its ring
 * the batch begins and how many items came before. For a reader that retention may overtake.
 */
#ifndef OTLPIPE_CLI_MISSING_H
#define OTLPIPE_CLI_MISSING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/input.h"

/* So many rings are remembered; of more, those that were not seen for longest are forgotten. */
#define MISSING_RINGS_MAX 262144u

struct missing_ring;

struct missing {
	struct missing_ring *rings; /* by region and ring; NULL: none */
	uint64_t since_unix_ns;	    /* when the first batch was closed; 0: none yet */
	uint64_t items;		    /* found missing so far */
};

/* What is missing in front of one batch. */
struct missing_gap {
	uint64_t items;
	size_t rings;	    /* so many lack something; 0: nothing is missing */
	uint64_t region_id; /* of the first of them */
	uint32_t pid;
	uint64_t from, to; /* the positions in its ring */
};

/**
 * Take note of a batch, and compare it with those before. What is not a batch of ours is passed
 * over.
 *
 * @return 0, or -ENOMEM: from now on something may be missing unnoticed
 */
int missing_check(struct missing *missing, const struct chunk *chunk, struct missing_gap *ret);
void missing_free(struct missing *missing);

#endif
