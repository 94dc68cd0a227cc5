/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two protobuf-c trees, compared by what their descriptors say: every field of
 * every message, without a list of fields here that could lack one.
 */
#include "tests/oracle.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The path to where the comparison stands. */
struct path {
	char text[512];
	size_t len;
};

static void path_push(struct path *path, const char *format, ...)
{
	va_list args;
	int added;

	va_start(args, format);
	added = vsnprintf(path->text + path->len, sizeof(path->text) - path->len, format, args);
	va_end(args);
	if (added > 0)
		path->len += (size_t)added;
	if (path->len >= sizeof(path->text))
		path->len = sizeof(path->text) - 1;
}

static bool messages_equal(const ProtobufCMessage *a, const ProtobufCMessage *b, struct path *path);

static size_t scalar_bytes(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 8;
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	default:
		return 4;
	}
}

static bool value_equal(const ProtobufCFieldDescriptor *field, const void *a, const void *b,
			struct path *path)
{
	const ProtobufCBinaryData *x, *y;

	switch (field->type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		return messages_equal(*(const ProtobufCMessage *const *)a,
				      *(const ProtobufCMessage *const *)b, path);
	case PROTOBUF_C_TYPE_BYTES:
		x = a;
		y = b;
		return x->len == y->len && (x->len == 0 || !memcmp(x->data, y->data, x->len));
	case PROTOBUF_C_TYPE_STRING: /* the build has none: proto/compile_pb_c.py */
		return false;
	default:
		return !memcmp(a, b, scalar_bytes(field->type));
	}
}

static bool repeated_equal(const ProtobufCFieldDescriptor *field, const char *a, const char *b,
			   struct path *path)
{
	const size_t count = *(const size_t *)(const void *)(a + field->quantifier_offset);
	const char *x = *(char *const *)(const void *)(a + field->offset);
	const char *y = *(char *const *)(const void *)(b + field->offset);
	const size_t size = scalar_bytes(field->type), len = path->len;

	if (count != *(const size_t *)(const void *)(b + field->quantifier_offset)) {
		path_push(path, ", its count");
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		path_push(path, "[%zu]", i);
		if (!value_equal(field, x + i * size, y + i * size, path))
			return false;
		path->len = len;
	}
	return true;
}

static bool field_equal(const ProtobufCFieldDescriptor *field, const char *a, const char *b,
			struct path *path)
{
	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return repeated_equal(field, a, b, path);
	if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
		uint32_t case_a, case_b;

		memcpy(&case_a, a + field->quantifier_offset, sizeof(case_a));
		memcpy(&case_b, b + field->quantifier_offset, sizeof(case_b));
		if (case_a != case_b)
			return false;
		if (case_a != field->id)
			return true;
	}
	return value_equal(field, a + field->offset, b + field->offset, path);
}

static bool messages_equal(const ProtobufCMessage *a, const ProtobufCMessage *b, struct path *path)
{
	const ProtobufCMessageDescriptor *descriptor;
	const size_t len = path->len;

	if (!a || !b)
		return a == b;
	descriptor = a->descriptor;
	if (descriptor != b->descriptor || a->n_unknown_fields || b->n_unknown_fields) {
		path_push(path, ", its type or unknown fields");
		return false;
	}
	for (unsigned i = 0; i < descriptor->n_fields; i++) {
		path_push(path, ".%s", descriptor->fields[i].name);
		if (!field_equal(&descriptor->fields[i], (const char *)a, (const char *)b, path))
			return false;
		path->len = len;
	}
	path->text[len] = '\0';
	return true;
}

bool oracle_equal(const void *a, const void *b, char *where, size_t where_bytes)
{
	struct path path = {.len = 0};
	const ProtobufCMessage *message = a ? a : b;

	if (message)
		path_push(&path, "%s", message->descriptor->short_name);
	if (messages_equal(a, b, &path))
		return true;
	if (where)
		snprintf(where, where_bytes, "%s", path.text);
	return false;
}
