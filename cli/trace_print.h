/* SPDX-License-Identifier: Apache-2.0 */
/* A trace as a tree with bars of its times, in so many columns. */
#ifndef OTLPIPE_CLI_TRACE_PRINT_H
#define OTLPIPE_CLI_TRACE_PRINT_H

#include "cli/grow.h"
#include "cli/trace_index.h"
#include "cli/trace_links.h"
#include "cli/trace_tree.h"

#define TRACE_COLUMNS_MIN 40u
#define TRACE_COLUMNS_MAX 400u

struct trace_style {
	size_t columns;
	bool is_coloured;
	bool with_attributes;
	uint64_t lines_max; /* spans of a trace that are shown */
};

/** 0, -EBADMSG, -ELOOP or -ENOMEM. */
int trace_print(struct grow *grow, const struct trace_style *style, const struct trace_sum *sum,
		const struct tree *tree, const struct trace_links *links);

/** One line of a list of traces. */
void trace_print_sum(struct grow *grow, const struct trace_style *style,
		     const struct trace_sum *sum, const struct tree *tree);

#endif
