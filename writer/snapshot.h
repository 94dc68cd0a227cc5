/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main loop's part in the snapshots of a flight recorder. Who asks for one (a signal, a program
 * through its region, a writer that was killed before it was done) gets all that was pushed before:
 *
 *   taking    the rings are drained up to where they were; then the batches are closed
 *   closing   until the spool's files have these batches
 *   sealing   until these files are sealed
 *   moving    flight.c moves them into the output directory
 *
 * Several asks before it begins are one snapshot; what asks behind that gets another one.
 */
#ifndef OTLPIPE_WRITER_SNAPSHOT_H
#define OTLPIPE_WRITER_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

/* In the spool: a snapshot was asked for, and is not over. */
#define SNAPSHOT_ASKED "asked"

struct writer;

struct snapshot;

/** @return 0, or -ENOMEM and a line was said */
int snapshot_open(struct writer *writer);
void snapshot_close(struct writer *writer);

/** Is there one that a killed writer owes? To be called once the spool is open. */
void snapshot_start(struct writer *writer);

/** A signal asks for one. */
void snapshot_ask(struct writer *writer);

/** In each round: listen to the programs, and go on. @return whether anything was done */
bool snapshot_turn(struct writer *writer, int64_t now_ns);

/** Is one wanted or under way? Then the loop looks again soon. */
bool snapshot_is_due(const struct writer *writer);

/** When the loop has to look again; INT64_MAX: it need not for this. */
int64_t snapshot_deadline_ns(const struct writer *writer, int64_t now_ns);

#endif
