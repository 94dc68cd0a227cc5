/* SPDX-License-Identifier: Apache-2.0 */
/* What the answer of an OTLP/HTTP receiver means. Bytes in, verdict out; they are not trusted. */
#ifndef OTLPIPE_CLI_SEND_ANSWER_H
#define OTLPIPE_CLI_SEND_ANSWER_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "cli/send/destination.h"

/* Of the body of an answer so much is kept. */
#define ANSWER_BODY_BYTES_MAX ((size_t)64 << 10)

struct http_answer {
	long status;
	const char *content_type; /* "" where there is none */
	const char *retry_after;  /* the header's value, "" where there is none */
	const char *location;	  /* of a redirect */
	const uint8_t *body;
	size_t body_bytes;
};

/**
 * Judge it by the rules of OTLP.
 *
 * @param now  for a Retry-After that is a date
 */
void answer_judge(const struct http_answer *answer, time_t now, struct send_answer *ret);

/**
 * The value of a Retry-After header: seconds, or a date of HTTP.
 *
 * @return nanoseconds; -1: it is neither
 */
int64_t answer_retry_after_ns(const char *text, time_t now);

#endif
