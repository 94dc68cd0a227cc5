/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OTLP 1.11's fields as a table of literal numbers, against the schema in
 * proto/ as the build compiled it. The schema is our own file, and whoever
 * writes and reads with the same wrong number notices nothing: this table was
 * taken from upstream's, not from ours. No field may lack on either side.
 */
#include "opentelemetry/proto/collector/logs/v1/logs_service.pb-c.h"
#include "opentelemetry/proto/collector/metrics/v1/metrics_service.pb-c.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"
#include "tests/oracle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COMMON		"opentelemetry.proto.common.v1."
#define RESOURCE	"opentelemetry.proto.resource.v1."
#define TRACE		"opentelemetry.proto.trace.v1."
#define METRICS		"opentelemetry.proto.metrics.v1."
#define LOGS		"opentelemetry.proto.logs.v1."
#define TRACE_SERVICE	"opentelemetry.proto.collector.trace.v1.Export"
#define METRICS_SERVICE "opentelemetry.proto.collector.metrics.v1.Export"
#define LOGS_SERVICE	"opentelemetry.proto.collector.logs.v1.Export"
#define TEMPORALITY	METRICS "AggregationTemporality"
#define EXP_HISTOGRAM	METRICS "ExponentialHistogram"
#define EXP_POINT	METRICS "ExponentialHistogramDataPoint"
#define EXP_BUCKETS	METRICS "ExponentialHistogramDataPoint.Buckets"

/* The build replaces strings by bytes: proto/compile_pb_c.py. */
#define TYPE_STRING   PROTOBUF_C_TYPE_BYTES
#define TYPE_BYTES    PROTOBUF_C_TYPE_BYTES
#define TYPE_MESSAGE  PROTOBUF_C_TYPE_MESSAGE
#define TYPE_BOOL     PROTOBUF_C_TYPE_BOOL
#define TYPE_INT64    PROTOBUF_C_TYPE_INT64
#define TYPE_UINT64   PROTOBUF_C_TYPE_UINT64
#define TYPE_UINT32   PROTOBUF_C_TYPE_UINT32
#define TYPE_SINT32   PROTOBUF_C_TYPE_SINT32
#define TYPE_ENUM     PROTOBUF_C_TYPE_ENUM
#define TYPE_DOUBLE   PROTOBUF_C_TYPE_DOUBLE
#define TYPE_FIXED64  PROTOBUF_C_TYPE_FIXED64
#define TYPE_SFIXED64 PROTOBUF_C_TYPE_SFIXED64
#define TYPE_FIXED32  PROTOBUF_C_TYPE_FIXED32

enum occurs {
	ONE,   /* left out when it has the default value */
	ONEOF, /* presence is kept */
	MANY,
	PACKED /* many in one length-delimited field */
};

struct field_row {
	const char *message;
	const char *name;
	uint32_t number;
	uint32_t wire_type; /* 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes */
	ProtobufCType type;
	enum occurs occurs;
	const char *target; /* of a message or an enum */
};

struct enum_row {
	const char *name;
	const char *value_name;
	int value;
};

