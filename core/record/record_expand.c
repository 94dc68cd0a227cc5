/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader's half of spans and logs with a shape: a shaped record and its shape become a whole
 * record, which then is checked and encoded like every other. So there is one place that decides
 * what a valid record is. Lengths are checked here as far as the copying needs it.
 */
#include "core/record/record.h"

struct expand {
	const uint8_t *at; /* in the shaped record */
	const uint8_t *end;
	uint8_t *to;
};

static bool copy_bytes(struct expand *e, size_t bytes)
{
	if (bytes > (size_t)(e->end - e->at))
		return false;
	e->to = bytes_copy(e->to, e->at, bytes);
	e->at += bytes;
	return true;
}

int record_parse_shape(const uint8_t *bytes, size_t len, struct record_view *ret)
{
	const int rc = record_parse(bytes, len, len, ret);

	if (rc < 0)
		return rc;
	/* What a shape says must not hang on another entry, which could be a record's alone. */
	if (ret->resource != NULL || ret->scope_ref != 0)
		return -EBADMSG;
	if (ret->kind == RECORD_LOG)
		return (ret->head.log.has & ~RECORD_HAS_SCOPE) == 0 ? 0 : -EBADMSG;
	if (ret->kind != RECORD_SPAN || (ret->head.span.has & ~RECORD_HAS_SCOPE) != 0 ||
	    ret->head.span.event_count != 0)
		return -EBADMSG;
	return 0;
}

uint32_t record_shape_ref(const uint8_t *bytes, size_t len)
{
	if (len >= sizeof(struct record_span_head) && bytes[0] == RECORD_SHAPED_SPAN)
		return bytes_load32(bytes + offsetof(struct record_span_head, name_bytes));
	if (len >= sizeof(struct record_log_head) && bytes[0] == RECORD_SHAPED_LOG)
		return bytes_load32(bytes + offsetof(struct record_log_head, event_name_bytes));
	return 0;
}

/* An attribute of the shape, with the value of the record. The shape's own value is empty or 8
 * bytes. */
static bool expand_attribute(struct expand *e, const struct record_attribute *attribute)
{
	const size_t left = (size_t)(e->end - e->at);
	uint32_t field = 0;
	size_t value_bytes = 8;

	if (attribute->type == OTLP_VALUE_STRING || attribute->type == OTLP_VALUE_BYTES) {
		if (left < sizeof(uint32_t))
			return false;
		field = bytes_load32(e->at);
		value_bytes = field;
		e->at += sizeof(uint32_t);
	} else if (attribute->type == OTLP_VALUE_BOOL) {
		if (left == 0)
			return false;
		field = *e->at++;
		value_bytes = 0;
	} else if (attribute->type != OTLP_VALUE_INT && attribute->type != OTLP_VALUE_DOUBLE) {
		return false;
	}
	e->to = record_attribute_write(e->to, attribute->type, attribute->key_bytes, field);
	e->to = bytes_copy(e->to, attribute->key, attribute->key_bytes);
	return copy_bytes(e, value_bytes);
}

/* The record's resource, and the shape's scope behind it. */
static bool expand_sections(struct expand *e, const struct record_view *shape, uint8_t has)
{
	uint32_t resource_bytes;

	if (has & RECORD_HAS_RESOURCE) {
		if ((size_t)(e->end - e->at) < sizeof(resource_bytes))
			return false;
		resource_bytes = bytes_load32(e->at);
		if (!copy_bytes(e, sizeof(resource_bytes)) || !copy_bytes(e, resource_bytes))
			return false;
	}
	if (shape->scope != NULL) {
		e->to = bytes_store32(e->to, (uint32_t)shape->scope_bytes);
		e->to = bytes_copy(e->to, shape->scope, shape->scope_bytes);
	}
	return true;
}

static bool expand_attributes(struct expand *e, const uint8_t *shape_at, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct record_attribute attribute;

		record_attribute_read(shape_at, &attribute);
		if (!expand_attribute(e, &attribute))
			return false;
		shape_at = attribute.value + attribute.value_bytes;
	}
	return true;
}

/* Head, extra and the sections of a span. */
static bool expand_span_heads(struct expand *e, const struct record_view *shape,
			      struct record_span_extra *ret_extra)
{
	struct record_span_head head;

