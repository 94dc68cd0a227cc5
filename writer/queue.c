/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Closing, writing, syncing, releasing, and what to do when the disk fails. Three kinds of
 * failure:
 *
 * - No space (or a limit): what is written is good. It is sealed where its complete prefix ends,
 *   the rest goes into the next file when there is room.
 * - A write or a sync failed otherwise: nothing is trusted behind the last good sync. The file is
 *   given up; what the rings were released for since is read back and written again, and what
 *   cannot be read back is entered in the ledger as lost.
 * - Nothing can be opened: batches and rings keep what they have, and it is tried again each
 *   second.
 */
#include "writer/queue.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "writer/file/rescue.h"

int queue_open(struct queue *queue, enum otlp_signal signal, const struct queue_options *options,
	       struct destination *destination, struct iobuf_pool *pool, struct status_page *status,
	       uint64_t epoch)
{
	int rc;

	memset(queue, 0, sizeof(*queue));
	queue->signal = signal;
	queue->options = options;
	queue->destination = destination;
	queue->pool = pool;
	queue->status = status;
	queue->epoch = epoch;
	queue->jobs_end = &queue->jobs;
	queue->unsynced_end = &queue->unsynced;
	rc = stage_open(&queue->stage);
	if (rc < 0)
		return rc;
	rc = iobuf_get(pool, 1, &queue->staged);
	if (rc < 0) {
		stage_close(queue->stage);
		return rc;
	}
	stage_lend(queue->stage, queue->staged->data, queue->staged->capacity_bytes);
	return 0;
}

void queue_close(struct queue *queue)
{
	while (queue->jobs != NULL) {
		struct job *next = queue->jobs->next;

		job_free(queue->jobs, queue->pool);
		queue->jobs = next;
	}
	while (queue->unsynced != NULL) {
		struct ledger *next = queue->unsynced->next;

		free(queue->unsynced);
		queue->unsynced = next;
	}
	/* Its file stays for the next writer. */
	if (queue->has_rescued)
		close(queue->rescue_fd);
	stage_close(queue->stage);
	iobuf_put(queue->pool, queue->staged);
}

static struct status_signal *queue_status(struct queue *queue)
{
	return &queue->status->signals[queue->signal];
}

void queue_rotate(struct queue *queue)
{
	queue->destination->wants_seal = true;
}

/*
 * Does something stand in a file, or beside it, that the rings do not know? Then a writer that
 * comes after our death cannot do without the directory. It reads this where we store it, so it is
 * stored before the write is begun.
 */
static void queue_note_unsettled(struct queue *queue, bool is_unsettled)
{
	const uint64_t bit = UINT64_C(1) << queue->signal;
	uint64_t *unsettled = &queue->status->memory.unsettled;

	if (is_unsettled != ((*unsettled & bit) != 0))
		*unsettled ^= bit;
}

static bool queue_is_unsettled(const struct queue *queue)
{
	return queue->has_rescued || queue->left_open || queue->destination->failed != 0 ||
	       queue->destination->writes_in_flight != 0 ||
	       (queue->jobs != NULL && queue->jobs->state != JOB_PENDING);
}

/* ---- closing ---- */

size_t queue_count_parts(const struct queue *queue, const struct source *sources)
{
	return job_count_parts(sources, queue->signal);
}

uint64_t queue_inflight_items(const struct queue *queue)
{
	const struct job *job;
	uint64_t items = 0;
	uint32_t i;

	/* What is written once more after a failure has no parts: its items were counted before. */
	for (job = queue->jobs; job != NULL; job = job->next)
		for (i = 0; i < job->part_count; i++)
			items += job->ledger->entries[i].written_items;
	return items;
}

/* Of the pool's buffers and of one-offs alike: the other signals' disks may be well. */
static bool queue_holds_its_share(const struct queue *queue)
{
	const struct job *job;
	unsigned count = 0;

	for (job = queue->jobs; job != NULL; job = job->next)
		count += job_holds_buffer(job);
	return count >= QUEUE_BUFFERS_MAX;
}

