/* SPDX-License-Identifier: Apache-2.0 */
/* Protobuf fields in bytes that nobody vouches for. Pure: no allocation, no input or output. */
#ifndef OTLPIPE_CLI_WIRE_H
#define OTLPIPE_CLI_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

/* Nested messages, the outermost counted: what protobuf's own decoders allow. */
#define WIRE_DEPTH_MAX 100

/* A tag and a length, at most: each a varint. */
#define WIRE_HEAD_BYTES_MAX 20

struct wire_field {
	uint32_t number;
	uint32_t type;		/* enum wire_type */
	size_t head_bytes;	/* tag, and length of WIRE_BYTES */
	uint64_t payload_bytes; /* follows the head; not checked against what is there */
};

/**
 * Read the head of the field at data.
 *
 * @return 0; -EBADMSG for what no field begins with; -ENODATA when it is cut short
 */
int wire_head(const uint8_t *data, size_t bytes, struct wire_field *ret);

/**
 * The same, for a field that must be whole: its payload lies behind its head, within bytes.
 *
 * @return 0, or -EBADMSG
 */
int wire_field(const uint8_t *data, size_t bytes, struct wire_field *ret);

/**
 * Walk all that protobuf_c_message_unpack() would walk, without its recursion: it has no bound
 * of its own, and a hostile message would overflow the stack.
 *
 * @return 0; -EBADMSG for a malformed field; -ELOOP for more than WIRE_DEPTH_MAX levels
 */
int wire_check(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t bytes);

#endif
