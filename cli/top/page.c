/* SPDX-License-Identifier: Apache-2.0 */
/* Lays the page out, and draws the rows of the producers. What stands above them is page_head.c's.
 */
#include "cli/top/page.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "cli/top/page_head.h"
#include "cli/top/text.h"

#define TABLE_ROWS_MIN 3u /* its heading, and two producers */
#define FOOT_ROWS_MIN  8u /* of a screen that has a line for the keys */
#define FILL_WARN      0.5
#define FILL_BAD       0.8
#define WIDTH_MAX_TEXT 32u

/* ---- columns ---- */

static const struct {
	const char *heading;
	unsigned width, width_max;
	bool is_right;
} columns_table[TOP_COLUMNS] = {
	[TOP_PID] = {"PID", 7, 7, true},
	[TOP_PROGRAM] = {"PROGRAM", 8, WIDTH_MAX_TEXT, false},
	[TOP_SERVICE] = {"SERVICE", 8, WIDTH_MAX_TEXT, false},
	[TOP_AGE] = {"AGE", 6, 6, true},
	[TOP_LANES] = {"LN", 2, 2, true},
	[TOP_FILL] = {"FILL", 4, 4, true},
	[TOP_HISTORY] = {"HISTORY", 7, 20, false},
	[TOP_SPANS] = {"SPAN/S", 6, 6, true},
	[TOP_SPANS_HISTORY] = {"SPANS", 8, 16, false},
	[TOP_POINTS] = {"POINT/S", 7, 7, true},
	[TOP_POINTS_HISTORY] = {"POINTS", 8, 16, false},
	[TOP_LOGS] = {"LOG/S", 5, 5, true},
	[TOP_LOGS_HISTORY] = {"LOGS", 8, 16, false},
	[TOP_NOTES] = {"NOTES", 10, 24, false},
};

void top_page_columns(unsigned columns, unsigned ret_widths[TOP_COLUMNS])
{
	/* What is taken first. */
	static const enum top_column wanted[] = {
		TOP_PID,     TOP_PROGRAM,	TOP_NOTES,	    TOP_FILL,	      TOP_SPANS,
		TOP_SERVICE, TOP_POINTS,	TOP_HISTORY,	    TOP_AGE,	      TOP_LOGS,
		TOP_LANES,   TOP_SPANS_HISTORY, TOP_POINTS_HISTORY, TOP_LOGS_HISTORY,
	};
	/* What gets more, one column each in turn. */
	static const enum top_column growing[] = {
		TOP_PROGRAM,	   TOP_SERVICE,	       TOP_NOTES,	 TOP_HISTORY,
		TOP_SPANS_HISTORY, TOP_POINTS_HISTORY, TOP_LOGS_HISTORY,
	};
	/* Behind the last one no blank is needed. */
	unsigned left = columns + 1, before;

	memset(ret_widths, 0, TOP_COLUMNS * sizeof(ret_widths[0]));
	for (size_t i = 0; i < COUNT_OF(wanted); i++) {
		const unsigned width = columns_table[wanted[i]].width + 1;

		if (width > left)
			continue;
		ret_widths[wanted[i]] = width;
		left -= width;
	}
	do {
		before = left;
		for (size_t i = 0; i < COUNT_OF(growing) && left > 0; i++) {
			unsigned *width = &ret_widths[growing[i]];

			if (*width == 0 || *width > columns_table[growing[i]].width_max)
				continue;
			(*width)++;
			left--;
		}
	} while (left != before);
}

/* ---- a producer ---- */

const char *top_page_state(const struct top_producer *producer, enum top_ink *ret_ink)
{
	*ret_ink = TOP_BAD;
	if (producer->is_unsound)
		return "broken";
	if (producer->region->is_given_up)
		return "left";
	*ret_ink = TOP_WARN;
	if (!producer->region->is_alive)
		return "dead";
	if (producer->region->unknown_ring != 0)
		return "newer";
	if (producer->is_blocked)
		return "stuck";
	*ret_ink = TOP_PLAIN;
	return "";
}

