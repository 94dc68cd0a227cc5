/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Driven by protobuf-c's descriptors, as otlp_json.c is: a field that the schema gains needs no
 * line here. Messages are written in place, and their length put before them once it is known.
 */
#include "cli/otlp_parse.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <protobuf-c/protobuf-c.h>

#include "base/array.h"
#include "cli/otlp_json.h"
#include "cli/otlp_row.h"
#include "cli/wire.h"

/* ---- numbers ---- */

/* Decimal digits alone, with a sign where the type has one. */
static bool text_is_integer(const char *text, bool is_signed)
{
	if (is_signed && *text == '-')
		text++;
	return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* A number without a fraction, such as 1e3, as the integer that it is. */
static bool double_is_integer(double value, bool is_signed)
{
	return value == floor(value) && value < (is_signed ? 0x1p63 : 0x1p64) &&
	       value >= (is_signed ? -0x1p63 : 0.0);
}

static int get_u64(json_object *json, uint64_t *ret)
{
	const char *text;
	double value;

	switch (json_object_get_type(json)) {
	case json_type_int:
		*ret = json_object_get_uint64(json);
		return json_object_get_int64(json) < 0 ? -EBADMSG : 0;
	case json_type_double:
		value = json_object_get_double(json);
		if (!double_is_integer(value, false))
			return -EBADMSG;
		*ret = (uint64_t)value;
		return 0;
	case json_type_string:
		text = json_object_get_string(json);
		if (!text_is_integer(text, false))
			return -EBADMSG;
		errno = 0;
		*ret = strtoull(text, NULL, 10);
		return errno != 0 ? -EBADMSG : 0;
	default:
		return -EBADMSG;
	}
}

static int get_i64(json_object *json, int64_t *ret)
{
	const char *text;
	double value;

	switch (json_object_get_type(json)) {
	case json_type_int:
		*ret = json_object_get_int64(json);
		/* Larger ones are cut to the largest there is. */
		return *ret >= 0 && (uint64_t)*ret != json_object_get_uint64(json) ? -EBADMSG : 0;
	case json_type_double:
		value = json_object_get_double(json);
		if (!double_is_integer(value, true))
			return -EBADMSG;
		*ret = (int64_t)value;
		return 0;
	case json_type_string:
		text = json_object_get_string(json);
		if (!text_is_integer(text, true))
			return -EBADMSG;
		errno = 0;
		*ret = strtoll(text, NULL, 10);
		return errno != 0 ? -EBADMSG : 0;
	default:
		return -EBADMSG;
	}
}

static int get_double(json_object *json, double *ret)
{
	const char *text;
	char *end;

	switch (json_object_get_type(json)) {
	case json_type_int:
	case json_type_double:
		*ret = json_object_get_double(json);
		return 0;
	case json_type_string:
		text = json_object_get_string(json);
		if (strcmp(text, "NaN") == 0)
			*ret = NAN;
		else if (strcmp(text, "Infinity") == 0)
			*ret = INFINITY;
		else if (strcmp(text, "-Infinity") == 0)
			*ret = -INFINITY;
		else if (text[strspn(text, "0123456789+-.eE")] != '\0' || *text == '\0')
			return -EBADMSG;
		else {
			*ret = strtod(text, &end);
			return *end == '\0' ? 0 : -EBADMSG;
		}
		return 0;
	default:
		return -EBADMSG;
	}
}

static int get_enum(const ProtobufCEnumDescriptor *type, json_object *json, int64_t *ret)
{
	const ProtobufCEnumValue *value;

	if (json_object_is_type(json, json_type_string) &&
	    !text_is_integer(json_object_get_string(json), true)) {
		value = protobuf_c_enum_descriptor_get_value_by_name(type,
								     json_object_get_string(json));
		if (value == NULL)
			return -EBADMSG;
		*ret = value->value;
		return 0;
	}
	return get_i64(json, ret);
}

/* ---- texts and bytes ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int put_hex(struct wire_out *out, const char *text, size_t len)
{
	int rc = len % 2 != 0 ? -EBADMSG : wire_reserve(out, len / 2);

	for (size_t i = 0; rc == 0 && i < len; i += 2) {
		const int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);

		if (high < 0 || low < 0)
			return -EBADMSG;
		out->data[out->count++] = (uint8_t)(high << 4 | low);
	}
	return rc;
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

static int put_base64(struct wire_out *out, const char *text, size_t len)
{
	uint32_t bits = 0;
	unsigned bit_count = 0;
	int rc;

	for (unsigned i = 0; i < 2 && len > 0 && text[len - 1] == '='; i++)
		len--;
	rc = len % 4 == 1 ? -EBADMSG : wire_reserve(out, len);
	for (size_t i = 0; rc == 0 && i < len; i++) {
		const int digit = base64_digit(text[i]);

		if (digit < 0)
			return -EBADMSG;
		bits = bits << 6 | (uint32_t)digit;
		bit_count += 6;
		if (bit_count >= 8) {
			bit_count -= 8;
			out->data[out->count++] = (uint8_t)(bits >> bit_count);
		}
	}
	return rc;
}

/* The few true bytes fields are known by name, as otlp_json.c knows them. */
static int put_bytes(struct wire_out *out, const char *name, json_object *json)
{
	static const char *const ids[] = {"trace_id", "span_id", "parent_span_id"};
	const char *text;
	size_t len;

	if (!json_object_is_type(json, json_type_string))
		return -EBADMSG;
	text = json_object_get_string(json);
	len = (size_t)json_object_get_string_len(json);
	for (size_t i = 0; i < COUNT_OF(ids); i++)
		if (strcmp(name, ids[i]) == 0)
			return put_hex(out, text, len);
	if (strcmp(name, "bytes_value") == 0)
		return put_base64(out, text, len);
	return wire_put(out, text, len);
}

/* ---- fields ---- */

static enum wire_type wire_type_of(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_MESSAGE:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_STRING:
		return WIRE_BYTES;
	case PROTOBUF_C_TYPE_DOUBLE:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_SFIXED64:
		return WIRE_FIXED64;
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_SFIXED32:
		return WIRE_FIXED32;
	default:
		return WIRE_VARINT;
	}
}

