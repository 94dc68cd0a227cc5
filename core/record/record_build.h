/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The usual record in one pass: each field is read, checked and written at once into a buffer on
 * the caller's stack, and its size is known when it is done. No size is asked for before, no claim
 * is open meanwhile, and what is then copied into the ring is of one piece.
 *
 * Usual is what fits into that buffer and has nothing nested, no link, and no resource inline. All
 * else, and whatever is wrong, is not built: it goes the long way of record_write.h, which sizes it
 * first and says what is wrong. So no fault has to be named here, and each has one place there.
 * What is built is byte for byte what is written there.
 *
 * Each length, count and type is read once: what a head says is what follows it, and nothing is
 * stored outside the buffer, whatever another thread does to the borrowed data meanwhile.
 *
 * Functions of a push, for core/push.c; into their callers, because a call costs what it does.
 */
#ifndef OTLPIPE_CORE_RECORD_RECORD_BUILD_H
#define OTLPIPE_CORE_RECORD_RECORD_BUILD_H

#include "core/record/record_write.h"

/* The largest record that is built. */
#define RECORD_BUILD_BYTES 1024u
/* What the buffer must have: there are zeros behind the record, as behind a payload in the ring. */
#define RECORD_BUILD_BUFFER_BYTES (RECORD_BUILD_BYTES + 8u)

struct record_built {
	size_t bytes;  /* 0: not built; else zeros follow, up to the next multiple of 8 at least */
	bool is_ascii; /* all text; else the text functions say whether it is UTF-8 */
};

#define RECORD_BUILD static inline __attribute__((always_inline))

/* What the functions here return where something is not usual. */
#define RECORD_NOT_USUAL NULL

/* Takes len bytes of the room that is left. Not by a sum of pointers: a length may be anything. */
RECORD_BUILD bool record_build_take(size_t *room, size_t len)
{
	return __builtin_expect(!__builtin_sub_overflow(*room, len, room), 1);
}

/* Read once, and all of it: what takes more than 32 bits must not look as if it took less. */
RECORD_BUILD size_t record_build_length(const size_t *len)
{
	return *(const volatile size_t *)len;
}

RECORD_BUILD const char *record_build_pointer(const char *const *ptr)
{
	return *(const char *const volatile *)ptr;
}

RECORD_BUILD uint32_t record_build_enum(const void *value)
{
	typedef uint32_t __attribute__((may_alias)) number;

	return *(const volatile number *)value;
}

RECORD_BUILD uint8_t *record_build_text(uint8_t *to, size_t *room, const struct otlp_str *text,
					size_t len, uint64_t *high)
{
	const char *const ptr = record_build_pointer(&text->ptr);

	if (!record_build_take(room, len) || (ptr == NULL && len != 0))
		return RECORD_NOT_USUAL;
	return bytes_copy_text_here(to, ptr, len, high);
}

/* What an attribute takes beside its texts, at most. */
#define RECORD_BUILD_ATTRIBUTE_BYTES (RECORD_ATTRIBUTE_SHORT_BYTES + 8u)

/* In the short form: no text that fits into the buffer needs the long one. */
RECORD_BUILD uint8_t *record_build_head(uint8_t *to, uint32_t type, size_t key_len, size_t field)
{
	bytes_store16(to, (uint16_t)(type | key_len << RECORD_ATTRIBUTE_KEY_SHIFT));
	return bytes_store16(to + 2, (uint16_t)field);
}

static_assert(RECORD_BUILD_BYTES <= RECORD_ATTRIBUTE_KEY_MAX, "short heads");
static_assert(RECORD_ATTRIBUTE_FIELD_SHIFT == 16, "a head is two halves");

