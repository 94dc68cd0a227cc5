/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Retention: deletes the oldest batch files when there are too many bytes, when they are too old
 * or when the disk runs full. In a thread of its own, since unlinking a large file takes tens of
 * milliseconds.
 *
 * Only sealed files and those given up (….bad) are touched, never an open one. Within a signal
 * files go in the order of their sequence, so what is left is always the newest without a gap: a
 * file that cannot be removed keeps all that are younger. Each removal is entered in the manifest
 * before, and a line in the log.
 *
 * How old a file is, is told by when it was sealed, as the manifest has it, and not by times that
 * anybody can set. A wall clock that seems to have been set is not believed at once.
 */
#ifndef OTLPIPE_WRITER_FILE_RETAIN_H
#define OTLPIPE_WRITER_FILE_RETAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "writer/file/dataname.h"
#include "writer/file/manifest.h"

#define RETAIN_SIGNALS_MAX 4u

/*
 * After a step of the clock nothing is removed for its age for as long as files are kept, but so
 * long at least and at most.
 */
#define RETAIN_STEP_WAIT_MIN_NS INT64_C(60000000000)
#define RETAIN_STEP_WAIT_MAX_NS INT64_C(3600000000000)

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
	enum retain_reason reason;
};

/*
 * Puts files into the order of deletion. A file counts as no older than an earlier one of its
 * signal: clocks go back, and one file from 1970 must not take all before it along. A file from
 * the future counts as old as the next one: it must not hold up all the rest. ended_ns is changed
 * accordingly.
 */
void retain_sort(struct retain_file *files, size_t count, int64_t now_ns);

/* How many of the sorted files, from the first on, have to go, and why: reason is set. */
size_t retain_plan(struct retain_file *files, size_t count, const struct retain_limits *limits,
		   int64_t now_ns, uint64_t free_bytes);

struct retain_counts {
	uint64_t runs;
	uint64_t removed_files;
	uint64_t removed_bytes;
	uint64_t failures;	/* runs that could not list or delete something */
	int last_error;		/* of the last failure, negative errno */
	bool is_waiting;	/* nothing is removed for its age: the clock is not believed */
	uint64_t missing_files; /* that somebody else has removed, as far as it was seen */
};

struct retain;

/*
 * Starts the thread, with all signals blocked, for these signals' directories below out_dirfd,
 * which is not needed afterwards. The manifest must outlive it.
 */
int retain_open(struct retain **ret, int out_dirfd, struct manifest *manifest,
		const char *const *signals, unsigned signal_count,
		const struct retain_limits *limits);

/* Waits for the deletion under way, not for the rest of the run. NULL is fine. */
void retain_close(struct retain *retain);

/* Asks for a run and returns at once. Requests during a run make one more. */
void retain_request(struct retain *retain);

/* Waits until all that was requested is done; -ETIMEDOUT. */
int retain_wait(struct retain *retain, int64_t timeout_ns);

/* What has been done since retain_open. */
void retain_counts(struct retain *retain, struct retain_counts *ret);

#endif