/* clang-format off */
static const struct field_row field_rows[] = {
	{COMMON "AnyValue", "string_value", 1, 2, TYPE_STRING, ONEOF, NULL},
	{COMMON "AnyValue", "bool_value", 2, 0, TYPE_BOOL, ONEOF, NULL},
	{COMMON "AnyValue", "int_value", 3, 0, TYPE_INT64, ONEOF, NULL},
	{COMMON "AnyValue", "double_value", 4, 1, TYPE_DOUBLE, ONEOF, NULL},
	{COMMON "AnyValue", "array_value", 5, 2, TYPE_MESSAGE, ONEOF, COMMON "ArrayValue"},
	{COMMON "AnyValue", "kvlist_value", 6, 2, TYPE_MESSAGE, ONEOF, COMMON "KeyValueList"},
	{COMMON "AnyValue", "bytes_value", 7, 2, TYPE_BYTES, ONEOF, NULL},
	{COMMON "ArrayValue", "values", 1, 2, TYPE_MESSAGE, MANY, COMMON "AnyValue"},
	{COMMON "KeyValueList", "values", 1, 2, TYPE_MESSAGE, MANY, COMMON "KeyValue"},
	{COMMON "KeyValue", "key", 1, 2, TYPE_STRING, ONE, NULL},
	{COMMON "KeyValue", "value", 2, 2, TYPE_MESSAGE, ONE, COMMON "AnyValue"},
	{COMMON "InstrumentationScope", "name", 1, 2, TYPE_STRING, ONE, NULL},
	{COMMON "InstrumentationScope", "version", 2, 2, TYPE_STRING, ONE, NULL},
	{COMMON "InstrumentationScope", "attributes", 3, 2, TYPE_MESSAGE, MANY, COMMON "KeyValue"},
	{COMMON "InstrumentationScope", "dropped_attributes_count", 4, 0, TYPE_UINT32, ONE, NULL},
	{COMMON "EntityRef", "schema_url", 1, 2, TYPE_STRING, ONE, NULL},
	{COMMON "EntityRef", "type", 2, 2, TYPE_STRING, ONE, NULL},
	{COMMON "EntityRef", "id_keys", 3, 2, TYPE_STRING, MANY, NULL},
	{COMMON "EntityRef", "description_keys", 4, 2, TYPE_STRING, MANY, NULL},
	{RESOURCE "Resource", "attributes", 1, 2, TYPE_MESSAGE, MANY, COMMON "KeyValue"},
	{RESOURCE "Resource", "dropped_attributes_count", 2, 0, TYPE_UINT32, ONE, NULL},
	{RESOURCE "Resource", "entity_refs", 3, 2, TYPE_MESSAGE, MANY, COMMON "EntityRef"},
	{TRACE "TracesData", "resource_spans", 1, 2, TYPE_MESSAGE, MANY, TRACE "ResourceSpans"},
	{TRACE "ResourceSpans", "resource", 1, 2, TYPE_MESSAGE, ONE, RESOURCE "Resource"},
	{TRACE "ResourceSpans", "scope_spans", 2, 2, TYPE_MESSAGE, MANY, TRACE "ScopeSpans"},
	{TRACE "ResourceSpans", "schema_url", 3, 2, TYPE_STRING, ONE, NULL},
	{TRACE "ScopeSpans", "scope", 1, 2, TYPE_MESSAGE, ONE, COMMON "InstrumentationScope"},
	{TRACE "ScopeSpans", "spans", 2, 2, TYPE_MESSAGE, MANY, TRACE "Span"},
	{TRACE "ScopeSpans", "schema_url", 3, 2, TYPE_STRING, ONE, NULL},
	{TRACE "Span", "trace_id", 1, 2, TYPE_BYTES, ONE, NULL},
	{TRACE "Span", "span_id", 2, 2, TYPE_BYTES, ONE, NULL},
	{TRACE "Span", "trace_state", 3, 2, TYPE_STRING, ONE, NULL},
	{TRACE "Span", "parent_span_id", 4, 2, TYPE_BYTES, ONE, NULL},
	{TRACE "Span", "name", 5, 2, TYPE_STRING, ONE, NULL},
	{TRACE "Span", "kind", 6, 0, TYPE_ENUM, ONE, TRACE "Span.SpanKind"},
	{TRACE "Span", "start_time_unix_nano", 7, 1, TYPE_FIXED64, ONE, NULL},
	{TRACE "Span", "end_time_unix_nano", 8, 1, TYPE_FIXED64, ONE, NULL},
	{TRACE "Span", "attributes", 9, 2, TYPE_MESSAGE, MANY, COMMON "KeyValue"},
	{TRACE "Span", "dropped_attributes_count", 10, 0, TYPE_UINT32, ONE, NULL},
	{TRACE "Span", "events", 11, 2, TYPE_MESSAGE, MANY, TRACE "Span.Event"},
	{TRACE "Span", "dropped_events_count", 12, 0, TYPE_UINT32, ONE, NULL},
	{TRACE "Span", "links", 13, 2, TYPE_MESSAGE, MANY, TRACE "Span.Link"},
	{TRACE "Span", "dropped_links_count", 14, 0, TYPE_UINT32, ONE, NULL},
	{TRACE "Span", "status", 15, 2, TYPE_MESSAGE, ONE, TRACE "Status"},
	{TRACE "Span", "flags", 16, 5, TYPE_FIXED32, ONE, NULL},
	{TRACE "Span.Event", "time_unix_nano", 1, 1, TYPE_FIXED64, ONE, NULL},
	{TRACE "Span.Event", "name", 2, 2, TYPE_STRING, ONE, NULL},
	{TRACE "Span.Event", "attributes", 3, 2, TYPE_MESSAGE, MANY, COMMON "KeyValue"},
	{TRACE "Span.Event", "dropped_attributes_count", 4, 0, TYPE_UINT32, ONE, NULL},
	{TRACE "Span.Link", "trace_id", 1, 2, TYPE_BYTES, ONE, NULL},
	{TRACE "Span.Link", "span_id", 2, 2, TYPE_BYTES, ONE, NULL},
	{TRACE "Span.Link", "trace_state", 3, 2, TYPE_STRING, ONE, NULL},
	{TRACE "Span.Link", "attributes", 4, 2, TYPE_MESSAGE, MANY, COMMON "KeyValue"},
	{TRACE "Span.Link", "dropped_attributes_count", 5, 0, TYPE_UINT32, ONE, NULL},
	{TRACE "Span.Link", "flags", 6, 5, TYPE_FIXED32, ONE, NULL},
	{TRACE "Status", "message", 2, 2, TYPE_STRING, ONE, NULL},
	{TRACE "Status", "code", 3, 0, TYPE_ENUM, ONE, TRACE "Status.StatusCode"},
	{METRICS "MetricsData", "resource_metrics", 1, 2, TYPE_MESSAGE, MANY, METRICS "ResourceMetrics"},
	{METRICS "ResourceMetrics", "resource", 1, 2, TYPE_MESSAGE, ONE, RESOURCE "Resource"},
	{METRICS "ResourceMetrics", "scope_metrics", 2, 2, TYPE_MESSAGE, MANY, METRICS "ScopeMetrics"},
	{METRICS "ResourceMetrics", "schema_url", 3, 2, TYPE_STRING, ONE, NULL},
	{METRICS "ScopeMetrics", "scope", 1, 2, TYPE_MESSAGE, ONE, COMMON "InstrumentationScope"},
	{METRICS "ScopeMetrics", "metrics", 2, 2, TYPE_MESSAGE, MANY, METRICS "Metric"},
	{METRICS "ScopeMetrics", "schema_url", 3, 2, TYPE_STRING, ONE, NULL},
	{METRICS "Metric", "name", 1, 2, TYPE_STRING, ONE, NULL},
	{METRICS "Metric", "description", 2, 2, TYPE_STRING, ONE, NULL},
	{METRICS "Metric", "unit", 3, 2, TYPE_STRING, ONE, NULL},
	{METRICS "Metric", "gauge", 5, 2, TYPE_MESSAGE, ONEOF, METRICS "Gauge"},
	{METRICS "Metric", "sum", 7, 2, TYPE_MESSAGE, ONEOF, METRICS "Sum"},
	{METRICS "Metric", "histogram", 9, 2, TYPE_MESSAGE, ONEOF, METRICS "Histogram"},
	{METRICS "Metric", "exponential_histogram", 10, 2, TYPE_MESSAGE, ONEOF, EXP_HISTOGRAM},
	{METRICS "Metric", "summary", 11, 2, TYPE_MESSAGE, ONEOF, METRICS "Summary"},
	{METRICS "Metric", "metadata", 12, 2, TYPE_MESSAGE, MANY, COMMON "KeyValue"},
	{METRICS "Gauge", "data_points", 1, 2, TYPE_MESSAGE, MANY, METRICS "NumberDataPoint"},
	{METRICS "Sum", "data_points", 1, 2, TYPE_MESSAGE, MANY, METRICS "NumberDataPoint"},
	{METRICS "Sum", "aggregation_temporality", 2, 0, TYPE_ENUM, ONE, TEMPORALITY},
	{METRICS "Sum", "is_monotonic", 3, 0, TYPE_BOOL, ONE, NULL},
	{METRICS "Histogram", "data_points", 1, 2, TYPE_MESSAGE, MANY, METRICS "HistogramDataPoint"},
	{METRICS "Histogram", "aggregation_temporality", 2, 0, TYPE_ENUM, ONE, TEMPORALITY},
	{EXP_HISTOGRAM, "data_points", 1, 2, TYPE_MESSAGE, MANY, EXP_POINT},
	{EXP_HISTOGRAM, "aggregation_temporality", 2, 0, TYPE_ENUM, ONE, TEMPORALITY},
	{METRICS "Summary", "data_points", 1, 2, TYPE_MESSAGE, MANY, METRICS "SummaryDataPoint"},
	{METRICS "NumberDataPoint", "start_time_unix_nano", 2, 1, TYPE_FIXED64, ONE, NULL},
	{METRICS "NumberDataPoint", "time_unix_nano", 3, 1, TYPE_FIXED64, ONE, NULL},
	{METRICS "NumberDataPoint", "as_double", 4, 1, TYPE_DOUBLE, ONEOF, NULL},
	{METRICS "NumberDataPoint", "exemplars", 5, 2, TYPE_MESSAGE, MANY, METRICS "Exemplar"},
	{METRICS "NumberDataPoint", "as_int", 6, 1, TYPE_SFIXED64, ONEOF, NULL},
	{METRICS "NumberDataPoint", "attributes", 7, 2, TYPE_MESSAGE, MANY, COMMON "KeyValue"},
	{METRICS "NumberDataPoint", "flags", 8, 0, TYPE_UINT32, ONE, NULL},
	{METRICS "HistogramDataPoint", "start_time_unix_nano", 2, 1, TYPE_FIXED64, ONE, NULL},
	{METRICS "HistogramDataPoint", "time_unix_nano", 3, 1, TYPE_FIXED64, ONE, NULL},
	{METRICS "HistogramDataPoint", "count", 4, 1, TYPE_FIXED64, ONE, NULL},
	{METRICS "HistogramDataPoint", "sum", 5, 1, TYPE_DOUBLE, ONEOF, NULL},
	{METRICS "HistogramDataPoint", "bucket_counts", 6, 2, TYPE_FIXED64, PACKED, NULL},
	{METRICS "HistogramDataPoint", "explicit_bounds", 7, 2, TYPE_DOUBLE, PACKED, NULL},
	{METRICS "HistogramDataPoint", "exemplars", 8, 2, TYPE_MESSAGE, MANY, METRICS "Exemplar"},
	{METRICS "HistogramDataPoint", "attributes", 9, 2, TYPE_MESSAGE, MANY, COMMON "KeyValue"},
	{METRICS "HistogramDataPoint", "flags", 10, 0, TYPE_UINT32, ONE, NULL},
	{METRICS "HistogramDataPoint", "min", 11, 1, TYPE_DOUBLE, ONEOF, NULL},
	{METRICS "HistogramDataPoint", "max", 12, 1, TYPE_DOUBLE, ONEOF, NULL},
	{EXP_POINT, "attributes", 1, 2, TYPE_MESSAGE, MANY, COMMON "KeyValue"},
	{EXP_POINT, "start_time_unix_nano", 2, 1, TYPE_FIXED64, ONE, NULL},
	{EXP_POINT, "time_unix_nano", 3, 1, TYPE_FIXED64, ONE, NULL},
	{EXP_POINT, "count", 4, 1, TYPE_FIXED64, ONE, NULL},
	{EXP_POINT, "sum", 5, 1, TYPE_DOUBLE, ONEOF, NULL},
	{EXP_POINT, "scale", 6, 0, TYPE_SINT32, ONE, NULL},
	{EXP_POINT, "zero_count", 7, 1, TYPE_FIXED64, ONE, NULL},
	{EXP_POINT, "positive", 8, 2, TYPE_MESSAGE, ONE, EXP_BUCKETS},
	{EXP_POINT, "negative", 9, 2, TYPE_MESSAGE, ONE, EXP_BUCKETS},
	{EXP_POINT, "flags", 10, 0, TYPE_UINT32, ONE, NULL},
	{EXP_POINT, "exemplars", 11, 2, TYPE_MESSAGE, MANY, METRICS "Exemplar"},
	{EXP_POINT, "min", 12, 1, TYPE_DOUBLE, ONEOF, NULL},
	{EXP_POINT, "max", 13, 1, TYPE_DOUBLE, ONEOF, NULL},
	{EXP_POINT, "zero_threshold", 14, 1, TYPE_DOUBLE, ONE, NULL},
	{EXP_BUCKETS, "offset", 1, 0, TYPE_SINT32, ONE, NULL},
	{EXP_BUCKETS, "bucket_counts", 2, 2, TYPE_UINT64, PACKED, NULL},
	{METRICS "SummaryDataPoint", "start_time_unix_nano", 2, 1, TYPE_FIXED64, ONE, NULL},
	{METRICS "SummaryDataPoint", "time_unix_nano", 3, 1, TYPE_FIXED64, ONE, NULL},
	{METRICS "SummaryDataPoint", "count", 4, 1, TYPE_FIXED64, ONE, NULL},
	{METRICS "SummaryDataPoint", "sum", 5, 1, TYPE_DOUBLE, ONE, NULL},
	{METRICS "SummaryDataPoint", "quantile_values", 6, 2, TYPE_MESSAGE, MANY,
	 METRICS "SummaryDataPoint.ValueAtQuantile"},
	{METRICS "SummaryDataPoint", "attributes", 7, 2, TYPE_MESSAGE, MANY, COMMON "KeyValue"},
	{METRICS "SummaryDataPoint", "flags", 8, 0, TYPE_UINT32, ONE, NULL},
	{METRICS "SummaryDataPoint.ValueAtQuantile", "quantile", 1, 1, TYPE_DOUBLE, ONE, NULL},
	{METRICS "SummaryDataPoint.ValueAtQuantile", "value", 2, 1, TYPE_DOUBLE, ONE, NULL},
	{METRICS "Exemplar", "time_unix_nano", 2, 1, TYPE_FIXED64, ONE, NULL},
	{METRICS "Exemplar", "as_double", 3, 1, TYPE_DOUBLE, ONEOF, NULL},
	{METRICS "Exemplar", "span_id", 4, 2, TYPE_BYTES, ONE, NULL},
	{METRICS "Exemplar", "trace_id", 5, 2, TYPE_BYTES, ONE, NULL},
	{METRICS "Exemplar", "as_int", 6, 1, TYPE_SFIXED64, ONEOF, NULL},
	{METRICS "Exemplar", "filtered_attributes", 7, 2, TYPE_MESSAGE, MANY, COMMON "KeyValue"},
	{LOGS "LogsData", "resource_logs", 1, 2, TYPE_MESSAGE, MANY, LOGS "ResourceLogs"},
	{LOGS "ResourceLogs", "resource", 1, 2, TYPE_MESSAGE, ONE, RESOURCE "Resource"},
	{LOGS "ResourceLogs", "scope_logs", 2, 2, TYPE_MESSAGE, MANY, LOGS "ScopeLogs"},
	{LOGS "ResourceLogs", "schema_url", 3, 2, TYPE_STRING, ONE, NULL},
	{LOGS "ScopeLogs", "scope", 1, 2, TYPE_MESSAGE, ONE, COMMON "InstrumentationScope"},
	{LOGS "ScopeLogs", "log_records", 2, 2, TYPE_MESSAGE, MANY, LOGS "LogRecord"},
	{LOGS "ScopeLogs", "schema_url", 3, 2, TYPE_STRING, ONE, NULL},
	{LOGS "LogRecord", "time_unix_nano", 1, 1, TYPE_FIXED64, ONE, NULL},
	{LOGS "LogRecord", "severity_number", 2, 0, TYPE_ENUM, ONE, LOGS "SeverityNumber"},
	{LOGS "LogRecord", "severity_text", 3, 2, TYPE_STRING, ONE, NULL},
	{LOGS "LogRecord", "body", 5, 2, TYPE_MESSAGE, ONE, COMMON "AnyValue"},
	{LOGS "LogRecord", "attributes", 6, 2, TYPE_MESSAGE, MANY, COMMON "KeyValue"},
	{LOGS "LogRecord", "dropped_attributes_count", 7, 0, TYPE_UINT32, ONE, NULL},
	{LOGS "LogRecord", "flags", 8, 5, TYPE_FIXED32, ONE, NULL},
	{LOGS "LogRecord", "trace_id", 9, 2, TYPE_BYTES, ONE, NULL},
	{LOGS "LogRecord", "span_id", 10, 2, TYPE_BYTES, ONE, NULL},
	{LOGS "LogRecord", "observed_time_unix_nano", 11, 1, TYPE_FIXED64, ONE, NULL},
	{LOGS "LogRecord", "event_name", 12, 2, TYPE_STRING, ONE, NULL},
	{TRACE_SERVICE "TraceServiceRequest", "resource_spans", 1, 2, TYPE_MESSAGE, MANY,
	 TRACE "ResourceSpans"},
	{TRACE_SERVICE "TraceServiceResponse", "partial_success", 1, 2, TYPE_MESSAGE, ONE,
	 TRACE_SERVICE "TracePartialSuccess"},
	{TRACE_SERVICE "TracePartialSuccess", "rejected_spans", 1, 0, TYPE_INT64, ONE, NULL},
	{TRACE_SERVICE "TracePartialSuccess", "error_message", 2, 2, TYPE_STRING, ONE, NULL},
	{METRICS_SERVICE "MetricsServiceRequest", "resource_metrics", 1, 2, TYPE_MESSAGE, MANY,
	 METRICS "ResourceMetrics"},
	{METRICS_SERVICE "MetricsServiceResponse", "partial_success", 1, 2, TYPE_MESSAGE, ONE,
	 METRICS_SERVICE "MetricsPartialSuccess"},
	{METRICS_SERVICE "MetricsPartialSuccess", "rejected_data_points", 1, 0, TYPE_INT64, ONE, NULL},
	{METRICS_SERVICE "MetricsPartialSuccess", "error_message", 2, 2, TYPE_STRING, ONE, NULL},
	{LOGS_SERVICE "LogsServiceRequest", "resource_logs", 1, 2, TYPE_MESSAGE, MANY,
	 LOGS "ResourceLogs"},
	{LOGS_SERVICE "LogsServiceResponse", "partial_success", 1, 2, TYPE_MESSAGE, ONE,
	 LOGS_SERVICE "LogsPartialSuccess"},
	{LOGS_SERVICE "LogsPartialSuccess", "rejected_log_records", 1, 0, TYPE_INT64, ONE, NULL},
	{LOGS_SERVICE "LogsPartialSuccess", "error_message", 2, 2, TYPE_STRING, ONE, NULL},
};

