/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every backend has in common: the choice of one, the table of files and operations, short
 * writes, retries with a bound, and going on with pwrite when a ring fails.
 *
 * Which file to abandon and what to write again is the caller's business.
 */
#include "writer/io/io.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "writer/io/io_backend.h"

#define RETRIES_MAX	100u /* of one operation without progress, then it is an EIO */
#define RETRIES_AT_ONCE 10u  /* the rest with a pause before each */
#define RETRY_PAUSE_NS	1000000l
#define STUCK_TIMES_MAX 2u /* writes in a row that take nothing, then the disk is full */
#define CLOSE_WAIT_NS	INT64_C(30000000000)

static_assert(IOBUF_BYTES_MAX <= INT_MAX, "a result holds the size of any buffer");
static_assert(IO_OPS_MAX < UINT8_MAX, "the index of an operation fits in a byte");

enum op_state {
	OP_FREE,
	OP_RUNNING,
	OP_FINISHED, /* waiting to be reaped */
};

struct op {
	enum op_state state;
	enum io_kind kind;
	unsigned slot;
	const uint8_t *data;
	uint32_t bytes;
	uint32_t done_bytes; /* a multiple of IOBUF_ALIGN_BYTES until the end */
	uint64_t offset;
	int buffer_index;
	unsigned retries;
	unsigned stuck_times;
	uint64_t user;
	int result;
};

struct file {
	int fd; /* -1: the slot is free */
	unsigned writes;
	unsigned fsyncs;
};

struct io {
	struct io_backend *backend; /* NULL: failed, and pwrite could not be had either */
	struct file files[IO_FILE_SLOTS];
	struct op ops[IO_OPS_MAX];
	uint8_t finished[IO_OPS_MAX]; /* a queue of indices, in the order of finishing */
	unsigned finished_first;
	unsigned finished_count;
	unsigned in_flight;
	char description[IO_DESCRIPTION_BYTES + 128];
};

static void finish(struct io *io, struct op *op, int result)
{
	assert(op->state == OP_RUNNING);
	op->state = OP_FINISHED;
	op->result = result;
	io->finished[(io->finished_first + io->finished_count) % IO_OPS_MAX] =
		(uint8_t)(op - io->ops);
	io->finished_count++;
}

/*
 * The ring is of no use any more. What was in flight may still be carried out or not, so its
 * results are errors; what comes later goes through pwrite.
 */
static void fail_over(struct io *io, int error)
{
	struct io_backend *next = NULL;

	for (unsigned i = 0; i < IO_OPS_MAX; i++)
		if (io->ops[i].state == OP_RUNNING)
			finish(io, &io->ops[i], -EIO);

	io->backend->ops->close(io->backend);
	(void)io_pwrite_backend_open(&next); /* no memory: io_write says so */
	io->backend = next;
	snprintf(io->description, sizeof(io->description), "pwrite (the ring failed: %s)",
		 strerror(-error));
}

/* Submits what is left of an operation. */
static void submit(struct io *io, struct op *op)
{
	struct io_request request = {
		.kind = op->kind,
		.slot = op->slot,
		.fd = io->files[op->slot].fd,
		.data = op->data ? op->data + op->done_bytes : NULL,
		.bytes = op->bytes - op->done_bytes,
		.offset = op->offset + op->done_bytes,
		.buffer_index = op->buffer_index,
		.tag = (uint64_t)(op - io->ops),
	};
	int rc;

	rc = io->backend->ops->submit(io->backend, &request);
	if (rc < 0)
		fail_over(io, rc);
}

/* Something was refused for the moment; 0 if it is worth another try. */
static int count_retry(struct op *op)
{
	if (++op->retries > RETRIES_MAX)
		return -EIO;
	if (op->retries > RETRIES_AT_ONCE)
		nanosleep(&(struct timespec){.tv_nsec = RETRY_PAUSE_NS}, NULL);
	return 0;
}

static bool is_passing(int error)
{
	/* Nothing here cancels: an ECANCELED is somebody else's doing. */
	return error == -EINTR || error == -EAGAIN || error == -EBUSY || error == -ECANCELED;
}

