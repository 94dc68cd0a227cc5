/* SPDX-License-Identifier: Apache-2.0 */
/* A report as one page of HTML, with its data in it as JSON. */
#ifndef OTLPIPE_CLI_REPORT_PAGE_H
#define OTLPIPE_CLI_REPORT_PAGE_H

#include "cli/grow.h"
#include "cli/report_data.h"

/* report.html, as it stands in the tree; made by scripts/embed.py. */
extern const char report_html[];
extern const size_t report_html_bytes;

#define REPORT_ROWS_MAX	      50u
#define REPORT_TEXT_BYTES_MAX 200u /* of each foreign text */

/** 0, -EBADMSG or -ENOMEM. */
int report_page(struct grow *grow, const struct report_data *data, const char *title,
		const char *source);

#endif
