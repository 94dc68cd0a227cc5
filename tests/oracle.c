/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Borrowed structs to protobuf-c's trees, one field after the other. It is on
 * purpose the plainest code that does so: the encoder is measured against it.
 * Comparing trees is in oracle_equal.c.
 */
#include "tests/oracle.h"

#include <stdlib.h>
#include <string.h>

static void *must(void *pointer)
{
	if (!pointer)
		abort();
	return pointer;
}

static void *new_message(const ProtobufCMessageDescriptor *descriptor)
{
	ProtobufCMessage *message = must(calloc(1, descriptor->sizeof_message));

	protobuf_c_message_init(descriptor, message);
	return message;
}

#define NEW_COMMON(name)  new_message(&opentelemetry__proto__common__v1__##name##__descriptor)
#define NEW_LOGS(name)	  new_message(&opentelemetry__proto__logs__v1__##name##__descriptor)
#define NEW_METRICS(name) new_message(&opentelemetry__proto__metrics__v1__##name##__descriptor)
#define NEW_TRACE(name)	  new_message(&opentelemetry__proto__trace__v1__##name##__descriptor)

void oracle_free(void *message)
{
	if (message)
		protobuf_c_message_free_unpacked(message, NULL);
}

/* Of nothing: NULL, which is how protobuf-c leaves an absent array. */
static void *new_array(size_t count, size_t size)
{
	return count ? must(calloc(count, size)) : NULL;
}

static void *copy_array(const void *from, size_t count, size_t size)
{
	void *to = new_array(count, size);

	return count ? memcpy(to, from, count * size) : NULL;
}

static ProtobufCBinaryData copy_bytes(const void *ptr, size_t len)
{
	return (ProtobufCBinaryData){.len = len, .data = copy_array(ptr, len, 1)};
}

static ProtobufCBinaryData copy_text(struct otlp_str text)
{
	return copy_bytes(text.ptr, text.len);
}

/* An id; all zero is absent. */
static ProtobufCBinaryData copy_id(const uint8_t *id, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (id[i])
			return copy_bytes(id, len);
	return (ProtobufCBinaryData){0};
}

static PB_COMMON(KeyValue) * *copy_pairs(const struct otlp_attribute *items, size_t count);

static PB_COMMON(AnyValue) * copy_value(const struct otlp_value *from)
{
	PB_COMMON(AnyValue) *to = NEW_COMMON(any_value);

	switch (from->type) {
	case OTLP_VALUE_EMPTY:
		break;
	case OTLP_VALUE_STRING:
		to->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE;
		to->string_value = copy_text(from->as.string);
		break;
	case OTLP_VALUE_BOOL:
		to->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_BOOL_VALUE;
		to->bool_value = from->as.boolean;
		break;
	case OTLP_VALUE_INT:
		to->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_INT_VALUE;
		to->int_value = from->as.integer;
		break;
	case OTLP_VALUE_DOUBLE:
		to->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_DOUBLE_VALUE;
		to->double_value = from->as.real;
		break;
	case OTLP_VALUE_ARRAY:
		to->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_ARRAY_VALUE;
		to->array_value = NEW_COMMON(array_value);
		to->array_value->n_values = from->as.array.count;
		to->array_value->values = new_array(from->as.array.count, sizeof(void *));
		for (size_t i = 0; i < from->as.array.count; i++)
			to->array_value->values[i] = copy_value(&from->as.array.items[i]);
		break;
	case OTLP_VALUE_KVLIST:
		to->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_KVLIST_VALUE;
		to->kvlist_value = NEW_COMMON(key_value_list);
		to->kvlist_value->n_values = from->as.kvlist.count;
		to->kvlist_value->values = copy_pairs(from->as.kvlist.items, from->as.kvlist.count);
		break;
	case OTLP_VALUE_BYTES:
		to->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_BYTES_VALUE;
		to->bytes_value = copy_bytes(from->as.bytes.ptr, from->as.bytes.len);
		break;
	}
	return to;
}

static PB_COMMON(KeyValue) * *copy_pairs(const struct otlp_attribute *items, size_t count)
{
	PB_COMMON(KeyValue) **to = new_array(count, sizeof(*to));

	for (size_t i = 0; i < count; i++) {
		to[i] = NEW_COMMON(key_value);
		to[i]->key = copy_text(items[i].key);
		to[i]->value = copy_value(&items[i].value);
	}
	return to;
}

