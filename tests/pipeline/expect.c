/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Borrowed structs as JSON lines; expect.h has the form. Knows the public
 * headers and OTLP's names, and neither records nor protobuf.
 */
#include "tests/pipeline/expect.h"

#include <inttypes.h>
#include <string.h>

static void put_hex(FILE *out, const void *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *from = bytes;

	fputs("\"x:", out);
	for (size_t i = 0; i < len; i++) {
		putc(digits[from[i] >> 4], out);
		putc(digits[from[i] & 15], out);
	}
	putc('"', out);
}

/* A key for the next field of an object: `first` is the brace before it, or a comma. */
static void put_key(FILE *out, char first, const char *name)
{
	fprintf(out, "%c\"%s\":", first, name);
}

static void put_text(FILE *out, char first, const char *name, struct otlp_str text)
{
	put_key(out, first, name);
	put_hex(out, text.ptr, text.len);
}

/* All zero is absent, which is the empty string of bytes. */
static void put_id(FILE *out, char first, const char *name, const uint8_t *id, size_t len)
{
	bool is_set = false;

	for (size_t i = 0; i < len; i++)
		is_set = is_set || id[i];
	put_key(out, first, name);
	put_hex(out, id, is_set ? len : 0);
}

static void put_unsigned(FILE *out, char first, const char *name, uint64_t value)
{
	put_key(out, first, name);
	fprintf(out, "\"%" PRIu64 "\"", value);
}

static void put_signed(FILE *out, char first, const char *name, int64_t value)
{
	put_key(out, first, name);
	fprintf(out, "\"%" PRId64 "\"", value);
}

static void put_bool(FILE *out, char first, const char *name, bool value)
{
	put_key(out, first, name);
	fputs(value ? "true" : "false", out);
}

static void put_bits(FILE *out, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	fprintf(out, "\"d:%016" PRIx64 "\"", bits);
}

static void put_double(FILE *out, char first, const char *name, double value)
{
	put_key(out, first, name);
	put_bits(out, value);
}

static void put_pairs(FILE *out, char first, const char *name, const struct otlp_attribute *items,
		      size_t count);

static void put_value(FILE *out, const struct otlp_value *value)
{
	switch (value->type) {
	case OTLP_VALUE_EMPTY:
		putc('{', out);
		break;
	case OTLP_VALUE_STRING:
		put_text(out, '{', "string_value", value->as.string);
		break;
	case OTLP_VALUE_BOOL:
		put_bool(out, '{', "bool_value", value->as.boolean);
		break;
	case OTLP_VALUE_INT:
		put_signed(out, '{', "int_value", value->as.integer);
		break;
	case OTLP_VALUE_DOUBLE:
		put_double(out, '{', "double_value", value->as.real);
		break;
	case OTLP_VALUE_ARRAY:
		put_key(out, '{', "array_value");
		put_key(out, '{', "values");
		putc('[', out);
		for (size_t i = 0; i < value->as.array.count; i++) {
			if (i)
				putc(',', out);
			put_value(out, &value->as.array.items[i]);
		}
		fputs("]}", out);
		break;
	case OTLP_VALUE_KVLIST:
		put_key(out, '{', "kvlist_value");
		put_pairs(out, '{', "values", value->as.kvlist.items, value->as.kvlist.count);
		putc('}', out);
		break;
	case OTLP_VALUE_BYTES:
		put_key(out, '{', "bytes_value");
		put_hex(out, value->as.bytes.ptr, value->as.bytes.len);
		break;
	}
	putc('}', out);
}

static void put_pairs(FILE *out, char first, const char *name, const struct otlp_attribute *items,
		      size_t count)
{
	put_key(out, first, name);
	putc('[', out);
	for (size_t i = 0; i < count; i++) {
		if (i)
			putc(',', out);
		put_text(out, '{', "key", items[i].key);
		put_key(out, ',', "value");
		put_value(out, &items[i].value);
		putc('}', out);
	}
	putc(']', out);
}

