/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue of batches: closing, writing, syncing, releasing. What happens to
 * files (making, rotating, giving up) is in sink_file.c.
 */
#include "writer/sink.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "writer/file/rescue.h"

int sink_open(struct sink *sink, enum signal signal, int out_dirfd,
	      const struct sink_options *options, struct io *io, struct iobuf_pool *pool,
	      struct status_page *status, uint64_t epoch)
{
	int rc;

	memset(sink, 0, sizeof(*sink));
	sink->signal = signal;
	sink->options = options;
	sink->io = io;
	sink->pool = pool;
	sink->status = status;
	sink->epoch = epoch;
	sink->file.fd = -1;
	sink->jobs_end = &sink->jobs;
	sink->unsynced_end = &sink->unsynced;
	rc = stage_open(&sink->stage);
	if (rc < 0)
		return rc;
	rc = data_dir_open(out_dirfd, signal_name(signal), &sink->dir);
	if (rc < 0)
		stage_close(sink->stage);
	return rc;
}

static void job_free(struct sink_job *job)
{
	if (job->buffer == &job->own_buffer)
		free(job->own_buffer.data);
	else
		iobuf_put(job->sink->pool, job->buffer);
	free(job->ledger);
	free(job);
}

void sink_close(struct sink *sink)
{
	while (sink->jobs != NULL) {
		struct sink_job *next = sink->jobs->next;

		job_free(sink->jobs);
		sink->jobs = next;
	}
	while (sink->unsynced != NULL) {
		struct sink_ledger *next = sink->unsynced->next;

		free(sink->unsynced);
		sink->unsynced = next;
	}
	if (sink->file.fd >= 0)
		data_file_release(&sink->file);
	data_dir_close(&sink->dir);
	stage_close(sink->stage);
}

static bool source_takes_part(const struct source *source, enum signal signal)
{
	return source_has_taken(source, signal) || source_is_final_due(source, signal);
}

size_t sink_count_parts(const struct sink *sink, const struct source *sources)
{
	size_t count = 0;

	for (; sources != NULL; sources = sources->next)
		count += source_takes_part(sources, sink->signal);
	return count;
}

/* One sink must not hold all buffers, nor all one-offs: the other signal's disk may be well. */
static bool sink_holds_its_share(const struct sink *sink)
{
	const struct sink_job *job;
	unsigned count = 0;

	for (job = sink->jobs; job != NULL; job = job->next)
		count += job->buffer != &job->own_buffer;
	return count + 1 >= iobuf_pool_count(sink->pool);
}

static uint64_t realtime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static struct sink_job *job_new(struct sink *sink, size_t part_count)
{
	struct sink_job *job = calloc(1, sizeof(*job) + part_count * sizeof(job->parts[0]));
	struct sink_ledger *ledger =
		calloc(1, sizeof(*ledger) + part_count * sizeof(ledger->entries[0]));

	if (job == NULL || ledger == NULL) {
		free(job);
		free(ledger);
		return NULL;
	}
	job->sink = sink;
	job->ledger = ledger;
	return job;
}

/* Take over what each source has for this batch. */
static void job_take_parts(struct sink_job *job, struct source *sources)
{
	const enum signal signal = job->sink->signal;
	struct sink_ledger *ledger = job->ledger;

	for (; sources != NULL; sources = sources->next) {
		struct sink_part *part = &job->parts[job->part_count];
		struct batch_entry *entry = &ledger->entries[ledger->entry_count];

		if (!source_takes_part(sources, job->sink->signal))
			continue;
		source_take_entry(sources, signal, entry);
		part->source = sources;
		part->done = sources->rings[signal].staged;
		part->is_final = (entry->flags & BATCH_ENTRY_FINAL) != 0;
		sources->jobs++;
		job->part_count++;
		ledger->entry_count++;
	}
}

int sink_close_batch(struct sink *sink, struct source *sources)
{
	const size_t count = sink_count_parts(sink, sources);
	struct batch_head head = {.epoch = sink->epoch, .signal = sink->signal};
	struct sink_job *job;
	uint8_t *body, *end;
	int rc;

	if (count == 0)
		return 0;
	assert(count <= BATCH_ENTRIES_MAX);
	if (sink_holds_its_share(sink))
		return -EAGAIN;
	job = job_new(sink, count);
	if (job == NULL)
		return -ENOMEM;
	rc = iobuf_get(sink->pool, batch_total_bytes(count, stage_bytes_bound(sink->stage)),
		       &job->buffer);
	if (rc < 0) {
		free(job->ledger);
		free(job);
		return rc;
	}
	job_take_parts(job, sources);
	body = job->buffer->data + batch_head_bytes(count);
	end = stage_write(sink->stage, body);
	head.entry_count = (uint32_t)count;
	head.sequence = job->ledger->sequence = sink->next_sequence++;
	head.closed_unix_ns = realtime_ns();
	job->ledger->bytes =
		batch_seal(job->buffer->data, head, job->ledger->entries, (size_t)(end - body));
	*sink->jobs_end = job;
	sink->jobs_end = &job->next;
	return 0;
}

