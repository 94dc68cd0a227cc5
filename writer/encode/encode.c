/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one-pass encoder: attributes, resource, scope and span; metrics are in encode_metric.c. Bytes
 * were judged by record_parse(); batches, files and their checksums come later.
 *
 * Why twice the record's bytes are enough (ENCODE_GROWTH_MAX). Split the record into the parts of
 * the table; for each, the most bytes that its encoding can have. w is the width of a padded
 * length: records end at 4 MiB, twice that is below 2^28, so w <= 4. v(n) is the length of n as a
 * varint, at most 4 for a length here, and v(n) <= 1 + n / 128.
 *
 *   part                     record          OTLP, at most
 *   attribute, key of k      4 + k           4 without a key, else 6 + k; and the value:
 *     empty                  0               0
 *     bool                   0               2: 9 of 5 bytes for k = 1 is the worst of all
 *     string of n bytes      n               2 + n
 *     int, double            8               11
 *     (a length takes more than a byte only when 128 bytes or more were copied; four lengths
 *     then take 12 bytes more at most)
 *   array, list              16 + k + values 3 * (1+w) + 1+v + k, and twice the values
 *   span head                72              1+w, 18, 10, 10, 1+v, 2, 9, 9, 6, status 4: 78
 *   span extra               24              1+v, 1+v, status' length 3 more, 3 * 6: 31
 *   event                    24              1+w, 9, 1+v, 6: 25
 *   link                     44              1+w, 18, 10, 1+v, 6, 5: 49
 *   metric head              28              1+w, 3 * (1+v), 1+w, 2, 2: 29
 *   number point             44              1+w, 9, 9, 9, 6: 38
 *   histogram point          76              1+w, 6 * 9, 6, 2 * (1+v): 75
 *   exponential point        104             1+w, 8 * 9, 6, 6, 2 * (1+w + 6 + 1+w): 121
 *   summary point            56              1+w, 4 * 9, 6: 47
 *   quantile                 16              20
 *   bucket count, bound      8               8, or 10 as a varint
 *   exemplar                 52              1+w, 9, 9, 10, 18: 51
 *   resource                 12              1+w, 6, 1+v: 16
 *   scope                    20              1+w, 1+v, 1+v, 6, 1+v: 26
 *
 * Strings are copied as they are. So each line, and each sum of lines, is within twice the record;
 * the same holds for the inside of each message, whose width wire_open() derives from it.
 */
#include "writer/encode/encode_wire.h"

/* AnyValue's members, KeyValue's fields, ArrayValue's and KeyValueList's `values`. */
#define TAG_STRING 0x0a
#define TAG_BOOL   0x10
#define TAG_INT	   0x18
#define TAG_DOUBLE 0x21
#define TAG_ARRAY  0x2a
#define TAG_KVLIST 0x32
#define TAG_BYTES  0x3a
#define TAG_KEY	   0x0a
#define TAG_VALUE  0x12
#define TAG_VALUES 0x0a

/* The length of the AnyValue; not for arrays and lists. */
static inline size_t value_bytes(const struct record_attribute *attribute)
{
	switch (attribute->type) {
	case OTLP_VALUE_STRING:
	case OTLP_VALUE_BYTES:
		return 1 + wire_varint_bytes(attribute->field) + attribute->field;
	case OTLP_VALUE_BOOL:
		return 2;
	case OTLP_VALUE_INT:
		return 1 + wire_varint_bytes(bytes_load64(attribute->value));
	case OTLP_VALUE_DOUBLE:
		return 9;
	default:
		return 0;
	}
}

/* The body of the AnyValue: a oneof, so that zeros and empty strings are written. */
static inline uint8_t *put_value(uint8_t *to, const struct record_attribute *attribute,
				 const uint8_t *end)
{
	switch (attribute->type) {
	case OTLP_VALUE_STRING:
		return wire_bytes(to, TAG_STRING, attribute->value, attribute->field, end);
	case OTLP_VALUE_BYTES:
		return wire_bytes(to, TAG_BYTES, attribute->value, attribute->field, end);
	case OTLP_VALUE_BOOL:
		*to++ = TAG_BOOL;
		*to++ = (uint8_t)attribute->field;
		return to;
	case OTLP_VALUE_INT:
		*to++ = TAG_INT;
		return wire_varint(to, bytes_load64(attribute->value));
	case OTLP_VALUE_DOUBLE:
		return wire_present64(to, TAG_DOUBLE, bytes_load64(attribute->value));
	default:
		return to;
	}
}

static inline bool is_container(const struct record_attribute *attribute)
{
	return attribute->type == OTLP_VALUE_ARRAY || attribute->type == OTLP_VALUE_KVLIST;
}