static void put_attributes(FILE *out, char first, const struct otlp_attributes *attributes)
{
	put_pairs(out, first, "attributes", attributes->items, attributes->count);
	put_unsigned(out, ',', "dropped_attributes_count", attributes->dropped);
}

/* What each line begins with, up to the item or the metric. */
static void put_context(FILE *out, const char *signal, unsigned thread,
			const struct otlp_resource *resource, const struct otlp_scope *scope)
{
	fprintf(out, "{\"signal\":\"%s\"", signal);
	put_unsigned(out, ',', "thread", thread);
	put_key(out, ',', "resource");
	put_attributes(out, '{', &resource->attributes);
	fputs(",\"entity_refs\":[]}", out);
	put_text(out, ',', "resource_schema_url", resource->schema_url);
	put_key(out, ',', "scope");
	if (scope) {
		put_text(out, '{', "name", scope->name);
		put_text(out, ',', "version", scope->version);
		put_attributes(out, ',', &scope->attributes);
		putc('}', out);
	} else {
		fputs("null", out);
	}
	put_text(out, ',', "scope_schema_url", scope ? scope->schema_url : (struct otlp_str){0});
}

static void put_events(FILE *out, const struct otlp_span *span)
{
	put_key(out, ',', "events");
	putc('[', out);
	for (size_t i = 0; i < span->event_count; i++) {
		if (i)
			putc(',', out);
		put_unsigned(out, '{', "time_unix_nano", span->events[i].time_unix_ns);
		put_text(out, ',', "name", span->events[i].name);
		put_attributes(out, ',', &span->events[i].attributes);
		putc('}', out);
	}
	putc(']', out);
	put_unsigned(out, ',', "dropped_events_count", span->dropped_event_count);
}

static void put_links(FILE *out, const struct otlp_span *span)
{
	put_key(out, ',', "links");
	putc('[', out);
	for (size_t i = 0; i < span->link_count; i++) {
		const struct otlp_span_link *link = &span->links[i];

		if (i)
			putc(',', out);
		put_id(out, '{', "trace_id", link->trace_id, sizeof(link->trace_id));
		put_id(out, ',', "span_id", link->span_id, sizeof(link->span_id));
		put_text(out, ',', "trace_state", link->trace_state);
		put_attributes(out, ',', &link->attributes);
		put_unsigned(out, ',', "flags", link->flags);
		putc('}', out);
	}
	putc(']', out);
	put_unsigned(out, ',', "dropped_links_count", span->dropped_link_count);
}

void expect_span(FILE *out, unsigned thread, const struct otlp_resource *resource,
		 const struct otlp_span *span)
{
	put_context(out, "span", thread, resource, span->scope);
	put_key(out, ',', "item");
	put_id(out, '{', "trace_id", span->trace_id, sizeof(span->trace_id));
	put_id(out, ',', "span_id", span->span_id, sizeof(span->span_id));
	put_id(out, ',', "parent_span_id", span->parent_span_id, sizeof(span->parent_span_id));
	put_text(out, ',', "trace_state", span->trace_state);
	put_unsigned(out, ',', "flags", span->flags);
	put_text(out, ',', "name", span->name);
	put_unsigned(out, ',', "kind", (uint64_t)span->kind);
	put_unsigned(out, ',', "start_time_unix_nano", span->start_time_unix_ns);
	put_unsigned(out, ',', "end_time_unix_nano", span->end_time_unix_ns);
	put_attributes(out, ',', &span->attributes);
	put_events(out, span);
	put_links(out, span);
	put_key(out, ',', "status");
	if (span->status != OTLP_STATUS_UNSET || span->status_message.len) {
		put_text(out, '{', "message", span->status_message);
		put_unsigned(out, ',', "code", (uint64_t)span->status);
		putc('}', out);
	} else {
		fputs("null", out);
	}
	fputs("}}\n", out);
}

