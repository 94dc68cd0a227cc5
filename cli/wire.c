/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protobuf's wire format as far as a reader needs it before it lets a decoder
 * near the bytes: heads of fields, their bounds, the depth of nesting. What the
 * fields mean is left to protobuf-c.
 */
#include "cli/wire.h"

#include <errno.h>

#define VARINT_BYTES_MAX 10

/* Bytes of the varint, -ENODATA or -EBADMSG. Padded ones (0x80 0x00) are legal. */
static int varint(const uint8_t *data, size_t bytes, uint64_t *ret)
{
	uint64_t value = 0;

	for (int i = 0; i < VARINT_BYTES_MAX; i++) {
		if ((size_t)i >= bytes)
			return -ENODATA;
		if (i == VARINT_BYTES_MAX - 1 && data[i] > 1)
			return -EBADMSG;
		value |= (uint64_t)(data[i] & 0x7f) << (7 * i);
		if ((data[i] & 0x80) == 0) {
			*ret = value;
			return i + 1;
		}
	}
	return -EBADMSG;
}

int wire_head(const uint8_t *data, size_t bytes, struct wire_field *ret)
{
	struct wire_field f = {0};
	uint64_t value;
	int rc;

	rc = varint(data, bytes, &value);
	if (rc < 0)
		return rc;
	if (value >> 3 == 0 || value > UINT32_MAX)
		return -EBADMSG;
	f.number = (uint32_t)(value >> 3);
	f.type = (uint32_t)(value & 7);
	f.head_bytes = (size_t)rc;
	switch (f.type) {
	case WIRE_VARINT:
		rc = varint(data + f.head_bytes, bytes - f.head_bytes, &value);
		f.payload_bytes = rc < 0 ? 0 : (uint64_t)rc;
		break;
	case WIRE_FIXED64:
		f.payload_bytes = 8;
		break;
	case WIRE_BYTES:
		rc = varint(data + f.head_bytes, bytes - f.head_bytes, &f.payload_bytes);
		f.head_bytes += rc < 0 ? 0 : (size_t)rc;
		break;
	case WIRE_FIXED32:
		f.payload_bytes = 4;
		break;
	default: /* groups, which OTLP has none of */
		return -EBADMSG;
	}
	if (rc < 0)
		return rc;
	*ret = f;
	return 0;
}

int wire_field(const uint8_t *data, size_t bytes, struct wire_field *ret)
{
	struct wire_field f;

	if (wire_head(data, bytes, &f) < 0 || f.payload_bytes > bytes - f.head_bytes)
		return -EBADMSG;
	*ret = f;
	return 0;
}

int wire_check(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t bytes)
{
	struct level {
		const ProtobufCMessageDescriptor *type;
		size_t end;
	} levels[WIRE_DEPTH_MAX] = {{type, bytes}};
	size_t depth = 1;
	size_t at = 0;

	for (;;) {
		const struct level *level = &levels[depth - 1];
		const ProtobufCFieldDescriptor *field;
		struct wire_field f;
		int rc;

		if (at == level->end) {
			if (--depth == 0)
				return 0;
			continue;
		}
		rc = wire_field(data + at, level->end - at, &f);
		if (rc < 0)
			return rc;
		at += f.head_bytes;
		field = protobuf_c_message_descriptor_get_field(level->type, f.number);
		if (f.type != WIRE_BYTES || !field || field->type != PROTOBUF_C_TYPE_MESSAGE) {
			at += (size_t)f.payload_bytes;
			continue;
		}
		if (depth == WIRE_DEPTH_MAX)
			return -ELOOP;
		levels[depth++] = (struct level){field->descriptor, at + (size_t)f.payload_bytes};
	}
}
