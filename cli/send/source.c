/* SPDX-License-Identifier: Apache-2.0 */
/* Batches by stream.c, records by records.c; here is which of them are to be sent. */
#include "cli/send/source.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "cli/tool.h"
#include "writer/file/batch.h"

/* ---- where to begin ---- */

/* The cursor is of an older or another state of the directory, if its files end before it. */
static int check_numbers(const struct source *source, const char *path)
{
	const struct stream *stream = &source->stream;
	const uint64_t newest =
		stream->known_count > 0 ? stream->known[stream->known_count - 1].sequence : 0;

	if (source->at.file == 0 || newest == 0 || newest + 1 >= source->at.file)
		return 0;
	tool_error("%s: the cursor stands at %s file %08" PRIu64
		   ", and the newest one is %08" PRIu64
		   ": the directory was emptied or replaced. Take another --name or --cursor, "
		   "which begins with the oldest file",
		   path, signal_name(source->signal), source->at.file, newest);
	return -EUCLEAN;
}

static bool is_same(const struct cursor_position *a, const struct cursor_position *b)
{
	return a->epoch == b->epoch && a->sequence == b->sequence && a->item == b->item;
}

int source_open(struct source *source, const char *path, enum otlp_signal signal,
		const struct cursor_signal *resume, uint64_t max_age_ns)
{
	int rc;

	*source = (struct source){
		.signal = signal,
		.resume = resume,
		.max_age_ns = max_age_ns,
		.at = resume->next,
		.has_reached_begun = !resume->is_sent || is_same(&resume->next, &resume->begun),
	};
	rc = stream_open_dir(&source->stream, path, signal);
	if (rc < 0)
		return rc;
	source->stream.is_sent = true;
	rc = stream_begin_at(&source->stream, source->at.file);
	if (rc == 0)
		rc = check_numbers(source, path);
	if (rc < 0)
		source_close(source);
	return rc;
}

void source_close(struct source *source)
{
	records_free(&source->records);
	stream_close(&source->stream);
}

bool source_has_ended(const struct source *source)
{
	return source->stream.is_done;
}

/* ---- what an earlier run has done ---- */

static bool is_done(const struct source *source)
{
	const struct cursor_position *at = &source->at;

	for (size_t i = 0; i < source->resume->done_count; i++)
		if (cursor_range_has(&source->resume->done[i], at->epoch, at->sequence, at->item))
			return true;
	return false;
}

static void look_for_begun(struct source *source)
{
	const struct cursor_position *at = &source->at, *begun = &source->resume->begun;

	if (at->epoch == begun->epoch)
		source->has_reached_begun =
			at->sequence > begun->sequence ||
			(at->sequence == begun->sequence && at->item >= begun->item);
	else
		source->has_reached_begun = at->file > begun->file;
}

bool source_may_repeat(const struct source *source)
{
	return !source->has_reached_begun;
}

/* ---- batches ---- */

static void say_gap(struct source *source, const struct batch_head *head)
{
	const struct cursor_position *at = &source->at;

	source->status = TOOL_FAILED;
	source->gaps++;
	if (at->epoch == head->epoch)
		tool_error("%s: %s batches %" PRIu64 " to %" PRIu64
			   " of the writer's run %016" PRIx64
			   " are missing in front of %s: they cannot be sent",
			   source->stream.path, signal_name(source->signal), at->sequence,
			   head->sequence - 1, head->epoch, source->stream.name);
	else
		tool_error("%s: %s batches are missing in front of %s, from batch %" PRIu64
			   " of the writer's run %016" PRIx64 " to batch %" PRIu64
			   " of its run %016" PRIx64 ": they cannot be sent",
			   source->stream.path, signal_name(source->signal), source->stream.name,
			   at->sequence, at->epoch, head->sequence, head->epoch);
}

/* The batch is not one that was read before. Lacks something in front of it? */
static void check_gap(struct source *source, const struct batch_head *head, uint64_t missing_before,
		      uint64_t gone_before)
{
	const struct cursor_position *at = &source->at;
	const uint64_t expected = at->epoch == head->epoch ? at->sequence : 0;
	const struct stream *stream = &source->stream;

	if (at->epoch != 0 && head->sequence > expected)
		say_gap(source, head);
	else if (stream->missing.items > missing_before || stream->gone_files > gone_before)
		source->gaps++;
}

