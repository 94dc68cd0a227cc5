/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sink's files: making the next one, sealing, and what to do when the disk
 * fails. Three kinds of failure:
 *
 * - No space (or a limit): what is written is good. The file is sealed where its
 *   complete prefix ends, the rest goes into the next file when there is room.
 * - A write or a sync failed otherwise: nothing of the file is trusted behind
 *   its last good sync. It becomes ….bad with that limit in its name; what the
 *   rings were released for since is read back and written again, and what
 *   cannot be read back is entered in the ledger as lost.
 * - No file can be made: batches and rings keep what they have, and it is tried
 *   again each second.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "writer/file/rescue.h"
#include "writer/sink.h"

static uint64_t round_up_block(uint64_t bytes)
{
	return (bytes + BATCH_BLOCK_BYTES - 1) / BATCH_BLOCK_BYTES * BATCH_BLOCK_BYTES;
}

/* The file is gone from our hands; the next batch needs a new one. */
static void sink_forget_file(struct sink *sink)
{
	sink->file.fd = -1;
	sink->file_bytes = sink->written_bytes = sink->synced_bytes = 0;
}

static void sink_say_stalled(struct sink *sink, const char *what, int error, int64_t now_ns)
{
	sink->retry_ns = now_ns + SINK_RETRY_NS;
	sink->status->signals[sink->signal].errors++;
	if (sink->is_stalled)
		return;
	sink->is_stalled = true;
	log_line("%s: %s: %s; the rings keep what they have, trying again each second",
		 signal_name(sink->signal), what, strerror(-error));
	snprintf(sink->status->problem, sizeof(sink->status->problem), "%s: %s: %s",
		 signal_name(sink->signal), what, strerror(-error));
}

void sink_say_going_on(struct sink *sink)
{
	sink->is_stalled = sink->awaits_sync = false;
	sink->status->problem[0] = '\0';
	log_line("%s: writing again, into %s", signal_name(sink->signal), sink->file.name.name);
}

/* With all its space reserved, or, where there is not so much, with room for this batch. */
static int sink_create_file(struct sink *sink, uint64_t job_bytes)
{
	const uint64_t wanted = round_up_block(sink->options->rotate_bytes);
	int rc = -ENOSPC;

	if (wanted > job_bytes)
		rc = data_file_create(&sink->dir, wanted, time(NULL), &sink->file);
	if (rc != -ENOSPC && rc != -EDQUOT && rc != -EFBIG)
		return rc;
	return data_file_create(&sink->dir, job_bytes, time(NULL), &sink->file);
}

static bool sink_make_file(struct sink *sink, uint64_t job_bytes, int64_t now_ns)
{
	int rc = sink_create_file(sink, job_bytes);

	if (rc == 0) {
		rc = io_file_add(sink->io, sink->file.fd, &sink->file.io_slot);
		if (rc < 0) {
			/* Empty, and ours: nothing in it to keep. */
			if (data_file_seal(&sink->dir, &sink->file, 0) < 0 && sink->file.fd >= 0)
				data_file_release(&sink->file);
		}
	}
	if (rc < 0) {
		sink->file.fd = -1;
		if (rc == -ENOSPC || rc == -EDQUOT)
			sink->options->want_space(sink->options->want_space_context);
		sink_say_stalled(sink, "no file can be made", rc, now_ns);
		return false;
	}
	sink->file_since_ns = now_ns;
	sink->last_sync_ns = now_ns;
	sink->file_bytes = sink->written_bytes = sink->synced_bytes = 0;
	return true;
}

/* A given-up file whose name could not be changed yet: before any other is made. */
static bool sink_finish_abandoning(struct sink *sink, int64_t now_ns)
{
	int rc;

	if (!sink->is_abandoning)
		return true;
	rc = data_name_abandon(&sink->dir, &sink->file.name, sink->abandoned_bytes);
	if (rc < 0 && rc != -ENOENT) {
		sink_say_stalled(sink, "a failed file cannot be renamed", rc, now_ns);
		return false;
	}
	sink->is_abandoning = false;
	return true;
}

int sink_seal_file(struct sink *sink)
{
	const uint64_t bytes = sink->file_bytes;
	int rc;

	rc = io_file_remove(sink->io, sink->file.io_slot);
	if (rc < 0)
		return rc;
	rc = data_file_seal(&sink->dir, &sink->file, bytes);
	if (rc < 0 && !sink->file.is_sealed) {
		sink->file.io_slot = DATA_NO_IO_SLOT;
		sink->failed = rc;
		sink->is_full = false;
		return rc;
	}
	if (rc < 0) { /* it has its name, and recovery would find it under either */
		log_line("%s: %s is sealed, but its directory cannot be synced: %s",
			 signal_name(sink->signal), sink->file.name.name, strerror(-rc));
		sink->status->signals[sink->signal].errors++;
		data_file_release(&sink->file);
	}
	if (bytes > 0 && sink->is_stalled && sink->awaits_sync)
		sink_say_going_on(sink); /* that was a good sync */
	sink->status->signals[sink->signal].files_sealed += bytes > 0;
	sink->synced_bytes = sink->written_bytes = bytes;
	sink_release_ready(sink);
	sink_forget_file(sink);
	sink->options->want_space(sink->options->want_space_context);
	return 0;
}

