/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record's write side: size and check the borrowed structs, then copy them in one forward pass.
 * Runs in the host's process, also in its signal handlers. Points and what belongs to them are in
 * record_write_metric.c, whether text is UTF-8 in record_text.c. Where the bytes go, and what
 * happens to a refused record, is the caller's.
 */
#include "core/record/record_write.h"

static int size_value(const struct otlp_value *value, unsigned int depth, size_t *ret_bytes);

int record_text_error(struct otlp_str text)
{
	return text.ptr == NULL ? OTLP_ERR_INVALID : OTLP_ERR_TOO_LARGE;
}

static size_t attribute_bytes(size_t key_len, size_t value_len)
{
	if (key_len > RECORD_ATTRIBUTE_KEY_MAX || value_len > RECORD_ATTRIBUTE_FIELD_MAX)
		return RECORD_ATTRIBUTE_LONG_BYTES + key_len + value_len;
	return RECORD_ATTRIBUTE_SHORT_BYTES + key_len + value_len;
}

static size_t container_bytes(size_t key_len, size_t contents_bytes)
{
	return RECORD_ATTRIBUTE_LONG_BYTES + key_len + sizeof(uint32_t) + contents_bytes;
}

static int size_array(const struct otlp_value *array, unsigned int depth, size_t *ret_bytes)
{
	const struct otlp_value *const items = array->as.array.items;
	const size_t count = array->as.array.count;
	size_t sum = 0;
	int rc = record_check_count(items, count);

	for (size_t i = 0; rc == 0 && i < count; i++) {
		size_t bytes;

		rc = size_value(&items[i], depth + 1, &bytes);
		if (rc == 0)
			sum += bytes;
	}
	*ret_bytes = sum;
	return rc;
}

/* An array or a list, with the attribute head and a key of key_len bytes. */
static int size_container(const struct otlp_value *value, size_t key_len, unsigned int depth,
			  size_t *ret_bytes)
{
	size_t bytes = 0;
	int rc;

	if (value->type == OTLP_VALUE_ARRAY)
		rc = size_array(value, depth, &bytes);
	else
		rc = record_size_attributes(value->as.kvlist.items, value->as.kvlist.count,
					    depth + 1, &bytes);
	*ret_bytes = container_bytes(key_len, bytes);
	return rc;
}

/* The attribute that carries this value and a key of key_len bytes. Its depth was checked. */
static inline int size_attribute(const struct otlp_value *value, size_t key_len, unsigned int depth,
				 size_t *ret_bytes)
{
	switch (value->type) {
	case OTLP_VALUE_STRING:
		if (!record_text_fits(value->as.string))
			return record_text_error(value->as.string);
		*ret_bytes = attribute_bytes(key_len, value->as.string.len);
		return 0;
	case OTLP_VALUE_INT:
	case OTLP_VALUE_DOUBLE:
		*ret_bytes = attribute_bytes(key_len, 8);
		return 0;
	case OTLP_VALUE_EMPTY:
	case OTLP_VALUE_BOOL:
		*ret_bytes = attribute_bytes(key_len, 0);
		return 0;
	case OTLP_VALUE_BYTES:
		*ret_bytes = attribute_bytes(key_len, value->as.bytes.len);
		return record_check_count(value->as.bytes.ptr, value->as.bytes.len);
	case OTLP_VALUE_ARRAY:
	case OTLP_VALUE_KVLIST:
		return size_container(value, key_len, depth, ret_bytes);
	}
	return OTLP_ERR_INVALID;
}

static int size_value(const struct otlp_value *value, unsigned int depth, size_t *ret_bytes)
{
	if (depth > OTLP_VALUE_DEPTH_MAX)
		return OTLP_ERR_INVALID;
	return size_attribute(value, 0, depth, ret_bytes);
}

/* Attributes that are long, nested, bytes, or wrong, and whatever comes behind them. */
static __attribute__((noinline)) int size_attributes_any(const struct otlp_attribute *items,
							 size_t count, unsigned int depth,
							 size_t *bytes)
{
	size_t sum = 0;
	int rc = record_check_count(items, count);

	if (rc < 0)
		return rc;
	if (depth > OTLP_VALUE_DEPTH_MAX)
		return OTLP_ERR_INVALID;
	for (size_t i = 0; i < count; i++) {
		size_t attribute;

		if (!record_text_fits(items[i].key))
			return record_text_error(items[i].key);
		rc = size_attribute(&items[i].value, items[i].key.len, depth, &attribute);
		if (rc < 0)
			return rc;
		sum += attribute;
	}
	*bytes += sum;
	return 0;
}

/* Bits of the types whose values have a fixed size, and which of them take 8 bytes. */
#define TYPES_FIXED                                                              \
	(1u << OTLP_VALUE_EMPTY | 1u << OTLP_VALUE_BOOL | 1u << OTLP_VALUE_INT | \
	 1u << OTLP_VALUE_DOUBLE)
