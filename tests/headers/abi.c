/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The binary interface, pinned: what programs that were built before rely on. The size of each
 * public struct, the place of each of its fields, the value of each constant, on machines with
 * 64-bit pointers. A line here changes only together with a break that CHANGELOG.md tells of;
 * adding a field takes its place from a reserved one. tests/lint/check_api.py sees that no struct,
 * field or constant is missing. Compiled by tests/headers/check_headers.sh in every standard.
 */
#include <otlpipe/logger.h>
#include <otlpipe/otlpipe.h>

/* Portable to C99 and C++: an array of negative size does not compile. */
#define PIN_AT(line)		   otlp_pin_##line
#define PIN_NAME(line)		   PIN_AT(line)
#define PIN(condition)		   typedef char PIN_NAME(__LINE__)[(condition) ? 1 : -1]
#define SIZE(type, bytes)	   PIN(sizeof(type) == (bytes))
#define OFFSET(name, field, bytes) PIN(offsetof(struct name, field) == (bytes))
#define VALUE(name, value)	   PIN((name) == (value))

SIZE(struct otlp_sdk_result, 8);
OFFSET(otlp_sdk_result, status, 0);
OFFSET(otlp_sdk_result, cause, 4);

SIZE(struct otlp_str, 16);
OFFSET(otlp_str, ptr, 0);
OFFSET(otlp_str, len, 8);

SIZE(struct otlp_bytes, 16);
OFFSET(otlp_bytes, ptr, 0);
OFFSET(otlp_bytes, len, 8);

SIZE(struct otlp_array, 16);
OFFSET(otlp_array, items, 0);
OFFSET(otlp_array, count, 8);

SIZE(struct otlp_kvlist, 16);
OFFSET(otlp_kvlist, items, 0);
OFFSET(otlp_kvlist, count, 8);

SIZE(union otlp_value_content, 16);

SIZE(struct otlp_value, 24);
OFFSET(otlp_value, type, 0);
OFFSET(otlp_value, as, 8);

SIZE(struct otlp_attribute, 40);
OFFSET(otlp_attribute, key, 0);
OFFSET(otlp_attribute, value, 16);

SIZE(struct otlp_attributes, 24);
OFFSET(otlp_attributes, items, 0);
OFFSET(otlp_attributes, count, 8);
OFFSET(otlp_attributes, dropped, 16);

SIZE(struct otlp_resource, 72);
OFFSET(otlp_resource, attributes, 0);
OFFSET(otlp_resource, schema_url, 24);
OFFSET(otlp_resource, reserved, 40);

SIZE(struct otlp_scope, 88);
OFFSET(otlp_scope, name, 0);
OFFSET(otlp_scope, version, 16);
OFFSET(otlp_scope, schema_url, 32);
OFFSET(otlp_scope, attributes, 48);
OFFSET(otlp_scope, reserved, 72);

SIZE(struct otlp_span_event, 64);
OFFSET(otlp_span_event, time_unix_ns, 0);
OFFSET(otlp_span_event, name, 8);
OFFSET(otlp_span_event, attributes, 24);
OFFSET(otlp_span_event, reserved, 48);

SIZE(struct otlp_span_link, 88);
OFFSET(otlp_span_link, trace_id, 0);
OFFSET(otlp_span_link, span_id, 16);
OFFSET(otlp_span_link, trace_state, 24);
OFFSET(otlp_span_link, attributes, 40);
OFFSET(otlp_span_link, flags, 64);
OFFSET(otlp_span_link, reserved, 72);