static const struct enum_row enum_rows[] = {
	{TRACE "Span.SpanKind", "SPAN_KIND_UNSPECIFIED", 0},
	{TRACE "Span.SpanKind", "SPAN_KIND_INTERNAL", 1},
	{TRACE "Span.SpanKind", "SPAN_KIND_SERVER", 2},
	{TRACE "Span.SpanKind", "SPAN_KIND_CLIENT", 3},
	{TRACE "Span.SpanKind", "SPAN_KIND_PRODUCER", 4},
	{TRACE "Span.SpanKind", "SPAN_KIND_CONSUMER", 5},
	{TRACE "Status.StatusCode", "STATUS_CODE_UNSET", 0},
	{TRACE "Status.StatusCode", "STATUS_CODE_OK", 1},
	{TRACE "Status.StatusCode", "STATUS_CODE_ERROR", 2},
	{TRACE "SpanFlags", "SPAN_FLAGS_DO_NOT_USE", 0},
	{TRACE "SpanFlags", "SPAN_FLAGS_TRACE_FLAGS_MASK", 0xff},
	{TRACE "SpanFlags", "SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK", 0x100},
	{TRACE "SpanFlags", "SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK", 0x200},
	{TEMPORALITY, "AGGREGATION_TEMPORALITY_UNSPECIFIED", 0},
	{TEMPORALITY, "AGGREGATION_TEMPORALITY_DELTA", 1},
	{TEMPORALITY, "AGGREGATION_TEMPORALITY_CUMULATIVE", 2},
	{METRICS "DataPointFlags", "DATA_POINT_FLAGS_DO_NOT_USE", 0},
	{METRICS "DataPointFlags", "DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK", 1},
	{LOGS "SeverityNumber", "SEVERITY_NUMBER_UNSPECIFIED", 0},
	{LOGS "SeverityNumber", "SEVERITY_NUMBER_TRACE", 1},
	{LOGS "SeverityNumber", "SEVERITY_NUMBER_TRACE2", 2},
	{LOGS "SeverityNumber", "SEVERITY_NUMBER_TRACE3", 3},
	{LOGS "SeverityNumber", "SEVERITY_NUMBER_TRACE4", 4},
	{LOGS "SeverityNumber", "SEVERITY_NUMBER_DEBUG", 5},
	{LOGS "SeverityNumber", "SEVERITY_NUMBER_DEBUG2", 6},
	{LOGS "SeverityNumber", "SEVERITY_NUMBER_DEBUG3", 7},
	{LOGS "SeverityNumber", "SEVERITY_NUMBER_DEBUG4", 8},
	{LOGS "SeverityNumber", "SEVERITY_NUMBER_INFO", 9},
	{LOGS "SeverityNumber", "SEVERITY_NUMBER_INFO2", 10},
	{LOGS "SeverityNumber", "SEVERITY_NUMBER_INFO3", 11},
	{LOGS "SeverityNumber", "SEVERITY_NUMBER_INFO4", 12},
	{LOGS "SeverityNumber", "SEVERITY_NUMBER_WARN", 13},
	{LOGS "SeverityNumber", "SEVERITY_NUMBER_WARN2", 14},
	{LOGS "SeverityNumber", "SEVERITY_NUMBER_WARN3", 15},
	{LOGS "SeverityNumber", "SEVERITY_NUMBER_WARN4", 16},
	{LOGS "SeverityNumber", "SEVERITY_NUMBER_ERROR", 17},
	{LOGS "SeverityNumber", "SEVERITY_NUMBER_ERROR2", 18},
	{LOGS "SeverityNumber", "SEVERITY_NUMBER_ERROR3", 19},
	{LOGS "SeverityNumber", "SEVERITY_NUMBER_ERROR4", 20},
	{LOGS "SeverityNumber", "SEVERITY_NUMBER_FATAL", 21},
	{LOGS "SeverityNumber", "SEVERITY_NUMBER_FATAL2", 22},
	{LOGS "SeverityNumber", "SEVERITY_NUMBER_FATAL3", 23},
	{LOGS "SeverityNumber", "SEVERITY_NUMBER_FATAL4", 24},
	{LOGS "LogRecordFlags", "LOG_RECORD_FLAGS_DO_NOT_USE", 0},
	{LOGS "LogRecordFlags", "LOG_RECORD_FLAGS_TRACE_FLAGS_MASK", 0xff},
};
/* clang-format on */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const ProtobufCMessageDescriptor *const descriptors[] = {
	&opentelemetry__proto__common__v1__any_value__descriptor,
	&opentelemetry__proto__common__v1__array_value__descriptor,
	&opentelemetry__proto__common__v1__key_value_list__descriptor,
	&opentelemetry__proto__common__v1__key_value__descriptor,
	&opentelemetry__proto__common__v1__instrumentation_scope__descriptor,
	&opentelemetry__proto__common__v1__entity_ref__descriptor,
	&opentelemetry__proto__resource__v1__resource__descriptor,
	&opentelemetry__proto__trace__v1__traces_data__descriptor,
	&opentelemetry__proto__trace__v1__resource_spans__descriptor,
	&opentelemetry__proto__trace__v1__scope_spans__descriptor,
	&opentelemetry__proto__trace__v1__span__descriptor,
	&opentelemetry__proto__trace__v1__span__event__descriptor,
	&opentelemetry__proto__trace__v1__span__link__descriptor,
	&opentelemetry__proto__trace__v1__status__descriptor,
	&opentelemetry__proto__metrics__v1__metrics_data__descriptor,
	&opentelemetry__proto__metrics__v1__resource_metrics__descriptor,
	&opentelemetry__proto__metrics__v1__scope_metrics__descriptor,
	&opentelemetry__proto__metrics__v1__metric__descriptor,
	&opentelemetry__proto__metrics__v1__gauge__descriptor,
	&opentelemetry__proto__metrics__v1__sum__descriptor,
	&opentelemetry__proto__metrics__v1__histogram__descriptor,
	&opentelemetry__proto__metrics__v1__exponential_histogram__descriptor,
	&opentelemetry__proto__metrics__v1__summary__descriptor,
	&opentelemetry__proto__metrics__v1__number_data_point__descriptor,
	&opentelemetry__proto__metrics__v1__histogram_data_point__descriptor,
	&opentelemetry__proto__metrics__v1__exponential_histogram_data_point__descriptor,
	&opentelemetry__proto__metrics__v1__exponential_histogram_data_point__buckets__descriptor,
	&opentelemetry__proto__metrics__v1__summary_data_point__descriptor,
	&opentelemetry__proto__metrics__v1__summary_data_point__value_at_quantile__descriptor,
	&opentelemetry__proto__metrics__v1__exemplar__descriptor,
	&opentelemetry__proto__logs__v1__logs_data__descriptor,
	&opentelemetry__proto__logs__v1__resource_logs__descriptor,
	&opentelemetry__proto__logs__v1__scope_logs__descriptor,
	&opentelemetry__proto__logs__v1__log_record__descriptor,
	&opentelemetry__proto__collector__trace__v1__export_trace_service_request__descriptor,
	&opentelemetry__proto__collector__trace__v1__export_trace_service_response__descriptor,
	&opentelemetry__proto__collector__trace__v1__export_trace_partial_success__descriptor,
	&opentelemetry__proto__collector__metrics__v1__export_metrics_service_request__descriptor,
	&opentelemetry__proto__collector__metrics__v1__export_metrics_service_response__descriptor,
	&opentelemetry__proto__collector__metrics__v1__export_metrics_partial_success__descriptor,
	&opentelemetry__proto__collector__logs__v1__export_logs_service_request__descriptor,
	&opentelemetry__proto__collector__logs__v1__export_logs_service_response__descriptor,
	&opentelemetry__proto__collector__logs__v1__export_logs_partial_success__descriptor,
};

