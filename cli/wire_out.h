/* SPDX-License-Identifier: Apache-2.0 */
/* Protobuf fields into bytes that grow. */
#ifndef OTLPIPE_CLI_WIRE_OUT_H
#define OTLPIPE_CLI_WIRE_OUT_H

#include <stddef.h>
#include <stdint.h>

#include "cli/wire.h"

struct wire_out {
	uint8_t *data;
	size_t count;
	size_t capacity;
};

void wire_out_free(struct wire_out *out);

/** Each: 0 or -ENOMEM. */
int wire_reserve(struct wire_out *out, size_t bytes);
int wire_put(struct wire_out *out, const void *bytes, size_t count);
int wire_put_varint(struct wire_out *out, uint64_t value);
int wire_put_tag(struct wire_out *out, uint32_t number, enum wire_type type);

/** What was put from there on gets its length before it: a message that is done. */
int wire_close(struct wire_out *out, size_t from);

#endif