SIZE(struct otlp_span, 208);
OFFSET(otlp_span, resource, 0);
OFFSET(otlp_span, scope, 8);
OFFSET(otlp_span, trace_id, 16);
OFFSET(otlp_span, span_id, 32);
OFFSET(otlp_span, parent_span_id, 40);
OFFSET(otlp_span, trace_state, 48);
OFFSET(otlp_span, name, 64);
OFFSET(otlp_span, kind, 80);
OFFSET(otlp_span, flags, 84);
OFFSET(otlp_span, start_time_unix_ns, 88);
OFFSET(otlp_span, end_time_unix_ns, 96);
OFFSET(otlp_span, attributes, 104);
OFFSET(otlp_span, events, 128);
OFFSET(otlp_span, event_count, 136);
OFFSET(otlp_span, dropped_event_count, 144);
OFFSET(otlp_span, links, 152);
OFFSET(otlp_span, link_count, 160);
OFFSET(otlp_span, dropped_link_count, 168);
OFFSET(otlp_span, status, 172);
OFFSET(otlp_span, status_message, 176);
OFFSET(otlp_span, reserved, 192);

SIZE(union otlp_number_content, 8);

SIZE(struct otlp_number, 16);
OFFSET(otlp_number, type, 0);
OFFSET(otlp_number, as, 8);

SIZE(struct otlp_exemplar, 88);
OFFSET(otlp_exemplar, time_unix_ns, 0);
OFFSET(otlp_exemplar, value, 8);
OFFSET(otlp_exemplar, trace_id, 24);
OFFSET(otlp_exemplar, span_id, 40);
OFFSET(otlp_exemplar, filtered_attributes, 48);
OFFSET(otlp_exemplar, reserved, 72);

SIZE(struct otlp_point, 80);
OFFSET(otlp_point, attributes, 0);
OFFSET(otlp_point, start_time_unix_ns, 24);
OFFSET(otlp_point, time_unix_ns, 32);
OFFSET(otlp_point, flags, 40);
OFFSET(otlp_point, exemplars, 48);
OFFSET(otlp_point, exemplar_count, 56);
OFFSET(otlp_point, reserved, 64);

SIZE(struct otlp_number_point, 96);
OFFSET(otlp_number_point, point, 0);
OFFSET(otlp_number_point, value, 80);

SIZE(struct otlp_histogram_point, 168);
OFFSET(otlp_histogram_point, point, 0);
OFFSET(otlp_histogram_point, count, 80);
OFFSET(otlp_histogram_point, has_sum, 88);
OFFSET(otlp_histogram_point, has_min, 89);
OFFSET(otlp_histogram_point, has_max, 90);
OFFSET(otlp_histogram_point, sum, 96);
OFFSET(otlp_histogram_point, min, 104);
OFFSET(otlp_histogram_point, max, 112);
OFFSET(otlp_histogram_point, bucket_counts, 120);
OFFSET(otlp_histogram_point, bucket_count, 128);
OFFSET(otlp_histogram_point, bounds, 136);
OFFSET(otlp_histogram_point, bound_count, 144);
OFFSET(otlp_histogram_point, reserved, 152);

SIZE(struct otlp_exp_buckets, 24);
OFFSET(otlp_exp_buckets, offset, 0);
OFFSET(otlp_exp_buckets, counts, 8);
OFFSET(otlp_exp_buckets, count, 16);

SIZE(struct otlp_exp_histogram_point, 208);
OFFSET(otlp_exp_histogram_point, point, 0);
OFFSET(otlp_exp_histogram_point, count, 80);
OFFSET(otlp_exp_histogram_point, has_sum, 88);
OFFSET(otlp_exp_histogram_point, has_min, 89);
OFFSET(otlp_exp_histogram_point, has_max, 90);
OFFSET(otlp_exp_histogram_point, sum, 96);
OFFSET(otlp_exp_histogram_point, min, 104);
OFFSET(otlp_exp_histogram_point, max, 112);
OFFSET(otlp_exp_histogram_point, scale, 120);
OFFSET(otlp_exp_histogram_point, zero_count, 128);
OFFSET(otlp_exp_histogram_point, zero_threshold, 136);
OFFSET(otlp_exp_histogram_point, positive, 144);
OFFSET(otlp_exp_histogram_point, negative, 168);
OFFSET(otlp_exp_histogram_point, reserved, 192);

