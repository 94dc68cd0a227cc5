/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protobuf's wire format for all encoders. Each function writes at `to` and returns
 * the end. `tag` is the whole tag byte, field number and wire type, with the name in a comment
 * where it is used.
 */
#ifndef OTLPIPE_WRITER_ENCODE_ENCODE_WIRE_H
#define OTLPIPE_WRITER_ENCODE_ENCODE_WIRE_H

#include "core/record/record.h"

#define ENCODE_GROWTH_MAX  2u
#define ENCODE_SLACK_BYTES 32u /* short text is copied in one width: wire_copy() */

static inline unsigned int wire_varint_bytes(uint64_t value)
{
	const unsigned int top_bit = 63 - (unsigned int)__builtin_clzll(value | 1);

	return (top_bit * 9 + 73) / 64; /* top_bit / 7 + 1 for 0 to 63, without a division */
}

static inline uint8_t *wire_varint(uint8_t *to, uint64_t value)
{
	while (value >= 0x80) {
		*to++ = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	*to++ = (uint8_t)value;
	return to;
}

/** Fields without presence: zero is left out, as proto3 has it. */
static inline uint8_t *wire_uint(uint8_t *to, uint8_t tag, uint64_t value)
{
	if (value == 0)
		return to;
	*to++ = tag;
	return wire_varint(to, value);
}

static inline uint64_t wire_zigzag32(int32_t value)
{
	return (uint32_t)value << 1 ^ (value < 0 ? UINT32_MAX : 0);
}

/** Fields with presence: oneof members and `optional`. */
static inline uint8_t *wire_present64(uint8_t *to, uint8_t tag, uint64_t bits)
{
	*to++ = tag;
	return bytes_store64(to, bits);
}

static inline uint8_t *wire_fixed64(uint8_t *to, uint8_t tag, uint64_t bits)
{
	return bits == 0 ? to : wire_present64(to, tag, bits);
}

/** By its bits: -0.0 is not left out. */
static inline uint64_t wire_double_bits(double value)
{
	return bytes_load64(&value);
}

/**
 * Short text is copied as ENCODE_SLACK_BYTES, whatever its length: two loads and two stores, and no
 * branch that depends on it. What is written behind it is overwritten by what comes next, or stands
 * in the slack of the bound; what is read behind it may be anything, up to `end`: record_parse().
 */
static inline bool wire_is_short(const uint8_t *from, size_t len, const uint8_t *end)
{
	return len <= ENCODE_SLACK_BYTES && end - from >= (ptrdiff_t)ENCODE_SLACK_BYTES;
}

static inline uint8_t *wire_copy_short(uint8_t *to, const uint8_t *from, size_t len)
{
	memcpy(to, from, ENCODE_SLACK_BYTES);
	return to + len;
}

static inline uint8_t *wire_copy(uint8_t *to, const uint8_t *from, size_t len, const uint8_t *end)
{
	if (__builtin_expect(wire_is_short(from, len, end), 1))
		return wire_copy_short(to, from, len);
	memcpy(to, from, len);
	return to + len;
}

static inline uint8_t *wire_bytes(uint8_t *to, uint8_t tag, const uint8_t *from, size_t len,
				  const uint8_t *end)
{
	*to++ = tag;
	to = wire_varint(to, len);
	return wire_copy(to, from, len, end);
}

/** A string without presence. */
static inline uint8_t *wire_text(uint8_t *to, uint8_t tag, const uint8_t *from, size_t len,
				 const uint8_t *end)
{
	return len == 0 ? to : wire_bytes(to, tag, from, len, end);
}

static inline uint8_t *wire_trace_id(uint8_t *to, uint8_t tag, const uint8_t id[16])
{
	*to++ = tag;
	*to++ = 16;
	memcpy(to, id, 16);
	return to + 16;
}

static inline uint8_t *wire_span_id(uint8_t *to, uint8_t tag, const uint8_t id[8])
{
	*to++ = tag;
	*to++ = 8;
	memcpy(to, id, 8);
	return to + 8;
}

/*
 * A message whose length is known when its end is: the varint gets the width that the bound on its
 * length needs, and is padded with continuation bits to that width. Every decoder takes that.
 */
struct wire_message {
	uint8_t *start; /* behind the length */
	unsigned int width;
};

/** record_bytes: what the message is made from. */
static inline uint8_t *wire_open(uint8_t *to, uint8_t tag, size_t record_bytes,
				 struct wire_message *ret)
{
	*to++ = tag;
	ret->width = wire_varint_bytes(ENCODE_GROWTH_MAX * record_bytes);
	ret->start = to + ret->width;
	return ret->start;
}

static inline void wire_close(const struct wire_message *message, const uint8_t *end)
{
	size_t len = (size_t)(end - message->start);
	uint8_t *at = message->start - message->width;

	assert(wire_varint_bytes(len) <= message->width);
	while (at + 1 < message->start) {
		*at++ = (uint8_t)(len | 0x80);
		len >>= 7;
	}
	*at = (uint8_t)len;
}

#endif