/* The items of an array: AnyValues without keys. */
static uint8_t *put_array(uint8_t *to, const uint8_t *from, uint32_t count, const uint8_t *end);

/* The body of the AnyValue of an array or a list. */
static uint8_t *put_container(uint8_t *to, const struct record_attribute *attribute,
			      const uint8_t *end)
{
	const uint32_t count = bytes_load32(attribute->value);
	const uint8_t *from = attribute->value + sizeof(count);
	const bool is_array = attribute->type == OTLP_VALUE_ARRAY;
	struct wire_message values;

	to = wire_open(to, is_array ? TAG_ARRAY : TAG_KVLIST, attribute->value_bytes, &values);
	if (is_array)
		to = put_array(to, from, count, end);
	else
		to = encode_attributes(to, TAG_VALUES, &from, count, end);
	wire_close(&values, to);
	return to;
}

static uint8_t *put_array(uint8_t *to, const uint8_t *from, uint32_t count, const uint8_t *end)
{
	for (uint32_t i = 0; i < count; i++) {
		struct record_attribute attribute;

		record_attribute_read(from, &attribute);
		from = attribute.value + attribute.value_bytes;
		if (is_container(&attribute)) {
			struct wire_message value;

			to = wire_open(to, TAG_VALUES,
				       RECORD_ATTRIBUTE_LONG_BYTES + attribute.value_bytes, &value);
			to = put_container(to, &attribute, end);
			wire_close(&value, to);
		} else {
			*to++ = TAG_VALUES;
			to = wire_varint(to, value_bytes(&attribute));
			to = put_value(to, &attribute, end);
		}
	}
	return to;
}

/* A KeyValue with an array or a list. */
static uint8_t *put_container_attribute(uint8_t *to, uint8_t tag,
					const struct record_attribute *attribute,
					const uint8_t *end)
{
	const size_t record_bytes = RECORD_ATTRIBUTE_LONG_BYTES + attribute->value_bytes;
	struct wire_message message, value;

	to = wire_open(to, tag, record_bytes + attribute->key_bytes, &message);
	to = wire_text(to, TAG_KEY, attribute->key, attribute->key_bytes, end);
	to = wire_open(to, TAG_VALUE, record_bytes, &value);
	to = put_container(to, attribute, end);
	wire_close(&value, to);
	wire_close(&message, to);
	return to;
}

/* A KeyValue of any kind; the attribute's head was read. */
static __attribute__((noinline)) uint8_t *
put_attribute_any(uint8_t *to, uint8_t tag, const struct record_attribute *attribute,
		  const uint8_t *end)
{
	size_t value_len, len;

	if (is_container(attribute))
		return put_container_attribute(to, tag, attribute, end);
	value_len = value_bytes(attribute);
	len = 1 + wire_varint_bytes(value_len) + value_len;
	if (attribute->key_bytes != 0)
		len += 1 + wire_varint_bytes(attribute->key_bytes) + attribute->key_bytes;
	*to++ = tag;
	to = wire_varint(to, len);
	to = wire_text(to, TAG_KEY, attribute->key, attribute->key_bytes, end);
	*to++ = TAG_VALUE;
	to = wire_varint(to, value_len);
	return put_value(to, attribute, end);
}

/* With at most so much text each length in a KeyValue is one byte. */
#define SHORT_KEY_VALUE_BYTES 121u

/* Two pairs of a tag and what follows it, a length or a value, as one word; n goes into both. */
#define PAIRS(tag, len, inner_tag) ((uint32_t)(tag) | (uint32_t)(len) << 8 | (inner_tag) << 16)
#define IN_SECOND		   0x01000000u
#define IN_BOTH			   0x01000100u