void expect_log(FILE *out, unsigned thread, const struct otlp_resource *resource,
		const struct otlp_log_record *log)
{
	put_context(out, "log", thread, resource, log->scope);
	put_key(out, ',', "item");
	put_unsigned(out, '{', "time_unix_nano", log->time_unix_ns);
	put_unsigned(out, ',', "observed_time_unix_nano", log->observed_time_unix_ns);
	put_unsigned(out, ',', "severity_number", (uint64_t)log->severity_number);
	put_text(out, ',', "severity_text", log->severity_text);
	put_key(out, ',', "body");
	if (log->body.type != OTLP_VALUE_EMPTY)
		put_value(out, &log->body);
	else
		fputs("null", out);
	put_attributes(out, ',', &log->attributes);
	put_unsigned(out, ',', "flags", log->flags);
	put_id(out, ',', "trace_id", log->trace_id, sizeof(log->trace_id));
	put_id(out, ',', "span_id", log->span_id, sizeof(log->span_id));
	put_text(out, ',', "event_name", log->event_name);
	fputs("}}\n", out);
}

static void put_exemplars(FILE *out, const struct otlp_point *point)
{
	put_key(out, ',', "exemplars");
	putc('[', out);
	for (size_t i = 0; i < point->exemplar_count; i++) {
		const struct otlp_exemplar *exemplar = &point->exemplars[i];

		if (i)
			putc(',', out);
		put_unsigned(out, '{', "time_unix_nano", exemplar->time_unix_ns);
		put_id(out, ',', "trace_id", exemplar->trace_id, sizeof(exemplar->trace_id));
		put_id(out, ',', "span_id", exemplar->span_id, sizeof(exemplar->span_id));
		put_pairs(out, ',', "filtered_attributes", exemplar->filtered_attributes.items,
			  exemplar->filtered_attributes.count);
		if (exemplar->value.type == OTLP_NUMBER_INT)
			put_signed(out, ',', "as_int", exemplar->value.as.integer);
		else
			put_double(out, ',', "as_double", exemplar->value.as.real);
		putc('}', out);
	}
	putc(']', out);
}

/* The fields that all points have but the exemplars, which summaries lack. */
static void put_point(FILE *out, const struct otlp_point *point, uint32_t more_flags)
{
	put_pairs(out, '{', "attributes", point->attributes.items, point->attributes.count);
	put_unsigned(out, ',', "start_time_unix_nano", point->start_time_unix_ns);
	put_unsigned(out, ',', "time_unix_nano", point->time_unix_ns);
	put_unsigned(out, ',', "flags", point->flags | more_flags);
}

static void put_number(FILE *out, const struct otlp_number_point *point)
{
	const uint32_t no_recorded_value = point->value.type == OTLP_NUMBER_NONE;

	put_point(out, &point->point, no_recorded_value);
	put_exemplars(out, &point->point);
	if (point->value.type == OTLP_NUMBER_INT)
		put_signed(out, ',', "as_int", point->value.as.integer);
	else if (point->value.type == OTLP_NUMBER_DOUBLE)
		put_double(out, ',', "as_double", point->value.as.real);
}

static void put_counts(FILE *out, const uint64_t *counts, size_t count)
{
	put_key(out, ',', "bucket_counts");
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%c\"%" PRIu64 "\"", i ? ',' : '[', counts[i]);
	fputs(count ? "]" : "[]", out);
}

static void put_histogram(FILE *out, const struct otlp_histogram_point *point)
{
	put_point(out, &point->point, 0);
	put_exemplars(out, &point->point);
	put_unsigned(out, ',', "count", point->count);
	if (point->has_sum)
		put_double(out, ',', "sum", point->sum);
	if (point->has_min)
		put_double(out, ',', "min", point->min);
	if (point->has_max)
		put_double(out, ',', "max", point->max);
	put_counts(out, point->bucket_counts, point->bucket_count);
	put_key(out, ',', "explicit_bounds");
	putc('[', out);
	for (size_t i = 0; i < point->bound_count; i++) {
		if (i)
			putc(',', out);
		put_bits(out, point->bounds[i]);
	}
	putc(']', out);
}

