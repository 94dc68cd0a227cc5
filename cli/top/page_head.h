/* SPDX-License-Identifier: Apache-2.0 */
/* The lines above the producers: the writer, its signals, drops, memory, senders. */
#ifndef OTLPIPE_CLI_TOP_PAGE_HEAD_H
#define OTLPIPE_CLI_TOP_PAGE_HEAD_H

#include "cli/top/canvas.h"
#include "cli/top/model.h"
#include "cli/top/page_data.h"

/** @param rows_max  for all of them @return the rows that are used, at least 1 */
unsigned top_page_draw_head(struct top_canvas *canvas, unsigned rows_max,
			    const struct top_page *page, const struct top_model *model);

#endif
