/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The write side of spans and logs with a shape: the shape itself, once, and then only what differs
 * from one record to the next. The reader's half is record_expand.c.
 */
#include "base/utf8.h"
#include "core/record/record_write.h"

/* Bits of the types that a shape can have: those whose values nest nothing. */
#define SHAPE_TYPES                                                               \
	(1u << OTLP_VALUE_STRING | 1u << OTLP_VALUE_BOOL | 1u << OTLP_VALUE_INT | \
	 1u << OTLP_VALUE_DOUBLE | 1u << OTLP_VALUE_BYTES)

#define SHAPE_TEXTS (1u << OTLP_VALUE_STRING | 1u << OTLP_VALUE_BYTES)

/* A shape's record refers to no resource; the head must have something there. Its scope is inline.
 */
#define SHAPE_REFS RECORD_REFS(1, 0)

/* The span whose record is the shape: nothing of the one that it is made from but the outline. */
static struct otlp_span outline(const struct otlp_span *span)
{
	return (struct otlp_span){
		.scope = span->scope,
		.trace_id = {1},
		.span_id = {1},
		.name = span->name,
		.kind = span->kind,
	};
}

static struct otlp_log_record log_outline(const struct otlp_log_record *log)
{
	return (struct otlp_log_record){
		.scope = log->scope,
		.severity_number = log->severity_number,
		.severity_text = log->severity_text,
		.event_name = log->event_name,
	};
}

static uint8_t *write_outline_items(uint8_t *to, uint8_t *end,
				    const struct otlp_attributes *attributes)
{
	for (size_t i = 0; i < attributes->count; i++) {
		const struct otlp_attribute *const a = &attributes->items[i];
		const size_t key_len = record_length(&a->key.len);
		const uint32_t type = record_value_type(&a->value);
		const size_t len = type == OTLP_VALUE_INT || type == OTLP_VALUE_DOUBLE ? 8 : 0;

		if (!record_fits(to, record_attribute_bytes(key_len, len), end))
			return record_over(end);
		to = record_attribute_write(to, type, key_len, 0);
		to = bytes_copy(to, a->key.ptr, key_len);
		if (len != 0)
			to = bytes_store64(to, 0);
	}
	return to;
}

/* Of a value in a shaped record: all of a scalar, the length of a text. */
static size_t shape_fixed_bytes(unsigned int type)
{
	if (SHAPE_TEXTS >> type & 1)
		return sizeof(uint32_t);
	return type == OTLP_VALUE_BOOL ? 1 : 8;
}

/* What a push needs to know of these attributes, and what their keys take in the shape. */
static int measure_items(const struct otlp_attributes *attributes, struct record_shape *ret,
			 size_t *bytes)
{
	const int rc = record_check_count(attributes->items, attributes->count);

	if (rc < 0)
		return rc;
	ret->count = attributes->count;
	ret->text_count = ret->fixed_bytes = 0;
	for (size_t i = 0; i < attributes->count; i++) {
		const struct otlp_attribute *const a = &attributes->items[i];
		const unsigned int type = (unsigned int)a->value.type;

		if (type >= 8 || !(SHAPE_TYPES >> type & 1))
			return OTLP_ERR_INVALID;
		if (!record_text_fits(a->key))
			return record_text_error(a->key);
		if (!utf8_is_valid(a->key.ptr, a->key.len))
			return OTLP_ERR_INVALID;
		ret->types[i] = (uint8_t)type;
		if (SHAPE_TEXTS >> type & 1)
			ret->texts[ret->text_count++] = (uint16_t)i;
		ret->fixed_bytes += shape_fixed_bytes(type);
		*bytes += record_attribute_bytes(
			a->key.len, type == OTLP_VALUE_INT || type == OTLP_VALUE_DOUBLE ? 8 : 0);
	}
	return 0;
}

int record_measure_shape(const struct otlp_span *span, struct record_shape *ret, size_t *ret_bytes)
{
	const struct otlp_span shape = outline(span);
	size_t bytes;
	int rc = record_measure_span(&shape, NULL, &bytes);

	if (rc == 0)
		rc = measure_items(&span->attributes, ret, &bytes);
	if (rc == 0)
		ret->growth = record_shape_growth(bytes, ret->count);
	return record_sized(rc, bytes, ret_bytes);
}

int record_measure_log_shape(const struct otlp_log_record *log, struct record_shape *ret,
			     size_t *ret_bytes)
{
	const struct otlp_log_record shape = log_outline(log);
	size_t bytes;
	int rc = record_measure_log(&shape, NULL, &bytes);

	if (rc == 0)
		rc = measure_items(&log->attributes, ret, &bytes);
	if (rc == 0)
		ret->growth = record_shape_growth(bytes, ret->count);
	return record_sized(rc, bytes, ret_bytes);
}

