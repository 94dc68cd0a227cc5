/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The encoders of usual records. The order of the fields is that of encode_span.c and encode_log.c,
 * and the proof of the bound encode.c's: it counts bytes of the record, and each is read once.
 */
#include "writer/encode/encode_usual.h"

#include "writer/encode/encode_usual_item.h"

static __attribute__((noinline)) uint8_t *usual_event(struct usual *u, uint8_t *to)
{
	const uint8_t *const head = u->at + sizeof(uint32_t);
	const uint8_t *const name = head + sizeof(struct record_event_head);
	struct wire_message message;
	uint32_t bytes, name_bytes, count, dropped;
	struct usual event;

	if (usual_left(u) < sizeof(bytes) + sizeof(struct record_event_head))
		return NULL;
	bytes = usual_load32(u->at);
	name_bytes = usual_load32(head + offsetof(struct record_event_head, name_bytes));
	count = usual_load32(head + offsetof(struct record_event_head, attribute_count));
	dropped = usual_load32(head + offsetof(struct record_event_head, dropped_attribute_count));
	if (bytes > usual_left(u) - sizeof(bytes) ||
	    (uint64_t)sizeof(struct record_event_head) + name_bytes > bytes)
		return NULL;
	event = (struct usual){name + name_bytes, head + bytes};
	to = wire_open(to, 0x5a, bytes, &message);	 /* Span.events */
	to = wire_fixed64(to, 0x09, usual_load64(head)); /* time_unix_nano */
	to = usual_text(to, 0x12, name, name_bytes);	 /* name */
	if (to != NULL)
		to = usual_attributes(&event, to, 0x1a, count, NULL);
	if (to == NULL || event.at != event.end)
		return NULL;
	to = wire_uint(to, 0x20, dropped);
	wire_close(&message, to);
	u->at = event.end;
	return to;
}

/* The heads' first eight bytes, which all records have: one word. */
#define HEAD_HAS_SHIFT	 8
#define HEAD_BYTE_2	 16
#define HEAD_BYTE_3	 24
#define HEAD_REFS_SHIFT	 32
#define HEAD_SCOPE_SHIFT 48

static_assert(offsetof(struct record_span_head, has) == 1, "record layout");
static_assert(offsetof(struct record_span_head, span_kind) == 2, "record layout");
static_assert(offsetof(struct record_span_head, status) == 3, "record layout");
static_assert(offsetof(struct record_span_head, resource_ref) == 4, "record layout");
static_assert(offsetof(struct record_span_head, scope_ref) == 6, "record layout");
static_assert(offsetof(struct record_log_head, severity_number) == 2, "record layout");
static_assert(offsetof(struct record_log_head, resource_ref) == 4, "record layout");
static_assert(offsetof(struct record_log_head, scope_ref) == 6, "record layout");

static inline bool head_is_usual(uint64_t head, enum record_kind kind, unsigned int has)
{
	return (uint8_t)head == kind && ((uint8_t)(head >> HEAD_HAS_SHIFT) & ~has) == 0 &&
	       (uint16_t)(head >> HEAD_REFS_SHIFT) != 0;
}

/* Left out when it says nothing. */
USUAL uint8_t *usual_status(uint8_t *to, uint8_t code, const uint8_t *text, size_t text_len)
{
	size_t len = code != 0 ? 2 : 0;

	if (text_len != 0)
		len += 1 + wire_varint_bytes(text_len) + text_len;
	if (len == 0)
		return to;
	*to++ = 0x7a;						     /* Span.status */
	to = usual_text(wire_varint(to, len), 0x12, text, text_len); /* message */
	return to == NULL ? NULL : wire_uint(to, 0x18, code);	     /* code */
}

/* Of a span's extra, what is used more than once. */
struct usual_extra {
	uint32_t trace_state_bytes;
	uint32_t message_bytes;
	uint32_t dropped_attributes;
	uint32_t dropped_events;
	uint32_t dropped_links;
};

#define EXTRA(u, field) usual_load32((u)->at + offsetof(struct record_span_extra, field))

