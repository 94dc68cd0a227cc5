/* SPDX-License-Identifier: Apache-2.0 */
/* Rows as bytes: CSV, JSON lines, or columns for a program that makes Arrow arrays of them. */
#ifndef OTLPIPE_CLI_FLAT_OUT_H
#define OTLPIPE_CLI_FLAT_OUT_H

#include "cli/flat.h"

/**
 * CSV by RFC 4180: lines end in CR LF, and what has a comma, a quote, CR or LF in it stands in
 * quotes. Nothing is null, and "" a text that is empty.
 */
void flat_csv_header(struct grow *grow, const struct flat_table *table);
void flat_csv_row(struct grow *grow, const struct flat_row *row);

/** One object a line, without the columns that are null. */
void flat_json_row(struct grow *grow, const struct flat_row *row);

/*
 * Columns: first a line of JSON, {"table":…,"columns":[{"name":…,"type":…},…]}, then blocks. A
 * block is so many rows: u64 rows, and for each column u64 bytes of validity, u64 bytes of offsets,
 * u64 bytes of data, and these, each filled up to 8 bytes: the buffers of an Arrow array (validity
 * bits, the lowest first; offsets of 4 bytes, for text and lists; little-endian data, bits for
 * FLAT_BOOL). The last block has 0 rows, and nothing behind it.
 */
#define FLAT_BLOCK_ROWS_MAX  65536u
#define FLAT_BLOCK_BYTES_MAX (64u << 20) /* then a block is full too */

struct flat_buffers {
	struct grow validity, offsets, data;
};

struct flat_columns { /* begin with zeros, and table */
	const struct flat_table *table;
	uint64_t rows;
	struct flat_buffers columns[FLAT_COLUMNS_MAX];
};

void flat_columns_header(struct grow *grow, const struct flat_table *table);

/** 0, -EFBIG for a text of more than 1 GiB, or -ENOMEM. */
int flat_columns_add(struct flat_columns *columns, const struct flat_row *row);
bool flat_columns_are_full(const struct flat_columns *columns);

/** Hand out the block and begin a new one. With no rows: the end. 0, or what emit gave. */
int flat_columns_emit(struct flat_columns *columns, int (*emit)(const void *bytes, size_t count));
void flat_columns_free(struct flat_columns *columns);

#endif
