/* SPDX-License-Identifier: Apache-2.0 */
/* One run of retention after the other, for the thread that retain.c has. */
#ifndef OTLPIPE_WRITER_FILE_RETAIN_RUN_H
#define OTLPIPE_WRITER_FILE_RETAIN_RUN_H

#include "writer/file/datadir.h"
#include "writer/file/manifest.h"
#include "writer/file/retain_clock.h"
#include "writer/file/retain_policy.h"

#define RETAIN_SIGNALS_MAX   4u
#define RETAIN_PROBLEM_BYTES 256u

/* Of those that somebody else removed so many are remembered, and named once. */
#define RETAIN_MISSING_MAX 256u

/* One signal's directory, and what is known of its files. */
struct retain_dir {
	struct data_dir dir;
	struct manifest_entry *entries; /* during a run */
	size_t entry_count;
	bool is_blocked;	   /* during a run: one of its files cannot be removed */
	uint64_t blocked_sequence; /* said; 0: none */
	uint64_t missing[RETAIN_MISSING_MAX];
	unsigned missing_count;
	uint64_t
		unsent_from; /* during a run: this file and all younger ones are kept for senders */
};

struct retain_counts {
	uint64_t runs;
	uint64_t removed_files;
	uint64_t removed_bytes;
	uint64_t failures;	/* runs that could not list or delete something */
	int last_error;		/* of the last failure, negative errno */
	bool is_waiting;	/* nothing is removed for its age: the clock is not believed */
	uint64_t unsent_files;	/* removed before all senders had sent them */
	uint64_t missing_files; /* that somebody else has removed, as far as it was seen */
	char problem[RETAIN_PROBLEM_BYTES]; /* of the last run; empty: it did all it had to */
};

struct retain_run {
	int out_dirfd;
	struct retain_dir dirs[RETAIN_SIGNALS_MAX];
	unsigned dir_count;
	struct manifest *manifest;
	struct retain_limits limits;
	struct retain_clock clock;
	struct retain_counts counts;
	int sender_errors[RETAIN_SENDERS_MAX]; /* of their cursors, as they were said */
	bool is_held; /* more is kept than the limits want, for senders; it was said */
	bool (*is_stopping)(void *context); /* asked between two groups of files */
	void *context;
};

/** @return 0 or the errno of what failed */
int retain_run_open(struct retain_run *run, int out_dirfd, struct manifest *manifest,
		    const char *const *signals, unsigned signal_count,
		    const struct retain_limits *limits);
void retain_run_close(struct retain_run *run);

/** Between two runs: other limits. */
void retain_run_set_limits(struct retain_run *run, const struct retain_limits *limits);

/** Remove what has to go. @return 0, or the last error, which was said */
int retain_run(struct retain_run *run);

#endif
