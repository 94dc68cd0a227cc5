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

#include "writer/file/manifest.h"
#include "writer/file/retain_policy.h"
#include "writer/file/retain_run.h"

struct retain;

/**
 * Starts the thread, with all signals blocked, for these signals' directories below out_dirfd,
 * which is not needed afterwards. The manifest must outlive it.
 */
int retain_open(struct retain **ret, int out_dirfd, struct manifest *manifest,
		const char *const *signals, unsigned signal_count,
		const struct retain_limits *limits);

/** Waits for the deletion under way, not for the rest of the run. NULL is fine. */
void retain_close(struct retain *retain);

/** Asks for a run and returns at once. Requests during a run make one more. */
void retain_request(struct retain *retain);

/** Other limits, from the next run on. */
void retain_set_limits(struct retain *retain, const struct retain_limits *limits);

/** What the runs that have ended did since retain_open. */
void retain_counts(struct retain *retain, struct retain_counts *ret);

#endif