/* An attribute for whose head and number there is room. */
RECORD_BUILD uint8_t *record_build_attribute(uint8_t *to, size_t *room,
					     const struct otlp_attribute *item, uint64_t *high)
{
	const char *const key = record_build_pointer(&item->key.ptr);
	const size_t key_len = record_build_length(&item->key.len);
	const uint32_t type = record_build_enum(&item->value.type);

	if (key == NULL || !record_build_take(room, key_len))
		return RECORD_NOT_USUAL;
	/* In the order of how usual the types are, so that each branch is predicted apart. */
	if (type == OTLP_VALUE_STRING) {
		const char *const ptr = record_build_pointer(&item->value.as.string.ptr);
		const size_t len = record_build_length(&item->value.as.string.len);

		if (ptr == NULL || !record_build_take(room, len))
			return RECORD_NOT_USUAL;
		to = record_build_head(to, OTLP_VALUE_STRING, key_len, len);
		to = bytes_copy_text_here(to, key, key_len, high);
		return bytes_copy_text_here(to, ptr, len, high);
	}
	if (type == OTLP_VALUE_INT || type == OTLP_VALUE_DOUBLE) {
		to = record_build_head(to, type, key_len, 0);
		to = bytes_copy_text_here(to, key, key_len, high);
		return bytes_store64(to, bytes_load64(&item->value.as));
	}
	if (type != OTLP_VALUE_BOOL)
		return RECORD_NOT_USUAL;
	to = record_build_head(to, OTLP_VALUE_BOOL, key_len, item->value.as.boolean ? 1 : 0);
	return bytes_copy_text_here(to, key, key_len, high);
}

RECORD_BUILD uint8_t *record_build_attributes(uint8_t *to, size_t *room,
					      const struct otlp_attribute *items, size_t count,
					      uint64_t *high)
{
	const struct otlp_attribute *const last = record_attributes_end(items, count);
	size_t left = *room;
	uint64_t gathered = 0; /* both in a register */

	if (count == 0)
		return to;
	if (items == NULL || count > RECORD_BUILD_BYTES / RECORD_BUILD_ATTRIBUTE_BYTES ||
	    !record_build_take(&left, count * RECORD_BUILD_ATTRIBUTE_BYTES))
		return RECORD_NOT_USUAL;
	do {
		to = record_build_attribute(to, &left, items, &gathered);
		if (to == RECORD_NOT_USUAL)
			return RECORD_NOT_USUAL;
	} while (++items != last);
	*room = left;
	*high |= gathered;
	return to;
}

/* The values of a shaped record. What is not of the type that the shape says is not usual. */
RECORD_BUILD uint8_t *record_build_values(uint8_t *to, size_t *room,
					  const struct otlp_attribute *items,
					  const struct record_shape *shape, uint64_t *high)
{
	const struct otlp_attribute *const last = record_attributes_end(items, shape->count);
	const uint8_t *types = shape->types;
	size_t left = *room;
	uint64_t gathered = 0;

	if (shape->count == 0)
		return to;
	if (items == NULL || !record_build_take(&left, shape->fixed_bytes))
		return RECORD_NOT_USUAL;
	do {
		const uint32_t type = record_build_enum(&items->value.type);

		if (type != *types++)
			return RECORD_NOT_USUAL;
		if (type == OTLP_VALUE_STRING || type == OTLP_VALUE_BYTES) {
			const struct otlp_str *const text = &items->value.as.string;
			const char *const ptr = record_build_pointer(&text->ptr);
			const size_t len = record_build_length(&text->len);
			uint64_t of_bytes = 0;

			if (ptr == NULL || !record_build_take(&left, len))
				return RECORD_NOT_USUAL;
			to = bytes_store32(to, (uint32_t)len);
			to = bytes_copy_text_here(to, ptr, len, &of_bytes);
			if (type == OTLP_VALUE_STRING)
				gathered |= of_bytes;
		} else if (type == OTLP_VALUE_BOOL) {
			*to++ = items->value.as.boolean ? 1 : 0;
		} else {
			to = bytes_store64(to, bytes_load64(&items->value.as));
		}
	} while (++items != last);
	*room = left;
	*high |= gathered;
	return to;
}

/* What many records do not have. By value, and with bits of their own: what somebody has the
 * address of is not in a register. */
struct record_built_part {
	uint8_t *to; /* RECORD_NOT_USUAL */
	uint64_t high;
};

struct record_built_part record_build_scope_apart(uint8_t *to, size_t room,
						  const struct otlp_scope *scope);
struct record_built_part record_build_events_apart(uint8_t *to, size_t room,
						   const struct otlp_span_event *events,
						   size_t count);

RECORD_BUILD uint8_t *record_build_scope(uint8_t *to, size_t *room, const struct otlp_scope *scope,
					 uint64_t *high)
{
	const struct record_built_part part = record_build_scope_apart(to, *room, scope);

	*high |= part.high;
	if (part.to != RECORD_NOT_USUAL)
		*room -= (size_t)(part.to - to);
	return part.to;
}

