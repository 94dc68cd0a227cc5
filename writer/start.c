/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start and end of the writer. The order of the steps keeps the start safe: first the lock of the
 * runtime directory, then all regions, then the recovery of the last writer's output directory,
 * then of ours; only after that ours is remembered.
 */
#include "writer/start.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "shm/filesystem.h"
#include "writer/deep.h"
#include "writer/file/datafile.h"
#include "writer/flight.h"
#include "writer/flight_start.h"
#include "writer/place.h"
#include "writer/snapshot.h"
#include "writer/start_output.h"

#define START_LOCK_WAIT_NS INT64_C(1000000000)

/* What writer_end() has to undo, in the order of writer_start(). */
enum start_step {
	START_NOTHING,
	START_DIR,
	START_STATUS,
	START_CONTROL,
	START_REGIONS,
	START_OUTDIR,
	START_POOL,
	START_IO,
	START_RETAIN,
	START_QUEUES, /* and one more for each further signal */
	START_DRAIN = START_QUEUES + SIGNAL_COUNT
};

static int start_dir(struct writer *writer)
{
	char text[RUNTIME_TEXT_BYTES_MAX];
	const char *path = writer->path;
	int rc;

	rc = runtime_path(writer->path, sizeof(writer->path), writer->options->dir);
	if (rc < 0) {
		log_line("the runtime directory: %s", strerror(-rc));
		return rc;
	}
	rc = runtime_open(&writer->dir, path, true);
	if (rc == 0 && writer->dir.group && writer->dir.owner != geteuid() && geteuid() != 0) {
		/* The sticky bit would keep us from removing what we have drained. */
		log_line("%s belongs to user %u: a group directory must belong to the writer's "
			 "user, "
			 "and this writer runs as user %u",
			 path, (unsigned)writer->dir.owner, (unsigned)geteuid());
		runtime_close(&writer->dir);
		return -EACCES;
	}
	if (rc == 0) {
		rc = filesystem_measure(writer->dir.fd);
		if (rc < 0)
			runtime_close(&writer->dir);
	}
	if (rc < 0) {
		runtime_explain(text, sizeof(text), path, rc);
		log_line("%s", text);
	}
	return rc;
}

static int start_status(struct writer *writer)
{
	int rc = status_open(&writer->status, &writer->dir, START_LOCK_WAIT_NS);
	uint32_t pid = rc == -EBUSY ? status_holder(&writer->dir) : 0;

	if (pid != 0)
		log_line("another writer has this runtime directory (pid %u)", pid);
	else if (rc == -EBUSY)
		log_line("%s: another writer has this runtime directory, or somebody has put back "
			 "files that are no lock file under this name, again and again",
			 RUNTIME_WRITER_LOCK);
	else if (rc < 0)
		log_line("%s: %s", RUNTIME_WRITER_LOCK, strerror(-rc));
	return rc;
}

static int start_control(struct writer *writer)
{
	int rc = control_open_writer(&writer->control, &writer->dir);

	if (rc < 0) {
		log_line("%s: %s", RUNTIME_CONTROL,
			 rc == -EPROTO ? "it is of another version; remove it when the programs "
					 "that use it have ended"
				       : strerror(-rc));
		return rc;
	}
	guard_add(&writer->control_guard, writer->control.page, LAYOUT_PAGE_BYTES);
	control_set_epoch(&writer->control, writer->status.page->epoch);
	return 0;
}

/* Each region takes a descriptor, and we use none of the calls that large numbers break. */
static void start_raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int start_regions(struct writer *writer)
{
	int rc;

	start_raise_limit();
	regions_open(&writer->regions, &writer->dir);
	writer->regions.epoch = writer->status.page->epoch;
	writer->regions.lock_wait_ns = START_LOCK_WAIT_NS;
	/* What there is no room for is not gone: a recovery keeps what it knows of those. */
	rc = regions_discover(&writer->regions);
	writer->regions.lock_wait_ns = 0;
	if (rc < 0)
		log_line("the runtime directory cannot be read: %s", strerror(-rc));
	return rc;
}

static uint64_t start_batch_bytes(const struct writer *writer)
{
	struct flight_plan plan;

	if (!writer->options->is_flight_recorder)
		return writer->options->batch_bytes;
	flight_plan(&plan, writer->options, writer->outdir.fd);
	return plan.batch_bytes;
}

static int start_pool(struct writer *writer)
{
	uint64_t bytes = (start_batch_bytes(writer) + IOBUF_ALIGN_BYTES - 1) / IOBUF_ALIGN_BYTES *
			 IOBUF_ALIGN_BYTES;
	/* Each queue encodes into one. An RLIMIT_MEMLOCK of 8 MiB takes seven of 1 MiB, not eight.
	 */
	int rc = iobuf_pool_open(&writer->pool, IOBUF_COUNT + SIGNAL_COUNT, bytes);

	if (rc < 0)
		log_line("no memory for the buffers: %s", strerror(-rc));
	return rc;
}