static uint64_t realtime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/*
 * What was staged, behind the batch's head. Where it can stay where it is, the job takes the buffer
 * that it stands in, and the stage the job's; one of the pool's, as it keeps it.
 */
static size_t queue_write_body(struct queue *queue, struct job *job, size_t head_bytes)
{
	struct iobuf *const staged = queue->staged;
	uint8_t *end = NULL;

	if (job->buffer->index >= 0)
		end = stage_write_in_place(queue->stage, head_bytes);
	if (end == NULL) {
		end = stage_write(queue->stage, job->buffer->data + head_bytes);
	} else {
		queue->staged = job->buffer;
		job->buffer = staged;
		stage_lend(queue->stage, queue->staged->data, queue->staged->capacity_bytes);
	}
	return (size_t)(end - job->buffer->data) - head_bytes;
}

int queue_close_batch(struct queue *queue, struct source *sources)
{
	const size_t count = queue_count_parts(queue, sources);
	struct batch_head head = {.epoch = queue->epoch, .signal = queue->signal};
	struct job *job;
	size_t body_bytes;
	int rc;

	if (count == 0)
		return 0;
	assert(count <= BATCH_ENTRIES_MAX);
	if (queue_holds_its_share(queue))
		return -EAGAIN;
	rc = job_new(&job, queue, queue->pool, count,
		     batch_total_bytes(count, stage_bytes_bound(queue->stage)));
	if (rc < 0)
		return rc;
	job_take_parts(job, queue->signal, sources, count, queue->options->output_id);
	assert(job->part_count == count);
	body_bytes = queue_write_body(queue, job, batch_head_bytes(count));
	head.entry_count = (uint32_t)count;
	head.sequence = job->ledger->sequence = queue->next_sequence++;
	head.closed_unix_ns = realtime_ns();
	job->ledger->bytes = batch_seal(job->buffer->data, head, job->ledger->entries, body_bytes);
	*queue->jobs_end = job;
	queue->jobs_end = &job->next;
	return 0;
}

/* ---- releasing ---- */

static bool queue_job_counts(const struct queue *queue, const struct job *job)
{
	if (job->state != JOB_WRITTEN)
		return false;
	return queue->options->sync != SYNC_BATCH ||
	       job->ledger->offset + job->ledger->bytes <= queue->destination->synced_bytes;
}

/* Forget what a sync has covered. */
static void queue_trim_unsynced(struct queue *queue)
{
	while (queue->unsynced != NULL && queue->unsynced->offset + queue->unsynced->bytes <=
						  queue->destination->synced_bytes) {
		struct ledger *ledger = queue->unsynced;

		queue->unsynced = ledger->next;
		if (queue->unsynced == NULL)
			queue->unsynced_end = &queue->unsynced;
		free(ledger);
	}
}

/* Once the last of them is synced in a new file, or is not there to be. */
static void queue_drop_rescued(struct queue *queue)
{
	if (!queue->has_rescued ||
	    (queue->unsynced != NULL && queue->unsynced->sequence <= queue->rescued_sequence) ||
	    (queue->jobs != NULL && queue->jobs->ledger->sequence <= queue->rescued_sequence))
		return;
	rescue_drop(queue->options->runtime, queue->signal, queue->rescue_fd);
	queue->has_rescued = false;
}