static inline bool usual_take_extra(struct usual *u, struct usual_extra *ret)
{
	if (usual_left(u) < sizeof(struct record_span_extra) || EXTRA(u, link_count) != 0)
		return false;
	ret->trace_state_bytes = EXTRA(u, trace_state_bytes);
	ret->message_bytes = EXTRA(u, status_message_bytes);
	ret->dropped_attributes = EXTRA(u, dropped_attribute_count);
	ret->dropped_events = EXTRA(u, dropped_event_count);
	ret->dropped_links = EXTRA(u, dropped_link_count);
	u->at += sizeof(struct record_span_extra);
	return true;
}

#define SPAN(field) (from + offsetof(struct record_span_head, field))

USUAL uint8_t *usual_span(const uint8_t *from, size_t len, const struct record_view *shape,
			  uint8_t *to, uint32_t *ret_refs)
{
	const uint64_t head = usual_load64(from);
	const bytes_pair trace_id = usual_load_pair(SPAN(trace_id));
	const uint64_t span_id = usual_load64(SPAN(span_id));
	const uint64_t parent_id = usual_load64(SPAN(parent_span_id));
	const uint32_t flags = usual_load32(SPAN(flags));
	const uint32_t count = usual_load32(SPAN(attribute_count));
	const uint32_t event_count = usual_load32(SPAN(event_count));
	const uint8_t status = (uint8_t)(head >> HEAD_BYTE_3);
	/* The shape's, where there is one: the record has a zero, and the shape's reference. */
	const uint32_t name_bytes =
		shape != NULL ? shape->head.span.name_bytes : usual_load32(SPAN(name_bytes));
	const uint8_t kind =
		shape != NULL ? shape->head.span.span_kind : (uint8_t)(head >> HEAD_BYTE_2);
	struct usual u = {from + sizeof(struct record_span_head), from + len};
	struct usual_extra extra = {0};
	const uint8_t *state_text, *name_text, *message_text;
	struct wire_message message;

	if (!head_is_usual(head, shape != NULL ? RECORD_SHAPED_SPAN : RECORD_SPAN,
			   RECORD_HAS_EXTRA) ||
	    status > OTLP_STATUS_ERROR || (flags & ~RECORD_SPAN_FLAGS) != 0 ||
	    !usual_is_set(trace_id) || span_id == 0)
		return NULL;
	if (shape != NULL ? (uint8_t)(head >> HEAD_BYTE_2) != 0 ||
				    (uint16_t)(head >> HEAD_SCOPE_SHIFT) != 0 ||
				    count != shape->head.span.attribute_count
			  : kind > OTLP_SPAN_KIND_CONSUMER)
		return NULL;
	if ((uint8_t)(head >> HEAD_HAS_SHIFT) != 0 && !usual_take_extra(&u, &extra))
		return NULL;
	if ((uint64_t)extra.trace_state_bytes + (shape != NULL ? 0 : name_bytes) +
		    extra.message_bytes >
	    usual_left(&u))
		return NULL;
	*ret_refs = (uint32_t)(head >> HEAD_REFS_SHIFT);
	state_text = u.at;
	name_text = shape != NULL ? shape->body : state_text + extra.trace_state_bytes;
	message_text = state_text + extra.trace_state_bytes + (shape != NULL ? 0 : name_bytes);
	u.at = message_text + extra.message_bytes;

	/* ScopeSpans.spans */
	to = wire_open(to, 0x12, shape != NULL ? record_expand_bound(len, shape) : len, &message);
	to = wire_trace_id(to, 0x0a, (const uint8_t *)&trace_id);
	to = wire_span_id(to, 0x12, (const uint8_t *)&span_id);
	to = usual_text(to, 0x1a, state_text, extra.trace_state_bytes); /* trace_state */
	if (to == NULL)
		return NULL;
	if (parent_id != 0)
		to = wire_span_id(to, 0x22, (const uint8_t *)&parent_id);
	to = usual_text(to, 0x2a, name_text, name_bytes); /* name */
	if (to == NULL)
		return NULL;
	to = wire_uint(to, 0x30, kind);					     /* kind */
	to = wire_fixed64(to, 0x39, usual_load64(SPAN(start_time_unix_ns))); /* start_time_… */
	to = wire_fixed64(to, 0x41, usual_load64(SPAN(end_time_unix_ns)));   /* end_time_… */
	to = usual_attributes(&u, to, 0x4a, count,
			      shape != NULL ? shape->body + shape->head.span.name_bytes : NULL);
	if (to == NULL)
		return NULL;
	to = wire_uint(to, 0x50, extra.dropped_attributes);
	for (uint32_t i = 0; i < event_count; i++) {
		to = usual_event(&u, to);
		if (to == NULL)
			return NULL;
	}
	to = wire_uint(to, 0x60, extra.dropped_events);
	to = wire_uint(to, 0x70, extra.dropped_links);
	to = usual_status(to, status, message_text, extra.message_bytes);
	if (to == NULL || u.at != u.end)
		return NULL;
	if (flags != 0) {
		*to++ = 0x85; /* flags, fixed32 */
		*to++ = 0x01;
		to = bytes_store32(to, flags);
	}
	wire_close(&message, to);
	return to;
}

