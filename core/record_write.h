/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What record_write.c and record_write_metric.c share; nobody else includes it. A measure function
 * adds to *bytes and returns 0 or an enum otlp_error; *bytes means nothing after an error.
 */
#ifndef CORE_RECORD_WRITE_H
#define CORE_RECORD_WRITE_H

#include "core/record.h"
#include "core/utf8.h"

/* Why record_text_is_valid() said no. */
int record_text_error(const char *ptr, size_t len);

int record_measure_attributes(const struct otlp_attribute *items, size_t count, unsigned int depth,
			      size_t *bytes);
uint8_t *record_write_attributes(uint8_t *to, const struct otlp_attribute *items, size_t count);

/* The resource, if it is inline, and the scope, if there is one. */
int record_measure_sections(const struct otlp_resource *inline_resource,
			    const struct otlp_scope *scope, size_t *bytes);
uint8_t *record_write_sections(uint8_t *to, const struct otlp_resource *inline_resource,
			       const struct otlp_scope *scope);

static inline uint8_t record_has_sections(const struct otlp_resource *inline_resource,
					  const struct otlp_scope *scope)
{
	return (uint8_t)((inline_resource ? RECORD_HAS_RESOURCE : 0) |
			 (scope ? RECORD_HAS_SCOPE : 0));
}

static inline bool record_text_is_valid(struct otlp_str text)
{
	if (!text.ptr)
		return text.len == 0;
	return text.len <= OTLP_RECORD_BYTES_MAX && utf8_is_valid(text.ptr, text.len);
}

static inline int record_measure_text(struct otlp_str text, size_t *bytes)
{
	if (!record_text_is_valid(text))
		return record_text_error(text.ptr, text.len);
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

/* The end of a measurement. */
static inline int record_measured(int rc, size_t bytes, size_t *ret_bytes)
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
