/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line of text in a buffer of the caller's, put together without stdio, locale or
 * allocation: for places where only async-signal-safe code may run. Always
 * terminated; what does not fit is cut off.
 */
#ifndef OTLPIPE_BASE_TEXT_H
#define OTLPIPE_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct text {
	char *to;
	size_t bytes; /* of the buffer, its terminator included; at least 1 */
	size_t used;
};

void text_begin(struct text *text, char *to, size_t bytes);
void text_add(struct text *text, const char *what);
void text_add_some(struct text *text, const char *what, size_t len);
void text_add_number(struct text *text, uint64_t number);
/** A size: "5192 KiB", or "1000 bytes" where it is no multiple of that. */
void text_add_size(struct text *text, uint64_t bytes);
/** The permissions of a mode: "0755". */
void text_add_mode(struct text *text, uint32_t mode);
/** The C library's text for an errno, in English. */
void text_add_errno(struct text *text, int error);
/** Foreign text for a log line: control characters become "?", a longer one than max is cut in the
 * middle. */
void text_add_quoted(struct text *text, const char *what, size_t len, size_t max);

#endif
