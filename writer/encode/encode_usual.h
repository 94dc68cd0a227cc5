/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The usual span or log record in one pass: read where it stands in the ring, checked and encoded
 * at once, without a copy of the record in between.
 *
 * Its producer can change these bytes at any time. So each length, count, type and number is read
 * once, bounded by what is left of the record, and then used; and text is copied once, and judged
 * where the copy stands. What comes out is OTLP within the bound of encode_bound(), whatever
 * happened meanwhile; of a record that nobody changes it is byte for byte what record_parse() and
 * encode_record() make of it.
 *
 * Usual is what has its resource by reference and its scope by reference or none, no link, and
 * attributes with a key and a string, a number or a bool. All else is not taken, and whatever is
 * wrong: it goes the long way, by a copy that record_parse() looks at, which alone decides what is
 * refused.
 */
#ifndef OTLPIPE_WRITER_ENCODE_ENCODE_USUAL_H
#define OTLPIPE_WRITER_ENCODE_ENCODE_USUAL_H

#include "core/record/record.h"

/**
 * One item of OTLP, as encode_record() writes it.
 *
 * @param from      the record, which may be changed meanwhile. RECORD_SLACK_BYTES behind it can be
 *                  read, and have no influence
 * @param to        room for what encode_bound() says of len
 * @param ret_refs  as of RECORD_REFS(): the record's resource and scope
 * @return the end of what was written, or NULL: not usual, and what stands there is nothing
 */
uint8_t *encode_usual(enum otlp_signal signal, const uint8_t *from, size_t len, uint8_t *to,
		      uint32_t *ret_refs);

/** The shape that the record refers to, 0: none. Nothing has been checked yet. */
uint32_t encode_usual_shape_ref(enum otlp_signal signal, const uint8_t *from, size_t len);

/**
 * encode_usual() of a record with this shape, which record_parse_shape() accepted, and nobody
 * changes. What record_expand() would make of both is encoded, but for the width of the item's
 * length, which may be one more: how long the whole record would be is not known before its end.
 *
 * @param shape  RECORD_SLACK_BYTES behind it can be read too
 * @param to     room for what encode_bound() says of record_expand_bound()
 */
uint8_t *encode_usual_shaped(const uint8_t *from, size_t len, const struct record_view *shape,
			     uint8_t *to, uint32_t *ret_refs);

#endif
