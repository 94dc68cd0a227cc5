/* SPDX-License-Identifier: Apache-2.0 */
/* What a file looks like that is no OTLP protobuf: for the message that says so. */
#ifndef OTLPIPE_CLI_FORMAT_H
#define OTLPIPE_CLI_FORMAT_H

#include <stddef.h>
#include <stdint.h>

/* Of a file's first bytes so many are looked at: a tar has its magic at 257. */
#define FORMAT_FIRST_BYTES 512u

struct format {
	const char *what;   /* "gzip" */
	const char *advice; /* what to do with it */
};

/**
 * Guess by the first bytes. Only for what could not be read as OTLP protobuf: some guesses fit that
 * too.
 *
 * @param bytes  how many there are, FORMAT_FIRST_BYTES at most; fewer: the whole file
 * @return NULL: it looks like nothing that is known here
 */
const struct format *format_guess(const uint8_t *first, size_t bytes);

#endif
