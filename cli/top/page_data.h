/* SPDX-License-Identifier: Apache-2.0 */
/* What the page of `otlpipe top` remembers between two drawings. */
#ifndef OTLPIPE_CLI_TOP_PAGE_DATA_H
#define OTLPIPE_CLI_TOP_PAGE_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/top/order.h"

struct top_page {
	struct top_order order;
	size_t first;	  /* of the producers that are shown, the one in the first row */
	size_t shown;	  /* set by the page: how many there are */
	unsigned visible; /* set by the page: how many rows there are for them */
	bool is_paused;
	bool is_typing; /* the filter */
	bool has_help;
	bool has_keys; /* false: nobody can press one */
	int64_t interval_ns;
	char clock[16]; /* the time of the day */
};

#endif
