/* SPDX-License-Identifier: Apache-2.0 */
/* When to try again what was not taken: later and later, up to a limit, and not all at once. */
#ifndef OTLPIPE_CLI_SEND_BACKOFF_H
#define OTLPIPE_CLI_SEND_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#define BACKOFF_MIN_NS	 INT64_C(250000000)
#define BACKOFF_ASKED_NS (INT64_C(3600) * 1000000000) /* a receiver may ask for no more */

struct backoff {
	int64_t max_ns;
	unsigned failures; /* in a row, those of one moment as one; 0: the last one went well */
	int64_t since_ns;  /* of the first of them */
	int64_t until_ns;
};

/**
 * It failed. The wait is between a half and the whole of a time that doubles with each failure.
 *
 * @param asked_ns  what the receiver asks for, which counts as the least; negative: nothing
 * @param random    any number
 * @return how long to wait
 */
int64_t backoff_fail(struct backoff *backoff, int64_t now_ns, int64_t asked_ns, uint64_t random);

/** It went well. @return so long it had failed; 0: it had not */
int64_t backoff_succeed(struct backoff *backoff, int64_t now_ns);

static inline bool backoff_is_over(const struct backoff *backoff, int64_t now_ns)
{
	return now_ns >= backoff->until_ns;
}

#endif
