/* SPDX-License-Identifier: Apache-2.0 */
/* One signal on its way: read, cut into requests, and put into its lane. */
#ifndef OTLPIPE_CLI_SEND_FLOW_H
#define OTLPIPE_CLI_SEND_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/send/backoff.h"
#include "cli/send/cutter.h"
#include "cli/send/dead_letters.h"
#include "cli/send/lane.h"
#include "cli/send/source.h"

/* So far, of this run. */
struct flow_counts {
	uint64_t taken_items;
	uint64_t taken_requests;
	uint64_t taken_bytes;	 /* of bodies, as they were before compression */
	uint64_t rejected_items; /* of those taken: thrown away by the receiver, as it says */
	uint64_t refused_items;	 /* set aside */
	uint64_t twice_items;	 /* that may be there twice */
	uint64_t retries;
};

struct flow {
	enum otlp_signal signal;
	struct source source;
	struct lane lane;
	struct backoff backoff;
	struct dead_letters dead_letters;
	struct flow_counts counts;
	bool is_at_end;	       /* all that is there now was read */
	int64_t next_look_ns;  /* then it is looked at again */
	unsigned refusals;     /* since something was taken */
	uint64_t families;     /* of halves, so far */
	int64_t last_taken_ns; /* or when nothing was left to be taken */
	/* The request that is being cut. */
	struct cutter cutter;
	struct lane_piece *pieces;
	size_t piece_count, piece_capacity;
	struct cursor_position from, end; /* end: behind the last one that was cut */
	uint64_t closed_unix_ns;
	uint64_t repeated_items;
};

/**
 * @param resume  from the cursor; it must stay
 * @return what source_open() says
 */
int flow_open(struct flow *flow, const char *path, enum otlp_signal signal,
	      const struct cursor_signal *resume, uint64_t max_age_ns, size_t request_bytes);
void flow_close(struct flow *flow);

/**
 * Read and cut, until so many requests are not done yet or all is read.
 *
 * @return 0 or -ENOMEM
 */
int flow_fill(struct flow *flow, size_t requests_max);

/**
 * Halve a request that was refused.
 *
 * @return 0 or a negative errno
 */
int flow_halve(struct flow *flow, struct parcel *parcel);

/** What the cursor has to say of it. The ranges are the caller's to free(). */
int flow_look(const struct flow *flow, struct cursor_signal *ret);

/** Nothing of it is left that was not acknowledged or set aside. */
bool flow_is_empty(const struct flow *flow);

#endif
