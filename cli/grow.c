/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that grow, by doubling. An error is kept, so that callers look once, at the end. */
#include "cli/grow.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROW_BYTES_MIN	    256u
#define NUMBER_BYTES_MAX    24u
#define FORMATTED_BYTES_MAX 256u

void grow_free(struct grow *grow)
{
	free(grow->data);
	*grow = (struct grow){0};
}

char *grow_room(struct grow *grow, size_t bytes)
{
	size_t capacity = grow->capacity != 0 ? grow->capacity : GROW_BYTES_MIN;
	char *grown;

	if (grow->is_failed)
		return NULL;
	if (bytes <= grow->capacity - grow->len)
		return grow->data + grow->len;
	while (capacity - grow->len < bytes) {
		if (capacity > SIZE_MAX / 2)
			goto fail;
		capacity *= 2;
	}
	grown = realloc(grow->data, capacity);
	if (grown == NULL)
		goto fail;
	grow->data = grown;
	grow->capacity = capacity;
	return grown + grow->len;
fail:
	grow->is_failed = true;
	return NULL;
}

void grow_add(struct grow *grow, const void *bytes, size_t count)
{
	char *to = grow_room(grow, count);

	if (to == NULL || count == 0)
		return;
	memcpy(to, bytes, count);
	grow->len += count;
}

void grow_word(struct grow *grow, const char *word)
{
	grow_add(grow, word, strlen(word));
}

void grow_char(struct grow *grow, char c)
{
	grow_add(grow, &c, 1);
}

void grow_repeat(struct grow *grow, const char *word, size_t times)
{
	for (size_t i = 0; i < times; i++)
		grow_word(grow, word);
}

void grow_hex(struct grow *grow, const void *bytes, size_t count)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *from = bytes;
	char *to = count <= SIZE_MAX / 2 ? grow_room(grow, 2 * count) : NULL;

	if (to == NULL)
		return;
	for (size_t i = 0; i < count; i++) {
		to[2 * i] = digits[from[i] >> 4];
		to[2 * i + 1] = digits[from[i] & 15];
	}
	grow->len += 2 * count;
}

void grow_u64(struct grow *grow, uint64_t number)
{
	char text[NUMBER_BYTES_MAX];
	size_t at = sizeof(text);

	do {
		text[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number != 0);
	grow_add(grow, text + at, sizeof(text) - at);
}

void grow_i64(struct grow *grow, int64_t number)
{
	if (number < 0)
		grow_char(grow, '-');
	grow_u64(grow, number < 0 ? -(uint64_t)number : (uint64_t)number);
}

void grow_format(struct grow *grow, const char *format, ...)
{
	char text[FORMATTED_BYTES_MAX];
	va_list arguments;
	int len;

	va_start(arguments, format);
	len = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (len > 0)
		grow_add(grow, text, (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1);
}