#define TYPES_8 (1u << OTLP_VALUE_INT | 1u << OTLP_VALUE_DOUBLE)

/*
 * The usual attributes, a short string or a scalar, without a call: a quarter of a span's push is
 * this loop. The first that is anything else leaves it for the function above.
 */
int record_size_attributes_usual(const struct otlp_attribute *items, size_t count,
				 unsigned int depth, size_t *bytes)
{
	const struct otlp_attribute *const end = items + count;
	size_t sum = 0;

	if (items == NULL || count > OTLP_RECORD_BYTES_MAX || depth > OTLP_VALUE_DEPTH_MAX)
		return size_attributes_any(items, count, depth, bytes);
	for (; items < end; items++) {
		const unsigned int type = (unsigned int)items->value.type;
		size_t value_len;

		if (type == OTLP_VALUE_STRING && items->value.as.string.ptr != NULL)
			value_len = items->value.as.string.len;
		else if (type < 8 && (TYPES_FIXED >> type & 1))
			value_len = (TYPES_8 >> type & 1) * 8;
		else
			break;
		if (items->key.ptr == NULL ||
		    (items->key.len | value_len >> 4) > RECORD_ATTRIBUTE_KEY_MAX)
			break;
		sum += RECORD_ATTRIBUTE_SHORT_BYTES + items->key.len + value_len;
	}
	*bytes += sum;
	if (items < end)
		return size_attributes_any(items, (size_t)(end - items), depth, bytes);
	return 0;
}

static inline uint8_t *write_attribute_head(uint8_t *to, enum otlp_value_type type,
					    struct otlp_str key, size_t field, uint64_t *high)
{
	to = record_attribute_write(to, (uint32_t)type, key.len, field);
	return bytes_copy_text(to, key.ptr, key.len, high);
}

static uint8_t *write_container(uint8_t *to, struct otlp_str key, const struct otlp_value *value,
				uint64_t *high);

static __attribute__((noinline)) uint8_t *write_attribute_unusual(uint8_t *to, struct otlp_str key,
								  const struct otlp_value *value,
								  uint64_t *high)
{
	switch (value->type) {
	case OTLP_VALUE_BYTES:
		to = write_attribute_head(to, OTLP_VALUE_BYTES, key, value->as.bytes.len, high);
		return bytes_copy(to, value->as.bytes.ptr, value->as.bytes.len);
	case OTLP_VALUE_ARRAY:
	case OTLP_VALUE_KVLIST:
		return write_container(to, key, value, high);
	case OTLP_VALUE_STRING:
	case OTLP_VALUE_INT:
	case OTLP_VALUE_DOUBLE:
	case OTLP_VALUE_BOOL:
	case OTLP_VALUE_EMPTY:
		break;
	}
	return write_attribute_head(to, OTLP_VALUE_EMPTY, key, 0, high);
}

/* Branches in the order of how usual the types are, so that each is predicted apart. */
static inline uint8_t *write_attribute(uint8_t *to, struct otlp_str key,
				       const struct otlp_value *value, uint64_t *high)
{
	if (value->type == OTLP_VALUE_STRING) {
		to = write_attribute_head(to, OTLP_VALUE_STRING, key, value->as.string.len, high);
		return bytes_copy_text(to, value->as.string.ptr, value->as.string.len, high);
	}
	if (value->type == OTLP_VALUE_INT || value->type == OTLP_VALUE_DOUBLE) {
		to = write_attribute_head(to, value->type, key, 0, high);
		return bytes_store64(to, bytes_load64(&value->as));
	}
	if (value->type == OTLP_VALUE_BOOL)
		return write_attribute_head(to, OTLP_VALUE_BOOL, key, value->as.boolean ? 1 : 0,
					    high);
	{
		uint64_t of_unusual = 0; /* its own, so that *high can stay in a register */

		to = write_attribute_unusual(to, key, value, &of_unusual);
		*high |= of_unusual;
	}
	return to;
}

/* Always the long head: the length of the items is known, and patched, when they are written. */
static uint8_t *write_container(uint8_t *to, struct otlp_str key, const struct otlp_value *value,
				uint64_t *high)
{
	uint8_t *const field = to + 8;
	uint8_t *start;

	to = bytes_store32(to, (uint32_t)value->type | RECORD_ATTRIBUTE_LONG);
	to = bytes_store32(to, (uint32_t)key.len);
	start = bytes_copy_text(to + 4, key.ptr, key.len, high);
	if (value->type == OTLP_VALUE_ARRAY) {
		const struct otlp_str none = {NULL, 0};

		to = bytes_store32(start, (uint32_t)value->as.array.count);
		for (size_t i = 0; i < value->as.array.count; i++)
			to = write_attribute(to, none, &value->as.array.items[i], high);
	} else {
		to = bytes_store32(start, (uint32_t)value->as.kvlist.count);
		to = record_write_attributes(to, value->as.kvlist.items, value->as.kvlist.count,
					     high);
	}
	bytes_store32(field, (uint32_t)(to - start));
	return to;
}