/* An outline has no attributes, and its shape has: the head says how many. */
static void store_count(uint8_t *count, const struct otlp_attributes *attributes)
{
	bytes_store32(count, (uint32_t)attributes->count);
}

bool record_write_shape(uint8_t *to, const struct otlp_span *span, size_t bytes)
{
	uint8_t *const end = to + bytes;
	uint8_t *const count = to + offsetof(struct record_span_head, attribute_count);
	const struct otlp_span shape = outline(span);
	const uint8_t has = record_has_sections(NULL, span->scope);
	uint64_t high = 0; /* its text was checked when it was measured */

	to = record_write_span_heads(to, end, &shape, has, SHAPE_REFS, 0);
	store_count(count, &span->attributes);
	to = record_write_sections(to, end, NULL, span->scope, &high);
	to = record_write_text(to, end, &span->name, &high);
	if (to <= end)
		to = write_outline_items(to, end, &span->attributes);
	return to == end;
}

bool record_write_log_shape(uint8_t *to, const struct otlp_log_record *log, size_t bytes)
{
	uint8_t *const end = to + bytes;
	uint8_t *const count = to + offsetof(struct record_log_head, attribute_count);
	const struct otlp_log_record shape = log_outline(log);
	const uint8_t has = record_has_sections(NULL, log->scope);
	uint64_t high = 0; /* its text was checked when it was measured */

	to = record_write_log_head(to, &shape, has, SHAPE_REFS, 0);
	store_count(count, &log->attributes);
	to = record_write_sections(to, end, NULL, log->scope, &high);
	to = record_write_text(to, end, &log->severity_text, &high);
	to = record_write_text(to, end, &log->event_name, &high);
	if (to <= end)
		to = write_outline_items(to, end, &log->attributes);
	return to == end;
}

/* Which of them is at fault; not in a hurry. */
static __attribute__((noinline, cold)) int values_error(const struct otlp_attribute *items,
							const struct record_shape *shape)
{
	for (size_t i = 0; i < shape->count; i++) {
		const struct otlp_value *const value = &items[i].value;

		if ((unsigned int)value->type != shape->types[i])
			return OTLP_ERR_INVALID;
		if ((SHAPE_TEXTS >> shape->types[i] & 1) && !record_text_fits(value->as.string))
			return record_text_error(value->as.string);
	}
	return OTLP_ERR_TOO_LARGE;
}

/* Faults are gathered, not branched for: there are none. */
static inline __attribute__((always_inline)) int
size_values(const struct otlp_attribute *items, const struct record_shape *shape, size_t *bytes)
{
	size_t sum = shape->fixed_bytes, lengths = 0;
	unsigned int wrong = 0;

	for (size_t i = 0; i < shape->count; i++)
		wrong |= (unsigned int)items[i].value.type ^ shape->types[i];
	if (__builtin_expect(wrong != 0, 0))
		return values_error(items, shape);
	for (size_t i = 0; i < shape->text_count; i++) {
		const struct otlp_str *const text = &items[shape->texts[i]].value.as.string;

		wrong |= text->ptr == NULL && text->len != 0;
		lengths |= text->len;
		sum += text->len;
	}
	if (__builtin_expect(wrong != 0 || lengths > OTLP_RECORD_BYTES_MAX, 0))
		return values_error(items, shape);
	*bytes += sum;
	return 0;
}

static_assert(offsetof(struct otlp_str, len) == offsetof(struct otlp_bytes, len),
	      "strings and bytes are sized alike");

int record_size_shaped(const struct otlp_span *span, const struct record_shape *shape,
		       const struct otlp_resource *inline_resource, size_t *ret_bytes)
{
	size_t bytes = sizeof(struct record_span_head);
	size_t parts_bytes = 0;
	int rc = 0;

	if (!record_span_is_valid(span) || span->attributes.count != shape->count ||
	    (span->attributes.items == NULL && shape->count != 0))
		return OTLP_ERR_INVALID;
	if (record_span_has_extra(span)) {
		bytes += sizeof(struct record_span_extra);
		rc = record_size_texts(span->trace_state, span->status_message, &bytes);
	}
	if (rc == 0 && inline_resource != NULL)
		rc = record_size_sections(inline_resource, NULL, &parts_bytes);
	if (rc == 0)
		rc = size_values(span->attributes.items, shape, &bytes);
	if (rc == 0 && (span->event_count | span->link_count) != 0)
		rc = record_size_span_tail(span, &parts_bytes);
	return record_sized(rc, bytes + parts_bytes, ret_bytes);
}

