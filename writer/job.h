/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One batch on its way through a queue: its bytes, its ledger, and which rings wait for it. After
 * its release the ledger alone is kept, until a sync covers it: what was released for and then
 * turns out not to be readable is entered there as lost.
 */
#ifndef OTLPIPE_WRITER_JOB_H
#define OTLPIPE_WRITER_JOB_H

#include "shm/status.h"
#include "writer/destination.h"
#include "writer/file/batch.h"
#include "writer/io/iobuf.h"
#include "writer/source.h"

/* One ring's part in a job. */
struct job_part {
	struct source *source;
	unsigned ring; /* its number */
	struct ring_done done;
	bool is_final;
};

enum job_state { JOB_PENDING, JOB_SUBMITTED, JOB_WRITTEN };

/* What a batch says and where it stands. */
struct ledger {
	struct ledger *next;
	uint64_t offset; /* in the destination, once submitted */
	uint64_t bytes;
	uint64_t sequence;
	uint32_t entry_count;
	struct batch_entry entries[];
};

struct queue;

struct job {
	struct job *next;
	struct queue *queue; /* that it is in */
	enum job_state state;
	struct iobuf *buffer; /* of the pool, or own_buffer */
	struct iobuf own_buffer;
	struct ledger *ledger;
	uint32_t part_count; /* 0 where the rings have their space back already */
	struct job_part parts[];
};

/** Does this ring have something that a batch which is closed now must name? */
bool job_would_take(const struct source *source, unsigned number);

/** How many rings of this signal have: of all of them no more than a batch may name. */
size_t job_count_parts(const struct source *sources, enum otlp_signal signal);

/**
 * A job with room for so many parts and a batch of so many bytes at most.
 *
 * @return 0, -EAGAIN: no buffer is free; or -ENOMEM
 */
int job_new(struct job **ret, struct queue *queue, struct iobuf_pool *pool, size_t part_count,
	    size_t batch_bytes_max);
void job_free(struct job *job, struct iobuf_pool *pool);

/** Does it keep a buffer of the pool from others? */
static inline bool job_holds_buffer(const struct job *job)
{
	return job->buffer != &job->own_buffer;
}

/**
 * Take over what each source has for this batch, which goes to this output directory. What was
 * taken comes first: for last entries that say nothing else there is not always room, and they can
 * wait.
 */
void job_take_parts(struct job *job, enum otlp_signal signal, struct source *sources,
		    size_t part_count, uint64_t output_id);

/** It counts: give the rings their space back. @return a flush had waited for this */
bool job_release(const struct job *job, struct status_signal *status, struct status_drops *ended);

/**
 * Make a job of a batch that was released and is not durable: read it back, or, where that fails,
 * make one that says that all in it is lost. Takes the ledger over.
 *
 * @param epoch   of the batches
 * @param status  where what is lost is counted
 * @return NULL: no memory, and nothing has changed
 */
struct job *job_rescue(struct queue *queue, struct destination *destination, struct ledger *ledger,
		       enum otlp_signal signal, uint64_t epoch, struct status_signal *status);

#endif