uint8_t *record_write_attributes_some(uint8_t *to, const struct otlp_attribute *items, size_t count,
				      uint64_t *high)
{
	uint64_t gathered = *high; /* in a register */

	for (size_t i = 0; i < count; i++)
		to = write_attribute(to, items[i].key, &items[i].value, &gathered);
	*high = gathered;
	return to;
}

int record_size_resource(const struct otlp_resource *resource, size_t *ret_bytes)
{
	size_t bytes = sizeof(struct record_resource_head);
	int rc = record_size_text(resource->schema_url, &bytes);

	if (rc == 0)
		rc = record_size_attributes(resource->attributes.items, resource->attributes.count,
					    1, &bytes);
	return record_sized(rc, bytes, ret_bytes);
}

static uint8_t *write_resource(uint8_t *to, const struct otlp_resource *resource, uint64_t *high)
{
	const struct record_resource_head head = {
		.schema_url_bytes = (uint32_t)resource->schema_url.len,
		.attribute_count = (uint32_t)resource->attributes.count,
		.dropped_attribute_count = resource->attributes.dropped,
	};

	memcpy(to, &head, sizeof(head));
	to = bytes_copy_text(to + sizeof(head), resource->schema_url.ptr, resource->schema_url.len,
			     high);
	return record_write_attributes(to, resource->attributes.items, resource->attributes.count,
				       high);
}

bool record_write_resource(uint8_t *to, const struct otlp_resource *resource, size_t bytes)
{
	uint64_t high = 0; /* its text was checked when it was measured */
	const uint8_t *const end = write_resource(to, resource, &high);

	return (size_t)(end - to) == bytes;
}

static int size_scope(const struct otlp_scope *scope, size_t *bytes)
{
	int rc;

	*bytes += sizeof(struct record_scope_head);
	rc = record_size_text(scope->name, bytes);
	if (rc == 0)
		rc = record_size_text(scope->version, bytes);
	if (rc == 0)
		rc = record_size_text(scope->schema_url, bytes);
	if (rc == 0)
		rc = record_size_attributes(scope->attributes.items, scope->attributes.count, 1,
					    bytes);
	return rc;
}

static uint8_t *write_scope(uint8_t *to, const struct otlp_scope *scope, uint64_t *high)
{
	const struct record_scope_head head = {
		.name_bytes = (uint32_t)scope->name.len,
		.version_bytes = (uint32_t)scope->version.len,
		.schema_url_bytes = (uint32_t)scope->schema_url.len,
		.attribute_count = (uint32_t)scope->attributes.count,
		.dropped_attribute_count = scope->attributes.dropped,
	};

	memcpy(to, &head, sizeof(head));
	to = bytes_copy_text(to + sizeof(head), scope->name.ptr, scope->name.len, high);
	to = bytes_copy_text(to, scope->version.ptr, scope->version.len, high);
	to = bytes_copy_text(to, scope->schema_url.ptr, scope->schema_url.len, high);
	return record_write_attributes(to, scope->attributes.items, scope->attributes.count, high);
}

int record_size_sections(const struct otlp_resource *inline_resource,
			 const struct otlp_scope *scope, size_t *bytes)
{
	if (inline_resource) {
		size_t resource_bytes;
		int rc = record_size_resource(inline_resource, &resource_bytes);

		if (rc < 0)
			return rc;
		*bytes += sizeof(uint32_t) + resource_bytes;
	}
	if (scope) {
		*bytes += sizeof(uint32_t);
		return size_scope(scope, bytes);
	}
	return 0;
}

uint8_t *record_write_sections_some(uint8_t *to, const struct otlp_resource *inline_resource,
				    const struct otlp_scope *scope, uint64_t *high)
{
	if (inline_resource) {
		uint8_t *const end = write_resource(to + sizeof(uint32_t), inline_resource, high);

		bytes_store32(to, (uint32_t)(end - to - (ptrdiff_t)sizeof(uint32_t)));
		to = end;
	}
	if (scope) {
		uint8_t *const end = write_scope(to + sizeof(uint32_t), scope, high);

		bytes_store32(to, (uint32_t)(end - to - (ptrdiff_t)sizeof(uint32_t)));
		to = end;
	}
	return to;
}

