/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes: KeyValues and what is nested in their values. Each signal's encoder calls it. */
#include "writer/encode/encode_attribute.h"

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
		return wire_bytes(to, ENCODE_TAG_STRING, attribute->value, attribute->field, end);
	case OTLP_VALUE_BYTES:
		return wire_bytes(to, ENCODE_TAG_BYTES, attribute->value, attribute->field, end);
	case OTLP_VALUE_BOOL:
		*to++ = ENCODE_TAG_BOOL;
		*to++ = (uint8_t)attribute->field;
		return to;
	case OTLP_VALUE_INT:
		*to++ = ENCODE_TAG_INT;
		return wire_varint(to, bytes_load64(attribute->value));
	case OTLP_VALUE_DOUBLE:
		return wire_present64(to, ENCODE_TAG_DOUBLE, bytes_load64(attribute->value));
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

	to = wire_open(to, is_array ? ENCODE_TAG_ARRAY : ENCODE_TAG_KVLIST, attribute->value_bytes,
		       &values);
	if (is_array)
		to = put_array(to, from, count, end);
	else
		to = encode_attributes(to, ENCODE_TAG_VALUES, &from, count, end);
	wire_close(&values, to);
	return to;
}

uint8_t *encode_value(uint8_t *to, uint8_t tag, const uint8_t **from, const uint8_t *end)
{
	struct record_attribute attribute;

	record_attribute_read(*from, &attribute);
	*from = attribute.value + attribute.value_bytes;
	if (is_container(&attribute)) {
		struct wire_message value;

		to = wire_open(to, tag, RECORD_ATTRIBUTE_LONG_BYTES + attribute.value_bytes,
			       &value);
		to = put_container(to, &attribute, end);
		wire_close(&value, to);
	} else {
		*to++ = tag;
		to = wire_varint(to, value_bytes(&attribute));
		to = put_value(to, &attribute, end);
	}
	return to;
}

static uint8_t *put_array(uint8_t *to, const uint8_t *from, uint32_t count, const uint8_t *end)
{
	for (uint32_t i = 0; i < count; i++)
		to = encode_value(to, ENCODE_TAG_VALUES, &from, end);
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
	to = wire_text(to, ENCODE_TAG_KEY, attribute->key, attribute->key_bytes, end);
	to = wire_open(to, ENCODE_TAG_VALUE, record_bytes, &value);
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
	to = wire_text(to, ENCODE_TAG_KEY, attribute->key, attribute->key_bytes, end);
	*to++ = ENCODE_TAG_VALUE;
	to = wire_varint(to, value_len);
	return put_value(to, attribute, end);
}

/* With at most so much text each length in a KeyValue is one byte. */
#define SHORT_KEY_VALUE_BYTES 121u

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
		const uint32_t head =
			ENCODE_PAIRS(tag, 4, ENCODE_TAG_KEY) + key_bytes * ENCODE_IN_BOTH;
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
			bytes_store32(to, ENCODE_PAIRS(ENCODE_TAG_VALUE, 2, ENCODE_TAG_STRING) +
						  field * ENCODE_IN_BOTH);
			to = wire_copy(to + 4, value, field, end);
			at = value + field;
		} else if (type == OTLP_VALUE_INT) {
			const uint64_t integer = bytes_load64(value);
			const uint32_t bytes = wire_varint_bytes(integer);

			bytes_store32(to, head + ((1 + bytes) << 8));
			to = wire_copy_short(to + 4, key, key_bytes);
			bytes_store32(to,
				      ENCODE_PAIRS(ENCODE_TAG_VALUE, 1 + bytes, ENCODE_TAG_INT));
			to = wire_varint(to + 3, integer);
			at = value + sizeof(integer);
		} else if (type == OTLP_VALUE_BOOL) {
			bytes_store32(to, head + (2 << 8));
			to = wire_copy_short(to + 4, key, key_bytes);
			to = bytes_store32(to, ENCODE_PAIRS(ENCODE_TAG_VALUE, 2, ENCODE_TAG_BOOL) +
						       field * ENCODE_IN_SECOND);
			at = value;
		} else if (type == OTLP_VALUE_DOUBLE) {
			bytes_store32(to, head + (9 << 8));
			to = wire_copy_short(to + 4, key, key_bytes);
			bytes_store32(to, ENCODE_PAIRS(ENCODE_TAG_VALUE, 9, ENCODE_TAG_DOUBLE));
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
