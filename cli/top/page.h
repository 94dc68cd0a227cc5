/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page of `otlpipe top`: what of the model stands where, for any size. Where there is no room
 * for all, what matters least is left out.
 */
#ifndef OTLPIPE_CLI_TOP_PAGE_H
#define OTLPIPE_CLI_TOP_PAGE_H

#include "cli/top/canvas.h"
#include "cli/top/model.h"
#include "cli/top/page_data.h"

/* Below that nothing can be shown. */
#define TOP_ROWS_MIN	4u
#define TOP_COLUMNS_MIN 20u

/* ---- columns of the producers ---- */

enum top_column {
	TOP_PID,
	TOP_PROGRAM,
	TOP_SERVICE,
	TOP_AGE,
	TOP_LANES,
	TOP_FILL,
	TOP_HISTORY,
	TOP_SPANS,
	TOP_SPANS_HISTORY,
	TOP_POINTS,
	TOP_POINTS_HISTORY,
	TOP_LOGS,
	TOP_LOGS_HISTORY,
	TOP_NOTES,
	TOP_COLUMNS
};

/** How wide each is on a screen of so many columns, with a blank behind it; 0: it is left out. */
void top_page_columns(unsigned columns, unsigned ret_widths[TOP_COLUMNS]);

/** "dead", "stuck" and the like; empty: it lives, and all is well. */
const char *top_page_state(const struct top_producer *producer, enum top_ink *ret_ink);

/**
 * What a producer dropped, and why.
 *
 * @param has_state  its state stands in front
 */
enum top_ink top_page_notes(const struct top_producer *producer, bool has_state, char *ret,
			    size_t ret_bytes);

/** Draw it on a canvas that is blank. */
void top_page_draw(struct top_page *page, struct top_canvas *canvas, struct top_model *model);

#endif
