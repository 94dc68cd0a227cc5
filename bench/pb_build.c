/* SPDX-License-Identifier: Apache-2.0 */
/* Trees that borrow. Their size and packing are protobuf-c's own functions. */
#include "bench/pb_build.h"

#include <stdlib.h>
#include <string.h>

#define COMMON(name)  Opentelemetry__Proto__Common__V1__##name
#define TRACE(name)   Opentelemetry__Proto__Trace__V1__##name
#define METRICS(name) Opentelemetry__Proto__Metrics__V1__##name

static void *take(struct pb_arena *arena, size_t bytes)
{
	void *ret = arena->bytes + arena->used;

	arena->used += (bytes + 15) & ~(size_t)15;
	if (arena->used > sizeof(arena->bytes))
		abort();
	return ret;
}

static ProtobufCBinaryData borrow(const void *ptr, size_t len)
{
	union {
		const void *borrowed;
		uint8_t *field; /* which protobuf-c only reads */
	} data = {ptr};

	return (ProtobufCBinaryData){len, data.field};
}

static ProtobufCBinaryData text(struct otlp_str from)
{
	return borrow(from.ptr, from.len);
}

static void build_value(COMMON(AnyValue) * to, const struct otlp_value *from)
{
	opentelemetry__proto__common__v1__any_value__init(to);
	switch (from->type) {
	case OTLP_VALUE_STRING:
		to->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE;
		to->string_value = text(from->as.string);
		break;
	case OTLP_VALUE_INT:
		to->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_INT_VALUE;
		to->int_value = from->as.integer;
		break;
	case OTLP_VALUE_BOOL:
		to->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_BOOL_VALUE;
		to->bool_value = from->as.boolean;
		break;
	default:
		abort(); /* not in the bench's data */
	}
}

static COMMON(KeyValue) *
	*build_attributes(struct pb_arena *arena, const struct otlp_attributes *from)
{
	COMMON(KeyValue) **list = take(arena, from->count * sizeof(*list));

	for (size_t i = 0; i < from->count; i++) {
		COMMON(KeyValue) *pair = take(arena, sizeof(*pair));
		COMMON(AnyValue) *value = take(arena, sizeof(*value));

		opentelemetry__proto__common__v1__key_value__init(pair);
		pair->key = text(from->items[i].key);
		pair->value = value;
		build_value(value, &from->items[i].value);
		list[i] = pair;
	}
	return list;
}

static TRACE(Span__Event) * build_event(struct pb_arena *arena, const struct otlp_span_event *from)
{
	TRACE(Span__Event) *event = take(arena, sizeof(*event));

	opentelemetry__proto__trace__v1__span__event__init(event);
	event->time_unix_nano = from->time_unix_ns;
	event->name = text(from->name);
	event->n_attributes = from->attributes.count;
	event->attributes = build_attributes(arena, &from->attributes);
	return event;
}

TRACE(Span) * pb_build_span(struct pb_arena *arena, const struct otlp_span *from)
{
	TRACE(Span) * span;

	arena->used = 0;
	span = take(arena, sizeof(*span));
	opentelemetry__proto__trace__v1__span__init(span);
	span->trace_id = borrow(from->trace_id, sizeof(from->trace_id));
	span->span_id = borrow(from->span_id, sizeof(from->span_id));
	span->parent_span_id = borrow(from->parent_span_id, sizeof(from->parent_span_id));
	span->name = text(from->name);
	span->kind = (TRACE(Span__SpanKind))from->kind;
	span->flags = from->flags;
	span->start_time_unix_nano = from->start_time_unix_ns;
	span->end_time_unix_nano = from->end_time_unix_ns;
	span->n_attributes = from->attributes.count;
	span->attributes = build_attributes(arena, &from->attributes);
	span->n_events = from->event_count;
	span->events = take(arena, from->event_count * sizeof(TRACE(Span__Event) *));
	for (size_t i = 0; i < from->event_count; i++)
		span->events[i] = build_event(arena, &from->events[i]);
	if (from->status != OTLP_STATUS_UNSET) {
		span->status = take(arena, sizeof(*span->status));
		opentelemetry__proto__trace__v1__status__init(span->status);
		span->status->code = (TRACE(Status__StatusCode))from->status;
		span->status->message = text(from->status_message);
	}
	return span;
}

