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
		*ret_bytes = record_attribute_bytes(key_len, value->as.string.len);
		return 0;
	case OTLP_VALUE_INT:
	case OTLP_VALUE_DOUBLE:
		*ret_bytes = record_attribute_bytes(key_len, 8);
		return 0;
	case OTLP_VALUE_EMPTY:
	case OTLP_VALUE_BOOL:
		*ret_bytes = record_attribute_bytes(key_len, 0);
		return 0;
	case OTLP_VALUE_BYTES:
		*ret_bytes = record_attribute_bytes(key_len, value->as.bytes.len);
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

/*
 * The usual attributes, a short string or a scalar, without a call: a quarter of a span's push is
 * this loop. The first that is anything else leaves it for the function above.
 */
int record_size_attributes_usual(const struct otlp_attribute *items, size_t count,
				 unsigned int depth, size_t *bytes)
{
	const struct otlp_attribute *const end = record_attributes_end(items, count);
	size_t sum = 0;

	if (items == NULL || count > OTLP_RECORD_BYTES_MAX || depth > OTLP_VALUE_DEPTH_MAX)
		return size_attributes_any(items, count, depth, bytes);
	for (; items < end; items++) {
		const unsigned int type = (unsigned int)items->value.type;
		const size_t key_len = items->key.len;

		if (items->key.ptr == NULL)
			break;
		if (type == OTLP_VALUE_STRING) {
			const size_t len = items->value.as.string.len;

			if (items->value.as.string.ptr == NULL ||
			    (key_len | len >> 4) > RECORD_ATTRIBUTE_KEY_MAX)
				break;
			sum += RECORD_ATTRIBUTE_SHORT_BYTES + key_len + len;
		} else if (key_len > RECORD_ATTRIBUTE_KEY_MAX) {
			break;
		} else if (type == OTLP_VALUE_INT || type == OTLP_VALUE_DOUBLE) {
			sum += RECORD_ATTRIBUTE_SHORT_BYTES + key_len + 8;
		} else if (type == OTLP_VALUE_BOOL || type == OTLP_VALUE_EMPTY) {
			sum += RECORD_ATTRIBUTE_SHORT_BYTES + key_len;
		} else {
			break;
		}
	}
	*bytes += sum;
	if (items < end)
		return size_attributes_any(items, (size_t)(end - items), depth, bytes);
	return 0;
}

static uint8_t *write_container(uint8_t *to, uint8_t *end, struct otlp_str key, uint32_t type,
				const struct otlp_value *value, unsigned int depth, uint64_t *high);

/* What is no array and no list, with the head that is right for it, short or long. */
static uint8_t *write_single(uint8_t *to, uint8_t *end, struct otlp_str key, uint32_t type,
			     const struct otlp_value *value, uint64_t *high)
{
	size_t len = 0, field = 0;

	if (type == OTLP_VALUE_STRING)
		len = field = record_length(&value->as.string.len);
	else if (type == OTLP_VALUE_BYTES)
		len = field = record_length(&value->as.bytes.len);
	else if (type == OTLP_VALUE_INT || type == OTLP_VALUE_DOUBLE)
		len = 8;
	else if (type == OTLP_VALUE_BOOL)
		field = value->as.boolean ? 1 : 0;
	else
		type = OTLP_VALUE_EMPTY;
	if (!record_fits(to, record_attribute_bytes(key.len, len), end))
		return record_over(end);
	to = record_attribute_write(to, type, key.len, field);
	to = bytes_copy_text(to, key.ptr, key.len, high);
	if (type == OTLP_VALUE_STRING)
		return bytes_copy_text(to, value->as.string.ptr, len, high);
	if (type == OTLP_VALUE_BYTES)
		return bytes_copy(to, value->as.bytes.ptr, len);
	return bytes_copy(to, &value->as, len);
}

static __attribute__((noinline)) uint8_t *
write_attribute_unusual(uint8_t *to, uint8_t *end, struct otlp_str key,
			const struct otlp_value *value, unsigned int depth, uint64_t *high)
{
	const uint32_t type = record_value_type(value);

	if (type == OTLP_VALUE_ARRAY || type == OTLP_VALUE_KVLIST)
		return write_container(to, end, key, type, value, depth, high);
	return write_single(to, end, key, type, value, high);
}