static int size_event(const struct otlp_span_event *event, size_t *bytes)
{
	int rc;

	*bytes += sizeof(uint32_t) + sizeof(struct record_event_head);
	rc = record_size_text(event->name, bytes);
	if (rc == 0)
		rc = record_size_attributes(event->attributes.items, event->attributes.count, 1,
					    bytes);
	return rc;
}

static uint8_t *write_event(uint8_t *to, const struct otlp_span_event *event, uint64_t *high)
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
	end = bytes_copy_text(start + sizeof(head), event->name.ptr, event->name.len, high);
	end = record_write_attributes(end, event->attributes.items, event->attributes.count, high);
	bytes_store32(to, (uint32_t)(end - start));
	return end;
}

static int size_link(const struct otlp_span_link *link, size_t *bytes)
{
	int rc;

	if (record_trace_id_is_zero(link->trace_id) || record_span_id_is_zero(link->span_id))
		return OTLP_ERR_INVALID;
	*bytes += sizeof(uint32_t) + sizeof(struct record_link_head);
	rc = record_size_text(link->trace_state, bytes);
	if (rc == 0)
		rc = record_size_attributes(link->attributes.items, link->attributes.count, 1,
					    bytes);
	return rc;
}

static uint8_t *write_link(uint8_t *to, const struct otlp_span_link *link, uint64_t *high)
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
	end = bytes_copy_text(start + sizeof(head), link->trace_state.ptr, link->trace_state.len,
			      high);
	end = record_write_attributes(end, link->attributes.items, link->attributes.count, high);
	bytes_store32(to, (uint32_t)(end - start));
	return end;
}

int record_size_span_tail(const struct otlp_span *span, size_t *bytes)
{
	int rc = record_check_count(span->events, span->event_count);

	for (size_t i = 0; rc == 0 && i < span->event_count; i++)
		rc = size_event(&span->events[i], bytes);
	if (rc == 0)
		rc = record_check_count(span->links, span->link_count);
	for (size_t i = 0; rc == 0 && i < span->link_count; i++)
		rc = size_link(&span->links[i], bytes);
	return rc;
}

int record_size_span(const struct otlp_span *span, const struct otlp_resource *inline_resource,
		     size_t *ret_bytes)
{
	size_t bytes = sizeof(struct record_span_head) + span->name.len;
	size_t parts_bytes = 0;
	int rc = 0;

	if (!record_span_is_valid(span))
		return OTLP_ERR_INVALID;
	if (!record_text_fits(span->name))
		return record_text_error(span->name);
	if (record_span_has_extra(span)) {
		bytes += sizeof(struct record_span_extra);
		rc = record_size_texts(span->trace_state, span->status_message, &bytes);
	}
	if (rc == 0 && (inline_resource != NULL || span->scope != NULL))
		rc = record_size_sections(inline_resource, span->scope, &parts_bytes);
	if (rc == 0)
		rc = record_size_attributes(span->attributes.items, span->attributes.count, 1,
					    &parts_bytes);
	if (rc == 0 && (span->event_count | span->link_count) != 0)
		rc = record_size_span_tail(span, &parts_bytes);
	return record_sized(rc, bytes + parts_bytes, ret_bytes);
}

uint8_t *record_write_span_tail(uint8_t *to, const struct otlp_span *span, uint64_t *high)
{
	for (size_t i = 0; i < span->event_count; i++)
		to = write_event(to, &span->events[i], high);
	for (size_t i = 0; i < span->link_count; i++)
		to = write_link(to, &span->links[i], high);
	return to;
}

enum record_written record_write_span(uint8_t *to, const struct otlp_span *span,
				      const struct otlp_resource *inline_resource,
				      uint32_t resource_ref, size_t bytes)
{
	const uint8_t *const start = to;
	/* Two, so that the one whose address nobody gets stays in a register. */
	uint64_t high = 0, high_of_parts = 0;
	const uint8_t has = record_has_sections(inline_resource, span->scope) |
			    (record_span_has_extra(span) ? RECORD_HAS_EXTRA : 0);

	to = record_write_span_heads(to, span, has, inline_resource ? 0 : resource_ref, 0);
	to = record_write_sections(to, inline_resource, span->scope, &high_of_parts);
	if (has & RECORD_HAS_EXTRA)
		to = bytes_copy_text(to, span->trace_state.ptr, span->trace_state.len, &high);
	to = bytes_copy_text(to, span->name.ptr, span->name.len, &high);
	if (has & RECORD_HAS_EXTRA)
		to = bytes_copy_text(to, span->status_message.ptr, span->status_message.len, &high);
	to = record_write_attributes(to, span->attributes.items, span->attributes.count,
				     &high_of_parts);
	if ((span->event_count | span->link_count) != 0)
		to = record_write_span_tail(to, span, &high_of_parts);
	return record_written((size_t)(to - start) == bytes, high | high_of_parts);
}