RECORD_BUILD uint8_t *record_build_events(uint8_t *to, const size_t *room,
					  const struct otlp_span_event *events, size_t count,
					  uint64_t *high)
{
	const struct record_built_part part = record_build_events_apart(to, *room, events, count);

	*high |= part.high;
	return part.to;
}

RECORD_BUILD struct record_built record_build_done(const uint8_t *buffer, uint8_t *to,
						   uint64_t high)
{
	bytes_store64(to, 0);
	return (struct record_built){(size_t)(to - buffer), (high & BYTES_HIGH_BITS) == 0};
}

/**
 * A span, with its shape if `shape` is not NULL.
 *
 * @param buffer  RECORD_BUILD_BUFFER_BYTES
 */
RECORD_BUILD struct record_built record_build_span(uint8_t *buffer, const struct otlp_span *span,
						   const struct record_shape *shape, uint32_t refs,
						   uint32_t shape_ref)
{
	static const struct record_built not_built = {0, false};
	struct record_span_head *const head = (struct record_span_head *)buffer;
	const uint32_t kind = record_build_enum(&span->kind);
	const uint32_t status = record_build_enum(&span->status);
	const size_t event_count = record_build_length(&span->event_count);
	const size_t count = record_build_length(&span->attributes.count);
	const struct otlp_scope *const scope =
		shape != NULL ? NULL : record_inline_scope(span->scope, refs);
	const size_t name = shape != NULL ? 0 : record_build_length(&span->name.len);
	const bool has_extra = record_span_has_extra(span);
	size_t room = RECORD_BUILD_BYTES - sizeof(*head), trace_state = 0, message = 0;
	uint8_t *to = buffer + sizeof(*head);
	uint64_t high = 0;

	if (record_trace_id_is_zero(span->trace_id) || record_span_id_is_zero(span->span_id) ||
	    kind > OTLP_SPAN_KIND_CONSUMER || status > OTLP_STATUS_ERROR ||
	    span->reserved[0] != NULL || span->reserved[1] != NULL ||
	    (shape != NULL && count != shape->count))
		return not_built;
	head->kind = shape != NULL ? RECORD_SHAPED_SPAN : RECORD_SPAN;
	head->has = (uint8_t)((scope != NULL ? RECORD_HAS_SCOPE : 0) |
			      (has_extra ? RECORD_HAS_EXTRA : 0));
	head->span_kind = shape != NULL ? 0 : (uint8_t)kind;
	head->status = (uint8_t)status;
	record_write_refs(head, refs);
	head->start_time_unix_ns = span->start_time_unix_ns;
	head->end_time_unix_ns = span->end_time_unix_ns;
	memcpy(head->trace_id, span->trace_id, sizeof(head->trace_id));
	memcpy(head->span_id, span->span_id, sizeof(head->span_id));
	memcpy(head->parent_span_id, span->parent_span_id, sizeof(head->parent_span_id));
	head->flags = span->flags & RECORD_SPAN_FLAGS;
	head->name_bytes = shape != NULL ? shape_ref : (uint32_t)name;
	head->attribute_count = (uint32_t)count;
	head->event_count = (uint32_t)event_count;
	if (has_extra) {
		struct record_span_extra *const extra = (struct record_span_extra *)to;

		trace_state = record_build_length(&span->trace_state.len);
		message = record_build_length(&span->status_message.len);
		if (record_build_length(&span->link_count) != 0 ||
		    !record_build_take(&room, sizeof(*extra)))
			return not_built;
		extra->trace_state_bytes = (uint32_t)trace_state;
		extra->status_message_bytes = (uint32_t)message;
		extra->link_count = 0;
		extra->dropped_attribute_count = span->attributes.dropped;
		extra->dropped_event_count = span->dropped_event_count;
		extra->dropped_link_count = span->dropped_link_count;
		to += sizeof(*extra);
	}
	if (scope != NULL)
		to = record_build_scope(to, &room, scope, &high);
	if (trace_state != 0 && to != RECORD_NOT_USUAL)
		to = record_build_text(to, &room, &span->trace_state, trace_state, &high);
	if (shape == NULL && to != RECORD_NOT_USUAL)
		to = record_build_text(to, &room, &span->name, name, &high);
	if (message != 0 && to != RECORD_NOT_USUAL)
		to = record_build_text(to, &room, &span->status_message, message, &high);
	if (to == RECORD_NOT_USUAL)
		return not_built;
	to = shape != NULL
		     ? record_build_values(to, &room, span->attributes.items, shape, &high)
		     : record_build_attributes(to, &room, span->attributes.items, count, &high);
	if (event_count != 0 && to != RECORD_NOT_USUAL)
		to = record_build_events(to, &room, span->events, event_count, &high);
	return to == RECORD_NOT_USUAL ? not_built : record_build_done(buffer, to, high);
}

