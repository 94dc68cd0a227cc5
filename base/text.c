/* SPDX-License-Identifier: Apache-2.0 */
/* Text is added piece by piece, without stdio. */
#include "base/text.h"

#include <string.h>

void text_begin(struct text *text, char *to, size_t bytes)
{
	text->to = to;
	text->bytes = bytes;
	text->used = 0;
	to[0] = '\0';
}

void text_add_some(struct text *text, const char *what, size_t len)
{
	const size_t room = text->bytes - text->used - 1;

	if (len > room)
		len = room;
	memcpy(text->to + text->used, what, len);
	text->used += len;
	text->to[text->used] = '\0';
}

void text_add(struct text *text, const char *what)
{
	text_add_some(text, what, strlen(what));
}

static void text_add_digits(struct text *text, uint64_t number, unsigned base)
{
	char digits[24];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % base);
		number /= base;
	} while (number != 0);
	text_add_some(text, digits + at, sizeof(digits) - at);
}

void text_add_number(struct text *text, uint64_t number)
{
	text_add_digits(text, number, 10);
}

void text_add_size(struct text *text, uint64_t bytes)
{
	const uint64_t kib = 1024;

	text_add_number(text, bytes != 0 && bytes % kib == 0 ? bytes / kib : bytes);
	text_add(text, bytes != 0 && bytes % kib == 0 ? " KiB" : " bytes");
}

void text_add_mode(struct text *text, uint32_t mode)
{
	text_add(text, "0");
	text_add_digits(text, mode & 07777, 8);
}

void text_add_errno(struct text *text, int error)
{
#ifdef __GLIBC__
	/* strerror() may allocate and translate; this does neither. */
	const char *known = strerrordesc_np(error);

	if (known != NULL) {
		text_add(text, known);
		return;
	}
#endif
	text_add(text, "error ");
	text_add_number(text, (uint64_t)(error < 0 ? -(int64_t)error : error));
}

static void text_add_printable(struct text *text, const char *what, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		const unsigned char c = (unsigned char)what[i];

		text_add_some(text, c < ' ' || c == 0x7f ? "?" : &what[i], 1);
	}
}

void text_add_quoted(struct text *text, const char *what, size_t len, size_t max)
{
	static const char cut[] = " ... ";
	const size_t kept = max > sizeof(cut) - 1 ? (max - (sizeof(cut) - 1)) / 2 : 0;

	if (len <= max) {
		text_add_printable(text, what, len);
		return;
	}
	text_add_printable(text, what, kept);
	text_add(text, cut);
	text_add_printable(text, what + len - kept, kept);
}
