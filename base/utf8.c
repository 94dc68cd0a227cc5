/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The UTF-8 check for long text and for text beyond ASCII. Short ASCII is answered in utf8.h.
 */
#include "base/utf8.h"

/* The end of the ASCII run that starts at s. */
static const uint8_t *skip_ascii(const uint8_t *s, const uint8_t *end)
{
	while (end - s >= 32) {
		const uint64_t high = bytes_load64(s) | bytes_load64(s + 8) | bytes_load64(s + 16) |
				      bytes_load64(s + 24);

		if (high & UTF8_HIGH_BITS)
			break;
		s += 32;
	}
	while (end - s >= 8 && !(bytes_load64(s) & UTF8_HIGH_BITS))
		s += 8;
	while (s < end && *s < 0x80)
		s++;
	return s;
}

/* The length of the sequence at s, which is not ASCII; 0: it is not one. RFC 3629, section 4. */
static size_t sequence_bytes(const uint8_t *s, size_t avail)
{
	uint8_t second_min = 0x80;
	uint8_t second_max = 0xbf;
	size_t bytes;

	if (s[0] >= 0xc2 && s[0] <= 0xdf) { /* 0xc0 and 0xc1 could only be overlong */
		bytes = 2;
	} else if (s[0] >= 0xe0 && s[0] <= 0xef) {
		bytes = 3;
		if (s[0] == 0xe0)
			second_min = 0xa0; /* below: overlong */
		else if (s[0] == 0xed)
			second_max = 0x9f; /* above: surrogates */
	} else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		bytes = 4;
		if (s[0] == 0xf0)
			second_min = 0x90; /* below: overlong */
		else if (s[0] == 0xf4)
			second_max = 0x8f; /* above: beyond U+10FFFF */
	} else {
		return 0;
	}
	if (bytes > avail || s[1] < second_min || s[1] > second_max)
		return 0;
	for (size_t i = 2; i < bytes; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	return bytes;
}

bool utf8_is_valid_any(const uint8_t *text, size_t len)
{
	const uint8_t *const end = text + len;

	for (const uint8_t *s = skip_ascii(text, end); s < end; s = skip_ascii(s, end)) {
		const size_t bytes = sequence_bytes(s, (size_t)(end - s));

		if (bytes == 0)
			return false;
		s += bytes;
	}
	return true;
}

size_t utf8_repair(char *to, const char *text, size_t len)
{
	static const char replacement[] = "\xef\xbf\xbd";
	const uint8_t *s = (const uint8_t *)text, *const end = s + len;
	char *at = to;

	while (s < end) {
		const size_t bytes = *s < 0x80 ? 1 : sequence_bytes(s, (size_t)(end - s));

		memcpy(at, bytes != 0 ? (const char *)s : replacement, bytes != 0 ? bytes : 3);
		at += bytes != 0 ? bytes : 3;
		s += bytes != 0 ? bytes : 1;
	}
	return (size_t)(at - to);
}
