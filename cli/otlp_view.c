/* SPDX-License-Identifier: Apache-2.0 */
/* OTLP's messages field by field, but for metrics (otlp_view_metric.c). */
#include "cli/otlp_view.h"

#include <errno.h>

static uint64_t varint_value(const uint8_t *data, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bytes; i++)
		value |= (uint64_t)(data[i] & 0x7f) << (7 * i);
	return value;
}

int view_next_any(struct view_bytes *rest, struct view_field *ret)
{
	struct wire_field field;
	const uint8_t *payload;
	int rc;

	if (rest->len == 0)
		return 0;
	rc = wire_field(rest->data, rest->len, &field);
	if (rc < 0)
		return rc;
	payload = rest->data + field.head_bytes;
	*ret = (struct view_field){.number = field.number, .type = field.type};
	switch (field.type) {
	case WIRE_VARINT:
		ret->value = varint_value(payload, (size_t)field.payload_bytes);
		break;
	case WIRE_FIXED64:
		ret->value = bytes_load64(payload);
		break;
	case WIRE_FIXED32:
		ret->value = bytes_load32(payload);
		break;
	default:
		ret->bytes = (struct view_bytes){payload, (size_t)field.payload_bytes};
		break;
	}
	rest->data = payload + field.payload_bytes;
	rest->len -= field.head_bytes + (size_t)field.payload_bytes;
	return 1;
}

int view_find(struct view_bytes *rest, uint32_t number, struct view_bytes *ret)
{
	struct view_field field;
	int rc;

	while ((rc = view_next(rest, &field)) == 1) {
		if (field.number == number && field.type == WIRE_BYTES) {
			*ret = field.bytes;
			return 1;
		}
	}
	return rc;
}

/* ---- where a record is ---- */

#define FIELD_ABOUT 1u /* the resource of ResourceSpans, the scope of ScopeSpans */
#define FIELD_BELOW 2u /* the scopes, the records */

static int find_first(struct view_bytes message, uint32_t number, struct view_bytes *ret)
{
	*ret = (struct view_bytes){0};
	return view_find(&message, number, ret);
}

int view_records(struct view_bytes resource_data, view_record_fn record, void *context)
{
	struct view_place place = {0};
	struct view_bytes scopes = resource_data, one;
	struct view_value service = {0};
	int rc;

	rc = find_first(resource_data, FIELD_ABOUT, &place.resource);
	if (rc >= 0)
		rc = view_attribute(place.resource, VIEW_RESOURCE_ATTRIBUTES,
				    VIEW_BYTES("service.name"), &service);
	if (rc < 0)
		return rc;
	if (rc == 1 && service.kind == VIEW_STRING)
		place.service = service.bytes;
	while ((rc = view_find(&scopes, FIELD_BELOW, &one)) == 1) {
		struct view_bytes records = one, message;

		rc = find_first(one, FIELD_ABOUT, &place.scope);
		if (rc < 0)
			return rc;
		while ((rc = view_find(&records, FIELD_BELOW, &message)) == 1) {
			rc = record(context, &place, message);
			if (rc < 0)
				return rc;
		}
		if (rc < 0)
			return rc;
	}
	return rc;
}

/* ---- attributes ---- */

