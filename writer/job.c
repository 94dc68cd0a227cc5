/* SPDX-License-Identifier: Apache-2.0 */
/* Makes jobs, releases them, and makes jobs again from what a failed disk still returns. */
#include "writer/job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"

bool job_would_take(const struct source *source, unsigned number)
{
	return source_has_taken(source, number) || source_is_final_due(source, number);
}

size_t job_count_parts(const struct source *sources, enum otlp_signal signal)
{
	size_t count = 0;
	uint32_t bits;

	for (; sources != NULL; sources = sources->next) {
		bits = sources->is_dead || sources->is_broken ? sources->used : sources->taken;
		for (bits &= ring_bits(signal); bits != 0; bits &= bits - 1)
			count += job_would_take(sources, ring_first(bits));
	}
	return count < BATCH_ENTRIES_MAX ? count : BATCH_ENTRIES_MAX;
}

int job_new(struct job **ret, struct queue *queue, struct iobuf_pool *pool, size_t part_count,
	    size_t batch_bytes_max)
{
	struct job *job = calloc(1, sizeof(*job) + part_count * sizeof(job->parts[0]));
	struct ledger *ledger =
		calloc(1, sizeof(*ledger) + part_count * sizeof(ledger->entries[0]));
	int rc = -ENOMEM;

	if (job != NULL && ledger != NULL)
		rc = iobuf_get(pool, batch_bytes_max, &job->buffer);
	if (rc < 0) {
		free(job);
		free(ledger);
		return rc;
	}
	job->queue = queue;
	job->ledger = ledger;
	*ret = job;
	return 0;
}

void job_free(struct job *job, struct iobuf_pool *pool)
{
	if (job_holds_buffer(job))
		iobuf_put(pool, job->buffer);
	else
		free(job->own_buffer.data);
	free(job->ledger);
	free(job);
}

static void job_take_part(struct job *job, struct source *source, unsigned number,
			  uint64_t output_id)
{
	struct job_part *part = &job->parts[job->part_count++];
	struct batch_entry *entry = &job->ledger->entries[job->ledger->entry_count++];

	source_take_entry(source, number, entry);
	part->source = source;
	part->ring = number;
	part->done = source_ring(source, number)->staged;
	part->is_final = (entry->flags & BATCH_ENTRY_FINAL) != 0;
	source->jobs++;
	/* Before anything of it is written. */
	region_set_unsettled(&source->view, output_id);
}

void job_take_parts(struct job *job, enum otlp_signal signal, struct source *sources,
		    size_t part_count, uint64_t output_id)
{
	struct source *source;
	uint32_t bits;

	for (source = sources; source != NULL; source = source->next)
		for (bits = source->taken & ring_bits(signal); bits != 0; bits &= bits - 1)
			job_take_part(job, source, ring_first(bits), output_id);
	for (source = sources; source != NULL && job->part_count < part_count;
	     source = source->next)
		for (bits = source->used & ring_bits(signal);
		     bits != 0 && job->part_count < part_count; bits &= bits - 1)
			if (source_is_final_due(source, ring_first(bits)))
				job_take_part(job, source, ring_first(bits), output_id);
}

bool job_release(const struct job *job, struct status_signal *status, struct status_drops *ended)
{
	const struct ledger *ledger = job->ledger;
	bool has_flush = false;
	uint32_t i;

	if (job->part_count == 0) /* written once more after a failure: counted then */
		return false;
	status->batches++;
	status->batch_bytes += ledger->bytes;
	for (i = 0; i < job->part_count; i++) {
		const struct job_part *part = &job->parts[i];
		const struct batch_entry *entry = &ledger->entries[i];

		has_flush |= source_release(part->source, part->ring, &part->done, part->is_final);
		/* Behind the release: then the ring says all that a file does. */
		if (--part->source->jobs == 0)
			region_set_unsettled(&part->source->view, 0);
		status->written_items += entry->written_items;
		status->invalid_items += entry->invalid_items;
		status->torn_bytes += entry->torn_bytes;
		if (!part->is_final)
			continue;
		ended->full_items += entry->dropped_full_items;
		ended->too_large_items += entry->dropped_too_large_items;
		ended->invalid_items += entry->dropped_invalid_items;
	}
	return has_flush;
}

static bool rescue_read(struct job *job, struct destination *destination, uint64_t epoch)
{
	const struct ledger *ledger = job->ledger;
	const uint8_t *batch = job->own_buffer.data;
	struct batch_head head;

	return destination->ops->read_back(destination, ledger->offset, job->own_buffer.data,
					   ledger->bytes) &&
	       batch_parse_head(batch, ledger->bytes, &head) == 0 &&
	       head.batch_bytes == ledger->bytes && head.epoch == epoch &&
	       head.sequence == ledger->sequence && batch_verify(batch, &head);
}

/* In the place of a batch that is gone: its ledger, with everything in it lost. */
static void rescue_as_lost(struct job *job, enum otlp_signal signal, uint64_t epoch,
			   struct status_signal *status)
{
	struct ledger *ledger = job->ledger;
	struct batch_head head = {.epoch = epoch,
				  .sequence = ledger->sequence,
				  .signal = signal,
				  .entry_count = ledger->entry_count,
				  .closed_unix_ns = (uint64_t)time(NULL) * 1000000000};
	uint32_t i;

	for (i = 0; i < ledger->entry_count; i++) {
		struct batch_entry *entry = &ledger->entries[i];

		log_line("%s: lost: %llu items of region %016llx, positions %llu to %llu",
			 signal_name(signal), (unsigned long long)entry->written_items,
			 (unsigned long long)entry->region_id, (unsigned long long)entry->from,
			 (unsigned long long)entry->to);
		status->lost_items += entry->written_items;
		status->written_items -= entry->written_items;
		entry->lost_items += entry->written_items;
		entry->written_items = 0;
		entry->flags |= BATCH_ENTRY_LOST;
	}
	ledger->bytes = batch_seal(job->own_buffer.data, head, ledger->entries, 0);
}

struct job *job_rescue(struct queue *queue, struct destination *destination, struct ledger *ledger,
		       enum otlp_signal signal, uint64_t epoch, struct status_signal *status)
{
	struct job *job = calloc(1, sizeof(*job));
	void *data = NULL;

	/* Memory of its own. A batch is never smaller than the ledger alone would be. */
	if (job == NULL || posix_memalign(&data, BATCH_BLOCK_BYTES, ledger->bytes) != 0) {
		free(job);
		return NULL;
	}
	job->queue = queue;
	job->ledger = ledger;
	job->own_buffer.data = data;
	job->own_buffer.capacity_bytes = ledger->bytes;
	job->own_buffer.index = -1;
	job->buffer = &job->own_buffer;
	if (!rescue_read(job, destination, epoch))
		rescue_as_lost(job, signal, epoch, status);
	return job;
}
