/* SPDX-License-Identifier: Apache-2.0 */
/* Counts by value, in rows of powers of two that are made when they are needed. */
#include "cli/quantile.h"

#include <errno.h>
#include <stdlib.h>

static unsigned row_of(uint64_t value, unsigned *ret_sub)
{
	const unsigned top = value < QUANTILE_SUBS ? QUANTILE_SUB_BITS - 1
						   : 63u - (unsigned)__builtin_clzll(value);
	const unsigned row = top - (QUANTILE_SUB_BITS - 1);

	*ret_sub = (unsigned)(row == 0 ? value : (value >> (row - 1)) - QUANTILE_SUBS);
	return row;
}

/* The largest value of a bucket. */
static uint64_t bucket_last(unsigned row, unsigned sub)
{
	if (row == 0)
		return sub;
	return ((uint64_t)(QUANTILE_SUBS + sub) << (row - 1)) + ((UINT64_C(1) << (row - 1)) - 1);
}

int quantile_add(struct quantile *quantile, uint64_t value)
{
	unsigned sub;
	const unsigned row = row_of(value, &sub);

	if (quantile->rows[row] == NULL) {
		quantile->rows[row] = calloc(QUANTILE_SUBS, sizeof(*quantile->rows[row]));
		if (quantile->rows[row] == NULL)
			return -ENOMEM;
	}
	quantile->rows[row][sub]++;
	quantile->count++;
	quantile->sum += (double)value;
	if (value > quantile->max)
		quantile->max = value;
	return 0;
}

uint64_t quantile_at(const struct quantile *quantile, double share)
{
	const double exact = share * (double)quantile->count;
	uint64_t wanted = (uint64_t)exact, seen = 0;

	if ((double)wanted < exact || wanted == 0)
		wanted++;
	for (unsigned row = 0; row < QUANTILE_ROWS; row++) {
		for (unsigned sub = 0; quantile->rows[row] != NULL && sub < QUANTILE_SUBS; sub++) {
			seen += quantile->rows[row][sub];
			if (seen >= wanted) {
				const uint64_t last = bucket_last(row, sub);

				return last < quantile->max ? last : quantile->max;
			}
		}
	}
	return quantile->max;
}

uint64_t quantile_count_to(const struct quantile *quantile, uint64_t value)
{
	uint64_t seen = 0;

	for (unsigned row = 0; row < QUANTILE_ROWS; row++) {
		for (unsigned sub = 0; quantile->rows[row] != NULL && sub < QUANTILE_SUBS; sub++) {
			if (bucket_last(row, sub) > value)
				return seen;
			seen += quantile->rows[row][sub];
		}
	}
	return seen;
}

void quantile_free(struct quantile *quantile)
{
	for (unsigned row = 0; row < QUANTILE_ROWS; row++)
		free(quantile->rows[row]);
	*quantile = (struct quantile){0};
}