static void put_buckets(FILE *out, const char *name, const struct otlp_exp_buckets *buckets)
{
	put_key(out, ',', name);
	if (buckets->offset == 0 && buckets->count == 0) {
		fputs("null", out);
		return;
	}
	put_signed(out, '{', "offset", buckets->offset);
	put_counts(out, buckets->counts, buckets->count);
	putc('}', out);
}

static void put_exp_histogram(FILE *out, const struct otlp_exp_histogram_point *point)
{
	put_point(out, &point->point, 0);
	put_exemplars(out, &point->point);
	put_unsigned(out, ',', "count", point->count);
	if (point->has_sum)
		put_double(out, ',', "sum", point->sum);
	if (point->has_min)
		put_double(out, ',', "min", point->min);
	if (point->has_max)
		put_double(out, ',', "max", point->max);
	put_signed(out, ',', "scale", point->scale);
	put_unsigned(out, ',', "zero_count", point->zero_count);
	put_double(out, ',', "zero_threshold", point->zero_threshold);
	put_buckets(out, "positive", &point->positive);
	put_buckets(out, "negative", &point->negative);
}

static void put_summary(FILE *out, const struct otlp_summary_point *point)
{
	put_point(out, &point->point, 0);
	put_unsigned(out, ',', "count", point->count);
	put_double(out, ',', "sum", point->sum);
	put_key(out, ',', "quantile_values");
	putc('[', out);
	for (size_t i = 0; i < point->quantile_count; i++) {
		if (i)
			putc(',', out);
		put_double(out, '{', "quantile", point->quantiles[i].quantile);
		put_double(out, ',', "value", point->quantiles[i].value);
		putc('}', out);
	}
	putc(']', out);
}

static void put_metric(FILE *out, const struct otlp_metric *metric)
{
	static const char *const kinds[] = {
		[OTLP_METRIC_GAUGE] = "gauge",
		[OTLP_METRIC_SUM] = "sum",
		[OTLP_METRIC_HISTOGRAM] = "histogram",
		[OTLP_METRIC_EXP_HISTOGRAM] = "exponential_histogram",
		[OTLP_METRIC_SUMMARY] = "summary",
	};

	put_key(out, ',', "metric");
	put_text(out, '{', "name", metric->name);
	put_text(out, ',', "description", metric->description);
	put_text(out, ',', "unit", metric->unit);
	put_pairs(out, ',', "metadata", metric->metadata.items, metric->metadata.count);
	fprintf(out, ",\"kind\":\"%s\"", kinds[metric->type]);
	put_unsigned(out, ',', "aggregation_temporality", (uint64_t)metric->temporality);
	put_bool(out, ',', "is_monotonic", metric->is_monotonic);
	putc('}', out);
}

static void put_item(FILE *out, const struct otlp_metric *metric, size_t index)
{
	switch (metric->type) {
	case OTLP_METRIC_GAUGE:
	case OTLP_METRIC_SUM:
		put_number(out, &metric->points.number[index]);
		break;
	case OTLP_METRIC_HISTOGRAM:
		put_histogram(out, &metric->points.histogram[index]);
		break;
	case OTLP_METRIC_EXP_HISTOGRAM:
		put_exp_histogram(out, &metric->points.exp_histogram[index]);
		break;
	case OTLP_METRIC_SUMMARY:
		put_summary(out, &metric->points.summary[index]);
		break;
	}
}

void expect_metrics(FILE *out, unsigned thread, const struct otlp_resource *resource,
		    const struct otlp_resource_metrics *metrics)
{
	for (size_t i = 0; i < metrics->scope_metrics_count; i++) {
		const struct otlp_scope_metrics *scope = &metrics->scope_metrics[i];

		for (size_t j = 0; j < scope->metric_count; j++) {
			for (size_t k = 0; k < scope->metrics[j].point_count; k++) {
				put_context(out, "point", thread, resource, &scope->scope);
				put_metric(out, &scope->metrics[j]);
				put_key(out, ',', "item");
				put_item(out, &scope->metrics[j], k);
				fputs("}}\n", out);
			}
		}
	}
}