bool sink_prepare_file(struct sink *sink, uint64_t job_bytes, int64_t now_ns)
{
	if (sink->file.fd >= 0) {
		bool fits = sink->file_bytes == 0 ||
			    sink->file_bytes + job_bytes <= sink->options->rotate_bytes;

		if (fits && !(sink->wants_rotation && sink->file_bytes > 0))
			return true;
		/* The old file's last write comes before the new one's first. */
		if (sink->writes_in_flight != 0 || sink->sync_in_flight)
			return false;
		sink_release_ready(sink);
		/* What counts once it is synced is given back before the name says sealed, since
		 * recovery looks into open files alone. The pump starts that sync. */
		if (sink->options->sync == SINK_SYNC_BATCH &&
		    sink->written_bytes != sink->synced_bytes)
			return false;
		sink->wants_rotation = false;
		if (sink_seal_file(sink) < 0)
			return false;
	}
	if (sink->is_stalled && now_ns < sink->retry_ns)
		return false;
	return sink_finish_abandoning(sink, now_ns) && sink_make_file(sink, job_bytes, now_ns);
}

/* A job of its own memory, for what was written before. */
static struct sink_job *rescue_new(struct sink *sink, struct sink_ledger *ledger, uint64_t bytes)
{
	struct sink_job *job = calloc(1, sizeof(*job));
	void *data = NULL;

	if (job == NULL || posix_memalign(&data, BATCH_BLOCK_BYTES, bytes) != 0) {
		free(job);
		return NULL;
	}
	job->sink = sink;
	job->ledger = ledger;
	job->own_buffer.data = data;
	job->own_buffer.capacity_bytes = bytes;
	job->own_buffer.index = -1;
	job->buffer = &job->own_buffer;
	return job;
}

static bool rescue_read(const struct sink *sink, struct sink_job *job)
{
	const struct sink_ledger *ledger = job->ledger;
	struct batch_head head;
	uint64_t at = 0;

	while (at < ledger->bytes) {
		ssize_t n = pread(sink->file.fd, job->own_buffer.data + at, ledger->bytes - at,
				  (off_t)(ledger->offset + at));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += (uint64_t)n;
	}
	return batch_parse_head(job->own_buffer.data, ledger->bytes, &head) == 0 &&
	       head.batch_bytes == ledger->bytes && head.epoch == sink->epoch &&
	       head.sequence == ledger->sequence && batch_verify(job->own_buffer.data, &head);
}

/* In the place of a batch that is gone: its ledger, with everything in it lost. */
static void rescue_as_lost(struct sink *sink, struct sink_job *job)
{
	struct sink_ledger *ledger = job->ledger;
	struct batch_head head = {.epoch = sink->epoch,
				  .sequence = ledger->sequence,
				  .signal = sink->signal,
				  .entry_count = ledger->entry_count,
				  .closed_unix_ns = (uint64_t)time(NULL) * 1000000000};
	uint32_t i;

	for (i = 0; i < ledger->entry_count; i++) {
		struct batch_entry *entry = &ledger->entries[i];

		log_line("%s: lost: %llu items of region %016llx, positions %llu to %llu",
			 signal_name(sink->signal), (unsigned long long)entry->written_items,
			 (unsigned long long)entry->region_id, (unsigned long long)entry->from,
			 (unsigned long long)entry->to);
		sink->status->signals[sink->signal].lost_items += entry->written_items;
		sink->status->signals[sink->signal].written_items -= entry->written_items;
		entry->lost_items += entry->written_items;
		entry->written_items = 0;
		entry->flags |= BATCH_ENTRY_LOST;
	}
	ledger->bytes = batch_seal(job->own_buffer.data, head, ledger->entries, 0);
}

/* Queue a job in its place, also behind others that were rescued before it. */
static void sink_insert_job(struct sink *sink, struct sink_job *job)
{
	struct sink_job **at = &sink->jobs;

	while (*at != NULL && (*at)->ledger->sequence < job->ledger->sequence)
		at = &(*at)->next;
	job->next = *at;
	*at = job;
	if (job->next == NULL)
		sink->jobs_end = &job->next;
}

