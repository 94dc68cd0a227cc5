/* SPDX-License-Identifier: Apache-2.0 */
/* Sorts and filters the producers of `otlpipe top`. */
#include "cli/top/order.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/top/text.h"

const char *const top_sort_names[TOP_SORTS] = {
	[TOP_SORT_RATE] = "rate",	[TOP_SORT_DROPS] = "drops", [TOP_SORT_FILL] = "fill",
	[TOP_SORT_AGE] = "age",		[TOP_SORT_PID] = "pid",	    [TOP_SORT_PROGRAM] = "program",
	[TOP_SORT_SERVICE] = "service",
};

bool top_sort_find(const char *name, enum top_sort *ret)
{
	for (unsigned i = 0; i < TOP_SORTS; i++) {
		if (strcmp(name, top_sort_names[i]) != 0)
			continue;
		*ret = (enum top_sort)i;
		return true;
	}
	return false;
}

bool top_order_takes(const struct top_order *order, const struct top_producer *producer)
{
	char pid[16];

	if (order->only_dropped && producer->dropped_total == 0)
		return false;
	snprintf(pid, sizeof(pid), "%" PRIu32, producer->region->pid);
	return top_contains(producer->region->program, order->filter) ||
	       top_contains(producer->region->service, order->filter) ||
	       top_contains(pid, order->filter);
}

/* Larger ones first. */
static int down(double a, double b)
{
	return a > b ? -1 : a < b;
}

static int compare_by(enum top_sort sort, const struct top_producer *a,
		      const struct top_producer *b)
{
	int order = 0;

	switch (sort) {
	case TOP_SORT_RATE:
		return down(a->accepted_rate, b->accepted_rate);
	case TOP_SORT_DROPS:
		order = down(a->dropped_rate, b->dropped_rate);
		return order != 0 ? order
				  : down((double)a->dropped_total, (double)b->dropped_total);
	case TOP_SORT_FILL:
		return down(a->fill, b->fill);
	case TOP_SORT_AGE:
		return down((double)a->age_seconds, (double)b->age_seconds);
	case TOP_SORT_PID:
		return down((double)b->region->pid, (double)a->region->pid);
	case TOP_SORT_PROGRAM:
		return strcasecmp(a->region->program, b->region->program);
	case TOP_SORT_SERVICE:
		return strcasecmp(a->region->service, b->region->service);
	case TOP_SORTS:
		break;
	}
	return order;
}

static int compare(const void *a, const void *b, void *context)
{
	const struct top_producer *x = *(struct top_producer *const *)a;
	const struct top_producer *y = *(struct top_producer *const *)b;
	const struct top_order *order = context;
	int rc = compare_by(order->sort, x, y);

	if (rc != 0)
		return order->is_reversed ? -rc : rc;
	if (x->region->pid != y->region->pid)
		return x->region->pid < y->region->pid ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

size_t top_order_rows(const struct top_order *order, struct top_producer **rows, size_t count)
{
	struct top_order copy = *order;
	size_t shown = 0;

	for (size_t i = 0; i < count; i++) {
		struct top_producer *row = rows[i];

		if (!top_order_takes(order, row))
			continue;
		rows[i] = rows[shown];
		rows[shown++] = row;
	}
	qsort_r(rows, shown, sizeof(struct top_producer *), compare, &copy);
	return shown;
}
