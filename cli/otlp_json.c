/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OTLP to JSON, driven by protobuf-c's descriptors: a field that the schema
 * gains needs no line here. In the C schema strings are bytes too (length, not
 * NUL), so the few true bytes fields of OTLP are known by name. Lines are left
 * to otlp_lines.c.
 */
#include "cli/otlp_json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "base/array.h"
#include "base/utf8.h"
#include "cli/wire.h"

/* protobuf-c names its own allocation functions; a budget stops small bytes from becoming
 * large memory. */
struct budget {
	size_t left;
};

static void *budget_alloc(void *context, size_t bytes)
{
	struct budget *budget = context;

	if (bytes > budget->left)
		return NULL;
	budget->left -= bytes;
	return malloc(bytes);
}

static void budget_free(void *context, void *memory)
{
	(void)context;
	free(memory);
}

int otlp_decode(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t bytes,
		ProtobufCMessage **ret)
{
	struct budget budget = {OTLP_DECODED_BYTES_MAX};
	ProtobufCAllocator allocator = {budget_alloc, budget_free, &budget};
	ProtobufCMessage *message;
	int rc;

	rc = wire_check(type, data, bytes);
	if (rc < 0)
		return rc;
	errno = 0;
	message = protobuf_c_message_unpack(type, &allocator, bytes, data);
	if (!message)
		return errno == ENOMEM || budget.left < bytes ? -ENOMEM : -EBADMSG;
	*ret = message;
	return 0;
}

void otlp_free(ProtobufCMessage *message)
{
	static struct budget none;
	ProtobufCAllocator allocator = {budget_alloc, budget_free, &none};

	if (message)
		protobuf_c_message_free_unpacked(message, &allocator);
}

/* ---- values ---- */

static json_object *hex_to_json(const ProtobufCBinaryData *bytes)
{
	static const char digits[] = "0123456789abcdef";
	json_object *json;
	char *text = malloc(bytes->len * 2 + 1);

	if (!text)
		return NULL;
	for (size_t i = 0; i < bytes->len; i++) {
		text[i * 2] = digits[bytes->data[i] >> 4];
		text[i * 2 + 1] = digits[bytes->data[i] & 15];
	}
	json = json_object_new_string_len(text, (int)(bytes->len * 2));
	free(text);
	return json;
}

static json_object *base64_to_json(const ProtobufCBinaryData *bytes)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t text_bytes = (bytes->len + 2) / 3 * 4;
	json_object *json;
	char *text = malloc(text_bytes + 1);
	char *p = text;

	if (!text)
		return NULL;
	for (size_t i = 0; i < bytes->len; i += 3) {
		size_t n = bytes->len - i;
		uint32_t group = (uint32_t)bytes->data[i] << 16;

		if (n > 1)
			group |= (uint32_t)bytes->data[i + 1] << 8;
		if (n > 2)
			group |= bytes->data[i + 2];
		*p++ = digits[group >> 18];
		*p++ = digits[group >> 12 & 63];
		*p++ = n > 1 ? digits[group >> 6 & 63] : '=';
		*p++ = n > 2 ? digits[group & 63] : '=';
	}
	json = json_object_new_string_len(text, (int)text_bytes);
	free(text);
	return json;
}

static int bytes_to_json(const char *name, const ProtobufCBinaryData *bytes, json_object **ret)
{
	static const char *const ids[] = {"trace_id", "span_id", "parent_span_id"};

	/* json-c counts in int, and hex doubles. */
	if (bytes->len > INT32_MAX / 2)
		return -ENOMEM;
	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		if (strcmp(name, ids[i]) == 0) {
			*ret = hex_to_json(bytes);
			return *ret ? 0 : -ENOMEM;
		}
	}
	if (strcmp(name, "bytes_value") == 0) {
		*ret = base64_to_json(bytes);
	} else {
		if (!utf8_is_valid(bytes->data, bytes->len))
			return -EILSEQ;
		*ret = json_object_new_string_len(bytes->len ? (const char *)bytes->data : "",
						  (int)bytes->len);
	}
	return *ret ? 0 : -ENOMEM;
}

void otlp_json_double(double value, char ret[OTLP_JSON_DOUBLE_BYTES])
{
	if (isnan(value)) {
		strcpy(ret, "NaN");
	} else if (isinf(value)) {
		strcpy(ret, value > 0 ? "Infinity" : "-Infinity");
	} else if (value == 0 && signbit(value)) {
		strcpy(ret, "-0.0"); /* "-0" reads back as the integer 0 in some languages */
	} else {
		for (int digits = 15; digits <= 17; digits++) {
			snprintf(ret, OTLP_JSON_DOUBLE_BYTES, "%.*g", digits, value);
			if (strtod(ret, NULL) == value)
				break;
		}
	}
}

