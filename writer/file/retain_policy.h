/* SPDX-License-Identifier: Apache-2.0 */
/* Which files go, in which order, and why. */
#ifndef OTLPIPE_WRITER_FILE_RETAIN_POLICY_H
#define OTLPIPE_WRITER_FILE_RETAIN_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "writer/file/cursor.h"
#include "writer/file/dataname.h"

#define RETAIN_SENDERS_MAX 8u

struct retain_limits {	      /* 0: no such limit */
	uint64_t total_bytes; /* of all signals together, what is still open not counted */
	int64_t age_ns;	      /* since the file was sealed */
	uint64_t free_bytes;  /* to be left on the file system */
	/* Names of senders: what their cursors have not passed goes for free_bytes alone, and last.
	 */
	char senders[RETAIN_SENDERS_MAX][CURSOR_NAME_BYTES_MAX + 1];
	unsigned sender_count;
};

enum retain_reason {
	RETAIN_KEEP,
	RETAIN_TOO_MUCH,
	RETAIN_TOO_OLD,
	RETAIN_TOO_FULL,
	RETAIN_UNSENT /* too full, and it is lost to a sender */
};

/* One file, for the policy. */
struct retain_file {
	char name[DATA_NAME_BYTES];
	uint64_t bytes;
	int64_t ended_ns; /* when it was sealed, since 1970 */
	uint64_t sequence;
	unsigned signal; /* index */
	bool is_unsent;	 /* some sender has not sent it; nor any younger one of its signal */
	/* retain_sort(): of the files of its signal that were sealed at that time, so many parts of
	 * a million come before it. Times are whole seconds. */
	uint32_t part;
	enum retain_reason reason;
};

/**
 * Puts files into the order of deletion. A file counts as no older than an earlier one of its
 * signal: clocks go back, and one file from 1970 must not take all before it along. A file from
 * the future counts as old as the next one: it must not hold up all the rest. ended_ns is changed
 * accordingly. What is not sent comes behind all that is.
 */
void retain_sort(struct retain_file *files, size_t count, int64_t now_ns);

/** How many of the sorted files, from the first on, have to go, and why: reason is set. */
size_t retain_plan(struct retain_file *files, size_t count, const struct retain_limits *limits,
		   int64_t now_ns, uint64_t free_bytes);

/** Of those that stay: would some go, if no sender had to send them? */
bool retain_is_held(const struct retain_file *files, size_t count, size_t planned,
		    const struct retain_limits *limits, int64_t now_ns);

#endif