/* Into both of its callers: a call would cost each the registers that it saves. */
static inline __attribute__((always_inline)) uint8_t *
write_values(uint8_t *to, uint8_t *end, const struct otlp_attribute *items, size_t count,
	     uint64_t *high)
{
	const struct otlp_attribute *const last = record_attributes_end(items, count);
	uint64_t gathered = *high; /* in a register */

	for (; items < last; items++) {
		const struct otlp_value *const value = &items->value;
		const uint32_t type = record_value_type(value);
		uint8_t *next;

		if (type == OTLP_VALUE_STRING) {
			const size_t len = record_length(&value->as.string.len);

			next = to + sizeof(uint32_t) + len;
			if (next > end)
				return record_over(end);
			bytes_store32(to, (uint32_t)len);
			bytes_copy_text(to + sizeof(uint32_t), value->as.string.ptr, len,
					&gathered);
		} else if (type == OTLP_VALUE_BYTES) {
			const size_t len = record_length(&value->as.bytes.len);

			next = to + sizeof(uint32_t) + len;
			if (next > end)
				return record_over(end);
			bytes_store32(to, (uint32_t)len);
			bytes_copy(to + sizeof(uint32_t), value->as.bytes.ptr, len);
		} else if (type == OTLP_VALUE_BOOL) {
			next = to + 1;
			if (next > end)
				return record_over(end);
			*to = value->as.boolean ? 1 : 0;
		} else {
			next = to + 8;
			if (next > end)
				return record_over(end);
			bytes_store64(to, bytes_load64(&value->as));
		}
		to = next;
	}
	*high = gathered;
	return to;
}

enum record_written record_write_shaped(uint8_t *to, const struct otlp_span *span,
					const struct otlp_resource *inline_resource, uint32_t refs,
					uint32_t shape_ref, size_t bytes)
{
	uint8_t *const end = to + bytes;
	const uint8_t has = record_has_sections(inline_resource, NULL) |
			    (record_span_has_extra(span) ? RECORD_HAS_EXTRA : 0);
	uint64_t high = 0, high_of_parts = 0; /* as in record_write_span() */

	if (shape_ref == 0)
		__builtin_unreachable(); /* the head is another without a shape */
	to = record_write_span_heads(to, end, span, has, record_refs(inline_resource, refs),
				     shape_ref);
	to = record_write_sections(to, end, inline_resource, NULL, &high_of_parts);
	if (has & RECORD_HAS_EXTRA) {
		to = record_write_text(to, end, &span->trace_state, &high);
		to = record_write_text(to, end, &span->status_message, &high);
	}
	to = write_values(to, end, span->attributes.items, record_length(&span->attributes.count),
			  &high);
	if ((span->event_count | span->link_count) != 0)
		to = record_write_span_tail(to, end, span, &high_of_parts);
	return record_written(to == end, high | high_of_parts);
}

int record_size_shaped_log(const struct otlp_log_record *log, const struct record_shape *shape,
			   const struct otlp_resource *inline_resource, size_t *ret_bytes)
{
	size_t bytes = sizeof(struct record_log_head);
	size_t parts_bytes = 0;
	int rc = 0;

	if (!record_log_is_valid(log) || log->attributes.count != shape->count ||
	    (log->attributes.items == NULL && shape->count != 0))
		return OTLP_ERR_INVALID;
	if (inline_resource != NULL)
		rc = record_size_sections(inline_resource, NULL, &parts_bytes);
	if (rc == 0)
		rc = record_size_body(log, &parts_bytes);
	if (rc == 0)
		rc = size_values(log->attributes.items, shape, &bytes);
	return record_sized(rc, bytes + parts_bytes, ret_bytes);
}

enum record_written record_write_shaped_log(uint8_t *to, const struct otlp_log_record *log,
					    const struct otlp_resource *inline_resource,
					    uint32_t refs, uint32_t shape_ref, size_t bytes)
{
	uint8_t *const end = to + bytes;
	const uint8_t has = record_has_sections(inline_resource, NULL) | record_log_has_body(log);
	uint64_t high = 0, high_of_parts = 0; /* as in record_write_span() */

	if (shape_ref == 0)
		__builtin_unreachable();
	to = record_write_log_head(to, log, has, record_refs(inline_resource, refs), shape_ref);
	to = record_write_sections(to, end, inline_resource, NULL, &high_of_parts);
	if (has & RECORD_HAS_BODY)
		to = record_write_body(to, end, log, &high_of_parts);
	to = write_values(to, end, log->attributes.items, record_length(&log->attributes.count),
			  &high);
	return record_written(to == end, high | high_of_parts);
}