static json_object *double_to_json(double value)
{
	char text[OTLP_JSON_DOUBLE_BYTES];

	otlp_json_double(value, text);
	return isfinite(value) ? json_object_new_double_s(value, text)
			       : json_object_new_string(text);
}

static json_object *i64_to_json(int64_t value)
{
	char text[24];

	return json_object_new_string_len(text, snprintf(text, sizeof(text), "%" PRId64, value));
}

static json_object *u64_to_json(uint64_t value)
{
	char text[24];

	return json_object_new_string_len(text, snprintf(text, sizeof(text), "%" PRIu64, value));
}

static int value_to_json(const ProtobufCFieldDescriptor *field, const void *member,
			 json_object **ret)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		return otlp_json_message(*(ProtobufCMessage *const *)member, 0, ret);
	case PROTOBUF_C_TYPE_BYTES:
		return bytes_to_json(field->name, member, ret);
	case PROTOBUF_C_TYPE_BOOL:
		*ret = json_object_new_boolean(*(const protobuf_c_boolean *)member);
		break;
	case PROTOBUF_C_TYPE_DOUBLE:
		*ret = double_to_json(*(const double *)member);
		break;
	case PROTOBUF_C_TYPE_ENUM:
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		*ret = json_object_new_int(*(const int32_t *)member);
		break;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		*ret = json_object_new_int64(*(const uint32_t *)member);
		break;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		*ret = i64_to_json(*(const int64_t *)member);
		break;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		*ret = u64_to_json(*(const uint64_t *)member);
		break;
	default: /* float and char pointers: the schema has neither */
		return -ENOTSUP;
	}
	return *ret ? 0 : -ENOMEM;
}

/* ---- messages ---- */

static size_t element_bytes(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(ProtobufCMessage *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_DOUBLE:
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return sizeof(uint64_t);
	default:
		return sizeof(uint32_t);
	}
}

static bool is_default(const ProtobufCFieldDescriptor *field, const void *member)
{
	static const uint8_t zeros[sizeof(uint64_t)];

	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		return !*(ProtobufCMessage *const *)member;
	if (field->type == PROTOBUF_C_TYPE_BYTES)
		return ((const ProtobufCBinaryData *)member)->len == 0;
	/* By bits: -0.0 is no default. */
	return memcmp(member, zeros, element_bytes(field->type)) == 0;
}

static int list_to_json(const ProtobufCFieldDescriptor *field, const uint8_t *elements,
			size_t count, json_object **ret)
{
	json_object *list = json_object_new_array();

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		json_object *json = NULL;
		int rc = value_to_json(field, elements + i * element_bytes(field->type), &json);

		if (rc == 0 && json_object_array_add(list, json) < 0) {
			json_object_put(json);
			rc = -ENOMEM;
		}
		if (rc < 0) {
			json_object_put(list);
			return rc;
		}
	}
	*ret = list;
	return 0;
}

/* NULL in *ret: the field is left out. */
static int field_to_json(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
			 json_object **ret)
{
	const uint8_t *base = (const uint8_t *)message;
	const uint8_t *member = base + field->offset;

	*ret = NULL;
	if (field->label == PROTOBUF_C_LABEL_REPEATED) {
		size_t count = *(const size_t *)(base + field->quantifier_offset);

		if (count == 0)
			return 0;
		return list_to_json(field, *(const uint8_t *const *)member, count, ret);
	}
	if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
		if (*(const uint32_t *)(base + field->quantifier_offset) != field->id)
			return 0;
	} else if (is_default(field, member)) {
		return 0;
	}
	return value_to_json(field, member, ret);
}

void otlp_json_name(const char *name, char ret[OTLP_JSON_NAME_BYTES_MAX])
{
	size_t n = 0;

	for (; *name && n < OTLP_JSON_NAME_BYTES_MAX - 1; name++) {
		if (*name == '_' && name[1] >= 'a' && name[1] <= 'z')
			ret[n++] = (char)(*++name - 'a' + 'A');
		else
			ret[n++] = *name;
	}
	ret[n] = '\0';
}

int otlp_json_message(const ProtobufCMessage *message, uint32_t without, json_object **ret)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	json_object *object = json_object_new_object();

	if (!object)
		return -ENOMEM;
	for (unsigned int i = 0; i < type->n_fields; i++) {
		char name[OTLP_JSON_NAME_BYTES_MAX];
		json_object *json;
		int rc;

		if (type->fields[i].id == without)
			continue;
		rc = field_to_json(message, &type->fields[i], &json);
		otlp_json_name(type->fields[i].name, name);
		if (rc == 0 && json &&
		    json_object_object_add_ex(object, name, json, JSON_C_OBJECT_ADD_KEY_IS_NEW) <
			    0) {
			json_object_put(json);
			rc = -ENOMEM;
		}
		if (rc < 0) {
			json_object_put(object);
			return rc;
		}
	}
	*ret = object;
	return 0;
}
