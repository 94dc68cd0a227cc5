/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What record_write….c, record_text.c and record_build.h share; nobody else includes it. A
 * size function adds to *bytes and returns 0 or an enum otlp_error; *bytes means nothing after an
 * error. A write function gathers the bytes of all text that it copies in *high: where no byte has
 * its high bit set, all text was ASCII, and need not be looked at once more.
 *
 * A write function stores nothing outside [to, end), whatever became of the borrowed data since
 * they were sized. It reads each length once: what was checked is what is copied. What does not fit
 * returns a place behind the end, where nothing else fits either, so that nobody has to ask on the
 * way: at last the record is not as long as it was sized.
 */
#ifndef OTLPIPE_CORE_RECORD_RECORD_WRITE_H
#define OTLPIPE_CORE_RECORD_RECORD_WRITE_H

#include "core/record/record.h"

/* What many spans do not have is not inlined: it would cost the others registers. */
#define RECORD_APART __attribute__((noinline))

/** Why record_text_fits() said no. */
int record_text_error(struct otlp_str text);

int record_size_attributes_usual(const struct otlp_attribute *items, size_t count,
				 unsigned int depth, size_t *bytes);
uint8_t *record_write_attributes_some(uint8_t *to, uint8_t *end, const struct otlp_attribute *items,
				      size_t count, uint64_t *high);

/** A length, read once: the compiler may not read it again. More than 32 bits was never sized. */
static inline size_t record_length(const size_t *len)
{
	typedef uint32_t __attribute__((may_alias)) low_half;

	return *(const volatile low_half *)len;
}

/**
 * Behind the last of some attributes. By numbers: there may be none, at NULL, which has no element
 * behind it, and the count may not have been looked at yet.
 */
static inline const struct otlp_attribute *record_attributes_end(const struct otlp_attribute *items,
								 size_t count)
{
	return (const struct otlp_attribute *)((uintptr_t)items + count * sizeof(*items));
}

/** A type, read once too. */
static inline uint32_t record_value_type(const struct otlp_value *value)
{
	return (uint32_t) * (const volatile enum otlp_value_type *)&value->type;
}

/** The attribute that carries a key and a value of these lengths. */
static inline size_t record_attribute_bytes(size_t key_len, size_t value_len)
{
	if (key_len > RECORD_ATTRIBUTE_KEY_MAX || value_len > RECORD_ATTRIBUTE_FIELD_MAX)
		return RECORD_ATTRIBUTE_LONG_BYTES + key_len + value_len;
	return RECORD_ATTRIBUTE_SHORT_BYTES + key_len + value_len;
}

/** Do so many bytes fit? They are the sum of a few lengths, or a count of words: nothing wraps. */
static inline bool record_fits(const uint8_t *to, size_t bytes, const uint8_t *end)
{
	return __builtin_expect((uintptr_t)to + bytes <= (uintptr_t)end, 1);
}

/** What a write function returns where something does not fit. */
static inline uint8_t *record_over(uint8_t *end)
{
	return end + 1;
}

static inline uint8_t *record_write_text(uint8_t *to, uint8_t *end, const struct otlp_str *text,
					 uint64_t *high)
{
	const size_t len = record_length(&text->len);

	if (!record_fits(to, len, end))
		return record_over(end);
	return bytes_copy_text(to, text->ptr, len, high);
}

/** A value that stands alone: an attribute without a key. */
int record_size_value(const struct otlp_value *value, size_t *bytes);
uint8_t *record_write_value(uint8_t *to, uint8_t *end, const struct otlp_value *value,
			    uint64_t *high);

/** What a write function answers: did it write what was sized, and what was in its text? */
static inline enum record_written record_written(bool is_as_sized, uint64_t high)
{
	if (__builtin_expect(!is_as_sized, 0))
		return RECORD_CHANGED;
	return (high & BYTES_HIGH_BITS) == 0 ? RECORD_ASCII : RECORD_NOT_ASCII;
}

/** None is the most usual number of attributes there is. */
static inline int record_size_attributes(const struct otlp_attribute *items, size_t count,
					 unsigned int depth, size_t *bytes)
{
	return count == 0 ? 0 : record_size_attributes_usual(items, count, depth, bytes);
}

static inline uint8_t *record_write_attributes(uint8_t *to, uint8_t *end,
					       const struct otlp_attribute *items, size_t count,
					       uint64_t *high)
{
	return count == 0 ? to : record_write_attributes_some(to, end, items, count, high);
}

