/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record's write side: measure and check the borrowed data, then copy them in one forward pass.
 * Runs in the host's process, also in its signal handlers. Points and what belongs to them are in
 * record_write_metric.c. Where the bytes go, and what happens to a refused record, is the caller's.
 */
#include "core/record_write.h"

static int measure_value(const struct otlp_value *value, unsigned int depth, size_t *ret_bytes);

int record_text_error(const char *ptr, size_t len)
{
	if (!ptr && len)
		return OTLP_ERR_INVALID;
	return len > OTLP_RECORD_BYTES_MAX ? OTLP_ERR_TOO_LARGE : OTLP_ERR_INVALID;
}

static size_t item_bytes(size_t key_len, size_t value_len)
{
	if (key_len > RECORD_ITEM_KEY_MAX || value_len > RECORD_ITEM_FIELD_MAX)
		return RECORD_ITEM_LONG_BYTES + key_len + value_len;
	return RECORD_ITEM_SHORT_BYTES + key_len + value_len;
}

static size_t container_bytes(size_t key_len, size_t items_bytes)
{
	return RECORD_ITEM_LONG_BYTES + key_len + sizeof(uint32_t) + items_bytes;
}

static int measure_array(const struct otlp_value *array, unsigned int depth, size_t *ret_bytes)
{
	const struct otlp_value *const items = array->as.array.items;
	const size_t count = array->as.array.count;
	size_t sum = 0;
	int rc = record_check_count(items, count);

	for (size_t i = 0; rc == 0 && i < count; i++) {
		size_t bytes;

		rc = measure_value(&items[i], depth + 1, &bytes);
		if (rc == 0)
			sum += bytes;
	}
	*ret_bytes = sum;
	return rc;
}

/* An array or a list, with the item head and a key of key_len bytes. */
static int measure_container(const struct otlp_value *value, size_t key_len, unsigned int depth,
			     size_t *ret_bytes)
{
	size_t bytes = 0;
	int rc;

	if (value->type == OTLP_VALUE_ARRAY)
		rc = measure_array(value, depth, &bytes);
	else
		rc = record_measure_attributes(value->as.kvlist.items, value->as.kvlist.count,
					       depth + 1, &bytes);
	*ret_bytes = container_bytes(key_len, bytes);
	return rc;
}

/* The item that carries this value and a key of key_len bytes. Its depth was checked. */
static inline int measure_item(const struct otlp_value *value, size_t key_len, unsigned int depth,
			       size_t *ret_bytes)
{
	switch (value->type) {
	case OTLP_VALUE_STRING:
		if (!record_text_is_valid(value->as.string))
			return record_text_error(value->as.string.ptr, value->as.string.len);
		*ret_bytes = item_bytes(key_len, value->as.string.len);
		return 0;
	case OTLP_VALUE_INT:
	case OTLP_VALUE_DOUBLE:
		*ret_bytes = item_bytes(key_len, 8);
		return 0;
	case OTLP_VALUE_EMPTY:
	case OTLP_VALUE_BOOL:
		*ret_bytes = item_bytes(key_len, 0);
		return 0;
	case OTLP_VALUE_BYTES:
		*ret_bytes = item_bytes(key_len, value->as.bytes.len);
		return record_check_count(value->as.bytes.ptr, value->as.bytes.len);
	case OTLP_VALUE_ARRAY:
	case OTLP_VALUE_KVLIST:
		return measure_container(value, key_len, depth, ret_bytes);
	}
	return OTLP_ERR_INVALID;
}

static int measure_value(const struct otlp_value *value, unsigned int depth, size_t *ret_bytes)
{
	if (depth > OTLP_VALUE_DEPTH_MAX)
		return OTLP_ERR_INVALID;
	return measure_item(value, 0, depth, ret_bytes);
}

int record_measure_attributes(const struct otlp_attribute *items, size_t count, unsigned int depth,
			      size_t *bytes)
{
	size_t sum = 0;
	int rc = record_check_count(items, count);

	if (rc < 0)
		return rc;
	if (count != 0 && depth > OTLP_VALUE_DEPTH_MAX)
		return OTLP_ERR_INVALID;
	for (size_t i = 0; i < count; i++) {
		const struct otlp_attribute *const a = &items[i];
		size_t item;

		if (!record_text_is_valid(a->key))
			return record_text_error(a->key.ptr, a->key.len);
		rc = measure_item(&a->value, a->key.len, depth, &item);
		if (rc < 0)
			return rc;
		sum += item;
	}
	*bytes += sum;
	return 0;
}