static double to_double(uint64_t bits)
{
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

int view_value(struct view_bytes message, struct view_value *ret)
{
	struct view_field f;
	int rc;

	*ret = (struct view_value){0};
	while ((rc = view_next(&message, &f)) == 1) {
		static const uint32_t types[] = {
			[VIEW_STRING] = WIRE_BYTES, [VIEW_BOOL] = WIRE_VARINT,
			[VIEW_INT] = WIRE_VARINT,   [VIEW_DOUBLE] = WIRE_FIXED64,
			[VIEW_ARRAY] = WIRE_BYTES,  [VIEW_KVLIST] = WIRE_BYTES,
			[VIEW_BLOB] = WIRE_BYTES,
		};

		if (f.number > VIEW_BLOB || f.type != types[f.number])
			continue;
		ret->kind = (enum view_kind)f.number;
		if (f.type == WIRE_BYTES)
			ret->bytes = f.bytes;
		else if (f.type == WIRE_FIXED64)
			ret->real = to_double(f.value);
		else
			ret->number = ret->kind == VIEW_BOOL ? f.value != 0 : (int64_t)f.value;
	}
	return rc;
}

int view_pair(struct view_bytes message, struct view_bytes *ret_key, struct view_value *ret_value)
{
	struct view_bytes value = {0};
	struct view_field f;
	int rc;

	*ret_key = (struct view_bytes){0};
	while ((rc = view_next(&message, &f)) == 1) {
		if (f.type == WIRE_BYTES && f.number == 1)
			*ret_key = f.bytes;
		else if (f.type == WIRE_BYTES && f.number == 2)
			value = f.bytes;
	}
	return rc < 0 ? rc : view_value(value, ret_value);
}

int view_attribute(struct view_bytes message, uint32_t number, struct view_bytes key,
		   struct view_value *ret)
{
	struct view_bytes pair, found;
	int rc;

	while ((rc = view_find(&message, number, &pair)) == 1) {
		rc = view_pair(pair, &found, ret);
		if (rc < 0)
			return rc;
		if (view_equal(found, key))
			return 1;
	}
	return rc;
}

int view_scope(struct view_bytes message, struct view_scope *ret)
{
	struct view_field f;
	int rc;

	*ret = (struct view_scope){0};
	while ((rc = view_next(&message, &f)) == 1) {
		if (f.type == WIRE_BYTES && f.number == 1)
			ret->name = f.bytes;
		else if (f.type == WIRE_BYTES && f.number == 2)
			ret->version = f.bytes;
	}
	return rc;
}

/* ---- records ---- */

/* A field's number and type in one, as they are on the wire. */
#define FIELD(number, type) ((number) << 3 | (type))

static int view_status(struct view_bytes message, struct view_span *ret)
{
	struct view_field f;
	int rc;

	ret->has_status = true;
	while ((rc = view_next(&message, &f)) == 1) {
		if (FIELD(f.number, f.type) == FIELD(2u, WIRE_BYTES))
			ret->status_message = f.bytes;
		else if (FIELD(f.number, f.type) == FIELD(3u, WIRE_VARINT))
			ret->status = (int32_t)f.value;
	}
	return rc;
}

int view_span(struct view_bytes message, struct view_span *ret)
{
	struct view_field f;
	int rc;

	*ret = (struct view_span){0};
	while ((rc = view_next(&message, &f)) == 1) {
		switch (FIELD(f.number, f.type)) {
		case FIELD(1u, WIRE_BYTES):
			ret->trace_id = f.bytes;
			break;
		case FIELD(2u, WIRE_BYTES):
			ret->span_id = f.bytes;
			break;
		case FIELD(3u, WIRE_BYTES):
			ret->trace_state = f.bytes;
			break;
		case FIELD(4u, WIRE_BYTES):
			ret->parent_id = f.bytes;
			break;
		case FIELD(5u, WIRE_BYTES):
			ret->name = f.bytes;
			break;
		case FIELD(6u, WIRE_VARINT):
			ret->kind = (int32_t)f.value;
			break;
		case FIELD(7u, WIRE_FIXED64):
			ret->start_ns = f.value;
			break;
		case FIELD(8u, WIRE_FIXED64):
			ret->end_ns = f.value;
			break;
		case FIELD(10u, WIRE_VARINT):
			ret->dropped_attributes = (uint32_t)f.value;
			break;
		case FIELD(12u, WIRE_VARINT):
			ret->dropped_events = (uint32_t)f.value;
			break;
		case FIELD(14u, WIRE_VARINT):
			ret->dropped_links = (uint32_t)f.value;
			break;
		case FIELD(15u, WIRE_BYTES):
			rc = view_status(f.bytes, ret);
			if (rc < 0)
				return rc;
			break;
		case FIELD(16u, WIRE_FIXED32):
			ret->flags = (uint32_t)f.value;
			break;
		}
	}
	return rc;
}

int view_event(struct view_bytes message, struct view_event *ret)
{
	struct view_field f;
	int rc;

	*ret = (struct view_event){0};
	while ((rc = view_next(&message, &f)) == 1) {
		if (FIELD(f.number, f.type) == FIELD(1u, WIRE_FIXED64))
			ret->time_ns = f.value;
		else if (FIELD(f.number, f.type) == FIELD(2u, WIRE_BYTES))
			ret->name = f.bytes;
	}
	return rc;
}

int view_link(struct view_bytes message, struct view_link *ret)
{
	struct view_field f;
	int rc;

	*ret = (struct view_link){0};
	while ((rc = view_next(&message, &f)) == 1) {
		if (f.type != WIRE_BYTES)
			continue;
		if (f.number == 1)
			ret->trace_id = f.bytes;
		else if (f.number == 2)
			ret->span_id = f.bytes;
		else if (f.number == 3)
			ret->trace_state = f.bytes;
	}
	return rc;
}

int view_log(struct view_bytes message, struct view_log *ret)
{
	struct view_bytes body = {0};
	struct view_field f;
	int rc;

	*ret = (struct view_log){0};
	while ((rc = view_next(&message, &f)) == 1) {
		switch (FIELD(f.number, f.type)) {
		case FIELD(1u, WIRE_FIXED64):
			ret->time_ns = f.value;
			break;
		case FIELD(2u, WIRE_VARINT):
			ret->severity = (int32_t)f.value;
			break;
		case FIELD(3u, WIRE_BYTES):
			ret->severity_text = f.bytes;
			break;
		case FIELD(5u, WIRE_BYTES):
			body = f.bytes;
			ret->has_body = true;
			break;
		case FIELD(7u, WIRE_VARINT):
			ret->dropped_attributes = (uint32_t)f.value;
			break;
		case FIELD(8u, WIRE_FIXED32):
			ret->flags = (uint32_t)f.value;
			break;
		case FIELD(9u, WIRE_BYTES):
			ret->trace_id = f.bytes;
			break;
		case FIELD(10u, WIRE_BYTES):
			ret->span_id = f.bytes;
			break;
		case FIELD(11u, WIRE_FIXED64):
			ret->observed_ns = f.value;
			break;
		case FIELD(12u, WIRE_BYTES):
			ret->event_name = f.bytes;
			break;
		}
	}
	return rc < 0 ? rc : view_value(body, &ret->body);
}
