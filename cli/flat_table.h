/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of flat rows: their columns and types. */
#ifndef OTLPIPE_CLI_FLAT_TABLE_H
#define OTLPIPE_CLI_FLAT_TABLE_H

#include <stddef.h>

#include "core/record/signal.h"

enum flat_type {
	FLAT_TIME,     /* nanoseconds since 1970 */
	FLAT_DURATION, /* nanoseconds */
	FLAT_ID16,     /* of a trace: 16 bytes */
	FLAT_ID8,      /* of a span: 8 bytes */
	FLAT_TEXT,     /* UTF-8 */
	FLAT_I32,
	FLAT_U32,
	FLAT_I64,
	FLAT_U64,
	FLAT_F64,
	FLAT_BOOL,
	FLAT_U64_LIST,
	FLAT_F64_LIST,
};

struct flat_column {
	const char *name;
	enum flat_type type;
};

#define FLAT_COLUMNS_MAX 32u

enum flat_table_number {
	FLAT_TRACES,
	FLAT_LOGS,
	FLAT_GAUGE, /* from here on in the order of enum view_metric_kind */
	FLAT_SUM,
	FLAT_HISTOGRAM,
	FLAT_EXP_HISTOGRAM,
	FLAT_SUMMARY,
	FLAT_TABLES
};

struct flat_table {
	const char *name;
	enum otlp_signal signal;
	const struct flat_column *columns;
	size_t column_count;
};

extern const struct flat_table flat_tables[FLAT_TABLES];

#endif