/* Queue again, before everything else, what the rings were released for and no sync covered. */
static int sink_rescue(struct sink *sink)
{
	while (sink->unsynced != NULL) {
		struct sink_ledger *ledger = sink->unsynced;
		/* A batch is never smaller than the ledger alone would be. */
		struct sink_job *job = rescue_new(sink, ledger, ledger->bytes);

		if (job == NULL)
			return -ENOMEM;
		if (!rescue_read(sink, job))
			rescue_as_lost(sink, job);
		sink->unsynced = ledger->next;
		ledger->next = NULL;
		sink_insert_job(sink, job);
	}
	sink->unsynced_end = &sink->unsynced;
	return 0;
}

/* Where the next writer finds them, should we be killed before a new file has them all. */
static void sink_keep_rescued(struct sink *sink)
{
	const struct runtime_dir *dir = sink->options->runtime;
	const struct sink_job *job;
	int fd, rc = 0;

	if (dir == NULL || sink->jobs == NULL || sink->jobs->part_count != 0)
		return;
	fd = rescue_begin(dir);
	/* Those without a part are the first ones, from the first that is not safe on. */
	for (job = sink->jobs; fd >= 0 && rc == 0 && job != NULL && job->part_count == 0;
	     job = job->next) {
		rc = rescue_add(fd, job->buffer->data, job->ledger->bytes);
		sink->rescued_sequence = job->ledger->sequence;
	}
	rc = fd < 0 ? fd : rescue_end(dir, sink->signal, fd, rc);
	sink->has_rescued |= rc == 0;
	if (rc < 0)
		log_line("%s: what the failed file had cannot be kept in the runtime directory "
			 "until it is written again: %s",
			 signal_name(sink->signal), strerror(-rc));
}

static void sink_requeue(struct sink *sink)
{
	struct sink_job *job;

	for (job = sink->jobs; job != NULL; job = job->next)
		job->state = SINK_PENDING;
}

/* The disk is full: keep what is there. */
static bool sink_seal_full(struct sink *sink, int64_t now_ns)
{
	const int error = sink->failed;

	sink_release_ready(sink);
	/* As in sink_prepare_file(): given back before it is sealed. */
	if (sink->options->sync == SINK_SYNC_BATCH && sink->written_bytes != sink->synced_bytes) {
		if (fdatasync(sink->file.fd) < 0) {
			sink->failed = -errno;
			sink->is_full = false;
			return false;
		}
		sink->synced_bytes = sink->written_bytes;
		sink_release_ready(sink);
	}
	sink->file_bytes = sink->written_bytes;
	sink->failed = 0;
	sink->is_full = false;
	if (sink_seal_file(sink) < 0)
		return false;
	sink_requeue(sink);
	sink_say_stalled(sink, "the disk takes no more", error, now_ns);
	return true;
}

void sink_give_up_file(struct sink *sink, int64_t now_ns)
{
	int rc;

	if (sink->is_stalled && now_ns < sink->retry_ns)
		return;
	if (sink->is_full && sink->file.io_slot != DATA_NO_IO_SLOT && sink_seal_full(sink, now_ns))
		return;
	/* Once, and not of each file that a disk fails for long takes with it. */
	if (!sink->is_stalled)
		log_line("%s: %s failed: %s; it is given up behind byte %llu",
			 signal_name(sink->signal), sink->file.name.name, strerror(-sink->failed),
			 (unsigned long long)sink->synced_bytes);
	if (sink_rescue(sink) < 0) {
		/* No memory to read it back into: the file stays as it is until there is. */
		sink_say_stalled(sink, "no memory to read a failed file back", -ENOMEM, now_ns);
		return;
	}
	sink_keep_rescued(sink);
	if (sink->file.io_slot != DATA_NO_IO_SLOT)
		(void)io_file_remove(sink->io, sink->file.io_slot);
	/* Nothing in it is trusted: gone, or a disk that fails for long would fill up with them. */
	rc = sink->synced_bytes == 0 ? data_file_seal(&sink->dir, &sink->file, 0) : -EIO;
	if (rc < 0) {
		sink->abandoned_bytes = sink->synced_bytes;
		rc = data_file_abandon(&sink->dir, &sink->file, sink->synced_bytes);
		sink->is_abandoning = rc < 0;
	}
	sink->failed = 0;
	sink->is_full = false;
	sink_forget_file(sink);
	sink_requeue(sink);
	sink_say_stalled(sink, "a file failed", rc < 0 ? rc : -EIO, now_ns);
	/* Writes into a cache may be well while no sync is. */
	sink->awaits_sync = sink->options->sync != SINK_SYNC_NONE;
}
