/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A page of characters in rows and columns, each with an ink. What does not fit is cut, so whoever
 * draws on it need not know how large it is. It knows no terminal.
 */
#ifndef OTLPIPE_CLI_TOP_CANVAS_H
#define OTLPIPE_CLI_TOP_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

#include "cli/grow.h"

enum top_ink { TOP_PLAIN, TOP_DIM, TOP_BOLD, TOP_HEAD, TOP_GOOD, TOP_WARN, TOP_BAD, TOP_INKS };

struct top_cell {
	wchar_t c; /* 0: the right half of the wide character before it */
	uint8_t ink;
};

struct top_canvas { /* begin with zeros */
	unsigned rows, columns;
	bool is_unicode; /* else it has no character beyond ASCII */
	struct top_cell *cells;
	size_t capacity;
};

/** So large, and blank. @return 0 or -ENOMEM */
int top_canvas_clear(struct top_canvas *canvas, unsigned rows, unsigned columns);
void top_canvas_free(struct top_canvas *canvas);

/**
 * Write a text; what must not reach a terminal is replaced.
 *
 * @param columns  at most; what is longer is cut, with … at its end
 * @return the column behind it
 */
unsigned top_canvas_put(struct top_canvas *canvas, unsigned row, unsigned column, unsigned columns,
			enum top_ink ink, const char *text);

/** The same, and its end stands at the end of the columns. */
void top_canvas_put_right(struct top_canvas *canvas, unsigned row, unsigned column,
			  unsigned columns, enum top_ink ink, const char *text);

/** The same, up to the end of the row. */
unsigned top_canvas_format(struct top_canvas *canvas, unsigned row, unsigned column,
			   enum top_ink ink, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

void top_canvas_put_one(struct top_canvas *canvas, unsigned row, unsigned column, enum top_ink ink,
			wchar_t c);

/** From there to the end of the row, without a change of what stands there. */
void top_canvas_paint(struct top_canvas *canvas, unsigned row, unsigned column, enum top_ink ink);

/** A row as UTF-8, without the blanks at its end. */
void top_canvas_row(const struct top_canvas *canvas, unsigned row, struct grow *grow);

#endif