/* Text, as an AnyValue: the record has a head without a key in front of it. */
USUAL uint8_t *usual_body(struct usual *u, uint8_t *to, uint8_t tag)
{
	const size_t left = usual_left(u);
	const uint32_t word = left >= RECORD_ATTRIBUTE_SHORT_BYTES ? usual_load32(u->at) : 0;
	const size_t field = word >> RECORD_ATTRIBUTE_FIELD_SHIFT;
	const uint8_t *const text = u->at + RECORD_ATTRIBUTE_SHORT_BYTES;

	if ((word & ((1u << RECORD_ATTRIBUTE_FIELD_SHIFT) - 1)) != OTLP_VALUE_STRING ||
	    RECORD_ATTRIBUTE_SHORT_BYTES + field > left)
		return NULL;
	u->at = text + field;
	*to++ = tag;
	to = wire_varint(to, 1 + wire_varint_bytes(field) + field);
	*to++ = ENCODE_TAG_STRING;
	return usual_copy(wire_varint(to, field), text, field);
}

#define LOG(field) (from + offsetof(struct record_log_head, field))

USUAL uint8_t *usual_log(const uint8_t *from, size_t len, const struct record_view *shape,
			 uint8_t *to, uint32_t *ret_refs)
{
	const uint64_t head = usual_load64(from);
	const bytes_pair trace_id = usual_load_pair(LOG(trace_id));
	const uint64_t span_id = usual_load64(LOG(span_id));
	const uint32_t flags = usual_load32(LOG(flags));
	const uint32_t count = usual_load32(LOG(attribute_count));
	const uint32_t own_text_bytes = usual_load32(LOG(severity_text_bytes));
	/* The shape's, where there is one: the record has zeros, and the shape's reference. */
	const uint32_t text_bytes =
		shape != NULL ? shape->head.log.severity_text_bytes : own_text_bytes;
	const uint32_t event_bytes = shape != NULL ? shape->head.log.event_name_bytes
						   : usual_load32(LOG(event_name_bytes));
	const uint8_t severity =
		shape != NULL ? shape->head.log.severity_number : (uint8_t)(head >> HEAD_BYTE_2);
	struct usual u = {from + sizeof(struct record_log_head), from + len};
	const uint8_t *const text = shape != NULL ? shape->body : u.at;
	struct wire_message message;

	if (!head_is_usual(head, shape != NULL ? RECORD_SHAPED_LOG : RECORD_LOG, RECORD_HAS_BODY) ||
	    (uint8_t)(head >> HEAD_BYTE_3) != 0 || (flags & ~RECORD_LOG_FLAGS) != 0)
		return NULL;
	if (shape != NULL ? (uint8_t)(head >> HEAD_BYTE_2) != 0 || own_text_bytes != 0 ||
				    (uint16_t)(head >> HEAD_SCOPE_SHIFT) != 0 ||
				    count != shape->head.log.attribute_count
			  : severity > OTLP_SEVERITY_FATAL4 ||
				    (uint64_t)text_bytes + event_bytes > usual_left(&u))
		return NULL;
	*ret_refs = (uint32_t)(head >> HEAD_REFS_SHIFT);
	if (shape == NULL)
		u.at += text_bytes + event_bytes;

	/* ScopeLogs.log_records */
	to = wire_open(to, 0x12, shape != NULL ? record_expand_bound(len, shape) : len, &message);
	to = wire_fixed64(to, 0x09, usual_load64(LOG(time_unix_ns))); /* time_unix_nano */
	to = wire_uint(to, 0x10, severity);			      /* severity_number */
	to = usual_text(to, 0x1a, text, text_bytes);		      /* severity_text */
	if (to != NULL && (uint8_t)(head >> HEAD_HAS_SHIFT) != 0)
		to = usual_body(&u, to, 0x2a); /* body */
	if (to != NULL)
		to = usual_attributes(&u, to, 0x32, count,
				      shape != NULL ? text + text_bytes + event_bytes : NULL);
	if (to == NULL || u.at != u.end)
		return NULL;
	to = wire_uint(to, 0x38, usual_load32(LOG(dropped_attribute_count)));
	if (flags != 0) {
		*to++ = 0x45; /* flags, fixed32 */
		to = bytes_store32(to, flags);
	}
	if (usual_is_set(trace_id))
		to = wire_trace_id(to, 0x4a, (const uint8_t *)&trace_id);
	if (span_id != 0)
		to = wire_span_id(to, 0x52, (const uint8_t *)&span_id);
	to = wire_fixed64(to, 0x59, usual_load64(LOG(observed_time_unix_ns)));
	to = usual_text(to, 0x62, text + text_bytes, event_bytes); /* event_name */
	if (to != NULL)
		wire_close(&message, to);
	return to;
}

