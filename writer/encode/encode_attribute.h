/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes, which all signals have. */
#ifndef OTLPIPE_WRITER_ENCODE_ENCODE_ATTRIBUTE_H
#define OTLPIPE_WRITER_ENCODE_ENCODE_ATTRIBUTE_H

#include "writer/encode/encode_wire.h"

/* AnyValue's members, KeyValue's fields, ArrayValue's and KeyValueList's `values`. */
#define ENCODE_TAG_STRING 0x0a
#define ENCODE_TAG_BOOL	  0x10
#define ENCODE_TAG_INT	  0x18
#define ENCODE_TAG_DOUBLE 0x21
#define ENCODE_TAG_ARRAY  0x2a
#define ENCODE_TAG_KVLIST 0x32
#define ENCODE_TAG_BYTES  0x3a
#define ENCODE_TAG_KEY	  0x0a
#define ENCODE_TAG_VALUE  0x12
#define ENCODE_TAG_VALUES 0x0a

/* Two pairs of a tag and what follows it, a length or a value, as one word; n goes into both. */
#define ENCODE_PAIRS(tag, len, inner_tag) \
	((uint32_t)(tag) | (uint32_t)(len) << 8 | (uint32_t)(inner_tag) << 16)
#define ENCODE_IN_SECOND 0x01000000u
#define ENCODE_IN_BOTH	 0x01000100u

/**
 * Encode attributes as KeyValues.
 *
 * @param tag   of each
 * @param from  count of them stand there; it is moved behind them
 * @param end   the record ends here, or behind it
 * @return the end of what was written
 */
uint8_t *encode_attributes(uint8_t *to, uint8_t tag, const uint8_t **from, uint32_t count,
			   const uint8_t *end);

/**
 * Encode one value that stands alone, an attribute without a key, as an AnyValue.
 *
 * @param tag   of it
 * @param from  it stands there; it is moved behind it
 * @param end   the record ends here, or behind it
 * @return the end of what was written
 */
uint8_t *encode_value(uint8_t *to, uint8_t tag, const uint8_t **from, const uint8_t *end);

#endif