/* A job counts. */
static void job_release(struct sink_job *job)
{
	struct sink *sink = job->sink;
	struct status_signal *status = &sink->status->signals[sink->signal];
	const struct sink_ledger *ledger = job->ledger;
	uint32_t i;

	if (job->part_count == 0) /* written once more after a failure: counted then */
		return;
	status->batches++;
	status->batch_bytes += ledger->bytes;
	for (i = 0; i < job->part_count; i++) {
		const struct sink_part *part = &job->parts[i];
		const struct batch_entry *entry = &ledger->entries[i];

		if (source_release(part->source, sink->signal, &part->done, part->is_final))
			sink->has_released_flush = true;
		part->source->jobs--;
		status->written_items += entry->written_items;
		status->invalid_items += entry->invalid_items;
		status->torn_bytes += entry->torn_bytes;
	}
}

static bool job_counts(const struct sink_job *job)
{
	if (job->state != SINK_WRITTEN)
		return false;
	return job->sink->options->sync != SINK_SYNC_BATCH ||
	       job->ledger->offset + job->ledger->bytes <= job->sink->synced_bytes;
}

/* Forget what a sync has covered. */
static void sink_trim_unsynced(struct sink *sink)
{
	while (sink->unsynced != NULL &&
	       sink->unsynced->offset + sink->unsynced->bytes <= sink->synced_bytes) {
		struct sink_ledger *ledger = sink->unsynced;

		sink->unsynced = ledger->next;
		if (sink->unsynced == NULL)
			sink->unsynced_end = &sink->unsynced;
		free(ledger);
	}
}

/* Once the last of them is synced in a new file, or is not there to be. */
static void sink_drop_rescued(struct sink *sink)
{
	if (!sink->has_rescued ||
	    (sink->unsynced != NULL && sink->unsynced->sequence <= sink->rescued_sequence) ||
	    (sink->jobs != NULL && sink->jobs->ledger->sequence <= sink->rescued_sequence))
		return;
	rescue_drop(sink->options->runtime, sink->signal);
	sink->has_rescued = false;
}

bool sink_release_ready(struct sink *sink)
{
	struct sink_job *job;
	bool any = false;

	/* The prefix of the file that is complete, whatever order its writes came back in. */
	for (job = sink->jobs; job != NULL && job->state == SINK_WRITTEN; job = job->next)
		if (job->ledger->offset + job->ledger->bytes > sink->written_bytes)
			sink->written_bytes = job->ledger->offset + job->ledger->bytes;
	if (sink->file.fd >= 0)
		data_file_writeback(&sink->file, sink->written_bytes);
	while (sink->jobs != NULL && job_counts(sink->jobs)) {
		job = sink->jobs;
		job_release(job);
		sink->jobs = job->next;
		if (sink->jobs == NULL)
			sink->jobs_end = &sink->jobs;
		*sink->unsynced_end = job->ledger;
		sink->unsynced_end = &job->ledger->next;
		job->ledger = NULL;
		job_free(job);
		any = true;
	}
	sink_trim_unsynced(sink);
	sink_drop_rescued(sink);
	return any;
}

/* A write's user value is its job, a sync's its sink and 1: both are aligned. */
#define USER_SYNC UINT64_C(1)

static void sink_complete_write(struct sink_job *job, int result)
{
	struct sink *sink = job->sink;

	sink->writes_in_flight--;
	if (result >= 0) {
		job->state = SINK_WRITTEN;
		if (sink->is_stalled && !sink->awaits_sync)
			sink_say_going_on(sink);
		return;
	}
	if (sink->failed == 0) {
		sink->failed = result;
		sink->is_full = result == -ENOSPC || result == -EDQUOT || result == -EFBIG;
	}
}

static void sink_complete_sync(struct sink *sink, int result, int64_t now_ns)
{
	sink->sync_in_flight = false;
	sink->last_sync_ns = now_ns;
	if (result >= 0) {
		sink->synced_bytes = sink->sync_to_bytes;
		if (sink->is_stalled)
			sink_say_going_on(sink);
		return;
	}
	/* After a failed sync nothing of the file is trusted that was not synced before. */
	sink->failed = result;
	sink->is_full = false;
}

