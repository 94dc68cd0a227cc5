/* SPDX-License-Identifier: Apache-2.0 */
/* Step by step, one in a round of the loop at most for each; none of them waits. */
#include "writer/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mode.h"
#include "shm/atomic.h"
#include "writer/flight.h"
#include "writer/parts.h"

/* Programs ask as often as they like; each snapshot costs files on the disk. */
#define SNAPSHOT_EVERY_NS INT64_C(1000000000)
/* A claim that is not committed for so long is left out. */
#define SNAPSHOT_BUSY_NS INT64_C(1000000000)
/* A spool that takes nothing does not keep what is held already from the disk. */
#define SNAPSHOT_LATE_NS INT64_C(10000000000)
#define SNAPSHOT_LOOK_NS INT64_C(2000000)

enum snapshot_step {
	SNAPSHOT_NONE,
	SNAPSHOT_TAKING,
	SNAPSHOT_CLOSING,
	SNAPSHOT_SEALING,
	SNAPSHOT_MOVING
};

struct snapshot {
	enum snapshot_step step;
	bool is_wanted;
	int64_t not_before_ns; /* programs may not have one sooner; their asks wait */
	bool program_asks;
	int64_t begin_ns;
	bool is_late;			    /* not all of the rings could be taken in time */
	uint64_t closed_to[SIGNAL_COUNT];   /* batches before this number belong to it */
	bool is_rotated[SIGNAL_COUNT];	    /* the open file was asked to be sealed */
	uint64_t file_number[SIGNAL_COUNT]; /* which one; 0: none was open */
};

int snapshot_open(struct writer *writer)
{
	writer->snapshot = calloc(1, sizeof(*writer->snapshot));
	if (writer->snapshot == NULL)
		log_line("no memory for snapshots");
	return writer->snapshot == NULL ? -ENOMEM : 0;
}

void snapshot_close(struct writer *writer)
{
	free(writer->snapshot);
	writer->snapshot = NULL;
}

/* Where this fails, a kill would take the ask with it. */
static void note_asked(const struct writer *writer)
{
	int fd = openat(writer->outdir.fd, SNAPSHOT_ASKED,
			O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, mode_of_file());

	if (fd >= 0)
		close(fd);
}