bool queue_release(struct queue *queue)
{
	struct destination *destination = queue->destination;
	struct job *job;
	bool any = false;

	/* The prefix that is complete, whatever order its writes came back in. */
	for (job = queue->jobs; job != NULL && job->state == JOB_WRITTEN; job = job->next)
		if (job->ledger->offset + job->ledger->bytes > destination->written_bytes)
			destination->written_bytes = job->ledger->offset + job->ledger->bytes;
	if (destination->is_open)
		destination->ops->advance(destination, destination->written_bytes);
	while (queue->jobs != NULL && queue_job_counts(queue, queue->jobs)) {
		job = queue->jobs;
		queue->has_released_flush |=
			job_release(job, queue_status(queue), &queue->ended_drops);
		queue->jobs = job->next;
		if (queue->jobs == NULL)
			queue->jobs_end = &queue->jobs;
		*queue->unsynced_end = job->ledger;
		queue->unsynced_end = &job->ledger->next;
		job->ledger = NULL;
		job_free(job, queue->pool);
		any = true;
	}
	queue_trim_unsynced(queue);
	queue_drop_rescued(queue);
	return any;
}

/* ---- stalling and going on ---- */

static void queue_stall(struct queue *queue, const char *what, int error, int64_t now_ns)
{
	char *problem = queue->status->problems[queue->signal];

	queue->retry_ns = now_ns + QUEUE_RETRY_NS;
	queue_status(queue)->errors++;
	if (queue->is_stalled)
		return;
	queue->is_stalled = true;
	snprintf(problem, STATUS_MESSAGE_BYTES, "%s: %s: %s", signal_name(queue->signal), what,
		 strerror(-error));
	log_line("%s; the rings keep what they have, and the writer tries again each second",
		 problem);
}

static void queue_go_on(struct queue *queue)
{
	queue->is_stalled = queue->awaits_sync = false;
	queue->status->problems[queue->signal][0] = '\0';
	log_line("%s: writing again, into %s", signal_name(queue->signal),
		 queue->destination->name);
}

/* ---- sealing and giving up ---- */

/* Is what is open where its readers find it? If not it is to be given up. */
static bool queue_look(struct queue *queue)
{
	struct destination *destination = queue->destination;
	int rc = destination->is_open ? destination->ops->look(destination) : 0;

	if (rc == 0)
		return true;
	destination_fail(destination, rc, false);
	destination->is_taken = true;
	return false;
}

/* Nothing in flight. @return 0, or negative and it is to be given up */
static int queue_seal(struct queue *queue)
{
	struct destination *destination = queue->destination;
	const uint64_t bytes = destination->end_bytes;
	int rc;

	if (!queue_look(queue))
		return destination->failed;
	rc = destination->ops->seal(destination);
	if (rc < 0) {
		destination_fail(destination, rc, false);
		return rc;
	}
	if (rc == DESTINATION_SEALED_BADLY)
		queue_status(queue)->errors++;
	if (bytes > 0 && queue->is_stalled && queue->awaits_sync)
		queue_go_on(queue); /* that was a good sync */
	queue_status(queue)->files_sealed += bytes > 0;
	destination->synced_bytes = destination->written_bytes = bytes;
	(void)queue_release(queue);
	destination_forget(destination);
	return 0;
}

/* Have something open that takes the job; false: not now. */
static bool queue_prepare(struct queue *queue, const struct job *job, int64_t now_ns)
{
	struct destination *destination = queue->destination;
	const char *problem = "";
	int rc;

	if (destination->is_open) {
		rc = destination->ops->prepare(destination, job->ledger->bytes, now_ns, &problem);
		if (rc == 0)
			return true;
		/* The old one's last write comes before the new one's first. */
		if (destination_is_busy(destination))
			return false;
		(void)queue_release(queue);
		/* What counts once it is synced is given back before the name says sealed, since
		 * recovery looks into open files alone. The pump starts that sync. */
		if (queue->options->sync == SYNC_BATCH &&
		    destination->written_bytes != destination->synced_bytes)
			return false;
		if (queue_seal(queue) < 0)
			return false;
	}
	if (queue->is_stalled && now_ns < queue->retry_ns)
		return false;
	rc = destination->ops->prepare(destination, job->ledger->bytes, now_ns, &problem);
	if (rc < 0)
		queue_stall(queue, problem, rc, now_ns);
	return rc == 0;
}