static const ProtobufCEnumDescriptor *const enum_descriptors[] = {
	&opentelemetry__proto__trace__v1__span__span_kind__descriptor,
	&opentelemetry__proto__trace__v1__status__status_code__descriptor,
	&opentelemetry__proto__trace__v1__span_flags__descriptor,
	&opentelemetry__proto__metrics__v1__aggregation_temporality__descriptor,
	&opentelemetry__proto__metrics__v1__data_point_flags__descriptor,
	&opentelemetry__proto__logs__v1__severity_number__descriptor,
	&opentelemetry__proto__logs__v1__log_record_flags__descriptor,
};

static const ProtobufCMessageDescriptor *find_message(const char *name)
{
	for (size_t i = 0; i < COUNT(descriptors); i++)
		if (!strcmp(descriptors[i]->name, name))
			return descriptors[i];
	fail_msg("the schema lacks message %s", name);
	return NULL;
}

static void each_field_has_its_number_type_and_label(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(field_rows); i++) {
		const struct field_row *row = &field_rows[i];
		const ProtobufCFieldDescriptor *field =
			protobuf_c_message_descriptor_get_field_by_name(find_message(row->message),
									row->name);

		if (!field)
			fail_msg("the schema lacks %s.%s", row->message, row->name);
		if (field->id != row->number || field->type != row->type)
			fail_msg("%s.%s has number %u and type %d", row->message, row->name,
				 field->id, (int)field->type);
		assert_int_equal(field->label == PROTOBUF_C_LABEL_REPEATED, row->occurs >= MANY);
		assert_int_equal((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0,
				 row->occurs == ONEOF);
		if (row->type == PROTOBUF_C_TYPE_MESSAGE)
			assert_string_equal(
				((const ProtobufCMessageDescriptor *)field->descriptor)->name,
				row->target);
		if (row->type == PROTOBUF_C_TYPE_ENUM)
			assert_string_equal(
				((const ProtobufCEnumDescriptor *)field->descriptor)->name,
				row->target);
	}
}

