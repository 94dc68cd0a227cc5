/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spans of one trace, and the order in which they are shown: each below its parent, by their
 * start. The ids are from files that nobody vouches for: parents may be missing, come twice, or
 * form a circle. Each span is in the order exactly once.
 */
#ifndef OTLPIPE_CLI_TRACE_TREE_H
#define OTLPIPE_CLI_TRACE_TREE_H

#include "cli/otlp_view.h"

#define TRACE_ID_BYTES 16u
#define SPAN_ID_BYTES  8u
#define TREE_NONE      SIZE_MAX

/* What is worth saying about a span's place. */
enum tree_mark {
	TREE_ORPHAN = 1,     /* its parent is in none of the files */
	TREE_CIRCLE = 2,     /* it is among its own ancestors: the circle was cut above it */
	TREE_TWICE = 4,	     /* an earlier span of this trace has the same id */
	TREE_EARLY = 8,	     /* it starts before its parent */
	TREE_BACKWARDS = 16, /* it ends before it starts */
};

struct tree_span {
	uint8_t *bytes; /* the span's message; ours */
	size_t bytes_len;
	struct view_span view;
	char *service; /* as in the file; ours */
	size_t service_len;
	unsigned marks;
	/* the tree's */
	size_t parent, first_child, next_sibling;
};

struct tree_line {
	size_t span;
	size_t depth;
	bool is_last; /* of its siblings */
};

struct tree {
	struct tree_span *spans;
	size_t count, capacity;
	struct tree_line *lines;   /* count of them, once it was built */
	uint64_t begin_ns, end_ns; /* of all spans whose times make sense */
};

/** Keep a copy of a span. 0, -EBADMSG or -ENOMEM. */
int tree_add(struct tree *tree, struct view_bytes message, struct view_bytes service);

/** Once all are in it. Sorts the spans. 0 or -ENOMEM. */
int tree_build(struct tree *tree);

void tree_free(struct tree *tree);

/** How long a span took; 0 for one that ends before it starts. */
static inline uint64_t view_duration_ns(const struct view_span *span)
{
	return span->end_ns > span->start_ns ? span->end_ns - span->start_ns : 0;
}

/** No parent: no id, or one of zeros. */
bool tree_is_root(const struct view_span *span);

#endif