static int put_i64(struct wire_out *out, ProtobufCType type, int64_t value)
{
	const uint64_t bits = (uint64_t)value;
	const bool is_32 = type == PROTOBUF_C_TYPE_INT32 || type == PROTOBUF_C_TYPE_SINT32 ||
			   type == PROTOBUF_C_TYPE_SFIXED32 || type == PROTOBUF_C_TYPE_ENUM;

	if (is_32 && (value < INT32_MIN || value > INT32_MAX))
		return -EBADMSG;
	if (type == PROTOBUF_C_TYPE_SFIXED64)
		return wire_put(out, &bits, sizeof(bits));
	if (type == PROTOBUF_C_TYPE_SFIXED32)
		return wire_put(out, &bits, sizeof(uint32_t));
	if (type == PROTOBUF_C_TYPE_SINT32 || type == PROTOBUF_C_TYPE_SINT64)
		return wire_put_varint(out, bits << 1 ^ (value < 0 ? UINT64_MAX : 0));
	return wire_put_varint(out, bits);
}

static int put_u64(struct wire_out *out, ProtobufCType type, uint64_t value)
{
	const bool is_32 = type == PROTOBUF_C_TYPE_UINT32 || type == PROTOBUF_C_TYPE_FIXED32;

	if (is_32 && value > UINT32_MAX)
		return -EBADMSG;
	if (type == PROTOBUF_C_TYPE_FIXED64)
		return wire_put(out, &value, sizeof(value));
	if (type == PROTOBUF_C_TYPE_FIXED32)
		return wire_put(out, &value, sizeof(uint32_t));
	return wire_put_varint(out, value);
}