/* Branches in the order of how usual the types are, so that each is predicted apart. */
static inline uint8_t *write_attribute(uint8_t *to, uint8_t *end, const char *key, size_t key_len,
				       const struct otlp_value *value, unsigned int depth,
				       uint64_t *high)
{
	const uint32_t type = record_value_type(value);
	uint8_t *const text = to + RECORD_ATTRIBUTE_SHORT_BYTES;
	uint32_t head = type | (uint32_t)key_len << RECORD_ATTRIBUTE_KEY_SHIFT;
	uint8_t *next;

	if (type == OTLP_VALUE_STRING) {
		const size_t len = record_length(&value->as.string.len);

		if ((key_len | len >> 4) <= RECORD_ATTRIBUTE_KEY_MAX) {
			next = text + key_len + len;
			if (next > end)
				return record_over(end);
			bytes_store32(to, head | (uint32_t)len << RECORD_ATTRIBUTE_FIELD_SHIFT);
			bytes_copy_text(text, key, key_len, high);
			bytes_copy_text(text + key_len, value->as.string.ptr, len, high);
			return next;
		}
	} else if (key_len <= RECORD_ATTRIBUTE_KEY_MAX) {
		if (type == OTLP_VALUE_INT || type == OTLP_VALUE_DOUBLE) {
			next = text + key_len + 8;
			if (next > end)
				return record_over(end);
			bytes_store32(to, head);
			bytes_copy_text(text, key, key_len, high);
			bytes_store64(text + key_len, bytes_load64(&value->as));
			return next;
		}
		if (type == OTLP_VALUE_BOOL) {
			next = text + key_len;
			if (next > end)
				return record_over(end);
			head |= (value->as.boolean ? 1u : 0u) << RECORD_ATTRIBUTE_FIELD_SHIFT;
			bytes_store32(to, head);
			bytes_copy_text(text, key, key_len, high);
			return next;
		}
	}
	{
		uint64_t of_unusual = 0; /* its own, so that *high can stay in a register */

		next = write_attribute_unusual(to, end, (struct otlp_str){key, key_len}, value,
					       depth, &of_unusual);
		*high |= of_unusual;
	}
	return next;
}

static inline uint8_t *write_attributes(uint8_t *to, uint8_t *end,
					const struct otlp_attribute *items, size_t count,
					unsigned int depth, uint64_t *high)
{
	const struct otlp_attribute *const last = record_attributes_end(items, count);
	uint64_t gathered = *high; /* in a register */

	for (; items < last; items++) {
		to = write_attribute(to, end, items->key.ptr, record_length(&items->key.len),
				     &items->value, depth, &gathered);
		if (to > end)
			break;
	}
	*high = gathered;
	return to;
}

uint8_t *record_write_attributes_some(uint8_t *to, uint8_t *end, const struct otlp_attribute *items,
				      size_t count, uint64_t *high)
{
	return write_attributes(to, end, items, count, 1, high);
}

static uint8_t *write_array(uint8_t *to, uint8_t *end, const struct otlp_value *items, size_t count,
			    unsigned int depth, uint64_t *high)
{
	for (size_t i = 0; i < count && to <= end; i++)
		to = write_attribute(to, end, NULL, 0, &items[i], depth, high);
	return to;
}

/* Always the long head: the length of the items is known, and patched, when they are written. */
static uint8_t *write_container(uint8_t *to, uint8_t *end, struct otlp_str key, uint32_t type,
				const struct otlp_value *value, unsigned int depth, uint64_t *high)
{
	const size_t count = record_length(&value->as.array.count);
	uint8_t *const field = to + 8;
	uint8_t *start;

	if (depth > OTLP_VALUE_DEPTH_MAX || !record_fits(to, container_bytes(key.len, 0), end))
		return record_over(end);
	to = bytes_store32(to, type | RECORD_ATTRIBUTE_LONG);
	to = bytes_store32(to, (uint32_t)key.len);
	start = bytes_copy_text(to + 4, key.ptr, key.len, high);
	to = bytes_store32(start, (uint32_t)count);
	if (type == OTLP_VALUE_ARRAY)
		to = write_array(to, end, value->as.array.items, count, depth + 1, high);
	else
		to = write_attributes(to, end, value->as.kvlist.items, count, depth + 1, high);
	bytes_store32(field, (uint32_t)(to - start));
	return to;
}

