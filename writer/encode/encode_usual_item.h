/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the encoders of usual records are made of: reads of what may change meanwhile, each one
 * once; text that is copied and then judged; attributes. For encode_usual.c alone, into its
 * functions.
 */
#ifndef OTLPIPE_WRITER_ENCODE_ENCODE_USUAL_ITEM_H
#define OTLPIPE_WRITER_ENCODE_ENCODE_USUAL_ITEM_H

#include "base/utf8.h"
#include "writer/encode/encode_attribute.h"

/* Into its caller: a call costs what it does. */
#define USUAL static inline __attribute__((always_inline))

/* What is left of the record, or of an event in it. */
struct usual {
	const uint8_t *at;
	const uint8_t *end;
};

/* Nothing that was read before is read again behind this. */
static inline void usual_barrier(void)
{
	__asm__ volatile("" ::: "memory");
}

static inline uint32_t usual_load32(const uint8_t *from)
{
	typedef uint32_t __attribute__((aligned(1), may_alias)) word;

	return *(const volatile word *)from;
}

static inline uint64_t usual_load64(const uint8_t *from)
{
	typedef uint64_t __attribute__((aligned(1), may_alias)) word;

	return *(const volatile word *)from;
}

static inline bytes_pair usual_load_pair(const uint8_t *from)
{
	typedef bytes_pair __attribute__((aligned(1), may_alias)) pair;

	return *(const volatile pair *)from;
}

static inline size_t usual_left(const struct usual *u)
{
	return (size_t)(u->end - u->at);
}

/*
 * Copies ENCODE_SLACK_BYTES, of which len are text, and returns the text's bits: no branch that
 * depends on the length.
 */
static inline bytes_pair usual_copy_short(uint8_t *to, const uint8_t *from, size_t len)
{
	/* Ones for the text, none behind it: read from ENCODE_SLACK_BYTES - len on. */
	static const uint8_t masks[2 * ENCODE_SLACK_BYTES] = {
		[0 ... ENCODE_SLACK_BYTES - 1] = 0x80,
	};
	const uint8_t *const mask = masks + ENCODE_SLACK_BYTES - len;
	const bytes_pair first = usual_load_pair(from);
	const bytes_pair second = usual_load_pair(from + sizeof(first));

	memcpy(to, &first, sizeof(first));
	memcpy(to + sizeof(first), &second, sizeof(second));
	return (first & bytes_load_pair(mask)) | (second & bytes_load_pair(mask + sizeof(first)));
}

static inline bool usual_is_set(bytes_pair bits)
{
	return (bits[0] | bits[1]) != 0;
}

/* Text that lies in the record. @return its end, or NULL: it is not UTF-8 */
static inline uint8_t *usual_copy(uint8_t *to, const uint8_t *from, size_t len)
{
	if (len <= ENCODE_SLACK_BYTES) {
		if (usual_is_set(usual_copy_short(to, from, len)) && !utf8_is_valid(to, len))
			return NULL;
		return to + len;
	}
	memcpy(to, from, len);
	usual_barrier();
	return utf8_is_valid_any(to, len) ? to + len : NULL;
}

/* A string without presence. */
static inline uint8_t *usual_text(uint8_t *to, uint8_t tag, const uint8_t *from, size_t len)
{
	if (len == 0)
		return to;
	*to++ = tag;
	return usual_copy(wire_varint(to, len), from, len);
}

/* An attribute: its key and its value lie one behind the other, or the key is the shape's. */
struct usual_item {
	uint32_t type; /* with RECORD_ATTRIBUTE_LONG */
	uint32_t key_bytes;
	uint32_t field;
	const uint8_t *key;
	const uint8_t *value;
};

/* A KeyValue with a string, where one of both is longer than what is copied in one width. */
static __attribute__((noinline)) uint8_t *usual_string(uint8_t *to, uint8_t tag, const uint8_t *key,
						       size_t key_bytes, const uint8_t *value,
						       size_t value_bytes)
{
	const size_t value_len = 1 + wire_varint_bytes(value_bytes) + value_bytes;

	*to++ = tag;
	to = wire_varint(to, 1 + wire_varint_bytes(key_bytes) + key_bytes + 1 +
				     wire_varint_bytes(value_len) + value_len);
	to = usual_text(to, ENCODE_TAG_KEY, key, key_bytes);
	if (to == NULL)
		return NULL;
	*to++ = ENCODE_TAG_VALUE;
	to = wire_varint(to, value_len);
	*to++ = ENCODE_TAG_STRING;
	return usual_copy(wire_varint(to, value_bytes), value, value_bytes);
}

