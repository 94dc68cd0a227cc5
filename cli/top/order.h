/* SPDX-License-Identifier: Apache-2.0 */
/* Which producers are shown, and in which order. */
#ifndef OTLPIPE_CLI_TOP_ORDER_H
#define OTLPIPE_CLI_TOP_ORDER_H

#include "cli/top/model.h"

enum top_sort {
	TOP_SORT_RATE, /* what is accepted a second, of all signals */
	TOP_SORT_DROPS,
	TOP_SORT_FILL,
	TOP_SORT_AGE,
	TOP_SORT_PID,
	TOP_SORT_PROGRAM,
	TOP_SORT_SERVICE,
	TOP_SORTS
};

#define TOP_FILTER_BYTES 64u

struct top_order {
	enum top_sort sort;
	bool is_reversed;
	bool only_dropped;	       /* those that have dropped something */
	char filter[TOP_FILTER_BYTES]; /* in its program, its service or its pid; empty: all */
};

/** For the screen and the command line. */
extern const char *const top_sort_names[TOP_SORTS];

/** @return true: *ret is set */
bool top_sort_find(const char *name, enum top_sort *ret);

bool top_order_takes(const struct top_order *order, const struct top_producer *producer);

/**
 * Puts those that are shown first, in their order. Equal ones keep one order always: rows must not
 * jump.
 *
 * @return how many are shown
 */
size_t top_order_rows(const struct top_order *order, struct top_producer **rows, size_t count);

#endif
