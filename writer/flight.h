/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --mode flight-recorder: what is written goes into a spool in the runtime directory, of which a
 * thread lets go of the oldest, and moves the rest into the output directory when a snapshot asks
 * for it. The main loop closes batches and seals files as ever (snapshot.h has its part in a
 * snapshot).
 *
 * How much is held is bounded: by what --keep says, and by what is left of the file system, of
 * which producers have to have some. Letting go goes on between any two files of a snapshot.
 */
#ifndef OTLPIPE_WRITER_FLIGHT_H
#define OTLPIPE_WRITER_FLIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/status.h"
#include "writer/file/outdir.h"
#include "writer/file/spool.h"
#include "writer/option_data.h"

struct flight;

/* What holds for the spool's files, by --keep. */
struct flight_plan {
	int64_t keep_ns;       /* 0: no limit */
	uint64_t keep_bytes;   /* of everything in the spool */
	uint64_t rotate_bytes; /* of one file */
	int64_t rotate_age_ns; /* 0: never */
	uint64_t batch_bytes;
};

/** @param dirfd  of the file system that the spool is on: a part of it is the limit, if need be */
void flight_plan(struct flight_plan *ret, const struct options *options, int dirfd);

/**
 * Start the thread.
 *
 * @param disk       the output directory, which must outlive it
 * @param disk_path  where it is, so that it can be seen whether it is there on
 * @param wake       wakes the main loop, from the thread: there is something to show
 * @return 0, or negative and a line was said
 */
int flight_open(struct flight **ret, const struct flight_plan *plan, const struct outdir *held,
		const struct outdir *disk, const char *disk_path, void (*wake)(void));

/** The file that is just moved is moved to its end. What is held stays. NULL is fine. */
void flight_close(struct flight *flight);

/** A file was sealed, or there is no room for one. NULL is fine. */
void flight_request(struct flight *flight);

/**
 * Begin a snapshot of all held files up to these numbers, of each signal; one at a time. What comes
 * of it, flight_take_result() has later.
 */
void flight_snapshot(struct flight *flight, const uint64_t up_to[SIGNAL_COUNT]);

/** @return false: it is under way; else what came of it, all but its number */
bool flight_take_result(struct flight *flight, struct status_snapshot *ret);

/** What is held and what was let go, for the status page. */
void flight_show(struct flight *flight, struct status_page *page);

#endif
