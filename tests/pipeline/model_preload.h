/* SPDX-License-Identifier: Apache-2.0 */
/* What a test tells model_preload.c in the writer, in a file that both map. */
#ifndef OTLPIPE_TESTS_PIPELINE_MODEL_PRELOAD_H
#define OTLPIPE_TESTS_PIPELINE_MODEL_PRELOAD_H

#include <stdint.h>

#define MODEL_PRELOAD_FILE "OTLPIPE_MODEL_PRELOAD_FILE" /* the variable with its path */

struct model_preload {
	uint32_t wall_calls;   /* of the wall clock, counted */
	uint32_t writes_left;  /* so many writes will fail */
	uint32_t writes_error; /* with this errno */
	uint32_t writes_failed;
	int64_t wall_offset_seconds;
	int64_t wall_frozen_seconds; /* not 0: the wall clock stands here */
};

#endif