static inline uint8_t *write_item_head(uint8_t *to, enum otlp_value_type type, struct otlp_str key,
				       size_t field)
{
	if (key.len > RECORD_ITEM_KEY_MAX || field > RECORD_ITEM_FIELD_MAX) {
		to = bytes_store32(to, (uint32_t)type | RECORD_ITEM_LONG);
		to = bytes_store32(to, (uint32_t)key.len);
		to = bytes_store32(to, (uint32_t)field);
	} else {
		to = bytes_store32(to, (uint32_t)type | (uint32_t)key.len << RECORD_ITEM_KEY_SHIFT |
					       (uint32_t)field << RECORD_ITEM_FIELD_SHIFT);
	}
	return bytes_copy(to, key.ptr, key.len);
}

static uint8_t *write_container(uint8_t *to, struct otlp_str key, const struct otlp_value *value);

static inline uint8_t *write_item(uint8_t *to, struct otlp_str key, const struct otlp_value *value)
{
	switch (value->type) {
	case OTLP_VALUE_STRING:
		to = write_item_head(to, OTLP_VALUE_STRING, key, value->as.string.len);
		return bytes_copy(to, value->as.string.ptr, value->as.string.len);
	case OTLP_VALUE_INT:
	case OTLP_VALUE_DOUBLE:
		to = write_item_head(to, value->type, key, 0);
		memcpy(to, &value->as, 8);
		return to + 8;
	case OTLP_VALUE_BOOL:
		return write_item_head(to, OTLP_VALUE_BOOL, key, value->as.boolean ? 1 : 0);
	case OTLP_VALUE_BYTES:
		to = write_item_head(to, OTLP_VALUE_BYTES, key, value->as.bytes.len);
		return bytes_copy(to, value->as.bytes.ptr, value->as.bytes.len);
	case OTLP_VALUE_ARRAY:
	case OTLP_VALUE_KVLIST:
		return write_container(to, key, value);
	case OTLP_VALUE_EMPTY:
		break;
	}
	return write_item_head(to, OTLP_VALUE_EMPTY, key, 0);
}

/* Always the long head: the length of the items is known, and patched, when they are written. */
static uint8_t *write_container(uint8_t *to, struct otlp_str key, const struct otlp_value *value)
{
	uint8_t *const field = to + 8;
	uint8_t *start;

	to = bytes_store32(to, (uint32_t)value->type | RECORD_ITEM_LONG);
	to = bytes_store32(to, (uint32_t)key.len);
	start = bytes_copy(to + 4, key.ptr, key.len);
	if (value->type == OTLP_VALUE_ARRAY) {
		const struct otlp_str none = {NULL, 0};

		to = bytes_store32(start, (uint32_t)value->as.array.count);
		for (size_t i = 0; i < value->as.array.count; i++)
			to = write_item(to, none, &value->as.array.items[i]);
	} else {
		to = bytes_store32(start, (uint32_t)value->as.kvlist.count);
		to = record_write_attributes(to, value->as.kvlist.items, value->as.kvlist.count);
	}
	bytes_store32(field, (uint32_t)(to - start));
	return to;
}

uint8_t *record_write_attributes(uint8_t *to, const struct otlp_attribute *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		to = write_item(to, items[i].key, &items[i].value);
	return to;
}

int record_measure_resource(const struct otlp_resource *resource, size_t *ret_bytes)
{
	size_t bytes = sizeof(struct record_resource_head);
	int rc = record_measure_text(resource->schema_url, &bytes);

	if (rc == 0)
		rc = record_measure_attributes(resource->attributes.items,
					       resource->attributes.count, 1, &bytes);
	return record_measured(rc, bytes, ret_bytes);
}

static uint8_t *write_resource(uint8_t *to, const struct otlp_resource *resource)
{
	const struct record_resource_head head = {
		.schema_url_bytes = (uint32_t)resource->schema_url.len,
		.attribute_count = (uint32_t)resource->attributes.count,
		.dropped_attribute_count = resource->attributes.dropped,
	};

	memcpy(to, &head, sizeof(head));
	to = bytes_copy(to + sizeof(head), resource->schema_url.ptr, resource->schema_url.len);
	return record_write_attributes(to, resource->attributes.items, resource->attributes.count);
}

void record_write_resource(uint8_t *to, const struct otlp_resource *resource, size_t bytes)
{
	const uint8_t *const end = write_resource(to, resource);

	assert((size_t)(end - to) == bytes);
	(void)end;
	(void)bytes;
}

static int measure_scope(const struct otlp_scope *scope, size_t *bytes)
{
	int rc;

	*bytes += sizeof(struct record_scope_head);
	rc = record_measure_text(scope->name, bytes);
	if (rc == 0)
		rc = record_measure_text(scope->version, bytes);
	if (rc == 0)
		rc = record_measure_text(scope->schema_url, bytes);
	if (rc == 0)
		rc = record_measure_attributes(scope->attributes.items, scope->attributes.count, 1,
					       bytes);
	return rc;
}