	if ((size_t)(e->end - e->at) < sizeof(head))
		return false;
	memcpy(&head, e->at, sizeof(head));
	e->at += sizeof(head);
	if (head.attribute_count != shape->head.span.attribute_count || head.span_kind != 0 ||
	    head.scope_ref != 0 || (head.has & ~(RECORD_HAS_RESOURCE | RECORD_HAS_EXTRA)) != 0)
		return false;
	head.kind = RECORD_SPAN;
	head.span_kind = shape->head.span.span_kind;
	head.name_bytes = shape->head.span.name_bytes;
	head.has |= shape->head.span.has & RECORD_HAS_SCOPE;
	memcpy(e->to, &head, sizeof(head));
	e->to += sizeof(head);
	memset(ret_extra, 0, sizeof(*ret_extra));
	if (head.has & RECORD_HAS_EXTRA) {
		if ((size_t)(e->end - e->at) < sizeof(*ret_extra))
			return false;
		memcpy(ret_extra, e->at, sizeof(*ret_extra));
		copy_bytes(e, sizeof(*ret_extra));
	}
	return expand_sections(e, shape, head.has);
}

static bool expand_span(struct expand *e, const struct record_view *shape)
{
	const uint8_t *const shape_attributes = shape->body + shape->head.span.name_bytes;
	struct record_span_extra extra;

	if (!expand_span_heads(e, shape, &extra) || !copy_bytes(e, extra.trace_state_bytes))
		return false;
	e->to = bytes_copy(e->to, shape->body, shape->head.span.name_bytes);
	return copy_bytes(e, extra.status_message_bytes) &&
	       expand_attributes(e, shape_attributes, shape->head.span.attribute_count);
}

/* The body is an attribute without a key, whose head says how long it is. */
static bool expand_body(struct expand *e)
{
	const size_t left = (size_t)(e->end - e->at);
	struct record_attribute body;

	if (left < RECORD_ATTRIBUTE_SHORT_BYTES ||
	    ((bytes_load32(e->at) & RECORD_ATTRIBUTE_LONG) && left < RECORD_ATTRIBUTE_LONG_BYTES))
		return false;
	record_attribute_read(e->at, &body);
	return copy_bytes(e, (size_t)body.head_bytes + body.key_bytes + body.value_bytes);
}

static bool expand_log(struct expand *e, const struct record_view *shape)
{
	const struct record_log_head *const of = &shape->head.log;
	const size_t text_bytes = (size_t)of->severity_text_bytes + of->event_name_bytes;
	struct record_log_head head;

	if ((size_t)(e->end - e->at) < sizeof(head))
		return false;
	memcpy(&head, e->at, sizeof(head));
	e->at += sizeof(head);
	if (head.attribute_count != of->attribute_count || head.severity_number != 0 ||
	    head.severity_text_bytes != 0 || head.scope_ref != 0 ||
	    (head.has & ~(RECORD_HAS_RESOURCE | RECORD_HAS_BODY)) != 0)
		return false;
	head.kind = RECORD_LOG;
	head.severity_number = of->severity_number;
	head.severity_text_bytes = of->severity_text_bytes;
	head.event_name_bytes = of->event_name_bytes;
	head.has |= of->has & RECORD_HAS_SCOPE;
	memcpy(e->to, &head, sizeof(head));
	e->to += sizeof(head);
	if (!expand_sections(e, shape, head.has))
		return false;
	e->to = bytes_copy(e->to, shape->body, text_bytes);
	return (!(head.has & RECORD_HAS_BODY) || expand_body(e)) &&
	       expand_attributes(e, shape->body + text_bytes, of->attribute_count);
}

int record_expand(const uint8_t *bytes, size_t len, const struct record_view *shape, uint8_t *to,
		  size_t *ret_len)
{
	struct expand e = {.at = bytes, .end = bytes + len, .to = to};
	bool ok = false;

	if (len == 0)
		return -EBADMSG;
	if (bytes[0] == RECORD_SHAPED_SPAN && shape->kind == RECORD_SPAN)
		ok = expand_span(&e, shape);
	else if (bytes[0] == RECORD_SHAPED_LOG && shape->kind == RECORD_LOG)
		ok = expand_log(&e, shape);
	/* What follows is as it is: a span's events and links. */
	if (!ok || !copy_bytes(&e, (size_t)(e.end - e.at)))
		return -EBADMSG;
	*ret_len = (size_t)(e.to - to);
	return 0;
}