static void the_schema_has_no_field_that_the_table_lacks(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(descriptors); i++) {
		unsigned rows = 0;

		for (size_t j = 0; j < COUNT(field_rows); j++)
			rows += !strcmp(field_rows[j].message, descriptors[i]->name);
		if (rows != descriptors[i]->n_fields)
			fail_msg("%s has %u fields, the table %u", descriptors[i]->name,
				 descriptors[i]->n_fields, rows);
	}
}

/* Whatever a field refers to is a message or enum of the lists above. */
static void no_message_is_outside_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(descriptors); i++) {
		for (unsigned j = 0; j < descriptors[i]->n_fields; j++) {
			const ProtobufCFieldDescriptor *field = &descriptors[i]->fields[j];

			if (field->type == PROTOBUF_C_TYPE_MESSAGE)
				assert_ptr_equal(find_message(((const ProtobufCMessageDescriptor *)
								       field->descriptor)
								      ->name),
						 field->descriptor);
		}
	}
}

/* Sets the field of a message that is all defaults to something else, once. */
static void set_field(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
		      ProtobufCMessage *child)
{
	static uint8_t bytes[] = "ab";
	static uint64_t ones[] = {1}; /* also one of any smaller type */
	static ProtobufCMessage *children[1];
	ProtobufCBinaryData text = {.len = 2, .data = bytes};
	static ProtobufCBinaryData texts[1];
	char *to = (char *)message + field->offset;
	void *array = field->type == PROTOBUF_C_TYPE_MESSAGE ? (void *)children
		      : field->type == PROTOBUF_C_TYPE_BYTES ? (void *)texts
							     : (void *)ones;

	children[0] = child;
	texts[0] = text;
	if (field->label == PROTOBUF_C_LABEL_REPEATED) {
		*(size_t *)(void *)((char *)message + field->quantifier_offset) = 1;
		memcpy(to, &array, sizeof(array));
		return;
	}
	if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
		memcpy((char *)message + field->quantifier_offset, &field->id, sizeof(field->id));
	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		memcpy(to, &child, sizeof(child));
	else if (field->type == PROTOBUF_C_TYPE_BYTES)
		memcpy(to, &text, sizeof(text));
	else if (field->type == PROTOBUF_C_TYPE_BOOL)
		*(protobuf_c_boolean *)(void *)to = 1;
	else if (field->type == PROTOBUF_C_TYPE_FIXED32 || field->type == PROTOBUF_C_TYPE_UINT32 ||
		 field->type == PROTOBUF_C_TYPE_SINT32 || field->type == PROTOBUF_C_TYPE_ENUM)
		memcpy(to, ones, 4);
	else
		memcpy(to, ones, 8);
}