static bool is_too_old(const struct source *source, const struct batch_head *head)
{
	const uint64_t now_ns = (uint64_t)clock_now_ns(CLOCK_REALTIME);

	return source->max_age_ns > 0 && head->closed_unix_ns < now_ns &&
	       now_ns - head->closed_unix_ns > source->max_age_ns;
}

static void leave_batch(struct source *source)
{
	source->at.sequence++;
	source->at.item = 0;
	source->has_batch = false;
}

/* Take a batch in. 0, or -errno: it makes no sense, or there is no memory. */
static int enter_batch(struct source *source, const struct chunk *chunk,
		       const struct batch_head *head)
{
	struct cursor_position *at = &source->at;
	int rc = records_find(&source->records, source->signal, chunk->data, chunk->bytes);

	if (rc < 0)
		return rc;
	if (at->epoch != head->epoch || at->sequence != head->sequence)
		at->item = 0;
	at->file = stream_file(&source->stream);
	at->epoch = head->epoch;
	at->sequence = head->sequence;
	source->closed_unix_ns = head->closed_unix_ns;
	source->has_batch = true;
	if (is_too_old(source, head)) {
		if (source->records.count > at->item)
			source->old_items += source->records.count - at->item;
		leave_batch(source);
	}
	return 0;
}

/* 1: a chunk was dealt with; 0: there is none now; -ENOMEM */
static int next_batch(struct source *source)
{
	const uint64_t missing = source->stream.missing.items, gone = source->stream.gone_files;
	struct batch_head head;
	struct chunk chunk;
	int rc = stream_next(&source->stream, source->signal, &chunk, &source->status);

	if (rc == 0) {
		/* All of the files before this one was read. */
		if (source->at.item == 0 && stream_file(&source->stream) > source->at.file)
			source->at.file = stream_file(&source->stream);
		return 0;
	}
	rc = batch_parse_head(chunk.data, chunk.bytes, &head);
	if (rc == 0 && head.epoch == source->at.epoch && head.sequence < source->at.sequence) {
		source->repeated_batches++;
		return 1;
	}
	if (rc == 0) {
		check_gap(source, &head, missing, gone);
		rc = enter_batch(source, &chunk, &head);
	}
	if (rc == -ENOMEM)
		return rc;
	if (rc < 0) {
		source->gaps++;
		stream_refuse(&source->stream, &chunk, 0, -EBADMSG, &source->status);
	}
	return 1;
}

int source_next(struct source *source, bool *ret_is_new_batch)
{
	*ret_is_new_batch = false;
	for (;;) {
		while (source->has_batch && source->at.item < source->records.count) {
			if (!source->has_reached_begun)
				look_for_begun(source);
			if (source->has_reached_begun || !is_done(source))
				return 1;
			source->at.item++;
		}
		if (source->has_batch)
			leave_batch(source);
		int rc = next_batch(source);

		if (rc <= 0)
			return rc;
		*ret_is_new_batch = true;
	}
}

void source_step(struct source *source)
{
	source->at.item++;
	if (source->at.item == source->records.count)
		leave_batch(source);
}

uint64_t source_unread_bytes(const struct source *source)
{
	const struct stream *stream = &source->stream;
	struct data_name *names = NULL;
	uint64_t bytes = 0;
	size_t count = 0;
	struct stat st;

	if (stream->has_current && stream->is_sealed && fstat(stream->input.fd, &st) == 0 &&
	    (uint64_t)st.st_size > stream->input.offset)
		bytes = (uint64_t)st.st_size - stream->input.offset;
	if (data_dir_list(&stream->dir, DATA_SEALED | DATA_BAD | DATA_PACKED, &names, &count) < 0)
		return bytes;
	for (size_t i = 0; i < count; i++)
		if (names[i].sequence >= stream->next_sequence)
			bytes += names[i].bytes;
	free(names);
	return bytes;
}
