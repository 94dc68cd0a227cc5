/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader's half of spans with a shape: a shaped span and its shape become the record of a whole
 * span, which then is checked and encoded like every other. So there is one place that decides what
 * a valid span is. Lengths are checked here as far as the copying needs it.
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
	if (ret->kind != RECORD_SPAN || ret->resource != NULL ||
	    (ret->head.span.has & ~RECORD_HAS_SCOPE) != 0 || ret->head.span.event_count != 0)
		return -EBADMSG;
	return 0;
}

uint32_t record_shape_ref(const uint8_t *bytes, size_t len)
{
	if (len < sizeof(struct record_span_head) || bytes[0] != RECORD_SHAPED_SPAN)
		return 0;
	return bytes_load32(bytes + offsetof(struct record_span_head, name_bytes));
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

/* Head, extra and the sections: the shape's scope comes behind the record's resource. */
static bool expand_heads(struct expand *e, const struct record_view *shape,
			 struct record_span_extra *ret_extra)
{
	struct record_span_head head;
	uint32_t resource_bytes;

	if ((size_t)(e->end - e->at) < sizeof(head))
		return false;
	memcpy(&head, e->at, sizeof(head));
	e->at += sizeof(head);
	if (head.attribute_count != shape->head.span.attribute_count || head.span_kind != 0 ||
	    (head.has & ~(RECORD_HAS_RESOURCE | RECORD_HAS_EXTRA)) != 0)
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
	if (head.has & RECORD_HAS_RESOURCE) {
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

int record_expand(const uint8_t *bytes, size_t len, const struct record_view *shape, uint8_t *to,
		  size_t *ret_len)
{
	struct expand e = {.at = bytes, .end = bytes + len, .to = to};
	const uint8_t *shape_at = shape->body;
	struct record_span_extra extra;

	if (!expand_heads(&e, shape, &extra) || !copy_bytes(&e, extra.trace_state_bytes))
		return -EBADMSG;
	e.to = bytes_copy(e.to, shape_at, shape->head.span.name_bytes);
	shape_at += shape->head.span.name_bytes;
	if (!copy_bytes(&e, extra.status_message_bytes))
		return -EBADMSG;
	for (uint32_t i = 0; i < shape->head.span.attribute_count; i++) {
		struct record_attribute attribute;

		record_attribute_read(shape_at, &attribute);
		if (!expand_attribute(&e, &attribute))
			return -EBADMSG;
		shape_at = attribute.value + attribute.value_bytes;
	}
	if (!copy_bytes(&e, (size_t)(e.end - e.at)))
		return -EBADMSG;
	*ret_len = (size_t)(e.to - to);
	return 0;
}