enum top_ink top_page_notes(const struct top_producer *producer, bool has_state, char *ret,
			    size_t ret_bytes)
{
	static const char *const reasons[TOP_DROPS] = {[TOP_DROP_FULL] = "full",
						       [TOP_DROP_INVALID] = "invalid",
						       [TOP_DROP_TOO_LARGE] = "large"};
	char number[TOP_TEXT_BYTES];
	enum top_ink ink;
	size_t used = (size_t)snprintf(ret, ret_bytes, "%s", top_page_state(producer, &ink));

	if (!has_state) {
		used = 0;
		ret[0] = '\0';
	}
	for (unsigned drop = 0; drop < TOP_DROPS && used < ret_bytes; drop++) {
		if (producer->dropped[drop] == 0)
			continue;
		used += (size_t)snprintf(ret + used, ret_bytes - used, "%s%s %s",
					 used > 0 ? " " : "",
					 top_count(producer->dropped[drop], number), reasons[drop]);
		ink = TOP_BAD;
	}
	return ink;
}

static enum top_ink fill_ink(double fill)
{
	return fill >= FILL_BAD ? TOP_BAD : fill >= FILL_WARN ? TOP_WARN : TOP_PLAIN;
}

/* The newest value stands at the right. */
static void draw_history(struct top_canvas *canvas, unsigned row, unsigned column, unsigned width,
			 const struct top_history *history)
{
	double value;

	for (unsigned i = 0; i < width; i++)
		if (top_history_get(history, width - 1 - i, &value))
			top_canvas_put_one(canvas, row, column + i,
					   value >= FILL_BAD	? TOP_BAD
					   : value >= FILL_WARN ? TOP_WARN
								: TOP_GOOD,
					   top_level(value, canvas->is_unicode));
}

static void draw_text(struct top_canvas *canvas, unsigned row, unsigned column, unsigned width,
		      enum top_column which, enum top_ink ink, const char *text)
{
	if (columns_table[which].is_right)
		top_canvas_put_right(canvas, row, column, width, ink, text);
	else
		top_canvas_put(canvas, row, column, width, ink, text);
}

static void draw_column(struct top_canvas *canvas, unsigned row, unsigned column, unsigned width,
			enum top_column which, const struct top_producer *producer, bool has_age)
{
	const struct stat_region *region = producer->region;
	enum top_ink ink = region->is_alive ? TOP_PLAIN : TOP_DIM;
	char text[128] = "";

	switch (which) {
	case TOP_PID:
		snprintf(text, sizeof(text), "%" PRIu32, region->pid);
		break;
	case TOP_PROGRAM:
		draw_text(canvas, row, column, width, which, ink, region->program);
		return;
	case TOP_SERVICE:
		draw_text(canvas, row, column, width, which, ink,
			  region->service[0] != '\0' ? region->service : "-");
		return;
	case TOP_AGE:
		snprintf(text, sizeof(text), "%s", top_page_state(producer, &ink));
		if (text[0] == '\0')
			top_age(producer->age_seconds, text);
		break;
	case TOP_LANES:
		snprintf(text, sizeof(text), "%u", producer->lanes);
		break;
	case TOP_FILL:
		snprintf(text, sizeof(text), "%.0f%%", producer->fill * 100);
		ink = fill_ink(producer->fill);
		break;
	case TOP_HISTORY:
		draw_history(canvas, row, column, width, &producer->history);
		return;
	case TOP_SPANS:
	case TOP_POINTS:
	case TOP_LOGS:
		top_rate(producer->signals[(which - TOP_SPANS) / 2].accepted_rate, text);
		break;
	case TOP_SPANS_HISTORY:
	case TOP_POINTS_HISTORY:
	case TOP_LOGS_HISTORY:
		draw_history(canvas, row, column, width,
			     &producer->signals[(which - TOP_SPANS_HISTORY) / 2].history);
		return;
	case TOP_NOTES:
		ink = top_page_notes(producer, !has_age, text, sizeof(text));
		break;
	case TOP_COLUMNS:
		return;
	}
	draw_text(canvas, row, column, width, which, ink, text);
}

static void draw_table(struct top_canvas *canvas, unsigned row, unsigned end,
		       const struct top_page *page, const struct top_model *model)
{
	unsigned widths[TOP_COLUMNS], column;

	top_page_columns(canvas->columns, widths);
	for (column = 0; column < TOP_COLUMNS; column++) {
		unsigned at = 0;

		for (unsigned before = 0; before < column; before++)
			at += widths[before];
		if (widths[column] == 0)
			continue;
		draw_text(canvas, row, at, widths[column] - 1, column, TOP_HEAD,
			  columns_table[column].heading);
		for (unsigned i = 0; row + 1 + i < end && page->first + i < page->shown; i++)
			draw_column(canvas, row + 1 + i, at, widths[column] - 1, column,
				    model->rows[page->first + i], widths[TOP_AGE] > 0);
	}
	top_canvas_paint(canvas, row, 0, TOP_HEAD);
	if (model->row_count == 0)
		top_canvas_put(canvas, row + 1, 0, canvas->columns, TOP_DIM, "no producers");
	else if (page->shown == 0)
		top_canvas_put(canvas, row + 1, 0, canvas->columns, TOP_DIM,
			       "no producer is like that: Esc shows all");
}