/* Packs a message with that one field, and reads the tag by hand. */
static void each_field_has_its_wire_type_in_packed_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(field_rows); i++) {
		const struct field_row *row = &field_rows[i];
		const ProtobufCMessageDescriptor *descriptor = find_message(row->message);
		const ProtobufCFieldDescriptor *field =
			protobuf_c_message_descriptor_get_field_by_name(descriptor, row->name);
		ProtobufCMessage *message = test_calloc(1, descriptor->sizeof_message);
		ProtobufCMessage *child = NULL;
		const uint32_t tag = row->number << 3 | row->wire_type;
		uint8_t packed[64];

		assert_non_null(field);
		protobuf_c_message_init(descriptor, message);
		if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
			const ProtobufCMessageDescriptor *type = field->descriptor;

			child = test_calloc(1, type->sizeof_message);
			protobuf_c_message_init(type, child);
		}
		set_field(message, field, child);
		assert_in_range(protobuf_c_message_get_packed_size(message), 2, sizeof(packed));
		protobuf_c_message_pack(message, packed);
		assert_int_equal(packed[0], tag < 128 ? tag : (tag & 127) | 128);
		if (tag >= 128)
			assert_int_equal(packed[1], tag >> 7);
		test_free(child);
		test_free(message);
	}
}