uint8_t *encode_attributes(uint8_t *to, uint8_t tag, const uint8_t **from, uint32_t count,
			   const uint8_t *end)
{
	const uint8_t *at = *from;

	for (uint32_t i = 0; i < count; i++) {
		const uint32_t word = bytes_load32(at);
		const uint32_t type = word & (RECORD_ATTRIBUTE_TYPE | RECORD_ATTRIBUTE_LONG);
		const uint32_t key_bytes =
			word >> RECORD_ATTRIBUTE_KEY_SHIFT & RECORD_ATTRIBUTE_KEY_MAX;
		const uint32_t field = word >> RECORD_ATTRIBUTE_FIELD_SHIFT;
		const uint8_t *const key = at + RECORD_ATTRIBUTE_SHORT_BYTES;
		const uint8_t *const value = key + key_bytes;
		const uint32_t head = PAIRS(tag, 4, TAG_KEY) + key_bytes * IN_BOTH;
		struct record_attribute attribute;

		/* The usual ones. An empty key is left out, so it is none of them. */
		if (__builtin_expect(key_bytes - 1 >= ENCODE_SLACK_BYTES ||
					     key_bytes + field > SHORT_KEY_VALUE_BYTES ||
					     end - key < (ptrdiff_t)ENCODE_SLACK_BYTES,
				     0)) {
			record_attribute_read(at, &attribute);
			at = attribute.value + attribute.value_bytes;
			to = put_attribute_any(to, tag, &attribute, end);
		} else if (type == OTLP_VALUE_STRING) {
			bytes_store32(to, head + ((2 + field) << 8));
			to = wire_copy_short(to + 4, key, key_bytes);
			bytes_store32(to, PAIRS(TAG_VALUE, 2, TAG_STRING) + field * IN_BOTH);
			to = wire_copy(to + 4, value, field, end);
			at = value + field;
		} else if (type == OTLP_VALUE_INT) {
			const uint64_t integer = bytes_load64(value);
			const uint32_t bytes = wire_varint_bytes(integer);

			bytes_store32(to, head + ((1 + bytes) << 8));
			to = wire_copy_short(to + 4, key, key_bytes);
			bytes_store32(to, PAIRS(TAG_VALUE, 1 + bytes, TAG_INT));
			to = wire_varint(to + 3, integer);
			at = value + sizeof(integer);
		} else if (type == OTLP_VALUE_BOOL) {
			bytes_store32(to, head + (2 << 8));
			to = wire_copy_short(to + 4, key, key_bytes);
			to = bytes_store32(to, PAIRS(TAG_VALUE, 2, TAG_BOOL) + field * IN_SECOND);
			at = value;
		} else if (type == OTLP_VALUE_DOUBLE) {
			bytes_store32(to, head + (9 << 8));
			to = wire_copy_short(to + 4, key, key_bytes);
			bytes_store32(to, PAIRS(TAG_VALUE, 9, TAG_DOUBLE));
			to = bytes_store64(to + 3, bytes_load64(value));
			at = value + sizeof(uint64_t);
		} else {
			record_attribute_read(at, &attribute);
			at = attribute.value + attribute.value_bytes;
			to = put_attribute_any(to, tag, &attribute, end);
		}
	}
	*from = at;
	return to;
}

uint8_t *encode_resource(const uint8_t *resource, size_t bytes, uint8_t *to)
{
	const uint8_t *const end = resource + bytes;
	struct record_resource_head head;
	struct wire_message message;
	const uint8_t *from;

	memcpy(&head, resource, sizeof(head));
	from = resource + sizeof(head) + head.schema_url_bytes;
	to = wire_open(to, 0x0a, bytes, &message); /* ResourceSpans.resource */
	to = encode_attributes(to, 0x0a, &from, head.attribute_count, end);
	to = wire_uint(to, 0x10, head.dropped_attribute_count);
	wire_close(&message, to);
	return to;
}

uint8_t *encode_resource_schema_url(const uint8_t *resource, uint8_t *to)
{
	struct record_resource_head head;

	memcpy(&head, resource, sizeof(head));
	return wire_text(to, 0x1a, resource + sizeof(head), head.schema_url_bytes,
			 resource + sizeof(head) + head.schema_url_bytes);
}

uint8_t *encode_scope(const uint8_t *scope, size_t bytes, uint8_t *to)
{
	const uint8_t *const end = scope + bytes;
	struct record_scope_head head;
	struct wire_message message;
	const uint8_t *from = scope + sizeof(head);

	memcpy(&head, scope, sizeof(head));
	to = wire_open(to, 0x0a, bytes, &message);	      /* ScopeSpans.scope */
	to = wire_text(to, 0x0a, from, head.name_bytes, end); /* name */
	from += head.name_bytes;
	to = wire_text(to, 0x12, from, head.version_bytes, end); /* version */
	from += head.version_bytes + head.schema_url_bytes;
	to = encode_attributes(to, 0x1a, &from, head.attribute_count, end);
	to = wire_uint(to, 0x20, head.dropped_attribute_count);
	wire_close(&message, to);
	return to;
}

uint8_t *encode_scope_schema_url(const uint8_t *scope, uint8_t *to)
{
	struct record_scope_head head;

	memcpy(&head, scope, sizeof(head));
	scope += sizeof(head) + head.name_bytes + head.version_bytes;
	return wire_text(to, 0x1a, scope, head.schema_url_bytes, scope + head.schema_url_bytes);
}

static uint8_t *put_event(uint8_t *to, const uint8_t **from, const uint8_t *end)
{
	const uint32_t bytes = bytes_load32(*from);
	const uint8_t *at = *from + sizeof(bytes);
	struct record_event_head head;
	struct wire_message message;

	memcpy(&head, at, sizeof(head));
	at += sizeof(head);
	to = wire_open(to, 0x5a, bytes, &message);	    /* Span.events */
	to = wire_fixed64(to, 0x09, head.time_unix_ns);	    /* time_unix_nano */
	to = wire_text(to, 0x12, at, head.name_bytes, end); /* name */
	at += head.name_bytes;
	to = encode_attributes(to, 0x1a, &at, head.attribute_count, end);
	to = wire_uint(to, 0x20, head.dropped_attribute_count);
	wire_close(&message, to);
	*from = at;
	return to;
}