/* The resource, if it is inline, and the scope, if there is one. */
RECORD_APART int record_size_sections(const struct otlp_resource *inline_resource,
				      const struct otlp_scope *scope, size_t *bytes);
RECORD_APART uint8_t *record_write_sections_some(uint8_t *to, uint8_t *end,
						 const struct otlp_resource *inline_resource,
						 const struct otlp_scope *scope, uint64_t *high);

static inline uint8_t *record_write_sections(uint8_t *to, uint8_t *end,
					     const struct otlp_resource *inline_resource,
					     const struct otlp_scope *scope, uint64_t *high)
{
	if (inline_resource == NULL && scope == NULL)
		return to;
	return record_write_sections_some(to, end, inline_resource, scope, high);
}

/* What spans with and without a shape share: events and links, and the head with what follows it.
 */
RECORD_APART int record_size_span_tail(const struct otlp_span *span, size_t *bytes);
RECORD_APART uint8_t *record_write_span_tail(uint8_t *to, uint8_t *end,
					     const struct otlp_span *span, uint64_t *high);

/** The part that each kind of point has, or NULL for an unknown kind. */
const struct otlp_point *record_metric_point(const struct otlp_metric *metric, size_t index);

/** Both references, which stand in each head at the same place, in one store. */
static inline void record_write_refs(void *head, uint32_t refs)
{
	bytes_store32((uint8_t *)head + offsetof(struct record_span_head, resource_ref), refs);
}

static_assert(offsetof(struct record_span_head, resource_ref) == 4 &&
		      offsetof(struct record_span_head, scope_ref) == 6 &&
		      offsetof(struct record_metric_head, resource_ref) == 4 &&
		      offsetof(struct record_metric_head, scope_ref) == 6 &&
		      offsetof(struct record_log_head, resource_ref) == 4 &&
		      offsetof(struct record_log_head, scope_ref) == 6,
	      "record_write_refs()");

/** The references of a record with this resource inline, or not. */
static inline uint32_t record_refs(const struct otlp_resource *inline_resource, uint32_t refs)
{
	return inline_resource != NULL ? refs & ~(uint32_t)UINT16_MAX : refs;
}

/** The scope that stands in the record, where its references have none. */
static inline const struct otlp_scope *record_inline_scope(const struct otlp_scope *scope,
							   uint32_t refs)
{
	return refs >> RECORD_SCOPE_REF_SHIFT != 0 ? NULL : scope;
}

static inline uint8_t record_has_sections(const struct otlp_resource *inline_resource,
					  const struct otlp_scope *scope)
{
	return (uint8_t)((inline_resource ? RECORD_HAS_RESOURCE : 0) |
			 (scope ? RECORD_HAS_SCOPE : 0));
}

/** Can it be carried, whatever its bytes are? */
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

static inline int record_size_texts(struct otlp_str a, struct otlp_str b, size_t *bytes)
{
	const int rc = record_size_text(a, bytes);

	return rc == 0 ? record_size_text(b, bytes) : rc;
}

/** An array of count elements of at least a byte each. The limit keeps every sum from wrapping. */
static inline int record_check_count(const void *items, size_t count)
{
	if (!items && count)
		return OTLP_ERR_INVALID;
	return count > OTLP_RECORD_BYTES_MAX ? OTLP_ERR_TOO_LARGE : 0;
}

/** The end of a sizing. */
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

static inline bool record_span_is_valid(const struct otlp_span *span)
{
	return !record_trace_id_is_zero(span->trace_id) && !record_span_id_is_zero(span->span_id) &&
	       (unsigned int)span->kind <= OTLP_SPAN_KIND_CONSUMER &&
	       (unsigned int)span->status <= OTLP_STATUS_ERROR && span->reserved[0] == NULL &&
	       span->reserved[1] == NULL;
}

static inline bool record_span_has_extra(const struct otlp_span *span)
{
	return (span->trace_state.len | span->status_message.len | span->link_count |
		span->attributes.dropped | span->dropped_event_count | span->dropped_link_count) !=
	       0;
}

/**
 * In place, field by field: a struct that is filled first and then copied is written twice. There
 * is room for the head in each record; and for what else there is, if there still is.
 */