SIZE(struct otlp_quantile, 16);
OFFSET(otlp_quantile, quantile, 0);
OFFSET(otlp_quantile, value, 8);

SIZE(struct otlp_summary_point, 128);
OFFSET(otlp_summary_point, point, 0);
OFFSET(otlp_summary_point, count, 80);
OFFSET(otlp_summary_point, sum, 88);
OFFSET(otlp_summary_point, quantiles, 96);
OFFSET(otlp_summary_point, quantile_count, 104);
OFFSET(otlp_summary_point, reserved, 112);

SIZE(union otlp_metric_points, 8);

SIZE(struct otlp_metric, 120);
OFFSET(otlp_metric, name, 0);
OFFSET(otlp_metric, description, 16);
OFFSET(otlp_metric, unit, 32);
OFFSET(otlp_metric, type, 48);
OFFSET(otlp_metric, temporality, 52);
OFFSET(otlp_metric, is_monotonic, 56);
OFFSET(otlp_metric, metadata, 64);
OFFSET(otlp_metric, points, 88);
OFFSET(otlp_metric, point_count, 96);
OFFSET(otlp_metric, reserved, 104);

SIZE(struct otlp_scope_metrics, 120);
OFFSET(otlp_scope_metrics, scope, 0);
OFFSET(otlp_scope_metrics, metrics, 88);
OFFSET(otlp_scope_metrics, metric_count, 96);
OFFSET(otlp_scope_metrics, reserved, 104);

SIZE(struct otlp_resource_metrics, 40);
OFFSET(otlp_resource_metrics, resource, 0);
OFFSET(otlp_resource_metrics, scope_metrics, 8);
OFFSET(otlp_resource_metrics, scope_metrics_count, 16);
OFFSET(otlp_resource_metrics, reserved, 24);

SIZE(struct otlp_log_record, 160);
OFFSET(otlp_log_record, resource, 0);
OFFSET(otlp_log_record, scope, 8);
OFFSET(otlp_log_record, time_unix_ns, 16);
OFFSET(otlp_log_record, observed_time_unix_ns, 24);
OFFSET(otlp_log_record, severity_number, 32);
OFFSET(otlp_log_record, flags, 36);
OFFSET(otlp_log_record, severity_text, 40);
OFFSET(otlp_log_record, body, 56);
OFFSET(otlp_log_record, attributes, 80);
OFFSET(otlp_log_record, trace_id, 104);
OFFSET(otlp_log_record, span_id, 120);
OFFSET(otlp_log_record, event_name, 128);
OFFSET(otlp_log_record, reserved, 144);

SIZE(struct otlp_log_context, 48);
OFFSET(otlp_log_context, trace_id, 0);
OFFSET(otlp_log_context, span_id, 16);
OFFSET(otlp_log_context, flags, 24);
OFFSET(otlp_log_context, reserved, 32);

SIZE(struct otlp_logger, 64);
OFFSET(otlp_logger, library, 0);
OFFSET(otlp_logger, resource, 8);
OFFSET(otlp_logger, scope, 16);
OFFSET(otlp_logger, severity_min, 24);
OFFSET(otlp_logger, reserved, 32);

SIZE(struct otlp_options, 120);
OFFSET(otlp_options, struct_bytes, 0);
OFFSET(otlp_options, temporality, 4);
OFFSET(otlp_options, ring_bytes, 8);
OFFSET(otlp_options, runtime_dir, 24);
OFFSET(otlp_options, resource, 32);
OFFSET(otlp_options, diagnostic, 40);
OFFSET(otlp_options, diagnostic_context, 48);
OFFSET(otlp_options, lanes, 56);
OFFSET(otlp_options, reserved_1, 60);
OFFSET(otlp_options, reserved, 64);