static uint8_t *put_link(uint8_t *to, const uint8_t **from, const uint8_t *end)
{
	const uint32_t bytes = bytes_load32(*from);
	const uint8_t *at = *from + sizeof(bytes);
	struct record_link_head head;
	struct wire_message message;

	memcpy(&head, at, sizeof(head));
	at += sizeof(head);
	to = wire_open(to, 0x6a, bytes, &message); /* Span.links */
	to = wire_trace_id(to, 0x0a, head.trace_id);
	to = wire_span_id(to, 0x12, head.span_id);
	to = wire_text(to, 0x1a, at, head.trace_state_bytes, end); /* trace_state */
	at += head.trace_state_bytes;
	to = encode_attributes(to, 0x22, &at, head.attribute_count, end);
	to = wire_uint(to, 0x28, head.dropped_attribute_count);
	if (head.flags != 0) {
		*to++ = 0x35; /* flags, fixed32 */
		to = bytes_store32(to, head.flags);
	}
	wire_close(&message, to);
	*from = at;
	return to;
}

/* Left out when it says nothing. Its length is known before. */
static uint8_t *put_status(uint8_t *to, uint8_t code, const uint8_t *text, size_t text_len,
			   const uint8_t *end)
{
	size_t len = code != 0 ? 2 : 0;

	if (text_len != 0)
		len += 1 + wire_varint_bytes(text_len) + text_len;
	if (len == 0)
		return to;
	*to++ = 0x7a; /* Span.status */
	to = wire_varint(to, len);
	to = wire_text(to, 0x12, text, text_len, end); /* message */
	return wire_uint(to, 0x18, code);	       /* code */
}

/* The Span's fields up to the attributes. */
static inline uint8_t *put_span_head(uint8_t *to, const struct record_span_head *head,
				     const uint8_t *trace_state, size_t trace_state_len,
				     const uint8_t *end)
{
	const uint8_t *const name = trace_state + trace_state_len;

	to = wire_trace_id(to, 0x0a, head->trace_id);
	to = wire_span_id(to, 0x12, head->span_id);
	to = wire_text(to, 0x1a, trace_state, trace_state_len, end); /* trace_state */
	if (bytes_load64(head->parent_span_id) != 0)
		to = wire_span_id(to, 0x22, head->parent_span_id);
	to = wire_text(to, 0x2a, name, head->name_bytes, end); /* name */
	to = wire_uint(to, 0x30, head->span_kind);	       /* kind */
	to = wire_fixed64(to, 0x39, head->start_time_unix_ns); /* start_time_unix_nano */
	return wire_fixed64(to, 0x41, head->end_time_unix_ns); /* end_time_unix_nano */
}

static uint8_t *encode_span(const struct record_view *view, uint8_t *to)
{
	const struct record_span_head *const head = &view->head.span;
	const struct record_span_extra *const extra = &view->extra;
	const uint8_t *const message_text =
		view->body + extra->trace_state_bytes + head->name_bytes;
	const uint8_t *from = message_text + extra->status_message_bytes;
	const uint8_t *const end = view->read_end;
	struct wire_message message;

	to = wire_open(to, 0x12, view->len, &message); /* ScopeSpans.spans */
	to = put_span_head(to, head, view->body, extra->trace_state_bytes, end);
	to = encode_attributes(to, 0x4a, &from, head->attribute_count, end);
	to = wire_uint(to, 0x50, extra->dropped_attribute_count);
	for (uint32_t i = 0; i < head->event_count; i++)
		to = put_event(to, &from, end);
	to = wire_uint(to, 0x60, extra->dropped_event_count);
	for (uint32_t i = 0; i < extra->link_count; i++)
		to = put_link(to, &from, end);
	to = wire_uint(to, 0x70, extra->dropped_link_count);
	to = put_status(to, head->status, message_text, extra->status_message_bytes, end);
	if (head->flags != 0) {
		*to++ = 0x85; /* flags, fixed32 */
		*to++ = 0x01;
		to = bytes_store32(to, head->flags);
	}
	assert(from == view->bytes + view->len);
	wire_close(&message, to);
	return to;
}

uint8_t *encode_record(const struct record_view *view, uint8_t *to)
{
	uint8_t *const end =
		view->kind == RECORD_SPAN ? encode_span(view, to) : encode_metric(view, to);

	assert((size_t)(end - to) <= encode_bound(view));
	return end;
}
