/* SPDX-License-Identifier: Apache-2.0 */
/* The one-pass encoder for spans. The proof of the bound is encode.c's. */
#include "writer/encode/encode_span.h"

#include "writer/encode/encode_attribute.h"

static uint8_t *put_event(uint8_t *to, const uint8_t **from, const uint8_t *end)
{
	const uint32_t bytes = bytes_load32(*from);
	const uint8_t *at = *from + sizeof(bytes);
	struct record_event_head head;
	struct wire_message message;

	memcpy(&head, at, sizeof(head));
	at += sizeof(head);
	to = wire_open(to, 0x5a, bytes, &message);	    /* Span.events */
	to = wire_fixed64(to, 0x09, head.time_unix_ns);	    /* time_unix_nano */
	to = wire_text(to, 0x12, at, head.name_bytes, end); /* name */
	at += head.name_bytes;
	to = encode_attributes(to, 0x1a, &at, head.attribute_count, end);
	to = wire_uint(to, 0x20, head.dropped_attribute_count);
	wire_close(&message, to);
	*from = at;
	return to;
}

static uint8_t *put_link(uint8_t *to, const uint8_t **from, const uint8_t *end)
{
	const uint32_t bytes = bytes_load32(*from);
	const uint8_t *at = *from + sizeof(bytes);
	struct record_link_head head;
	struct wire_message message;

	memcpy(&head, at, sizeof(head));
	at += sizeof(head);
	to = wire_open(to, 0x6a, bytes, &message); /* Span.links */
	to = wire_trace_id(to, 0x0a, head.trace_id);
	to = wire_span_id(to, 0x12, head.span_id);
	to = wire_text(to, 0x1a, at, head.trace_state_bytes, end); /* trace_state */
	at += head.trace_state_bytes;
	to = encode_attributes(to, 0x22, &at, head.attribute_count, end);
	to = wire_uint(to, 0x28, head.dropped_attribute_count);
	if (head.flags != 0) {
		*to++ = 0x35; /* flags, fixed32 */
		to = bytes_store32(to, head.flags);
	}
	wire_close(&message, to);
	*from = at;
	return to;
}

/* Left out when it says nothing. Its length is known before. */
static uint8_t *put_status(uint8_t *to, uint8_t code, const uint8_t *text, size_t text_len,
			   const uint8_t *end)
{
	size_t len = code != 0 ? 2 : 0;

	if (text_len != 0)
		len += 1 + wire_varint_bytes(text_len) + text_len;
	if (len == 0)
		return to;
	*to++ = 0x7a; /* Span.status */
	to = wire_varint(to, len);
	to = wire_text(to, 0x12, text, text_len, end); /* message */
	return wire_uint(to, 0x18, code);	       /* code */
}

/* The Span's fields up to the attributes. */
static inline uint8_t *put_span_head(uint8_t *to, const struct record_span_head *head,
				     const uint8_t *trace_state, size_t trace_state_len,
				     const uint8_t *end)
{
	const uint8_t *const name = trace_state + trace_state_len;

	to = wire_trace_id(to, 0x0a, head->trace_id);
	to = wire_span_id(to, 0x12, head->span_id);
	to = wire_text(to, 0x1a, trace_state, trace_state_len, end); /* trace_state */
	if (bytes_load64(head->parent_span_id) != 0)
		to = wire_span_id(to, 0x22, head->parent_span_id);
	to = wire_text(to, 0x2a, name, head->name_bytes, end); /* name */
	to = wire_uint(to, 0x30, head->span_kind);	       /* kind */
	to = wire_fixed64(to, 0x39, head->start_time_unix_ns); /* start_time_unix_nano */
	return wire_fixed64(to, 0x41, head->end_time_unix_ns); /* end_time_unix_nano */
}

uint8_t *encode_span(const struct record_view *view, uint8_t *to)
{
	const struct record_span_head *const head = &view->head.span;
	const struct record_span_extra *const extra = &view->extra;
	const uint8_t *const message_text =
		view->body + extra->trace_state_bytes + head->name_bytes;
	const uint8_t *from = message_text + extra->status_message_bytes;
	const uint8_t *const end = view->read_end;
	struct wire_message message;

	to = wire_open(to, 0x12, view->len, &message); /* ScopeSpans.spans */
	to = put_span_head(to, head, view->body, extra->trace_state_bytes, end);
	to = encode_attributes(to, 0x4a, &from, head->attribute_count, end);
	to = wire_uint(to, 0x50, extra->dropped_attribute_count);
	for (uint32_t i = 0; i < head->event_count; i++)
		to = put_event(to, &from, end);
	to = wire_uint(to, 0x60, extra->dropped_event_count);
	for (uint32_t i = 0; i < extra->link_count; i++)
		to = put_link(to, &from, end);
	to = wire_uint(to, 0x70, extra->dropped_link_count);
	to = put_status(to, head->status, message_text, extra->status_message_bytes, end);
	if (head->flags != 0) {
		*to++ = 0x85; /* flags, fixed32 */
		*to++ = 0x01;
		to = bytes_store32(to, head->flags);
	}
	assert(from == view->bytes + view->len);
	wire_close(&message, to);
	return to;
}