/* Put a job in its place, also behind others that were rescued before it. */
static void queue_insert(struct queue *queue, struct job *job)
{
	struct job **at = &queue->jobs;

	while (*at != NULL && (*at)->ledger->sequence < job->ledger->sequence)
		at = &(*at)->next;
	job->next = *at;
	*at = job;
	if (job->next == NULL)
		queue->jobs_end = &job->next;
}

/* Queue again, before everything else, what the rings were released for and no sync covered. */
static int queue_rescue(struct queue *queue)
{
	while (queue->unsynced != NULL) {
		struct ledger *ledger = queue->unsynced, *next = ledger->next;
		struct job *job = job_rescue(queue, queue->destination, ledger, queue->signal,
					     queue->epoch, queue_status(queue));

		if (job == NULL)
			return -ENOMEM;
		queue->unsynced = next;
		ledger->next = NULL;
		queue_insert(queue, job);
	}
	queue->unsynced_end = &queue->unsynced;
	return 0;
}

/* Where the next writer finds them, should we be killed before a new file has them all. */
static void queue_keep_rescued(struct queue *queue)
{
	const struct runtime_dir *dir = queue->options->runtime;
	const struct job *job;
	int fd, rc = 0;

	if (dir == NULL || queue->jobs == NULL || queue->jobs->part_count != 0)
		return;
	fd = rescue_begin(dir);
	/* Those without a part are the first ones, from the first that is not safe on. */
	for (job = queue->jobs; fd >= 0 && rc == 0 && job != NULL && job->part_count == 0;
	     job = job->next) {
		rc = rescue_add(fd, job->buffer->data, job->ledger->bytes);
		queue->rescued_sequence = job->ledger->sequence;
	}
	fd = fd < 0 ? fd : rescue_end(dir, queue->signal, fd, rc);
	if (fd >= 0) {
		if (queue->has_rescued)
			close(queue->rescue_fd);
		queue->rescue_fd = fd;
		queue->has_rescued = true;
	} else {
		log_line("%s: the batches of the failed file cannot be kept in the runtime "
			 "directory "
			 "until they are written again: %s",
			 signal_name(queue->signal), strerror(-fd));
	}
}

void queue_keep_again(struct queue *queue)
{
	if (queue->has_rescued)
		queue_keep_rescued(queue);
}

static void queue_begin_again(struct queue *queue)
{
	struct job *job;

	for (job = queue->jobs; job != NULL; job = job->next)
		job->state = JOB_PENDING;
}

/* The disk is full: keep what is there. */
static bool queue_seal_full(struct queue *queue, int64_t now_ns)
{
	struct destination *destination = queue->destination;
	const int error = destination->failed;
	int rc;

	(void)queue_release(queue);
	/* As in queue_prepare(): given back before it is sealed. */
	if (queue->options->sync == SYNC_BATCH &&
	    destination->written_bytes != destination->synced_bytes) {
		rc = destination->ops->sync_now(destination);
		if (rc < 0) {
			destination_fail(destination, rc, false);
			return false;
		}
		if (!queue_look(queue))
			return false;
		destination->synced_bytes = destination->written_bytes;
		(void)queue_release(queue);
	}
	destination->end_bytes = destination->written_bytes;
	destination_fail(destination, 0, false);
	if (queue_seal(queue) < 0)
		return false;
	queue_begin_again(queue);
	queue_stall(queue, "the disk takes no more", error, now_ns);
	return true;
}

