/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records that the receiver refuses for good, set aside: an OTLP file that `otlpipe cat` reads, one
 * a signal, made when the first one comes. In front of each request stands why, in field 1002,
 * which OTLP does not know.
 */
#ifndef OTLPIPE_CLI_SEND_DEAD_LETTERS_H
#define OTLPIPE_CLI_SEND_DEAD_LETTERS_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#define DEAD_LETTERS_FIELD 1002u

struct dead_letters {
	char path[PATH_MAX];
	int fd; /* -1: not opened yet */
};

/** @return 0 or -ENAMETOOLONG */
int dead_letters_name(struct dead_letters *letters, const char *dir, const char *sender,
		      const char *signal);

/**
 * Put a request behind those that are there, and make it durable. What a kill left half written at
 * the end is cut off first.
 *
 * @return 0, or the errno of what failed: nothing of it counts then
 */
int dead_letters_add(struct dead_letters *letters, const char *reason, const uint8_t *body,
		     size_t bytes);
void dead_letters_close(struct dead_letters *letters);

#endif