/* Functions of their own, so that neither is slower for the other. */
static __attribute__((noinline)) uint8_t *usual_whole_span(const uint8_t *from, size_t len,
							   uint8_t *to, uint32_t *ret_refs)
{
	return usual_span(from, len, NULL, to, ret_refs);
}

static __attribute__((noinline)) uint8_t *usual_shaped_span(const uint8_t *from, size_t len,
							    const struct record_view *shape,
							    uint8_t *to, uint32_t *ret_refs)
{
	return usual_span(from, len, shape, to, ret_refs);
}

static __attribute__((noinline)) uint8_t *usual_whole_log(const uint8_t *from, size_t len,
							  uint8_t *to, uint32_t *ret_refs)
{
	return usual_log(from, len, NULL, to, ret_refs);
}

static __attribute__((noinline)) uint8_t *usual_shaped_log(const uint8_t *from, size_t len,
							   const struct record_view *shape,
							   uint8_t *to, uint32_t *ret_refs)
{
	return usual_log(from, len, shape, to, ret_refs);
}

uint8_t *encode_usual(enum otlp_signal signal, const uint8_t *from, size_t len, uint8_t *to,
		      uint32_t *ret_refs)
{
	if (len > OTLP_RECORD_BYTES_MAX)
		return NULL;
	if (signal == OTLP_SIGNAL_TRACES && len >= sizeof(struct record_span_head))
		return usual_whole_span(from, len, to, ret_refs);
	if (signal == OTLP_SIGNAL_LOGS && len >= sizeof(struct record_log_head))
		return usual_whole_log(from, len, to, ret_refs);
	return NULL;
}

uint32_t encode_usual_shape_ref(enum otlp_signal signal, const uint8_t *from, size_t len)
{
	if (signal == OTLP_SIGNAL_TRACES && len >= sizeof(struct record_span_head) &&
	    (uint8_t)usual_load32(from) == RECORD_SHAPED_SPAN)
		return usual_load32(SPAN(name_bytes));
	if (signal == OTLP_SIGNAL_LOGS && len >= sizeof(struct record_log_head) &&
	    (uint8_t)usual_load32(from) == RECORD_SHAPED_LOG)
		return usual_load32(LOG(event_name_bytes));
	return 0;
}

uint8_t *encode_usual_shaped(const uint8_t *from, size_t len, const struct record_view *shape,
			     uint8_t *to, uint32_t *ret_refs)
{
	/* Whole it may be larger than any record: what it is then, record_expand() finds out. */
	if (record_expand_bound(len, shape) > OTLP_RECORD_BYTES_MAX)
		return NULL;
	if (shape->kind == RECORD_SPAN && len >= sizeof(struct record_span_head))
		return usual_shaped_span(from, len, shape, to, ret_refs);
	if (shape->kind == RECORD_LOG && len >= sizeof(struct record_log_head))
		return usual_shaped_log(from, len, shape, to, ret_refs);
	return NULL;
}
