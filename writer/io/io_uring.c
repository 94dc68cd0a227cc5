/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The io_uring backend, and the only file that knows liburing.
 *
 * A small ring (32 submissions, 64 completions, so completions cannot overflow), each request
 * submitted at once. Buffers and files are registered if the kernel lets us. No SQPOLL (a core
 * at a modest rate), no links, drains or forced async (slower, and they read the descriptor
 * late: data in the wrong file). Retries and short writes are left to io.c.
 */
#include <assert.h>
#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>

#include "writer/io/io_backend.h"

#define RING_ENTRIES   IO_OPS_MAX
#define BUSY_TIMES_MAX 100u	/* refused submissions in a row before the ring is given up */
#define BUSY_SLEEP_NS  1000000l /* after each */

struct uring_backend {
	struct io_backend backend; /* first: the pointers are the same */
	struct io_uring ring;
	unsigned buffer_count; /* registered ones */
	bool has_file_table;
	bool slot_registered[IO_FILE_SLOTS];
	unsigned busy_times;
};

static void uring_file_add(struct io_backend *backend, unsigned slot, int fd)
{
	struct uring_backend *self = (struct uring_backend *)backend;

	if (!self->has_file_table)
		return;

	self->slot_registered[slot] =
		io_uring_register_files_update(&self->ring, slot, &fd, 1) == 1;
}

static void uring_file_remove(struct io_backend *backend, unsigned slot)
{
	struct uring_backend *self = (struct uring_backend *)backend;
	int none = -1;

	if (!self->slot_registered[slot])
		return;

	(void)io_uring_register_files_update(&self->ring, slot, &none, 1);
	self->slot_registered[slot] = false;
}

static void prepare(struct uring_backend *self, struct io_uring_sqe *sqe,
		    const struct io_request *request)
{
	bool fixed_file = self->slot_registered[request->slot];
	int fd = fixed_file ? (int)request->slot : request->fd;
	int index = request->buffer_index;

	if (request->kind == IO_KIND_FSYNC)
		io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
	else if (index >= 0 && (unsigned)index < self->buffer_count)
		io_uring_prep_write_fixed(sqe, fd, request->data, request->bytes, request->offset,
					  index);
	else
		io_uring_prep_write(sqe, fd, request->data, request->bytes, request->offset);

	if (fixed_file)
		io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	io_uring_sqe_set_data64(sqe, request->tag);
}

static bool is_busy(int rc)
{
	return rc == -EAGAIN || rc == -EBUSY;
}

static int uring_submit(struct io_backend *backend, const struct io_request *request)
{
	struct uring_backend *self = (struct uring_backend *)backend;
	struct io_uring_sqe *sqe = io_uring_get_sqe(&self->ring);
	int rc;

	if (!sqe)
		return -ENXIO;
	prepare(self, sqe, request);

	rc = io_uring_submit(&self->ring);
	if (rc < 0 && rc != -EINTR && !is_busy(rc))
		return rc;

	/* What was not taken is still in the queue; reap makes room and submits again. */
	return 0;
}

static unsigned take_completions(struct uring_backend *self, struct io_raw_result *ret,
				 unsigned max)
{
	struct io_uring_cqe *cqes[IO_OPS_MAX];
	unsigned n;

	n = io_uring_peek_batch_cqe(&self->ring, cqes, max < IO_OPS_MAX ? max : IO_OPS_MAX);
	for (unsigned i = 0; i < n; i++)
		ret[i] = (struct io_raw_result){
			.tag = io_uring_cqe_get_data64(cqes[i]),
			.result = cqes[i]->res,
		};
	io_uring_cq_advance(&self->ring, n);
	return n;
}

/* Submits what is left over, lets deferred completions run, waits if it may. */
static int enter(struct uring_backend *self, int64_t timeout_ns)
{
	struct __kernel_timespec ts = {
		.tv_sec = timeout_ns / 1000000000,
		.tv_nsec = timeout_ns % 1000000000,
	};
	struct io_uring_cqe *cqe;
	int rc;

	if (timeout_ns > 0)
		return io_uring_submit_and_wait_timeout(&self->ring, &cqe, 1, &ts, NULL);

	if (io_uring_sq_ready(&self->ring) > 0) {
		rc = io_uring_submit(&self->ring);
		if (rc < 0)
			return rc;
	}
	return io_uring_get_events(&self->ring);
}

