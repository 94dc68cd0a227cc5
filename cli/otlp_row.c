/* SPDX-License-Identifier: Apache-2.0 */
/* The tool's row for each signal, of the generated code's types. */
#include "cli/otlp_row.h"

#include <opentelemetry/proto/logs/v1/logs.pb-c.h>
#include <opentelemetry/proto/metrics/v1/metrics.pb-c.h>
#include <opentelemetry/proto/trace/v1/trace.pb-c.h>

static uint64_t count_spans(const ProtobufCMessage *message)
{
	const Opentelemetry__Proto__Trace__V1__ResourceSpans *resource = (const void *)message;
	uint64_t count = 0;
	size_t i;

	for (i = 0; i < resource->n_scope_spans; i++)
		count += resource->scope_spans[i]->n_spans;
	return count;
}

static uint64_t count_metric(const Opentelemetry__Proto__Metrics__V1__Metric *metric)
{
	switch (metric->data_case) {
	case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_GAUGE:
		return metric->gauge->n_data_points;
	case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_SUM:
		return metric->sum->n_data_points;
	case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_HISTOGRAM:
		return metric->histogram->n_data_points;
	case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_EXPONENTIAL_HISTOGRAM:
		return metric->exponential_histogram->n_data_points;
	case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_SUMMARY:
		return metric->summary->n_data_points;
	default:
		return 0;
	}
}

static uint64_t count_points(const ProtobufCMessage *message)
{
	const Opentelemetry__Proto__Metrics__V1__ResourceMetrics *resource = (const void *)message;
	uint64_t count = 0;
	size_t i, k;

	for (i = 0; i < resource->n_scope_metrics; i++)
		for (k = 0; k < resource->scope_metrics[i]->n_metrics; k++)
			count += count_metric(resource->scope_metrics[i]->metrics[k]);
	return count;
}

static uint64_t count_logs(const ProtobufCMessage *message)
{
	const Opentelemetry__Proto__Logs__V1__ResourceLogs *resource = (const void *)message;
	uint64_t count = 0;
	size_t i;

	for (i = 0; i < resource->n_scope_logs; i++)
		count += resource->scope_logs[i]->n_log_records;
	return count;
}

const struct otlp_row otlp_rows[SIGNAL_COUNT] = {
	[OTLP_SIGNAL_TRACES] =
		{
			.type = &opentelemetry__proto__trace__v1__resource_spans__descriptor,
			.count_items = count_spans,
		},
	[OTLP_SIGNAL_METRICS] =
		{
			.type = &opentelemetry__proto__metrics__v1__resource_metrics__descriptor,
			.count_items = count_points,
		},
	[OTLP_SIGNAL_LOGS] =
		{
			.type = &opentelemetry__proto__logs__v1__resource_logs__descriptor,
			.count_items = count_logs,
		},
};
