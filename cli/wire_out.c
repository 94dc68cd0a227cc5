/* SPDX-License-Identifier: Apache-2.0 */
/* Messages are put in place, and their length before them once it is known. */
#include "cli/wire_out.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define VARINT_BYTES_MAX 10u

void wire_out_free(struct wire_out *out)
{
	free(out->data);
	*out = (struct wire_out){0};
}

int wire_reserve(struct wire_out *out, size_t bytes)
{
	size_t capacity = (out->count + bytes) * 2;
	uint8_t *grown;

	if (out->capacity - out->count >= bytes)
		return 0;
	grown = realloc(out->data, capacity);
	if (grown == NULL)
		return -ENOMEM;
	out->data = grown;
	out->capacity = capacity;
	return 0;
}

int wire_put(struct wire_out *out, const void *bytes, size_t count)
{
	int rc = wire_reserve(out, count);

	if (rc < 0 || count == 0)
		return rc;
	memcpy(out->data + out->count, bytes, count);
	out->count += count;
	return 0;
}

static size_t varint_make(uint8_t *to, uint64_t value)
{
	size_t n = 0;

	while (value >= 0x80) {
		to[n++] = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	to[n++] = (uint8_t)value;
	return n;
}

int wire_put_varint(struct wire_out *out, uint64_t value)
{
	int rc = wire_reserve(out, VARINT_BYTES_MAX);

	if (rc == 0)
		out->count += varint_make(out->data + out->count, value);
	return rc;
}

int wire_put_tag(struct wire_out *out, uint32_t number, enum wire_type type)
{
	return wire_put_varint(out, (uint64_t)number << 3 | type);
}

int wire_close(struct wire_out *out, size_t from)
{
	uint8_t length[VARINT_BYTES_MAX];
	const size_t bytes = out->count - from;
	const size_t length_bytes = varint_make(length, bytes);
	int rc = wire_reserve(out, length_bytes);

	if (rc < 0)
		return rc;
	memmove(out->data + from + length_bytes, out->data + from, bytes);
	memcpy(out->data + from, length, length_bytes);
	out->count += length_bytes;
	return 0;
}