static int uring_reap(struct io_backend *backend, struct io_raw_result *ret, unsigned max,
		      int64_t timeout_ns)
{
	struct uring_backend *self = (struct uring_backend *)backend;
	unsigned n = 0;
	int rc;

	if (io_uring_sq_ready(&self->ring) == 0)
		n = take_completions(self, ret, max);
	if (n > 0)
		return (int)n;

	rc = enter(self, timeout_ns);
	n = take_completions(self, ret, max);
	if (n > 0 || rc >= 0 || rc == -ETIME || rc == -EINTR) {
		if (!is_busy(rc))
			self->busy_times = 0;
		return (int)n;
	}

	if (is_busy(rc) && ++self->busy_times < BUSY_TIMES_MAX) {
		nanosleep(&(struct timespec){.tv_nsec = BUSY_SLEEP_NS}, NULL);
		return 0;
	}
	return rc;
}

static void uring_close(struct io_backend *backend)
{
	struct uring_backend *self = (struct uring_backend *)backend;

	io_uring_queue_exit(&self->ring);
	free(self);
}

static const struct io_backend_ops uring_ops = {
	.file_add = uring_file_add,
	.file_remove = uring_file_remove,
	.submit = uring_submit,
	.reap = uring_reap,
	.close = uring_close,
};

/* What we need of a kernel: the opcodes, and waits with a timeout (5.11). */
static int check_features(struct io_uring *ring)
{
	struct io_uring_probe *probe;
	bool complete;

	if (!(ring->features & IORING_FEAT_EXT_ARG) || !(ring->features & IORING_FEAT_NODROP))
		return -ENOSYS;

	probe = io_uring_get_probe_ring(ring);
	if (!probe)
		return -ENOSYS;

	complete = io_uring_opcode_supported(probe, IORING_OP_WRITE) &&
		   io_uring_opcode_supported(probe, IORING_OP_WRITE_FIXED) &&
		   io_uring_opcode_supported(probe, IORING_OP_FSYNC);
	io_uring_free_probe(probe);
	return complete ? 0 : -ENOSYS;
}

/* A filter may let a ring be made and not be used: better to know before a write is lost in it. */
static int try_ring(struct io_uring *ring)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct io_uring_cqe *cqe;
	int rc;

	if (!sqe)
		return -ENOSYS;
	io_uring_prep_nop(sqe);
	do {
		rc = io_uring_submit_and_wait(ring, 1);
	} while (rc == -EINTR);
	if (rc >= 0)
		rc = io_uring_peek_cqe(ring, &cqe);
	if (rc < 0)
		return rc;
	io_uring_cqe_seen(ring, cqe);
	return 0;
}

static int register_buffers(struct uring_backend *self, const struct iobuf_pool *pool)
{
	struct iovec vectors[IOBUF_COUNT_MAX];
	unsigned count = iobuf_pool_count(pool);
	int rc;

	for (unsigned i = 0; i < count; i++) {
		const struct iobuf *buf = iobuf_pool_at(pool, i);

		vectors[i] = (struct iovec){.iov_base = buf->data, .iov_len = buf->capacity_bytes};
	}

	rc = io_uring_register_buffers(&self->ring, vectors, count);
	if (rc < 0)
		return rc;
	self->buffer_count = count;
	return 0;
}

static int setup_ring(struct io_uring *ring, bool *ret_with_flags)
{
	int rc;

	rc = io_uring_queue_init(RING_ENTRIES, ring,
				 IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
	*ret_with_flags = rc == 0;
	if (rc == -EINVAL)
		rc = io_uring_queue_init(RING_ENTRIES, ring, 0);
	if (rc < 0)
		return rc;

	rc = check_features(ring);
	if (rc == 0)
		rc = try_ring(ring);
	if (rc < 0)
		io_uring_queue_exit(ring);
	return rc;
}

int io_uring_backend_open(struct io_backend **ret, const struct iobuf_pool *pool)
{
	struct uring_backend *self = calloc(1, sizeof(*self));
	char buffers[96] = "none";
	bool with_flags;
	int rc;

	if (!self)
		return -ENOMEM;

	rc = setup_ring(&self->ring, &with_flags);
	if (rc < 0) {
		free(self);
		return rc;
	}

	self->backend.ops = &uring_ops;
	self->has_file_table = io_uring_register_files_sparse(&self->ring, IO_FILE_SLOTS) == 0;
	if (pool) {
		rc = register_buffers(self, pool);
		if (rc == 0)
			snprintf(buffers, sizeof(buffers), "%u registered", self->buffer_count);
		else
			snprintf(buffers, sizeof(buffers), "not registered (%s)", strerror(-rc));
	}

	snprintf(self->backend.description, sizeof(self->backend.description),
		 "io_uring (%s; buffers: %s; files: %s)",
		 with_flags ? "single issuer, deferred task work" : "no setup flags", buffers,
		 self->has_file_table ? "registered" : "plain");
	*ret = &self->backend;
	return 0;
}
