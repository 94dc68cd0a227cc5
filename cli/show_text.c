/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign text, times and numbers for a terminal. */
#include "cli/show_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "base/array.h"
#include "base/utf8.h"

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)

struct range {
	uint32_t first, last;
};

/* Marks that turn the direction of text, take no room, or end a line. */
static const struct range unseen[] = {
	{0x0000, 0x001f}, {0x007f, 0x009f}, {0x00ad, 0x00ad},	{0x061c, 0x061c},
	{0x180e, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e},	{0x2060, 0x206f},
	{0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe0fff},
};
/* Those that stand above or below the one before. */
static const struct range combining[] = {
	{0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x064b, 0x065f}, {0x0e31, 0x0e3a},
	{0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
};
/* Those of two columns. */
static const struct range wide[] = {
	{0x1100, 0x115f}, {0x231a, 0x231b},   {0x2e80, 0x303e},	  {0x3041, 0xa4cf},
	{0xac00, 0xd7a3}, {0xf900, 0xfaff},   {0xfe30, 0xfe6f},	  {0xff00, 0xff60},
	{0xffe0, 0xffe6}, {0x1f300, 0x1faff}, {0x20000, 0x3fffd},
};

static bool is_in(uint32_t c, const struct range *ranges, size_t count)
{
	for (size_t i = 0; i < count && c >= ranges[i].first; i++)
		if (c <= ranges[i].last)
			return true;
	return false;
}

/* The character that begins there; its bytes, 0: that is no UTF-8. */
static size_t character(const uint8_t *at, size_t left, uint32_t *ret)
{
	size_t bytes = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
	uint32_t c = at[0];

	if (bytes > left || !utf8_is_valid_any(at, bytes))
		return 0;
	if (bytes > 1) {
		c = at[0] & (0xffu >> (bytes + 1));
		for (size_t i = 1; i < bytes; i++)
			c = c << 6 | (at[i] & 0x3fu);
	}
	*ret = c;
	return bytes;
}

/* How the next piece is shown: its text, its columns, and the bytes it stands for. */
struct piece {
	char text[16];
	size_t len, columns, bytes;
};

static void take_piece(struct view_bytes text, struct piece *ret)
{
	const uint8_t first = text.data[0];
	uint32_t c = first;

	ret->bytes = character(text.data, text.len, &c);
	ret->len = 0;
	if (ret->bytes == 0 || (c < 0x100 && is_in(c, unseen, COUNT_OF(unseen)))) {
		const char *known = first == '\n' ? "\\n" : first == '\t' ? "\\t" : NULL;

		ret->len =
			(size_t)(known != NULL ? snprintf(ret->text, sizeof(ret->text), "%s", known)
					       : snprintf(ret->text, sizeof(ret->text), "\\x%02x",
							  ret->bytes == 0 ? first : c));
		ret->bytes = ret->bytes == 0 ? 1 : ret->bytes;
	} else if (is_in(c, unseen, COUNT_OF(unseen))) {
		ret->len = (size_t)snprintf(ret->text, sizeof(ret->text), "\\u%04x", c);
	}
	if (ret->len != 0) {
		ret->columns = ret->len;
		return;
	}
	memcpy(ret->text, text.data, ret->bytes);
	ret->len = ret->bytes;
	ret->columns = c < 0x300				  ? 1
		       : is_in(c, combining, COUNT_OF(combining)) ? 0
		       : is_in(c, wide, COUNT_OF(wide))		  ? 2
								  : 1;
}

/* Combining marks beyond this many on one place are left out: they would cover other lines. */
#define COMBINING_MAX 4u

size_t show_text(struct grow *grow, struct view_bytes text, size_t columns_max)
{
	size_t columns = 0, fits_len = grow->len, fits_columns = 0;
	unsigned stacked = 0;

	while (text.len > 0) {
		struct piece piece;

		take_piece(text, &piece);
		text.data += piece.bytes;
		text.len -= piece.bytes;
		stacked = piece.columns == 0 ? stacked + 1 : 0;
		if (stacked > COMBINING_MAX)
			continue;
		if (columns + piece.columns > columns_max) {
			/* Back to where there is room for the mark. */
			grow->len = grow->is_failed ? grow->len : fits_len;
			if (columns_max == 0)
				return 0;
			grow_word(grow, "…");
			return fits_columns + 1;
		}
		grow_add(grow, piece.text, piece.len);
		columns += piece.columns;
		if (columns < columns_max) {
			fits_len = grow->len;
			fits_columns = columns;
		}
	}
	return columns;
}

void show_padded(struct grow *grow, struct view_bytes text, size_t columns)
{
	grow_repeat(grow, " ", columns - show_text(grow, text, columns));
}

const char *show_time_text(uint64_t time_ns, char text[SHOW_TIME_BYTES])
{
	const time_t seconds = (time_t)(time_ns / NS_PER_S);
	struct tm tm;
	size_t len = 0;

	if (time_ns != 0 && gmtime_r(&seconds, &tm) != NULL)
		len = strftime(text, SHOW_TIME_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
	if (len == 0)
		return "-";
	snprintf(text + len, SHOW_TIME_BYTES - len, ".%03" PRIu64 "Z",
		 time_ns % NS_PER_S / NS_PER_MS);
	return text;
}

void show_time(struct grow *grow, uint64_t time_ns)
{
	char text[SHOW_TIME_BYTES];

	grow_word(grow, show_time_text(time_ns, text));
}

const char *show_duration(uint64_t ns, char text[SHOW_DURATION_BYTES])
{
	static const struct {
		uint64_t ns;
		const char *name;
	} units[] = {{NS_PER_S, "s"}, {NS_PER_MS, "ms"}, {NS_PER_US, "us"}};

	if (ns >= 60 * NS_PER_S) {
		snprintf(text, SHOW_DURATION_BYTES, "%" PRIu64 " m %" PRIu64 " s",
			 ns / (60 * NS_PER_S), ns / NS_PER_S % 60);
		return text;
	}
	for (size_t i = 0; i < COUNT_OF(units); i++) {
		const double value = (double)ns / (double)units[i].ns;

		if (ns < units[i].ns)
			continue;
		snprintf(text, SHOW_DURATION_BYTES, "%.*f %s",
			 value < 10    ? 2
			 : value < 100 ? 1
				       : 0,
			 value, units[i].name);
		return text;
	}
	snprintf(text, SHOW_DURATION_BYTES, "%" PRIu64 " ns", ns);
	return text;
}

const char *show_number(double number, char text[SHOW_NUMBER_BYTES])
{
	if (number == floor(number) && fabs(number) < 1e15)
		snprintf(text, SHOW_NUMBER_BYTES, "%.0f", number);
	else
		snprintf(text, SHOW_NUMBER_BYTES, "%.4g", number);
	return text;
}