/* Every message spells its attributes the same way. */
#define COPY_ATTRIBUTES(to, field, from) \
	((to)->n_##field = (from)->count, (to)->field = copy_pairs((from)->items, (from)->count))

PB_RESOURCE(Resource) * oracle_resource(const struct otlp_resource *resource)
{
	PB_RESOURCE(Resource) *to =
		new_message(&opentelemetry__proto__resource__v1__resource__descriptor);

	COPY_ATTRIBUTES(to, attributes, &resource->attributes);
	to->dropped_attributes_count = resource->attributes.dropped;
	return to;
}

PB_COMMON(InstrumentationScope) * oracle_scope(const struct otlp_scope *scope)
{
	PB_COMMON(InstrumentationScope) *to = NEW_COMMON(instrumentation_scope);

	to->name = copy_text(scope->name);
	to->version = copy_text(scope->version);
	COPY_ATTRIBUTES(to, attributes, &scope->attributes);
	to->dropped_attributes_count = scope->attributes.dropped;
	return to;
}

static PB_TRACE(Span__Event) * copy_event(const struct otlp_span_event *from)
{
	PB_TRACE(Span__Event) *to = NEW_TRACE(span__event);

	to->time_unix_nano = from->time_unix_ns;
	to->name = copy_text(from->name);
	COPY_ATTRIBUTES(to, attributes, &from->attributes);
	to->dropped_attributes_count = from->attributes.dropped;
	return to;
}

static PB_TRACE(Span__Link) * copy_link(const struct otlp_span_link *from)
{
	PB_TRACE(Span__Link) *to = NEW_TRACE(span__link);

	to->trace_id = copy_id(from->trace_id, sizeof(from->trace_id));
	to->span_id = copy_id(from->span_id, sizeof(from->span_id));
	to->trace_state = copy_text(from->trace_state);
	COPY_ATTRIBUTES(to, attributes, &from->attributes);
	to->dropped_attributes_count = from->attributes.dropped;
	to->flags = from->flags;
	return to;
}

PB_TRACE(Span) * oracle_span(const struct otlp_span *span)
{
	PB_TRACE(Span) *to = NEW_TRACE(span);

	to->trace_id = copy_id(span->trace_id, sizeof(span->trace_id));
	to->span_id = copy_id(span->span_id, sizeof(span->span_id));
	to->parent_span_id = copy_id(span->parent_span_id, sizeof(span->parent_span_id));
	to->trace_state = copy_text(span->trace_state);
	to->name = copy_text(span->name);
	to->kind = (PB_TRACE(Span__SpanKind))span->kind;
	to->flags = span->flags;
	to->start_time_unix_nano = span->start_time_unix_ns;
	to->end_time_unix_nano = span->end_time_unix_ns;
	COPY_ATTRIBUTES(to, attributes, &span->attributes);
	to->dropped_attributes_count = span->attributes.dropped;
	to->n_events = span->event_count;
	to->events = new_array(span->event_count, sizeof(*to->events));
	for (size_t i = 0; i < span->event_count; i++)
		to->events[i] = copy_event(&span->events[i]);
	to->dropped_events_count = span->dropped_event_count;
	to->n_links = span->link_count;
	to->links = new_array(span->link_count, sizeof(*to->links));
	for (size_t i = 0; i < span->link_count; i++)
		to->links[i] = copy_link(&span->links[i]);
	to->dropped_links_count = span->dropped_link_count;
	if (span->status != OTLP_STATUS_UNSET || span->status_message.len) {
		to->status = NEW_TRACE(status);
		to->status->code = (PB_TRACE(Status__StatusCode))span->status;
		to->status->message = copy_text(span->status_message);
	}
	return to;
}

PB_LOGS(LogRecord) * oracle_log(const struct otlp_log_record *log)
{
	PB_LOGS(LogRecord) *to = NEW_LOGS(log_record);

	to->time_unix_nano = log->time_unix_ns;
	to->observed_time_unix_nano = log->observed_time_unix_ns;
	to->severity_number = (PB_LOGS(SeverityNumber))log->severity_number;
	to->severity_text = copy_text(log->severity_text);
	if (log->body.type != OTLP_VALUE_EMPTY)
		to->body = copy_value(&log->body);
	COPY_ATTRIBUTES(to, attributes, &log->attributes);
	to->dropped_attributes_count = log->attributes.dropped;
	to->flags = log->flags;
	to->trace_id = copy_id(log->trace_id, sizeof(log->trace_id));
	to->span_id = copy_id(log->span_id, sizeof(log->span_id));
	to->event_name = copy_text(log->event_name);
	return to;
}

static PB_METRICS(Exemplar) * *copy_exemplars(const struct otlp_point *point)
{
	PB_METRICS(Exemplar) **to = new_array(point->exemplar_count, sizeof(*to));

	for (size_t i = 0; i < point->exemplar_count; i++) {
		const struct otlp_exemplar *from = &point->exemplars[i];

		to[i] = NEW_METRICS(exemplar);
		to[i]->time_unix_nano = from->time_unix_ns;
		to[i]->trace_id = copy_id(from->trace_id, sizeof(from->trace_id));
		to[i]->span_id = copy_id(from->span_id, sizeof(from->span_id));
		COPY_ATTRIBUTES(to[i], filtered_attributes, &from->filtered_attributes);
		if (from->value.type == OTLP_NUMBER_INT) {
			to[i]->value_case =
				OPENTELEMETRY__PROTO__METRICS__V1__EXEMPLAR__VALUE_AS_INT;
			to[i]->as_int = from->value.as.integer;
		} else {
			to[i]->value_case =
				OPENTELEMETRY__PROTO__METRICS__V1__EXEMPLAR__VALUE_AS_DOUBLE;
			to[i]->as_double = from->value.as.real;
		}
	}
	return to;
}

/* What all points but the summary's share, under the same names. */
#define COPY_POINT(to, from)                                             \
	do {                                                             \
		COPY_ATTRIBUTES(to, attributes, &(from)->attributes);    \
		(to)->start_time_unix_nano = (from)->start_time_unix_ns; \
		(to)->time_unix_nano = (from)->time_unix_ns;             \
		(to)->flags = (from)->flags;                             \
		(to)->n_exemplars = (from)->exemplar_count;              \
		(to)->exemplars = copy_exemplars(from);                  \
	} while (0)

static PB_METRICS(NumberDataPoint) * copy_number(const struct otlp_number_point *from)
{
	PB_METRICS(NumberDataPoint) *to = NEW_METRICS(number_data_point);

	COPY_POINT(to, &from->point);
	if (from->value.type == OTLP_NUMBER_INT) {
		to->value_case = OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__VALUE_AS_INT;
		to->as_int = from->value.as.integer;
	} else if (from->value.type == OTLP_NUMBER_DOUBLE) {
		to->value_case =
			OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__VALUE_AS_DOUBLE;
		to->as_double = from->value.as.real;
	} else {
		to->flags |= 1; /* NO_RECORDED_VALUE, as the header says */
	}
	return to;
}

/* Each of the three is a oneof of its own, with its field number as the case. */
#define COPY_OPTIONAL(to, from, name, number)                    \
	do {                                                     \
		if ((from)->has_##name) {                        \
			(to)->optional_##name##_case = (number); \
			(to)->name = (from)->name;               \
		}                                                \
	} while (0)

static PB_METRICS(HistogramDataPoint) * copy_histogram(const struct otlp_histogram_point *from)
{
	PB_METRICS(HistogramDataPoint) *to = NEW_METRICS(histogram_data_point);

	COPY_POINT(to, &from->point);
	to->count = from->count;
	COPY_OPTIONAL(to, from, sum, 5);
	COPY_OPTIONAL(to, from, min, 11);
	COPY_OPTIONAL(to, from, max, 12);
	to->n_bucket_counts = from->bucket_count;
	to->bucket_counts = copy_array(from->bucket_counts, from->bucket_count, sizeof(uint64_t));
	to->n_explicit_bounds = from->bound_count;
	to->explicit_bounds = copy_array(from->bounds, from->bound_count, sizeof(double));
	return to;
}

static PB_METRICS(ExponentialHistogramDataPoint__Buckets) *
	copy_buckets(const struct otlp_exp_buckets *from)
{
	PB_METRICS(ExponentialHistogramDataPoint__Buckets) * to;

	if (from->offset == 0 && from->count == 0)
		return NULL;
	to = NEW_METRICS(exponential_histogram_data_point__buckets);
	to->offset = from->offset;
	to->n_bucket_counts = from->count;
	to->bucket_counts = copy_array(from->counts, from->count, sizeof(uint64_t));
	return to;
}

static PB_METRICS(ExponentialHistogramDataPoint) *
	copy_exp_histogram(const struct otlp_exp_histogram_point *from)
{
	PB_METRICS(ExponentialHistogramDataPoint) *to =
		NEW_METRICS(exponential_histogram_data_point);

	COPY_POINT(to, &from->point);
	to->count = from->count;
	COPY_OPTIONAL(to, from, sum, 5);
	COPY_OPTIONAL(to, from, min, 12);
	COPY_OPTIONAL(to, from, max, 13);
	to->scale = from->scale;
	to->zero_count = from->zero_count;
	to->zero_threshold = from->zero_threshold;
	to->positive = copy_buckets(&from->positive);
	to->negative = copy_buckets(&from->negative);
	return to;
}

static PB_METRICS(SummaryDataPoint) * copy_summary(const struct otlp_summary_point *from)
{
	PB_METRICS(SummaryDataPoint) *to = NEW_METRICS(summary_data_point);

	COPY_ATTRIBUTES(to, attributes, &from->point.attributes);
	to->start_time_unix_nano = from->point.start_time_unix_ns;
	to->time_unix_nano = from->point.time_unix_ns;
	to->flags = from->point.flags;
	to->count = from->count;
	to->sum = from->sum;
	to->n_quantile_values = from->quantile_count;
	to->quantile_values = new_array(from->quantile_count, sizeof(*to->quantile_values));
	for (size_t i = 0; i < from->quantile_count; i++) {
		to->quantile_values[i] = NEW_METRICS(summary_data_point__value_at_quantile);
		to->quantile_values[i]->quantile = from->quantiles[i].quantile;
		to->quantile_values[i]->value = from->quantiles[i].value;
	}
	return to;
}

/* The points [first, first + count) into the message of their kind. */
#define COPY_POINTS(to, copy, from)                                               \
	do {                                                                      \
		(to)->n_data_points = count;                                      \
		(to)->data_points = new_array(count, sizeof(*(to)->data_points)); \
		for (size_t i = 0; i < count; i++)                                \
			(to)->data_points[i] = copy(&(from)[first + i]);          \
	} while (0)

static void copy_data(PB_METRICS(Metric) * to, const struct otlp_metric *metric, size_t first,
		      size_t count)
{
	PB_METRICS(AggregationTemporality)
	temporality = (PB_METRICS(AggregationTemporality))metric->temporality;

	switch (metric->type) {
	case OTLP_METRIC_GAUGE:
		to->data_case = OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_GAUGE;
		to->gauge = NEW_METRICS(gauge);
		COPY_POINTS(to->gauge, copy_number, metric->points.number);
		break;
	case OTLP_METRIC_SUM:
		to->data_case = OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_SUM;
		to->sum = NEW_METRICS(sum);
		COPY_POINTS(to->sum, copy_number, metric->points.number);
		to->sum->aggregation_temporality = temporality;
		to->sum->is_monotonic = metric->is_monotonic;
		break;
	case OTLP_METRIC_HISTOGRAM:
		to->data_case = OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_HISTOGRAM;
		to->histogram = NEW_METRICS(histogram);
		COPY_POINTS(to->histogram, copy_histogram, metric->points.histogram);
		to->histogram->aggregation_temporality = temporality;
		break;
	case OTLP_METRIC_EXP_HISTOGRAM:
		to->data_case =
			OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_EXPONENTIAL_HISTOGRAM;
		to->exponential_histogram = NEW_METRICS(exponential_histogram);
		COPY_POINTS(to->exponential_histogram, copy_exp_histogram,
			    metric->points.exp_histogram);
		to->exponential_histogram->aggregation_temporality = temporality;
		break;
	case OTLP_METRIC_SUMMARY:
		to->data_case = OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_SUMMARY;
		to->summary = NEW_METRICS(summary);
		COPY_POINTS(to->summary, copy_summary, metric->points.summary);
		break;
	}
}

PB_METRICS(Metric) *
	oracle_metric_part(const struct otlp_metric *metric, size_t first, size_t count)
{
	PB_METRICS(Metric) *to = NEW_METRICS(metric);

	to->name = copy_text(metric->name);
	to->description = copy_text(metric->description);
	to->unit = copy_text(metric->unit);
	COPY_ATTRIBUTES(to, metadata, &metric->metadata);
	copy_data(to, metric, first, count);
	return to;
}

PB_METRICS(Metric) * oracle_metric(const struct otlp_metric *metric)
{
	return oracle_metric_part(metric, 0, metric->point_count);
}
