/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as rows of flat columns. The tables, their columns and types are those of the crate
 * otlp2records 0.11, so that queries carry over; `summary` is ours, since the crate leaves it out.
 */
#ifndef OTLPIPE_CLI_FLAT_H
#define OTLPIPE_CLI_FLAT_H

#include "cli/flat_table.h"
#include "cli/grow.h"
#include "cli/otlp_view_metric.h"

struct flat_cell {
	bool is_null;
	uint64_t bits; /* of all numbers; a double's bits */
	struct view_bytes
		at; /* of ids and text: where they are; of lists: 8 bytes for each number */
};

struct flat_row {
	const struct flat_table *table;
	struct flat_cell cells[FLAT_COLUMNS_MAX];
};

/** Takes a row; what it points to stays until it returns. 0, or -errno, which ends the walk. */
typedef int (*flat_row_fn)(void *context, const struct flat_row *row);

struct flat { /* begin with zeros, table, row and context */
	const struct flat_table *table;
	flat_row_fn row;
	void *context;
	/* what stays from one record to the next of the same resource and scope */
	struct view_bytes seen_resource, seen_scope;
	struct grow place; /* the JSON of their attributes, and their texts */
	struct flat_cell place_cells[8];
	struct grow scratch; /* what is made for one row */
};

/**
 * All rows of a ResourceSpans, ResourceMetrics or ResourceLogs that belong into the table.
 *
 * @return 0, -EBADMSG, -ELOOP, -ENOMEM, or what the row gave
 */
int flat_take(struct flat *flat, struct view_bytes resource_data);

void flat_free(struct flat *flat);

#endif