static uint8_t *write_scope(uint8_t *to, const struct otlp_scope *scope)
{
	const struct record_scope_head head = {
		.name_bytes = (uint32_t)scope->name.len,
		.version_bytes = (uint32_t)scope->version.len,
		.schema_url_bytes = (uint32_t)scope->schema_url.len,
		.attribute_count = (uint32_t)scope->attributes.count,
		.dropped_attribute_count = scope->attributes.dropped,
	};

	memcpy(to, &head, sizeof(head));
	to = bytes_copy(to + sizeof(head), scope->name.ptr, scope->name.len);
	to = bytes_copy(to, scope->version.ptr, scope->version.len);
	to = bytes_copy(to, scope->schema_url.ptr, scope->schema_url.len);
	return record_write_attributes(to, scope->attributes.items, scope->attributes.count);
}

int record_measure_sections(const struct otlp_resource *inline_resource,
			    const struct otlp_scope *scope, size_t *bytes)
{
	if (inline_resource) {
		size_t resource_bytes;
		int rc = record_measure_resource(inline_resource, &resource_bytes);

		if (rc < 0)
			return rc;
		*bytes += sizeof(uint32_t) + resource_bytes;
	}
	if (scope) {
		*bytes += sizeof(uint32_t);
		return measure_scope(scope, bytes);
	}
	return 0;
}

uint8_t *record_write_sections(uint8_t *to, const struct otlp_resource *inline_resource,
			       const struct otlp_scope *scope)
{
	if (inline_resource) {
		uint8_t *const end = write_resource(to + sizeof(uint32_t), inline_resource);

		bytes_store32(to, (uint32_t)(end - to - (ptrdiff_t)sizeof(uint32_t)));
		to = end;
	}
	if (scope) {
		uint8_t *const end = write_scope(to + sizeof(uint32_t), scope);

		bytes_store32(to, (uint32_t)(end - to - (ptrdiff_t)sizeof(uint32_t)));
		to = end;
	}
	return to;
}

static int measure_event(const struct otlp_span_event *event, size_t *bytes)
{
	int rc;

	*bytes += sizeof(uint32_t) + sizeof(struct record_event_head);
	rc = record_measure_text(event->name, bytes);
	if (rc == 0)
		rc = record_measure_attributes(event->attributes.items, event->attributes.count, 1,
					       bytes);
	return rc;
}

static uint8_t *write_event(uint8_t *to, const struct otlp_span_event *event)
{
	uint8_t *const start = to + sizeof(uint32_t);
	const struct record_event_head head = {
		.time_unix_ns = event->time_unix_ns,
		.name_bytes = (uint32_t)event->name.len,
		.attribute_count = (uint32_t)event->attributes.count,
		.dropped_attribute_count = event->attributes.dropped,
	};
	uint8_t *end;

	memcpy(start, &head, sizeof(head));
	end = bytes_copy(start + sizeof(head), event->name.ptr, event->name.len);
	end = record_write_attributes(end, event->attributes.items, event->attributes.count);
	bytes_store32(to, (uint32_t)(end - start));
	return end;
}

static int measure_link(const struct otlp_span_link *link, size_t *bytes)
{
	int rc;

	if (record_trace_id_is_zero(link->trace_id) || record_span_id_is_zero(link->span_id))
		return OTLP_ERR_INVALID;
	*bytes += sizeof(uint32_t) + sizeof(struct record_link_head);
	rc = record_measure_text(link->trace_state, bytes);
	if (rc == 0)
		rc = record_measure_attributes(link->attributes.items, link->attributes.count, 1,
					       bytes);
	return rc;
}

static uint8_t *write_link(uint8_t *to, const struct otlp_span_link *link)
{
	uint8_t *const start = to + sizeof(uint32_t);
	struct record_link_head head = {
		.flags = link->flags & RECORD_SPAN_FLAGS,
		.trace_state_bytes = (uint32_t)link->trace_state.len,
		.attribute_count = (uint32_t)link->attributes.count,
		.dropped_attribute_count = link->attributes.dropped,
	};
	uint8_t *end;

	memcpy(head.trace_id, link->trace_id, sizeof(head.trace_id));
	memcpy(head.span_id, link->span_id, sizeof(head.span_id));
	memcpy(start, &head, sizeof(head));
	end = bytes_copy(start + sizeof(head), link->trace_state.ptr, link->trace_state.len);
	end = record_write_attributes(end, link->attributes.items, link->attributes.count);
	bytes_store32(to, (uint32_t)(end - start));
	return end;
}