/* Nothing in flight, and it failed: give it up, and queue again what is not safe in it. */
static void queue_give_up(struct queue *queue, int64_t now_ns)
{
	struct destination *destination = queue->destination;
	bool is_taken;
	int rc;

	if (queue->is_stalled && now_ns < queue->retry_ns)
		return;
	if (destination->is_full && queue_seal_full(queue, now_ns))
		return;
	/* Once, and not of each file that a disk fails for long takes with it. */
	if (!queue->is_stalled && !destination->is_taken)
		log_line("%s: %s failed: %s; it is given up behind byte %llu",
			 signal_name(queue->signal), destination->name,
			 strerror(-destination->failed),
			 (unsigned long long)destination->synced_bytes);
	if (queue_rescue(queue) < 0) {
		/* No memory to read it back into: the file stays as it is until there is. */
		queue_stall(queue, "no memory to read a failed file back", -ENOMEM, now_ns);
		return;
	}
	queue_keep_rescued(queue);
	is_taken = destination->is_taken;
	rc = destination->ops->give_up(destination);
	queue->left_open = rc < 0;
	destination_forget(destination);
	queue_begin_again(queue);
	if (is_taken && rc == 0) {
		queue_status(queue)->errors++;
		return; /* the next file will do */
	}
	queue_stall(queue, "a file failed", rc < 0 ? rc : -EIO, now_ns);
	/* Writes into a cache may be well while no sync is. */
	queue->awaits_sync = queue->options->sync != SYNC_NONE;
}

/* ---- writing ---- */

/* A write's user value is its job, a sync's its queue and 1: both are aligned. */
#define USER_SYNC UINT64_C(1)

static void queue_complete_write(struct job *job, int result)
{
	struct queue *queue = job->queue;
	struct destination *destination = queue->destination;

	destination->writes_in_flight--;
	if (result >= 0) {
		job->state = JOB_WRITTEN;
		if (queue->is_stalled && !queue->awaits_sync)
			queue_go_on(queue);
		return;
	}
	if (destination->failed == 0)
		destination_fail(destination, result,
				 result == -ENOSPC || result == -EDQUOT || result == -EFBIG);
}

static void queue_count_sync(struct queue *queue)
{
	struct status_sync *syncs = &queue->status->syncs[queue->signal];
	const int64_t took_ns = clock_monotonic_ns() - queue->sync_started_ns;

	syncs->last_ns = (uint64_t)took_ns;
	syncs->total_ns += syncs->last_ns;
	if (syncs->last_ns > syncs->longest_ns)
		syncs->longest_ns = syncs->last_ns;
	syncs->count++;
}

static void queue_complete_sync(struct queue *queue, int result, int64_t now_ns)
{
	struct destination *destination = queue->destination;

	destination->sync_in_flight = false;
	destination->synced_ns = now_ns;
	/* Durable where nobody finds it is not what was asked for. */
	if (result >= 0 && !queue_look(queue))
		return;
	if (result >= 0) {
		queue_count_sync(queue);
		destination->synced_bytes = queue->sync_to_bytes;
		if (queue->is_stalled)
			queue_go_on(queue);
		return;
	}
	/* After a failed sync nothing of the file is trusted that was not synced before. */
	destination_fail(destination, result, false);
}

void queue_complete(const struct io_result *result, int64_t now_ns)
{
	uintptr_t user = (uintptr_t)(result->user & ~USER_SYNC);

	if (result->user & USER_SYNC)
		queue_complete_sync((struct queue *)user, result->result, now_ns);
	else
		queue_complete_write((struct job *)user, result->result);
}

static bool queue_submit(struct queue *queue, struct job *job, int64_t now_ns)
{
	struct destination *destination = queue->destination;
	int rc;

	if (!queue_look(queue) || !queue_prepare(queue, job, now_ns))
		return false;
	queue->left_open = false;
	queue_note_unsettled(queue, true);
	rc = destination->ops->submit(destination, job->buffer, job->ledger->bytes,
				      (uint64_t)(uintptr_t)job);
	if (rc == -EAGAIN)
		return false;
	if (rc < 0) {
		destination_fail(destination, rc, false);
		return false;
	}
	job->state = JOB_SUBMITTED;
	job->ledger->offset = destination->end_bytes;
	destination->end_bytes += job->ledger->bytes;
	destination->writes_in_flight++;
	return true;
}

