/* SPDX-License-Identifier: Apache-2.0 */
/* The tables and their columns, in the order and of the types that otlp2records 0.11 gives them. */
#include "cli/flat_table.h"

#include "base/array.h"

#define SERVICE_COLUMNS                                                \
	{"service_name", FLAT_TEXT}, {"service_namespace", FLAT_TEXT}, \
	{                                                              \
		"service_instance_id", FLAT_TEXT                       \
	}
#define SCOPE_COLUMNS                                                  \
	{"resource_attributes", FLAT_TEXT}, {"scope_name", FLAT_TEXT}, \
		{"scope_version", FLAT_TEXT},                          \
	{                                                              \
		"scope_attributes", FLAT_TEXT                          \
	}

static const struct flat_column trace_columns[] = {
	{"start_time_unix_nano", FLAT_TIME},
	{"duration_time_unix_nano", FLAT_DURATION},
	{"trace_id", FLAT_ID16},
	{"span_id", FLAT_ID8},
	{"parent_span_id", FLAT_ID8},
	{"trace_state", FLAT_TEXT},
	SERVICE_COLUMNS,
	{"name", FLAT_TEXT},
	{"kind", FLAT_I32},
	{"status_code", FLAT_I32},
	{"status_status_message", FLAT_TEXT},
	SCOPE_COLUMNS,
	{"span_attributes", FLAT_TEXT},
	{"events_json", FLAT_TEXT},
	{"links_json", FLAT_TEXT},
	{"dropped_attributes_count", FLAT_U32},
	{"dropped_events_count", FLAT_U32},
	{"dropped_links_count", FLAT_U32},
	{"flags", FLAT_U32},
};

static const struct flat_column log_columns[] = {
	{"time_unix_nano", FLAT_TIME},
	{"observed_time_unix_nano", FLAT_TIME},
	{"trace_id", FLAT_ID16},
	{"span_id", FLAT_ID8},
	SERVICE_COLUMNS,
	{"severity_number", FLAT_I32},
	{"severity_text", FLAT_TEXT},
	{"event_name", FLAT_TEXT},
	{"body", FLAT_TEXT},
	SCOPE_COLUMNS,
	{"log_attributes", FLAT_TEXT},
	{"dropped_attributes_count", FLAT_U32},
	{"flags", FLAT_U32},
};

#define METRIC_COLUMNS                                                                           \
	{"time_unix_nano", FLAT_TIME}, {"start_time_unix_nano", FLAT_TIME}, {"name", FLAT_TEXT}, \
		{"description", FLAT_TEXT},                                                      \
	{                                                                                        \
		"unit", FLAT_TEXT                                                                \
	}
#define POINT_COLUMNS                                                                          \
	SERVICE_COLUMNS, SCOPE_COLUMNS, {"metric_attributes", FLAT_TEXT}, {"flags", FLAT_U32}, \
	{                                                                                      \
		"exemplars_json", FLAT_TEXT                                                    \
	}
#define NUMBER_COLUMNS                   \
	{"int_value", FLAT_I64},         \
	{                                \
		"double_value", FLAT_F64 \
	}
#define COUNT_COLUMNS                                              \
	{"count", FLAT_U64}, {"sum", FLAT_F64}, {"min", FLAT_F64}, \
	{                                                          \
		"max", FLAT_F64                                    \
	}

static const struct flat_column gauge_columns[] = {METRIC_COLUMNS, NUMBER_COLUMNS, POINT_COLUMNS};
static const struct flat_column sum_columns[] = {METRIC_COLUMNS,
						 NUMBER_COLUMNS,
						 POINT_COLUMNS,
						 {"aggregation_temporality", FLAT_I32},
						 {"is_monotonic", FLAT_BOOL}};
static const struct flat_column histogram_columns[] = {METRIC_COLUMNS,
						       COUNT_COLUMNS,
						       {"bucket_counts", FLAT_U64_LIST},
						       {"explicit_bounds", FLAT_F64_LIST},
						       POINT_COLUMNS,
						       {"aggregation_temporality", FLAT_I32}};
static const struct flat_column exp_histogram_columns[] = {
	METRIC_COLUMNS,
	COUNT_COLUMNS,
	{"scale", FLAT_I32},
	{"zero_count", FLAT_U64},
	{"zero_threshold", FLAT_F64},
	{"positive_offset", FLAT_I32},
	{"positive_bucket_counts", FLAT_U64_LIST},
	{"negative_offset", FLAT_I32},
	{"negative_bucket_counts", FLAT_U64_LIST},
	POINT_COLUMNS,
	{"aggregation_temporality", FLAT_I32}};
static const struct flat_column summary_columns[] = {
	METRIC_COLUMNS,
	{"count", FLAT_U64},
	{"sum", FLAT_F64},
	{"quantiles", FLAT_F64_LIST},
	{"quantile_values", FLAT_F64_LIST},
	POINT_COLUMNS,
};

#define TABLE(table_name, table_signal, list)                                      \
	{                                                                          \
		.name = (table_name), .signal = (table_signal), .columns = (list), \
		.column_count = COUNT_OF(list)                                     \
	}
const struct flat_table flat_tables[FLAT_TABLES] = {
	[FLAT_TRACES] = TABLE("traces", OTLP_SIGNAL_TRACES, trace_columns),
	[FLAT_LOGS] = TABLE("logs", OTLP_SIGNAL_LOGS, log_columns),
	[FLAT_GAUGE] = TABLE("gauge", OTLP_SIGNAL_METRICS, gauge_columns),
	[FLAT_SUM] = TABLE("sum", OTLP_SIGNAL_METRICS, sum_columns),
	[FLAT_HISTOGRAM] = TABLE("histogram", OTLP_SIGNAL_METRICS, histogram_columns),
	[FLAT_EXP_HISTOGRAM] = TABLE("exp_histogram", OTLP_SIGNAL_METRICS, exp_histogram_columns),
	[FLAT_SUMMARY] = TABLE("summary", OTLP_SIGNAL_METRICS, summary_columns),
};
