/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What record_write.c, record_write_metric.c and record_text.c share; nobody else includes it. A
 * size function adds to *bytes and returns 0 or an enum otlp_error; *bytes means nothing after an
 * error. A write function gathers the bytes of all text that it copies in *high: where no byte has
 * its high bit set, all text was ASCII, and need not be looked at once more.
 */
#ifndef CORE_RECORD_WRITE_H
#define CORE_RECORD_WRITE_H

#include "core/record.h"

/* Why record_text_fits() said no. */
int record_text_error(struct otlp_str text);

int record_size_attributes_usual(const struct otlp_attribute *items, size_t count,
				 unsigned int depth, size_t *bytes);
uint8_t *record_write_attributes_some(uint8_t *to, const struct otlp_attribute *items, size_t count,
				      uint64_t *high);

/* None is the most usual number of attributes there is. */
static inline int record_size_attributes(const struct otlp_attribute *items, size_t count,
					 unsigned int depth, size_t *bytes)
{
	return count == 0 ? 0 : record_size_attributes_usual(items, count, depth, bytes);
}

static inline uint8_t *record_write_attributes(uint8_t *to, const struct otlp_attribute *items,
					       size_t count, uint64_t *high)
{
	return count == 0 ? to : record_write_attributes_some(to, items, count, high);
}

/* The resource, if it is inline, and the scope, if there is one. */
int record_size_sections(const struct otlp_resource *inline_resource,
			 const struct otlp_scope *scope, size_t *bytes);
uint8_t *record_write_sections_some(uint8_t *to, const struct otlp_resource *inline_resource,
				    const struct otlp_scope *scope, uint64_t *high);

static inline uint8_t *record_write_sections(uint8_t *to,
					     const struct otlp_resource *inline_resource,
					     const struct otlp_scope *scope, uint64_t *high)
{
	if (inline_resource == NULL && scope == NULL)
		return to;
	return record_write_sections_some(to, inline_resource, scope, high);
}

/* What spans with and without a shape share: events and links, and the head with what follows it.
 */
bool record_span_is_valid(const struct otlp_span *span);
bool record_span_has_extra(const struct otlp_span *span);
int record_size_span_tail(const struct otlp_span *span, size_t *bytes);
uint8_t *record_write_span_tail(uint8_t *to, const struct otlp_span *span, uint64_t *high);
uint8_t *record_write_span_heads(uint8_t *to, const struct otlp_span *span, uint8_t has,
				 uint32_t resource_ref, uint32_t shape_ref);

/* The part that each kind of point has, or NULL for an unknown kind. */
const struct otlp_point *record_metric_point(const struct otlp_metric *metric, size_t index);

static inline uint8_t record_has_sections(const struct otlp_resource *inline_resource,
					  const struct otlp_scope *scope)
{
	return (uint8_t)((inline_resource ? RECORD_HAS_RESOURCE : 0) |
			 (scope ? RECORD_HAS_SCOPE : 0));
}

/* Can it be carried, whatever its bytes are? */
static inline bool record_text_fits(struct otlp_str text)
{
	/* One comparison where there is text: NULL must have no length, others a sane one. */
	return text.len <= (text.ptr != NULL ? (size_t)OTLP_RECORD_BYTES_MAX : 0);
}

static inline int record_size_text(struct otlp_str text, size_t *bytes)
{
	if (!record_text_fits(text))
		return record_text_error(text);
	*bytes += text.len;
	return 0;
}

/* An array of count elements of at least a byte each. The limit keeps every sum from wrapping. */
static inline int record_check_count(const void *items, size_t count)
{
	if (!items && count)
		return OTLP_ERR_INVALID;
	return count > OTLP_RECORD_BYTES_MAX ? OTLP_ERR_TOO_LARGE : 0;
}

/* The end of a sizing. */
static inline int record_sized(int rc, size_t bytes, size_t *ret_bytes)
{
	if (rc < 0)
		return rc;
	if (bytes > OTLP_RECORD_BYTES_MAX)
		return OTLP_ERR_TOO_LARGE;
	*ret_bytes = bytes;
	return 0;
}

static inline bool record_trace_id_is_zero(const uint8_t id[16])
{
	return (bytes_load64(id) | bytes_load64(id + 8)) == 0;
}

static inline bool record_span_id_is_zero(const uint8_t id[8])
{
	return bytes_load64(id) == 0;
}

#endif