static int start_io(struct writer *writer)
{
	int rc = io_open(&writer->io, writer->options->io, writer->pool);

	if (rc < 0)
		log_line("io_uring cannot be used here: %s", strerror(-rc));
	else
		snprintf(writer->status.page->io, sizeof(writer->status.page->io), "%s",
			 io_describe(writer->io));
	return rc;
}

/* Where files stay: of a flight recorder that is not where batches are written. */
static const struct outdir *start_disk(const struct writer *writer)
{
	return writer->has_disk ? &writer->disk : &writer->outdir;
}

static int start_retain(struct writer *writer)
{
	const struct outdir *disk = start_disk(writer);
	const char *names[SIGNAL_COUNT];
	enum otlp_signal signal;
	int rc;

	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		names[signal] = signal_name(signal);
	rc = retain_open(&writer->retain, disk->fd, disk->manifest, names, SIGNAL_COUNT,
			 &writer->options->retain);

	if (rc < 0)
		log_line("retention cannot be started: %s", strerror(-rc));
	return rc;
}

static int start_pack(struct writer *writer)
{
	const struct pack_options options = {
		.level = writer->options->compress_level,
		.keep_free_bytes = writer->options->retain.free_bytes,
	};
	const struct outdir *disk = start_disk(writer);
	const char *names[SIGNAL_COUNT];
	enum otlp_signal signal;
	int rc;

	if (options.level == 0)
		return 0;
	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		names[signal] = signal_name(signal);
	rc = pack_open(&writer->pack, disk->fd, disk->manifest, names, SIGNAL_COUNT, &options);
	if (rc < 0)
		log_line("files cannot be compressed: %s", strerror(-rc));
	return rc;
}

/* A file was sealed, or there is no room for one. */
static void want_space(void *context)
{
	struct writer *writer = context;

	if (writer->flight != NULL) {
		flight_request(writer->flight);
		return;
	}
	retain_request(writer->retain);
	pack_request(writer->pack);
}

/* The spool is memory: nothing is reserved there, nothing is synced, and its files are small. */
static void start_spool_options(struct writer *writer)
{
	struct flight_plan plan;

	flight_plan(&plan, writer->options, writer->outdir.fd);
	writer->file_options.rotate_bytes = plan.rotate_bytes;
	writer->file_options.reserve_bytes_max = DATA_BLOCK_BYTES;
	writer->file_options.rotate_age_ns = plan.rotate_age_ns;
	writer->file_options.keep_free_bytes = 0;
	writer->queue_options.sync = SYNC_NONE;
}

static int start_queue(struct writer *writer, enum otlp_signal signal)
{
	struct file_destination *file = &writer->files[signal];
	int rc;

	writer->file_options = writer->options->files;
	writer->file_options.want_space = want_space;
	writer->file_options.want_space_context = writer;
	writer->file_options.keep_free_bytes = writer->options->retain.free_bytes;
	writer->file_options.manifest = writer->outdir.manifest;
	writer->queue_options.sync = writer->options->sync;
	writer->queue_options.runtime = &writer->dir;
	writer->queue_options.output_id = writer->outdir.identity.id;
	if (writer->options->is_flight_recorder)
		start_spool_options(writer);
	rc = file_destination_open(file, signal, writer->outdir.fd, &writer->file_options,
				   writer->io);
	if (rc < 0) {
		log_line("%s/%s: %s", writer->options->output, signal_name(signal), strerror(-rc));
		return rc;
	}
	rc = queue_open(&writer->queues[signal], signal, &writer->queue_options, &file->destination,
			writer->pool, writer->status.page, writer->status.page->epoch);
	if (rc < 0) {
		log_line("no memory for the batches of %s: %s", signal_name(signal), strerror(-rc));
		file_destination_close(file);
	}
	return rc;
}

static int start_drain(struct writer *writer)
{
	writer->drain.record = malloc(DRAIN_RECORD_ROOM_BYTES);
	writer->drain.whole = malloc(DRAIN_WHOLE_ROOM_BYTES);
	if (writer->drain.record == NULL || writer->drain.whole == NULL) {
		free(writer->drain.record);
		free(writer->drain.whole);
		log_line("no memory for a record");
		return -ENOMEM;
	}
	writer->drain.batch_bytes_max = start_batch_bytes(writer);
	writer->drain.quota_bytes = UINT64_C(64) << 10;
	writer->drain.now_ns = clock_monotonic_ns;
	return 0;
}