static METRICS(NumberDataPoint) *
	*build_numbers(struct pb_arena *arena, const struct otlp_metric *from)
{
	METRICS(NumberDataPoint) **list = take(arena, from->point_count * sizeof(*list));

	for (size_t i = 0; i < from->point_count; i++) {
		const struct otlp_number_point *at = &from->points.number[i];
		METRICS(NumberDataPoint) *point = take(arena, sizeof(*point));

		opentelemetry__proto__metrics__v1__number_data_point__init(point);
		point->start_time_unix_nano = at->point.start_time_unix_ns;
		point->time_unix_nano = at->point.time_unix_ns;
		point->n_attributes = at->point.attributes.count;
		point->attributes = build_attributes(arena, &at->point.attributes);
		if (at->value.type == OTLP_NUMBER_INT) {
			point->value_case =
				OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__VALUE_AS_INT;
			point->as_int = at->value.as.integer;
		} else {
			point->value_case =
				OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__VALUE_AS_DOUBLE;
			point->as_double = at->value.as.real;
		}
		list[i] = point;
	}
	return list;
}

static METRICS(HistogramDataPoint) *
	build_histogram_point(struct pb_arena *arena, const struct otlp_histogram_point *at)
{
	METRICS(HistogramDataPoint) *point = take(arena, sizeof(*point));

	opentelemetry__proto__metrics__v1__histogram_data_point__init(point);
	point->start_time_unix_nano = at->point.start_time_unix_ns;
	point->time_unix_nano = at->point.time_unix_ns;
	point->n_attributes = at->point.attributes.count;
	point->attributes = build_attributes(arena, &at->point.attributes);
	point->count = at->count;
	point->n_bucket_counts = at->bucket_count;
	point->bucket_counts =
		(void *)borrow(at->bucket_counts, at->bucket_count * sizeof(uint64_t)).data;
	point->n_explicit_bounds = at->bound_count;
	point->explicit_bounds = (void *)borrow(at->bounds, at->bound_count * sizeof(double)).data;
	point->optional_sum_case =
		OPENTELEMETRY__PROTO__METRICS__V1__HISTOGRAM_DATA_POINT__OPTIONAL_SUM_SUM;
	point->sum = at->sum;
	point->optional_min_case =
		OPENTELEMETRY__PROTO__METRICS__V1__HISTOGRAM_DATA_POINT__OPTIONAL_MIN_MIN;
	point->min = at->min;
	point->optional_max_case =
		OPENTELEMETRY__PROTO__METRICS__V1__HISTOGRAM_DATA_POINT__OPTIONAL_MAX_MAX;
	point->max = at->max;
	return point;
}

static METRICS(Histogram) * build_histogram(struct pb_arena *arena, const struct otlp_metric *from)
{
	METRICS(Histogram) *histogram = take(arena, sizeof(*histogram));

	opentelemetry__proto__metrics__v1__histogram__init(histogram);
	histogram->aggregation_temporality = (METRICS(AggregationTemporality))from->temporality;
	histogram->n_data_points = from->point_count;
	histogram->data_points =
		take(arena, from->point_count * sizeof(METRICS(HistogramDataPoint) *));
	for (size_t i = 0; i < from->point_count; i++)
		histogram->data_points[i] =
			build_histogram_point(arena, &from->points.histogram[i]);
	return histogram;
}

METRICS(Metric) * pb_build_metric(struct pb_arena *arena, const struct otlp_metric *from)
{
	METRICS(Metric) * metric;

	arena->used = 0;
	metric = take(arena, sizeof(*metric));
	opentelemetry__proto__metrics__v1__metric__init(metric);
	metric->name = text(from->name);
	metric->description = text(from->description);
	metric->unit = text(from->unit);
	if (from->type == OTLP_METRIC_SUM) {
		metric->data_case = OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_SUM;
		metric->sum = take(arena, sizeof(*metric->sum));
		opentelemetry__proto__metrics__v1__sum__init(metric->sum);
		metric->sum->aggregation_temporality =
			(METRICS(AggregationTemporality))from->temporality;
		metric->sum->is_monotonic = from->is_monotonic;
		metric->sum->n_data_points = from->point_count;
		metric->sum->data_points = build_numbers(arena, from);
	} else if (from->type == OTLP_METRIC_GAUGE) {
		metric->data_case = OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_GAUGE;
		metric->gauge = take(arena, sizeof(*metric->gauge));
		opentelemetry__proto__metrics__v1__gauge__init(metric->gauge);
		metric->gauge->n_data_points = from->point_count;
		metric->gauge->data_points = build_numbers(arena, from);
	} else {
		metric->data_case = OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_HISTOGRAM;
		metric->histogram = build_histogram(arena, from);
	}
	return metric;
}
