/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of an input: read, unpacked where they are packed, in one buffer. */
#ifndef OTLPIPE_CLI_INPUT_READ_H
#define OTLPIPE_CLI_INPUT_READ_H

#include "cli/input_state.h"

#define PACKED_BYTES ((size_t)64 << 10)

/* Packed bytes on their way into the buffer. */
struct input_packed {
	struct unpack *unpack;
	uint64_t fetched; /* in the file */
	uint64_t used;	  /* unpacked */
	size_t begin, filled;
	int error; /* there it ends; what was unpacked before is good */
	uint8_t bytes[PACKED_BYTES];
};

/** Have that many bytes in the buffer, or all that the file has. @return 0 or -errno */
int input_fill(struct input *input, size_t bytes);
void input_consume(struct input *input, size_t bytes);

#endif
