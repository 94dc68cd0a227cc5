/* SPDX-License-Identifier: Apache-2.0 */
/* The parts that records of all signals have: attributes, resource, scope. */
#include "core/record/record_cursor.h"

static bool check_container(const struct record_attribute *attribute, unsigned int depth);

/* Is this what the write side makes of a value? Its bytes are all there. */
static inline bool check_value(const struct record_attribute *attribute, unsigned int depth)
{
	switch (attribute->type) {
	case OTLP_VALUE_STRING:
		return utf8_is_valid(attribute->value, attribute->field);
	case OTLP_VALUE_BYTES:
		return true;
	case OTLP_VALUE_BOOL:
		return attribute->field <= 1;
	case OTLP_VALUE_ARRAY:
	case OTLP_VALUE_KVLIST:
		return check_container(attribute, depth);
	default:
		return attribute->field == 0;
	}
}

/* Equal data must have equal bytes: only one of the two heads is right for an attribute. */
static inline bool head_is_canonical(const uint8_t *at, const struct record_attribute *attribute)
{
	const bool is_container =
		attribute->type == OTLP_VALUE_ARRAY || attribute->type == OTLP_VALUE_KVLIST;
	const bool is_long = is_container || attribute->key_bytes > RECORD_ATTRIBUTE_KEY_MAX ||
			     attribute->field > RECORD_ATTRIBUTE_FIELD_MAX;

	if (attribute->head_bytes == RECORD_ATTRIBUTE_SHORT_BYTES)
		return !is_container;
	return is_long &&
	       (bytes_load32(at) & ~(RECORD_ATTRIBUTE_TYPE | RECORD_ATTRIBUTE_LONG)) == 0;
}

/* The bytes of a short attribute with a string or a scalar; 0: another one, or one that is not
 * right. */
static inline size_t usual_attribute_bytes(uint32_t word, size_t *ret_text_bytes)
{
	const uint32_t type = word & (RECORD_ATTRIBUTE_TYPE | RECORD_ATTRIBUTE_LONG);
	const size_t key_bytes = word >> RECORD_ATTRIBUTE_KEY_SHIFT & RECORD_ATTRIBUTE_KEY_MAX;
	const size_t field = word >> RECORD_ATTRIBUTE_FIELD_SHIFT;

	*ret_text_bytes = key_bytes;
	if (type == OTLP_VALUE_STRING) {
		*ret_text_bytes += field;
		return RECORD_ATTRIBUTE_SHORT_BYTES + key_bytes + field;
	}
	if ((type == OTLP_VALUE_INT || type == OTLP_VALUE_DOUBLE) && field == 0)
		return RECORD_ATTRIBUTE_SHORT_BYTES + key_bytes + 8;
	if (type == OTLP_VALUE_BOOL && field <= 1)
		return RECORD_ATTRIBUTE_SHORT_BYTES + key_bytes;
	return 0;
}

/*
 * Take attributes as long as they are the usual ones: short, with a key, a string or a scalar, all
 * of whose text is ASCII. Key and value lie one behind the other, so their text is one piece.
 * Answers how many were taken; the next one is cursor_take_attribute()'s, which alone
 * decides what is wrong. Where there is other text than ASCII, none is taken, and *is_ascii becomes
 * false.
 */
static uint32_t take_usual_attributes(struct cursor *c, uint32_t count, bool *is_ascii)
{
	const uint8_t *at = c->at;
	high_bits high = {0, 0};
	uint32_t i;

	for (i = 0; i < count; i++) {
		size_t bytes, text_bytes;

		if (c->read_end - at <
		    (ptrdiff_t)(RECORD_ATTRIBUTE_SHORT_BYTES + RECORD_SLACK_BYTES))
			break;
		bytes = usual_attribute_bytes(bytes_load32(at), &text_bytes);
		if (bytes - 1 >= (size_t)(c->end - at) || text_bytes > RECORD_SLACK_BYTES)
			break;
		gather_high_bits(&high, at + RECORD_ATTRIBUTE_SHORT_BYTES, text_bytes);
		at += bytes;
	}
	if (has_high_bits(high)) {
		*is_ascii = false;
		return 0;
	}
	c->at = at;
	return i;
}

