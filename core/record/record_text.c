/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is all text of a record UTF-8? Asked only where a copy met a byte that is no ASCII, and for what
 * is copied rarely; so it walks the borrowed structs on its own. They have been sized before: the
 * pointers, types and depths are good.
 */
#include "base/utf8.h"
#include "core/record/record_write.h"

static bool text_is_valid(struct otlp_str text)
{
	return utf8_is_valid(text.ptr, text.len);
}

static bool items_are_valid(const struct otlp_attribute *items, size_t count, unsigned int depth);

/* Deeper than was sized is what somebody has changed meanwhile. */
static bool value_is_valid(const struct otlp_value *value, unsigned int depth)
{
	if (depth > OTLP_VALUE_DEPTH_MAX)
		return false;
	switch (value->type) {
	case OTLP_VALUE_STRING:
		return text_is_valid(value->as.string);
	case OTLP_VALUE_ARRAY:
		for (size_t i = 0; i < value->as.array.count; i++)
			if (!value_is_valid(&value->as.array.items[i], depth + 1))
				return false;
		return true;
	case OTLP_VALUE_KVLIST:
		return items_are_valid(value->as.kvlist.items, value->as.kvlist.count, depth + 1);
	case OTLP_VALUE_EMPTY:
	case OTLP_VALUE_BOOL:
	case OTLP_VALUE_INT:
	case OTLP_VALUE_DOUBLE:
	case OTLP_VALUE_BYTES:
		break;
	}
	return true;
}

static bool items_are_valid(const struct otlp_attribute *items, size_t count, unsigned int depth)
{
	for (size_t i = 0; i < count; i++)
		if (!text_is_valid(items[i].key) || !value_is_valid(&items[i].value, depth))
			return false;
	return true;
}

static bool attributes_are_valid(const struct otlp_attribute *items, size_t count)
{
	return items_are_valid(items, count, 1);
}

static bool resource_is_valid(const struct otlp_resource *resource)
{
	return text_is_valid(resource->schema_url) &&
	       attributes_are_valid(resource->attributes.items, resource->attributes.count);
}

bool record_text_scope(const struct otlp_scope *scope)
{
	return text_is_valid(scope->name) && text_is_valid(scope->version) &&
	       text_is_valid(scope->schema_url) &&
	       attributes_are_valid(scope->attributes.items, scope->attributes.count);
}

static bool sections_are_valid(const struct otlp_resource *inline_resource,
			       const struct otlp_scope *scope)
{
	if (inline_resource != NULL && !resource_is_valid(inline_resource))
		return false;
	return scope == NULL || record_text_scope(scope);
}

bool record_text_span(const struct otlp_span *span, const struct otlp_resource *inline_resource)
{
	if (!sections_are_valid(inline_resource, span->scope) || !text_is_valid(span->name) ||
	    !text_is_valid(span->trace_state) || !text_is_valid(span->status_message) ||
	    !attributes_are_valid(span->attributes.items, span->attributes.count))
		return false;
	for (size_t i = 0; i < span->event_count; i++) {
		const struct otlp_span_event *const event = &span->events[i];

		if (!text_is_valid(event->name) ||
		    !attributes_are_valid(event->attributes.items, event->attributes.count))
			return false;
	}
	for (size_t i = 0; i < span->link_count; i++) {
		const struct otlp_span_link *const link = &span->links[i];

		if (!text_is_valid(link->trace_state) ||
		    !attributes_are_valid(link->attributes.items, link->attributes.count))
			return false;
	}
	return true;
}

bool record_text_log(const struct otlp_log_record *log, const struct otlp_resource *inline_resource)
{
	return sections_are_valid(inline_resource, log->scope) &&
	       text_is_valid(log->severity_text) && text_is_valid(log->event_name) &&
	       value_is_valid(&log->body, 1) &&
	       attributes_are_valid(log->attributes.items, log->attributes.count);
}

static bool metric_head_is_valid(const struct otlp_metric *metric, const struct otlp_scope *scope,
				 const struct otlp_resource *inline_resource)
{
	return sections_are_valid(inline_resource, scope) && text_is_valid(metric->name) &&
	       text_is_valid(metric->description) && text_is_valid(metric->unit) &&
	       attributes_are_valid(metric->metadata.items, metric->metadata.count);
}

static bool point_is_valid(const struct otlp_metric *metric, size_t index)
{
	const struct otlp_point *const point = record_metric_point(metric, index);

	if (!attributes_are_valid(point->attributes.items, point->attributes.count))
		return false;
	for (size_t i = 0; metric->type != OTLP_METRIC_SUMMARY && i < point->exemplar_count; i++) {
		const struct otlp_attributes *const filtered =
			&point->exemplars[i].filtered_attributes;

		if (!attributes_are_valid(filtered->items, filtered->count))
			return false;
	}
	return true;
}

bool record_text_metric(const struct otlp_metric *metric, const struct otlp_scope *scope,
			const struct otlp_resource *inline_resource)
{
	if (!metric_head_is_valid(metric, scope, inline_resource))
		return false;
	for (size_t i = 0; i < metric->point_count; i++) {
		size_t unused;

		/* One that is too large was not looked at to its end, and is not written. */
		if (record_size_point(metric, i, &unused) == 0 && !point_is_valid(metric, i))
			return false;
	}
	return true;
}

/* What a measure function answers when the size is known. */
static int measured(int rc, bool text_is_good)
{
	return rc == 0 && !text_is_good ? OTLP_ERR_INVALID : rc;
}

int record_measure_span(const struct otlp_span *span, const struct otlp_resource *inline_resource,
			size_t *ret_bytes)
{
	const int rc = record_size_span(span, inline_resource, span->scope, ret_bytes);

	return measured(rc, rc < 0 || record_text_span(span, inline_resource));
}

int record_measure_log(const struct otlp_log_record *log,
		       const struct otlp_resource *inline_resource, size_t *ret_bytes)
{
	const int rc = record_size_log(log, inline_resource, log->scope, ret_bytes);

	return measured(rc, rc < 0 || record_text_log(log, inline_resource));
}

int record_measure_metric(const struct otlp_metric *metric, const struct otlp_scope *scope,
			  const struct otlp_resource *inline_resource, size_t *ret_head_bytes)
{
	const int rc = record_size_metric(metric, scope, inline_resource, ret_head_bytes);

	return measured(rc, rc < 0 || metric_head_is_valid(metric, scope, inline_resource));
}

int record_measure_point(const struct otlp_metric *metric, size_t index, size_t *ret_bytes)
{
	const int rc = record_size_point(metric, index, ret_bytes);

	return measured(rc, rc < 0 || point_is_valid(metric, index));
}

int record_measure_resource(const struct otlp_resource *resource, size_t *ret_bytes)
{
	const int rc = record_size_resource(resource, ret_bytes);

	return measured(rc, rc < 0 || resource_is_valid(resource));
}