/* A body: text, or none. */
RECORD_BUILD uint8_t *record_build_body(uint8_t *to, size_t *room, const struct otlp_value *body,
					uint32_t type, uint64_t *high)
{
	size_t len;

	if (type == OTLP_VALUE_EMPTY)
		return to;
	len = record_build_length(&body->as.string.len);
	if (type != OTLP_VALUE_STRING || !record_build_take(room, RECORD_ATTRIBUTE_SHORT_BYTES))
		return RECORD_NOT_USUAL;
	to = record_build_head(to, type, 0, len);
	return record_build_text(to, room, &body->as.string, len, high);
}

/** A log record, as record_build_span(). */
RECORD_BUILD struct record_built record_build_log(uint8_t *buffer,
						  const struct otlp_log_record *log,
						  const struct record_shape *shape, uint32_t refs,
						  uint32_t shape_ref)
{
	static const struct record_built not_built = {0, false};
	struct record_log_head *const head = (struct record_log_head *)buffer;
	const struct otlp_scope *const scope =
		shape != NULL ? NULL : record_inline_scope(log->scope, refs);
	const uint32_t severity = record_build_enum(&log->severity_number);
	const uint32_t body_type = record_build_enum(&log->body.type);
	const size_t text = shape != NULL ? 0 : record_build_length(&log->severity_text.len);
	const size_t event = shape != NULL ? 0 : record_build_length(&log->event_name.len);
	const size_t count = record_build_length(&log->attributes.count);
	uint8_t *to = buffer + sizeof(*head);
	size_t room = RECORD_BUILD_BYTES - sizeof(*head);
	uint64_t high = 0;

	if (severity > OTLP_SEVERITY_FATAL4 || log->reserved[0] != NULL ||
	    log->reserved[1] != NULL || (shape != NULL && count != shape->count))
		return not_built;
	head->kind = shape != NULL ? RECORD_SHAPED_LOG : RECORD_LOG;
	head->has = (uint8_t)((scope != NULL ? RECORD_HAS_SCOPE : 0) |
			      (body_type != OTLP_VALUE_EMPTY ? RECORD_HAS_BODY : 0));
	head->severity_number = shape != NULL ? 0 : (uint8_t)severity;
	head->reserved = 0;
	record_write_refs(head, refs);
	head->time_unix_ns = log->time_unix_ns;
	head->observed_time_unix_ns = log->observed_time_unix_ns;
	memcpy(head->trace_id, log->trace_id, sizeof(head->trace_id));
	memcpy(head->span_id, log->span_id, sizeof(head->span_id));
	head->flags = log->flags & RECORD_LOG_FLAGS;
	head->severity_text_bytes = (uint32_t)text;
	head->event_name_bytes = shape != NULL ? shape_ref : (uint32_t)event;
	head->attribute_count = (uint32_t)count;
	head->dropped_attribute_count = log->attributes.dropped;
	if (scope != NULL)
		to = record_build_scope(to, &room, scope, &high);
	if (text != 0 && to != RECORD_NOT_USUAL)
		to = record_build_text(to, &room, &log->severity_text, text, &high);
	if (event != 0 && to != RECORD_NOT_USUAL)
		to = record_build_text(to, &room, &log->event_name, event, &high);
	if (to != RECORD_NOT_USUAL)
		to = record_build_body(to, &room, &log->body, body_type, &high);
	if (to == RECORD_NOT_USUAL)
		return not_built;
	to = shape != NULL
		     ? record_build_values(to, &room, log->attributes.items, shape, &high)
		     : record_build_attributes(to, &room, log->attributes.items, count, &high);
	return to == RECORD_NOT_USUAL ? not_built : record_build_done(buffer, to, high);
}

#endif
