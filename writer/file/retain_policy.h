/* SPDX-License-Identifier: Apache-2.0 */
/* Which files go, in which order, and why. */
#ifndef OTLPIPE_WRITER_FILE_RETAIN_POLICY_H
#define OTLPIPE_WRITER_FILE_RETAIN_POLICY_H

#include <stddef.h>
#include <stdint.h>

#include "writer/file/dataname.h"

struct retain_limits {	      /* 0: no such limit */
	uint64_t total_bytes; /* of all signals together, what is still open not counted */
	int64_t age_ns;	      /* since the file was sealed */
	uint64_t free_bytes;  /* to be left on the file system */
};

enum retain_reason { RETAIN_KEEP, RETAIN_TOO_MUCH, RETAIN_TOO_OLD, RETAIN_TOO_FULL };

/* One file, for the policy. */
struct retain_file {
	char name[DATA_NAME_BYTES];
	uint64_t bytes;
	int64_t ended_ns; /* when it was sealed, since 1970 */
	uint64_t sequence;
	unsigned signal; /* index */
	/* retain_sort(): of the files of its signal that were sealed at that time, so many parts of
	 * a million come before it. Times are whole seconds. */
	uint32_t part;
	enum retain_reason reason;
};

/**
 * Puts files into the order of deletion. A file counts as no older than an earlier one of its
 * signal: clocks go back, and one file from 1970 must not take all before it along. A file from
 * the future counts as old as the next one: it must not hold up all the rest. ended_ns is changed
 * accordingly.
 */
void retain_sort(struct retain_file *files, size_t count, int64_t now_ns);

/** How many of the sorted files, from the first on, have to go, and why: reason is set. */
size_t retain_plan(struct retain_file *files, size_t count, const struct retain_limits *limits,
		   int64_t now_ns, uint64_t free_bytes);

#endif
