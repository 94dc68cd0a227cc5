/* SPDX-License-Identifier: Apache-2.0 */
/* The operations are done at submission; what is told of them is up to the plan. */
#include "tests/unit/fault_backend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_BYTES 4096u

static void fault_file_ignore(struct io_backend *backend, unsigned slot, int fd)
{
	(void)backend;
	(void)slot;
	(void)fd;
}

static void fault_file_forget(struct io_backend *backend, unsigned slot)
{
	(void)backend;
	(void)slot;
}

static bool fault_strikes(struct fault_backend *self, enum fault_what what)
{
	const struct fault_plan *plan = &self->plan;
	unsigned now = self->counts[what], any = self->counts[FAULT_ANY];

	self->counts[what]++;
	self->counts[FAULT_ANY]++;
	if (plan->what != FAULT_ANY && plan->what != what)
		return false;
	now = plan->what == FAULT_ANY ? any : now;
	return now >= plan->first && now - plan->first < plan->times;
}

static void zero_from(int fd, uint64_t from)
{
	static _Alignas(BLOCK_BYTES) const uint8_t zeros[BLOCK_BYTES];
	struct stat st;

	if (fstat(fd, &st) < 0)
		abort();
	for (; from < (uint64_t)st.st_size; from += BLOCK_BYTES)
		if (pwrite(fd, zeros, BLOCK_BYTES, (off_t)from) != BLOCK_BYTES)
			abort();
}

static int fault_write(struct fault_backend *self, const struct io_request *request)
{
	uint32_t bytes = request->bytes;
	bool strikes = fault_strikes(self, FAULT_WRITE);
	ssize_t n;

	if (strikes) {
		self->struck++;
		bytes = bytes / 2 / BLOCK_BYTES * BLOCK_BYTES;
		if (self->plan.error != 0 && !self->plan.is_half_done)
			return self->plan.error;
	}
	n = bytes > 0 ? pwrite(request->fd, request->data, bytes, (off_t)request->offset) : 0;
	if (n < 0)
		return -errno;
	if (request->offset == 0)
		self->durable_bytes = 0;
	self->written_bytes = request->offset + (uint64_t)n;
	if (strikes && self->plan.error != 0)
		return self->plan.error;
	/* What is not told of may be on the disk or not: it is written again. */
	if (strikes && self->plan.how_short == FAULT_SHORT_EMPTY)
		return 0;
	return strikes && self->plan.how_short == FAULT_SHORT_UNALIGNED && n > 0 ? (int)n - 1001
										 : (int)n;
}

static int fault_fsync(struct fault_backend *self, const struct io_request *request)
{
	if (!fault_strikes(self, FAULT_FSYNC)) {
		self->durable_bytes = self->written_bytes;
		return fdatasync(request->fd) < 0 ? -errno : 0;
	}
	self->struck++;
	if (self->plan.loses_pages)
		zero_from(request->fd, self->durable_bytes + self->plan.kept_bytes);
	return self->plan.error != 0 ? self->plan.error : -EIO;
}

static int fault_submit(struct io_backend *backend, const struct io_request *request)
{
	struct fault_backend *self = (struct fault_backend *)backend;
	struct io_raw_result *result = &self->results[self->result_count++];

	result->tag = request->tag;
	result->result = request->kind == IO_KIND_WRITE ? fault_write(self, request)
							: fault_fsync(self, request);
	return 0;
}

static int fault_reap(struct io_backend *backend, struct io_raw_result *ret, unsigned max,
		      int64_t timeout_ns)
{
	struct fault_backend *self = (struct fault_backend *)backend;
	unsigned n = 0;

	(void)timeout_ns;
	while (!self->is_held && n < max && self->result_count > 0) {
		self->result_count--;
		if (self->is_reversed) {
			ret[n++] = self->results[self->result_count];
			continue;
		}
		ret[n++] = self->results[0];
		memmove(self->results, self->results + 1,
			self->result_count * sizeof(self->results[0]));
	}
	return (int)n;
}

static void fault_close(struct io_backend *backend)
{
	free(backend);
}

static const struct io_backend_ops fault_ops = {
	.file_add = fault_file_ignore,
	.file_remove = fault_file_forget,
	.submit = fault_submit,
	.reap = fault_reap,
	.close = fault_close,
};

struct fault_backend *fault_backend_new(void)
{
	struct fault_backend *self = calloc(1, sizeof(*self));

	if (self == NULL)
		abort();
	self->backend.ops = &fault_ops;
	return self;
}