static size_t take_varint(const uint8_t **from)
{
	size_t value = 0;
	unsigned int shift = 0;

	for (; **from >= 0x80; shift += 7)
		value |= (size_t)(*(*from)++ & 0x7f) << shift;
	return value | (size_t)(*(*from)++) << shift;
}

/* Of the KeyValues that were written there: some of their text is not ASCII. */
static __attribute__((noinline, cold)) bool usual_is_utf8(const uint8_t *at, const uint8_t *end)
{
	while (at < end) {
		const uint8_t *next;
		size_t len;

		at++; /* the attribute's tag */
		len = take_varint(&at);
		next = at + len;
		at++; /* its key's */
		len = take_varint(&at);
		if (!utf8_is_valid(at, len))
			return false;
		at += len + 1; /* and its value's */
		(void)take_varint(&at);
		if (*at == ENCODE_TAG_STRING) {
			at++;
			len = take_varint(&at);
			if (!utf8_is_valid(at, len))
				return false;
		}
		at = next;
	}
	return true;
}

/* From a record without a shape. What has no room in what is left is not usual, and neither is an
 * empty key, which OTLP leaves out. */
USUAL bool usual_take_item(struct usual *u, struct usual_item *ret)
{
	const size_t left = usual_left(u);
	const uint32_t word = left >= RECORD_ATTRIBUTE_SHORT_BYTES ? usual_load32(u->at) : 0;
	size_t bytes = RECORD_ATTRIBUTE_SHORT_BYTES;

	ret->type = word & (RECORD_ATTRIBUTE_TYPE | RECORD_ATTRIBUTE_LONG);
	ret->key_bytes = word >> RECORD_ATTRIBUTE_KEY_SHIFT & RECORD_ATTRIBUTE_KEY_MAX;
	ret->field = word >> RECORD_ATTRIBUTE_FIELD_SHIFT;
	ret->key = u->at + RECORD_ATTRIBUTE_SHORT_BYTES;
	ret->value = ret->key + ret->key_bytes;
	bytes += ret->key_bytes;
	if (ret->type == OTLP_VALUE_STRING)
		bytes += ret->field;
	else if (ret->type == OTLP_VALUE_INT || ret->type == OTLP_VALUE_DOUBLE)
		bytes += sizeof(uint64_t);
	u->at += bytes;
	return bytes <= left && ret->key_bytes != 0 &&
	       (ret->type == OTLP_VALUE_STRING || ret->field == 0 ||
		(ret->type == OTLP_VALUE_BOOL && ret->field == 1));
}

/* With the key of the shape's attribute at *shape_at, which was checked, and is nobody else's. */
USUAL bool usual_take_shaped_item(struct usual *u, const uint8_t **shape_at, struct usual_item *ret)
{
	const uint32_t word = bytes_load32(*shape_at);
	const size_t left = usual_left(u);
	size_t bytes = sizeof(uint64_t);

	ret->type = word & (RECORD_ATTRIBUTE_TYPE | RECORD_ATTRIBUTE_LONG);
	ret->key_bytes = word >> RECORD_ATTRIBUTE_KEY_SHIFT & RECORD_ATTRIBUTE_KEY_MAX;
	ret->key = *shape_at + RECORD_ATTRIBUTE_SHORT_BYTES;
	ret->value = u->at;
	ret->field = 0;
	*shape_at = ret->key + ret->key_bytes;
	if (ret->key_bytes == 0)
		return false;
	if (ret->type == OTLP_VALUE_STRING) {
		*shape_at += word >> RECORD_ATTRIBUTE_FIELD_SHIFT;
		if (left < sizeof(uint32_t))
			return false;
		ret->field = usual_load32(u->at);
		ret->value += sizeof(uint32_t);
		bytes = sizeof(uint32_t) + (size_t)ret->field;
		/* The whole record would have a long head for it. */
		if (ret->field > RECORD_ATTRIBUTE_FIELD_MAX)
			return false;
	} else if (ret->type == OTLP_VALUE_BOOL) {
		if (left == 0)
			return false;
		ret->field = *(const volatile uint8_t *)u->at;
		bytes = 1;
		if (ret->field > 1)
			return false;
	} else {
		*shape_at += sizeof(uint64_t);
	}
	u->at += bytes;
	return bytes <= left;
}