/*
 * Judges a raw result: 1 when the operation is complete, 0 when the rest is to be submitted, or
 * the error to report.
 *
 * A short write goes on at the last aligned byte, since O_DIRECT takes nothing else; bytes behind
 * that one are written again. Less than a block is therefore no progress at all, and without
 * progress twice in a row the disk (or a limit on the file's size) is full.
 */
static int judge(struct op *op, int raw)
{
	uint32_t left = op->bytes - op->done_bytes;
	uint32_t progress;

	if (is_passing(raw))
		return count_retry(op);
	if (raw < 0)
		return raw;
	if (op->kind == IO_KIND_FSYNC || (uint32_t)raw >= left)
		return 1;

	progress = (uint32_t)raw / IOBUF_ALIGN_BYTES * IOBUF_ALIGN_BYTES;
	if (progress == 0)
		return ++op->stuck_times >= STUCK_TIMES_MAX ? -ENOSPC : 0;

	op->done_bytes += progress;
	op->stuck_times = 0;
	op->retries = 0;
	return 0;
}

static void step(struct io *io, const struct io_raw_result *raw)
{
	struct op *op;
	int rc;

	/* A fail_over on the way here has finished the rest. */
	if (raw->tag >= IO_OPS_MAX || io->ops[raw->tag].state != OP_RUNNING)
		return;

	op = &io->ops[raw->tag];
	rc = judge(op, raw->result);
	if (rc < 0)
		finish(io, op, rc);
	else if (rc > 0)
		finish(io, op, (int)op->bytes);
	else
		submit(io, op);
}

static unsigned take_finished(struct io *io, struct io_result *ret, unsigned max)
{
	unsigned n = 0;

	while (n < max && io->finished_count > 0) {
		struct op *op = &io->ops[io->finished[io->finished_first]];
		struct file *file = &io->files[op->slot];

		ret[n++] = (struct io_result){.user = op->user, .result = op->result};
		if (op->kind == IO_KIND_WRITE)
			file->writes--;
		else
			file->fsyncs--;
		op->state = OP_FREE;
		io->in_flight--;
		io->finished_first = (io->finished_first + 1) % IO_OPS_MAX;
		io->finished_count--;
	}
	return n;
}

unsigned io_reap(struct io *io, struct io_result *ret, unsigned max, int64_t timeout_ns)
{
	int64_t until_ns = 0;
	int64_t left_ns = timeout_ns;
	unsigned n;

	assert(max > 0 && timeout_ns >= 0);

	for (;;) {
		struct io_raw_result raw[IO_OPS_MAX];
		int rc;

		n = take_finished(io, ret, max);
		if (n > 0 || io->in_flight == 0)
			return n;

		if (timeout_ns > 0) {
			int64_t now_ns = clock_monotonic_ns();

			if (until_ns == 0)
				until_ns = timeout_ns > INT64_MAX - now_ns ? INT64_MAX
									   : now_ns + timeout_ns;
			left_ns = until_ns - now_ns;
			if (left_ns <= 0)
				return 0;
		}

		rc = io->backend->ops->reap(io->backend, raw, IO_OPS_MAX, left_ns);
		if (rc == 0)
			return 0;
		if (rc < 0)
			fail_over(io, rc);
		for (int i = 0; i < rc; i++)
			step(io, &raw[i]);
		if (timeout_ns == 0)
			return take_finished(io, ret, max);
	}
}

static struct op *op_new(struct io *io)
{
	for (unsigned i = 0; i < IO_OPS_MAX; i++)
		if (io->ops[i].state == OP_FREE)
			return &io->ops[i];
	return NULL;
}

static int start(struct io *io, const struct op *wanted)
{
	struct op *op = op_new(io);

	if (!io->backend)
		return -ENOMEM;
	if (!op)
		return -EAGAIN;

	*op = *wanted;
	op->state = OP_RUNNING;
	io->in_flight++;
	if (op->kind == IO_KIND_WRITE)
		io->files[op->slot].writes++;
	else
		io->files[op->slot].fsyncs++;
	submit(io, op);
	return 0;
}