/* A value without its tag, of a type that is not length-delimited. */
static int put_scalar(struct wire_out *out, const ProtobufCFieldDescriptor *field,
		      json_object *json)
{
	uint64_t u64;
	int64_t i64;
	double number;
	int rc;

	switch (field->type) {
	case PROTOBUF_C_TYPE_BOOL:
		if (!json_object_is_type(json, json_type_boolean))
			return -EBADMSG;
		return wire_put_varint(out, json_object_get_boolean(json) ? 1 : 0);
	case PROTOBUF_C_TYPE_DOUBLE:
		rc = get_double(json, &number);
		return rc < 0 ? rc : wire_put(out, &number, sizeof(number));
	case PROTOBUF_C_TYPE_ENUM:
		rc = get_enum(field->descriptor, json, &i64);
		return rc < 0 ? rc : put_i64(out, field->type, i64);
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		rc = get_i64(json, &i64);
		return rc < 0 ? rc : put_i64(out, field->type, i64);
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		rc = get_u64(json, &u64);
		return rc < 0 ? rc : put_u64(out, field->type, u64);
	default: /* float and char pointers: the schema has neither */
		return -ENOTSUP;
	}
}

static int put_message(struct wire_out *out, const ProtobufCMessageDescriptor *type,
		       json_object *json, unsigned depth);

static int put_value(struct wire_out *out, const ProtobufCFieldDescriptor *field, json_object *json,
		     unsigned depth)
{
	const enum wire_type type = wire_type_of(field->type);
	int rc = wire_put_tag(out, field->id, type);
	size_t from;

	if (rc < 0)
		return rc;
	if (type != WIRE_BYTES)
		return put_scalar(out, field, json);
	from = out->count;
	rc = field->type == PROTOBUF_C_TYPE_MESSAGE
		     ? put_message(out, field->descriptor, json, depth + 1)
		     : put_bytes(out, field->name, json);
	return rc < 0 ? rc : wire_close(out, from);
}

static int put_list(struct wire_out *out, const ProtobufCFieldDescriptor *field, json_object *list,
		    unsigned depth)
{
	const size_t count =
		json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
	const bool is_packed = wire_type_of(field->type) != WIRE_BYTES;
	size_t from = 0;
	int rc = 0;

	if (!json_object_is_type(list, json_type_array))
		return -EBADMSG;
	if (count == 0)
		return 0;
	if (is_packed) {
		rc = wire_put_tag(out, field->id, WIRE_BYTES);
		from = out->count;
	}
	for (size_t i = 0; rc == 0 && i < count; i++) {
		json_object *element = json_object_array_get_idx(list, i);

		rc = is_packed ? put_scalar(out, field, element)
			       : put_value(out, field, element, depth);
	}
	return rc == 0 && is_packed ? wire_close(out, from) : rc;
}

/* By its name in JSON, else by the schema's own. NULL: it is not there, or null. */
static json_object *member_of(json_object *json, const ProtobufCFieldDescriptor *field)
{
	char name[OTLP_JSON_NAME_BYTES_MAX];
	json_object *member = NULL;

	otlp_json_name(field->name, name);
	if (!json_object_object_get_ex(json, name, &member))
		(void)json_object_object_get_ex(json, field->name, &member);
	return member;
}

static int put_message(struct wire_out *out, const ProtobufCMessageDescriptor *type,
		       json_object *json, unsigned depth)
{
	int rc = 0;

	if (!json_object_is_type(json, json_type_object))
		return -EBADMSG;
	if (depth > WIRE_DEPTH_MAX)
		return -ELOOP;
	for (unsigned i = 0; rc == 0 && i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		json_object *member = member_of(json, field);

		if (member == NULL)
			continue;
		rc = field->label == PROTOBUF_C_LABEL_REPEATED
			     ? put_list(out, field, member, depth)
			     : put_value(out, field, member, depth);
	}
	return rc;
}

int otlp_parse(json_object *document, enum otlp_signal signal, struct wire_out *ret)
{
	static const char *const names[SIGNAL_COUNT] = {
		[OTLP_SIGNAL_TRACES] = "resource_spans",
		[OTLP_SIGNAL_METRICS] = "resource_metrics",
		[OTLP_SIGNAL_LOGS] = "resource_logs",
	};
	/* The one field of a TracesData, MetricsData or LogsData. */
	const ProtobufCFieldDescriptor field = {.name = names[signal],
						.id = 1,
						.label = PROTOBUF_C_LABEL_REPEATED,
						.type = PROTOBUF_C_TYPE_MESSAGE,
						.descriptor = otlp_rows[signal].type};
	json_object *list = member_of(document, &field);

	return list == NULL ? 0 : put_list(ret, &field, list, 0);
}
