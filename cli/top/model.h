/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `otlpipe top` remembers from one look to the next: rates, and a short history of how full
 * rings were. A producer is known by its region's id: a pid is used again.
 */
#ifndef OTLPIPE_CLI_TOP_MODEL_H
#define OTLPIPE_CLI_TOP_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "cli/stat_view.h"

#define TOP_HISTORY_COUNT 64u

/* The last so many values; the newest one is at [count - 1 modulo TOP_HISTORY_COUNT]. */
struct top_history {
	float values[TOP_HISTORY_COUNT];
	uint64_t count; /* of all that there were */
};

enum top_drop { TOP_DROP_FULL, TOP_DROP_INVALID, TOP_DROP_TOO_LARGE, TOP_DROPS };

/* Counts of one ring, or of several. */
struct top_counts {
	uint64_t accepted;
	uint64_t dropped[TOP_DROPS];
};

struct top_producer {
	UT_hash_handle hh;
	uint64_t id;
	const struct stat_region *region; /* of the last look */
	uint64_t look;			  /* the number of that look */
	uint64_t age_seconds;
	unsigned lanes; /* its rings */
	struct {
		double fill; /* of its fullest ring, 0 to 1 */
		struct top_counts counts;
		double accepted_rate;
		struct top_history history; /* of fill */
	} signals[SIGNAL_COUNT];
	double fill;		    /* of its fullest ring */
	struct top_history history; /* of that */
	double accepted_rate;
	double dropped_rate; /* for whatever reason */
	uint64_t dropped[TOP_DROPS];
	uint64_t dropped_total;
	bool is_blocked; /* a ring of it is */
	bool is_unsound; /* a ring of it is */
};

struct top_signal {
	double accepted_rate; /* of all producers */
	double written_rate, batches_rate, bytes_rate;
	struct top_history history; /* of written_rate */
};

struct top_model { /* begin with zeros */
	struct stat_view view;
	uint64_t look_count;
	int64_t looked_ns;
	double seconds;	      /* from the look before to the last one; 0: there was none */
	uint64_t now_unix_ns; /* of the last look */
	struct top_producer *by_id;
	struct top_producer **rows; /* all producers, in the order of the look */
	size_t row_count;
	struct top_signal signals[SIGNAL_COUNT];
	uint64_t dropped[TOP_DROPS];
	double dropped_rates[TOP_DROPS];
	uint64_t dropped_without_ring;
};

void top_model_free(struct top_model *model);

/**
 * What was looked at just now.
 *
 * @param view         taken over, and zeroed
 * @param now_ns       of a clock that only goes forward
 * @param now_unix_ns  to tell ages by
 * @return 0; or -ENOMEM: some producers are missing in it
 */
int top_model_take(struct top_model *model, struct stat_view *view, int64_t now_ns,
		   uint64_t now_unix_ns);

void top_history_add(struct top_history *history, double value);

/** @param ago  0: the newest @return false: there was none so long ago, or it is forgotten */
bool top_history_get(const struct top_history *history, uint64_t ago, double *ret);

#endif
