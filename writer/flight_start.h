/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spool of a flight recorder when a writer starts, whatever mode it has: where it is, whose it
 * was, and what the writer before left in it. A flight recorder goes on with it. A writer that
 * writes all takes it over into its output directory, before anything that is newer.
 */
#ifndef OTLPIPE_WRITER_FLIGHT_START_H
#define OTLPIPE_WRITER_FLIGHT_START_H

#include "writer/parts.h"

#define FLIGHT_PATH_BYTES (RUNTIME_PATH_BYTES_MAX + 16)

/** The spool's path. */
void flight_start_path(const struct writer *writer, char ret[FLIGHT_PATH_BYTES]);

/**
 * Open the spool and lock it.
 *
 * @param create  make it (0700) if there is none
 * @return 0; -ENOENT: there is none; or negative and a line was said
 */
int flight_start_open(struct writer *writer, bool create, struct outdir *ret);

/**
 * Settle what the last writer was moving when it was killed. To be called before the open files of
 * the output directory are recovered.
 *
 * @param disk      the output directory, which the spool remembers from now on
 * @param absolute  its path
 */
int flight_start_settle(const struct outdir *held, const struct outdir *disk, const char *absolute);

/** For a writer that writes all: move what is held into its output directory, and remove it. */
int flight_start_take_over(struct writer *writer, struct outdir *held);

/** For a flight recorder, when all is recovered: the thread, and what the status page says. */
int flight_start(struct writer *writer);

#endif
