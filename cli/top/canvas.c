/* SPDX-License-Identifier: Apache-2.0 */
/* Cells, and how wide a character is. */
#include "cli/top/canvas.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/top/text.h"

#define FORMAT_BYTES 512
#define ELLIPSIS     0x2026

int top_canvas_clear(struct top_canvas *canvas, unsigned rows, unsigned columns)
{
	const size_t count = (size_t)rows * columns;

	if (count > canvas->capacity) {
		struct top_cell *cells = realloc(canvas->cells, count * sizeof(*cells));

		if (cells == NULL)
			return -ENOMEM;
		canvas->cells = cells;
		canvas->capacity = count;
	}
	canvas->rows = rows;
	canvas->columns = columns;
	for (size_t i = 0; i < count; i++)
		canvas->cells[i] = (struct top_cell){.c = L' ', .ink = TOP_PLAIN};
	return 0;
}

void top_canvas_free(struct top_canvas *canvas)
{
	free(canvas->cells);
	memset(canvas, 0, sizeof(*canvas));
}

/* What stands for a character here, and how wide that is. */
static wchar_t shown(const struct top_canvas *canvas, wchar_t c, int *ret_width)
{
	*ret_width = 1;
	if (c >= L' ' && c < 0x7f)
		return c;
	/* Marks that turn the direction of text would move what stands behind them. */
	if (c < 0xa0 || (c >= 0x200e && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
	    (c >= 0x2066 && c <= 0x2069))
		return L'?';
	if (!canvas->is_unicode)
		return L'?';
	*ret_width = wcwidth(c);
	if (*ret_width >= 0 && *ret_width <= 2)
		return c;
	*ret_width = 1;
	return L'?';
}

static struct top_cell *cell_at(struct top_canvas *canvas, unsigned row, unsigned column)
{
	if (row >= canvas->rows || column >= canvas->columns)
		return NULL;
	return &canvas->cells[(size_t)row * canvas->columns + column];
}

void top_canvas_put_one(struct top_canvas *canvas, unsigned row, unsigned column, enum top_ink ink,
			wchar_t c)
{
	struct top_cell *cell = cell_at(canvas, row, column);

	if (cell != NULL)
		*cell = (struct top_cell){.c = c, .ink = (uint8_t)ink};
}

static unsigned text_columns(const struct top_canvas *canvas, const char *text)
{
	unsigned columns = 0;
	wchar_t c;
	int width;

	while ((c = top_character(&text)) != 0) {
		(void)shown(canvas, c, &width);
		columns += (unsigned)width;
	}
	return columns;
}

unsigned top_canvas_put(struct top_canvas *canvas, unsigned row, unsigned column, unsigned columns,
			enum top_ink ink, const char *text)
{
	const unsigned room = column < canvas->columns ? canvas->columns - column : 0;
	unsigned end;
	wchar_t c;
	int width;

	columns = columns < room ? columns : room;
	if (columns == 0 || row >= canvas->rows)
		return column;
	end = column + columns;
	if (text_columns(canvas, text) > columns)
		end--;
	while ((c = top_character(&text)) != 0) {
		c = shown(canvas, c, &width);
		/* One that has no width belongs to the one before it: a cell has one character. */
		if (width == 0)
			continue;
		if (column + (unsigned)width > end) {
			top_canvas_put_one(canvas, row, column++, ink,
					   canvas->is_unicode ? ELLIPSIS : L'~');
			return column;
		}
		top_canvas_put_one(canvas, row, column++, ink, c);
		if (width == 2)
			top_canvas_put_one(canvas, row, column++, ink, 0);
	}
	return column;
}

void top_canvas_put_right(struct top_canvas *canvas, unsigned row, unsigned column,
			  unsigned columns, enum top_ink ink, const char *text)
{
	const unsigned used = text_columns(canvas, text);
	const unsigned blanks = used < columns ? columns - used : 0;

	top_canvas_put(canvas, row, column + blanks, columns - blanks, ink, text);
}

unsigned top_canvas_format(struct top_canvas *canvas, unsigned row, unsigned column,
			   enum top_ink ink, const char *format, ...)
{
	char text[FORMAT_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return top_canvas_put(canvas, row, column, canvas->columns, ink, text);
}

void top_canvas_paint(struct top_canvas *canvas, unsigned row, unsigned column, enum top_ink ink)
{
	struct top_cell *cell;

	for (; (cell = cell_at(canvas, row, column)) != NULL; column++)
		cell->ink = (uint8_t)ink;
}

static void add_character(struct grow *grow, wchar_t wide)
{
	const uint32_t c = (uint32_t)wide;

	if (c < 0x80) {
		grow_char(grow, (char)c);
		return;
	}
	if (c < 0x800) {
		grow_char(grow, (char)(0xc0 | c >> 6));
	} else {
		if (c < 0x10000) {
			grow_char(grow, (char)(0xe0 | c >> 12));
		} else {
			grow_char(grow, (char)(0xf0 | c >> 18));
			grow_char(grow, (char)(0x80 | (c >> 12 & 0x3f)));
		}
		grow_char(grow, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	grow_char(grow, (char)(0x80 | (c & 0x3f)));
}

void top_canvas_row(const struct top_canvas *canvas, unsigned row, struct grow *grow)
{
	const struct top_cell *cells = &canvas->cells[(size_t)row * canvas->columns];
	unsigned end = canvas->columns;

	while (end > 0 && cells[end - 1].c == L' ')
		end--;
	for (unsigned i = 0; i < end; i++)
		if (cells[i].c != 0)
			add_character(grow, cells[i].c);
}
