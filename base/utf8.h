/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is this text UTF-8, as RFC 3629 has it and as protobuf demands of a string? Overlong forms,
 * surrogates, anything above U+10FFFF and sequences cut short are not; NUL is. Async-signal-safe.
 */
#ifndef OTLPIPE_BASE_UTF8_H
#define OTLPIPE_BASE_UTF8_H

#include "base/bytes.h"
#include <stdbool.h>

#define UTF8_HIGH_BITS UINT64_C(0x8080808080808080)

/** The whole check, for any text. */
bool utf8_is_valid_any(const uint8_t *text, size_t len);

/**
 * Copy text, with U+FFFD in place of each byte that is not UTF-8.
 *
 * @param to  room for three times len
 * @return the length of the copy
 */
size_t utf8_repair(char *to, const char *text, size_t len);

/** utf8_is_valid_any() with an inlined answer for short ASCII. text may be NULL when len is 0. */
static inline bool utf8_is_valid(const void *text, size_t len)
{
	const uint8_t *s = text;
	uint64_t high;

	if (len - 8 <= 16) /* 8 to 24: three words that overlap */
		high = bytes_load64(s) | bytes_load64(s + (len - 8 < 8 ? len - 8 : 8)) |
		       bytes_load64(s + len - 8);
	else if (len > 24)
		return utf8_is_valid_any(s, len);
	else if (len >= 4)
		high = bytes_load32(s) | bytes_load32(s + len - 4);
	else if (len != 0)
		high = s[0] | s[len / 2] | s[len - 1];
	else
		return true;
	return (high & UTF8_HIGH_BITS) == 0 || utf8_is_valid_any(s, len);
}

#endif
