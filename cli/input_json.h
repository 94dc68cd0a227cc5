/* SPDX-License-Identifier: Apache-2.0 */
/* Documents of JSON in an input, as chunks of protobuf. */
#ifndef OTLPIPE_CLI_INPUT_JSON_H
#define OTLPIPE_CLI_INPUT_JSON_H

#include "cli/input_state.h"

/** The next chunk of a file of JSON: as input_next(). */
int input_json_next(struct input *input, struct chunk *ret);

/**
 * Take a document that is whole in memory, such as a frame has.
 *
 * @return 0: input_json_take() has its chunks, which may be none; or -errno
 */
int input_json_begin(struct input *input, const uint8_t *text, size_t bytes, uint64_t offset);

/** The next chunk of the document that was begun. False: it has no more. */
bool input_json_take(struct input *input, struct chunk *ret);

void input_json_forget(struct input_json *json); /* of the document; NULL is fine */
void input_json_close(struct input_json *json);	 /* NULL is fine */

#endif
