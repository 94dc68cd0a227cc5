/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The backend for where io_uring is refused: pwrite and fdatasync, done at submission, with the
 * results queued until they are asked for. One attempt for each request: io.c decides what a
 * short write or an EINTR means.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "writer/io/io_backend.h"

struct pwrite_backend {
	struct io_backend backend; /* first: the pointers are the same */
	struct io_raw_result results[IO_OPS_MAX];
	unsigned first;
	unsigned count;
};

static void file_ignore_add(struct io_backend *backend, unsigned slot, int fd)
{
	(void)backend;
	(void)slot;
	(void)fd;
}

static void file_ignore_remove(struct io_backend *backend, unsigned slot)
{
	(void)backend;
	(void)slot;
}

static int pwrite_submit(struct io_backend *backend, const struct io_request *request)
{
	struct pwrite_backend *self = (struct pwrite_backend *)backend;
	ssize_t n;

	assert(self->count < IO_OPS_MAX);

	if (request->kind == IO_KIND_WRITE)
		n = pwrite(request->fd, request->data, request->bytes, (off_t)request->offset);
	else
		n = fdatasync(request->fd);

	self->results[(self->first + self->count) % IO_OPS_MAX] = (struct io_raw_result){
		.tag = request->tag,
		.result = n < 0 ? -errno : (int)n,
	};
	self->count++;
	return 0;
}

static int pwrite_reap(struct io_backend *backend, struct io_raw_result *ret, unsigned max,
		       int64_t timeout_ns)
{
	struct pwrite_backend *self = (struct pwrite_backend *)backend;
	unsigned n = 0;

	(void)timeout_ns; /* whatever was submitted is done */

	while (n < max && self->count > 0) {
		ret[n++] = self->results[self->first];
		self->first = (self->first + 1) % IO_OPS_MAX;
		self->count--;
	}
	return (int)n;
}

static void pwrite_close(struct io_backend *backend)
{
	free(backend);
}

static const struct io_backend_ops pwrite_ops = {
	.file_add = file_ignore_add,
	.file_remove = file_ignore_remove,
	.submit = pwrite_submit,
	.reap = pwrite_reap,
	.close = pwrite_close,
};

int io_pwrite_backend_open(struct io_backend **ret)
{
	struct pwrite_backend *self = calloc(1, sizeof(*self));

	if (!self)
		return -ENOMEM;

	self->backend.ops = &pwrite_ops;
	snprintf(self->backend.description, sizeof(self->backend.description), "pwrite");
	*ret = &self->backend;
	return 0;
}