/* A KeyValue, as encode_attributes() writes it. */
USUAL uint8_t *usual_put_item(uint8_t *to, uint8_t tag, const struct usual_item *item,
			      bytes_pair *bits)
{
	const uint32_t key_bytes = item->key_bytes, field = item->field;
	const uint32_t head = ENCODE_PAIRS(tag, 4, ENCODE_TAG_KEY) + key_bytes * ENCODE_IN_BOTH;
	uint8_t *const value_to = to + 4 + key_bytes;

	/* In the order of how usual the types are, so that each branch is predicted apart. */
	if (item->type == OTLP_VALUE_STRING) {
		if (__builtin_expect(
			    (key_bytes > ENCODE_SLACK_BYTES) | (field > ENCODE_SLACK_BYTES), 0))
			return usual_string(to, tag, item->key, key_bytes, item->value, field);
		bytes_store32(to, head + ((2 + field) << 8));
		*bits |= usual_copy_short(to + 4, item->key, key_bytes);
		bytes_store32(value_to, ENCODE_PAIRS(ENCODE_TAG_VALUE, 2, ENCODE_TAG_STRING) +
						field * ENCODE_IN_BOTH);
		*bits |= usual_copy_short(value_to + 4, item->value, field);
		return value_to + 4 + field;
	}
	if (key_bytes > ENCODE_SLACK_BYTES)
		return NULL;
	if (item->type == OTLP_VALUE_INT) {
		const uint64_t number = usual_load64(item->value);
		const uint32_t bytes = wire_varint_bytes(number);

		bytes_store32(to, head + ((1 + bytes) << 8));
		*bits |= usual_copy_short(to + 4, item->key, key_bytes);
		bytes_store32(value_to, ENCODE_PAIRS(ENCODE_TAG_VALUE, 1 + bytes, ENCODE_TAG_INT));
		return wire_varint(value_to + 3, number);
	}
	if (item->type == OTLP_VALUE_BOOL) {
		bytes_store32(to, head + (2 << 8));
		*bits |= usual_copy_short(to + 4, item->key, key_bytes);
		return bytes_store32(value_to, ENCODE_PAIRS(ENCODE_TAG_VALUE, 2, ENCODE_TAG_BOOL) +
						       field * ENCODE_IN_SECOND);
	}
	if (item->type != OTLP_VALUE_DOUBLE)
		return NULL;
	bytes_store32(to, head + (9 << 8));
	*bits |= usual_copy_short(to + 4, item->key, key_bytes);
	bytes_store32(value_to, ENCODE_PAIRS(ENCODE_TAG_VALUE, 9, ENCODE_TAG_DOUBLE));
	return bytes_store64(value_to + 3, usual_load64(item->value));
}

/* shape_at: the attributes of the shape, as many; or NULL. */
USUAL uint8_t *usual_attributes(struct usual *u, uint8_t *to, uint8_t tag, uint32_t count,
				const uint8_t *shape_at)
{
	const uint8_t *const start = to;
	struct usual left = *u;
	bytes_pair bits = {0, 0};

	/* Each turn takes some bytes or ends: a count of 2^32 costs nothing. */
	for (; count != 0; count--) {
		struct usual_item item;

		if (!(shape_at != NULL ? usual_take_shaped_item(&left, &shape_at, &item)
				       : usual_take_item(&left, &item)))
			return NULL;
		to = usual_put_item(to, tag, &item, &bits);
		if (to == NULL)
			return NULL;
	}
	if (usual_is_set(bits) && !usual_is_utf8(start, to))
		return NULL;
	u->at = left.at;
	return to;
}

#endif
