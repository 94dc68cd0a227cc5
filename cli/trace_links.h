/* SPDX-License-Identifier: Apache-2.0 */
/* The spans that links lead to: which are in the files, and what they are. */
#ifndef OTLPIPE_CLI_TRACE_LINKS_H
#define OTLPIPE_CLI_TRACE_LINKS_H

#include "cli/trace_tree.h"

/* Of more than these it is not looked for their spans. */
#define TRACE_LINKS_MAX 100000u

struct trace_target {
	uint8_t ids[TRACE_ID_BYTES + SPAN_ID_BYTES];
	bool is_found;
	char *text; /* service and name, as in the file */
	size_t service_len, name_len;
	uint64_t duration_ns;
};

struct trace_link; /* an entry of the table */

struct trace_links { /* begin with zeros */
	struct trace_link *entries;
};

/** All links of a span. 0, -EBADMSG or -ENOMEM. */
int trace_links_want(struct trace_links *links, struct view_bytes span);

/** A span of the files: does a link lead to it? 0 or -ENOMEM. */
int trace_links_see(struct trace_links *links, const struct view_span *span,
		    struct view_bytes service);

/** What a link leads to; NULL: nothing that it was looked for. */
const struct trace_target *trace_links_find(const struct trace_links *links,
					    const struct view_link *link);

bool trace_links_are_none(const struct trace_links *links);
void trace_links_free(struct trace_links *links);

#endif