int io_write(struct io *io, unsigned slot, struct iobuf *buf, size_t bytes, uint64_t offset,
	     uint64_t user)
{
	assert(slot < IO_FILE_SLOTS && io->files[slot].fd >= 0);
	assert(buf->in_use || buf->index < 0);
	assert(bytes > 0 && bytes <= buf->capacity_bytes);

	if (offset > (uint64_t)INT64_MAX - bytes)
		return -EFBIG;
	if (io->files[slot].writes >= IO_FILE_WRITES_MAX)
		return -EAGAIN;

	return start(io, &(struct op){
				 .kind = IO_KIND_WRITE,
				 .slot = slot,
				 .data = buf->data,
				 .bytes = (uint32_t)bytes,
				 .offset = offset,
				 .buffer_index = buf->index,
				 .user = user,
			 });
}

int io_fsync(struct io *io, unsigned slot, uint64_t user)
{
	assert(slot < IO_FILE_SLOTS && io->files[slot].fd >= 0);

	if (io->files[slot].fsyncs >= IO_FILE_FSYNCS_MAX)
		return -EAGAIN;

	return start(io, &(struct op){
				 .kind = IO_KIND_FSYNC,
				 .slot = slot,
				 .buffer_index = -1,
				 .user = user,
			 });
}

int io_file_add(struct io *io, int fd, unsigned *ret_slot)
{
	assert(fd >= 0);

	for (unsigned slot = 0; slot < IO_FILE_SLOTS; slot++) {
		if (io->files[slot].fd >= 0)
			continue;
		io->files[slot] = (struct file){.fd = fd};
		if (io->backend)
			io->backend->ops->file_add(io->backend, slot, fd);
		*ret_slot = slot;
		return 0;
	}
	return -EMFILE;
}

int io_file_remove(struct io *io, unsigned slot)
{
	assert(slot < IO_FILE_SLOTS && io->files[slot].fd >= 0);

	if (io_file_in_flight(io, slot) > 0)
		return -EBUSY;

	if (io->backend)
		io->backend->ops->file_remove(io->backend, slot);
	io->files[slot].fd = -1;
	return 0;
}

unsigned io_in_flight(const struct io *io)
{
	return io->in_flight;
}

unsigned io_file_in_flight(const struct io *io, unsigned slot)
{
	assert(slot < IO_FILE_SLOTS);
	return io->files[slot].writes + io->files[slot].fsyncs;
}

const char *io_describe(const struct io *io)
{
	return io->description;
}

int io_open_backend(struct io **ret, struct io_backend *backend)
{
	struct io *io = calloc(1, sizeof(*io));

	if (!io) {
		backend->ops->close(backend);
		return -ENOMEM;
	}

	io->backend = backend;
	for (unsigned slot = 0; slot < IO_FILE_SLOTS; slot++)
		io->files[slot].fd = -1;
	snprintf(io->description, sizeof(io->description), "%s", backend->description);
	*ret = io;
	return 0;
}

static const char *refusal_hint(int error)
{
	if (error == -EPERM)
		return ", by seccomp or kernel.io_uring_disabled";
	if (error == -ENOMEM)
		return ", perhaps by RLIMIT_MEMLOCK";
	return "";
}

int io_open(struct io **ret, enum io_mode mode, const struct iobuf_pool *pool)
{
	struct io_backend *backend = NULL;
	int refused = 0;
	int rc;

	if (mode != IO_PWRITE)
		refused = io_uring_backend_open(&backend, pool);
	if (mode == IO_URING && refused < 0)
		return refused;
	if (!backend) {
		rc = io_pwrite_backend_open(&backend);
		if (rc < 0)
			return rc;
		if (refused < 0)
			snprintf(backend->description, sizeof(backend->description),
				 "pwrite (io_uring refused: %s%s)", strerror(-refused),
				 refusal_hint(refused));
	}
	return io_open_backend(ret, backend);
}

void io_close(struct io *io)
{
	struct io_result results[IO_OPS_MAX];
	int64_t until_ns;

	if (!io)
		return;

	/* The buffers are the caller's to reuse after this, so the kernel must be done with them.
	 */
	until_ns = clock_monotonic_ns() + CLOSE_WAIT_NS;
	while (io->in_flight > 0 && clock_monotonic_ns() < until_ns)
		(void)io_reap(io, results, IO_OPS_MAX, CLOSE_WAIT_NS);

	if (io->backend)
		io->backend->ops->close(io->backend);
	free(io);
}
