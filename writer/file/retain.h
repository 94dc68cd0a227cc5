/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Retention: deletes the oldest batch files when there are too many bytes, when they are too old
 * or when the disk runs full. In a thread of its own, since unlinking a large file takes tens of
 * milliseconds.
 *
 * Only sealed files and those given up (….bad) are touched, never an open one. Within a signal
 * files go in the order of their sequence, so what is left is always the newest without a gap.
 */
#ifndef OTLPIPE_WRITER_FILE_RETAIN_H
#define OTLPIPE_WRITER_FILE_RETAIN_H

#include <stddef.h>
#include <stdint.h>

#include "writer/file/dataname.h"

#define RETAIN_SIGNALS_MAX 4u

struct retain_limits {	      /* 0: no such limit */
	uint64_t total_bytes; /* of all signals together, what is still open not counted */
	int64_t age_ns;	      /* since the last write to the file, by the wall clock */
	uint64_t free_bytes;  /* to be left on the file system */
};

/* One file, for the policy. */
struct retain_file {
	char name[DATA_NAME_BYTES];
	uint64_t bytes;
	int64_t mtime_ns;
	uint64_t sequence;
	unsigned signal; /* index */
};

/*
 * Puts files into the order of deletion. A file counts as no younger than any later one of its
 * signal: clocks go back, and one file from the future must not hold up all the rest. mtime_ns is
 * lowered accordingly.
 */
void retain_sort(struct retain_file *files, size_t count);

/* How many of the sorted files, from the first on, have to go. */
size_t retain_plan(const struct retain_file *files, size_t count,
		   const struct retain_limits *limits, int64_t now_ns, uint64_t free_bytes);

struct retain_counts {
	uint64_t runs;
	uint64_t removed_files;
	uint64_t removed_bytes;
	uint64_t failures; /* runs that could not list or delete something */
	int last_error;	   /* of the last failure, negative errno */
};

struct retain;

/*
 * Starts the thread, with all signals blocked, for these signals' directories below out_dirfd,
 * which is not needed afterwards.
 */
int retain_open(struct retain **ret, int out_dirfd, const char *const *signals,
		unsigned signal_count, const struct retain_limits *limits);

/* Waits for the deletion under way, not for the rest of the run. NULL is fine. */
void retain_close(struct retain *retain);

/* Asks for a run and returns at once. Requests during a run make one more. */
void retain_request(struct retain *retain);

/* Waits until all that was requested is done; -ETIMEDOUT. */
int retain_wait(struct retain *retain, int64_t timeout_ns);

/* What has been done since retain_open. */
void retain_counts(struct retain *retain, struct retain_counts *ret);

#endif