void sink_complete(const struct io_result *result, int64_t now_ns)
{
	uintptr_t user = (uintptr_t)(result->user & ~USER_SYNC);

	if (result->user & USER_SYNC)
		sink_complete_sync((struct sink *)user, result->result, now_ns);
	else
		sink_complete_write((struct sink_job *)user, result->result);
}

static bool sink_submit(struct sink *sink, struct sink_job *job, int64_t now_ns)
{
	int rc;

	if (!sink_prepare_file(sink, job->ledger->bytes, now_ns))
		return false;
	rc = io_write(sink->io, sink->file.io_slot, job->buffer, job->ledger->bytes,
		      sink->file_bytes, (uint64_t)(uintptr_t)job);
	if (rc == -EAGAIN)
		return false;
	if (rc < 0) {
		sink->failed = rc;
		sink->is_full = false;
		return false;
	}
	job->state = SINK_SUBMITTED;
	job->ledger->offset = sink->file_bytes;
	sink->file_bytes += job->ledger->bytes;
	sink->writes_in_flight++;
	return true;
}

static bool sink_sync_is_due(const struct sink *sink, int64_t now_ns)
{
	const uint64_t unsynced = sink->written_bytes - sink->synced_bytes;

	if (sink->file.fd < 0 || sink->sync_in_flight || sink->failed != 0 || unsynced == 0 ||
	    sink->options->sync == SINK_SYNC_NONE)
		return false;
	return sink->options->sync == SINK_SYNC_BATCH || unsynced >= SINK_SYNC_BYTES ||
	       now_ns - sink->last_sync_ns >= SINK_SYNC_NS;
}

static bool sink_start_sync(struct sink *sink)
{
	int rc = io_fsync(sink->io, sink->file.io_slot, (uint64_t)(uintptr_t)sink | USER_SYNC);

	if (rc == -EAGAIN)
		return false;
	if (rc < 0) {
		sink->failed = rc;
		sink->is_full = false;
		return false;
	}
	sink->sync_in_flight = true;
	sink->sync_to_bytes = sink->written_bytes;
	return true;
}

bool sink_pump(struct sink *sink, int64_t now_ns)
{
	bool any = sink_release_ready(sink);
	struct sink_job *job;

	if (sink->failed != 0) {
		if (sink->writes_in_flight != 0 || sink->sync_in_flight)
			return any;
		sink_give_up_file(sink, now_ns);
	}
	if (sink->options->rotate_age_ns != 0 && sink->file.fd >= 0 && sink->file_bytes > 0 &&
	    now_ns - sink->file_since_ns >= sink->options->rotate_age_ns)
		sink->wants_rotation = true;
	for (job = sink->jobs; job != NULL && job->state != SINK_PENDING; job = job->next)
		;
	for (; job != NULL && sink->writes_in_flight < SINK_WRITES_MAX && sink->failed == 0;
	     job = job->next) {
		if (!sink_submit(sink, job, now_ns))
			break;
		any = true;
	}
	if (job == NULL && sink->wants_rotation && sink->failed == 0 && sink->jobs == NULL &&
	    !sink->sync_in_flight) {
		sink->wants_rotation = false;
		if (sink->file.fd >= 0 && sink->file_bytes > 0)
			any |= sink_seal_file(sink) == 0;
	}
	if (sink_sync_is_due(sink, now_ns))
		any |= sink_start_sync(sink);
	return any;
}

bool sink_is_idle(const struct sink *sink)
{
	return sink->jobs == NULL && sink->writes_in_flight == 0 && !sink->sync_in_flight &&
	       sink->failed == 0;
}

int64_t sink_deadline_ns(const struct sink *sink)
{
	int64_t deadline = INT64_MAX;

	/* Only what can be done then: a time that has passed keeps the writer awake. */
	if (sink->failed != 0) {
		if (sink->writes_in_flight != 0 || sink->sync_in_flight)
			return INT64_MAX;
		return sink->is_stalled ? sink->retry_ns : 0;
	}
	if (sink->file.fd < 0)
		return sink->is_stalled && sink->jobs != NULL ? sink->retry_ns : INT64_MAX;
	if (sink->options->sync == SINK_SYNC_INTERVAL && !sink->sync_in_flight &&
	    sink->written_bytes != sink->synced_bytes)
		deadline = sink->last_sync_ns + SINK_SYNC_NS;
	if (sink->options->rotate_age_ns != 0 && sink->file_bytes > 0 && !sink->wants_rotation &&
	    sink->file_since_ns + sink->options->rotate_age_ns < deadline)
		deadline = sink->file_since_ns + sink->options->rotate_age_ns;
	return deadline;
}

int sink_finish(struct sink *sink)
{
	assert(sink_is_idle(sink));
	if (sink->file.fd < 0)
		return 0;
	return sink_seal_file(sink);
}