static bool span_has_extra(const struct otlp_span *span)
{
	return (span->trace_state.len | span->status_message.len | span->link_count |
		span->attributes.dropped | span->dropped_event_count | span->dropped_link_count) !=
	       0;
}

static bool span_is_valid(const struct otlp_span *span)
{
	return !record_trace_id_is_zero(span->trace_id) && !record_span_id_is_zero(span->span_id) &&
	       (unsigned int)span->kind <= OTLP_SPAN_KIND_CONSUMER &&
	       (unsigned int)span->status <= OTLP_STATUS_ERROR && !span->reserved[0] &&
	       !span->reserved[1];
}

int record_measure_span(const struct otlp_span *span, const struct otlp_resource *inline_resource,
			size_t *ret_bytes)
{
	size_t bytes = sizeof(struct record_span_head);
	int rc;

	if (!span_is_valid(span))
		return OTLP_ERR_INVALID;
	if (span_has_extra(span))
		bytes += sizeof(struct record_span_extra);
	rc = record_measure_sections(inline_resource, span->scope, &bytes);
	if (rc == 0)
		rc = record_measure_text(span->trace_state, &bytes);
	if (rc == 0)
		rc = record_measure_text(span->name, &bytes);
	if (rc == 0)
		rc = record_measure_text(span->status_message, &bytes);
	if (rc == 0)
		rc = record_measure_attributes(span->attributes.items, span->attributes.count, 1,
					       &bytes);
	if (rc == 0)
		rc = record_check_count(span->events, span->event_count);
	for (size_t i = 0; rc == 0 && i < span->event_count; i++)
		rc = measure_event(&span->events[i], &bytes);
	if (rc == 0)
		rc = record_check_count(span->links, span->link_count);
	for (size_t i = 0; rc == 0 && i < span->link_count; i++)
		rc = measure_link(&span->links[i], &bytes);
	return record_measured(rc, bytes, ret_bytes);
}

static uint8_t *write_span_heads(uint8_t *to, const struct otlp_span *span, uint8_t has,
				 uint32_t resource_ref)
{
	struct record_span_head head = {
		.kind = RECORD_SPAN,
		.has = has,
		.span_kind = (uint8_t)span->kind,
		.status = (uint8_t)span->status,
		.resource_ref = resource_ref,
		.start_time_unix_ns = span->start_time_unix_ns,
		.end_time_unix_ns = span->end_time_unix_ns,
		.flags = span->flags & RECORD_SPAN_FLAGS,
		.name_bytes = (uint32_t)span->name.len,
		.attribute_count = (uint32_t)span->attributes.count,
		.event_count = (uint32_t)span->event_count,
	};

	memcpy(head.trace_id, span->trace_id, sizeof(head.trace_id));
	memcpy(head.span_id, span->span_id, sizeof(head.span_id));
	memcpy(head.parent_span_id, span->parent_span_id, sizeof(head.parent_span_id));
	memcpy(to, &head, sizeof(head));
	to += sizeof(head);
	if (has & RECORD_HAS_EXTRA) {
		const struct record_span_extra extra = {
			.trace_state_bytes = (uint32_t)span->trace_state.len,
			.status_message_bytes = (uint32_t)span->status_message.len,
			.link_count = (uint32_t)span->link_count,
			.dropped_attribute_count = span->attributes.dropped,
			.dropped_event_count = span->dropped_event_count,
			.dropped_link_count = span->dropped_link_count,
		};

		memcpy(to, &extra, sizeof(extra));
		to += sizeof(extra);
	}
	return to;
}

void record_write_span(uint8_t *to, const struct otlp_span *span,
		       const struct otlp_resource *inline_resource, uint32_t resource_ref,
		       size_t bytes)
{
	const uint8_t *const start = to;
	const uint8_t has = record_has_sections(inline_resource, span->scope) |
			    (span_has_extra(span) ? RECORD_HAS_EXTRA : 0);

	to = write_span_heads(to, span, has, inline_resource ? 0 : resource_ref);
	to = record_write_sections(to, inline_resource, span->scope);
	to = bytes_copy(to, span->trace_state.ptr, span->trace_state.len);
	to = bytes_copy(to, span->name.ptr, span->name.len);
	to = bytes_copy(to, span->status_message.ptr, span->status_message.len);
	to = record_write_attributes(to, span->attributes.items, span->attributes.count);
	for (size_t i = 0; i < span->event_count; i++)
		to = write_event(to, &span->events[i]);
	for (size_t i = 0; i < span->link_count; i++)
		to = write_link(to, &span->links[i]);
	assert((size_t)(to - start) == bytes);
	(void)start;
	(void)bytes;
}
