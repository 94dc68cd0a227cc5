/* SPDX-License-Identifier: Apache-2.0 */
/* The writer's parts. start.c puts them together, writer.c lets them work. */
#ifndef OTLPIPE_WRITER_PARTS_H
#define OTLPIPE_WRITER_PARTS_H

#include <stdbool.h>

#include "shm/control.h"
#include "shm/status.h"
#include "writer/file/outdir.h"
#include "writer/health.h"
#include "writer/http.h"
#include "writer/options.h"
#include "writer/queue.h"
#include "writer/regions.h"
#include "writer/self.h"
#include "writer/wait.h"
#include "writer/watchdog.h"

struct deep;
struct flight;
struct snapshot;
struct place_old;

/* What place.c knows of the runtime directory beside that it is open. */
struct place {
	struct place_old *olds; /* directories before it, of which something is mapped */
	bool is_leaving;	/* another writer has taken the place */
	bool is_lost;		/* and what is attached has no name where that one looks */
	int64_t busy_until_ns;	/* a writer that leaves waits so long for what is not committed */
	bool has_moved;		/* another directory, or another control page, than at the start */
	struct timespec seen_mtime;
	size_t nameless; /* of living programs, at the last look */
	int said;	 /* the error that was said last */
};

struct writer {
	struct options *options; /* reload.c changes them */
	char path[RUNTIME_PATH_BYTES_MAX];
	struct runtime_dir dir;
	struct place place;
	struct status status;
	struct control control;
	struct guard control_guard;
	struct regions regions;
	struct outdir outdir; /* where batches are written: of a flight recorder, its spool */
	/* Of a flight recorder: where snapshots go, and the absolute path of that. */
	struct outdir disk;
	bool has_disk;
	char *disk_path;
	struct flight *flight; /* NULL: it is none */
	struct snapshot *snapshot;
	struct iobuf_pool *pool;
	struct io *io;
	struct retain *retain;
	struct pack *pack; /* NULL: nothing is compressed */
	struct file_options file_options;
	struct file_destination files[SIGNAL_COUNT];
	struct queue_options queue_options;
	struct queue queues[SIGNAL_COUNT];
	struct drain drain;
	bool close_due[SIGNAL_COUNT]; /* the interval is over */
	bool discovery_failed;	      /* said so */
	bool is_stopping;
	int64_t care_ns, retain_ns, close_ns; /* when they are next due */
	int64_t early_ns;      /* when somebody may ask for a batch that may not yet */
	unsigned idle_turns;   /* in a row */
	int64_t claim_wait_ns; /* the last sleep for a claim; 0: it was for none */
	int stops_heard;       /* how often it was told to stop, at its last look */
	struct wait wait;
	struct health health;
	struct self self;
	struct http *http; /* NULL: nobody may ask */
	struct watchdog watchdog;
	struct deep *deep;
	unsigned opened; /* how far writer_start() came */
};

#endif