static void each_enum_has_its_values_and_no_other(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(enum_descriptors); i++) {
		const ProtobufCEnumDescriptor *descriptor = enum_descriptors[i];
		unsigned rows = 0;

		for (size_t j = 0; j < COUNT(enum_rows); j++) {
			const ProtobufCEnumValue *value;

			if (strcmp(enum_rows[j].name, descriptor->name) != 0)
				continue;
			rows++;
			value = protobuf_c_enum_descriptor_get_value_by_name(
				descriptor, enum_rows[j].value_name);
			if (!value)
				fail_msg("the schema lacks %s", enum_rows[j].value_name);
			assert_int_equal(value->value, enum_rows[j].value);
		}
		assert_int_equal(rows, descriptor->n_values);
	}
}

/* The public header promises OTLP's numbers. */
static void the_public_enums_have_the_numbers_of_otlp(void **state)
{
	(void)state;
	assert_int_equal(OTLP_SPAN_KIND_UNSPECIFIED, 0);
	assert_int_equal(OTLP_SPAN_KIND_INTERNAL, 1);
	assert_int_equal(OTLP_SPAN_KIND_SERVER, 2);
	assert_int_equal(OTLP_SPAN_KIND_CLIENT, 3);
	assert_int_equal(OTLP_SPAN_KIND_PRODUCER, 4);
	assert_int_equal(OTLP_SPAN_KIND_CONSUMER, 5);
	assert_int_equal(OTLP_STATUS_UNSET, 0);
	assert_int_equal(OTLP_STATUS_OK, 1);
	assert_int_equal(OTLP_STATUS_ERROR, 2);
	assert_int_equal(OTLP_TEMPORALITY_UNSPECIFIED, 0);
	assert_int_equal(OTLP_TEMPORALITY_DELTA, 1);
	assert_int_equal(OTLP_TEMPORALITY_CUMULATIVE, 2);
	assert_int_equal(OTLP_SEVERITY_UNSPECIFIED, 0);
	assert_int_equal(OTLP_SEVERITY_TRACE, 1);
	assert_int_equal(OTLP_SEVERITY_DEBUG, 5);
	assert_int_equal(OTLP_SEVERITY_INFO, 9);
	assert_int_equal(OTLP_SEVERITY_WARN, 13);
	assert_int_equal(OTLP_SEVERITY_ERROR, 17);
	assert_int_equal(OTLP_SEVERITY_FATAL, 21);
	assert_int_equal(OTLP_SEVERITY_FATAL4, 24);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_field_has_its_number_type_and_label),
		cmocka_unit_test(the_schema_has_no_field_that_the_table_lacks),
		cmocka_unit_test(no_message_is_outside_the_table),
		cmocka_unit_test(each_field_has_its_wire_type_in_packed_bytes),
		cmocka_unit_test(each_enum_has_its_values_and_no_other),
		cmocka_unit_test(the_public_enums_have_the_numbers_of_otlp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