static int start_page(struct writer *writer)
{
	struct status_page *page = writer->status.page;
	struct timespec now;

	/* All but what the last writer left, which the recovery still needs. */
	memset(page, 0, offsetof(struct status_page, output));
	page->magic = STATUS_MAGIC;
	page->major = STATUS_MAJOR;
	page->minor = STATUS_MINOR;
	page->pid = (uint32_t)getpid();
	snprintf(page->version, sizeof(page->version), "%s", OTLPIPE_VERSION);
	page->state = STATUS_STARTING;
	clock_gettime(CLOCK_REALTIME, &now);
	page->start_unix_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	if (getrandom(&page->epoch, sizeof(page->epoch), 0) != (ssize_t)sizeof(page->epoch)) {
		log_line("the system gives no random number: %s", strerror(errno));
		return -EIO;
	}
	return 0;
}

int writer_start(struct writer *writer, struct options *options)
{
	enum otlp_signal signal;
	int rc;

	memset(writer, 0, sizeof(*writer));
	writer->options = options;
	rc = guard_install();
	if (rc == 0)
		rc = start_dir(writer);
	writer->opened = rc < 0 ? START_NOTHING : START_DIR;
	if (rc == 0 && (rc = start_status(writer)) == 0)
		writer->opened = START_STATUS;
	if (rc == 0)
		rc = start_page(writer);
	if (rc == 0 && (rc = start_control(writer)) == 0)
		writer->opened = START_CONTROL;
	if (rc == 0 && (rc = start_regions(writer)) == 0)
		writer->opened = START_REGIONS;
	if (rc == 0 && (rc = start_output(writer)) == 0)
		writer->opened = START_OUTDIR;
	regions_leave_unknown(&writer->regions);
	if (rc == 0 && (rc = start_pool(writer)) == 0)
		writer->opened = START_POOL;
	if (rc == 0 && (rc = start_io(writer)) == 0)
		writer->opened = START_IO;
	if (rc == 0 && (rc = start_retain(writer)) == 0)
		writer->opened = START_RETAIN;
	if (rc == 0)
		rc = start_pack(writer);
	if (rc == 0)
		rc = snapshot_open(writer);
	if (rc == 0 && options->is_flight_recorder)
		rc = flight_start(writer);
	for (signal = 0; rc == 0 && signal < SIGNAL_COUNT; signal++)
		if ((rc = start_queue(writer, signal)) == 0)
			writer->opened = START_QUEUES + signal;
	if (rc == 0 && (rc = start_drain(writer)) == 0)
		writer->opened = START_DRAIN;
	if (rc == 0 && (rc = deep_start(writer)) < 0)
		log_line("no memory for the writer's sleep");
	if (rc == 0 && options->metrics_listen != NULL)
		rc = http_open(&writer->http, options->metrics_listen, writer->path,
			       &writer->health);
	self_open(&writer->self, writer->path, writer->queues, options->self_metrics_ns,
		  clock_monotonic_ns());
	wait_open(&writer->wait, options->wait_producers_ns, &writer->regions, writer->status.page);
	if (rc < 0) {
		writer_end(writer);
		return rc;
	}
	writer->status.page->state = STATUS_RUNNING;
	log_line("%s; %zu regions; pid %d", io_describe(writer->io), writer->regions.count,
		 (int)getpid());
	return 0;
}

void writer_end(struct writer *writer)
{
	enum otlp_signal signal;

	/* Its thread wakes the loop. */
	flight_close(writer->flight);
	writer->flight = NULL;
	deep_end(writer);
	snapshot_close(writer);
	http_close(writer->http);
	if (writer->opened >= START_DRAIN) {
		free(writer->drain.record);
		free(writer->drain.whole);
	}
	/* First, since it waits for writes out of the queues' buffers. */
	if (writer->opened >= START_IO)
		io_close(writer->io);
	for (signal = 0; signal < SIGNAL_COUNT && writer->opened >= START_QUEUES + signal;
	     signal++) {
		queue_close(&writer->queues[signal]);
		file_destination_close(&writer->files[signal]);
	}
	if (writer->opened >= START_RETAIN) {
		pack_close(writer->pack);
		retain_close(writer->retain);
	}
	if (writer->opened >= START_POOL)
		iobuf_pool_close(writer->pool);
	if (writer->opened >= START_OUTDIR)
		outdir_close(&writer->outdir);
	start_output_close(writer);
	if (writer->opened >= START_REGIONS)
		regions_close(&writer->regions);
	if (writer->opened >= START_CONTROL) {
		guard_remove(&writer->control_guard);
		control_close(&writer->control);
	}
	if (writer->opened >= START_STATUS)
		status_close(&writer->status);
	place_close(writer);
	if (writer->opened >= START_DIR)
		runtime_close(&writer->dir);
}
