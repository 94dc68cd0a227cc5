/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes, which all signals have. */
#ifndef OTLPIPE_WRITER_ENCODE_ENCODE_ATTRIBUTE_H
#define OTLPIPE_WRITER_ENCODE_ENCODE_ATTRIBUTE_H

#include "writer/encode/encode_wire.h"

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
