/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer's pieces put together for a test: regions in a runtime directory, a queue over a
 * file over the fault backend, an output directory, and a clock that only the test moves. Producers
 * and queue are in one process here, because each position and each completion has to happen
 * exactly when the test wants it; that both ends work across processes is for tests/pipeline to
 * show.
 */
#ifndef OTLPIPE_TESTS_UNIT_PIPE_FIXTURE_H
#define OTLPIPE_TESTS_UNIT_PIPE_FIXTURE_H

#include <otlpipe/otlpipe.h>

#include "base/array.h"
#include "core/record/record.h"
#include "shm/region.h"
#include "tests/unit/fault_backend.h"
#include "tests/unit/io_testing.h"
#include "writer/file/batch_scan.h"
#include "writer/file_destination.h"
#include "writer/queue.h"
#include "writer/recover.h"
#include "writer/regions.h"

/* cmocka wants these before it. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define PIPE_REGIONS_MAX 3
#define PIPE_SPANS_MAX	 4096

struct pipe {
	char shm_path[40];
	struct runtime_dir dir;
	struct scratch out;
	struct regions regions;
	struct region producers[PIPE_REGIONS_MAX];
	uint32_t pushed[PIPE_REGIONS_MAX]; /* spans, numbered from 0 */
	unsigned lanes;			   /* of each region */
	unsigned lane;			   /* that is pushed into: the test sets it */
	struct iobuf_pool *pool;
	struct fault_backend *fault;
	struct io *io;
	struct status_page status;
	struct queue_options options;
	struct file_options files;
	struct manifest *manifest; /* as long as there is a queue */
	struct file_destination file;
	struct queue queue;
	struct drain drain;
	int64_t now_ns;
	unsigned want_space_calls;
};

/* What stands in the files, in their order. */
struct pipe_found {
	uint8_t seen[PIPE_REGIONS_MAX][PIPE_SPANS_MAX];
	/* Where the next entry has to begin, and how many it has to say were before it. */
	uint64_t next[PIPE_REGIONS_MAX][REGION_LANES_MAX];
	uint64_t items[PIPE_REGIONS_MAX][REGION_LANES_MAX];
	uint64_t written, lost, invalid, torn;
	unsigned batches, files, finals, final_flags;
};

void pipe_open(struct pipe *pipe, unsigned regions, uint64_t ring_bytes);

/** The same with so many lanes of that size for the spans. */
void pipe_open_lanes(struct pipe *pipe, unsigned regions, uint64_t lane_bytes, unsigned lanes);
void pipe_close(struct pipe *pipe);

/** The queue and all below it; options first. pipe_close_queue() leaves files as a kill would. */
void pipe_open_queue(struct pipe *pipe);
void pipe_close_queue(struct pipe *pipe);

/** A new writer comes: it knows nothing but what is in the files and in the regions. */
void pipe_recover(struct pipe *pipe, struct recover_report *ret);

/** The recovery alone, with the regions that are known. */
int pipe_recover_output(struct pipe *pipe, struct recover_report *ret);

/** Push the next span of a region, with an attribute of that size; false: the lane is full. */
bool pipe_push(struct pipe *pipe, unsigned region, size_t bytes);

/** As the writer's loop does it: reap, drain, close, pump. */
void pipe_reap(struct pipe *pipe);
void pipe_drain(struct pipe *pipe);
void pipe_pump(struct pipe *pipe);

/** Turns with the clock going on until all that was pushed is released; then seal. */
void pipe_settle(struct pipe *pipe);

/**
 * Read all files of the directory, each only as far as it is trusted, and check contiguity; and
 * that the manifest misses none of them.
 */
void pipe_find(struct pipe *pipe, struct pipe_found *ret);

/** Each span once, nothing lost. */
void pipe_check_all_once(struct pipe *pipe);

#endif
