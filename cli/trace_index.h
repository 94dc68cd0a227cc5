/* SPDX-License-Identifier: Apache-2.0 */
/* Which traces there are, how long each took, and which of them are wanted. */
#ifndef OTLPIPE_CLI_TRACE_INDEX_H
#define OTLPIPE_CLI_TRACE_INDEX_H

#include "cli/trace_tree.h"

/* Some 120 bytes each. */
#define TRACE_INDEX_MAX ((size_t)8 << 20)

struct trace_entry;

struct trace_sum {
	uint8_t id[TRACE_ID_BYTES];
	uint64_t begin_ns, end_ns; /* of the spans whose times make sense */
	uint64_t spans, errors;
};

struct trace_index {		     /* begin with zeros */
	struct trace_entry *entries; /* a hash table */
	uint64_t left_out_spans;     /* there were too many traces */
	uint64_t odd_spans;	     /* their trace id has not 16 bytes */
};

/** 0 or -ENOMEM. */
int trace_index_add(struct trace_index *index, const struct view_span *span);

size_t trace_index_count(const struct trace_index *index);

/**
 * The slowest traces, the slowest first.
 *
 * @param with_errors  those alone in which a span has an error
 * @param ret	       to be free()d
 * @return how many; -ENOMEM
 */
int64_t trace_index_slowest(const struct trace_index *index, size_t count_max, bool with_errors,
			    struct trace_sum **ret);

void trace_index_free(struct trace_index *index);

#endif