void snapshot_start(struct writer *writer)
{
	if (writer->flight != NULL &&
	    faccessat(writer->outdir.fd, SNAPSHOT_ASKED, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		log_line("a snapshot was asked for, and the writer before did not come to its end: "
			 "it is taken now");
		writer->snapshot->is_wanted = true;
	}
}

void snapshot_ask(struct writer *writer)
{
	if (writer->flight != NULL) {
		writer->snapshot->is_wanted = true;
		note_asked(writer);
	} else
		log_line("SIGUSR1 asks for a snapshot: that is for --mode flight-recorder; this "
			 "writer writes everything anyway");
}

static void listen(struct writer *writer)
{
	struct source *source;
	bool any = false;

	for (source = writer->regions.sources; source != NULL; source = source->next)
		any |= source_hear_snapshot(source);
	if (any && writer->flight != NULL && !writer->snapshot->program_asks) {
		writer->snapshot->program_asks = true;
		note_asked(writer);
	}
}

/* ---- the steps ---- */

static void begin(struct writer *writer, int64_t now_ns)
{
	struct snapshot *snapshot = writer->snapshot;
	struct source *source;

	snapshot->is_wanted = snapshot->program_asks = snapshot->is_late = false;
	snapshot->begin_ns = now_ns;
	snapshot->not_before_ns = now_ns + SNAPSHOT_EVERY_NS;
	/* A region that was made just now has asked perhaps. */
	if (!writer->is_stopping && !writer->place.is_leaving &&
	    regions_discover(&writer->regions) < 0)
		log_line("some regions cannot be found for the snapshot");
	regions_leave_unknown(&writer->regions);
	for (source = writer->regions.sources; source != NULL; source = source->next)
		source_begin_snapshot(source);
	writer->status.page->flight.snapshots_begun++;
	snapshot->step = SNAPSHOT_TAKING;
}

/* Time is over for what should have been done by now. */
static bool is_late(struct writer *writer, int64_t now_ns)
{
	if (now_ns - writer->snapshot->begin_ns < SNAPSHOT_LATE_NS)
		return false;
	writer->snapshot->is_late = true;
	return true;
}

static bool take(struct writer *writer, int64_t now_ns)
{
	struct snapshot *snapshot = writer->snapshot;
	const bool accept_busy = now_ns - snapshot->begin_ns >= SNAPSHOT_BUSY_NS;
	const struct source *source;
	enum otlp_signal signal;
	bool is_closed = true;

	for (source = writer->regions.sources; source != NULL; source = source->next)
		if (!source_has_snapshot(source, accept_busy) && !is_late(writer, now_ns))
			return false;
	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		is_closed &=
			queue_close_batch(&writer->queues[signal], writer->regions.sources) == 0;
	if (!is_closed && !is_late(writer, now_ns))
		return false;
	for (signal = 0; signal < SIGNAL_COUNT; signal++) {
		snapshot->closed_to[signal] = writer->queues[signal].next_sequence;
		snapshot->is_rotated[signal] = false;
	}
	snapshot->step = SNAPSHOT_CLOSING;
	return true;
}

/* Are the batches of the snapshot in the spool's files? */
static bool is_written(const struct writer *writer, enum otlp_signal signal)
{
	const struct queue *queue = &writer->queues[signal];

	return queue->jobs == NULL ||
	       queue->jobs->ledger->sequence >= writer->snapshot->closed_to[signal];
}

static bool close_files(struct writer *writer, int64_t now_ns)
{
	struct snapshot *snapshot = writer->snapshot;
	enum otlp_signal signal;
	bool all = true;

	for (signal = 0; signal < SIGNAL_COUNT; signal++) {
		struct file_destination *file = &writer->files[signal];

		if (snapshot->is_rotated[signal])
			continue;
		if (!is_written(writer, signal) && !is_late(writer, now_ns)) {
			all = false;
			continue;
		}
		snapshot->is_rotated[signal] = true;
		snapshot->file_number[signal] = 0;
		if (file->destination.is_open && file->destination.end_bytes > 0) {
			snapshot->file_number[signal] = file->file.name.sequence;
			queue_rotate(&writer->queues[signal]);
		}
	}
	if (all)
		snapshot->step = SNAPSHOT_SEALING;
	return all;
}

/*
 * What somebody removes while it is written is given up and not sealed, and its batches go into
 * another file: that one is to be sealed instead. @return true: there is such a file
 */
static bool close_again(struct writer *writer, int64_t now_ns)
{
	struct snapshot *snapshot = writer->snapshot;
	enum otlp_signal signal;
	bool any = false;

	for (signal = 0; signal < SIGNAL_COUNT; signal++) {
		const struct file_destination *file = &writer->files[signal];
		const uint64_t number = snapshot->file_number[signal];

		if (number <= file->sealed_to ||
		    (file->destination.is_open && file->file.name.sequence == number) ||
		    is_late(writer, now_ns))
			continue;
		snapshot->is_rotated[signal] = false;
		any = true;
	}
	return any;
}

static bool seal(struct writer *writer, int64_t now_ns)
{
	struct snapshot *snapshot = writer->snapshot;
	uint64_t up_to[SIGNAL_COUNT];
	enum otlp_signal signal;

	if (close_again(writer, now_ns)) {
		snapshot->step = SNAPSHOT_CLOSING;
		return true;
	}
	for (signal = 0; signal < SIGNAL_COUNT; signal++) {
		const struct file_destination *file = &writer->files[signal];
		const bool is_open = file->destination.is_open;

		/* All that is sealed by now, or just that file: those behind it are not asked for.
		 */
		up_to[signal] = snapshot->file_number[signal];
		if (up_to[signal] == 0)
			up_to[signal] = is_open ? file->file.name.sequence - 1 : UINT64_MAX;
		else if (is_open && file->file.name.sequence == up_to[signal] &&
			 !is_late(writer, now_ns))
			return false;
	}
	flight_snapshot(writer->flight, up_to);
	snapshot->step = SNAPSHOT_MOVING;
	return true;
}

static uint64_t sum(const uint64_t *items)
{
	enum otlp_signal signal;
	uint64_t total = 0;

	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		total += items[signal];
	return total;
}

static bool end(struct writer *writer)
{
	struct status_flight *flight = &writer->status.page->flight;
	struct status_snapshot result;
	struct status_snapshot *to = &flight->snapshots[flight->snapshots_begun % STATUS_SNAPSHOTS];

	if (!flight_take_result(writer->flight, &result))
		return false;
	if (result.error == 0 && writer->snapshot->is_late) {
		result.error = ETIMEDOUT;
		snprintf(result.problem, sizeof(result.problem),
			 "what was held in whole files is written, but the rest, and what the "
			 "rings have, could not be taken within 10 s");
	}
	if (result.error == 0)
		log_line("snapshot %llu: %llu records in %llu files (%llu bytes) into %.300s; %llu "
			 "older ones were let go since the one before",
			 (unsigned long long)flight->snapshots_begun,
			 (unsigned long long)sum(result.items), (unsigned long long)result.files,
			 (unsigned long long)result.bytes, writer->options->output,
			 (unsigned long long)sum(result.let_go_items));
	/* Who reads a number that fits reads what belongs to it.
	 * PAIR(snapshot-result): with snapshot_result() of the tool, through the page's file. */
	to->number = 0;
	atomic_fence_store();
	result.number = 0;
	*to = result;
	/* PAIR(snapshot-result): as above. */
	atomic_fence_store();
	to->number = flight->snapshots_begun;
	flight_show(writer->flight, writer->status.page);
	/* PAIR(snapshot-result): as above. */
	atomic_fence_store();
	flight->snapshots_done = flight->snapshots_begun;
	writer->snapshot->step = SNAPSHOT_NONE;
	if (!writer->snapshot->is_wanted && !writer->snapshot->program_asks)
		(void)unlinkat(writer->outdir.fd, SNAPSHOT_ASKED, 0);
	retain_request(writer->retain);
	pack_request(writer->pack);
	return true;
}

/* ---- */

bool snapshot_is_due(const struct writer *writer)
{
	const struct snapshot *snapshot = writer->snapshot;

	return snapshot->step != SNAPSHOT_NONE || snapshot->is_wanted || snapshot->program_asks;
}

int64_t snapshot_deadline_ns(const struct writer *writer, int64_t now_ns)
{
	const struct snapshot *snapshot = writer->snapshot;

	if (snapshot->step != SNAPSHOT_NONE)
		return now_ns + SNAPSHOT_LOOK_NS;
	if (snapshot->is_wanted)
		return now_ns;
	return snapshot->program_asks ? snapshot->not_before_ns : INT64_MAX;
}

bool snapshot_turn(struct writer *writer, int64_t now_ns)
{
	struct snapshot *snapshot = writer->snapshot;

	listen(writer);
	/* A writer that stops does not make a program's ask wait: there is no later. */
	if (snapshot->step == SNAPSHOT_NONE &&
	    (snapshot->is_wanted || (snapshot->program_asks &&
				     (now_ns >= snapshot->not_before_ns || writer->is_stopping)))) {
		begin(writer, now_ns);
		return true;
	}
	switch (snapshot->step) {
	case SNAPSHOT_TAKING:
		return take(writer, now_ns);
	case SNAPSHOT_CLOSING:
		return close_files(writer, now_ns);
	case SNAPSHOT_SEALING:
		return seal(writer, now_ns);
	case SNAPSHOT_MOVING:
		return end(writer);
	case SNAPSHOT_NONE:
	default:
		return false;
	}
}