/* ---- the line for the keys ---- */

static void draw_foot(struct top_canvas *canvas, unsigned row, const struct top_page *page)
{
	const char *const ellipsis = canvas->is_unicode ? "▏" : "_";
	char range[64], keys[256];
	const size_t last = page->first + page->visible;
	unsigned at;

	if (page->is_typing) {
		top_canvas_format(canvas, row, 0, TOP_BOLD, "filter: %s%s", page->order.filter,
				  ellipsis);
		return;
	}
	snprintf(range, sizeof(range), "%zu-%zu of %zu", page->shown > 0 ? page->first + 1 : 0,
		 last < page->shown ? last : page->shown, page->shown);
	snprintf(keys, sizeof(keys), "q quit  h help  s sort: %s%s  / filter%s%s%s  space %s",
		 top_sort_names[page->order.sort], page->order.is_reversed ? ", reversed" : "",
		 page->order.filter[0] != '\0' ? ": " : "", page->order.filter,
		 page->order.only_dropped ? "  d dropped alone" : "",
		 page->is_paused ? "go on" : "pause");
	at = canvas->columns > strlen(range) ? canvas->columns - (unsigned)strlen(range) : 0;
	top_canvas_put(canvas, row, 0, at > 0 ? at - 1 : 0, TOP_DIM, keys);
	top_canvas_put(canvas, row, at, canvas->columns, TOP_DIM, range);
}

/* ---- help ---- */

static void draw_help(struct top_canvas *canvas)
{
	static const char *const lines[] = {
		"otlpipe top: keys (any key goes back)",
		"q, Ctrl-C       quit",
		"h, ?            this page",
		"space, p        pause: the page stays as it is",
		"s, S            sort by the next, the one before: rate, drops, fill, age,",
		"                pid, program, service",
		"r               turn the order round",
		"/               filter: a part of the program, service or pid; Esc: all",
		"d               those alone that have dropped something",
		"up, down, page up, page down, home, end (k j)   scroll",
		"+ -             look more, or less, often",
		"",
		"FILL     of the producer's fullest ring; HISTORY: of the looks before",
		"SPAN/S   that it pushed and that were taken; POINT/S, LOG/S",
		"LN       its rings",
		"AGE      or dead: it has ended, and its ring is not drained yet; stuck: a push",
		"         was begun and does not end; left: the writer has given it up",
		"NOTES    what was dropped since it began, and why: full: no room in its ring;",
		"         invalid; large: more than a ring takes",
	};

	for (unsigned i = 0; i < COUNT_OF(lines); i++)
		top_canvas_put(canvas, i, 0, canvas->columns, i == 0 ? TOP_BOLD : TOP_PLAIN,
			       lines[i]);
}

/* ---- all of it ---- */

void top_page_draw(struct top_page *page, struct top_canvas *canvas, struct top_model *model)
{
	const unsigned foot = page->has_keys && canvas->rows >= FOOT_ROWS_MIN;
	unsigned head, rows;

	if (canvas->rows < TOP_ROWS_MIN || canvas->columns < TOP_COLUMNS_MIN) {
		top_canvas_put(canvas, 0, 0, canvas->columns, TOP_PLAIN, "too small");
		return;
	}
	if (page->has_help) {
		draw_help(canvas);
		return;
	}
	page->shown = top_order_rows(&page->order, model->rows, model->row_count);
	rows = canvas->rows - foot;
	head = top_page_draw_head(canvas, rows - TABLE_ROWS_MIN, page, model);
	page->visible = rows - head - 1;
	/* Producers end: what is shown must not begin behind the last one. */
	if (page->shown <= page->visible)
		page->first = 0;
	else if (page->first > page->shown - page->visible)
		page->first = page->shown - page->visible;
	draw_table(canvas, head, rows, page, model);
	if (page->is_typing && !foot)
		draw_foot(canvas, canvas->rows - 1, page);
	if (foot)
		draw_foot(canvas, canvas->rows - 1, page);
}