SIZE(struct otlp_signal_stats, 128);
OFFSET(otlp_signal_stats, accepted, 0);
OFFSET(otlp_signal_stats, accepted_bytes, 8);
OFFSET(otlp_signal_stats, dropped_full, 16);
OFFSET(otlp_signal_stats, dropped_too_large, 24);
OFFSET(otlp_signal_stats, dropped_invalid, 32);
OFFSET(otlp_signal_stats, reserved, 40);

SIZE(struct otlp_stats, 528);
OFFSET(otlp_stats, signals, 0);
OFFSET(otlp_stats, rejected_after_shutdown, 512);
OFFSET(otlp_stats, ring_error, 520);
OFFSET(otlp_stats, ring_failures, 524);

/* A program may not be built with -fshort-enums. */
SIZE(enum otlp_severity_number, 4);
SIZE(enum otlp_value_type, 4);
SIZE(enum otlp_value_limit, 4);
SIZE(enum otlp_error, 4);
SIZE(enum otlp_sdk_status, 4);
SIZE(enum otlp_temporality, 4);
SIZE(enum otlp_temporality_preference, 4);
SIZE(enum otlp_instrument_kind, 4);
SIZE(enum otlp_number_type, 4);
SIZE(enum otlp_metric_type, 4);
SIZE(enum otlp_timeout, 4);
SIZE(enum otlp_signal, 4);
SIZE(enum otlp_signal_limit, 4);
SIZE(enum otlp_limit, 4);
SIZE(enum otlp_logger_limit, 4);
SIZE(enum otlp_span_kind, 4);
SIZE(enum otlp_status_code, 4);

VALUE(OTLP_OK, 0);
VALUE(OTLP_ERR_INVALID, -EINVAL);
VALUE(OTLP_ERR_NO_MEMORY, -ENOMEM);
VALUE(OTLP_ERR_ACCESS, -EACCES);
VALUE(OTLP_ERR_NO_SPACE, -ENOSPC);
VALUE(OTLP_ERR_TIMEOUT, -ETIMEDOUT);
VALUE(OTLP_ERR_TOO_LARGE, -EMSGSIZE);
VALUE(OTLP_ERR_FULL, -ENOBUFS);
VALUE(OTLP_ERR_NO_WRITER, -ENOTCONN);
VALUE(OTLP_ERR_SHUTDOWN, -ESHUTDOWN);
VALUE(OTLP_ERR_LIMIT, -EDQUOT);
VALUE(OTLP_ERR_ABI, -EPROTO);