static bool queue_sync_is_due(const struct queue *queue, int64_t now_ns)
{
	const struct destination *destination = queue->destination;
	const uint64_t unsynced = destination->written_bytes - destination->synced_bytes;

	if (!destination->is_open || destination->sync_in_flight || destination->failed != 0 ||
	    unsynced == 0 || queue->options->sync == SYNC_NONE)
		return false;
	return queue->options->sync == SYNC_BATCH || unsynced >= QUEUE_SYNC_BYTES ||
	       now_ns - destination->synced_ns >= QUEUE_SYNC_NS;
}

static bool queue_start_sync(struct queue *queue)
{
	struct destination *destination = queue->destination;
	/* Before the start: where it is no io_uring's, the start is all of it. */
	const int64_t started_ns = clock_monotonic_ns();
	int rc = destination->ops->sync(destination, (uint64_t)(uintptr_t)queue | USER_SYNC);

	if (rc == -EAGAIN)
		return false;
	if (rc < 0) {
		destination_fail(destination, rc, false);
		return false;
	}
	destination->sync_in_flight = true;
	queue->sync_started_ns = started_ns;
	queue->sync_to_bytes = destination->written_bytes;
	return true;
}

/* There is nothing to write: now is the time to seal what was asked for. */
static bool queue_seal_idle(struct queue *queue)
{
	struct destination *destination = queue->destination;

	if (!destination->wants_seal || destination->failed != 0 || queue->jobs != NULL ||
	    destination->sync_in_flight)
		return false;
	destination->wants_seal = false;
	return destination->is_open && destination->end_bytes > 0 && queue_seal(queue) == 0;
}

bool queue_pump(struct queue *queue, int64_t now_ns)
{
	struct destination *destination = queue->destination;
	bool any = queue_release(queue);
	struct job *job;

	if (destination->failed != 0) {
		if (destination_is_busy(destination))
			return any;
		queue_give_up(queue, now_ns);
	}
	if (destination->is_open && destination->end_bytes > 0 && now_ns >= destination->seal_at_ns)
		destination->wants_seal = true;
	for (job = queue->jobs; job != NULL && job->state != JOB_PENDING; job = job->next)
		;
	for (; job != NULL && destination->writes_in_flight < QUEUE_WRITES_MAX &&
	       destination->failed == 0;
	     job = job->next) {
		if (!queue_submit(queue, job, now_ns))
			break;
		any = true;
	}
	any |= queue_seal_idle(queue);
	if (queue_sync_is_due(queue, now_ns))
		any |= queue_start_sync(queue);
	queue_note_unsettled(queue, queue_is_unsettled(queue));
	return any;
}

bool queue_is_idle(const struct queue *queue)
{
	return queue->jobs == NULL && !destination_is_busy(queue->destination) &&
	       queue->destination->failed == 0;
}

int64_t queue_deadline_ns(const struct queue *queue)
{
	const struct destination *destination = queue->destination;
	int64_t deadline = INT64_MAX;

	/* Only what can be done then: a time that has passed keeps the writer awake. */
	if (destination->failed != 0) {
		if (destination_is_busy(destination))
			return INT64_MAX;
		return queue->is_stalled ? queue->retry_ns : 0;
	}
	if (!destination->is_open)
		return queue->is_stalled && queue->jobs != NULL ? queue->retry_ns : INT64_MAX;
	if (queue->options->sync == SYNC_INTERVAL && !destination->sync_in_flight &&
	    destination->written_bytes != destination->synced_bytes)
		deadline = destination->synced_ns + QUEUE_SYNC_NS;
	if (destination->end_bytes > 0 && !destination->wants_seal &&
	    destination->seal_at_ns < deadline)
		deadline = destination->seal_at_ns;
	return deadline;
}

int queue_finish(struct queue *queue)
{
	assert(queue_is_idle(queue));
	return queue->destination->is_open ? queue_seal(queue)
					   : queue->destination->ops->settle(queue->destination);
}
