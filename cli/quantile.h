/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quantiles of very many numbers, in little memory: counts in buckets that are 1/128 of their value
 * wide, as HdrHistogram has them (Debian 12 has no package of its C library). What is told is less
 * than 0.8 % too much, and never above the largest number.
 */
#ifndef OTLPIPE_CLI_QUANTILE_H
#define OTLPIPE_CLI_QUANTILE_H

#include <stddef.h>
#include <stdint.h>

#define QUANTILE_SUB_BITS 7u
#define QUANTILE_SUBS	  (1u << QUANTILE_SUB_BITS)
/* One for what is below QUANTILE_SUBS, and one for each power of two above. */
#define QUANTILE_ROWS (64u - QUANTILE_SUB_BITS + 1)

struct quantile {		       /* begin with zeros */
	uint64_t *rows[QUANTILE_ROWS]; /* NULL: nothing is there */
	uint64_t count, max;
	double sum;
};

/** 0 or -ENOMEM. */
int quantile_add(struct quantile *quantile, uint64_t value);

/** The value that a share of all is not above: 0.5 for the median. 0 if there is none. */
uint64_t quantile_at(const struct quantile *quantile, double share);

/** How many are not above a value, to the precision of a bucket. */
uint64_t quantile_count_to(const struct quantile *quantile, uint64_t value);

void quantile_free(struct quantile *quantile);

#endif