VALUE(OTLP_SDK_SUCCESS, 0);
VALUE(OTLP_SDK_INTERNAL_FAILURE, 1);
VALUE(OTLP_VALUE_EMPTY, 0);
VALUE(OTLP_VALUE_STRING, 1);
VALUE(OTLP_VALUE_BOOL, 2);
VALUE(OTLP_VALUE_INT, 3);
VALUE(OTLP_VALUE_DOUBLE, 4);
VALUE(OTLP_VALUE_ARRAY, 5);
VALUE(OTLP_VALUE_KVLIST, 6);
VALUE(OTLP_VALUE_BYTES, 7);
VALUE(OTLP_VALUE_DEPTH_MAX, 16);
VALUE(OTLP_SPAN_KIND_UNSPECIFIED, 0);
VALUE(OTLP_SPAN_KIND_INTERNAL, 1);
VALUE(OTLP_SPAN_KIND_SERVER, 2);
VALUE(OTLP_SPAN_KIND_CLIENT, 3);
VALUE(OTLP_SPAN_KIND_PRODUCER, 4);
VALUE(OTLP_SPAN_KIND_CONSUMER, 5);
VALUE(OTLP_STATUS_UNSET, 0);
VALUE(OTLP_STATUS_OK, 1);
VALUE(OTLP_STATUS_ERROR, 2);
VALUE(OTLP_TEMPORALITY_UNSPECIFIED, 0);
VALUE(OTLP_TEMPORALITY_DELTA, 1);
VALUE(OTLP_TEMPORALITY_CUMULATIVE, 2);
VALUE(OTLP_PREFER_CUMULATIVE, 0);
VALUE(OTLP_PREFER_DELTA, 1);
VALUE(OTLP_PREFER_LOW_MEMORY, 2);
VALUE(OTLP_COUNTER, 0);
VALUE(OTLP_UP_DOWN_COUNTER, 1);
VALUE(OTLP_HISTOGRAM, 2);
VALUE(OTLP_GAUGE, 3);
VALUE(OTLP_OBSERVABLE_COUNTER, 4);
VALUE(OTLP_OBSERVABLE_UP_DOWN_COUNTER, 5);
VALUE(OTLP_OBSERVABLE_GAUGE, 6);
VALUE(OTLP_NUMBER_NONE, 0);
VALUE(OTLP_NUMBER_INT, 1);
VALUE(OTLP_NUMBER_DOUBLE, 2);
VALUE(OTLP_METRIC_GAUGE, 1);
VALUE(OTLP_METRIC_SUM, 2);
VALUE(OTLP_METRIC_HISTOGRAM, 3);
VALUE(OTLP_METRIC_EXP_HISTOGRAM, 4);
VALUE(OTLP_METRIC_SUMMARY, 5);
VALUE(OTLP_SEVERITY_UNSPECIFIED, 0);
VALUE(OTLP_SEVERITY_TRACE, 1);
VALUE(OTLP_SEVERITY_TRACE2, 2);
VALUE(OTLP_SEVERITY_TRACE3, 3);
VALUE(OTLP_SEVERITY_TRACE4, 4);
VALUE(OTLP_SEVERITY_DEBUG, 5);
VALUE(OTLP_SEVERITY_DEBUG2, 6);
VALUE(OTLP_SEVERITY_DEBUG3, 7);
VALUE(OTLP_SEVERITY_DEBUG4, 8);
VALUE(OTLP_SEVERITY_INFO, 9);
VALUE(OTLP_SEVERITY_INFO2, 10);
VALUE(OTLP_SEVERITY_INFO3, 11);
VALUE(OTLP_SEVERITY_INFO4, 12);
VALUE(OTLP_SEVERITY_WARN, 13);
VALUE(OTLP_SEVERITY_WARN2, 14);
VALUE(OTLP_SEVERITY_WARN3, 15);
VALUE(OTLP_SEVERITY_WARN4, 16);
VALUE(OTLP_SEVERITY_ERROR, 17);
VALUE(OTLP_SEVERITY_ERROR2, 18);
VALUE(OTLP_SEVERITY_ERROR3, 19);
VALUE(OTLP_SEVERITY_ERROR4, 20);
VALUE(OTLP_SEVERITY_FATAL, 21);
VALUE(OTLP_SEVERITY_FATAL2, 22);
VALUE(OTLP_SEVERITY_FATAL3, 23);
VALUE(OTLP_SEVERITY_FATAL4, 24);
VALUE(OTLP_FOREVER, -1);
VALUE(OTLP_SIGNAL_TRACES, 0);
VALUE(OTLP_SIGNAL_METRICS, 1);
VALUE(OTLP_SIGNAL_LOGS, 2);
VALUE(OTLP_SIGNAL_MAX, 4);
VALUE(OTLP_SPAN_RING_BYTES_DEFAULT, 4194304);
VALUE(OTLP_METRIC_RING_BYTES_DEFAULT, 1048576);
VALUE(OTLP_LOG_RING_BYTES_DEFAULT, 1048576);
VALUE(OTLP_RING_BYTES_MIN, 4096);
VALUE(OTLP_RING_BYTES_MAX, 1073741824);
VALUE(OTLP_RECORD_BYTES_MAX, 4194304);
VALUE(OTLP_LANES_MAX, 8);
VALUE(OTLP_SHAPE_ATTRIBUTES_MAX, 1024);
VALUE(OTLP_LOGGER_BODY_BYTES_MAX, 1024);
VALUE(OTLP_LOGGER_ATTRIBUTES_MAX, 64);