static inline uint8_t *record_write_span_heads(uint8_t *to, uint8_t *end,
					       const struct otlp_span *span, uint8_t has,
					       uint32_t refs, uint32_t shape_ref)
{
	struct record_span_head *const head = (struct record_span_head *)to;

	head->kind = shape_ref == 0 ? RECORD_SPAN : RECORD_SHAPED_SPAN;
	head->has = has;
	head->span_kind = shape_ref == 0 ? (uint8_t)span->kind : 0;
	head->status = (uint8_t)span->status;
	record_write_refs(head, refs);
	head->start_time_unix_ns = span->start_time_unix_ns;
	head->end_time_unix_ns = span->end_time_unix_ns;
	memcpy(head->trace_id, span->trace_id, sizeof(head->trace_id));
	memcpy(head->span_id, span->span_id, sizeof(head->span_id));
	memcpy(head->parent_span_id, span->parent_span_id, sizeof(head->parent_span_id));
	head->flags = span->flags & RECORD_SPAN_FLAGS;
	head->name_bytes = shape_ref == 0 ? (uint32_t)span->name.len : shape_ref;
	head->attribute_count = (uint32_t)span->attributes.count;
	head->event_count = (uint32_t)span->event_count;
	to += sizeof(*head);
	if (has & RECORD_HAS_EXTRA) {
		struct record_span_extra *const extra = (struct record_span_extra *)to;

		if (!record_fits(to, sizeof(*extra), end))
			return record_over(end);
		extra->trace_state_bytes = (uint32_t)span->trace_state.len;
		extra->status_message_bytes = (uint32_t)span->status_message.len;
		extra->link_count = (uint32_t)span->link_count;
		extra->dropped_attribute_count = span->attributes.dropped;
		extra->dropped_event_count = span->dropped_event_count;
		extra->dropped_link_count = span->dropped_link_count;
		to += sizeof(*extra);
	}
	return to;
}

static inline bool record_log_is_valid(const struct otlp_log_record *log)
{
	return (unsigned int)log->severity_number <= OTLP_SEVERITY_FATAL4 &&
	       log->reserved[0] == NULL && log->reserved[1] == NULL;
}

/** A log's body, if it has one: text in nearly every record, which needs no call. */
static inline int record_size_body(const struct otlp_log_record *log, size_t *bytes)
{
	const struct otlp_value *const body = &log->body;

	if (body->type == OTLP_VALUE_EMPTY)
		return 0;
	if (body->type != OTLP_VALUE_STRING || body->as.string.ptr == NULL ||
	    body->as.string.len > RECORD_ATTRIBUTE_FIELD_MAX)
		return record_size_value(body, bytes);
	*bytes += RECORD_ATTRIBUTE_SHORT_BYTES + body->as.string.len;
	return 0;
}

static inline uint8_t *record_write_body(uint8_t *to, uint8_t *end,
					 const struct otlp_log_record *log, uint64_t *high)
{
	const struct otlp_value *const body = &log->body;
	size_t len;

	if (record_value_type(body) != OTLP_VALUE_STRING)
		return record_write_value(to, end, body, high);
	len = record_length(&body->as.string.len);
	if (len > RECORD_ATTRIBUTE_FIELD_MAX)
		return record_write_value(to, end, body, high);
	if (!record_fits(to, RECORD_ATTRIBUTE_SHORT_BYTES + len, end))
		return record_over(end);
	to = record_attribute_write(to, OTLP_VALUE_STRING, 0, len);
	return bytes_copy_text(to, body->as.string.ptr, len, high);
}

/** In place, as a span's head is. */
static inline uint8_t *record_write_log_head(uint8_t *to, const struct otlp_log_record *log,
					     uint8_t has, uint32_t refs, uint32_t shape_ref)
{
	struct record_log_head *const head = (struct record_log_head *)to;

	head->kind = shape_ref == 0 ? RECORD_LOG : RECORD_SHAPED_LOG;
	head->has = has;
	head->severity_number = shape_ref == 0 ? (uint8_t)log->severity_number : 0;
	head->reserved = 0;
	record_write_refs(head, refs);
	head->time_unix_ns = log->time_unix_ns;
	head->observed_time_unix_ns = log->observed_time_unix_ns;
	memcpy(head->trace_id, log->trace_id, sizeof(head->trace_id));
	memcpy(head->span_id, log->span_id, sizeof(head->span_id));
	head->flags = log->flags & RECORD_LOG_FLAGS;
	head->severity_text_bytes = shape_ref == 0 ? (uint32_t)log->severity_text.len : 0;
	head->event_name_bytes = shape_ref == 0 ? (uint32_t)log->event_name.len : shape_ref;
	head->attribute_count = (uint32_t)log->attributes.count;
	head->dropped_attribute_count = log->attributes.dropped;
	return to + sizeof(*head);
}

static inline uint8_t record_log_has_body(const struct otlp_log_record *log)
{
	return record_value_type(&log->body) != OTLP_VALUE_EMPTY ? RECORD_HAS_BODY : 0;
}

#endif