static_assert(offsetof(struct otlp_array, count) == offsetof(struct otlp_kvlist, count),
	      "arrays and lists are counted alike");

int record_size_value(const struct otlp_value *value, size_t *bytes)
{
	size_t value_bytes;
	int rc = size_value(value, 1, &value_bytes);

	if (rc == 0)
		*bytes += value_bytes;
	return rc;
}

uint8_t *record_write_value(uint8_t *to, uint8_t *end, const struct otlp_value *value,
			    uint64_t *high)
{
	return write_attribute(to, end, NULL, 0, value, 1, high);
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

static uint8_t *write_resource(uint8_t *to, uint8_t *end, const struct otlp_resource *resource,
			       uint64_t *high)
{
	const size_t url = record_length(&resource->schema_url.len);
	const size_t count = record_length(&resource->attributes.count);
	struct record_resource_head *const head = (struct record_resource_head *)to;

	if (!record_fits(to, sizeof(*head) + url, end))
		return record_over(end);
	head->schema_url_bytes = (uint32_t)url;
	head->attribute_count = (uint32_t)count;
	head->dropped_attribute_count = resource->attributes.dropped;
	to = bytes_copy_text(to + sizeof(*head), resource->schema_url.ptr, url, high);
	return record_write_attributes(to, end, resource->attributes.items, count, high);
}

bool record_write_resource(uint8_t *to, const struct otlp_resource *resource, size_t bytes)
{
	uint64_t high = 0; /* its text was checked when it was measured */

	return write_resource(to, to + bytes, resource, &high) == to + bytes;
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

static uint8_t *write_scope(uint8_t *to, uint8_t *end, const struct otlp_scope *scope,
			    uint64_t *high)
{
	const size_t name = record_length(&scope->name.len);
	const size_t version = record_length(&scope->version.len);
	const size_t url = record_length(&scope->schema_url.len);
	const size_t count = record_length(&scope->attributes.count);
	struct record_scope_head *const head = (struct record_scope_head *)to;

	if (!record_fits(to, sizeof(*head) + name + version + url, end))
		return record_over(end);
	head->name_bytes = (uint32_t)name;
	head->version_bytes = (uint32_t)version;
	head->schema_url_bytes = (uint32_t)url;
	head->attribute_count = (uint32_t)count;
	head->dropped_attribute_count = scope->attributes.dropped;
	to = bytes_copy_text(to + sizeof(*head), scope->name.ptr, name, high);
	to = bytes_copy_text(to, scope->version.ptr, version, high);
	to = bytes_copy_text(to, scope->schema_url.ptr, url, high);
	return record_write_attributes(to, end, scope->attributes.items, count, high);
}

int record_size_scope(const struct otlp_scope *scope, size_t *ret_bytes)
{
	size_t bytes = 0;
	const int rc = size_scope(scope, &bytes);

	return record_sized(rc, bytes, ret_bytes);
}

bool record_write_scope(uint8_t *to, const struct otlp_scope *scope, size_t bytes)
{
	uint64_t high = 0; /* the caller asks record_text_scope() */

	return write_scope(to, to + bytes, scope, &high) == to + bytes;
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

uint8_t *record_write_sections_some(uint8_t *to, uint8_t *end,
				    const struct otlp_resource *inline_resource,
				    const struct otlp_scope *scope, uint64_t *high)
{
	if (inline_resource) {
		uint8_t *const start = to + sizeof(uint32_t);

		if (start > end)
			return record_over(end);
		to = write_resource(start, end, inline_resource, high);
		bytes_store32(start - sizeof(uint32_t), (uint32_t)(to - start));
	}
	if (scope) {
		uint8_t *const start = to + sizeof(uint32_t);

		if (start > end)
			return record_over(end);
		to = write_scope(start, end, scope, high);
		bytes_store32(start - sizeof(uint32_t), (uint32_t)(to - start));
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

static uint8_t *write_event(uint8_t *to, uint8_t *end, const struct otlp_span_event *event,
			    uint64_t *high)
{
	const size_t name = record_length(&event->name.len);
	const size_t count = record_length(&event->attributes.count);
	uint8_t *const start = to + sizeof(uint32_t);
	struct record_event_head *const head = (struct record_event_head *)start;

	if (!record_fits(start, sizeof(*head) + name, end))
		return record_over(end);
	head->time_unix_ns = event->time_unix_ns;
	head->name_bytes = (uint32_t)name;
	head->attribute_count = (uint32_t)count;
	head->dropped_attribute_count = event->attributes.dropped;
	to = bytes_copy_text(start + sizeof(*head), event->name.ptr, name, high);
	to = record_write_attributes(to, end, event->attributes.items, count, high);
	bytes_store32(start - sizeof(uint32_t), (uint32_t)(to - start));
	return to;
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

static uint8_t *write_link(uint8_t *to, uint8_t *end, const struct otlp_span_link *link,
			   uint64_t *high)
{
	const size_t trace_state = record_length(&link->trace_state.len);
	const size_t count = record_length(&link->attributes.count);
	uint8_t *const start = to + sizeof(uint32_t);
	struct record_link_head *const head = (struct record_link_head *)start;

	if (!record_fits(start, sizeof(*head) + trace_state, end))
		return record_over(end);
	memcpy(head->trace_id, link->trace_id, sizeof(head->trace_id));
	memcpy(head->span_id, link->span_id, sizeof(head->span_id));
	head->flags = link->flags & RECORD_SPAN_FLAGS;
	head->trace_state_bytes = (uint32_t)trace_state;
	head->attribute_count = (uint32_t)count;
	head->dropped_attribute_count = link->attributes.dropped;
	to = bytes_copy_text(start + sizeof(*head), link->trace_state.ptr, trace_state, high);
	to = record_write_attributes(to, end, link->attributes.items, count, high);
	bytes_store32(start - sizeof(uint32_t), (uint32_t)(to - start));
	return to;
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
		     const struct otlp_scope *inline_scope, size_t *ret_bytes)
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
	if (rc == 0 && (inline_resource != NULL || inline_scope != NULL))
		rc = record_size_sections(inline_resource, inline_scope, &parts_bytes);
	if (rc == 0)
		rc = record_size_attributes(span->attributes.items, span->attributes.count, 1,
					    &parts_bytes);
	if (rc == 0 && (span->event_count | span->link_count) != 0)
		rc = record_size_span_tail(span, &parts_bytes);
	return record_sized(rc, bytes + parts_bytes, ret_bytes);
}

uint8_t *record_write_span_tail(uint8_t *to, uint8_t *end, const struct otlp_span *span,
				uint64_t *high)
{
	const size_t event_count = record_length(&span->event_count);
	const size_t link_count = record_length(&span->link_count);

	for (size_t i = 0; i < event_count && to <= end; i++)
		to = write_event(to, end, &span->events[i], high);
	for (size_t i = 0; i < link_count && to <= end; i++)
		to = write_link(to, end, &span->links[i], high);
	return to;
}

enum record_written record_write_span(uint8_t *to, const struct otlp_span *span,
				      const struct otlp_resource *inline_resource, uint32_t refs,
				      size_t bytes)
{
	const struct otlp_scope *const scope = record_inline_scope(span->scope, refs);
	uint8_t *const end = to + bytes;
	/* Two, so that the one whose address nobody gets stays in a register. */
	uint64_t high = 0, high_of_parts = 0;
	const uint8_t has = record_has_sections(inline_resource, scope) |
			    (record_span_has_extra(span) ? RECORD_HAS_EXTRA : 0);

	to = record_write_span_heads(to, end, span, has, record_refs(inline_resource, refs), 0);
	to = record_write_sections(to, end, inline_resource, scope, &high_of_parts);
	if (has & RECORD_HAS_EXTRA)
		to = record_write_text(to, end, &span->trace_state, &high);
	to = record_write_text(to, end, &span->name, &high);
	if (has & RECORD_HAS_EXTRA)
		to = record_write_text(to, end, &span->status_message, &high);
	to = record_write_attributes(to, end, span->attributes.items,
				     record_length(&span->attributes.count), &high_of_parts);
	if ((span->event_count | span->link_count) != 0)
		to = record_write_span_tail(to, end, span, &high_of_parts);
	return record_written(to == end, high | high_of_parts);
}