static __attribute__((noinline)) bool take_attribute(struct cursor *c, bool has_keys,
						     unsigned int depth)
{
	const uint8_t *const at = c->at;
	struct record_attribute attribute;

	if (cursor_left(c) < RECORD_ATTRIBUTE_SHORT_BYTES ||
	    ((bytes_load32(at) & RECORD_ATTRIBUTE_LONG) &&
	     cursor_left(c) < RECORD_ATTRIBUTE_LONG_BYTES))
		return false;
	record_attribute_read(at, &attribute);
	if (!cursor_take(c, (size_t)attribute.head_bytes + attribute.key_bytes +
				    attribute.value_bytes))
		return false;
	if (!head_is_canonical(at, &attribute) || !check_value(&attribute, depth))
		return false;
	return has_keys ? utf8_is_valid(attribute.key, attribute.key_bytes)
			: attribute.key_bytes == 0;
}

static bool take_attributes(struct cursor *c, uint32_t count, bool has_keys, unsigned int depth)
{
	bool may_be_usual = has_keys;

	if (count != 0 && depth > OTLP_VALUE_DEPTH_MAX)
		return false;
	/* Each turn takes at least four bytes or ends: a count of 2^32 costs nothing. */
	for (uint32_t i = 0; i < count; i++) {
		if (may_be_usual) {
			i += take_usual_attributes(c, count - i, &may_be_usual);
			if (i == count)
				break;
		}
		if (!take_attribute(c, has_keys, depth))
			return false;
	}
	return true;
}

static bool check_container(const struct record_attribute *attribute, unsigned int depth)
{
	const uint8_t *const end = attribute->value + attribute->value_bytes;
	struct cursor c = {attribute->value, end, end};
	uint32_t count;

	return cursor_take_copy(&c, &count, sizeof(count)) &&
	       take_attributes(&c, count, attribute->type == OTLP_VALUE_KVLIST, depth + 1) &&
	       cursor_left(&c) == 0;
}

bool cursor_take_attributes(struct cursor *c, uint32_t count)
{
	return take_attributes(c, count, true, 1);
}

bool cursor_take_value(struct cursor *c)
{
	return take_attribute(c, false, 1);
}

bool cursor_check_resource(struct cursor c)
{
	struct record_resource_head head;

	return cursor_take_copy(&c, &head, sizeof(head)) &&
	       cursor_take_text(&c, head.schema_url_bytes) &&
	       cursor_take_last_attributes(&c, head.attribute_count);
}

bool cursor_check_scope(struct cursor c)
{
	struct record_scope_head head;

	return cursor_take_copy(&c, &head, sizeof(head)) && cursor_take_text(&c, head.name_bytes) &&
	       cursor_take_text(&c, head.version_bytes) &&
	       cursor_take_text(&c, head.schema_url_bytes) &&
	       cursor_take_last_attributes(&c, head.attribute_count);
}

bool cursor_take_sections(struct cursor *c, uint8_t has, struct record_view *view)
{
	struct cursor section;

	if (!(has & RECORD_HAS_RESOURCE) != (view->resource_ref != 0))
		return false;
	if (has & RECORD_HAS_RESOURCE) {
		if (!cursor_take_part(c, &section) || !cursor_check_resource(section))
			return false;
		view->resource = section.at;
		view->resource_bytes = cursor_left(&section);
	}
	if (view->scope_ref != 0)
		return !(has & RECORD_HAS_SCOPE);
	if (has & RECORD_HAS_SCOPE) {
		if (!cursor_take_part(c, &section) || !cursor_check_scope(section))
			return false;
		view->scope = section.at;
		view->scope_bytes = cursor_left(&section);
	}
	return true;
}
