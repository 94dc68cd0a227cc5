/* SPDX-License-Identifier: Apache-2.0 */
/* Text of lines, both ways. What a line says is manifest_image.c's. */
#include "writer/file/manifest_line.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <xxhash.h>

#define SUM_DIGITS 16u

/* ---- words ---- */

/* Digits only. */
bool manifest_word_number(const char *word, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	if (*word == '\0')
		return false;
	for (; *word != '\0'; word++) {
		unsigned digit = (unsigned)(*word - '0');

		if (*word < '0' || *word > '9' || value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*ret = value;
	return true;
}

bool manifest_word_time(const char *word, int64_t *ret)
{
	uint64_t value;

	if (!manifest_word_number(word, INT64_MAX, &value))
		return false;
	*ret = (int64_t)value;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool manifest_word_id(const char *word, uint64_t *ret)
{
	uint64_t value = 0;
	size_t i;

	for (i = 0; i < SUM_DIGITS; i++) {
		if (hex_digit(word[i]) < 0)
			return false;
		value = value << 4 | (uint64_t)hex_digit(word[i]);
	}
	*ret = value;
	return word[SUM_DIGITS] == '\0';
}

bool manifest_word_path(const char *word, char ret[MANIFEST_PATH_BYTES_MAX])
{
	const char *at;

	if (strlen(word) >= MANIFEST_PATH_BYTES_MAX)
		return false;
	for (at = word; *at != '\0'; at++)
		if (*at <= ' ' || *at >= 0x7f)
			return false;
	strcpy(ret, word);
	return true;
}

void manifest_word_of_path(const char *path, char ret[MANIFEST_PATH_BYTES_MAX])
{
	size_t at = 0;

	for (; *path != '\0' && at + 4 < MANIFEST_PATH_BYTES_MAX; path++) {
		const unsigned char c = (unsigned char)*path;

		if (c <= ' ' || c >= 0x7f || c == '%')
			at += (size_t)snprintf(ret + at, 4, "%%%02x", (unsigned)c);
		else
			ret[at++] = (char)c;
	}
	if (at == 0)
		ret[at++] = '-';
	ret[at] = '\0';
}

void manifest_path_of_word(const char *word, char ret[MANIFEST_PATH_BYTES_MAX])
{
	size_t at = 0;

	for (; *word != '\0' && at + 1 < MANIFEST_PATH_BYTES_MAX; word++) {
		/* Each is looked at only if the one before it is a digit, so within the text. */
		const int high = *word == '%' ? hex_digit(word[1]) : -1;
		const int low = high >= 0 ? hex_digit(word[2]) : -1;
		const int c = low >= 0 ? high << 4 | low : -1;

		if (c >= ' ' && c < 0x7f) {
			ret[at++] = (char)c;
			word += 2;
		} else {
			ret[at++] = *word;
		}
	}
	ret[at] = '\0';
}

/* ---- lines ---- */

/* Cut the line into its words; the checksum is the last and does not count. */
static bool line_split(struct manifest_line *line)
{
	char *at = line->text;

	line->count = 0;
	for (;;) {
		char *space = strchr(at, ' ');

		if (*at == '\0' || *at == ' ' || line->count == MANIFEST_WORDS_MAX)
			return false;
		if (space == NULL)
			return line->count > 0;
		*space = '\0';
		line->words[line->count++] = at;
		at = space + 1;
	}
}

int manifest_line_read(struct manifest_line *ret, uint64_t before, const char *text, size_t bytes)
{
	const size_t bytes_max = bytes < MANIFEST_LINE_BYTES_MAX ? bytes : MANIFEST_LINE_BYTES_MAX;
	const char *newline = bytes > 0 ? memchr(text, '\n', bytes_max) : NULL;
	size_t length;

	if (newline == NULL)
		return bytes < MANIFEST_LINE_BYTES_MAX ? -EAGAIN : -EBADMSG;
	length = (size_t)(newline - text);
	if (length <= SUM_DIGITS || text[length - SUM_DIGITS - 1] != ' ' ||
	    memchr(text, '\0', length) != NULL)
		return -EBADMSG;
	memcpy(ret->text, text, length);
	ret->text[length] = '\0';
	ret->bytes = length + 1;
	if (!manifest_word_id(ret->text + length - SUM_DIGITS, &ret->sum) ||
	    ret->sum != XXH3_64bits_withSeed(text, length - SUM_DIGITS, before))
		return -EBADMSG;
	return line_split(ret) ? 0 : -EBADMSG;
}

size_t manifest_line_make(char *ret, uint64_t before, const char *format, ...)
{
	const size_t bytes_max = MANIFEST_LINE_BYTES_MAX - SUM_DIGITS - 2;
	va_list arguments;
	size_t length;
	int n;

	va_start(arguments, format);
	n = vsnprintf(ret, bytes_max, format, arguments);
	va_end(arguments);
	assert(n > 0 && (size_t)n < bytes_max);
	length = (size_t)n;
	ret[length++] = ' ';
	n = snprintf(ret + length, SUM_DIGITS + 2, "%016" PRIx64 "\n",
		     (uint64_t)XXH3_64bits_withSeed(ret, length, before));
	assert(n == SUM_DIGITS + 1);
	(void)n;
	return length + SUM_DIGITS + 1;
}
